//! What was told to whom: a small JSON file, replaced as a whole.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use serde::{Deserialize, Serialize};
use wire::api::findings::FindingState;

use crate::error::AnalyzerError;

/// Findings that are remembered for a receiver; beyond, those that are over are forgotten first.
const FINDINGS_MAX: usize = 20_000;

/// What is over is forgotten after so long.
const FORGET_AFTER_MS: i64 = 30 * 24 * 3_600_000;

const SCHEMA: &str = "fewer.alerts/1";

/// What was told, by receiver and finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentState {
    schema: String,
    sent: BTreeMap<String, BTreeMap<String, Sent>>,
}

/// What a receiver was told last about a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The finding's state.
    pub state: FindingState,
    /// Its size, in servers.
    pub servers: f64,
    /// When it was told, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// When a receiver that forgets was last reminded.
    pub reminded_ms: i64,
}

impl Default for SentState {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), sent: BTreeMap::new() }
    }
}

impl SentState {
    /// Reads the file; nothing was told when there is none.
    pub fn read(path: &Path) -> Result<Self, AnalyzerError> {
        let wrong = |message: String| AnalyzerError::File { file: path.display().to_string(), message };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let fix = "remove it, and everything that is open is told once more";
        let state: Self = serde_json::from_str(&text).map_err(|error| wrong(format!("{error}; {fix}")))?;
        match state.schema == SCHEMA {
            true => Ok(state),
            false => Err(wrong(format!("its schema is not `{SCHEMA}`; {fix}"))),
        }
    }

    /// Replaces the file: a reader sees the old or the new one, and a crash leaves one of them.
    pub fn write(&self, path: &Path) -> Result<(), AnalyzerError> {
        let wrong = |error: std::io::Error| AnalyzerError::Folder { path: path.to_owned(), source: error };
        let text = serde_json::to_vec_pretty(self).map_err(|error| wrong(error.into()))?;
        let beside = path.with_extension("json.new");
        let mut file = fs::File::create(&beside).map_err(wrong)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(wrong)?;
        fs::rename(&beside, path).map_err(wrong)
    }

    /// What a receiver was told last about a finding.
    pub fn last(&self, receiver: &str, finding: &str) -> Option<&Sent> {
        self.sent.get(receiver)?.get(finding)
    }

    /// Remembers what a receiver was told, and forgets what is long over.
    pub fn remember(&mut self, receiver: &str, finding: &str, sent: Sent) {
        let now_ms = sent.reminded_ms;
        let told = self.sent.entry(receiver.to_owned()).or_default();
        told.insert(finding.to_owned(), sent);
        if told.len() > FINDINGS_MAX {
            let is_over = |sent: &Sent| is_over(sent.state);
            told.retain(|_, sent| !is_over(sent) || now_ms - sent.at_ms < FORGET_AFTER_MS);
            while told.len() > FINDINGS_MAX {
                let oldest = told.iter().min_by_key(|(_, sent)| (!is_over(sent), sent.at_ms));
                let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { break };
                told.remove(&oldest);
            }
        }
    }
}

/// True for a finding that needs nobody any more.
pub(super) fn is_over(state: FindingState) -> bool {
    matches!(state, FindingState::Fixed | FindingState::WentAway)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at_ms: i64, state: FindingState) -> Sent {
        Sent { state, servers: 1.0, at_ms, reminded_ms: at_ms }
    }

    #[test]
    fn what_was_told_is_read_back_and_a_broken_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sent.json");
        let mut state = SentState::read(&path).unwrap();
        state.remember("team", "a", sent(5, FindingState::New));
        state.write(&path).unwrap();
        assert_eq!(SentState::read(&path).unwrap(), state);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        for text in ["{", r#"{"schema":"other","sent":{}}"#] {
            fs::write(&path, text).unwrap();
            let error = SentState::read(&path).unwrap_err().to_string();
            assert!(error.contains("sent.json") && error.contains("remove it"), "{error}");
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_goes_first() {
        let mut state = SentState::default();
        state.remember("team", "over", sent(50, FindingState::Fixed));
        for at in 0..FINDINGS_MAX as i64 {
            state.remember("team", &format!("open {at}"), sent(at, FindingState::New));
        }
        assert_eq!(state.sent["team"].len(), FINDINGS_MAX);
        assert!(state.last("team", "over").is_none() && state.last("team", "open 0").is_some());
    }
}
