//! `GET /metrics`: the collector's figures and its agents' last reports, as Prometheus reads them.

mod agents;
mod text;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use collector_store::Stats;

use crate::{error::Error, metrics::Requests, process, state::Shared};

use text::{Text, labels};

/// Hosts whose agents' measures are listed, the freshest.
const HOSTS_MAX: usize = 1000;

/// Figures of the collector, and of the 1,000 hosts that reported last.
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(state): State<Shared>) -> Result<Response, Error> {
    let text = state
        .unqueued(|state| {
            let mut text = Text::default();
            of_process(&mut text);
            of_server(&mut text, state);
            let stats = state.store.stats();
            of_store(&mut text, &stats);
            of_catalog(&mut text, &stats);
            agents::write(&mut text, &state.hosts.latest(HOSTS_MAX));
            Ok(text.finish())
        })
        .await?;
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

fn of_process(text: &mut Text) {
    text.counter("process_cpu_seconds_total", "CPU time of the process.", process::cpu().as_secs_f64());
    if let Some(bytes) = process::resident_bytes() {
        text.gauge("process_resident_memory_bytes", "Memory of the process.", bytes as f64);
    }
}

fn of_server(text: &mut Text, state: &crate::state::State) {
    let requests: Vec<(String, Requests)> = state
        .metrics
        .requests()
        .into_iter()
        .map(|(kind, requests)| {
            (labels(&[("path", &kind.path), ("status", &kind.status.to_string())]), requests)
        })
        .collect();
    text.head("fewer_requests_total", "counter", "Requests answered.");
    for (labels, sum) in &requests {
        text.sample("fewer_requests_total", labels, sum.count as f64);
    }
    text.head("fewer_request_seconds_total", "counter", "Time until requests were answered.");
    for (labels, sum) in &requests {
        text.sample("fewer_request_seconds_total", labels, sum.took.as_secs_f64());
    }
    text.counter("fewer_push_bytes_total", "Bytes of pushes received.", state.metrics.push_bytes() as f64);
    let (agents, forgotten) = state.hosts.counts();
    text.gauge("fewer_agents", "Agents whose last report is kept.", agents as f64);
    text.counter(
        "fewer_agents_forgotten_total",
        "Agents dropped from the list to bound it.",
        forgotten as f64,
    );
}

fn of_store(text: &mut Text, stats: &Stats) {
    let counters = [
        ("pushes_stored", "Pushes stored.", stats.pushes_stored),
        ("pushes_duplicate", "Pushes that were there already.", stats.pushes_duplicate),
        (
            "pushes_refused",
            "Pushes that were invalid, too large, out of time or over the queue.",
            stats.pushes_refused,
        ),
        ("pushes_failed", "Pushes that could not be made durable.", stats.pushes_failed),
        ("group_commits", "Groups of pushes committed with one sync.", stats.group_commits),
        ("log_replayed_pushes", "Pushes read back from the log at the start.", stats.log_replayed_pushes),
        ("log_torn_bytes", "Bytes cut off torn log tails.", stats.log_torn_bytes),
        ("log_corrupt_bytes", "Corrupt bytes of the log that were left out.", stats.log_corrupt_bytes),
        ("flushes", "Flushes of the head.", stats.flushes),
        ("compactions", "Compactions.", stats.compactions),
        ("folders_expired", "Segments and blocks deleted by age or by the disk cap.", stats.folders_expired),
        ("orphans_removed", "Files deleted because the catalog does not name them.", stats.orphans_removed),
        ("maintenance_errors", "Maintenance steps that failed.", stats.maintenance_errors),
        ("folders_corrupt", "Segments and blocks found corrupt.", stats.folders_corrupt),
        ("labels_without_column", "Labels without a column of their own.", stats.labels_without_column),
        ("endpoints_folded", "Endpoints of one hour that became `_other`.", stats.endpoints_folded),
        ("flag_sets_kept", "Sets of flags of one hour that blocks tell apart.", stats.flag_sets_kept),
        ("flag_sets_folded", "Sets of flags of one hour that became `_other`.", stats.flag_sets_folded),
        (
            "flag_variants_folded",
            "Variants of those that are not even told apart by themselves.",
            stats.flag_variants_folded,
        ),
        ("folded_cpu_ns", "Nanoseconds of CPU whose endpoint or flags became `_other`.", stats.folded_cpu_ns),
    ];
    let gauges = [
        ("queue_pushes", "Pushes waiting to be written.", stats.queue_pushes),
        ("queue_bytes", "Bytes of pushes waiting to be written.", stats.queue_bytes),
        ("head_rows", "Rows in the head.", stats.head_rows),
        ("log_bytes", "Bytes of the log.", stats.log_bytes),
        ("segments", "Segments.", stats.segments),
        ("blocks", "Blocks.", stats.blocks),
        ("rows", "Rows in segments and blocks.", stats.stored_rows),
        ("bytes", "Bytes of segments and blocks.", stats.stored_bytes),
        ("agents", "Agents whose last sequence is remembered.", stats.agents),
    ];
    list(text, &counters, &gauges);
}

/// What the catalog keeps beside the profiles.
fn of_catalog(text: &mut Text, stats: &Stats) {
    let counters = [
        (
            "findings_dropped",
            "Findings that were too long, or too many of their kind.",
            stats.findings_dropped,
        ),
        (
            "memory_reports_dropped",
            "Reports of hosts' memory that were too long, or too many.",
            stats.memory_reports_dropped,
        ),
        (
            "code_reports_dropped",
            "Reports of executed code without a service, of no time that is kept, or too many.",
            stats.code_reports_dropped,
        ),
        (
            "code_functions_dropped",
            "Functions in such reports that there was no room for.",
            stats.code_functions_dropped,
        ),
        (
            "code_branches_dropped",
            "Conditions of functions in such reports that there was no room for.",
            stats.code_branches_dropped,
        ),
        (
            "code_blocks_expired",
            "Blocks of execution evidence deleted by age or by the disk cap.",
            stats.code_blocks_expired,
        ),
    ];
    let gauges = [
        ("findings", "Findings of analyses.", stats.findings),
        ("memory_reports", "Reports of hosts' memory.", stats.memory_reports),
        ("code_functions", "Functions of which it is known where they ran.", stats.code_functions),
        ("code_blocks", "Blocks of execution evidence.", stats.code_blocks),
        ("code_bytes", "Bytes of them.", stats.code_bytes),
    ];
    list(text, &counters, &gauges);
}

/// Writes figures of the store: name, help, value.
fn list(text: &mut Text, counters: &[(&str, &str, u64)], gauges: &[(&str, &str, u64)]) {
    for (name, help, value) in counters {
        text.counter(&format!("fewer_store_{name}_total"), help, *value as f64);
    }
    for (name, help, value) in gauges {
        text.gauge(&format!("fewer_store_{name}"), help, *value as f64);
    }
}
