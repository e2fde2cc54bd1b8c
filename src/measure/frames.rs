// SPDX-License-Identifier: MPL-2.0
//! [`FrameTimes`]: how even the times of frames are.

use super::{SECOND_NS, ms, round};

/// An interval longer than so many usual ones is a gap: a picture is missing in it.
const GAP: f64 = 1.5;

/// Takes the times of frames in the order in which they are shown.
#[derive(Default)]
pub(super) struct FrameTimes {
    frames: u64,
    untimed: u64,
    first: Option<u64>,
    /// The latest time so far.
    last: u64,
    intervals: Vec<u64>,
    repeated: u64,
    backward: u64,
    /// What the last frame says of its own length, ns.
    duration: Option<u64>,
}

/// How even the frames are. Intervals are between the times at which frames are to be shown.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct FrameReport {
    /// How many frames were decoded.
    pub frames: u64,
    /// Frames a second, over the intervals that are no gaps; 0 with fewer than two frames.
    pub rate: f64,
    /// Running time of the first frame, ms.
    pub start_ms: f64,
    /// From the first frame to the end of the last one, s.
    pub duration_s: f64,
    /// Mean interval without gaps, ms.
    pub interval_ms: f64,
    /// How far intervals that are no gaps lie from it, root mean square, ms.
    pub jitter_ms: f64,
    /// The farthest of them, ms.
    pub jitter_max_ms: f64,
    /// Intervals longer than 1.5 usual ones.
    pub gaps: u64,
    /// The longest of them, from one frame to the next, ms; 0 without gaps.
    pub longest_gap_ms: f64,
    /// Frames whose time is that of the frame before.
    pub repeated_timestamps: u64,
    /// Frames whose time lies before that of an earlier one.
    pub backward_timestamps: u64,
    /// Frames without a time.
    pub missing_timestamps: u64,
}

impl FrameTimes {
    /// A frame at `time` that lasts `duration`, both ns.
    pub(super) fn push(&mut self, time: Option<u64>, duration: Option<u64>) {
        self.frames += 1;
        let Some(time) = time else {
            self.untimed += 1;
            return;
        };
        self.duration = duration;
        if self.first.is_none() {
            self.first = Some(time);
            self.last = time;
        } else if time == self.last {
            self.repeated += 1;
        } else if time < self.last {
            self.backward += 1;
        } else {
            self.intervals.push(time - self.last);
            self.last = time;
        }
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Where the last frame ends, ns; without its own word it lasts as long as the usual one.
    pub(super) fn end(&self) -> Option<u64> {
        self.first?;
        let usual = || self.usual().map_or(0, |usual| usual as u64);
        Some(
            self.last
                .saturating_add(self.duration.unwrap_or_else(usual)),
        )
    }

    /// The median interval, ns.
    pub(super) fn usual(&self) -> Option<f64> {
        let mut sorted = self.intervals.clone();
        let middle = sorted.len() / 2;
        (!sorted.is_empty()).then(|| *sorted.select_nth_unstable(middle).1 as f64)
    }

    pub(super) fn report(&self) -> FrameReport {
        let start = self.first.unwrap_or(0);
        let mut report = FrameReport {
            frames: self.frames,
            start_ms: ms(start as f64),
            duration_s: round(
                (self.end().unwrap_or(start) - start) as f64 / SECOND_NS,
                1e6,
            ),
            repeated_timestamps: self.repeated,
            backward_timestamps: self.backward,
            missing_timestamps: self.untimed,
            ..FrameReport::default()
        };
        let Some(usual) = self.usual() else {
            return report;
        };
        let is_gap = |interval: &&u64| **interval as f64 > GAP * usual;
        let even: Vec<f64> = self
            .intervals
            .iter()
            .filter(|i| !is_gap(i))
            .map(|i| *i as f64)
            .collect();
        let count = even.len() as f64;
        let mean = even.iter().sum::<f64>() / count;
        let square = even.iter().map(|i| (i - mean).powi(2)).sum::<f64>() / count;
        report.rate = round(SECOND_NS / mean, 1e4);
        report.interval_ms = ms(mean);
        report.jitter_ms = ms(square.sqrt());
        report.jitter_max_ms = ms(even.iter().fold(0.0, |max, i| (i - mean).abs().max(max)));
        report.gaps = self.intervals.iter().filter(is_gap).count() as u64;
        let longest = self.intervals.iter().filter(is_gap).max();
        report.longest_gap_ms = ms(longest.map_or(0.0, |gap| *gap as f64));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::FrameGrid;
    use proptest::prelude::*;

    fn measured(times: impl IntoIterator<Item = u64>) -> FrameReport {
        let mut frames = FrameTimes::default();
        for time in times {
            frames.push(Some(time), None);
        }
        frames.report()
    }

    #[test]
    fn nothing_is_no_rate() {
        assert_eq!(measured([]), FrameReport::default());
        let one = measured([40_000_000]);
        assert_eq!((one.frames, one.rate, one.start_ms), (1, 0.0, 40.0));
    }

    #[test]
    fn a_frame_without_a_time_is_counted_as_such() {
        let mut frames = FrameTimes::default();
        for time in [
            Some(0),
            None,
            Some(80_000_000),
            Some(120_000_000),
            Some(160_000_000),
        ] {
            frames.push(time, Some(40_000_000));
        }
        let report = frames.report();
        assert_eq!((report.missing_timestamps, report.gaps), (1, 1));
        assert_eq!((report.longest_gap_ms, report.duration_s), (80.0, 0.2));
    }

    proptest! {
        /// Whatever is done to an even stream is what is reported of it.
        #[test]
        fn what_was_broken_is_told(
            rate in prop::sample::select(vec![(24, 1), (25, 1), (30_000, 1001), (50, 1), (60, 1)]),
            start in 0u64..1 << 40,
            count in 40u64..300,
            // Frame, and how many are left out behind it.
            lost in prop::collection::btree_map(1u64..38, 1u64..6, 0..3),
            twice in prop::collection::btree_set(1u64..40, 0..5),
            coarse in any::<bool>(),
        ) {
            let grid = FrameGrid::new(rate.0, rate.1).expect("a rate");
            // Containers that count milliseconds round to them.
            let unit = if coarse { 1_000_000 } else { 1 };
            let time = |k| (start + grid.time(k)) / unit * unit;
            let missing = |k: u64| lost.iter().any(|(at, n)| k > *at && k <= at + n);
            let (mut times, mut doubled) = (Vec::new(), 0);
            for k in (0..count).filter(|k| !missing(*k)) {
                times.push(time(k));
                if twice.contains(&k) {
                    times.push(time(k));
                    doubled += 1;
                }
            }
            // A frame of long ago in between.
            times.insert(20, time(0) / 2);
            let holes: Vec<u64> = times
                .iter()
                .filter(|t| **t >= time(0))
                .collect::<Vec<_>>()
                .windows(2)
                .map(|w| w[1] - w[0])
                .filter(|step| *step > grid.duration(0) * 3 / 2)
                .collect();
            let report = measured(times.iter().copied());
            prop_assert_eq!(report.frames, times.len() as u64);
            prop_assert_eq!(report.gaps, holes.len() as u64);
            prop_assert_eq!(report.repeated_timestamps, doubled);
            let backward = u64::from(time(0) / 2 < times[19]);
            prop_assert_eq!(report.backward_timestamps, backward);
            let longest = holes.iter().max().map_or(0.0, |h| *h as f64 / 1e6);
            prop_assert!((report.longest_gap_ms - longest).abs() < 1e-3);
            let exact = f64::from(rate.0) / f64::from(rate.1);
            // 40 intervals of which the ends are rounded down by up to a millisecond each.
            let slack = if coarse { 0.03 * exact } else { 1e-4 };
            prop_assert!((report.rate - exact).abs() <= slack, "{} {}", report.rate, exact);
            let trembling = if coarse { 1.1 } else { 1e-3 };
            prop_assert!(report.jitter_max_ms <= trembling);
        }

        #[test]
        fn jitter_is_what_was_added(seed in any::<u32>(), most in 1u64..8) {
            let mut state = seed;
            let mut previous = 0;
            let mut worst: u64 = 0;
            let times: Vec<u64> = (0..200u64).map(|k| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let late = (u64::from(state >> 8) * most * 1_000_000) >> 24;
                if k > 0 {
                    worst = worst.max(late.abs_diff(previous));
                }
                previous = late;
                k * 40_000_000 + late
            }).collect();
            let report = measured(times);
            // The mean interval differs from 40 ms by less than most / 199.
            prop_assert!((report.jitter_max_ms - worst as f64 / 1e6).abs() < 0.06);
            prop_assert!(report.jitter_ms <= report.jitter_max_ms);
            prop_assert_eq!(report.gaps, 0);
        }
    }
}
