// SPDX-License-Identifier: MPL-2.0
//! Records, uploads and results, in anything that speaks the protocol of an object store: a folder,
//! or S3.

mod content;
mod keys;
mod open;
mod records;
mod retention;
mod shared;

use std::{io::ErrorKind, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, local::LocalFileSystem,
    path::Path,
};
use serde::{Serialize, de::DeserializeOwned};

pub use retention::{Cuts, Forgotten};
pub use shared::Lead;

/// So often something is written anew that was said to be there, and was not.
const MOST_CONFLICTS: u32 = 10;

/// Where everything is kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    links: Option<open::Links>,
    /// Where it lies, if that is a folder.
    folder: Option<PathBuf>,
}

/// Why something could not be stored or read.
#[derive(Debug)]
pub enum StoreError {
    /// The store's address is of no use: what is wrong with it.
    Address(String),
    /// The store does not answer, or refuses: it may do later.
    Unavailable(object_store::Error),
    /// A record that cannot be read: which, and why.
    Broken(String),
    /// A file on this machine, to or from which something was to go.
    File(std::io::Error),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Address(what) => write!(f, "the store's address: {what}"),
            StoreError::Unavailable(error) => write!(f, "the store: {error}"),
            StoreError::Broken(what) => write!(f, "a record cannot be read: {what}"),
            StoreError::File(error) => write!(f, "a file: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    /// Whether it may go well if it is asked again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::File(_))
    }

    /// What a user may read of it: no address and no path.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            StoreError::Unavailable(error) if is_full(error) => "the store's disk is full",
            StoreError::File(error) if is_full(error) => "the disk is full",
            StoreError::Unavailable(_) => "the store does not answer",
            StoreError::Address(_) => "the store's address is of no use",
            StoreError::Broken(_) => "a record cannot be read",
            StoreError::File(error) => return format!("a file: {error}"),
        }
        .to_owned()
    }
}

/// Whether an error comes of a disk that is full.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let full = |kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| full(error.kind()))
        {
            return true;
        }
        cause = error.source();
    }
    false
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        StoreError::Unavailable(error)
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        StoreError::File(error)
    }
}

impl Store {
    /// One over anything that is an object store.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            links: None,
            folder: None,
        }
    }

    /// A folder, which is made if it is not there. What is written is on the disk when it is told.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(folder: &PathBuf) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        let mut store = Self::new(Arc::new(store));
        store.folder = Some(folder.clone());
        Ok(store)
    }

    /// Whether it answers, and has the bucket: who is asked for one thing in a bucket that is not
    /// there says no more than that the thing is not.
    ///
    /// # Errors
    /// It does not.
    pub async fn answers(&self) -> Result<(), StoreError> {
        let mut listed = self.inner.list(Some(&keys::service()));
        listed.try_next().await?;
        Ok(())
    }

    /// What signs links and callbacks for all that share the store: `new`, if nobody was before.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn secret(&self, new: &str) -> Result<String, StoreError> {
        let at = keys::secret();
        if self.create(&at, &new).await? {
            return Ok(new.to_owned());
        }
        let known = self.read(&at).await?;
        known.ok_or_else(|| StoreError::Broken(format!("{at} has gone")))
    }

    /// Writes a record unless there is one; whether it did.
    async fn create(&self, at: &Path, record: &impl Serialize) -> Result<bool, StoreError> {
        let text = serde_json::to_vec(record)
            .map_err(|error| StoreError::Broken(format!("{at}: {error}")))?;
        self.create_bytes(at, text.into()).await
    }

    async fn create_bytes(&self, at: &Path, bytes: Bytes) -> Result<bool, StoreError> {
        for _ in 0..MOST_CONFLICTS {
            let payload = PutPayload::from(bytes.clone());
            let options = PutOptions::from(PutMode::Create);
            match self.inner.put_opts(at, payload, options).await {
                Ok(_) => return Ok(true),
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. },
                ) => {}
                Err(error) => return Err(error.into()),
            }
            // S3 answers the same where another one is writing it just now, and may yet fail.
            if self.exists(at).await? {
                return Ok(false);
            }
        }
        Err(StoreError::Broken(format!("{at} is neither there nor not")))
    }

    /// Writes a record, whatever was there.
    async fn overwrite(&self, at: &Path, record: &impl Serialize) -> Result<(), StoreError> {
        let text = serde_json::to_vec(record)
            .map_err(|error| StoreError::Broken(format!("{at}: {error}")))?;
        self.inner.put(at, PutPayload::from(text)).await?;
        Ok(())
    }

    /// Reads a record, if there is one.
    async fn read<T: DeserializeOwned>(&self, at: &Path) -> Result<Option<T>, StoreError> {
        let bytes = match self.inner.get(at).await {
            Ok(got) => got.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let record = serde_json::from_slice(&bytes);
        record
            .map(Some)
            .map_err(|error| StoreError::Broken(format!("{at}: {error}")))
    }

    /// Whether there is something.
    async fn exists(&self, at: &Path) -> Result<bool, StoreError> {
        match self.inner.head(at).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes something away, if it is there.
    async fn remove(&self, at: &Path) -> Result<(), StoreError> {
        match self.inner.delete(at).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
