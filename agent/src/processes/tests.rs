//! Labels of processes in a made-up `/proc`, and of this one in the real one.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::*;

fn processes(proc_root: &Path, extra: &[(&str, &str)]) -> Processes {
    Processes::new(ProcessOptions {
        proc_root: proc_root.to_owned(),
        host_name: "host".into(),
        extra_labels: LabelSet::new(extra.iter().copied()),
    })
}

fn thread(pid: u32, start_stack: u64, comm: &str) -> Thread {
    let image = ImageKey { start_stack, ..ImageKey::default() };
    Thread { pid, image: (start_stack != 0).then_some(image), comm: Comm::from_bytes(comm.as_bytes()) }
}

/// A process that runs `/srv/worker.py` of the service `feed`.
fn write_process(root: &Path, pid: u32, start_stack: u64) {
    let folder = root.join(pid.to_string());
    fs::create_dir(&folder).unwrap();
    symlink("/usr/bin/python3.11", folder.join("exe")).unwrap();
    fs::write(folder.join("cmdline"), "python3\0/srv/worker.py\0").unwrap();
    fs::write(folder.join("environ"), "OTEL_RESOURCE_ATTRIBUTES=service.version=1.2,team=a\0").unwrap();
    fs::write(folder.join("cgroup"), "0::/user.slice\n").unwrap();
    let zeros = "0 ".repeat(24);
    fs::write(folder.join("stat"), format!("{pid} (a) b (c) S {zeros}{start_stack} 0 0\n")).unwrap();
}

fn text(labels: &LabelSet) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_process_is_read_once_and_its_forks_share_what_was_read() {
    let root = tempfile::tempdir().unwrap();
    write_process(root.path(), 7, 100);
    let mut processes = processes(root.path(), &[("team", "b")]);
    insta::assert_snapshot!(text(&processes.labels(thread(7, 100, "main"))), @"fewer.label_source=comm host.name=host process.pid=7 service.name=worker service.version=1.2 team=b thread.name=main");
    fs::remove_dir_all(root.path().join("7")).unwrap();
    insta::assert_snapshot!(text(&processes.labels(thread(8, 100, "pool-1"))), @"fewer.label_source=comm host.name=host process.pid=8 service.name=worker service.version=1.2 team=b thread.name=pool-1");
    assert_eq!(processes.tally().outcomes(SNAPSHOTS), [("read", 1)]);
}

#[test]
fn a_process_that_cannot_be_read_goes_by_its_name_and_is_tried_again() {
    let root = tempfile::tempdir().unwrap();
    let mut processes = processes(root.path(), &[]);
    insta::assert_snapshot!(text(&processes.labels(thread(7, 100, "cc1"))), @"fewer.label_source=comm host.name=host process.pid=7 service.name=cc1 thread.name=cc1");
    write_process(root.path(), 7, 200);
    assert_eq!(processes.labels(thread(7, 100, "cc1")).get(keys::SERVICE_NAME), Some("cc1"));
    assert_eq!(processes.labels(thread(7, 200, "cc1")).get(keys::SERVICE_NAME), Some("worker"));
    let expected = [("another program", 1), ("process gone", 1), ("read", 1)];
    assert_eq!(processes.tally().outcomes(SNAPSHOTS), expected);
}

#[test]
fn only_the_kernels_own_threads_stand_in_brackets() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("9")).unwrap();
    fs::write(root.path().join("9/stat"), "9 (kworker/0:1) I 2 0 0 0 -1 69238880 0\n").unwrap();
    let mut processes = processes(root.path(), &[]);
    insta::assert_snapshot!(text(&processes.labels(thread(9, 0, "kworker/0:1"))), @"fewer.label_source=comm host.name=host process.pid=9 service.name=[kworker] thread.name=kworker/0:1");
    let services = [(0, "swapper/1"), (7, "on its way out")].map(|(pid, comm)| {
        processes.labels(thread(pid, 0, comm)).get(keys::SERVICE_NAME).unwrap().to_owned()
    });
    assert_eq!(services, ["[swapper]", "on its way out"]);
    assert_eq!(processes.tally().outcomes(SNAPSHOTS), []);
}

#[test]
fn this_process_can_be_read() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let start_stack = start_stack(&stat).unwrap();
    let mut processes = processes(Path::new("/proc"), &[("service.name", "chosen")]);
    let labels = processes.labels(thread(std::process::id(), start_stack, "test"));
    assert_eq!(labels.get(keys::SERVICE_NAME), Some("chosen"));
    assert_eq!(processes.tally().outcomes(SNAPSHOTS), [("read", 1)]);
}
