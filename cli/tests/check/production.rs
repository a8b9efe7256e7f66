//! What the fleet says about a change, from a real collector and a real history.

use serde_json::Value;

use super::{
    APP, check, commit,
    fleet::{RANGE, fleet},
    git,
    served::Served,
};

fn feed() -> (tempfile::TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    commit(folder.path(), "v1", &[("feed/rank.py", APP), (".github/CODEOWNERS", "*.py @feed\n")]);
    (folder, Served::new(&fleet("/srv/container/app", "feed/rank.py")))
}

fn asked(served: &Served, more: &[&'static str]) -> Vec<String> {
    let options = ["--base", "v1", "--head", "v2", "--json", "--collector", &served.url];
    options.iter().chain(&RANGE).chain(more).map(|option| (*option).to_owned()).collect()
}

fn report(folder: &tempfile::TempDir, arguments: &[String]) -> (i32, Value, String) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, text, output) = check(folder.path(), &arguments);
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    (code, serde_json::from_str(&text).unwrap_or_default(), complaints)
}

#[test]
fn the_cost_of_today_is_that_of_the_changed_functions() {
    let (folder, served) = feed();
    let changed = APP.replace("total = 0", "total = 1") + "\n\ndef new():\n    pass\n";
    commit(folder.path(), "v2", &[("feed/rank.py", &changed)]);
    let (code, report, complaints) =
        report(&folder, &asked(&served, &["--query", "{service.version=\"1\"}"]));
    assert_eq!((code, report["conclusion"].as_str()), (0, Some("pass")), "{complaints}");
    let production = &report["production"];
    assert_eq!(
        (production["units"].as_u64(), production["unit"].as_str()),
        (Some(6), Some("host")),
        "{report:#}"
    );
    let row = &production["functions"][0];
    assert_eq!((row["function"].as_str(), row["file"].as_str()), (Some("rank"), Some("feed/rank.py")));
    assert_eq!(
        (row["owners"][0].as_str(), row["endpoints"][0]["endpoint"].as_str()),
        (Some("@feed"), Some("GET /feed"))
    );
    // 6 hosts × 100 requests per second × 4 ms are 2.4 cores, and 8 of them are a server.
    let (cores, servers) = (&row["cores"], &row["servers"]);
    let close = |found: &Value, expected: f64| (found.as_f64().unwrap() / expected - 1.0).abs() < 0.05;
    assert!(
        close(&cores["value"], 2.4) && close(&servers["value"], 0.3) && close(&row["share"], 0.4),
        "{row:#}"
    );
    assert!(
        cores["low"].as_f64() < cores["value"].as_f64() && cores["value"].as_f64() < cores["high"].as_f64()
    );
    assert_eq!(production["not_seen"], 1, "`new` does not run yet");
    assert!(production.get("at_stake").is_none(), "nothing was measured");
}

#[test]
fn a_release_is_blamed_on_the_commit_that_changed_what_rose() {
    let (folder, served) = feed();
    let quiet = APP.replace("for i in range(n)])", "for i in range(0, n)])");
    commit(folder.path(), "quiet", &[("feed/rank.py", &quiet)]);
    commit(folder.path(), "dearer", &[("feed/rank.py", &quiet.replace("i * i % 7", "i * i * i % 7"))]);
    commit(folder.path(), "prose", &[("README.md", "x\n")]);
    git(folder.path(), &["tag", "v2"]);
    let (code, found, complaints) = report(&folder, &asked(&served, &["--released", "1..2"]));
    assert_eq!(code, 1, "{found:#}\n{complaints}");
    let released = &found["released"];
    let interval = &released["change"]["interval"];
    assert!(interval[0].as_f64().unwrap() < 0.2 && interval[1].as_f64().unwrap() > 0.2, "{released:#}");
    assert_eq!(released["functions"][0]["function"], "rank");
    // All of what was added runs in what `dearer` changed, and so did four tenths before; `quiet` changed what did not rise.
    let suspects = released["suspects"].as_array().unwrap();
    assert_eq!((suspects.len(), suspects[0]["title"].as_str()), (1, Some("dearer")), "{released:#}");
    let score = suspects[0]["score"].as_f64().unwrap();
    assert!((score - 0.6).abs() < 0.05, "{released:#}");
    // 600 requests per second of version 2 at 2 ms more are 1.2 cores.
    let servers = released["servers"]["value"].as_f64().unwrap();
    assert!((servers / 0.15 - 1.0).abs() < 0.1, "{released:#}");
    let (code, found, _) = report(&folder, &asked(&served, &["--released", "1..3"]));
    assert_eq!(code, 3, "{found:#}");
    assert!(found["reason"].as_str().unwrap().contains("version `3`"), "{found:#}");
}

#[test]
fn a_fleet_that_does_not_answer_is_no_failure_and_its_address_is_not_told() {
    let (folder, served) = feed();
    commit(folder.path(), "v2", &[("feed/rank.py", &APP.replace("total = 0", "total = 1"))]);
    let url = served.url.clone();
    drop(served);
    let arguments = ["--base", "v1", "--json", "--collector", &url].map(str::to_owned);
    let (code, found, _) = report(&folder, &arguments);
    assert_eq!((code, found["conclusion"].as_str()), (3, Some("no_verdict")), "{found:#}");
    assert!(!found.to_string().contains(&url), "{found:#}");
    let (code, _, complaints) = report(&folder, &["--base", "v1"].map(str::to_owned));
    assert_eq!((code, complaints.contains("give a command to measure")), (2, true), "{complaints}");
}
