//! Did cost only move? `docs/filters/cost-shift.md`

/// Of a rise, what must be left once falls nearby are taken from it.
const LEFT_MIN: f64 = 0.2;

/// A change of one function's own cost per request.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnChange<'a> {
    /// Its name.
    pub function: &'a str,
    /// Where it is: the source file, or the executable.
    pub place: &'a str,
    /// After less before.
    pub change: f64,
}

/// Whether the rise of the function at `at` is what others gave up: those of the same file, or one that bears the same last
/// name elsewhere (a rename, a new wrapper).
pub fn is_shift(changes: &[OwnChange], at: usize) -> bool {
    let Some(rise) = changes.get(at).filter(|one| one.change > 0.0) else { return false };
    let is_domain = |one: &OwnChange| {
        (!rise.place.is_empty() && one.place == rise.place)
            || last_name(one.function) == last_name(rise.function)
    };
    let left: f64 = changes.iter().filter(|one| is_domain(one)).map(|one| one.change).sum();
    left.abs() < LEFT_MIN * rise.change
}

fn last_name(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: &[(&str, &str, f64)], expected: bool) {
        let changes: Vec<OwnChange> =
            changes.iter().map(|&(function, place, change)| OwnChange { function, place, change }).collect();
        assert_eq!(is_shift(&changes, 0), expected, "{changes:?}");
    }

    #[test]
    fn what_a_neighbour_gave_up_is_no_rise() {
        check(&[("helper", "a.py", 5.0), ("rank", "a.py", -4.8)], true);
        check(&[("helper", "a.py", 5.0), ("rank", "a.py", -1.0)], false);
        check(&[("helper", "a.py", 5.0), ("rank", "b.py", -5.0)], false);
        check(&[("new.rank", "b.py", 5.0), ("old.rank", "a.py", -5.0)], true);
        check(&[("rank", "a.py", -5.0)], false);
        check(&[], false);
    }
}
