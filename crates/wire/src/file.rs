//! Profiles as files: which format a file has, reading any of them, writing one.

use std::{fmt, io};

use model::Batch;

use crate::{folded, pprof, reading, speedscope, svg};

/// A format that profiles are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// pprof's protobuf, compressed with gzip: `.pb.gz`.
    Pprof,
    /// A flame graph to look at: `.svg`.
    Svg,
    /// One line per stack, root first: `.folded`.
    Folded,
    /// What speedscope opens: `.speedscope.json`.
    Speedscope,
}

impl Format {
    /// The format that a file name asks for.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let endings = [
            (".pb.gz", Self::Pprof),
            (".pb", Self::Pprof),
            (".pprof", Self::Pprof),
            (".svg", Self::Svg),
            (".folded", Self::Folded),
            (".collapsed", Self::Folded),
            (".txt", Self::Folded),
            (".json", Self::Speedscope),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }

    /// The format that the first bytes show, where they do.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let start: &[u8] = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let head = start.get(..1024).unwrap_or(start);
        if reading::is_gzip(bytes) {
            Some(Self::Pprof)
        } else if start.strip_prefix(b"{").is_some_and(|json| json.trim_ascii_start().starts_with(b"\"")) {
            Some(Self::Speedscope)
        } else if start.starts_with(b"<") && head.windows(4).any(|bytes| bytes == b"<svg") {
            Some(Self::Svg)
        } else if fields_of_pprof(bytes) {
            Some(Self::Pprof)
        } else if !head.is_empty() && head.iter().all(|byte| *byte >= b' ' || byte.is_ascii_whitespace()) {
            Some(Self::Folded)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pprof => "pprof",
            Self::Svg => "SVG",
            Self::Folded => "folded",
            Self::Speedscope => "speedscope",
        })
    }
}

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Neither its name nor its content is of a known format.
    #[error("`{0}` is no profile: pprof (.pb.gz), .svg, .folded and .speedscope.json can be read")]
    UnknownFormat(String),
    /// It holds more than is read.
    #[error("the {format} file has more than {limit} {unit}: record for a shorter time or fewer processes")]
    Limit {
        /// What the file is.
        format: Format,
        /// What was counted, in the plural.
        unit: &'static str,
        /// How much is read.
        limit: u64,
    },
    /// It is not what its format says.
    #[error("this is not a whole {format} file: {problem}")]
    Malformed {
        /// What the file should be.
        format: Format,
        /// What is wrong, and where.
        problem: String,
    },
    /// It measures something else than time on a CPU.
    #[error("the {format} file measures {found}: only time on a CPU can be shown")]
    NotCpu {
        /// What the file is.
        format: Format,
        /// What it says it measures.
        found: String,
    },
    /// There is nothing to draw a picture of.
    #[error("the profile has no samples to draw")]
    Empty,
    /// The decoder below, or the writer, gave up.
    #[error("the {format} file is damaged: copy or record it again")]
    Damaged {
        /// What the file should be.
        format: Format,
        /// What the decoder says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FileError {
    pub(crate) fn malformed(format: Format, problem: impl Into<String>) -> Self {
        Self::Malformed { format, problem: problem.into() }
    }

    pub(crate) fn damaged(format: Format, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Damaged { format, source: Box::new(source) }
    }

    pub(crate) fn not_written(format: Format) -> impl Fn(io::Error) -> Self {
        move |source| Self::damaged(format, source)
    }
}

/// Reads a profile in any of the formats. The content decides; `name` decides where the content says nothing.
/// Whatever the format, the file may be compressed with gzip.
pub fn read_any(name: &str, bytes: &[u8]) -> Result<Batch, FileError> {
    let plain = reading::gunzip(Format::Pprof, bytes)?;
    let format = Format::sniff(&plain).or_else(|| Format::from_name(name));
    match format.ok_or_else(|| FileError::UnknownFormat(name.to_owned()))? {
        Format::Pprof => pprof::read(&plain),
        Format::Svg => svg::read(&plain),
        Format::Folded => folded::read(&plain),
        Format::Speedscope => speedscope::read(&plain),
    }
}

/// Writes a profile.
pub fn write(format: Format, batch: &Batch) -> Result<Vec<u8>, FileError> {
    match format {
        Format::Pprof => pprof::write(batch),
        Format::Svg => svg::write(batch, &svg::Options::default()),
        Format::Folded => Ok(folded::write(batch)),
        Format::Speedscope => speedscope::write(batch, "CPU"),
    }
}

fn fields_of_pprof(bytes: &[u8]) -> bool {
    // Every pprof starts with its sample types, field 1, or its samples, field 2; text never parses as a message.
    bytes.first().is_some_and(|first| matches!(first, 0x0a | 0x12))
        && crate::fields::count::<1>(bytes).is_some()
}

#[cfg(test)]
mod tests;
