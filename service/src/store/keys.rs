// SPDX-License-Identifier: MPL-2.0
//! Where things lie. Everything is under its owner's name, so nothing of one can be reached by the
//! name of another.

use object_store::path::Path;

use crate::job::{Container, Digest, JobId, Owner};

/// The root of all that a user has uploaded.
pub(super) const BLOBS: &str = "blobs";
/// The root of results.
pub(super) const RESULTS: &str = "results";
/// The root of records.
pub(super) const JOBS: &str = "jobs";
/// The root of the names that clients give.
pub(super) const IDEMPOTENCY: &str = "idempotency";
/// The root of what equal orders share.
pub(super) const CACHE: &str = "cache";
/// The root of the marks of jobs that have not ended.
pub(super) const OPEN: &str = "open";

pub(super) fn blob(owner: &Owner, digest: &Digest) -> Path {
    let text = digest.as_str();
    Path::from_iter([BLOBS, owner.as_str(), &text[..2], text])
}

pub(super) fn result(owner: &Owner, id: &JobId, container: Container) -> Path {
    let name = format!("{id}.{}", container.extension());
    Path::from_iter([RESULTS, owner.as_str(), id.span(), &name])
}

/// The spans of an owner's jobs.
pub(super) fn jobs(owner: &Owner) -> Path {
    Path::from_iter([JOBS, owner.as_str()])
}

pub(super) fn job(owner: &Owner, id: &JobId) -> Path {
    Path::from_iter([JOBS, owner.as_str(), id.span(), id.as_str()])
}

pub(super) fn accepted(owner: &Owner, id: &JobId) -> Path {
    job(owner, id).join("accepted")
}

pub(super) fn attempt(owner: &Owner, id: &JobId, number: u32) -> Path {
    job(owner, id).join(format!("attempt-{number:04}"))
}

pub(super) fn given_up(owner: &Owner, id: &JobId, number: u32) -> Path {
    job(owner, id).join(format!("attempt-{number:04}-given-up"))
}

pub(super) fn cancel(owner: &Owner, id: &JobId) -> Path {
    job(owner, id).join("cancel")
}

pub(super) fn terminal(owner: &Owner, id: &JobId) -> Path {
    job(owner, id).join("terminal")
}

/// The mark of a job that has not ended: what the sweeper looks through.
pub(super) fn open(owner: &Owner, id: &JobId) -> Path {
    Path::from_iter([OPEN, owner.as_str(), id.as_str()])
}

/// The job that a client has named by a key of its own.
pub(super) fn idempotency(owner: &Owner, key: &Digest) -> Path {
    Path::from_iter([IDEMPOTENCY, owner.as_str(), key.as_str()])
}

/// The job whose result equal orders share.
pub(super) fn cached(owner: &Owner, key: &Digest) -> Path {
    Path::from_iter([CACHE, owner.as_str(), key.as_str(), "done"])
}

/// The jobs that wait for the one that renders their order.
pub(super) fn followers(owner: &Owner, key: &Digest) -> Path {
    Path::from_iter([CACHE, owner.as_str(), key.as_str(), "followers"])
}

pub(super) fn follower(owner: &Owner, key: &Digest, id: &JobId) -> Path {
    followers(owner, key).join(id.as_str())
}

/// The jobs that may render an order, one after the other: number n is written by one job only.
pub(super) fn leader(owner: &Owner, key: &Digest, number: u32) -> Path {
    Path::from_iter([CACHE, owner.as_str(), key.as_str()]).join(format!("leader-{number:04}"))
}

/// What is there for all that share the store.
pub(super) fn service() -> Path {
    Path::from("service")
}

/// What signs for them.
pub(super) fn secret() -> Path {
    service().join("secret")
}

/// The root of the marks of jobs whose ends somebody is to be told.
pub(super) const CALLBACKS: &str = "callbacks";

/// Such a mark.
pub(super) fn callback(owner: &Owner, id: &JobId) -> Path {
    Path::from_iter([CALLBACKS, owner.as_str(), id.as_str()])
}
