//! What the agents last said of themselves.
//!
//! Kept in memory only: agents report with every push, so after a restart the list is whole again within one window.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{AgentId, AgentReport};

/// Rough cost of an entry beside its texts.
const ENTRY_BYTES: usize = 256;

/// The last report of each agent, bounded in number and in bytes. The agent that was heard longest ago makes room.
pub(crate) struct Hosts {
    agents_max: usize,
    bytes_max: usize,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    agents: HashMap<AgentId, Entry>,
    /// Agents by when they were heard, counted in reports.
    order: BTreeMap<u64, AgentId>,
    reports: u64,
    bytes: usize,
    forgotten: u64,
}

struct Entry {
    at: u64,
    bytes: usize,
    report: Arc<AgentReport>,
}

impl Hosts {
    pub(crate) fn new(agents_max: usize, bytes_max: usize) -> Self {
        Self { agents_max, bytes_max, heard: Mutex::default() }
    }

    /// Takes an agent's report; one that is older than the last is a resend and changes nothing.
    pub(crate) fn hear(&self, agent: AgentId, report: AgentReport) {
        let mut heard = self.lock();
        if heard.agents.get(&agent).is_some_and(|entry| entry.report.at_ns > report.at_ns) {
            return;
        }
        heard.forget(agent);
        heard.reports += 1;
        let (at, bytes) = (heard.reports, size_bytes(&report));
        heard.bytes += bytes;
        heard.order.insert(at, agent);
        heard.agents.insert(agent, Entry { at, bytes, report: Arc::new(report) });
        while heard.agents.len() > self.agents_max || heard.bytes > self.bytes_max {
            let Some((_, oldest)) = heard.order.first_key_value() else { break };
            let oldest = *oldest;
            heard.forget(oldest);
            heard.forgotten += 1;
        }
    }

    /// The reports with the latest times, latest first.
    pub(crate) fn latest(&self, limit: usize) -> Vec<(AgentId, Arc<AgentReport>)> {
        let mut reports: Vec<(AgentId, Arc<AgentReport>)> =
            self.lock().agents.iter().map(|(agent, entry)| (*agent, entry.report.clone())).collect();
        reports.sort_unstable_by_key(|(agent, report)| (Reverse(report.at_ns), *agent));
        reports.truncate(limit);
        reports
    }

    /// How many agents are known, and how many had to make room.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let heard = self.lock();
        (heard.agents.len() as u64, heard.forgotten)
    }

    /// A panic while the lock was held cannot have left more than a wrong count behind.
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn forget(&mut self, agent: AgentId) {
        if let Some(entry) = self.agents.remove(&agent) {
            self.order.remove(&entry.at);
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }
}

fn size_bytes(report: &AgentReport) -> usize {
    let facts: usize = report.facts.iter().map(|(key, value)| 64 + key.len() + value.len()).sum();
    let measures: usize = report.measures.keys().map(|name| 64 + name.len()).sum();
    ENTRY_BYTES + facts + measures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(at_ns: i64) -> AgentReport {
        AgentReport { at_ns, ..AgentReport::default() }
    }

    fn agents(hosts: &Hosts) -> Vec<(u128, i64)> {
        hosts.latest(100).iter().map(|(agent, report)| (agent.0, report.at_ns)).collect()
    }

    #[test]
    fn the_last_report_stands_and_the_freshest_is_first() {
        let hosts = Hosts::new(10, usize::MAX);
        for (agent, at_ns) in [(1, 10), (2, 20), (1, 30), (1, 5)] {
            hosts.hear(AgentId(agent), report(at_ns));
        }
        assert_eq!(agents(&hosts), [(1, 30), (2, 20)]);
        assert_eq!(hosts.latest(1).len(), 1);
    }

    #[test]
    fn the_agent_heard_longest_ago_makes_room() {
        let hosts = Hosts::new(2, usize::MAX);
        for agent in [1, 2, 1, 3] {
            hosts.hear(AgentId(agent), report(0));
        }
        assert_eq!(agents(&hosts), [(1, 0), (3, 0)]);
        assert_eq!(hosts.counts(), (2, 1));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let hosts = Hosts::new(10, 2 * size_bytes(&report(0)));
        for agent in 1..=4 {
            hosts.hear(AgentId(agent), report(0));
        }
        assert_eq!(agents(&hosts), [(3, 0), (4, 0)]);
        hosts.hear(
            AgentId(5),
            AgentReport { facts: [("k".into(), "v".repeat(5000).into())].into(), ..report(0) },
        );
        assert_eq!(agents(&hosts), []);
    }
}
