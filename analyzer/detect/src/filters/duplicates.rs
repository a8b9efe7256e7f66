//! Is it the same cause as another? `docs/filters/duplicates.md`

/// What two rises of one cause have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause<'a> {
    /// When it began, in steps, at the earliest and at the latest.
    pub at: (usize, usize),
    /// The function it is blamed on; empty for all of an endpoint.
    pub function: &'a str,
    /// That function's file or executable.
    pub place: &'a str,
    /// That function's package; empty when it is not known.
    pub package: &'a str,
    /// The endpoint.
    pub endpoint: &'a str,
}

/// Steps by which two rises of one cause may be apart: each is found a little early or late.
const APART_MAX: usize = 2;

/// Whether two rises have one cause: at one time, the same function in several endpoints, or several functions of the same
/// package in one endpoint.
pub fn is_same(one: &Cause, other: &Cause) -> bool {
    let is_function = !one.function.is_empty() && one.function == other.function && one.place == other.place;
    let is_package =
        !one.package.is_empty() && one.package == other.package && one.endpoint == other.endpoint;
    is_same_time(one.at, other.at) && (is_function || is_package)
}

/// Whether two rises may have begun together.
pub fn is_same_time(one: (usize, usize), other: (usize, usize)) -> bool {
    one.0 <= other.1 + APART_MAX && other.0 <= one.1 + APART_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause<'a>(at: usize, function: &'a str, package: &'a str, endpoint: &'a str) -> Cause<'a> {
        Cause { at: (at, at), function, place: "a.py", package, endpoint }
    }

    #[test]
    fn one_cause_shows_in_several_places() {
        let one = cause(10, "rank", "feed", "/feed");
        assert!(is_same(&one, &cause(11, "rank", "feed", "/home")));
        assert!(is_same(&one, &cause(10, "score", "feed", "/feed")));
        assert!(!is_same(&one, &cause(13, "rank", "feed", "/home")));
        assert!(!is_same(&one, &cause(10, "score", "feed", "/home")));
        let climb = Cause { at: (10, 30), ..cause(0, "rank", "feed", "/feed") };
        assert!(is_same(&climb, &cause(32, "rank", "feed", "/home")));
        assert!(!is_same(&cause(10, "", "", "/feed"), &cause(10, "", "", "/home")));
    }
}
