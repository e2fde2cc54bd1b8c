// SPDX-License-Identifier: MPL-2.0
//! Where the stream comes from, the element that reads it, and how it is called without telling
//! what may be secret.

use std::{ffi::OsStr, fs, path::PathBuf, time::Duration};

use gst::{glib, prelude::*};

/// A file, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    File(PathBuf),
    Url { url: String, scheme: String },
}

impl Address {
    /// # Errors
    /// It can be neither, or there is no such file; one sentence.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        let url = text.to_str().filter(|text| text.contains("://"));
        let Some(url) = url else {
            return file(text.into());
        };
        let scheme = url
            .split("://")
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if scheme == "file" {
            let (path, _) = glib::filename_from_uri(url).map_err(|e| e.message().to_owned())?;
            return file(path);
        }
        Ok(Self::Url {
            url: url.to_owned(),
            scheme,
        })
    }

    /// Whether it comes over a network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Url { .. })
    }

    /// The element that reads it.
    ///
    /// # Errors
    /// There is none; one sentence.
    pub fn element(&self, timeout: Duration) -> Result<gst::Element, String> {
        let make = |name: &str| {
            gst::ElementFactory::make(name)
                .build()
                .map_err(|_| format!("GStreamer's element {name} is missing"))
        };
        // The waiting is done elsewhere. An element that gave up by itself would try again.
        let seconds = timeout.as_secs().saturating_add(5).min(3_600) as u32;
        match self {
            Self::File(path) => {
                let source = make("filesrc")?;
                source.set_property("location", path);
                Ok(source)
            }
            // The other element for RTMP hangs when the server does.
            Self::Url { url, scheme } if matches!(scheme.as_str(), "rtmp" | "rtmps") => {
                let source = make("rtmp2src")?;
                let handler = source.dynamic_cast_ref::<gst::URIHandler>();
                handler
                    .ok_or("rtmp2src takes no address")?
                    .set_uri(url)
                    .map_err(|_| "it is no address of an RTMP stream".to_owned())?;
                source.set_property("timeout", seconds);
                Ok(source)
            }
            Self::Url { url, scheme } => {
                let source = gst::Element::make_from_uri(gst::URIType::Src, url, None)
                    .map_err(|_| format!("nothing here reads addresses of the kind {scheme}://"))?;
                if source.type_().name() == "GstSoupHTTPSrc" {
                    source.set_property("timeout", seconds);
                }
                Ok(source)
            }
        }
    }

    /// What it is called: of an address neither user, password nor query, and of an RTMP stream
    /// not its name either, because that is mostly the key.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url { url, scheme } => {
                let Some((host, path)) = parts(url) else {
                    return format!("{scheme}://…");
                };
                match path.rsplit_once('/') {
                    Some((application, _)) if scheme.starts_with("rtmp") => {
                        format!("{scheme}://{host}{application}/…")
                    }
                    _ => format!("{scheme}://{host}{path}"),
                }
            }
        }
    }

    /// A text of somebody else's without what [`name`](Self::name) leaves out.
    pub fn redacted(&self, text: &str) -> String {
        let Self::Url { url, scheme } = self else {
            return text.to_owned();
        };
        let mut redacted = text.replace(url, &self.name());
        let secrets = url.split(['/', '?', '&', '=', '@', '#']).skip(3);
        let is_rtmp = scheme.starts_with("rtmp");
        let key = url
            .split('?')
            .next()
            .and_then(|u| u.rsplit('/').next())
            .filter(|_| is_rtmp);
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let told = self.name();
        for secret in secrets.filter(|s| query.contains(s)).chain(key) {
            if secret.len() > 3 && !told.contains(secret) {
                redacted = redacted.replace(secret, "…");
            }
        }
        redacted
    }
}

fn file(path: PathBuf) -> Result<Address, String> {
    let found = fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    })?;
    if !found.is_file() {
        return Err("it is not a file".into());
    }
    if found.len() == 0 {
        return Err("it is empty".into());
    }
    Ok(Address::File(path))
}

/// Host with port, and path.
fn parts(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit('@')
        .next()
        .filter(|host| !host.is_empty())?;
    Some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::parse(OsStr::new(url)).expect("an address")
    }

    #[test]
    fn names_tell_no_secrets() {
        for (url, name) in [
            (
                "rtmp://127.0.0.1:1935/live/a-key",
                "rtmp://127.0.0.1:1935/live/…",
            ),
            (
                "RTMPS://user:word@host/app/in/a-key?x=y",
                "rtmps://host/app/in/…",
            ),
            (
                "http://user:word@[::1]:80/a/b.flv?token=abcd#x",
                "http://[::1]:80/a/b.flv",
            ),
            ("rtmp://", "rtmp://…"),
        ] {
            assert_eq!(address(url).name(), name);
        }
    }

    #[test]
    fn words_of_others_tell_no_secrets() {
        let rtmp = address("rtmp://host/live/my-key?name=good-one");
        let said =
            rtmp.redacted("no rtmp://host/live/my-key?name=good-one, stream 'my-key', good-one");
        assert_eq!(said, "no rtmp://host/live/…, stream '…', …");
        let http = address("http://host/a.flv?token=abcdef");
        assert_eq!(http.redacted("GET /a.flv?token=abcdef"), "GET /a.flv?…=…");
        let file = Address::File("token.mp4".into());
        assert_eq!(file.redacted("token.mp4 is broken"), "token.mp4 is broken");
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().join("a:b.mp4");
        fs::write(&empty, "").expect("written");
        for (path, words) in [
            (folder.path().to_owned(), "not a file"),
            (empty, "empty"),
            (folder.path().join("none"), "no such file"),
        ] {
            assert_eq!(
                Address::parse(path.as_os_str())
                    .err()
                    .map(|e| e.contains(words)),
                Some(true)
            );
        }
    }
}
