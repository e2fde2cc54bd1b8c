// SPDX-License-Identifier: MPL-2.0
//! Who is next: tickets on their way from those who accept jobs to those who render them, over
//! RabbitMQ. docs/service.md has the queues as a table, and what happens when something fails.

mod desk;
mod error;
mod keeper;
mod link;
mod message;
mod news;
mod operate;
mod settings;
mod stage;
mod taken;
mod topology;
mod turns;

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lapin::{
    options::{BasicGetOptions, QueueDeclareOptions},
    protocol::AMQPSoftError,
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::{Semaphore, broadcast, mpsc, oneshot, watch},
    time::timeout,
};

use keeper::{Asked, Keeper, State, Wish};
use link::Link;

pub use error::BrokerError;
pub use message::{Failure, Unreadable};
pub use operate::{Dead, Depths, Requeued};
pub use settings::{Address, CONSUMER_TIMEOUT, PREFIX, Settings, URL};
pub use stage::Stage;
pub use taken::Taken;
pub use topology::Names;
pub use turns::{CLASSES, Turns};

use crate::job::{Report, Ticket};

/// Tickets that are sent at once; more of them wait here.
const MOST_SENT_AT_ONCE: usize = 64;
/// Wishes that wait to be heard.
const MOST_WISHES: usize = 16;
/// Reports that somebody who listens may be behind; then the oldest are missed.
const MOST_UNHEARD: usize = 4096;
/// Reports that wait to be told; those after them are not.
const MOST_UNTOLD: usize = 1024;

/// The broker, or the way to it. Cheap to clone; when the last clone is gone, so is the connection.
///
/// It connects by itself, and again whenever the connection breaks. No call waits longer than
/// [`Settings::limit`]; then it fails with [`BrokerError::Unavailable`].
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    names: Names,
    state: watch::Receiver<State>,
    asked: mpsc::Sender<Asked>,
    reports: broadcast::Sender<Report>,
    to_tell: mpsc::Sender<Report>,
    turns: Mutex<Turns>,
    sending: Semaphore,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Broker");
        shown
            .field("settings", self.settings())
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Begins to connect, and does not wait for it. Needs a runtime.
    ///
    /// # Errors
    /// A setting is of no use.
    pub fn start(settings: Settings) -> Result<Self, BrokerError> {
        settings.check()?;
        let (told, state) = watch::channel(State::Starting);
        let (asked, wishes) = mpsc::channel(MOST_WISHES);
        let (reports, _) = broadcast::channel(MOST_UNHEARD);
        tokio::spawn(Keeper::new(settings.clone(), told, wishes, reports.clone()).run());
        let (to_tell, untold) = mpsc::channel(MOST_UNTOLD);
        let inner = Arc::new(Inner {
            names: Names::new(&settings),
            turns: Mutex::new(Turns::new(settings.weights)),
            settings,
            state,
            asked,
            reports,
            to_tell,
            sending: Semaphore::new(MOST_SENT_AT_ONCE),
        });
        tokio::spawn(desk::tell_all(untold, Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Connects, and is ready when this returns.
    ///
    /// # Errors
    /// A setting is of no use, or the broker is not there in time, or refuses.
    pub async fn connect(settings: Settings) -> Result<Self, BrokerError> {
        let broker = Self::start(settings)?;
        broker.ready().await?;
        Ok(broker)
    }

    /// Whether the broker is there and everything is declared.
    ///
    /// # Errors
    /// It is not, within the limit.
    pub async fn ready(&self) -> Result<(), BrokerError> {
        self.limited(async { self.link().await.map(|_| ()) }).await
    }

    /// How it is used.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// What its queues are called.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.inner.names
    }

    /// Hands a ticket over. When this returns without an error, it is in its queue and on disk.
    ///
    /// # Errors
    /// The broker does not answer, and it is unknown whether it has the ticket: it may be handed
    /// over once more. Or it has no queue for it, or a full one.
    pub async fn publish(&self, ticket: &Ticket) -> Result<(), BrokerError> {
        self.limited(async {
            let _turn = self.inner.sending.acquire().await;
            let hand = self.link().await?.hand().await?;
            let (to, key) = (self.names().jobs(), ticket.class.name());
            let body = message::json(ticket);
            hand.publish(&to, key, &body, message::headers(&[], None))
                .await?;
            hand.back();
            Ok(())
        })
        .await
    }

    /// Takes the next ticket, if any waits. Each class gets its share of the turns, as
    /// [`Settings::weights`] say.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn take(&self) -> Result<Option<Taken>, BrokerError> {
        self.limited(async {
            let hand = self.link().await?.hand().await?;
            let mut empty = [false; CLASSES];
            loop {
                let next = self.turns().next(empty);
                let Some(class) = next else {
                    hand.back();
                    return Ok(None);
                };
                let queue = self.names().class(class).into();
                let got = hand.channel().basic_get(queue, BasicGetOptions::default());
                match got.await.map_err(|error| hand.explain(error))? {
                    Some(message) => {
                        self.turns().took(class, empty);
                        return Ok(Some(Taken::new(self, hand, class, message)));
                    }
                    None => empty[class as usize] = true,
                }
            }
        })
        .await
    }

    /// Says that this worker lives, for as long as this process is connected, and again whenever it
    /// is connected anew.
    ///
    /// # Errors
    /// Somebody else is present under this name. Or the broker does not answer; the worker will be
    /// present as soon as it does.
    pub async fn be_present(&self, worker: &str) -> Result<(), BrokerError> {
        self.worker_queue(worker)?;
        self.wish(Wish::Present(worker.to_owned())).await
    }

    /// Whether a worker lives and is connected: of a ticket that comes again, its first taker.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn is_present(&self, worker: &str) -> Result<bool, BrokerError> {
        let queue = self.worker_queue(worker)?;
        self.limited(async {
            let hand = self.link().await?.hand().await?;
            let options = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let asked = hand
                .channel()
                .queue_declare(queue, options, FieldTable::default());
            match asked.await {
                Ok(_) => {
                    hand.back();
                    Ok(true)
                }
                // It is there, and another connection's.
                Err(error) if error::is_soft(&error, AMQPSoftError::RESOURCELOCKED) => Ok(true),
                Err(error) if error::is_soft(&error, AMQPSoftError::NOTFOUND) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    fn worker_queue(&self, worker: &str) -> Result<ShortString, BrokerError> {
        ShortString::try_new(self.names().worker(worker)).map_err(|_| {
            BrokerError::Settings("the name of a worker must be shorter than 180 bytes".to_owned())
        })
    }

    async fn wish(&self, wish: Wish) -> Result<(), BrokerError> {
        self.limited(async {
            let gone = || BrokerError::Unavailable("nobody looks after the connection".to_owned());
            let (answer, answered) = oneshot::channel();
            let asked = self.inner.asked.send(Asked { wish, answer });
            asked.await.map_err(|_| gone())?;
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
        .await
    }

    /// The connection, as soon as there is one.
    async fn link(&self) -> Result<Arc<Link>, BrokerError> {
        let mut state = self.inner.state.clone();
        let settled = |state: &State| match state {
            State::Starting => false,
            State::Up(link) => link.is_up(),
            State::Away(error) => error.lasts(),
        };
        let state = state.wait_for(settled).await.map(|state| state.clone());
        match state {
            Ok(State::Up(link)) => Ok(link),
            Ok(State::Away(error)) => Err(error),
            _ => Err(BrokerError::Unavailable(
                "nobody looks after the connection".to_owned(),
            )),
        }
    }

    /// Waits for something, but no longer than the limit.
    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let limit = self.settings().limit;
        timeout(limit, work).await.unwrap_or_else(|_| {
            let why = match &*self.inner.state.borrow() {
                State::Away(BrokerError::Unavailable(why)) => why.clone(),
                _ => format!("not within {limit:?}"),
            };
            Err(BrokerError::Unavailable(why))
        })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.inner
            .turns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
