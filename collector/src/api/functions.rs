//! Functions by their cost in each endpoint, over time and by host.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use collector_store::{Answer, CellShape, RequestShape, Store};
use model::{MatchOp, Matcher, RequestCounts, keys};
use wire::api::{
    ErrorBody,
    functions::{EndpointCells, FunctionCells, Functions},
};

use crate::{
    answer::{join, map},
    error::Error,
    functions::{Bounds, Chosen, Filled, Pooled},
    params::{Query, Selection, SelectionText},
    state::Shared,
};

use super::{
    requests::totals,
    shown,
    timeline::{MS_NS, step_ns},
};

/// Cells of all series: what bounds the memory that an answer takes.
const CELLS_MAX: usize = 4 << 20;

const US_NS: i64 = 1_000;

/// What functions cost in each endpoint over time, host by host, with the requests to divide it by. Functions are chosen by
/// their cost over the whole time range; how many are left out, and why, is part of the answer.
#[utoipa::path(
    get,
    path = "/api/v1/functions",
    params(
        SelectionText,
        ("by" = Option<String>, Query, description = "Label whose values are the hosts; `host.name` by default"),
        ("steps" = Option<u64>, Query, description = "Most steps to cut the time range into, 2 to 500; 96 by default. A \
                                                      step is at least 10 s long"),
        ("hosts" = Option<usize>, Query, description = "Most hosts, 1 to 200; 32 by default"),
        ("endpoints" = Option<usize>, Query, description = "Most endpoints, 1 to 100; 50 by default"),
        ("limit" = Option<usize>, Query, description = "Most functions in endpoints, 1 to 10000; 1000 by default, and fewer \
                                                        when there are many hosts and steps"),
        ("samples" = Option<u64>, Query, description = "Fewest samples of a function in an endpoint, 1 to 1000000; 20 by \
                                                        default"),
    ),
    responses((status = 200, body = Functions), (status = 400, body = ErrorBody))
)]
pub(crate) async fn functions(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let by: Arc<str> = query.by().unwrap_or_else(|| keys::HOST_NAME.to_owned()).into();
    let step_ns = step_ns(selection.window, query.number("steps", 96, 2..=500)?);
    let steps = selection.window.duration_ns().unsigned_abs().div_ceil(step_ns.unsigned_abs()) as usize;
    let bounds = Bounds {
        endpoints: query.number("endpoints", 50, 1..=100)?,
        units: query.number("hosts", 32, 1..=200)?,
        series: query.number("limit", 1000, 1..=10_000)?,
        cells: CELLS_MAX,
        samples_min: query.number("samples", 20, 1..=1_000_000)?,
        steps,
    };
    state
        .answer(query.preferences, move |state| answer(&state.store, &selection, &by, (step_ns, &bounds)))
        .await
}

fn answer(
    store: &Store,
    selection: &Selection,
    by: &Arc<str>,
    (step_ns, bounds): (i64, &Bounds),
) -> Result<Answer<Functions>, Error> {
    let selected = || (&selection.selector, selection.window, selection.kind);
    let shape = |step_ns| CellShape { by: vec![keys::ENDPOINT.into(), by.clone()], step_ns };
    let whole = shape(selection.window.duration_ns());
    let pooled = store.fold(selected(), &whole, Pooled::default, Pooled::add)?;
    let counted = |by: &str| -> Result<Vec<Arc<str>>, Error> {
        let totals = totals(store, selection, by)?.value.into_iter();
        Ok(totals.filter(|(_, counts)| counts.requests > 0).map(|(value, _)| value).collect())
    };
    let (endpoints, units) = (counted(keys::ENDPOINT)?, counted(by)?);
    let Answer { value: chosen, unreadable } = map(pooled, |mut pooled| {
        pooled.know(&endpoints, &units);
        pooled.choose(bounds)
    });
    let filled = store.fold(
        selected(),
        &shape(step_ns),
        || chosen.empty(),
        |filled, cells| chosen.fill(filled, cells),
    )?;
    let counted = requests(store, selection, (by, step_ns), &chosen)?;
    let answer = map(filled, |filled| shaped(&chosen, &filled, counted.value, (selection, step_ns)));
    Ok(join(join(answer, counted.unreadable), unreadable))
}

/// Requests of each endpoint by unit and step.
fn requests(
    store: &Store,
    selection: &Selection,
    (by, step_ns): (&Arc<str>, i64),
    chosen: &Chosen,
) -> Result<Answer<Vec<Vec<RequestCounts>>>, Error> {
    let mut cells = vec![vec![RequestCounts::default(); chosen.cells()]; chosen.endpoints.len()];
    let shape =
        RequestShape { step_ns, by: Some(keys::ENDPOINT.into()), values: Some(chosen.endpoints.clone()) };
    let mut unreadable = Vec::new();
    for (unit, name) in chosen.units.iter().enumerate() {
        let mut selector = selection.selector.clone();
        selector.matchers.push(Matcher { key: by.clone(), op: MatchOp::Equal, value: name.clone() });
        let counted = store.requests(&selector, selection.window, &shape)?;
        unreadable.extend(counted.unreadable);
        for one in counted.value {
            let endpoint = chosen.endpoints.iter().position(|known| Some(known) == one.value.as_ref());
            let Some(cells) = endpoint.and_then(|at| cells.get_mut(at)) else { continue };
            let cells = cells.iter_mut().skip(unit * chosen.steps).take(chosen.steps);
            cells.zip(one.steps).for_each(|(cell, counts)| *cell = counts);
        }
    }
    Ok(Answer { value: cells, unreadable })
}

fn shaped(
    chosen: &Chosen,
    filled: &Filled,
    counted: Vec<Vec<RequestCounts>>,
    (selection, step_ns): (&Selection, i64),
) -> Functions {
    let us = |ns: &i64| (ns / US_NS).max(0).unsigned_abs();
    let endpoints = chosen.endpoints.iter().zip(&filled.endpoints).zip(&counted);
    let endpoints = endpoints.map(|((endpoint, sampled), counted)| EndpointCells {
        endpoint: endpoint.to_string(),
        requests: counted.iter().map(|counts| counts.requests).collect(),
        measured: counted.iter().map(|counts| counts.measured).collect(),
        counted_us: counted.iter().map(|counts| counts.cpu_ns / US_NS.unsigned_abs()).collect(),
        sampled_us: sampled.iter().map(us).collect(),
    });
    let values = filled.totals.iter().zip(&filled.selves);
    let series = chosen.series.iter().zip(values).zip(filled.callers());
    let series = series.map(|((one, (totals, selves)), callers)| {
        let cells = totals.iter().zip(selves).zip(0..).filter(|((total, _), _)| **total != 0);
        let mut shown = FunctionCells {
            endpoint: one.endpoint,
            function: one.function,
            callers,
            samples: one.samples,
            ..FunctionCells::default()
        };
        for ((total, own), at) in cells {
            shown.cells.push(at);
            shown.total_us.push(us(total));
            shown.self_us.push(us(own));
        }
        shown
    });
    Functions {
        start_ms: selection.window.start_ns / MS_NS,
        step_ms: step_ns / MS_NS,
        steps: chosen.steps as u32,
        hosts: chosen.units.iter().map(ToString::to_string).collect(),
        hosts_total: chosen.units_total,
        endpoints: endpoints.collect(),
        endpoints_total: chosen.endpoints_total,
        functions: chosen.functions.iter().map(shown).collect(),
        series: series.collect(),
        series_total: chosen.series_total,
        series_rare: chosen.series_rare,
        series_cut: chosen.series_cut,
    }
}
