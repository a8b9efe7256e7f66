//! What can stop the agent.

use std::{io, path::PathBuf};

use agent_bpf::{CapabilityState, SamplerError};

use crate::{spool::SpoolError, upload::ClientError};

/// Why the agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Sampling is not possible; `fewer agent doctor` says what is missing.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The collector's address cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file with the collector's token cannot be read.
    #[error("token file: cannot read {path}: {source}")]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system did not answer a question that it should.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl AgentError {
    /// The message for a person: where permissions are missing, each on a line of its own with what to do.
    pub fn advice(&self) -> String {
        let Self::Sampler(SamplerError::NotPermitted { source, missing }) = self else {
            return self.to_string();
        };
        let needed = missing.iter().filter(|row| row.state == CapabilityState::Missing);
        let lines =
            needed.map(|row| format!("\n  {}: {}; {}", row.what, row.found, row.fix.unwrap_or(row.gives)));
        format!("the kernel does not permit sampling ({source}){}", lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use agent_bpf::CapabilityRow;

    use super::*;

    #[test]
    fn missing_permissions_stand_on_lines_of_their_own() {
        let row = |what, state| CapabilityRow {
            what,
            state,
            found: "not held".into(),
            gives: "samples",
            fix: Some("run as root"),
        };
        let missing = vec![row("CAP_A", CapabilityState::Missing), row("CAP_B", CapabilityState::Limited)];
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = AgentError::Sampler(SamplerError::NotPermitted { source, missing });
        insta::assert_snapshot!(error.advice(), @r"
        the kernel does not permit sampling (permission denied)
          CAP_A: not held; run as root
        ");
        assert_eq!(
            AgentError::Sampler(SamplerError::NoTargets).advice(),
            SamplerError::NoTargets.to_string()
        );
    }
}
