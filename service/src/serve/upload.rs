// SPDX-License-Identifier: MPL-2.0
//! Bodies on their way in: never more than may be, never slower than may be, and files through a
//! scratch file, hashed on the way.

use std::{error::Error, fmt, path::Path, time::Duration};

use axum::{
    body::{Body, BodyDataStream, HttpBody as _},
    http::StatusCode,
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use sha2::Digest as _;
use tempfile::NamedTempFile;
use tokio::{runtime::Handle, time::Instant};

use super::{
    problem::{Fault, Problem},
    settings::Limits,
    sniff::{self, Kind},
};
use crate::{job::Digest, leftovers::UPLOAD};

/// What any upload may take, beside what its length allows.
const GRACE: Duration = Duration::from_secs(60);
/// How long, and how much, is still taken of a body that was refused.
const LINGER: (Duration, usize) = (Duration::from_secs(5), 32 << 20);
/// Bytes a second that come at least, over all.
const SLOWEST: u64 = 16 << 10;

/// A body came too slowly.
#[derive(Debug)]
struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl Error for TooSlow {}

/// A body that fails when nothing comes for so long, or too little over all.
///
/// Whoever was refused before all had come reads why: what still comes is taken for a while, for a
/// connection that is closed meanwhile takes the answer with it.
pub fn paced(body: Body, idle: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let began = Instant::now();
    let state = (Lingering(Some(body.into_data_stream())), 0u64);
    let pieces = futures_util::stream::try_unfold(state, move |(mut body, mut sum)| async move {
        let over_all = began + GRACE + Duration::from_secs(sum / SLOWEST);
        let until = over_all.min(Instant::now() + idle);
        match tokio::time::timeout_at(until, body.next()).await {
            Err(_) => {
                drop(body.0.take());
                Err(axum::Error::new(TooSlow))
            }
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => Err(error),
            Ok(Some(Ok(piece))) => {
                sum += piece.len() as u64;
                Ok(Some((piece, (body, sum))))
            }
        }
    });
    Body::from_stream(pieces)
}

/// A body whose rest is read when nobody wants it any more.
struct Lingering(Option<BodyDataStream>);

impl Lingering {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let piece = self.0.as_mut()?.next().await;
        if !matches!(piece, Some(Ok(_))) {
            self.0 = None;
        }
        piece
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(tokio::time::timeout(LINGER.0, async move {
            let mut left = LINGER.1;
            while let Some(Ok(piece)) = body.next().await {
                match left.checked_sub(piece.len()) {
                    Some(less) => left = less,
                    None => return,
                }
            }
        }));
    }
}

/// What went wrong with a body that could not be read.
#[must_use]
pub fn broken(error: &(dyn Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return Problem::new(StatusCode::REQUEST_TIMEOUT, TooSlow.to_string());
        }
        cause = error.source();
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "the body broke off or is malformed",
    )
}

/// All of a short body.
///
/// # Errors
/// It is longer than `limit` bytes, or breaks off.
pub async fn whole(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut all = BytesMut::new();
    while let Some(piece) = pieces.try_next().await.map_err(|error| broken(&error))? {
        if all.len() + piece.len() > limit {
            let what = format!("expected at most {limit} bytes");
            let fault = Fault::over("body", what, limit as u64);
            return Err(Problem::fault(StatusCode::PAYLOAD_TOO_LARGE, fault));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// A file that has come in.
#[derive(Debug)]
pub struct Received {
    /// Where it lies; it goes with this.
    pub file: NamedTempFile,
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
    /// How it begins.
    pub head: Vec<u8>,
}

/// What is expected of a file.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The field that it comes in.
    pub field: &'a str,
    /// What it is; `None` is either.
    pub kind: Option<Kind>,
    /// How long it may be.
    pub limits: &'a Limits,
    /// Where it is put.
    pub scratch: &'a Path,
}

impl Expected<'_> {
    fn limit(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Picture => self.limits.portrait_bytes,
            Kind::Sound => self.limits.audio_bytes,
        }
    }

    fn too_long(&self, limit: u64) -> Problem {
        let fault = Fault::over(self.field, format!("expected at most {limit} bytes"), limit);
        Problem::fault(StatusCode::PAYLOAD_TOO_LARGE, fault)
    }

    fn wrong(&self) -> Problem {
        let what = match self.kind {
            Some(Kind::Picture) => sniff::PICTURES.to_owned(),
            Some(Kind::Sound) => sniff::SOUNDS.to_owned(),
            None => format!("{}, or {}", sniff::PICTURES, sniff::SOUNDS),
        };
        let fault = Fault::new(self.field, format!("expected {what}"));
        Problem::fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault)
    }
}

/// Takes a file in; `None` is an empty one.
///
/// # Errors
/// It is too long, or not what is expected, or breaks off, or there is no room for it.
pub async fn receive<E: Error + 'static>(
    pieces: impl Stream<Item = Result<Bytes, E>>,
    expected: Expected<'_>,
) -> Result<Option<Received>, Problem> {
    let file = NamedTempFile::with_prefix_in(UPLOAD, expected.scratch).map_err(no_room)?;
    let to = file.as_file().try_clone().map_err(no_room)?;
    let mut to = tokio::fs::File::from_std(to);
    let (mut hash, mut bytes, mut head) = (sha2::Sha256::new(), 0, Vec::new());
    let mut pieces = std::pin::pin!(pieces);
    let mut kind = None;
    while let Some(piece) = pieces.try_next().await.map_err(|error| broken(&error))? {
        bytes += piece.len() as u64;
        let wanted = sniff::HEAD - head.len();
        head.extend_from_slice(&piece[..piece.len().min(wanted)]);
        // What it is is known from its beginning, and not waited for to the end.
        if kind.is_none() && head.len() == sniff::HEAD {
            kind = Some(known(&head, &expected)?);
        }
        let limit = expected.limit(kind.unwrap_or(Kind::Sound));
        if bytes > limit {
            return Err(expected.too_long(limit));
        }
        hash.update(&piece);
        tokio::io::AsyncWriteExt::write_all(&mut to, &piece)
            .await
            .map_err(no_room)?;
    }
    tokio::io::AsyncWriteExt::flush(&mut to)
        .await
        .map_err(no_room)?;
    if bytes == 0 {
        return Ok(None);
    }
    let kind = kind.map_or_else(|| known(&head, &expected), Ok)?;
    Ok(Some(Received {
        file,
        digest: Digest::from_hash(hash.finalize().as_slice()),
        bytes,
        kind,
        head,
    }))
}

fn known(head: &[u8], expected: &Expected<'_>) -> Result<Kind, Problem> {
    sniff::kind(head)
        .filter(|kind| expected.kind.is_none_or(|expected| expected == *kind))
        .ok_or_else(|| expected.wrong())
}

/// An upload cannot be put aside here.
pub fn no_room(error: std::io::Error) -> Problem {
    tracing::error!(%error, "an upload cannot be put aside");
    Problem::unavailable("there is no room for the upload; try again in a while")
}

/// Checks how large a picture is that has come in, by its header.
///
/// # Errors
/// It has too many pixels, or no header.
pub fn check_size(file: &Path, field: &str, limits: &Limits) -> Result<(), Problem> {
    let most = limits.portrait_pixels;
    let reader = image::ImageReader::open(file).and_then(image::ImageReader::with_guessed_format);
    let size = reader.map_err(no_room)?.into_dimensions();
    let (width, height) = size.map_err(|_| damaged(field))?;
    if u64::from(width) * u64::from(height) > most {
        let what = format!("it has {width}x{height} pixels; expected at most {most} in all");
        return Err(Problem::faults(vec![Fault::over(field, what, most)]));
    }
    Ok(())
}

fn damaged(field: &str) -> Problem {
    let what = "the picture is damaged or cut off; save it anew";
    Problem::faults(vec![Fault::new(field, what)])
}

/// Checks a picture that has come in: how large it is, before it is decoded, and then whether it
/// is whole. It takes a while, and memory.
///
/// # Errors
/// It is none that can be taken.
pub fn check_picture(file: &Path, field: &str, limits: &Limits) -> Result<(), Problem> {
    check_size(file, field, limits)?;
    let most = limits.portrait_pixels;
    let bytes = std::fs::read(file).map_err(no_room)?;
    let cursor = std::io::Cursor::new(bytes.as_slice());
    let reader = image::ImageReader::new(cursor).with_guessed_format();
    let mut reader = reader.map_err(no_room)?;
    let mut memory = image::Limits::default();
    // Eight bytes a pixel are those of the deepest format.
    memory.max_alloc = Some(most.saturating_mul(8));
    reader.limits(memory);
    let jpeg = reader.format() == Some(image::ImageFormat::Jpeg);
    reader.decode().map_err(|_| damaged(field))?;
    // A decoder of JPEG makes up what is missing.
    if jpeg && !is_complete(&bytes) {
        let fault = Fault::new(field, "the picture is cut off; send it again");
        return Err(Problem::faults(vec![fault]));
    }
    Ok(())
}

/// Whether the last scan of a JPEG file has an end. Within a scan no byte 0xff stands before 0xd9.
fn is_complete(bytes: &[u8]) -> bool {
    let last = |marker| bytes.windows(2).rposition(|two| two == [0xff, marker]);
    last(0xda).is_some_and(|scan| last(0xd9).is_some_and(|end| end > scan))
}
