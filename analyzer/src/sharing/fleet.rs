//! The reports of all hosts as one.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::sharing::{Opportunity, opportunities};
use analyzer_report::sharing::{HostMemory, SharingReport, SharingRow};
use wire::api::memory::{MemoryGroup, MemoryReport};

use super::{cause_name, evidence};

const MB: f64 = 1e6;
/// Where the service of a program is not known.
const NO_SERVICE: &str = "(no service)";

/// One change that could be made, on all hosts.
#[derive(Default)]
struct Sum {
    row: SharingRow,
    hosts: BTreeSet<String>,
    bytes: f64,
}

/// What could be shared on all hosts. Rows that would save less than this on a host are summed up there.
pub fn report(reports: &[MemoryReport], saved_bytes_min: u64) -> SharingReport {
    let mut sums: BTreeMap<(String, String, String, &'static str), Sum> = BTreeMap::new();
    let mut report = SharingReport { schema: "fewer.sharing/1", ..SharingReport::default() };
    let (mut unread, mut cut) = (0, 0);
    for host in reports.iter().filter(|host| !host.groups.is_empty()) {
        let mut memory = HostMemory { host: host.host.clone(), at_ms: host.at_ms, ..HostMemory::default() };
        for group in &host.groups {
            let found = opportunities(&evidence(group), saved_bytes_min);
            let saved: u64 = found.iter().filter_map(|row| row.saved_bytes).sum();
            add_group(&mut memory, group, saved);
            unread += group.unread;
            cut += u64::from(group.values == "cut");
            for opportunity in found {
                let key = (
                    service(group),
                    opportunity.owner.clone(),
                    opportunity.kind.clone(),
                    cause_name(opportunity.cause),
                );
                sums.entry(key).or_default().add(&host.host, group, opportunity);
            }
        }
        report.hosts.push(memory);
    }
    report.rows = sums.into_values().map(Sum::finish).collect();
    report.rows.sort_by(|left, right| {
        let saved = |row: &SharingRow| row.mb_saved.unwrap_or_default();
        saved(right).total_cmp(&saved(left)).then_with(|| left.owner.cmp(&right.owner))
    });
    if unread > 0 {
        report
            .notes
            .push(format!("{unread} processes could not be read; what they hold is not in these numbers"));
    }
    if cut > 0 {
        report.notes.push(format!("in {cut} groups values were read up to a limit; there may be more"));
    }
    report
}

fn add_group(memory: &mut HostMemory, group: &MemoryGroup, saved_bytes: u64) {
    let saved = saved_bytes.min(group.total.own) as f64;
    memory.processes += group.processes;
    memory.could_be_shared_mb += saved / MB;
    memory.private_mb += (group.total.own as f64 - saved) / MB;
    memory.shared_mb += group.total.proportional.saturating_sub(group.total.own) as f64 / MB;
}

fn service(group: &MemoryGroup) -> String {
    if group.service.is_empty() { NO_SERVICE.to_owned() } else { group.service.clone() }
}

impl Sum {
    fn add(&mut self, host: &str, group: &MemoryGroup, opportunity: Opportunity) {
        let row = &mut self.row;
        self.hosts.insert(host.to_owned());
        self.bytes += opportunity.bytes_per_process as f64 * opportunity.processes as f64;
        row.service = service(group);
        row.program.clone_from(&group.program);
        row.cause = cause_name(opportunity.cause).to_owned();
        row.processes += opportunity.processes;
        let add = |sum: &mut Option<f64>, bytes: Option<u64>| {
            if let Some(bytes) = bytes {
                *sum = Some(sum.unwrap_or_default() + bytes as f64 / MB);
            }
        };
        add(&mut row.mb_saved, opportunity.saved_bytes);
        add(&mut row.mb_retained, opportunity.retained_bytes);
        let (low, high) = opportunity.retained_range;
        row.mb_retained_range.0 += low as f64 / MB;
        row.mb_retained_range.1 += high as f64 / MB;
        (row.owner, row.kind) = (opportunity.owner, opportunity.kind);
        (row.advice, row.change) = (opportunity.advice, opportunity.change);
        opportunity.risk.clone_into(&mut row.risk);
    }

    fn finish(self) -> SharingRow {
        SharingRow {
            hosts: self.hosts.len() as u64,
            mb_per_process: self.bytes / MB / (self.row.processes as f64).max(1.0),
            ..self.row
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::api::memory::{EqualMemory, MemorySizes, OwnerMemory};

    use super::*;

    fn host(name: &str, processes: u64, values: &str) -> MemoryReport {
        let mb = 1_000_000;
        let loaded = EqualMemory { processes: 2, bytes: 150 * mb, saved: 75 * mb, flat_saved: 15 * mb };
        let owner = OwnerMemory {
            module: "conf".into(),
            attribute: "SETTINGS".into(),
            kind: "dict".into(),
            own: 160 * mb,
            loaded,
            ..OwnerMemory::default()
        };
        let group = MemoryGroup {
            service: "feed".into(),
            program: "gunicorn: worker [app]".into(),
            processes,
            compared: 2,
            unread: 1,
            forked: true,
            values: values.into(),
            total: MemorySizes {
                own: processes * 100 * mb,
                proportional: processes * 110 * mb,
                ..MemorySizes::default()
            },
            owners: vec![owner],
            ..MemoryGroup::default()
        };
        MemoryReport { host: name.into(), at_ms: 5, groups: vec![group] }
    }

    #[test]
    fn hosts_are_added_up_by_owner_and_cause() {
        let found = report(&[host("a", 4, "walked"), host("b", 2, "cut")], 1_000_000);
        assert_eq!((found.rows.len(), found.notes.len()), (1, 2));
        let row = &found.rows[0];
        assert_eq!((row.owner.as_str(), row.hosts, row.processes), ("conf.SETTINGS", 2, 6));
        // 4 processes save 3 copies, 2 save one; each of the flat part, less the parent's copy of the rest.
        assert_eq!((row.mb_per_process, row.mb_saved, row.mb_retained), (75.0, Some(300.0), Some(0.0)));
        let host = &found.hosts[0];
        assert_eq!((host.private_mb, host.shared_mb, host.could_be_shared_mb), (175.0, 40.0, 225.0));
        assert_eq!(report(&[], 0).rows, []);
    }
}
