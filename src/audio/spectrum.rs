// SPDX-License-Identifier: MPL-2.0
//! Overlapping windows of a stream, and the power spectrum of one.

use std::{collections::VecDeque, f32::consts::TAU, sync::Arc};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex32};

/// Cuts a stream into windows: window j is centred on sample j·hop. Before the first sample
/// there is silence.
pub struct Framer {
    length: usize,
    hop: usize,
    pending: VecDeque<f32>,
}

impl Framer {
    /// Windows of `length` samples, `hop` ≤ `length` samples apart.
    pub fn new(length: usize, hop: usize) -> Self {
        let mut framer = Self {
            length,
            hop,
            pending: VecDeque::with_capacity(4 * length),
        };
        framer.reset();
        framer
    }

    /// Forgets everything: the next sample is sample 0.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.pending.resize(self.length / 2, 0.0);
    }

    /// Takes samples; `sink` gets each window that has become complete.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(&[f32])) {
        for piece in samples.chunks(self.length) {
            self.pending.extend(piece);
            while self.pending.len() >= self.length {
                sink(&self.pending.make_contiguous()[..self.length]);
                self.pending.drain(..self.hop);
            }
        }
    }
}

/// The power spectrum of a Hann-windowed stretch, and with it the autocorrelation.
pub struct Spectrum {
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    time: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Vec<f32>,
}

impl Spectrum {
    /// Stretches of `length` samples, padded with zeros to `size` ≥ `length`, `size` even.
    pub fn new(length: usize, size: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(size),
            planner.plan_fft_inverse(size),
        );
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        let window: Vec<f32> = (0..length)
            .map(|i| 0.5 - 0.5 * (TAU * (i as f32 + 0.5) / length as f32).cos())
            .collect();
        Self {
            window,
            time: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: vec![Complex32::default(); scratch],
            power: vec![0.0; size / 2 + 1],
            forward,
            inverse,
        }
    }

    /// The power at bins 0 to size/2, bin b at b·rate/size Hz, scaled so that their sum is about
    /// the mean square of the stretch.
    pub fn power(&mut self, stretch: &[f32]) -> &[f32] {
        let used = self.window.len();
        for ((t, s), w) in self.time.iter_mut().zip(stretch).zip(&self.window) {
            *t = s * w;
        }
        self.time[used..].fill(0.0);
        self.forward
            .process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch)
            .expect("buffers made by the plan");
        // Parseval for one side of the spectrum; a Hann window keeps 3/8 of the power.
        let scale = 2.0 / (0.375 * used as f32 * self.time.len() as f32);
        for (p, bin) in self.power.iter_mut().zip(&self.bins) {
            *p = bin.norm_sqr() * scale;
        }
        &self.power
    }

    /// The autocorrelation, lags 0 to size − 1, of the stretch last given to
    /// [`power`](Self::power), its spectrum weighed by `weight` (one entry a bin; bins beyond its
    /// end count 0).
    pub fn autocorrelation(&mut self, weight: &[f32]) -> &[f32] {
        self.bins.fill(Complex32::default());
        for ((bin, p), w) in self.bins.iter_mut().zip(&self.power).zip(weight) {
            bin.re = p * w;
        }
        self.inverse
            .process_with_scratch(&mut self.bins, &mut self.time, &mut self.scratch)
            .expect("buffers made by the plan, ends of the spectrum real");
        &self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (TAU * hz * i as f32 / 16_000.0).sin())
            .collect()
    }

    #[test]
    fn windows_are_centred_and_regular() {
        let mut framer = Framer::new(40, 10);
        let mut starts = Vec::new();
        for s in 0..100 {
            framer.push(&[s as f32], &mut |w| starts.push((w[20], w[39])));
        }
        let expected: Vec<_> = (0..=8)
            .map(|j| (j as f32 * 10.0, j as f32 * 10.0 + 19.0))
            .collect();
        assert_eq!(starts, expected);
    }

    #[test]
    fn power_is_mean_square_at_the_right_bin() {
        let mut spectrum = Spectrum::new(400, 1024);
        let power = spectrum.power(&sine(1000.0, 400)).to_vec();
        let peak = (0..513).max_by(|a, b| power[*a].total_cmp(&power[*b]));
        assert_eq!(peak, Some(64));
        let sum: f32 = power.iter().sum();
        assert!((sum - 0.5).abs() < 0.01, "{sum}");
    }

    #[test]
    fn autocorrelation_finds_the_period() {
        let mut spectrum = Spectrum::new(400, 1024);
        spectrum.power(&sine(200.0, 400));
        let r = spectrum.autocorrelation(&[1.0; 513]).to_vec();
        let best = (50..120).max_by(|a, b| r[*a].total_cmp(&r[*b]));
        assert!(best.is_some_and(|lag| lag.abs_diff(80) <= 4), "{best:?}");
    }
}
