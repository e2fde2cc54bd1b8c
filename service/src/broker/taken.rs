// SPDX-License-Identifier: MPL-2.0
//! A ticket in somebody's hand.

use lapin::{
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicNackOptions},
    types::FieldTable,
};

use super::{
    Broker, BrokerError, Stage,
    link::Hand,
    message::{self, Failure, Unreadable},
};
use crate::{
    job::{Class, News, Report, Ticket},
    post::Post,
};

/// A ticket that was taken and that nobody else has meanwhile. It is for the taker to say what has
/// become of it; dropped, or when the connection breaks, it goes back to its queue, so that the
/// same ticket may come again.
#[must_use = "a ticket that is dropped goes back"]
pub struct Taken {
    /// Which job; or why that cannot be read, in which case it should go to the dead ones.
    pub ticket: Result<Ticket, Unreadable>,
    /// The queue that it came from.
    pub class: Class,
    /// Whether it was given out before and came back: its first taker may be at work still.
    pub redelivered: bool,
    /// Who has failed at it before, the last 20.
    pub history: Vec<Failure>,
    message: BasicGetMessage,
    hand: Hand,
    broker: Broker,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken")
            .field("ticket", &self.ticket)
            .field("class", &self.class)
            .field("redelivered", &self.redelivered)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

impl Taken {
    pub(super) fn new(broker: &Broker, hand: Hand, class: Class, message: BasicGetMessage) -> Self {
        Self {
            ticket: message::ticket(&message.delivery.data),
            class,
            redelivered: message.delivery.redelivered,
            history: message::history(&message.delivery.properties),
            message,
            hand,
            broker: broker.clone(),
        }
    }

    /// The job has ended, and that is stored: the ticket is taken away.
    ///
    /// # Errors
    /// The broker does not answer. The ticket comes again.
    pub async fn done(self) -> Result<(), BrokerError> {
        let broker = self.broker.clone();
        broker.limited(self.acknowledge()).await
    }

    /// The job has failed in a way that may pass: the ticket comes again after the stage's delay,
    /// with `tried` one higher.
    ///
    /// # Errors
    /// The broker does not answer, or the stage is full. The ticket comes again at once.
    pub async fn retry(self, stage: Stage, reason: &str) -> Result<(), BrokerError> {
        let (body, class) = match &self.ticket {
            Ok(ticket) => {
                let tried = ticket.tried.saturating_add(1);
                let ticket = Ticket {
                    tried,
                    ..ticket.clone()
                };
                (message::json(&ticket), ticket.class)
            }
            Err(_) => (self.message.delivery.data.clone(), self.class),
        };
        let to = self.broker.names().stage(stage);
        let broker = self.broker.clone();
        let moved = async move {
            let headers = self.failed(reason);
            self.hand.publish(&to, class.name(), &body, headers).await?;
            self.acknowledge().await
        };
        broker.limited(moved).await
    }

    /// Tells those who watch that the job will be tried again.
    pub(super) fn tell_of_retry(&self, stage: Stage, reason: &str) {
        if let Ok(ticket) = &self.ticket {
            let delay = self.broker.settings().delay(stage);
            Post::tell(
                &self.broker,
                Report {
                    owner: ticket.owner.clone(),
                    id: ticket.id.clone(),
                    at_ms: crate::clock::now_ms(),
                    news: News::Retrying {
                        reason: reason.to_owned(),
                        in_s: delay.as_secs(),
                    },
                },
            );
        }
    }

    /// The job will not be tried again: the ticket is put aside for operators.
    ///
    /// # Errors
    /// The broker does not answer. The ticket comes again.
    pub async fn dead(self, reason: &str) -> Result<(), BrokerError> {
        let to = self.broker.names().dead();
        let broker = self.broker.clone();
        let moved = async move {
            let (headers, body) = (self.failed(reason), &self.message.delivery.data);
            self.hand.publish("", &to, body, headers).await?;
            self.acknowledge().await
        };
        broker.limited(moved).await
    }

    /// Somebody else shall take it.
    ///
    /// # Errors
    /// The broker does not answer. The ticket comes again all the same.
    pub async fn back(self) -> Result<(), BrokerError> {
        let broker = self.broker.clone();
        let given = async move {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            settle(self.message.delivery.acker.nack(options).await)?;
            self.hand.back();
            Ok(())
        };
        broker.limited(given).await
    }

    fn failed(&self, reason: &str) -> FieldTable {
        let failure = Failure {
            at_ms: crate::clock::now_ms(),
            worker: self.broker.settings().name.clone(),
            reason: reason.to_owned(),
        };
        message::headers(&self.history, Some(failure))
    }

    async fn acknowledge(self) -> Result<(), BrokerError> {
        settle(
            self.message
                .delivery
                .acker
                .ack(BasicAckOptions::default())
                .await,
        )?;
        self.hand.back();
        Ok(())
    }
}

/// Whether the last word on a ticket could be said.
fn settle(sent: lapin::Result<bool>) -> Result<(), BrokerError> {
    if sent? {
        return Ok(());
    }
    let why = "the ticket has gone back, for the connection broke or it was kept too long";
    Err(BrokerError::Unavailable(why.to_owned()))
}
