//! The call tree, cut to what a screen shows.

use axum::{extract::State, response::Response};
use calltree::{CallTree, Direction, Layout, LayoutOptions};
use wire::api::{ErrorBody, FlameGraph};

use crate::{
    answer::map_ref,
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

use super::shown;

/// Names on the way to the root shown that are looked at; no stack is deeper.
const ROOT_NAMES_MAX: usize = 4096;

/// The flame graph of the selection. What is too narrow to see is hidden in groups; totals stay those of the whole.
#[utoipa::path(
    get,
    path = "/api/v1/flamegraph",
    params(
        SelectionText,
        ("direction" = Option<String>, Query, description = "`callees` (thread starts on top, the default) or \
                                                             `callers` (leaves on top)"),
        ("root" = Option<Vec<String>>, Query, description = "Names from the top to the frame to show as root; one \
                                               parameter per name, or joined by `;`. A `\\` before `;` or `\\` \
                                               makes it part of the name"),
        ("width" = Option<f64>, Query, description = "Pixels of the graph, 1 to 100000; 1400 by default"),
        ("min_px" = Option<f64>, Query, description = "Narrower frames are hidden, 0 to 1000; 0.5 by default"),
        ("max_frames" = Option<usize>, Query, description = "Most frames to send, the widest first, 1 to 1000000; \
                                                             20000 by default"),
    ),
    responses((status = 200, body = FlameGraph), (status = 400, body = ErrorBody))
)]
pub(crate) async fn flamegraph(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let selection = query.selection()?;
    let defaults = LayoutOptions::default();
    let options = LayoutOptions {
        width_px: query.number("width", defaults.width_px, 1.0..=100_000.0)?,
        min_px: query.number("min_px", defaults.min_px, 0.0..=1000.0)?,
        max_frames: query.number("max_frames", defaults.max_frames, 1..=1_000_000)?,
    };
    let direction = match query.choice("direction", ["callees", "callers"])? {
        "callers" => Direction::Callers,
        _ => Direction::Callees,
    };
    let root = root(query.texts("root"))?;
    state
        .answer(query.preferences, move |state| {
            let profile = state.stacks(&selection)?;
            Ok(map_ref(&profile, |batch| {
                let whole = CallTree::new(batch, direction);
                let layout = match root.is_empty() {
                    true => calltree::layout(&whole, &options),
                    false => calltree::layout(&whole.focus(&root), &options),
                };
                answer(layout, whole.total(), root, selection.kind.unit())
            }))
        })
        .await
}

fn answer(layout: Layout, total: i64, root: Vec<String>, unit: &str) -> FlameGraph {
    FlameGraph {
        unit: unit.to_owned(),
        total,
        functions: layout.functions.iter().map(shown).collect(),
        levels: layout.levels,
        names: layout.names,
        selves: layout.selves,
        hidden: layout.hidden,
        frames_total: layout.frames_total,
        frames_sent: layout.frames_sent,
        hidden_share: layout.hidden_share,
        root,
    }
}

fn root<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Error> {
    let names: Vec<String> =
        texts.filter(|text| !text.is_empty()).flat_map(names).take(ROOT_NAMES_MAX + 1).collect();
    if names.len() > ROOT_NAMES_MAX {
        let message = "the path to the root has too many names";
        return Err(Error::bad_request("over_limit", message)
            .field("root")
            .limit(ROOT_NAMES_MAX as u64)
            .fix("start from a frame that is less deep"));
    }
    Ok(names)
}

/// Splits at `;`; a backslash makes the next character part of the name.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' => names.push(std::mem::take(&mut name)),
            '\\' => name.extend(characters.next()),
            character => name.push(character),
        }
    }
    names.push(name);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_paths() {
        let check = |texts: &[&str], expected: &[&str]| {
            assert_eq!(root(texts.iter().copied()).unwrap(), expected, "{texts:?}");
        };
        check(&[], &[]);
        check(&[""], &[]);
        check(&["main"], &["main"]);
        check(&["main;work"], &["main", "work"]);
        check(&["main", "work"], &["main", "work"]);
        check(&[r"Ljava/lang/String\;;a\\b"], &["Ljava/lang/String;", r"a\b"]);
        assert!(root(std::iter::once(";".repeat(ROOT_NAMES_MAX).as_str())).is_err());
    }
}
