//! Version against version: which of them to compare, and when. Both are chosen from requests alone, before any cost is
//! looked at.

use crate::regressions::fleet::Part;

/// A version with a smaller share of the requests of a step does not count in it.
const SHARE_MIN: f64 = 0.05;

/// The share with which a version has arrived.
const ARRIVED: f64 = 0.5;

/// Two versions and the steps in which they are looked at: the same length, the baseline's right before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The version before.
    pub baseline: String,
    /// The version after.
    pub candidate: String,
    /// Steps of the baseline.
    pub before: std::ops::Range<usize>,
    /// Steps of the candidate.
    pub after: std::ops::Range<usize>,
}

/// A version and the steps in which it has most of the requests.
type Reign<'a> = (&'a Part, std::ops::Range<usize>);

/// Every change of version, in the order in which they arrived: each with the one that had most requests before it, over
/// at most `steps_max` steps on each side.
pub fn pairs(versions: &[Part], steps_max: usize) -> Vec<Pair> {
    let steps = versions.iter().map(|part| part.requests.len()).max().unwrap_or(0);
    let requests = |part: &Part, step: usize| part.requests.get(step).copied().unwrap_or_default();
    let share = |part: &Part, step: usize| {
        let whole: f64 = versions.iter().map(|other| requests(other, step)).sum();
        if whole > 0.0 { requests(part, step) / whole } else { 0.0 }
    };
    let leads = |step: usize| {
        let leader = versions.iter().filter(|part| !part.value.is_empty() && share(part, step) >= ARRIVED);
        leader.max_by(|left, right| share(left, step).total_cmp(&share(right, step)))
    };
    let mut reigns: Vec<Reign> = Vec::new();
    for step in 0..steps {
        let Some(leader) = leads(step) else { continue };
        match reigns.last_mut() {
            Some((part, reign)) if part.value == leader.value => reign.end = step + 1,
            _ => reigns.push((leader, step..step + 1)),
        }
    }
    let pair = |(before, after): (&Reign, &Reign)| {
        let ((old, old_reign), (new, new_reign)) = (before, after);
        // While it is rolled out, a version runs on hosts that are chosen somehow.
        let first_seen =
            old_reign.clone().find(|step| share(new, *step) >= SHARE_MIN).unwrap_or(old_reign.end);
        let settled = new_reign.clone().find(|step| share(old, *step) < SHARE_MIN)?;
        let length = (first_seen - old_reign.start).min(new_reign.end - settled).min(steps_max);
        (length > 0).then(|| Pair {
            baseline: old.value.clone(),
            candidate: new.value.clone(),
            before: first_seen - length..first_seen,
            after: settled..settled + length,
        })
    };
    reigns.iter().zip(reigns.iter().skip(1)).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(value: &str, requests: impl Fn(usize) -> f64) -> Part {
        Part { of: String::new(), value: value.into(), requests: (0..40).map(requests).collect() }
    }

    fn check(versions: &[Part], expected: &[(&str, &str, std::ops::Range<usize>, std::ops::Range<usize>)]) {
        let found = pairs(versions, 15);
        let found: Vec<_> = found
            .iter()
            .map(|pair| {
                (pair.baseline.as_str(), pair.candidate.as_str(), pair.before.clone(), pair.after.clone())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_version_is_compared_with_the_one_before_it() {
        let new = |at: usize| ((at as f64 - 18.0) / 4.0).clamp(0.0, 1.0);
        let rolled_out = [part("1", |at| 1.0 - new(at)), part("2", new)];
        check(&rolled_out, &[("1", "2", 4..19, 22..37)]);
        let at = |from: usize, to: usize| move |at: usize| f64::from(u8::from((from..to).contains(&at)));
        let three = [part("1", at(0, 10)), part("2", at(10, 14)), part("3", at(14, 40))];
        check(&three, &[("1", "2", 6..10, 10..14), ("2", "3", 10..14, 14..18)]);
        check(&[part("1", |_| 5.0)], &[]);
        check(&[part("", at(0, 10)), part("2", at(10, 40))], &[]);
        check(&[part("1", |_| 1.0), part("2", |at| if at < 20 { 0.0 } else { 0.3 })], &[]);
        check(&[], &[]);
    }
}
