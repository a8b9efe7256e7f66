//! The life of a finding: new, acknowledged for a while and up to a size, then fixed or gone, with a history.

use wire::api::findings::{Acknowledgement, Finding, FindingState, StateChange};

/// Steps of a finding's history that are kept: the first and the newest.
const HISTORY_MAX: usize = 50;

/// What a finding is after an analysis has seen it. `None` when there is nothing to keep: the cause of a finding that
/// nobody knows is gone already.
pub(crate) fn seen(known: Option<Finding>, reported: Finding, at_ms: i64) -> Option<Finding> {
    let is_resolved = is_resolved(&reported);
    let Some(known) = known else {
        let new = Finding {
            state: FindingState::New,
            first_seen_ms: at_ms,
            last_seen_ms: at_ms,
            acknowledged: None,
            history: Vec::new(),
            ..reported
        };
        return (!is_resolved).then(|| changed(new, FindingState::New, at_ms, "first seen"));
    };
    let owner = if reported.owner.is_empty() { known.owner } else { reported.owner };
    let (ledger, before) = (reported.banked, known.banked);
    let met = Finding {
        state: known.state,
        first_seen_ms: known.first_seen_ms,
        last_seen_ms: at_ms,
        acknowledged: known.acknowledged,
        history: known.history,
        owner,
        banked: wire::api::findings::Ledger {
            at_stake: ledger.at_stake.or(before.at_stake),
            predicted: ledger.predicted.or(before.predicted),
            observed: ledger.observed.or(before.observed),
            banked: ledger.banked.or(before.banked),
        },
        ..reported
    };
    let is_over = is_over(met.state);
    Some(match &met.acknowledged {
        _ if is_resolved && !is_over => changed(met, FindingState::Fixed, at_ms, "it is back at its level"),
        _ if is_resolved => met,
        _ if is_over => changed(met, FindingState::New, at_ms, "it came back"),
        Some(bound) if met.servers.value > bound.servers.max(0.0) * bound.at_most => {
            let why = format!(
                "it grew to {:.2} servers; {} acknowledged {:.2} and up to {:.0} % of that",
                met.servers.value,
                bound.owner,
                bound.servers,
                bound.at_most * 100.0
            );
            changed(met, FindingState::New, at_ms, &why)
        }
        _ => met,
    })
}

/// What an open finding is when a complete analysis has not seen it.
pub(crate) fn unseen(known: Finding, at_ms: i64) -> Finding {
    match is_resolved(&known) {
        true => changed(known, FindingState::Fixed, at_ms, "it is back at its level"),
        false => changed(known, FindingState::WentAway, at_ms, "it is not seen any more"),
    }
}

/// What a finding is when its acknowledgement has run out.
pub(crate) fn expired(known: Finding, at_ms: i64) -> Finding {
    let owner = known.acknowledged.as_ref().map(|acknowledged| acknowledged.owner.clone());
    let why = format!("the acknowledgement of {} ran out", owner.unwrap_or_default());
    changed(known, FindingState::New, at_ms, &why)
}

/// What a finding is when somebody answers for it.
pub(crate) fn acknowledged(known: Finding, acknowledgement: Acknowledgement) -> Finding {
    let why = format!("{}: {}", acknowledgement.owner, acknowledgement.reason);
    let at_ms = acknowledgement.at_ms;
    let known = changed(known, FindingState::Acknowledged, at_ms, &why);
    Finding { acknowledged: Some(acknowledgement), ..known }
}

/// True when nothing is left to do about it.
pub(crate) fn is_over(state: FindingState) -> bool {
    matches!(state, FindingState::Fixed | FindingState::WentAway)
}

/// Every other state than acknowledged ends the acknowledgement.
fn changed(mut finding: Finding, state: FindingState, at_ms: i64, why: &str) -> Finding {
    finding.state = state;
    finding.acknowledged = None;
    finding.history.push(StateChange { at_ms, state, why: why.to_owned() });
    if finding.history.len() > HISTORY_MAX {
        finding.history.remove(1);
    }
    finding
}

/// The analysis says that the cause is gone.
fn is_resolved(finding: &Finding) -> bool {
    finding.detail.get("resolved").and_then(serde_json::Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::api::findings::Range;

    use super::*;

    fn costing(servers: f64) -> Finding {
        let servers = Range { value: servers, low: servers, high: servers };
        Finding { id: "a".into(), servers, ..Finding::default() }
    }

    fn acknowledgement() -> Acknowledgement {
        let owner = "@ann".to_owned();
        let reason = "ranks better".to_owned();
        Acknowledgement { owner, reason, at_ms: 20, expires_ms: 99, servers: 1.0, at_most: 1.25 }
    }

    fn check(finding: &Finding, expected: &[(i64, FindingState)]) {
        let history: Vec<(i64, FindingState)> =
            finding.history.iter().map(|change| (change.at_ms, change.state)).collect();
        assert_eq!(history, expected, "{finding:?}");
        assert_eq!(Some(finding.state), expected.last().map(|(_, state)| *state));
        assert_eq!(finding.acknowledged.is_some(), finding.state == FindingState::Acknowledged);
    }

    #[test]
    fn a_finding_lives() {
        use FindingState::{Acknowledged, Fixed, New, WentAway};
        let first = seen(None, costing(1.0), 10).unwrap();
        check(&first, &[(10, New)]);
        let answered = acknowledged(first, acknowledgement());
        check(&answered, &[(10, New), (20, Acknowledged)]);
        let again = seen(Some(answered.clone()), costing(1.25), 30).unwrap();
        check(&again, &[(10, New), (20, Acknowledged)]);
        assert_eq!((again.first_seen_ms, again.last_seen_ms), (10, 30));
        let larger = seen(Some(again.clone()), costing(1.3), 40).unwrap();
        check(&larger, &[(10, New), (20, Acknowledged), (40, New)]);
        check(&expired(again.clone(), 99), &[(10, New), (20, Acknowledged), (99, New)]);
        let gone = unseen(again, 50);
        check(&gone, &[(10, New), (20, Acknowledged), (50, WentAway)]);
        let back = seen(Some(gone), costing(1.0), 60).unwrap();
        check(&back, &[(10, New), (20, Acknowledged), (50, WentAway), (60, New)]);
        let resolved = Finding { detail: json!({"resolved": true}), ..costing(0.0) };
        let fixed = seen(Some(back), resolved.clone(), 70).unwrap();
        check(&fixed, &[(10, New), (20, Acknowledged), (50, WentAway), (60, New), (70, Fixed)]);
        check(
            &seen(Some(fixed.clone()), resolved.clone(), 80).unwrap(),
            &[(10, New), (20, Acknowledged), (50, WentAway), (60, New), (70, Fixed)],
        );
        assert_eq!(seen(None, resolved, 1), None);
    }

    #[test]
    fn what_an_analysis_may_not_say_is_not_believed() {
        let boasting = Finding { state: FindingState::Fixed, first_seen_ms: 1, ..costing(1.0) };
        let first = seen(None, boasting.clone(), 10).unwrap();
        assert_eq!((first.state, first.first_seen_ms), (FindingState::New, 10));
        assert_eq!(seen(Some(first), boasting, 20).unwrap().state, FindingState::New);
    }

    #[test]
    fn a_long_history_keeps_its_beginning() {
        let mut finding = seen(None, costing(1.0), 0).unwrap();
        for at_ms in 1..200 {
            finding = unseen(finding, at_ms);
        }
        assert_eq!((finding.history.len(), finding.history[0].at_ms), (HISTORY_MAX, 0));
        assert_eq!(finding.history.last().unwrap().at_ms, 199);
    }
}
