//! Memory reports on their way from a push to the store.

use std::collections::BTreeMap;

use collector_store::StoredMemory;
use model::{LabelSet, keys};
use wire::api::memory::{
    EqualMemory, MappingMemory, MemoryGroup, MemoryReport, MemorySizes, OwnerMemory, PageMemory,
};

use crate::error::Error;

/// A host that an agent does not name goes by this.
const UNKNOWN_HOST: &str = "unknown";

/// The groups of one push as they are kept: one report for each host, as a rule one in all.
pub(crate) fn reports(groups: Vec<model::MemoryGroup>) -> Result<Vec<StoredMemory>, Error> {
    let mut hosts: BTreeMap<String, MemoryReport> = BTreeMap::new();
    for group in groups {
        let host = group.labels.get(keys::HOST_NAME).unwrap_or(UNKNOWN_HOST).to_owned();
        let at_ms = group.at_ns / 1_000_000;
        let new = MemoryReport { host: host.clone(), at_ms, groups: Vec::new() };
        let report = hosts.entry(host).or_insert(new);
        // Groups are looked at one after the other, and not all of them every time.
        report.at_ms = report.at_ms.max(at_ms);
        report.groups.push(shown(group));
    }
    let stored = |report: MemoryReport| {
        let document = serde_json::to_string(&report).map_err(|error| Error::internal(&error))?;
        Ok(StoredMemory { host: report.host, at_ms: report.at_ms, document })
    };
    hosts.into_values().map(stored).collect()
}

fn shown(group: model::MemoryGroup) -> MemoryGroup {
    MemoryGroup {
        service: group.labels.get(keys::SERVICE_NAME).unwrap_or_default().to_owned(),
        total: sizes(group.total()),
        labels: labels(&group.labels),
        program: group.program.to_string(),
        processes: group.processes,
        compared: group.compared,
        unread: group.unread,
        forked: group.is_forked,
        python_minor: group.python_minor,
        values: group.values.to_string(),
        mappings: group.mappings.iter().map(mapping).collect(),
        pages: group.pages.iter().map(pages).collect(),
        pages_read_one_in: group.pages_read_one_in,
        owners: group.owners.iter().map(owner).collect(),
        owners_left_out: group.owners_left_out,
        arenas: group.arenas,
        arena_bytes: group.arena_bytes,
    }
}

fn labels(labels: &LabelSet) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn mapping(mapping: &model::MappingMemory) -> MappingMemory {
    MappingMemory { kind: mapping.kind.to_string(), size: sizes(mapping.size) }
}

fn pages(pages: &model::PageMemory) -> PageMemory {
    PageMemory {
        kind: pages.kind.to_string(),
        zero: equal(pages.zero),
        broken: equal(pages.broken),
        elsewhere: equal(pages.elsewhere),
        unique: pages.unique_bytes,
    }
}

fn owner(owner: &model::OwnerMemory) -> OwnerMemory {
    OwnerMemory {
        module: owner.module.to_string(),
        attribute: owner.attribute.to_string(),
        kind: owner.kind.to_string(),
        own: owner.own_bytes,
        loaded: equal(owner.loaded),
        dirtied: equal(owner.dirtied),
        collector: owner.collector_bytes,
        unexplained: owner.unexplained_bytes,
    }
}

fn equal(equal: model::EqualMemory) -> EqualMemory {
    EqualMemory {
        processes: equal.processes,
        bytes: equal.bytes,
        saved: equal.saved_bytes,
        flat_saved: equal.flat_saved_bytes,
    }
}

fn sizes(size: model::MemorySize) -> MemorySizes {
    MemorySizes {
        resident: size.resident_bytes,
        proportional: size.proportional_bytes,
        own: size.own_bytes,
        huge: size.huge_bytes,
        swapped: size.swapped_bytes,
        merged: size.merged_bytes,
    }
}
