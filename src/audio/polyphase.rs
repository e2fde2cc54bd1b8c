// SPDX-License-Identifier: MPL-2.0
//! [`Polyphase`]: a resampler between rates whose ratio is one of small numbers, which all usual
//! rates are. Each output sample is one dot product; nothing is interpolated.

use std::f64::consts::PI;

/// Multiply-adds that go on beside each other, for the compiler to put in vectors.
const LANES: usize = 16;
/// Where the filter is 6 dB down, as a part of the lower Nyquist frequency: a Blackman window of
/// 64 periods needs the rest to have fallen 70 dB at that frequency.
const CUTOFF: f64 = 7310.0 / 8000.0;

/// Filters and position. The caller keeps the input.
pub(crate) struct Polyphase {
    up: usize,
    down: usize,
    /// Length of a filter, even and a multiple of [`LANES`].
    taps: usize,
    /// Filters for outputs that lie 0/up, 1/up … after an input sample.
    bank: Vec<f32>,
    /// Which of them comes next.
    phase: usize,
}

impl Polyphase {
    /// `up` output samples for `down` input samples; filters of `taps` input samples, a multiple
    /// of 16.
    pub(crate) fn new(up: usize, down: usize, taps: usize) -> Self {
        let half = (taps / 2) as f64;
        // Cycles per input sample.
        let cutoff = 0.5 * CUTOFF * (up as f64 / down as f64).min(1.0);
        let filter = |time: f64| {
            let x = 2.0 * cutoff * time;
            let sinc = if x == 0.0 {
                1.0
            } else {
                (PI * x).sin() / (PI * x)
            };
            let angle = PI * (time / half).clamp(-1.0, 1.0);
            sinc * (0.42 + 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos())
        };
        let mut bank = Vec::with_capacity(up * taps);
        for phase in 0..up {
            let after = half - 1.0 + phase as f64 / up as f64;
            let row: Vec<f64> = (0..taps).map(|k| filter(after - k as f64)).collect();
            let sum: f64 = row.iter().sum();
            bank.extend(row.iter().map(|h| (h / sum) as f32));
        }
        Self {
            up,
            down,
            taps,
            bank,
            phase: 0,
        }
    }

    /// The first output lies at the first input sample after so many zeros.
    pub(crate) fn lead(&self) -> usize {
        self.taps / 2 - 1
    }

    /// How many samples of input the next output needs.
    pub(crate) fn needed(&self) -> usize {
        self.taps
    }

    /// The next output is one of the first input sample there is.
    pub(crate) fn reset(&mut self) {
        self.phase = 0;
    }

    /// Fills `output` as far as the input suffices. How many samples came out, and how many of
    /// the input are done with.
    pub(crate) fn process(&mut self, input: &[f32], output: &mut [f32]) -> (usize, usize) {
        let (mut made, mut used) = (0, 0);
        while made < output.len() && used + self.taps <= input.len() {
            let row = &self.bank[self.phase * self.taps..][..self.taps];
            output[made] = dot(row, &input[used..used + self.taps]);
            made += 1;
            self.phase += self.down;
            used += self.phase / self.up;
            self.phase %= self.up;
        }
        (made, used)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_itself_in_every_phase() {
        for (up, down, taps) in [(1, 3, 192), (160, 441, 192), (2, 1, 64)] {
            let mut resampler = Polyphase::new(up, down, taps);
            let mut output = [0.0; 400];
            let (made, used) = resampler.process(&vec![0.5; 2000], &mut output);
            assert_eq!((made, used), (400, 400 * down / up));
            assert!(output.iter().all(|s| (s - 0.5).abs() < 1e-5));
        }
    }
}
