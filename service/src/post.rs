// SPDX-License-Identifier: MPL-2.0
//! What the service wants of a broker: it carries tickets to workers, and news to whoever listens.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{future::BoxFuture, stream::BoxStream};
use tokio::sync::broadcast;

use crate::job::{Class, Report, Ticket};

/// Why the broker did not do it: a sentence.
pub type Away = String;

/// How many tickets lie with the broker: taken or not, and those that wait to be tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// By class.
    pub of: BTreeMap<Class, u64>,
    /// Those that wait to be tried again.
    pub delayed: u64,
    /// Those that will not be, for an operator.
    pub dead: u64,
}

impl Depths {}

/// The broker, as the API and workers use it.
pub trait Post: Send + Sync + 'static {
    /// Hands a ticket to the workers. It is kept when this ends well.
    fn publish<'a>(&'a self, ticket: &'a Ticket) -> BoxFuture<'a, Result<(), Away>>;

    /// Tells all that listen, one after the other. Nobody may hear it.
    fn tell(&self, report: Report);

    /// Whether the worker of that name lives; it does where nobody knows.
    fn lives<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, bool>;

    /// What is told from now on, of all jobs. It ends when the broker goes away.
    fn listen(&self) -> BoxFuture<'_, Result<BoxStream<'static, Report>, Away>>;

    /// How many tickets lie with the broker.
    fn depths(&self) -> BoxFuture<'_, Result<Depths, Away>>;
}

/// A broker within the process, for tests: whoever has it plays the worker.
pub struct Within {
    published: Mutex<Vec<Ticket>>,
    told: broadcast::Sender<Report>,
    away: AtomicBool,
}

impl Default for Within {
    fn default() -> Self {
        Self {
            published: Mutex::default(),
            told: broadcast::channel(4096).0,
            away: AtomicBool::new(false),
        }
    }
}

impl Within {
    /// Takes away all that was published and not taken yet.
    pub fn take(&self) -> Vec<Ticket> {
        std::mem::take(&mut *self.lock())
    }

    /// Makes it unreachable, or reachable again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Ticket>> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn here(&self) -> Result<(), Away> {
        if self.away.load(Ordering::SeqCst) {
            return Err("the broker does not answer".to_owned());
        }
        Ok(())
    }
}

impl Post for Within {
    fn publish<'a>(&'a self, ticket: &'a Ticket) -> BoxFuture<'a, Result<(), Away>> {
        Box::pin(async move {
            self.here()?;
            self.lock().push(ticket.clone());
            Ok(())
        })
    }

    fn tell(&self, report: Report) {
        if self.here().is_ok() {
            // Nobody listens: nobody misses it.
            let _ = self.told.send(report);
        }
    }

    fn lives<'a>(&'a self, _: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(true))
    }

    fn listen(&self) -> BoxFuture<'_, Result<BoxStream<'static, Report>, Away>> {
        Box::pin(async move {
            self.here()?;
            let told = self.told.subscribe();
            let reports = futures_util::stream::unfold(told, |mut told| async move {
                // Who lags behind has missed some, as with any broker.
                loop {
                    match told.recv().await {
                        Ok(report) => return Some((report, told)),
                        Err(broadcast::error::RecvError::Lagged(_)) => {}
                        Err(broadcast::error::RecvError::Closed) => return None,
                    }
                }
            });
            let reports: BoxStream<'static, Report> = Box::pin(reports);
            Ok(reports)
        })
    }

    fn depths(&self) -> BoxFuture<'_, Result<Depths, Away>> {
        Box::pin(async move {
            self.here()?;
            let mut depths = Depths::default();
            for ticket in self.lock().iter() {
                *depths.of.entry(ticket.class).or_default() += 1;
            }
            Ok(depths)
        })
    }
}
