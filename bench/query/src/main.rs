//! Flame graph queries over a generated day of a fleet: our scan, the bare decode bound, and DuckDB on the same files.
//!
//! Prints CPU seconds and wall seconds, the median of some runs, and fails when an answer differs from DuckDB's.

mod bound;
mod duckdb;
mod generate;
mod measure;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::Parser;
use collector_store::{Decoded, Store, StoreOptions};
use generate::{FIRST_HOUR, Fleet, HOUR_NS};
use measure::{Cost, median_of};
use model::{Batch, MatchOp, Matcher, ProfileType, Selector, Window, keys};

/// Measures flame graph queries against the decode bound and DuckDB.
#[derive(Debug, Parser)]
#[command(name = "query-bench")]
struct Options {
    /// Where the data set is made, or found when it was made before.
    #[arg(long)]
    dir: PathBuf,
    /// Hours of data.
    #[arg(long, default_value_t = 24)]
    hours: usize,
    /// Rows of each hour, about.
    #[arg(long, default_value_t = 3_840_000)]
    rows_per_hour: usize,
    /// Runs of each query; the median is reported.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Python that can make a virtual environment and install `duckdb` into it.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Leave DuckDB out.
    #[arg(long)]
    without_duckdb: bool,
    /// Keep the data set.
    #[arg(long)]
    keep: bool,
}

/// One query: everything of one label's value, or of the whole fleet.
struct Query {
    name: &'static str,
    label: Option<(&'static str, String)>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let result = run(&options);
    if !options.keep {
        std::fs::remove_dir_all(&options.dir).context("removing the data set")?;
    }
    result
}

fn run(options: &Options) -> anyhow::Result<()> {
    let store_dir = options.dir.join("store");
    let store = open(&store_dir)?;
    if store.stats().stored_rows == 0 {
        fill(&store, options)?;
    }
    let stats = store.stats();
    let bytes_per_row = stats.stored_bytes as f64 / stats.stored_rows as f64;
    let samples_bytes = samples_bytes(&store_dir)? as f64 / stats.stored_rows as f64;
    println!(
        "{} rows in {} blocks, {bytes_per_row:.2} bytes/row in all, {samples_bytes:.2} in samples",
        stats.stored_rows, stats.blocks
    );
    let service = generate::service(0);
    let endpoint = generate::endpoint(0, 0);
    let queries = [
        Query { name: "endpoint", label: Some((keys::ENDPOINT, endpoint)) },
        Query { name: "service", label: Some((keys::SERVICE_NAME, service)) },
        Query { name: "fleet", label: None },
    ];
    let duckdb = (!options.without_duckdb).then(|| duckdb::DuckDb::install(options)).transpose()?;
    println!("{:10} {:28} {:>8} {:>8} {:>12} {:>8}", "query", "engine", "CPU s", "wall s", "rows", "stacks");
    for query in &queries {
        compare(&store, &store_dir, query, duckdb.as_ref(), options)?;
    }
    Ok(())
}

/// Everything about one query.
fn compare(
    store: &Store,
    store_dir: &Path,
    query: &Query,
    duckdb: Option<&duckdb::DuckDb>,
    options: &Options,
) -> anyhow::Result<()> {
    let selector = Selector { matchers: query.label.iter().map(|(key, value)| equal(key, value)).collect() };
    let window = Window { start_ns: 0, end_ns: i64::MAX };
    let ask = || -> anyhow::Result<Batch> {
        let answer = store.stacks(&selector, window, ProfileType::Cpu)?;
        ensure!(answer.unreadable.is_empty(), "unreadable: {:?}", answer.unreadable);
        Ok(answer.value)
    };
    let first = Instant::now();
    let batch = ask()?;
    let first_s = first.elapsed().as_secs_f64();
    let (ours, _) = median_of(options.runs, ask)?;
    let stacks = batch.profiles.iter().map(|profile| profile.samples.len()).sum::<usize>();
    print(query, &format!("fewer (first {first_s:.3} s)"), ours, "", &stacks.to_string());

    let label = query.label.as_ref().map(|(key, value)| (*key, value.as_str()));
    let (bound, rows) = median_of(options.runs, || bound::decode(store_dir, label))?;
    print(query, "decode bound, one thread", bound, &rows.to_string(), "");
    if let Some(duckdb) = duckdb {
        for (name, cost) in duckdb.measure(label, options.runs)? {
            print(query, &name, cost, "", "");
        }
        let sums = duckdb.sums(label)?;
        ensure!(sums == generate::sums_text(&batch), "{}: the sums differ from DuckDB's", query.name);
        println!("{:10} {} sums by stack equal DuckDB's", query.name, stacks);
    }
    Ok(())
}

fn print(query: &Query, engine: &str, cost: Cost, rows: &str, stacks: &str) {
    println!("{:10} {engine:28} {:8.3} {:8.3} {rows:>12} {stacks:>8}", query.name, cost.cpu_s, cost.wall_s);
}

fn equal(key: &str, value: &str) -> Matcher {
    Matcher { key: key.into(), op: MatchOp::Equal, value: value.into() }
}

fn open(dir: &Path) -> anyhow::Result<Store> {
    let no_log = |_: &[u8]| -> Result<Decoded, String> { Err("this store has no log".into()) };
    let mut options = StoreOptions::new(dir, no_log);
    options.background = false;
    Ok(Store::open(options)?)
}

/// Makes the data set.
fn fill(store: &Store, options: &Options) -> anyhow::Result<()> {
    let mut fleet = Fleet::new(options.rows_per_hour);
    let started = Instant::now();
    let mut import_s = 0.0;
    let mut rows = 0;
    for hour in 0..options.hours {
        fleet.next_hour((FIRST_HOUR + hour as i64) * HOUR_NS);
        rows += fleet.batch.profiles.iter().map(|profile| profile.samples.len()).sum::<usize>();
        let cost = measure::cost_of(|| store.import(&fleet.batch))?.0;
        import_s += cost.cpu_s;
        eprint!("\rgenerating hour {} of {}", hour + 1, options.hours);
    }
    eprintln!();
    println!(
        "generated {rows} rows in {:.0} s; sorted and encoded at {:.2} M rows per CPU second",
        started.elapsed().as_secs_f64(),
        rows as f64 / import_s / 1e6
    );
    Ok(())
}

fn samples_bytes(store_dir: &Path) -> anyhow::Result<u64> {
    bound::tables(store_dir, "samples")?.iter().map(|path| Ok(std::fs::metadata(path)?.len())).sum()
}
