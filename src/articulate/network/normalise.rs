// SPDX-License-Identifier: MPL-2.0
//! [`Normaliser`]: the same speech looks the same to the network, whoever says it into whatever
//! microphone.

use crate::audio::mel::{BANDS, MelFrame};

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
/// Quieter than this is nothing at all: nothing is learnt from it.
const NOTHING: f32 = -85.0 * DB;

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

/// The mean spectrum of the louder sounds of voices against their level, nats a band.
const USUAL: MelFrame = [-4.0; BANDS];

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
    /// 2.5, about 0 in a loud vowel, the lower limit in silence.
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
