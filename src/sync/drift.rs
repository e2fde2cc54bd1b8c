// SPDX-License-Identifier: MPL-2.0
//! [`Drift`]: by how much a source's sample clock runs faster than the pipeline's clock.
//!
//! Each arrival is a pair: how much sound has come, and when. Their difference changes by the
//! drift, and trembles by the jitter. Means of a second each enter a linear regression over the
//! last [`WINDOW`] seconds.

use std::collections::VecDeque;

/// Seconds that are looked back on.
pub const WINDOW: usize = 600;
/// Seconds that must have passed before anything is said.
pub const LEAST: usize = 30;
/// A source is no clock if its arrivals lie further from the line than this, ns (rms of means of
/// a second): it comes in bursts.
const UNSTEADY: f64 = 50e6;
/// An estimate whose standard error is larger than this says nothing, ppm.
const UNSURE: f64 = 5.0;
const SECOND: u64 = 1_000_000_000;

/// Estimates drift.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    /// Per second: mean arrival, and mean of sound less arrival; ns from the first one.
    means: VecDeque<(f64, f64)>,
    /// The first arrival and the second at work, with sums over it.
    begin: Option<(u64, u64)>,
    current: u64,
    count: u32,
    sum_time: f64,
    sum_ahead: f64,
}

/// What is known of a drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Parts per million; positive: the source is faster than the clock.
    pub ppm: f64,
    /// Standard error, ppm.
    pub error: f64,
    /// Seconds that it was measured over.
    pub window: u32,
}

/// The line through what was measured: by how much more sound has come than time has passed, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Its slope.
    pub estimate: Estimate,
    /// At the first arrival.
    pub begin: f64,
    /// In the last second.
    pub now: f64,
}

impl Drift {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// At running time `arrival` there had come `sound`, both ns and never falling.
    pub fn add(&mut self, sound: u64, arrival: u64) {
        let (sound0, arrival0) = *self.begin.get_or_insert((sound, arrival));
        let time = arrival.saturating_sub(arrival0);
        let ahead = sound.saturating_sub(sound0) as f64 - time as f64;
        let second = time / SECOND;
        if second != self.current && self.count > 0 {
            let n = f64::from(self.count);
            self.means
                .push_back((self.sum_time / n, self.sum_ahead / n));
            if self.means.len() > WINDOW {
                self.means.pop_front();
            }
            (self.count, self.sum_time, self.sum_ahead) = (0, 0.0, 0.0);
        }
        self.current = second;
        self.count += 1;
        self.sum_time += time as f64;
        self.sum_ahead += ahead;
    }

    /// What is known, if the source is steady and was heard for long enough.
    pub fn estimate(&self) -> Option<Estimate> {
        self.line().map(|line| line.estimate)
    }

    /// Likewise, with how far the sound is ahead.
    pub fn line(&self) -> Option<Line> {
        if self.means.len() < LEAST {
            return None;
        }
        let n = self.means.len() as f64;
        let mean = |f: fn(&(f64, f64)) -> f64| self.means.iter().map(f).sum::<f64>() / n;
        let (x, y) = (mean(|m| m.0), mean(|m| m.1));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (time, ahead) in &self.means {
            xx += (time - x) * (time - x);
            xy += (time - x) * (ahead - y);
            yy += (ahead - y) * (ahead - y);
        }
        let slope = xy / xx;
        let rest = (yy - slope * xy).max(0.0) / (n - 2.0);
        let error = (rest / xx).sqrt() * 1e6;
        let last = self.means.back().map_or(0.0, |m| m.0);
        (rest.sqrt() <= UNSTEADY && error <= UNSURE).then_some(Line {
            estimate: Estimate {
                ppm: slope * 1e6,
                error,
                window: self.means.len() as u32,
            },
            begin: y - slope * x,
            now: y + slope * (last - x),
        })
    }

    /// Seconds that have been averaged, which grows by one when there is something new.
    pub fn seconds(&self) -> u64 {
        self.current
    }

    /// The source began anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packets of 20 ms, ±20 ms of jitter.
    fn heard(ppm: f64, seconds: u64, seed: u64) -> Drift {
        let mut drift = Drift::new();
        let mut state = seed | 1;
        for i in 1..seconds * 50 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let jitter = ((state >> 33) as f64 / 2f64.powi(31) - 0.5) * 40e6;
            let sound = i * 20_000_000;
            let arrival = sound as f64 / (1.0 + ppm * 1e-6) + 30e6 + jitter;
            drift.add(sound, arrival as u64);
        }
        drift
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn known_within_ten_ppm_after_ten_minutes(ppm in -300.0f64..300.0, seed: u64) {
            let estimate = heard(ppm, 601, seed).estimate().expect("a steady source");
            prop_assert!((estimate.ppm - ppm).abs() < 10.0, "{estimate:?} for {ppm}");
        }
    }

    #[test]
    fn little_and_unsteady_sound_says_nothing() {
        assert_eq!(heard(100.0, 20, 5).estimate(), None);
        let mut bursts = Drift::new();
        for burst in 0..60u64 {
            for i in 0..250 {
                let late = (burst * burst) % 7 * SECOND / 3;
                bursts.add(
                    (burst * 250 + i) * 20_000_000,
                    burst * 5 * SECOND + late + i,
                );
            }
        }
        assert_eq!(bursts.estimate(), None);
    }

    #[test]
    fn the_window_forgets() {
        let mut drift = heard(0.0, 100, 1);
        let last = drift.begin.expect("begun");
        let start = 100 * SECOND;
        for i in 0..700 * 50u64 {
            let sound = start + i * 20_000_000;
            let arrival = start as f64 + (sound - start) as f64 / (1.0 + 50e-6);
            drift.add(last.0 + sound, last.1 + arrival as u64);
        }
        let estimate = drift.estimate().expect("known");
        assert!((estimate.ppm - 50.0).abs() < 1.0, "{estimate:?}");
        assert_eq!(estimate.window as usize, WINDOW);
    }
}
