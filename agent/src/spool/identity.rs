//! Who the agent is: its id and the last sequence number that it has used.

use std::{fs, io, path::Path};

use model::AgentId;

/// What must survive a restart so that sequence numbers go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) agent: AgentId,
    /// The last number used.
    pub(super) sequence: u64,
    /// The boot in which this was written.
    pub(super) boot_id: String,
}

const FILE: &str = "identity";
const VERSION: &str = "fewer-spool-1";

impl Identity {
    /// Reads what an earlier run of this boot left; anything unreadable counts as lost.
    pub(super) fn read(directory: &Path, boot_id: &str) -> Option<Self> {
        let text = fs::read_to_string(directory.join(FILE)).ok()?;
        let mut words = text.split_whitespace();
        let (version, agent, sequence, boot) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let agent = AgentId(u128::from_str_radix(agent, 16).ok()?);
        let identity = Self { agent, sequence: sequence.parse().ok()?, boot_id: boot.to_owned() };
        (version == VERSION && boot == boot_id && words.next().is_none()).then_some(identity)
    }

    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        let Self { agent, sequence, boot_id } = self;
        let text = format!("{VERSION} {:032x} {sequence} {boot_id}\n", agent.0);
        super::write_whole(&directory.join(FILE), text.as_bytes())
    }
}
