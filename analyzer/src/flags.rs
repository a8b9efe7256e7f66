//! `fewer flags`: every flag that programs tell of, variant against variant, endpoint by endpoint.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::{
    flags::{Both, Comparison, FlagCost, Served, Unit, carrier, cost, interaction},
    stats::{false_discovery::benjamini_hochberg, sample_ratio::mismatch, servers::Sizing},
};
use analyzer_report::flags::{ConstantFlag, FlagReport, FlagRow, InteractionRow};
use model::keys;
use wire::api::{Breakdown, BreakdownRow, Evaluations, LabelNames, Requests};

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
};

/// Flags that are looked at; the rest are counted.
const FLAGS_MAX: usize = 200;

/// Endpoints of a flag that are looked at, those with the most CPU.
const ENDPOINTS_MAX: &str = "20";

/// Variants of a flag that are compared with its baseline.
const VARIANTS_MAX: usize = 5;

/// Stretches of time that stand in for hosts.
pub(crate) const STRETCHES: &str = "30";

const CONFIDENCE: f64 = 0.95;

/// Below this probability a split counts as not the one that was drawn (Fabijan et al. 2019).
const MISMATCH_P_VALUE: f64 = 0.0005;

/// Flags whose interactions are looked at, those that cost most.
const INTERACTING_MAX: usize = 3;

/// Names of variants that mean that a flag does nothing.
const OFF: [&str; 7] = ["off", "false", "control", "disabled", "default", "none", "0"];

/// What to look at.
#[derive(Clone, Debug)]
pub struct FlagOptions {
    /// Selects the services.
    pub selector: String,
    /// Start of the time range, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// How cores become servers.
    pub sizing: Sizing,
}

/// Looks at every flag.
pub fn flags(collector: &Collector, options: &FlagOptions) -> Result<FlagReport, AnalyzerError> {
    let whole = Question { selector: &options.selector, start_ns: options.start_ns, end_ns: options.end_ns };
    let evaluations: Evaluations = collector.ask("evaluations", &whole, &[("limit", "10000")])?;
    let labels: LabelNames = collector.ask("labels", &whole, &[])?;
    let mut names: BTreeSet<&str> = evaluations.rows.iter().map(|row| row.flag.as_str()).collect();
    names.extend(labels.names.iter().filter_map(|name| name.strip_prefix(keys::FLAG_PREFIX)));
    let mut report =
        FlagReport { schema: "fewer.flags/1", sizing: said(&options.sizing), ..FlagReport::default() };
    let mut p_values = Vec::new();
    for flag in names.iter().take(FLAGS_MAX) {
        let label = format!("{}{flag}", keys::FLAG_PREFIX);
        let variants: Breakdown = collector.ask("breakdown", &whole, &[("by", &label)])?;
        let served = most_requests_first(&variants);
        let seen: BTreeSet<&str> =
            served.iter().copied().chain(variants_of(&evaluations, flag).keys().copied()).collect();
        if let (1, Some(variant)) = (seen.len(), seen.first()) {
            let evaluations = variants_of(&evaluations, flag).values().sum();
            report.constant.push(ConstantFlag {
                flag: (*flag).to_owned(),
                variant: (*variant).to_owned(),
                evaluations,
            });
        }
        let Some(baseline) = baseline(&served) else { continue };
        let mismatch = mismatch_of(&variants, &evaluations, flag);
        for variant in served.iter().filter(|variant| **variant != baseline).take(VARIANTS_MAX) {
            let asked = Asked { collector, options, label: &label, baseline, variant };
            for (endpoint, found, unit) in asked.endpoints()? {
                let mut row = row(&found, options, &endpoint);
                row.sample_ratio_p_value = mismatch;
                row.sample_ratio_mismatch = mismatch.is_some_and(|p_value| p_value < MISMATCH_P_VALUE);
                (row.flag, row.variant) = ((*flag).to_owned(), (*variant).to_owned());
                (row.baseline_variant, row.unit) = (baseline.to_owned(), unit);
                row.is_random = is_split(&evaluations, flag);
                p_values.push(found.difference_ns.p_value());
                report.costs.push(row);
            }
        }
    }
    for (row, adjusted) in report.costs.iter_mut().zip(benjamini_hochberg(&p_values)) {
        row.adjusted_p_value = adjusted;
    }
    report.costs.sort_by(|left, right| right.cores.abs().total_cmp(&left.cores.abs()));
    report.interactions = interactions(collector, options, &report.costs)?;
    let beyond = names.len().saturating_sub(FLAGS_MAX);
    if beyond > 0 {
        report.notes.push(format!("{beyond} more flags were not looked at; narrow the selector."));
    }
    Ok(report)
}

/// Probability of the requests that variants have, by the shares in which they were drawn; None where not every evaluation
/// was drawn.
fn mismatch_of(variants: &Breakdown, evaluations: &Evaluations, flag: &str) -> Option<f64> {
    if !is_split(evaluations, flag) {
        return None;
    }
    let drawn = variants_of(evaluations, flag);
    let requests = |variant: &str| {
        let row = variants.rows.iter().find(|row| row.rest == 0 && row.value == variant);
        row.map_or(0, |row| row.requests)
    };
    let counts: Vec<u64> = drawn.keys().map(|variant| requests(variant)).collect();
    let shares: Vec<f64> = drawn.values().map(|count| *count as f64).collect();
    mismatch(&counts, &shares)
}

/// The dearest flags two by two, where hosts serve all four combinations of one endpoint.
fn interactions(
    collector: &Collector,
    options: &FlagOptions,
    costs: &[FlagRow],
) -> Result<Vec<InteractionRow>, AnalyzerError> {
    let mut dearest: Vec<&FlagRow> = Vec::new();
    for row in
        costs.iter().filter(|row| row.adjusted_p_value <= 1.0 - CONFIDENCE && row.unit == keys::HOST_NAME)
    {
        if dearest.len() < INTERACTING_MAX && !dearest.iter().any(|other| other.flag == row.flag) {
            dearest.push(row);
        }
    }
    let mut rows = Vec::new();
    for (at, first) in dearest.iter().enumerate() {
        for second in dearest.iter().skip(at + 1) {
            rows.extend(interaction_of(collector, options, (first, second))?);
        }
    }
    Ok(rows)
}

fn interaction_of(
    collector: &Collector,
    options: &FlagOptions,
    (first, second): (&FlagRow, &FlagRow),
) -> Result<Option<InteractionRow>, AnalyzerError> {
    let label = |row: &FlagRow| format!("{}{}", keys::FLAG_PREFIX, row.flag);
    let asked = |one: &str, other: &str| -> Result<Breakdown, AnalyzerError> {
        let selector = narrowed(&options.selector, keys::ENDPOINT, &first.endpoint);
        let selector = narrowed(&narrowed(&selector, &label(first), one), &label(second), other);
        let question = Question { selector: &selector, start_ns: options.start_ns, end_ns: options.end_ns };
        collector.ask("breakdown", &question, &[("by", keys::HOST_NAME), ("limit", "10000")])
    };
    let neither = asked(&first.baseline_variant, &second.baseline_variant)?;
    let only_first = asked(&first.variant, &second.baseline_variant)?;
    let only_second = asked(&first.baseline_variant, &second.variant)?;
    let both = asked(&first.variant, &second.variant)?;
    let mut units: BTreeMap<&str, Both> = BTreeMap::new();
    let arms = [&neither, &only_first, &only_second, &both];
    let is_counted = arms.iter().all(|arm| arm.rows.iter().all(|row| row.requests == 0 || row.measured > 0));
    for (at, arm) in arms.into_iter().enumerate() {
        for row in arm.rows.iter().filter(|row| row.rest == 0 && !row.value.is_empty()) {
            let unit = units.entry(&row.value).or_default();
            let side = match at {
                0 => &mut unit.neither,
                1 => &mut unit.first,
                2 => &mut unit.second,
                _ => &mut unit.both,
            };
            *side = served(row, is_counted);
        }
    }
    let units: Vec<Both> = units.into_values().collect();
    let count = units.iter().filter(|unit| unit.both.requests > 0.0 && unit.neither.requests > 0.0).count();
    Ok(interaction(&units).map(|found| InteractionRow {
        first: (first.flag.clone(), first.variant.clone()),
        second: (second.flag.clone(), second.variant.clone()),
        endpoint: first.endpoint.clone(),
        extra_ns: found.value,
        interval_ns: found.interval(CONFIDENCE),
        units: count as u64,
    }))
}

/// One variant of one flag.
struct Asked<'a> {
    collector: &'a Collector,
    options: &'a FlagOptions,
    label: &'a str,
    baseline: &'a str,
    variant: &'a str,
}

/// What one endpoint serves of both variants.
struct Endpoint {
    name: String,
    /// Requests per second under the variant, and under both.
    requests_per_s: (f64, f64),
}

impl Asked<'_> {
    /// The cost in each endpoint that has both variants, and what the units of evidence are.
    fn endpoints(&self) -> Result<Vec<(Endpoint, FlagCost, String)>, AnalyzerError> {
        let by_endpoint: Breakdown =
            self.ask("breakdown", self.variant, &[("by", keys::ENDPOINT), ("limit", ENDPOINTS_MAX)], None)?;
        let mut costs = Vec::new();
        for row in
            by_endpoint.rows.iter().filter(|row| row.rest == 0 && row.requests > 0 && !row.value.is_empty())
        {
            let hosts = |variant: &str| -> Result<Breakdown, AnalyzerError> {
                self.ask(
                    "breakdown",
                    variant,
                    &[("by", keys::HOST_NAME), ("limit", "10000")],
                    Some(&row.value),
                )
            };
            let (before, after) = (hosts(self.baseline)?, hosts(self.variant)?);
            let per_s =
                (after.total.requests_per_s, before.total.requests_per_s + after.total.requests_per_s);
            let endpoint = Endpoint { name: row.value.clone(), requests_per_s: per_s };
            let units = by_host(&before, &after);
            if let Some(cost) = cost(&units, CONFIDENCE) {
                costs.push((endpoint, cost, keys::HOST_NAME.to_owned()));
            } else if let Some(cost) = cost(&self.stretches(&row.value)?, CONFIDENCE) {
                costs.push((endpoint, cost, "window".to_owned()));
            }
        }
        Ok(costs)
    }

    fn stretches(&self, endpoint: &str) -> Result<Vec<Unit>, AnalyzerError> {
        let selectors = [self.baseline, self.variant]
            .map(|variant| narrowed(&self.options.selector, self.label, variant));
        let selectors = selectors.map(|selector| narrowed(&selector, keys::ENDPOINT, endpoint));
        by_stretch(self.collector, &selectors, (self.options.start_ns, self.options.end_ns))
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        variant: &str,
        parameters: &[(&str, &str)],
        endpoint: Option<&str>,
    ) -> Result<T, AnalyzerError> {
        let mut selector = narrowed(&self.options.selector, self.label, variant);
        if let Some(endpoint) = endpoint {
            selector = narrowed(&selector, keys::ENDPOINT, endpoint);
        }
        let (start_ns, end_ns) = (self.options.start_ns, self.options.end_ns);
        self.collector.ask(path, &Question { selector: &selector, start_ns, end_ns }, parameters)
    }
}

/// Stretches of time with the CPU that programs counted, of a baseline and a variant that served side by side.
pub(crate) fn by_stretch(
    collector: &Collector,
    selectors: &[String; 2],
    (start_ns, end_ns): (i64, i64),
) -> Result<Vec<Unit>, AnalyzerError> {
    let over_time = |selector: &str| -> Result<Vec<Served>, AnalyzerError> {
        let question = Question { selector, start_ns, end_ns };
        let counted: Requests = collector.ask("requests", &question, &[("steps", STRETCHES)])?;
        let steps = counted.series.first().into_iter();
        let steps = steps.flat_map(|series| series.counted_cpu_ns.iter().zip(&series.measured));
        Ok(steps
            .map(|(cpu_ns, requests)| Served { cpu_ns: *cpu_ns as f64, requests: *requests as f64 })
            .collect())
    };
    let [baseline, variant] = selectors;
    let (before, after) = (over_time(baseline)?, over_time(variant)?);
    Ok(before.into_iter().zip(after).map(|(baseline, variant)| Unit { baseline, variant }).collect())
}

/// Counted CPU where every row has it, sampled otherwise: both sides alike.
pub(crate) fn by_host(before: &Breakdown, after: &Breakdown) -> Vec<Unit> {
    let rows = |arm: &Breakdown| -> Vec<BreakdownRow> {
        arm.rows
            .iter()
            .filter(|row| row.rest == 0 && !row.value.is_empty() && row.requests > 0)
            .cloned()
            .collect()
    };
    let (before, after) = (rows(before), rows(after));
    let is_counted = before.iter().chain(&after).all(|row| row.measured > 0);
    let mut units: BTreeMap<&str, Unit> = BTreeMap::new();
    before.iter().for_each(|row| units.entry(&row.value).or_default().baseline = served(row, is_counted));
    after.iter().for_each(|row| units.entry(&row.value).or_default().variant = served(row, is_counted));
    units.into_values().collect()
}

/// The variant of a flag that carries a rise, from an endpoint's requests by variant on both sides of it.
pub(crate) fn carried_by(before: Breakdown, after: Breakdown, rise_ns: f64) -> Option<String> {
    let rows = |one: Breakdown| -> Vec<BreakdownRow> {
        one.rows.into_iter().filter(|row| row.rest == 0 && row.requests > 0).collect()
    };
    let (before, after) = (rows(before), rows(after));
    let is_counted = before.iter().chain(&after).all(|row| row.measured > 0);
    let served = |rows: &[BreakdownRow], variant: &str| {
        let row = rows.iter().find(|row| row.value == variant);
        row.map_or(Served::default(), |row| served(row, is_counted))
    };
    let unit = |row: &BreakdownRow| Unit {
        baseline: served(&before, &row.value),
        variant: served(&after, &row.value),
    };
    let units: Vec<Unit> = after.iter().map(unit).collect();
    let carrier = carrier(&units, rise_ns).and_then(|at| after.get(at))?;
    (!carrier.value.is_empty()).then(|| carrier.value.clone())
}

/// What a row served; counted CPU is exact, sampled CPU stands in where a program does not measure its requests.
pub(crate) fn served(row: &BreakdownRow, is_counted: bool) -> Served {
    match row.counted_cpu_ns_per_request {
        Some(each_ns) if is_counted => {
            Served { cpu_ns: each_ns * row.measured as f64, requests: row.measured as f64 }
        }
        _ => Served { cpu_ns: row.cpu_ns as f64, requests: row.requests as f64 },
    }
}

fn row(found: &FlagCost, options: &FlagOptions, endpoint: &Endpoint) -> FlagRow {
    let (low, high) = found.difference_ns.interval(CONFIDENCE);
    let (variant_per_s, all_per_s) = endpoint.requests_per_s;
    let cores = |ns: f64, per_s: f64| ns / 1e9 * per_s;
    let cores_at_full = cores(found.difference_ns.value, all_per_s);
    let cores_now = cores(found.difference_ns.value, variant_per_s);
    FlagRow {
        endpoint: endpoint.name.clone(),
        baseline_ns: found.baseline_ns,
        variant_ns: found.variant_ns,
        difference_ns: found.difference_ns.value,
        interval_ns: (low, high),
        detectable_ns: found.detectable_ns,
        cores: cores_now,
        servers: options.sizing.servers_for_cores(cores_now),
        servers_per_core: options.sizing.servers_for_cores(1.0),
        exposure: if all_per_s > 0.0 { variant_per_s / all_per_s } else { 0.0 },
        cores_at_full_interval: (cores(low, all_per_s), cores(high, all_per_s)),
        cores_interval: (cores(low, variant_per_s), cores(high, variant_per_s)),
        cores_at_full,
        servers_at_full: options.sizing.servers_for_cores(cores_at_full),
        units: found.units as u64,
        is_within_units: found.comparison == Comparison::Within,
        ..FlagRow::default()
    }
}

/// Variants with requests.
fn most_requests_first(variants: &Breakdown) -> Vec<&str> {
    let mut rows: Vec<&BreakdownRow> = variants
        .rows
        .iter()
        .filter(|row| row.rest == 0 && row.requests > 0 && !row.value.is_empty() && row.value != keys::OTHER)
        .collect();
    rows.sort_by(|left, right| right.requests.cmp(&left.requests).then_with(|| left.value.cmp(&right.value)));
    rows.into_iter().map(|row| row.value.as_str()).collect()
}

/// The variant that means off, else the one with the most requests.
fn baseline<'a>(variants: &[&'a str]) -> Option<&'a str> {
    let is_off = |variant: &&&str| OFF.iter().any(|off| variant.eq_ignore_ascii_case(off));
    variants.iter().find(is_off).or_else(|| variants.first()).copied()
}

/// Evaluations by variant.
fn variants_of<'a>(evaluations: &'a Evaluations, flag: &str) -> BTreeMap<&'a str, u64> {
    let mut variants = BTreeMap::new();
    for row in evaluations.rows.iter().filter(|row| row.flag == flag) {
        *variants.entry(row.variant.as_str()).or_insert(0) += row.count;
    }
    variants
}

/// True when every evaluation says that it was drawn.
fn is_split(evaluations: &Evaluations, flag: &str) -> bool {
    let mut rows = evaluations.rows.iter().filter(|row| row.flag == flag).peekable();
    rows.peek().is_some() && rows.all(|row| row.reason.eq_ignore_ascii_case("split"))
}

pub(crate) fn said(sizing: &Sizing) -> String {
    format!(
        "Servers have {} cores of which {:.0} % are used at the peak; {} region{} (factor {:.2}).",
        sizing.cores,
        sizing.target_utilisation * 100.0,
        sizing.regions,
        if sizing.regions == 1 { "" } else { "s" },
        sizing.region_factor(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_off_or_the_usual_one() {
        assert_eq!(baseline(&["on", "Off"]), Some("Off"));
        assert_eq!(baseline(&["blue", "red"]), Some("blue"));
        assert_eq!(baseline(&[]), None);
    }

    #[test]
    fn only_a_split_throughout_is_random() {
        let row = |reason: &str| wire::api::Evaluation {
            flag: "f".into(),
            variant: "on".into(),
            reason: reason.into(),
            count: 5,
        };
        let evaluations = |reasons: &[&str]| Evaluations {
            rows: reasons.iter().map(|reason| row(reason)).collect(),
            rows_total: reasons.len() as u64,
        };
        assert!(is_split(&evaluations(&["SPLIT", "split"]), "f"));
        assert!(!is_split(&evaluations(&["split", "default"]), "f"));
        assert!(!is_split(&evaluations(&["split"]), "g"));
        assert_eq!(variants_of(&evaluations(&["split", "x"]), "f"), BTreeMap::from([("on", 10)]));
    }

    #[test]
    fn a_split_that_is_not_the_one_drawn_is_seen() {
        let check = |reason: &str, drawn: [u64; 2], served: [u64; 2]| {
            let evaluation = |variant: &str, count| wire::api::Evaluation {
                flag: "f".into(),
                variant: variant.into(),
                reason: reason.into(),
                count,
            };
            let rows = vec![evaluation("on", drawn[0]), evaluation("off", drawn[1])];
            let row = |value: &str, requests| BreakdownRow {
                value: value.into(),
                requests,
                ..BreakdownRow::default()
            };
            let variants = Breakdown {
                by: String::new(),
                seconds: 1.0,
                values_total: 2,
                rows: vec![row("on", served[0]), row("off", served[1])],
                total: BreakdownRow::default(),
            };
            mismatch_of(&variants, &Evaluations { rows, rows_total: 2 }, "f")
        };
        assert!(check("split", [500, 500], [5_010, 4_990]).unwrap() > 0.5);
        assert!(check("split", [500, 500], [5_500, 4_500]).unwrap() < MISMATCH_P_VALUE);
        assert_eq!(check("static", [500, 500], [5_500, 4_500]), None);
    }
}
