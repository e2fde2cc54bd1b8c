// SPDX-License-Identifier: MPL-2.0
//! From speech to the mouth: [`Articulator`] and what it says, a [`Mouth`] for every instant.

mod closure;
mod contact;
mod face;
mod gesture;
pub mod hearing;
pub mod lag;
pub(crate) mod level;
pub mod network;
mod phones;
pub mod signal;
mod track;
mod voice;

pub use contact::Span;
pub use face::face_pose;
pub use phones::{KnownPhones, PhoneArticulator};

/// What moved the mouth of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Phones announced upstream.
    Phones,
    /// The articulation network.
    Network,
    /// The signal-processing articulator.
    Signal,
    /// Nothing: silence.
    Idle,
}

/// What the mouth does at one instant, in terms of the organs that do it. Each is 0 (rest, lips
/// closed and relaxed) to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mouth {
    /// How far the jaw is down; 0.62 is a full "ah" of ordinary speech.
    pub jaw: f32,
    /// Corners apart, as for "ee".
    pub wide: f32,
    /// Lips forward and together at the corners, as for "oo".
    pub round: f32,
    /// Upper lip up, so that teeth show.
    pub upper: f32,
    /// Lips together wherever the jaw is, as for p, b and m.
    pub closure: f32,
    /// Lower lip against the upper teeth, as for f and v.
    pub lip_teeth: f32,
    /// Tongue's tip up at the upper teeth, as for th, l and n.
    pub tongue: f32,
}

impl Mouth {
    /// Closed and relaxed.
    pub const REST: Mouth = Mouth {
        jaw: 0.0,
        wide: 0.0,
        round: 0.0,
        upper: 0.0,
        closure: 0.0,
        lip_teeth: 0.0,
        tongue: 0.0,
    };

    /// This mouth, `share` (0–1) of the way to the other.
    pub fn towards(self, other: Self, share: f32) -> Self {
        self.scaled(1.0 - share).plus(other.scaled(share))
    }

    /// Every component times `factor`.
    pub fn scaled(self, factor: f32) -> Self {
        Self {
            jaw: self.jaw * factor,
            wide: self.wide * factor,
            round: self.round * factor,
            upper: self.upper * factor,
            closure: self.closure * factor,
            lip_teeth: self.lip_teeth * factor,
            tongue: self.tongue * factor,
        }
    }

    /// Component by component.
    pub fn plus(self, other: Self) -> Self {
        Self {
            jaw: self.jaw + other.jaw,
            wide: self.wide + other.wide,
            round: self.round + other.round,
            upper: self.upper + other.upper,
            closure: self.closure + other.closure,
            lip_teeth: self.lip_teeth + other.lip_teeth,
            tongue: self.tongue + other.tongue,
        }
    }

    /// The gap between the inner lips that is asked for, in IOD: the jaw opens it by 0.33, the
    /// upper lip by 0.05, closure shuts it.
    pub fn aperture(self) -> f32 {
        (0.33 * self.jaw + 0.05 * self.upper) * (1.0 - self.closure)
    }
}

/// Tells from speech what the mouth does.
///
/// It is given 16 kHz mono in order and counts its samples from 0; the mouth of an instant is
/// known once the sound reaches [`look_ahead`](Self::look_ahead) beyond it. An articulator that
/// knows more than the sound (phones, say) is told so by its own methods before it is put behind
/// this trait, or through what it shares with whoever knows.
pub trait Articulator: Send {
    /// What its mouths are made from.
    fn origin(&self) -> Origin;

    /// What the mouth at that sample is made from, where that differs.
    fn origin_at(&self, _sample: i64) -> Origin {
        self.origin()
    }

    /// How many samples of sound after an instant it needs. Constant.
    fn look_ahead(&self) -> u64;

    /// The next samples of 16 kHz mono; finite, within ±16.
    fn push(&mut self, samples: &[f32]);

    /// That many zeros. Worth its own method where a long silence can be had for less.
    fn push_silence(&mut self, samples: u64) {
        let zeros = [0.0; 1024];
        let mut left = samples;
        while left > 0 {
            let now = left.min(zeros.len() as u64);
            self.push(&zeros[..now as usize]);
            left -= now;
        }
    }

    /// The sound ends here: every mouth up to its end becomes known, as if silence followed.
    /// Before more is pushed, [`reset`](Self::reset).
    fn drain(&mut self);

    /// The mouth of a picture: the one at its instant, but with the lips as closed, and the lower
    /// lip as near to the teeth, as they come to be between it and the pictures around it
    /// ([`Span::closest`]). Contact is what a viewer reads.
    ///
    /// Known once the sound reaches the look-ahead beyond the later of the picture's instant and its end.
    fn mouth_over(&self, picture: &Span) -> Mouth {
        Mouth {
            closure: picture.closest(|sample| self.mouth_at(sample).closure),
            lip_teeth: picture.closest(|sample| self.mouth_at(sample).lip_teeth),
            ..self.mouth_at(picture.at)
        }
    }

    /// The mouth at that sample. Before the first sample, and where it was
    /// [forgotten](Self::forget_before), it is at rest; where it is not known yet, as at the
    /// last instant that is.
    fn mouth_at(&self, sample: i64) -> Mouth;

    /// Mouths before that sample are not asked for again.
    fn forget_before(&mut self, sample: i64);

    /// What has gone wrong since the last call, for the user to know: that it goes on by lesser
    /// means, and why.
    fn take_problem(&mut self) -> Option<String> {
        None
    }

    /// Forgets the sound, not what it has learnt of the voice: the next sample pushed is
    /// sample 0.
    fn reset(&mut self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towards_goes_from_one_to_the_other() {
        let open = Mouth {
            jaw: 0.6,
            upper: 0.2,
            ..Mouth::REST
        };
        assert_eq!(Mouth::REST.towards(open, 1.0), open);
        assert_eq!(open.towards(Mouth::REST, 1.0), Mouth::REST);
        assert!((Mouth::REST.towards(open, 0.5).jaw - 0.3).abs() < 1e-6);
    }

    #[test]
    fn closure_shuts_any_jaw() {
        let mouth = Mouth {
            jaw: 1.0,
            upper: 1.0,
            closure: 1.0,
            ..Mouth::REST
        };
        assert_eq!(mouth.aperture(), 0.0);
    }
}
