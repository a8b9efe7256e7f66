//! Profiles in memory: the head, and whatever is about to be written to a segment or block.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, ops::Range, sync::Arc};

use model::{Batch, Frame, FrameId, LabelSet, ProfileType, Window};

/// Values that are each kept once, by equality of the whole value (invariant I11), with a number.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Eq + Hash + Clone> Interner<T> {
    /// The number of a value, new or known.
    pub(crate) fn insert<Q>(&mut self, value: &Q) -> u32
    where
        T: Borrow<Q>,
        Q: ?Sized + Eq + Hash + Own<T>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.values.len() as u32;
        let value = value.own();
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// All values by number.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}

/// How a borrowed value becomes one to keep.
pub(crate) trait Own<T> {
    /// A value that clones cheaply.
    fn own(&self) -> T;
}

impl Own<Frame> for Frame {
    fn own(&self) -> Frame {
        self.clone()
    }
}

impl Own<LabelSet> for LabelSet {
    fn own(&self) -> LabelSet {
        self.clone()
    }
}

impl Own<Arc<[u32]>> for [u32] {
    fn own(&self) -> Arc<[u32]> {
        self.into()
    }
}

/// What all rows of one profile share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileRow {
    /// Start of the window.
    pub(crate) start_ns: i64,
    /// Length of the window.
    pub(crate) duration_ns: i64,
    /// What is measured.
    pub(crate) kind: ProfileType,
    /// Number of the label set.
    pub(crate) label_set: u32,
    /// Distance between sampling events.
    pub(crate) period: i64,
    /// Its rows in the part.
    pub(crate) rows: Range<usize>,
}

/// A set of profiles that share frames, stacks and label sets.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Distinct frames.
    pub(crate) frames: Interner<Frame>,
    /// Distinct stacks, leaf first, as numbers of frames.
    pub(crate) stacks: Interner<Arc<[u32]>>,
    /// Distinct label sets.
    pub(crate) label_sets: Interner<LabelSet>,
    /// The profiles.
    pub(crate) profiles: Vec<ProfileRow>,
    /// Number of the stack of each row.
    pub(crate) row_stacks: Vec<u32>,
    /// Value of each row.
    pub(crate) row_values: Vec<i64>,
}

impl Part {
    /// Adds a batch that has passed [`Batch::check`].
    pub(crate) fn add(&mut self, batch: &Batch) {
        let frames: Vec<u32> = batch.frames.iter().map(|frame| self.frames.insert(frame)).collect();
        let number = |frame: &FrameId| frames.get(frame.0 as usize).copied();
        let stacks: Vec<u32> = batch
            .stacks
            .iter()
            .map(|stack| self.stacks.insert(stack.iter().filter_map(number).collect::<Vec<u32>>().as_slice()))
            .collect();
        for profile in &batch.profiles {
            let label_set = self.label_sets.insert(&profile.labels);
            let from = self.row_stacks.len();
            for sample in &profile.samples {
                if let Some(stack) = stacks.get(sample.stack.0 as usize) {
                    self.row_stacks.push(*stack);
                    self.row_values.push(sample.value);
                }
            }
            self.profiles.push(ProfileRow {
                start_ns: profile.window.start_ns,
                duration_ns: profile.window.duration_ns(),
                kind: profile.kind,
                label_set,
                period: profile.period,
                rows: from..self.row_stacks.len(),
            });
        }
    }

    /// The rows of a profile: stacks and values.
    pub(crate) fn rows(&self, profile: &ProfileRow) -> impl Iterator<Item = (u32, i64)> {
        let stacks = self.row_stacks.get(profile.rows.clone()).unwrap_or_default();
        let values = self.row_values.get(profile.rows.clone()).unwrap_or_default();
        stacks.iter().copied().zip(values.iter().copied())
    }

    /// From the first start to the last; the end is the first instant after the last start.
    pub(crate) fn bounds(&self) -> Option<Window> {
        let start_ns = self.profiles.iter().map(|profile| profile.start_ns).min()?;
        let last_ns = self.profiles.iter().map(|profile| profile.start_ns).max()?;
        Some(Window { start_ns, end_ns: last_ns.saturating_add(1) })
    }
}

#[cfg(test)]
mod tests {
    use model::{BatchBuilder, Profile, Sample};

    use super::*;

    fn batch(function: &str, value: i64) -> Batch {
        let mut builder = BatchBuilder::new();
        let frame = builder.frame(Frame { function: function.into(), ..Frame::default() });
        let stack = builder.stack(vec![frame]);
        builder.add(&Profile::default(), Sample { stack, value });
        builder.finish()
    }

    #[test]
    fn equal_content_of_two_batches_is_kept_once() {
        let mut part = Part::default();
        part.add(&batch("a", 1));
        part.add(&batch("a", 2));
        part.add(&batch("b", 3));
        assert_eq!((part.frames.len(), part.stacks.len(), part.label_sets.len()), (2, 2, 1));
        let rows: Vec<(u32, i64)> = part.profiles.iter().flat_map(|profile| part.rows(profile)).collect();
        assert_eq!(rows, [(0, 1), (0, 2), (1, 3)]);
    }
}
