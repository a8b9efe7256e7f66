//! What findings free, in the words of the model.

use analyzer_detect::{
    capacity::{Amount, Effect, Finding},
    sharing::Cause,
};
use analyzer_report::sharing::SharingRow;
use wire::api::findings::{self, FindingKind, FindingState, Range};

use super::{Known, Measured, memory::Workers};
use crate::sharing::{cause_name, row_id};

/// A finding and where it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Effective {
    pub(super) id: String,
    pub(super) finding: Finding,
}

/// Findings of one service; beyond so many, the least are left out.
const FINDINGS_MAX: usize = 40;
/// An interval of 95 % is so many standard errors wide.
const INTERVAL_ERRORS: f64 = 3.92;
const MB: f64 = 1e6;

/// What sharing and everything else that was found would free of a service.
pub(super) fn of_service(
    service: &str,
    known: Known<'_>,
    (measured, workers): (&Measured, Option<&Workers>),
) -> Vec<Effective> {
    let rows = known.sharing.rows.iter().filter(|row| row.service == service);
    let memory = rows.filter_map(|row| of_memory(row, workers?));
    let open = |finding: &&findings::Finding| {
        finding.service == service
            && matches!(finding.state, FindingState::New | FindingState::Acknowledged)
            && matches!(finding.kind, FindingKind::Regression | FindingKind::Flag | FindingKind::DeadCode)
    };
    let cpu = known.findings.iter().filter(open).filter_map(|finding| of_cpu(finding, measured));
    memory.take(FINDINGS_MAX).chain(cpu.take(FINDINGS_MAX)).collect()
}

/// Memory of each worker. Of what each loaded one copy becomes shared; of what was loaded before the fork there is one.
fn of_memory(row: &SharingRow, workers: &Workers) -> Option<Effective> {
    let copy = row.mb_per_process * MB;
    let is_used = row.cause == cause_name(Cause::Dirtied);
    let shared = if is_used { 0.0 } else { copy };
    let on_host = |mb: f64| mb * MB / (row.hosts as f64).max(1.0);
    let of_worker = |saved: f64| ((on_host(saved) + shared) / workers.per_host.max(1.0)).min(copy);
    row.mb_saved?;
    let (low, high) = row.mb_retained_range;
    let (low, high) = (of_worker(low), of_worker(high));
    let worker_bytes = match row.mb_retained.filter(|_| is_used) {
        // Its pages tell what use leaves.
        Some(likely) => {
            let value = of_worker(likely).clamp(low, high);
            Amount::Estimate { value, standard_error: (high - low) / INTERVAL_ERRORS }
        }
        None => Amount::Range { low, high },
    };
    let name = format!("{} ({}, {})", row.owner, row.kind, row.cause);
    Some(Effective {
        id: row_id(row),
        finding: Finding {
            name,
            effect: Effect::Memory { worker_bytes, shared_bytes: Amount::Known(shared) },
        },
    })
}

fn of_cpu(finding: &findings::Finding, measured: &Measured) -> Option<Effective> {
    let Range { value, low, high } = finding.cores;
    if value <= 0.0 || measured.cores <= 0.0 {
        return None;
    }
    let share = |cores: f64| (cores / measured.cores).clamp(0.0, 1.0);
    let standard_error = (share(high) - share(low)).max(0.0) / INTERVAL_ERRORS;
    let effect = Effect::Cpu(Amount::Estimate { value: share(value), standard_error });
    Some(Effective { id: finding.id.clone(), finding: Finding { name: finding.title.clone(), effect } })
}

#[cfg(test)]
mod tests {
    use analyzer_detect::capacity::HostMemory;
    use analyzer_report::sharing::SharingReport;

    use super::*;

    #[test]
    fn rows_and_findings_become_effects() {
        let known = |value| Amount::Known(value);
        let of_host = HostMemory {
            host_bytes: known(1e9),
            base_bytes: known(0.0),
            shared_bytes: known(0.0),
            worker_bytes: known(1e8),
            request_s: known(0.1),
        };
        let workers = Workers { of_host, per_host: 4.0, hosts: 2.0 };
        let row = SharingRow {
            service: "feed".into(),
            owner: "conf.SETTINGS".into(),
            hosts: 2,
            processes: 8,
            mb_per_process: 75.0,
            mb_saved: Some(450.0),
            mb_retained: Some(50.0),
            mb_retained_range: (50.0, 450.0),
            ..SharingRow::default()
        };
        let sharing = SharingReport {
            rows: vec![row.clone(), SharingRow { service: "x".into(), ..row.clone() }],
            ..SharingReport::default()
        };
        let finding = |cores: f64, state| findings::Finding {
            id: "r".into(),
            service: "feed".into(),
            state,
            cores: Range { value: cores, low: cores / 2.0, high: cores * 1.5 },
            ..findings::Finding::default()
        };
        let all = [
            finding(1.0, FindingState::New),
            finding(1.0, FindingState::Fixed),
            finding(-1.0, FindingState::New),
        ];
        let measured = Measured { cores: 4.0, rate: 10.0, ..Measured::default() };
        let known = Known { memory: &[], sharing: &sharing, findings: &all };
        let found = of_service("feed", known, (&measured, Some(&workers)));
        assert_eq!(found.len(), 2);
        let Effect::Memory { worker_bytes, shared_bytes } = found[0].finding.effect else {
            panic!("{found:?}")
        };
        // 225 MB a host and the copy that stays, over four workers: all of the 75 MB in each.
        assert_eq!(
            (worker_bytes, shared_bytes),
            (Amount::Range { low: 25e6, high: 75e6 }, Amount::Known(75e6))
        );
        let dirtied = SharingRow {
            cause: cause_name(Cause::Dirtied).into(),
            mb_retained: Some(400.0),
            mb_retained_range: (360.0, 440.0),
            ..row
        };
        let Some(Effect::Memory { worker_bytes: Amount::Estimate { value, .. }, shared_bytes }) =
            of_memory(&dirtied, &workers).map(|found| found.finding.effect)
        else {
            panic!("{dirtied:?}")
        };
        // 200 MB a host over four workers; the copy that stays was there before.
        assert_eq!((value, shared_bytes), (50e6, Amount::Known(0.0)));
        assert!(matches!(found[1].finding.effect, Effect::Cpu(Amount::Estimate { value: 0.25, .. })));
        assert_eq!(of_service("feed", known, (&measured, None)).len(), 1);
    }
}
