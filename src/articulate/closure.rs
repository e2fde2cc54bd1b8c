// SPDX-License-Identifier: MPL-2.0
//! [`Closures`]: short dips between sounding parts, and whether lips made them.

use std::collections::VecDeque;

use super::voice::{Said, ramp};

/// Windows, 5 ms apart, that are looked at before and after the one in question.
const BEFORE: usize = 30;
pub(super) const AFTER: usize = 5;
/// Dips shallower than the first are none, ones deeper than the second are full, dB.
const DIP_DB: (f32, f32) = (6.0, 16.0);
/// A dip between parts weaker than this against the voice is a pause, dB.
const WEAKEST_SOUND: f32 = -22.0;

/// Judges windows once what follows them is known.
#[derive(Clone, Debug)]
pub(super) struct Closures {
    said: VecDeque<Said>,
}

impl Closures {
    pub(super) fn new() -> Self {
        Self {
            said: VecDeque::with_capacity(BEFORE + AFTER + 2),
        }
    }

    pub(super) fn clear(&mut self) {
        self.said.clear();
    }

    /// Takes the next window; how closed the lips are (0–1) in the one `AFTER` windows earlier.
    pub(super) fn judge(&mut self, said: Said) -> f32 {
        self.said.push_back(said);
        if self.said.len() > BEFORE + AFTER + 1 {
            self.said.pop_front();
        }
        let Some(here) = self.said.len().checked_sub(AFTER + 1) else {
            return 0.0;
        };
        let now = self.said[here];
        let loudest = |range: std::ops::Range<usize>| {
            self.said
                .range(range)
                .fold(f32::MIN, |max, s| max.max(s.vowel))
        };
        let before = loudest(0..here + 1);
        let after = loudest(here..self.said.len());
        if before < WEAKEST_SOUND {
            return 0.0;
        }
        let murmur = ramp(before - now.vowel, DIP_DB.0, DIP_DB.1) * murmur(&now);
        let dip = ramp(before.min(after) - now.vowel, DIP_DB.0, DIP_DB.1);
        if dip == 0.0 || after < WEAKEST_SOUND {
            return murmur;
        }
        let steep = (here + 1..self.said.len())
            .map(|i| self.said[i].vowel - self.said[i - 1].vowel)
            .fold(0.0, f32::max);
        murmur.max(dip * ramp(labial(&now, after, steep), 0.12, 0.35))
    }
}

/// How much like an m it sounds: a voice, and nothing of it above the lowest frequencies. It
/// closes the lips without a release in sight.
fn murmur(now: &Said) -> f32 {
    ramp(now.voicing, 0.4, 0.7) * ramp(now.dark, 4.0, 8.0) * ramp(now.hiss, -28.0, -36.0)
}

/// The chance that lips rather than the tongue made a dip: no hiss of tongue against teeth, only
/// the lowest frequencies, a sharp release. Weights from a logistic regression on speech
/// whose phones are known, as in [`super::voice`], rounded.
fn labial(now: &Said, after: f32, steep: f32) -> f32 {
    let evidence =
        -3.6 - 0.13 * now.hiss + 0.107 * now.dark + 0.068 * now.vowel + 0.076 * steep + 0.1 * after
            - 2.0 * now.voicing;
    1.0 / (1.0 + (-evidence).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::articulate::Mouth;

    fn said(vowel: f32, hiss: f32, dark: f32, voicing: f32) -> Said {
        Said {
            mouth: Mouth::REST,
            vowel,
            hiss,
            dark,
            voicing,
        }
    }

    fn most(gap: Said, length: usize) -> f32 {
        let mut closures = Closures::new();
        let vowel = said(-2.0, -25.0, 0.0, 0.9);
        (0..20)
            .map(|_| vowel)
            .chain((0..length).map(|_| gap))
            .chain((0..20).map(|_| vowel))
            .map(|s| closures.judge(s))
            .fold(0.0, f32::max)
    }

    #[test]
    fn lips_close_for_a_dark_gap_and_not_for_a_hiss() {
        let murmur = most(said(-25.0, -45.0, 10.0, 0.6), 14);
        assert!(murmur > 0.8, "m: {murmur}");
        assert!(most(said(-25.0, -12.0, 5.0, 0.1), 14) < 0.1);
        assert_eq!(most(said(-4.0, -25.0, 0.0, 0.9), 14), 0.0);
    }

    #[test]
    fn a_pause_is_no_closure() {
        let mut closures = Closures::new();
        let silent = said(-45.0, -45.0, 0.0, 0.0);
        let mut closed = Vec::new();
        for i in 0..200 {
            let s = if i < 20 {
                said(-2.0, -25.0, 0.0, 0.9)
            } else {
                silent
            };
            closed.push(closures.judge(s));
        }
        assert!(closed.iter().all(|c| *c == 0.0));
    }
}
