//! Each form of one report, as text.

use super::*;

fn failed() -> CheckReport {
    CheckReport {
        schema: "fewer.check/1",
        conclusion: Conclusion::Fail,
        reason: None,
        revisions: Revisions { baseline: "a".repeat(40), base: "b".repeat(40), head: "c".repeat(40) },
        measurement: Some(Measurement {
            command: "python bench.py".into(),
            rounds: 12,
            samples: 4_800,
            not_sampled: None,
            margin: 0.02,
            confidence: 0.95,
            baseline_cpu_ns: 400e6,
            candidate_cpu_ns: 521e6,
        }),
        change: Some(Change { value: 0.301, interval: (0.287, 0.315), detectable: 0.045 }),
        functions: vec![
            FunctionRow {
                function: "Feed.rank".into(),
                file: "feed/rank.py".into(),
                line: 10,
                changed_line: 12,
                baseline_ns: 200e6,
                candidate_ns: 320e6,
                interval_ns: (112e6, 128e6),
                self_difference_ns: 119e6,
                adjusted_p_value: 1e-9,
                owners: vec!["@feed".into()],
            },
            FunctionRow {
                function: "<module>|x".into(),
                file: "bench.py".into(),
                baseline_ns: 390e6,
                candidate_ns: 510e6,
                interval_ns: (110e6, 130e6),
                ..FunctionRow::default()
            },
        ],
        touched: Touched {
            files: 2,
            functions: vec![
                TouchedFunction {
                    function: "rank".into(),
                    file: "feed/rank.py".into(),
                    line: 10,
                    ..Default::default()
                },
                TouchedFunction {
                    function: "Feed.old".into(),
                    file: "feed/rank.py".into(),
                    line: 40,
                    share: Some(0.012),
                    owners: vec!["@feed".into()],
                },
            ],
            unread_files: vec![],
        },
        acknowledged: None,
        notes: vec!["an <entry> of .fewer/acknowledged.toml expired".into()],
    }
}

fn passed() -> CheckReport {
    CheckReport {
        conclusion: Conclusion::Pass,
        change: Some(Change { value: 0.001, interval: (-0.011, 0.013), detectable: 0.038 }),
        functions: vec![],
        touched: Touched::default(),
        notes: vec![],
        ..failed()
    }
}

#[test]
fn a_failure_says_what_where_who_and_what_next() {
    insta::assert_snapshot!("failed", markdown(&failed()));
    insta::assert_snapshot!("failed_json", json(&failed()));
    insta::assert_snapshot!("failed_sarif", sarif(&failed()));
    insta::assert_snapshot!("failed_code_quality", code_quality(&failed()));
}

#[test]
fn a_pass_says_what_it_could_have_seen() {
    insta::assert_snapshot!("passed", markdown(&passed()));
    assert_eq!(code_quality(&passed()), "[]\n");
    let acknowledged = Acknowledged {
        owner: "@ann".into(),
        reason: "pays for <itself>".into(),
        expires: "2026-12-31".into(),
        at_most: 0.35,
    };
    let acknowledged =
        CheckReport { conclusion: Conclusion::Pass, acknowledged: Some(acknowledged), ..failed() };
    insta::assert_snapshot!("acknowledged", markdown(&acknowledged));
}

#[test]
fn no_verdict_is_no_failure() {
    let noisy = CheckReport {
        conclusion: Conclusion::NoVerdict,
        change: Some(Change { value: 0.02, interval: (-0.2, 0.3), detectable: 0.45 }),
        ..passed()
    };
    let blind = CheckReport {
        reason: Some("the history is shallow and has no merge base".into()),
        measurement: None,
        change: None,
        ..noisy.clone()
    };
    insta::assert_snapshot!("no_verdict", markdown(&noisy) + "\n---\n" + &markdown(&blind));
    let codes = [Conclusion::Pass, Conclusion::Fail, Conclusion::NoVerdict].map(Conclusion::exit_code);
    assert_eq!(codes, [0, 1, 3]);
}
