//! The states of a block, and their sums over many blocks.
//!
//! A block has two bits for each function: 0 for one that is not in it, then unexecuted, unknown, executed; so the
//! greater state is the one that merging keeps. Blocks are summed one at a time, four functions at once: every byte of a
//! block is looked up and added to twelve counters of eight bits, which are emptied before they overflow.

use std::ops::RangeInclusive;

use model::ExecutionState;

/// Functions in one byte of a block.
const PER_BYTE: u32 = 4;

/// Counters of one function: one for each state.
const STATES: u32 = 3;

/// How much the counters of eight bits hold.
const ADDED_MAX: u8 = u8::MAX;

/// The lower bit of each function in a byte.
const LOWER_BITS: u8 = 0b0101_0101;

/// Keeps the greater of a function's state in a block and the one given; true when the block changed.
pub(super) fn merge(states: &mut Vec<u8>, idx: u32, state: ExecutionState) -> bool {
    let at = (idx / PER_BYTE) as usize;
    if states.len() <= at {
        states.resize(at + 1, 0);
    }
    let Some(byte) = states.get_mut(at) else { return false };
    let shift = 2 * (idx % PER_BYTE);
    let code = match state {
        ExecutionState::Unexecuted => 1,
        ExecutionState::Unknown => 2,
        ExecutionState::Executed => 3,
    };
    let is_greater = code > (*byte >> shift) & 3;
    if is_greater {
        *byte = *byte & !(3 << shift) | code << shift;
    }
    is_greater
}

/// What blocks say of one function together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Blocks in which it was unexecuted, unknown and executed.
    pub(super) blocks: [u32; STATES as usize],
    /// The first and the last day with a block that has it.
    pub(super) seen: Option<RangeInclusive<i64>>,
    /// The first and the last day on which it ran.
    pub(super) executed: Option<RangeInclusive<i64>>,
    /// One bit for each role whose blocks have it.
    pub(super) roles: u64,
}

/// Sums by function, while blocks come in.
pub(super) struct Sums {
    /// What a byte adds to the counters of its functions.
    table: Vec<u128>,
    counters: Vec<u128>,
    added: u8,
    /// Which functions any block of the group has, and in which of them it ran, by their lower bits.
    group: Vec<(u8, u8)>,
    sums: Vec<Sum>,
}

impl Sums {
    /// No block yet, of a service that has so many functions.
    pub(super) fn new(functions: u32) -> Self {
        let bytes = functions.div_ceil(PER_BYTE) as usize;
        Self {
            table: (0..=u8::MAX).map(counters_of).collect(),
            counters: vec![0; bytes],
            added: 0,
            group: vec![(0, 0); bytes],
            sums: vec![Sum::default(); bytes * PER_BYTE as usize],
        }
    }

    /// One more block of the group. Functions beyond those told of in the beginning do not count.
    pub(super) fn add(&mut self, states: &[u8]) {
        for ((byte, counters), (seen, executed)) in states.iter().zip(&mut self.counters).zip(&mut self.group)
        {
            *counters += self.table.get(usize::from(*byte)).copied().unwrap_or_default();
            *seen |= (byte | byte >> 1) & LOWER_BITS;
            *executed |= byte & (byte >> 1) & LOWER_BITS;
        }
        self.added += 1;
        if self.added == ADDED_MAX {
            self.empty();
        }
    }

    /// All blocks since the last call were of this day and role.
    pub(super) fn end_group(&mut self, day: i64, role: u64) {
        for ((seen, executed), sums) in self.group.iter_mut().zip(self.sums.chunks_mut(PER_BYTE as usize)) {
            for (slot, sum) in sums.iter_mut().enumerate() {
                if *seen >> (2 * slot) & 1 == 1 {
                    extend(&mut sum.seen, day);
                    sum.roles |= role;
                }
                if *executed >> (2 * slot) & 1 == 1 {
                    extend(&mut sum.executed, day);
                }
            }
            (*seen, *executed) = (0, 0);
        }
    }

    /// The sums in the order of the functions' numbers.
    pub(super) fn finish(mut self) -> Vec<Sum> {
        self.empty();
        self.sums
    }

    fn empty(&mut self) {
        for (counters, sums) in self.counters.iter_mut().zip(self.sums.chunks_mut(PER_BYTE as usize)) {
            if *counters == 0 {
                continue;
            }
            for (at, count) in sums.iter_mut().flat_map(|sum| &mut sum.blocks).enumerate() {
                *count += (*counters >> (8 * at)) as u32 & 0xff;
            }
            *counters = 0;
        }
        self.added = 0;
    }
}

/// One in the counter of each function's state, the first function lowest.
fn counters_of(byte: u8) -> u128 {
    let one = |slot: u32| -> u128 {
        match u32::from(byte >> (2 * slot) & 3) {
            0 => 0,
            code => 1 << (8 * (STATES * slot + code - 1)),
        }
    };
    (0..PER_BYTE).map(one).sum()
}

fn extend(days: &mut Option<RangeInclusive<i64>>, day: i64) {
    let (first, last) = days.as_ref().map_or((day, day), |days| (*days.start(), *days.end()));
    *days = Some(first.min(day)..=last.max(day));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [ExecutionState; 3] =
        [ExecutionState::Unexecuted, ExecutionState::Unknown, ExecutionState::Executed];

    /// The same by walking over every function of every block.
    fn plainly(blocks: &[(i64, u64, Vec<u8>)], functions: usize) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); functions];
        for (day, role, states) in blocks {
            for (idx, sum) in sums.iter_mut().enumerate().take(4 * states.len()) {
                let code = states[idx / 4] >> (2 * (idx % 4)) & 3;
                if code == 0 {
                    continue;
                }
                sum.blocks[usize::from(code) - 1] += 1;
                extend(&mut sum.seen, *day);
                sum.roles |= role;
                if code == 3 {
                    extend(&mut sum.executed, *day);
                }
            }
        }
        sums
    }

    #[test]
    fn more_blocks_than_a_counter_holds_are_all_counted() {
        let mut states = Vec::new();
        for (idx, state) in (0..).zip(ALL) {
            assert!(merge(&mut states, idx, state));
        }
        let mut sums = Sums::new(5);
        (0..1_000).for_each(|_| sums.add(&states));
        sums.end_group(7, 2);
        sums.add(&states[..0]);
        sums.end_group(8, 1);
        let found = sums.finish();
        let counted: Vec<[u32; 3]> = found.iter().map(|sum| sum.blocks).collect();
        assert_eq!(counted[..4], [[1_000, 0, 0], [0, 1_000, 0], [0, 0, 1_000], [0; 3]]);
        assert_eq!((found[2].executed.clone(), found[1].executed.clone()), (Some(7..=7), None));
        assert_eq!((found[0].roles, found[3].roles, found[0].seen.clone()), (2, 0, Some(7..=7)));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_plain_walk(
            mut blocks in prop::collection::vec(
                (0..5_i64, 0..3_u32, prop::collection::vec(any::<u8>(), 0..6)), 0..40)
        ) {
            blocks.sort();
            let blocks: Vec<(i64, u64, Vec<u8>)> =
                blocks.into_iter().map(|(day, role, states)| (day, 1 << role, states)).collect();
            let mut sums = Sums::new(24);
            for group in blocks.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
                group.iter().for_each(|block| sums.add(&block.2));
                sums.end_group(group[0].0, group[0].1);
            }
            prop_assert_eq!(sums.finish(), plainly(&blocks, 24));
        }

        #[test]
        fn merging_knows_no_order_and_no_repetition(
            found in prop::collection::vec((0..40_u32, 0..3_usize), 0..60),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let (mut once, mut other) = (Vec::new(), Vec::new());
            for (idx, state) in &found {
                merge(&mut once, *idx, ALL[*state]);
            }
            for (idx, state) in found.iter().rev() {
                merge(&mut other, *idx, ALL[*state]);
            }
            for at in again.iter().filter(|_| !found.is_empty()) {
                let (idx, state) = *at.get(&found);
                prop_assert!(!merge(&mut other, idx, ALL[state]));
            }
            prop_assert_eq!(once, other);
        }
    }
}
