//! The stacks of the last selections: a page asks for the flame graph, the table and the matches of the same
//! selection at the same time, and it is read from the store once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use collector_store::{Answer, Store};
use model::Batch;

use crate::{error::Error, params::Selection};

/// Selections that are kept.
const KEPT_MAX: usize = 2;
/// Frames of stacks that a selection may have to be kept: a few tens of megabytes.
const KEPT_FRAMES_MAX: usize = 8 << 20;

/// The last selections with their stacks.
#[derive(Debug, Default)]
pub(crate) struct Selected(Mutex<VecDeque<Arc<Slot>>>);

/// One selection; its lock is held while its stacks are read, so that who asks for the same waits for them.
#[derive(Debug)]
struct Slot {
    selection: Selection,
    generation: u64,
    stacks: Mutex<Option<Arc<Answer<Batch>>>>,
}

impl Selected {
    /// The selection as one profile, as the store has it now.
    pub(crate) fn stacks(&self, store: &Store, selection: &Selection) -> Result<Arc<Answer<Batch>>, Error> {
        let slot = self.slot(selection, store.generation());
        let mut stacks = slot.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = stacks.as_ref() {
            return Ok(known.clone());
        }
        let read = Arc::new(store.stacks(&selection.selector, selection.window, selection.kind)?);
        if read.value.stacks.iter().map(Vec::len).sum::<usize>() <= KEPT_FRAMES_MAX {
            *stacks = Some(read.clone());
        }
        Ok(read)
    }

    /// The place of a selection, new or known; the one asked for longest ago makes room.
    fn slot(&self, selection: &Selection, generation: u64) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |slot: &Arc<Slot>| slot.generation == generation && slot.selection == *selection;
        let known = slots.iter().position(is_same).and_then(|at| slots.remove(at));
        let slot = known.unwrap_or_else(|| {
            Arc::new(Slot { selection: selection.clone(), generation, stacks: Mutex::default() })
        });
        slots.push_front(slot.clone());
        slots.truncate(KEPT_MAX);
        slot
    }
}

#[cfg(test)]
mod tests {
    use collector_store::StoreOptions;
    use model::{ProfileType, Selector, Window};

    use super::*;

    #[test]
    fn a_selection_is_read_once_until_the_store_changes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(dir.path(), |_| Err("not used".into()))).unwrap();
        let batch = testkit::batch_from_folded("# window=10..20\nmain;work 5");
        store.import(&batch).unwrap();
        let selected = Selected::default();
        let until = |end_ns| {
            let window = Window { start_ns: 0, end_ns };
            let selection = Selection { selector: Selector::default(), window, kind: ProfileType::Cpu };
            selected.stacks(&store, &selection).unwrap()
        };
        let first = until(100);
        assert!(Arc::ptr_eq(&first, &until(100)));
        assert_eq!(until(5).value.total(), 0);
        assert!(Arc::ptr_eq(&first, &until(100)));
        store.import(&batch).unwrap();
        assert_eq!((first.value.total(), until(100).value.total()), (5, 10));
    }

    #[test]
    fn the_oldest_selection_makes_room() {
        let selected = Selected::default();
        let slot = |end_ns| {
            let window = Window { start_ns: 0, end_ns };
            selected.slot(&Selection { selector: Selector::default(), window, kind: ProfileType::Cpu }, 0)
        };
        let first = slot(1);
        (2..=KEPT_MAX as i64 + 1).for_each(|end_ns| drop(slot(end_ns)));
        assert!(!Arc::ptr_eq(&first, &slot(1)));
        assert_eq!(selected.0.lock().unwrap().len(), KEPT_MAX);
    }
}
