// SPDX-License-Identifier: MPL-2.0
//! A whole sound at another rate.

use super::polyphase::Polyphase;

/// Input samples that a filter spans, where the rate does not fall.
const TAPS: usize = 64;

/// Brings whole sounds to other sample rates. Remembers the filters of the last pair of rates.
#[derive(Default)]
pub struct Resampler {
    known: Option<(u32, u32, Polyphase)>,
}

impl Resampler {
    /// The first `wanted` samples of the sound at another rate; both are at least 1. What was
    /// said at a time is said at the same time; behind the sound is silence.
    pub fn resample(&mut self, samples: &[f32], from: u32, to: u32, wanted: usize) -> Vec<f32> {
        let known = self.known.take().filter(|k| (k.0, k.1) == (from, to));
        let (_, _, mut filter) = known.unwrap_or_else(|| (from, to, filter(from, to)));
        filter.reset();
        let behind = filter.needed() + from.div_ceil(to) as usize;
        let mut padded = Vec::with_capacity(filter.lead() + samples.len() + behind);
        padded.resize(filter.lead(), 0.0);
        padded.extend_from_slice(samples);
        padded.resize(padded.len() + behind, 0.0);
        let mut output = vec![0.0; wanted];
        filter.process(&padded, &mut output);
        self.known = Some((from, to, filter));
        output
    }
}

/// All of a sound at another rate; both are at least 1.
pub fn at_rate(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples.to_vec();
    }
    let wanted = (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from));
    Resampler::default().resample(samples, from, to, wanted as usize)
}

fn filter(from: u32, to: u32) -> Polyphase {
    let common = gcd(from, to);
    let (up, down) = ((to / common) as usize, (from / common) as usize);
    // A lower rate needs a filter that is as much longer.
    Polyphase::new(up, down, TAPS * down.div_ceil(up))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_and_place() {
        for from in [
            8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000,
        ] {
            let tone = |rate: u32, count: usize| -> Vec<f32> {
                let step = 2.0 * std::f32::consts::PI * 440.0 / rate as f32;
                (0..count).map(|i| (i as f32 * step).sin()).collect()
            };
            let there = at_rate(&tone(from, from as usize), from, 24_000);
            assert_eq!(there.len(), 24_000, "{from}");
            let expected = tone(24_000, 24_000);
            let off = there[500..23_500]
                .iter()
                .zip(&expected[500..])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            // The filter has −70 dB beyond its edge, and less than 0.1 dB of ripple.
            assert!(off < 0.01, "{from}: {off}");
        }
    }

    #[test]
    fn odd_rates_and_short_sounds_pass() {
        assert!(at_rate(&[], 22_049, 24_000).is_empty());
        assert_eq!(at_rate(&[0.5; 10], 192_000, 24_000).len(), 2);
        assert_eq!(at_rate(&[0.5; 22_049], 22_049, 24_000).len(), 24_000);
    }
}
