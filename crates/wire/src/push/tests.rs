//! Pushes written, read and refused.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use model::{
    AgentId, BatchBuilder, CodeBranch, CodeFunction, EqualMemory, ExecutionState, FlagEvaluations, FrameId,
    LabelSet, MappingMemory, Measure, MemoryGroup, MemorySize, Outcomes, OwnerMemory, PageMemory,
    RequestCounts, StackId, Window, keys,
};
use proptest::prelude::*;
use prost::Message;
use testkit::{batch_from_folded, random_batch};

use super::*;

const KEY: PushKey = PushKey { agent: AgentId(0x0123_4567_89ab_cdef_0011_2233_4455_6677), sequence: 7 };

fn report() -> AgentReport {
    AgentReport {
        at_ns: 5,
        facts: BTreeMap::from([("host.name".into(), "web-1".into())]),
        measures: BTreeMap::from([
            ("samples_total".into(), Measure::Counter(u64::MAX)),
            ("cpu_share".into(), Measure::Gauge(0.25)),
        ]),
    }
}

/// A body around a message, as a sender in another language would make it.
fn body(message: &proto::Push) -> Vec<u8> {
    raw_body(&message.encode_to_vec())
}

fn raw_body(message: &[u8]) -> Vec<u8> {
    [vec![VERSION], zstd::encode_all(message, 3).unwrap()].concat()
}

/// A profile, the requests behind it, and a flag that they evaluated.
fn counted() -> Batch {
    let mut builder = BatchBuilder::new();
    builder.extend(&batch_from_folded("# service.name=feed\nmain;feed 60\nmain 40"));
    let window = Window { start_ns: 10, end_ns: 20 };
    let flag = format!("{}new_ranker", keys::FLAG_PREFIX);
    builder.add_requests(&RequestCounts {
        window,
        labels: LabelSet::new([(keys::ENDPOINT, "GET /feed"), (&flag, "on")]),
        requests: 9,
        measured: 8,
        cpu_ns: 70,
        instructions: Some(60),
        client_errors: 2,
        server_errors: 1,
    });
    builder.add_evaluations(&FlagEvaluations {
        window,
        labels: LabelSet::new([(keys::SERVICE_NAME, "feed")]),
        flag: "new_ranker".into(),
        variant: "on".into(),
        reason: "split".into(),
        count: 9,
    });
    builder.finish()
}

fn small() -> proto::Push {
    let batch = counted();
    let body = encode(KEY, &batch, Some(&report()));
    proto::Push::decode(zstd::decode_all(&body[1..]).unwrap().as_slice()).unwrap()
}

fn explain(error: &PushError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(" <- {source}")).unwrap_or_default();
    format!("{error} [{} {:?}]{source}\n", error.field(), error.limit())
}

#[test]
fn what_is_written_reads_back() {
    let batch = batch_from_folded(
        "# window=10..20 period=5 service.name=feed\nmain;feed 60\nmain;render (a.py:3) 40",
    );
    for batch in [batch, counted()] {
        let push = decode(&encode(KEY, &batch, Some(&report())), &Limits::default()).unwrap();
        assert_eq!(push, Push { key: KEY, batch, report: Some(report()), ..Push::default() });
    }
}

#[test]
fn memory_reads_back_and_is_bounded() {
    let equal = EqualMemory { processes: 4, bytes: 300, saved_bytes: 225, flat_saved_bytes: 20 };
    let group = MemoryGroup {
        at_ns: 77,
        labels: LabelSet::new([(keys::SERVICE_NAME, "feed"), (keys::HOST_NAME, "web-1")]),
        program: "python3 gunicorn app:wsgi".into(),
        processes: 16,
        compared: 4,
        unread: 1,
        is_forked: true,
        python_minor: 11,
        values: "walked".into(),
        mappings: vec![MappingMemory {
            kind: "heap".into(),
            size: MemorySize { resident_bytes: 9, own_bytes: 8, swapped_bytes: 7, ..MemorySize::default() },
        }],
        pages: vec![PageMemory {
            kind: "heap".into(),
            broken: equal,
            unique_bytes: 6,
            ..PageMemory::default()
        }],
        pages_read_one_in: 2,
        owners: vec![OwnerMemory {
            module: "conf".into(),
            attribute: "SETTINGS".into(),
            kind: "dict".into(),
            own_bytes: 320,
            loaded: equal,
            ..OwnerMemory::default()
        }],
        owners_left_out: 3,
        arenas: 2,
        arena_bytes: 1,
    };
    let memory = vec![group.clone(), MemoryGroup::default()];
    let body = encode_with(KEY, &counted(), None, Reports { memory: &memory, ..Reports::default() });
    let push = decode(&body, &Limits::default()).unwrap();
    assert_eq!((push.memory, push.batch), (memory, counted()));
    let cases = [
        Limits { memory: 1, ..Limits::default() },
        Limits { memory_bytes: 40, ..Limits::default() },
        Limits { label_bytes: 10, ..Limits::default() },
    ];
    for limits in cases {
        let refused = decode(&body, &limits).unwrap_err();
        assert!(refused.field().starts_with("memory") || refused.limit() == Some(10), "{refused}");
    }
    let mut message = small();
    message.memory.push(proto::MemoryGroup { program: 4711, ..proto::MemoryGroup::default() });
    assert_eq!(decode(&self::body(&message), &Limits::default()).unwrap_err().field(), "memory.program");
}

fn code_report() -> CodeReport {
    let function = |name: &str, state, is_import_only| CodeFunction {
        function: name.into(),
        file: "feed.py".into(),
        line: 7,
        body: u128::MAX - 1,
        bytes: 320,
        state,
        is_import_only,
        branches: Vec::new(),
    };
    let branch = |line, outcomes| CodeBranch { line, column: 7, outcomes };
    let asked = vec![branch(1, Outcomes::TRUE.and(Outcomes::IN_A_ROW)), branch(3, Outcomes::FALSE)];
    CodeReport {
        at_ns: 78,
        labels: LabelSet::new([(keys::SERVICE_NAME, "feed"), (keys::ROLE, "worker")]),
        program: "gunicorn".into(),
        runtime: "cpython 3.11".into(),
        processes: 16,
        read: 4,
        refused: 1,
        is_complete: true,
        functions: vec![
            function("<module>", ExecutionState::Executed, true),
            function("Ranker.rank_old", ExecutionState::Unexecuted, false),
            CodeFunction { body: 0, ..function("render", ExecutionState::Unknown, false) },
            CodeFunction { branches: asked, ..function("feed", ExecutionState::Executed, false) },
        ],
        left_out: 3,
    }
}

#[test]
fn code_reads_back_and_is_bounded() {
    let code = vec![code_report(), CodeReport::default()];
    let reports = Reports { code: &code, ..Reports::default() };
    let push = decode(&encode_with(KEY, &counted(), None, reports), &Limits::default()).unwrap();
    assert_eq!((&push.code, &push.batch), (&code, &counted()));
    let body = encode_with(KEY, &Batch::default(), None, reports);
    let narrowed: [Narrow; 4] = [
        |limits| limits.code = 1,
        |limits| limits.code_bytes = 40,
        |limits| limits.code_functions = 2,
        |limits| limits.label_bytes = 12,
    ];
    let mut explained = String::new();
    for narrow in narrowed {
        let mut limits = Limits::default();
        narrow(&mut limits);
        explained.push_str(&explain(&decode(&body, &limits).unwrap_err()));
    }
    let changes: [Change; 8] = [
        |push| push.code[0].label_values.clear(),
        |push| push.code[0].runtime = 4711,
        |push| push.code[0].functions[0].function = 0,
        |push| push.code[0].functions[0].state = 3,
        |push| push.code[0].functions[3].branch_columns.push(1),
        |push| push.code[0].functions[3].branch_lines.reverse(),
        |push| push.code[0].functions[3].branch_outcomes[0] = 8,
        |push| {
            let function = &mut push.code[0].functions[3];
            function.branch_lines = vec![1; 33];
            function.branch_columns = vec![1; 33];
            function.branch_outcomes = vec![1; 33];
        },
    ];
    for change in changes {
        let mut push = proto::Push::decode(zstd::decode_all(&body[1..]).unwrap().as_slice()).unwrap();
        change(&mut push);
        explained.push_str(&explain(&decode(&self::body(&push), &Limits::default()).unwrap_err()));
    }
    assert_snapshot!(explained);
}

/// Released pushes stay readable (invariant I9). The files were written by the releases they are named after; one that
/// is missing is written with `FEWER_WRITE_FIXTURE=1`.
#[test]
fn pushes_of_earlier_releases_are_readable() {
    let profiles = batch_from_folded("# window=10..20 period=5 service.name=feed\nmain;feed 60\nmain 40");
    for (name, batch) in [("v1-profiles", profiles), ("v1-requests", counted())] {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.push"));
        if std::env::var_os("FEWER_WRITE_FIXTURE").is_some() && !file.exists() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, encode(KEY, &batch, Some(&report()))).unwrap();
        }
        let push = decode(&std::fs::read(&file).unwrap(), &Limits::default()).unwrap();
        assert_eq!(push, Push { key: KEY, batch, report: Some(report()), ..Push::default() }, "{name}");
    }
}

#[test]
fn a_gauge_without_a_number_is_left_out() {
    let mut report = report();
    report.measures.insert("broken".into(), Measure::Gauge(f64::NAN));
    let push = decode(&encode(KEY, &Batch::default(), Some(&report)), &Limits::default()).unwrap();
    assert_eq!(push.report, Some(self::report()));
}

#[test]
fn bodies_that_are_none_are_refused() {
    let whole = encode(KEY, &batch_from_folded("main 1"), None);
    let cases: [Vec<u8>; 9] = [
        vec![],
        vec![0],
        vec![2, 1, 2, 3],
        vec![1],
        b"\x01garbage that is not zstd".to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [whole.as_slice(), b"x"].concat(),
        raw_body(b"not a protobuf message"),
        raw_body(&[0x1a, 1, 0xff]),
    ];
    let explained: String =
        cases.iter().map(|bytes| explain(&decode(bytes, &Limits::default()).unwrap_err())).collect();
    assert_snapshot!(explained, @"
    the push is empty: send a version byte and a zstd frame [body None]
    push: `body` starts with a zero byte, which is no format version: check the sender against push.proto [body None]
    the push has format version 2, sent by a newer agent; this reader knows up to 1: update the collector before its agents [body None]
    push: `body` is not one whole zstd frame: check that it arrived complete and compressed once [body None] <- incomplete frame
    push: `body` is not one whole zstd frame: check that it arrived complete and compressed once [body None] <- Unknown frame descriptor
    push: `body` is not one whole zstd frame: check that it arrived complete and compressed once [body None] <- incomplete frame
    push: `body` goes on after its zstd frame: check the sender against push.proto [body None]
    push: `body` does not hold a protobuf message: check the sender against push.proto [body None]
    push: `body` does not hold a fewer.push.v1.Push: check the sender against push.proto [body None] <- failed to decode Protobuf message: Push.strings: invalid string value: data is not UTF-8 encoded
    ");
}

type Change = fn(&mut proto::Push);

#[test]
fn messages_that_break_the_document_are_refused() {
    let cases: [Change; 26] = [
        |push| push.agent_id = vec![1; 15],
        |push| push.sequence = 0,
        |push| push.strings[0] = "x".into(),
        |push| push.strings.push("main".into()),
        |push| push.frames.push(push.frames[0]),
        |push| push.stacks.push(push.stacks[0].clone()),
        |push| push.frames[0].kind = 9,
        |push| push.frames[0].function = 999,
        |push| push.frames[0].address = 16,
        |push| push.stacks[0].frames = vec![999],
        |push| push.profiles[0].r#type = 0,
        |push| push.profiles[0].r#type = 2,
        |push| push.profiles[0].period = -1,
        |push| push.profiles[0].start_ns = 1,
        |push| push.profiles[0].label_values.clear(),
        |push| push.profiles[0].label_keys = vec![999],
        |push| push.profiles[0].sample_values.push(1),
        |push| push.profiles[0].sample_stacks[0] = 999,
        |push| push.profiles[0].sample_values[0] = -1,
        |push| push.requests[0].end_ns = 9,
        |push| push.requests[0].label_values.clear(),
        |push| push.requests[0].label_values[0] = 999,
        |push| push.evaluations[0].end_ns = 9,
        |push| push.evaluations[0].label_keys = vec![999],
        |push| push.evaluations[0].flag = 0,
        |push| push.evaluations[0].reason = 999,
    ];
    let mut explained = String::new();
    for change in cases {
        let mut push = small();
        change(&mut push);
        explained.push_str(&explain(&decode(&body(&push), &Limits::default()).unwrap_err()));
    }
    assert_snapshot!(explained, @"
    push: `agent_id` is not 16 bytes long: check the sender against push.proto [agent_id None]
    push: `sequence` is 0; the first push has 1: check the sender against push.proto [sequence None]
    push: `strings` does not start with the empty text: check the sender against push.proto [strings None]
    push: `strings` has an entry twice: check the sender against push.proto [strings None]
    push: `frames` has an entry twice: check the sender against push.proto [frames None]
    push: `stacks` has an entry twice: check the sender against push.proto [stacks None]
    push: `frames.kind` has a value this reader does not know: update the collector before its agents [frames.kind None]
    push: `frames.function` refers to a text that is not in `strings`: check the sender against push.proto [frames.function None]
    push: `frames.address` is kept although the function is named: check the sender against push.proto [frames.address None]
    push: a stack refers to a frame that is not in the message: check the sender against push.proto [profiles None]
    push: `profiles.type` is not given: check the sender against push.proto [profiles.type None]
    push: `profiles.type` has a value this reader does not know: update the collector before its agents [profiles.type None]
    push: `profiles.period` is below zero: check the sender against push.proto [profiles.period None]
    push: a window ends before it starts: check the sender against push.proto [profiles None]
    push: `profiles.label_values` is not as long as `label_keys`: check the sender against push.proto [profiles.label_values None]
    push: `profiles.label_keys` refers to a text that is not in `strings`: check the sender against push.proto [profiles.label_keys None]
    push: `profiles.sample_values` is not as long as `sample_stacks`: check the sender against push.proto [profiles.sample_values None]
    push: a sample refers to a stack that is not in the message: check the sender against push.proto [profiles None]
    push: a sample has a negative value: check the sender against push.proto [profiles None]
    push: `requests.end_ns` is before `start_ns`: check the sender against push.proto [requests.end_ns None]
    push: `requests.label_values` is not as long as `label_keys`: check the sender against push.proto [requests.label_values None]
    push: `requests.label_values` refers to a text that is not in `strings`: check the sender against push.proto [requests.label_values None]
    push: `evaluations.end_ns` is before `start_ns`: check the sender against push.proto [evaluations.end_ns None]
    push: `evaluations.label_keys` refers to a text that is not in `strings`: check the sender against push.proto [evaluations.label_keys None]
    push: `evaluations.flag` is empty: check the sender against push.proto [evaluations.flag None]
    push: `evaluations.reason` refers to a text that is not in `strings`: check the sender against push.proto [evaluations.reason None]
    ");
}

type Narrow = fn(&mut Limits);

#[test]
fn every_limit_is_kept_by_reader_and_writer() {
    let cases: [Narrow; 14] = [
        |limits| limits.body_bytes = 100,
        |limits| limits.decompressed_bytes = 100,
        |limits| limits.strings = 3,
        |limits| limits.string_bytes = 10,
        |limits| limits.frames = 1,
        |limits| limits.stacks = 1,
        |limits| limits.stack_depth = 1,
        |limits| limits.profiles = 0,
        |limits| limits.requests = 0,
        |limits| limits.evaluations = 0,
        |limits| limits.labels = 0,
        |limits| limits.label_bytes = 3,
        |limits| limits.report_bytes = 3,
        |limits| limits.total = 99,
    ];
    let batch = counted();
    let bytes = encode(KEY, &batch, Some(&report()));
    assert_eq!(encode_within(KEY, &batch, Some(&report()), &Limits::default()).unwrap(), bytes);
    let mut explained = String::new();
    for narrow in cases {
        let mut limits = Limits::default();
        narrow(&mut limits);
        let refused = explain(&decode(&bytes, &limits).unwrap_err());
        let not_sent = explain(&encode_within(KEY, &batch, Some(&report()), &limits).unwrap_err());
        assert_eq!(refused.split(" has ").next(), not_sent.split(" has ").next());
        explained.push_str(&refused);
    }
    assert_snapshot!(explained, @"
    push: `body` has 286 bytes, the limit is 100: send shorter windows or fewer profiles in one push [body Some(100)]
    push: `body` has 101 bytes, the limit is 100: send shorter windows or fewer profiles in one push [body Some(100)]
    push: `strings` has 10 texts, the limit is 3: send shorter windows or fewer profiles in one push [strings Some(3)]
    push: `strings` has 38 bytes in one text, the limit is 10: shorten it in the agent [strings Some(10)]
    push: `frames` has 2 frames, the limit is 1: send shorter windows or fewer profiles in one push [frames Some(1)]
    push: `stacks` has 2 stacks, the limit is 1: send shorter windows or fewer profiles in one push [stacks Some(1)]
    push: `stacks.frames` has 2 frames in one stack, the limit is 1: cut deep stacks in the agent and mark them as truncated [stacks.frames Some(1)]
    push: `profiles` has 1 profiles, the limit is 0: send shorter windows or fewer profiles in one push [profiles Some(0)]
    push: `requests` has 1 counts, the limit is 0: send shorter windows or fewer profiles in one push [requests Some(0)]
    push: `evaluations` has 1 counts, the limit is 0: send shorter windows or fewer profiles in one push [evaluations Some(0)]
    push: `profiles.label_keys` has 1 labels on one profile, the limit is 0: drop the labels you do not need [profiles.label_keys Some(0)]
    push: `profiles.label_values` has 12 bytes in one label, the limit is 3: shorten it in the agent [profiles.label_values Some(3)]
    push: `report` has 79 bytes, the limit is 3: send one report per push and drop its longest facts [report Some(3)]
    push: `profiles.sample_values` has 100 as their sum, the limit is 99: send shorter windows or fewer profiles in one push [profiles.sample_values Some(99)]
    ");
}

/// Each count that is summed has the limit of its own.
#[test]
fn no_sum_of_counts_can_overflow() {
    let cases: [Change; 7] = [
        |push| push.requests[0].requests = u64::MAX,
        |push| push.requests[0].measured = u64::MAX,
        |push| push.requests[0].cpu_ns = u64::MAX,
        |push| push.requests[0].instructions = Some(u64::MAX),
        |push| push.requests[0].client_errors = u64::MAX,
        |push| push.requests[0].server_errors = u64::MAX,
        |push| push.evaluations[0].count = u64::MAX,
    ];
    let mut fields = String::new();
    for change in cases {
        let mut push = small();
        change(&mut push);
        let error = decode(&body(&push), &Limits::default()).unwrap_err();
        assert_eq!(error.limit(), Some(Limits::default().total));
        fields.push_str(&format!("{}\n", error.field()));
    }
    assert_snapshot!(fields, @r"
    requests.requests
    requests.measured
    requests.cpu_ns
    requests.instructions
    requests.client_errors
    requests.server_errors
    evaluations.count
    ");
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let bomb = raw_body(&vec![0; 100 << 20]);
    assert!(bomb.len() < 1 << 20);
    let error = decode(&bomb, &Limits::default()).unwrap_err();
    assert!(matches!(error, PushError::Limit { field: "body", found: 67_108_865, .. }), "{error}");
}

#[test]
fn lists_are_counted_before_they_are_read() {
    // Two bytes each on the wire: an empty frame that would take forty bytes in memory.
    let frames = raw_body(&[0x22, 0].repeat(2 << 20));
    let error = decode(&frames, &Limits::default()).unwrap_err();
    assert!(matches!(error, PushError::Limit { field: "frames", found: 2_097_152, .. }), "{error}");
}

#[test]
fn samples_of_one_stack_are_added() {
    let mut push = small();
    push.profiles[0].sample_stacks = vec![1, 0, 1];
    push.profiles[0].sample_values = vec![1, 2, 3];
    let batch = decode(&body(&push), &Limits::default()).unwrap().batch;
    let samples: Vec<(StackId, i64)> =
        batch.profiles[0].samples.iter().map(|sample| (sample.stack, sample.value)).collect();
    assert_eq!(samples, [(StackId(0), 2), (StackId(1), 4)]);
    assert_eq!(batch.stack(StackId(1)), [FrameId(1)]);
}

proptest! {
    #[test]
    fn random_batches_read_back(seed: u64, agent: u128, sequence in 1..u64::MAX) {
        let key = PushKey { agent: AgentId(agent), sequence };
        let batch = random_batch(seed);
        let push = decode(&encode(key, &batch, None), &Limits::default()).unwrap();
        prop_assert_eq!(push, Push { key, batch, ..Push::default() });
    }

    #[test]
    fn decode_never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &Limits::default());
        let _ = decode(&raw_body(&bytes), &Limits::default());
    }

    #[test]
    fn decode_never_panics_on_changed_messages(
        seed: u64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let Batch { requests, evaluations, .. } = counted();
        let batch = Batch { requests, evaluations, ..random_batch(seed) };
        let code = [code_report()];
        let reports = Reports { code: &code, memory: &[MemoryGroup::default()] };
        let body = encode_with(KEY, &batch, Some(&report()), reports);
        let mut message = zstd::decode_all(&body[1..]).unwrap();
        for (at, byte) in changes {
            let at = at.index(message.len());
            message[at] = byte;
        }
        if let Ok(push) = decode(&raw_body(&message), &Limits::default()) {
            prop_assert_eq!(push.batch.check(), Ok(()));
        }
    }
}
