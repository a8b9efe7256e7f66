//! The answer for a person.

use analyzer::report::capacity::CapacityReport;
use analyzer_detect::capacity::{Need, Plan, Resource, Spread};

use super::{Answer, prices::Prices};

pub(super) fn page(answer: &Answer) -> String {
    let regions = answer.inputs.regions.unwrap_or(1);
    let mut page = describe(&answer.plan);
    page += &match regions {
        1 => "one region: no reserve for losing it is counted\n".to_owned(),
        _ => format!("{regions} regions, of which one may be lost\n"),
    };
    if let Some(changed) = &answer.changed {
        page += &format!("\nwhat if {}:\n{}", answer.what_if.join(", "), describe(changed));
    }
    if let Some(prices) = &answer.prices {
        let Spread { likely, low, high } = answer.plan.together;
        page += &format!("all findings together, a year: {}\n", prices.yearly((likely, low, high)));
    }
    for note in &answer.inputs.notes {
        page += &format!("note: {note}\n");
    }
    page
}

/// The answer for every service.
pub(super) fn fleet(
    (report, changed): (&CapacityReport, Option<&CapacityReport>),
    what_if: &[String],
    prices: Option<&Prices>,
) -> String {
    let mut page = report.to_text();
    if let Some(prices) = prices {
        for (service, together) in
            report.services.iter().filter_map(|row| Some((&row.service, row.together?)))
        {
            page += &format!("{service}, all findings together, a year: {}\n", prices.yearly(together));
        }
    }
    if let Some(changed) = changed {
        page += &format!("\nwhat if {}:\n{}", what_if.join(", "), changed.to_text());
    }
    page
}

fn describe(plan: &Plan) -> String {
    let Plan { now, after, findings, together, .. } = plan;
    let mut text = format!("servers needed: {}; {}\n", whole(now.servers), binding(now));
    text += &format!("  for CPU alone: {}\n", fraction(now.for_cpu));
    if let Some(memory) = now.for_memory {
        text += &format!("  for memory alone: {}\n", fraction(memory));
    }
    if findings.is_empty() {
        return text;
    }
    let width = findings.iter().map(|worth| worth.name.chars().count()).max().unwrap_or_default().min(60);
    text += "servers at stake, each finding alone:\n";
    for worth in findings {
        let name: String = worth
            .name
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        text += &format!("  {name:width$}  {}\n", fraction(worth.alone));
    }
    text += &format!("all together, without counting overlaps twice: {}\n", fraction(*together));
    let changed = match now.binding == after.binding {
        true => String::new(),
        false => format!("; then {}", binding(after)),
    };
    text + &format!("servers needed after all of them: {}{changed}\n", whole(after.servers))
}

fn binding(need: &Need) -> String {
    let resource = match need.binding {
        Resource::Memory => "memory binds",
        Resource::RedLine => "the load test's limit binds",
        Resource::Cpu => "CPU binds, so freeing memory frees no server",
    };
    let certainty = match need.binding_share {
        share if share > 0.995 => String::new(),
        share => format!(" (in {:.0} % of what is possible)", share * 100.0),
    };
    format!("{resource}{certainty}")
}

fn whole(spread: Spread) -> String {
    format!("{:.0} (95 %: {:.0} to {:.0})", spread.likely, spread.low, spread.high)
}

fn fraction(spread: Spread) -> String {
    format!("{:.1} (95 %: {:.1} to {:.1})", spread.likely, spread.low, spread.high)
}
