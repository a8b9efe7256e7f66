//! What analyses found: kept, listed, acknowledged.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use collector_store::{FindingFilter, FindingTable, StoredFinding, StoredReport};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use wire::api::{
    ErrorBody,
    findings::{
        Acknowledge, Acknowledgement, FINDINGS_MAX, Finding, FindingState, Findings, FindingsReport,
        FindingsReported, ReportSummary,
    },
};

use crate::{
    answer::{Preferences, complete},
    error::Error,
    findings::{acknowledged, expired, is_over, seen, unseen},
    params::Query,
    state::Shared,
};

/// Bytes of a report.
const REPORT_BYTES_MAX: usize = 32 << 20;

/// Bytes of an id, an owner or a service.
const NAME_BYTES_MAX: usize = 256;

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 4096;

/// An analysis' clock may be this far ahead.
const AHEAD_MS: i64 = 3_600_000;

/// The most that a finding may grow and still be acknowledged, in percent.
const AT_MOST_PERCENT_MAX: f64 = 10_000.0;

const KINDS: [&str; 6] = ["", "regression", "flag", "dead_code", "sharing", "capacity"];
const STATES: [&str; 5] = ["", "new", "acknowledged", "fixed", "went_away"];

/// Takes everything that an analysis of one scope sees now. What it reported before keeps its state and history; with
/// `complete`, what it does not report any more went away.
#[utoipa::path(
    post,
    path = "/api/v1/findings",
    request_body = FindingsReport,
    responses(
        (status = 200, body = FindingsReported),
        (status = 400, body = ErrorBody),
        (status = 409, description = "A newer report about the scope is known", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
    )
)]
pub(crate) async fn report(
    State(state): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let report: FindingsReport = read_json(&headers, body).await?;
    let now_ms = (state.clock)() / 1_000_000;
    check(&report, now_ms)?;
    let preferences = Preferences::new(&headers);
    state
        .unqueued(move |state| {
            let reported = state.store.findings(|table| take(table, report, now_ms))?;
            preferences.json(&complete(reported))
        })
        .await
}

/// What was found: what is open before what is over, most servers first.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    params(
        ("kind" = Option<String>, Query, description = "`regression`, `flag`, `dead_code`, `sharing` or `capacity`; all \
                                                        by default"),
        ("state" = Option<String>, Query, description = "`new`, `acknowledged`, `fixed` or `went_away`; all by default"),
        ("service" = Option<String>, Query, description = "Findings in this service; all by default"),
        ("limit" = Option<usize>, Query, description = "Most findings, 1 to 10000; 500 by default"),
    ),
    responses((status = 200, body = Findings), (status = 400, body = ErrorBody))
)]
pub(crate) async fn list(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let kind = query.choice("kind", KINDS)?;
    let in_state = query.choice("state", STATES)?;
    let service = query.text("service").map(str::to_owned);
    let limit = query.number("limit", 500, 1..=10_000)?;
    let now_ms = (state.clock)() / 1_000_000;
    state
        .unqueued(move |state| {
            let given = |text: &'static str| (!text.is_empty()).then_some(text);
            let filter =
                FindingFilter { kind: given(kind), state: given(in_state), service: service.as_deref() };
            let findings = state.store.findings(|table| {
                expire(table, now_ms)?;
                let (documents, findings_total) = table.select(&filter, limit)?;
                let findings = documents.iter().map(|text| parsed(text)).collect::<Result<_, Error>>()?;
                let reports = table.reports(filter.kind, filter.service)?;
                let reports = reports.iter().map(|report| parsed(&report.document));
                Ok::<_, Error>(Findings {
                    reports: reports.collect::<Result<_, _>>()?,
                    findings,
                    findings_total,
                })
            })?;
            query.preferences.json(&complete(findings))
        })
        .await
}

/// One finding.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}",
    params(("id" = String, Path, description = "The finding's id")),
    responses((status = 200, body = Finding), (status = 404, body = ErrorBody))
)]
pub(crate) async fn one(
    State(state): State<Shared>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Error> {
    let now_ms = (state.clock)() / 1_000_000;
    state
        .unqueued(move |state| {
            let finding = state.store.findings(|table| {
                expire(table, now_ms)?;
                known(table, &id)
            })?;
            query.preferences.json(&complete(finding))
        })
        .await
}

/// Says who answers for a finding, why, until when, and by how much it may grow before it is new again.
#[utoipa::path(
    post,
    path = "/api/v1/findings/{id}/acknowledge",
    params(("id" = String, Path, description = "The finding's id")),
    request_body = Acknowledge,
    responses(
        (status = 200, body = Finding),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 409, description = "It is over", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
    )
)]
pub(crate) async fn acknowledge(
    State(state): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let asked: Acknowledge = read_json(&headers, body).await?;
    let now_ns = (state.clock)();
    let acknowledgement = checked(&asked, now_ns)?;
    let preferences = Preferences::new(&headers);
    state
        .unqueued(move |state| {
            let finding = state.store.findings(|table| {
                let known = known(table, &id)?;
                if is_over(known.state) {
                    return Err(Error::new(StatusCode::CONFLICT, "over", "the finding is over")
                        .field("id")
                        .fix("there is nothing to acknowledge"));
                }
                let servers = known.servers.value;
                let finding = acknowledged(known, Acknowledgement { servers, ..acknowledgement });
                keep(table, &finding)?;
                Ok(finding)
            })?;
            preferences.json(&complete(finding))
        })
        .await
}

/// JSON and nothing else: a page of another site cannot send this type without being asked for leave.
async fn read_json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Error> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if found.split(';').next().unwrap_or_default().trim() != "application/json" {
        let message = format!("`{found}` is not taken here");
        return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
            .field("content-type")
            .fix("send Content-Type: application/json"));
    }
    let body = axum::body::to_bytes(body, REPORT_BYTES_MAX).await.map_err(|_| {
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too long or was cut off")
            .field("body")
            .limit(REPORT_BYTES_MAX as u64)
            .fix("report fewer findings")
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::bad_request("bad_json", format!("the body is not understood: {error}"))
            .field("body")
            .fix("see /openapi.json for its form")
    })
}

fn check(report: &FindingsReport, now_ms: i64) -> Result<(), Error> {
    if report.findings.len() > FINDINGS_MAX {
        return Err(Error::bad_request("over_limit", "the report has too many findings")
            .field("findings")
            .limit(FINDINGS_MAX as u64)
            .fix("report those that cost most, without `complete`"));
    }
    if report.at_ms > now_ms.saturating_add(AHEAD_MS) {
        return Err(Error::bad_request("bad_time", "the report is from the future")
            .field("at_ms")
            .fix("set the sender's clock"));
    }
    let is_name = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len());
    for finding in &report.findings {
        let wrong = match finding {
            _ if !is_name(&finding.id) => "id",
            _ if finding.kind != report.kind => "kind",
            _ if !report.service.is_empty() && finding.service != report.service => "service",
            _ if finding.service.len() > NAME_BYTES_MAX => "service",
            _ => continue,
        };
        return Err(Error::bad_request(
            "bad_finding",
            format!("finding `{}` does not fit the report", finding.id),
        )
        .field(wrong)
        .fix("an id has 1 to 256 bytes; kind and service are those of the report"));
    }
    Ok(())
}

fn checked(asked: &Acknowledge, now_ns: i64) -> Result<Acknowledgement, Error> {
    let wrong = |field: &str, fix: &str| {
        Err(Error::bad_request("bad_acknowledgement", format!("`{field}` is not taken"))
            .field(field)
            .fix(fix))
    };
    let is_text = |text: &str, most: usize| !text.trim().is_empty() && text.len() <= most;
    if !is_text(&asked.owner, NAME_BYTES_MAX) {
        return wrong("owner", "say who answers for it");
    }
    if !is_text(&asked.reason, REASON_BYTES_MAX) {
        return wrong("reason", "say why it is put up with, in at most 4096 bytes");
    }
    if !(0.0..=AT_MOST_PERCENT_MAX).contains(&asked.at_most_percent) {
        return wrong("at_most_percent", "give percent from 0 to 10000");
    }
    // A day counts to its end.
    let text = match asked.expires.len() {
        10 => format!("{}T23:59:59Z", asked.expires),
        _ => asked.expires.clone(),
    };
    match wire::time::parse(&text, now_ns) {
        Ok(expires_ns) if expires_ns > now_ns => Ok(Acknowledgement {
            owner: asked.owner.trim().to_owned(),
            reason: asked.reason.trim().to_owned(),
            at_ms: now_ns / 1_000_000,
            expires_ms: expires_ns / 1_000_000,
            servers: 0.0,
            at_most: 1.0 + asked.at_most_percent / 100.0,
        }),
        Ok(_) => wrong("expires", "give a day that is not over"),
        Err(_) => wrong("expires", "give a day as YYYY-MM-DD or a time in RFC 3339"),
    }
}

/// Puts a report into the table.
fn take(table: &FindingTable<'_>, report: FindingsReport, now_ms: i64) -> Result<FindingsReported, Error> {
    expire(table, now_ms)?;
    let kind = name(&report.kind)?;
    let newest = table.reports(Some(&kind), Some(&report.service))?;
    if newest.iter().any(|newest| newest.at_ms > report.at_ms) {
        return Err(Error::new(StatusCode::CONFLICT, "stale", "a newer report about this scope is known")
            .field("at_ms")
            .fix("look again and report what is seen now"));
    }
    let mut open = table.open_ids(&kind, &report.service)?;
    let mut reported = FindingsReported::default();
    for finding in report.findings {
        open.retain(|id| *id != finding.id);
        let known = table.get(&finding.id)?.map(|stored| parsed::<Finding>(&stored.document)).transpose()?;
        let was_open = known.as_ref().is_some_and(|known| !is_over(known.state));
        let Some(finding) = seen(known, finding, report.at_ms) else { continue };
        let counter = match finding.state {
            FindingState::Fixed | FindingState::WentAway if was_open => &mut reported.over,
            FindingState::New if !was_open => &mut reported.new,
            _ => &mut reported.known,
        };
        *counter += 1;
        reported.dropped += u64::from(!keep(table, &finding)?);
    }
    for id in open.iter().filter(|_| report.complete) {
        let finding = unseen(known(table, id)?, report.at_ms);
        keep(table, &finding)?;
        reported.over += 1;
    }
    let (kind, service, at_ms) = (report.kind, report.service, report.at_ms);
    let summary = ReportSummary {
        kind,
        service: service.clone(),
        at_ms,
        complete: report.complete,
        funnel: report.funnel,
    };
    let row = |summary: &ReportSummary| {
        Ok::<_, Error>(StoredReport {
            kind: name(&kind)?,
            service: service.clone(),
            at_ms,
            document: serde_json::to_string(summary).map_err(|error| Error::internal(&error))?,
        })
    };
    if !table.put_report(&row(&summary)?)? {
        let funnel = json!({"dropped": "it was too long to be kept"});
        table.put_report(&row(&ReportSummary { funnel, ..summary })?)?;
    }
    reported.dropped += table.trim(&name(&kind)?)?;
    Ok(reported)
}

/// Ends the acknowledgements that have run out.
fn expire(table: &FindingTable<'_>, now_ms: i64) -> Result<(), Error> {
    for id in table.expired_ids(now_ms)? {
        keep(table, &expired(known(table, &id)?, now_ms))?;
    }
    Ok(())
}

fn known(table: &FindingTable<'_>, id: &str) -> Result<Finding, Error> {
    let Some(stored) = table.get(id)? else {
        return Err(Error::new(StatusCode::NOT_FOUND, "not_found", format!("there is no finding `{id}`"))
            .field("id")
            .fix("see /api/v1/findings for what there is"));
    };
    parsed(&stored.document)
}

/// False when the finding is too long to be kept.
fn keep(table: &FindingTable<'_>, finding: &Finding) -> Result<bool, Error> {
    Ok(table.put(&StoredFinding {
        id: finding.id.clone(),
        kind: name(&finding.kind)?,
        service: finding.service.clone(),
        state: name(&finding.state)?,
        is_over: is_over(finding.state),
        servers: finding.servers.value,
        expires_ms: finding.acknowledged.as_ref().map(|acknowledged| acknowledged.expires_ms),
        document: serde_json::to_string(finding).map_err(|error| Error::internal(&error))?,
    })?)
}

fn parsed<T: DeserializeOwned>(document: &str) -> Result<T, Error> {
    serde_json::from_str(document).map_err(|error| Error::internal(&error))
}

/// A kind or a state as the API writes it.
fn name(value: &impl Serialize) -> Result<String, Error> {
    let value = serde_json::to_value(value).map_err(|error| Error::internal(&error))?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use wire::api::findings::FindingKind;

    use super::*;

    #[test]
    fn every_kind_and_state_can_be_asked_for() {
        use FindingKind::{Capacity, DeadCode, Flag, Regression, Sharing};
        use FindingState::{Acknowledged, Fixed, New, WentAway};
        for kind in [Regression, Flag, DeadCode, Sharing, Capacity] {
            assert!(KINDS.contains(&name(&kind).unwrap().as_str()), "{kind:?}");
        }
        for state in [New, Acknowledged, Fixed, WentAway] {
            assert!(STATES.contains(&name(&state).unwrap().as_str()), "{state:?}");
        }
    }
}
