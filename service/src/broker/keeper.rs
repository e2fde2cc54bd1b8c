// SPDX-License-Identifier: MPL-2.0
//! The task that owns the connection: it connects, connects again, and keeps up what has to be there
//! as long as a connection is.
//!
//! lapin can recover a connection itself, but gives up after some attempts and cannot say when a
//! queue of its own is there again. Here each connection is a new one, and nothing of the old one
//! is taken for valid.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use lapin::{
    Channel,
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::AMQPSoftError,
    types::FieldTable,
};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{info, warn};

use super::{BrokerError, Settings, error, link::Link, topology};
use crate::job::Report;

/// Between two attempts to connect, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// So often it is looked whether everything is as it should be.
const LOOK: Duration = Duration::from_secs(1);
/// Connecting and declaring may take so many times the limit of a call.
const PATIENCE: u32 = 3;

/// Whether there is a connection.
#[derive(Clone)]
pub(super) enum State {
    Starting,
    Up(Arc<Link>),
    Away(BrokerError),
}

/// What has to be there as long as a connection is.
#[derive(Clone, PartialEq)]
pub(super) enum Wish {
    /// The sign that a worker lives.
    Present(String),
    /// The queue of a listener.
    Listen,
}

/// A wish, and who waits until it has come true.
pub(super) struct Asked {
    pub wish: Wish,
    pub answer: oneshot::Sender<Result<(), BrokerError>>,
}

/// A wish that is kept up.
struct Held {
    wish: Wish,
    answers: Vec<oneshot::Sender<Result<(), BrokerError>>>,
    /// What it lives in, while it is true.
    life: Option<Life>,
}

enum Life {
    /// The channel is kept for as long as the connection.
    Channel(Channel),
    Task(JoinHandle<()>),
}

impl Life {
    fn ended(&self) -> bool {
        match self {
            Life::Channel(channel) => !channel.status().connected(),
            Life::Task(task) => task.is_finished(),
        }
    }
}

pub(super) struct Keeper {
    pub settings: Settings,
    pub state: watch::Sender<State>,
    pub asked: mpsc::Receiver<Asked>,
    pub reports: broadcast::Sender<Report>,
    held: Vec<Held>,
}

impl Keeper {
    pub fn new(
        settings: Settings,
        state: watch::Sender<State>,
        asked: mpsc::Receiver<Asked>,
        reports: broadcast::Sender<Report>,
    ) -> Self {
        Self {
            settings,
            state,
            asked,
            reports,
            held: Vec::new(),
        }
    }

    /// Keeps a connection until nobody is left who could use it.
    pub async fn run(mut self) {
        let (mut pause, longest) = PAUSES;
        let mut told = false;
        loop {
            match self.connect().await {
                Ok(link) => {
                    info!(broker = %self.settings.address, "connected");
                    (pause, told) = (PAUSES.0, false);
                    self.state.send_replace(State::Up(link.clone()));
                    if self.keep(&link).await.is_break() {
                        return;
                    }
                    let error = BrokerError::Unavailable("the connection broke".to_owned());
                    warn!(broker = %self.settings.address, "the connection broke");
                    self.state.send_replace(State::Away(error));
                }
                Err(error) => {
                    // Once, and not for every attempt.
                    if !told {
                        warn!(broker = %self.settings.address, "{error}");
                        told = true;
                    }
                    self.state.send_replace(State::Away(error));
                }
            }
            if self.rest(pause).await.is_break() {
                return;
            }
            pause = (pause * 2).min(longest);
        }
    }

    async fn connect(&mut self) -> Result<Arc<Link>, BrokerError> {
        let limit = self.settings.limit.saturating_mul(PATIENCE);
        let opened = timeout(limit, Link::open(&self.settings)).await;
        let link = opened.unwrap_or_else(|_| {
            Err(BrokerError::Unavailable(
                "it does not answer in time".to_owned(),
            ))
        })?;
        for held in &mut self.held {
            held.life = None;
        }
        self.fulfil(&link).await;
        Ok(link)
    }

    /// Looks after a connection until it breaks; breaks off when nobody needs it.
    async fn keep(&mut self, link: &Arc<Link>) -> ControlFlow<()> {
        let mut events = std::pin::pin!(link.connection().events_listener());
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while link.is_up() {
            tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(asked) => {
                        self.hold(asked);
                        self.fulfil(link).await;
                    }
                    None => return ControlFlow::Break(()),
                },
                () = link.missing.notified() => self.mend(link).await,
                _ = look.tick() => self.fulfil(link).await,
                _ = events.next() => {}
            }
        }
        ControlFlow::Continue(())
    }

    /// Declares what somebody has taken away.
    async fn mend(&self, link: &Arc<Link>) {
        warn!("a queue is missing and is declared anew");
        match timeout(self.settings.limit, link.declare(&self.settings)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("{error}"),
            Err(_) => warn!("the broker does not answer in time"),
        }
    }

    /// Waits, and meanwhile listens to what is wished.
    async fn rest(&mut self, pause: Duration) -> ControlFlow<()> {
        let mut over = std::pin::pin!(sleep(pause).fuse());
        loop {
            tokio::select! {
                () = &mut over => return ControlFlow::Continue(()),
                asked = self.asked.recv() => match asked {
                    Some(asked) => self.hold(asked),
                    None => return ControlFlow::Break(()),
                },
            }
        }
    }

    fn hold(&mut self, Asked { wish, answer }: Asked) {
        match self.held.iter_mut().find(|held| held.wish == wish) {
            Some(held) => held.answers.push(answer),
            None => self.held.push(Held {
                wish,
                answers: vec![answer],
                life: None,
            }),
        }
    }

    /// Makes come true what is not; whoever waits for it is told.
    async fn fulfil(&mut self, link: &Arc<Link>) {
        for mut held in std::mem::take(&mut self.held) {
            // Who has waited too long still has the wish.
            held.answers.retain(|answer| !answer.is_closed());
            let ended = held.life.as_ref().is_none_or(Life::ended);
            let made = if ended {
                let limited = timeout(self.settings.limit, self.make(link, &held.wish)).await;
                limited.unwrap_or_else(|_| Err(BrokerError::Unavailable("too slow".to_owned())))
            } else {
                Ok(None)
            };
            let answer = match made {
                Ok(life) => {
                    held.life = life.or(held.life);
                    Ok(())
                }
                Err(error) => {
                    held.life = None;
                    Err(error)
                }
            };
            // Who asks for a name that is taken gets another answer than who has had it: the broker
            // may not have noticed yet that the old connection is gone.
            let given_up =
                matches!(answer, Err(BrokerError::NameTaken(_))) && !held.answers.is_empty();
            if answer.is_ok() || given_up {
                for waiting in held.answers.drain(..) {
                    let _ = waiting.send(answer.clone());
                }
            }
            if !given_up {
                self.held.push(held);
            }
        }
    }

    async fn make(&self, link: &Arc<Link>, wish: &Wish) -> Result<Option<Life>, BrokerError> {
        let names = topology::Names::new(&self.settings);
        let channel = link.connection().create_channel().await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        match wish {
            Wish::Present(worker) => {
                let name = names.worker(worker).into();
                let made = channel.queue_declare(name, options, FieldTable::default());
                made.await.map_err(|error| {
                    if error::is_soft(&error, AMQPSoftError::RESOURCELOCKED) {
                        BrokerError::NameTaken(worker.clone())
                    } else {
                        error.into()
                    }
                })?;
                Ok(Some(Life::Channel(channel)))
            }
            Wish::Listen => {
                let queue = channel.queue_declare("".into(), options, topology::listener());
                let queue = queue.await?.name().clone();
                let (news, none) = (names.news().into(), FieldTable::default());
                let bound = QueueBindOptions::default();
                channel
                    .queue_bind(queue.clone(), news, "#".into(), bound, none.clone())
                    .await?;
                let unacknowledged = BasicConsumeOptions {
                    no_ack: true,
                    exclusive: true,
                    ..BasicConsumeOptions::default()
                };
                let deliveries = channel.basic_consume(queue, "".into(), unacknowledged, none);
                let deliveries = deliveries.await?;
                let forwarding = forward(channel, deliveries, self.reports.clone());
                Ok(Some(Life::Task(tokio::spawn(forwarding))))
            }
        }
    }
}

/// Gives what arrives to whoever listens, until the channel closes.
async fn forward(
    _channel: Channel,
    mut deliveries: lapin::Consumer,
    reports: broadcast::Sender<Report>,
) {
    while let Some(Ok(delivery)) = deliveries.next().await {
        // What a later version tells may be more than this one understands.
        match serde_json::from_slice(&delivery.data) {
            // Nobody may listen just now.
            Ok(report) => drop(reports.send(report)),
            Err(error) => tracing::warn!(%error, "a report cannot be understood"),
        }
    }
}
