//! The answer as one JSON document.

use analyzer::report::capacity::CapacityReport;
use analyzer_detect::capacity::{Need, Plan, Resource, Spread};
use serde_json::{Value, json};

use super::{Answer, prices::Prices};

pub(super) fn document(answer: &Answer) -> String {
    let mut document = plan(&answer.plan);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("regions".into(), answer.inputs.regions.unwrap_or(1).into());
        fields.insert("notes".into(), json!(answer.inputs.notes));
        if let Some(changed) = &answer.changed {
            fields.insert("what_if".into(), json!({ "changes": answer.what_if, "plan": plan(changed) }));
        }
        if let Some(prices) = &answer.prices {
            let Spread { likely, low, high } = answer.plan.together;
            fields.insert("saved_per_year".into(), prices.yearly_json((likely, low, high)));
        }
    }
    format!("{document}\n")
}

pub(super) fn cannot_say(error: &anyhow::Error) -> String {
    format!("{}\n", json!({ "servers": null, "cannot_say": error.to_string() }))
}

/// The answer for every service.
pub(super) fn fleet(
    (report, changed): (&CapacityReport, Option<&CapacityReport>),
    what_if: &[String],
    prices: Option<&Prices>,
) -> String {
    let mut document = json!(report);
    if let Some(fields) = document.as_object_mut() {
        if let Some(changed) = changed {
            fields.insert("what_if".into(), json!({ "changes": what_if, "services": changed.services }));
        }
        if let Some(prices) = prices {
            let saved = report.services.iter().filter_map(|row| Some((&row.service, row.together?)));
            let yearly: Vec<Value> = saved
                .map(|(service, together)| json!({ "service": service, "saved": prices.yearly_json(together) }))
                .collect();
            fields.insert("per_year".into(), json!(yearly));
        }
    }
    format!("{document}\n")
}

fn resource(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu",
        Resource::Memory => "memory",
        Resource::RedLine => "red line",
    }
}

fn plan(plan: &Plan) -> Value {
    json!({
        "servers": spread(plan.now.servers),
        "binding": resource(plan.now.binding),
        "binding_share": plan.now.binding_share,
        "servers_for_cpu": spread(plan.now.for_cpu),
        "servers_for_memory": plan.now.for_memory.map(spread),
        "after_findings": need(&plan.after),
        "servers_saved_together": spread(plan.together),
        "findings": plan.findings.iter().map(|worth| json!({
            "name": worth.name,
            "servers_saved_alone": spread(worth.alone),
        })).collect::<Vec<_>>(),
    })
}

fn need(need: &Need) -> Value {
    json!({ "servers": spread(need.servers), "binding": resource(need.binding) })
}

fn spread(spread: Spread) -> Value {
    json!({ "likely": spread.likely, "low": spread.low, "high": spread.high })
}
