//! Which processes are followed: the targets and their descendants.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::event::{Event, LifeChange};
use crate::options::Target;

/// Room in the table of followed processes, here and in the kernel.
pub(crate) const FOLLOWED_MAX: usize = 16_384;

/// The followed processes.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pids: HashSet<u32>,
    /// What the kernel's table has not been told yet.
    changes: Vec<Change>,
    /// Processes that did not fit.
    pub(crate) unfollowed: u64,
}

/// A change to the followed processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added(u32),
    Removed(u32),
}

impl Followed {
    /// The targets and what descends from them now.
    pub(crate) fn of(target: &Target, proc: &Path) -> Option<Self> {
        let Target::Processes(pids) = target else { return None };
        let mut followed = Self::default();
        pids.iter().for_each(|pid| followed.add_family(proc, *pid));
        Some(followed)
    }

    /// Follows a process and what descends from it now.
    pub(crate) fn add_family(&mut self, proc: &Path, root: u32) {
        for pid in with_descendants(proc, root) {
            self.add(pid);
        }
    }

    /// Follows a process that the kernel's table holds already.
    pub(crate) fn learn(&mut self, pid: u32) {
        if self.pids.len() < FOLLOWED_MAX {
            self.pids.insert(pid);
        }
    }

    /// Whether an event is of a followed process. Children are followed from their fork to their exit.
    pub(crate) fn admits(&mut self, event: &Event<'_>) -> bool {
        let life = match event {
            Event::Sample(sample) => return self.pids.contains(&sample.pid),
            Event::Life(life) => life,
        };
        match life.change {
            LifeChange::Fork { parent_pid } if self.pids.contains(&parent_pid) => {
                self.add(life.pid);
                true
            }
            LifeChange::Exit if self.pids.remove(&life.pid) => {
                self.changes.push(Change::Removed(life.pid));
                true
            }
            _ => self.pids.contains(&life.pid),
        }
    }

    /// What changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn add(&mut self, pid: u32) {
        if self.pids.len() >= FOLLOWED_MAX {
            self.unfollowed += 1;
        } else if self.pids.insert(pid) {
            self.changes.push(Change::Added(pid));
        }
    }
}

/// The process and all that descend from it now, by the parents in `/proc`.
fn with_descendants(proc: &Path, root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = numbered(proc).filter_map(|pid| Some((pid, parent(proc, pid)?))).collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&ancestor) = family.get(next) {
        let children = parents.iter().filter(|(pid, parent)| *parent == ancestor && !family.contains(pid));
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        family.extend(children);
        family.truncate(FOLLOWED_MAX);
        next += 1;
    }
    family
}

/// The threads of a process and of all that descend from it now.
pub(crate) fn family_threads(proc: &Path, root: u32) -> Vec<u32> {
    let family = with_descendants(proc, root).into_iter();
    family.flat_map(|pid| numbered(&proc.join(pid.to_string()).join("task"))).collect()
}

fn numbered(folder: &Path) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(proc: &Path, pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name in parentheses may hold anything, so count fields from its end.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LifeEvent;

    fn life(pid: u32, change: LifeChange<'_>) -> Event<'_> {
        Event::Life(LifeEvent { time_ns: 0, pid, change })
    }

    #[test]
    fn children_are_followed_from_fork_to_exit() {
        let mut followed = Followed::default();
        followed.add(10);
        let cases = [
            (life(11, LifeChange::Fork { parent_pid: 10 }), true),
            (life(12, LifeChange::Fork { parent_pid: 11 }), true),
            (life(99, LifeChange::Fork { parent_pid: 98 }), false),
            (life(11, LifeChange::Exit), true),
            (life(11, LifeChange::Exit), false),
            (life(13, LifeChange::Fork { parent_pid: 11 }), false),
            (life(14, LifeChange::Fork { parent_pid: 12 }), true),
        ];
        for (event, expected) in cases {
            assert_eq!(followed.admits(&event), expected, "{event:?}");
        }
        let changes = followed.take_changes();
        assert_eq!(
            changes,
            [10, 11, 12]
                .map(Change::Added)
                .into_iter()
                .chain([Change::Removed(11), Change::Added(14)])
                .collect::<Vec<_>>()
        );
        assert!(followed.take_changes().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut followed = Followed::default();
        for pid in 0..u32::try_from(FOLLOWED_MAX).unwrap() + 3 {
            followed.add(pid);
        }
        assert_eq!(followed.unfollowed, 3);
    }

    #[test]
    fn this_process_descends_from_its_parent() {
        let parent = std::os::unix::process::parent_id();
        assert!(with_descendants(Path::new("/proc"), parent).contains(&std::process::id()));
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        assert!(family_threads(Path::new("/proc"), std::process::id()).contains(&thread));
    }
}
