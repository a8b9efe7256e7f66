//! Functions by their cost.

use axum::{extract::State, response::Response};
use wire::api::{ErrorBody, Top, TopRow};

use crate::{
    answer::map_ref,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

use super::shown;

/// Self and total of every function in the selection, whatever a flame graph hides.
#[utoipa::path(
    get,
    path = "/api/v1/top",
    params(
        SelectionText,
        ("sort" = Option<String>, Query, description = "`self` (the default), `total` or `name`"),
        ("desc" = Option<String>, Query, description = "`true` or `false`; values go down and names up by default"),
        ("filter" = Option<String>, Query, description = "Functions whose name has it: a regular expression, else \
                                                          plain text; case counts when it has a capital letter"),
        ("limit" = Option<usize>, Query, description = "Most rows, 1 to 10000; 100 by default"),
    ),
    responses((status = 200, body = Top), (status = 400, body = ErrorBody))
)]
pub(crate) async fn top(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let sort = query.choice("sort", ["self", "total", "name"])?;
    let desc = match query.text("desc") {
        None => sort != "name",
        Some(_) => query.choice("desc", ["true", "false"])? == "true",
    };
    let filter = query.loose_pattern("filter")?;
    let limit = query.number("limit", 100, 1..=10_000)?;
    state
        .answer(query.preferences, move |state| {
            let profile = state.stacks(&selection)?;
            Ok(map_ref(&profile, |batch| {
                let mut rows = calltree::top(batch);
                rows.retain(|row| filter.as_ref().is_none_or(|filter| filter.is_match(&row.function.name)));
                sort_rows(&mut rows, sort, desc);
                Top {
                    unit: selection.kind.unit().to_owned(),
                    total: batch.total(),
                    functions_total: rows.len() as u64,
                    rows: rows.iter().take(limit).map(row).collect(),
                }
            }))
        })
        .await
}

/// Equal rows are in the order of their functions whichever way the values go, so that a table does not jump.
fn sort_rows(rows: &mut [calltree::TopRow], sort: &str, desc: bool) {
    rows.sort_by(|left, right| {
        let by_value = match sort {
            "total" => (left.total, left.self_value).cmp(&(right.total, right.self_value)),
            "name" => left.function.cmp(&right.function),
            _ => (left.self_value, left.total).cmp(&(right.self_value, right.total)),
        };
        let by_value = if desc { by_value.reverse() } else { by_value };
        by_value.then_with(|| left.function.cmp(&right.function))
    });
}

fn row(row: &calltree::TopRow) -> TopRow {
    TopRow { function: shown(&row.function), self_value: row.self_value, total: row.total }
}
