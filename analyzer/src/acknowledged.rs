//! Rises that somebody put up with: a file in the repository, so that it is reviewed with the change, with an owner, a
//! reason, a last day and a bound. A larger rise fails again.

use serde::Deserialize;

use crate::error::AnalyzerError;

/// Where the file is.
pub const PLACE: &str = ".fewer/acknowledged.toml";

/// One entry.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Who answers for it.
    pub owner: String,
    /// Why it is worth it.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    pub expires: String,
    /// The largest rise that it covers.
    pub at_most_percent: f64,
    /// Only a rise with this function among the dearer ones; any when absent.
    pub function: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    acknowledged: Vec<Entry>,
}

/// Reads the file's entries.
pub fn parse(text: &str) -> Result<Vec<Entry>, AnalyzerError> {
    let wrong = |message: String| AnalyzerError::File { file: PLACE.to_owned(), message };
    let File { acknowledged } = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for entry in &acknowledged {
        if !is_date(&entry.expires) {
            return Err(wrong(format!("expires = \"{}\": write a date as YYYY-MM-DD", entry.expires)));
        }
        if entry.owner.trim().is_empty() || entry.reason.trim().is_empty() {
            return Err(wrong("an entry needs an owner and a reason".to_owned()));
        }
    }
    Ok(acknowledged)
}

/// The entry that covers a rise today.
pub fn covering<'a>(entries: &'a [Entry], rise: f64, functions: &[&str], today: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| {
        entry.expires.as_str() >= today
            && rise * 100.0 <= entry.at_most_percent
            && entry.function.as_deref().is_none_or(|function| functions.contains(&function))
    })
}

/// Entries that count no longer.
pub fn expired<'a>(entries: &'a [Entry], today: &'a str) -> impl Iterator<Item = &'a Entry> {
    entries.iter().filter(move |entry| entry.expires.as_str() < today)
}

fn is_date(text: &str) -> bool {
    let shape = |at: usize, byte: u8| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(|(at, byte)| shape(at, byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [[acknowledged]]
        owner = "@ann"
        reason = "ranks better"
        expires = "2026-06-30"
        at_most_percent = 5.0
        function = "rank"
    "#;

    #[test]
    fn an_entry_covers_up_to_its_bound_and_its_day() {
        let entries = parse(TEXT).unwrap();
        let covers = |rise, functions: &[&str], today| covering(&entries, rise, functions, today).is_some();
        assert!(covers(0.05, &["main", "rank"], "2026-06-30"));
        assert!(!covers(0.051, &["rank"], "2026-06-30"));
        assert!(!covers(0.01, &["rank"], "2026-07-01"));
        assert!(!covers(0.01, &["main"], "2026-01-01"));
        assert_eq!(
            (expired(&entries, "2026-06-30").count(), expired(&entries, "2026-07-01").count()),
            (0, 1)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(parse("").unwrap(), []);
        for (from, to) in
            [("2026-06-30", "soon"), ("\"@ann\"", "\" \""), ("owner", "who"), ("5.0", "\"much\"")]
        {
            let error = parse(&TEXT.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(PLACE), "{error}");
        }
    }
}
