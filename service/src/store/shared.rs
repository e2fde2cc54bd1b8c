// SPDX-License-Identifier: MPL-2.0
//! Results that equal orders of one owner share, also while the first of them is still rendered.
//!
//! The jobs of one order line up as leaders: whoever writes the next number leads, once the leader
//! before it has ended without a result. Whoever does not lead leaves its name with the followers
//! and looks once more: either the leader sees the name when it ends, or the follower sees the end.

use futures_util::TryStreamExt as _;
use object_store::ObjectStore as _;

use super::{Store, StoreError, keys};
use crate::job::{Digest, JobId, Outcome, Owner, Rendered};

/// How a job stands to the others of its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Lead {
    /// It is the one that renders.
    Leads,
    /// There is a result already.
    Done(Rendered),
    /// That job renders, and will tell.
    Follows(JobId),
}

/// How many leaders an order can have, one after the other.
const MOST_LEADERS: u32 = 1000;

impl Store {
    /// Whether a job is to render its order. Asked again it says the same, unless something has
    /// ended meanwhile.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn lead(&self, owner: &Owner, key: &Digest, id: &JobId) -> Result<Lead, StoreError> {
        if let Some(done) = self.cached(owner, key).await? {
            return Ok(Lead::Done(done));
        }
        for number in 1..=MOST_LEADERS {
            let at = keys::leader(owner, key, number);
            if self.create(&at, id).await? {
                return Ok(Lead::Leads);
            }
            let leader: JobId = self
                .read(&at)
                .await?
                .ok_or_else(|| StoreError::Broken(format!("{at} has gone")))?;
            if leader == *id {
                return Ok(Lead::Leads);
            }
            // Its name first, the look after: else an end between the two would be missed.
            self.create(&keys::follower(owner, key, id), &()).await?;
            match self.terminal(owner, &leader).await?.map(|end| end.outcome) {
                // One that was forgotten tells nobody.
                None if self.accepted(owner, &leader).await?.is_some() => {
                    return Ok(Lead::Follows(leader));
                }
                None => {}
                Some(Outcome::Done(done)) if self.has_result(owner, &done).await? => {
                    return Ok(Lead::Done(done));
                }
                Some(_) => {}
            }
        }
        Ok(Lead::Leads)
    }

    /// The result of an equal order, if it is still there.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn cached(
        &self,
        owner: &Owner,
        key: &Digest,
    ) -> Result<Option<Rendered>, StoreError> {
        let Some(done) = self.read(&keys::cached(owner, key)).await? else {
            return Ok(None);
        };
        Ok(self.has_result(owner, &done).await?.then_some(done))
    }

    /// Remembers a result for equal orders.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn remember(
        &self,
        owner: &Owner,
        key: &Digest,
        done: &Rendered,
    ) -> Result<(), StoreError> {
        self.overwrite(&keys::cached(owner, key), done).await
    }

    /// Those who wait for an order, in no order. Each has to be told once its leader has ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn followers(&self, owner: &Owner, key: &Digest) -> Result<Vec<JobId>, StoreError> {
        let listed = self.inner.list(Some(&keys::followers(owner, key)));
        let names: Vec<_> = listed.try_collect().await?;
        let name = |meta: object_store::ObjectMeta| meta.location.filename()?.parse().ok();
        Ok(names.into_iter().filter_map(name).collect())
    }

    /// A follower has been told.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn told(&self, owner: &Owner, key: &Digest, id: &JobId) -> Result<(), StoreError> {
        self.remove(&keys::follower(owner, key, id)).await
    }
}
