//! The messages in code held against the published document: it must read what the code writes, name by name.

use std::path::Path;

use insta::assert_snapshot;
use prost::Message as _;
use protox::prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value};

use super::*;

fn document() -> DescriptorPool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile(["fewer/push/v1/push.proto"], [&folder]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

/// Every field set, no value twice.
fn full() -> Push {
    Push {
        agent_id: b"agent".to_vec(),
        sequence: 2,
        strings: vec!["text".to_owned()],
        frames: vec![Frame {
            kind: 4,
            function: 12,
            file: 13,
            line: 14,
            executable: 15,
            build_id: 16,
            address: 1 << 63,
            inlined: true,
        }],
        stacks: vec![Stack { frames: vec![21, 22] }],
        profiles: vec![Profile {
            r#type: 1,
            start_ns: -31,
            end_ns: 32,
            period: -33,
            label_keys: vec![34],
            label_values: vec![35],
            sample_stacks: vec![36],
            sample_values: vec![-37],
        }],
        report: Some(AgentReport {
            at_ns: -41,
            facts: BTreeMap::from([("fact".to_owned(), "words".to_owned())]),
            counters: BTreeMap::from([("counter".to_owned(), u64::MAX)]),
            gauges: BTreeMap::from([("gauge".to_owned(), -0.5)]),
        }),
        requests: vec![RequestCounts {
            start_ns: -51,
            end_ns: 52,
            label_keys: vec![53],
            label_values: vec![54],
            requests: 55,
            measured: 56,
            cpu_ns: 57,
            instructions: Some(58),
            client_errors: 59,
            server_errors: 60,
        }],
        evaluations: vec![FlagEvaluations {
            start_ns: -61,
            end_ns: 62,
            label_keys: vec![63],
            label_values: vec![64],
            flag: 65,
            variant: 66,
            reason: 67,
            count: u64::MAX,
        }],
        memory: vec![memory()],
        code: vec![code()],
    }
}

fn code() -> CodeReport {
    CodeReport {
        at_ns: -131,
        label_keys: vec![132],
        label_values: vec![133],
        program: 134,
        runtime: 135,
        processes: 136,
        read: 137,
        refused: 138,
        complete: true,
        functions: vec![CodeFunction {
            function: 141,
            file: 142,
            line: 143,
            body_high: u64::MAX,
            body_low: 144,
            bytes: 145,
            state: 2,
            import_only: true,
            branch_lines: vec![147],
            branch_columns: vec![148],
            branch_outcomes: vec![149],
        }],
        left_out: 146,
    }
}

fn memory() -> MemoryGroup {
    let equal = |first| {
        Some(EqualMemory {
            processes: first,
            bytes: first + 1,
            saved_bytes: first + 2,
            flat_saved_bytes: first + 3,
        })
    };
    MemoryGroup {
        at_ns: -71,
        label_keys: vec![72],
        label_values: vec![73],
        program: 74,
        processes: 75,
        compared: 76,
        unread: 77,
        forked: true,
        python_minor: 78,
        values: 79,
        mappings: vec![MappingMemory {
            kind: 81,
            resident_bytes: 82,
            proportional_bytes: 83,
            own_bytes: 84,
            huge_bytes: 85,
            swapped_bytes: 86,
            merged_bytes: 87,
        }],
        pages: vec![PageMemory {
            kind: 91,
            zero: equal(92),
            broken: equal(96),
            elsewhere: equal(100),
            unique_bytes: 104,
        }],
        pages_read_one_in: 105,
        owners: vec![OwnerMemory {
            module: 111,
            attribute: 112,
            kind: 113,
            own_bytes: 114,
            loaded: equal(115),
            dirtied: equal(119),
            collector_bytes: 123,
            unexplained_bytes: 126,
        }],
        owners_left_out: 124,
        arenas: 125,
        arena_bytes: u64::MAX,
    }
}

fn describe(message: &DynamicMessage, indent: &str, text: &mut String) {
    assert_eq!(
        message.unknown_fields().count(),
        0,
        "the document lacks a field of {}",
        message.descriptor().name()
    );
    for field in message.descriptor().fields() {
        assert!(message.has_field(&field), "the code does not write {}", field.full_name());
        let values = match message.get_field(&field).into_owned() {
            Value::List(values) => values,
            value => vec![value],
        };
        for value in values {
            match value {
                Value::Message(inner) => {
                    text.push_str(&format!("{indent}{}:\n", field.name()));
                    describe(&inner, &format!("{indent}  "), text);
                }
                value => text.push_str(&format!("{indent}{} = {value:?}\n", field.name())),
            }
        }
    }
}

#[test]
fn the_document_reads_what_the_code_writes() {
    let descriptor = document().get_message_by_name("fewer.push.v1.Push").unwrap();
    let read = DynamicMessage::decode(descriptor, full().encode_to_vec().as_slice()).unwrap();
    let mut text = String::new();
    describe(&read, "", &mut text);
    assert_snapshot!("document", text);
    assert_eq!(Push::decode(read.encode_to_vec().as_slice()).unwrap(), full());
}

#[test]
fn the_enumerations_agree() {
    let names = |name: &str, name_of: &dyn Fn(i32) -> String| {
        let documented = document().get_enum_by_name(&format!("fewer.push.v1.{name}")).unwrap();
        let documented: Vec<(i32, String)> =
            documented.values().map(|value| (value.number(), value.name().to_owned())).collect();
        let in_code: Vec<(i32, String)> =
            (0..documented.len() as i32).map(|number| (number, name_of(number).to_uppercase())).collect();
        assert_eq!(documented, in_code);
        documented.len() as i32
    };
    let kinds =
        names("FrameKind", &|number| format!("frame_kind_{:?}", FrameKind::try_from(number).unwrap()));
    let types =
        names("ProfileType", &|number| format!("profile_type_{:?}", ProfileType::try_from(number).unwrap()));
    let states = names("ExecutionState", &|number| {
        format!("execution_state_{:?}", ExecutionState::try_from(number).unwrap())
    });
    assert!(FrameKind::try_from(kinds).is_err() && ProfileType::try_from(types).is_err());
    assert!(ExecutionState::try_from(states).is_err());
}
