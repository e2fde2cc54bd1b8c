// SPDX-License-Identifier: MPL-2.0
//! The queues and exchanges, as a description. The table in docs/service.md says why each is so.

use std::time::Duration;

use lapin::{
    ExchangeKind,
    types::{AMQPValue, FieldTable, LongString},
};

use super::{Settings, Stage};
use crate::job::Class;

/// Tickets that a class holds at most: more are refused, never dropped.
const MOST_WAITING: i32 = 1_000_000;
/// Tickets that wait for one stage, likewise.
const MOST_DELAYED: i32 = 100_000;
/// A ticket that was given out so often without an answer is put aside: only a net, since workers
/// count themselves, and a restart of a worker counts as well.
const DELIVERY_LIMIT: i32 = 50;
/// Reports that wait for a listener that is slow; the oldest are forgotten.
const MOST_NEWS: i32 = 10_000;

/// The names of everything at the broker.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
    delays: Vec<String>,
}

/// A queue to be declared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Queue {
    pub name: String,
    pub arguments: FieldTable,
    /// Where its messages come from, and under which key; by its name they always come.
    pub bound: Option<(String, &'static str)>,
}

/// An exchange to be declared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exchange {
    pub name: String,
    pub kind: ExchangeKind,
}

impl Names {
    /// Those under these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            prefix: settings.prefix.clone(),
            delays: settings.delays.iter().map(|delay| short(*delay)).collect(),
        }
    }

    /// Where tickets are sent, with their class as the key.
    #[must_use]
    pub fn jobs(&self) -> String {
        format!("{}.jobs", self.prefix)
    }

    /// The queue of a class.
    #[must_use]
    pub fn class(&self, class: Class) -> String {
        format!("{}.jobs.{}", self.prefix, class.name())
    }

    /// The queue of a stage, and the exchange before it. It is named by its delay, so that another
    /// delay is another queue.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> String {
        format!("{}.retry.{}", self.prefix, self.delays[stage as usize])
    }

    /// The queue of what will not be tried again.
    #[must_use]
    pub fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// Where reports are sent.
    #[must_use]
    pub fn news(&self) -> String {
        format!("{}.news", self.prefix)
    }

    /// The queue that is there as long as the worker is.
    #[must_use]
    pub fn worker(&self, worker: &str) -> String {
        format!("{}.worker.{worker}", self.prefix)
    }

    /// All queues that stay, as operators see them.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        let classes = Class::ALL.iter().map(|class| self.class(*class));
        let stages = Stage::ALL.iter().map(|stage| self.stage(*stage));
        classes.chain(stages).chain([self.dead()]).collect()
    }
}

/// A delay as it stands in a name.
fn short(delay: Duration) -> String {
    match delay.as_millis() {
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{}min", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

fn table(arguments: impl IntoIterator<Item = (&'static str, AMQPValue)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text))
}

/// What is replicated and on disk before it is confirmed.
fn quorum(arguments: impl IntoIterator<Item = (&'static str, AMQPValue)>) -> FieldTable {
    table(
        arguments
            .into_iter()
            .chain([("x-queue-type", text("quorum"))]),
    )
}

/// What leaves such a queue for another one is taken from it only when the other one has it. The
/// broker does so only if the queue refuses what is too much: else it silently falls back to
/// sending it once, whether it arrives or not.
fn safely(most: i32) -> [(&'static str, AMQPValue); 3] {
    [
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-max-length", AMQPValue::LongInt(most)),
    ]
}

/// The exchanges.
pub(super) fn exchanges(names: &Names) -> Vec<Exchange> {
    let exchange = |name, kind| Exchange { name, kind };
    let stages = Stage::ALL.map(|stage| exchange(names.stage(stage), ExchangeKind::Fanout));
    let mut all = vec![
        exchange(names.jobs(), ExchangeKind::Direct),
        exchange(names.news(), ExchangeKind::Topic),
    ];
    all.extend(stages);
    all
}

/// The queues that stay. Those to which others hand their messages come first.
pub(super) fn queues(settings: &Settings) -> Vec<Queue> {
    let names = Names::new(settings);
    let dead = Queue {
        name: names.dead(),
        arguments: quorum([]),
        bound: None,
    };
    let class = |class: Class| Queue {
        name: names.class(class),
        arguments: quorum(
            [
                ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
                ("x-dead-letter-exchange", text("")),
                ("x-dead-letter-routing-key", text(&names.dead())),
            ]
            .into_iter()
            .chain(safely(MOST_WAITING)),
        ),
        bound: Some((names.jobs(), class.name())),
    };
    let stage = |stage: Stage| {
        let ms = i64::try_from(settings.delay(stage).as_millis()).unwrap_or(i64::MAX);
        Queue {
            name: names.stage(stage),
            arguments: quorum(
                [
                    // Of the queue, not of the message: one that waits longer would hold up those
                    // behind it.
                    ("x-message-ttl", AMQPValue::LongLongInt(ms)),
                    // Without a key of its own: the message keeps the one of its class.
                    ("x-dead-letter-exchange", text(&names.jobs())),
                ]
                .into_iter()
                .chain(safely(MOST_DELAYED)),
            ),
            bound: Some((names.stage(stage), "")),
        }
    };
    let mut all = vec![dead];
    all.extend(Class::ALL.map(class));
    all.extend(Stage::ALL.map(stage));
    all
}

/// What a listener's queue is: its own, and gone with it.
pub(super) fn listener() -> FieldTable {
    table([("x-max-length", AMQPValue::LongInt(MOST_NEWS))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Address;

    fn settings() -> Settings {
        Settings::new(Address::parse("amqp://h/%2f").expect("an address"))
    }

    #[test]
    fn names_tell_the_delay() {
        let names = Names::new(&settings());
        let expected = [
            "sonic.jobs.high",
            "sonic.jobs.normal",
            "sonic.jobs.bulk",
            "sonic.retry.10s",
            "sonic.retry.1min",
            "sonic.retry.10min",
            "sonic.dead",
        ];
        assert_eq!(names.queues(), expected);
        assert_eq!(short(Duration::from_millis(1500)), "1500ms");
        assert_eq!(short(Duration::from_secs(7200)), "2h");
    }

    #[test]
    fn no_queue_can_lose_what_it_hands_on() {
        for queue in queues(&settings()) {
            let argument = |name: &str| queue.arguments.inner().get(name).cloned();
            assert_eq!(argument("x-queue-type"), Some(text("quorum")));
            if argument("x-dead-letter-exchange").is_some() {
                let safe = safely(0).map(|(name, _)| name);
                assert!(
                    safe.iter().all(|name| argument(name).is_some()),
                    "{}",
                    queue.name
                );
                assert_eq!(argument("x-overflow"), Some(text("reject-publish")));
            }
        }
    }
}
