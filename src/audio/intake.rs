// SPDX-License-Identifier: MPL-2.0
//! [`Intake`]: mono PCM of any rate becomes 16 kHz mono whose sample i lies at i/16000 s of the
//! input, whatever the cut of the input.

use rubato::{
    Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use super::{ANALYSIS_RATE, pcm::sanitise, polyphase::Polyphase};

/// Output samples made at a time: 2 ms.
const CHUNK: usize = 32;
/// Length of the anti-alias filter in periods of the lower of both rates: 1 dB down at 6.8 kHz
/// for 16 kHz, and half of it (2 ms) is the delay.
const FILTER_PERIODS: u32 = 64;
/// Filters of a rate take no more room than so many taps in all: 512 KiB.
const MOST_TAPS: usize = 1 << 17;
/// For odder rates, positions between two input samples for which one filter is tabulated.
const OVERSAMPLING: usize = 256;

/// The lowest sample rate taken, Hz.
pub const MIN_RATE: u32 = 8_000;
/// The highest sample rate taken, Hz.
pub const MAX_RATE: u32 = 192_000;

/// How samples come to 16 kHz.
enum Way {
    /// They are.
    AsIs,
    /// The ratio is one of small numbers.
    Usual(Polyphase),
    /// It is not.
    Odd(Box<Async<f32>>),
}

impl Way {
    fn new(rate: u32, taps: usize) -> Self {
        if rate == ANALYSIS_RATE {
            return Self::AsIs;
        }
        let (input, output) = ratio(rate);
        if output * taps <= MOST_TAPS {
            return Self::Usual(Polyphase::new(output, input, taps));
        }
        let parameters = SincInterpolationParameters::new(taps, WindowFunction::Blackman)
            .oversampling_factor(OVERSAMPLING)
            .interpolation(SincInterpolationType::Linear);
        let ratio = f64::from(ANALYSIS_RATE) / f64::from(rate);
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Output)
            .expect("a finite ratio between 1/12 and 2 is valid");
        Self::Odd(Box::new(resampler))
    }

    /// How much input the next output needs.
    fn needed(&self) -> usize {
        match self {
            Self::AsIs => 0,
            Self::Usual(polyphase) => polyphase.needed(),
            Self::Odd(resampler) => resampler.input_frames_next(),
        }
    }

    /// Makes output from enough input: how much came out, and how much input is done with.
    fn process(&mut self, input: &[f32], output: &mut [f32; CHUNK]) -> (usize, usize) {
        let resampler = match self {
            Self::AsIs => return (0, 0),
            Self::Usual(polyphase) => return polyphase.process(input, output),
            Self::Odd(resampler) => resampler,
        };
        let input =
            InterleavedSlice::new(input, 1, input.len()).expect("one channel of that very length");
        let mut output =
            InterleavedSlice::new_mut(output, 1, CHUNK).expect("one channel of that very length");
        let (read, written) = resampler
            .process_into_buffer(&input, &mut output, Some(&Indexing::new()))
            .expect("as much input and room as it asked for");
        (written, read)
    }
}

/// Input and output samples of the shortest time that holds a whole number of both.
fn ratio(rate: u32) -> (usize, usize) {
    let divisor = gcd(rate, ANALYSIS_RATE);
    (
        (rate / divisor) as usize,
        (ANALYSIS_RATE / divisor) as usize,
    )
}

/// Resamples mono sound to 16 kHz, with the resampler's delay taken out.
pub struct Intake {
    rate: u32,
    way: Way,
    /// Half the filter's length in input samples.
    half_filter: usize,
    /// Input not yet consumed; it begins with zeros that align the output grid.
    input: Vec<f32>,
    output: [f32; CHUNK],
    /// Output samples before the instant 0 that are still to come.
    early: u64,
    pushed: u64,
    emitted: u64,
    /// How many output samples there may be; known once the input has ended.
    limit: u64,
}

impl Intake {
    /// `rate` in Hz; outside 8 000–192 000 it is taken as the nearer limit.
    pub fn new(rate: u32) -> Self {
        let rate = rate.clamp(MIN_RATE, MAX_RATE);
        let per_output = rate.div_ceil(ANALYSIS_RATE).max(1);
        let taps = (FILTER_PERIODS * per_output) as usize;
        let mut intake = Self {
            rate,
            way: Way::new(rate, taps),
            half_filter: taps / 2,
            input: Vec::new(),
            output: [0.0; CHUNK],
            early: 0,
            pushed: 0,
            emitted: 0,
            limit: u64::MAX,
        };
        intake.align();
        intake
    }

    /// The input's sample rate, Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How long after the input has passed an instant the output sample of that instant has
    /// certainly been given out, ns.
    pub fn delay(&self) -> u64 {
        let chunk = match self.way {
            Way::AsIs => return 0,
            Way::Usual(_) => 1,
            Way::Odd(_) => CHUNK as u64,
        };
        let input = (self.half_filter as u64 + 2) * 1_000_000_000;
        input.div_ceil(u64::from(self.rate))
            + (chunk * 1_000_000_000).div_ceil(u64::from(ANALYSIS_RATE))
    }

    /// Forgets everything: the next sample pushed lies at 0 s.
    pub fn reset(&mut self) {
        match &mut self.way {
            Way::AsIs => {}
            Way::Usual(polyphase) => polyphase.reset(),
            Way::Odd(resampler) => resampler.reset(),
        }
        self.pushed = 0;
        self.emitted = 0;
        self.limit = u64::MAX;
        self.align();
    }

    /// Puts in so many zeros first that an output falls on the first real sample exactly.
    fn align(&mut self) {
        self.input.clear();
        self.early = 0;
        match &self.way {
            Way::AsIs => {}
            Way::Usual(polyphase) => self.input.resize(polyphase.lead(), 0.0),
            // Output j lies at input sample (j + 1)·rate/16000 − taps/2 (its table is off by
            // 1/256 of a sample, which is left: below 0.5 µs).
            Way::Odd(_) => {
                let (input, output) = ratio(self.rate);
                let periods = self.half_filter.div_ceil(input);
                self.input.resize(periods * input - self.half_filter, 0.0);
                self.early = (periods * output - 1) as u64;
            }
        }
    }

    /// Takes mono samples; `sink` gets what has become ready of 16 kHz mono.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(&[f32])) {
        // Piecewise, so that no input makes the buffer large.
        for piece in samples.chunks(4096) {
            self.pushed += piece.len() as u64;
            self.input.extend(piece.iter().map(|s| sanitise(*s)));
            self.pump(sink);
        }
    }

    /// That many seconds of silence, at no cost. What comes out is the same as for pushed zeros
    /// only where the last `delay` of the input was zero.
    pub fn skip_silence(&mut self, seconds: u64) {
        self.pushed += seconds * u64::from(self.rate);
        self.emitted += seconds * u64::from(ANALYSIS_RATE);
    }

    /// The input ends here: gives out all that belongs to it, ceil(n·16000/rate) samples in all.
    /// Before more is pushed, [`reset`](Self::reset).
    pub fn finish(&mut self, sink: &mut impl FnMut(&[f32])) {
        let total = u128::from(self.pushed) * u128::from(ANALYSIS_RATE);
        self.limit = total.div_ceil(u128::from(self.rate)) as u64;
        while self.emitted < self.limit {
            if matches!(self.way, Way::AsIs) {
                return;
            }
            let needed = self.way.needed();
            self.input.resize(needed.max(self.input.len()), 0.0);
            self.pump(sink);
        }
    }

    fn pump(&mut self, sink: &mut impl FnMut(&[f32])) {
        if matches!(self.way, Way::AsIs) {
            self.emitted += self.input.len() as u64;
            sink(&self.input);
            self.input.clear();
            return;
        }
        let mut used = 0;
        while self.input.len() - used >= self.way.needed() {
            let (written, read) = self.way.process(&self.input[used..], &mut self.output);
            used += read;
            let early = self.early.min(written as u64);
            self.early -= early;
            let ready = (written as u64 - early).min(self.limit - self.emitted);
            self.emitted += ready;
            if ready > 0 {
                let from = early as usize;
                sink(&self.output[from..from + ready as usize]);
            }
        }
        self.input.drain(..used);
    }
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    fn resample(rate: u32, samples: &[f32], cut: usize) -> Vec<f32> {
        let mut out = Vec::new();
        let mut intake = Intake::new(rate);
        for piece in samples.chunks(cut.max(1)) {
            intake.push(piece, &mut |s| out.extend_from_slice(s));
        }
        intake.finish(&mut |s| out.extend_from_slice(s));
        out
    }

    /// A tone survives at its amplitude, and each sample lies where it should: the phase tells.
    #[test]
    fn samples_lie_where_they_should_at_every_rate() {
        for rate in [
            8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 44_101, 48_000, 88_200, 96_000,
            192_000,
        ] {
            let tone = |hz: f64, i: usize, at: u32| (TAU * hz * i as f64 / f64::from(at)).sin();
            let input: Vec<f32> = (0..rate as usize / 2)
                .map(|i| 0.5 * tone(1000.0, i, rate) as f32)
                .collect();
            let out = resample(rate, &input, 1000);
            assert_eq!(out.len(), (input.len() * 16_000).div_ceil(rate as usize));
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (i, s) in out.iter().enumerate().skip(1600).take(4800) {
                let angle = TAU * 1000.0 * i as f64 / 16_000.0;
                sine += f64::from(*s) * angle.sin();
                cosine += f64::from(*s) * angle.cos();
            }
            let late_us = -cosine.atan2(sine) / (TAU * 1000.0) * 1e6;
            let amplitude = sine.hypot(cosine) / 2400.0;
            assert!(late_us.abs() < 1.0, "{rate} Hz: {late_us} µs late");
            assert!((amplitude - 0.5).abs() < 0.01, "{rate} Hz: {amplitude}");
        }
    }

    /// What 16 kHz cannot hold must not come back as something else.
    #[test]
    fn no_aliases() {
        let input: Vec<f32> = (0..24_000)
            .map(|i| (TAU * 11_000.0 * f64::from(i) / 48_000.0).sin() as f32)
            .collect();
        let out = resample(48_000, &input, 480);
        let rms = (out[800..7200].iter().map(|s| s * s).sum::<f32>() / 6400.0).sqrt();
        assert!(rms < 0.002, "alias at {} dB", 20.0 * rms.log10());
    }

    /// The promise that look-ahead is built on.
    #[test]
    fn the_delay_is_kept() {
        for rate in [8_000, 11_025, 44_100, 44_101, 48_000, 192_000] {
            let mut intake = Intake::new(rate);
            let delay = u128::from(intake.delay());
            let mut out = 0u128;
            for i in 1..20_000u128 {
                intake.push(&[0.1], &mut |s| out += s.len() as u128);
                let safe = (i * 1_000_000_000 / u128::from(rate)).saturating_sub(delay);
                assert!(
                    out * 1_000_000_000 / 16_000 >= safe,
                    "{rate} Hz, sample {i}"
                );
            }
        }
    }

    #[test]
    fn a_skip_is_silence() {
        let noise: Vec<f32> = (0..30_000u64)
            .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 8_388_608.0 - 1.0)
            .collect();
        let run = |skip: bool| {
            let mut out = Vec::new();
            let mut intake = Intake::new(44_100);
            intake.push(&noise, &mut |s| out.extend_from_slice(s));
            intake.push(&vec![0.0; 44_100], &mut |_| {});
            if skip {
                intake.skip_silence(2);
            } else {
                intake.push(&vec![0.0; 88_200], &mut |_| {});
            }
            intake.push(&noise, &mut |s| out.extend_from_slice(s));
            intake.finish(&mut |s| out.extend_from_slice(s));
            out
        };
        let (skipped, pushed) = (run(true), run(false));
        assert_eq!(skipped.len(), pushed.len());
        assert!(
            skipped
                .iter()
                .zip(&pushed)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_cut_does_not_matter(
            rate in prop::sample::select(vec![8_000u32, 11_025, 16_000, 44_100, 44_101, 48_000]),
            cuts in prop::collection::vec(1usize..3000, 1..12),
        ) {
            let total: usize = cuts.iter().sum();
            let input: Vec<f32> = (0..total).map(|i| ((i * i) as f32 * 0.001).sin()).collect();
            let whole = resample(rate, &input, total);
            let mut intake = Intake::new(rate);
            let mut out = Vec::new();
            let mut rest = input.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut);
                intake.push(now, &mut |s| out.extend_from_slice(s));
                rest = later;
            }
            intake.finish(&mut |s| out.extend_from_slice(s));
            prop_assert_eq!(whole, out);
        }
    }
}
