//! The C library's allocator, told to give memory back. Here because this crate alone may speak to the C library.

/// Makes large blocks mappings of their own, which go back to the system when they are freed, and keeps the number of
/// arenas small. Left alone, glibc raises that size after the first large block and then keeps what was freed: a
/// third of the agent's memory. For a process that is a guest; call it before threads start.
pub fn return_memory_early() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in
        [(libc::M_MMAP_THRESHOLD, 128 << 10), (libc::M_TRIM_THRESHOLD, 128 << 10), (libc::M_ARENA_MAX, 2)]
    {
        // SAFETY: mallopt takes two numbers and may be called at any time.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Gives freed blocks back to the system that lie between used ones. It takes a few milliseconds, so do it now and then,
/// when much has just been freed.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes a number and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
