//! Cost, requests and cost per request by the values of one label.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use axum::{extract::State, response::Response};
use collector_store::{Answer, LabelTotals};
use model::{RequestCounts, Window, keys};
use wire::api::{Breakdown, BreakdownRow, ErrorBody};

use crate::{
    answer::{join, map},
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

use super::requests::{self, CountsByValue};

/// Sampled CPU, requests, and CPU per request for each value of a label. Samples and requests are joined by the value
/// alone; what was sampled without requests beside it has no cost per request.
#[utoipa::path(
    get,
    path = "/api/v1/breakdown",
    params(
        SelectionText,
        ("by" = Option<String>, Query, description = "Label to group by; `endpoint` by default"),
        ("limit" = Option<usize>, Query, description = "Most rows beside the rest, 1 to 10000; 100 by default"),
    ),
    responses((status = 200, body = Breakdown), (status = 400, body = ErrorBody))
)]
pub(crate) async fn breakdown(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let by = query.by().unwrap_or_else(|| keys::ENDPOINT.to_owned());
    let limit = query.number("limit", 100, 1..=10_000)?;
    state
        .answer(query.preferences, move |state| {
            let sampled =
                state.store.label_values(&by, &selection.selector, selection.window, selection.kind)?;
            let Answer { value: counted, unreadable } = requests::totals(&state.store, &selection, &by)?;
            let whole = map(sampled, |sampled| answer(sampled, counted, (by, selection.window), limit));
            Ok(join(whole, unreadable))
        })
        .await
}

/// What one value has.
#[derive(Clone, Debug, Default)]
struct Cost {
    cpu_ns: i64,
    counts: RequestCounts,
}

impl Cost {
    fn add(&mut self, other: &Cost) {
        self.cpu_ns = self.cpu_ns.saturating_add(other.cpu_ns);
        self.counts.add(&other.counts);
    }
}

fn answer(
    sampled: LabelTotals,
    counted: CountsByValue,
    (by, window): (String, Window),
    limit: usize,
) -> Breakdown {
    let mut costs: HashMap<Arc<str>, Cost> = HashMap::new();
    for (value, cpu_ns) in sampled {
        costs.entry(value).or_default().cpu_ns = cpu_ns;
    }
    for (value, counts) in counted {
        costs.entry(value).or_default().counts = counts;
    }
    let mut costs: Vec<(Arc<str>, Cost)> = costs.into_iter().collect();
    costs.sort_by(|(left_value, left), (right_value, right)| {
        let order = |cost: &Cost| Reverse((cost.cpu_ns, cost.counts.requests));
        order(left).cmp(&order(right)).then_with(|| left_value.cmp(right_value))
    });
    let sum = |costs: &[(Arc<str>, Cost)]| {
        costs.iter().fold(Cost::default(), |mut sum, (_, cost)| {
            sum.add(cost);
            sum
        })
    };
    let (shown, rest) = costs.split_at(costs.len().min(limit));
    let mut rows: Vec<BreakdownRow> = shown.iter().map(|(value, cost)| row(value, 0, cost, window)).collect();
    if !rest.is_empty() {
        rows.push(row("", rest.len() as u64, &sum(rest), window));
    }
    Breakdown {
        by,
        seconds: seconds(window),
        values_total: costs.len() as u64,
        rows,
        total: row("", 0, &sum(&costs), window),
    }
}

fn row(value: &str, rest: u64, cost: &Cost, window: Window) -> BreakdownRow {
    let counts = &cost.counts;
    let per = |amount: f64, of: u64| (of > 0).then(|| amount / of as f64);
    BreakdownRow {
        value: value.to_owned(),
        rest,
        cpu_ns: cost.cpu_ns,
        cores: cost.cpu_ns as f64 / 1e9 / seconds(window),
        requests: counts.requests,
        requests_per_s: counts.requests as f64 / seconds(window),
        measured: counts.measured,
        counted_cpu_ns_per_request: per(counts.cpu_ns as f64, counts.measured),
        cpu_ns_per_request: per(cost.cpu_ns as f64, counts.requests),
        instructions_per_request: counts.instructions.and_then(|count| per(count as f64, counts.measured)),
        client_errors: counts.client_errors,
        server_errors: counts.server_errors,
    }
}

/// No selection has an empty window.
fn seconds(window: Window) -> f64 {
    window.duration_ns() as f64 / 1e9
}
