//! Labels of a context, whoever wrote them, in the one form that the rest of fewer knows: `endpoint`, one label for
//! each feature flag, and the two of our SDKs that say what caused a request and whether flags are missing.
//!
//! Everything else is dropped and counted. Ids of traces and users would make every sample a label set of its own,
//! and which other labels do so cannot be seen in their names.

use model::{LabelSet, keys};

use super::route;
use crate::tally::Tally;

/// The endpoint that sent this job, by our SDKs.
pub(crate) const CALLER: &str = "fewer.caller";
/// Present when our SDK reached a cap and left the flags out.
pub(crate) const OVERFLOW: &str = "fewer.overflow";
/// Counts what was changed or left out of contexts.
pub(crate) const CONTEXT_LABELS: &str = "context_labels_total";

/// Longest value of a label.
pub(crate) const VALUE_BYTES_MAX: usize = 255;
const FLAG_KEY_BYTES_MAX: usize = 128;
const FLAGS_MAX: usize = 32;
/// More pairs than any record holds: two bytes of 612 are the least that one takes.
const PAIRS_MAX: usize = 306;

/// Stands for an endpoint without a name, as in our SDKs.
const EMPTY: &str = "(empty)";
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
const OTHER_METHOD: &str = "_OTHER";

/// Prefixes of labels that name a flag; ours first, since the others are prefixes of it.
const ENDPOINT_KEYS: [&str; 2] = [keys::ENDPOINT, "trace endpoint"];
/// Keys that endpoints are made of, so that they do not count as dropped.
const ENDPOINT_PARTS: [&str; 16] = [
    "http.route",
    "http.request.method",
    "http.method",
    "rpc.system",
    "rpc.system.name",
    "rpc.service",
    "rpc.method",
    "celery.task_name",
    "messaging.system",
    "messaging.destination.name",
    "messaging.destination",
    "messaging.operation.name",
    "messaging.operation",
    "messaging.operation.type",
    "db.query.summary",
    "code.function.name",
];

/// The pairs of one context; where a key repeats, the last one counts.
struct Pairs(Vec<(String, String)>);

/// Brings the labels of a context to one form. What is left out or cut is counted.
pub(crate) fn canonical<K: AsRef<str>, V: AsRef<str>>(
    pairs: impl IntoIterator<Item = (K, V)>,
    tally: &mut Tally,
) -> LabelSet {
    let pairs = Pairs::collect(pairs, tally);
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(endpoint) = pairs.endpoint() {
        labels.push((keys::ENDPOINT.to_owned(), endpoint));
    }
    for key in [CALLER, OVERFLOW] {
        labels.extend(pairs.get(key).map(|value| (key.to_owned(), value.to_owned())));
    }
    let flags = pairs.flags();
    tally.add(CONTEXT_LABELS, "flag beyond limit", flags.len().saturating_sub(FLAGS_MAX) as u64);
    for (key, variant) in flags.into_iter().take(FLAGS_MAX) {
        if key.len() <= FLAG_KEY_BYTES_MAX {
            labels.push((format!("{}{key}", keys::FLAG_PREFIX), variant.to_owned()));
        } else {
            tally.add(CONTEXT_LABELS, "flag key too long", 1);
        }
    }
    for (_, value) in &mut labels {
        tally.add(CONTEXT_LABELS, "value cut", u64::from(cut(value, VALUE_BYTES_MAX)));
    }
    LabelSet::new(labels)
}

/// The endpoint of an HTTP request, as our SDKs write it.
pub(crate) fn http_endpoint(method: &str, route: &str) -> String {
    let method = METHODS.iter().find(|known| **known == method).unwrap_or(&OTHER_METHOD);
    format!("{method} {}", route::readable(route))
}

/// Cuts a text at the last character that ends within so many bytes, and says whether it did.
pub(crate) fn cut(text: &mut String, bytes_max: usize) -> bool {
    let is_longer = text.len() > bytes_max;
    text.truncate(text.floor_char_boundary(bytes_max));
    is_longer
}

impl Pairs {
    fn collect<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
        tally: &mut Tally,
    ) -> Self {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (at, (key, value)) in pairs.into_iter().enumerate() {
            let (key, value) = (key.as_ref(), value.as_ref());
            if at >= PAIRS_MAX {
                tally.add(CONTEXT_LABELS, "pair beyond limit", 1);
            } else if !is_known(key) {
                tally.add(CONTEXT_LABELS, if is_id(key) { "id dropped" } else { "unknown dropped" }, 1);
            } else if let Some((_, kept_value)) = kept.iter_mut().find(|(kept_key, _)| kept_key == key) {
                value.clone_into(kept_value);
            } else {
                kept.push((key.to_owned(), value.to_owned()));
            }
        }
        Self(kept)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(kept, _)| kept == key).map(|(_, value)| value.as_str())
    }

    /// A value that says something.
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    fn endpoint(&self) -> Option<String> {
        let given = ENDPOINT_KEYS.into_iter().find_map(|key| self.get(key));
        given
            .map(|name| if name.is_empty() { EMPTY.to_owned() } else { name.to_owned() })
            .or_else(|| self.http())
            .or_else(|| self.rpc())
            .or_else(|| self.text("celery.task_name").map(|task| format!("celery:{task}")))
            .or_else(|| self.messaging())
            .or_else(|| self.text("db.query.summary").map(|summary| format!("sql:{summary}")))
            .or_else(|| self.text("code.function.name").map(|function| format!("fn {function}")))
    }

    fn http(&self) -> Option<String> {
        let method = self.text("http.request.method").or_else(|| self.text("http.method"));
        match (method, self.get("http.route")) {
            (Some(method), route) => Some(http_endpoint(method, route.unwrap_or(route::UNROUTED))),
            (None, Some(route)) => Some(route::readable(route)),
            (None, None) => None,
        }
    }

    /// Newer conventions write the service into the method.
    fn rpc(&self) -> Option<String> {
        let method = self.text("rpc.method")?;
        let system = self.text("rpc.system.name").or_else(|| self.text("rpc.system")).unwrap_or("grpc");
        let service = self.text("rpc.service").filter(|_| !method.contains('/'));
        Some(match service {
            Some(service) => format!("{system}:{service}/{method}"),
            None => format!("{system}:{method}"),
        })
    }

    fn messaging(&self) -> Option<String> {
        let name = self.text("messaging.destination.name").or_else(|| self.text("messaging.destination"))?;
        Some(format!("{}:{name}", self.text("messaging.system").unwrap_or("messaging")))
    }

    /// Keys and variants of flags, in the order in which they stand.
    fn flags(&self) -> Vec<(&str, &str)> {
        let mut flags: Vec<(&str, &str)> = Vec::new();
        let named = self.0.iter().filter_map(|(key, variant)| Some((keys::flag_key(key)?, variant.as_str())));
        let variant = self.get("feature_flag.result.variant").or_else(|| self.get("feature_flag.variant"));
        for (key, variant) in named.chain(self.get("feature_flag.key").zip(variant)) {
            if flags.iter().all(|(known, _)| *known != key) && !key.is_empty() && !variant.is_empty() {
                flags.push((key, variant));
            }
        }
        flags
    }
}

fn is_known(key: &str) -> bool {
    let lists = [&ENDPOINT_KEYS[..], &ENDPOINT_PARTS, &keys::EVALUATION, &[CALLER, OVERFLOW]];
    lists.iter().any(|list| list.contains(&key)) || keys::flag_key(key).is_some()
}

/// By its name, an id of a trace, span or profile.
fn is_id(key: &str) -> bool {
    let last_word = key.rsplit([' ', '.', '_', '-']).next().unwrap_or_default();
    key == "traceparent" || last_word.eq_ignore_ascii_case("id") || last_word.ends_with("Id")
}

#[cfg(test)]
mod tests;
