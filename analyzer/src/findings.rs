//! From an analysis' rows to findings that are kept, and what became of those that were found before.

use analyzer_report::{
    flags::FlagRow,
    regressions::Finding as Regression,
    versions::{VersionRow, VersionVerdict},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::api::findings::{Finding, FindingKind, FindingState, Ledger, Range};

use crate::{regressions::Service, series::Seen};

/// Steps at the end of a series that say where it is now.
const NOW_STEPS: usize = 12;

/// Of a rise, what has to be left for it to be there still.
const LEFT_MIN: f64 = 0.5;

/// Costs of a flag that are likely false among those that become findings.
const FALSE_SHARE: f64 = 0.05;

/// What is seen of a service, as findings; what was found before and cannot be seen as a step any more is looked up.
pub fn of_regressions(service: &Service, known: &[Finding], owner: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for row in &service.report.findings {
        join(&mut findings, of_regression(row, owner));
    }
    for row in &service.report.versions {
        let is_told = |finding: &Finding| finding.endpoints.contains(&row.endpoint);
        if row.verdict == VersionVerdict::Dearer && !findings.iter().any(is_told) {
            findings.push(of_version(row, owner));
        }
    }
    for finding in known.iter().filter(|finding| !is_over(finding.state)) {
        if findings.iter().all(|seen| seen.id != finding.id)
            && let Some(finding) = again(finding, &service.seen)
        {
            findings.push(finding);
        }
    }
    findings
}

/// What flags of a service cost, as findings: those that cost surely something.
pub fn of_flags(service: &str, rows: &[FlagRow]) -> Vec<Finding> {
    rows.iter().filter(|row| row.adjusted_p_value <= FALSE_SHARE).map(|row| of_flag(service, row)).collect()
}

fn range(value: f64, (low, high): (f64, f64)) -> Range {
    Range { value, low, high }
}

fn of_regression(row: &Regression, owner: &dyn Fn(&str) -> String) -> Finding {
    let cause = match row.function.as_str() {
        "" => row.endpoints.iter().min().cloned().unwrap_or_default(),
        function => format!("{function}\n{}\n{}", row.place, row.is_own),
    };
    Finding {
        id: id(&["regression", &row.service, &cause]),
        kind: FindingKind::Regression,
        service: row.service.clone(),
        title: row.title(),
        servers: range(row.servers, row.servers_interval),
        cores: range(row.cores, row.cores_interval),
        owner: owner(&row.file),
        endpoints: row.endpoints.clone(),
        function: row.function.clone(),
        file: row.file.clone(),
        at_ms: row.at_ms,
        banked: Ledger { at_stake: Some(row.servers), ..Ledger::default() },
        detail: detail(row),
        ..Finding::default()
    }
}

fn of_version(row: &VersionRow, owner: &dyn Fn(&str) -> String) -> Finding {
    let suspect = row.suspects.first();
    let percent = analyzer_report::number::signed_percent(row.after_ns / row.before_ns - 1.0);
    Finding {
        id: id(&["version", &row.service, &row.version, &row.endpoint]),
        kind: FindingKind::Regression,
        service: row.service.clone(),
        title: format!("{}: {percent} CPU per request since version {}", row.endpoint, row.version),
        servers: range(row.servers, row.servers_interval),
        cores: range(row.cores, row.cores_interval),
        owner: suspect.map(|one| owner(&one.place)).unwrap_or_default(),
        endpoints: vec![row.endpoint.clone()],
        function: suspect.map(|one| one.function.clone()).unwrap_or_default(),
        file: suspect.map(|one| one.place.clone()).unwrap_or_default(),
        at_ms: row.at_ms,
        banked: Ledger { at_stake: Some(row.servers), ..Ledger::default() },
        detail: detail(row),
        ..Finding::default()
    }
}

fn of_flag(service: &str, row: &FlagRow) -> Finding {
    let (low, high) = row.cores_interval;
    let servers = |cores: f64| cores * row.servers_per_core;
    let percent = analyzer_report::number::signed_percent(
        row.variant_ns / row.baseline_ns.max(f64::MIN_POSITIVE) - 1.0,
    );
    Finding {
        id: id(&["flag", service, &row.flag, &row.variant, &row.baseline_variant, &row.endpoint]),
        kind: FindingKind::Flag,
        service: service.to_owned(),
        title: format!("{} = {}: {percent} CPU per request in {}", row.flag, row.variant, row.endpoint),
        servers: Range { value: servers(row.cores), low: servers(low), high: servers(high) },
        cores: Range { value: row.cores, low, high },
        endpoints: vec![row.endpoint.clone()],
        banked: Ledger { at_stake: Some(servers(row.cores)), ..Ledger::default() },
        detail: detail(row),
        ..Finding::default()
    }
}

/// A finding of before whose step the series does not show any more, because it is too long ago or because it is over:
/// the level now decides. None when its function is not seen at all.
fn again(known: &Finding, seen: &Seen) -> Option<Finding> {
    let number = |name: &str| known.detail.get(name).and_then(Value::as_f64);
    let (before, after) = (number("before_ns")?, number("after_ns")?);
    let now = level(known, seen)?;
    let is_over = now - before < LEFT_MIN * (after - before);
    let mut finding = known.clone();
    if let Some(detail) = finding.detail.as_object_mut() {
        detail.insert("now_ns".to_owned(), json!(now));
        if is_over {
            detail.insert("resolved".to_owned(), json!(true));
        }
    }
    Some(finding)
}

/// What the finding's function, or its endpoint, costs now.
fn level(known: &Finding, seen: &Seen) -> Option<f64> {
    let fleet = &seen.fleet;
    let endpoint = known.endpoints.first()?;
    let is_own = known.detail.get("is_own").and_then(Value::as_bool).unwrap_or(false);
    let is_it = |series: &analyzer_detect::regressions::fleet::Series| {
        use analyzer_detect::regressions::fleet::Scope;
        let function = series.function.and_then(|at| fleet.functions.get(at));
        let scope = match (known.function.is_empty(), is_own) {
            (true, _) => Scope::Endpoint,
            (false, true) => Scope::Own,
            (false, false) => Scope::Total,
        };
        fleet.endpoints.get(series.endpoint).is_some_and(|one| one.name == *endpoint)
            && series.scope == scope
            && function.is_none_or(|function| function.name == known.function)
    };
    let values = seen.pooled(fleet.series.iter().position(is_it)?);
    let last: Vec<f64> = values.into_iter().rev().filter(|value| value.is_finite()).take(NOW_STEPS).collect();
    (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64)
}

/// Two rises of one function are one finding: it costs what they cost together, since the first.
fn join(findings: &mut Vec<Finding>, new: Finding) {
    let Some(known) = findings.iter_mut().find(|known| known.id == new.id) else {
        findings.push(new);
        return;
    };
    let sum = |one: Range, other: Range| Range {
        value: one.value + other.value,
        low: one.low + other.low,
        high: one.high + other.high,
    };
    known.servers = sum(known.servers, new.servers);
    known.cores = sum(known.cores, new.cores);
    known.banked.at_stake = Some(known.servers.value);
    known.at_ms = known.at_ms.min(new.at_ms);
    for endpoint in new.endpoints {
        if !known.endpoints.contains(&endpoint) {
            known.endpoints.push(endpoint);
        }
    }
}

fn is_over(state: FindingState) -> bool {
    matches!(state, FindingState::Fixed | FindingState::WentAway)
}

fn detail(row: &impl Serialize) -> Value {
    serde_json::to_value(row).unwrap_or_default()
}

/// Text that is the same for the same cause: 128 bits of its hash.
pub(crate) fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use analyzer_detect::regressions::fleet::{Endpoint, FleetSeries, FunctionName, Host, Scope, Series};
    use analyzer_report::regressions::RegressionReport;

    use super::*;

    /// One function of one endpoint, whose cost is a number of nanoseconds per request in each step.
    fn service(costs: &[f64], findings: Vec<Regression>) -> Service {
        let requests = vec![10.0; costs.len()];
        let cpu_ns: Vec<f64> = costs.iter().map(|cost| cost * 10.0).collect();
        let series =
            |scope, function| Series { scope, function, cpu_ns: cpu_ns.clone(), ..Series::default() };
        let fleet = FleetSeries {
            steps: costs.len(),
            step_s: 60.0,
            hosts: vec![Host::default()],
            endpoints: vec![Endpoint { name: "/feed".into(), requests, sampled_ns: cpu_ns.clone() }],
            functions: vec![FunctionName { name: "rank".into(), ..FunctionName::default() }],
            series: vec![series(Scope::Endpoint, None), series(Scope::Total, Some(0))],
            ..FleetSeries::default()
        };
        let report = RegressionReport { findings, ..RegressionReport::default() };
        Service { name: "feed".into(), report, seen: Seen { fleet, ..Seen::default() } }
    }

    fn row(at_ms: i64, servers: f64) -> Regression {
        Regression {
            service: "feed".into(),
            endpoints: vec!["/feed".into()],
            function: "rank".into(),
            file: "feed/rank.py".into(),
            at_ms,
            before_ns: 10.0,
            after_ns: 20.0,
            servers,
            servers_interval: (servers, servers),
            ..Regression::default()
        }
    }

    fn nobody(file: &str) -> String {
        format!("@{file}")
    }

    #[test]
    fn a_rise_out_of_sight_is_there_as_long_as_its_level_is() {
        let first = of_regressions(&service(&[10.0; 20], vec![row(5, 1.0)]), &[], &nobody);
        assert_eq!((first.len(), first[0].owner.as_str()), (1, "@feed/rank.py"));
        let later = |cost: f64| of_regressions(&service(&[cost; 20], Vec::new()), &first, &nobody);
        let stays = later(19.0);
        assert_eq!((stays[0].id.as_str(), stays[0].detail.get("resolved")), (first[0].id.as_str(), None));
        assert_eq!(later(11.0)[0].detail.get("resolved"), Some(&json!(true)));
        let mut gone = service(&[19.0; 20], Vec::new());
        gone.seen.fleet.series.pop();
        assert!(of_regressions(&gone, &first, &nobody).is_empty());
        let fixed = [Finding { state: FindingState::Fixed, ..first[0].clone() }];
        assert!(of_regressions(&service(&[19.0; 20], Vec::new()), &fixed, &nobody).is_empty());
    }

    #[test]
    fn one_function_is_one_finding() {
        let found = of_regressions(&service(&[10.0; 20], vec![row(9, 1.0), row(5, 2.0)]), &[], &nobody);
        assert_eq!((found.len(), found[0].servers.value, found[0].at_ms), (1, 3.0, 5));
    }

    #[test]
    fn a_dearer_version_is_told_where_nothing_else_is() {
        let mut looked = service(&[10.0; 20], Vec::new());
        let version = |endpoint: &str, verdict| VersionRow {
            version: "2".into(),
            endpoint: endpoint.into(),
            verdict,
            before_ns: 10.0,
            after_ns: 11.0,
            servers: 1.0,
            servers_interval: (0.5, 1.5),
            ..VersionRow::default()
        };
        looked.report.versions =
            vec![version("/feed", VersionVerdict::Dearer), version("/login", VersionVerdict::NoChange)];
        let found = of_regressions(&looked, &[], &nobody);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "/feed: +10.0 % CPU per request since version 2");
        let servers = found[0].servers;
        assert!((servers.low - 0.5).abs() < 1e-9 && (servers.high - 1.5).abs() < 1e-9, "{servers:?}");
        looked.report.findings = vec![row(5, 1.0)];
        assert_eq!(of_regressions(&looked, &[], &nobody).len(), 1);
    }

    #[test]
    fn only_what_a_flag_surely_costs_is_told() {
        let row = |adjusted_p_value| FlagRow {
            flag: "ranker".into(),
            variant: "on".into(),
            endpoint: "/feed".into(),
            baseline_ns: 10.0,
            variant_ns: 13.0,
            cores: 2.0,
            cores_interval: (1.0, 3.0),
            servers_per_core: 0.125,
            adjusted_p_value,
            ..FlagRow::default()
        };
        let found = of_flags("feed", &[row(0.001), row(0.4)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "ranker = on: +30.0 % CPU per request in /feed");
        assert_eq!(found[0].servers, Range { value: 0.25, low: 0.125, high: 0.375 });
    }
}
