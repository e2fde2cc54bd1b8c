// SPDX-License-Identifier: MPL-2.0
//! Where a voice is asked for: `http(s)://host[:port][/path][#voice[,model=…][,format=…]]`.

use std::net::IpAddr;

use ureq::http::Uri;

/// What follows the server's own path.
const ENDPOINT: &str = "/audio/speech";

/// In what form the sound is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Wav,
    Pcm,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }
}

/// A server, and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Where requests go.
    pub(super) uri: Uri,
    pub(super) voice: String,
    pub(super) model: String,
    pub(super) format: Format,
}

impl Address {
    /// # Errors
    /// What is wrong with it, and what was expected. No secret is repeated.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (place, wanted) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = place
            .parse()
            .map_err(|error| format!("it is no address: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https"))
            || uri.host().is_none_or(str::is_empty)
        {
            return Err("expected http://host:port#voice or https://host#voice".into());
        }
        if has_password(&uri) {
            return Err(format!(
                "names and passwords do not belong into an address; {} holds the key",
                super::KEY_VARIABLE
            ));
        }
        let mut address = Self {
            uri: endpoint(&uri)?,
            voice: "alloy".into(),
            model: "tts-1".into(),
            format: Format::Wav,
        };
        for (n, part) in wanted.split(',').map(str::trim).enumerate() {
            match part.split_once('=') {
                Some(("model", model)) => address.model = model.to_owned(),
                Some(("format", "wav")) => address.format = Format::Wav,
                Some(("format", "pcm")) => address.format = Format::Pcm,
                None if n == 0 && part.is_empty() => {}
                None if n == 0 => address.voice = part.to_owned(),
                _ => {
                    return Err(format!(
                        "{part:?} is not known; expected #voice,model=name,format=wav (or pcm)"
                    ));
                }
            }
        }
        Ok(address)
    }

    /// The address to show: queries may hold secrets.
    pub(super) fn shown(&self) -> String {
        shown(&self.uri)
    }
}

/// An address without its query.
pub(super) fn shown(uri: &Uri) -> String {
    format!(
        "{}://{}{}",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", |a| a.as_str()),
        uri.path()
    )
}

/// Whether there is a name or password before the host.
pub(super) fn has_password(uri: &Uri) -> bool {
    uri.authority().is_some_and(|a| a.as_str().contains('@'))
}

/// The address that requests go to: a server's, its interface's, or the endpoint itself.
fn endpoint(uri: &Uri) -> Result<Uri, String> {
    let path = uri.path().trim_end_matches('/');
    let path = if path.ends_with(ENDPOINT) {
        path.to_owned()
    } else if path.ends_with("/v1") {
        format!("{path}{ENDPOINT}")
    } else {
        format!("{path}/v1{ENDPOINT}")
    };
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).map_err(|error| error.to_string())
}

/// Whether what is sent there can be read by nobody else: it is encrypted, or stays on this
/// machine.
pub(super) fn is_private(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https") || is_local(uri)
}

/// Whether the host is this machine.
pub(super) fn is_local(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
}

/// Whether a key for one is meant for the other too.
pub(super) fn same_server(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| match uri.scheme_str() {
        Some("https") => uri.port_u16().unwrap_or(443),
        _ => uri.port_u16().unwrap_or(80),
    };
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme_str() == b.scheme_str() && host(a) == host(b) && port(a) == port(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_found_from_what_people_know() {
        for (text, uri) in [
            (
                "http://localhost:8880",
                "http://localhost:8880/v1/audio/speech",
            ),
            (
                "https://api.example.com/v1/",
                "https://api.example.com/v1/audio/speech",
            ),
            (
                "https://example.com/tts/v1/audio/speech?v=2",
                "https://example.com/tts/v1/audio/speech?v=2",
            ),
            (
                "http://[::1]:80/kokoro#x",
                "http://[::1]:80/kokoro/v1/audio/speech",
            ),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.uri.to_string(), uri);
        }
    }

    #[test]
    fn voice_model_and_format_are_chosen_behind_the_hash() {
        let address = Address::parse("http://localhost#af_bella, model=kokoro,format=pcm");
        let address = address.expect("an address");
        assert_eq!(address.voice, "af_bella");
        assert_eq!(address.model, "kokoro");
        assert_eq!(address.format, Format::Pcm);
        let plain = Address::parse("http://localhost").expect("an address");
        assert_eq!(
            (plain.voice.as_str(), plain.model.as_str()),
            ("alloy", "tts-1")
        );
        for wrong in [
            "ftp://example.com#x",
            "http://#x",
            "http://localhost#x,format=mp3",
            "http://localhost#x,y",
            "http://local host",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_not_repeated() {
        let error = Address::parse("https://me:hunter2@example.com#x").expect_err("a password");
        assert!(!error.contains("hunter2"), "{error}");
        let address = Address::parse("https://example.com?key=hunter2#x").expect("an address");
        assert!(!address.shown().contains("hunter2"));
    }

    #[test]
    fn private_is_what_nobody_else_reads() {
        let uri = |text: &str| text.parse::<Uri>().expect("an address");
        for (text, private) in [
            ("https://example.com", true),
            ("http://LOCALHOST:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:8", true),
            ("http://192.168.0.2", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_private(&uri(text)), private, "{text}");
        }
        assert!(same_server(&uri("https://a.b"), &uri("https://A.b:443/x")));
        assert!(!same_server(&uri("https://a.b"), &uri("http://a.b")));
        assert!(!same_server(&uri("http://a.b:1"), &uri("http://a.b:2")));
    }
}
