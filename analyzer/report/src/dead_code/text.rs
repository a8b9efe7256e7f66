//! The report on a terminal.

use std::fmt::Write;

use super::{DeadCodeReport, DeadCodeRow, DeadCodeService, ModuleRow};
use crate::number::{counted, percent, three_digits};

const ROWS_SHOWN: usize = 100;
const MEMBERS_SHOWN: usize = 5;

pub(super) fn page(report: &DeadCodeReport) -> String {
    let mut text = String::new();
    if report.services.is_empty() {
        text += "no agent has told yet which code runs; each looks every few minutes\n";
    }
    for (at, service) in report.services.iter().enumerate() {
        text += if at > 0 { "\n" } else { "" };
        text += &of_service(service);
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {}", plain(note));
    }
    text
}

fn of_service(service: &DeadCodeService) -> String {
    let mut text = format!(
        "{}: watched for {} on {}, {}; roles: {}\n",
        plain(&service.service),
        counted(service.days.into(), "day"),
        counted(service.hosts, "host"),
        counted(service.blocks, "block"),
        match service.roles.len() {
            0 => "not known".to_owned(),
            _ => plain(&service.roles.join(", ")),
        }
    );
    let funnel = &service.funnel;
    let _ = writeln!(
        text,
        "{}, {} ran; {} of packages and {} of the standard library are not listed",
        counted(funnel.functions, "function"),
        funnel.executed,
        funnel.packages,
        funnel.standard_library
    );
    text += &imports(service);
    text += &mistakes(service);
    for row in service.rows.iter().take(ROWS_SHOWN) {
        text += &describe(row);
    }
    let hidden = service.rows.len().saturating_sub(ROWS_SHOWN) as u64 + funnel.beyond;
    if hidden > 0 {
        let _ = writeln!(text, "\nand {hidden} more");
    }
    if service.rows.is_empty() {
        text += "\neverything that was watched has run\n";
    }
    for note in &service.notes {
        let _ = writeln!(text, "note: {}", plain(note));
    }
    text
}

/// What importing takes, and the modules that take most of it.
fn imports(service: &DeadCodeService) -> String {
    let cost = |module: &ModuleRow| module.import_cores.unwrap_or_default();
    let mut modules: Vec<&ModuleRow> = service.modules.iter().filter(|module| cost(module) > 0.0).collect();
    modules.sort_by(|left, right| cost(right).total_cmp(&cost(left)));
    if modules.is_empty() {
        return String::new();
    }
    let all: f64 = modules.iter().map(|module| cost(module)).sum();
    let shown: Vec<String> = modules
        .iter()
        .take(MEMBERS_SHOWN)
        .map(|module| format!("{} {}", plain(&module.module), three_digits(cost(module))))
        .collect();
    format!("imports take {} cores: {}\n", three_digits(all), shown.join(", "))
}

/// A list like this has mistakes in it.
fn mistakes(service: &DeadCodeService) -> String {
    let alive = service.expected_alive;
    match service.funnel.candidates {
        0 => "no candidate yet: nothing that has not run was watched long and widely enough\n".to_owned(),
        candidates => format!(
            "{}, of which about {:.0} are expected to be alive, at most {:.0} (95 %)\n",
            counted(candidates, "candidate"),
            alive.value,
            alive.high.ceil()
        ),
    }
}

fn describe(row: &DeadCodeRow) -> String {
    let place = if row.line > 0 && !row.file.is_empty() {
        format!("{}:{}", row.file, row.line)
    } else {
        row.file.clone()
    };
    let mut text = format!("\n{} ({})  {}\n", plain(&row.function), row.confidence, plain(&place));
    let _ = writeln!(text, "    {}", plain(&row.evidence));
    if !row.doubts.is_empty() {
        let _ = writeln!(text, "    missing: {}", plain(&row.doubts.join("; ")));
    }
    if !row.members.is_empty() {
        let more = row.members.len().saturating_sub(MEMBERS_SHOWN);
        let shown: Vec<&str> = row.members.iter().take(MEMBERS_SHOWN).map(String::as_str).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "    with it: {}{more}", plain(&shown.join(", ")));
    }
    let _ = writeln!(text, "    {}", facts(row).join("; "));
    text
}

fn facts(row: &DeadCodeRow) -> Vec<String> {
    let mut facts = Vec::new();
    let mut add = |fact: Option<String>| facts.extend(fact);
    add((!row.owner.is_empty()).then(|| format!("owner {}", plain(&row.owner))));
    add(row.lines.map(|lines| counted(lines.into(), "line")));
    // Processes share the code of their program.
    let held = if row.sort == "native" { "of the program" } else { "in each process" };
    add(row.bytes.filter(|bytes| *bytes > 0).map(|bytes| format!("{bytes} bytes {held}")));
    add(row.dead.map(|dead| format!("dead with a chance of {}", percent(dead.min(0.999)))));
    add(row.servers.map(|(value, low, high)| {
        let [value, low, high] = [value, low, high].map(three_digits);
        format!("servers {value} (95 %: {low} to {high})")
    }));
    add((!row.flag_variant.is_empty()).then(|| {
        format!(
            "flag {} is {} for {}",
            plain(&row.flag),
            plain(&row.flag_variant),
            counted(row.flag_days.into(), "day")
        )
    }));
    add(match (row.references_total, row.references.as_slice()) {
        (0, _) | (_, []) => None,
        (total, [first, ..]) => {
            Some(format!("{} left, such as {}", counted(total, "reference"), plain(first)))
        }
    });
    add((!row.advice.is_empty()).then(|| plain(&row.advice)));
    facts
}

/// A name that anyone may have chosen.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::{DeadCodeFunnel, ExpectedAlive};

    #[test]
    fn a_list_for_a_person() {
        let dead = DeadCodeRow {
            state: "candidate",
            sort: "function",
            function: "Feed.old".into(),
            file: "feed/views.py".into(),
            line: 40,
            owner: "@feed".into(),
            lines: Some(12),
            bytes: Some(420),
            evidence: "not run in 74 days, in none of 888 blocks; nothing names it".into(),
            confidence: "very likely",
            dead: Some(0.984),
            ..DeadCodeRow::default()
        };
        let off = DeadCodeRow {
            state: "off",
            function: "Feed.new\u{1b}[2J".into(),
            confidence: "suspect",
            evidence: "not run in 2 days".into(),
            doubts: vec!["28 more days have to be watched".into(), "no month ended".into()],
            flag: "new_feed".into(),
            flag_variant: "off".into(),
            flag_days: 2,
            references: vec!["feed/views.py:12".into()],
            references_total: 2,
            members: ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into(),
            line: 0,
            ..dead.clone()
        };
        let nothing = DeadCodeRow {
            state: "for_nothing",
            function: "Feed.rank".into(),
            evidence: "`text` is made by `dumps` and never read".into(),
            confidence: "very likely",
            servers: Some((1.25, 1.0, 1.5)),
            dead: None,
            bytes: None,
            lines: Some(1),
            advice: "remove it, or make it where its value is used".into(),
            ..dead.clone()
        };
        let service = DeadCodeService {
            service: "feed".into(),
            days: 74,
            blocks: 888,
            hosts: 12,
            roles: vec!["web".into(), "worker".into()],
            expected_alive: ExpectedAlive { value: 9.4, low: 2.2, high: 40.1 },
            rows: vec![nothing, dead, off],
            funnel: DeadCodeFunnel {
                functions: 5_000,
                executed: 900,
                candidates: 412,
                beyond: 7,
                ..DeadCodeFunnel::default()
            },
            notes: vec!["no source was given".into()],
            ..DeadCodeService::default()
        };
        let empty = DeadCodeService { service: "quiet".into(), ..DeadCodeService::default() };
        let report = DeadCodeReport { services: vec![service, empty], ..DeadCodeReport::default() };
        insta::assert_snapshot!("page", report.to_text());
        insta::assert_snapshot!(DeadCodeReport::default().to_text(), @"no agent has told yet which code runs; each looks every few minutes");
    }
}
