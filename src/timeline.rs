// SPDX-License-Identifier: MPL-2.0
//! [`Timeline`]: where a piece of sound belongs, judged by its timestamp and by counting samples.
//!
//! Timestamps of real sources tremble, jump and overlap. Trusting each of them would make the
//! sound drift or tear; trusting none would lose sync for good after one gap. So the first
//! timestamp anchors a count of samples, and later ones only correct it when they are far off.

/// Timestamps nearer than this to the counted position are jitter, ns. The figure is that of
/// GStreamer's audio sinks (`alignment-threshold`, 40 ms).
pub const JITTER: u64 = 40_000_000;

/// The longest hole that is filled with silence, ns.
pub const MAX_SILENCE: u64 = 60_000_000_000;

/// Sound that comes again is cut off up to this far back, ns; what lies further back is a jump.
pub const MAX_OVERLAP: u64 = 1_000_000_000;

/// Running times beyond this (146 years in ns) are no times: such a stamp counts as none.
pub const MAX_STAMP: u64 = 1 << 62;

const SECOND_NS: u128 = 1_000_000_000;

/// What to do with a piece of sound before it is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the first one: count from running time `at` (ns).
    Begin {
        /// Running time of its first sample, ns.
        at: u64,
    },
    /// It follows what was there.
    Append,
    /// That many samples of silence lie before it.
    Silence(u64),
    /// That many of its first samples were heard before; all of them if it is as long.
    Trim(u64),
    /// It does not follow: end what was there, then count anew from running time `at` (ns).
    Restart {
        /// Running time of its first sample, ns.
        at: u64,
    },
}

/// Counts samples from an anchor and judges timestamps against the count.
#[derive(Clone, Debug)]
pub struct Timeline {
    rate: u32,
    anchor: Option<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    running_time: u64,
    samples: u64,
}

impl Timeline {
    /// `rate` in samples a second; 0 counts as 1.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            anchor: None,
        }
    }

    /// Running time (ns, rounded down) at which the next sample is expected; `None` before the
    /// first piece of sound. Saturates at `u64::MAX`.
    pub fn expected(&self) -> Option<u64> {
        self.anchor
            .map(|a| a.running_time.saturating_add(self.nanoseconds(a.samples)))
    }

    /// Places `len` samples that say they begin at running time `stamp` (ns), and counts them as
    /// the returned decision has it. Without a stamp they follow the last ones; if there are
    /// none, they begin at 0.
    pub fn place(&mut self, stamp: Option<u64>, len: u64) -> Decision {
        let stamp = stamp.filter(|&stamp| stamp <= MAX_STAMP);
        let decision = match (self.expected(), stamp) {
            (None, stamp) => Decision::Begin {
                at: stamp.unwrap_or(0),
            },
            (Some(_), None) => Decision::Append,
            (Some(expected), Some(stamp)) => self.judge(expected, stamp, len),
        };
        match decision {
            Decision::Begin { at } | Decision::Restart { at } => {
                self.anchor = Some(Anchor {
                    running_time: at,
                    samples: len,
                });
            }
            Decision::Append => self.count(len),
            Decision::Silence(silence) => self.count(silence.saturating_add(len)),
            Decision::Trim(heard) => self.count(len - heard),
        }
        decision
    }

    /// Counts the silence that reaches from the expected position to running time `end` (ns)
    /// and returns it in samples; 0 if the position is at or beyond `end`, if there is none, or
    /// if `end` is beyond [`MAX_STAMP`].
    pub fn fill_to(&mut self, end: u64) -> u64 {
        let Some(anchor) = self.anchor.filter(|_| end <= MAX_STAMP) else {
            return 0;
        };
        let target = self.samples(end.saturating_sub(anchor.running_time));
        let silence = target.saturating_sub(anchor.samples);
        self.count(silence);
        silence
    }

    /// Forgets the anchor: the next piece of sound is the first one.
    pub fn reset(&mut self) {
        self.anchor = None;
    }

    fn judge(&self, expected: u64, stamp: u64, len: u64) -> Decision {
        let (ahead, behind) = (
            stamp.saturating_sub(expected),
            expected.saturating_sub(stamp),
        );
        if ahead > MAX_SILENCE || behind > MAX_OVERLAP {
            Decision::Restart { at: stamp }
        } else if ahead >= JITTER {
            Decision::Silence(self.samples(ahead))
        } else if behind >= JITTER {
            Decision::Trim(self.samples(behind).min(len))
        } else {
            Decision::Append
        }
    }

    fn count(&mut self, samples: u64) {
        if let Some(anchor) = &mut self.anchor {
            anchor.samples = anchor.samples.saturating_add(samples);
        }
    }

    /// Rounded to nearest.
    fn samples(&self, nanoseconds: u64) -> u64 {
        let scaled = u128::from(nanoseconds) * u128::from(self.rate);
        u64::try_from((scaled + SECOND_NS / 2) / SECOND_NS).unwrap_or(u64::MAX)
    }

    fn nanoseconds(&self, samples: u64) -> u64 {
        let exact = u128::from(samples) * SECOND_NS / u128::from(self.rate);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn begun(rate: u32, at: u64, samples: u64) -> Timeline {
        let mut timeline = Timeline::new(rate);
        assert_eq!(timeline.place(Some(at), samples), Decision::Begin { at });
        timeline
    }

    #[test]
    fn the_first_stamp_anchors_and_samples_count() {
        let mut timeline = begun(48_000, 7 * MS, 480);
        assert_eq!(timeline.expected(), Some(17 * MS));
        assert_eq!(timeline.place(None, 960), Decision::Append);
        assert_eq!(timeline.expected(), Some(37 * MS));
        timeline.reset();
        assert_eq!(timeline.expected(), None);
    }

    #[test]
    fn sound_without_any_stamp_begins_at_zero() {
        let mut timeline = Timeline::new(16_000);
        assert_eq!(timeline.place(None, 160), Decision::Begin { at: 0 });
    }

    #[test]
    fn jitter_is_ignored_on_both_sides() {
        let mut timeline = begun(8_000, 0, 8_000);
        assert_eq!(
            timeline.place(Some(1000 * MS + JITTER - 1), 8),
            Decision::Append
        );
        assert_eq!(
            timeline.place(Some(1001 * MS - JITTER + 1), 8),
            Decision::Append
        );
        assert_eq!(timeline.expected(), Some(1002 * MS));
    }

    #[test]
    fn holes_are_filled_and_long_ones_begin_anew() {
        let mut timeline = begun(8_000, 0, 8_000);
        assert_eq!(
            timeline.place(Some(1500 * MS), 80),
            Decision::Silence(4_000)
        );
        assert_eq!(timeline.expected(), Some(1510 * MS));
        let far = 1510 * MS + MAX_SILENCE + 1;
        assert_eq!(timeline.place(Some(far), 80), Decision::Restart { at: far });
        assert_eq!(timeline.expected(), Some(far + 10 * MS));
    }

    #[test]
    fn sound_that_comes_again_is_cut_and_a_jump_back_begins_anew() {
        let mut timeline = begun(8_000, 5_000 * MS, 8_000);
        assert_eq!(timeline.place(Some(5_900 * MS), 1_600), Decision::Trim(800));
        assert_eq!(timeline.expected(), Some(6_100 * MS));
        assert_eq!(timeline.place(Some(5_500 * MS), 80), Decision::Trim(80));
        assert_eq!(timeline.expected(), Some(6_100 * MS));
        assert_eq!(timeline.place(Some(0), 80), Decision::Restart { at: 0 });
    }

    #[test]
    fn silence_reaches_exactly_to_its_end() {
        let mut timeline = begun(44_100, 0, 0);
        // A third of a millisecond is no whole number of samples: it must not add up.
        let total: u64 = (1..=3_000).map(|i| timeline.fill_to(i * MS / 3)).sum();
        assert_eq!(total, 44_100);
        assert_eq!(timeline.fill_to(0), 0);
    }

    proptest! {
        /// Whatever the stamps, the position stays within the jitter of what was last heard,
        /// or the piece was cut, and nothing overflows.
        #[test]
        fn the_position_follows_the_stamps(
            rate in 8_000u32..=192_000,
            pieces in proptest::collection::vec(
                (proptest::option::of(any::<u64>()), 0u64..200_000), 1..40),
        ) {
            let mut timeline = Timeline::new(rate);
            for (stamp, len) in pieces {
                let before = timeline.expected();
                let decision = timeline.place(stamp, len);
                let after = timeline.expected().expect("begun");
                let end = |at: u64| at.saturating_add(timeline.nanoseconds(len));
                match decision {
                    Decision::Begin { at } | Decision::Restart { at } => {
                        prop_assert_eq!(after, end(at));
                    }
                    Decision::Append | Decision::Silence(_) => {
                        let said = stamp.filter(|&s| s <= MAX_STAMP).or(before).expect("one of them");
                        prop_assert!(after.abs_diff(end(said)) <= JITTER);
                    }
                    Decision::Trim(heard) => {
                        prop_assert!(heard <= len);
                        prop_assert!(after >= before.expect("begun"));
                    }
                }
            }
        }

        /// A source that cuts its sound at random and rounds its stamps loses and gains nothing.
        #[test]
        fn a_steady_source_is_only_appended(
            rate in 8_000u32..=192_000,
            start in 0u64..1 << 50,
            pieces in proptest::collection::vec((0u64..20_000, -30_000_000i64..30_000_000), 1..100),
        ) {
            let mut timeline = Timeline::new(rate);
            let mut samples = 0;
            for (i, (len, jitter)) in pieces.into_iter().enumerate() {
                let exact = start + timeline.nanoseconds(samples);
                let stamp = if i == 0 { exact } else { exact.saturating_add_signed(jitter) };
                let decision = timeline.place(Some(stamp), len);
                samples += len;
                if i > 0 {
                    prop_assert_eq!(decision, Decision::Append);
                }
                prop_assert_eq!(timeline.expected(), Some(start + timeline.nanoseconds(samples)));
            }
        }
    }
}
