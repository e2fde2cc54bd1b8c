// SPDX-License-Identifier: MPL-2.0
//! Jobs that were taken on.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Caller, Shared, job_id};
use crate::{
    job::Outcome,
    serve::{
        problem::{Fault, Problem},
        view::JobView,
    },
};

/// Jobs of one page.
const MOST: usize = 200;

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Those that are older than this one.
    after: Option<String>,
    /// At most so many, 1 to 200; 50 if nothing is said.
    limit: Option<usize>,
}

/// Some jobs, the youngest first.
#[derive(Serialize, ToSchema)]
pub struct Jobs {
    /// The jobs.
    jobs: Vec<JobView>,
    /// What to ask for as `after` for those that follow, if there may be any.
    next: Option<String>,
}

/// One's own jobs, the youngest first.
#[utoipa::path(get, path = "/v1/jobs", params(Page), responses(
    (status = OK, body = Jobs), (status = UNAUTHORIZED, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub async fn list(
    State(app): State<Shared>,
    Caller(owner): Caller,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Jobs>, Problem> {
    let wrong = |field, what: &str| Problem::faults(vec![Fault::new(field, what)]);
    let Query(page) = page.map_err(|error| wrong("query", &error.body_text()))?;
    let after = page.after.map(|after| after.parse()).transpose();
    let after = after.map_err(|_| wrong("after", "expected the id of a job"))?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        let what = format!("expected a whole number from 1 to {MOST}");
        return Err(Problem::faults(vec![Fault::over(
            "limit",
            what,
            MOST as u64,
        )]));
    }
    let ids = app.store.jobs(&owner, after.as_ref(), limit).await?;
    let next = (ids.len() == limit).then(|| ids.last().map(ToString::to_string));
    let mut jobs = Vec::with_capacity(ids.len());
    for id in &ids {
        // A name without a record belongs to a job that did not quite come in.
        jobs.extend(app.view(&owner, id).await?);
    }
    Ok(Json(Jobs {
        jobs,
        next: next.flatten(),
    }))
}

/// A job.
#[utoipa::path(get, path = "/v1/jobs/{id}", params(("id" = String, Path)), responses(
    (status = OK, body = JobView), (status = UNAUTHORIZED, body = Problem),
    (status = NOT_FOUND, body = Problem)))]
pub async fn show(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = job_id(&id)?;
    let view = app.view(&owner, &id).await?;
    let mut view = view.ok_or_else(|| Problem::not_found("job"))?;
    if view.progress.result_url.is_some() && !app.has_result(&owner, &id).await? {
        view.progress.result_url = None;
    }
    Ok(Json(view))
}

/// Does not want a job any more. One that has ended stays as it is.
#[utoipa::path(delete, path = "/v1/jobs/{id}", params(("id" = String, Path)), responses(
    (status = OK, description = "it has ended", body = JobView),
    (status = ACCEPTED, description = "whoever renders it will stop", body = JobView),
    (status = UNAUTHORIZED, body = Problem), (status = NOT_FOUND, body = Problem)))]
pub async fn cancel(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let id = job_id(&id)?;
    if app.store.accepted(&owner, &id).await?.is_none() {
        return Err(Problem::not_found("job"));
    }
    if app.store.terminal(&owner, &id).await?.is_none() {
        app.store.ask_cancel(&owner, &id).await?;
        if !app.is_alive(&owner, &id).await? {
            app.cancel(&owner, &id).await?;
        }
        tracing::info!(job = %id, "not wanted any more");
    }
    let view = app.view(&owner, &id).await?;
    let view = view.ok_or_else(|| Problem::not_found("job"))?;
    let status = match view.progress.is_end() {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    Ok((status, Json(view)))
}

/// Where a job's result is.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", params(("id" = String, Path)), responses(
    (status = TEMPORARY_REDIRECT, description = "to a link that expires, and needs no token"),
    (status = UNAUTHORIZED, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, description = "there is none, or not yet", body = Problem),
    (status = GONE, description = "it was kept for as long as results are", body = Problem)))]
pub async fn result(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let conflict = |what: &str| Problem::new(StatusCode::CONFLICT, what);
    let done = match app
        .store
        .terminal(&owner, &id)
        .await?
        .map(|end| end.outcome)
    {
        Some(Outcome::Done(done)) => done,
        Some(Outcome::Failed { reason, .. }) => {
            return Err(conflict(&format!("the job has failed: {reason}")));
        }
        Some(Outcome::Cancelled) => return Err(conflict("the job was cancelled")),
        None if app.store.accepted(&owner, &id).await?.is_some() => {
            return Err(conflict("the job has not ended yet"));
        }
        None => return Err(Problem::not_found("job")),
    };
    if !app.store.has_result(&owner, &done).await? {
        let what = "the result was kept for as long as results are, and is gone";
        return Err(Problem::new(StatusCode::GONE, what));
    }
    let link = app.link(&owner, &id, &done).await?;
    let place = HeaderValue::from_str(&link);
    let place = place.map_err(|_| Problem::unavailable("the link cannot be told"))?;
    Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response())
}
