// SPDX-License-Identifier: MPL-2.0
//! Jobs for tests.
#![allow(dead_code)] // Each test uses what it needs.

use std::{
    collections::BTreeMap,
    fs::Permissions,
    future::ready,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{future::BoxFuture, stream::BoxStream};
use sonicd::{
    job::{
        Accepted, Class, Container, FORMAT, JobId, Order, Outcome, Owner, Report, Speech, Ticket,
    },
    post::{Away, Depths, Post},
    store::Store,
    work::{Bench, Share},
};

/// A store in a folder.
pub fn store(folder: &Path) -> Store {
    Store::folder(&folder.join("store")).expect("a folder")
}

pub fn owner(name: &str) -> Owner {
    name.parse().expect("a name")
}

/// A job that says hello, given at `ms`.
pub fn accepted(owner: &Owner, ms: u64) -> Accepted {
    Accepted {
        format: FORMAT,
        id: JobId::new(ms, ms),
        owner: owner.clone(),
        class: Class::Normal,
        order: Order {
            portrait: None,
            speech: Speech::Text("Hello".to_owned()),
            container: Container::Mp4,
            size: None,
            fps: (25, 1),
            duration_ms: None,
            parameters: BTreeMap::new(),
        },
        callback_url: None,
        idempotency_key: None,
        ignored: Vec::new(),
        media_ms: 1000,
    }
}

/// Runs a test in a folder of its own, within a minute.
pub fn run<F: Future<Output = ()>>(test: impl FnOnce(PathBuf) -> F) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let future = test(folder.path().to_owned());
    let limit = Duration::from_secs(60);
    let ended = runtime.block_on(async { tokio::time::timeout(limit, future).await });
    ended.expect("it ends in time");
}

/// Keeps what it is given.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    pub tickets: Arc<Mutex<Vec<Ticket>>>,
    pub reports: Arc<Mutex<Vec<Report>>>,
    pub dead: Arc<Mutex<Vec<String>>>,
}

impl Post for Desk {
    fn publish<'a>(&'a self, ticket: &'a Ticket) -> BoxFuture<'a, Result<(), Away>> {
        self.tickets.lock().expect("a lock").push(ticket.clone());
        Box::pin(ready(Ok(())))
    }

    fn tell(&self, report: Report) {
        self.reports.lock().expect("a lock").push(report);
    }

    fn lives<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, bool> {
        let dead = self.dead.lock().expect("a lock");
        Box::pin(ready(!dead.iter().any(|dead| dead == worker)))
    }

    fn listen(&self) -> BoxFuture<'_, Result<BoxStream<'static, Report>, Away>> {
        Box::pin(ready(Err("no worker listens".to_owned())))
    }

    fn depths(&self) -> BoxFuture<'_, Result<Depths, Away>> {
        Box::pin(ready(Err("no worker counts".to_owned())))
    }
}

/// A bench whose renderer is a shell script; `$OUT` is the file that it is to make.
pub fn renderer(folder: &Path, script: &str) -> Bench<Desk> {
    let program = folder.join("renderer");
    let find_out = r#"while [ $# -gt 0 ]; do [ "$1" = --out ] && OUT=$2; [ "$1" = --child-of ] && PARENT=$2; shift; done"#;
    std::fs::write(&program, format!("#!/bin/sh\n{find_out}\n{script}\n")).expect("a script");
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode");
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).expect("a folder");
    Bench {
        store: store(folder),
        post: Desk::default(),
        worker: "here".to_owned(),
        program,
        scratch,
        memory: 256 << 20,
        time: Duration::from_secs(20),
        share: Share {
            cores: vec![0],
            card: None,
        },
        group: None,
    }
}

pub const DONE: &str = r#"echo video > "$OUT"
echo '{"progress": {"seconds": 1.0, "of": 2.0}}'
echo '{"done": {"file": "x", "frames": 50, "seconds": 2.0, "width": 320, "height": 240, "render_seconds": 0.1, "ignored": []}}'"#;

pub async fn given(store: &Store, ms: u64, text: &str) -> Accepted {
    let mut job = accepted(&owner("a"), ms);
    job.order.speech = Speech::Text(text.to_owned());
    store.accept(&job).await.expect("it is stored");
    job
}

pub async fn outcome(store: &Store, job: &Accepted) -> Option<Outcome> {
    let end = store
        .terminal(&job.owner, &job.id)
        .await
        .expect("an answer");
    end.map(|end| end.outcome)
}
