// SPDX-License-Identifier: MPL-2.0
//! [`Voice`]: what one window of sound says about jaw and lips, for the voice that is speaking.
//!
//! The constants are tuned by hand on synthetic speech whose phones are known (eSpeak NG in seven
//! languages, three recorded Flite voices): the level of 500–1200 Hz against the voice's own level
//! follows the height of the jaw (correlation 0.67 by itself), because open vowels have their
//! first formant there; width and rounding show in how the spectrum differs
//! from the voice's own mean.

use super::{
    Mouth,
    hearing::{BANDS, Heard},
    level::Loudness,
};

/// The mean spectrum of voices: dB of each band below the level.
const USUAL: [f32; BANDS] = [-6.0, -9.0, -17.0, -27.0, -27.0, -27.0, -24.0, -29.0];
/// No band counts as quieter than this against the level, dB.
const FAINTEST: f32 = -40.0;
/// Mean jaw of anything that sounds, and how much voicing adds to it.
const JAW_SOUNDING: f32 = 0.13;
const JAW_VOICED: f32 = 0.09;
/// What an open vowel adds, and over how many dB of 500–1200 Hz.
const JAW_OPEN: f32 = 0.66;
const OPEN_DB: f32 = 26.0;

/// A window's sound against the voice that makes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Said {
    /// What the mouth does, but for its closures.
    pub(super) mouth: Mouth,
    /// Level of 300–3800 Hz, where vowels are, against the voice's, dB.
    pub(super) vowel: f32,
    /// Level above 2600 Hz against the voice's, dB.
    pub(super) hiss: f32,
    /// By how many dB 300–800 Hz lie below what is usual for this voice: closed lips leave
    /// only what is lower.
    pub(super) dark: f32,
    /// 0–1.
    pub(super) voicing: f32,
}

/// What was learnt of the voice.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    loudness: Loudness,
    /// Mean of the spectrum's shape over voiced sound, dB against the level.
    usual: [f32; BANDS],
    heard: f32,
}

impl Voice {
    pub(super) fn new() -> Self {
        Self {
            loudness: Loudness::new(0.005),
            usual: USUAL,
            heard: 0.0,
        }
    }

    /// Learns from one window and tells what it says; windows are 5 ms apart.
    pub(super) fn listen(&mut self, heard: &Heard) -> Said {
        self.loudness.hear(heard);
        let shape: [f32; BANDS] =
            std::array::from_fn(|b| (heard.bands[b] - heard.level).max(FAINTEST));
        self.learn(heard, &shape);
        let against: [f32; BANDS] = std::array::from_fn(|b| shape[b] - self.usual[b]);
        let voice = self.loudness.voice();
        Said {
            mouth: self.mouth(heard, &against),
            vowel: (heard.range(1, 7) - voice).max(-45.0),
            hiss: (heard.range(6, 8) - voice).max(-45.0),
            dark: -0.5 * (against[1] + against[2]),
            voicing: heard.voicing,
        }
    }

    fn learn(&mut self, heard: &Heard, shape: &[f32; BANDS]) {
        if heard.voicing > 0.5 && self.loudness.of(heard.level) > 0.35 {
            self.heard = (self.heard + 0.005).min(5.0);
            let share = 0.005 / (1.0 + self.heard);
            for (mean, now) in self.usual.iter_mut().zip(shape) {
                *mean += (now - *mean) * share;
            }
        }
    }

    fn mouth(&self, heard: &Heard, against: &[f32; BANDS]) -> Mouth {
        let loud = self.loudness.of(heard.level);
        let sounds = ramp(loud, 0.0, 0.3);
        if sounds == 0.0 {
            return Mouth::REST;
        }
        let voiced = ramp(heard.voicing, 0.3, 0.6);
        let open_db = heard.range(2, 4) - self.loudness.voice();
        let open = (1.0 + open_db / OPEN_DB).clamp(0.0, 1.35);
        // Hiss: s and sh keep the teeth together; sh has its energy lower and rounds the lips.
        let hiss = ramp(heard.range(5, 8) - heard.range(0, 5), -3.0, 9.0);
        let dull = ramp(heard.range(5, 7) - heard.bands[7], -2.0, 5.0);
        let front = 0.5 * (against[5] + against[6]) - 0.5 * against[3];
        let back = -(against[4] + against[5] + against[6]) / 3.0;
        // Nasals and closed lips are as dull as u, but lack its 300–800 Hz.
        let lips_open = ramp(against[1] + against[2], -3.0, 3.0);
        let wide = 0.5 * voiced * ramp(front, 0.0, 11.0) + 0.35 * hiss * (1.0 - dull);
        let round = 0.75 * voiced * lips_open * ramp(back, -0.5, 6.5) + 0.5 * hiss * dull;
        let voiced_jaw = JAW_VOICED * voiced + JAW_OPEN * open * (0.25 + 0.75 * voiced);
        // Who speaks softly moves the lips less, too; the jaw's share is in `open`.
        let effort = 0.3 + 0.7 * loud.clamp(0.0, 1.2);
        let (wide, round) = (effort * wide, effort * round);
        let round = round * (1.0 - wide);
        // Rounding brings the second formant down into the band that tells of the jaw.
        let voiced_jaw = voiced_jaw * (1.0 - 0.5 * round);
        Mouth {
            jaw: sounds * (JAW_SOUNDING + voiced_jaw * (1.0 - 0.8 * hiss)),
            wide: sounds * wide,
            round: sounds * round,
            upper: 0.1 * sounds * (hiss + voiced * open).min(1.0),
            closure: 0.0,
            lip_teeth: 0.0,
            tongue: 0.0,
        }
    }
}

/// 0 at `from` and below, 1 at `to` and above, straight between.
pub(super) fn ramp(value: f32, from: f32, to: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}
