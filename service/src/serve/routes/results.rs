// SPDX-License-Identifier: MPL-2.0
//! Results, by links that were signed.

use axum::{
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use crate::{
    job::{Container, JobId, Owner},
    serve::{now_ms, problem::Problem},
};

/// The signature.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Signed {
    /// Until then it holds, s since 1970.
    expires: u64,
    /// By the service.
    signature: String,
}

/// Which bytes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// From the first to behind the last.
    Of(u64, u64),
    /// None of them are there.
    Beyond,
}

/// Reads a `Range` for something of that length. What is not understood is not asked for.
fn part(range: &str, length: u64) -> Part {
    let bounds = range.strip_prefix("bytes=").and_then(|r| r.split_once('-'));
    let Some((first, last)) = bounds.filter(|(_, last)| !last.contains(',')) else {
        return Part::All;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More than there can be is as good as the most.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), _) if first >= length && (last.is_empty() || number(last).is_some()) => {
            Part::Beyond
        }
        (Some(first), None) if last.is_empty() => Part::Of(first, length),
        (Some(first), Some(last)) if first <= last => {
            Part::Of(first, last.saturating_add(1).min(length))
        }
        (None, Some(0)) if first.is_empty() => Part::Beyond,
        (None, Some(last)) if first.is_empty() => Part::Of(length.saturating_sub(last), length),
        _ => Part::All,
    }
}

/// A result, by a link that `GET /v1/jobs/{id}/result` leads to. It needs no token.
#[utoipa::path(get, path = "/v1/results/{owner}/{job}/{name}",
    params(("owner" = String, Path), ("job" = String, Path), ("name" = String, Path), Signed),
    responses(
        (status = OK, description = "the file"),
        (status = PARTIAL_CONTENT, description = "what was asked for by Range"),
        (status = RANGE_NOT_SATISFIABLE),
        (status = NOT_FOUND, description = "or the link has expired", body = Problem)))]
pub async fn download(
    State(app): State<Shared>,
    uri: Uri,
    Path((owner, job, name)): Path<(String, String, String)>,
    signed: Result<Query<Signed>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("result, or the link has expired");
    let Query(signed) = signed.map_err(|_| missing())?;
    let now = now_ms() / 1000;
    if !app
        .signer
        .holds(uri.path(), signed.expires, &signed.signature, now)
    {
        return Err(missing());
    }
    let owner: Owner = owner.parse().map_err(|_| missing())?;
    let job: JobId = job.parse().map_err(|_| missing())?;
    let container = container(&name).ok_or_else(missing)?;
    let length = app.store.result_bytes(&owner, &job, container).await?;
    let length = length.ok_or_else(missing)?;
    let tag = format!("\"{job}\"");
    let part = asked_for(&headers, &tag, length);
    let (status, from, to) = match part {
        Part::All => (StatusCode::OK, 0, length),
        Part::Of(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Part::Beyond => {
            let range = format!("bytes */{length}");
            let headers = [(header::CONTENT_RANGE, range)];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    let wanted = (part != Part::All).then_some(from..to);
    let stream = app.store.result(&owner, &job, container, wanted).await?;
    let (_, pieces) = stream.ok_or_else(missing)?;
    let age = signed.expires.saturating_sub(now);
    let mut response = (status, Body::from_stream(pieces)).into_response();
    let told = response.headers_mut();
    let mut tell = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            told.insert(name, value);
        }
    };
    tell(header::CONTENT_TYPE, container.media_type().to_owned());
    tell(header::CONTENT_LENGTH, (to - from).to_string());
    tell(header::ACCEPT_RANGES, "bytes".to_owned());
    tell(header::ETAG, tag);
    tell(
        header::CACHE_CONTROL,
        format!("public, max-age={age}, immutable"),
    );
    // The name is one that was signed here.
    tell(
        header::CONTENT_DISPOSITION,
        format!("attachment; filename=\"{name}\""),
    );
    if status == StatusCode::PARTIAL_CONTENT {
        tell(
            header::CONTENT_RANGE,
            format!("bytes {from}-{}/{length}", to - 1),
        );
    }
    Ok(response)
}

/// What kind of file a name says.
fn container(name: &str) -> Option<Container> {
    let (_, extension) = name.rsplit_once('.')?;
    let mut known = [Container::Mp4, Container::Mkv, Container::Webm].into_iter();
    known.find(|container| container.extension() == extension)
}

/// Which part of a file of `length` bytes and that tag a request wants.
fn asked_for(headers: &HeaderMap, tag: &str, length: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A part of what has changed meanwhile is of no use.
    let same = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| same);
    range.map_or(Part::All, |range| part(range, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_players_write_them() {
        for (range, known) in [
            ("bytes=0-", Part::Of(0, 100)),
            ("bytes=10-19", Part::Of(10, 20)),
            ("bytes=10-1000", Part::Of(10, 100)),
            ("bytes=-5", Part::Of(95, 100)),
            ("bytes=-500", Part::Of(0, 100)),
            ("bytes=99-99", Part::Of(99, 100)),
            ("bytes=100-", Part::Beyond),
            ("bytes=100-200", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=99999999999999999999-", Part::Beyond),
            ("bytes=0-1,5-6", Part::All),
            ("bytes=20-10", Part::All),
            ("bytes=a-b", Part::All),
            ("bytes=-", Part::All),
            ("bytes=+1-2", Part::All),
            ("items=0-1", Part::All),
            ("", Part::All),
        ] {
            assert_eq!(part(range, 100), known, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Beyond);
    }
}
