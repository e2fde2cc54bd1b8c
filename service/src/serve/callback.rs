// SPDX-License-Identifier: MPL-2.0
//! Tells the end of a job to whoever its owner named: signed, and until it was heard, or for a day.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use url::Url;

use super::{App, address, locked, now_ms};
use crate::job::{JobId, Owner};

/// Callbacks on their way at once.
const AT_ONCE: usize = 16;
/// Until the other side has answered.
const ANSWER: Duration = Duration::from_secs(10);
/// Until its name is known, when a job is taken on.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Between tries, s; the last one again and again.
const PAUSES: [u64; 5] = [10, 60, 600, 3600, 6 * 3600];
/// After so long nobody is told any more, ms.
const DAY_MS: u64 = 24 * 3_600_000;

/// Finds public addresses only. It is asked by the very connection, so that a name cannot become
/// another address between the check and the call.
struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found
                .filter(|address| address::is_public(address.ip()))
                .collect();
            if public.is_empty() {
                return Err("it has no public address".into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether all that a host's name stands for is private. A name that is not known now may be later.
pub async fn is_private(url: &str) -> bool {
    let Some(host) = Url::parse(url).ok().and_then(|url| {
        let domain = url.domain()?;
        Some(domain.to_owned())
    }) else {
        return false;
    };
    let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host, 0))).await;
    let Ok(Ok(found)) = found else {
        return false;
    };
    let all: Vec<SocketAddr> = found.collect();
    !all.is_empty() && !all.iter().any(|found| address::is_public(found.ip()))
}

/// Makes calls.
pub struct Caller {
    client: reqwest::Client,
    /// Jobs whose callbacks are on their way.
    busy: Mutex<HashSet<JobId>>,
    room: Semaphore,
}

/// How a call went.
#[derive(Debug)]
enum Went {
    Heard,
    /// It will not be heard, however often it is tried.
    Never,
    Later,
}

impl Caller {
    /// One that calls the public net only, unless `private`.
    ///
    /// # Errors
    /// TLS does not start: a sentence.
    pub fn new(private: bool) -> Result<Self, String> {
        // Another part of the program may have named it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER)
            .user_agent(concat!("sonicd/", env!("CARGO_PKG_VERSION")));
        let client = match private {
            true => client,
            false => client.dns_resolver(Arc::new(Public)),
        };
        let client = client.build();
        Ok(Self {
            client: client.map_err(|error| format!("callbacks: {error}"))?,
            busy: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
        })
    }
}

/// Calls for all that end.
pub async fn run(
    app: Arc<App>,
    caller: Arc<Caller>,
    mut due: mpsc::UnboundedReceiver<(Owner, JobId)>,
) {
    let mut calls = JoinSet::new();
    while let Some((owner, id)) = due.recv().await {
        while calls.try_join_next().is_some() {}
        if locked(&caller.busy).insert(id.clone()) {
            let (app, caller) = (app.clone(), caller.clone());
            calls.spawn(async move {
                call_until_heard(&app, &caller, &owner, &id).await;
                locked(&caller.busy).remove(&id);
            });
        }
    }
}

async fn call_until_heard(app: &App, caller: &Caller, owner: &Owner, id: &JobId) {
    for tried in 0.. {
        let went = match caller.room.acquire().await {
            Ok(_room) => call(app, caller, owner, id).await,
            Err(_) => return,
        };
        match went {
            Went::Heard | Went::Never => break,
            Went::Later => {}
        }
        let pause = PAUSES[tried.min(PAUSES.len() - 1)];
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
    if let Err(error) = app.store.called_back(owner, id).await {
        // It is called once more when the mark is found.
        tracing::warn!(%error, job = %id, "the mark of a callback stays");
    }
}

async fn call(app: &App, caller: &Caller, owner: &Owner, id: &JobId) -> Went {
    let records = async {
        let job = app.store.accepted(owner, id).await?;
        Ok::<_, crate::store::StoreError>((job, app.store.terminal(owner, id).await?))
    };
    let (job, terminal) = match records.await {
        Ok((Some(job), Some(terminal))) => (job, terminal),
        Ok(_) => return Went::Never,
        Err(_) => return Went::Later,
    };
    let Some(text) = job.callback_url else {
        return Went::Never;
    };
    let Ok(url) = address::callback(&text, app.settings.private_callbacks) else {
        return Went::Never;
    };
    if now_ms().saturating_sub(terminal.at_ms) > DAY_MS {
        app.metrics.callback("given-up");
        tracing::warn!(job = %id, "a callback was given up after a day");
        return Went::Never;
    }
    let Ok(Some(view)) = app.view(owner, id).await else {
        return Went::Later;
    };
    let event = format!("{id}-ended");
    let body = json!({"event_id": event, "event": "job.ended", "job": view}).to_string();
    let signature = app.signer.callback(owner, now_ms() / 1000, body.as_bytes());
    let answer = caller
        .client
        .post(url)
        .header("content-type", "application/json")
        .header("sonicd-event-id", &event)
        .header("sonicd-signature", signature)
        .body(body)
        .send()
        .await;
    let went = match &answer {
        Ok(answer) if answer.status().is_success() => Went::Heard,
        Ok(answer) if answer.status() == reqwest::StatusCode::GONE => Went::Never,
        _ => Went::Later,
    };
    app.metrics.callback(match went {
        Went::Heard => "heard",
        Went::Never => "gone",
        Went::Later => "failed",
    });
    // The address may hold a secret of its owner's.
    let status = answer.map(|answer| answer.status().as_u16()).unwrap_or(0);
    tracing::info!(job = %id, status, ?went, "called back");
    went
}
