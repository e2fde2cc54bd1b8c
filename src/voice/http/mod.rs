// SPDX-License-Identifier: MPL-2.0
//! Voices of servers with OpenAI's interface for speech, which many free ones have too:
//! `POST …/v1/audio/speech`.
//!
//! They do not tell when each sound happens, so that the mouth follows what is heard.

mod address;
mod request;
mod sound;

use std::{
    sync::{
        Arc, LazyLock,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{Cancel, Delivery, Spoken, Voice, VoiceError};
use address::{Address, is_local, is_private};
use request::{Key, Request};

/// The environment variable that holds the key of the server, if it wants one.
pub const KEY_VARIABLE: &str = "SONIC_TTS_API_KEY";

/// How often who waits for an answer looks whether it still wants it.
const LOOK: Duration = Duration::from_millis(10);
/// Requests at a time: those that were cancelled wait for their servers nevertheless.
const MOST_RUNNING: usize = 16;

/// How long a server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the beginning of an answer, because a clause is made before it is sent, and for each
    /// piece of it.
    pub answer: Duration,
    /// Before the second try; each further pause is four times as long. A server can ask for
    /// another one, up to 10 s.
    pub pause: Duration,
    /// Tries after the first, as long as nothing of the sound has come.
    pub retries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            pause: Duration::from_millis(250),
            retries: 2,
        }
    }
}

/// A voice of a server.
#[derive(Debug)]
pub struct HttpVoice {
    name: String,
    address: Address,
    agent: Agent,
    key: Option<Key>,
    patience: Patience,
    /// Each request that runs has a clone.
    running: Arc<()>,
}

impl HttpVoice {
    /// A voice by its address: `http://localhost:8880#af_bella` or
    /// `https://example.com/v1#alloy,model=tts-1`. The server is not asked yet. Its key comes from
    /// the environment ([`KEY_VARIABLE`]) and is sent by https only, or to this machine.
    ///
    /// # Errors
    /// [`VoiceError::UnknownVoice`]: the address is not one.
    pub fn new(address: &str, patience: Patience) -> Result<Self, VoiceError> {
        let parsed = Address::parse(address).map_err(|hint| VoiceError::UnknownVoice {
            // It may hold a secret that does not belong there.
            name: without_secrets(address).to_owned(),
            hint,
        })?;
        let key = std::env::var(KEY_VARIABLE)
            .ok()
            .map(|key| key.trim().to_owned());
        let key = key.filter(|key| !key.is_empty()).map(Key);
        if key.is_some() && !is_private(&parsed.uri) {
            tracing::warn!(
                "{} gets no key, because it is not encrypted",
                parsed.shown()
            );
        }
        Ok(Self {
            name: format!("{}#{}", parsed.shown(), parsed.voice),
            agent: agent(&parsed, patience),
            address: parsed,
            key,
            patience,
            running: Arc::default(),
        })
    }
}

/// What of an address can be repeated, though it is none.
fn without_secrets(address: &str) -> &str {
    let place = address.split('?').next().unwrap_or_default();
    place.rsplit('@').next().unwrap_or_default()
}

fn agent(address: &Address, patience: Patience) -> Agent {
    let mut config = Agent::config_builder()
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.answer))
        .timeout_per_read(Some(patience.answer))
        .timeout_per_write(Some(patience.answer))
        .http_status_as_error(false)
        // They are followed here, where it is known who may have the key.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(TLS.clone())
        .user_agent(concat!("gst-sonic/", env!("CARGO_PKG_VERSION")));
    if is_local(&address.uri) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// Whom the system trusts, or Mozilla where the system tells nobody.
static TLS: LazyLock<TlsConfig> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let own = found
        .certs
        .iter()
        .map(|c| Certificate::from_der(c).to_owned());
    let own: Vec<_> = own.collect();
    let roots = if own.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::new_with_certs(&own)
    };
    TlsConfig::builder().root_certs(roots).build()
});

impl Voice for HttpVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn language(&self) -> &str {
        "und"
    }

    fn rate(&self) -> u32 {
        sound::RATE
    }

    fn reads_all(&self) -> bool {
        true
    }

    fn speak(
        &self,
        text: &str,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Spoken, VoiceError> {
        if cancel.is_cancelled() {
            return Err(VoiceError::Cancelled);
        }
        if !text.contains(char::is_alphanumeric) {
            return Ok(Spoken::default());
        }
        if Arc::strong_count(&self.running) > MOST_RUNNING {
            return Err(VoiceError::Failed(format!(
                "{}: {MOST_RUNNING} requests still wait for an answer",
                self.address.shown()
            )));
        }
        let body = serde_json::json!({
            "model": self.address.model,
            "voice": self.address.voice,
            "input": text,
            "response_format": self.address.format.name(),
            "speed": delivery.sane().rate,
        });
        let request = Request {
            agent: self.agent.clone(),
            uri: self.address.uri.clone(),
            key: self.key.clone(),
            body: body.to_string(),
            patience: self.patience,
            cancel: cancel.clone(),
        };
        let answer = self.wait(request, cancel)?;
        let samples = sound::decode(&answer.bytes, &answer.kind).map_err(|problem| {
            VoiceError::Failed(format!("{}: {problem}", self.address.shown()))
        })?;
        Ok(Spoken {
            samples,
            ..Spoken::default()
        })
    }
}

impl HttpVoice {
    /// Has a request made in a thread of its own, which is left behind when it is cancelled: no
    /// read from a server can be interrupted.
    fn wait(&self, request: Request, cancel: &Cancel) -> Result<request::Answer, VoiceError> {
        let (sender, answered) = mpsc::channel();
        let running = self.running.clone();
        thread::Builder::new()
            .name("sonic-http".into())
            .spawn(move || {
                let answer = request.run();
                drop(running);
                // Who asked may have gone.
                drop(sender.send(answer));
            })
            .map_err(|error| VoiceError::Failed(error.to_string()))?;
        loop {
            match answered.recv_timeout(LOOK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if !cancel.is_cancelled() => {}
                Err(RecvTimeoutError::Timeout) => return Err(VoiceError::Cancelled),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(VoiceError::Failed("the request's thread has ended".into()));
                }
            }
        }
    }
}
