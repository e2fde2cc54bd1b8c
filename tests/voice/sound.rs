// SPDX-License-Identifier: MPL-2.0
//! What the ear hears in samples, without a word from the voice that made them.

/// A sound whose levels are asked for at instants.
pub struct Sound {
    pub samples: Vec<f32>,
    pub rate: u32,
}

/// Levels lower than this count as this, dB of full scale.
const FLOOR: f32 = -80.0;

impl Sound {
    /// dB of what sounds around a sample (4 ms), of the frequencies where hiss and bursts are:
    /// the difference over 91 µs lets pass 2.7–8 kHz.
    pub fn hiss(&self, at: i64) -> f32 {
        let lag = (self.rate / 11_025).max(1) as usize;
        self.level(at, 4, |x, i| x[i] - x[i - lag])
    }

    /// The same over 10 ms, a period of a low voice.
    pub fn voiced_hiss(&self, at: i64) -> f32 {
        let lag = (self.rate / 11_025).max(1) as usize;
        self.level(at, 10, |x, i| x[i] - x[i - lag])
    }

    /// dB of the highest frequencies around a sample, where s is and vowels are not: the mean
    /// over 6 ms of what each of them has, so that one pulse of the voice does not count.
    pub fn noise(&self, at: i64) -> f32 {
        let ms = i64::from(self.rate) / 1_000;
        let one = |n| self.level(at + n * ms, 1, |x, i| x[i] - 2.0 * x[i - 1] + x[i - 2]);
        (-3..3).map(one).sum::<f32>() / 6.0
    }

    /// dB of all that sounds around a sample.
    pub fn loud(&self, at: i64) -> f32 {
        self.level(at, 4, |x, i| x[i])
    }

    fn level(&self, at: i64, ms: i64, value: impl Fn(&[f32], usize) -> f32) -> f32 {
        let half = ms * i64::from(self.rate) / 2_000;
        let from = (at - half).clamp(4, self.samples.len() as i64) as usize;
        let to = (at + half).clamp(from as i64, self.samples.len() as i64) as usize;
        let sum: f32 = (from..to).map(|i| value(&self.samples, i).powi(2)).sum();
        (10.0 * (sum / (to - from).max(1) as f32).max(1e-12).log10()).max(FLOOR)
    }

    /// The sample within `reach` ms of `near` at which a level changes most in `sign`'s
    /// direction, looking 4 ms to both sides.
    pub fn edge(&self, near: u64, reach: i64, sign: f32, level: fn(&Self, i64) -> f32) -> u64 {
        let ms = |n: i64| n * i64::from(self.rate) / 1_000;
        let near = near as i64;
        let change = |at: i64| sign * (level(self, at + ms(3)) - level(self, at - ms(3)));
        let best = (-4 * reach..=4 * reach)
            .map(|quarter| near + ms(quarter) / 4)
            .max_by(|a, b| change(*a).total_cmp(&change(*b)))
            .unwrap_or(near);
        best.max(0) as u64
    }

    /// The first sample within `reach` ms of `near` that is 12 dB louder than the quietest
    /// stretch there.
    pub fn onset(&self, near: u64, reach: i64) -> u64 {
        let instant = |quarter: i64| near as i64 + quarter * i64::from(self.rate) / 4_000;
        let range = -4 * reach..=4 * reach;
        let quietest = range
            .clone()
            .map(|q| self.loud(instant(q)))
            .fold(0.0, f32::min);
        let first = range
            .map(instant)
            .skip_while(|at| self.loud(*at) > quietest + 1.0)
            .find(|at| self.loud(*at) > quietest + 12.0);
        first.unwrap_or(0).max(0) as u64
    }
}
