//! Memory reports in a push: groups of processes with sizes, counts and names.

use model::{EqualMemory, MappingMemory, MemoryGroup, MemorySize, OwnerMemory, PageMemory};

use super::{
    PushError,
    decode::{Texts as Read, labels},
    encode::{Texts as Written, label_indexes},
    proto,
};

/// The message of a group.
pub(super) fn message<'a>(group: &'a MemoryGroup, texts: &mut Written<'a>) -> proto::MemoryGroup {
    let (label_keys, label_values) = label_indexes(&group.labels, texts);
    proto::MemoryGroup {
        at_ns: group.at_ns,
        label_keys,
        label_values,
        program: texts.index(&group.program),
        processes: group.processes,
        compared: group.compared,
        unread: group.unread,
        forked: group.is_forked,
        python_minor: group.python_minor,
        values: texts.index(&group.values),
        mappings: group.mappings.iter().map(|mapping| mapping_message(mapping, texts)).collect(),
        pages: group.pages.iter().map(|pages| page_message(pages, texts)).collect(),
        pages_read_one_in: group.pages_read_one_in,
        owners: group.owners.iter().map(|owner| owner_message(owner, texts)).collect(),
        owners_left_out: group.owners_left_out,
        arenas: group.arenas,
        arena_bytes: group.arena_bytes,
    }
}

fn mapping_message<'a>(mapping: &'a MappingMemory, texts: &mut Written<'a>) -> proto::MappingMemory {
    let MemorySize { resident_bytes, proportional_bytes, own_bytes, huge_bytes, swapped_bytes, merged_bytes } =
        mapping.size;
    proto::MappingMemory {
        kind: texts.index(&mapping.kind),
        resident_bytes,
        proportional_bytes,
        own_bytes,
        huge_bytes,
        swapped_bytes,
        merged_bytes,
    }
}

fn page_message<'a>(pages: &'a PageMemory, texts: &mut Written<'a>) -> proto::PageMemory {
    proto::PageMemory {
        kind: texts.index(&pages.kind),
        zero: equal_message(pages.zero),
        broken: equal_message(pages.broken),
        elsewhere: equal_message(pages.elsewhere),
        unique_bytes: pages.unique_bytes,
    }
}

fn owner_message<'a>(owner: &'a OwnerMemory, texts: &mut Written<'a>) -> proto::OwnerMemory {
    proto::OwnerMemory {
        module: texts.index(&owner.module),
        attribute: texts.index(&owner.attribute),
        kind: texts.index(&owner.kind),
        own_bytes: owner.own_bytes,
        loaded: equal_message(owner.loaded),
        dirtied: equal_message(owner.dirtied),
        collector_bytes: owner.collector_bytes,
        unexplained_bytes: owner.unexplained_bytes,
    }
}

fn equal_message(equal: EqualMemory) -> Option<proto::EqualMemory> {
    let EqualMemory { processes, bytes, saved_bytes, flat_saved_bytes } = equal;
    Some(proto::EqualMemory { processes, bytes, saved_bytes, flat_saved_bytes })
}

/// The group of a message.
pub(super) fn group(message: &proto::MemoryGroup, texts: &Read) -> Result<MemoryGroup, PushError> {
    let labels = labels(
        [&message.label_keys, &message.label_values],
        texts,
        ["memory.label_keys", "memory.label_values"],
    )?;
    Ok(MemoryGroup {
        at_ns: message.at_ns,
        labels,
        program: texts.get(message.program, "memory.program")?,
        processes: message.processes,
        compared: message.compared,
        unread: message.unread,
        is_forked: message.forked,
        python_minor: message.python_minor,
        values: texts.get(message.values, "memory.values")?,
        mappings: message.mappings.iter().map(|one| mapping(one, texts)).collect::<Result<_, _>>()?,
        pages: message.pages.iter().map(|one| pages(one, texts)).collect::<Result<_, _>>()?,
        pages_read_one_in: message.pages_read_one_in,
        owners: message.owners.iter().map(|one| owner(one, texts)).collect::<Result<_, _>>()?,
        owners_left_out: message.owners_left_out,
        arenas: message.arenas,
        arena_bytes: message.arena_bytes,
    })
}

fn mapping(message: &proto::MappingMemory, texts: &Read) -> Result<MappingMemory, PushError> {
    let size = MemorySize {
        resident_bytes: message.resident_bytes,
        proportional_bytes: message.proportional_bytes,
        own_bytes: message.own_bytes,
        huge_bytes: message.huge_bytes,
        swapped_bytes: message.swapped_bytes,
        merged_bytes: message.merged_bytes,
    };
    Ok(MappingMemory { kind: texts.get(message.kind, "memory.mappings.kind")?, size })
}

fn pages(message: &proto::PageMemory, texts: &Read) -> Result<PageMemory, PushError> {
    Ok(PageMemory {
        kind: texts.get(message.kind, "memory.pages.kind")?,
        zero: equal(message.zero),
        broken: equal(message.broken),
        elsewhere: equal(message.elsewhere),
        unique_bytes: message.unique_bytes,
    })
}

fn owner(message: &proto::OwnerMemory, texts: &Read) -> Result<OwnerMemory, PushError> {
    Ok(OwnerMemory {
        module: texts.get(message.module, "memory.owners.module")?,
        attribute: texts.get(message.attribute, "memory.owners.attribute")?,
        kind: texts.get(message.kind, "memory.owners.kind")?,
        own_bytes: message.own_bytes,
        loaded: equal(message.loaded),
        dirtied: equal(message.dirtied),
        collector_bytes: message.collector_bytes,
        unexplained_bytes: message.unexplained_bytes,
    })
}

fn equal(message: Option<proto::EqualMemory>) -> EqualMemory {
    let proto::EqualMemory { processes, bytes, saved_bytes, flat_saved_bytes } = message.unwrap_or_default();
    EqualMemory { processes, bytes, saved_bytes, flat_saved_bytes }
}
