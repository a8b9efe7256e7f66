//! Cost over time.

use axum::{extract::State, response::Response};
use collector_store::{Rest, TimelineShape};
use model::{Series, Window};
use wire::api::{ErrorBody, Timeline, TimelineSeries};

use crate::{
    answer::map,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

/// Agents send windows of this length; shorter steps would show their edges and not the load.
const STEP_MIN_MS: i64 = 10_000;

const MS_NS: i64 = 1_000_000;

/// Cores in use over time, in one band per value of a label.
#[utoipa::path(
    get,
    path = "/api/v1/timeline",
    params(
        SelectionText,
        ("by" = Option<String>, Query, description = "Label to group by; nothing for one band"),
        ("steps" = Option<u64>, Query, description = "Most steps to cut the time range into, 1 to 5000; 300 by \
                                                      default. A step is at least 10 s long"),
        ("limit" = Option<usize>, Query, description = "Most bands beside the rest, 1 to 100; 10 by default"),
    ),
    responses((status = 200, body = Timeline), (status = 400, body = ErrorBody))
)]
pub(crate) async fn timeline(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let step_ns = step_ns(selection.window, query.number("steps", 300, 1..=5000)?);
    let by = query.text("by").filter(|by| !by.is_empty()).map(str::to_owned);
    let groups_limit = query.number("limit", 10, 1..=100)?;
    state
        .answer(query.preferences, move |state| {
            let shape = TimelineShape { step_ns, by: by.as_deref().map(Into::into), groups_limit };
            let bands =
                state.store.timeline(&selection.selector, selection.window, selection.kind, &shape)?;
            Ok(map(bands, |bands| answer(bands, by, selection.window, step_ns)))
        })
        .await
}

fn answer(bands: collector_store::Timeline, by: Option<String>, window: Window, step_ns: i64) -> Timeline {
    let value =
        |series: &Series| by.as_deref().and_then(|by| series.labels.get(by)).unwrap_or_default().to_owned();
    let rest = bands.rest.map(|Rest { groups, series }| band(String::new(), groups, &series, window));
    let series: Vec<TimelineSeries> =
        bands.series.iter().map(|series| band(value(series), 0, series, window)).chain(rest).collect();
    let total = series.iter().map(|series| series.total).sum();
    Timeline { start_ms: window.start_ns / MS_NS, step_ms: step_ns / MS_NS, by, series, total }
}

fn band(value: String, rest: u64, series: &Series, window: Window) -> TimelineSeries {
    let cores = series.values.iter().zip(0_i64..).map(|(value, step)| {
        // The last step may reach beyond the window, where nothing was asked for.
        let start_ns = window.start_ns + step * series.step_ns;
        let covered_ns = (window.end_ns - start_ns).clamp(1, series.step_ns.max(1));
        *value as f64 / covered_ns as f64
    });
    TimelineSeries { value, rest, cores: cores.collect(), total: series.values.iter().sum() }
}

/// Whole milliseconds, so that the answer can say it.
fn step_ns(window: Window, steps: u64) -> i64 {
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
