//! Which labels there are.

use axum::{
    extract::{Path, State},
    response::Response,
};
use wire::api::{ErrorBody, LabelNames, LabelValue, LabelValues};

use crate::{
    answer::map,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

/// Names of the labels that occur on the selected samples.
#[utoipa::path(
    get,
    path = "/api/v1/labels",
    params(SelectionText),
    responses((status = 200, body = LabelNames), (status = 400, body = ErrorBody))
)]
pub(crate) async fn names(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    state
        .answer(query.preferences, move |state| {
            let names = state.store.label_names(&selection.selector, selection.window)?;
            Ok(map(names, |names| LabelNames { names: names.iter().map(ToString::to_string).collect() }))
        })
        .await
}

/// Values of one label in the selection, biggest first; the empty value stands for samples without the label.
#[utoipa::path(
    get,
    path = "/api/v1/labels/{name}/values",
    params(
        ("name" = String, Path, description = "Name of the label"),
        SelectionText,
        ("limit" = Option<usize>, Query, description = "Most values to list, 1 to 10000; 100 by default"),
    ),
    responses((status = 200, body = LabelValues), (status = 400, body = ErrorBody))
)]
pub(crate) async fn values(
    State(state): State<Shared>,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Error> {
    let selection = query.selection()?;
    let limit = query.number("limit", 100, 1..=10_000)?;
    state
        .answer(query.preferences, move |state| {
            let values =
                state.store.label_values(&name, &selection.selector, selection.window, selection.kind)?;
            Ok(map(values, |values| LabelValues {
                values_total: values.len() as u64,
                values: values
                    .iter()
                    .take(limit)
                    .map(|(value, total)| LabelValue { value: value.to_string(), total: *total })
                    .collect(),
            }))
        })
        .await
}
