// SPDX-License-Identifier: MPL-2.0
//! What a face wears while it speaks: an [`Expression`], and where it looks.

use super::spring::Spring;
use crate::pose::{Arkit, FacePose};

/// How long a change of expression or gaze takes, s.
const CHANGE: f32 = 0.3;

/// What a face expresses whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expression {
    /// The portrait's own.
    #[default]
    Neutral,
    /// Corners of the mouth and cheeks up.
    Happy,
    /// Inner brows up, corners of the mouth down.
    Sad,
    /// Brows down and together, lips pressed.
    Angry,
    /// Brows up, eyes wide.
    Surprised,
    /// Brows up and together, eyes wide, corners of the mouth apart.
    Fearful,
    /// Nose wrinkled, upper lip up, eyes narrow.
    Disgusted,
    /// Brows a little down, eyes a little narrow.
    Serious,
}

impl Expression {
    /// All of them.
    pub const ALL: [Expression; 8] = [
        Self::Neutral,
        Self::Happy,
        Self::Sad,
        Self::Angry,
        Self::Surprised,
        Self::Fearful,
        Self::Disgusted,
        Self::Serious,
    ];

    /// What it adds to blendshapes at strength 1, after the action units of FACS that Ekman and
    /// Friesen found in each. Neither the jaw nor `mouthClose` is among them: those speak.
    pub fn shapes(self) -> &'static [(Arkit, f32)] {
        use Arkit::*;
        match self {
            Self::Neutral => &[],
            Self::Happy => &[
                (MouthSmileLeft, 0.62),
                (MouthSmileRight, 0.58),
                (MouthDimpleLeft, 0.15),
                (MouthDimpleRight, 0.15),
                (CheekSquintLeft, 0.5),
                (CheekSquintRight, 0.5),
                (EyeSquintLeft, 0.3),
                (EyeSquintRight, 0.3),
                (BrowOuterUpLeft, 0.1),
                (BrowOuterUpRight, 0.1),
            ],
            Self::Sad => &[
                (BrowInnerUp, 0.65),
                (BrowDownLeft, 0.12),
                (BrowDownRight, 0.12),
                (MouthFrownLeft, 0.6),
                (MouthFrownRight, 0.6),
                (MouthShrugLower, 0.25),
                (EyeSquintLeft, 0.15),
                (EyeSquintRight, 0.15),
                (EyeLookDownLeft, 0.1),
                (EyeLookDownRight, 0.1),
            ],
            Self::Angry => &[
                (BrowDownLeft, 0.85),
                (BrowDownRight, 0.85),
                (EyeSquintLeft, 0.35),
                (EyeSquintRight, 0.35),
                (NoseSneerLeft, 0.3),
                (NoseSneerRight, 0.3),
                (MouthPressLeft, 0.4),
                (MouthPressRight, 0.4),
                (MouthFrownLeft, 0.25),
                (MouthFrownRight, 0.25),
            ],
            Self::Surprised => &[
                (BrowInnerUp, 0.7),
                (BrowOuterUpLeft, 0.8),
                (BrowOuterUpRight, 0.8),
                (EyeWideLeft, 0.7),
                (EyeWideRight, 0.7),
            ],
            Self::Fearful => &[
                (BrowInnerUp, 0.8),
                (BrowOuterUpLeft, 0.3),
                (BrowOuterUpRight, 0.3),
                (BrowDownLeft, 0.15),
                (BrowDownRight, 0.15),
                (EyeWideLeft, 0.6),
                (EyeWideRight, 0.6),
                (MouthStretchLeft, 0.4),
                (MouthStretchRight, 0.4),
            ],
            Self::Disgusted => &[
                (NoseSneerLeft, 0.8),
                (NoseSneerRight, 0.8),
                (BrowDownLeft, 0.4),
                (BrowDownRight, 0.4),
                (EyeSquintLeft, 0.4),
                (EyeSquintRight, 0.4),
                (CheekSquintLeft, 0.35),
                (CheekSquintRight, 0.35),
                (MouthUpperUpLeft, 0.3),
                (MouthUpperUpRight, 0.3),
                (MouthFrownLeft, 0.3),
                (MouthFrownRight, 0.3),
            ],
            Self::Serious => &[
                (BrowDownLeft, 0.35),
                (BrowDownRight, 0.35),
                (EyeSquintLeft, 0.2),
                (EyeSquintRight, 0.2),
                (MouthPressLeft, 0.15),
                (MouthPressRight, 0.15),
                (MouthFrownLeft, 0.1),
                (MouthFrownRight, 0.1),
            ],
        }
    }
}

/// Whether a shape parts the lips, and so has to give way when they close.
fn parts_the_lips(shape: Arkit) -> bool {
    use Arkit::*;
    matches!(
        shape,
        MouthUpperUpLeft
            | MouthUpperUpRight
            | MouthLowerDownLeft
            | MouthLowerDownRight
            | MouthFunnel
    )
}

/// Whether a shape pulls the corners apart, and so works against rounded lips.
fn spreads_the_lips(shape: Arkit) -> bool {
    use Arkit::*;
    matches!(
        shape,
        MouthSmileLeft
            | MouthSmileRight
            | MouthStretchLeft
            | MouthStretchRight
            | MouthDimpleLeft
            | MouthDimpleRight
    )
}

/// An expression and a gaze that come and go gradually.
pub(super) struct Wearing {
    shapes: [Spring; Arkit::COUNT],
    gaze: [Spring; 2],
    /// When it was asked last, ns; `None` before.
    last: Option<u64>,
}

impl Wearing {
    pub(super) fn new() -> Self {
        Self {
            shapes: [Spring::default(); Arkit::COUNT],
            gaze: [Spring::default(); 2],
            last: None,
        }
    }

    /// Goes on to `time` in ns. The first time it is there at once.
    pub(super) fn follow(
        &mut self,
        time: u64,
        expression: Expression,
        strength: f32,
        gaze: [f32; 2],
    ) {
        let strength = if strength.is_nan() {
            0.0
        } else {
            strength.clamp(0.0, 1.0)
        };
        let mut targets = [0.0; Arkit::COUNT];
        for (shape, weight) in expression.shapes() {
            targets[*shape as usize] = weight * strength;
        }
        let gaze = gaze.map(|g| if g.is_nan() { 0.0 } else { g.clamp(-1.0, 1.0) });
        match self.last {
            None => {
                self.shapes = targets.map(Spring::at);
                self.gaze = gaze.map(Spring::at);
            }
            // Time that went back brings nothing nearer.
            Some(last) => {
                let seconds = time.saturating_sub(last) as f32 / 1e9;
                for (spring, target) in self.shapes.iter_mut().zip(targets) {
                    spring.follow(target, seconds, CHANGE);
                }
                for (spring, target) in self.gaze.iter_mut().zip(gaze) {
                    spring.follow(target, seconds, CHANGE);
                }
            }
        }
        self.last = Some(time);
    }

    /// Where the eyes look, −1 to 1: to the viewer's right and down.
    pub(super) fn gaze(&self) -> [f32; 2] {
        self.gaze.map(Spring::value)
    }

    /// Adds the expression to a speaking face.
    pub(super) fn add(&self, pose: &mut FacePose) {
        let open = 1.0 - pose.get(Arkit::MouthClose);
        let round = pose.get(Arkit::MouthPucker) + pose.get(Arkit::MouthFunnel);
        let spread = 1.0 - 0.6 * round.min(1.0);
        for shape in Arkit::ALL {
            let own = self.shapes[shape as usize].value();
            if own == 0.0 {
                continue;
            }
            let share = if parts_the_lips(shape) {
                open
            } else if spreads_the_lips(shape) {
                spread
            } else {
                1.0
            };
            pose.set(shape, pose.get(shape) + own * share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn worn(expression: Expression, strength: f32, speaking: FacePose) -> FacePose {
        let mut wearing = Wearing::new();
        wearing.follow(0, expression, strength, [0.0; 2]);
        let mut pose = speaking;
        wearing.add(&mut pose);
        pose
    }

    #[test]
    fn each_is_another_face_and_none_speaks() {
        let faces: Vec<FacePose> = Expression::ALL
            .iter()
            .map(|e| worn(*e, 1.0, FacePose::REST))
            .collect();
        assert_eq!(faces[0], FacePose::REST);
        for (i, face) in faces.iter().enumerate() {
            assert_eq!(face.get(Arkit::JawOpen), 0.0);
            assert_eq!(face.get(Arkit::MouthClose), 0.0);
            for other in &faces[..i] {
                let apart: f32 = (0..Arkit::COUNT)
                    .map(|s| (face.weights[s] - other.weights[s]).abs())
                    .sum();
                assert!(apart > 0.5, "{:?}", Expression::ALL[i]);
            }
        }
    }

    #[test]
    fn lips_still_close_and_the_jaw_is_the_sounds() {
        let p = FacePose::REST
            .with(Arkit::JawOpen, 0.3)
            .with(Arkit::MouthClose, 1.0);
        for expression in Expression::ALL {
            let face = worn(expression, 1.0, p);
            assert_eq!(face.get(Arkit::MouthClose), 1.0);
            assert_eq!(face.get(Arkit::JawOpen), 0.3);
            for shape in Arkit::ALL.into_iter().filter(|s| parts_the_lips(*s)) {
                assert_eq!(face.get(shape), 0.0, "{expression:?} {}", shape.name());
            }
        }
    }

    #[test]
    fn strength_scales_it() {
        let smile = |s: f32| worn(Expression::Happy, s, FacePose::REST).get(Arkit::MouthSmileLeft);
        assert!((smile(0.5) - 0.5 * smile(1.0)).abs() < 1e-6);
        assert_eq!(smile(0.0), 0.0);
        assert_eq!((smile(f32::NAN), smile(7.0)), (0.0, smile(1.0)));
    }

    #[test]
    fn a_change_takes_a_third_of_a_second_and_does_not_jerk() {
        let mut wearing = Wearing::new();
        let mut smiles = Vec::new();
        for ms in (0..1500u64).step_by(10) {
            // It changes its mind on the way.
            let (expression, gaze) = match ms {
                500..600 => (Expression::Happy, [1.0, 0.0]),
                600..700 => (Expression::Sad, [-1.0, 0.5]),
                700.. => (Expression::Happy, [1.0, 0.0]),
                _ => (Expression::Neutral, [0.0, 0.0]),
            };
            wearing.follow(ms * MS, expression, 1.0, gaze);
            let mut pose = FacePose::REST;
            wearing.add(&mut pose);
            smiles.push(pose.get(Arkit::MouthSmileLeft));
        }
        let full = worn(Expression::Happy, 1.0, FacePose::REST).get(Arkit::MouthSmileLeft);
        assert_eq!(smiles[49], 0.0);
        assert!(smiles[105] > 0.97 * full, "{}", smiles[105]);
        for w in smiles.windows(2) {
            assert!((w[1] - w[0]).abs() < 0.09 * full, "jumps: {w:?}");
        }
        for w in smiles.windows(3) {
            let bend = (w[2] - 2.0 * w[1] + w[0]).abs();
            assert!(bend < 0.06 * full, "jerks: {w:?}");
        }
        assert!((wearing.gaze()[0] - 1.0).abs() < 0.01);
    }
}
