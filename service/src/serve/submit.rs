// SPDX-License-Identifier: MPL-2.0
//! A job is taken on: what it needs is stored first, then its name, then its record; only then is
//! it released.

use std::collections::HashMap;

use axum::http::StatusCode;

use super::{
    App,
    check::{Draft, Voice},
    now_ms,
    problem::{Fault, Problem},
    sniff::{self, Kind},
    upload::{self, Received},
};
use crate::{
    job::{Accepted, Digest, FORMAT, JobId, Order, Outcome, Owner, Speech},
    store::StoreError,
};

/// Files that came along, by what they are.
#[derive(Debug, Default)]
pub struct Files {
    /// A portrait.
    pub portrait: Option<Received>,
    /// A recording.
    pub audio: Option<Received>,
}

/// Uploads that were looked up: what they are, and their length in ms where they sound.
pub type Known = HashMap<Digest, (Kind, u64)>;

/// A draft whose files are all stored.
#[derive(Debug)]
pub struct Ready {
    draft: Draft,
    order: Order,
    media_ms: u64,
}

impl App {
    /// Checks a picture, if it is one. Few at a time.
    pub async fn check_picture(&self, received: &Received, field: &str) -> Result<(), Problem> {
        if received.kind != Kind::Picture {
            return Ok(());
        }
        let permit = self.decoders.clone().acquire_owned().await;
        let file = received.file.path().to_owned();
        let (limits, field) = (self.settings.limits.clone(), field.to_owned());
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            upload::check_picture(&file, &field, &limits)
        });
        checked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a decoder broke");
            let fault = Fault::new("portrait", "the picture cannot be decoded; save it anew");
            Err(Problem::faults(vec![fault]))
        })
    }

    /// Stores the files of a draft, or sees that they are there.
    ///
    /// # Errors
    /// One is not there, or not what it should be.
    pub async fn ready(
        &self,
        owner: &Owner,
        draft: Draft,
        files: &Files,
        known: &mut Known,
    ) -> Result<Ready, Problem> {
        let portrait = match (&files.portrait, &draft.portrait) {
            (Some(file), _) => {
                self.check_picture(file, "portrait").await?;
                self.put(owner, file).await?;
                Some(file.digest.clone())
            }
            (None, Some(digest)) => {
                let field = "portrait_sha256";
                self.look_up(owner, digest, Kind::Picture, field, known)
                    .await?;
                Some(digest.clone())
            }
            (None, None) => None,
        };
        let (speech, media_ms) = match (&files.audio, &draft.voice) {
            (Some(file), _) => {
                self.put(owner, file).await?;
                let ms = sniff::sound_ms(&file.head, file.bytes);
                (Speech::Audio(file.digest.clone()), ms)
            }
            (None, Voice::Known(digest)) => {
                let field = "audio_sha256";
                let ms = self
                    .look_up(owner, digest, Kind::Sound, field, known)
                    .await?;
                (Speech::Audio(digest.clone()), ms)
            }
            (None, Voice::Text(text)) => (Speech::Text(text.clone()), sniff::text_ms(text)),
            (None, Voice::File) => {
                let fault = Fault::new("audio", "the file is empty");
                return Err(Problem::faults(vec![fault]));
            }
        };
        let order = Order {
            portrait,
            speech,
            container: draft.container,
            size: draft.size,
            fps: draft.fps,
            duration_ms: draft.duration_ms,
            parameters: draft.parameters.clone(),
        };
        let media_ms = draft
            .duration_ms
            .map_or(media_ms, |most| media_ms.min(most));
        Ok(Ready {
            draft,
            order,
            media_ms,
        })
    }

    async fn put(&self, owner: &Owner, file: &Received) -> Result<(), Problem> {
        let stored = self.store.put_blob(owner, &file.digest, file.file.path());
        Ok(stored.await?)
    }

    /// Whether an upload is there and may still be used.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn offers(&self, owner: &Owner, digest: &Digest) -> Result<bool, Problem> {
        let came = self.store.uploaded_ms(owner, digest).await?;
        Ok(came.is_some_and(|came| self.settings.keep.offers(came, now_ms())))
    }

    /// Looks up an upload; its length, ms.
    ///
    /// # Errors
    /// It is not there, or not what is wanted.
    pub async fn look_up(
        &self,
        owner: &Owner,
        digest: &Digest,
        wanted: Kind,
        field: &str,
        known: &mut Known,
    ) -> Result<u64, Problem> {
        if !known.contains_key(digest) {
            let peek = self.store.peek_blob(owner, digest, sniff::HEAD as u64);
            let keep = self.settings.keep;
            let peek = peek.await?;
            let Some((head, bytes, _)) = peek.filter(|(_, _, came)| keep.offers(*came, now_ms()))
            else {
                let what = "nothing was uploaded under this digest; PUT /v1/blobs/{sha256} first";
                return Err(Problem::faults(vec![Fault::new(field, what)]));
            };
            let kind = sniff::kind(&head).unwrap_or(Kind::Sound);
            let ms = sniff::sound_ms(&head, bytes);
            known.insert(digest.clone(), (kind, ms));
        }
        match known.get(digest) {
            Some((kind, ms)) if *kind == wanted => Ok(*ms),
            _ => {
                let what = match wanted {
                    Kind::Picture => sniff::PICTURES,
                    Kind::Sound => sniff::SOUNDS,
                };
                let what = format!("what was uploaded is not {what}");
                Err(Problem::faults(vec![Fault::new(field, what)]))
            }
        }
    }

    /// Takes a job on; whether it is new, or was given before under the same key.
    ///
    /// # Errors
    /// The key was given to another job, or the store does not answer.
    pub async fn take_on(
        &self,
        owner: &Owner,
        ready: Ready,
        key: Option<String>,
    ) -> Result<(Accepted, bool), Problem> {
        let random = getrandom::u64().map_err(|error| {
            tracing::error!(%error, "no random numbers");
            Problem::unavailable("there are no random numbers; try again in a while")
        })?;
        let new = JobId::new(now_ms(), random);
        let id = match &key {
            Some(key) => self.store.named(owner, key, &new).await?,
            None => new.clone(),
        };
        let job = Accepted {
            format: FORMAT,
            id,
            owner: owner.clone(),
            class: ready.draft.class,
            order: ready.order,
            callback_url: ready.draft.callback_url,
            idempotency_key: key,
            ignored: ready.draft.ignored,
            media_ms: ready.media_ms,
        };
        // Where the name was there but no record, whoever wrote it has not come so far, or never
        // will: the first record counts.
        let known = match job.id == new {
            true => None,
            false => self.store.accepted(owner, &job.id).await?,
        };
        let known = match known {
            Some(known) => Some(known),
            None if self.store.accept(&job).await? => None,
            None => self.store.accepted(owner, &job.id).await?,
        };
        match known {
            None => {
                self.release(&job).await;
                Ok((job, true))
            }
            Some(known) if is_same(&known, &job) => Ok((known, false)),
            Some(_) => {
                let what = "this Idempotency-Key was given to another job";
                let fault = Fault::new("Idempotency-Key", what);
                Err(Problem::fault(StatusCode::CONFLICT, fault))
            }
        }
    }

    /// Ends a job at once whose result is there already, or lets it wait for its turn. It is taken
    /// on, whatever the store says from here on.
    async fn release(&self, job: &Accepted) {
        let (owner, id) = (&job.owner, &job.id);
        self.metrics.accepted.inc();
        tracing::info!(job = %id, %owner, class = job.class.name(), "taken on");
        match self.end_if_known(job).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, job = %id, "it is not known whether there is a result");
            }
        }
        self.lanes().add(job.ticket());
        self.wake.notify_one();
    }

    /// Ends a job whose result is there already; whether it is.
    async fn end_if_known(&self, job: &Accepted) -> Result<bool, StoreError> {
        let (owner, id) = (&job.owner, &job.id);
        let Some(mut done) = self.store.cached(owner, &job.order.key()).await? else {
            return Ok(false);
        };
        done.render_seconds = 0.0;
        self.finish(owner, id, Outcome::Done(done)).await?;
        Ok(true)
    }
}

/// Whether the same was asked for.
fn is_same(known: &Accepted, new: &Accepted) -> bool {
    known.order == new.order && known.class == new.class && known.callback_url == new.callback_url
}
