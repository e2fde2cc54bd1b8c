// SPDX-License-Identifier: MPL-2.0
//! What is forgotten, for it has been kept for long enough: uploads, results and records.

use std::{
    collections::{BTreeMap, HashSet},
    time::SystemTime,
};

use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore as _, path::Path};

use super::{Store, StoreError, keys};
use crate::{
    job::{JobId, Owner, Speech},
    leftovers,
};

/// What is older than these goes, ms since 1970; `None` keeps all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Uploads.
    pub uploads_ms: Option<u64>,
    /// Results, the records of jobs that ended before, and what equal orders share.
    pub results_ms: Option<u64>,
}

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Files that were uploaded.
    pub uploads: usize,
    /// Files that were made.
    pub results: usize,
    /// Jobs with all of their records.
    pub jobs: usize,
}

/// When something was written, ms since 1970.
pub(super) fn written_ms(meta: &ObjectMeta) -> u64 {
    u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0)
}

impl Store {
    /// Forgets what is older, but for jobs that have not ended and what they need.
    ///
    /// # Errors
    /// The store does not answer; what is left goes the next time.
    pub async fn forget(&self, cuts: Cuts) -> Result<Forgotten, StoreError> {
        let mut forgotten = Forgotten::default();
        if let Some(before) = cuts.uploads_ms {
            forgotten.uploads = self.forget_uploads(before).await?;
        }
        if let Some(before) = cuts.results_ms {
            let results = self.older(keys::RESULTS, before).await?;
            forgotten.results = self.remove_all(&results).await?;
            forgotten.jobs = self.forget_jobs(before).await?;
            let names = self.older(keys::IDEMPOTENCY, before).await?;
            self.remove_all(&names).await?;
            self.forget_shared(before).await?;
        }
        if let Some(folder) = self.folder.clone() {
            let sweep = move || leftovers::sweep_staged(&folder, SystemTime::now());
            // It does not panic.
            let _ = tokio::task::spawn_blocking(sweep).await;
        }
        Ok(forgotten)
    }

    async fn forget_uploads(&self, before: u64) -> Result<usize, StoreError> {
        let old = self.older(keys::BLOBS, before).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let mut needed = HashSet::new();
        for (owner, id) in self.open_jobs().await? {
            if let Some(job) = self.accepted(&owner, &id).await? {
                let audio = match &job.order.speech {
                    Speech::Audio(digest) => Some(digest),
                    Speech::Text(_) => None,
                };
                let digests = audio.into_iter().chain(&job.order.portrait);
                needed.extend(digests.map(|digest| keys::blob(&owner, digest)));
            }
        }
        let free: Vec<_> = old.into_iter().filter(|at| !needed.contains(at)).collect();
        self.remove_all(&free).await
    }

    /// Forgets the jobs that ended before.
    async fn forget_jobs(&self, before: u64) -> Result<usize, StoreError> {
        // A job that came later has not ended before.
        let oldest = JobId::new(before, u64::MAX);
        let mut forgotten = 0;
        for name in self.folders(&Path::from(keys::JOBS)).await? {
            let Ok(owner) = name.parse::<Owner>() else {
                continue;
            };
            for span in self.folders(&keys::jobs(&owner)).await? {
                if span.as_str() < oldest.span() {
                    continue;
                }
                for name in self.folders(&keys::jobs(&owner).join(span)).await? {
                    let Ok(id) = name.parse::<JobId>() else {
                        continue;
                    };
                    if id.ms() < before && self.forget_job(&owner, &id, before).await? {
                        forgotten += 1;
                    }
                }
            }
        }
        Ok(forgotten)
    }

    /// Forgets a job if it ended before; whether it did.
    async fn forget_job(&self, owner: &Owner, id: &JobId, before: u64) -> Result<bool, StoreError> {
        let end = self.terminal(owner, id).await?;
        let ended = end.is_some_and(|end| end.at_ms < before);
        // What is without an end though nobody waits for it is left of one that was half forgotten.
        let accepted = keys::accepted(owner, id);
        if !ended && self.exists(&accepted).await? {
            return Ok(false);
        }
        // First what makes it a job and last its end: broken off between the two it is nothing, and
        // never one that seems to wait.
        self.remove(&accepted).await?;
        let listed = self.inner.list(Some(&keys::job(owner, id)));
        let rest: Vec<_> = listed.map_ok(|meta| meta.location).try_collect().await?;
        let end = keys::terminal(owner, id);
        let others: Vec<_> = rest.into_iter().filter(|at| *at != end).collect();
        self.remove_all(&others).await?;
        self.remove(&end).await?;
        Ok(true)
    }

    /// Forgets who shared orders of which nothing is young.
    async fn forget_shared(&self, before: u64) -> Result<(), StoreError> {
        let mut orders: BTreeMap<Path, (bool, Vec<Path>)> = BTreeMap::new();
        let mut listed = self.inner.list(Some(&Path::from(keys::CACHE)));
        while let Some(meta) = listed.try_next().await? {
            // CACHE/OWNER/KEY/…
            let order: Path = meta.location.parts().take(3).collect();
            let (old, of) = orders.entry(order).or_insert((true, Vec::new()));
            *old &= written_ms(&meta) < before;
            of.push(meta.location);
        }
        for (_, of) in orders.into_values().filter(|(old, _)| *old) {
            self.remove_all(&of).await?;
        }
        Ok(())
    }

    /// What was written before, under a root.
    async fn older(&self, root: &str, before: u64) -> Result<Vec<Path>, StoreError> {
        let mut listed = self.inner.list(Some(&Path::from(root)));
        let mut old = Vec::new();
        while let Some(meta) = listed.try_next().await? {
            if written_ms(&meta) < before {
                old.push(meta.location);
            }
        }
        Ok(old)
    }

    async fn remove_all(&self, all: &[Path]) -> Result<usize, StoreError> {
        for at in all {
            self.remove(at).await?;
        }
        Ok(all.len())
    }
}
