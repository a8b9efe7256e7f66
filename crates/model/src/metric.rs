//! What an agent says of itself.

use std::{collections::BTreeMap, sync::Arc};

/// One named measure of an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Counts up from the start of the agent.
    Counter(u64),
    /// The value now.
    Gauge(f64),
}

/// An agent's account of itself at one moment: facts about the host, outcomes counted, cost measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentReport {
    /// When, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// Facts in words: host name, agent version, kernel, way of sampling.
    pub facts: BTreeMap<Arc<str>, Arc<str>>,
    /// Measures by name, e.g. `unwind_outcome_total{outcome="complete"}`.
    pub measures: BTreeMap<Arc<str>, Measure>,
}
