//! Who is told what, and when not: `alerts.toml`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::AnalyzerError;

/// Receivers, and thresholds, that a file may have.
const ENTRIES_MAX: usize = 1_000;

const MINUTES_A_DAY: i64 = 1_440;

/// The settings.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertConfig {
    /// Where the pages are, for links; without a slash at its end.
    pub pages: Option<String>,
    /// Smaller findings are not told, in servers.
    pub least_servers: f64,
    /// When people are left alone.
    pub quiet_hours: Option<QuietHours>,
    /// Other bounds for some endpoints; the first that matches counts.
    pub thresholds: Vec<Threshold>,
    /// Who is told.
    pub receivers: Vec<Receiver>,
}

/// A time of the day at which nothing is sent; what is due then is sent afterwards, if it is still true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuietHours {
    /// Minute of the local day at which they begin.
    pub from_minute: i64,
    /// Minute at which they end; they go over midnight when it is the smaller one.
    pub to_minute: i64,
    /// Minutes that the local time is ahead of UTC.
    pub utc_offset_minutes: i64,
    /// Findings of this many servers are told all the same.
    pub but_from_servers: f64,
}

/// A bound for some endpoints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Which: `*` is any text and `?` any character.
    pub endpoint: String,
    /// Smaller findings in them are not told, in servers.
    pub servers: f64,
}

/// What a receiver understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Our own JSON.
    Webhook,
    /// Slack's incoming webhooks, and what imitates them.
    Slack,
    /// Alertmanager's API, version 2.
    Alertmanager,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// A name of its own: what was told is remembered under it.
    pub name: String,
    /// What it understands.
    pub kind: Kind,
    /// Where it listens; Alertmanager's is its root.
    #[serde(default)]
    pub url: String,
    /// File with the address instead, where the address is a secret.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// File with a bearer token.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pages: Option<String>,
    #[serde(default = "one")]
    least_servers: f64,
    quiet_hours: Option<QuietText>,
    #[serde(default)]
    threshold: Vec<Threshold>,
    #[serde(default)]
    receiver: Vec<Receiver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietText {
    from: String,
    to: String,
    #[serde(default = "utc")]
    utc_offset: String,
    #[serde(default = "never")]
    but_from_servers: f64,
}

fn one() -> f64 {
    1.0
}

fn utc() -> String {
    "+00:00".to_owned()
}

fn never() -> f64 {
    f64::INFINITY
}

/// Reads the settings; `name` is the file's, for messages.
pub fn parse(name: &str, text: &str) -> Result<AlertConfig, AnalyzerError> {
    let wrong = |message: String| AnalyzerError::File { file: name.to_owned(), message };
    let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    check(&file).map_err(wrong)?;
    let quiet_hours = file.quiet_hours.as_ref().map(quiet_hours).transpose().map_err(wrong)?;
    Ok(AlertConfig {
        pages: file.pages.map(|pages| pages.trim_end_matches('/').to_owned()),
        least_servers: file.least_servers,
        quiet_hours,
        thresholds: file.threshold,
        receivers: file.receiver,
    })
}

fn check(file: &File) -> Result<(), String> {
    at_least_none("least_servers", file.least_servers)?;
    if file.receiver.is_empty() {
        return Err("receiver: nobody is told; add a [[receiver]] with name, kind and url".to_owned());
    }
    for (field, count) in [("receiver", file.receiver.len()), ("threshold", file.threshold.len())] {
        if count > ENTRIES_MAX {
            return Err(format!(
                "{field}: there are {count} and at most {ENTRIES_MAX} are read; use patterns"
            ));
        }
    }
    for threshold in &file.threshold {
        at_least_none("threshold.servers", threshold.servers)?;
    }
    for (at, receiver) in file.receiver.iter().enumerate() {
        let name = &receiver.name;
        if name.is_empty() || file.receiver.iter().take(at).any(|other| other.name == *name) {
            return Err(format!("receiver.name = \"{name}\": give each receiver a name of its own"));
        }
        let is_url = receiver.url.starts_with("http://") || receiver.url.starts_with("https://");
        match &receiver.url_file {
            None if !is_url => {
                return Err(format!(
                    "receiver.url = \"{}\" of \"{name}\": give an address that begins with http:// or https://, or url_file",
                    receiver.url
                ));
            }
            Some(_) if !receiver.url.is_empty() => {
                return Err(format!("receiver \"{name}\": give url or url_file, not both"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn at_least_none(field: &str, servers: f64) -> Result<(), String> {
    match servers >= 0.0 {
        true => Ok(()),
        false => Err(format!("{field} = {servers}: give servers from 0")),
    }
}

fn quiet_hours(text: &QuietText) -> Result<QuietHours, String> {
    let minute = |field: &str, text: &str| {
        clock(text).ok_or_else(|| {
            format!("quiet_hours.{field} = \"{text}\": write a time as HH:MM, from 00:00 to 23:59")
        })
    };
    let (from_minute, to_minute) = (minute("from", &text.from)?, minute("to", &text.to)?);
    if from_minute == to_minute {
        return Err(
            "quiet_hours.to: it is the same time as from; leave quiet_hours out to be told always".to_owned()
        );
    }
    let offset = text.utc_offset.strip_prefix(['+', '-']).and_then(clock);
    let offset = offset.filter(|minutes| *minutes <= 14 * 60).ok_or_else(|| {
        format!("quiet_hours.utc_offset = \"{}\": write +HH:MM or -HH:MM, at most 14 hours", text.utc_offset)
    })?;
    at_least_none("quiet_hours.but_from_servers", text.but_from_servers)?;
    Ok(QuietHours {
        from_minute,
        to_minute,
        utc_offset_minutes: if text.utc_offset.starts_with('-') { -offset } else { offset },
        but_from_servers: text.but_from_servers,
    })
}

/// `07:30` as minutes.
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':').filter(|_| text.len() == 5)?;
    let number = |text: &str, below: i64| text.parse().ok().filter(|number| (0..below).contains(number));
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

impl QuietHours {
    /// True at times when nothing is sent.
    pub fn covers(&self, now_ms: i64) -> bool {
        let minute = (now_ms.div_euclid(60_000) + self.utc_offset_minutes).rem_euclid(MINUTES_A_DAY);
        match self.from_minute < self.to_minute {
            true => (self.from_minute..self.to_minute).contains(&minute),
            false => minute >= self.from_minute || minute < self.to_minute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        pages = "https://fewer.example/"
        least_servers = 2.0
        [quiet_hours]
        from = "22:00"
        to = "07:00"
        utc_offset = "+02:00"
        but_from_servers = 50.0
        [[threshold]]
        endpoint = "GET /health*"
        servers = 20.0
        [[receiver]]
        name = "team"
        kind = "slack"
        url_file = "/run/secrets/slack"
    "#;

    #[test]
    fn settings_are_read() {
        let config = parse("alerts.toml", TEXT).unwrap();
        assert_eq!((config.pages.as_deref(), config.least_servers), (Some("https://fewer.example"), 2.0));
        assert_eq!((config.receivers[0].kind, config.thresholds[0].servers), (Kind::Slack, 20.0));
        let quiet = config.quiet_hours.unwrap();
        let at = |hours: i64, minutes: i64| (hours * 60 + minutes) * 60_000;
        // Two hours ahead of UTC, 22:00 to 07:00 is 20:00 to 05:00.
        let covered =
            [at(19, 59), at(20, 0), at(23, 0), at(4, 59), at(5, 0), at(12, 0)].map(|now| quiet.covers(now));
        assert_eq!(covered, [false, true, true, true, false, false]);
        let day = QuietHours { from_minute: 60, to_minute: 120, utc_offset_minutes: -30, ..quiet };
        assert_eq!(
            [at(1, 29), at(1, 30), at(2, 29), at(2, 30)].map(|now| day.covers(now)),
            [false, true, true, false]
        );
    }

    #[test]
    fn the_manual_s_example_is_right() {
        let manual = include_str!("../../../docs/alerts.md");
        let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let config = parse("docs/alerts.md", example).unwrap();
        assert_eq!((config.receivers.len(), config.thresholds.len()), (2, 1));
        assert!(config.quiet_hours.is_some_and(|hours| hours.utc_offset_minutes == 120));
    }

    #[test]
    fn mistakes_name_field_limit_and_fix() {
        let cases = [
            ("\"22:00\"", "\"25:00\""),
            ("\"07:00\"", "\"22:00\""),
            ("\"+02:00\"", "\"CET\""),
            ("2.0", "-2.0"),
            ("\"slack\"", "\"pager\""),
            ("url_file = \"/run/secrets/slack\"", "url = \"ftp://x\""),
            ("name = \"team\"", "name = \"\""),
            ("endpoint =", "endpoints ="),
        ];
        let errors: Vec<String> = cases
            .iter()
            .map(|(from, to)| parse("alerts.toml", &TEXT.replace(from, to)).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(
            "mistakes",
            errors.join("\n---\n") + "\n---\n" + &parse("alerts.toml", "").unwrap_err().to_string()
        );
    }
}
