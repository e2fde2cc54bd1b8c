// SPDX-License-Identifier: MPL-2.0
//! Tickets and reports over a real broker.

mod servers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::join_all};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use servers::Rabbit;
use sonicd::{
    broker::{Address, Broker, BrokerError, Settings, Stage, Taken, Unreadable},
    job::{Class, FORMAT, JobId, News, Owner, Report, Ticket},
    post::Post,
    work::{Taken as _, Verdict},
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

#[test]
fn nothing_is_lost_or_invented_when_the_broker_is_killed() {
    with(|rabbit| async move {
        let mut rabbit = alone(rabbit).await;
        let broker = connected(&rabbit, "killed").await;
        let given: BTreeSet<_> = (0..200).collect();
        let class = |number: u64| Class::ALL[number as usize % 3];
        let sent = given.iter().map(|n| {
            let (broker, ticket) = (broker.clone(), ticket(*n, class(*n)));
            async move { broker.publish(&ticket).await.expect("it is handed over") }
        });
        join_all(sent).await;
        // One is in somebody's hand meanwhile, and one waits to be tried again.
        let held = next(&broker).await;
        let failed = next(&broker).await;
        let retried = failed.ticket.as_ref().expect("a ticket").id.ms();
        failed
            .retry(Stage::Short, "no luck")
            .await
            .expect("it waits");
        rabbit.kill();
        rabbit.start_again();
        let lost = held.done().await.expect_err("the connection is gone");
        assert!(matches!(lost, BrokerError::Unavailable(_)), "{lost}");
        let mut found = BTreeMap::<_, Vec<_>>::new();
        let complete = |found: &BTreeMap<_, Vec<_>>| {
            found.len() == given.len() && found[&retried].contains(&1)
        };
        while !complete(&found) {
            let taken = next(&broker).await;
            let ticket = taken.ticket.clone().expect("a ticket");
            assert_eq!(ticket.class, class(ticket.id.ms()));
            taken.done().await.expect("it is taken away");
            found.entry(ticket.id.ms()).or_default().push(ticket.tried);
        }
        assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), given);
        // Whether the broker had read that the failed one was answered for, nobody can know.
        let again = found.remove(&retried).expect("it is there");
        assert!(again == [1] || again == [0, 1], "{again:?}");
        assert!(found.values().all(|tried| *tried == [0]), "{found:?}");
        assert!(broker.take().await.expect("an answer").is_none());
    });
}

#[test]
fn what_needs_the_broker_fails_in_time_without_it_and_works_when_it_is_back() {
    with(|rabbit| async move {
        let mut rabbit = alone(rabbit).await;
        let limit = Duration::from_secs(1);
        let settings = settings(&rabbit, "away");
        let patient = Broker::connect(settings.clone()).await.expect("a broker");
        let broker = Broker::connect(Settings {
            limit,
            ..settings.clone()
        })
        .await;
        let broker = broker.expect("a broker");
        let mut heard = patient.listen().await;
        patient.be_present("me").await.expect("nobody else is");
        rabbit.kill();
        // However long the call may have taken on a busy machine: it has an end.
        let error = broker
            .publish(&ticket(1, Class::High))
            .await
            .expect_err("nobody is there");
        assert!(matches!(error, BrokerError::Unavailable(_)), "{error}");
        assert!(matches!(
            broker.take().await,
            Err(BrokerError::Unavailable(_))
        ));
        assert!(matches!(
            broker.depths().await,
            Err(BrokerError::Unavailable(_))
        ));
        assert!(broker.is_present("me").await.is_err());
        broker.tell(&report(0)).await;
        // Who comes while it is away need not wait for it.
        let late = Broker::start(settings).expect("good settings");
        rabbit.start_again();
        late.ready().await.expect("it is there");
        patient
            .publish(&ticket(2, Class::High))
            .await
            .expect("it is handed over");
        assert_eq!(next(&late).await.ticket, Ok(ticket(2, Class::High)));
        until("the worker is present again", async || {
            late.is_present("me").await.expect("an answer")
        })
        .await;
        hear(&late, &mut heard, 3).await;
    });
}

fn report(at_ms: u64) -> Report {
    Report {
        owner: Owner::local(),
        id: JobId::new(1, 1),
        at_ms,
        news: News::Rendering { share: 0.5 },
    }
}

/// Tells until it is heard: nothing is promised for the moment after a connection broke.
async fn hear(teller: &Broker, heard: &mut (impl Stream<Item = Report> + Unpin), at_ms: u64) {
    let told = report(at_ms);
    loop {
        teller.tell(&told).await;
        if let Ok(news) = tokio::time::timeout(500 * MS, heard.next()).await {
            assert_eq!(news, Some(told));
            return;
        }
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
fn after_the_last_stage_it_is_dead_with_its_history_and_can_be_given_back() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "dead").await;
        let (one, two) = (ticket(1, Class::High), ticket(2, Class::High));
        broker.publish(&one).await.expect("it is handed over");
        for tried in 0..4 {
            let taken = next(&broker).await;
            assert_eq!(taken.ticket.as_ref().map(|ticket| ticket.tried), Ok(tried));
            taken
                .settle(Verdict::Retry(format!("failure {tried}")))
                .await;
        }
        broker.publish(&two).await.expect("it is handed over");
        next(&broker)
            .await
            .dead("no face")
            .await
            .expect("it is put aside");
        // Looking does not change anything.
        for _ in 0..2 {
            until("both are dead", async || {
                broker.depths().await.expect("an answer").dead == 2
            })
            .await;
            let dead = broker.dead(10).await.expect("an answer");
            let reasons: Vec<_> = dead.iter().map(|dead| dead.reason.as_str()).collect();
            assert_eq!(reasons, ["failure 3", "no face"]);
            let history: Vec<_> = dead[0].history.iter().map(|f| f.reason.as_str()).collect();
            assert_eq!(
                history,
                ["failure 0", "failure 1", "failure 2", "failure 3"]
            );
            assert_eq!(
                dead[0].ticket,
                Ok(Ticket {
                    tried: 3,
                    ..one.clone()
                })
            );
        }
        until("both are dead", async || {
            broker.depths().await.expect("an answer").dead == 2
        })
        .await;
        let done = broker.requeue(|id| *id == one.id).await.expect("an answer");
        assert_eq!((done.back, done.left), (1, 1));
        let again = next(&broker).await;
        assert_eq!((again.ticket.clone(), again.history.len()), (Ok(one), 4));
        again.done().await.expect("it is taken away");
        until("one is dead", async || {
            broker.depths().await.expect("an answer").dead == 1
        })
        .await;
        assert_eq!(broker.purge("dead").await, Ok(1));
        assert_eq!(broker.dead(10).await, Ok(Vec::new()));
        let error = broker
            .purge("reports")
            .await
            .expect_err("there is none")
            .to_string();
        assert!(error.contains("dead.jobs.high"), "{error}");
    });
}

#[test]
fn what_cannot_be_read_is_neither_lost_nor_goes_round() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "unreadable").await;
        let later = Ticket {
            format: FORMAT + 1,
            ..ticket(1, Class::Normal)
        };
        broker.publish(&later).await.expect("it is handed over");
        let connection = raw(&rabbit).await;
        let channel = connection.create_channel().await.expect("a channel");
        let (to, by) = ("unreadable.jobs".into(), "normal".into());
        let (options, none) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel
            .basic_publish(to, by, options, b"\xffrubbish", none)
            .await;
        sent.expect("it is sent").await.expect("it is sent");
        for number in 0..2 {
            let taken = next(&broker).await;
            let what = taken.ticket.clone().expect_err("it cannot be read");
            assert_eq!(what == Unreadable::Newer(FORMAT + 1), number == 0, "{what}");
            taken
                .dead(&what.to_string())
                .await
                .expect("it is put aside");
        }
        assert!(broker.take().await.expect("an answer").is_none());
        until("both are dead", async || {
            broker.depths().await.expect("an answer").dead == 2
        })
        .await;
        let dead = broker.dead(10).await.expect("an answer");
        assert!(dead[0].reason.contains("update"), "{dead:?}");
        assert!(dead[1].reason.contains("no ticket"), "{dead:?}");
        // Nobody knows where they would belong.
        until("both are dead", async || {
            broker.depths().await.expect("an answer").dead == 2
        })
        .await;
        let done = broker.requeue(|_| true).await.expect("an answer");
        assert_eq!((done.back, done.left), (0, 2));
    });
}

#[test]
fn a_ticket_that_is_given_out_too_often_is_put_aside() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "often").await;
        broker
            .publish(&ticket(1, Class::Normal))
            .await
            .expect("it is handed over");
        let mut times = 0;
        until("it is dead", async || {
            if let Some(taken) = broker.take().await.expect("an answer") {
                times += 1;
                taken.back().await.expect("it goes back");
                return false;
            }
            broker.depths().await.expect("an answer").dead == 1
        })
        .await;
        assert!(times > 20, "only a net: {times}");
        let dead = broker.dead(1).await.expect("an answer");
        assert_eq!(dead[0].ticket, Ok(ticket(1, Class::Normal)));
        assert!(dead[0].reason.contains("too often"), "{dead:?}");
    });
}

#[test]
fn a_ticket_without_a_queue_is_an_error_and_the_queue_is_made_anew() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let broker = connected(&rabbit, "unroutable").await;
        let connection = raw(&rabbit).await;
        let channel = connection.create_channel().await.expect("a channel");
        let (queue, options) = ("unroutable.jobs.high".into(), QueueDeleteOptions::default());
        channel
            .queue_delete(queue, options)
            .await
            .expect("it is deleted");
        let error = broker
            .publish(&ticket(1, Class::High))
            .await
            .expect_err("no queue");
        assert_eq!(error, BrokerError::Unroutable("high".to_owned()));
        // Of others nothing is in doubt.
        broker
            .publish(&ticket(2, Class::Normal))
            .await
            .expect("it is handed over");
        until("it is made anew", async || {
            broker.publish(&ticket(3, Class::High)).await.is_ok()
        })
        .await;
        assert_eq!(next(&broker).await.ticket, Ok(ticket(3, Class::High)));
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
fn a_queue_that_was_declared_otherwise_is_told_with_the_cure() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let connection = raw(&rabbit).await;
        let channel = connection.create_channel().await.expect("a channel");
        let (queue, options) = ("otherwise.dead".into(), QueueDeclareOptions::durable());
        channel
            .queue_declare(queue, options, FieldTable::default())
            .await
            .expect("a queue");
        let error = Broker::connect(settings(&rabbit, "otherwise"))
            .await
            .expect_err("refused");
        assert!(matches!(error, BrokerError::Declared { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("otherwise.dead") && text.contains("SONICD_AMQP_PREFIX"),
            "{text}"
        );
    });
}

#[test]
fn who_is_not_let_in_hears_so() {
    with(|rabbit| async move {
        let rabbit = shared(rabbit).await;
        let url = rabbit.url.replace("guest:guest", "guest:hunter2");
        let address = Address::parse(&url).expect("an address");
        let settings = Settings {
            address,
            ..settings(&rabbit, "refused")
        };
        let error = Broker::connect(settings).await.expect_err("refused");
        assert!(matches!(error, BrokerError::Refused(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
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
