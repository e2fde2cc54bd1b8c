// SPDX-License-Identifier: MPL-2.0
//! A store by its address, and links that lead straight to it.

use std::{sync::Arc, time::Duration};

use object_store::{
    aws::AmazonS3Builder, path::Path, prefix::PrefixStore, signer::Signer as Signs,
};
use url::Url;

use super::{Store, StoreError, keys};
use crate::job::{Owner, Rendered};

/// Signs links to things in a bucket.
#[derive(Clone, Debug)]
pub(super) struct Links {
    signer: Arc<dyn Signs>,
    prefix: Path,
}

impl Store {
    /// The address of a folder under that of the user's data.
    #[must_use]
    pub fn default_address() -> String {
        let folder = dirs::data_dir().unwrap_or_else(std::env::temp_dir);
        Url::from_directory_path(folder.join("sonicd"))
            .map_or_else(|()| String::new(), String::from)
    }

    /// The store at an address: `file:///FOLDER`, or `s3://BUCKET/PREFIX` with what `AWS_…` in the
    /// environment says of keys, region and endpoint.
    ///
    /// # Errors
    /// The address is none of these, or the folder cannot be made.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        let what = || StoreError::Address("expected file:///FOLDER or s3://BUCKET/PREFIX".into());
        let url = Url::parse(address).map_err(|_| what())?;
        match url.scheme() {
            "file" => Self::folder(&url.to_file_path().map_err(|()| what())?),
            "s3" => Self::bucket(&url),
            _ => Err(what()),
        }
    }

    fn bucket(url: &Url) -> Result<Self, StoreError> {
        let bucket = url.host_str().unwrap_or_default();
        let prefix = Path::from_url_path(url.path())
            .map_err(|error| StoreError::Address(error.to_string()))?;
        let s3 = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| StoreError::Address(error.to_string()))?;
        let s3 = Arc::new(s3);
        let mut store = Self::new(Arc::new(PrefixStore::new(s3.clone(), prefix.clone())));
        store.links = Some(Links { signer: s3, prefix });
        Ok(store)
    }

    /// A link to a result that anybody may follow for so long; `None` where the store has no
    /// address of its own that could be linked to.
    ///
    /// # Errors
    /// The link cannot be signed.
    pub async fn link(
        &self,
        owner: &Owner,
        done: &Rendered,
        holds: Duration,
    ) -> Result<Option<Url>, StoreError> {
        let Some(links) = &self.links else {
            return Ok(None);
        };
        let at = keys::result(owner, &done.of, done.container);
        let at: Path = links.prefix.parts().chain(at.parts()).collect();
        let url = links.signer.signed_url(axum::http::Method::GET, &at, holds);
        Ok(Some(url.await?))
    }
}
