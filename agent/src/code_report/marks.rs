//! What a process's marks say of its functions by now, and which of them have to be read again.

use std::collections::HashMap;

use agent_python::{Content, ExecutionState, Mark, Sign};

/// What a process says of one code object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not asked yet.
    #[default]
    New,
    /// It has another object there, or none.
    Absent,
    /// It did not run it.
    Unexecuted,
    /// It cannot say.
    Unknown,
    /// It ran, or the process that it was forked from did before the fork.
    Inherited,
    /// It ran here.
    Executed,
}

/// The marks of one process.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By code object.
    seen: Vec<Seen>,
    /// What stands at marks that are not as they are elsewhere, and what they said when they were first seen.
    moved: HashMap<usize, (Content, Sign)>,
    epochs: Epochs,
}

/// The versions of monitored events that the program drives to say when functions ran last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Epochs {
    newest: u64,
    /// The newest as this day began; 0 where nobody drives them.
    at_start: u64,
}

/// 3.8 to 3.10 count so far, and 3.11 so far: what has got there cannot be seen to run again.
const ENTRIES_MAX: u16 = 1024;
const WARMUPS_MAX: u8 = 8;

impl Marks {
    /// What was last seen of a code object.
    pub(super) fn seen(&self, unit: usize) -> Seen {
        self.seen.get(unit).copied().unwrap_or_default()
    }

    /// True when a mark can still say something new.
    pub(super) fn wants(&self, unit: usize, first: Mark) -> bool {
        match self.seen(unit) {
            Seen::New | Seen::Unexecuted | Seen::Unknown => true,
            Seen::Absent | Seen::Executed => false,
            Seen::Inherited => match self.sign(unit, first) {
                Sign::Entries(count) => count < ENTRIES_MAX,
                Sign::Warmups(count) => count < WARMUPS_MAX,
                _ => false,
            },
        }
    }

    /// What stands at a mark, where that is not what stands there in other processes.
    pub(super) fn content(&self, unit: usize) -> Option<Content> {
        self.moved.get(&unit).map(|(content, _)| *content)
    }

    /// Takes a mark in that differs from what stands there in other processes, or, without a content, does not.
    pub(super) fn add(&mut self, unit: usize, mark: Mark, content: Option<Content>, first: Mark) -> Seen {
        let seen = match self.seen(unit) {
            Seen::Inherited if mark.sign.is_beyond(self.sign(unit, first)) => Seen::Executed,
            Seen::Inherited => Seen::Inherited,
            _ => self.epochs.judge(mark),
        };
        let sign = if seen == Seen::Inherited { self.sign(unit, first) } else { mark.sign };
        if let Some(content) = content {
            self.moved.insert(unit, (content, sign));
        }
        self.set(unit, seen);
        seen
    }

    /// Decides that a mark is from before the fork. It is the measure for what it says later.
    pub(super) fn inherit(&mut self, unit: usize, mark: Mark, content: Option<Content>) {
        self.set(unit, Seen::Inherited);
        if let Some(content) = content {
            self.moved.insert(unit, (content, mark.sign));
        }
    }

    /// Decides without a mark.
    pub(super) fn set(&mut self, unit: usize, seen: Seen) {
        if self.seen.len() <= unit {
            self.seen.resize(unit + 1, Seen::New);
        }
        if let Some(slot) = self.seen.get_mut(unit) {
            *slot = seen;
        }
        if matches!(seen, Seen::Executed | Seen::Absent) {
            self.moved.remove(&unit);
        }
    }

    /// Hears of a version of events that the program began.
    pub(super) fn hear_epoch(&mut self, epoch: u64) {
        self.epochs.newest = self.epochs.newest.max(epoch);
    }

    /// Forgets what was seen: another day begins.
    pub(super) fn new_day(&mut self) {
        let newest = self.epochs.newest;
        *self = Self { epochs: Epochs { newest, at_start: newest }, ..Self::default() };
    }

    fn sign(&self, unit: usize, first: Mark) -> Sign {
        self.moved.get(&unit).map_or(first.sign, |(_, sign)| *sign)
    }
}

impl Epochs {
    /// Where versions of events are all that a mark has, one from before this day says nothing of this day.
    fn judge(self, mark: Mark) -> Seen {
        match (mark.sign, mark.sign.state()) {
            (Sign::Instrumented | Sign::WithoutCounter, _) if self.at_start > 0 => {
                if mark.epoch >= self.at_start { Seen::Executed } else { Seen::Unexecuted }
            }
            (_, ExecutionState::Executed) => Seen::Executed,
            (_, ExecutionState::Unexecuted) => Seen::Unexecuted,
            (_, ExecutionState::Unknown) => Seen::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(sign: Sign, epoch: u64) -> Mark {
        Mark { sign, is_generator: false, is_body: false, epoch }
    }

    const NEVER: Mark = Mark { sign: Sign::Entries(0), is_generator: false, is_body: false, epoch: 0 };

    #[test]
    fn only_marks_that_can_move_are_read_again() {
        let cases = [
            (Sign::Entries(0), Seen::Unexecuted, true),
            (Sign::Entries(3), Seen::Executed, false),
            (Sign::WithoutCounter, Seen::Unknown, true),
            (Sign::Resumed(true), Seen::Executed, false),
            (Sign::Instrumented, Seen::Executed, false),
        ];
        for (sign, seen, wants) in cases {
            let mut marks = Marks::default();
            assert!(marks.wants(4, NEVER));
            assert_eq!(marks.add(4, mark(sign, 2), None, NEVER), seen);
            assert_eq!((marks.seen(4), marks.wants(4, NEVER), marks.seen(5)), (seen, wants, Seen::New));
        }
    }

    #[test]
    fn what_was_inherited_runs_here_once_its_count_moves() {
        let cases = [
            (Sign::Entries(3), Sign::Entries(4), true, Seen::Executed),
            (Sign::Entries(3), Sign::Entries(3), true, Seen::Inherited),
            (Sign::Entries(1024), Sign::Entries(1024), false, Seen::Inherited),
            (Sign::Warmups(7), Sign::Warmups(8), true, Seen::Executed),
            (Sign::Resumed(true), Sign::Resumed(true), false, Seen::Inherited),
        ];
        for (before, after, wants, seen) in cases {
            let first = mark(before, 0);
            let mut marks = Marks::default();
            marks.add(0, first, None, first);
            marks.inherit(0, first, None);
            assert_eq!(marks.wants(0, first), wants);
            // Something beside the count changed before.
            marks.add(0, first, Some(Content::default()), first);
            assert_eq!(marks.add(0, mark(after, 0), Some(Content::default()), first), seen, "{before:?}");
        }
    }

    #[test]
    fn an_epoch_from_before_the_day_is_no_evidence_for_it() {
        let mut marks = Marks::default();
        let old = mark(Sign::Instrumented, 2);
        assert_eq!(marks.add(0, old, None, old), Seen::Executed);
        marks.hear_epoch(4);
        marks.new_day();
        assert_eq!(marks.add(0, old, None, old), Seen::Unexecuted);
        assert_eq!(marks.add(0, mark(Sign::Instrumented, 4), None, old), Seen::Executed);
        assert_eq!(marks.add(1, mark(Sign::WithoutCounter, 0), None, old), Seen::Unexecuted);
        // What has a mark of its own keeps it.
        assert_eq!(marks.add(2, mark(Sign::Counted(true), 0), None, old), Seen::Executed);
    }

    #[test]
    fn the_measure_of_what_was_inherited_is_this_process_alone() {
        let first = mark(Sign::Entries(3), 0);
        let own = mark(Sign::Entries(5), 0);
        let mut marks = Marks::default();
        assert_eq!(marks.add(0, own, Some(Content::default()), first), Seen::Executed);
        marks.inherit(0, own, Some(Content::default()));
        assert_eq!(marks.add(0, own, Some(Content::default()), first), Seen::Inherited);
        assert_eq!(marks.add(0, mark(Sign::Entries(6), 0), Some(Content::default()), first), Seen::Executed);
    }
}
