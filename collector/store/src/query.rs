//! Queries over head, segments and blocks together.

use std::sync::Arc;

use model::{Batch, FlagEvaluations, LabelSet, ProfileType, RequestCounts, Selector, Series, Window};

use crate::{
    Answer, LabelTotals, RequestSeries, RequestShape, Rest, StoreError, Timeline, TimelineShape, Unreadable,
    catalog::Entry,
    head::Part,
    scan::{
        self, Amount, Evaluations, FolderError, Grouping, Merged, Totals,
        cells::{self, CellShape, Cells, Cut},
        filter::Filter,
        names::{self, Names},
    },
    shared::Shared,
};

/// Steps that a timeline may have.
const STEPS_MAX: u64 = 20_000;
/// Series that a timeline may have.
const SERIES_MAX: usize = 100;

/// Everything selected, summed by stack.
pub(crate) fn stacks(
    shared: &Shared,
    selector: &Selector,
    window: Window,
    kind: ProfileType,
) -> Result<Answer<Batch>, StoreError> {
    let filter = Filter::new(selector, window, kind)?;
    let threads = shared.limits.query_threads;
    let answer = answer(
        shared,
        window,
        |part, merged: &mut Merged| merged.add_part(part, &filter),
        |entries, merged| scan::merge_folders(&shared.tables, entries, &filter, threads, merged),
    );
    Ok(Answer { value: answer.value.finish(&filter), unreadable: answer.unreadable })
}

/// Cost over time.
pub(crate) fn timeline(
    shared: &Shared,
    (selector, window, kind): (&Selector, Window, ProfileType),
    shape: &TimelineShape,
) -> Result<Answer<Timeline>, StoreError> {
    let steps = check_shape(window, shape.step_ns, shape.groups_limit)?;
    let mut apart: Vec<Arc<str>> = vec!["".into()];
    let mut rest_groups = 0;
    if let Some(by) = &shape.by {
        let values = label_values(shared, by, (selector, window, kind))?.value;
        rest_groups = values.len().saturating_sub(shape.groups_limit) as u64;
        apart = values.into_iter().take(shape.groups_limit).map(|(value, _)| value).collect();
    }
    let grouping = Grouping {
        by: shape.by.clone(),
        start_ns: window.start_ns,
        step_ns: shape.step_ns,
        steps,
        apart: Some(apart.into_iter().collect()),
    };
    let answer = totals::<i64>(shared, (selector, window, kind), &grouping)?;
    let (mut series, mut rest) = (Vec::new(), None);
    for (value, values) in answer.value.into_groups() {
        let labels = match (&shape.by, &value) {
            (Some(by), Some(value)) => LabelSet::new([(by.clone(), value.clone())]),
            _ => LabelSet::default(),
        };
        let one = Series { labels, start_ns: window.start_ns, step_ns: shape.step_ns, values };
        match value {
            Some(_) => series.push(one),
            // A push that came between the two scans can bring a group that the first did not see.
            None => rest = Some(Rest { groups: rest_groups.max(1), series: one }),
        }
    }
    series.sort_by_cached_key(|one| (std::cmp::Reverse(sum(&one.values)), one.labels.clone()));
    Ok(Answer { value: Timeline { series, rest }, unreadable: answer.unreadable })
}

/// Values of a label with their totals, biggest first.
pub(crate) fn label_values(
    shared: &Shared,
    name: &str,
    (selector, window, kind): (&Selector, Window, ProfileType),
) -> Result<Answer<LabelTotals>, StoreError> {
    let grouping = Grouping {
        by: Some(name.into()),
        start_ns: window.start_ns,
        step_ns: i64::MAX,
        steps: 1,
        apart: None,
    };
    let answer = totals::<i64>(shared, (selector, window, kind), &grouping)?;
    let groups = answer.value.into_groups();
    let mut values: LabelTotals = groups.filter_map(|(value, totals)| Some((value?, sum(&totals)))).collect();
    values.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    Ok(Answer { value: values, unreadable: answer.unreadable })
}

/// Requests over time.
pub(crate) fn requests(
    shared: &Shared,
    (selector, window): (&Selector, Window),
    shape: &RequestShape,
) -> Result<Answer<Vec<RequestSeries>>, StoreError> {
    let steps = check_shape(window, shape.step_ns, shape.values.as_ref().map_or(0, Vec::len))?;
    if shape.by.is_some() && shape.values.is_none() && steps > 1 {
        let (what, fix) =
            ("number of steps for all values at once", "name the values, or ask for a single step");
        return Err(StoreError::Limit { what, asked: steps as u64, limit: 1, fix });
    }
    let grouping = Grouping {
        by: shape.by.clone(),
        start_ns: window.start_ns,
        step_ns: shape.step_ns,
        steps,
        apart: shape.values.as_ref().map(|values| values.iter().cloned().collect()),
    };
    let answer = totals::<RequestCounts>(shared, (selector, window, ProfileType::default()), &grouping)?;
    let groups = answer.value.into_groups();
    let mut series: Vec<RequestSeries> =
        groups.map(|(value, steps)| RequestSeries { value, steps }).collect();
    series.sort_by_cached_key(|one| {
        let requests = one.steps.iter().fold(0, |sum: u64, step| sum.saturating_add(step.requests));
        (one.value.is_none(), std::cmp::Reverse(requests), one.value.clone())
    });
    Ok(Answer { value: series, unreadable: answer.unreadable })
}

/// Stacks told apart by labels and by time, folded as they are read.
pub(crate) fn fold<T>(
    shared: &Shared,
    (selector, window, kind): (&Selector, Window, ProfileType),
    shape: &CellShape,
    (start, take): (impl Fn() -> T, impl Fn(&mut T, &Cells<'_>)),
) -> Result<Answer<T>, StoreError> {
    check_shape(window, shape.step_ns, 0)?;
    let filter = Filter::new(selector, window, kind)?;
    let cut = Cut { filter: &filter, shape };
    Ok(answer_from(
        shared,
        window,
        start,
        |part, value: &mut T| cells::of_part(part, &cut, &mut |cells| take(value, cells)),
        |entries, value| cells::of_folders(&shared.tables, entries, &cut, &mut |cells| take(value, cells)),
    ))
}

/// How often flags had which variant, and why.
pub(crate) fn evaluations(
    shared: &Shared,
    selector: &Selector,
    window: Window,
) -> Result<Answer<Vec<FlagEvaluations>>, StoreError> {
    let filter = Filter::new(selector, window, ProfileType::default())?;
    let threads = shared.limits.query_threads;
    let answer = answer(
        shared,
        window,
        |part, sums: &mut Evaluations| sums.add_part(part, &filter),
        |entries, sums| scan::evaluations(&shared.tables, entries, &filter, threads, sums),
    );
    Ok(Answer { value: answer.value.finish(&filter), unreadable: answer.unreadable })
}

/// Names of the labels that occur.
pub(crate) fn label_names(
    shared: &Shared,
    selector: &Selector,
    window: Window,
) -> Result<Answer<Vec<Arc<str>>>, StoreError> {
    let filter = Filter::new(selector, window, ProfileType::default())?;
    let threads = shared.limits.query_threads;
    let answer = answer(
        shared,
        window,
        |part, names: &mut Names| names::add_part(part, &filter, names),
        |entries, names| names::label_names(&shared.tables, entries, &filter, threads, names),
    );
    Ok(Answer { value: answer.value.into_iter().collect(), unreadable: answer.unreadable })
}

fn totals<A: Amount>(
    shared: &Shared,
    (selector, window, kind): (&Selector, Window, ProfileType),
    grouping: &Grouping,
) -> Result<Answer<Totals<A>>, StoreError> {
    let filter = Filter::new(selector, window, kind)?;
    let threads = shared.limits.query_threads;
    Ok(answer(
        shared,
        window,
        |part, totals: &mut Totals<A>| totals.add_part(part, &filter, grouping),
        |entries, totals| scan::totals(&shared.tables, entries, &filter, (grouping, threads), totals),
    ))
}

/// Collects an answer from nothing.
fn answer<T: Default>(
    shared: &Shared,
    window: Window,
    from_memory: impl Fn(&Part, &mut T),
    from_folders: impl Fn(&[&Entry], &mut T) -> Result<(), FolderError>,
) -> Answer<T> {
    answer_from(shared, window, T::default, from_memory, from_folders)
}

/// Collects an answer: first what is in memory, then from the folders that were live at that very moment. When one
/// of them cannot be read it starts over without it.
fn answer_from<T>(
    shared: &Shared,
    window: Window,
    start: impl Fn() -> T,
    from_memory: impl Fn(&Part, &mut T),
    from_folders: impl Fn(&[&Entry], &mut T) -> Result<(), FolderError>,
) -> Answer<T> {
    let mut unreadable: Vec<(u64, Unreadable)> = Vec::new();
    loop {
        let mut value = start();
        let live: Vec<Arc<Entry>> = {
            let state = shared.read();
            state.parts().for_each(|part| from_memory(part, &mut value));
            let is_wanted = |entry: &&Arc<Entry>| {
                entry.start_ns < window.end_ns
                    && window.start_ns < entry.end_ns
                    && unreadable.iter().all(|(id, _)| *id != entry.id)
            };
            state.entries.iter().filter(is_wanted).cloned().collect()
        };
        let entries: Vec<&Entry> = live.iter().map(AsRef::as_ref).collect();
        let failed = from_folders(&entries, &mut value).err();
        let failed = failed.and_then(|(id, error)| Some((live.iter().find(|entry| entry.id == id)?, error)));
        let Some((entry, error)) = failed else {
            return Answer { value, unreadable: unreadable.into_iter().map(|(_, folder)| folder).collect() };
        };
        shared.note_unreadable(entry, &error);
        let (folder, reason) = (entry.folder().into(), error.to_string());
        unreadable.push((entry.id, Unreadable { folder, reason }));
    }
}

fn check_shape(window: Window, step_ns: i64, groups: usize) -> Result<usize, StoreError> {
    let duration_ns = window.duration_ns() as u64;
    let steps = duration_ns.div_ceil(step_ns.max(1) as u64);
    let limit = |what, asked, limit, fix| Err(StoreError::Limit { what, asked, limit, fix });
    if step_ns <= 0 || steps > STEPS_MAX {
        return limit("number of steps", steps, STEPS_MAX, "ask for longer steps or a shorter time");
    }
    if groups > SERIES_MAX {
        return limit("number of groups", groups as u64, SERIES_MAX as u64, "ask for fewer groups");
    }
    Ok(steps as usize)
}

fn sum(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum: i64, value| sum.saturating_add(*value))
}
