// SPDX-License-Identifier: MPL-2.0
//! Randomness that can be asked for any instant in any order.

/// A source of random numbers that are functions of what they are for: the same seed, stream
/// and index give the same number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    seed: u64,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed: mix(seed) }
    }

    /// Evenly distributed in 0..1.
    pub(super) fn unit(self, stream: u64, index: u64) -> f64 {
        let bits =
            mix(mix(self.seed ^ stream.wrapping_mul(STEP)).wrapping_add(index.wrapping_mul(STEP)));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly distributed in −1..1.
    pub(super) fn signed(self, stream: u64, index: u64) -> f64 {
        2.0 * self.unit(stream, index) - 1.0
    }

    /// Normally distributed, mean 0, s.d. 1 (Box and Muller 1958). Uses indices 2·index and
    /// 2·index + 1 of the stream.
    pub(super) fn normal(self, stream: u64, index: u64) -> f64 {
        let u = 1.0 - self.unit(stream, index.wrapping_mul(2));
        let angle =
            std::f64::consts::TAU * self.unit(stream, index.wrapping_mul(2).wrapping_add(1));
        (-2.0 * u.ln()).sqrt() * angle.cos()
    }

    /// Smooth noise in −1..1 at a time, both times in ns: a uniform cubic B-spline over random
    /// values one `period` apart. Its slope is at most 2 per period, in practice below 1.2.
    pub(super) fn smooth(self, stream: u64, time: u64, period: u64) -> f64 {
        let cell = time / period;
        let t = (time % period) as f64 / period as f64;
        let value = |i: u64| self.signed(stream, cell.wrapping_add(i));
        let (t2, t3) = (t * t, t * t * t);
        let weights = [
            1.0 - 3.0 * t + 3.0 * t2 - t3,
            4.0 - 6.0 * t2 + 3.0 * t3,
            1.0 + 3.0 * t + 3.0 * t2 - 3.0 * t3,
            t3,
        ];
        (0..4).zip(weights).map(|(i, w)| value(i) * w).sum::<f64>() / 6.0
    }
}

/// 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly_and_streams_differ() {
        let chance = Chance::new(7);
        let n = 20_000;
        let mean: f64 = (0..n).map(|i| chance.unit(1, i)).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01);
        let together: f64 = (0..n)
            .map(|i| chance.signed(1, i) * chance.signed(2, i))
            .sum::<f64>()
            / n as f64;
        assert!(together.abs() < 0.01);
        let variance: f64 = (0..n).map(|i| chance.normal(3, i).powi(2)).sum::<f64>() / n as f64;
        assert!((variance - 1.0).abs() < 0.05);
    }

    #[test]
    fn smooth_noise_has_no_jumps() {
        let chance = Chance::new(0);
        let mut last = chance.smooth(0, 0, 1_000_000);
        for step in 1..50_000u64 {
            let value = chance.smooth(0, step * 1_000, 1_000_000);
            assert!(value.abs() <= 1.0 && (value - last).abs() <= 0.002);
            last = value;
        }
    }
}
