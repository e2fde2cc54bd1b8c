// SPDX-License-Identifier: MPL-2.0
//! [`Heard`]: the mouth that decoded sound asks for, and where sounds set in.

use super::lag::Track;
use crate::{
    articulate::{Articulator, signal::SignalArticulator},
    audio::{ANALYSIS_RATE, intake::Intake},
};

/// From one value of the track to the next: 10 ms, in samples of 16 kHz.
const STEP: u64 = 160;
const STEP_NS: u64 = 10_000_000;
/// The engine's articulator listening to the sound, in time with its samples.
pub(super) struct Heard {
    intake: Intake,
    articulator: SignalArticulator,
    /// Samples of 16 kHz given to the articulator.
    listened: u64,
    /// So many of the samples to come lie over earlier ones.
    again: u64,
    track: Track,
}

impl Heard {
    /// Sound of `rate` samples a second whose first one lies at `start`, ns.
    pub(super) fn new(rate: u32, start: u64) -> Self {
        Self {
            again: 0,
            intake: Intake::new(rate),
            articulator: SignalArticulator::new(),
            listened: 0,
            track: Track {
                start,
                step: STEP_NS,
                values: Vec::new(),
            },
        }
    }

    /// The next samples of one channel.
    pub(super) fn push(&mut self, mono: &[f32]) {
        let again = self.again.min(mono.len() as u64);
        self.again -= again;
        let (articulator, listened) = (&mut self.articulator, &mut self.listened);
        self.intake.push(&mono[again as usize..], &mut |ready| {
            articulator.push(ready);
            *listened += ready.len() as u64;
        });
        self.harvest(self.listened.saturating_sub(self.articulator.look_ahead()));
    }

    /// A hole of that many samples.
    pub(super) fn silence(&mut self, samples: u64) {
        let mut left = samples;
        while left > 0 {
            let now = left.min(4096);
            self.push(&[0.0; 4096][..now as usize]);
            left -= now;
        }
    }

    /// The sound goes back by that many samples: they have been heard.
    pub(super) fn overlap(&mut self, samples: u64) {
        self.again += samples;
    }

    /// The apertures of all of it, IOD.
    pub(super) fn finish(mut self) -> Track {
        let (articulator, listened) = (&mut self.articulator, &mut self.listened);
        self.intake.finish(&mut |ready| {
            articulator.push(ready);
            *listened += ready.len() as u64;
        });
        self.articulator.drain();
        self.harvest(self.listened);
        self.track
    }

    /// Takes the mouths up to that sample, which are known.
    fn harvest(&mut self, until: u64) {
        loop {
            let sample = self.track.values.len() as u64 * STEP;
            if sample >= until {
                break;
            }
            let mouth = self.articulator.mouth_at(sample as i64);
            self.track.values.push(mouth.aperture());
        }
        let kept = self.track.values.len() as u64 * STEP;
        self.articulator.forget_before(kept as i64);
    }
}

const _: () = assert!(STEP * 1_000_000_000 == STEP_NS * ANALYSIS_RATE as u64);

/// Sounds set in where a millisecond is so many times louder than what was heard before: 12 dB.
const ONSET: f32 = 4.0;
/// And at least so loud: −30 dB below full scale.
const LEAST: f32 = 0.03;
/// How much of what was before counts.
const QUIET_MS: usize = 100;
/// In the last of it a voice may rise, as long as it does not reach that loudness.
const RISE_MS: usize = 30;

/// Finds where sounds set in, to the millisecond.
pub(super) struct Onsets {
    rate: u32,
    /// Peaks of the last `QUIET_MS` milliseconds, in a ring.
    peaks: [f32; QUIET_MS],
    next: usize,
    /// Whole milliseconds and samples since `start`.
    milliseconds: u64,
    samples: u64,
    /// Loudest sample of the millisecond that is not complete.
    peak: f32,
}

impl Onsets {
    /// Sound of `rate` samples a second; what lies before it has peaks of `before`.
    pub(super) fn new(rate: u32, before: f32) -> Self {
        Self {
            rate: rate.max(1),
            peaks: [before; QUIET_MS],
            next: 0,
            milliseconds: 0,
            samples: 0,
            peak: 0.0,
        }
    }

    /// The next samples; `sink` is told where sounds set in, in ns since the first sample.
    pub(super) fn push(&mut self, mono: &[f32], sink: &mut impl FnMut(u64)) {
        for sample in mono {
            self.peak = self.peak.max(sample.abs());
            self.samples += 1;
            if self.samples * 1000 >= (self.milliseconds + 1) * u64::from(self.rate) {
                self.judge(sink);
            }
        }
    }

    fn judge(&mut self, sink: &mut impl FnMut(u64)) {
        let quiet = self.peak / ONSET;
        let sets_in = self.peak >= LEAST
            && (0..QUIET_MS).all(|ago| {
                let before = self.peaks[(self.next + QUIET_MS - 1 - ago) % QUIET_MS];
                before < quiet || (ago < RISE_MS && before < LEAST)
            });
        if sets_in {
            sink(self.milliseconds * 1_000_000);
        }
        self.peaks[self.next] = self.peak;
        self.next = (self.next + 1) % QUIET_MS;
        self.milliseconds += 1;
        self.peak = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn beeps(rate: u32, at_ms: &[u64], length_ms: u64, seconds: u64) -> Vec<f32> {
        (0..seconds * u64::from(rate))
            .map(|i| {
                let ms = i as f64 * 1000.0 / f64::from(rate);
                let on = at_ms
                    .iter()
                    .any(|t| (*t as f64..(t + length_ms) as f64).contains(&ms));
                let t = i as f32 / rate as f32;
                0.002 * (t * 90.0).sin() + if on { 0.5 * (t * 6283.0).cos() } else { 0.0 }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn beeps_set_in_where_they_are(
            rate in prop::sample::select(vec![8_000u32, 22_050, 44_100, 48_000]),
            first in 110u64..400,
            steps in prop::collection::vec(250u64..600, 1..4),
            cut in 1usize..5_000,
        ) {
            let at: Vec<u64> = steps.iter().scan(first, |t, s| { let now = *t; *t += s; Some(now) }).collect();
            let sound = beeps(rate, &at, 80, 2);
            let mut onsets = Onsets::new(rate, 0.0);
            let mut found = Vec::new();
            sound.chunks(cut).for_each(|piece| onsets.push(piece, &mut |t| found.push(t / 1_000_000)));
            prop_assert_eq!(found.len(), at.len(), "{:?} {:?}", found, at);
            prop_assert!(found.iter().zip(&at).all(|(f, a)| f.abs_diff(*a) <= 1), "{:?} {:?}", found, at);
        }
    }

    #[test]
    fn a_voice_that_rises_slowly_sets_in_once() {
        let rate = 48_000;
        let voice = |rise_ms: usize| -> Vec<f32> {
            let louder = (0..rise_ms * 48).map(move |i| 0.5 * i as f32 / (rise_ms * 48) as f32);
            (std::iter::repeat_n(0.001, 48 * 200).chain(louder))
                .chain(std::iter::repeat_n(0.5, 48 * 300))
                .enumerate()
                .map(|(i, level)| level * (i as f32 * 0.1).sin())
                .collect()
        };
        for rise_ms in [1, 5, 20, 100, 400] {
            let mut onsets = Onsets::new(rate, 0.0);
            let mut found = Vec::new();
            onsets.push(&voice(rise_ms), &mut |t| found.push(t / 1_000_000));
            // Where it is louder than the threshold, 0.03 of 0.5.
            let at = 200 + rise_ms as u64 * 6 / 100;
            assert_eq!(found.len(), 1, "{rise_ms}: {found:?}");
            assert!(found[0].abs_diff(at) <= 2, "{rise_ms}: {found:?}");
        }
    }

    #[test]
    fn a_voice_opens_the_mouth_where_it_is_heard() {
        for rate in [16_000u32, 44_100] {
            // A buzz of 120 Hz with a formant, from 1.0 to 1.5 s.
            let voice = |i: u32| -> f32 {
                let t = f64::from(i) / f64::from(rate);
                let sum: f64 = (1..20)
                    .map(|h| {
                        let f = 120.0 * f64::from(h);
                        (std::f64::consts::TAU * f * t).sin()
                            / (1.0 + ((f - 800.0) / 200.0).powi(2))
                    })
                    .sum();
                if (1.0..1.5).contains(&t) {
                    0.15 * sum as f32
                } else {
                    0.0
                }
            };
            let sound: Vec<f32> = (0..2 * rate).map(voice).collect();
            let mut heard = Heard::new(rate, 7_000_000_000);
            sound.chunks(1_111).for_each(|piece| heard.push(piece));
            heard.silence(u64::from(rate));
            // What comes again changes nothing.
            heard.overlap(u64::from(rate) / 2);
            sound[..rate as usize / 2]
                .chunks(999)
                .for_each(|piece| heard.push(piece));
            let track = heard.finish();
            assert_eq!((track.start, track.values.len()), (7_000_000_000, 300));
            let top = track.values.iter().fold(0.0, |max: f32, v| max.max(*v));
            let open: Vec<usize> = (0..300).filter(|i| track.values[*i] > top / 2.0).collect();
            let (first, last) = (open[0], open[open.len() - 1]);
            assert!(
                first.abs_diff(100) <= 2 && last.abs_diff(150) <= 3,
                "{rate}: {first} {last}"
            );
        }
    }
}
