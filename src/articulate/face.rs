// SPDX-License-Identifier: MPL-2.0
//! From the mouth's organs to the face's blendshapes.

use super::Mouth;
use crate::pose::{Arkit, FacePose};

/// How far p, b and m roll the lips in: with the pressing, and with what the rig takes from the
/// lips when it closes an open jaw, 70 to 80 % of their red is left.
const ROLLED_LOWER: f32 = 0.50;
const ROLLED_UPPER: f32 = 0.48;

/// The face that makes that mouth, its amplitude times `scale` (the user's dynamic scale, 0–4;
/// what lies outside counts as the nearer limit, NaN as 0). Closing gestures are not scaled: p must
/// shut whoever mumbles.
///
/// `mouthClose` is used as ARKit describes it, as the closing of the lips independent of the
/// jaw: at 1 they touch wherever `jawOpen` is. Rounding goes to `mouthPucker` and, the more the
/// jaw is open, to `mouthFunnel`; width to `mouthStretch` and a little `mouthSmile`; the tongue's tip, which ARKit
/// has only as put out, to `tongueOut`.
pub fn face_pose(mouth: &Mouth, scale: f32) -> FacePose {
    use Arkit::*;
    let scale = if scale.is_nan() {
        0.0
    } else {
        scale.clamp(0.0, 4.0)
    };
    let jaw = (mouth.jaw * scale).min(1.0);
    let round = mouth.round * scale.min(1.3);
    let wide = mouth.wide * scale.min(1.3);
    let closure = mouth.closure.clamp(0.0, 1.0);
    let open = 1.0 - closure;
    let funnel = (jaw / 0.5).min(1.0);
    let mut pose = FacePose::REST;
    pose.set(JawOpen, jaw);
    pose.set(MouthClose, closure);
    pose.set(MouthFunnel, 0.6 * round * funnel);
    pose.set(MouthPucker, round * (1.0 - 0.4 * funnel));
    pose.set(
        MouthRollLower,
        0.8 * mouth.lip_teeth + ROLLED_LOWER * closure,
    );
    pose.set(MouthRollUpper, ROLLED_UPPER * closure);
    pose.set(TongueOut, mouth.tongue * open);
    for (left, right, weight) in [
        (MouthStretchLeft, MouthStretchRight, 0.7 * wide),
        (MouthSmileLeft, MouthSmileRight, 0.3 * wide),
        (MouthPressLeft, MouthPressRight, 0.3 * closure),
        (
            MouthUpperUpLeft,
            MouthUpperUpRight,
            (mouth.upper * scale + 0.3 * mouth.lip_teeth) * open,
        ),
        (
            MouthLowerDownLeft,
            MouthLowerDownRight,
            0.5 * mouth.upper * scale * open * (1.0 - mouth.lip_teeth).max(0.0),
        ),
    ] {
        pose.set(left, weight);
        pose.set(right, weight);
    }
    pose
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::Viseme;

    #[test]
    fn rest_is_the_portrait() {
        assert_eq!(face_pose(&Mouth::REST, 2.0), FacePose::REST);
    }

    #[test]
    fn each_viseme_uses_the_shapes_it_should() {
        let pose = |v: Viseme| face_pose(&v.mouth(), 1.0);
        assert!(pose(Viseme::Aa).get(Arkit::JawOpen) > 0.6);
        assert_eq!(pose(Viseme::Pp).get(Arkit::MouthClose), 1.0);
        assert!(pose(Viseme::U).get(Arkit::MouthPucker) > 0.7);
        assert!(pose(Viseme::O).get(Arkit::MouthFunnel) > 0.3);
        assert!(pose(Viseme::I).get(Arkit::MouthStretchLeft) > 0.3);
        assert!(pose(Viseme::Ff).get(Arkit::MouthRollLower) > 0.7);
        assert_eq!(pose(Viseme::Ff).get(Arkit::MouthLowerDownLeft), 0.0);
        assert_eq!(pose(Viseme::Th).get(Arkit::TongueOut), 1.0);
    }

    #[test]
    fn closed_lips_are_rolled_in_and_the_jaw_is_left_alone() {
        for jaw in [0.0, 0.3, 0.6] {
            let open = face_pose(&Mouth { jaw, ..Mouth::REST }, 1.0);
            let shut = face_pose(
                &Mouth {
                    jaw,
                    closure: 1.0,
                    ..Mouth::REST
                },
                1.0,
            );
            assert_eq!(shut.get(Arkit::JawOpen), open.get(Arkit::JawOpen));
            assert!(shut.get(Arkit::MouthRollLower) >= 0.3);
            assert!(shut.get(Arkit::MouthRollUpper) >= 0.3);
            assert_eq!(open.get(Arkit::MouthRollLower), 0.0);
        }
    }

    #[test]
    fn scale_opens_wider_but_closes_as_well() {
        let mumbled = Mouth {
            jaw: 0.4,
            closure: 1.0,
            ..Mouth::REST
        };
        for scale in [0.5, 1.1, 2.0] {
            let pose = face_pose(&mumbled, scale);
            assert_eq!(pose.get(Arkit::MouthClose), 1.0);
            assert!((pose.get(Arkit::JawOpen) - 0.4 * scale).abs() < 1e-6);
        }
        assert_eq!(face_pose(&mumbled, f32::NAN).get(Arkit::JawOpen), 0.0);
    }
}
