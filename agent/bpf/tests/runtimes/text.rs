//! The text of a running query.

use std::process::Command;

use agent_bpf::{QueryText, RuntimeConfig, TEXT_BYTES, TextOutcome};

use crate::process::{Program, compile_c, may_sample, sample_configured};

#[test]
fn head_and_tail_of_a_text_are_read() {
    let Some((_folder, path)) = may_sample().then(|| compile_c("text")).flatten() else { return };
    let check = |length: i64, outcome: TextOutcome, expected: (Option<u32>, usize, usize)| {
        let program = Program::start(Command::new(&path).arg(length.to_string()));
        let query_text = Some(QueryText { pointer_address: program.address("query") });
        let mut seen = 0;
        sample_configured(&program, &RuntimeConfig { query_text, ..RuntimeConfig::default() }, |sample| {
            let text = sample.query_text.unwrap();
            let whole: Vec<u8> = (0..length).map(|idx| b'a' + (idx % 26) as u8).collect();
            assert_eq!(text.outcome, outcome, "{length}");
            assert_eq!((text.length, text.head.len(), text.tail.len()), expected, "{length}");
            assert_eq!(text.head, &whole[..text.head.len()]);
            assert_eq!(text.tail, &whole[whole.len() - text.tail.len()..]);
            seen += 1;
            seen >= 5
        });
    };
    let (read, most) = (TextOutcome::Read, TEXT_BYTES);
    check(-1, TextOutcome::Null, (Some(0), 0, 0));
    check(-2, TextOutcome::Fault, (Some(0), 0, 0));
    check(0, read, (Some(0), 0, 0));
    check(9, read, (Some(9), 9, 0));
    check(511, read, (Some(511), 511, 0));
    check(512, read, (Some(512), most, 0));
    check(513, read, (Some(513), most, 1));
    check(1024, read, (Some(1024), most, most));
    check(5000, read, (Some(5000), most, most));
    // The end of a text is looked for in 64 pieces of 511 bytes.
    check(32_703, read, (Some(32_703), most, most));
    check(32_704, read, (None, most, 0));
    check(60_000, read, (None, most, 0));
}
