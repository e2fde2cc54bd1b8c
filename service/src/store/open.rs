// SPDX-License-Identifier: MPL-2.0
//! A store by its address, and links that lead straight to it.

use std::{ffi::OsString, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, RetryConfig, aws::AmazonS3Builder, path::Path, prefix::PrefixStore,
    signer::Signer as Signs,
};
use url::Url;

use super::{Store, StoreError, keys};
use crate::job::{Owner, Rendered};

/// How long a bucket that does not answer is asked again before that is told. Whoever can wait
/// longer asks again; the others must not be kept.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two tries, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

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
        let plain = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::open_by(address, std::env::vars_os().filter_map(plain))
    }

    /// The same, with variables that need not be those of the environment.
    ///
    /// # Errors
    /// The address is none of these, or the folder cannot be made.
    pub fn open_by(
        address: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        let what = || StoreError::Address("expected file:///FOLDER or s3://BUCKET/PREFIX".into());
        let url = Url::parse(address).map_err(|_| what())?;
        match url.scheme() {
            "file" => Self::folder(&url.to_file_path().map_err(|()| what())?),
            "s3" => Self::bucket(&url, variables),
            _ => Err(what()),
        }
    }

    fn bucket(
        url: &Url,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StoreError> {
        // Another part of the program may have named it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bucket = url.host_str().unwrap_or_default();
        let prefix = Path::from_url_path(url.path())
            .map_err(|error| StoreError::Address(error.to_string()))?;
        let mut s3 = AmazonS3Builder::new();
        for (name, value) in variables {
            // What it knows nothing of is other programs' business.
            if name.starts_with("AWS_")
                && let Ok(key) = name.to_ascii_lowercase().parse()
            {
                s3 = s3.with_config(key, value);
            }
        }
        let s3 = s3
            .with_bucket_name(bucket)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: PAUSES.0,
                    max_backoff: PAUSES.1,
                    base: 2.0,
                },
                max_retries: 10,
                retry_timeout: PATIENCE,
            })
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
