// SPDX-License-Identifier: MPL-2.0
//! [`SwayClock`]: the clock of what a head does by itself. It stands still where a head comes to rest:
//! after a phrase, and before and while the first sound of the next one is made.

use std::collections::VecDeque;

/// The clock slows down from `start` on, stands still, and runs again from `release` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) start: u64,
    /// Within so many ns it stands.
    pub(super) rise: u64,
    pub(super) release: u64,
    /// Within so many ns it runs again.
    pub(super) fall: u64,
}

/// A hold with how much of the clock's speed it takes, 0–1: all, unless others hold it still.
#[derive(Clone, Copy, Debug)]
struct Held {
    hold: Hold,
    most: f64,
}

impl Held {
    /// By how much it slows the clock down, 0–1.
    fn weight(&self, time: u64) -> f64 {
        let hold = &self.hold;
        let begun = time.saturating_sub(hold.start) as f64 / hold.rise as f64;
        let over = time.saturating_sub(hold.release) as f64 / hold.fall as f64;
        self.most * (step(begun) - step(over))
    }

    /// What it has cost by then, ns.
    fn lost(&self, time: u64) -> f64 {
        let hold = &self.hold;
        let since = |from: u64, takes: u64| {
            let takes = takes as f64;
            takes * step_integral(time.saturating_sub(from) as f64 / takes)
        };
        self.most * (since(hold.start, hold.rise) - since(hold.release, hold.fall))
    }
}

/// From 0 to 1, flat at both ends.
fn step(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Its integral from 0.
fn step_integral(t: f64) -> f64 {
    let s = t.clamp(0.0, 1.0);
    s * s * s * (1.0 - 0.5 * s) + (t - 1.0).max(0.0)
}

/// The clock of the sway.
pub(super) struct SwayClock {
    /// How far it is behind for good, ns.
    behind: f64,
    holds: VecDeque<Held>,
}

impl SwayClock {
    pub(super) fn new() -> Self {
        Self {
            behind: 0.0,
            holds: VecDeque::with_capacity(16),
        }
    }

    /// Holds it still. Where it still stands, that goes on until the new hold's release.
    pub(super) fn hold(&mut self, hold: Hold) {
        if let Some(last) = self.holds.back_mut()
            && hold.start < last.hold.release
        {
            let stands = last.hold.start + last.hold.rise;
            last.hold.release = hold.release.max(stands);
            last.hold.fall = hold.fall;
            return;
        }
        let still: f64 = self.holds.iter().map(|h| h.weight(hold.start)).sum();
        let most = (1.0 - still).clamp(0.0, 1.0);
        self.holds.push_back(Held { hold, most });
    }

    /// Drops holds that have not begun by that time.
    pub(super) fn forget_after(&mut self, time: u64) {
        self.holds.retain(|h| h.hold.start <= time);
    }

    /// Drops all but how far it is behind.
    pub(super) fn clear(&mut self) {
        self.holds.clear();
    }

    /// What it shows at that time. For what lies ahead: as far as is known.
    pub(super) fn at(&self, time: u64) -> u64 {
        let lost: f64 = self.holds.iter().map(|h| h.lost(time)).sum();
        time.saturating_sub((self.behind + lost) as u64)
    }

    /// Nothing before that time is asked for any more.
    pub(super) fn pass(&mut self, time: u64) {
        while let Some(first) = self.holds.front()
            && first.hold.release.saturating_add(first.hold.fall) <= time
        {
            self.behind += first.lost(time);
            self.holds.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLD: Hold = Hold {
        start: 1_000,
        rise: 100,
        release: 1_500,
        fall: 200,
    };

    #[test]
    fn it_stands_still_and_does_not_catch_up() {
        let mut sway = SwayClock::new();
        sway.hold(HOLD);
        assert_eq!(sway.at(1_000), 1_000);
        assert_eq!(sway.at(1_100), sway.at(1_500));
        // Half of the rise and of the fall, and all between.
        assert_eq!(sway.at(2_000), 1_450);
        sway.pass(2_000);
        assert!(sway.holds.is_empty());
        assert_eq!(sway.at(3_000), 2_450);
    }

    proptest! {
        /// Whatever is held when, it neither turns back nor hurries.
        #[test]
        fn it_never_turns_back(
            holds in prop::collection::vec((1u64..800, 10u64..300, 0u64..900, 100u64..700), 1..20),
        ) {
            let mut sway = SwayClock::new();
            let (mut at, mut holds) = (0, holds.into_iter().peekable());
            let mut last = 0;
            for time in 0..6_000 {
                while let Some((gap, rise, stay, fall)) = holds.next_if(|h| at + h.0 <= time) {
                    at += gap;
                    sway.hold(Hold { start: time, rise, release: time + rise + stay, fall });
                }
                sway.pass(time);
                let now = sway.at(time);
                // One, for rounding.
                prop_assert!(now + 1 >= last && now <= last + 2, "{last} to {now} at {time}");
                last = now;
            }
        }
    }
}
