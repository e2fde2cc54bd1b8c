// SPDX-License-Identifier: MPL-2.0
//! Tickets that will not be tried again.

use lapin::{BasicProperties, options::BasicPublishOptions};
use sonicd::{
    broker::Unreadable,
    job::{Class, FORMAT, Ticket},
    work::{Taken as _, Verdict},
};

use crate::{connected, next, raw, shared, ticket, until, with};

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
