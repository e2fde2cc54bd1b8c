// SPDX-License-Identifier: MPL-2.0
//! One job, from its ticket to its end.

use std::{
    ffi::OsString,
    fmt::Display,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    child::{Child, Ended, Limits, Made},
    device::{Card, Share},
    policy::{Claim, claim, claim_length, time_limit},
};
use crate::{
    clock::now_ms,
    ending::{end, shared},
    job::{
        Accepted, Attempt, Cause, Digest, FORMAT, GivenUp, JobId, News, Order, Outcome, Owner,
        Rendered, Report, Speech, Ticket,
    },
    leftovers,
    post::Post,
    store::{Lead, Store, StoreError},
};

/// So often a job is tried again that failed in a way that may pass.
pub const MOST_RETRIES: u32 = 3;
/// How long a rendered file waits for a store that is away, and how long at once.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// By then the broker knows that a worker is gone whose messages it has taken back.
const GONE: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody still wants it.
const WANTED: Duration = Duration::from_secs(1);

/// What becomes of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has had its use.
    Done,
    /// It is to come again later: why.
    Retry(String),
    /// It is for a person to look at: why.
    Dead(String),
}

/// Where jobs are rendered: what they have in common.
#[derive(Clone, Debug)]
pub struct Bench<P> {
    /// Where everything is kept.
    pub store: Store,
    /// Who is told, and who tells.
    pub post: P,
    /// Of the worker: no other one alive has it.
    pub worker: String,
    /// `sonicd`.
    pub program: PathBuf,
    /// A folder for folders of jobs.
    pub scratch: PathBuf,
    /// What a job may have in memory, bytes.
    pub memory: u64,
    /// The longest that a job may be rendered; less, if its media is short.
    pub time: Duration,
    /// What it renders on: one thread of the video's encoder on each core.
    pub share: Share,
    /// The control group of its jobs, if there can be one.
    pub group: Option<PathBuf>,
}

/// Why a job did not end here.
enum Snag {
    /// The store is away.
    Store(StoreError),
    /// This machine failed.
    Here(String),
    /// The process that rendered it ended without a word: by what.
    Crash(String),
}

impl From<StoreError> for Snag {
    fn from(error: StoreError) -> Self {
        Snag::Store(error)
    }
}

impl From<std::io::Error> for Snag {
    fn from(error: std::io::Error) -> Self {
        Snag::Here(error.to_string())
    }
}

/// What a user may read of it.
impl Display for Snag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Snag::Store(error) => f.write_str(&error.plain()),
            Snag::Here(what) => f.write_str(what),
            Snag::Crash(by) => write!(f, "the rendering crashed ({by})"),
        }
    }
}

impl Snag {
    /// Whether only the store is away.
    fn may_pass(&self) -> bool {
        matches!(self, Snag::Store(error) if error.may_pass())
    }

    fn cause(&self) -> Cause {
        match self {
            Snag::Store(StoreError::File(_)) | Snag::Here(_) => Cause::Machine,
            Snag::Store(_) => Cause::Store,
            Snag::Crash(_) => Cause::Crash,
        }
    }
}

impl<P: Post> Bench<P> {
    /// Does what a ticket asks for. When this is over, the end of the job is stored, or the ticket
    /// has to come again.
    pub async fn process(&self, ticket: &Ticket) -> Verdict {
        if ticket.format > FORMAT {
            return Verdict::Dead(format!(
                "a ticket of format {}; this worker knows {FORMAT}",
                ticket.format
            ));
        }
        // A store that is away is not the job's fault, and the others would fare no better.
        match patiently(Snag::may_pass, || self.begin(ticket)).await {
            Ok(verdict) => verdict,
            Err(snag) => self.again(ticket, None, &snag).await,
        }
    }

    async fn begin(&self, ticket: &Ticket) -> Result<Verdict, Snag> {
        let (owner, id) = (&ticket.owner, &ticket.id);
        let Some(job) = self.store.accepted(owner, id).await? else {
            return Ok(Verdict::Dead("there is no such job".to_owned()));
        };
        if let Some(end) = self.store.terminal(owner, id).await? {
            // Its followers may not have heard of it.
            return self.end(&job, end.outcome).await;
        }
        if self.store.cancel_asked(owner, id).await? {
            return self.end(&job, Outcome::Cancelled).await;
        }
        match self.store.lead(owner, &job.order.key(), id).await? {
            Lead::Done(done) => return self.end(&job, Outcome::Done(shared(&done))).await,
            // That job will tell.
            Lead::Follows(_) => return Ok(Verdict::Done),
            Lead::Leads => {}
        }
        let Some(number) = self.number(owner, id).await? else {
            return Ok(Verdict::Done);
        };
        let (now, limit) = (now_ms(), self.limit(&job));
        let attempt = Attempt {
            format: FORMAT,
            number,
            worker: self.worker.clone(),
            began_ms: now,
            until_ms: now + claim_length(limit).as_millis() as u64,
        };
        if !self.store.claim(owner, id, &attempt).await? {
            return Ok(Verdict::Done);
        }
        match self.render(&job, limit).await {
            Ok(verdict) => Ok(verdict),
            Err(snag) => Ok(self.again(ticket, Some(number), &snag).await),
        }
    }

    /// Under which number this worker may begin a job; `None` if another one has it. A message may
    /// come again before its first worker is known to be gone, so that is asked twice.
    async fn number(&self, owner: &Owner, id: &JobId) -> Result<Option<u32>, Snag> {
        for pause in [Duration::ZERO, GONE] {
            sleep(pause).await;
            let attempts = self.store.attempts(owner, id).await?;
            // One of its own that was not given up is one that it was not told of, for it does one
            // job at a time.
            let lives = match attempts.last() {
                Some((last, None)) if last.worker != self.worker => {
                    self.post.lives(&last.worker).await
                }
                _ => false,
            };
            if let Claim::As(number) = claim(&attempts, lives, now_ms()) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn limit(&self, job: &Accepted) -> Duration {
        let media = Duration::from_millis(job.media_ms);
        time_limit(media).min(self.time)
    }

    async fn render(&self, job: &Accepted, limit: Duration) -> Result<Verdict, Snag> {
        self.tell(job, News::Rendering { share: 0.0 });
        let folder = tempfile::Builder::new()
            .prefix(leftovers::JOB)
            .tempdir_in(&self.scratch)?;
        let out = folder.path().join(job.order.file_name(&job.id));
        let Some(child) = self.child(job, folder.path(), &out, limit).await? else {
            let reason = "the portrait or the recording is not there any more".to_owned();
            return self.end(job, failed(reason, Cause::Upload)).await;
        };
        let progress = |share| self.tell(job, News::Rendering { share });
        let ended = child.run(progress, self.unwanted(job)).await?;
        let outcome = match ended {
            Ended::Done(made) => Outcome::Done(self.keep(job, &out, made).await?),
            Ended::Cancelled => Outcome::Cancelled,
            Ended::Failed {
                reason,
                passing: false,
            } => failed(plain(&reason, folder.path()), Cause::Order),
            Ended::Failed {
                reason,
                passing: true,
            } => {
                return Err(Snag::Here(plain(&reason, folder.path())));
            }
            Ended::TooLong => {
                let reason = format!("it took longer than {} s", limit.as_secs());
                failed(reason, Cause::Time)
            }
            Ended::TooMuchMemory => {
                let reason = format!("it needs more than {} MB of memory", self.memory >> 20);
                failed(reason, Cause::Memory)
            }
            Ended::Crashed { by, complaints } => {
                tracing::error!(%by, %complaints, "a rendering crashed");
                return Err(Snag::Crash(by));
            }
        };
        self.end(job, outcome).await
    }

    /// The process that renders it, with its files beside; `None` if an upload is gone.
    async fn child(
        &self,
        job: &Accepted,
        folder: &Path,
        out: &Path,
        time: Duration,
    ) -> Result<Option<Child>, Snag> {
        let mut files = Vec::new();
        if let Some(digest) = &job.order.portrait {
            let Some(file) = self.fetch(job, digest, folder.join("portrait")).await? else {
                return Ok(None);
            };
            files.extend([OsString::from("--portrait"), file.into()]);
        }
        match &job.order.speech {
            Speech::Audio(digest) => {
                let Some(file) = self.fetch(job, digest, folder.join("audio")).await? else {
                    return Ok(None);
                };
                files.extend([OsString::from("--audio"), file.into()]);
            }
            Speech::Text(text) => {
                let file = folder.join("text");
                tokio::fs::write(&file, text).await?;
                files.extend([OsString::from("--text-file"), file.into()]);
            }
        }
        let mut arguments = arguments(&job.order, out, &self.share.cores);
        let (argument, variable) = self.share.card.as_ref().map(Card::told).unzip();
        arguments.extend(argument.map(OsString::from));
        arguments.extend(files);
        Ok(Some(Child {
            program: self.program.clone(),
            arguments,
            folder: folder.to_owned(),
            environment: [leftovers::landmarks_kept(&self.scratch)]
                .into_iter()
                .chain(variable.map(|(name, value)| (name, value.into())))
                .collect(),
            group: self.group.clone(),
            limits: Limits {
                time,
                memory: self.memory,
            },
        }))
    }

    /// Writes an upload into a file, which is given back if there is such an upload.
    async fn fetch(
        &self,
        job: &Accepted,
        digest: &Digest,
        file: PathBuf,
    ) -> Result<Option<PathBuf>, StoreError> {
        let there = self.store.fetch_blob(&job.owner, digest, &file).await?;
        Ok(there.then_some(file))
    }

    /// Until somebody does not want the job any more.
    async fn unwanted(&self, job: &Accepted) {
        loop {
            sleep(WANTED).await;
            if let Ok(true) = self.store.cancel_asked(&job.owner, &job.id).await {
                return;
            }
        }
    }

    /// Stores a file that was made.
    async fn keep(&self, job: &Accepted, out: &Path, made: Made) -> Result<Rendered, Snag> {
        let container = job.order.container;
        patiently(StoreError::may_pass, || {
            self.store.put_result(&job.owner, &job.id, container, out)
        })
        .await?;
        Ok(Rendered {
            of: job.id.clone(),
            container,
            bytes: tokio::fs::metadata(out).await?.len(),
            frames: made.frames,
            seconds: made.seconds,
            size: (made.width, made.height),
            render_seconds: made.render_seconds,
            ignored: made.ignored,
        })
    }

    /// Ends a job, and lets everybody know.
    async fn end(&self, job: &Accepted, outcome: Outcome) -> Result<Verdict, Snag> {
        let after = patiently(StoreError::may_pass, || {
            end(&self.store, job, outcome.clone(), now_ms())
        })
        .await?;
        for report in after.reports {
            self.post.tell(report);
        }
        for ticket in after.tickets {
            let published = self.post.publish(&ticket).await;
            published.map_err(Snag::Here)?;
        }
        Ok(Verdict::Done)
    }

    /// What becomes of a ticket whose job did not end; `number` is that of an attempt that was begun.
    async fn again(&self, ticket: &Ticket, number: Option<u32>, snag: &Snag) -> Verdict {
        if let Snag::Store(error) = snag {
            tracing::warn!(%error, "the store failed");
        }
        let reason = snag.to_string();
        if let Some(number) = number {
            let why = GivenUp {
                format: FORMAT,
                at_ms: now_ms(),
                reason: reason.clone(),
            };
            // If the store is away the claim is void once this worker is told to be gone, or late.
            let _ = self
                .store
                .give_up(&ticket.owner, &ticket.id, number, &why)
                .await;
        }
        if ticket.tried < MOST_RETRIES {
            return Verdict::Retry(reason);
        }
        let tries = ticket.tried + 1;
        let told = format!("it failed {tries} times, at last: {reason}");
        let outcome = failed(told, snag.cause());
        // If that cannot be stored either, the job stays open, and is found by the sweeper.
        if let Ok(Some(job)) = self.store.accepted(&ticket.owner, &ticket.id).await
            && let Err(snag) = self.end(&job, outcome).await
        {
            tracing::error!(error = %snag, "an end could not be stored");
        }
        Verdict::Dead(reason)
    }

    fn tell(&self, job: &Accepted, news: News) {
        self.post.tell(Report {
            owner: job.owner.clone(),
            id: job.id.clone(),
            at_ms: now_ms(),
            news,
        });
    }
}

/// Again and again, while it fails in a way that may pass, as when the store is away.
async fn patiently<T, E: Display, F: Future<Output = Result<T, E>>>(
    may_pass: impl Fn(&E) -> bool,
    mut ask: impl FnMut() -> F,
) -> Result<T, E> {
    let until = Instant::now() + PATIENCE;
    let mut pause = PAUSES.0;
    loop {
        match ask().await {
            Err(error) if may_pass(&error) && Instant::now() < until => {
                tracing::warn!(%error, "it is tried again");
                sleep(pause).await;
                pause = (2 * pause).min(PAUSES.1);
            }
            answer => return answer,
        }
    }
}

fn failed(reason: String, cause: Cause) -> Outcome {
    Outcome::Failed { reason, cause }
}

/// What a user may read: no name of a folder here.
fn plain(reason: &str, folder: &Path) -> String {
    reason.replace(&format!("{}/", folder.display()), "")
}

/// The command line of an order, without its files.
fn arguments(order: &Order, out: &Path, cores: &[usize]) -> Vec<OsString> {
    let (over, under) = order.fps;
    let mut line: Vec<OsString> = vec!["render".into(), "--progress=json".into()];
    line.push(format!("--fps={over}/{under}").into());
    line.push(format!("--encoder-threads={}", cores.len()).into());
    let names: Vec<_> = cores.iter().map(usize::to_string).collect();
    line.push(format!("--cores={}", names.join(",")).into());
    if let Some((width, height)) = order.size {
        line.push(format!("--size={width}x{height}").into());
    }
    if let Some(ms) = order.duration_ms {
        line.push(format!("--duration={}", ms as f64 / 1e3).into());
    }
    for (name, value) in &order.parameters {
        line.push(format!("--{}={value}", name.replace('_', "-")).into());
    }
    line.extend([OsString::from("--out"), out.into()]);
    line
}
