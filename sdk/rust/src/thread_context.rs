//! The thread-local variable `otel_thread_ctx_v1` (OTEP 4947): a pointer to the record of what this thread works for.
//!
//! A profiler finds the variable by its name among the dynamic symbols and reads the pointer of an interrupted thread. That
//! needs the TLSDESC access model, which stable Rust cannot ask for, so definition and access are assembly. In an
//! executable the linker turns the access into a constant offset from the thread pointer.
#![allow(unsafe_code)]

/// Whether this target has the variable.
pub(crate) const SUPPORTED: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Points this thread's context at a record, or at nothing, and returns what it pointed at.
///
/// The pointer is only ever read by profilers, at any moment, so a record must never change nor be freed.
#[inline]
pub(crate) fn replace(record: *const u8) -> *const u8 {
    let Some(variable) = variable() else { return std::ptr::null() };
    // SAFETY: the variable is an aligned pointer of this thread, alive as long as the thread. Volatile, because
    // the reader is outside of the program; nobody else writes it while this runs.
    unsafe {
        let before = variable.read_volatile();
        std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::Release);
        variable.write_volatile(record);
        before
    }
}

// Weak, so that another library of the process may define the same variable (OTEP 4947 has one per process).
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
std::arch::global_asm!(
    ".pushsection .tbss.otel_thread_ctx_v1,\"awT\",@nobits",
    ".weak otel_thread_ctx_v1",
    ".type otel_thread_ctx_v1,@object",
    ".size otel_thread_ctx_v1,8",
    ".p2align 3",
    "otel_thread_ctx_v1:",
    ".zero 8",
    ".popsection",
);

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[inline]
fn variable() -> Option<*mut *const u8> {
    let address: usize;
    // SAFETY: the sequence that the x86-64 ABI prescribes for TLSDESC, unchanged so that linkers recognise it. The
    // resolver uses the stack and may allocate. It should preserve every register but rax; in a library loaded late, glibc
    // before 2.40 does not, so all that a C function may change is given up.
    unsafe {
        std::arch::asm!(
            "lea rax, [rip + otel_thread_ctx_v1@TLSDESC]",
            "call [rax + otel_thread_ctx_v1@TLSCALL]",
            "add rax, qword ptr fs:[0]",
            out("rax") address,
            clobber_abi("C"),
        );
    }
    Some(std::ptr::with_exposed_provenance_mut(address))
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
#[inline]
fn variable() -> Option<*mut *const u8> {
    let address: usize;
    // SAFETY: the sequence that the AArch64 ABI prescribes for TLSDESC. The resolver uses the stack and may allocate;
    // all that a C function may change is given up, as on x86-64.
    unsafe {
        std::arch::asm!(
            "adrp x0, :tlsdesc:otel_thread_ctx_v1",
            "ldr x1, [x0, :tlsdesc_lo12:otel_thread_ctx_v1]",
            "add x0, x0, :tlsdesc_lo12:otel_thread_ctx_v1",
            ".tlsdesccall otel_thread_ctx_v1",
            "blr x1",
            "mrs x1, tpidr_el0",
            "add x0, x0, x1",
            out("x0") address,
            out("x1") _,
            clobber_abi("C"),
        );
    }
    Some(std::ptr::with_exposed_provenance_mut(address))
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[inline]
fn variable() -> Option<*mut *const u8> {
    None
}
