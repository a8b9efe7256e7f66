//! Processes that were forked from one: what they have in common are code objects at the same addresses, so that
//! one of them is scanned and the others are only asked for the marks.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use agent_python::{
    Bodies, CodeUnit, Content, Hidden, Interpreter, Look, Mark, MarkPlace, Memory, Watched, branches, poll,
};
use model::ExecutionState;

use super::{
    group::{Finding, Functions},
    marks::{Marks, Seen},
};
use crate::{
    dead_code::{
        Origin, look,
        present::{self, PresentMemory},
        target::Target,
    },
    memory_report::process::{Process, Stat},
    process_memory::ProcessMemory,
};

/// Processes with one address-space image.
#[derive(Debug, Default)]
pub(super) struct Family {
    units: Vec<Unit>,
    /// Units in the order of their addresses.
    order: Vec<usize>,
    /// The process whose conditions were read last.
    asked: u32,
    pub(super) workers: BTreeMap<u32, Worker>,
}

/// One of these processes.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) stat: Stat,
    pub(super) interpreter: Interpreter,
    pub(super) function_type: Option<u64>,
    pub(super) scanned: Option<Scanned>,
    /// True when its marks were read in this look.
    pub(super) is_read: bool,
    pub(super) marks: Marks,
}

/// The last scan of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    /// When, by the monotonic clock.
    pub(super) at_ns: u64,
    /// What the process had resident then.
    pub(super) resident_bytes: u64,
}

/// A code object that any of them has.
#[derive(Debug)]
struct Unit {
    place: MarkPlace,
    name: Arc<str>,
    function: usize,
    /// The mark as it was first seen, and what stood there.
    first: Option<(Mark, Content)>,
    /// True for the function of the SDK that runs when an epoch begins: its mark has the epoch's version.
    tells_epochs: bool,
    /// True where its conditions are those of its function.
    has_branches: bool,
}

/// Why a process was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ended, or runs another program by now.
    Ended,
    /// There was no time left.
    OutOfTime,
    /// Its marks make no sense.
    Refused,
}

impl Outcome {
    /// The word among the counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::OutOfTime => "out of time",
            Self::Refused => "refused",
        }
    }
}

/// Marks that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Polled {
    pub(super) marks: u64,
    /// Those that could not be read.
    pub(super) unread: u64,
}

/// Conditions that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) branches: u64,
    /// Functions whose conditions could not be read.
    pub(super) unread: u64,
    /// Conditions that were not looked at.
    pub(super) left_out: u64,
}

/// Code objects that a scan brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Those that were not known.
    pub(super) units: usize,
    /// Those left out because there is no room.
    pub(super) left_out: u64,
}

/// The SDK's function that runs as an epoch begins, and the end of its file's name.
const EPOCH_FUNCTION: (&str, &str) = ("_epoch_begins", "fewer/_epoch.py");
/// Parts of the function that they stand in.
const PARTS: [&str; 4] = ["<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"];

impl Family {
    /// Code objects known.
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// The process to scan while nothing is known: the oldest, which the others may have been forked from.
    pub(super) fn oldest(&self) -> Option<u32> {
        let is_scanned = self.workers.values().any(|worker| worker.scanned.is_some());
        let oldest = self.workers.iter().min_by_key(|(pid, worker)| (worker.stat.started, **pid));
        oldest.filter(|_| !is_scanned).map(|(pid, _)| *pid)
    }

    /// Another day begins: what was told is told anew.
    pub(super) fn new_day(&mut self) {
        self.units.clear();
        self.order.clear();
        for worker in self.workers.values_mut() {
            worker.marks.new_day();
            worker.scanned = None;
        }
    }

    /// Looks for code objects in all memory of a process. `go_on` says whether there is time, and `room` how many more
    /// may be kept.
    pub(super) fn scan(
        &mut self,
        (proc_root, pid): (&Path, u32),
        (functions, room): (&mut Functions, usize),
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Added, Outcome> {
        let Worker { interpreter, function_type, stat, .. } = self.workers.get(&pid).ok_or(Outcome::Ended)?;
        let (interpreter, function_type, stat) = (*interpreter, *function_type, *stat);
        let process = Process::open(proc_root, pid).map_err(|_| Outcome::Ended)?;
        let memory = ProcessMemory::open(proc_root, pid).map_err(|_| Outcome::Ended)?;
        let present = present::find(proc_root, pid).map_err(|_| Outcome::Ended)?;
        let fresh = PresentMemory::open(proc_root, pid).map_err(|_| Outcome::Ended)?;
        let target = Target { memory, interpreter, function_type };
        let memories: [&dyn Memory; 2] = [&fresh, &process.memory];
        let evidence = look(&target, &present, memories, &mut |_, _| go_on()).ok_or(Outcome::OutOfTime)?;
        if !process.is_same() || !process.stat.is_same(&stat) {
            return Err(Outcome::Ended);
        }
        let evidence = evidence.map_err(|_| Outcome::Refused)?;
        let mut bodies = Bodies::new(&process.memory, &interpreter);
        let mut number = |unit: &CodeUnit| {
            let body = bodies.read(unit);
            let number = functions.number(unit, body);
            (number, functions.is_of(number, body))
        };
        let added = self.add(&evidence.units, &interpreter, room, &mut number);
        Ok(added)
    }

    fn add(
        &mut self,
        found: &[CodeUnit],
        interpreter: &Interpreter,
        room: usize,
        number: &mut dyn FnMut(&CodeUnit) -> (usize, bool),
    ) -> Added {
        let mut added = Added::default();
        for unit in found.iter().filter(|unit| is_of_interest(unit)) {
            let place = unit.place(interpreter);
            if self.knows(&place) {
                continue;
            }
            if added.units >= room {
                added.left_out += 1;
                continue;
            }
            added.units += 1;
            let (epoch_function, epoch_file) = EPOCH_FUNCTION;
            let (function, is_its_body) = number(unit);
            self.units.push(Unit {
                place,
                name: unit.function.clone(),
                function,
                first: None,
                tells_epochs: *unit.function == *epoch_function && unit.file.ends_with(epoch_file),
                // Conditions of packages nobody changes.
                has_branches: is_its_body && Origin::of(&unit.file) == Origin::Application,
            });
        }
        let mut order: Vec<(u64, usize)> =
            self.units.iter().map(|unit| unit.place.address).zip(0..).collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, number)| number).collect();
        added
    }

    /// Two processes can each have made their own code object at one address.
    fn knows(&self, place: &MarkPlace) -> bool {
        let address = |number: &usize| self.units.get(*number).map(|unit| unit.place.address);
        let first = self.order.partition_point(|number| address(number) < Some(place.address));
        let at = self.order.iter().skip(first).take_while(|number| address(number) == Some(place.address));
        at.filter_map(|number| self.units.get(*number)).any(|unit| unit.place == *place)
    }

    /// Reads those marks of a process again that can say something new.
    pub(super) fn poll(&mut self, (proc_root, pid): (&Path, u32)) -> Result<Polled, Outcome> {
        let is_master = self.workers.values().any(|worker| worker.stat.parent == pid);
        let worker = self.workers.get(&pid).ok_or(Outcome::Ended)?;
        let (interpreter, stat) = (worker.interpreter, worker.stat);
        let wanted = |number: &usize| {
            let unit = self.units.get(*number)?;
            let content = match unit.first {
                _ if unit.tells_epochs => Content::default(),
                None => Content::default(),
                Some((mark, content)) if worker.marks.wants(*number, mark) => {
                    worker.marks.content(*number).unwrap_or(content)
                }
                Some(_) => return None,
            };
            Some((*number, Watched { place: &unit.place, name: &unit.name, content }))
        };
        let (numbers, watched): (Vec<usize>, Vec<Watched<'_>>) = self.order.iter().filter_map(wanted).unzip();
        let looks = looks(proc_root, pid, &interpreter, &watched).ok_or(Outcome::Ended)?;
        let unread = looks.iter().filter(|look| **look == Look::Unread).count() as u64;
        let polled = Polled { marks: looks.len() as u64, unread };
        let now = Stat::read(&proc_root.join(pid.to_string()));
        if !now.is_ok_and(|now| now.is_same(&stat)) {
            return Err(Outcome::Ended);
        }
        let Self { units, workers, .. } = self;
        let worker = workers.get_mut(&pid).ok_or(Outcome::Ended)?;
        let mut ran = Vec::new();
        for (number, look) in numbers.into_iter().zip(looks) {
            if let Some(unit) = units.get_mut(number) {
                ran.extend(worker.take(number, unit, look));
            }
        }
        worker.is_read = true;
        if is_master {
            ran.into_iter().for_each(|Ran { unit, mark, content }| worker.marks.inherit(unit, mark, content));
        } else if self.workers.contains_key(&stat.parent) {
            self.inherit((proc_root, pid), stat.parent, ran);
        }
        Ok(polled)
    }

    /// Tells what ran here from what ran before the fork, in the process that this one was forked from.
    fn inherit(&mut self, (proc_root, pid): (&Path, u32), parent: u32, ran: Vec<Ran>) {
        let Self { units, workers, .. } = self;
        let Some(worker) = workers.get_mut(&pid) else { return };
        let watched = |ran: &Ran| {
            let unit = units.get(ran.unit)?;
            Some(Watched { place: &unit.place, name: &unit.name, content: Content::default() })
        };
        let watched: Vec<Watched<'_>> = ran.iter().filter_map(watched).collect();
        let Some(looks) = looks(proc_root, parent, &worker.interpreter, &watched) else { return };
        for (Ran { unit, mark, content }, look) in ran.into_iter().zip(looks) {
            if let Look::Is(before, _) = look
                && !mark.sign.is_beyond(before.sign)
            {
                worker.marks.inherit(unit, mark, content);
            }
        }
    }

    /// Reads the conditions of functions that ran, in one of its processes, each time in another: they are alike, and what
    /// one of them does not do another does later.
    pub(super) fn ask(
        &mut self,
        proc_root: &Path,
        functions: &mut Functions,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Asked, Outcome> {
        let is_next = |(_, worker): &(&u32, &Worker)| worker.is_read;
        let after = self.workers.range(self.asked.saturating_add(1)..).find(is_next);
        let Some((pid, worker)) = after.or_else(|| self.workers.iter().find(is_next)) else {
            return Ok(Asked::default());
        };
        self.asked = *pid;
        let memory = PresentMemory::open(proc_root, *pid).map_err(|_| Outcome::Ended)?;
        let mut asked = Asked::default();
        let mut found = Vec::new();
        for number in &self.order {
            let ran = matches!(worker.marks.seen(*number), Seen::Inherited | Seen::Executed);
            let Some(unit) = self.units.get(*number).filter(|unit| ran && unit.has_branches) else {
                continue;
            };
            if !go_on() {
                return Err(Outcome::OutOfTime);
            }
            match branches(&memory, &worker.interpreter, &unit.place, &unit.name) {
                Ok(branches) => {
                    asked.branches += branches.asked.len() as u64;
                    asked.left_out += u64::from(branches.left_out);
                    found.push((unit.function, branches.asked));
                }
                Err(Hidden::Gone | Hidden::Rewritten) => asked.unread += 1,
                // There is nothing in this process, or nothing to be believed.
                Err(Hidden::NotKept | Hidden::Compiled) => return Ok(Asked::default()),
            }
        }
        let now = Stat::read(&proc_root.join(pid.to_string()));
        if !now.is_ok_and(|now| now.is_same(&worker.stat)) {
            return Err(Outcome::Ended);
        }
        found.iter().for_each(|(function, branches)| functions.find_branches(*function, branches));
        Ok(asked)
    }

    /// Adds what all its processes say of their functions.
    pub(super) fn find(&self, functions: &mut Functions) {
        for (number, unit) in self.units.iter().enumerate() {
            let is_body = unit.first.is_some_and(|(mark, _)| mark.is_body);
            for worker in self.workers.values() {
                let (state, is_import_only) = match worker.marks.seen(number) {
                    Seen::New | Seen::Absent => continue,
                    Seen::Unexecuted => (ExecutionState::Unexecuted, false),
                    Seen::Unknown => (ExecutionState::Unknown, false),
                    Seen::Inherited => (ExecutionState::Executed, true),
                    Seen::Executed => (ExecutionState::Executed, is_body),
                };
                functions.find(unit.function, Finding { state, is_import_only });
            }
        }
    }
}

/// A function whose mark said that it ran when it was first seen in a process.
struct Ran {
    unit: usize,
    mark: Mark,
    content: Option<Content>,
}

impl Worker {
    fn take(&mut self, number: usize, unit: &mut Unit, look: Look) -> Option<Ran> {
        let is_new = self.marks.seen(number) == Seen::New;
        let (mark, content) = match (look, unit.first) {
            (Look::Gone, _) => {
                self.marks.set(number, Seen::Absent);
                return None;
            }
            (Look::Is(mark, content), None) => {
                unit.first = Some((mark, content));
                (mark, None)
            }
            (Look::Is(mark, content), Some((_, first))) => (mark, Some(content).filter(|own| *own != first)),
            (Look::Same, Some((first, _))) if is_new => (first, None),
            (Look::Same | Look::Unread, _) => return None,
        };
        if unit.tells_epochs {
            self.marks.hear_epoch(mark.epoch);
        }
        let first = unit.first.map_or(mark, |(first, _)| first);
        let seen = self.marks.add(number, mark, content, first);
        (is_new && seen == Seen::Executed).then_some(Ran { unit: number, mark, content })
    }
}

/// What became of marks, in their order; `None` when the process cannot be read.
fn looks(
    proc_root: &Path,
    pid: u32,
    interpreter: &Interpreter,
    watched: &[Watched<'_>],
) -> Option<Vec<Look>> {
    let memory = PresentMemory::open(proc_root, pid).ok()?;
    let mut looks = Vec::with_capacity(watched.len());
    poll(&memory, interpreter, watched, &mut |_, look| looks.push(look));
    Some(looks)
}

/// Leaves out what nobody can remove: the standard library's, what was made while the program ran and is in no file,
/// and parts of functions.
fn is_of_interest(unit: &CodeUnit) -> bool {
    !unit.file.starts_with('<')
        && !PARTS.iter().any(|part| unit.function.ends_with(part))
        && Origin::of(&unit.file) != Origin::StandardLibrary
}
