//! What a query selects, ready to be decided value by value.

use std::sync::Arc;

use model::{LabelSet, MatchOp, Matcher, ProfileType, Selector, Window, keys};
use regex::Regex;

use crate::{StoreError, marginals::MARGINAL};

/// Labels, time and type that a profile must have.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) window: Window,
    pub(crate) kind: ProfileType,
    /// Conditions by label: all conditions on one label stand together.
    pub(crate) labels: Vec<LabelTest>,
}

/// All conditions on one label.
#[derive(Clone, Debug)]
pub(crate) struct LabelTest {
    pub(crate) key: Arc<str>,
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(Arc<str>),
    NotEqual(Arc<str>),
    Regex(Regex),
    NotRegex(Regex),
}

impl Filter {
    /// Compiles a selector.
    pub(crate) fn new(selector: &Selector, window: Window, kind: ProfileType) -> Result<Self, StoreError> {
        let mut labels: Vec<LabelTest> = Vec::new();
        for matcher in &selector.matchers {
            let test = compile(matcher)?;
            match labels.iter_mut().find(|label| label.key == matcher.key) {
                Some(label) => label.tests.push(test),
                None => labels.push(LabelTest { key: matcher.key.clone(), tests: vec![test] }),
            }
        }
        Ok(Self { window, kind, labels })
    }

    /// Selects the marginals of a flag, of all that this selects. None if it asks for a flag, of which those know nothing.
    pub(crate) fn of_marginals(&self, flag: &str) -> Option<Self> {
        if self.labels.iter().any(|test| test.key.starts_with(keys::FLAG_PREFIX)) {
            return None;
        }
        let mut filter = self.clone();
        filter.labels.push(LabelTest { key: MARGINAL.into(), tests: vec![Test::Equal(flag.into())] });
        Some(filter)
    }

    /// True when a profile with these labels is selected, were it of the right time and type.
    pub(crate) fn matches(&self, labels: &LabelSet) -> bool {
        self.labels.iter().all(|test| test.matches(labels.get(&test.key).unwrap_or_default()))
    }
}

impl LabelTest {
    /// True when the value fulfils all conditions; the absent label is the empty value.
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.tests.iter().all(|test| match test {
            Test::Equal(expected) => value == expected.as_ref(),
            Test::NotEqual(excluded) => value != excluded.as_ref(),
            Test::Regex(regex) => regex.is_match(value),
            Test::NotRegex(regex) => !regex.is_match(value),
        })
    }

    /// Decides for all values from `min` to `max` at once, where that is possible.
    pub(crate) fn matches_range(&self, min: &[u8], max: &[u8]) -> Option<bool> {
        if min == max {
            return std::str::from_utf8(min).ok().map(|value| self.matches(value));
        }
        let outside = |value: &str| value.as_bytes() < min || value.as_bytes() > max;
        let excluded = self.tests.iter().any(|test| matches!(test, Test::Equal(value) if outside(value)));
        excluded.then_some(false)
    }
}

fn compile(matcher: &Matcher) -> Result<Test, StoreError> {
    let regex = || {
        Regex::new(&format!("^(?s:{})$", matcher.value))
            .map_err(|source| StoreError::Regex { key: matcher.key.clone(), source: Box::new(source) })
    };
    Ok(match matcher.op {
        MatchOp::Equal => Test::Equal(matcher.value.clone()),
        MatchOp::NotEqual => Test::NotEqual(matcher.value.clone()),
        MatchOp::Regex => Test::Regex(regex()?),
        MatchOp::NotRegex => Test::NotRegex(regex()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(conditions: &[(&str, MatchOp, &str)]) -> Result<Filter, StoreError> {
        let matchers = conditions
            .iter()
            .map(|(key, op, value)| Matcher { key: (*key).into(), op: *op, value: (*value).into() })
            .collect();
        Filter::new(&Selector { matchers }, Window::default(), ProfileType::Cpu)
    }

    fn check(conditions: &[(&str, MatchOp, &str)], labels: &[(&str, &str)], expected: bool) {
        let labels = LabelSet::new(labels.iter().copied());
        assert_eq!(filter(conditions).unwrap().matches(&labels), expected, "{conditions:?} {labels:?}");
    }

    #[test]
    fn conditions_work_as_in_prometheus() {
        use MatchOp::{Equal, NotEqual, NotRegex, Regex};
        check(&[], &[], true);
        check(&[("a", Equal, "x")], &[("a", "x")], true);
        check(&[("a", Equal, "")], &[], true);
        check(&[("a", NotEqual, "")], &[], false);
        check(&[("a", NotEqual, "x")], &[], true);
        check(&[("a", Regex, "x|y.*")], &[("a", "yes")], true);
        check(&[("a", Regex, "es")], &[("a", "yes")], false);
        check(&[("a", Regex, "x|y")], &[("a", "xy")], false);
        check(&[("a", Regex, ".*")], &[], true);
        check(&[("a", Regex, "a.b")], &[("a", "a\nb")], true);
        check(&[("a", NotRegex, "x.*")], &[("a", "yes")], true);
        check(&[("a", Regex, "x.*"), ("a", NotEqual, "xx")], &[("a", "xx")], false);
    }

    #[test]
    fn a_bad_expression_names_its_label() {
        let error = filter(&[("endpoint", MatchOp::Regex, "(")]).unwrap_err();
        assert!(error.to_string().starts_with("regular expression for label endpoint: "), "{error}");
    }

    #[test]
    fn a_range_of_values_is_decided_where_possible() {
        let test = &filter(&[("a", MatchOp::Equal, "m")]).unwrap().labels[0];
        assert_eq!(test.matches_range(b"m", b"m"), Some(true));
        assert_eq!(test.matches_range(b"a", b"b"), Some(false));
        assert_eq!(test.matches_range(b"a", b"z"), None);
    }
}
