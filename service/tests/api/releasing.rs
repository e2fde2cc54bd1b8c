// SPDX-License-Identifier: MPL-2.0
//! Jobs are handed to the broker in turns, and none is forgotten.

use std::collections::HashSet;

use serde_json::json;
use sonicd::{
    job::{Class, JobId, Outcome},
    serve::settings::Settings,
};

use crate::{owner, run, run_with};

#[test]
fn more_is_released_as_others_end() {
    run_with(
        |settings: &mut Settings| settings.width = 3,
        async |service| {
            for n in 0..8 {
                service.job(&format!("Number {n}")).await;
            }
            let mut seen = HashSet::new();
            let mut out = service.tickets(3).await;
            while let Some(ticket) = out.pop() {
                assert!(seen.insert(ticket.id.clone()), "once each");
                service.render(&ticket).await;
                if seen.len() + out.len() < 8 {
                    out.extend(service.tickets(1).await);
                }
            }
            assert_eq!(seen.len(), 8);
            assert_eq!(service.post.take(), []);
        },
    );
}

#[test]
fn while_the_broker_is_away_jobs_are_taken_on_and_wait() {
    run(async |service| {
        service.post.set_away(true);
        let mut ids = HashSet::new();
        for n in 0..5 {
            ids.insert(service.job(&format!("Number {n}")).await);
        }
        for id in &ids {
            assert_eq!(service.state(id).await, "queued");
        }
        assert_eq!(service.post.take(), []);
        service.post.set_away(false);
        let released: HashSet<_> = service.tickets(5).await.into_iter().map(|t| t.id).collect();
        assert_eq!(released, ids);
    });
}

/// A job as somebody left it so long ago, ms.
async fn left(service: &crate::Service, ago_ms: u64) -> JobId {
    let id = service.job("As it was").await;
    let ticket = service.tickets(1).await.remove(0);
    let mut job = service
        .store
        .accepted(&owner(), &id)
        .await
        .expect("read")
        .expect("a record");
    service.finish(&ticket, Outcome::Cancelled).await;
    job.id = JobId::new(id.ms() - ago_ms, ago_ms);
    job.class = Class::Bulk;
    assert!(service.store.accept(&job).await.expect("stored"));
    job.id
}

#[test]
fn what_another_process_left_is_released_at_the_next_start() {
    run(async |service| {
        let lost = left(service, 120_000).await;
        let alive = left(service, 130_000).await;
        let ended = left(service, 140_000).await;
        let unwanted = left(service, 150_000).await;
        let young = left(service, 1_000).await;
        let ticket = |id: &JobId| sonicd::job::Ticket {
            format: sonicd::job::FORMAT,
            id: id.clone(),
            owner: owner(),
            class: Class::Bulk,
            tried: 0,
        };
        service.begin(&ticket(&alive)).await;
        service.finish(&ticket(&ended), Outcome::Cancelled).await;
        service
            .store
            .ask_cancel(&owner(), &unwanted)
            .await
            .expect("stored");
        service.end().await;
        service.serve().await;
        let released = service.tickets(1).await;
        assert_eq!(released, [ticket(&lost)]);
        crate::until("it is cancelled", async || {
            service.state(&unwanted).await == "cancelled"
        })
        .await;
        let open = service.store.open_jobs().await.expect("a list");
        let open: HashSet<_> = open.into_iter().map(|(_, id)| id).collect();
        assert_eq!(open, [lost, alive.clone(), young].into());
        assert_eq!(service.state(&alive).await, "rendering");
    });
}

#[test]
fn the_end_of_a_job_is_called_back_signed_until_it_is_heard() {
    run_with(
        |settings| settings.private_callbacks = true,
        async |service| {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let url = format!("http://{}/hook", listener.local_addr().expect("a port"));
            let job = json!({"text": "Hello", "callback_url": url});
            let id = service.submit(&job).await.expect(201).json()["id"].clone();
            let ticket = service.tickets(1).await.remove(0);
            let marks = service.store.callbacks().await.expect("a list");
            assert_eq!(marks, [(owner(), ticket.id.clone())]);
            service.render(&ticket).await;

            let called = hear(&listener).await;
            let (head, body) = called.split_once("\r\n\r\n").expect("a body");
            let told: serde_json::Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(told["job"]["id"], id);
            assert_eq!(told["job"]["state"], "done");
            assert_eq!(told["event_id"], format!("{}-ended", ticket.id));
            // The owner can tell that it is the service that calls.
            let me = service.get("/v1/me").await.expect(200).json();
            let secret = me["callback_secret"].as_str().expect("a secret");
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.expect("a header").1.to_owned()
            };
            let signature = header("sonicd-signature");
            let (at, tag) = signature.split_once(",v1=").expect("two parts");
            let at = at.strip_prefix("t=").expect("a time");
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
            let own = ring::hmac::sign(&key, format!("{at}.{body}").as_bytes());
            let own: String = own.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(own, tag);
            crate::until("the mark has gone", async || {
                service.store.callbacks().await.expect("a list").is_empty()
            })
            .await;
        },
    );
}

#[test]
fn a_callback_that_was_not_made_is_made_after_the_next_start() {
    run_with(
        |settings| settings.private_callbacks = true,
        async |service| {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let url = format!("http://{}/", listener.local_addr().expect("a port"));
            service
                .submit(&json!({"text": "a", "callback_url": url}))
                .await
                .expect(201);
            let ticket = service.tickets(1).await.remove(0);
            service.end().await;
            // It ends while nobody hears.
            service.render_unheard(&ticket).await;
            service.serve().await;
            let called = hear(&listener).await;
            assert!(called.contains(ticket.id.as_str()));
        },
    );
}

/// Takes one call, and answers it well.
async fn hear(listener: &tokio::net::TcpListener) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.expect("a call");
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.expect("a piece");
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let lines = head.lines().map(str::to_ascii_lowercase);
            let mut lengths = lines
                .filter_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            lengths.next() == Some(body.len())
        });
        if whole {
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.expect("answered");
            return text;
        }
        assert_ne!(length, 0, "it broke off: {text}");
    }
}
