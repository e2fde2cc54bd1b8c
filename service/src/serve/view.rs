// SPDX-License-Identifier: MPL-2.0
//! A job, as its owner sees it.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use utoipa::ToSchema;

use super::{App, now_ms, problem::Problem};
use crate::job::{Accepted, JobId, News, Outcome, Owner, Rendered, Report, Speech, Terminal};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits.
    Queued,
    /// It is rendered.
    Rendering,
    /// It failed in a way that may pass, and waits to be tried again.
    Retrying,
    /// It is not wanted any more, and whoever has it will hear so.
    Cancelling,
    /// There is a file.
    Done,
    /// There is none, for a reason.
    Failed,
    /// Its owner did not want it any more.
    Cancelled,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResultView {
    /// Size of the file.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// Length, s.
    pub seconds: f64,
    /// Pixels: width and height.
    pub size: (u32, u32),
    /// How long it took, s; 0 if it was there already.
    pub render_seconds: f64,
    /// Whether another job had made it.
    pub shared: bool,
}

/// What changes of a job while it lives.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// The job.
    pub id: String,
    /// How far it is.
    pub state: State,
    /// When that was known, ms since 1970.
    pub at_ms: u64,
    /// Queued: jobs that are expected to be taken before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// Rendering: how much of it, per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Failed or retrying: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Retrying: after so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_s: Option<u64>,
    /// Done: what there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultView>,
    /// Done: where it is; a link that expires, and that needs no token. Asked for by its name, a job
    /// whose file is not kept any more has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_url: Option<String>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JobView {
    /// How far it is.
    #[serde(flatten)]
    pub progress: Progress,
    /// When it was taken on, ms since 1970.
    pub accepted_ms: u64,
    /// How soon it is taken: high, normal or bulk.
    pub priority: String,
    /// The portrait that was uploaded; the built-in one if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portrait_sha256: Option<String>,
    /// The recording that was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_sha256: Option<String>,
    /// What is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The kind of file: mp4, mkv or webm.
    pub format: String,
    /// Pixels, as 1280x720.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Frames a second, as 25 or 30000/1001.
    pub fps: String,
    /// No longer than that, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Parameters of the elements.
    pub parameters: BTreeMap<String, String>,
    /// Parameters that were given and are of no use to this job.
    pub ignored: Vec<String>,
    /// Length of the recording or the text, ms; mostly a guess.
    pub media_ms: u64,
}

impl Progress {
    fn new(id: &JobId, state: State, at_ms: u64) -> Self {
        Self {
            id: id.to_string(),
            state,
            at_ms,
            ahead: None,
            percent: None,
            reason: None,
            retry_in_s: None,
            result: None,
            result_url: None,
        }
    }

    /// Of a job that was taken on just now.
    pub fn queued(id: &JobId) -> Self {
        Self::new(id, State::Queued, now_ms())
    }

    fn of_news(id: &JobId, at_ms: u64, news: &News) -> Self {
        let at = |state| Self::new(id, state, at_ms);
        match news {
            News::Queued { ahead } => Self {
                ahead: Some(*ahead),
                ..at(State::Queued)
            },
            News::Rendering { share } => Self {
                percent: Some((share.clamp(0.0, 1.0) * 1000.0).round() / 10.0),
                ..at(State::Rendering)
            },
            News::Retrying { reason, in_s } => Self {
                reason: Some(reason.clone()),
                retry_in_s: Some(*in_s),
                ..at(State::Retrying)
            },
            News::Ended(terminal) => Self::of_end(id, terminal),
        }
    }

    fn of_end(id: &JobId, terminal: &Terminal) -> Self {
        let at = |state| Self::new(id, state, terminal.at_ms);
        match &terminal.outcome {
            Outcome::Done(done) => Self {
                result: Some(ResultView {
                    bytes: done.bytes,
                    frames: done.frames,
                    seconds: done.seconds,
                    size: done.size,
                    render_seconds: done.render_seconds,
                    shared: done.of != *id,
                }),
                ..at(State::Done)
            },
            Outcome::Failed { reason, .. } => Self {
                reason: Some(reason.clone()),
                ..at(State::Failed)
            },
            Outcome::Cancelled => at(State::Cancelled),
        }
    }

    /// Whether nothing will follow.
    pub fn is_end(&self) -> bool {
        matches!(self.state, State::Done | State::Failed | State::Cancelled)
    }
}

impl App {
    /// How far a job is, by all that is known.
    pub async fn progress(&self, owner: &Owner, id: &JobId) -> Result<Progress, Problem> {
        if let Some(terminal) = self.store.terminal(owner, id).await? {
            return self.ended(owner, id, &terminal).await;
        }
        let now = now_ms();
        if self.store.cancel_asked(owner, id).await? {
            return Ok(Progress::new(id, State::Cancelling, now));
        }
        match self.hub.latest(id) {
            None | Some(News::Queued { .. }) => {}
            Some(news) => return Ok(Progress::of_news(id, now, &news)),
        }
        let ahead = self.lanes().ahead(id);
        // What this process has released and nobody has begun needs no look into the store.
        if ahead.is_none() && self.is_alive(owner, id).await? {
            return Ok(Progress::new(id, State::Rendering, now));
        }
        Ok(Progress {
            ahead,
            ..Progress::new(id, State::Queued, now)
        })
    }

    async fn ended(
        &self,
        owner: &Owner,
        id: &JobId,
        terminal: &Terminal,
    ) -> Result<Progress, Problem> {
        let mut progress = Progress::of_end(id, terminal);
        if let Outcome::Done(done) = &terminal.outcome {
            progress.result_url = Some(self.link(owner, id, done).await?);
        }
        Ok(progress)
    }

    /// Whether the file of a job that is done is still kept.
    pub async fn has_result(&self, owner: &Owner, id: &JobId) -> Result<bool, Problem> {
        match self.store.terminal(owner, id).await?.map(|end| end.outcome) {
            Some(Outcome::Done(done)) => Ok(self.store.has_result(owner, &done).await?),
            _ => Ok(false),
        }
    }

    /// What a report says.
    pub async fn told(&self, report: &Report) -> Progress {
        if let News::Ended(terminal) = &report.news
            && let Ok(ended) = self.ended(&report.owner, &report.id, terminal).await
        {
            return ended;
        }
        Progress::of_news(&report.id, report.at_ms, &report.news)
    }

    /// A link to a result that needs no token, for as long as is set.
    pub async fn link(
        &self,
        owner: &Owner,
        id: &JobId,
        done: &Rendered,
    ) -> Result<String, Problem> {
        let holds = Duration::from_secs(self.settings.link_s);
        if let Some(url) = self.store.link(owner, done, holds).await? {
            return Ok(url.into());
        }
        let name = format!("{id}.{}", done.container.extension());
        let path = format!("/v1/results/{owner}/{}/{name}", done.of);
        let expires = now_ms() / 1000 + self.settings.link_s;
        let query = self.signer.query(&path, expires);
        let base = self.settings.public_url.as_ref();
        let base = base.map_or("", |url| url.as_str().trim_end_matches('/'));
        Ok(format!("{base}{path}?{query}"))
    }

    /// A job with all that is known of it; `None` if this owner has no such job.
    pub async fn view(&self, owner: &Owner, id: &JobId) -> Result<Option<JobView>, Problem> {
        let Some(job) = self.store.accepted(owner, id).await? else {
            return Ok(None);
        };
        let progress = self.progress(owner, id).await?;
        Ok(Some(JobView::new(job, progress)))
    }
}

impl JobView {
    /// Of what was taken on, and how far it is.
    pub fn new(job: Accepted, progress: Progress) -> Self {
        let (audio, text) = match job.order.speech {
            Speech::Audio(digest) => (Some(digest.to_string()), None),
            Speech::Text(text) => (None, Some(text)),
        };
        let fps = match job.order.fps {
            (over, 1) => over.to_string(),
            (over, under) => format!("{over}/{under}"),
        };
        Self {
            progress,
            accepted_ms: job.id.ms(),
            priority: job.class.name().to_owned(),
            portrait_sha256: job.order.portrait.map(String::from),
            audio_sha256: audio,
            text,
            format: job.order.container.extension().to_owned(),
            size: job.order.size.map(|(w, h)| format!("{w}x{h}")),
            fps,
            duration: job.order.duration_ms.map(|ms| ms as f64 / 1000.0),
            parameters: job.order.parameters,
            ignored: job.ignored,
            media_ms: job.media_ms,
        }
    }
}
