// SPDX-License-Identifier: MPL-2.0
//! Who asks. Where only this machine can reach the service nobody logs in, but pages of other sites
//! that a browser here shows are kept out; elsewhere everybody shows a token.

use std::{
    collections::HashMap,
    io::Write as _,
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;
use crate::job::{Digest, Owner};

/// How is found out who asks.
pub enum Auth {
    /// All are the one owner there is.
    Local,
    /// By the digests of tokens.
    Tokens(Tokens),
}

/// Who may ask, as a file says it.
pub struct Tokens {
    file: PathBuf,
    known: RwLock<Known>,
}

#[derive(Clone)]
struct Known {
    of: Arc<HashMap<Digest, Owner>>,
    /// What the file looked like; `None` if it could not be seen.
    looked: Option<Looks>,
}

/// What changes when a file does: when, its length, and which file it is.
type Looks = (SystemTime, u64, u64);

fn looks(file: &Path) -> Option<Looks> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len(), meta.ino()))
}

impl Tokens {
    fn new(file: &Path) -> Result<Self, String> {
        let looked = looks(file);
        let of = Arc::new(read_file(file)?);
        Ok(Self {
            file: file.to_owned(),
            known: RwLock::new(Known { of, looked }),
        })
    }

    fn known(&self) -> Known {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Reads the file again if it has changed; how many tokens there are then, or why the old ones
    /// stay. `None` if it is as it was.
    pub fn refresh(&self) -> Option<Result<usize, String>> {
        let (known, looked) = (self.known(), looks(&self.file));
        if looked == known.looked {
            return None;
        }
        let read = read_file(&self.file);
        let counted = read.as_ref().map(HashMap::len).map_err(String::clone);
        let of = read.map_or(known.of, Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { of, looked };
        Some(counted)
    }
}

fn read_file(file: &Path) -> Result<HashMap<Digest, Owner>, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    read(&text).map_err(|what| format!("{}: {what}", file.display()))
}

/// Shows no digests.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Auth::Local => f.write_str("Local"),
            Auth::Tokens(tokens) => write!(f, "Tokens({})", tokens.known().of.len()),
        }
    }
}

impl Auth {
    /// For a service that listens at `address`, with the file of tokens if there is one.
    ///
    /// # Errors
    /// It is open to others and there are no tokens, or the file cannot be read: a sentence.
    pub fn new(address: IpAddr, tokens: Option<&Path>) -> Result<Self, String> {
        match tokens {
            None if address.is_loopback() => Ok(Auth::Local),
            None => Err(format!(
                "{address} can be reached by others, so that tokens are needed: make one with \
                 `sonicd token OWNER --tokens FILE`, and name the file with --tokens"
            )),
            Some(file) => Tokens::new(file).map(Auth::Tokens),
        }
    }

    /// Whose a request is.
    ///
    /// # Errors
    /// It shows no token that is known.
    pub fn owner(&self, headers: &HeaderMap) -> Result<Owner, Problem> {
        let Auth::Tokens(tokens) = self else {
            return Ok(Owner::local());
        };
        let shown = headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|value| value.to_str().ok());
        let token = shown.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        // What is compared is the digest, so that the time it takes tells nothing of a token.
        let known = tokens.known().of;
        let owner = token.and_then(|token| known.get(&Digest::of(token.as_bytes())));
        owner.cloned().ok_or_else(|| {
            let what = "send a token that is known, as Authorization: Bearer TOKEN";
            Problem::new(StatusCode::UNAUTHORIZED, what)
        })
    }

    /// Whether a request may come at all: where nobody logs in, only from this machine by its own
    /// name, and from no page of another site.
    ///
    /// # Errors
    /// It may not.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if !matches!(self, Auth::Local) {
            return Ok(());
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        if !is_local(host) {
            let what = "this service is asked by the name of this machine only, as localhost";
            return Err(Problem::new(StatusCode::FORBIDDEN, what));
        }
        match headers.get(header::ORIGIN).map(|origin| origin.to_str()) {
            None => Ok(()),
            Some(Ok(origin)) if origin == format!("http://{host}") => Ok(()),
            Some(_) => {
                let what = "pages of other sites may not ask";
                Err(Problem::new(StatusCode::FORBIDDEN, what))
            }
        }
    }
}

/// Whether a `Host` names this machine.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    // A name and a password have no place in it.
    if host.contains('@') {
        return false;
    }
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Lines of `owner: digest`; empty ones, and those that begin with `#`, say nothing.
fn read(text: &str) -> Result<HashMap<Digest, Owner>, String> {
    let mut tokens = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let known = line.split_once(':').and_then(|(owner, digest)| {
            Some((digest.trim().parse().ok()?, owner.trim().parse().ok()?))
        });
        let Some((digest, owner)) = known else {
            return Err(format!(
                "line {}: expected OWNER: SHA256, as sonicd token writes it",
                number + 1
            ));
        };
        tokens.insert(digest, owner);
    }
    if tokens.is_empty() {
        return Err("there is no token in it: sonicd token OWNER makes one".to_owned());
    }
    Ok(tokens)
}

/// Makes a token for an owner and adds its digest to a file, which only its owner may read.
///
/// # Errors
/// The file cannot be written, or there is no chance in this machine: a sentence.
pub fn make_token(owner: &Owner, file: &Path) -> Result<String, String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let line = format!("{owner}: {}\n", Digest::of(token.as_bytes()));
    let written = options
        .open(file)
        .and_then(|mut to| to.write_all(line.as_bytes()));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, value.parse().expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_this_machine_may_ask_where_nobody_logs_in() {
        for (host, origin, admitted) in [
            ("localhost:8040", None, true),
            ("127.0.0.1:8040", Some("http://127.0.0.1:8040"), true),
            ("[::1]:8040", Some("http://[::1]:8040"), true),
            ("localhost", Some("http://localhost:3000"), false),
            ("localhost:8040", Some("https://localhost:8040"), false),
            ("localhost:8040", Some("null"), false),
            ("localhost:8040", Some("http://evil.example"), false),
            ("evil.example:8040", None, false),
            ("evil.example@localhost", None, false),
            ("127.0.0.1.evil.example", None, false),
            ("10.0.0.1", None, false),
            ("", None, false),
        ] {
            let mut pairs = vec![("host", host)];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            let admit = Auth::Local.admit(&headers(&pairs));
            assert_eq!(admit.is_ok(), admitted, "{host} {origin:?}");
        }
    }

    #[test]
    fn a_token_is_known_by_its_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens");
        let owner: Owner = "me".parse().expect("a name");
        let token = make_token(&owner, &file).expect("a token");
        let other = make_token(&Owner::local(), &file).expect("a token");
        let any = IpAddr::from([0, 0, 0, 0]);
        let auth = Auth::new(any, Some(&file)).expect("tokens");
        let by = |value: &str| auth.owner(&headers(&[("authorization", value)])).ok();
        assert_eq!(by(&format!("Bearer {token}")), Some(owner));
        assert_eq!(by(&format!("bearer {other}")), Some(Owner::local()));
        assert_eq!(by(&format!("Bearer {token}0")), None);
        assert_eq!(by(&format!("Basic {token}")), None);
        assert_eq!(by(&token), None);
        let written = std::fs::read_to_string(&file).expect("a file");
        assert!(!written.contains(&token), "it is written nowhere");
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens");
        let (one, two) = (
            "one".parse().expect("a name"),
            "two".parse().expect("a name"),
        );
        let first = make_token(&one, &file).expect("a token");
        let tokens = Tokens::new(&file).expect("tokens");
        assert_eq!(tokens.refresh(), None);
        make_token(&two, &file).expect("a token");
        assert_eq!(tokens.refresh(), Some(Ok(2)));
        assert_eq!(tokens.refresh(), None);
        for broken in ["me: 12", ""] {
            std::fs::write(&file, broken).expect("a file");
            assert!(matches!(tokens.refresh(), Some(Err(_))));
            assert_eq!(tokens.refresh(), None, "it is told once");
            assert_eq!(tokens.known().of.len(), 2);
        }
        std::fs::remove_file(&file).expect("it was there");
        assert!(matches!(tokens.refresh(), Some(Err(_))));
        assert_eq!(
            tokens.known().of.get(&Digest::of(first.as_bytes())),
            Some(&one)
        );
        make_token(&two, &file).expect("a token");
        assert_eq!(tokens.refresh(), Some(Ok(1)));
        assert_eq!(tokens.known().of.get(&Digest::of(first.as_bytes())), None);
    }

    #[test]
    fn without_tokens_it_is_open_to_this_machine_only() {
        assert!(Auth::new(IpAddr::from([127, 0, 0, 1]), None).is_ok());
        let error = Auth::new(IpAddr::from([0, 0, 0, 0]), None).expect_err("open to all");
        assert!(error.contains("sonicd token"), "{error}");
        for text in ["", "# nothing\n", "me", "me: 12", "M E: 12"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
