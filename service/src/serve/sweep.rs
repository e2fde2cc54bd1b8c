// SPDX-License-Identifier: MPL-2.0
//! What becomes of a job that has not ended, as it seems: whether it was lost on its way. Knows no
//! clock, no store and no broker.

use super::lanes::Place;

/// A job that is younger is still on its way in.
const YOUNG_MS: u64 = 60_000;
/// A mark without a record that is older belongs to nobody.
const STRAY_MS: u64 = 600_000;
/// One that was released so long ago, and that nobody has, may be lost though the broker has others.
const LOST_MS: u64 = 6 * 3_600_000;

/// What is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// How long ago it came, ms.
    pub age_ms: u64,
    /// Whether there is a record of it.
    pub accepted: bool,
    /// Whether it has ended after all.
    pub ended: bool,
    /// Whether somebody has it.
    pub alive: bool,
    /// Whether it is not wanted any more.
    pub unwanted: bool,
    /// Where it is in this process.
    pub place: Option<Place>,
    /// How many tickets lie with the broker; `None` if it does not say.
    pub with_broker: Option<u64>,
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Leave,
    /// It has ended, and its mark stayed.
    TakeMark,
    /// It is to be ended as its owner wants.
    Cancel,
    /// It is to be released in its turn.
    Add,
    /// It was released and is lost: once more.
    Back,
}

/// What is to be done with a job at the time `now_ms`, since 1970.
#[must_use]
pub fn decide(facts: &Facts, now_ms: u64) -> Verdict {
    if facts.ended {
        return Verdict::TakeMark;
    }
    if !facts.accepted {
        let stray = facts.age_ms >= STRAY_MS;
        return if stray {
            Verdict::TakeMark
        } else {
            Verdict::Leave
        };
    }
    if facts.alive || facts.age_ms < YOUNG_MS {
        return Verdict::Leave;
    }
    if facts.unwanted {
        return Verdict::Cancel;
    }
    match facts.place {
        None => Verdict::Add,
        Some(Place::Waiting) => Verdict::Leave,
        Some(Place::Out { since_ms }) => {
            let out_ms = now_ms.saturating_sub(since_ms);
            let none_there = facts.with_broker == Some(0) && out_ms >= YOUNG_MS;
            if none_there || out_ms >= LOST_MS {
                Verdict::Back
            } else {
                Verdict::Leave
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100_000_000;

    fn facts() -> Facts {
        Facts {
            age_ms: 120_000,
            accepted: true,
            ended: false,
            alive: false,
            unwanted: false,
            place: None,
            with_broker: Some(0),
        }
    }

    fn out(ms: u64) -> Option<Place> {
        let since_ms = NOW - ms;
        Some(Place::Out { since_ms })
    }

    #[test]
    fn what_is_lost_is_released_and_what_is_not_is_left() {
        for (name, facts, verdict) in [
            ("nobody has it", facts(), Verdict::Add),
            (
                "it is young",
                Facts {
                    age_ms: 59_000,
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "somebody has it",
                Facts {
                    alive: true,
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "somebody has it who will hear that it is not wanted",
                Facts {
                    alive: true,
                    unwanted: true,
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "nobody wants it",
                Facts {
                    unwanted: true,
                    ..facts()
                },
                Verdict::Cancel,
            ),
            (
                "it has ended",
                Facts {
                    ended: true,
                    ..facts()
                },
                Verdict::TakeMark,
            ),
            (
                "it is on its way in",
                Facts {
                    accepted: false,
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "it never came in",
                Facts {
                    accepted: false,
                    age_ms: 700_000,
                    ..facts()
                },
                Verdict::TakeMark,
            ),
            (
                "it waits here",
                Facts {
                    place: Some(Place::Waiting),
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "the broker has none",
                Facts {
                    place: out(61_000),
                    ..facts()
                },
                Verdict::Back,
            ),
            (
                "the broker has just got it",
                Facts {
                    place: out(1_000),
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "the broker has it, perhaps",
                Facts {
                    place: out(3_600_000),
                    with_broker: Some(3),
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "the broker says nothing",
                Facts {
                    place: out(3_600_000),
                    with_broker: None,
                    ..facts()
                },
                Verdict::Leave,
            ),
            (
                "the broker has had it for too long",
                Facts {
                    place: out(7 * 3_600_000),
                    with_broker: Some(3),
                    ..facts()
                },
                Verdict::Back,
            ),
        ] {
            assert_eq!(decide(&facts, NOW), verdict, "{name}");
        }
    }
}
