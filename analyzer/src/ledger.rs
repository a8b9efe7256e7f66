//! The life of a saving: *at stake* while it is found, *predicted* for the change that is advised, *observed* once the
//! memory is measured to be less, *banked* once servers are gone. Each step names the measurement that moved it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::api::{
    findings::{Finding, FindingState, Ledger},
    memory::MemoryReport,
};

use crate::capacity::workers;

/// What a service takes at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The proportional shares of all processes, for each worker, in megabytes.
    pub mb_per_worker: f64,
    /// Workers on all hosts.
    pub workers: f64,
    /// Hosts.
    pub hosts: f64,
}

/// One step, as it is kept with a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// `at stake`, `predicted`, `observed` or `banked`.
    pub stage: String,
    /// Servers.
    pub servers: f64,
    /// The measurement.
    pub by: String,
}

const MB: f64 = 1e6;
/// Less is noise: a worker's memory differs by this share from look to look.
const NOISE_SHARE: f64 = 0.02;
const STEPS_MAX: usize = 20;

/// What each service takes now.
pub fn levels(reports: &[MemoryReport]) -> BTreeMap<String, Level> {
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    for report in reports {
        let mut here: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for group in report.groups.iter().filter(|group| !group.service.is_empty()) {
            // What workers share with who forked them is in its share.
            here.entry(&group.service).or_default().0 += group.total.proportional as f64 / MB;
        }
        for (service, sum) in &mut here {
            sum.1 = workers(&report.groups, service).map(|group| group.processes as f64).sum();
        }
        for (service, (mb, workers)) in here {
            let level = levels.entry(service.to_owned()).or_default();
            let all_mb = level.mb_per_worker * level.workers + mb;
            level.workers += workers;
            level.mb_per_worker = all_mb / level.workers.max(1.0);
            level.hosts += 1.0;
            level.at_ms = level.at_ms.max(report.at_ms);
        }
    }
    levels
}

/// Notes what is at stake and predicted, and the level that later ones are held against.
pub fn opened(finding: &mut Finding, known: Option<&Finding>, level: Option<Level>, at_ms: i64) {
    let steps = known.map(steps).unwrap_or_default();
    finding.banked = known.map_or(finding.banked, |known| Ledger {
        at_stake: finding.banked.at_stake,
        predicted: finding.banked.predicted,
        ..known.banked
    });
    let first = known.and_then(self::level);
    let mut steps = steps;
    for (stage, servers) in [("at stake", finding.banked.at_stake), ("predicted", finding.banked.predicted)] {
        if let Some(servers) = servers
            && steps
                .iter()
                .rev()
                .find(|step| step.stage == stage)
                .is_none_or(|step| differ(step.servers, servers))
        {
            steps.push(Step { at_ms, stage: stage.to_owned(), servers, by: finding.title.clone() });
        }
    }
    // The hosts of the first look stay: servers that go later are counted from there.
    let level =
        level.map(|now| Level { hosts: first.map_or(now.hosts, |first| first.hosts.max(now.hosts)), ..now });
    write(finding, &steps, level.or(first));
}

/// What became of findings that were known before and are not seen now: what was measured since, and servers that are
/// gone. What several changes saved together is divided among them; together it is never more than was measured.
pub fn settled(known: &[Finding], seen: &[Finding], levels: &BTreeMap<String, Level>) -> Vec<Finding> {
    let mut settled = Vec::new();
    for (service, now) in levels {
        let of_service = || known.iter().filter(|finding| finding.service == *service);
        let is_open = |finding: &&Finding| {
            matches!(finding.state, FindingState::New | FindingState::Acknowledged)
                && seen.iter().all(|seen| seen.id != finding.id)
        };
        let gone: Vec<&Finding> = of_service().filter(is_open).collect();
        settled.extend(observed(&gone, *now));
        let is_to_bank = |finding: &&Finding| {
            finding.state == FindingState::Fixed && finding.banked.banked < finding.banked.observed
        };
        settled.extend(banked(&of_service().filter(is_to_bank).collect::<Vec<_>>(), *now));
    }
    settled
}

fn observed(gone: &[&Finding], now: Level) -> Vec<Finding> {
    let mb = |finding: &Finding| finding.detail.get("mb_saved").and_then(Value::as_f64).unwrap_or_default();
    let all_mb: f64 = gone.iter().map(|finding| mb(finding)).sum();
    gone.iter()
        .filter_map(|finding| {
            let before = level(finding)?;
            let drop_mb = (before.mb_per_worker - now.mb_per_worker) * now.workers;
            let is_noise = drop_mb <= NOISE_SHARE * before.mb_per_worker * now.workers;
            if is_noise || all_mb <= 0.0 || mb(finding) <= 0.0 {
                return None;
            }
            let part = (drop_mb / all_mb).min(1.0);
            let servers = finding.banked.at_stake.unwrap_or_default() * part;
            let mut finding = (*finding).clone();
            finding.banked.observed = Some(servers);
            let by = format!(
                "memory of a worker went from {:.1} to {:.1} MB, over {:.0} workers on {:.0} hosts",
                before.mb_per_worker, now.mb_per_worker, now.workers, now.hosts
            );
            add(&mut finding, Step { at_ms: now.at_ms, stage: "observed".to_owned(), servers, by }, before);
            Some(finding)
        })
        .collect()
}

/// Servers that are gone since the findings were first seen.
fn banked(fixed: &[&Finding], now: Level) -> Vec<Finding> {
    let before =
        fixed.iter().filter_map(|finding| level(finding)).map(|level| level.hosts).fold(0.0, f64::max);
    let already: f64 = fixed.iter().filter_map(|finding| finding.banked.banked).sum();
    let mut freed = (before - now.hosts - already).max(0.0);
    let mut moved = Vec::new();
    for finding in fixed {
        let (observed, has) =
            (finding.banked.observed.unwrap_or_default(), finding.banked.banked.unwrap_or_default());
        let more = (observed - has).min(freed);
        let Some(level) = level(finding).filter(|_| more > 0.0) else { continue };
        freed -= more;
        let mut finding = (*finding).clone();
        finding.banked.banked = Some(has + more);
        let by = format!("the service went from {before:.0} to {:.0} hosts", now.hosts);
        add(
            &mut finding,
            Step { at_ms: now.at_ms, stage: "banked".to_owned(), servers: has + more, by },
            level,
        );
        moved.push(finding);
    }
    moved
}

fn add(finding: &mut Finding, step: Step, level: Level) {
    let mut steps = steps(finding);
    steps.push(step);
    write(finding, &steps, Some(level));
    if let Some(detail) = finding.detail.as_object_mut() {
        detail.insert("resolved".to_owned(), json!(true));
    }
}

fn steps(finding: &Finding) -> Vec<Step> {
    let steps = finding.detail.get("ledger").cloned().unwrap_or_default();
    serde_json::from_value(steps).unwrap_or_default()
}

fn level(finding: &Finding) -> Option<Level> {
    serde_json::from_value(finding.detail.get("level")?.clone()).ok()
}

fn write(finding: &mut Finding, steps: &[Step], level: Option<Level>) {
    let newest = steps.len().saturating_sub(STEPS_MAX);
    if let Some(detail) = finding.detail.as_object_mut() {
        detail.insert("ledger".to_owned(), json!(steps.get(newest..)));
        detail.insert("level".to_owned(), json!(level));
    }
}

fn differ(one: f64, other: f64) -> bool {
    (one - other).abs() > 0.05 * one.abs().max(other.abs()).max(0.1)
}

#[cfg(test)]
mod tests {
    use wire::api::findings::FindingKind;

    use super::*;

    fn level_of(mb_per_worker: f64, hosts: f64, at_ms: i64) -> Level {
        Level { at_ms, mb_per_worker, workers: 16.0 * hosts, hosts }
    }

    fn found(id: &str, servers: f64, mb_saved: f64, level: Level) -> Finding {
        let mut finding = Finding {
            id: id.into(),
            kind: FindingKind::Sharing,
            service: "feed".into(),
            title: format!("{id} is held 16 times"),
            banked: Ledger { at_stake: Some(servers), predicted: Some(servers / 2.0), ..Ledger::default() },
            detail: json!({ "mb_saved": mb_saved }),
            ..Finding::default()
        };
        opened(&mut finding, None, Some(level), level.at_ms);
        finding
    }

    fn now(level: Level) -> BTreeMap<String, Level> {
        BTreeMap::from([("feed".to_owned(), level)])
    }

    fn told(finding: &Finding) -> String {
        let line = |step: Step| format!("{} {}: {:.2} ({})\n", step.at_ms, step.stage, step.servers, step.by);
        steps(finding).into_iter().map(line).collect()
    }

    #[test]
    fn a_saving_goes_from_stake_to_bank_with_its_measurements() {
        let before = level_of(450.0, 10.0, 1);
        let first = found("conf.SETTINGS", 4.0, 12_000.0, before);
        // Seen again, a little different: nothing moves.
        let mut again = Finding { banked: Ledger { at_stake: Some(4.01), ..first.banked }, ..first.clone() };
        opened(&mut again, Some(&first), Some(level_of(451.0, 10.0, 2)), 2);
        assert_eq!(steps(&again).len(), 2);
        assert_eq!(settled(&[again.clone()], &[again.clone()], &now(level_of(375.0, 10.0, 3))), []);
        // Not seen any more, and memory is less: 76 MB for each of 160 workers.
        let observed = settled(&[again], &[], &now(level_of(375.0, 10.0, 3)));
        assert_eq!(observed[0].detail["resolved"], json!(true));
        let fixed = Finding { state: FindingState::Fixed, ..observed[0].clone() };
        assert_eq!(settled(std::slice::from_ref(&fixed), &[], &now(level_of(375.0, 10.0, 4))), []);
        let banked = settled(std::slice::from_ref(&fixed), &[], &now(level_of(375.0, 8.0, 5)));
        assert_eq!(banked[0].banked.banked, Some(2.0));
        // Many more hosts go than this was worth.
        let done = settled(
            &[Finding { state: FindingState::Fixed, ..banked[0].clone() }],
            &[],
            &now(level_of(375.0, 1.0, 6)),
        );
        insta::assert_snapshot!(told(&done[0]), @"
        1 at stake: 4.00 (conf.SETTINGS is held 16 times)
        1 predicted: 2.00 (conf.SETTINGS is held 16 times)
        3 observed: 4.01 (memory of a worker went from 451.0 to 375.0 MB, over 160 workers on 10 hosts)
        5 banked: 2.00 (the service went from 10 to 8 hosts)
        6 banked: 4.01 (the service went from 10 to 1 hosts)
        ");
    }

    #[test]
    fn several_changes_share_what_was_measured() {
        let before = level_of(450.0, 10.0, 1);
        let known = [found("a", 4.0, 12_000.0, before), found("b", 4.0, 12_000.0, before)];
        let observed = settled(&known, &[], &now(level_of(375.0, 10.0, 3)));
        let sum: f64 = observed.iter().filter_map(|finding| finding.banked.observed).sum();
        assert!((sum - 4.0).abs() < 1e-9 && observed.len() == 2, "{sum}");
        // A change that memory does not show is not observed.
        assert_eq!(settled(&known, &[], &now(level_of(449.0, 10.0, 3))), []);
        assert_eq!(settled(&known, &[], &BTreeMap::new()), []);
    }

    #[test]
    fn levels_are_averaged_over_hosts() {
        use wire::api::memory::{MemoryGroup, MemorySizes};
        let group = |processes, mb: u64| MemoryGroup {
            service: "feed".into(),
            processes,
            total: MemorySizes { proportional: mb * 1_000_000, ..MemorySizes::default() },
            ..MemoryGroup::default()
        };
        let report = |at_ms, groups| MemoryReport { host: "a".into(), at_ms, groups };
        let found = levels(&[report(5, vec![group(4, 400), group(1, 50)]), report(9, vec![group(5, 550)])]);
        let workers = MemoryGroup { forked: true, ..group(4, 400) };
        let forked = levels(&[report(5, vec![workers, group(1, 100)])]);
        assert_eq!((forked["feed"].mb_per_worker, forked["feed"].workers), (125.0, 4.0));
        assert_eq!(found["feed"], Level { at_ms: 9, mb_per_worker: 100.0, workers: 10.0, hosts: 2.0 });
    }
}
