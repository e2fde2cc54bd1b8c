// SPDX-License-Identifier: MPL-2.0
//! News of jobs, as server-sent events.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use serde::Serialize;
use tokio::sync::{broadcast::error::RecvError, watch};
use utoipa::ToSchema;

use super::{Caller, Shared, job_id};
use crate::{
    job::{JobId, Owner},
    serve::{
        end,
        hub::{self, Watch},
        problem::Problem,
        view::{JobView, Progress},
    },
};

/// Jobs of a snapshot.
const SHOWN: usize = 100;
/// Where nothing happens, so that what lies between does not hang up.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The youngest jobs, as they are.
#[derive(Serialize, ToSchema)]
pub struct Snapshot {
    /// The youngest first.
    jobs: Vec<JobView>,
}

/// What is told next.
enum Next {
    /// What all look like.
    Snapshot,
    /// News that were missed.
    Missed(VecDeque<Arc<hub::Event>>),
    News,
    Ended,
}

/// One who listens.
struct Listener {
    app: Shared,
    owner: Owner,
    /// One job; all, if there is none.
    id: Option<JobId>,
    watch: Watch,
    next: Next,
    ending: watch::Receiver<bool>,
}

impl Listener {
    fn new(app: Shared, owner: Owner, id: Option<JobId>, headers: &HeaderMap) -> Self {
        let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
        // Heard first and looked after: what happens between the two comes twice, and is not lost.
        let mut watch = app.hub.watch(&owner, last);
        let next = match watch.missed.take() {
            Some(missed) => Next::Missed(missed.into()),
            None => Next::Snapshot,
        };
        let ending = app.ending.clone();
        Self {
            app,
            owner,
            id,
            watch,
            next,
            ending,
        }
    }

    fn respond(self) -> Response {
        let events = futures_util::stream::unfold(self, |mut listener| async move {
            let event = listener.event().await?;
            Some((Ok::<_, Infallible>(event), listener))
        });
        let beat = KeepAlive::new().interval(HEARTBEAT).text("beat");
        Sse::new(events).keep_alive(beat).into_response()
    }

    /// The next event; `None` when nothing will follow.
    async fn event(&mut self) -> Option<Event> {
        loop {
            match &mut self.next {
                Next::Ended => return None,
                Next::Snapshot => {
                    self.next = Next::News;
                    match self.snapshot().await {
                        Ok(event) => return Some(event),
                        Err(problem) => {
                            self.next = Next::Ended;
                            tracing::debug!(what = problem.detail(), "no snapshot");
                            return None;
                        }
                    }
                }
                Next::Missed(missed) => match missed.pop_front() {
                    Some(event) => {
                        if let Some(event) = self.told(&event).await {
                            return Some(event);
                        }
                    }
                    None => self.next = Next::News,
                },
                Next::News => {
                    let heard = tokio::select! {
                        heard = self.watch.news.recv() => heard,
                        // The client comes back, to another process perhaps.
                        () = end(&mut self.ending) => return None,
                    };
                    match heard {
                        Ok(event) => {
                            if let Some(event) = self.told(&event).await {
                                return Some(event);
                            }
                        }
                        Err(RecvError::Lagged(_)) => self.next = Next::Snapshot,
                        Err(RecvError::Closed) => return None,
                    }
                }
            }
        }
    }

    async fn snapshot(&mut self) -> Result<Event, Problem> {
        let Some(id) = &self.id else {
            let ids = self.app.store.jobs(&self.owner, None, SHOWN).await?;
            let mut jobs = Vec::with_capacity(ids.len());
            for id in &ids {
                jobs.extend(self.app.view(&self.owner, id).await?);
            }
            return Ok(event("snapshot", &Snapshot { jobs }));
        };
        let progress = self.app.progress(&self.owner, id).await?;
        Ok(self.of_job(&progress, None))
    }

    async fn told(&mut self, heard: &hub::Event) -> Option<Event> {
        let report = &heard.report;
        if report.owner != self.owner || self.id.as_ref().is_some_and(|id| *id != report.id) {
            return None;
        }
        let progress = self.app.told(report).await;
        Some(self.of_job(&progress, Some(self.app.hub.name(heard))))
    }

    fn of_job(&mut self, progress: &Progress, name: Option<String>) -> Event {
        let told = event("job", progress);
        if self.id.is_some() && progress.is_end() {
            self.next = Next::Ended;
            // By this name a client that comes back says that it has heard the end.
            return told.id(ended_name(&progress.id));
        }
        match name {
            Some(name) => told.id(name),
            None => told,
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // What is told is plain data, which has a text.
    let text = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(text)
}

fn ended_name(id: &str) -> String {
    format!("ended-{id}")
}

/// News of a job: how it is, and then what happens, until it has ended. A client that comes back
/// after that is told to stay away.
#[utoipa::path(get, path = "/v1/jobs/{id}/events",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = OK, description = "events named job", body = Progress,
            content_type = "text/event-stream"),
        (status = NO_CONTENT, description = "its end was heard"),
        (status = UNAUTHORIZED, body = Problem), (status = NOT_FOUND, body = Problem)))]
pub async fn of_job(
    State(app): State<Shared>,
    Caller(owner): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    if app.store.accepted(&owner, &id).await?.is_none() {
        return Err(Problem::not_found("job"));
    }
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    if last == Some(&ended_name(id.as_str())) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Listener::new(app, owner, Some(id), &headers).respond())
}

/// News of all one's jobs: first a snapshot of the youngest, or what was missed since
/// `Last-Event-ID`, then what happens.
#[utoipa::path(get, path = "/v1/events",
    params(("Last-Event-ID" = Option<String>, Header)),
    responses(
        (status = OK, description = "one event named snapshot, then events named job",
            body = Snapshot, content_type = "text/event-stream"),
        (status = UNAUTHORIZED, body = Problem)))]
pub async fn of_all(
    State(app): State<Shared>,
    Caller(owner): Caller,
    headers: HeaderMap,
) -> Response {
    Listener::new(app, owner, None, &headers).respond()
}
