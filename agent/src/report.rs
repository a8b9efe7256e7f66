//! What the agent says of itself with every push.

use std::{collections::BTreeMap, sync::Arc};

use agent_bpf::Sampler;
use model::{AgentReport, Measure};

use crate::{budget::Cost, doctor::backend_name, host::Host, spool::SpoolUsage, tally::Tally};

/// What is known at the end of one window.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Everything counted so far.
    pub(crate) tally: Tally,
    /// What the window cost.
    pub(crate) cost: Cost,
    /// CPU time since the start.
    pub(crate) cpu_ns: u64,
    /// The sampling rate.
    pub(crate) rate_hz: u32,
}

/// Facts that do not change while the agent runs.
pub(crate) fn facts(host: &Host, sampler: &Sampler) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut facts = host.facts.clone();
    facts.insert("agent.backend".into(), backend_name(sampler.backend()).into());
    facts.insert("agent.kernel_stacks".into(), sampler.sees_kernel().to_string().into());
    if let Some(reason) = sampler.fallback_reason() {
        facts.insert("agent.backend.reason".into(), reason.to_string().into());
    }
    facts
}

/// The report.
pub(crate) fn report(
    at_ns: i64,
    facts: &BTreeMap<Arc<str>, Arc<str>>,
    state: &State,
    spool: SpoolUsage,
) -> AgentReport {
    let cpus = state.cost.cpu_ns as f64 / (state.cost.elapsed_ns as f64).max(1.0);
    let own = [
        ("agent_cpu_ns_total", Measure::Counter(state.cpu_ns)),
        ("agent_cpu_cores", Measure::Gauge(cpus)),
        ("agent_rss_bytes", Measure::Gauge(state.cost.rss_bytes as f64)),
        ("sampling_rate_hz", Measure::Gauge(f64::from(state.rate_hz))),
        ("spool_bytes", Measure::Gauge(spool.bytes as f64)),
        ("spool_pushes", Measure::Gauge(spool.pushes as f64)),
        ("spool_drops_total", Measure::Counter(spool.dropped)),
        ("spool_set_aside_total", Measure::Counter(spool.set_aside)),
    ];
    let own = own.into_iter().map(|(name, measure)| (name.into(), measure));
    AgentReport { at_ns, facts: facts.clone(), measures: state.tally.measures().chain(own).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_counters_and_the_cost() {
        let mut tally = Tally::default();
        tally.add("unwind_outcome_total", "complete", 5);
        let cost = Cost { cpu_ns: 20, elapsed_ns: 1000, rss_bytes: 7 };
        let state = State { tally, cost, cpu_ns: 99, rate_hz: 19 };
        let spool = SpoolUsage { pushes: 1, bytes: 2, dropped: 3, set_aside: 4 };
        let facts = BTreeMap::from([("host.name".into(), "h".into())]);
        let report = report(5, &facts, &state, spool);
        let lines: Vec<String> =
            report.measures.iter().map(|(name, measure)| format!("{name} {measure:?}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        agent_cpu_cores Gauge(0.02)
        agent_cpu_ns_total Counter(99)
        agent_rss_bytes Gauge(7.0)
        sampling_rate_hz Gauge(19.0)
        spool_bytes Gauge(2.0)
        spool_drops_total Counter(3)
        spool_pushes Gauge(1.0)
        spool_set_aside_total Counter(4)
        unwind_outcome_total{outcome="complete"} Counter(5)
        "#);
        assert_eq!((report.at_ns, report.facts), (5, facts));
    }
}
