//! What reading execution marks costs: `code_cost PID [ROUNDS]` scans a process for the first time, then reads the marks
//! that may still move again and again, and prints CPU times as JSON. Used by `bench/dead_code`.

use std::{
    io::{self, Write},
    path::Path,
};

use agent::{
    code_report::CodeReporter,
    dead_code::{self, Extent},
};
use model::LabelSet;
use rustix::time::{ClockId, clock_gettime};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<u32> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [pid, rest @ ..] = arguments.as_slice() else { anyhow::bail!("give the id of a process") };
    let rounds = rest.first().copied().unwrap_or(21);
    let proc_root = Path::new("/proc");

    let (scan_ms, scanned) = cpu_ms(|| dead_code::scan(proc_root, *pid, Extent::Marks, &mut |_, _| {}));
    let scanned = scanned?;
    let mut reporter = CodeReporter::new(proc_root, "host", LabelSet::default());
    let (first_ms, ()) = cpu_ms(|| reporter.look(&[*pid], 0, &mut || false));
    let functions: usize = reporter.tell(0).iter().map(|report| report.functions.len()).sum();
    let mut again_ms = Vec::new();
    for at_ns in 0..i64::from(rounds) {
        again_ms.push(cpu_ms(|| reporter.look(&[*pid], at_ns, &mut || false)).0);
    }
    again_ms.sort_by(f64::total_cmp);
    let document = serde_json::json!({
        "scanned_bytes": scanned.counters.scan.bytes,
        "not_read_bytes": scanned.counters.scan.smaller_bytes,
        "code_objects": scanned.functions.len(),
        "scan_cpu_ms": scan_ms,
        "first_look_cpu_ms": first_ms,
        "functions": functions,
        "marks_read": reporter.tally().get("code_marks_total", "read"),
        "look_cpu_ms": again_ms.get(again_ms.len() / 2),
    });
    Ok(writeln!(io::stdout(), "{document}")?)
}

/// CPU time of this thread, in milliseconds.
fn cpu_ms<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let start = now();
    let result = work();
    (now() - start, result)
}
