// SPDX-License-Identifier: MPL-2.0
//! [`RtmpAddress`]: where a stream is published. What is secret of it is never printed.

use std::fmt;

use ureq::http::Uri;

/// A longer address is a mistake, bytes.
const MOST_BYTES: usize = 4096;
/// Ports where none is named.
const PORT: u16 = 1935;
const SECURE_PORT: u16 = 443;

/// Something that is shown to nobody: it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes what is to be kept secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for those who need it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a text is no address that can be published to. None of them repeats a part of the
/// address that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing, or only white space.
    #[error("there is no address; one looks like rtmp://host/application/key")]
    Empty,
    /// More bytes than any address has.
    #[error("the address is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// It is not a URL.
    #[error("the address is no URL: {0}; one looks like rtmp://host/application/key")]
    Malformed(String),
    /// Neither rtmp nor rtmps.
    #[error("the scheme {0:?} is not pushed to; rtmp:// and rtmps:// are")]
    Scheme(String),
    /// No application in its path.
    #[error("the address names no application; one looks like rtmp://host/application/key")]
    NoApplication,
    /// No key, neither in the address nor beside it.
    #[error(
        "there is no stream key: it is what follows the application in the address, or stands \
         in the environment or in a file"
    )]
    NoKey,
    /// The key has white space or characters that cannot be seen within.
    #[error("the stream key has white space or control characters within: was it cut or joined?")]
    Key,
    /// A variable is named that is not set, or is empty.
    #[error("the address names the variable {0}, which is not set or empty")]
    Variable(String),
    /// `${` without `}`, or with something between that is no name.
    #[error("the address has ${{ that is not followed by a variable's name and }}")]
    Braces,
}

/// Where a stream is published: `rtmp://user:password@host:port/application/key`.
///
/// The last part of the path is the key, with the query; all before it is the application. It
/// prints without key, password and query.
#[derive(Clone, PartialEq, Eq)]
pub struct RtmpAddress {
    secure: bool,
    user: Option<(String, Secret)>,
    host: String,
    port: u16,
    application: String,
    key: Secret,
}

impl RtmpAddress {
    /// Reads an address. With a `key` of its own all of the path is the application, unless the
    /// address has a key already, which then counts.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str, key: Option<Secret>) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > MOST_BYTES {
            return Err(AddressError::TooLong);
        }
        let secure = is_secure(text)?;
        let malformed = |what: &str| AddressError::Malformed(what.into());
        if text.contains('#') {
            return Err(malformed("# and what follows it would not be sent"));
        }
        // Its errors say what is wrong without repeating the text.
        let uri: Uri = text
            .parse()
            .map_err(|e: ureq::http::uri::InvalidUri| AddressError::Malformed(e.to_string()))?;
        let authority = uri.authority().ok_or_else(|| malformed("no host"))?;
        let host = uri.host().filter(|h| !h.is_empty());
        let host = host.ok_or_else(|| malformed("no host"))?;
        let user = match authority.as_str().rsplit_once('@') {
            Some((user, _)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                Some((name.to_owned(), Secret::new(password)))
            }
            None => None,
        };
        let usual = if secure { SECURE_PORT } else { PORT };
        let port = port(&uri, host)?.unwrap_or(usual);
        let (application, key) = split(uri.path(), uri.query(), key)?;
        Ok(Self {
            secure,
            user,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            application,
            key,
        })
    }

    /// Whether it is rtmps.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Name or number of the host, an IPv6 number without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The application, without slashes around it.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The stream's key with its query.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// Name and password of the user, if there is one.
    pub fn user(&self) -> Option<(&str, &Secret)> {
        self.user.as_ref().map(|(name, word)| (name.as_str(), word))
    }

    /// The text without anything of this address that is secret, for texts that a server or
    /// another element wrote.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let password = self.user.iter().map(|(_, word)| word.expose());
        let key = self.key.expose();
        let (name, query) = key.split_once('?').unwrap_or((key, ""));
        for secret in [key, name, query].into_iter().chain(password) {
            // Of less than that nothing can be told from any other text.
            if secret.len() >= 3 {
                text = text.replace(secret, "***");
            }
        }
        text
    }
}

impl fmt::Display for RtmpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "rtmps" } else { "rtmp" };
        let user = if self.user.is_some() { "***@" } else { "" };
        let (host, port, application) = (&self.host, self.port, &self.application);
        match host.contains(':') {
            true => write!(f, "{scheme}://{user}[{host}]:{port}/{application}/***"),
            false => write!(f, "{scheme}://{user}{host}:{port}/{application}/***"),
        }
    }
}

impl fmt::Debug for RtmpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether an address's scheme is rtmps, and not rtmp. That is told before anything else, for it
/// says more than what else is wrong with the name of a file.
fn is_secure(text: &str) -> Result<bool, AddressError> {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme.to_ascii_lowercase().as_str() {
        "rtmp" => Ok(false),
        "rtmps" => Ok(true),
        // What stands there may be anything, even a key that was pasted.
        other if is_scheme(other) => Err(AddressError::Scheme(other.into())),
        _ => Err(AddressError::Malformed("no scheme".into())),
    }
}

/// The port that an address names. One that is no number, or too large a one, is not seen by
/// `port_u16`.
fn port(uri: &Uri, host: &str) -> Result<Option<u16>, AddressError> {
    let authority = uri.authority().map_or("", |a| a.as_str());
    let after = &authority[authority.rfind('@').map_or(0, |at| at + 1)..];
    match after[host.len().min(after.len())..].strip_prefix(':') {
        None | Some("") => Ok(None),
        Some(_) => match uri.port_u16() {
            None | Some(0) => Err(AddressError::Malformed(
                "the port is none from 1 to 65535".into(),
            )),
            port => Ok(port),
        },
    }
}

/// Application and key out of an address's path and query, and the key that stands beside it.
fn split(
    path: &str,
    query: Option<&str>,
    beside: Option<Secret>,
) -> Result<(String, Secret), AddressError> {
    let whole = path.trim_start_matches('/');
    let beside = beside.map(|key| key.expose().trim().to_owned());
    let beside = beside.filter(|key| !key.is_empty());
    let with_query = |key: &str| match query {
        Some(query) => format!("{key}?{query}"),
        None => key.to_owned(),
    };
    // An address for a key of its own: its application may have a name of two parts, as of a
    // server with several, but then it ends in a slash.
    let (application, key) = match (whole.trim_end_matches('/').rsplit_once('/'), beside) {
        (Some((application, key)), _) if !whole.ends_with('/') => (application, with_query(key)),
        (_, Some(key)) => (whole, with_query(&key)),
        (_, None) if whole.trim_matches('/').is_empty() => return Err(AddressError::NoApplication),
        (_, None) => return Err(AddressError::NoKey),
    };
    let application = application.trim_matches('/');
    if application.is_empty() {
        return Err(AddressError::NoApplication);
    }
    if key.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(AddressError::Key);
    }
    Ok((application.to_owned(), Secret::new(key)))
}

fn is_scheme(text: &str) -> bool {
    text.len() <= 16
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Puts the values of variables in the place of `${NAME}`.
///
/// # Errors
/// [`AddressError::Variable`] and [`AddressError::Braces`].
pub fn expand(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, AddressError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or(AddressError::Braces)?;
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(AddressError::Braces);
        }
        let value = variable(name).filter(|value| !value.trim().is_empty());
        let value = value.ok_or_else(|| AddressError::Variable(name.to_owned()))?;
        expanded.push_str(before);
        expanded.push_str(value.trim());
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> RtmpAddress {
        RtmpAddress::parse(text, None).expect(text)
    }

    fn refused(text: &str) -> AddressError {
        RtmpAddress::parse(text, None).expect_err(text)
    }

    #[test]
    fn every_part_is_found() {
        let a = parsed("rtmps://me:word@live.example.org:1936/app/live_123?backup=1");
        assert!(a.is_secure());
        assert_eq!((a.host(), a.port()), ("live.example.org", 1936));
        assert_eq!(a.application(), "app");
        assert_eq!(a.key().expose(), "live_123?backup=1");
        let (name, word) = a.user().expect("a user");
        assert_eq!((name, word.expose()), ("me", "word"));
    }

    #[test]
    fn ports_have_their_usual_values() {
        assert_eq!(parsed("rtmp://h/a/k").port(), 1935);
        assert_eq!(parsed("RTMPS://h/a/k").port(), 443);
        assert_eq!(parsed("rtmp://[::1]:19350/a/k").host(), "::1");
        assert_eq!(
            parsed("rtmp://[::1]:19350/a/k").to_string(),
            "rtmp://[::1]:19350/a/***"
        );
    }

    #[test]
    fn a_key_beside_the_address_is_used_where_it_has_none() {
        let beside = || Some(Secret::new(" k-1\n"));
        let a = RtmpAddress::parse("rtmp://a.example.org/live2", beside()).expect("an address");
        assert_eq!((a.application(), a.key().expose()), ("live2", "k-1"));
        let a = RtmpAddress::parse("rtmp://h/two/parts/", beside()).expect("an address");
        assert_eq!((a.application(), a.key().expose()), ("two/parts", "k-1"));
        let own = RtmpAddress::parse("rtmp://h/app/own", beside()).expect("an address");
        assert_eq!(own.key().expose(), "own");
    }

    #[test]
    fn mistakes_are_told_without_the_key() {
        assert_eq!(refused("  "), AddressError::Empty);
        assert_eq!(refused("http://h/a/k"), AddressError::Scheme("http".into()));
        assert_eq!(refused("rtmp://h"), AddressError::NoApplication);
        assert_eq!(refused("rtmp://h/a"), AddressError::NoKey);
        assert_eq!(refused("rtmp://h/a/"), AddressError::NoKey);
        for text in [
            "live_secret",
            "rtmp:///a/live_secret",
            "rtmp://h:99999/a/live_secret",
            "rtmp://h:0/a/live_secret",
            "rtmp://h:x/a/live_secret",
            "rtmp://h/a/live_secret#part",
            "rtmp://h/a/live_secret two",
            "live_secret://h/a/k",
        ] {
            let error = refused(text);
            let told = format!("{error} {error:?}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn variables_are_put_in_or_named() {
        let known = |name: &str| (name == "KEY").then(|| "k1\n".to_owned());
        let all = expand("rtmp://h/a/${KEY}?x=1", known);
        assert_eq!(all.as_deref(), Ok("rtmp://h/a/k1?x=1"));
        let missing = expand("rtmp://h/${APP}/${KEY}", known);
        assert_eq!(missing, Err(AddressError::Variable("APP".into())));
        for text in ["${KEY", "${}", "${A B}", "${KEY-x}"] {
            assert_eq!(expand(text, known), Err(AddressError::Braces), "{text}");
        }
        assert_eq!(expand("$KEY", known).as_deref(), Ok("$KEY"));
    }

    #[test]
    fn texts_of_others_lose_the_secrets() {
        let a = parsed("rtmp://me:password1@h/a/stream9?token=abc");
        let text = a.redact("publish stream9?token=abc by password1: token=abc denied");
        assert_eq!(text, "publish *** by ***: *** denied");
    }

    proptest! {
        #[test]
        fn nothing_that_is_printed_has_the_key(
            key in "[a-zA-Z0-9_-]{12,40}", word in "[a-z0-9]{12,20}", query in "[a-z]{12,20}",
        ) {
            let text = format!("rtmp://me:{word}@host/app/{key}?t={query}");
            let a = parsed(&text);
            for shown in [a.to_string(), format!("{a:?} {a:#?}"), a.redact(&text)] {
                prop_assert!(!shown.contains(&key), "{}", shown);
                prop_assert!(!shown.contains(&word), "{}", shown);
                prop_assert!(!shown.contains(&query), "{}", shown);
            }
        }

        #[test]
        fn no_text_panics_and_no_error_repeats_its_end(text in "\\PC{0,60}", tail in "[a-z]{20}") {
            if let Err(error) = RtmpAddress::parse(&format!("{text}{tail}"), None) {
                prop_assert!(!error.to_string().contains(&tail));
            }
            let _ = expand(&text, |_| None);
        }
    }
}
