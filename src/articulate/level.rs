// SPDX-License-Identifier: MPL-2.0
//! [`Loudness`]: how loud this voice is and how loud its room, so that a mouth opens as wide for
//! a quiet recording as for a loud one, and not at all for the room.

use super::hearing::Heard;

/// Where a voice is expected before it was heard, dB below full scale.
const EXPECTED_VOICE: f32 = -24.0;
/// Voices are taken to lie in this range, dB.
const VOICES: (f32, f32) = (-48.0, -6.0);
/// Where a room's noise is expected and how loud it may be, dB.
const EXPECTED_ROOM: f32 = -62.0;
const LOUDEST_ROOM: f32 = -30.0;
/// Quieter than this is no room but nothing at all: nothing is learnt from it, so that any
/// amount of it leaves everything as it was.
const NOTHING: f32 = -85.0;

/// Running levels of the voice and of the room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loudness {
    /// Level of the voice's louder vowels, dB.
    voice: f32,
    /// Level of the room, dB.
    room: f32,
    /// Seconds of voice heard so far.
    heard: f32,
    /// Seconds from one window to the next.
    step: f32,
}

impl Loudness {
    /// For windows `step` seconds apart.
    pub(crate) fn new(step: f32) -> Self {
        Self {
            step,
            voice: EXPECTED_VOICE,
            room: EXPECTED_ROOM,
            heard: 0.0,
        }
    }

    /// Learns from one window, a step after the last.
    pub(crate) fn hear(&mut self, heard: &Heard) {
        if heard.level < NOTHING {
            return;
        }
        let step = self.step;
        let towards =
            |from: f32, to: f32, seconds: f32| from + (to - from) * (1.0 - (-step / seconds).exp());
        if heard.level < self.room {
            self.room = towards(self.room, heard.level, 0.1);
        } else if heard.voicing < 0.5 || heard.level < self.room + 4.0 {
            // Steady noise raises it in a second, fricatives are too short to.
            self.room += (6.0 * step).min(heard.level - self.room);
            self.room = self.room.min(LOUDEST_ROOM);
        }
        let speaks = heard.voicing > 0.5 && heard.level > self.room + 10.0;
        // Once known, what is 20 dB below the voice says nothing about it.
        if speaks && (heard.level > self.voice - 20.0 || self.heard < 0.5) {
            self.heard += step;
            let seconds = if heard.level > self.voice {
                0.05
            } else {
                (0.1 + 0.6 * self.heard).min(2.5)
            };
            self.voice = towards(self.voice, heard.level, seconds).clamp(VOICES.0, VOICES.1);
        }
    }

    /// How loud a level is for this voice: 0 or less is the room or a pause, 1 a loud vowel.
    pub(crate) fn of(&self, level: f32) -> f32 {
        let pause = (self.room + 6.0).max(self.voice - 30.0);
        (level - pause) / (self.voice - pause).max(6.0)
    }

    /// Level of the voice, dB.
    pub(crate) fn voice(&self) -> f32 {
        self.voice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f32 = 0.005;

    fn sound(level: f32, voicing: f32) -> Heard {
        Heard {
            level,
            voicing,
            ..Heard::NOTHING
        }
    }

    fn after(seconds: f32, loudness: &mut Loudness, heard: Heard) {
        for _ in 0..(seconds / STEP) as usize {
            loudness.hear(&heard);
        }
    }

    #[test]
    fn it_settles_on_any_voice_in_half_a_second() {
        for level in [-45.0, -35.0, -24.0, -12.0] {
            let mut loudness = Loudness::new(STEP);
            after(0.5, &mut loudness, sound(level, 0.9));
            assert!(
                (0.8..1.2).contains(&loudness.of(level)),
                "{level}: {}",
                loudness.of(level)
            );
        }
    }

    #[test]
    fn a_pause_changes_nothing() {
        let mut loudness = Loudness::new(STEP);
        after(2.0, &mut loudness, sound(-20.0, 0.9));
        after(0.3, &mut loudness, sound(-55.0, 0.1));
        let before = loudness.voice();
        after(30.0, &mut loudness, sound(-55.0, 0.1));
        assert_eq!(loudness.voice(), before);
        assert!(loudness.of(-55.0) <= 0.0);
        let copy = loudness;
        after(5.0, &mut loudness, Heard::NOTHING);
        assert_eq!((loudness.voice(), loudness.room), (copy.voice, copy.room));
    }

    #[test]
    fn steady_noise_is_the_room() {
        let mut loudness = Loudness::new(STEP);
        after(6.0, &mut loudness, sound(-38.0, 0.2));
        assert!(loudness.of(-38.0) <= 0.0);
        after(0.5, &mut loudness, sound(-15.0, 0.9));
        assert!(loudness.of(-15.0) > 0.8);
    }
}
