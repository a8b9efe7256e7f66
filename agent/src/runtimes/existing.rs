//! Processes that were there before the agent and publish something: their requests count from the agent's start on,
//! not from the moment when they happen to be sampled first.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use agent_python::{Discovery, Mapping};
use agent_unwind::ImageKey;

use crate::processes::stat_field;

/// Fields of `/proc/PID/stat`: where the program's code starts, and its main stack.
const START_CODE: usize = 26;
const START_STACK: usize = 28;

/// Numbers and images of the processes that publish something now.
pub(super) fn publishers(proc_root: &Path) -> Vec<(u32, ImageKey)> {
    let Ok(entries) = fs::read_dir(proc_root) else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|pid: u32| {
            publisher(&proc_root.join(pid.to_string())).map(|key| (pid, key.told_apart(pid)))
        })
        .collect()
}

fn publisher(process: &Path) -> Option<ImageKey> {
    let maps = fs::read(process.join("maps")).ok()?;
    if Discovery::find(Mapping::parse_all(&maps)).is_empty() {
        return None;
    }
    let stat = fs::read(process.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    Some(ImageKey {
        start_stack: stat_field(&stat, START_STACK)?,
        start_code: stat_field(&stat, START_CODE)?,
        inode: fs::metadata(process.join("exe")).ok()?.ino(),
        ..ImageKey::default()
    })
}
