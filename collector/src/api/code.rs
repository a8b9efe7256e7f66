//! What code services hold, and which of it has run.

use axum::{extract::State, response::Response};
use collector_store::{CodeFilter, CodeFunctionSums, CodeServiceSize, CodeSums};
use wire::api::{
    ErrorBody,
    code::{CodeAnswer, CodeDays, CodeFunctionRow, CodeService},
};

use crate::{answer::complete, error::Error, params::Query, state::Shared};

/// All blocks that are kept.
const DEFAULT_START: &str = "now-400d";

const DAY_MS: i64 = 86_400_000;

/// Which functions of a service have run where and when; without `service`, of which services that is known. A block is
/// one service, release, region, role, host and day (UTC), and a function counts once in each.
#[utoipa::path(
    get,
    path = "/api/v1/code",
    params(
        ("service" = Option<String>, Query, description = "The service; without it, services are listed"),
        ("start" = Option<String>, Query, description = "Start of the time range: days that it touches count; `now-400d` \
                                                         by default, which is all that is kept"),
        ("end" = Option<String>, Query, description = "End of the time range, not included; `now` by default"),
    ),
    responses((status = 200, body = CodeAnswer), (status = 400, body = ErrorBody))
)]
pub(crate) async fn code(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let service = query.text("service").filter(|service| !service.is_empty()).map(str::to_owned);
    let window = query.window(DEFAULT_START)?;
    state
        .answer(query.preferences, move |state| {
            let Some(service) = service else {
                let services = state.store.code_services()?.into_iter().map(listed).collect();
                return Ok(complete(CodeAnswer { services, ..CodeAnswer::default() }));
            };
            let sums = state.store.code(&CodeFilter { service: &service, window })?;
            Ok(complete(answer(service, sums.unwrap_or_default())))
        })
        .await
}

fn listed(size: CodeServiceSize) -> CodeService {
    CodeService { service: size.service, functions: size.functions, blocks: size.blocks }
}

fn answer(service: String, sums: CodeSums) -> CodeAnswer {
    CodeAnswer {
        service,
        services: Vec::new(),
        blocks: sums.blocks,
        hosts: sums.hosts,
        releases: sums.releases,
        regions: sums.regions,
        roles: sums.roles,
        days: sums.days.map(|days| CodeDays { first: *days.start(), last: *days.end() }),
        functions: sums.functions.into_iter().map(row).collect(),
        left_out: sums.left_out,
    }
}

fn row(sums: CodeFunctionSums) -> CodeFunctionRow {
    let function = sums.function;
    CodeFunctionRow {
        function: function.function.to_string(),
        file: function.file.to_string(),
        line: function.line,
        body: if function.body == 0 { String::new() } else { format!("{:032x}", function.body) },
        bytes: function.bytes,
        first_seen_ms: sums.seen.start() * DAY_MS,
        last_seen_ms: sums.seen.end() * DAY_MS,
        first_executed_ms: sums.executed.as_ref().map(|days| days.start() * DAY_MS),
        last_executed_ms: sums.executed.as_ref().map(|days| days.end() * DAY_MS),
        executed_blocks: sums.executed_blocks,
        silent_blocks: sums.unexecuted_blocks,
        unknown_blocks: sums.unknown_blocks,
        roles: sums.roles,
        is_import_only: function.is_import_only,
        branches: function
            .branches
            .iter()
            .map(|branch| [branch.line, branch.column, branch.outcomes.bits()])
            .collect(),
    }
}
