// SPDX-License-Identifier: MPL-2.0
//! Jobs come in: one with its files, or many by a manifest.

use axum::{
    Json,
    body::Body,
    extract::{FromRequest as _, Multipart, Request, State, multipart::Field},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Caller, Shared};
use crate::{
    job::{Accepted, Owner},
    serve::{
        App, callback,
        check::{self, Draft, Fields},
        problem::{Fault, Problem},
        sniff::Kind,
        submit::{Files, Known},
        upload::{self, Expected},
        view::{JobView, Progress},
    },
};

/// Of a body that is one JSON object: a text may be as long as is set, and escaped.
pub(super) const JSON_BYTES: usize = 2 << 20;
/// Of a manifest.
const MANIFEST_BYTES: usize = 64 << 20;
/// Fields of one job.
const FIELDS: usize = 64;
/// Jobs of a manifest that are stored at once.
const AT_ONCE: usize = 16;
/// Characters of an idempotency key.
const KEY: usize = 200;

/// A job, as JSON. Beside what is named here it takes all that `GET /v1/parameters` lists.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes; fields are read one by one")]
pub struct JobBody {
    /// The digest of a portrait that was uploaded; without one it is the built-in portrait.
    portrait_sha256: Option<String>,
    /// The digest of a recording that was uploaded; or
    audio_sha256: Option<String>,
    /// What is to be said.
    text: Option<String>,
    /// No longer than that, s.
    duration: Option<f64>,
    /// Frames a second, as 25 or "30000/1001".
    fps: Option<String>,
    /// Pixels, as 1280x720.
    size: Option<String>,
    /// mp4, mkv or webm.
    format: Option<String>,
    /// high, normal or bulk.
    priority: Option<String>,
    /// Who is told when it has ended.
    callback_url: Option<String>,
}

/// A job with its files, as `multipart/form-data`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes; fields are read one by one")]
pub struct JobForm {
    /// PNG, JPEG or WebP.
    #[schema(value_type = Option<String>, format = Binary)]
    portrait: Option<Vec<u8>>,
    /// WAV, FLAC, MP3, Ogg, M4A, MP4, MKV, WebM or AAC.
    #[schema(value_type = Option<String>, format = Binary)]
    audio: Option<Vec<u8>>,
    /// All else is as in JSON.
    #[schema(inline)]
    rest: Option<JobBody>,
}

/// Takes a job on.
#[utoipa::path(post, path = "/v1/jobs",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "asked twice with one key, a job is taken on once")),
    request_body(content((JobForm = "multipart/form-data"), (JobBody = "application/json"))),
    responses(
        (status = CREATED, description = "it was taken on", body = JobView),
        (status = OK, description = "it had been taken on under this key", body = JobView),
        (status = BAD_REQUEST, body = Problem), (status = UNAUTHORIZED, body = Problem),
        (status = REQUEST_TIMEOUT, body = Problem),
        (status = CONFLICT, description = "the key was given to another job", body = Problem),
        (status = PAYLOAD_TOO_LARGE, body = Problem),
        (status = UNSUPPORTED_MEDIA_TYPE, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem),
        (status = TOO_MANY_REQUESTS, body = Problem),
        (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub async fn submit(
    State(app): State<Shared>,
    Caller(owner): Caller,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let key = key(request.headers())?;
    let (fields, files) = if is(&request, "multipart/form-data") {
        form(&app, request).await?
    } else if is(&request, "application/json") {
        let value: Value = json(request.into_body(), JSON_BYTES).await?;
        let fields = check::fields_of(&value).map_err(Problem::faults)?;
        (fields, Files::default())
    } else {
        let what = "expected multipart/form-data or application/json";
        let fault = Fault::new("Content-Type", what);
        return Err(Problem::fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault));
    };
    let draft = draft(&app, &fields, &files).await?;
    let ready = app.ready(&owner, draft, &files, &mut Known::new()).await?;
    let (job, new) = app.take_on(&owner, ready, key).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let place = format!("/v1/jobs/{}", job.id);
    let view = shown(&app, &owner, job).await;
    Ok((status, [(header::LOCATION, place)], Json(view)))
}

/// Many jobs.
#[derive(Deserialize, ToSchema)]
pub struct Manifest {
    /// Fields that all have, unless they say otherwise.
    #[serde(default)]
    #[schema(value_type = Option<JobBody>)]
    defaults: Option<Value>,
    /// The jobs.
    #[schema(value_type = Vec<JobBody>)]
    jobs: Vec<Value>,
}

/// Jobs that were taken on.
#[derive(Serialize, ToSchema)]
pub struct Batch {
    /// Their names, in the order of the manifest.
    ids: Vec<String>,
}

/// Takes many jobs on: all are checked before any is. Where the service breaks off in between, the
/// same manifest under the same key takes on the rest.
#[utoipa::path(post, path = "/v1/batches",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "asked twice with one key, jobs are taken on once")),
    request_body = Manifest,
    responses(
        (status = CREATED, body = Batch),
        (status = BAD_REQUEST, body = Problem), (status = UNAUTHORIZED, body = Problem),
        (status = CONFLICT, body = Problem), (status = PAYLOAD_TOO_LARGE, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem),
        (status = TOO_MANY_REQUESTS, body = Problem),
        (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub async fn batch(
    State(app): State<Shared>,
    Caller(owner): Caller,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let key = key(request.headers())?;
    let manifest: Manifest = json(request.into_body(), MANIFEST_BYTES).await?;
    let (count, most) = (manifest.jobs.len(), app.settings.limits.batch_jobs);
    if count == 0 || count > most {
        let what = format!("expected 1 to {most} jobs");
        return Err(Problem::faults(vec![Fault::over(
            "jobs",
            what,
            most as u64,
        )]));
    }
    app.charge(&owner, count - 1)?;
    let defaults = match &manifest.defaults {
        Some(defaults) => check::fields_of(defaults).map_err(Problem::faults)?,
        None => Fields::new(),
    };
    let (mut ready, mut faults, mut known) = (Vec::new(), Vec::new(), Known::new());
    let none = Files::default();
    for (number, job) in manifest.jobs.iter().enumerate() {
        let checked = async {
            let own = check::fields_of(job).map_err(Problem::faults)?;
            let mut fields = defaults.clone();
            fields.extend(own);
            let draft = draft(&app, &fields, &none).await?;
            app.ready(&owner, draft, &none, &mut known).await
        };
        match checked.await {
            Ok(job) => ready.push(job),
            Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
                return Err(problem);
            }
            Err(problem) => faults.extend(problem.of_batch(number)),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    let taken = stream::iter(ready.into_iter().enumerate()).map(|(number, job)| {
        let key = key.as_ref().map(|key| format!("{key}#{number}"));
        app.take_on(&owner, job, key)
    });
    let taken: Vec<_> = taken.buffered(AT_ONCE).collect().await;
    let ids: Result<_, Problem> = taken
        .into_iter()
        .map(|job| Ok(job?.0.id.to_string()))
        .collect();
    Ok((StatusCode::CREATED, Json(Batch { ids: ids? })))
}

async fn draft(app: &App, fields: &Fields, files: &Files) -> Result<Draft, Problem> {
    let came = check::Files {
        portrait: files.portrait.is_some(),
        audio: files.audio.is_some(),
    };
    let draft = app.table.read(fields, came).map_err(Problem::faults)?;
    if let Some(url) = &draft.callback_url
        && !app.settings.private_callbacks
        && callback::is_private(url).await
    {
        let what = "expected an address of the public net";
        return Err(Problem::faults(vec![Fault::new("callback_url", what)]));
    }
    Ok(draft)
}

/// What is answered of a job that was just taken on: it is, whatever the store says now.
async fn shown(app: &App, owner: &Owner, job: Accepted) -> JobView {
    let progress = app.progress(owner, &job.id).await;
    let progress = progress.unwrap_or_else(|_| Progress::queued(&job.id));
    JobView::new(job, progress)
}

pub(super) fn is(request: &Request, kind: &str) -> bool {
    let given = request.headers().get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        let given = given.split(';').next().unwrap_or_default();
        given.trim().eq_ignore_ascii_case(kind)
    })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().ok();
    let text = text.filter(|text| (1..=KEY).contains(&text.len()));
    let text = text.ok_or_else(|| {
        let what = format!("expected 1 to {KEY} characters of ASCII");
        Problem::faults(vec![Fault::over("Idempotency-Key", what, KEY as u64)])
    });
    text.map(|text| Some(text.to_owned()))
}

pub(super) async fn json<T: serde::de::DeserializeOwned>(
    body: Body,
    limit: usize,
) -> Result<T, Problem> {
    let bytes = upload::whole(body, limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let fault = Fault::new("body", format!("expected JSON as is described: {error}"));
        Problem::fault(StatusCode::BAD_REQUEST, fault)
    })
}

/// The fields of a form, and its files.
pub(super) async fn form(app: &App, request: Request) -> Result<(Fields, Files), Problem> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let (mut fields, mut files) = (Fields::new(), Files::default());
    let mut count = 0;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| upload::broken(&error))?
    {
        count += 1;
        let name = field.name().unwrap_or_default().to_owned();
        let again = match name.as_str() {
            "portrait" => files.portrait.is_some(),
            "audio" => files.audio.is_some(),
            name => fields.contains_key(name),
        };
        if again || count > FIELDS {
            let what = format!("expected each field once, and at most {FIELDS} of them");
            let fault = Fault::over(&name, what, FIELDS as u64);
            return Err(Problem::faults(vec![fault]));
        }
        match name.as_str() {
            "portrait" => files.portrait = file(app, field, "portrait", Kind::Picture).await?,
            "audio" => files.audio = file(app, field, "audio", Kind::Sound).await?,
            _ => {
                let text = text(app, field, &name).await?;
                fields.insert(name, text);
            }
        }
    }
    Ok((fields, files))
}

/// A file of a form. A browser sends an empty one without a name where none was chosen.
async fn file(
    app: &App,
    field: Field<'_>,
    name: &str,
    kind: Kind,
) -> Result<Option<upload::Received>, Problem> {
    let chosen = field.file_name() != Some("");
    let expected = Expected {
        field: name,
        kind: Some(kind),
        limits: &app.settings.limits,
        scratch: &app.settings.scratch,
    };
    let received = upload::receive(field, expected).await?;
    if received.is_none() && chosen {
        let fault = Fault::new(name, "the file is empty");
        return Err(Problem::faults(vec![fault]));
    }
    Ok(received)
}

/// A text of a form, no longer than the longest may be.
async fn text(app: &App, mut field: Field<'_>, name: &str) -> Result<String, Problem> {
    let most = app.settings.limits.text_characters;
    let mut bytes = Vec::new();
    while let Some(piece) = field
        .chunk()
        .await
        .map_err(|error| upload::broken(&error))?
    {
        bytes.extend_from_slice(&piece);
        // No character takes more than four bytes.
        if bytes.len() > most.saturating_mul(4) {
            let what = format!("expected at most {most} characters");
            return Err(Problem::faults(vec![Fault::over(name, what, most as u64)]));
        }
    }
    String::from_utf8(bytes).map_err(|_| {
        let fault = Fault::new(name, "expected a text as UTF-8");
        Problem::faults(vec![fault])
    })
}
