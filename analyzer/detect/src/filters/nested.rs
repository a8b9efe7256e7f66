//! Is it only around the one that rose? `docs/filters/nested.md`

/// What keeps this part of the rise around it is where it comes from.
const KEPT_MIN: f64 = 0.8;

/// What becomes of a rise among those of the same endpoint and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is told; these are parts of it.
    Told(Vec<usize>),
    /// It lies around one that is told, or is a part of it.
    Nested,
}

/// Walks down from the outermost rises: the deepest that keeps four fifths of the one around it is told, and what lies on
/// the way to it or inside it is not told again. `is_within(a, b)` says that `a` is a part of `b`.
pub fn places(rises: &[f64], is_within: impl Fn(usize, usize) -> bool) -> Vec<Place> {
    let mut order: Vec<usize> = (0..rises.len()).collect();
    let rise = |at: usize| rises.get(at).copied().unwrap_or_default();
    order.sort_by(|left, right| rise(*right).total_cmp(&rise(*left)).then(left.cmp(right)));
    let mut places: Vec<Option<Place>> = vec![None; rises.len()];
    let is_open = |places: &[Option<Place>], at: usize| places.get(at).is_some_and(Option::is_none);
    loop {
        let is_outermost = |at: &&usize| {
            let around = order.iter().any(|other| is_open(&places, *other) && is_within(**at, *other));
            is_open(&places, **at) && !around
        };
        // Two that lie in each other have no outermost; then the larger one is.
        let first = order.iter().find(is_outermost);
        let first = first.or_else(|| order.iter().find(|at| is_open(&places, **at)));
        let Some(first) = first.copied() else { break };
        let mut deepest = first;
        let mut seen = vec![first];
        while let Some(next) = order.iter().copied().find(|at| {
            is_open(&places, *at)
                && !seen.contains(at)
                && is_within(*at, deepest)
                && rise(*at) >= KEPT_MIN * rise(deepest)
        }) {
            seen.push(next);
            deepest = next;
        }
        let is_part = |at: &usize| !seen.contains(at) && is_open(&places, *at) && is_within(*at, deepest);
        let parts: Vec<usize> = order.iter().copied().filter(is_part).collect();
        for at in parts.iter().chain(&seen) {
            if let Some(place) = places.get_mut(*at) {
                *place = Some(Place::Nested);
            }
        }
        // Others around it have their rise from it, unless most of theirs is their own.
        for at in &order {
            let is_around = is_open(&places, *at) && is_within(deepest, *at);
            if is_around
                && rise(deepest) >= KEPT_MIN * rise(*at)
                && let Some(place) = places.get_mut(*at)
            {
                *place = Some(Place::Nested);
            }
        }
        if let Some(place) = places.get_mut(deepest) {
            *place = Some(Place::Told(parts));
        }
    }
    places.into_iter().map(|place| place.unwrap_or(Place::Nested)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rises with the position of what is around each.
    fn check(rises: &[(f64, Option<usize>)], told: &[(usize, &[usize])]) {
        let is_within = |inner: usize, outer: usize| {
            let mut at = inner;
            for _ in 0..rises.len() {
                match rises[at].1 {
                    Some(around) if around == outer => return true,
                    Some(around) => at = around,
                    None => return false,
                }
            }
            false
        };
        let values: Vec<f64> = rises.iter().map(|(rise, _)| *rise).collect();
        let found: Vec<(usize, Vec<usize>)> = places(&values, is_within)
            .into_iter()
            .enumerate()
            .filter_map(|(at, place)| match place {
                Place::Told(parts) => Some((at, parts)),
                Place::Nested => None,
            })
            .collect();
        let told: Vec<(usize, Vec<usize>)> = told.iter().map(|(at, parts)| (*at, parts.to_vec())).collect();
        assert_eq!(found, told, "{rises:?}");
    }

    #[test]
    fn the_deepest_that_keeps_the_rise_is_told() {
        check(&[(10.0, None), (9.8, Some(0)), (9.5, Some(1))], &[(2, &[])]);
        check(&[(10.0, None), (6.0, Some(0)), (4.0, Some(0))], &[(0, &[1, 2])]);
        check(&[(11.5, None), (10.0, Some(0)), (1.5, Some(0))], &[(1, &[]), (2, &[])]);
        check(&[(5.0, None), (3.0, None)], &[(0, &[]), (1, &[])]);
        check(&[(5.0, Some(1)), (5.0, Some(0))], &[(1, &[])]);
        check(&[], &[]);
    }
}
