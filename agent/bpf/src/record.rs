//! One raw sample, and the reading of a sampling program's record into one.
//!
//! A record is a fixed header followed by sections of type, length and payload, each padded to eight bytes.
//! Readers skip sections they do not know, so later kinds are appended without moving anything.
//! `src/bpf/record.h` is the other half of this layout.

mod context;
mod python;
mod text;

use std::fmt;

use linux_perf_event_reader::RawDataU64;

use crate::cursor::Cursor;

pub use context::{
    ContextOutcome, ContextSource, LABEL_KEY_BYTES_MAX, LABEL_VALUE_BYTES_MAX, LABELS_MAX, RawContext,
};
pub use python::{PYTHON_FRAMES_MAX, PythonFrame, PythonFrames, PythonOutcome, PythonStack};
pub use text::{RawText, TEXT_BYTES, TextOutcome};

/// Version of the record layout that [`decode`] reads.
pub const VERSION: u16 = 1;

const HEADER_BYTES: u16 = 80;
const FLAG_USER_MODE: u32 = 1;
const FLAG_KERNEL_THREAD: u32 = 1 << 1;
const SECTION_KERNEL_STACK: u16 = 1;
const SECTION_REGISTERS: u16 = 2;
const SECTION_USER_STACK: u16 = 3;
const SECTION_PYTHON: u16 = 4;
const SECTION_CONTEXT: u16 = 5;
const SECTION_QUERY_TEXT: u16 = 6;
const END_TOP: u64 = 0;
const END_CAP: u64 = 1;
const END_FAULT: u64 = 2;
/// Callchain words from here up are markers such as "kernel addresses follow", not addresses.
const FIRST_CONTEXT_MARKER: u64 = -4095_i64 as u64;

/// What the kernel wrote for one sampling event: everything is of the same instant.
#[derive(Clone, Debug)]
pub struct RawSample<'a> {
    /// Time on `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// The CPU that was interrupted.
    pub cpu: u32,
    /// The process (thread group).
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What the CPU was doing.
    pub mode: Mode,
    /// The thread's name. The perf ring cannot carry it: read `/proc/PID/task/TID/comm` there.
    pub comm: Option<Comm>,
    /// Identity of the address space; `None` for kernel threads and exiting ones. The perf ring cannot carry it: key
    /// by pid and exec there.
    pub image: Option<ImageKey>,
    /// Kernel addresses, leaf first; empty when the thread ran user code.
    pub kernel_stack: Addresses<'a>,
    /// The user side; `None` for kernel threads, workers that the kernel runs for a process, and exiting threads.
    pub user: Option<UserState<'a>>,
    /// The thread's Python frames; `None` where no interpreter is configured.
    pub python: Option<PythonStack<'a>>,
    /// The running request's context; `None` where no source of one is configured.
    pub context: Option<RawContext<'a>>,
    /// The running query's text; `None` where none is configured.
    pub query_text: Option<RawText<'a>>,
}

/// What a CPU was doing when it was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// User code.
    User,
    /// The kernel on behalf of a process.
    Kernel,
    /// A kernel thread.
    KernelThread,
}

/// Identity of one address-space image: equal in forked children, new after exec.
///
/// `start_stack` alone is random per exec; the other fields keep images apart where address space randomization
/// is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageKey {
    /// Where the kernel put the first stack frame.
    pub start_stack: u64,
    /// Where the executable's code starts.
    pub start_code: u64,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// Device of the executable's file system (major and minor number). Overlay and btrfs mounts report another
    /// one to `stat`.
    pub exe_device: (u32, u32),
}

/// Registers and stack of the interrupted user code, or of the user code that entered the kernel.
#[derive(Clone, Debug)]
pub struct UserState<'a> {
    /// The registers.
    pub registers: UserRegisters,
    /// The thread pointer (`fs` base), where thread-local variables are found; the perf ring cannot carry it.
    pub thread_pointer: Option<u64>,
    /// The copied stack.
    pub stack: UserStack<'a>,
}

/// x86-64 registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserRegisters {
    /// General registers by their DWARF number: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 … r15.
    pub general: [u64; 16],
    /// The instruction pointer.
    pub ip: u64,
    /// The flags.
    pub flags: u64,
}

/// A copy of user stack memory. It holds private data and must never leave the agent's memory.
#[derive(Clone, Copy)]
pub struct UserStack<'a> {
    /// Address of the first byte; at or a little below the stack pointer.
    pub address: u64,
    /// Where the thread's stack begins, when known and above the stack pointer.
    pub top: Option<u64>,
    /// Why the copy ends where it does.
    pub end: StackEnd,
    /// The copied bytes, upwards from `address`.
    pub bytes: &'a [u8],
}

/// Why a stack copy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackEnd {
    /// It reached the top of the thread's stack.
    Top,
    /// It reached the configured size: the rest is missing, the sample counts as truncated.
    Cap,
    /// The next page was not readable. Copies of the perf ring end so where the stack's memory ends.
    Fault,
}

/// A thread's name: at most 15 bytes, not always UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Comm([u8; 16]);

/// A borrowed list of addresses.
#[derive(Clone)]
pub struct Addresses<'a>(Words<'a>);

#[derive(Clone)]
enum Words<'a> {
    Bytes(&'a [u8]),
    Perf(RawDataU64<'a>),
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The record ends inside a field.
    #[error("the record ends at byte {bytes}, inside {field}")]
    Short {
        /// Bytes there are.
        bytes: usize,
        /// The field that did not fit.
        field: &'static str,
    },
    /// The sampling program is of another build.
    #[error(
        "the record has version {found} with a header of {header_bytes} bytes; this build reads version {VERSION}"
    )]
    Version {
        /// The version found.
        found: u16,
        /// The header size found.
        header_bytes: u16,
    },
    /// A field holds what no sampling program writes.
    #[error("{field} of the record is {value}, which has no meaning")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
}

/// Reads one record of the sampling program. Pure; never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<RawSample<'_>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let record_bytes = cursor.u32("the record size")?;
    let (found, header_bytes) = (cursor.u16("the version")?, cursor.u16("the header size")?);
    if found != VERSION || header_bytes != HEADER_BYTES {
        return Err(DecodeError::Version { found, header_bytes });
    }
    let mut sample = decode_header(&mut cursor)?;
    let body_bytes = (record_bytes as usize).saturating_sub(usize::from(HEADER_BYTES));
    let mut body = Cursor::new(cursor.bytes(body_bytes, "the sections")?);
    let (mut registers, mut stack) = (None, None);
    while !body.is_empty() {
        let (kind, _reserved) = (body.u16("a section's kind")?, body.u16("a section's kind")?);
        let length = body.u32("a section's length")? as usize;
        let payload = body.bytes(length, "a section")?;
        body.skip_to_multiple_of_8();
        match kind {
            SECTION_KERNEL_STACK => sample.kernel_stack = Addresses(Words::Bytes(payload)),
            SECTION_REGISTERS => registers = Some(decode_registers(payload)?),
            SECTION_USER_STACK => stack = Some(decode_stack(payload)?),
            SECTION_PYTHON => sample.python = Some(python::decode(payload)?),
            SECTION_CONTEXT => sample.context = Some(context::decode(payload)?),
            SECTION_QUERY_TEXT => sample.query_text = Some(text::decode(payload)?),
            _ => {}
        }
    }
    sample.user = registers.map(|(registers, thread_pointer)| UserState {
        registers,
        thread_pointer: Some(thread_pointer),
        stack: stack.unwrap_or(UserStack::empty(registers.sp())),
    });
    Ok(sample)
}

fn decode_header<'a>(cursor: &mut Cursor<'a>) -> Result<RawSample<'a>, DecodeError> {
    let time_ns = cursor.u64("the time")?;
    let cpu = cursor.u32("the cpu")?;
    let pid = cursor.u32("the pid")?;
    let tid = cursor.u32("the tid")?;
    let flags = cursor.u32("the flags")?;
    let comm = Comm::from_bytes(cursor.bytes(16, "the comm")?);
    let image = ImageKey {
        start_stack: cursor.u64("the image")?,
        start_code: cursor.u64("the image")?,
        exe_inode: cursor.u64("the image")?,
        exe_device: split_kernel_device(cursor.u32("the image")?),
    };
    cursor.u32("the header's end")?;
    let mode = match (flags & FLAG_KERNEL_THREAD != 0, flags & FLAG_USER_MODE != 0) {
        (true, _) => Mode::KernelThread,
        (false, true) => Mode::User,
        (false, false) => Mode::Kernel,
    };
    Ok(RawSample {
        time_ns,
        cpu,
        pid,
        tid,
        mode,
        comm: Some(comm),
        image: (image.start_stack != 0).then_some(image),
        kernel_stack: Addresses::EMPTY,
        user: None,
        python: None,
        context: None,
        query_text: None,
    })
}

fn decode_registers(payload: &[u8]) -> Result<(UserRegisters, u64), DecodeError> {
    let mut cursor = Cursor::new(payload);
    let mut registers = UserRegisters::default();
    for register in &mut registers.general {
        *register = cursor.u64("the registers")?;
    }
    registers.ip = cursor.u64("the registers")?;
    registers.flags = cursor.u64("the registers")?;
    Ok((registers, cursor.u64("the thread pointer")?))
}

fn decode_stack(payload: &[u8]) -> Result<UserStack<'_>, DecodeError> {
    let mut cursor = Cursor::new(payload);
    let address = cursor.u64("the stack's address")?;
    let top = cursor.u64("the stack's top")?;
    let end = match cursor.u64("the stack's end")? {
        END_TOP => StackEnd::Top,
        END_CAP => StackEnd::Cap,
        END_FAULT => StackEnd::Fault,
        value => return Err(DecodeError::Value { field: "the stack's end", value }),
    };
    Ok(UserStack { address, top: (top != 0).then_some(top), end, bytes: cursor.rest() })
}

/// The kernel keeps twelve bits of major and twenty bits of minor number.
fn split_kernel_device(device: u32) -> (u32, u32) {
    (device >> 20, device & 0xf_ffff)
}

/// The reverse of [`split_kernel_device`].
pub(crate) fn join_kernel_device((major, minor): (u32, u32)) -> u32 {
    major << 20 | (minor & 0xf_ffff)
}

impl UserRegisters {
    /// The stack pointer.
    #[must_use]
    pub fn sp(&self) -> u64 {
        self.general[7]
    }

    /// The frame pointer.
    #[must_use]
    pub fn bp(&self) -> u64 {
        self.general[6]
    }
}

impl<'a> UserStack<'a> {
    /// A copy without bytes, as when nothing could be read.
    #[must_use]
    pub fn empty(address: u64) -> Self {
        Self { address, top: None, end: StackEnd::Fault, bytes: &[] }
    }

    /// The word at an address of the target, when the copy holds it.
    #[must_use]
    pub fn word(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        let bytes = self.bytes.get(offset..offset.checked_add(8)?)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }
}

impl fmt::Debug for UserStack<'_> {
    /// Shows the size and never the contents, so that no log can leak them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UserStack")
            .field("address", &self.address)
            .field("top", &self.top)
            .field("end", &self.end)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl Comm {
    /// The name in `bytes` up to the first zero, cut to 15 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut comm = [0; 16];
        for (to, from) in comm.iter_mut().take(15).zip(bytes.iter().take_while(|byte| **byte != 0)) {
            *to = *from;
        }
        Self(comm)
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The name, with what is not UTF-8 replaced.
    #[must_use]
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string_lossy())
    }
}

impl<'a> Addresses<'a> {
    /// No addresses.
    pub const EMPTY: Self = Self(Words::Bytes(&[]));

    pub(crate) fn from_callchain(words: RawDataU64<'a>) -> Self {
        Self(Words::Perf(words))
    }

    /// The addresses in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let count = match &self.0 {
            Words::Bytes(bytes) => bytes.len() / 8,
            Words::Perf(words) => words.len(),
        };
        (0..count).filter_map(|idx| self.word(idx)).filter(|word| *word < FIRST_CONTEXT_MARKER)
    }

    fn word(&self, idx: usize) -> Option<u64> {
        match &self.0 {
            Words::Bytes(bytes) => {
                bytes.get(idx * 8..idx * 8 + 8).and_then(|word| word.try_into().ok()).map(u64::from_ne_bytes)
            }
            Words::Perf(words) => words.get(idx),
        }
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(|address| format!("{address:#x}"))).finish()
    }
}
