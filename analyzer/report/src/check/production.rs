//! What the fleet says about a change: what the changed functions cost today, and, after release, what they cost in one
//! version and in the other. The first is no measurement of the change, and its words never sound like one.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::number::{counted, duration, percent, percent_range, signed_percent, three_digits};

use super::{
    Change, ROWS_MAX,
    escape::{code, inline, names},
    markdown::place,
};

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The likeliest value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// What the changed functions cost in the fleet today.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Production {
    /// What was looked at, as a selector.
    pub selector: String,
    /// When, in words.
    pub when: String,
    /// What intervals are over: `host`, or `stretch of time` where there is one host only.
    pub unit: String,
    /// How many of them were looked at.
    pub units: u64,
    /// How many there are.
    pub units_total: u64,
    /// How cores became servers, in words.
    pub sizing: String,
    /// Cores that run the changed functions and what they call, each sample once.
    pub cores: Range,
    /// The same in servers.
    pub servers: Range,
    /// The same as a share of all CPU that was looked at.
    pub share: f64,
    /// The changed functions that run, most cores first.
    pub functions: Vec<ProductionRow>,
    /// Changed functions that were not seen running.
    pub not_seen: u64,
    /// Servers that the change costs if what was measured in CI holds in the fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Range>,
    /// Why nothing is known; the numbers are 0 then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A changed function that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductionRow {
    /// Its name with what encloses it.
    pub function: String,
    /// The file in the candidate.
    pub file: String,
    /// Its first line there.
    pub line: u32,
    /// Cores that run it and what it calls.
    pub cores: Range,
    /// The same in servers.
    pub servers: Range,
    /// The same as a share of all CPU that was looked at.
    pub share: f64,
    /// Endpoints that it serves, most cores first.
    pub endpoints: Vec<EndpointCost>,
    /// Who is told.
    pub owners: Vec<String>,
}

/// What a function costs in one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointCost {
    /// Which one.
    pub endpoint: String,
    /// Cores that run the function for it.
    pub cores: f64,
}

/// What the fleet measured of two versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Released {
    /// The older value of `service.version`.
    pub from: String,
    /// The newer one.
    pub to: String,
    /// Hosts that ran the older one.
    pub hosts_from: u64,
    /// Hosts that ran the newer one.
    pub hosts_to: u64,
    /// CPU per request; absent when it is not known, for the reason in `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The change in servers at the newer version's requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Range>,
    /// Functions whose CPU per request differs beyond chance, the largest rise first.
    pub functions: Vec<FunctionChange>,
    /// Commits that the rise is likely from, most likely first; empty when none stands out.
    pub suspects: Vec<Suspect>,
    /// Why nothing can be said, or nobody is blamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A function in two versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionChange {
    /// Its name.
    pub function: String,
    /// Where its code is from.
    pub file: String,
    /// CPU per request with what it calls, in nanoseconds, in the older version.
    pub before_ns: f64,
    /// The same in the newer version.
    pub after_ns: f64,
    /// Interval of the difference.
    pub interval_ns: (f64, f64),
    /// The p-value of the difference, adjusted for all functions.
    pub adjusted_p_value: f64,
}

/// A commit that may be to blame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Suspect {
    /// Its full hash.
    pub commit: String,
    /// Its first line.
    pub title: String,
    /// How much of the added CPU runs through what it changed, less the same share before.
    pub score: f64,
    /// What it changed of the code that got dearer.
    pub functions: Vec<String>,
}

/// Servers with their interval: `14.0 servers (95 % interval 11.2 to 16.8)`.
pub(super) fn servers(range: &Range) -> String {
    let noun = if (range.value - 1.0).abs() < 1e-9 { "server" } else { "servers" };
    format!("{} {noun} ({})", three_digits(range.value), interval(range))
}

/// What a measured change is worth: `14.0 servers (…) at stake`, or saved.
pub(super) fn at_stake(range: &Range) -> String {
    match range.high < 0.0 {
        true => {
            let saved = Range { value: -range.value, low: -range.high, high: -range.low };
            format!("{} saved", servers(&saved))
        }
        false => format!("{} at stake", servers(range)),
    }
}

fn interval(range: &Range) -> String {
    format!("95 % interval {} to {}", three_digits(range.low), three_digits(range.high))
}

/// One sentence: what the changed functions cost today.
pub(super) fn cost_today(production: &Production) -> String {
    if let Some(reason) = &production.reason {
        return format!("Cost today in production is not known: {}.", inline(reason.trim_end_matches('.')));
    }
    if production.functions.is_empty() {
        return format!(
            "Cost today in production: none of the changed functions was seen running in {}.",
            code(&production.selector)
        );
    }
    format!(
        "Cost today in production (no measurement of this change): {} with changes {} {} cores, {}, {} of the CPU of {}.",
        counted(production.functions.len() as u64, "function"),
        if production.functions.len() == 1 { "uses" } else { "use" },
        three_digits(production.cores.value),
        servers(&production.servers),
        percent(production.share),
        code(&production.selector),
    )
}

/// The table of changed functions that run.
pub(super) fn add_table(text: &mut String, production: &Production) {
    if production.functions.is_empty() {
        return;
    }
    text.push_str(
        "\n| function changed | where | cores today | servers today | share | endpoints | owners |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in production.functions.iter().take(ROWS_MAX) {
        let endpoints = row
            .endpoints
            .iter()
            .take(3)
            .map(|one| format!("{} {}", code(&one.endpoint), three_digits(one.cores)));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} ({} to {}) | {} | {} | {} |",
            code(&row.function),
            place(&row.file, row.line),
            three_digits(row.cores.value),
            three_digits(row.servers.value),
            three_digits(row.servers.low),
            three_digits(row.servers.high),
            percent(row.share),
            endpoints.collect::<Vec<_>>().join(", "),
            names(&row.owners),
        );
    }
    let beyond = production.functions.len().saturating_sub(ROWS_MAX);
    if beyond > 0 {
        let _ = writeln!(text, "\nAnd {beyond} more that cost less.");
    }
}

/// How the cost of today is known.
pub(super) fn add_evidence(text: &mut String, production: &Production) {
    if production.reason.is_some() {
        return;
    }
    let _ = write!(
        text,
        "\nProduction: {} of {}, {}. {}",
        counted(production.units, &inline(&production.unit)).replace("stretch of times", "stretches of time"),
        production.units_total.max(production.units),
        inline(&production.when),
        inline(&production.sizing),
    );
    if production.not_seen > 0 {
        let _ = write!(text, " {} not seen running.", were(production.not_seen));
    }
    text.push('\n');
}

fn were(count: u64) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", counted(count, "changed function"))
}

/// What the fleet measured of the two versions.
pub(super) fn add_released(text: &mut String, released: &Released) {
    let _ = writeln!(
        text,
        "\nReleased, measured in production: {} ({}) against {} ({}).",
        code(&released.to),
        counted(released.hosts_to, "host"),
        code(&released.from),
        counted(released.hosts_from, "host"),
    );
    if !released.functions.is_empty() {
        text.push_str("\n| function | where | CPU per request | change |\n| --- | --- | --- | --- |\n");
        for row in released.functions.iter().take(ROWS_MAX) {
            let _ = writeln!(
                text,
                "| {} | {} | {} → {} | {} to {} |",
                code(&row.function),
                place(&row.file, 0),
                duration(row.before_ns),
                duration(row.after_ns),
                super::markdown::plus(row.interval_ns.0),
                super::markdown::plus(row.interval_ns.1),
            );
        }
    }
    if !released.suspects.is_empty() {
        text.push_str(
            "\nLikely from, by the share of the added CPU that runs through what a commit changed:\n\n",
        );
        for suspect in &released.suspects {
            let changed: Vec<String> = suspect.functions.iter().take(3).map(|name| code(name)).collect();
            let _ = writeln!(
                text,
                "- {} {}: score {:.2}; it changed {}",
                suspect.commit.get(..12).unwrap_or(&suspect.commit),
                inline(&suspect.title),
                suspect.score,
                changed.join(", "),
            );
        }
    }
    if let Some(reason) = &released.reason {
        let _ = writeln!(text, "\nOf the release: {}.", inline(reason.trim_end_matches('.')));
    }
}

/// The change between versions as a headline has it.
pub(super) fn released_change(released: &Released) -> Option<String> {
    let change = released.change.as_ref()?;
    let cost = released.servers.as_ref().map(|range| format!(", {}", servers(range))).unwrap_or_default();
    Some(format!(
        "{} CPU per request in production from {} to {} (95 % interval {}){cost}",
        signed_percent(change.value),
        code(&released.from),
        code(&released.to),
        percent_range(change.interval),
    ))
}
