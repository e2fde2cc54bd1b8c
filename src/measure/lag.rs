// SPDX-License-Identifier: MPL-2.0
//! [`LagSearch`]: how much later the picture shows the mouth of a sound than the sound is heard.
//!
//! The mouth that is shown and the mouth that the sound asks for are shifted against each other
//! until they agree best, as in [`articulate::lag`](crate::articulate::lag), which measures
//! streams: this is for all of a recording, of which the frames lie anywhere in time.

use crate::articulate::lag::{Peak, correlation};

/// From one shift that is tried to the next, ns.
const STEP_NS: i64 = 10_000_000;
/// Shifts nearer than this to the best one agree because mouths move no faster, ns.
const SAME_NS: i64 = 150_000_000;
/// Independent values a second of speech has: some 4 syllables, each with an opening and a length.
const INDEPENDENT_HZ: f64 = 8.0;
/// A mouth that is asked for is open from here on, IOD.
const OPEN: f32 = 0.02;
/// Below this nothing is told: what mouths reach by chance within 4 s of speech (110 pairs of a
/// mouth with speech that was not its own).
const LEAST_CORRELATION: f64 = 0.35;

/// Values at regular instants: value i lies at `start` + i · `step`. Outside of them it is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// Time of the first value, ns.
    pub start: u64,
    /// From one value to the next, ns; not 0.
    pub step: u64,
    /// The values.
    pub values: Vec<f32>,
}

impl Track {
    /// The value at a time (ns), between two values in a straight line.
    pub fn at(&self, time: i64) -> f32 {
        let since = i128::from(time) - i128::from(self.start);
        let step = i128::from(self.step.max(1));
        let below = since.div_euclid(step);
        let share = since.rem_euclid(step) as f32 / step as f32;
        let value = |i: i128| {
            let value = usize::try_from(i).ok().and_then(|i| self.values.get(i));
            value.copied().unwrap_or(0.0)
        };
        value(below) * (1.0 - share) + value(below + 1) * share
    }
}

/// What shift was found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Lag {
    /// Picture less sound, ms: positive if the sound comes first.
    pub offset_ms: f64,
    /// Pearson's correlation of the two mouths at that shift.
    pub correlation: f64,
    /// How sure it is that no quite different shift is the right one, 0–1; 0.5 is a guess.
    pub confidence: f64,
    /// Seconds of speech that it rests on.
    pub speech_s: f64,
}

/// How a shift is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagSearch {
    /// The largest shift to either side, ns.
    pub most: u64,
    /// Less speech than this says nothing, s.
    pub speech_s: f64,
    /// What is less sure is not told, 0–1.
    pub confidence: f64,
}

impl Default for LagSearch {
    /// Half a second to either side, from 2 s of speech on. None of 110 mouths with 4 s of speech
    /// that was not their own was as sure; true ones reach 0.9.
    fn default() -> Self {
        Self {
            most: 500_000_000,
            speech_s: 2.0,
            confidence: 0.8,
        }
    }
}

impl LagSearch {
    /// The shift between the mouths `shown` (time in ns and aperture in IOD of each frame looked
    /// at) and the apertures that are `heard`; `None` where there is too little speech, or no
    /// shift at which they agree distinctly.
    pub fn find(&self, shown: &[(u64, f32)], heard: &Track) -> Option<Lag> {
        let speech_s = spoken(shown, heard);
        if speech_s < self.speech_s {
            return None;
        }
        let most = i64::try_from(self.most).unwrap_or(i64::MAX).min(1 << 40) / STEP_NS;
        let curve: Vec<f64> = (-most..=most)
            .map(|i| agreement(shown, heard, i * STEP_NS))
            .collect();
        // Steps that are no further apart than that are the same lag.
        let peak = Peak::of(&curve, (SAME_NS / STEP_NS) as usize + 1)?;
        let confidence = peak.sureness(speech_s * INDEPENDENT_HZ);
        if peak.top < LEAST_CORRELATION || confidence < self.confidence {
            return None;
        }
        let steps = peak.place - most as f64;
        Some(Lag {
            offset_ms: super::ms(steps * STEP_NS as f64),
            correlation: super::round(peak.top, 1e3),
            confidence: super::round(confidence, 1e3),
            speech_s: super::round(speech_s, 1e3),
        })
    }
}

/// Seconds of the time looked at in which the sound asks for an open mouth.
fn spoken(shown: &[(u64, f32)], heard: &Track) -> f64 {
    let frames = shown.windows(2).filter(|w| heard.at(w[0].0 as i64) > OPEN);
    // What was not looked at counts for no more than a slow frame.
    let ns: u64 = frames
        .map(|w| w[1].0.saturating_sub(w[0].0).min(100_000_000))
        .sum();
    ns as f64 / super::SECOND_NS
}

/// Of the mouths shown, with those heard `lag` ns earlier.
fn agreement(shown: &[(u64, f32)], heard: &Track, lag: i64) -> f64 {
    correlation(shown.iter().map(|(time, aperture)| {
        let at = i64::try_from(*time).unwrap_or(i64::MAX).saturating_sub(lag);
        (*aperture, heard.at(at))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    /// Apertures as of speech: syllables of 120 to 350 ms, some of them pauses.
    fn speech(mut seed: u64, seconds: u64) -> Track {
        let mut values = Vec::new();
        while (values.len() as u64) < seconds * 100 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = |shift: u32| (seed >> shift) as u16 as f32 / 65_536.0;
            let length = 12 + (random(20) * 23.0) as usize;
            let top = if random(40) < 0.2 {
                0.0
            } else {
                0.04 + 0.2 * random(48)
            };
            values.extend((0..length).map(|i| {
                let phase = std::f32::consts::PI * (i as f32 + 0.5) / length as f32;
                top * phase.sin()
            }));
        }
        Track {
            start: 3 * SECOND,
            step: 10_000_000,
            values,
        }
    }

    /// What a camera of that rate sees of it, so much later.
    fn shown(track: &Track, rate: u64, lag: i64, noise: f32) -> Vec<(u64, f32)> {
        let end = track.start + track.values.len() as u64 * track.step;
        let mut seed = 77u32;
        (track.start * rate / SECOND..end * rate / SECOND)
            .map(|k| {
                let time = k * SECOND / rate;
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let tremble = noise * ((seed >> 8) as f32 / 8_388_608.0 - 1.0);
                (time, 0.8 * track.at(time as i64 - lag) + 0.01 + tremble)
            })
            .collect()
    }

    #[test]
    fn between_values_it_is_a_straight_line_and_outside_nothing() {
        let track = Track {
            start: 100,
            step: 10,
            values: vec![1.0, 3.0],
        };
        assert_eq!(
            [95, 100, 105, 110, 120].map(|t| track.at(t)),
            [0.5, 1.0, 2.0, 3.0, 0.0]
        );
        assert_eq!(track.at(i64::MIN), 0.0);
        assert_eq!(track.at(i64::MAX), 0.0);
    }

    #[test]
    fn silence_and_strangers_say_nothing() {
        let search = LagSearch::default();
        let track = speech(1, 20);
        let still: Vec<_> = shown(&track, 25, 0, 0.0)
            .iter()
            .map(|(t, _)| (*t, 0.0))
            .collect();
        assert_eq!(
            search.find(&still, &track),
            None,
            "a mouth that does not move"
        );
        let silence = Track {
            values: vec![0.0; 2000],
            ..track.clone()
        };
        assert_eq!(search.find(&shown(&track, 25, 0, 0.0), &silence), None);
        assert_eq!(search.find(&[], &track), None);
        let told = (2..40).filter(|seed| {
            search
                .find(&shown(&speech(*seed, 20), 25, 0, 0.0), &track)
                .is_some()
        });
        // A fifth would be what a confidence of 0.8 allows.
        assert!(told.count() <= 2, "another speech's mouth fits");
        let short = speech(1, 2);
        assert_eq!(
            search.find(&shown(&short, 25, 0, 0.0), &short),
            None,
            "too short"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_known_shift_is_found(
            seed in any::<u64>(),
            rate in prop::sample::select(vec![15u64, 24, 25, 30, 60]),
            lag_ms in -300i64..=300,
            noise in 0.0f32..0.03,
        ) {
            let track = speech(seed, 12);
            let lag = LagSearch::default()
                .find(&shown(&track, rate, lag_ms * 1_000_000, noise), &track);
            let lag = lag.expect("12 s of speech are enough");
            prop_assert!((lag.offset_ms - lag_ms as f64).abs() < 6.0, "{:?} {}", lag, lag_ms);
            prop_assert!(lag.correlation > 0.8 && lag.speech_s > 5.0);
        }
    }
}
