// SPDX-License-Identifier: MPL-2.0
//! [`Converter`]: clauses of voices with other sample rates come to the stream's.

use crate::{audio::resample::Resampler, voice::Clause};

/// Brings clauses to another sample rate.
#[derive(Default)]
pub struct Converter {
    resampler: Resampler,
}

impl Converter {
    /// Has no filters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The clause at `rate` samples a second. Its times are those of before, each rounded to the
    /// nearest sample by itself, so that nothing adds up and what touched still touches.
    pub fn convert(&mut self, mut clause: Clause, rate: u32) -> Clause {
        let from = clause.rate;
        if from == rate || from == 0 || rate == 0 {
            return clause;
        }
        let at = |sample: u64| scaled(sample, from, rate);
        let span = |start: u64, length: u64| (at(start), at(start + length) - at(start));
        let samples = at(clause.samples.len() as u64);
        let sound = &clause.samples;
        clause.samples = self.resampler.resample(sound, from, rate, samples as usize);
        for sample in &mut clause.samples {
            *sample = sample.clamp(-1.0, 1.0);
        }
        for phone in &mut clause.phones {
            (phone.start, phone.length) = span(phone.start, phone.length);
            phone.release = phone.release.map(at);
        }
        for word in &mut clause.words {
            (word.start, word.length) = span(word.start, word.length);
        }
        for mark in &mut clause.marks {
            mark.start = at(mark.start);
        }
        clause.rate = rate;
        clause
    }
}

/// A sample's number at another rate, rounded to the nearest.
pub(super) fn scaled(sample: u64, from: u32, to: u32) -> u64 {
    let (from, to) = (u128::from(from), u128::from(to));
    ((u128::from(sample) * to + from / 2) / from) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{speech::Phone, voice::Word};
    use proptest::prelude::*;
    use std::f32::consts::TAU;

    fn clause(rate: u32, samples: Vec<f32>, cuts: &[u64]) -> Clause {
        let mut phones = Vec::new();
        for pair in cuts.windows(2) {
            let mut phone = Phone::new("p", pair[0], pair[1] - pair[0]);
            phone.release = Some(u64::midpoint(pair[0], pair[1]));
            phones.push(phone);
        }
        let word = |p: &Phone| Word {
            text: "w".into(),
            at: 0,
            start: p.start,
            length: p.length,
        };
        Clause {
            text: "w".into(),
            at: 0,
            language: "en".into(),
            rate,
            words: phones.iter().map(word).collect(),
            samples,
            phones,
            marks: Vec::new(),
        }
    }

    /// A tone keeps its pitch, loudness and place.
    #[test]
    fn a_tone_stays_what_it_was() {
        for (from, to) in [
            (16_000, 22_050),
            (22_050, 16_000),
            (16_000, 48_000),
            (22_050, 48_000),
            (22_050, 8_000),
        ] {
            let tone = |i: usize, rate: u32| 0.5 * (TAU * 440.0 * i as f32 / rate as f32).sin();
            let input = (0..from as usize).map(|i| tone(i, from)).collect();
            let got = Converter::new().convert(clause(from, input, &[0, 1_000]), to);
            assert_eq!(got.samples.len(), to as usize);
            let middle = to as usize / 4..to as usize / 2;
            for i in middle {
                // 70 dB down, and the ripple of a filter of 64 periods.
                let off = (got.samples[i] - tone(i, to)).abs();
                assert!(off < 0.002, "{from} to {to}, sample {i}: off by {off}");
            }
        }
    }

    proptest! {
        #[test]
        fn times_keep_their_places_within_half_a_sample(
            mut cuts in prop::collection::vec(0u64..40_000, 2..30),
            from in prop::sample::select(vec![16_000u32, 22_050, 24_000, 44_100]),
            to in prop::sample::select(vec![8_000u32, 16_000, 22_050, 48_000]),
        ) {
            cuts[0] = 0;
            cuts.sort();
            let total = cuts[cuts.len() - 1];
            let before = clause(from, vec![0.0; total as usize], &cuts);
            let after = Converter::new().convert(before.clone(), to);
            let mut end = 0;
            for (a, b) in before.phones.iter().zip(&after.phones) {
                prop_assert_eq!(b.start, end, "phones touch");
                end = b.end();
                let exact = a.start as f64 * f64::from(to) / f64::from(from);
                prop_assert!((b.start as f64 - exact).abs() <= 0.5);
                prop_assert!(b.release.is_some_and(|r| (b.start..=end).contains(&r)));
            }
            prop_assert_eq!(end, after.samples.len() as u64);
            for (word, phone) in after.words.iter().zip(&after.phones) {
                prop_assert_eq!((word.start, word.length), (phone.start, phone.length));
            }
        }
    }
}
