// SPDX-License-Identifier: MPL-2.0
//! Messages that come twice, or that are none: exactly one end for each job, and nothing goes round.

use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use serde_json::json;
use sonicd::{
    broker::{Address, Broker, Settings},
    job::{Accepted, FORMAT, JobId, Outcome, Owner, Speech},
    store::Store,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    parts::{LONG, Part, RABBIT, Whole, run},
    servers::Rabbit,
};

/// The broker of a test, as the service sees it.
async fn broker(rabbit: &Rabbit, whole: &Whole) -> Broker {
    let address = Address::parse(&rabbit.url).expect("an address");
    let settings = Settings {
        prefix: whole.prefix.clone(),
        ..Settings::new(address)
    };
    Broker::connect(settings).await.expect("a broker")
}

/// Puts anything into the queue of normal jobs.
async fn put(rabbit: &Rabbit, whole: &Whole, body: &[u8]) {
    let options = ConnectionProperties::default();
    let connection = Connection::connect(&rabbit.url, options).await;
    let connection = connection.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let confirmed = channel.confirm_select(ConfirmSelectOptions::default());
    confirmed.await.expect("it confirms");
    let (to, by) = (format!("{}.jobs", whole.prefix), "normal");
    let (options, none) = (BasicPublishOptions::default(), BasicProperties::default());
    let sent = channel.basic_publish(to.into(), by.into(), options, body, none);
    let confirmed = sent.await.expect("it is sent").await;
    confirmed.expect("it is there");
}

/// A way to the broker that can be cut.
struct Way {
    url: String,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(rabbit: &Rabbit) -> Self {
        let port = |url: &str| url.split(':').nth(3)?.split('/').next().map(str::to_owned);
        let there = port(&rabbit.url).expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("a port").port().to_string();
        let url = rabbit.url.replace(&there, &here);
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (there, mut is_open) = (there.clone(), is_open.clone());
                tokio::spawn(async move {
                    let to = TcpStream::connect(format!("127.0.0.1:{there}")).await;
                    let mut to = to.expect("it listens");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        _ = is_open.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { url, open }
    }

    fn set_open(&self, open: bool) {
        self.open.send(open).expect("it listens");
    }
}

/// The records of a test.
fn store(whole: &Whole) -> Store {
    Store::folder(&whole.folder.join("store")).expect("a store")
}

async fn accepted(whole: &Whole, id: &str) -> Accepted {
    let id = id.parse().expect("a name");
    let known = store(whole).accepted(&Owner::local(), &id).await;
    known.expect("an answer").expect("it was taken on")
}

/// Sees that a job is done, and how many have begun it.
async fn begun(whole: &Whole, id: &str) -> usize {
    let (store, owner) = (store(whole), Owner::local());
    let id: JobId = id.parse().expect("a name");
    let end = store.terminal(&owner, &id).await.expect("an answer");
    let outcome = end.expect("it has ended").outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let attempts = store.attempts(&owner, &id).await;
    attempts.expect("an answer").len()
}

fn has_begun(worker: &Part, id: &str) -> bool {
    let log = std::fs::read_to_string(&worker.log).expect("a log");
    let mut lines = log.lines();
    lines.any(|line| line.contains(id) && line.contains("begins"))
}

/// Both workers have ended: nothing is left of what they took.
async fn nothing_is_left(broker: &Broker) {
    let last = sonicd::job::Ticket {
        format: FORMAT,
        id: JobId::new(1, 1),
        owner: Owner::local(),
        class: sonicd::job::Class::Normal,
        tried: 0,
    };
    broker.publish(&last).await.expect("it is handed over");
    let taken = loop {
        if let Some(taken) = broker.take().await.expect("an answer") {
            break taken;
        }
    };
    assert_eq!(taken.ticket, Ok(last), "somebody did not answer for it");
    taken.done().await.expect("it is taken away");
    assert!(broker.take().await.expect("an answer").is_none());
    let depths = broker.depths().await.expect("an answer");
    assert!(depths.delayed.iter().all(|(_, tickets)| *tickets == 0));
}

#[test]
fn what_comes_twice_ends_once_and_what_is_no_ticket_is_put_aside() {
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    run(|folder| async move {
        let rabbit = rabbit.read().await;
        let mut whole = Whole::new(&rabbit, &folder);
        let api = whole.api();
        let ways = [Way::to(&rabbit).await, Way::to(&rabbit).await];
        let workers = ways.each_ref().map(|way| {
            whole.set("SONICD_AMQP_URL", &way.url);
            whole.worker()
        });
        whole.ready().await;
        let broker = broker(&rabbit, &whole).await;

        // Rubbish, a ticket of a later version, and one as the first version wrote it.
        let first = whole.submit("Hello there.").await;
        whole.done(&first).await;
        let mut old = accepted(&whole, &first).await;
        old.id = JobId::new(old.id.ms(), 7);
        old.order.speech = Speech::Text("I am old.".to_owned());
        assert!(store(&whole).accept(&old).await.expect("stored"));
        put(&rabbit, &whole, b"\xffrubbish").await;
        let later = json!({"format": FORMAT + 1, "id": first, "owner": "local", "more": [1]});
        put(&rabbit, &whole, later.to_string().as_bytes()).await;
        let early = json!({"format": 1, "id": old.id, "owner": "local"});
        put(&rabbit, &whole, early.to_string().as_bytes()).await;
        whole.done(old.id.as_str()).await;
        while broker.depths().await.expect("an answer").dead < 2 {
            whole.wait("both are put aside").await;
        }
        assert_eq!(broker.purge("dead").await, Ok(2));

        // Two messages more for a job that is rendered: the other worker lets it be.
        let job = whole.submit(&LONG.repeat(8)).await;
        whole.until(&job, &["rendering"]).await;
        let again = json!(accepted(&whole, &job).await.ticket()).to_string();
        for _ in 0..2 {
            put(&rabbit, &whole, again.as_bytes()).await;
        }
        whole.done(&job).await;
        while !workers.iter().all(|worker| has_begun(worker, &job)) {
            whole.wait("both workers had it").await;
        }
        assert_eq!(begun(&whole, &job).await, 1);

        // A worker is cut off while it renders: another one has the message, and both end the job.
        let job = whole.submit(&LONG.repeat(9)).await;
        whole.until(&job, &["rendering"]).await;
        let cut = usize::from(has_begun(&workers[1], &job));
        ways[cut].set_open(false);
        while !has_begun(&workers[1 - cut], &job) {
            whole.wait("the other worker has it").await;
        }
        ways[cut].set_open(true);
        whole.done(&job).await;
        let (file, _) = whole.result(&job).await;
        assert_eq!(&file[4..8], b"ftyp");
        for worker in workers {
            worker.end();
        }
        // Unless the first one was done before the other one looked.
        assert!((1..=2).contains(&begun(&whole, &job).await));
        nothing_is_left(&broker).await;
        api.end();
    });
}
