// SPDX-License-Identifier: MPL-2.0
//! The records of jobs.

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore as _, path::Path};

use super::{Store, StoreError, keys};
use crate::job::{Accepted, Attempt, Digest, GivenUp, JobId, Owner, Terminal};

/// How many attempts a job can have: far more than it is given.
const MOST_ATTEMPTS: u32 = 1000;

impl Store {
    /// Takes a job on: from here on it will end. The marks for the sweeper and for the callback
    /// come first, so that no job is without; a mark without a record means nothing. Whether it is
    /// the first of its name: else the job that had it before stays as it is.
    ///
    /// # Errors
    /// It could not be stored; the job may be given again under another name.
    pub async fn accept(&self, job: &Accepted) -> Result<bool, StoreError> {
        self.create(&keys::open(&job.owner, &job.id), &()).await?;
        if job.callback_url.is_some() {
            self.create(&keys::callback(&job.owner, &job.id), &())
                .await?;
        }
        self.create(&keys::accepted(&job.owner, &job.id), job).await
    }

    /// What was taken on, if there is such a job.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn accepted(
        &self,
        owner: &Owner,
        id: &JobId,
    ) -> Result<Option<Accepted>, StoreError> {
        self.read(&keys::accepted(owner, id)).await
    }

    /// The job that an owner has already given under this key of the client's, or the new one,
    /// which has it from now on.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn named(&self, owner: &Owner, key: &str, new: &JobId) -> Result<JobId, StoreError> {
        let at = keys::idempotency(owner, &Digest::of(key.as_bytes()));
        if self.create(&at, new).await? {
            return Ok(new.clone());
        }
        let known = self.read(&at).await?;
        known.ok_or_else(|| StoreError::Broken(format!("{at} has gone")))
    }

    /// Claims a job; whether nobody else has claimed it by the same number. Asked again it says the
    /// same: who was not told the first time may have it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn claim(
        &self,
        owner: &Owner,
        id: &JobId,
        attempt: &Attempt,
    ) -> Result<bool, StoreError> {
        let at = keys::attempt(owner, id, attempt.number);
        if self.create(&at, attempt).await? {
            return Ok(true);
        }
        let known: Option<Attempt> = self.read(&at).await?;
        Ok(known.as_ref() == Some(attempt))
    }

    /// Says that an attempt is over, though the job is not.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn give_up(
        &self,
        owner: &Owner,
        id: &JobId,
        number: u32,
        why: &GivenUp,
    ) -> Result<(), StoreError> {
        let at = keys::given_up(owner, id, number);
        self.create(&at, why).await.map(|_| ())
    }

    /// All that have begun a job, the first one first, and why they gave it up if they did.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn attempts(
        &self,
        owner: &Owner,
        id: &JobId,
    ) -> Result<Vec<(Attempt, Option<GivenUp>)>, StoreError> {
        let mut attempts = Vec::new();
        for number in 1..=MOST_ATTEMPTS {
            let Some(attempt) = self.read(&keys::attempt(owner, id, number)).await? else {
                break;
            };
            let given_up = self.read(&keys::given_up(owner, id, number)).await?;
            attempts.push((attempt, given_up));
        }
        Ok(attempts)
    }

    /// Ends a job. The first end counts: what is given back is the one that holds.
    ///
    /// # Errors
    /// The store does not answer; whether it was written is then unknown, and it may be asked again.
    pub async fn finish(
        &self,
        owner: &Owner,
        id: &JobId,
        terminal: &Terminal,
    ) -> Result<Terminal, StoreError> {
        let at = keys::terminal(owner, id);
        let holds = if self.create(&at, terminal).await? {
            terminal.clone()
        } else {
            let known = self.read(&at).await?;
            known.ok_or_else(|| StoreError::Broken(format!("{at} has gone")))?
        };
        self.remove(&keys::open(owner, id)).await?;
        Ok(holds)
    }

    /// How a job has ended, if it has.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn terminal(
        &self,
        owner: &Owner,
        id: &JobId,
    ) -> Result<Option<Terminal>, StoreError> {
        self.read(&keys::terminal(owner, id)).await
    }

    /// Says that a job is not wanted any more. Whoever has it looks, or hears of it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn ask_cancel(&self, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
        self.create(&keys::cancel(owner, id), &()).await.map(|_| ())
    }

    /// Whether a job is not wanted any more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn cancel_asked(&self, owner: &Owner, id: &JobId) -> Result<bool, StoreError> {
        self.exists(&keys::cancel(owner, id)).await
    }

    /// An owner's jobs, the youngest first, at most `limit` of those older than `after`.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn jobs(
        &self,
        owner: &Owner,
        after: Option<&JobId>,
        limit: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let mut found = Vec::new();
        for span in self.folders(&keys::jobs(owner)).await? {
            if after.is_some_and(|after| span.as_str() < after.span()) {
                continue;
            }
            let names = self.folders(&keys::jobs(owner).join(span)).await?;
            let ids = names.iter().filter_map(|name| name.parse().ok());
            found.extend(ids.filter(|id| after.is_none_or(|after| id > after)));
            if found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The jobs of everybody that have not ended, as far as is known.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn open_jobs(&self) -> Result<Vec<(Owner, JobId)>, StoreError> {
        self.marked(keys::OPEN).await
    }

    /// The jobs of everybody whose ends somebody is still to be told.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn callbacks(&self) -> Result<Vec<(Owner, JobId)>, StoreError> {
        self.marked(keys::CALLBACKS).await
    }

    /// The end of a job was told, or will never be.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn called_back(&self, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
        self.remove(&keys::callback(owner, id)).await
    }

    async fn marked(&self, root: &str) -> Result<Vec<(Owner, JobId)>, StoreError> {
        let marks = self.inner.list(Some(&Path::from(root)));
        let job = |at: Path| {
            let mut parts = at.parts().skip(1).map(|part| part.as_ref().to_owned());
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        };
        let found: Vec<_> = marks
            .map_ok(|meta| job(meta.location))
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Takes the mark of a job away that was never taken on.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn forget_mark(&self, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
        self.remove(&keys::open(owner, id)).await
    }

    /// The names of the folders in one, sorted.
    pub(super) async fn folders(&self, at: &Path) -> Result<Vec<String>, StoreError> {
        let listed = self.inner.list_with_delimiter(Some(at)).await?;
        let name = |path: Path| path.filename().map(str::to_owned);
        let mut names: Vec<_> = listed
            .common_prefixes
            .into_iter()
            .filter_map(name)
            .collect();
        names.sort_unstable();
        Ok(names)
    }
}
