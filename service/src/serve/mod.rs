// SPDX-License-Identifier: MPL-2.0
//! `sonicd serve`: takes jobs over HTTP, releases them to the broker in turns, and tells how they
//! fare.

pub mod address;
pub mod auth;
mod callback;
pub mod check;
mod face;
pub mod hub;
pub mod lanes;
pub mod limit;
mod listen;
mod metrics;
pub mod pace;
pub mod problem;
pub mod retention;
mod routes;
mod run;
pub mod settings;
pub mod sign;
pub mod sniff;
mod submit;
pub mod sweep;
mod tasks;
mod upload;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

pub use run::run;

use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore, mpsc, watch},
};

use self::{
    auth::Auth, check::Table, hub::Hub, lanes::Lanes, limit::Buckets, metrics::Metrics,
    settings::Settings, sign::Signer,
};
use crate::{
    clock::now_ms,
    ending::end as end_job,
    job::{FORMAT, JobId, News, Outcome, Owner, Report, Terminal},
    parameters::Described,
    post::Post,
    store::{Store, StoreError},
};

/// Pictures that are decoded at once: each may take some hundred megabytes.
const DECODED_AT_ONCE: usize = 1;

/// What all requests share.
struct App {
    settings: Settings,
    store: Store,
    post: Arc<dyn Post>,
    table: Table,
    auth: Auth,
    signer: Signer,
    lanes: Mutex<Lanes>,
    /// There may be something to release.
    wake: Notify,
    hub: Arc<Hub>,
    buckets: Mutex<Buckets>,
    metrics: Metrics,
    /// Ended jobs whose callbacks are due.
    callbacks: mpsc::UnboundedSender<(Owner, JobId)>,
    decoders: Arc<Semaphore>,
    /// Processes that look for faces.
    lookers: Semaphore,
    ending: watch::Receiver<bool>,
    began: Instant,
}

/// A service that runs.
pub struct Served {
    ending: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    tasks: tokio::task::JoinSet<()>,
}

impl Served {
    /// Takes no more, lets requests end, and stops.
    pub async fn end(mut self) {
        let _ = self.ending.send(true);
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server broke");
        }
        self.tasks.shutdown().await;
    }
}

/// Begins to serve on a listener.
///
/// # Errors
/// A sentence: the tokens are missing, or the store does not answer.
pub async fn start(
    settings: Settings,
    store: Store,
    post: Arc<dyn Post>,
    parameters: Vec<Described>,
    listener: TcpListener,
) -> Result<Served, String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let auth = Auth::new(address.ip(), settings.tokens.as_deref())?;
    let secret = match &settings.secret {
        Some(secret) => secret.reveal().to_owned(),
        None => {
            let secret = store.secret(&random()?).await;
            secret.map_err(|error| format!("{error}; is --store right?"))?
        }
    };
    let (ending, ended) = watch::channel(false);
    let (callbacks, due) = mpsc::unbounded_channel();
    let name = getrandom::u64().map_err(|error| error.to_string())?;
    let app = Arc::new(App {
        table: Table::new(
            parameters,
            settings.limits.clone(),
            settings.private_callbacks,
        ),
        auth,
        signer: Signer::new(secret.as_bytes()),
        lanes: Mutex::new(Lanes::new(settings.width)),
        wake: Notify::new(),
        hub: Arc::new(Hub::new(name)),
        buckets: Mutex::new(Buckets::new(settings.rate, settings.burst)),
        metrics: Metrics::default(),
        callbacks,
        decoders: Arc::new(Semaphore::new(DECODED_AT_ONCE)),
        lookers: Semaphore::new(face::AT_ONCE),
        ending: ended.clone(),
        began: Instant::now(),
        settings,
        store,
        post,
    });
    let tasks = tasks::start(&app, due)?;
    let server = tokio::spawn(listen::serve(listener, routes::router(app), ended));
    tracing::info!(%address, "serving");
    Ok(Served {
        ending,
        server,
        tasks,
    })
}

/// The document that describes the API, as it is served.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::document()
}

/// 64 random hexadecimal digits.
fn random() -> Result<String, String> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Waits until the service ends.
async fn end(ending: &mut watch::Receiver<bool>) {
    // An error is that nobody can say so any more.
    let _ = ending.wait_for(|ending| *ending).await;
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        locked(&self.lanes)
    }

    /// Takes news, from wherever.
    fn hear(&self, report: Report) {
        match &report.news {
            News::Ended(terminal) => {
                let mine = self.lanes().ended(&report.id);
                self.wake.notify_one();
                if mine {
                    self.has_ended(&report.owner, &report.id, terminal);
                }
            }
            News::Rendering { .. } => self.has_begun(&report.id),
            News::Retrying { .. } => {
                self.has_begun(&report.id);
                if self.lanes().place(&report.id).is_some() {
                    self.metrics.retries.inc();
                }
            }
            News::Queued { .. } => {}
        }
        self.hub.report(report);
    }

    fn has_begun(&self, id: &JobId) {
        let begun = self.lanes().begun(id);
        if let Some(class) = begun {
            self.metrics.begun(class, now_ms().saturating_sub(id.ms()));
        }
    }

    /// A job that this process has released, or ended itself, has ended.
    fn has_ended(&self, owner: &Owner, id: &JobId, terminal: &Terminal) {
        self.metrics.ended(id, &terminal.outcome);
        // Who receives lives as long as the service.
        let _ = self.callbacks.send((owner.clone(), id.clone()));
    }

    /// Ends a job, tells all of it, and gives back how it has ended: perhaps otherwise, before.
    async fn finish(
        &self,
        owner: &Owner,
        id: &JobId,
        outcome: Outcome,
    ) -> Result<Terminal, StoreError> {
        let terminal = Terminal {
            format: FORMAT,
            at_ms: now_ms(),
            outcome,
        };
        let holds = self.store.finish(owner, id, &terminal).await?;
        let report = Report {
            owner: owner.clone(),
            id: id.clone(),
            at_ms: holds.at_ms,
            news: News::Ended(holds.clone()),
        };
        self.pass_on(report, holds == terminal);
        Ok(holds)
    }

    /// Tells of an end that was stored here, or was found: `ours` says which.
    fn pass_on(&self, report: Report, ours: bool) {
        // Another's end is counted where it was made, unless the job was released here.
        if let News::Ended(terminal) = &report.news
            && (self.lanes().ended(&report.id) || ours)
        {
            self.wake.notify_one();
            self.has_ended(&report.owner, &report.id, terminal);
        }
        self.hub.report(report.clone());
        if ours {
            self.post.tell(report);
        }
    }

    /// Whether somebody has begun a job and not given it up.
    async fn is_alive(&self, owner: &Owner, id: &JobId) -> Result<bool, StoreError> {
        let attempts = self.store.attempts(owner, id).await?;
        let last = attempts.last();
        Ok(last
            .is_some_and(|(attempt, given_up)| given_up.is_none() && attempt.until_ms > now_ms()))
    }

    /// Ends a job that nobody has begun, as its owner wants, and lets those that wait for its
    /// result go on without it.
    async fn cancel(&self, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
        let Some(job) = self.store.accepted(owner, id).await? else {
            return Ok(());
        };
        let now = now_ms();
        let after = end_job(&self.store, &job, Outcome::Cancelled, now).await?;
        for report in after.reports {
            let ours = matches!(&report.news, News::Ended(end) if end.at_ms == now);
            self.pass_on(report, ours);
        }
        for ticket in after.tickets {
            self.release_again(&ticket.owner, &ticket.id).await?;
        }
        Ok(())
    }

    /// Releases a job in its turn, though it may have been released before.
    async fn release_again(&self, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
        if self.store.terminal(owner, id).await?.is_some() {
            return Ok(());
        }
        if !self.lanes().back(id)
            && let Some(job) = self.store.accepted(owner, id).await?
        {
            self.lanes().add(job.ticket());
        }
        self.wake.notify_one();
        Ok(())
    }
}
