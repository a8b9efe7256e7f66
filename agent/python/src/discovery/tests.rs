//! Discovery, checked on mappings made by hand.

use std::cell::Cell;

use super::*;
use crate::process_context::{AnyValue, ArrayValue, Resource};

/// A mapping at address 0 whose time of publication changes with every read while `is_restless`.
struct Area {
    bytes: Vec<u8>,
    is_restless: bool,
    reads: Cell<u64>,
}

impl Memory for Area {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        let from = self.bytes.get(address as usize..).ok_or(io::ErrorKind::NotFound)?;
        into.copy_from_slice(from.get(..into.len()).ok_or(io::ErrorKind::NotFound)?);
        self.reads.set(self.reads.get() + 1);
        if self.is_restless && address == PUBLISHED_AT {
            into.copy_from_slice(&self.reads.get().to_ne_bytes());
        }
        Ok(())
    }
}

fn area(signature: &[u8; 8], version: u32, at_ns: u64, payload: &[u8]) -> Area {
    let mut bytes = signature.to_vec();
    bytes.extend(version.to_ne_bytes());
    bytes.extend((payload.len() as u32).to_ne_bytes());
    bytes.extend(at_ns.to_ne_bytes());
    bytes.extend(32_u64.to_ne_bytes());
    bytes.extend(payload);
    Area { bytes, is_restless: false, reads: Cell::new(0) }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn payload() -> Vec<u8> {
    let text = |text: &str| AnyValue { value: Some(Value::String(text.to_owned())) };
    let keys =
        ArrayValue { values: vec![text("endpoint"), AnyValue { value: Some(Value::Int(1)) }, text("flag")] };
    let mut attributes = vec![
        pair("threadlocal.schema_version", Value::String("cpython_contextvar_v1_dev".to_owned())),
        pair("threadlocal.attribute_key_map", Value::Array(keys)),
        pair("fewer.something.new", Value::Int(1)),
        pair("fewer.counters_schema", Value::Int(2)),
        pair("fewer.counters_slot_bytes", Value::Int(64)),
        pair("fewer.counters_addr", Value::Int(0x7000)),
        pair("fewer.counters_slots", Value::Int(4096)),
        pair("fewer.evaluations_addr", Value::Int(0x9000)),
        pair("fewer.evaluations_slots", Value::Int(1024)),
        pair("fewer.cpython.var_hash32", Value::Int(0xfffe_0001)),
    ];
    let addresses = ["contextvar_addr", "bytes_type_addr", "bitmap_type_addr", "array_type_addr"];
    let offsets = [
        "tstate_context_off",
        "context_vars_off",
        "hamt_root_off",
        "bytes_data_off",
        "hamt_bitmap_off",
        "hamt_pairs_off",
        "hamt_children_off",
    ];
    for (at, name) in (1..).zip(addresses.iter().chain(&offsets)) {
        attributes.push(pair(&format!("fewer.cpython.{name}"), Value::Int(at)));
    }
    let resource =
        vec![pair("service.name", Value::String("feed".to_owned())), pair("process.pid", Value::Int(3))];
    ProcessContext { resource: Some(Resource { attributes: resource }), attributes }.encode_to_vec()
}

const OURS: Discovery = Discovery { publisher: Publisher::Fewer, start: 0 };

#[test]
fn mappings_are_found_by_name() {
    let paths: [&[u8]; 8] = [
        b"/memfd:OTEL_CTX (deleted)",
        b"/memfd:FEWER_CTX",
        b"/memfd:FEWER_CTX (deleted)",
        b"[anon_shmem:FEWER_CTX]",
        b"[anon:OTEL_CTX]",
        b"[anon:FEWER_CTX",
        b"/tmp/FEWER_CTX",
        b"",
    ];
    let mappings = (0..).zip(paths).map(|(start, path)| Mapping { start, path, ..Mapping::default() });
    let found =
        Discovery::find(mappings).iter().map(|found| (found.publisher, found.start)).collect::<Vec<_>>();
    let (ours, otel) = (Publisher::Fewer, Publisher::Otel);
    assert_eq!(found, [(ours, 1), (ours, 2), (ours, 3), (otel, 0), (otel, 4)]);
    let many = (0..100).map(|start| Mapping { start, path: b"[anon:FEWER_CTX]", ..Mapping::default() });
    assert_eq!(Discovery::find(many).len(), DISCOVERIES_MAX);
}

#[test]
fn what_is_published_is_decoded() {
    let area = area(b"FEWERCTX", 1, 5, &payload());
    let found = OURS.read(&area).unwrap();
    let variable = ContextVariable {
        address: 1,
        bytes_type: 2,
        bitmap_type: 3,
        array_type: 4,
        hash32: 0xfffe_0001,
        tstate_context: 5,
        context_vars: 6,
        hamt_root: 7,
        bytes_data: 8,
        hamt_bitmap: 9,
        hamt_pairs: 10,
        hamt_children: 11,
    };
    let counters =
        CountersLocation { address: 0x7000, slots: 4096, evaluations_address: 0x9000, evaluations: 1024 };
    let expected = Published {
        at_ns: 5,
        resource: LabelSet::new([("service.name", "feed")]),
        schema: ThreadSchema::ContextVariable,
        keys: ["endpoint", "", "flag"].map(Arc::from).into(),
        context_variable: Some(variable),
        counters: Some(counters),
    };
    assert_eq!(found, expected);
}

#[test]
fn an_incomplete_description_switches_off_what_it_describes() {
    let context = ProcessContext {
        resource: None,
        attributes: vec![
            pair("threadlocal.schema_version", Value::String("cpython_contextvar_v1_dev".to_owned())),
            pair("fewer.counters_schema", Value::Int(3)),
        ],
    };
    let found = OURS.read(&area(b"FEWERCTX", 1, 5, &context.encode_to_vec())).unwrap();
    assert_eq!((found.context_variable, found.counters), (None, None));
    let newer = ProcessContext {
        resource: None,
        attributes: vec![pair("threadlocal.schema_version", Value::String("x_v9".to_owned()))],
    };
    let found = OURS.read(&area(b"FEWERCTX", 1, 5, &newer.encode_to_vec())).unwrap();
    assert_eq!(found.schema, ThreadSchema::Unknown);
}

#[test]
fn what_cannot_be_read_says_why() {
    let good = payload();
    let restless = Area { is_restless: true, ..area(b"FEWERCTX", 1, 5, &good) };
    let mut missing = area(b"FEWERCTX", 1, 5, &good);
    missing.bytes.truncate(100);
    let cases = [
        (area(b"OTEL_CTX", 2, 5, &good), Unread::Signature),
        (area(b"FEWERCTX", 2, 5, &good), Unread::Version),
        (area(b"FEWERCTX", 1, 0, &good), Unread::Changing),
        (area(b"FEWERCTX", 1, 5, b""), Unread::Payload),
        (area(b"FEWERCTX", 1, 5, b"\x0a\xff"), Unread::Payload),
        (area(b"FEWERCTX", 1, 5, &vec![0; 65_537]), Unread::Payload),
        (restless, Unread::Changing),
        (missing, Unread::Unreadable),
    ];
    for (area, expected) in cases {
        assert_eq!(OURS.read(&area), Err(expected));
    }
}

#[test]
fn random_payloads_end() {
    let mut random = testkit::Random::new(4719);
    for _ in 0..5_000 {
        let mut bytes = payload();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next_u64() as u8;
        }
        let found = OURS.read(&area(b"FEWERCTX", 1, 5, &bytes));
        assert!(matches!(found, Ok(_) | Err(Unread::Payload)), "{found:?}");
    }
}
