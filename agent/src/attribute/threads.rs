//! The image that each process runs and the names of threads, also where samples cannot carry them: the perf
//! ring has neither, so `/proc` has to say.

use std::{fs, path::PathBuf};

use agent_bpf::Comm;
use agent_unwind::ImageKey;

use crate::{lru::Lru, processes::start_stack};

/// Images by process and names by thread, bounded.
#[derive(Debug)]
pub(super) struct Threads {
    proc_root: PathBuf,
    images: Lru<u32, ImageKey>,
    comms: Lru<(u32, u32), Comm>,
}

const MAX_PROCESSES: usize = 4096;
const MAX_THREADS: usize = 16_384;

impl Threads {
    pub(super) fn new(proc_root: PathBuf) -> Self {
        Self { proc_root, images: Lru::new(MAX_PROCESSES), comms: Lru::new(MAX_THREADS) }
    }

    /// Remembers what a sample says of its process.
    pub(super) fn set_image(&mut self, pid: u32, image: ImageKey) -> ImageKey {
        self.images.insert(pid, image);
        image
    }

    /// The image that a process was last known to run.
    pub(super) fn known_image(&mut self, pid: u32) -> Option<ImageKey> {
        self.images.get(&pid).copied()
    }

    /// The image that a process runs, from `/proc`. Where the start of its stack is not to be had, the pid
    /// stands for the image until the process runs another program.
    pub(super) fn image(&mut self, pid: u32) -> ImageKey {
        if let Some(image) = self.images.get(&pid) {
            return *image;
        }
        let stat = fs::read_to_string(self.proc_root.join(format!("{pid}/stat"))).unwrap_or_default();
        let image = match start_stack(&stat) {
            Some(start_stack) => ImageKey::of_stack(start_stack, pid),
            None => ImageKey { inode: u64::from(pid), ..ImageKey::default() },
        };
        self.images.insert(pid, image);
        image
    }

    /// The name of a thread; empty when it has ended.
    pub(super) fn comm(&mut self, pid: u32, tid: u32) -> Comm {
        if let Some(comm) = self.comms.get(&(pid, tid)) {
            return *comm;
        }
        let text =
            fs::read_to_string(self.proc_root.join(format!("{pid}/task/{tid}/comm"))).unwrap_or_default();
        let comm = Comm::from_bytes(text.trim_end().as_bytes());
        self.comms.insert((pid, tid), comm);
        comm
    }

    /// A child runs its parent's image until it runs another. Whoever had the number before is gone.
    pub(super) fn fork(&mut self, parent: u32, child: u32) {
        match self.known_image(parent) {
            Some(image) => self.images.insert(child, image),
            None => self.images.remove(&child),
        }
    }

    /// A process runs another program.
    pub(super) fn forget(&mut self, pid: u32) {
        self.images.remove(&pid);
        self.comms.remove(&(pid, pid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_fork_and_exec() {
        let root = tempfile::tempdir().unwrap();
        let write = |pid: u32, start_stack: u64| {
            let folder = root.path().join(pid.to_string());
            fs::create_dir_all(folder.join(format!("task/{pid}"))).unwrap();
            let zeros = "0 ".repeat(24);
            fs::write(folder.join("stat"), format!("{pid} (x) S {zeros}{start_stack} 0\n")).unwrap();
            fs::write(folder.join(format!("task/{pid}/comm")), format!("name-{start_stack}\n")).unwrap();
        };
        let mut threads = Threads::new(root.path().to_owned());
        write(1, 100);
        assert_eq!(threads.image(1).start_stack, 100);
        threads.fork(1, 2);
        assert_eq!(threads.image(2), threads.image(1));
        write(2, 200);
        assert_eq!((threads.image(2).start_stack, threads.comm(2, 2).as_bytes()), (100, &b"name-200"[..]));
        threads.forget(2);
        assert_eq!(threads.image(2).start_stack, 200);
        assert_eq!(threads.image(3), ImageKey { inode: 3, ..ImageKey::default() });
        threads.fork(99, 3);
        assert_eq!(threads.known_image(3), None);
    }
}
