//! One address space: its executable mappings, and the executables behind those that a stack has led to.

use std::sync::Arc;

use crate::{
    Mapping, Maps, ProcessFiles,
    executables::{Executables, Known},
};

/// The code of one address space as it was at one moment.
pub(crate) struct AddressSpace {
    slots: Vec<Slot>,
    /// The process that it was read from.
    pub(crate) pid: u32,
    /// When it was read.
    pub(crate) read_at_ns: u64,
}

struct Slot {
    mapping: Mapping,
    code: Option<Code>,
}

/// The executable behind a mapping.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) known: Arc<Known>,
    /// What to subtract from a runtime address to get the file address.
    pub(crate) bias: u64,
    tried_at_ns: u64,
}

impl AddressSpace {
    /// What is known of the executables of an earlier reading stays known where the mapping is the same.
    pub(crate) fn new(maps: Maps, pid: u32, read_at_ns: u64, earlier: Option<&AddressSpace>) -> Self {
        let keep = |mapping: &Mapping| {
            let slot = earlier?.slots.iter().find(|slot| slot.mapping == *mapping)?;
            slot.code.clone()
        };
        let slots = maps.mappings.into_iter().map(|mapping| Slot { code: keep(&mapping), mapping }).collect();
        Self { slots, pid, read_at_ns }
    }

    /// Position of the mapping that holds a runtime address.
    pub(crate) fn find(&self, address: u64) -> Option<usize> {
        let at = self.slots.partition_point(|slot| slot.mapping.end <= address);
        self.slots.get(at).filter(|slot| slot.mapping.start <= address).map(|_| at)
    }

    /// The mapping at a position that [`Self::find`] gave.
    pub(crate) fn mapping(&self, at: usize) -> Option<&Mapping> {
        self.slots.get(at).map(|slot| &slot.mapping)
    }

    /// All mappings in order of address.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        self.slots.iter().map(|slot| &slot.mapping)
    }

    /// The executable behind a mapping, resolved when first asked for. A failure is tried again after `retry_ns`.
    pub(crate) fn code(
        &mut self,
        at: usize,
        executables: &mut Executables,
        files: &dyn ProcessFiles,
        (pid, now_ns, retry_ns): (u32, u64, u64),
    ) -> Option<Code> {
        let slot = self.slots.get_mut(at)?;
        if let Some(code) = &slot.code
            && (code.known.is_readable() || now_ns.saturating_sub(code.tried_at_ns) < retry_ns)
        {
            return Some(code.clone());
        }
        let mut known = executables.resolve(files, pid, &slot.mapping);
        if let Some(earlier) = &slot.code
            && !known.is_readable()
        {
            // Still unreadable: the same executable as before, so that its frames stay equal.
            known = earlier.known.clone();
        }
        let code = Code { bias: known.bias(&slot.mapping), known, tried_at_ns: now_ns };
        slot.code = Some(code.clone());
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mapping_of_an_address() {
        let text = b"1000-2000 r-xp 0 0:0 7 /a\n2000-3000 r-xp 0 0:0 8 /b\n5000-6000 r-xp 0 0:0 0\n";
        let space = AddressSpace::new(crate::parse_maps(text, 10), 1, 0, None);
        for (address, expected) in [
            (0xfff, None),
            (0x1000, Some(0)),
            (0x1fff, Some(0)),
            (0x2000, Some(1)),
            (0x3000, None),
            (0x5fff, Some(2)),
            (0x6000, None),
        ] {
            assert_eq!(space.find(address), expected, "{address:#x}");
        }
    }
}
