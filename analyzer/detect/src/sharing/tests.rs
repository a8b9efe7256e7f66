//! Every cause with its own retained part, and no memory counted twice.

use super::*;

const MB: u64 = 1_000_000;

fn copies(processes: u64, mb: u64) -> Copies {
    Copies {
        processes,
        bytes: processes * mb * MB,
        saved_bytes: (processes - 1) * mb * MB,
        flat_saved_bytes: 0,
    }
}

fn holding(module: &str, attribute: &str, kind: &str) -> Holding {
    let [module, attribute, kind] = [module, attribute, kind].map(str::to_owned);
    Holding { module, attribute, kind, ..Holding::default() }
}

fn evidence(holdings: Vec<Holding>, pages: Vec<Pages>) -> Evidence {
    Evidence { holdings, pages, processes: 4, own_bytes: 1000 * MB, is_forked: true, ..Evidence::default() }
}

fn table(rows: &[Opportunity]) -> String {
    let mb = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| (bytes / MB).to_string());
    let line = |row: &Opportunity| {
        format!(
            "{} | {} | {} x {} | saved {} retained {}\n",
            row.owner,
            row.kind,
            row.bytes_per_process / MB,
            row.processes,
            mb(row.saved_bytes),
            mb(row.retained_bytes)
        )
    };
    rows.iter().map(line).collect()
}

#[test]
fn each_cause_keeps_its_own_part() {
    let flat = Copies { flat_saved_bytes: 30 * MB, ..copies(4, 10) };
    let holdings = vec![
        Holding { loaded: copies(4, 75), ..holding("conf", "SETTINGS", "dict") },
        Holding { loaded: flat, ..holding("model", "WEIGHTS", "bytes") },
        Holding { dirtied: copies(4, 20), collector_bytes: 50 * MB, ..holding("data", "TREE", "dict") },
        Holding { dirtied: copies(4, 2), loaded: copies(4, 1), ..holding("", "__doc__", "docstrings") },
        Holding { loaded: copies(4, 0), ..holding("tiny", "A", "list") },
    ];
    let found = opportunities(&evidence(holdings, Vec::new()), MB);
    insta::assert_snapshot!(table(&found), @"
    conf.SETTINGS | dict | 75 x 4 | saved 225 retained 0
    data.TREE | dict | 20 x 4 | saved 60 retained 50
    model.WEIGHTS | bytes | 10 x 4 | saved 30 retained 30
    all modules | docstrings | 3 x 4 | saved 12 retained 12
    ");
    let causes: Vec<Cause> = found.iter().map(|row| row.cause).collect();
    assert_eq!(causes, [Cause::LoadedAfterFork, Cause::Dirtied, Cause::LoadedAfterFork, Cause::Docstrings]);
    assert!(found[2].advice.contains("mmap") && !found[2].advice.contains("gc.freeze"));
}

#[test]
fn what_stays_of_what_was_dirtied_is_a_likely_number_in_a_range() {
    let of = |collector_mb: u64, unexplained_mb: u64| Holding {
        dirtied: copies(4, 20),
        collector_bytes: collector_mb * MB,
        unexplained_bytes: unexplained_mb * MB,
        ..holding("data", "TREE", "list")
    };
    let row = |holding| opportunities(&evidence(vec![holding], Vec::new()), MB).remove(0);
    let cases = [
        (of(0, 80), None, (0, 60), "fewer sharing try"),
        (of(50, 5), Some(50), (45, 55), "the collector alone made private stays shared"),
        (of(50, 60), Some(50), (0, 60), "the collector alone made private stays shared"),
        (of(0, 0), Some(0), (0, 0), "reference counts"),
    ];
    for (holding, retained, (low, high), advice) in cases {
        let row = row(holding);
        assert_eq!(row.retained_bytes, retained.map(|mb| mb * MB));
        assert_eq!(row.retained_range, (low * MB, high * MB));
        assert!(row.advice.contains(advice), "{}", row.advice);
    }
}

#[test]
fn small_owners_are_summed_up() {
    let of = |module: &str, name: &str, bytes: u64| Holding {
        loaded: Copies { processes: 2, bytes: 2 * bytes, saved_bytes: bytes, flat_saved_bytes: 0 },
        ..holding(module, name, "list")
    };
    let holdings = vec![
        of("app", "A", 600_000),
        of("app", "B", 600_000),
        of("one", "A", 700_000),
        of("two", "A", 700_000),
    ];
    insta::assert_snapshot!(table(&opportunities(&evidence(holdings, Vec::new()), MB)), @"
    all other modules | small values | 1 x 2 | saved 1 retained 0
    app.* | small values | 1 x 2 | saved 1 retained 0
    ");
}

#[test]
fn pages_count_only_what_owners_do_not() {
    let pages = Pages {
        mapping: "anonymous".into(),
        zero: copies(4, 5),
        broken: copies(4, 10),
        elsewhere: copies(4, 100),
    };
    let settings = holding("conf", "SETTINGS", "dict");
    let holdings = vec![Holding { loaded: copies(4, 75), own_bytes: 300 * MB, ..settings }];
    let found = opportunities(&evidence(holdings, vec![pages.clone()]), MB);
    insta::assert_snapshot!(table(&found), @"
    conf.SETTINGS | dict | 75 x 4 | saved 225 retained 0
    anonymous | equal pages | 35 x 4 | saved 105 retained ?
    anonymous | zero pages | 5 x 4 | saved 15 retained 15
    ");
    let found = opportunities(&evidence(Vec::new(), vec![pages]), MB);
    assert_eq!(found.iter().map(|row| row.saved_bytes.unwrap() / MB).sum::<u64>(), 300 + 30 + 15);
}

#[test]
fn nothing_saves_more_than_there_is() {
    let holdings = vec![
        Holding { loaded: copies(4, 75), ..holding("conf", "A", "dict") },
        Holding { loaded: copies(4, 50), ..holding("conf", "B", "dict") },
    ];
    let evidence = Evidence { own_bytes: 300 * MB, ..evidence(holdings, Vec::new()) };
    insta::assert_snapshot!(table(&opportunities(&evidence, MB)), @"
    conf.A | dict | 75 x 4 | saved 225 retained 0
    conf.B | dict | 50 x 4 | saved 75 retained 0
    ");
}

#[test]
fn arenas_are_told_without_a_made_up_number() {
    let mut evidence = evidence(Vec::new(), Vec::new());
    evidence.arenas = Arenas { count: 4 * 20, bytes: 200 * MB };
    let found = opportunities(&evidence, MB);
    assert_eq!((found[0].cause, found[0].saved_bytes, found[0].retained_bytes), (Cause::Arenas, None, None));
    evidence.arenas.count = 4 * 8;
    assert_eq!(opportunities(&evidence, MB), []);
}

#[test]
fn advice_is_in_the_servers_words() {
    let cases = [
        ("/usr/bin/python3 /venv/bin/gunicorn app:wsgi", Server::Gunicorn, "preload_app = True"),
        ("gunicorn: master [app:wsgi]", Server::Gunicorn, "preload_app = True"),
        ("uwsgi --ini app.ini", Server::Uwsgi, "lazy-apps = false"),
        ("python -m celery -A app worker", Server::Celery, "prefork pool"),
        ("python gunicornish.py", Server::Other, "before it forks"),
    ];
    for (command, server, expected) in cases {
        assert_eq!(Server::of_command(command), server, "{command}");
        let holdings = vec![Holding { loaded: copies(4, 75), ..holding("conf", "A", "dict") }];
        let evidence = Evidence { server, ..evidence(holdings, Vec::new()) };
        let advice = &opportunities(&evidence, MB)[0].advice;
        assert!(advice.contains(expected) && advice.contains("conf.A"), "{advice}");
    }
}

#[test]
fn different_data_with_some_equal_numbers_is_none() {
    let own = |mb: u64| Holding {
        loaded: copies(4, 10),
        own_bytes: 4 * mb * MB,
        ..holding("conf", "SETTINGS", "dict")
    };
    assert_eq!(opportunities(&evidence(vec![own(41)], Vec::new()), MB), []);
    assert_eq!(opportunities(&evidence(vec![own(40)], Vec::new()), MB).len(), 1);
}

#[test]
fn a_parent_that_is_listed_too_has_loaded_nothing_twice() {
    let loaded = Copies { processes: 1, bytes: 20 * MB, saved_bytes: 15 * MB, flat_saved_bytes: 0 };
    let holdings = vec![Holding { loaded, dirtied: copies(4, 20), ..holding("conf", "SETTINGS", "dict") }];
    let causes: Vec<Cause> =
        opportunities(&evidence(holdings, Vec::new()), MB).iter().map(|row| row.cause).collect();
    assert_eq!(causes, [Cause::Dirtied]);
}
