//! What Linux gives: memory that outsiders read and the clocks. All system calls of the crate are here.
#![allow(unsafe_code)]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::AtomicU64,
};

/// Words of zeros, never given back, which the kernel wipes in a forked child (where it can).
pub(crate) fn wiped_on_fork(words: usize) -> io::Result<&'static [AtomicU64]> {
    let memory = map(words * 8, None)?;
    // SAFETY: `memory` is a mapping of our own of this length. Kernels before 4.14 refuse, which leaves a forked child
    // with its parent's counts; readers tell them by the process id in the page.
    unsafe { libc::madvise(memory.as_ptr().cast(), words * 8, libc::MADV_WIPEONFORK) };
    // SAFETY: fresh, zeroed, page-aligned memory of that many words that is never unmapped; any bits are a valid word, and
    // atomics may change behind a shared reference.
    Ok(unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), words) })
}

/// A mapping found from outside by its name; forked children do not have it.
pub(crate) struct NamedMemory {
    start: NonNull<u8>,
    bytes: usize,
    name: &'static CStr,
}

// SAFETY: the memory belongs to the process, not to a thread, and only `&mut self` methods write it.
unsafe impl Send for NamedMemory {}

impl NamedMemory {
    pub(crate) fn new(name: &'static CStr, bytes: usize) -> io::Result<Self> {
        let file = memory_file(name, bytes)?;
        let start = map(bytes, Some(&file))?;
        // SAFETY: a mapping of our own of this length.
        let kept_out = unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_DONTFORK) };
        if kept_out != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start, bytes, name })
    }

    pub(crate) fn address(&self) -> u64 {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// Writes bytes, as seen from outside in the order of the calls; what does not fit is refused.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) -> bool {
        if offset.checked_add(data.len()).is_none_or(|end| end > self.bytes) {
            return false;
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        for (place, byte) in (offset..).zip(data) {
            // SAFETY: `place` is inside the mapping, as checked above, and nothing in this process reads it.
            unsafe { self.start.add(place).write_volatile(*byte) };
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        true
    }

    /// Names the mapping, where the kernel can; elsewhere the name of its memory file has to do.
    pub(crate) fn name(&self) {
        // SAFETY: names a mapping of our own; the kernel copies the string.
        unsafe {
            libc::prctl(
                libc::PR_SET_VMA,
                libc::PR_SET_VMA_ANON_NAME as libc::c_ulong,
                self.start.as_ptr(),
                self.bytes as libc::c_ulong,
                self.name.as_ptr(),
            )
        };
    }
}

/// CPU time of this thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    now_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Time since boot, suspension included.
pub(crate) fn boot_ns() -> u64 {
    now_ns(libc::CLOCK_BOOTTIME)
}

/// Whether the dynamic symbols of this process name the thread context.
pub(crate) fn is_exported() -> bool {
    // SAFETY: looks a name up among the loaded modules; the string is terminated.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"otel_thread_ctx_v1".as_ptr()) }.is_null()
}

fn now_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec that lives on this stack; it stays zero when the clock does not exist.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}

fn memory_file(name: &CStr, bytes: usize) -> io::Result<OwnedFd> {
    let plain = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    for flags in [plain | libc::MFD_NOEXEC_SEAL, plain] {
        // SAFETY: the name is terminated and copied by the kernel.
        let fd = unsafe { libc::memfd_create(name.as_ptr(), flags) };
        if fd < 0 {
            continue;
        }
        // SAFETY: the descriptor was just opened and has no other owner.
        let file = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: sets the size of that file.
        if unsafe { libc::ftruncate(file.as_raw_fd(), bytes as libc::off_t) } == 0 {
            return Ok(file);
        }
    }
    Err(io::Error::last_os_error())
}

fn map(bytes: usize, file: Option<&OwnedFd>) -> io::Result<NonNull<u8>> {
    let (fd, kind) = file.map_or((-1, libc::MAP_ANONYMOUS), |file| (file.as_raw_fd(), 0));
    let (readable, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | kind);
    // SAFETY: a new private mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, readable, private, fd, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("the kernel mapped address zero"))
}
