// SPDX-License-Identifier: MPL-2.0
//! [`SampleTimes`]: whether sound is unbroken, in samples.

use super::{SECOND_NS, ms, round};

/// Timestamps nearer than this to the counted position are rounding, ns: containers that count
/// milliseconds are off by up to one, at the anchor and at the buffer.
const ROUNDING_NS: i128 = 2_000_000;

/// Where a buffer's sound lies to what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It follows, or is the first.
    Follows,
    /// That many samples are missing before it.
    Gap(u64),
    /// That many of its samples lie over earlier ones (possibly more than it has).
    Overlap(u64),
}

/// Takes buffers of sound in the order of arrival.
pub(super) struct SampleTimes {
    rate: u32,
    first: Option<u64>,
    /// Time and count of samples from which the position is counted.
    anchor: (u64, u64),
    last: Option<u64>,
    report: SampleReport,
}

/// Whether the sound is unbroken.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct SampleReport {
    /// How many samples (of one channel) were decoded.
    pub samples: u64,
    /// Running time of the first sample, ms.
    pub start_ms: f64,
    /// From the first sample to the end of the last one, by timestamps, s.
    pub duration_s: f64,
    /// Places where timestamps leave a hole of 2 ms or more.
    pub gaps: u64,
    /// How many samples are missing in them.
    pub gap_samples: u64,
    /// The longest of them, ms.
    pub longest_gap_ms: f64,
    /// Places where timestamps go back into sound that was there, by 2 ms or more.
    pub overlaps: u64,
    /// By how many samples in all.
    pub overlap_samples: u64,
    /// Buffers whose time is that of the buffer before.
    pub repeated_timestamps: u64,
    /// Buffers whose time lies before that of the buffer before.
    pub backward_timestamps: u64,
    /// Buffers without a time.
    pub missing_timestamps: u64,
}

impl SampleTimes {
    /// `rate` in samples a second; 0 counts as 1.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            first: None,
            anchor: (0, 0),
            last: None,
            report: SampleReport::default(),
        }
    }

    /// A buffer of `samples` that begins at `time` (ns); without a time it follows.
    pub(super) fn push(&mut self, time: Option<u64>, samples: u64) -> Place {
        self.report.samples += samples;
        let place = match (time, self.first) {
            (None, _) => {
                self.report.missing_timestamps += 1;
                self.first = self.first.or(Some(0));
                Place::Follows
            }
            (Some(time), None) => {
                self.first = Some(time);
                self.anchor = (time, 0);
                Place::Follows
            }
            (Some(time), Some(_)) => self.judge(time),
        };
        self.last = time.or(self.last);
        self.anchor.1 += samples;
        place
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Where the last sample ends, ns.
    pub(super) fn end(&self) -> Option<u64> {
        self.first.map(|_| self.position())
    }

    pub(super) fn report(&self) -> SampleReport {
        let start = self.first.unwrap_or(0);
        SampleReport {
            start_ms: ms(start as f64),
            duration_s: round(
                self.end().unwrap_or(start).saturating_sub(start) as f64 / SECOND_NS,
                1e6,
            ),
            ..self.report.clone()
        }
    }

    fn judge(&mut self, time: u64) -> Place {
        match self.last {
            Some(last) if time == last => self.report.repeated_timestamps += 1,
            Some(last) if time < last => self.report.backward_timestamps += 1,
            _ => {}
        }
        let off = i128::from(time) - i128::from(self.position());
        if off.abs() < ROUNDING_NS {
            return Place::Follows;
        }
        self.anchor = (time, 0);
        let scaled = off.unsigned_abs() * u128::from(self.rate) + 500_000_000;
        let samples = u64::try_from(scaled / 1_000_000_000).unwrap_or(u64::MAX);
        if off > 0 {
            self.report.gaps += 1;
            self.report.gap_samples += samples;
            self.report.longest_gap_ms = self.report.longest_gap_ms.max(ms(off as f64));
            Place::Gap(samples)
        } else {
            self.report.overlaps += 1;
            self.report.overlap_samples += samples;
            Place::Overlap(samples)
        }
    }

    /// Where the next sample is expected, ns.
    fn position(&self) -> u64 {
        let (time, samples) = self.anchor;
        let since = u128::from(samples) * 1_000_000_000 / u128::from(self.rate);
        time.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_and_backward_times_are_overlaps_too() {
        let mut times = SampleTimes::new(48_000);
        assert_eq!(times.push(Some(1_000_000_000), 4_800), Place::Follows);
        assert_eq!(
            times.push(Some(1_000_000_000), 4_800),
            Place::Overlap(4_800)
        );
        assert_eq!(times.push(Some(950_000_000), 4_800), Place::Overlap(7_200));
        assert_eq!(times.push(None, 4_800), Place::Follows);
        let report = times.report();
        assert_eq!(
            (report.repeated_timestamps, report.backward_timestamps),
            (1, 1)
        );
        assert_eq!((report.overlaps, report.overlap_samples), (2, 12_000));
        assert_eq!((report.missing_timestamps, report.samples), (1, 19_200));
        assert_eq!((report.start_ms, report.gaps), (1000.0, 0));
    }

    proptest! {
        /// Cut anyhow and rounded to milliseconds, unbroken sound stays unbroken for hours; what
        /// is left out is told to the sample, as far as timestamps tell it.
        #[test]
        fn holes_are_told_in_samples(
            rate in prop::sample::select(vec![8_000u32, 16_000, 22_050, 44_100, 48_000]),
            coarse in any::<bool>(),
            buffers in prop::collection::vec((1u64..5_000, prop::option::weighted(0.1, 1u64..100_000)), 1..200),
        ) {
            let mut times = SampleTimes::new(rate);
            let (mut at, mut gaps, mut missing) = (0u64, 0, 0u64);
            let unit = if coarse { 1_000_000 } else { 1 };
            for (i, (samples, hole)) in buffers.iter().enumerate() {
                // Shorter holes than 4 ms may hide behind rounding.
                let hole = hole.filter(|h| i > 0 && h * 250 > u64::from(rate)).unwrap_or(0);
                at += hole;
                let time = at * 1_000_000_000 / u64::from(rate) / unit * unit;
                let place = times.push(Some(time), *samples);
                prop_assert_eq!(matches!(place, Place::Gap(_)), hole > 0);
                if let Place::Gap(told) = place {
                    let rounding = if coarse { u64::from(rate) / 1000 + 2 } else { 1 };
                    prop_assert!(told.abs_diff(hole) <= rounding);
                    gaps += 1;
                    missing += told;
                }
                at += samples;
            }
            let report = times.report();
            prop_assert_eq!((report.gaps, report.gap_samples, report.overlaps), (gaps, missing, 0));
            let exact = at as f64 / f64::from(rate);
            prop_assert!((report.duration_s - exact).abs() < 0.0025, "{} {}", report.duration_s, exact);
        }
    }
}
