//! The selection as a file.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use wire::{
    api::ErrorBody,
    file::{self, Format},
};

use crate::{
    answer::{insert_text, say_unreadable},
    error::Error,
    params::{Query, SelectionText},
    state::Shared,
};

/// A format by its name in the path, the ending of its files, and its content type.
struct Kind {
    name: &'static str,
    format: Format,
    ending: &'static str,
    content_type: HeaderValue,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "pprof",
        format: Format::Pprof,
        ending: "pb.gz",
        content_type: HeaderValue::from_static("application/octet-stream"),
    },
    Kind {
        name: "svg",
        format: Format::Svg,
        ending: "svg",
        content_type: HeaderValue::from_static("image/svg+xml"),
    },
    Kind {
        name: "folded",
        format: Format::Folded,
        ending: "folded",
        content_type: HeaderValue::from_static("text/plain; charset=utf-8"),
    },
    Kind {
        name: "speedscope",
        format: Format::Speedscope,
        ending: "speedscope.json",
        content_type: HeaderValue::from_static("application/json"),
    },
];

/// The whole selection as a file to save.
#[utoipa::path(
    get,
    path = "/api/v1/export/{format}",
    params(
        ("format" = String, Path, description = "`pprof`, `svg`, `folded` or `speedscope`"),
        SelectionText,
    ),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, body = ErrorBody),
    )
)]
pub(crate) async fn export(
    State(state): State<Shared>,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Error> {
    let kind = KINDS.into_iter().find(|kind| kind.name == name).ok_or_else(|| {
        Error::bad_request("bad_parameter", format!("`{name}` is not a format of files"))
            .field("format")
            .fix(format!("give one of {}", KINDS.map(|kind| kind.name).join(", ")))
    })?;
    let selection = query.selection()?;
    let format = kind.format;
    let attachment = format!("attachment; filename=\"{}.{}\"", selection.kind.name(), kind.ending);
    let (body, unreadable) = state
        .query(move |state| {
            let profile = state.stacks(&selection)?;
            let body = file::write(format, &profile.value).map_err(|error| Error::internal(&error))?;
            Ok((body, profile.unreadable.clone()))
        })
        .await?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind.content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    insert_text(headers, header::CONTENT_DISPOSITION, &attachment);
    say_unreadable(headers, &unreadable);
    Ok(response)
}
