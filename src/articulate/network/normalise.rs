// SPDX-License-Identifier: MPL-2.0
//! [`Normaliser`]: the same speech looks the same to the network, whoever says it into whatever
//! microphone.

use crate::audio::mel::MelFrame;

/// Seconds from one frame to the next.
const STEP: f32 = 0.01;
/// Bands that a level is taken from: 250–5000 Hz. Hum lies below.
const LEVEL_BANDS: std::ops::Range<usize> = 4..34;
/// Nats of power in a decibel.
const DB: f32 = 0.230_258_5;

/// Where a voice's louder sounds are expected before any was heard, and where they are taken to
/// lie at all, nats.
const EXPECTED_VOICE: f32 = -26.0 * DB;
const VOICES: (f32, f32) = (-60.0 * DB, 6.0 * DB);
/// Where a room's noise is expected, and how loud it may be.
const EXPECTED_ROOM: f32 = -62.0 * DB;
const LOUDEST_ROOM: f32 = -28.0 * DB;
/// How fast the room's level rises, nats a second: sounds of speech are too short to raise it
/// by much.
const ROOM_RISE: f32 = 3.0 * DB;
/// Quieter than this is nothing at all, the floor of the bands: nothing is learnt from it.
const NOTHING: f32 = -72.0 * DB;

/// What sounds lies that far above the room, and what is worth learning the voice's level and
/// spectrum from lies at most so far below the voice, nats.
const ABOVE_ROOM: f32 = 9.0 * DB;
const NEAR_VOICE: f32 = 20.0 * DB;
const LOUD: f32 = 12.0 * DB;
/// The expected spectrum counts as so many seconds of the voice's own.
const PRIOR: f32 = 1.0;
/// What was heard longer ago than this is forgotten, s of loud sound.
const MEMORY: f32 = 6.0;

/// What is divided by: about the spread of a band over speech, nats.
const SCALE: f32 = 2.5;
/// Values beyond these say no more than the limits, in that unit.
const LIMITS: (f32, f32) = (-4.5, 2.5);

/// The mean spectrum of the louder sounds of voices against their level, nats a band: measured
/// on the speech that the network is trained with.
#[rustfmt::skip]
const USUAL: MelFrame = [
    -4.3, -3.2, -2.7, -2.7, -2.8, -2.7, -2.9, -3.4, -4.0, -4.8,
    -5.6, -6.2, -6.8, -7.1, -7.3, -7.5, -7.6, -7.7, -7.9, -8.0,
    -8.2, -8.0, -7.5, -7.1, -7.1, -7.2, -7.1, -7.1, -7.5, -8.0,
    -8.6, -9.3, -10.1, -10.8, -11.2, -11.5, -11.6, -11.4, -11.1, -11.4,
];

/// Learns, from frame to frame, how loud the voice is and what its spectrum is like on the mean
/// of its louder sounds, and takes both away. It follows the level within half a second and the
/// spectrum within seconds; from silence and from what is faint it learns nothing, so pauses
/// change nothing.
#[derive(Clone, Debug)]
pub struct Normaliser {
    /// Level of the voice's louder sounds, nats.
    voice: f32,
    /// Level of the room, nats.
    room: f32,
    /// Seconds that the level was learnt from.
    heard: f32,
    /// Mean of the louder sounds' bands against their level, nats.
    shape: MelFrame,
    /// Seconds that the mean was learnt from.
    learnt: f32,
}

impl Default for Normaliser {
    fn default() -> Self {
        Self::new()
    }
}

impl Normaliser {
    /// Has heard nobody yet.
    pub fn new() -> Self {
        Self {
            voice: EXPECTED_VOICE,
            room: EXPECTED_ROOM,
            heard: 0.0,
            shape: USUAL,
            learnt: 0.0,
        }
    }

    /// The frame that follows the last, against what was heard so far: each band within −4.5 to
    /// 2.5, about 0 in a loud vowel; all of silence is the same.
    pub fn normalise(&mut self, frame: &MelFrame) -> MelFrame {
        let power: f32 = frame[LEVEL_BANDS].iter().map(|b| b.exp()).sum();
        let level = power.max(1e-12).ln();
        if level > NOTHING {
            self.hear(frame, level);
        }
        std::array::from_fn(|b| {
            ((frame[b] - self.voice - self.shape[b]) / SCALE).clamp(LIMITS.0, LIMITS.1)
        })
    }

    fn hear(&mut self, frame: &MelFrame, level: f32) {
        let share = |seconds: f32| 1.0 - (-STEP / seconds).exp();
        if level < self.room {
            self.room += (level - self.room) * share(0.1);
        } else {
            self.room = (self.room + (ROOM_RISE * STEP).min(level - self.room)).min(LOUDEST_ROOM);
        }
        if level < self.room + ABOVE_ROOM {
            return;
        }
        // Once known, what is far below the voice says nothing about it.
        if level > self.voice - NEAR_VOICE || self.heard < 0.5 {
            self.heard += STEP;
            let seconds = if level > self.voice {
                0.05
            } else {
                (0.1 + 0.6 * self.heard).min(2.5)
            };
            self.voice += (level - self.voice) * share(seconds);
            self.voice = self.voice.clamp(VOICES.0, VOICES.1);
        }
        if level > self.voice - LOUD {
            self.learnt = (self.learnt + STEP).min(MEMORY);
            let share = STEP / (PRIOR + self.learnt);
            for (mean, band) in self.shape.iter_mut().zip(frame) {
                *mean += (band - level - *mean) * share;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::mel::{BANDS, LogMel};
    use std::f32::consts::TAU;

    const RATE: usize = 16_000;

    /// Something like speech: syllables of a buzz under moving resonances, four a second, on a
    /// faint noise.
    fn syllables(seconds: f32, gain: f32) -> Vec<f32> {
        let mut noise = 1u32;
        (0..(seconds * RATE as f32) as usize)
            .map(|i| {
                let t = i as f32 / RATE as f32;
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let hiss = noise as f32 / u32::MAX as f32 - 0.5;
                let open = (TAU * 2.0 * t).sin().powi(2);
                let buzz: f32 = (1..20)
                    .map(|k| (TAU * 120.0 * k as f32 * t).sin() / k as f32)
                    .sum();
                gain * (0.2 * open * buzz + 0.0005 * hiss)
            })
            .collect()
    }

    fn normalised(samples: &[f32]) -> Vec<MelFrame> {
        let (mut mel, mut normaliser) = (LogMel::new(), Normaliser::new());
        let mut frames = Vec::new();
        mel.push(samples, &mut |frame| {
            frames.push(normaliser.normalise(frame))
        });
        frames
    }

    /// Over the bands and frames in which the buzz is heard: elsewhere the two differ by what
    /// the floor of the bands hides.
    fn mean_difference(a: &[MelFrame], b: &[MelFrame]) -> f32 {
        let (mut sum, mut count) = (0.0, 0);
        for (a, b) in a.iter().zip(b) {
            for band in (2..20).filter(|band| a[*band] > -1.0) {
                sum += (a[band] - b[band]).abs();
                count += 1;
            }
        }
        assert!(count > 500, "{count}");
        sum / count as f32
    }

    /// 24 dB are 2.2 of the unit, of which little is left after half a second and nothing to
    /// speak of after two.
    #[test]
    fn loud_and_quiet_become_the_same() {
        let loud = normalised(&syllables(4.0, 1.0));
        let quiet = normalised(&syllables(4.0, 0.063));
        let after =
            |from: usize| mean_difference(&loud[from..from + 100], &quiet[from..from + 100]);
        assert!(after(50) < 0.4, "{}", after(50));
        assert!(after(200) < 0.15, "{}", after(200));
    }

    #[test]
    fn it_does_not_breathe() {
        let all = normalised(&syllables(12.5, 0.3));
        // The same syllables, once the spectrum is known, and four seconds later.
        let moved = mean_difference(&all[600..800], &all[1000..1200]);
        assert!(moved < 0.15, "{moved}");
    }

    #[test]
    fn silence_changes_nothing() {
        let mut normaliser = Normaliser::new();
        let mut mel = LogMel::new();
        mel.push(&syllables(3.0, 0.3), &mut |frame| {
            normaliser.normalise(frame);
        });
        let before = normaliser.clone();
        let mut silent = Vec::new();
        LogMel::new().push(&[0.0; RATE], &mut |frame| {
            silent.push(normaliser.normalise(frame));
        });
        assert!(silent.len() > 90);
        assert!(silent.iter().all(|frame| *frame == silent[0]));
        assert_eq!(
            (before.voice, before.room),
            (normaliser.voice, normaliser.room)
        );
        assert_eq!(before.shape, normaliser.shape);
    }

    #[test]
    fn whatever_comes_it_stays_within_its_limits() {
        for level in [-20.7f32, -90.0, 0.0, 6.0] {
            let mut normaliser = Normaliser::new();
            for _ in 0..300 {
                let frame = normaliser.normalise(&[level; BANDS]);
                assert!(frame.iter().all(|b| (LIMITS.0..=LIMITS.1).contains(b)));
            }
        }
    }
}
