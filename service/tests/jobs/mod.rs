// SPDX-License-Identifier: MPL-2.0
//! Jobs for tests.
#![allow(dead_code)] // Each test uses what it needs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use sonicd::{
    job::{Accepted, Class, Container, FORMAT, JobId, Order, Owner, Speech},
    store::Store,
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
