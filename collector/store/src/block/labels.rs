//! Label sets as columns. A key that occurs has a column of its own; only where there are too many keys, the rest
//! of a label set goes as text into one more column.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use model::{LabelSet, keys};

/// Keys with a column of their own, at most.
pub(crate) const COLUMNS_MAX: usize = 64;

/// Labels that sort and get columns before any other, in this order.
const LEADING: [&str; 4] = [keys::SERVICE_NAME, keys::ENDPOINT, keys::SERVICE_VERSION, keys::HOST_NAME];

/// One column: distinct values, and which of them each label set has.
#[derive(Debug, Default)]
pub(crate) struct LabelColumn {
    /// The key; empty for the rest column.
    pub(crate) key: Arc<str>,
    /// Distinct values; the absent label is the empty text.
    pub(crate) values: Vec<Arc<str>>,
    /// Index into `values` by number of the label set.
    pub(crate) codes: Vec<i32>,
}

/// The columns for some label sets, and how many labels had to go into the rest.
pub(crate) fn columns(label_sets: &[LabelSet]) -> (Vec<LabelColumn>, u64) {
    let mut uses: HashMap<&Arc<str>, u64> = HashMap::new();
    for (key, _) in label_sets.iter().flat_map(LabelSet::iter) {
        *uses.entry(key).or_default() += 1;
    }
    let mut keys: Vec<(&Arc<str>, u64)> = uses.into_iter().collect();
    keys.sort_by_key(|(key, uses)| (leading_rank(key), std::cmp::Reverse(*uses), *key));
    let (own, rest) = keys.split_at(keys.len().min(COLUMNS_MAX));
    let mut columns: Vec<LabelColumn> = own
        .iter()
        .map(|(key, _)| column(key, label_sets, |labels| labels.get(key).unwrap_or_default().into()))
        .collect();
    if !rest.is_empty() {
        let has_column = |key: &str| own.iter().any(|(own, _)| own.as_ref() == key);
        columns.push(column("", label_sets, |labels| rest_text(labels, has_column).into()));
    }
    (columns, rest.iter().map(|(_, uses)| uses).sum())
}

/// Compares label sets the way rows are sorted: service, endpoint, then everything.
pub(crate) fn compare(left: &LabelSet, right: &LabelSet) -> Ordering {
    let by = |key: &str| left.get(key).cmp(&right.get(key));
    by(keys::SERVICE_NAME).then_with(|| by(keys::ENDPOINT)).then_with(|| left.cmp(right))
}

fn leading_rank(key: &str) -> usize {
    LEADING.iter().position(|leading| *leading == key).unwrap_or(LEADING.len())
}

fn column(key: &str, label_sets: &[LabelSet], value: impl Fn(&LabelSet) -> Arc<str>) -> LabelColumn {
    let mut codes_of: HashMap<Arc<str>, i32> = HashMap::new();
    let mut column = LabelColumn { key: key.into(), ..LabelColumn::default() };
    for labels in label_sets {
        let value = value(labels);
        let code = *codes_of.entry(value.clone()).or_insert_with(|| {
            column.values.push(value);
            column.values.len() as i32 - 1
        });
        column.codes.push(code);
    }
    column
}

/// Labels without a column as text: `"key"="value"` with commas between, quotes and backslashes escaped.
fn rest_text(labels: &LabelSet, has_column: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    for (key, value) in labels.iter().filter(|(key, _)| !has_column(key)) {
        if !text.is_empty() {
            text.push(',');
        }
        quote(key, &mut text);
        text.push('=');
        quote(value, &mut text);
    }
    text
}

fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// The labels that [`rest_text`] wrote.
pub(crate) fn parse_rest(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<String> = Vec::new();
    let mut inside = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (inside, character) {
            (false, '"') => {
                inside = true;
                parts.push(String::new());
            }
            (true, '"') => inside = false,
            (true, '\\') => parts.last_mut().into_iter().for_each(|part| part.extend(characters.next())),
            (true, other) => parts.last_mut().into_iter().for_each(|part| part.push(other)),
            (false, _) => {}
        }
    }
    let mut parts = parts.into_iter();
    std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_becomes_a_column_with_empty_for_absent() {
        let sets = [LabelSet::new([("b", "1"), (keys::ENDPOINT, "GET /")]), LabelSet::new([("b", "2")])];
        let (columns, rest) = columns(&sets);
        let found: Vec<_> =
            columns.iter().map(|c| (c.key.as_ref(), c.codes.as_slice(), c.values.len())).collect();
        assert_eq!(found, [(keys::ENDPOINT, [0, 1].as_slice(), 2), ("b", [0, 1].as_slice(), 2)]);
        assert_eq!(columns[0].values[1].as_ref(), "");
        assert_eq!(rest, 0);
    }

    #[test]
    fn too_many_keys_go_into_the_rest_and_come_back() {
        let pairs: Vec<(String, String)> =
            (0..COLUMNS_MAX + 2).map(|at| (format!("key\"{at:03}"), format!("a\\,=\"{at}"))).collect();
        let labels = LabelSet::new(
            pairs
                .clone()
                .into_iter()
                .map(|(k, v)| (k.as_str().into(), v.as_str().into()))
                .collect::<Vec<(Arc<str>, Arc<str>)>>(),
        );
        let (columns, rest) = columns(std::slice::from_ref(&labels));
        assert_eq!((columns.len(), rest), (COLUMNS_MAX + 1, 2));
        assert_eq!(parse_rest(&columns[COLUMNS_MAX].values[0]), pairs[COLUMNS_MAX..]);
    }

    #[test]
    fn service_and_endpoint_sort_first() {
        let set = |service: &str, endpoint: &str, a: &str| {
            LabelSet::new([(keys::SERVICE_NAME, service), (keys::ENDPOINT, endpoint), ("a", a)])
        };
        let mut sets = [set("b", "x", "1"), set("a", "y", "1"), set("a", "x", "2")];
        sets.sort_by(compare);
        assert_eq!(sets, [set("a", "x", "2"), set("a", "y", "1"), set("b", "x", "1")]);
    }
}
