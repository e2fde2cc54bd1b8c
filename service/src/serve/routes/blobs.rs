// SPDX-License-Identifier: MPL-2.0
//! Uploads that jobs name by their digest.

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
};

use super::{Caller, Shared};
use crate::{
    job::Digest,
    serve::{
        problem::{Fault, Problem},
        upload::{self, Expected},
    },
};

const FIELD: &str = "sha256";

fn digest(text: &str) -> Result<Digest, Problem> {
    text.parse::<Digest>()
        .map_err(|error| Problem::faults(vec![Fault::new(FIELD, error.to_string())]))
}

/// Uploads a portrait or a recording under its SHA-256.
#[utoipa::path(put, path = "/v1/blobs/{sha256}", params(("sha256" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = CREATED, description = "it is stored"),
        (status = OK, description = "it was there already, and is kept anew"),
        (status = UNAUTHORIZED, body = Problem), (status = REQUEST_TIMEOUT, body = Problem),
        (status = PAYLOAD_TOO_LARGE, body = Problem),
        (status = UNSUPPORTED_MEDIA_TYPE, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub async fn put(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(sha256): Path<String>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let named = digest(&sha256)?;
    let expected = Expected {
        field: "body",
        kind: None,
        limits: &app.settings.limits,
        scratch: &app.settings.scratch,
    };
    let received = upload::receive(body.into_data_stream(), expected).await?;
    let received =
        received.ok_or_else(|| Problem::faults(vec![Fault::new("body", "the file is empty")]))?;
    if received.digest != named {
        let what = format!("what came has another digest: {}", received.digest);
        return Err(Problem::faults(vec![Fault::new(FIELD, what)]));
    }
    app.check_picture(&received, "body").await?;
    let there = app.offers(&owner, &named).await?;
    app.store
        .put_blob(&owner, &named, received.file.path())
        .await?;
    Ok(if there {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    })
}

/// Whether an upload is there.
#[utoipa::path(head, path = "/v1/blobs/{sha256}", params(("sha256" = String, Path)), responses(
    (status = OK), (status = NOT_FOUND), (status = UNAUTHORIZED)))]
pub async fn head(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(sha256): Path<String>,
) -> Result<StatusCode, Problem> {
    match app.offers(&owner, &digest(&sha256)?).await? {
        true => Ok(StatusCode::OK),
        false => Err(Problem::not_found("upload")),
    }
}
