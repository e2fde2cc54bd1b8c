// SPDX-License-Identifier: MPL-2.0
//! The API's routes.

mod blobs;
mod events;
mod face;
mod jobs;
mod page;
mod results;
mod service;
mod submit;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tracing::Instrument as _;
use utoipa::{
    OpenApi as _,
    openapi::{OpenApi, PathItem, RefOr},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, locked, problem::Problem, upload};
use crate::job::{JobId, Owner};

type Shared = Arc<App>;

/// Until a request without a body is answered.
const ANSWER: Duration = Duration::from_secs(30);
/// Until any request is.
const ANSWER_UPLOAD: Duration = Duration::from_secs(4 * 3600);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "sonicd",
        description = "Renders talking heads: a portrait and a voice, or a text, become a file."
    ),
    components(schemas(Problem))
)]
struct Document;

fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(submit::submit, jobs::list))
        .routes(routes!(submit::batch))
        .routes(routes!(jobs::show, jobs::cancel))
        .routes(routes!(jobs::result))
        .routes(routes!(events::of_job))
        .routes(routes!(events::of_all))
        .routes(routes!(blobs::put, blobs::head))
        .routes(routes!(face::check))
        .routes(routes!(results::download))
        .routes(routes!(service::parameters))
        .routes(routes!(service::me))
        .routes(routes!(service::openapi))
        .routes(routes!(service::healthz))
        .routes(routes!(service::readyz))
        .routes(routes!(service::metrics))
}

/// The document alone.
pub fn document() -> OpenApi {
    let mut document = routes().into_openapi();
    let items = document.paths.paths.values_mut();
    let operations = items.flat_map(|item| {
        let PathItem {
            get,
            put,
            post,
            delete,
            head,
            ..
        } = item;
        [get, put, post, delete, head].into_iter().flatten()
    });
    for (status, response) in operations.flat_map(|of| &mut of.responses.responses) {
        // Every answer has to be described; for most the status says it.
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = StatusCode::from_bytes(status.as_bytes()).ok();
            let words = status.and_then(|status| status.canonical_reason());
            words
                .unwrap_or("Answered")
                .clone_into(&mut response.description);
        }
    }
    document
}

/// All that is served.
pub fn router(app: Shared) -> axum::Router {
    let (router, _) = routes().split_for_parts();
    router
        .route("/", get(page::index))
        .route("/icon.svg", get(page::icon))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .fallback(async || Problem::not_found("page"))
        .method_not_allowed_fallback(async || {
            let what = "this address takes other methods";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, what)
        })
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// What holds for every request: whence it may come, how long it may take, and what is counted.
async fn around(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
    let idle = Duration::from_secs(app.settings.idle_s);
    let request = request.map(|body: Body| upload::paced(body, idle));
    let limit = match method {
        Method::POST | Method::PUT => ANSWER_UPLOAD,
        _ => ANSWER,
    };
    let span = tracing::error_span!("request", %method, route);
    let mut response = match app.auth.admit(request.headers()) {
        Err(problem) => problem.into_response(),
        Ok(()) => tokio::time::timeout(limit, next.run(request).instrument(span))
            .await
            .unwrap_or_else(|_| Problem::unavailable("it took too long").into_response()),
    };
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, plain);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let (status, seconds) = (response.status().as_u16(), began.elapsed().as_secs_f64());
    app.metrics.request(known(&method), &route, status, seconds);
    tracing::debug!(%method, route, status, seconds, "answered");
    response
}

/// Of methods only those are counted that there are, so that nobody fills the counters with names.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Who asks, and not too often.
struct Caller(Owner);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let owner = app.auth.owner(&parts.headers)?;
        app.charge(&owner, 1)?;
        Ok(Self(owner))
    }
}

impl App {
    /// Counts so many requests of an owner.
    fn charge(&self, owner: &Owner, requests: usize) -> Result<(), Problem> {
        let taken = locked(&self.buckets).take(owner, requests as f64, self.began.elapsed());
        taken.map_err(|wait| Problem::too_often(owner, wait.as_secs() + 1))
    }
}

/// The job that a path names.
fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_| Problem::not_found("job"))
}
