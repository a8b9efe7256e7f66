//! How long execution evidence takes to be merged, and to be summed over a fleet: 20,000 functions, 400 hosts, 30 days.
//!
//! `cargo run --release -p collector-store --example code_sums`
#![allow(clippy::print_stdout)]

use std::{error::Error, time::Instant};

use collector_store::{CodeFilter, Store, StoreOptions, system_now_ns};
use model::{CodeFunction, CodeReport, ExecutionState, LabelSet, Window, keys};

const FUNCTIONS: u32 = 20_000;
const HOSTS: i64 = 400;
const DAYS: i64 = 30;
const DAY_NS: i64 = 86_400_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let open = || Store::open(StoreOptions::new(dir.path(), |_| Err("there are no pushes".into())));
    let now_ns = system_now_ns();
    let store = open()?;
    let put = |what: &str, report: &CodeReport| -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        store.put_code(report)?;
        println!("{what}: {:?}", start.elapsed());
        Ok(())
    };
    put("first report of a service", &report("h0", now_ns - DAY_NS, 0..FUNCTIONS))?;
    put("the same again", &report("h0", now_ns - DAY_NS, 0..FUNCTIONS))?;
    put("first report of a day", &report("h0", now_ns, 0..FUNCTIONS))?;
    put("another host's report", &report("h1", now_ns, 0..FUNCTIONS))?;
    put("a report of 200 changes", &report("h1", now_ns, 0..200))?;
    drop(store);

    rusqlite::Connection::open(dir.path().join("catalog.sqlite"))?.execute(
        "with recursive number (n) as (select 2 union all select n + 1 from number where n < ?1)
         insert into code_blocks select null, service, day - (n % ?2), role, region, release, 'x' || (n / ?2), 0, states
         from number, (select * from code_blocks order by id desc limit 1)",
        [HOSTS * DAYS, DAYS],
    )?;
    let store = open()?;
    let window = Window { start_ns: now_ns - 400 * DAY_NS, end_ns: now_ns + DAY_NS };
    for _ in 0..3 {
        let start = Instant::now();
        let sums = store.code(&CodeFilter { service: "feed", window })?.unwrap_or_default();
        let took = start.elapsed();
        println!("{} functions over {} blocks: {took:?}", sums.functions.len(), sums.blocks);
    }
    Ok(())
}

fn report(host: &str, at_ns: i64, numbers: std::ops::Range<u32>) -> CodeReport {
    let states = [ExecutionState::Executed, ExecutionState::Unexecuted, ExecutionState::Unknown];
    let functions = numbers.map(|number| CodeFunction {
        function: format!("Handler{}.method_{number}", number / 10).into(),
        file: format!("/srv/site/lib/python3.11/site-packages/package_{}/module.py", number / 100).into(),
        line: number % 1_000,
        body: u128::from(number) << 64 | 1,
        bytes: 600,
        state: states.into_iter().cycle().nth(number as usize % 7).unwrap_or_default(),
        is_import_only: false,
        branches: Vec::new(),
    });
    CodeReport {
        at_ns,
        labels: LabelSet::new([
            (keys::SERVICE_NAME, "feed"),
            (keys::SERVICE_VERSION, "2026.11.1"),
            (keys::HOST_NAME, host),
            (keys::ROLE, "web"),
        ]),
        functions: functions.collect(),
        ..CodeReport::default()
    }
}
