//! Each form of one report, as text.

use super::*;

fn failed() -> CheckReport {
    CheckReport {
        schema: "fewer.check/1".into(),
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
            outside_cpu_ns: 20e6,
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
        notes: vec!["an <entry> of .fewer/acknowledged.toml expired".into()],
        ..CheckReport::default()
    }
}

fn range(value: f64) -> Range {
    Range { value, low: value * 0.9, high: value * 1.1 }
}

fn production() -> Production {
    Production {
        selector: "{service.name=\"feed\"}".into(),
        when: "2026-05-01 10:00 to 11:00 UTC".into(),
        unit: "host".into(),
        units: 20,
        units_total: 412,
        sizing: "Servers have 16 cores of which 50 % are used at the peak; 1 region (factor 1.00).".into(),
        cores: range(112.0),
        servers: range(14.0),
        share: 0.023,
        functions: vec![ProductionRow {
            function: "Feed.rank".into(),
            file: "feed/rank.py".into(),
            line: 10,
            cores: range(112.0),
            servers: range(14.0),
            share: 0.023,
            endpoints: vec![EndpointCost { endpoint: "GET /feed|x".into(), cores: 100.0 }],
            owners: vec!["@feed".into()],
        }],
        not_seen: 1,
        at_stake: None,
        reason: None,
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

#[test]
fn the_cost_of_today_is_no_measurement() {
    let looked_up = CheckReport {
        conclusion: Conclusion::Pass,
        reason: Some("nothing was run here; the fleet was asked".into()),
        measurement: None,
        change: None,
        functions: vec![],
        production: Some(production()),
        ..failed()
    };
    let unknown = Production { reason: Some("no host runs `feed`".into()), ..Production::default() };
    let unknown = CheckReport { production: Some(unknown), ..looked_up.clone() };
    let text = markdown(&looked_up)
        + "\n---\n"
        + &comment(&looked_up, 65_536)
        + "\n---\n"
        + &comment(&unknown, 65_536);
    insta::assert_snapshot!("production", text);
    assert_eq!(
        [is_news(&looked_up), is_news(&unknown), is_news(&passed()), is_news(&failed())],
        [true, false, false, true]
    );
}

#[test]
fn a_release_names_its_suspects() {
    let released = Released {
        from: "1.4".into(),
        to: "1.5".into(),
        hosts_from: 12,
        hosts_to: 9,
        change: Some(Change { value: 0.052, interval: (0.041, 0.063), detectable: 0.02 }),
        servers: Some(range(7.0)),
        functions: vec![FunctionChange {
            function: "Feed.rank".into(),
            file: "feed/rank.py".into(),
            before_ns: 2e6,
            after_ns: 3e6,
            interval_ns: (0.9e6, 1.1e6),
            adjusted_p_value: 1e-6,
        }],
        suspects: vec![Suspect {
            commit: "d".repeat(40),
            title: "Rank <b>twice</b> @all".into(),
            score: 0.81,
            functions: vec!["Feed.rank".into()],
        }],
        reason: None,
    };
    let report = CheckReport {
        conclusion: Conclusion::Fail,
        released: Some(released),
        measurement: None,
        change: None,
        functions: vec![],
        notes: vec![],
        ..failed()
    };
    insta::assert_snapshot!("released", comment(&report, 65_536));
}

#[test]
fn a_comment_folds_and_fits() {
    let stake = Production { at_stake: Some(range(4.2)), ..production() };
    let row = |at: usize| FunctionRow {
        function: format!("f{at}"),
        file: "g.py".into(),
        ..failed().functions[0].clone()
    };
    let long = CheckReport {
        functions: (0..30).map(row).collect(),
        production: Some(stake),
        notes: vec![],
        ..failed()
    };
    insta::assert_snapshot!("comment", comment(&long, 65_536));
    let saved = Production { at_stake: Some(Range { value: -4.2, low: -5.0, high: -3.0 }), ..production() };
    let saved = headline(&CheckReport { production: Some(saved), ..failed() });
    assert!(saved.ends_with(", 4.20 servers (95 % interval 3.00 to 5.00) saved."), "{saved}");
    for characters_max in [3_000, 4_000, 65_536] {
        let text = comment(&long, characters_max);
        let folds = [text.matches("<details>").count(), text.matches("</details>").count()];
        assert!(text.chars().count() <= characters_max && folds[0] == folds[1], "{characters_max}: {text}");
    }
}

#[test]
fn a_report_reads_back_and_forms_are_only_added_to() {
    let whole = CheckReport { production: Some(production()), pull_request: Some(12), ..failed() };
    let read: CheckReport = serde_json::from_str(&json(&whole)).unwrap();
    assert_eq!(read, whole);
    let later = r#"{"schema":"fewer.check/1","conclusion":"pass","more":[1]}"#;
    let read: CheckReport = serde_json::from_str(later).unwrap();
    assert_eq!((read.conclusion, read.functions.len()), (Conclusion::Pass, 0));
}

#[test]
fn only_changed_lines_are_annotated() {
    let found = annotations(&failed());
    assert_eq!(
        found.iter().map(|one| (one.file.as_str(), one.line)).collect::<Vec<_>>(),
        [("feed/rank.py", 12)]
    );
    assert!(annotations(&passed()).is_empty());
}
