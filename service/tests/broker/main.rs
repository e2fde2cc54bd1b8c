// SPDX-License-Identifier: MPL-2.0
//! Tickets and reports over a real broker.

mod dead;
mod faults;
#[path = "../servers/mod.rs"]
mod servers;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all};
use lapin::{Connection, ConnectionProperties};
use servers::Rabbit;
use sonicd::{
    broker::{Address, Broker, BrokerError, Settings, Stage, Taken},
    job::{Class, FORMAT, JobId, News, Owner, Report, Ticket},
    post::Post,
};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One broker for all tests: who kills it has it alone, the others share it.
static RABBIT: LazyLock<Option<RwLock<Rabbit>>> =
    LazyLock::new(|| Rabbit::start().map(RwLock::new));
/// Nothing here takes as long, unless it hangs.
const WATCHDOG: Duration = Duration::from_secs(240);
const MS: Duration = Duration::from_millis(1);

/// Runs a test with the broker, if there is one.
fn with<F: Future<Output = ()>>(test: impl FnOnce(&'static RwLock<Rabbit>) -> F) {
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = async { tokio::time::timeout(WATCHDOG, test(rabbit)).await };
    runtime.block_on(ended).expect("it ends in time");
}

async fn shared(rabbit: &RwLock<Rabbit>) -> RwLockReadGuard<'_, Rabbit> {
    rabbit.read().await
}

async fn alone(rabbit: &RwLock<Rabbit>) -> RwLockWriteGuard<'_, Rabbit> {
    rabbit.write().await
}

/// Settings under which nobody else works; delays are short, and limits long enough for a broker
/// that has to share its cores.
fn settings(rabbit: &Rabbit, prefix: &str) -> Settings {
    Settings {
        prefix: prefix.to_owned(),
        name: "tester".to_owned(),
        delays: [100 * MS, 150 * MS, 200 * MS],
        limit: Duration::from_secs(30),
        ..Settings::new(Address::parse(&rabbit.url).expect("an address"))
    }
}

async fn connected(rabbit: &Rabbit, prefix: &str) -> Broker {
    let settings = settings(rabbit, prefix);
    Broker::connect(settings).await.expect("a broker")
}

fn ticket(number: u64, class: Class) -> Ticket {
    Ticket {
        format: FORMAT,
        id: JobId::new(number, number),
        owner: Owner::local(),
        class,
        tried: 0,
    }
}

/// Takes the next ticket, and waits for it.
async fn next(broker: &Broker) -> Taken {
    loop {
        if let Some(taken) = broker.take().await.expect("an answer") {
            return taken;
        }
        tokio::time::sleep(20 * MS).await;
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut looks = 0;
    while !holds().await {
        tokio::time::sleep(50 * MS).await;
        looks += 1;
        assert!(looks < 2400, "{what}: it never does");
    }
}

/// A connection of the test's own, to do what the service never does.
async fn raw(rabbit: &Rabbit) -> Connection {
    let properties = ConnectionProperties::default();
    Connection::connect(&rabbit.url, properties)
        .await
        .expect("a connection")
}

fn report(at_ms: u64) -> Report {
    Report {
        owner: Owner::local(),
        id: JobId::new(1, 1),
        at_ms,
        news: News::Rendering { share: 0.5 },
    }
}

#[test]
fn news_reach_everybody_who_listens() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let (one, two) = (
            connected(&rabbit, "news").await,
            connected(&rabbit, "news").await,
        );
        let stranger = connected(&rabbit, "other-news").await;
        let mut listeners = [one.listen().await, one.listen().await, two.listen().await];
        stranger.tell(&report(99)).await;
        for n in 0..20 {
            Post::tell(&two, report(n));
        }
        for heard in &mut listeners {
            for n in 0..20 {
                assert_eq!(heard.next().await, Some(report(n)));
            }
        }
    });
}

#[test]
fn a_ticket_whose_taker_is_gone_comes_again() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "gone").await;
        broker
            .publish(&ticket(1, Class::Normal))
            .await
            .expect("it is handed over");
        // A taker that lets it fall, one that gives it back, and one whose connection ends.
        let taken = next(&broker).await;
        assert!(!taken.redelivered);
        assert!(
            broker.take().await.expect("an answer").is_none(),
            "it is taken"
        );
        drop(taken);
        let taken = next(&broker).await;
        assert!(taken.redelivered);
        taken.back().await.expect("it goes back");
        let other = connected(&rabbit, "gone").await;
        let taken = next(&other).await;
        drop((taken, other));
        let taken = next(&broker).await;
        assert_eq!(taken.ticket, Ok(ticket(1, Class::Normal)));
        taken.done().await.expect("it is taken away");
        assert!(broker.take().await.expect("an answer").is_none());
    });
}

#[test]
fn classes_are_taken_by_their_weights() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "weights").await;
        let sent = Class::ALL
            .into_iter()
            .flat_map(|class| (0..13).map(move |n| ticket(n, class)));
        let sent: Vec<_> = sent.collect();
        join_all(sent.iter().map(|ticket| broker.publish(ticket))).await;
        let mut taken = Vec::new();
        for _ in 0..13 {
            let one = next(&broker).await;
            taken.push(one.class);
            one.done().await.expect("it is taken away");
        }
        let count = |class| taken.iter().filter(|c| **c == class).count();
        assert_eq!(Class::ALL.map(count), [8, 4, 1], "{taken:?}");
        let depths = broker.depths().await.expect("an answer");
        assert_eq!(depths.jobs.map(|(_, left)| left), [5, 9, 12]);
        for _ in 0..26 {
            next(&broker).await.done().await.expect("it is taken away");
        }
        // A class that is alone need not wait for the others.
        for n in 0..5 {
            broker
                .publish(&ticket(n, Class::Bulk))
                .await
                .expect("it is handed over");
            next(&broker).await.done().await.expect("it is taken away");
        }
        assert!(broker.take().await.expect("an answer").is_none());
    });
}

#[test]
fn a_retry_comes_after_its_delay_and_holds_up_no_shorter_one() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let settings = Settings {
            delays: [100 * MS, 200 * MS, Duration::from_secs(3600)],
            ..settings(&rabbit, "retries")
        };
        let broker = Broker::connect(settings).await.expect("a broker");
        for (number, stage) in [(1, Stage::Long), (2, Stage::Short), (3, Stage::Middle)] {
            broker
                .publish(&ticket(number, Class::Bulk))
                .await
                .expect("it is handed over");
            let began = std::time::Instant::now();
            let taken = next(&broker).await;
            taken.retry(stage, "disk full").await.expect("it waits");
            if stage == Stage::Long {
                continue;
            }
            let again = next(&broker).await;
            assert!(
                began.elapsed() >= broker.settings().delay(stage),
                "too early"
            );
            let expected = Ticket {
                tried: 1,
                ..ticket(number, Class::Bulk)
            };
            assert_eq!(
                (again.ticket.clone(), again.class),
                (Ok(expected), Class::Bulk)
            );
            assert_eq!(again.history.len(), 1);
            assert_eq!(again.history[0].worker, "tester");
            assert_eq!(again.history[0].reason, "disk full");
            again.done().await.expect("it is taken away");
        }
        let depths = broker.depths().await.expect("an answer");
        assert_eq!(depths.delayed.map(|(_, waiting)| waiting), [0, 0, 1]);
    });
}

#[test]
fn the_presence_of_a_worker_ends_with_its_connection() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let (one, two) = (
            connected(&rabbit, "present").await,
            connected(&rabbit, "present").await,
        );
        let present = async |name: &str| two.is_present(name).await.expect("an answer");
        assert!(!present("host-1").await);
        one.be_present("host-1").await.expect("nobody else is");
        one.be_present("host-1").await.expect("it is itself");
        assert!(present("host-1").await && !present("host-2").await);
        assert!(one.is_present("host-1").await.expect("an answer"));
        let taken = two.be_present("host-1").await.expect_err("another one is");
        assert_eq!(taken, BrokerError::NameTaken("host-1".to_owned()));
        // Asking has not driven it away, and the one that was refused has not kept the wish.
        assert!(present("host-1").await);
        drop(one);
        until("it is gone", async || !present("host-1").await).await;
        two.be_present("host-1").await.expect("the name is free");
    });
}

#[test]
fn many_take_at_once_and_no_ticket_is_taken_twice() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "many").await;
        let sent: Vec<_> = (0..100)
            .map(|n| ticket(n, Class::ALL[n as usize % 3]))
            .collect();
        join_all(sent.iter().map(|ticket| broker.publish(ticket))).await;
        let found = Arc::new(std::sync::Mutex::new(Vec::new()));
        let takers = (0..8).map(|_| {
            let (broker, found) = (broker.clone(), found.clone());
            tokio::spawn(async move {
                while let Some(taken) = broker.take().await.expect("an answer") {
                    let id = taken.ticket.clone().expect("a ticket").id.ms();
                    found.lock().expect("no panic").push(id);
                    taken.done().await.expect("it is taken away");
                }
            })
        });
        for taker in join_all(takers).await {
            taker.expect("it runs");
        }
        let mut found = found.lock().expect("no panic").clone();
        found.sort_unstable();
        assert_eq!(found, (0..100).collect::<Vec<_>>());
    });
}
