// SPDX-License-Identifier: MPL-2.0
//! What the animator will say of a portrait, before a job is given.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Caller, Shared, submit};
use crate::{
    face::Seen,
    job::Digest,
    serve::{
        App,
        problem::{Fault, Problem},
    },
};

const FILE: &str = "portrait";
const DIGEST: &str = "portrait_sha256";

/// A portrait, as `multipart/form-data`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes; fields are read one by one")]
pub struct CheckForm {
    /// PNG, JPEG or WebP.
    #[schema(value_type = String, format = Binary)]
    portrait: Vec<u8>,
}

/// A portrait that was uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckBody {
    /// Its digest.
    portrait_sha256: String,
}

/// Looks for the face in a portrait. Nothing is kept of it.
#[utoipa::path(post, path = "/v1/check",
    request_body(content((CheckForm = "multipart/form-data"), (CheckBody = "application/json"))),
    responses(
        (status = OK, description = "what is seen, or why it is no portrait", body = Seen),
        (status = BAD_REQUEST, body = Problem), (status = UNAUTHORIZED, body = Problem),
        (status = REQUEST_TIMEOUT, body = Problem),
        (status = PAYLOAD_TOO_LARGE, body = Problem),
        (status = UNSUPPORTED_MEDIA_TYPE, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem),
        (status = TOO_MANY_REQUESTS, body = Problem),
        (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub async fn check(
    State(app): State<Shared>,
    Caller(owner): Caller,
    request: Request,
) -> Result<Json<Seen>, Problem> {
    if submit::is(&request, "multipart/form-data") {
        return of_form(&app, request).await.map(Json);
    }
    if !submit::is(&request, "application/json") {
        let what = "expected multipart/form-data or application/json";
        let fault = Fault::new("Content-Type", what);
        return Err(Problem::fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault));
    }
    let body: CheckBody = submit::json(request.into_body(), submit::JSON_BYTES).await?;
    let digest = body.portrait_sha256.parse::<Digest>();
    let digest =
        digest.map_err(|error| Problem::faults(vec![Fault::new(DIGEST, error.to_string())]))?;
    Ok(Json(app.look_at_upload(&owner, &digest, DIGEST).await?))
}

async fn of_form(app: &App, request: Request) -> Result<Seen, Problem> {
    let (fields, files) = submit::form(app, request).await?;
    let unknown = fields
        .into_keys()
        .map(|name| Fault::new(&name, "there is no such field"));
    let mut faults: Vec<_> = unknown.collect();
    if files.audio.is_some() {
        faults.push(Fault::new("audio", "there is no such field"));
    }
    match files.portrait {
        Some(file) if faults.is_empty() => app.look(file.file.path(), FILE).await,
        Some(_) => Err(Problem::faults(faults)),
        None => {
            faults.push(Fault::new(FILE, "expected a picture"));
            Err(Problem::faults(faults))
        }
    }
}
