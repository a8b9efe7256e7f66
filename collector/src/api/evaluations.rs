//! How often feature flags were evaluated, to what, and why.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use model::FlagEvaluations;
use wire::api::{ErrorBody, Evaluation, Evaluations};

use crate::{
    answer::map,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

/// Evaluations of feature flags as programs counted them, by flag, variant and reason.
#[utoipa::path(
    get,
    path = "/api/v1/evaluations",
    params(
        SelectionText,
        ("limit" = Option<usize>, Query, description = "Most rows, 1 to 10000; 1000 by default"),
    ),
    responses((status = 200, body = Evaluations), (status = 400, body = ErrorBody))
)]
pub(crate) async fn evaluations(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let limit = query.number("limit", 1000, 1..=10_000)?;
    state
        .answer(query.preferences, move |state| {
            let counted = state.store.evaluations(&selection.selector, selection.window)?;
            Ok(map(counted, |counted| answer(&counted, limit)))
        })
        .await
}

fn answer(counted: &[FlagEvaluations], limit: usize) -> Evaluations {
    let mut sums: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for one in counted {
        let sum = sums.entry((&one.flag, &one.variant, &one.reason)).or_default();
        *sum = sum.saturating_add(one.count);
    }
    let rows_total = sums.len() as u64;
    let rows = sums.into_iter().take(limit).map(|((flag, variant, reason), count)| Evaluation {
        flag: flag.to_owned(),
        variant: variant.to_owned(),
        reason: reason.to_owned(),
        count,
    });
    Evaluations { rows: rows.collect(), rows_total }
}
