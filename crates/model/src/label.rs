//! Labels say where samples came from.

use std::sync::Arc;

/// Names of the labels that fewer itself writes. Anything else on a sample came from the user.
pub mod keys {
    /// The logical service, by OpenTelemetry's name.
    pub const SERVICE_NAME: &str = "service.name";
    /// The release of the service.
    pub const SERVICE_VERSION: &str = "service.version";
    /// The machine.
    pub const HOST_NAME: &str = "host.name";
    /// The container, by its runtime's id.
    pub const CONTAINER_ID: &str = "container.id";
    /// The part of the fleet that a host is in, as whoever runs the agent names it.
    pub const REGION: &str = "region";
    /// What processes of a service are for, where they differ: web, worker.
    pub const ROLE: &str = "fewer.role";
    /// The process.
    pub const PROCESS_PID: &str = "process.pid";
    /// The thread, by the name that the kernel keeps.
    pub const THREAD_NAME: &str = "thread.name";
    /// The request handler: `GET /feed`, `celery:make_thumbnail`.
    pub const ENDPOINT: &str = "endpoint";
    /// Prefix of the label that carries the variant of one feature flag.
    pub const FLAG_PREFIX: &str = "feature_flag.result.variant.";
    /// Where the context labels of a sample came from: `sdk`, `otel_tls`, `go_labels`, `stack`, `comm` …
    pub const LABEL_SOURCE: &str = "fewer.label_source";
    /// The value of an endpoint or a flag where there were too many to tell them apart.
    pub const OTHER: &str = "_other";

    /// OpenTelemetry's attributes of one evaluation, which are no flags of these names.
    pub const EVALUATION: [&str; 10] = [
        "feature_flag.key",
        "feature_flag.variant",
        "feature_flag.result.variant",
        "feature_flag.result.value",
        "feature_flag.result.reason",
        "feature_flag.provider.name",
        "feature_flag.provider_name",
        "feature_flag.set.id",
        "feature_flag.version",
        "feature_flag.context.id",
    ];

    /// The flag whose variant a label carries, by each name that is accepted: `feature_flag.result.variant.KEY`,
    /// `feature_flag.KEY` and `flag.KEY`.
    pub fn flag_key(label: &str) -> Option<&str> {
        if EVALUATION.contains(&label) {
            return None;
        }
        [FLAG_PREFIX, "feature_flag.", "flag."].iter().find_map(|prefix| label.strip_prefix(prefix))
    }

    /// The name that a label is kept under.
    pub fn canonical(label: &str) -> std::borrow::Cow<'_, str> {
        match flag_key(label) {
            Some(key) if !key.is_empty() && !label.starts_with(FLAG_PREFIX) => {
                format!("{FLAG_PREFIX}{key}").into()
            }
            _ => label.into(),
        }
    }
}

/// Keys and values, sorted by key, each key once. An empty value means that the label is absent, as in
/// Prometheus, so empty values are never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSet(Vec<(Arc<str>, Arc<str>)>);

impl LabelSet {
    /// Sorts and deduplicates; where a key repeats, the last value given wins.
    pub fn new<K: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut labels: Vec<(Arc<str>, Arc<str>)> =
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        labels.reverse();
        labels.sort_by(|left, right| left.0.cmp(&right.0));
        labels.dedup_by(|later, kept| later.0 == kept.0);
        labels.retain(|(_, value)| !value.is_empty());
        Self(labels)
    }

    /// The value of a label, if it is present.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(probe, _)| probe.as_ref().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_ref())
    }

    /// All labels in key order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same labels with `other`'s added; `other` wins where both have a key.
    pub fn merged(&self, other: &LabelSet) -> LabelSet {
        LabelSet::new(self.0.iter().chain(&other.0).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], expected: &[(&str, &str)]) {
        let labels = LabelSet::new(pairs.iter().copied());
        let found: Vec<(&str, &str)> =
            labels.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        assert_eq!(found, expected);
        for (key, value) in expected {
            assert_eq!(labels.get(key), Some(*value));
        }
    }

    #[test]
    fn sorts_deduplicates_and_drops_empty_values() {
        check(&[], &[]);
        check(&[("b", "2"), ("a", "1")], &[("a", "1"), ("b", "2")]);
        check(&[("a", "1"), ("a", "2")], &[("a", "2")]);
        check(&[("a", "1"), ("a", "")], &[]);
    }

    #[test]
    fn flags_go_by_one_name() {
        for (given, kept) in [
            ("feature_flag.result.variant.a.b", "feature_flag.result.variant.a.b"),
            ("feature_flag.a", "feature_flag.result.variant.a"),
            ("flag.a", "feature_flag.result.variant.a"),
            ("flag.", "flag."),
            ("feature_flag.key", "feature_flag.key"),
            ("service.name", "service.name"),
        ] {
            assert_eq!(keys::canonical(given), kept);
        }
        assert_eq!(keys::flag_key("feature_flag.set.id"), None);
        assert_eq!(keys::flag_key("flag.a"), Some("a"));
    }

    #[test]
    fn merging_lets_the_other_side_win() {
        let merged = LabelSet::new([("a", "1"), ("b", "1")]).merged(&LabelSet::new([("b", "2")]));
        assert_eq!(merged, LabelSet::new([("a", "1"), ("b", "2")]));
    }
}
