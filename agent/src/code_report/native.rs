//! Programs of machine code: all functions that their symbols name, of which those have run that samples saw running.
//! Sampling proves life, never death, so nothing here is ever said not to have run. Read are the files that processes
//! have mapped, never their memory.

mod own;
mod program;
mod sampled;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use agent_unwind::{Backing, Mapping, ProcFiles, ProcessFiles};
use model::{CodeReport, ExecutionState, Frame};
use symbols::InventoryError;

use super::state::{GroupKey, group_key};
use crate::{
    memory_report::process::{Process, Stat},
    processes::Processes,
    tally::Tally,
};
use program::Program;
pub(crate) use sampled::Sampled;

/// All programs of machine code.
#[derive(Debug, Default)]
pub(super) struct Native {
    /// By build id: however many processes have a file, it is read once.
    programs: BTreeMap<Arc<str>, Result<Program, InventoryError>>,
    members: BTreeMap<u32, Member>,
    groups: BTreeMap<GroupKey, Told>,
    /// How often today there was no time to read a file to its end.
    interrupted: BTreeMap<Arc<str>, u8>,
    /// What was sampled and not added to its program yet.
    sampled: Sampled,
}

/// A process.
#[derive(Debug)]
struct Member {
    stat: Stat,
    /// The group, and the build ids of its files with the program's first; none for what came with the host.
    own: Option<(GroupKey, Vec<Arc<str>>)>,
}

/// What was told of a group today.
#[derive(Debug, Default)]
struct Told {
    is_told: bool,
    states: BTreeMap<Arc<str>, Vec<Option<ExecutionState>>>,
}

/// Why a process has no part in this look.
enum Missed {
    /// It ended.
    Ended,
    /// There was no time left.
    OutOfTime,
}

/// Programs by what became of reading them.
const PROGRAMS: &str = "code_programs_total";
/// Names of sampled functions for which there was no room.
const SAMPLED: &str = "code_sampled_total";
/// Functions of all files together, about 13 MB, and of one file; beyond, the largest programs give up half of theirs.
const FUNCTIONS_MAX: usize = 64_000;
const FILE_FUNCTIONS_MAX: usize = 16_000;
const PROGRAMS_MAX: usize = 256;
/// A file that takes longer than a look so often is left, so that others have their turn.
const ATTEMPTS: u8 = 3;
/// Files of one process.
const FILES_MAX: usize = 64;
const MAPS_BYTES: usize = 16 << 20;
const MAPPINGS_MAX: usize = 1 << 16;

impl Native {
    /// Takes in what samples saw since the last look.
    pub(super) fn add_sampled(&mut self, sampled: Sampled) {
        self.sampled.merge(sampled);
    }

    /// The same from frames of one window.
    pub(super) fn add_frames(&mut self, frames: &[Frame]) {
        self.sampled.add(frames);
    }

    /// Another day begins: everything is told anew, and libraries may have been loaded by now.
    pub(super) fn new_day(&mut self) {
        self.groups.clear();
        self.members.clear();
        self.interrupted.clear();
        self.programs.retain(|_, program| !matches!(program, Err(InventoryError::Interrupted)));
        self.programs.values_mut().flatten().for_each(Program::new_day);
    }

    /// One look at processes without an interpreter that is read otherwise; `is_whole` says whether these are all.
    pub(super) fn look(
        &mut self,
        (proc_root, present, is_whole): (&Path, &BTreeMap<u32, Stat>, bool),
        processes: &mut Processes,
        tally: &mut Tally,
        is_over: &mut dyn FnMut() -> bool,
    ) {
        self.members.retain(|pid, member| present.get(pid).is_some_and(|stat| stat.is_same(&member.stat)));
        let new: Vec<u32> = present.keys().filter(|pid| !self.members.contains_key(pid)).copied().collect();
        let mut missed = 0;
        for pid in new {
            let met = match is_over() {
                true => Err(Missed::OutOfTime),
                false => self.meet((proc_root, pid), processes, tally, is_over),
            };
            match met {
                Ok(member) => drop(self.members.insert(pid, member)),
                Err(Missed::OutOfTime) => missed += 1,
                Err(Missed::Ended) => {}
            }
        }
        tally.add(PROGRAMS, "out of time", missed);
        for (build, program) in &mut self.programs {
            let names = self.sampled.take(build);
            if let Ok(program) = program {
                program.add_sampled(&names);
            }
        }
        tally.add(SAMPLED, "left out", self.sampled.take_dropped());
        // Only while all are known it is known that nobody needs what is left.
        if is_whole && missed == 0 {
            self.sampled.clear();
            let members = self.members.values().flat_map(|member| &member.own);
            let used: BTreeSet<&Arc<str>> = members.flat_map(|(_, builds)| builds).collect();
            self.programs.retain(|build, _| used.contains(build));
        }
    }

    fn meet(
        &mut self,
        (proc_root, pid): (&Path, u32),
        processes: &mut Processes,
        tally: &mut Tally,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Result<Member, Missed> {
        let process = Process::open(proc_root, pid).map_err(|_| Missed::Ended)?;
        let stat = process.stat;
        let executable = process.executable.to_string_lossy();
        let executable = executable.trim_end_matches(" (deleted)");
        if own::is_distributions(executable) || own::is_runtime(executable) {
            return Ok(Member { stat, own: None });
        }
        let files = ProcFiles::new(proc_root);
        let maps = files.maps(pid, MAPS_BYTES).map_err(|_| Missed::Ended)?;
        let mut mappings = agent_unwind::parse_maps(&maps, MAPPINGS_MAX).mappings;
        mappings.retain(|mapping| mapping.backing == Backing::File && own::is_own(executable, &mapping.path));
        mappings.sort_by_key(|mapping| (mapping.path.as_ref() != executable, mapping.inode));
        mappings.dedup_by_key(|mapping| mapping.inode);
        tally.add(PROGRAMS, "left out", mappings.len().saturating_sub(FILES_MAX) as u64);
        let mut builds = Vec::new();
        for mapping in mappings.iter().take(FILES_MAX) {
            builds.extend(self.read((&files, pid), mapping, tally, is_over)?);
        }
        if !process.is_same() {
            return Err(Missed::Ended);
        }
        let group = group_key(proc_root, &process, processes, "native".to_owned());
        Ok(Member { stat, own: Some((group, builds)) })
    }

    /// The build id of a mapped file, whose functions are known from now on, if any can be; `None` where there is no room
    /// or no file.
    fn read(
        &mut self,
        (files, pid): (&ProcFiles, u32),
        mapping: &Mapping,
        tally: &mut Tally,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Arc<str>>, Missed> {
        let opened = files.open(pid, mapping).and_then(|file| Ok((agent_unwind::build_id_of(&file)?, file)));
        let Ok((build, file)) = opened else {
            tally.add(PROGRAMS, "not readable", 1);
            return Ok(None);
        };
        if self.programs.contains_key(&build) {
            return Ok(Some(build));
        }
        if self.programs.len() >= PROGRAMS_MAX {
            tally.add(PROGRAMS, "left out", 1);
            return Ok(None);
        }
        let program = Program::read(file, &mapping.path, FILE_FUNCTIONS_MAX, &mut || !is_over());
        let outcome = match &program {
            Ok(program) => {
                tally.add(super::look::FUNCTIONS, "left out", program.left_out);
                tally.add(super::look::FUNCTIONS, "of compilers' libraries", program.toolchains);
                "read"
            }
            Err(InventoryError::Interrupted) => {
                let attempts = self.interrupted.entry(build.clone()).or_default();
                *attempts += 1;
                if *attempts < ATTEMPTS {
                    return Err(Missed::OutOfTime);
                }
                "takes too long"
            }
            Err(InventoryError::Unreadable) => "not readable",
            Err(InventoryError::Stripped) => "stripped",
            Err(InventoryError::TooBig) => "too big",
        };
        tally.add(PROGRAMS, outcome, 1);
        self.programs.insert(build.clone(), program);
        tally.add(super::look::FUNCTIONS, "left out", self.make_room());
        Ok(Some(build))
    }

    /// Takes functions from the program that has most of them, until there is room for all; returns how many.
    fn make_room(&mut self) -> u64 {
        let mut given_up = 0;
        while self.programs.values().flatten().map(Program::len).sum::<usize>() > FUNCTIONS_MAX {
            let most = self.programs.values_mut().flatten().max_by_key(|program| program.len());
            given_up += most.map_or(0, Program::halve);
        }
        given_up
    }

    /// What is new since it was told last, by group; on a new day, everything.
    pub(super) fn tell(&mut self, at_ns: i64) -> Vec<CodeReport> {
        let mut groups: BTreeMap<&GroupKey, Group<'_>> = BTreeMap::new();
        for (key, builds) in self.members.values().filter_map(|member| member.own.as_ref()) {
            let group = groups.entry(key).or_default();
            let is_read = builds.first().is_some_and(|build| matches!(self.programs.get(build), Some(Ok(_))));
            *(if is_read { &mut group.read } else { &mut group.refused }) += 1;
            group.builds.extend(builds);
        }
        self.groups.retain(|key, _| groups.contains_key(key));
        let mut reports = Vec::new();
        for (key, group) in groups {
            let told = self.groups.entry(key.clone()).or_default();
            told.states.retain(|build, _| group.builds.contains(build));
            let programs = group.builds.iter().filter_map(|build| Some((*build, self.programs.get(*build)?)));
            let programs = programs.filter_map(|(build, program)| Some((build, program.as_ref().ok()?)));
            let (mut functions, mut left_out) = (Vec::new(), 0);
            for (build, program) in programs {
                functions.extend(program.tell(told.states.entry(build.clone()).or_default()));
                left_out += program.left_out;
            }
            if told.is_told && functions.is_empty() {
                continue;
            }
            let report = CodeReport {
                at_ns,
                processes: group.read + group.refused,
                read: group.read,
                refused: group.refused,
                is_complete: !std::mem::replace(&mut told.is_told, true),
                functions,
                left_out,
                ..key.report()
            };
            reports.push(report);
        }
        reports
    }
}

/// The processes of a group.
#[derive(Default)]
struct Group<'a> {
    read: u32,
    refused: u32,
    builds: BTreeSet<&'a Arc<str>>,
}
