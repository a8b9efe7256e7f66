//! The life of processes, from the kernel's side-band records.

use linux_perf_event_reader::{EventRecord, Mmap2FileId, Mmap2Record};

use crate::event::{CodeMapping, LifeChange, LifeEvent};
use crate::record::Comm;

/// The change in a process's life that a record tells of. Threads that start, end or change their name are none.
pub(crate) fn read(time_ns: u64, record: EventRecord<'_>) -> Option<LifeEvent<'_>> {
    let (pid, change) = match record {
        EventRecord::Fork(fork) if fork.pid != fork.ppid => {
            (fork.pid, LifeChange::Fork { parent_pid: u32::try_from(fork.ppid).unwrap_or(0) })
        }
        EventRecord::Exit(exit) if exit.pid == exit.tid => (exit.pid, LifeChange::Exit),
        EventRecord::Comm(comm) if comm.is_execve => {
            (comm.pid, LifeChange::Exec { comm: Comm::from_bytes(&comm.name.as_slice()) })
        }
        EventRecord::Mmap2(map) => (map.pid, LifeChange::Map(mapping(map)?)),
        _ => return None,
    };
    // The kernel's own mappings carry -1, and the idle task 0.
    let pid = u32::try_from(pid).ok().filter(|pid| *pid != 0)?;
    Some(LifeEvent { time_ns, pid, change })
}

fn mapping(map: Mmap2Record<'_>) -> Option<CodeMapping<'_>> {
    let Mmap2FileId::InodeAndVersion(file) = map.file_id else { return None };
    Some(CodeMapping {
        address: map.address,
        length: map.length,
        file_offset: map.page_offset,
        inode: file.inode,
        device: (file.major, file.minor),
        path: map.path.as_slice(),
    })
}
