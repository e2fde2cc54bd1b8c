// SPDX-License-Identifier: MPL-2.0
//! What operators look at and do.

use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;

use super::{
    Broker, BrokerError, Stage,
    link::Hand,
    message::{self, Failure, Unreadable},
    stage::STAGES,
    turns::CLASSES,
};
use crate::job::{Class, JobId, Ticket};

/// Tickets that wait, by where they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depths {
    /// To be taken.
    pub jobs: [(Class, u64); CLASSES],
    /// To be tried again, by stage.
    pub delayed: [(Stage, u64); STAGES],
    /// For an operator.
    pub dead: u64,
}

/// A ticket that will not be tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Dead {
    /// Which job, if that can be read.
    pub ticket: Result<Ticket, Unreadable>,
    /// Why it lies there.
    pub reason: String,
    /// Who has failed at it, the last 20.
    pub history: Vec<Failure>,
}

/// What has become of the dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requeued {
    /// So many are with their classes again.
    pub back: usize,
    /// So many lie where they lay, for they were not asked for or cannot be read.
    pub left: usize,
}

impl Broker {
    /// How many tickets wait, and where. Those that somebody has taken do not wait.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn depths(&self) -> Result<Depths, BrokerError> {
        self.limited(async {
            let hand = self.link().await?.hand().await?;
            let mut depths = Depths {
                jobs: Class::ALL.map(|class| (class, 0)),
                delayed: Stage::ALL.map(|stage| (stage, 0)),
                dead: depth(&hand, self.names().dead()).await?,
            };
            for (class, found) in &mut depths.jobs {
                *found = depth(&hand, self.names().class(*class)).await?;
            }
            for (stage, found) in &mut depths.delayed {
                *found = depth(&hand, self.names().stage(*stage)).await?;
            }
            hand.back();
            Ok(depths)
        })
        .await
    }

    /// The first of the dead tickets, at most so many. They stay where they are.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn dead(&self, most: usize) -> Result<Vec<Dead>, BrokerError> {
        let hand = self.hand().await?;
        let mut found = Vec::new();
        while found.len() < most {
            let Some(message) = self.next_dead(&hand).await? else {
                break;
            };
            found.push(read(&message.delivery));
        }
        // Without a word on any of them, they all go back when the channel closes.
        Ok(found)
    }

    /// Gives dead tickets back to their classes, as if they had never been tried; their histories
    /// stay.
    ///
    /// # Errors
    /// The broker does not answer; some may have been given back.
    pub async fn requeue(&self, wanted: impl Fn(&JobId) -> bool) -> Result<Requeued, BrokerError> {
        let hand = self.hand().await?;
        let mut done = Requeued::default();
        while let Some(message) = self.next_dead(&hand).await? {
            let Dead {
                ticket, history, ..
            } = read(&message.delivery);
            let ticket = match ticket {
                Ok(ticket) if wanted(&ticket.id) => Ticket { tried: 0, ..ticket },
                _ => {
                    done.left += 1;
                    continue;
                }
            };
            self.limited(async {
                let (to, key) = (self.names().jobs(), ticket.class.name());
                let (body, headers) = (message::json(&ticket), message::headers(&history, None));
                hand.publish(&to, key, &body, headers).await?;
                message
                    .delivery
                    .acker
                    .ack(BasicAckOptions::default())
                    .await?;
                Ok(())
            })
            .await?;
            done.back += 1;
        }
        Ok(done)
    }

    /// Takes all away that waits in a queue; how many. A queue is called `high`, `normal`, `bulk`,
    /// `dead`, `retry.10s`, or by its whole name.
    ///
    /// # Errors
    /// There is no such queue, or the broker does not answer.
    pub async fn purge(&self, queue: &str) -> Result<u64, BrokerError> {
        let queues = self.names().queues();
        let named = |name: &&String| *name == queue || name.ends_with(&format!(".{queue}"));
        let Some(name) = queues.iter().find(named).filter(|_| !queue.is_empty()) else {
            let known = queues.join(", ");
            let why = format!("there is no queue {queue}, but there are {known}");
            return Err(BrokerError::Settings(why));
        };
        self.limited(async {
            let hand = self.link().await?.hand().await?;
            let options = QueuePurgeOptions::default();
            let gone = hand
                .channel()
                .queue_purge(name.as_str().into(), options)
                .await;
            let gone = gone.map_err(|error| hand.explain(error))?;
            hand.back();
            Ok(gone.into())
        })
        .await
    }

    async fn hand(&self) -> Result<Hand, BrokerError> {
        self.limited(async { self.link().await?.hand().await })
            .await
    }

    async fn next_dead(
        &self,
        hand: &Hand,
    ) -> Result<Option<lapin::message::BasicGetMessage>, BrokerError> {
        self.limited(async {
            let queue = self.names().dead().into();
            let got = hand.channel().basic_get(queue, BasicGetOptions::default());
            got.await.map_err(|error| hand.explain(error))
        })
        .await
    }
}

async fn depth(hand: &Hand, queue: String) -> Result<u64, BrokerError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = hand
        .channel()
        .queue_declare(queue.into(), options, FieldTable::default());
    let queue = asked.await.map_err(|error| hand.explain(error))?;
    Ok(queue.message_count().into())
}

fn read(delivery: &lapin::message::Delivery) -> Dead {
    let history = message::history(&delivery.properties);
    let told = history.last().map(|failure| failure.reason.clone());
    let reason = message::put_aside(&delivery.properties).or(told);
    Dead {
        ticket: message::ticket(&delivery.data),
        reason: reason.unwrap_or_else(|| "nobody has said".to_owned()),
        history,
    }
}
