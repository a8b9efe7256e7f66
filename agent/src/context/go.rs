//! Go programs: which version built them, and with it where a goroutine keeps its profiler labels.
//!
//! From a thread pointer the way is: g, its m, the goroutine that m runs (`curg`), its labels. The structures have
//! no description in the program, so their offsets are a table by version.

mod build_info;

use object::{ReadRef, elf};

use super::{elf::Elf, tls};

/// Where labels are in a Go program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoLayout {
    /// The y of Go 1.y.
    pub(crate) minor_version: u32,
    /// Distance of the pointer to g from the thread pointer.
    pub(crate) g_offset: i64,
    /// Within g: its m.
    pub(crate) m: u32,
    /// Within m: the goroutine that it runs.
    pub(crate) curg: u32,
    /// Within g: its labels.
    pub(crate) labels: u32,
    pub(crate) form: LabelForm,
}

/// How Go keeps labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelForm {
    /// A pointer to a hash map of strings.
    Map,
    /// A pointer to a slice of pairs of strings.
    Slice,
}

/// Why labels of a Go program cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GoRefusal {
    /// The version's text is missing or not of the form `go1.y`.
    #[error("no Go version that can be read")]
    UnreadableVersion,
    /// A version without a row in the table.
    #[error("Go 1.{0}, known are 1.13 to 1.27")]
    UnknownVersion(u32),
    /// Other code shares the thread-local block, and no symbol says where g is.
    #[error("a stripped Go program with C code in it")]
    UnknownG,
}

struct Offsets {
    /// Last version that it holds for; it begins after the row above.
    last_minor: u32,
    curg: u32,
    labels: u32,
    form: LabelForm,
}

const OLDEST_MINOR: u32 = 13;
const OFFSETS: [Offsets; 7] = [
    Offsets { last_minor: 16, curg: 192, labels: 344, form: LabelForm::Map },
    Offsets { last_minor: 20, curg: 192, labels: 360, form: LabelForm::Map },
    Offsets { last_minor: 22, curg: 192, labels: 344, form: LabelForm::Map },
    Offsets { last_minor: 23, curg: 192, labels: 352, form: LabelForm::Map },
    Offsets { last_minor: 24, curg: 192, labels: 352, form: LabelForm::Slice },
    Offsets { last_minor: 25, curg: 184, labels: 344, form: LabelForm::Slice },
    Offsets { last_minor: 27, curg: 184, labels: 352, form: LabelForm::Slice },
];
/// Of m in g, in all versions.
const M: u32 = 48;
/// Go's own linker gives g the word below the thread pointer, and so does its start-up code without a linker.
const OWN_G_OFFSET: i64 = -8;
const G_SYMBOL: &str = "runtime.tlsg";

impl GoRefusal {
    /// Name for counters.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::UnreadableVersion => "unreadable version",
            Self::UnknownVersion(_) => "unknown version",
            Self::UnknownG => "unknown g",
        }
    }
}

/// Recognises a main executable written in Go; `None` for every other program.
pub(crate) fn recognise<'data, R: ReadRef<'data>>(
    elf: &Elf<'data, R>,
) -> Option<Result<GoLayout, GoRefusal>> {
    let version = build_info::version(elf)?;
    Some(layout(elf, version))
}

fn layout<'data, R: ReadRef<'data>>(
    elf: &Elf<'data, R>,
    version: Option<&'data [u8]>,
) -> Result<GoLayout, GoRefusal> {
    let minor_version = version.and_then(build_info::minor_version).ok_or(GoRefusal::UnreadableVersion)?;
    let offsets = offsets(minor_version).ok_or(GoRefusal::UnknownVersion(minor_version))?;
    let g_offset = g_offset(elf).ok_or(GoRefusal::UnknownG)?;
    let Offsets { curg, labels, form, .. } = *offsets;
    Ok(GoLayout { minor_version, g_offset, m: M, curg, labels, form })
}

fn offsets(minor_version: u32) -> Option<&'static Offsets> {
    let mut rows = OFFSETS.iter().filter(|_| minor_version >= OLDEST_MINOR);
    rows.find(|row| minor_version <= row.last_minor)
}

/// Distance of the pointer to g. A program linked by Go alone has no other thread-local variable. With C code in it
/// the C linker places g among others, and only the symbol says where.
fn g_offset<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>) -> Option<i64> {
    match (elf.thread_local_block(), elf.symbol(G_SYMBOL, elf::STT_TLS)) {
        (Some(block), Some(g)) => tls::static_offset(block, g.value),
        (None, _) => Some(OWN_G_OFFSET),
        (Some(block), None) if block.size == OWN_G_OFFSET.unsigned_abs() => Some(OWN_G_OFFSET),
        (Some(_), None) => None,
    }
}

#[cfg(test)]
mod tests;
