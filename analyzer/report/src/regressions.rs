//! The answer of `fewer regressions`.

mod text;

use serde::Serialize;

pub use text::text;

use crate::versions::VersionRow;

/// What got dearer, and what was looked at to find it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RegressionReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// The most cores first.
    pub findings: Vec<Finding>,
    /// Rises in the last windows, which are not judged yet; the most servers first.
    pub pending: Vec<PendingRow>,
    /// Endpoints with what their data could have shown.
    pub endpoints: Vec<EndpointRow>,
    /// Versions against the ones before them.
    pub versions: Vec<VersionRow>,
    /// How many fell at each stage.
    pub funnel: Funnel,
    /// How servers are counted, in words.
    pub sizing: String,
    /// Limits that were hit, and what could not be judged.
    pub notes: Vec<String>,
}

/// A lasting rise of CPU per request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Finding {
    /// The service; empty when it is not known.
    pub service: String,
    /// Endpoints that rose together, the one with the most cores first.
    pub endpoints: Vec<String>,
    /// The function it is blamed on; empty when no function keeps most of the rise.
    pub function: String,
    /// The function's file, else its executable.
    pub place: String,
    /// The function's file; empty when it is not known.
    pub file: String,
    /// True when the function's own code got dearer, false when it is with what it calls.
    pub is_own: bool,
    /// When, in milliseconds since the Unix epoch; and the same as text.
    pub at_ms: i64,
    /// The same for a person.
    pub at: String,
    /// CPU per request before, in nanoseconds, in the first endpoint.
    pub before_ns: f64,
    /// CPU per request behind it.
    pub after_ns: f64,
    /// CPU per request of the whole first endpoint before.
    pub endpoint_ns: f64,
    /// True when there was next to nothing before: the rise is relative to the whole endpoint then.
    pub is_new: bool,
    /// 95 % interval of the relative rise.
    pub interval: (f64, f64),
    /// The p-value, adjusted for all series (Benjamini and Yekutieli).
    pub adjusted_p_value: f64,
    /// The label whose values are the units of evidence, or `window` where there are too few hosts.
    pub unit: String,
    /// How many.
    pub units: u64,
    /// The group of hosts that it is about; empty for all of them.
    pub group: String,
    /// Cores that all its endpoints take more.
    pub cores: f64,
    /// Their 95 % interval.
    pub cores_interval: (f64, f64),
    /// Servers that the cores are worth.
    pub servers: f64,
    /// Their 95 % interval.
    pub servers_interval: (f64, f64),
    /// The version of the service that was rolled out at that time.
    pub version: String,
    /// The flag that carries it, or was turned up at that time.
    pub flag: String,
    /// Its variant.
    pub flag_variant: String,
    /// Functions that it is blamed on, and those that rose with it, the first the most.
    pub suspects: Vec<Suspect>,
    /// What it is seen in.
    pub series: SeriesRow,
}

/// Cost per request over time, in nanoseconds; null where no request ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SeriesRow {
    /// Start of the first step, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Length of a step.
    pub step_ms: i64,
    /// One for each step.
    pub values: Vec<Option<f64>>,
}

/// A function that may be why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suspect {
    /// Its name.
    pub function: String,
    /// Where it is.
    pub place: String,
    /// CPU per request before, in nanoseconds.
    pub before_ns: f64,
    /// CPU per request behind it.
    pub after_ns: f64,
}

/// A rise too young to be judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PendingRow {
    /// The service.
    pub service: String,
    /// The endpoint.
    pub endpoint: String,
    /// The function in which it is largest; empty for the endpoint as a whole.
    pub function: String,
    /// Since when, for a person.
    pub at: String,
    /// CPU per request before, in nanoseconds.
    pub before_ns: f64,
    /// CPU per request since.
    pub after_ns: f64,
    /// Servers that it costs if it lasts.
    pub servers: f64,
}

/// What "no change" means for an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndpointRow {
    /// The service.
    pub service: String,
    /// The endpoint.
    pub endpoint: String,
    /// The smallest relative rise that would have been seen four times in five; null where there are too few hosts.
    pub detectable: Option<f64>,
    /// Hosts that served it.
    pub hosts: u64,
}

/// Where series and steps fell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// Series that were looked at.
    pub series: u64,
    /// Functions in endpoints with too few samples for a series.
    pub rare: u64,
    /// Functions in endpoints that were left out to bound the answer.
    pub cut: u64,
    /// Series with too few values or too many gaps.
    pub unsound: u64,
    /// Series that do not move.
    pub quiet: u64,
    /// Series that move without a lasting step up.
    pub no_step: u64,
    /// Steps down.
    pub improvements: u64,
    /// Steps up below the floor.
    pub small: u64,
    /// Rises that are over.
    pub went_away: u64,
    /// Rises that come every day.
    pub season: u64,
    /// Rises that a change of the mix of hosts makes.
    pub population_shift: u64,
    /// Rises in the last windows, which are not judged yet.
    pub pending: u64,
    /// Rises that chance may have made, with so many series looked at.
    pub not_significant: u64,
    /// Rises that are cost moved from elsewhere.
    pub cost_shift: u64,
    /// Rises around another, or part of it.
    pub nested: u64,
    /// Rises with the same cause as another.
    pub duplicates: u64,
    /// Rises beyond the bound, those that cost least.
    pub beyond: u64,
    /// What is left.
    pub findings: u64,
}

/// The report as JSON, for programs.
pub fn json(report: &RegressionReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

impl Finding {
    /// One line that says what it is.
    pub fn title(&self) -> String {
        let rise = match (self.is_new, self.after_ns - self.before_ns) {
            (true, rise) => rise / self.endpoint_ns.max(f64::MIN_POSITIVE),
            (false, rise) => rise / self.before_ns.max(f64::MIN_POSITIVE),
        };
        let percent = crate::number::signed_percent(rise);
        let endpoints = match self.endpoints.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        match (self.function.as_str(), self.is_new) {
            ("", _) => format!("{endpoints}: {percent} CPU per request"),
            (function, true) => format!("{endpoints}: {function} is new, {percent} of the request's CPU"),
            (function, false) => format!("{endpoints}: {function} {percent} CPU per request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            service: "feed".into(),
            endpoints: vec!["GET /feed".into(), "GET /home".into()],
            function: "rank".into(),
            place: "feed/rank.py".into(),
            file: "feed/rank.py".into(),
            is_own: true,
            at: "2026-01-31T11:00:00Z".into(),
            before_ns: 4e6,
            after_ns: 5e6,
            endpoint_ns: 20e6,
            interval: (0.22, 0.28),
            unit: "host.name".into(),
            units: 10,
            cores: 1.5,
            cores_interval: (1.3, 1.7),
            servers: 0.19,
            servers_interval: (0.16, 0.21),
            version: "1.8.0".into(),
            flag: "new_ranker".into(),
            flag_variant: "on".into(),
            suspects: vec![
                Suspect {
                    function: "rank".into(),
                    place: "feed/rank.py".into(),
                    before_ns: 4e6,
                    after_ns: 5e6,
                },
                Suspect {
                    function: "score".into(),
                    place: "feed/score.py".into(),
                    before_ns: 1e6,
                    after_ns: 1.5e6,
                },
            ],
            ..Finding::default()
        }
    }

    #[test]
    fn regressions_to_read() {
        let new = Finding {
            function: "audit".into(),
            is_new: true,
            before_ns: 0.0,
            after_ns: 1e6,
            unit: "window".into(),
            units: 1,
            group: "arm".into(),
            version: String::new(),
            flag: String::new(),
            suspects: Vec::new(),
            endpoints: vec!["GET /feed".into()],
            ..finding()
        };
        let pending = PendingRow {
            service: "feed".into(),
            endpoint: "GET /login".into(),
            function: "hash".into(),
            at: "2026-01-31T11:58:00Z".into(),
            before_ns: 1e6,
            after_ns: 2e6,
            servers: 0.5,
        };
        let endpoint = |endpoint: &str, detectable, hosts| EndpointRow {
            service: "feed".into(),
            endpoint: endpoint.into(),
            detectable,
            hosts,
        };
        let funnel = Funnel {
            series: 412,
            rare: 90,
            quiet: 380,
            no_step: 27,
            improvements: 1,
            season: 2,
            nested: 3,
            findings: 2,
            ..Funnel::default()
        };
        let report = RegressionReport {
            schema: "fewer.regressions/1",
            findings: vec![finding(), new],
            pending: vec![pending],
            endpoints: vec![
                endpoint("GET /feed", Some(0.021), 10),
                endpoint("GET /login", Some(0.05), 10),
                endpoint("GET /rare", None, 1),
            ],
            funnel,
            sizing: "Servers: 16 cores.".into(),
            ..Default::default()
        };
        insta::assert_snapshot!(text(&report));
        assert!(text(&RegressionReport::default()).starts_with("No regression found."));
    }
}
