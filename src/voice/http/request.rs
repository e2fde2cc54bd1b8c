// SPDX-License-Identifier: MPL-2.0
//! One request for speech, with what it takes to survive servers: time-outs, another try,
//! redirects, limits.

use std::{
    fmt,
    io::Read,
    thread,
    time::{Duration, Instant},
};

use ureq::{
    Agent,
    http::{HeaderMap, HeaderValue, Uri, header},
};

use super::{
    Patience,
    address::{has_password, is_private, same_server, shown},
};
use crate::voice::{Cancel, VoiceError};

/// The largest answer, bytes: two minutes of stereo at 48 kHz.
const LARGEST: usize = 24 << 20;
/// What is repeated of a server's own words, characters.
const MOST_SAID: usize = 200;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 3;
/// Between looks for cancellation while waiting.
const LOOK: Duration = Duration::from_millis(10);

/// What opens a server; shown nowhere.
#[derive(Clone)]
pub(super) struct Key(pub(super) String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What is asked, and of whom.
pub(super) struct Request {
    pub(super) agent: Agent,
    pub(super) uri: Uri,
    pub(super) key: Option<Key>,
    pub(super) body: String,
    pub(super) patience: Patience,
    pub(super) cancel: Cancel,
}

/// What came.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// The content type in small letters, empty if none was told.
    pub(super) kind: String,
}

/// Why nothing came.
enum Problem {
    /// Another try may help: after so long a wait, where the server says so.
    Passing(String, Option<Duration>),
    Lasting(String),
}

impl Request {
    /// Asks, up to three times as long as nothing of the sound has come.
    ///
    /// # Errors
    /// What went wrong at last; that it was cancelled.
    pub(super) fn run(&self) -> Result<Answer, VoiceError> {
        let mut pause = self.patience.pause;
        for left in (0..=self.patience.retries).rev() {
            let (problem, wait) = match self.attempt() {
                Ok(answer) => return Ok(answer),
                Err(Problem::Passing(problem, wait)) if left > 0 => (problem, wait),
                Err(Problem::Passing(problem, _) | Problem::Lasting(problem)) => {
                    return Err(self.failed(&problem));
                }
            };
            let wait = wait.unwrap_or(pause);
            if wait > LONGEST_WAIT {
                let seconds = wait.as_secs();
                return Err(self.failed(&format!("{problem}; it asks to wait {seconds} s")));
            }
            tracing::info!("{}: {problem}; another try", shown(&self.uri));
            pause *= 4;
            self.wait(wait)?;
        }
        Err(self.failed("no answer"))
    }

    fn wait(&self, wait: Duration) -> Result<(), VoiceError> {
        let until = Instant::now() + wait;
        loop {
            if self.cancel.is_cancelled() {
                return Err(VoiceError::Cancelled);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
    }

    fn failed(&self, problem: &str) -> VoiceError {
        let problem = match &self.key {
            Some(Key(key)) => problem.replace(key.as_str(), "…"),
            None => problem.to_owned(),
        };
        VoiceError::Failed(format!("{}: {problem}", shown(&self.uri)))
    }

    /// One request, with the redirects that keep it what it is.
    fn attempt(&self) -> Result<Answer, Problem> {
        let mut uri = self.uri.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut answer = self.send(&uri)?;
            let status = answer.status().as_u16();
            let headers = answer.headers();
            match status {
                200..300 => return self.receive(answer),
                307 | 308 => uri = next(&uri, headers)?,
                300..400 => {
                    let to = next(&uri, headers).map_or_else(|_| String::new(), |to| shown(&to));
                    let problem = format!("the server answers {status}; use its address {to}");
                    return Err(Problem::Lasting(problem));
                }
                _ => {
                    let wait = retry_after(headers);
                    let said = self.said(&mut answer);
                    let mut problem = format!("the server answers {status}{said}");
                    if matches!(status, 401 | 403) {
                        problem += &self.cure();
                    }
                    return Err(match status {
                        429 | 500 | 502 | 503 | 504 => Problem::Passing(problem, wait),
                        _ => Problem::Lasting(problem),
                    });
                }
            }
        }
        Err(Problem::Lasting("the server redirects without end".into()))
    }

    fn send(&self, uri: &Uri) -> Result<ureq::http::Response<ureq::Body>, Problem> {
        let mut request = self
            .agent
            .post(uri)
            .header(header::CONTENT_TYPE, "application/json");
        // Whom the user did not name gets no key.
        if let Some(Key(key)) = &self.key
            && same_server(uri, &self.uri)
            && is_private(uri)
        {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                let name = super::KEY_VARIABLE;
                Problem::Lasting(format!("{name} holds what no key consists of"))
            })?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.send(&self.body).map_err(|error| match error {
            ureq::Error::Io(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Problem::Passing(format!("no connection ({error})"), None)
            }
            ureq::Error::Timeout(_) => Problem::Lasting(format!(
                "no answer within {} s",
                self.patience.answer.as_secs_f32()
            )),
            error => Problem::Lasting(error.to_string()),
        })
    }

    fn receive(&self, answer: ureq::http::Response<ureq::Body>) -> Result<Answer, Problem> {
        let kind = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let mut body = answer.into_body().into_reader();
        let mut bytes = Vec::new();
        let mut piece = [0; 16_384];
        loop {
            if self.cancel.is_cancelled() {
                return Err(Problem::Lasting("cancelled".into()));
            }
            match body.read(&mut piece) {
                Ok(0) if bytes.is_empty() => {
                    return Err(Problem::Passing("the server sent nothing".into(), None));
                }
                Ok(0) => return Ok(Answer { bytes, kind }),
                Ok(count) => bytes.extend(&piece[..count]),
                Err(error) if bytes.is_empty() => {
                    return Err(Problem::Passing(
                        format!("the sound did not come: {error}"),
                        None,
                    ));
                }
                Err(error) => {
                    let count = bytes.len();
                    let problem = format!("the sound broke off after {count} bytes: {error}");
                    return Err(Problem::Lasting(problem));
                }
            }
            if bytes.len() > LARGEST {
                return Err(Problem::Lasting(format!(
                    "the server sent more than {} MB",
                    LARGEST >> 20
                )));
            }
        }
    }

    /// The server's own words about an error.
    fn said(&self, answer: &mut ureq::http::Response<ureq::Body>) -> String {
        let reader = answer.body_mut().as_reader();
        let mut bytes = Vec::new();
        // What cannot be read is not told.
        let _ = reader.take(4 * MOST_SAID as u64).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let told = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|said| {
                let message = said.pointer("/error/message").or(said.get("detail"));
                message.and_then(|m| m.as_str()).map(str::to_owned)
            });
        let text = told.unwrap_or_else(|| text.into_owned());
        let plain: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MOST_SAID)
            .collect();
        match plain.trim() {
            "" => String::new(),
            said => format!(": {said}"),
        }
    }

    /// What helps where a key is asked for.
    fn cure(&self) -> String {
        let name = super::KEY_VARIABLE;
        match &self.key {
            None => format!(". Set the environment variable {name} to your key"),
            Some(_) if !is_private(&self.uri) => {
                format!(". The key in {name} is sent by https only, and to this machine")
            }
            Some(_) => format!(". Is the key in {name} the right one?"),
        }
    }
}

/// Where a redirect leads.
fn next(from: &Uri, headers: &HeaderMap) -> Result<Uri, Problem> {
    let bad = || Problem::Lasting("the server redirects to nowhere".into());
    let to = headers
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok());
    let to: Uri = to.ok_or_else(bad)?.parse().map_err(|_| bad())?;
    let mut parts = to.into_parts();
    if parts.authority.is_none() {
        parts.authority = from.authority().cloned();
        parts.scheme = from.scheme().cloned();
    }
    let to = Uri::from_parts(parts).map_err(|_| bad())?;
    if !matches!(to.scheme_str(), Some("http" | "https")) || has_password(&to) {
        return Err(bad());
    }
    if is_private(from) && !is_private(&to) {
        return Err(Problem::Lasting(format!(
            "the server redirects to {}, which is not encrypted",
            shown(&to)
        )));
    }
    Ok(to)
}

/// How long the server asks to wait; dates are not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}
