//! What came with a step: the version that was rolled out, or the flag that was turned up.

use super::fleet::Part;

/// Steps on each side that say how much of the requests a version or a variant has.
const REACH: usize = 4;

/// A share that grew by less did not bring anything.
const GROWTH_MIN: f64 = 0.2;

/// The version or variant whose share of the requests grew most about a step; those of one flag, or all versions, share
/// the requests among them.
pub(super) fn brought_by(parts: &[Part], at: usize) -> Option<&Part> {
    let growth = |part: &Part| {
        let share = |steps: std::ops::Range<usize>| {
            let of = |part: &Part| -> f64 {
                part.requests.get(steps.start..steps.end.min(part.requests.len())).into_iter().flatten().sum()
            };
            let whole: f64 = parts.iter().filter(|other| other.of == part.of).map(of).sum();
            (whole > 0.0).then(|| of(part) / whole)
        };
        // A roll-out takes a while, and the step is found in its middle.
        let after = share(at + 1..at + 1 + REACH).or_else(|| share(at..at + REACH))?;
        Some(after - share(at.saturating_sub(REACH)..at.saturating_sub(1)).unwrap_or(0.0))
    };
    let grown = parts.iter().filter_map(|part| Some((growth(part)?, part)));
    let most = grown.max_by(|left, right| left.0.total_cmp(&right.0));
    most.filter(|(growth, _)| *growth >= GROWTH_MIN).map(|(_, part)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(of: &str, value: &str, requests: impl Fn(usize) -> f64) -> Part {
        Part { of: of.into(), value: value.into(), requests: (0..40).map(requests).collect() }
    }

    fn check(parts: &[Part], at: usize, expected: Option<&str>) {
        assert_eq!(brought_by(parts, at).map(|part| part.value.as_str()), expected, "at {at}");
    }

    #[test]
    fn what_rolls_out_about_the_step_brought_it() {
        let new = |at: usize| ((at as f64 - 18.0) / 4.0).clamp(0.0, 1.0);
        let parts = [part("", "1", |at| 1.0 - new(at)), part("", "2", new)];
        for at in [18, 20, 22] {
            check(&parts, at, Some("2"));
        }
        check(&parts, 10, None);
        check(&parts, 30, None);
        check(&[part("", "1", |_| 5.0)], 20, None);
        check(&[], 20, None);
    }

    #[test]
    fn a_flag_is_one_among_others() {
        let on = |at: usize| if at < 20 { 0.0 } else { 3.0 };
        let parts = [
            part("ranker", "on", on),
            part("ranker", "off", |at| 10.0 - on(at)),
            part("blue", "on", |_| 4.0),
            part("blue", "off", |_| 6.0),
        ];
        check(&parts, 20, Some("on"));
    }
}
