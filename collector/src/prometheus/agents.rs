//! The agents' measures, one sample per host.
//!
//! Names come from outside, so only what Prometheus can read is passed on; the rest stays visible at `/api/v1/hosts`.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use model::{AgentId, AgentReport, Measure, keys};

use super::text::{Text, labels};

/// Writes every measure of every host. `reports` are freshest first; a host that restarted its agent is listed once.
pub(super) fn write(text: &mut Text, reports: &[(AgentId, Arc<AgentReport>)]) {
    let mut hosts = HashSet::new();
    let mut metrics: BTreeMap<&str, Vec<(String, Measure)>> = BTreeMap::new();
    let mut times = Vec::new();
    for (_, report) in reports {
        let host = report.facts.get(keys::HOST_NAME).map_or("", AsRef::as_ref);
        if !hosts.insert(host) {
            continue;
        }
        let host = labels(&[("host", host)]);
        for (name, measure) in &report.measures {
            let Some((name, own)) = split(name) else { continue };
            let all = if own.is_empty() { host.clone() } else { format!("{host},{own}") };
            metrics.entry(name).or_default().push((all, *measure));
        }
        times.push((host, report.at_ns as f64 / 1e9));
    }
    for (name, samples) in &metrics {
        let name = format!("fewer_agent_{name}");
        let is_counter = matches!(samples.first(), Some((_, Measure::Counter(_))));
        text.head(&name, if is_counter { "counter" } else { "gauge" }, "As the agent measured it.");
        for (labels, measure) in samples {
            let value = match measure {
                Measure::Counter(count) => *count as f64,
                Measure::Gauge(value) => *value,
            };
            text.sample(&name, labels, value);
        }
    }
    if !times.is_empty() {
        text.head("fewer_agent_report_time_seconds", "gauge", "When the agent reported, Unix time.");
    }
    for (host, at_s) in &times {
        text.sample("fewer_agent_report_time_seconds", host, *at_s);
    }
}

/// Takes `name{key="value"}` apart; nothing when it is not of that form.
fn split(measure: &str) -> Option<(&str, &str)> {
    let (name, own) = match measure.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (measure, ""),
    };
    let labels_are_sound = own.is_empty() || own.split(',').all(is_label);
    (is_name(name) && labels_are_sound).then_some((name, own))
}

fn is_label(pair: &str) -> bool {
    let value = |quoted: &str| quoted.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    pair.split_once('=').is_some_and(|(key, quoted)| {
        is_name(key) && key != "host" && value(quoted).is_some_and(|value| !value.contains(['"', '\\', '\n']))
    })
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_prometheus_can_read_is_passed_on() {
        let check = |measure, expected| assert_eq!(split(measure), expected, "{measure}");
        check("samples_total", Some(("samples_total", "")));
        check(
            r#"outcome_total{outcome="complete",kind="user"}"#,
            Some(("outcome_total", r#"outcome="complete",kind="user""#)),
        );
        for bad in [
            "",
            "1st",
            "a b",
            "a{",
            r#"a{b="c"#,
            r#"a{b="c"d"}"#,
            r#"a{host="x"}"#,
            "a\n",
            r#"a{b=c}"#,
            "a{b=\"\n\"}",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_host_is_listed_once_by_its_freshest_agent() {
        let report = |host: &str, samples| {
            let facts = [(keys::HOST_NAME.into(), host.into())].into();
            let measures = [
                ("samples_total".into(), Measure::Counter(samples)),
                ("rss{kind=\"anon\"}".into(), Measure::Gauge(0.5)),
            ];
            Arc::new(AgentReport { at_ns: 1_500_000_000, facts, measures: measures.into() })
        };
        let reports =
            [("a", 7), ("b\"", 8), ("a", 9)].map(|(host, samples)| (AgentId(1), report(host, samples)));
        let mut text = Text::default();
        write(&mut text, &reports);
        insta::assert_snapshot!(text.finish(), @r#"
        # HELP fewer_agent_rss As the agent measured it.
        # TYPE fewer_agent_rss gauge
        fewer_agent_rss{host="a",kind="anon"} 0.5
        fewer_agent_rss{host="b\"",kind="anon"} 0.5
        # HELP fewer_agent_samples_total As the agent measured it.
        # TYPE fewer_agent_samples_total counter
        fewer_agent_samples_total{host="a"} 7
        fewer_agent_samples_total{host="b\""} 8
        # HELP fewer_agent_report_time_seconds When the agent reported, Unix time.
        # TYPE fewer_agent_report_time_seconds gauge
        fewer_agent_report_time_seconds{host="a"} 1.5
        fewer_agent_report_time_seconds{host="b\""} 1.5
        "#);
    }
}
