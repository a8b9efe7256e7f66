//! Opening perf events: the one place that makes the system calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use perf_event_open_sys as sys;
use perf_event_open_sys::bindings::{self, perf_event_attr};

use crate::options::{SamplerOptions, Trigger};

/// Linux register indexes (`asm/perf_regs.h`) in the order of [`crate::UserRegisters::general`].
pub(crate) const GENERAL_REGISTERS: [u64; 16] = [0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
pub(crate) const IP_REGISTER: u64 = 8;
pub(crate) const FLAGS_REGISTER: u64 = 9;

/// Registers to record: the sixteen general ones, ip and flags.
pub(crate) const REGISTER_MASK: u64 = 0xff_03ff;
pub(crate) const REGISTER_COUNT: u8 = REGISTER_MASK.count_ones() as u8;

/// Fields that every record carries, and by which records of several rings are put in order.
pub(crate) const COMMON_FIELDS: u64 =
    (bindings::PERF_SAMPLE_TID | bindings::PERF_SAMPLE_TIME | bindings::PERF_SAMPLE_CPU) as u64;

/// Fields of a perf ring sample.
pub(crate) const SAMPLE_FIELDS: u64 = COMMON_FIELDS
    | (bindings::PERF_SAMPLE_CALLCHAIN | bindings::PERF_SAMPLE_REGS_USER | bindings::PERF_SAMPLE_STACK_USER)
        as u64;

/// Whose events to count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Everything that runs on the CPU.
    Cpu,
    /// One thread and what it starts from now on, while on the CPU.
    Thread(u32),
}

/// A sampling event that no one reads: a BPF program is attached to it. Starts disabled.
pub(crate) fn trigger_attributes(options: &SamplerOptions) -> perf_event_attr {
    let mut attributes = base_attributes();
    match options.trigger {
        Trigger::CpuClock => {
            attributes.type_ = bindings::PERF_TYPE_SOFTWARE;
            attributes.config = u64::from(bindings::PERF_COUNT_SW_CPU_CLOCK);
            attributes.__bindgen_anon_1.sample_period = options.period_ns();
        }
        Trigger::Cycles => {
            attributes.type_ = bindings::PERF_TYPE_HARDWARE;
            attributes.config = u64::from(bindings::PERF_COUNT_HW_CPU_CYCLES);
            attributes.set_freq(1);
            attributes.__bindgen_anon_1.sample_freq = u64::from(options.frequency_hz);
        }
    }
    attributes.set_disabled(1);
    attributes.set_exclude_idle(1);
    attributes
}

/// A sampling event whose samples and life records go to a ring. Starts disabled.
pub(crate) fn sample_attributes(options: &SamplerOptions, wakeup_bytes: u32) -> perf_event_attr {
    let mut attributes = trigger_attributes(options);
    attributes.sample_type = SAMPLE_FIELDS;
    attributes.set_exclude_callchain_user(1);
    attributes.sample_regs_user = REGISTER_MASK;
    // The kernel wants the whole record under 64 KiB and shortens the stack itself, but not this field.
    attributes.sample_stack_user = options.stack_bytes.min(65_528);
    add_life_records(&mut attributes, wakeup_bytes);
    attributes
}

/// An event that counts nothing and reports the life of processes.
pub(crate) fn life_attributes(wakeup_bytes: u32) -> perf_event_attr {
    let mut attributes = base_attributes();
    attributes.type_ = bindings::PERF_TYPE_SOFTWARE;
    attributes.config = u64::from(bindings::PERF_COUNT_SW_DUMMY);
    attributes.sample_type = COMMON_FIELDS;
    add_life_records(&mut attributes, wakeup_bytes);
    attributes
}

fn base_attributes() -> perf_event_attr {
    let size = u32::try_from(size_of::<perf_event_attr>()).unwrap_or(bindings::PERF_ATTR_SIZE_VER5);
    let mut attributes = perf_event_attr { size, ..perf_event_attr::default() };
    attributes.set_use_clockid(1);
    attributes.clockid = libc::CLOCK_MONOTONIC;
    attributes
}

fn add_life_records(attributes: &mut perf_event_attr, wakeup_bytes: u32) {
    attributes.set_mmap(1);
    attributes.set_mmap2(1);
    attributes.set_comm(1);
    attributes.set_comm_exec(1);
    attributes.set_task(1);
    attributes.set_sample_id_all(1);
    attributes.set_watermark(1);
    attributes.__bindgen_anon_2.wakeup_watermark = wakeup_bytes;
}

/// Opens an event on a CPU. With [`Scope::Thread`] it is inherited by what the thread starts.
pub(crate) fn open(attributes: &perf_event_attr, scope: Scope, cpu: u32) -> io::Result<OwnedFd> {
    let mut attributes = *attributes;
    let pid = match scope {
        Scope::Cpu => -1,
        Scope::Thread(tid) => {
            attributes.set_inherit(1);
            i32::try_from(tid).map_err(io::Error::other)?
        }
    };
    let cpu = i32::try_from(cpu).map_err(io::Error::other)?;
    let flags = libc::c_ulong::from(bindings::PERF_FLAG_FD_CLOEXEC);
    // SAFETY: the attributes are initialised, carry their own size and outlive the call.
    let fd = unsafe { sys::perf_event_open(&raw mut attributes, pid, cpu, -1, flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just returned this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts an event.
pub(crate) fn enable(event: &impl AsFd) -> io::Result<()> {
    // SAFETY: the descriptor is open and the request takes a plain number.
    check(unsafe { sys::ioctls::ENABLE(event.as_fd().as_raw_fd(), 0) })
}

/// Changes the period, or the frequency of an event that was opened with one.
pub(crate) fn set_period(event: &impl AsFd, period: u64) -> io::Result<()> {
    // The request takes the number by address, whatever the binding's type says.
    let address = (&raw const period).addr() as u64;
    // SAFETY: the descriptor is open and the kernel only reads `period`, which outlives the call.
    check(unsafe { sys::ioctls::PERIOD(event.as_fd().as_raw_fd(), address) })
}

/// Runs a loaded BPF program at each of the event's overflows.
pub(crate) fn attach_program(event: &impl AsFd, program: &impl AsFd) -> io::Result<()> {
    let program = u32::try_from(program.as_fd().as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: both descriptors are open during the call.
    check(unsafe { sys::ioctls::SET_BPF(event.as_fd().as_raw_fd(), program) })
}

/// Sends an event's records to another event's ring.
pub(crate) fn redirect(event: &impl AsFd, to: &impl AsFd) -> io::Result<()> {
    // SAFETY: both descriptors are open during the call.
    check(unsafe { sys::ioctls::SET_OUTPUT(event.as_fd().as_raw_fd(), to.as_fd().as_raw_fd()) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
