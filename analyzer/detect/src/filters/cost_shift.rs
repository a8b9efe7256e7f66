//! Did cost only move? `docs/filters/cost-shift.md`

use crate::stats::Estimate;

/// Of a rise, what must be left once falls nearby are taken from it.
const LEFT_MIN: f64 = 0.2;

/// What encloses a rise must have risen by at least this part of it.
const ENCLOSING_PART_MIN: f64 = 0.5;

/// A fall counts when it is this clear, and an enclosing function's rise is below what it may be with the same confidence.
const CONFIDENCE: f64 = 0.95;

/// Whether what encloses the function did not rise with it: then something else in there fell (a new wrapper, a helper that
/// became part of its caller, a new name). `share` is the part of the function's cost that the enclosing one may see. An
/// enclosing function whose own noise is larger than the rise says nothing.
pub fn is_within(rise: f64, enclosing: &Estimate, share: f64) -> bool {
    let (_, most) = enclosing.interval(CONFIDENCE);
    rise > 0.0 && most < ENCLOSING_PART_MIN * share * rise
}

/// Whether the rise is what others nearby gave up: the clear falls of the same file, of the same last name, or of the same
/// caller.
pub fn is_from(rise: f64, neighbours: &[Estimate]) -> bool {
    let is_clear = |change: &&Estimate| change.interval(CONFIDENCE).1 < 0.0;
    let fallen: f64 = neighbours.iter().filter(is_clear).map(|change| change.value).sum();
    rise > 0.0 && rise + fallen < LEFT_MIN * rise && rise + fallen > -rise
}

/// Whether two functions may be one under two names: the same last name elsewhere.
pub fn is_namesake(one: &str, other: &str) -> bool {
    last_name(one) == last_name(other)
}

fn last_name(name: &str) -> &str {
    let bare = name.split(['<', '(']).next().unwrap_or(name);
    let last = bare.trim_end_matches(':').rsplit(['.', ':']).next().unwrap_or(bare);
    if last.is_empty() { name } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(value: f64, standard_error: f64) -> Estimate {
        Estimate { value, standard_error, degrees_of_freedom: 20.0 }
    }

    #[test]
    fn what_does_not_show_around_it_is_no_rise() {
        assert!(is_within(5.0, &change(0.1, 0.5), 1.0));
        assert!(!is_within(5.0, &change(5.2, 0.5), 1.0));
        assert!(!is_within(5.0, &change(0.1, 5.0), 1.0), "too noisy to say");
        assert!(!is_within(5.0, &change(1.6, 0.2), 0.3), "one of three callers");
    }

    #[test]
    fn what_a_neighbour_gave_up_is_no_rise() {
        assert!(is_from(5.0, &[change(-4.8, 0.5)]));
        assert!(!is_from(5.0, &[change(-1.0, 0.1)]));
        assert!(!is_from(5.0, &[change(-4.8, 5.0)]), "the fall may be chance");
        assert!(is_from(5.0, &[change(-3.0, 0.1), change(-1.9, 0.1), change(9.0, 0.1)]));
        assert!(!is_from(5.0, &[change(-40.0, 0.1)]), "something far larger fell");
        assert!(!is_from(5.0, &[]));
    }

    #[test]
    fn a_name_moves_between_places() {
        for (one, other) in [("new.rank", "old.rank"), ("a::b::rank", "c::rank"), ("rank<u8>", "rank<u16>")] {
            assert!(is_namesake(one, other), "{one} {other}");
        }
        assert!(!is_namesake("rank", "score"));
    }
}
