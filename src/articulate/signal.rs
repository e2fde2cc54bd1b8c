// SPDX-License-Identifier: MPL-2.0
//! [`SignalArticulator`]: the mouth from the sound alone, without any model of speech.

use std::collections::VecDeque;

use super::{
    Articulator, Mouth, Origin,
    closure::{self, Closures},
    hearing::{Hearing, WINDOW},
    track::Track,
    voice::Voice,
};
use crate::audio::spectrum::Framer;

/// Samples from one window to the next: 5 ms.
const HOP: u64 = 80;
/// Windows before and after the one in question that its mouth is smoothed over.
const BEFORE: usize = 13;
const AFTER: usize = 10;
/// Spread of the smoothing in windows, before and after. The jaw is slow: 21 ms is a low-pass of
/// 6 Hz. Lips are faster. A window begins to hear a sound some 5 ms before its middle reaches it,
/// so the weights lean back by as much: half of the opening lies at the onset. Mouths also open
/// faster than they close.
const JAW_SPREAD: (f32, f32) = (26.0 / 5.0, 16.0 / 5.0);
const LIP_SPREAD: (f32, f32) = (19.0 / 5.0, 14.0 / 5.0);
/// Closures are known later than the rest, so they are smoothed over less; and they begin so many
/// windows early, because lips meet before the sound is gone and must be seen to.
const CLOSURE_REACH: usize = 3;
const CLOSURE_EARLY: usize = AFTER - closure::AFTER - CLOSURE_REACH;
const CLOSURE_WINDOWS: usize = 2 * CLOSURE_REACH + 1 + CLOSURE_EARLY;
const CLOSURE_SPREAD: (f32, f32) = (9.0 / 5.0, 9.0 / 5.0);
/// Samples after which nothing of earlier sound is left in any window.
const SETTLED: u64 = 16_000 / 2;

/// Moves the mouth by how loud the voice is, how its spectrum is balanced, how periodic it is,
/// and by the gaps that closed lips leave. Needs 75 ms of look-ahead.
pub struct SignalArticulator {
    framer: Framer,
    hearing: Hearing,
    smoother: Smoother,
}

impl Default for SignalArticulator {
    fn default() -> Self {
        Self::new()
    }
}

impl SignalArticulator {
    /// Has heard nothing yet.
    pub fn new() -> Self {
        Self {
            framer: Framer::new(WINDOW, HOP as usize),
            hearing: Hearing::new(),
            smoother: Smoother::new(),
        }
    }
}

impl Articulator for SignalArticulator {
    fn origin(&self) -> Origin {
        Origin::Signal
    }

    /// The window, the smoothing, and the step to the next mouth.
    fn look_ahead(&self) -> u64 {
        WINDOW as u64 / 2 + AFTER as u64 * HOP + HOP
    }

    fn push(&mut self, samples: &[f32]) {
        let (hearing, smoother) = (&mut self.hearing, &mut self.smoother);
        self.framer.push(samples, &mut |window| {
            let said = smoother.voice.listen(&hearing.hear(window));
            smoother.push(said);
        });
    }

    fn push_silence(&mut self, samples: u64) {
        const ZEROS: [f32; HOP as usize] = [0.0; HOP as usize];
        let heard = samples.min(SETTLED);
        let steps = (samples - heard) / HOP;
        // Nothing is learnt from silence, and by now it is all there is in every window.
        let mut left = heard;
        while left > 0 {
            let now = left.min(HOP);
            self.push(&ZEROS[..now as usize]);
            left -= now;
        }
        self.smoother.track.push(Mouth::REST, steps);
        self.push(&ZEROS[..((samples - heard) % HOP) as usize]);
    }

    fn drain(&mut self) {
        const ZEROS: [f32; HOP as usize] = [0.0; HOP as usize];
        for _ in 0..=self.look_ahead() / HOP {
            self.push(&ZEROS);
        }
    }

    fn mouth_at(&self, sample: i64) -> Mouth {
        self.smoother.track.at(sample as f64 / HOP as f64)
    }

    fn forget_before(&mut self, sample: i64) {
        let step = sample.div_euclid(HOP as i64);
        self.smoother.track.forget_before(step);
    }

    fn reset(&mut self) {
        self.framer.reset();
        self.smoother.clear();
    }
}

/// Makes the track of mouths out of what single windows say.
struct Smoother {
    voice: Voice,
    closures: Closures,
    mouths: VecDeque<Mouth>,
    closed: VecDeque<f32>,
    jaw_weights: [f32; BEFORE + AFTER + 1],
    lip_weights: [f32; BEFORE + AFTER + 1],
    closure_weights: [f32; 2 * CLOSURE_REACH + 1],
    track: Track,
    /// Windows still to come before the first mouth is known.
    waiting: usize,
}

impl Smoother {
    fn new() -> Self {
        let mut smoother = Self {
            voice: Voice::new(),
            closures: Closures::new(),
            mouths: VecDeque::with_capacity(BEFORE + AFTER + 2),
            closed: VecDeque::with_capacity(CLOSURE_WINDOWS + 1),
            jaw_weights: leaning(BEFORE, JAW_SPREAD),
            lip_weights: leaning(BEFORE, LIP_SPREAD),
            closure_weights: leaning(CLOSURE_REACH, CLOSURE_SPREAD),
            track: Track::new(),
            waiting: 0,
        };
        smoother.clear();
        smoother
    }

    fn clear(&mut self) {
        self.closures.clear();
        self.mouths.clear();
        self.mouths.resize(BEFORE + AFTER + 1, Mouth::REST);
        self.closed.clear();
        self.closed.resize(CLOSURE_WINDOWS, 0.0);
        self.track.clear();
        self.waiting = AFTER;
    }

    fn push(&mut self, said: super::voice::Said) {
        self.mouths.pop_front();
        self.mouths.push_back(said.mouth);
        self.closed.pop_front();
        self.closed.push_back(self.closures.judge(said));
        if self.waiting > 0 {
            self.waiting -= 1;
            return;
        }
        let sum = |weights: &[f32], of: fn(&Mouth) -> f32| -> f32 {
            self.mouths
                .iter()
                .zip(weights)
                .map(|(m, w)| of(m) * w)
                .sum()
        };
        let mouth = Mouth {
            jaw: sum(&self.jaw_weights, |m| m.jaw),
            wide: sum(&self.lip_weights, |m| m.wide),
            round: sum(&self.lip_weights, |m| m.round),
            upper: sum(&self.lip_weights, |m| m.upper),
            closure: self.closure(),
            lip_teeth: sum(&self.lip_weights, |m| m.lip_teeth),
            tongue: sum(&self.lip_weights, |m| m.tongue),
        };
        self.track.push(mouth, 1);
    }

    /// How closed the lips are: the closures from here to `CLOSURE_EARLY` windows on, smoothed.
    fn closure(&self) -> f32 {
        let coming = |i: usize| {
            let near = self.closed.range(i..=i + CLOSURE_EARLY);
            near.fold(0.0, |max: f32, c| max.max(*c))
        };
        let weights = self.closure_weights.iter().enumerate();
        weights.map(|(i, w)| coming(i) * w).sum()
    }
}

/// Weights of windows around the one at `middle`: a Gaussian with a spread of its own on either
/// side.
fn leaning<const N: usize>(middle: usize, (before, after): (f32, f32)) -> [f32; N] {
    let weights: [f32; N] = std::array::from_fn(|i| {
        let distance = i as f32 - middle as f32;
        let spread = if distance < 0.0 { before } else { after };
        (-0.5 * (distance / spread).powi(2)).exp()
    });
    let sum: f32 = weights.iter().sum();
    weights.map(|w| w / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[derive(Clone, Copy)]
    enum Sound {
        Vowel([f32; 3]),
        Murmur,
        Hiss,
        Pause,
    }

    const AH: Sound = Sound::Vowel([730.0, 1090.0, 2440.0]);
    const EE: Sound = Sound::Vowel([270.0, 2290.0, 3010.0]);
    const OO: Sound = Sound::Vowel([320.0, 800.0, 2240.0]);

    /// 16 kHz mono: each sound for so many ms.
    fn speak(sounds: &[(Sound, usize)]) -> Vec<f32> {
        let mut out: Vec<f32> = Vec::new();
        let mut seed = 1u64;
        let harmonic = |h: u16, i: usize| (TAU * 125.0 * f32::from(h) * i as f32 / 16_000.0).sin();
        for (sound, ms) in sounds {
            for _ in 0..ms * 16 {
                let i = out.len();
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = (seed >> 40) as f32 / 8_388_608.0 - 1.0;
                out.push(match sound {
                    Sound::Vowel(formants) => (1..28)
                        .map(|h| {
                            let f = 125.0 * f32::from(h);
                            let near = |at: f32| 1.0 / (1.0 + ((f - at) / 90.0).powi(2));
                            let [a, b, c] = formants.map(near);
                            0.15 * (a + 0.5 * b + 0.25 * c) * harmonic(h, i)
                        })
                        .sum(),
                    Sound::Murmur => 0.05 * harmonic(1, i) + 0.03 * harmonic(2, i),
                    // A difference of noise has its power at high frequencies.
                    Sound::Hiss => 0.1 * noise * if i.is_multiple_of(2) { 1.0 } else { -1.0 },
                    Sound::Pause => 0.0,
                });
            }
        }
        out
    }

    fn mouths(sounds: &[(Sound, usize)]) -> impl Fn(usize) -> Mouth {
        let mut articulator = SignalArticulator::new();
        // The voice is known before.
        articulator.push(&speak(&[
            (AH, 300),
            (EE, 300),
            (OO, 300),
            (EE, 300),
            (Sound::Pause, 300),
        ]));
        let begin = 1500 * 16;
        articulator.push(&speak(sounds));
        articulator.drain();
        move |ms| articulator.mouth_at((begin + ms * 16) as i64)
    }

    #[test]
    fn vowels_differ_as_they_should() {
        let at = mouths(&[(AH, 250), (EE, 250), (OO, 250)]);
        let (ah, ee, oo) = (at(125), at(375), at(625));
        assert!(
            ah.jaw > ee.jaw + 0.15 && ah.jaw > oo.jaw + 0.15,
            "{ah:?} {ee:?} {oo:?}"
        );
        assert!(
            ee.wide > ah.wide + 0.15 && ee.wide > oo.wide + 0.15,
            "{ah:?} {ee:?} {oo:?}"
        );
        assert!(
            oo.round > ah.round + 0.15 && oo.round > ee.round + 0.15,
            "{ah:?} {ee:?} {oo:?}"
        );
    }

    #[test]
    fn m_closes_the_lips_and_s_does_not() {
        let at = mouths(&[
            (AH, 200),
            (Sound::Murmur, 80),
            (AH, 200),
            (Sound::Hiss, 120),
            (AH, 200),
        ]);
        assert!(at(240).closure > 0.7, "m: {:?}", at(240));
        assert!(
            at(240).jaw > 0.1,
            "the jaw is slower than the lips: {:?}",
            at(240)
        );
        for ms in (320..440).chain(540..700) {
            assert!(at(ms).closure < 0.3, "{ms} ms: {:?}", at(ms));
        }
        assert!(at(540).jaw < 0.6 * at(380).jaw, "s: {:?}", at(540));
    }

    #[test]
    fn a_pause_is_rest() {
        let at = mouths(&[(AH, 300), (Sound::Pause, 400)]);
        assert!(at(500) == Mouth::REST, "{:?}", at(500));
    }

    #[test]
    fn the_look_ahead_suffices() {
        let sound = speak(&[(AH, 200), (Sound::Hiss, 100), (EE, 200), (OO, 300)]);
        let mut whole = SignalArticulator::new();
        whole.push(&sound);
        let mut live = SignalArticulator::new();
        let look_ahead = live.look_ahead() as usize;
        for (i, sample) in sound.iter().enumerate() {
            live.push(std::slice::from_ref(sample));
            if let Some(known) = (i + 1).checked_sub(look_ahead) {
                assert_eq!(
                    live.mouth_at(known as i64),
                    whole.mouth_at(known as i64),
                    "{known}"
                );
            }
        }
    }
}
