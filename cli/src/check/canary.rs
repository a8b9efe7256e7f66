//! The other form of `fewer check`: a canary against its control, in the fleet.

use std::{sync::atomic::Ordering, thread, time::Duration};

use analyzer::{
    Limits,
    canary::{CanaryOptions, watch},
    report::canary::{json, markdown},
};

use super::CheckArgs;
use crate::{
    collector_args::{now_ns, time_ns},
    stop, terminal,
};

/// The collector has what ended this long ago: agents send windows of ten seconds.
const DELAY_NS: i64 = 15_000_000_000;

/// Watches until there is a verdict; returns the exit code.
pub(super) fn run(args: &CheckArgs, canary: &str, control: &str) -> anyhow::Result<u8> {
    let options = CanaryOptions {
        canary: canary.to_owned(),
        control: control.to_owned(),
        unit: args.unit.clone(),
        limits: Limits { margin: args.margin / 100.0, confidence: 0.95, must_show: args.must_show / 100.0 },
        errors_margin: args.errors_margin / 100.0,
        start_ns: time_ns("--start", args.fleet.start.as_deref().unwrap_or("now"), now_ns())?,
        time: Duration::from_secs(args.time),
        looks: u32::from(args.looks),
    };
    let stop = stop::on_signals()?;
    let mut wait = |until_ns: i64| {
        while now_ns() < until_ns.saturating_add(DELAY_NS) && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        !stop.load(Ordering::Relaxed)
    };
    let report = watch(&args.fleet.collector()?, &options, &mut wait)?;
    terminal::say(&if args.json { json(&report) } else { markdown(&report) });
    Ok(report.conclusion.exit_code())
}
