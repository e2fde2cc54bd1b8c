// SPDX-License-Identifier: MPL-2.0
//! What a worker decides, with the time as an argument.

use std::time::Duration;

use crate::job::{Attempt, GivenUp};

/// A job is given at least that long.
const LEAST: Duration = Duration::from_secs(300);
/// Beside so many times its media's length.
const START: Duration = Duration::from_secs(60);
const TIMES: u32 = 2;
/// To fetch what it needs and to store what it made, on top.
const CARRYING: Duration = Duration::from_secs(60);

/// How long a job may be rendered that speaks for `media`: five minutes, or a minute and twice the
/// media's length, whichever is longer.
#[must_use]
pub fn time_limit(media: Duration) -> Duration {
    LEAST.max(media.saturating_mul(TIMES).saturating_add(START))
}

/// How long a claim holds that renders for at most `limit`.
#[must_use]
pub fn claim_length(limit: Duration) -> Duration {
    limit.saturating_add(CARRYING)
}

/// Whether a job may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Under this number.
    As(u32),
    /// A living worker has it.
    Taken,
}

/// Whether a job may be begun at `now_ms`, after these attempts; `lives` tells of the worker of the
/// last one.
#[must_use]
pub fn claim(attempts: &[(Attempt, Option<GivenUp>)], lives: bool, now_ms: u64) -> Claim {
    match attempts.last() {
        Some((last, None)) if lives && now_ms < last.until_ms => Claim::Taken,
        last => Claim::As(last.map_or(1, |(last, _)| last.number + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::FORMAT;

    #[test]
    fn a_long_media_has_a_long_limit() {
        let limit = |s| time_limit(Duration::from_secs(s)).as_secs();
        assert_eq!((limit(0), limit(120), limit(3600)), (300, 300, 7260));
        assert_eq!(time_limit(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn only_a_living_claim_that_was_not_given_up_keeps_others_out() {
        let attempt = |number| Attempt {
            format: FORMAT,
            number,
            worker: "w".to_owned(),
            began_ms: 0,
            until_ms: 100,
        };
        let why = GivenUp {
            format: FORMAT,
            at_ms: 5,
            reason: "disk full".to_owned(),
        };
        assert_eq!(claim(&[], true, 0), Claim::As(1));
        assert_eq!(claim(&[(attempt(1), None)], true, 99), Claim::Taken);
        assert_eq!(claim(&[(attempt(1), None)], true, 100), Claim::As(2));
        assert_eq!(claim(&[(attempt(1), None)], false, 1), Claim::As(2));
        let given_up = (attempt(1), Some(why));
        assert_eq!(
            claim(std::slice::from_ref(&given_up), true, 1),
            Claim::As(2)
        );
        assert_eq!(
            claim(&[given_up, (attempt(2), None)], true, 1),
            Claim::Taken
        );
    }
}
