//! Targets that make reading hard: processes that fork meanwhile, huge pages, and namespaces of their own.

use std::{fs, path::Path};

use agent::memory_report::{MappingKind, MemoryLimits, Outcome, ValuesOutcome, read};

use super::{
    TABLE_MB, WORKERS, assert_near, owner, report,
    workers::{Workers, installed},
};

#[test]
fn a_process_that_forks_meanwhile_is_read_on() {
    let python = installed().pop().unwrap();
    let mut workers = Workers::start(&python, "forking", WORKERS, TABLE_MB);
    let (pids, loaded) = (workers.pids(), workers.loaded_bytes());
    let mut is_asked = false;
    let found = read(Path::new("/proc"), &pids, MemoryLimits::default(), &mut || {
        if !is_asked {
            is_asked = true;
            workers.fork();
        }
        false
    });
    for process in &found.processes {
        assert_eq!((process.outcome, &process.values), (Outcome::Read, &ValuesOutcome::Walked));
        assert!(process.objects > 20_000, "{}", process.objects);
    }
    // What is shared with the new children is nobody's own any more: never more than there was.
    let settings = owner(&found, "SETTINGS");
    assert!(settings.loaded.bytes < loaded * 11 / 10, "{settings:?}");
    let after = report(&pids);
    assert!(owner(&after, "SETTINGS").own_bytes < loaded / 4, "{:?}", owner(&after, "SETTINGS"));
}

#[test]
fn huge_pages_are_compared_and_stay_huge() {
    const REGION_MB: f64 = 16.0;
    let python = installed().pop().unwrap();
    let workers = Workers::start(&python, "huge", WORKERS, REGION_MB);
    let before = workers.told_bytes("huge_kb");
    let found = report(&workers.pids());
    let huge: Vec<u64> = found.processes.iter().map(|process| process.total().huge_bytes).collect();
    assert_eq!(huge, before);
    let allowed = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let has_huge = allowed.contains("[madvise]") || allowed.contains("[always]");
    assert_eq!(before.iter().any(|bytes| *bytes > 0), has_huge, "{allowed}: {before:?}");
    let pages = found.pages.iter().find(|pages| pages.kind == MappingKind::Anonymous).unwrap();
    let region = (REGION_MB * 1024.0 * 1024.0) as u64;
    assert!(pages.elsewhere.bytes >= WORKERS * region, "{pages:?}");
    assert_near(pages.elsewhere.saved_bytes, (WORKERS - 1) * region, 0.15, "saved");
    // Reading split none of them.
    let after = report(&workers.pids());
    let huge: Vec<u64> = after.processes.iter().map(|process| process.total().huge_bytes).collect();
    assert_eq!(huge, before);
}

#[test]
fn a_container_with_ids_of_its_own_is_read_from_outside() {
    let python = installed().pop().unwrap();
    let workers = Workers::start_in_namespace(&python, "after", WORKERS, TABLE_MB);
    assert_eq!(workers.pids().len() as u64, WORKERS);
    let before = workers.dirty_bytes();
    let found = report(&workers.pids());
    for process in &found.processes {
        assert_eq!((process.outcome, &process.values), (Outcome::Read, &ValuesOutcome::Walked));
        assert!(process.parent_command.is_some());
    }
    let settings = owner(&found, "SETTINGS");
    assert_eq!(settings.loaded.processes, WORKERS);
    assert_near(settings.loaded.bytes, workers.loaded_bytes(), 0.15, "loaded");
    for (after, before) in workers.dirty_bytes().iter().zip(&before) {
        assert!(after.saturating_sub(*before) <= 64 << 10, "a worker grew from {before} to {after}");
    }
}
