// SPDX-License-Identifier: MPL-2.0
//! Uploads and results. Both may be long, so they go by way of files and in pieces.

use std::path::Path as File;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    Attribute, Attributes, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMultipartOptions,
    PutOptions, PutPayload, WriteMultipart, path::Path,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Store, StoreError, keys, retention::written_ms};
use crate::job::{Container, Digest, JobId, Owner, Rendered};

/// What is read at once, bytes.
const PIECE: usize = 1 << 20;
/// What is longer than this is stored in parts, bytes.
const LONG: u64 = 8 << 20;

/// A content that is on its way: its length in bytes, and its pieces.
pub type Stream = (u64, Pieces);

type Pieces = BoxStream<'static, Result<Bytes, object_store::Error>>;

impl Store {
    /// Stores an upload under its digest, from a file that has it.
    ///
    /// # Errors
    /// The store does not answer, or the file cannot be read.
    pub async fn put_blob(
        &self,
        owner: &Owner,
        digest: &Digest,
        file: &File,
    ) -> Result<(), StoreError> {
        self.put_file(&keys::blob(owner, digest), file, Attributes::new())
            .await
    }

    /// When an owner has uploaded this, the last time, ms since 1970; `None` if it is not there.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn uploaded_ms(
        &self,
        owner: &Owner,
        digest: &Digest,
    ) -> Result<Option<u64>, StoreError> {
        match self.inner.head(&keys::blob(owner, digest)).await {
            Ok(meta) => Ok(Some(written_ms(&meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How an owner's upload begins, at most `length` bytes of it, how long it is, bytes, and when
    /// it came, ms since 1970.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn peek_blob(
        &self,
        owner: &Owner,
        digest: &Digest,
        length: u64,
    ) -> Result<Option<(Bytes, u64, u64)>, StoreError> {
        let at = keys::blob(owner, digest);
        let Some((meta, pieces)) = self.open_at(&at, Some(0..length)).await? else {
            return Ok(None);
        };
        let pieces: Vec<Bytes> = pieces.try_collect().await?;
        Ok(Some((pieces.concat().into(), meta.size, written_ms(&meta))))
    }

    /// Writes an upload to a new file; whether there is such an upload.
    ///
    /// # Errors
    /// The store does not answer, or the file cannot be written.
    pub async fn fetch_blob(
        &self,
        owner: &Owner,
        digest: &Digest,
        file: &File,
    ) -> Result<bool, StoreError> {
        let Some((_, mut pieces)) = self.stream(&keys::blob(owner, digest), None).await? else {
            return Ok(false);
        };
        let mut file = tokio::fs::File::create_new(file).await?;
        while let Some(piece) = pieces.try_next().await? {
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(true)
    }

    /// Stores a job's result, from its file. A second one takes the first one's place: only the
    /// one that `terminal` tells of is ever shown, and both are of one order.
    ///
    /// # Errors
    /// The store does not answer, or the file cannot be read.
    pub async fn put_result(
        &self,
        owner: &Owner,
        id: &JobId,
        container: Container,
        file: &File,
    ) -> Result<(), StoreError> {
        let mut told = Attributes::new();
        // Whoever follows a link into a bucket is told by it what this is. A folder keeps no more
        // than the file.
        if self.links.is_some() {
            let name = format!("attachment; filename=\"{id}.{}\"", container.extension());
            told.insert(Attribute::ContentType, container.media_type().into());
            told.insert(Attribute::ContentDisposition, name.into());
        }
        self.put_file(&keys::result(owner, id, container), file, told)
            .await
    }

    /// A job's result, or the bytes of it that are asked for; `None` if it is not there any more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn result(
        &self,
        owner: &Owner,
        id: &JobId,
        container: Container,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Option<Stream>, StoreError> {
        self.stream(&keys::result(owner, id, container), range)
            .await
    }

    /// How long a job's result is, bytes; `None` if it is not there any more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn result_bytes(
        &self,
        owner: &Owner,
        id: &JobId,
        container: Container,
    ) -> Result<Option<u64>, StoreError> {
        match self.inner.head(&keys::result(owner, id, container)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file of a result is still there.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn has_result(&self, owner: &Owner, done: &Rendered) -> Result<bool, StoreError> {
        self.exists(&keys::result(owner, &done.of, done.container))
            .await
    }

    async fn put_file(
        &self,
        at: &Path,
        file: &File,
        attributes: Attributes,
    ) -> Result<(), StoreError> {
        let mut file = tokio::fs::File::open(file).await?;
        let length = file.metadata().await?.len();
        if length <= LONG {
            let mut bytes = Vec::with_capacity(length as usize);
            file.read_to_end(&mut bytes).await?;
            let options = PutOptions::from(attributes);
            let payload = PutPayload::from(bytes);
            self.inner.put_opts(at, payload, options).await?;
            return Ok(());
        }
        let options = PutMultipartOptions::from(attributes);
        let mut parts = WriteMultipart::new(self.inner.put_multipart_opts(at, options).await?);
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).await {
                Ok(0) => break,
                Ok(length) => parts.write(&piece[..length]),
                Err(error) => {
                    parts.abort().await?;
                    return Err(error.into());
                }
            }
            parts.wait_for_capacity(4).await?;
        }
        parts.finish().await?;
        Ok(())
    }

    async fn stream(
        &self,
        at: &Path,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Option<Stream>, StoreError> {
        let opened = self.open_at(at, range).await?;
        Ok(opened.map(|(meta, pieces)| (meta.size, pieces)))
    }

    async fn open_at(
        &self,
        at: &Path,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Option<(ObjectMeta, Pieces)>, StoreError> {
        let options = object_store::GetOptions {
            range: range.map(Into::into),
            ..Default::default()
        };
        match self.inner.get_opts(at, options).await {
            Ok(got) => Ok(Some((got.meta.clone(), got.into_stream().boxed()))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
