//! The HTTP API: its routes, its document, and what its answers have in common.

mod breakdown;
mod code;
mod evaluations;
mod export;
mod findings;
mod flamegraph;
mod functions;
mod health;
mod hosts;
mod labels;
mod memory;
mod requests;
mod search;
mod status;
mod timeline;
mod top;

use std::collections::BTreeMap;

use axum::routing::{MethodRouter, get, post};
use model::FrameKind;
use utoipa::openapi::{OpenApi, RefOr, path::ParameterIn};
use wire::api;

use crate::{ingest, prometheus, self_profile, state::Shared};

/// The address that is open to everybody.
pub(crate) const HEALTH: &str = "/healthz";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "fewer collector",
        description = "Receives profiles and answers questions about them. Values are in the unit of the profile \
                       type: nanoseconds of CPU. Every answer that is not a success is an ErrorBody. The header \
                       `fewer-incomplete` on an answer names data that could not be read and is missing from it."
    ),
    paths(
        ingest::push,
        labels::names,
        labels::values,
        timeline::timeline,
        requests::requests,
        breakdown::breakdown,
        evaluations::evaluations,
        functions::functions,
        findings::report,
        findings::list,
        findings::one,
        findings::acknowledge,
        flamegraph::flamegraph,
        top::top,
        search::search,
        export::export,
        hosts::hosts,
        memory::memory,
        code::code,
        status::status,
        status::openapi,
        prometheus::metrics,
        health::alive,
        health::ready,
        self_profile::profile,
    )
)]
struct Document;

/// Every address of the API with what answers it.
pub(crate) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/api/v1/push", post(ingest::push)),
        ("/api/v1/labels", get(labels::names)),
        ("/api/v1/labels/{name}/values", get(labels::values)),
        ("/api/v1/timeline", get(timeline::timeline)),
        ("/api/v1/requests", get(requests::requests)),
        ("/api/v1/breakdown", get(breakdown::breakdown)),
        ("/api/v1/evaluations", get(evaluations::evaluations)),
        ("/api/v1/functions", get(functions::functions)),
        ("/api/v1/findings", get(findings::list).post(findings::report)),
        ("/api/v1/findings/{id}", get(findings::one)),
        ("/api/v1/findings/{id}/acknowledge", post(findings::acknowledge)),
        ("/api/v1/flamegraph", get(flamegraph::flamegraph)),
        ("/api/v1/top", get(top::top)),
        ("/api/v1/match", get(search::search)),
        ("/api/v1/export/{format}", get(export::export)),
        ("/api/v1/hosts", get(hosts::hosts)),
        ("/api/v1/memory", get(memory::memory)),
        ("/api/v1/code", get(code::code)),
        ("/api/v1/status", get(status::status)),
        ("/openapi.json", get(status::openapi)),
        ("/metrics", get(prometheus::metrics)),
        (HEALTH, get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/debug/pprof/profile", get(self_profile::profile)),
    ]
}

/// The API's own description.
pub(crate) fn document() -> OpenApi {
    <Document as utoipa::OpenApi>::openapi()
}

/// The query parameters of each path.
pub(crate) fn query_parameters(document: &OpenApi) -> BTreeMap<String, Vec<String>> {
    let names = |path: &utoipa::openapi::PathItem| {
        let parameters = path.get.iter().flat_map(|operation| operation.parameters.iter().flatten());
        let queried = parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            _ => None,
        });
        queried.collect()
    };
    document.paths.paths.iter().map(|(path, item)| (path.clone(), names(item))).collect()
}

/// A function as the API shows it.
fn shown(function: &calltree::Function) -> api::Function {
    let kind = match function.kind {
        FrameKind::Native => "native",
        FrameKind::Kernel => "kernel",
        FrameKind::Jit => "jit",
        FrameKind::Python => "python",
        FrameKind::Marker => "marker",
    };
    api::Function {
        name: function.name.to_string(),
        kind: kind.to_owned(),
        file: function.file.to_string(),
        executable: function.executable.to_string(),
        package: function.package().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_every_route() {
        let documented: Vec<String> = document().paths.paths.keys().cloned().collect();
        let mut routes: Vec<&str> = routes().into_iter().map(|(path, _)| path).collect();
        routes.sort_unstable();
        assert_eq!(documented, routes);
    }
}
