//! Numbers per function over a whole batch.

use std::cmp::Reverse;

use model::Batch;

use crate::{Function, function::Functions};

/// What one function costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopRow {
    /// Which function.
    pub function: Function,
    /// Value of the stacks whose leaf it is.
    pub self_value: i64,
    /// Value of the stacks that have it anywhere, counted once per stack.
    pub total: i64,
}

/// What a search found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Value of the stacks that have a matching function, counted once per stack.
    pub value: i64,
    /// Distinct functions that match.
    pub functions: u64,
}

/// Self and total of every function that occurs, largest self first, then largest total, then by function.
pub fn top(batch: &Batch) -> Vec<TopRow> {
    let Functions { table, of_frame } = Functions::new(batch);
    let mut rows: Vec<TopRow> =
        table.into_iter().map(|function| TopRow { function, ..TopRow::default() }).collect();
    // The stack that a row counted last: a recursive function must not count one stack twice.
    let mut counted_in = vec![usize::MAX; rows.len()];
    for (at, (stack, value)) in batch.stacks.iter().zip(stack_values(batch)).enumerate() {
        let functions = stack.iter().filter_map(|frame| of_frame.get(frame.0 as usize));
        for (depth, function) in functions.enumerate() {
            let function = *function as usize;
            let (Some(row), Some(last)) = (rows.get_mut(function), counted_in.get_mut(function)) else {
                continue;
            };
            if depth == 0 {
                row.self_value += value;
            }
            if *last != at {
                *last = at;
                row.total += value;
            }
        }
    }
    rows.retain(|row| row.total != 0);
    // Rows are in the order of their functions, which a stable sort keeps where values are equal.
    rows.sort_by_key(|row| Reverse((row.self_value, row.total)));
    rows
}

/// How much of the batch has a function for which `predicate` holds. It is asked once per function.
pub fn matched(batch: &Batch, predicate: impl FnMut(&Function) -> bool) -> Matched {
    let Functions { table, of_frame } = Functions::new(batch);
    let matches: Vec<bool> = table.iter().map(predicate).collect();
    let mut occurs = vec![false; table.len()];
    let mut value = 0;
    for (stack, stack_value) in batch.stacks.iter().zip(stack_values(batch)).filter(|(_, value)| *value != 0)
    {
        let mut found = false;
        for frame in stack {
            let Some(function) = of_frame.get(frame.0 as usize).map(|function| *function as usize) else {
                continue;
            };
            if matches.get(function) == Some(&true) {
                found = true;
                occurs.iter_mut().skip(function).take(1).for_each(|seen| *seen = true);
            }
        }
        if found {
            value += stack_value;
        }
    }
    Matched { value, functions: occurs.into_iter().filter(|seen| *seen).count() as u64 }
}

/// The value of each stack over all profiles.
pub(crate) fn stack_values(batch: &Batch) -> Vec<i64> {
    let mut values = vec![0_i64; batch.stacks.len()];
    for sample in batch.profiles.iter().flat_map(|profile| &profile.samples) {
        if let Some(value) = values.get_mut(sample.stack.0 as usize) {
            *value += sample.value;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::batch;

    const RECURSIVE: [(&str, i64); 3] = [("main;f;f;f", 5), ("main;f;g", 2), ("main;g", 2)];

    #[test]
    fn recursion_counts_once_per_stack() {
        let rows = top(&batch(&RECURSIVE));
        let rows: Vec<_> =
            rows.iter().map(|row| (row.function.name.as_ref(), row.self_value, row.total)).collect();
        assert_eq!(rows, [("f", 5, 7), ("g", 4, 4), ("main", 0, 9)]);
    }

    #[test]
    fn a_match_counts_once_per_stack() {
        let check = |pattern: &str, value, functions| {
            let found = matched(&batch(&RECURSIVE), |function| function.name.contains(pattern));
            assert_eq!(found, Matched { value, functions }, "{pattern}");
        };
        check("f", 7, 1);
        check("g", 4, 1);
        check("", 9, 3);
        check("nowhere", 0, 0);
    }

    #[test]
    fn functions_of_no_stack_do_not_count() {
        let mut unused = batch(&RECURSIVE);
        unused.frames.push(model::Frame { function: "unused".into(), ..model::Frame::default() });
        assert_eq!(top(&unused).len(), 3);
        assert_eq!(matched(&unused, |_| true).functions, 3);
    }
}
