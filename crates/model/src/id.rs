//! Identities that travel with a push.

/// One life of one agent: new whenever its sequence numbers cannot be continued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(pub u128);

/// Names one push for ever. An agent counts `sequence` up by one per push and sends in that order, so a resend is
/// recognised by a sequence that is not above the last one stored (invariant I12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PushKey {
    /// Who sends.
    pub agent: AgentId,
    /// Which of its pushes; starts at 1.
    pub sequence: u64,
}
