//! Cost over time.

use axum::{extract::State, response::Response};
use collector_store::{Answer, RequestSeries, RequestShape, Rest, Store, TimelineShape};
use model::{LabelSet, RequestCounts, Series, Window, keys};
use wire::api::{ErrorBody, Timeline, TimelineSeries};

use crate::{
    answer::{join, map},
    error::Error,
    params::{Query, Selection, SelectionText},
    state::Shared,
};

/// Agents send windows of this length; shorter steps would show their edges and not the load.
const STEP_MIN_MS: i64 = 10_000;

pub(super) const MS_NS: i64 = 1_000_000;

/// Cores in use over time, in one band per value of a label, and on demand what each request cost.
#[utoipa::path(
    get,
    path = "/api/v1/timeline",
    params(
        SelectionText,
        ("by" = Option<String>, Query, description = "Label to group by; nothing for one band"),
        ("per" = Option<String>, Query, description = "`time` (the default), or `request` to have the requests of \
                                                       each step and the CPU per request too"),
        ("steps" = Option<u64>, Query, description = "Most steps to cut the time range into, 1 to 5000; 300 by \
                                                      default. A step is at least 10 s long"),
        ("limit" = Option<usize>, Query, description = "Most bands beside the rest, 1 to 100; 10 by default"),
    ),
    responses((status = 200, body = Timeline), (status = 400, body = ErrorBody))
)]
pub(crate) async fn timeline(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let step_ns = step_ns(selection.window, query.number("steps", 300, 1..=5000)?);
    let by = query.by();
    let is_per_request = query.choice("per", ["time", "request"])? == "request";
    let groups_limit = query.number("limit", 10, 1..=100)?;
    state
        .answer(query.preferences, move |state| {
            let shape = TimelineShape { step_ns, by: by.as_deref().map(Into::into), groups_limit };
            let bands =
                state.store.timeline(&selection.selector, selection.window, selection.kind, &shape)?;
            let counted = match is_per_request {
                true => Some(counted(&state.store, &selection, &bands.value, &shape)?),
                false => None,
            };
            let (counted, missing) = counted
                .map_or_else(Default::default, |Answer { value, unreadable }| (Some(value), unreadable));
            Ok(join(map(bands, |bands| answer(bands, counted, by, (selection.window, step_ns))), missing))
        })
        .await
}

/// The requests of each band, cut like the bands.
fn counted(
    store: &Store,
    selection: &Selection,
    bands: &collector_store::Timeline,
    shape: &TimelineShape,
) -> Result<Answer<Vec<RequestSeries>>, Error> {
    let by = shape.by.as_deref();
    let values = by.map(|by| bands.series.iter().map(|band| value(&band.labels, Some(by)).into()).collect());
    let shape = RequestShape { step_ns: shape.step_ns, by: shape.by.clone(), values };
    Ok(store.requests(&selection.selector, selection.window, &shape)?)
}

fn answer(
    bands: collector_store::Timeline,
    counted: Option<Vec<RequestSeries>>,
    by: Option<String>,
    (window, step_ns): (Window, i64),
) -> Timeline {
    let requests = |series: &Series, value: Option<&str>| {
        let of_band = |counted: &Vec<RequestSeries>| {
            let found = counted.iter().find(|counted| counted.value.as_deref() == value);
            found.map_or_else(
                || vec![RequestCounts::default(); series.values.len()],
                |counted| counted.steps.clone(),
            )
        };
        counted.as_ref().map(of_band)
    };
    // A request carries a flag from its evaluation on: what came before is in no sample of the flag, but in the cost that
    // the program itself counted.
    let cost: CostOf = if by.as_deref().is_some_and(|by| by.starts_with(keys::FLAG_PREFIX)) {
        counted_ms
    } else {
        sampled_ms
    };
    let mut series: Vec<TimelineSeries> = Vec::new();
    for one in &bands.series {
        let value = value(&one.labels, by.as_deref());
        series.push(band((value, 0), one, requests(one, Some(value)).map(|steps| (steps, cost)), window));
    }
    if let Some(Rest { groups, series: rest }) = &bands.rest {
        series.push(band(("", *groups), rest, requests(rest, None).map(|steps| (steps, cost)), window));
    }
    Timeline {
        start_ms: window.start_ns / MS_NS,
        step_ms: step_ns / MS_NS,
        by,
        per: counted.is_some().then(|| "request".to_owned()),
        total: series.iter().map(|series| series.total).sum(),
        series,
    }
}

/// CPU per request of one step, from the sampled CPU or from what the program counted.
type CostOf = fn(i64, &RequestCounts) -> Option<f64>;

fn sampled_ms(cpu_ns: i64, counts: &RequestCounts) -> Option<f64> {
    (counts.requests > 0).then(|| cpu_ns as f64 / 1e6 / counts.requests as f64)
}

fn counted_ms(cpu_ns: i64, counts: &RequestCounts) -> Option<f64> {
    match counts.measured {
        0 => sampled_ms(cpu_ns, counts),
        measured => Some(counts.cpu_ns as f64 / 1e6 / measured as f64),
    }
}

fn value<'a>(labels: &'a LabelSet, by: Option<&str>) -> &'a str {
    by.and_then(|by| labels.get(by)).unwrap_or_default()
}

fn band(
    (value, rest): (&str, u64),
    series: &Series,
    requests: Option<(Vec<RequestCounts>, CostOf)>,
    window: Window,
) -> TimelineSeries {
    let cores = series.values.iter().zip(0_i64..).map(|(value, step)| {
        // The last step may reach beyond the window, where nothing was asked for.
        let start_ns = window.start_ns + step * series.step_ns;
        let covered_ns = (window.end_ns - start_ns).clamp(1, series.step_ns.max(1));
        *value as f64 / covered_ns as f64
    });
    let per_request = |(steps, cost): &(Vec<RequestCounts>, CostOf)| {
        series.values.iter().zip(steps).map(|(cpu_ns, counts)| cost(*cpu_ns, counts)).collect()
    };
    TimelineSeries {
        value: value.to_owned(),
        rest,
        cores: cores.collect(),
        cpu_ms_per_request: requests.as_ref().map(per_request),
        requests: requests.map(|(steps, _)| steps.iter().map(|counts| counts.requests).collect()),
        total: series.values.iter().sum(),
    }
}

/// Whole milliseconds, so that the answer can say it.
pub(super) fn step_ns(window: Window, steps: u64) -> i64 {
    let step_ms = window.duration_ns().unsigned_abs().div_ceil(steps).div_ceil(MS_NS.unsigned_abs());
    i64::try_from(step_ms).unwrap_or(i64::MAX / MS_NS).max(STEP_MIN_MS) * MS_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_many_as_asked_at_most_and_never_short() {
        let check = |duration_s: i64, steps, expected_ms| {
            let window = Window { start_ns: 0, end_ns: duration_s * 1_000_000_000 };
            let step_ns = step_ns(window, steps);
            assert_eq!(step_ns / MS_NS, expected_ms, "{duration_s} s in {steps}");
            assert!(step_ns as u64 * steps >= window.duration_ns() as u64);
        };
        check(3600, 360, 10_000);
        check(3600, 5000, 10_000);
        check(86_400, 300, 288_000);
        check(100, 7, 14_286);
    }
}
