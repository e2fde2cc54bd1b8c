// SPDX-License-Identifier: MPL-2.0
//! Names: of jobs, of owners, of contents. None of them is ever anything but a plain name, so that
//! each may stand in a path.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A name of a job: 12 hexadecimal digits that count down by the millisecond, and 16 random ones.
/// The youngest comes first where names are sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

/// Milliseconds since 1970 that have a name: until the year 10889.
const LAST_MS: u64 = (1 << 48) - 1;
const TIME_DIGITS: usize = 12;
const DIGITS: usize = TIME_DIGITS + 16;
/// So many digits name a span of 2²⁸ ms, about three days: jobs are listed span by span.
const SPAN_DIGITS: usize = 5;

impl JobId {
    /// The name of a job that came at `ms` since 1970; `random` tells those of one moment apart.
    #[must_use]
    pub fn new(ms: u64, random: u64) -> Self {
        Self(format!("{:012x}{random:016x}", LAST_MS - ms.min(LAST_MS)))
    }

    /// When it came, ms since 1970.
    #[must_use]
    pub fn ms(&self) -> u64 {
        LAST_MS - u64::from_str_radix(&self.0[..TIME_DIGITS], 16).unwrap_or(LAST_MS)
    }

    /// The span of time that it belongs to. Spans sort as the names do.
    #[must_use]
    pub fn span(&self) -> &str {
        &self.0[..SPAN_DIGITS]
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that is none: what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAName(&'static str);

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for NotAName {}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The SHA-256 of a content: 64 hexadecimal digits, small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// That of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(sha2::Sha256::digest(bytes).as_slice())
    }

    /// That of a hash that was made piece by piece.
    #[must_use]
    pub fn from_hash(hash: &[u8]) -> Self {
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose a job is: 1 to 64 of a–z, 0–9 and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Owner(String);

const OWNER_LENGTH: std::ops::RangeInclusive<usize> = 1..=64;

impl Owner {
    /// The one there is where nobody logs in.
    #[must_use]
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that is read by a rule.
macro_rules! name {
    ($type:ident, $what:literal, $rule:expr) => {
        impl FromStr for $type {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                let rule: fn(&str) -> bool = $rule;
                rule(text)
                    .then(|| Self(text.to_owned()))
                    .ok_or(NotAName($what))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(JobId, "a job's name: 28 hexadecimal digits", |text| is_hex(
    text, DIGITS
));
name!(Digest, "a SHA-256: 64 hexadecimal digits", |text| is_hex(
    text, 64
));
name!(Owner, "1 to 64 of a-z, 0-9 and -", |text| {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    OWNER_LENGTH.contains(&text.len()) && text.bytes().all(plain)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_job_comes_first() {
        let (old, young) = (JobId::new(1_000, u64::MAX), JobId::new(1_001, 0));
        assert!(young < old);
        assert_eq!((old.ms(), young.ms()), (1_000, 1_001));
        let days = 4 * 86_400_000;
        let (old, young) = (JobId::new(0, 0), JobId::new(days, 0));
        assert!(young.span() < old.span());
    }

    #[test]
    fn what_could_be_a_path_is_no_name() {
        for text in ["", "..", "a/b", "A", "a b", "a\0", "é", &"a".repeat(65)] {
            assert!(text.parse::<Owner>().is_err(), "{text:?}");
            assert!(text.parse::<JobId>().is_err(), "{text:?}");
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
        let id = JobId::new(5, 7);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        let json = serde_json::to_string(&id).expect("it is text");
        assert_eq!(serde_json::from_str::<JobId>(&json).expect("its own"), id);
        assert!(serde_json::from_str::<Owner>("\"../x\"").is_err());
    }

    #[test]
    fn a_digest_is_the_known_one() {
        // FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").as_str(), known);
    }
}
