// SPDX-License-Identifier: MPL-2.0
//! [`Decoder`]: from what the network says of each frame to what the mouth does.

use super::super::Mouth;

/// What the network says of a frame: jaw, wide, round, upper, closure, lip_teeth and tongue, as
/// in [`Mouth`], each 0–1; closure and lip_teeth as probabilities.
pub const CHANNELS: usize = 7;

/// A contact is made where its probability exceeds the first and lasts until it falls below the
/// second: chosen on half of the recorded prompts, where lower ones find more closures of people
/// and make more false ones.
const CLOSURE: (f32, f32) = (0.5, 0.4);
const LIP_TEETH: (f32, f32) = (0.6, 0.4);
/// The fewest frames of a contact: 30 ms, which a viewer sees.
const SHORTEST: u32 = 3;
/// How near lips come that may be about to meet and do not: of an aperture so much is taken at
/// most, which leaves [`AJAR`] jaws open by more than the 0.03 IOD that count as shut.
const NEAR: f32 = 0.25;
/// While something is said, jaws are open by so much at least: lips that do not meet are seen
/// not to. Below the second nothing is said.
const AJAR: f32 = 0.13;
const SAID: f32 = 0.05;
/// What a contact changes by from frame to frame at most: lips take 20 ms to meet or to part.
const PACE: f32 = 0.5;
/// Movements smaller than this are rest.
const REST: f32 = 0.03;

/// Turns rows of the network into mouths, one for one and in order; what comes later changes
/// nothing that came out.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    closure: Contact,
    lip_teeth: Contact,
}

impl Decoder {
    /// Frames of rows beyond a frame that its mouth needs: none.
    pub const LOOK_AHEAD: usize = 0;

    /// At rest.
    pub fn new() -> Self {
        Self::default()
    }

    /// At rest again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The mouth of the row that follows the last.
    pub fn decode(&mut self, row: &[f32; CHANNELS]) -> Mouth {
        let part = |i: usize| ((row[i].clamp(0.0, 1.0) - REST) / (1.0 - REST)).max(0.0);
        let jaw = part(0);
        Mouth {
            jaw: jaw.max(AJAR * (jaw / SAID).min(1.0)),
            wide: part(1),
            round: part(2),
            upper: part(3),
            closure: self.closure.follow(row[4], CLOSURE),
            lip_teeth: self.lip_teeth.follow(row[5], LIP_TEETH),
            tongue: part(6),
        }
    }
}

/// Lips that meet, or lip and teeth.
#[derive(Clone, Debug, Default)]
struct Contact {
    /// Frames since they met; nothing where they are apart.
    met: Option<u32>,
    shown: f32,
}

impl Contact {
    fn follow(&mut self, probability: f32, (make, end): (f32, f32)) -> f32 {
        self.met = match self.met {
            None if probability > make => Some(1),
            Some(frames) if frames < SHORTEST || probability > end => Some(frames + 1),
            _ => None,
        };
        let aim = match self.met {
            Some(_) => 1.0,
            None => NEAR * ((probability - REST) / (make - REST)).clamp(0.0, 1.0),
        };
        self.shown += (aim - self.shown).clamp(-PACE, PACE);
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(closure: &[f32]) -> Vec<Mouth> {
        let mut decoder = Decoder::new();
        closure
            .iter()
            .map(|p| decoder.decode(&[0.4, 0.0, 0.0, 0.0, *p, 0.0, 0.0]))
            .collect()
    }

    #[test]
    fn a_sure_closure_shuts_and_a_doubtful_one_does_not() {
        let shut = rows(&[0.1, 0.2, 0.7, 0.9, 0.9, 0.8, 0.3, 0.1, 0.0, 0.0]);
        assert!(shut.iter().any(|m| m.aperture() < 0.01), "{shut:?}");
        assert_eq!(shut.last().map(|m| m.closure), Some(0.0));
        let doubtful = rows(&[0.1, 0.2, 0.4, 0.45, 0.4, 0.3, 0.1, 0.0]);
        assert!(doubtful.iter().all(|m| m.aperture() > 0.04), "{doubtful:?}");
    }

    #[test]
    fn one_frame_makes_a_contact_that_is_seen() {
        let mouths = rows(&[0.0, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let shut = mouths.iter().filter(|m| m.aperture() < 0.03).count();
        assert!(shut >= 1, "{mouths:?}");
    }

    #[test]
    fn silence_is_rest() {
        let mut decoder = Decoder::new();
        for _ in 0..20 {
            decoder.decode(&[0.5, 0.2, 0.1, 0.1, 0.9, 0.9, 0.3]);
        }
        let mut last = Mouth::REST;
        for _ in 0..20 {
            last = decoder.decode(&[0.01, 0.02, 0.0, 0.01, 0.01, 0.0, 0.02]);
        }
        assert_eq!(last, Mouth::REST);
    }

    proptest! {
        #[test]
        fn any_rows_make_mouths_that_do_not_jump(
            rows in prop::collection::vec(prop::array::uniform7(-0.5f32..1.5), 1..60),
        ) {
            let mut decoder = Decoder::new();
            let mut last = Mouth::REST;
            for row in &rows {
                let mouth = decoder.decode(row);
                for part in [mouth.jaw, mouth.wide, mouth.round, mouth.upper, mouth.closure,
                    mouth.lip_teeth, mouth.tongue] {
                    prop_assert!((0.0..=1.0).contains(&part));
                }
                prop_assert!((mouth.closure - last.closure).abs() <= PACE + 1e-6);
                prop_assert!((mouth.lip_teeth - last.lip_teeth).abs() <= PACE + 1e-6);
                last = mouth;
            }
        }
    }
}
