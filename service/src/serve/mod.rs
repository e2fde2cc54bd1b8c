// SPDX-License-Identifier: MPL-2.0
//! `sonicd serve`: takes jobs over HTTP, releases them to the broker in turns, and tells how they
//! fare.

pub mod address;
pub mod auth;
mod callback;
pub mod check;
pub mod hub;
pub mod lanes;
pub mod limit;
mod listen;
mod metrics;
pub mod pace;
pub mod post;
pub mod problem;
mod rabbit;
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
    auth::Auth, check::Table, hub::Hub, lanes::Lanes, limit::Buckets, metrics::Metrics, post::Post,
    settings::Settings, sign::Signer,
};
use crate::{
    clock::now_ms,
    job::{FORMAT, JobId, News, Outcome, Owner, Report, Terminal},
    parameters::Described,
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
            News::Rendering { .. } | News::Retrying { .. } => self.lanes().begun(&report.id),
            News::Queued { .. } => {}
        }
        self.hub.report(report);
    }

    /// A job that this process has released, or ended itself, has ended.
    fn has_ended(&self, owner: &Owner, id: &JobId, terminal: &Terminal) {
        self.metrics.ended(&terminal.outcome);
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
        let ours = holds == terminal;
        let report = Report {
            owner: owner.clone(),
            id: id.clone(),
            at_ms: holds.at_ms,
            news: News::Ended(holds.clone()),
        };
        // Another's end is counted where it was made, unless the job was released here.
        if self.lanes().ended(id) || ours {
            self.wake.notify_one();
            self.has_ended(owner, id, &holds);
        }
        self.hub.report(report.clone());
        if ours && let Err(error) = self.post.tell(&report).await {
            // Others see it in the store.
            tracing::debug!(%error, job = %id, "an end was not told");
        }
        Ok(holds)
    }

    /// Whether somebody has begun a job and not given it up.
    async fn is_alive(&self, owner: &Owner, id: &JobId) -> Result<bool, StoreError> {
        let attempts = self.store.attempts(owner, id).await?;
        let last = attempts.last();
        Ok(last
            .is_some_and(|(attempt, given_up)| given_up.is_none() && attempt.until_ms > now_ms()))
    }

    /// Ends a job that nobody has begun, as its owner wants, and lets those that wait for its
    /// result go on without it. Gives back how it has ended.
    async fn cancel(&self, owner: &Owner, id: &JobId) -> Result<Terminal, StoreError> {
        let holds = self.finish(owner, id, Outcome::Cancelled).await?;
        let job = self.store.accepted(owner, id).await?;
        if let (Some(job), Outcome::Cancelled) = (job, &holds.outcome) {
            let key = job.order.key();
            for follower in self.store.followers(owner, &key).await? {
                // Taken off first: it may line up anew as soon as it is released.
                self.store.told(owner, &key, &follower).await?;
                if follower != *id {
                    self.release_again(owner, &follower).await?;
                }
            }
        }
        Ok(holds)
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
