//! How much of a selection a search finds.

use axum::{extract::State, response::Response};
use wire::api::{ErrorBody, Match};

use crate::{
    answer::map_ref,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

/// The share of the selection that has a matching function anywhere in its stack, each stack counted once.
#[utoipa::path(
    get,
    path = "/api/v1/match",
    params(
        SelectionText,
        ("pattern" = String, Query, description = "Regular expression on function names; case counts when it has a \
                                                   capital letter"),
    ),
    responses((status = 200, body = Match), (status = 400, body = ErrorBody))
)]
pub(crate) async fn search(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let pattern = query.pattern("pattern")?;
    state
        .answer(query.preferences, move |state| {
            let profile = state.stacks(&selection)?;
            Ok(map_ref(&profile, |batch| {
                let found = calltree::matched(batch, |function| pattern.is_match(&function.name));
                Match { matched: found.value, total: batch.total(), functions: found.functions }
            }))
        })
        .await
}
