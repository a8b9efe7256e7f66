//! What the mark of a code object says, by version. Measured on builds with default options on x86-64.

use std::{borrow::Cow, fmt};

use super::{CODE_UNITS_MAX, adaptive};
use crate::{
    Interpreter, Memory,
    layout::OBJECT_SIZE,
    memory::{read_array, read_bytes, u32_at, u64_at},
};

/// Whether a function has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionState {
    /// Its mark says that it ran.
    Executed,
    /// Its mark says that it did not run in this process or, after a fork, in those that it came from.
    Unexecuted,
    /// Its mark cannot say.
    Unknown,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// 3.8 to 3.10: entered so many times, generators once more per resumption; the count ends at 1,024.
    Entries(u16),
    /// 3.11: entered, resumed or gone around a loop so many times; the count ends at 8.
    Warmups(u8),
    /// 3.12: true when an instruction has counted or specialised; false when those that every way through the function
    /// comes by have not.
    Counted(bool),
    /// 3.13: whether the first instruction has turned into what the first execution makes of it.
    Resumed(bool),
    /// 3.12 and 3.13: it ran while, or since, `sys.monitoring` or a profile function was switched.
    Instrumented,
    /// 3.12: there is a way through the function without any instruction that counts.
    WithoutCounter,
    /// 3.12 and 3.13: a tool changed this function's instructions, which it can do without the function running.
    Rewritten,
    /// There are no instructions of a function: a compiled extension made it to be shown in tracebacks.
    NotBytecode,
    /// No interpreter writes such a mark.
    Implausible,
}

/// The mark of a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it says.
    pub sign: Sign,
    /// True when its body runs only while somebody iterates or awaits it.
    pub is_generator: bool,
    /// True for the body of a module or class: it runs as that is made.
    pub is_body: bool,
    /// 3.12 and 3.13: the version of monitored events that it followed when it last ran. They only grow; 0 before the
    /// first, and when a tool watches this function alone.
    pub epoch: u64,
}

/// Where a call count ends.
const ENTRIES_MAX: u32 = 1024;
const WARMUPS_MAX: i16 = 8;

/// Offsets of 3.8 to 3.10.
const ENTRIES: usize = 168;
/// Offset in 3.11.
const WARMUP: usize = 52;
/// Before the first instruction, in 3.12 and 3.13: the version of events it was last made to follow, and what a tool
/// asked of this function alone.
const INSTRUMENTATION_VERSION: usize = 32;
const MONITORING: usize = 24;
const LOCAL_MONITORS: usize = 10;

const GENERATOR_FLAGS: u32 = 0x20 | 0x80 | 0x200;
/// Functions have variables of their own.
const FUNCTION_FLAG: u32 = 0x1;
/// Shorter code cannot even return, or returns nothing but an error: `assert 0`.
const FUNCTION_BYTES_MIN: u64 = 4;
/// Instructions before the first `RESUME`: one for each variable that a closure takes, and a few. There are rarely many.
const PROLOGUE_BYTES_MAX: usize = 4096;
const PROLOGUE_BYTES: usize = 64;
/// Longer functions of 3.12 are only looked at so far.
const CODE_BYTES_MAX: usize = 1 << 20;

impl ExecutionState {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Unexecuted => "unexecuted",
            Self::Unknown => "unknown",
        }
    }
}

impl Sign {
    /// The state that follows.
    pub fn state(self) -> ExecutionState {
        match self {
            Self::Entries(0) | Self::Warmups(0) | Self::Counted(false) | Self::Resumed(false) => {
                ExecutionState::Unexecuted
            }
            Self::Entries(_)
            | Self::Warmups(_)
            | Self::Counted(true)
            | Self::Resumed(true)
            | Self::Instrumented => ExecutionState::Executed,
            Self::WithoutCounter | Self::Rewritten | Self::NotBytecode | Self::Implausible => {
                ExecutionState::Unknown
            }
        }
    }

    /// True when this mark says more than that of an ancestor: then the function ran here.
    pub fn is_beyond(self, ancestor: Self) -> bool {
        match (self, ancestor) {
            (Self::Entries(own), Self::Entries(its)) => own > its,
            (Self::Warmups(own), Self::Warmups(its)) => own > its,
            (Self::Counted(true), Self::WithoutCounter) => true,
            _ => self.state() == ExecutionState::Executed && ancestor.state() == ExecutionState::Unexecuted,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |f: &mut fmt::Formatter<'_>, count: u32, max: u32| match count {
            1 => f.write_str("once"),
            count if count >= max => write!(f, "at least {count} times"),
            count => write!(f, "{count} times"),
        };
        match self {
            Self::Entries(0) => f.write_str("call count is 0"),
            Self::Entries(count) => {
                f.write_str("entered ")?;
                times(f, (*count).into(), ENTRIES_MAX)
            }
            Self::Warmups(0) => f.write_str("warm-up counter is at its start"),
            Self::Warmups(count) => {
                f.write_str("entered, resumed or looped ")?;
                times(f, (*count).into(), WARMUPS_MAX.unsigned_abs().into())
            }
            Self::Counted(true) => f.write_str("instructions counted or specialised"),
            Self::Counted(false) => f.write_str("instruction counters are at their start"),
            Self::Resumed(true) => f.write_str("first instruction specialised"),
            Self::Resumed(false) => f.write_str("first instruction is as compiled"),
            Self::Instrumented => f.write_str("followed a change of monitored events, as only running does"),
            Self::WithoutCounter => f.write_str("can run without passing an instruction that counts"),
            Self::Rewritten => f.write_str("instructions were changed by a monitoring tool"),
            Self::NotBytecode => f.write_str("no bytecode: compiled extension"),
            Self::Implausible => f.write_str("mark is out of range"),
        }
    }
}

/// How much there is before the instructions, or up to the mark.
pub(super) fn head_bytes(interpreter: &Interpreter) -> usize {
    match interpreter.version.minor {
        ..=10 => ENTRIES + 4,
        _ => interpreter.code.code as usize,
    }
}

/// Everything of a code object that its mark can depend on: so much from its address on.
pub(super) fn bytes(interpreter: &Interpreter, code_units: u64) -> usize {
    let units = code_units.min(CODE_UNITS_MAX) as usize;
    match interpreter.version.minor {
        ..=10 => head_bytes(interpreter),
        11 => head_bytes(interpreter) + (2 * units).min(PROLOGUE_BYTES),
        12 => head_bytes(interpreter) + (2 * units).min(CODE_BYTES_MAX),
        _ => head_bytes(interpreter) + (2 * units).min(PROLOGUE_BYTES_MAX),
    }
}

/// What a mark is read from at once, as a rule.
pub(super) fn first_bytes(interpreter: &Interpreter, code_units: u64) -> usize {
    let code_bytes = 2 * code_units.min(CODE_UNITS_MAX) as usize;
    match interpreter.version.minor {
        ..=10 => head_bytes(interpreter),
        12 => bytes(interpreter, code_units),
        _ => head_bytes(interpreter) + code_bytes.min(PROLOGUE_BYTES),
    }
}

/// The mark. `None` when it went away. `head` is what was read of the object already: at least its head.
pub(super) fn read(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    address: u64,
    head: &[u8],
) -> Option<Mark> {
    let minor = interpreter.version.minor;
    let flags = u32_at(head, if minor <= 10 { 36 } else { 48 });
    let code = Code { memory, interpreter, address, head };
    let sign = match minor {
        ..=10 => code.entries(),
        11 => code.warmups(),
        12 => code.counted(),
        _ => code.resumed(),
    }?;
    let epoch = if minor < 12 || sign == Sign::Rewritten { 0 } else { code.instrumentation_version() };
    let (is_generator, is_body) = (flags & GENERATOR_FLAGS != 0, flags & FUNCTION_FLAG == 0);
    Some(Mark { sign, is_generator, is_body, epoch })
}

struct Code<'a> {
    memory: &'a dyn Memory,
    interpreter: &'a Interpreter,
    address: u64,
    head: &'a [u8],
}

impl Code<'_> {
    fn entries(&self) -> Option<Sign> {
        match u32_at(self.head, ENTRIES) {
            0 => {
                let bytes = u64_at(self.head, self.interpreter.code.code as usize);
                let size: [u8; 8] = read_array(self.memory, bytes.wrapping_add(OBJECT_SIZE.into())).ok()?;
                let is_function = u64::from_ne_bytes(size) >= FUNCTION_BYTES_MIN;
                Some(if is_function { Sign::Entries(0) } else { Sign::NotBytecode })
            }
            count @ 1..=ENTRIES_MAX => Some(Sign::Entries(count as u16)),
            _ => Some(Sign::Implausible),
        }
    }

    fn warmups(&self) -> Option<Sign> {
        let warmup = (u32_at(self.head, WARMUP) as u16).cast_signed();
        match warmup {
            -8 if self.resume(&opcodes::VERSION_11)?.is_none() => Some(Sign::NotBytecode),
            -8..=0 => Some(Sign::Warmups((warmup + WARMUPS_MAX) as u8)),
            _ => Some(Sign::Implausible),
        }
    }

    fn counted(&self) -> Option<Sign> {
        let Some(resume) = self.resume(&opcodes::VERSION_12)? else { return Some(Sign::NotBytecode) };
        let by_instructions = match adaptive::read(&self.instructions(CODE_BYTES_MAX)?) {
            adaptive::Counters::Moved => return Some(Sign::Counted(true)),
            adaptive::Counters::AtStart => Sign::Counted(false),
            adaptive::Counters::Undecided => Sign::WithoutCounter,
        };
        Some(self.instrumented(resume >= opcodes::VERSION_12.instrumented)?.unwrap_or(by_instructions))
    }

    fn resumed(&self) -> Option<Sign> {
        let Some(resume) = self.resume(&opcodes::VERSION_13)? else { return Some(Sign::NotBytecode) };
        if resume == opcodes::VERSION_13.specialised {
            return Some(Sign::Resumed(true));
        }
        let is_instrumented = resume >= opcodes::VERSION_13.instrumented;
        Some(self.instrumented(is_instrumented)?.unwrap_or(Sign::Resumed(false)))
    }

    /// What events say of a function, if anything. It follows a change of them when it next runs, unless a tool
    /// asks for events of this function alone: that takes marks away, too.
    fn instrumented(&self, is_resume_instrumented: bool) -> Option<Option<Sign>> {
        let version = self.instrumentation_version();
        let monitoring = u64_at(self.head, self.interpreter.code.code as usize - MONITORING);
        if version == 0 && monitoring == 0 && !is_resume_instrumented {
            return Some(None);
        }
        let local: [u8; LOCAL_MONITORS] = match monitoring {
            0 => [0; LOCAL_MONITORS],
            monitoring => read_array(self.memory, monitoring).ok()?,
        };
        let is_rewritten = version == 0 || local != [0; LOCAL_MONITORS];
        Some(Some(if is_rewritten { Sign::Rewritten } else { Sign::Instrumented }))
    }

    fn instrumentation_version(&self) -> u64 {
        u64_at(self.head, self.interpreter.code.code as usize - INSTRUMENTATION_VERSION)
    }

    /// The instruction that a function begins with once its frame is made. `None` inside when it has none, or
    /// nothing after it but a failed assertion.
    fn resume(&self, opcodes: &opcodes::Prologue) -> Option<Option<u8>> {
        let is_before = |unit: &[u8]| unit.first().is_some_and(|opcode| opcodes.before.contains(opcode));
        let mut code = self.instructions(PROLOGUE_BYTES)?;
        if code.chunks_exact(2).take(PROLOGUE_BYTES / 4).all(is_before) {
            code = self.instructions(PROLOGUE_BYTES_MAX)?;
        }
        let mut opcodes_found = code.chunks_exact(2).map(|unit| unit.first().copied().unwrap_or_default());
        let resume = opcodes_found.find(|opcode| !opcodes.before.contains(opcode));
        let resume = resume.filter(|resume| {
            [opcodes.resume, opcodes.specialised].contains(resume) || *resume >= opcodes.instrumented
        });
        let is_stand_in = opcodes_found.eq([opcodes.assertion_error, opcodes.raise]);
        Some(resume.filter(|_| !is_stand_in))
    }

    fn instructions(&self, bytes_max: usize) -> Option<Cow<'_, [u8]>> {
        let units = u64_at(self.head, OBJECT_SIZE as usize).min(CODE_UNITS_MAX) as usize;
        let bytes = (2 * units).min(bytes_max);
        let offset = self.interpreter.code.code;
        if let Some(known) = self.head.get(offset.into()..usize::from(offset) + bytes) {
            return Some(known.into());
        }
        read_bytes(self.memory, self.address.wrapping_add(offset.into()), bytes).ok().map(Cow::Owned)
    }
}

/// Numbers of instructions, which change with every version.
mod opcodes {
    /// The instructions around the beginning of a function.
    pub(super) struct Prologue {
        /// Those that may stand before `RESUME`.
        pub(super) before: &'static [u8],
        pub(super) resume: u8,
        /// What running makes of it.
        pub(super) specialised: u8,
        /// From here on, instructions are what a tool makes of others.
        pub(super) instrumented: u8,
        pub(super) assertion_error: u8,
        pub(super) raise: u8,
    }

    pub(super) const VERSION_11: Prologue = Prologue {
        before: &[1, 75, 135, 144, 149],
        resume: 151,
        specialised: 150,
        instrumented: 255,
        assertion_error: 74,
        raise: 130,
    };

    /// No running changes `RESUME` in this version.
    pub(super) const VERSION_12: Prologue = Prologue { specialised: 151, instrumented: 237, ..VERSION_11 };

    pub(super) const VERSION_13: Prologue = Prologue {
        before: &[32, 35, 62, 71, 94],
        resume: 149,
        specialised: 207,
        instrumented: 236,
        assertion_error: 23,
        raise: 101,
    };
}
