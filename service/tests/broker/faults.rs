// SPDX-License-Identifier: MPL-2.0
//! What fails: the broker, its queues, and who may use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::join_all};
use lapin::{
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use sonicd::{
    broker::{Address, Broker, BrokerError, Settings, Stage},
    job::{Class, Report},
};

use crate::{MS, alone, connected, next, raw, report, settings, shared, ticket, until, with};

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
