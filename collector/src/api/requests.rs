//! Requests over time, as the programs counted them.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use collector_store::{Answer, RequestSeries as Counted, RequestShape, Store};
use model::RequestCounts;
use wire::api::{ErrorBody, RequestSeries, RequestTotals, Requests};

use crate::{
    answer::{join, map},
    error::Error,
    params::{Query, Selection, SelectionText},
    state::Shared,
};

use super::timeline::{MS_NS, step_ns};

/// Requests that ended, the CPU that programs measured for them, and their errors.
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    params(
        SelectionText,
        ("by" = Option<String>, Query, description = "Label to group by; nothing for one series"),
        ("steps" = Option<u64>, Query, description = "Most steps to cut the time range into, 1 to 5000; 300 by \
                                                      default. A step is at least 10 s long"),
        ("limit" = Option<usize>, Query, description = "Most series beside the rest, 1 to 100; 10 by default"),
    ),
    responses((status = 200, body = Requests), (status = 400, body = ErrorBody))
)]
pub(crate) async fn requests(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let step_ns = step_ns(selection.window, query.number("steps", 300, 1..=5000)?);
    let by = query.by();
    let limit = query.number("limit", 10, 1..=100)?;
    state
        .answer(query.preferences, move |state| {
            let totals = match &by {
                Some(by) => totals(&state.store, &selection, by)?,
                None => Answer::default(),
            };
            let rest = totals.value.len().saturating_sub(limit) as u64;
            let biggest = || totals.value.iter().take(limit).map(|(value, _)| value.clone()).collect();
            let values = by.is_some().then(biggest);
            let shape = RequestShape { step_ns, by: by.as_deref().map(Into::into), values };
            let counted = state.store.requests(&selection.selector, selection.window, &shape)?;
            let start_ns = selection.window.start_ns;
            let whole = map(counted, |counted| answer(&counted, rest, by, (start_ns, step_ns)));
            Ok(join(whole, totals.unreadable))
        })
        .await
}

/// What was counted by value of a label.
pub(super) type CountsByValue = Vec<(Arc<str>, RequestCounts)>;

/// What was counted in the whole time range by value of a label, most requests first.
pub(super) fn totals(store: &Store, selection: &Selection, by: &str) -> Result<Answer<CountsByValue>, Error> {
    let step_ns = selection.window.duration_ns();
    let shape = RequestShape { step_ns, by: Some(by.into()), values: None };
    let counted = store.requests(&selection.selector, selection.window, &shape)?;
    Ok(map(counted, |counted| {
        counted.into_iter().map(|one| (one.value.unwrap_or_default(), sum(&one.steps))).collect()
    }))
}

fn answer(counted: &[Counted], rest: u64, by: Option<String>, (start_ns, step_ns): (i64, i64)) -> Requests {
    let mut total = RequestCounts::default();
    for step in counted.iter().flat_map(|one| &one.steps) {
        total.add(step);
    }
    Requests {
        start_ms: start_ns / MS_NS,
        step_ms: step_ns / MS_NS,
        by,
        series: counted.iter().map(|one| series(one, rest)).collect(),
        total: shown(&total),
    }
}

fn series(counted: &Counted, rest: u64) -> RequestSeries {
    let each = |of: fn(&RequestCounts) -> u64| counted.steps.iter().map(of).collect();
    RequestSeries {
        value: counted.value.as_deref().unwrap_or_default().to_owned(),
        // A push that came between the two queries can bring a value that the first did not see.
        rest: if counted.value.is_none() { rest.max(1) } else { 0 },
        requests: each(|step| step.requests),
        measured: each(|step| step.measured),
        counted_cpu_ns: each(|step| step.cpu_ns),
        client_errors: each(|step| step.client_errors),
        server_errors: each(|step| step.server_errors),
        total: shown(&sum(&counted.steps)),
    }
}

fn sum(steps: &[RequestCounts]) -> RequestCounts {
    steps.iter().fold(RequestCounts::default(), |mut sum, step| {
        sum.add(step);
        sum
    })
}

fn shown(counts: &RequestCounts) -> RequestTotals {
    RequestTotals {
        requests: counts.requests,
        measured: counts.measured,
        counted_cpu_ns: counts.cpu_ns,
        instructions: counts.instructions,
        client_errors: counts.client_errors,
        server_errors: counts.server_errors,
    }
}
