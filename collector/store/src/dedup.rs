//! Which pushes are there already (invariant I12).

use std::collections::{HashMap, HashSet};

use model::{AgentId, PushKey};

/// The last push stored of one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its sequence.
    pub(crate) sequence: u64,
    /// When it came, by the collector's clock.
    pub(crate) at_ns: i64,
}

/// The last sequence of every agent. An agent sends in order, so anything not above it is a resend.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    agents: HashMap<AgentId, Seen>,
    /// Agents that changed since the catalog last heard of them.
    changed: HashSet<AgentId>,
}

impl Dedup {
    /// As the catalog has it.
    pub(crate) fn new(agents: HashMap<AgentId, Seen>) -> Self {
        Self { agents, changed: HashSet::new() }
    }

    /// What is remembered of an agent.
    pub(crate) fn get(&self, agent: AgentId) -> Option<Seen> {
        self.agents.get(&agent).copied()
    }

    /// True when the push is new; it is remembered then.
    pub(crate) fn insert(&mut self, key: PushKey, now_ns: i64) -> bool {
        let known = self.agents.get(&key.agent);
        if known.is_some_and(|seen| key.sequence <= seen.sequence) {
            return false;
        }
        self.agents.insert(key.agent, Seen { sequence: key.sequence, at_ns: now_ns });
        self.changed.insert(key.agent);
        true
    }

    /// Takes back an insertion that could not be made durable.
    pub(crate) fn restore(&mut self, agent: AgentId, before: Option<Seen>) {
        match before {
            Some(seen) => self.agents.insert(agent, seen),
            None => self.agents.remove(&agent),
        };
    }

    /// What changed since the last call, for the catalog.
    pub(crate) fn take_changes(&mut self) -> Vec<(AgentId, Seen)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter_map(|agent| Some((agent, self.get(agent)?))).collect()
    }

    /// Forgets agents that were not heard of since `before_ns`, so that this never grows without bound.
    pub(crate) fn forget(&mut self, before_ns: i64) {
        self.agents.retain(|agent, seen| seen.at_ns >= before_ns || self.changed.contains(agent));
    }

    /// How many agents are remembered.
    pub(crate) fn len(&self) -> usize {
        self.agents.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(agent: u128, sequence: u64) -> PushKey {
        PushKey { agent: AgentId(agent), sequence }
    }

    #[test]
    fn only_a_sequence_above_the_last_is_new() {
        let mut dedup = Dedup::default();
        let pushes = [(1, 1), (1, 1), (1, 3), (1, 2), (2, 1), (1, 4)];
        let new: Vec<bool> =
            pushes.iter().map(|(agent, sequence)| dedup.insert(key(*agent, *sequence), 0)).collect();
        assert_eq!(new, [true, false, true, false, true, true]);
        assert_eq!(dedup.take_changes().len(), 2);
        assert_eq!(dedup.take_changes(), []);
    }

    #[test]
    fn a_failed_push_can_come_again() {
        let mut dedup = Dedup::default();
        dedup.insert(key(1, 1), 0);
        let before = dedup.get(AgentId(1));
        dedup.insert(key(1, 2), 0);
        dedup.restore(AgentId(1), before);
        assert!(dedup.insert(key(1, 2), 0));
        assert!(!dedup.insert(key(1, 1), 0));
    }

    #[test]
    fn silent_agents_are_forgotten_once_the_catalog_knows() {
        let mut dedup = Dedup::default();
        dedup.insert(key(1, 1), 10);
        dedup.forget(20);
        assert_eq!(dedup.len(), 1);
        dedup.take_changes();
        dedup.forget(20);
        assert_eq!(dedup.len(), 0);
    }
}
