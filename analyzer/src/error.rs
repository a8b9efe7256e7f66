//! What can go wrong outside the verdict.

use std::{io, path::PathBuf};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzerError {
    /// What was asked for makes no sense here; asking again gives the same.
    #[error("{0}")]
    Usage(String),
    /// A program that is needed could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// Which one.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Git refused.
    #[error("git {command} failed: {message}")]
    Git {
        /// What it was asked.
        command: String,
        /// What it said.
        message: String,
    },
    /// A file of the repository says something that is not understood.
    #[error("{file}: {message}")]
    File {
        /// Which one.
        file: String,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// A folder could not be made.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The collector did not answer the question.
    #[error("the collector at {url} did not answer: {message}")]
    Collector {
        /// Its address.
        url: String,
        /// What it said, or what the network did.
        message: String,
    },
    /// Too little is known for an answer.
    #[error(transparent)]
    CannotSay(analyzer_detect::capacity::CannotSay),
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
}
