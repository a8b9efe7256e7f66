//! What limits the workers of a service on a host, from memory reports.

use analyzer_detect::capacity::{Amount, HostMemory};
use wire::api::{
    Hosts,
    memory::{MemoryGroup, MemoryReport},
};

use super::Measured;

/// The memory of a service's workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Workers {
    /// On one host, on average.
    pub(super) of_host: HostMemory,
    /// How many on one host, on average.
    pub(super) per_host: f64,
    /// On how many hosts.
    pub(super) hosts: f64,
}

/// What the kernel and small processes take, that no report tells: up to this share of a host.
const UNTOLD_SHARE: f64 = 0.1;

/// None where no host reported workers of the service, or how much memory it has.
pub(super) fn of_workers(
    (reports, hosts): (&[MemoryReport], &Hosts),
    service: &str,
    measured: &Measured,
) -> Option<Workers> {
    let mut on: Vec<OnHost> = Vec::new();
    for report in reports {
        let workers: Vec<&MemoryGroup> = workers(&report.groups, service).collect();
        let is_other = |group: &&MemoryGroup| workers.iter().all(|worker| !std::ptr::eq(*worker, *group));
        let others = report.groups.iter().filter(is_other);
        let Some(host_bytes) = bytes_of(hosts, &report.host).filter(|_| !workers.is_empty()) else {
            continue;
        };
        let sum =
            |part: &dyn Fn(&MemoryGroup) -> u64| workers.iter().map(|group| part(group)).sum::<u64>() as f64;
        let own = sum(&|group| group.total.own);
        on.push(OnHost {
            host_bytes,
            others_bytes: others.map(|group| group.total.proportional).sum::<u64>() as f64,
            shared_bytes: sum(&|group| group.total.proportional.saturating_sub(group.total.own)),
            workers: sum(&|group| group.processes),
            own_bytes: own,
        });
    }
    let hosts = on.len() as f64;
    let mean = |part: &dyn Fn(&OnHost) -> f64| on.iter().map(part).sum::<f64>() / hosts;
    let workers = on.iter().map(|host| host.workers).sum::<f64>();
    if on.is_empty() || workers <= 0.0 || measured.rate <= 0.0 {
        return None;
    }
    let host_bytes = mean(&|host| host.host_bytes);
    let others = mean(&|host| host.others_bytes);
    // The workers that are there do fit.
    let room = host_bytes - mean(&|host| host.shared_bytes) - mean(&|host| host.own_bytes);
    let base = (others + UNTOLD_SHARE * host_bytes).min(room).max(0.0);
    // A request keeps a worker at least while it computes, and no longer than there are workers for.
    let computing_s = measured.cores / measured.rate;
    let request_s =
        Amount::Range { low: computing_s.min(workers / measured.rate), high: workers / measured.rate };
    Some(Workers {
        of_host: HostMemory {
            host_bytes: Amount::Known(host_bytes),
            base_bytes: Amount::Range { low: others.min(base), high: base },
            shared_bytes: Amount::Known(mean(&|host| host.shared_bytes)),
            worker_bytes: per_worker(&on),
            request_s,
        },
        per_host: workers / hosts,
        hosts,
    })
}

/// The groups of a service that serve requests: where some were forked by another, only those.
pub(crate) fn workers<'a>(groups: &'a [MemoryGroup], service: &str) -> impl Iterator<Item = &'a MemoryGroup> {
    let of_service = move |group: &&MemoryGroup| group.service == service && group.processes > 0;
    let is_forked = groups.iter().filter(of_service).any(|group| group.forked);
    groups.iter().filter(of_service).filter(move |group| group.forked == is_forked)
}

struct OnHost {
    host_bytes: f64,
    others_bytes: f64,
    shared_bytes: f64,
    workers: f64,
    own_bytes: f64,
}

/// What a worker has of its own, with the error that hosts show.
fn per_worker(on: &[OnHost]) -> Amount {
    let values: Vec<f64> = on.iter().map(|host| host.own_bytes / host.workers.max(1.0)).collect();
    let value = values.iter().sum::<f64>() / values.len().max(1) as f64;
    match analyzer_detect::stats::Estimate::of_mean(&values) {
        Some(estimate) => Amount::Estimate { value, standard_error: estimate.standard_error },
        None => Amount::Known(value),
    }
}

fn bytes_of(hosts: &Hosts, name: &str) -> Option<f64> {
    let host =
        hosts.hosts.iter().find(|host| host.facts.get("host.name").is_some_and(|found| found == name))?;
    host.facts.get("host.memory.bytes")?.parse().ok().filter(|bytes| *bytes > 0.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wire::api::{Host, memory::MemorySizes};

    use super::*;

    fn group(service: &str, processes: u64, own: u64) -> MemoryGroup {
        let total = MemorySizes { own, proportional: own + 100, ..MemorySizes::default() };
        MemoryGroup { service: service.into(), processes, total, ..MemoryGroup::default() }
    }

    #[test]
    fn workers_are_averaged_over_hosts_and_times_are_bounded() {
        let facts = |name: &str, bytes: &str| {
            BTreeMap::from([
                ("host.name".to_owned(), name.to_owned()),
                ("host.memory.bytes".to_owned(), bytes.to_owned()),
            ])
        };
        let host = |name: &str, bytes: &str| Host {
            agent: String::new(),
            at_ms: 0,
            facts: facts(name, bytes),
            measures: BTreeMap::new(),
        };
        let hosts = Hosts { hosts: vec![host("a", "10000"), host("b", "10000"), host("c", "many")] };
        let report = |name: &str, own: u64| MemoryReport {
            host: name.into(),
            at_ms: 0,
            groups: vec![group("feed", 4, own), group("other", 1, 400)],
        };
        let reports = [report("a", 800), report("b", 1200), report("c", 9), report("d", 9)];
        let measured = Measured { cores: 2.0, rate: 20.0, ..Measured::default() };
        let found = of_workers((&reports, &hosts), "feed", &measured).unwrap();
        assert_eq!((found.per_host, found.hosts), (4.0, 2.0));
        assert_eq!(found.of_host.request_s, Amount::Range { low: 0.1, high: 0.4 });
        assert_eq!(found.of_host.base_bytes, Amount::Range { low: 500.0, high: 1500.0 });
        assert!(matches!(found.of_host.worker_bytes, Amount::Estimate { value: 250.0, .. }));
        // They are there, so they fit, whatever else there is.
        let full = [MemoryReport {
            groups: vec![group("feed", 4, 800), group("other", 9, 40_000)],
            ..reports[0].clone()
        }];
        let found = of_workers((&full, &hosts), "feed", &measured).unwrap();
        assert_eq!(found.of_host.base_bytes, Amount::Range { low: 9100.0, high: 9100.0 });
        // Who forked them is none of them.
        let workers = MemoryGroup { forked: true, ..group("feed", 4, 800) };
        let forked = [MemoryReport { groups: vec![workers, group("feed", 1, 50)], ..reports[0].clone() }];
        let found = of_workers((&forked, &hosts), "feed", &measured).unwrap();
        assert_eq!(
            (found.per_host, found.of_host.base_bytes),
            (4.0, Amount::Range { low: 150.0, high: 1150.0 })
        );
        assert_eq!(of_workers((&reports, &hosts), "batch", &measured), None);
        assert_eq!(of_workers((&reports, &hosts), "feed", &Measured::default()), None);
    }
}
