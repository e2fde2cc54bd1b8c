// SPDX-License-Identifier: MPL-2.0
//! Where the face is controlled, and how each blendshape moves it there.
//!
//! All lengths are in IOD in face space. Amplitudes at weight 1 are those that looked right on
//! real photographs: chin down 0.30, lower lip 0.36,
//! corners 0.22, width +22 % for a stretch and -33 % for a pucker.

use super::{
    mouth::{LIP_STATIONS, Mouth},
    space::{V2, smoothstep},
};
use crate::pose::Arkit;

/// Side of the picture: the viewer's left is the person's right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Viewer's left, the person's right.
    ViewerLeft,
    /// Viewer's right, the person's left.
    ViewerRight,
}

/// What a control point is a part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Jaw line, `hinge` 0 at the ear to 1 at the chin.
    Jaw {
        /// How much it takes part in the jaw's rotation.
        hinge: f32,
    },
    /// Between the lower lip and the chin.
    ChinPad,
    /// Cheek beside the mouth.
    Cheek(Side),
    /// Brow; 0 at its inner end to 1 at the outer.
    Brow(Side, f32),
    /// Nose; `wing` for the nostrils' sides.
    Nose {
        /// The side, for a wing.
        wing: Option<Side>,
    },
    /// Rim of an eye.
    Eye,
    /// Corner of the mouth, inner or outer.
    Corner(Side),
    /// Upper lip at a fraction of the half-width.
    UpperLip {
        /// Fraction of the half-width, -1 to 1.
        s: f32,
        /// On the vermilion's outer border rather than at the slit.
        outer: bool,
    },
    /// Lower lip likewise.
    LowerLip {
        /// Fraction of the half-width, -1 to 1.
        s: f32,
        /// On the vermilion's outer border rather than at the slit.
        outer: bool,
    },
    /// Does not move.
    Anchor,
}

/// A point whose displacement is known for every blendshape.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// At rest, face space.
    pub at: V2,
    /// What it is.
    pub part: Part,
}

/// How far the slit separates the fields above and below it at fraction `s` of the half-width:
/// the shape of an opened mouth, a little more pointed than an ellipse at the corners, as mouths
/// are and so that the skin there does not fold. 0.68 of the middle at |s| = 0.7.
pub fn opening(s: f32) -> f32 {
    (1.0 - s * s).max(0.0).powf(0.57)
}

/// All control points of a face: landmarks, resampled lips, cheeks, and a ring of anchors.
pub fn controls(landmarks: &[V2; 68], mouth: &Mouth) -> Vec<Control> {
    let mut all = Vec::with_capacity(110);
    let mut add = |at: V2, part: Part| all.push(Control { at, part });
    upper_face(landmarks, &mut add);
    let hinge_y = landmarks[0].y.min(landmarks[16].y);
    let chin_y = landmarks[8].y;
    for p in &landmarks[0..17] {
        let hinge = ((p.y - hinge_y) / (chin_y - hinge_y).max(0.1)).clamp(0.0, 1.0);
        let hinge = smoothstep(0.15, 1.0, hinge);
        add(*p, Part::Jaw { hinge });
    }
    lips(landmarks, mouth, &mut add);
    add(landmarks[57].lerp(landmarks[8], 0.45), Part::ChinPad);
    for (side, wing, jaw) in [(Side::ViewerLeft, 31, 3), (Side::ViewerRight, 35, 13)] {
        add(landmarks[wing].lerp(landmarks[jaw], 0.5), Part::Cheek(side));
    }
    anchors(landmarks[30], &mut add);
    all
}

/// Brows, nose and the rims of the eyes.
fn upper_face(landmarks: &[V2; 68], add: &mut impl FnMut(V2, Part)) {
    for i in 0..5 {
        let t = i as f32 / 4.0;
        add(landmarks[17 + i], Part::Brow(Side::ViewerLeft, 1.0 - t));
        add(landmarks[22 + i], Part::Brow(Side::ViewerRight, t));
    }
    for (i, p) in landmarks.iter().enumerate().take(36).skip(27) {
        let wing = match i {
            31 => Some(Side::ViewerLeft),
            35 => Some(Side::ViewerRight),
            _ => None,
        };
        add(*p, Part::Nose { wing });
    }
    for p in &landmarks[36..48] {
        add(*p, Part::Eye);
    }
}

/// The corners, outer before inner, the vermilion's border, and both sides of the slit.
fn lips(landmarks: &[V2; 68], mouth: &Mouth, add: &mut impl FnMut(V2, Part)) {
    for (i, side) in [(48, Side::ViewerLeft), (54, Side::ViewerRight)] {
        add(landmarks[i], Part::Corner(side));
    }
    for (s, side) in [(-1.0, Side::ViewerLeft), (1.0, Side::ViewerRight)] {
        let u = s * mouth.half_width;
        add(
            mouth.to_face(V2::new(u, mouth.middle(u))),
            Part::Corner(side),
        );
    }
    for i in (49..60).filter(|i| *i != 54) {
        let p = landmarks[i];
        let s = (mouth.to_local(p).x / mouth.half_width).clamp(-1.0, 1.0);
        let outer = true;
        add(
            p,
            if i < 54 {
                Part::UpperLip { s, outer }
            } else {
                Part::LowerLip { s, outer }
            },
        );
    }
    for s in LIP_STATIONS {
        let u = s * mouth.half_width;
        let outer = false;
        add(
            mouth.to_face(V2::new(u, mouth.upper.at(u))),
            Part::UpperLip { s, outer },
        );
        add(
            mouth.to_face(V2::new(u, mouth.lower.at(u))),
            Part::LowerLip { s, outer },
        );
    }
}

/// A ring that stays, around the moving face.
fn anchors(nose: V2, add: &mut impl FnMut(V2, Part)) {
    for i in 0..20 {
        let a = std::f32::consts::TAU * i as f32 / 20.0;
        add(nose + super::field::boundary(a), Part::Anchor);
    }
}

/// The displacement of a control at weight 1 of a blendshape, in mouth-aligned axes: x along
/// the mouth to the viewer's right, y down, IOD. Zero for shapes that the rig does not move by
/// displacement (eyes, tongue) or not at all (`jawForward`).
pub fn displacement(shape: Arkit, control: &Control, mouth: &Mouth) -> V2 {
    use Arkit::*;
    match shape {
        JawOpen => jaw_open(control.part, mouth),
        JawLeft | JawRight => {
            let x = if shape == JawLeft { 0.10 } else { -0.10 };
            V2::new(x * jaw_share(control.part), 0.0)
        }
        MouthPucker | MouthFunnel => rounded(shape, control, mouth),
        MouthLeft | MouthRight => {
            let x = if shape == MouthLeft { 0.10 } else { -0.10 };
            V2::new(x * mouth_share(control.part), 0.0)
        }
        MouthSmileLeft | MouthSmileRight | MouthFrownLeft | MouthFrownRight | MouthDimpleLeft
        | MouthDimpleRight | MouthStretchLeft | MouthStretchRight => {
            corner_pull(shape, control.part, mouth)
        }
        MouthRollLower | MouthRollUpper | MouthShrugLower | MouthShrugUpper | MouthPressLeft
        | MouthPressRight | MouthLowerDownLeft | MouthLowerDownRight | MouthUpperUpLeft
        | MouthUpperUpRight => lip_lift(shape, control.part, mouth),
        BrowDownLeft | BrowDownRight | BrowInnerUp | BrowOuterUpLeft | BrowOuterUpRight => {
            brow(shape, control.part)
        }
        CheekPuff | CheekSquintLeft | CheekSquintRight | NoseSneerLeft | NoseSneerRight => {
            cheek(shape, control.part)
        }
        _ => V2::ZERO,
    }
}

/// What `mouthClose` must add to a displacement so that the lips meet: the lower lip makes 70 %
/// of the way, the upper 30 %. `upper` and `lower` are the inner lips' displacements of one
/// shape at a station, or the gap at rest. Returns the corrections (upper, lower).
pub fn closing(gap: f32) -> (f32, f32) {
    (0.3 * gap, -0.7 * gap)
}

/// How much a part follows the jaw sideways.
fn jaw_share(part: Part) -> f32 {
    match part {
        Part::Jaw { hinge } => hinge,
        Part::ChinPad => 1.0,
        Part::LowerLip { s, .. } => 0.7 * opening(s) + 0.2,
        Part::Corner(_) => 0.2,
        _ => 0.0,
    }
}

/// How much a part follows the mouth sideways.
fn mouth_share(part: Part) -> f32 {
    match part {
        Part::UpperLip { .. } | Part::LowerLip { .. } | Part::Corner(_) => 1.0,
        Part::ChinPad | Part::Cheek(_) => 0.35,
        _ => 0.0,
    }
}

/// The form that the upper lip presses into the lower one's edge is gone when the jaw is open so
/// much, in parts of 1, or the upper lip raised.
const RELAXED_BY_JAW: f32 = 1.0 / 0.5;
const RELAXED_BY_UPPER: f32 = 1.0 / 0.8;

fn jaw_open(part: Part, mouth: &Mouth) -> V2 {
    const CORNER: f32 = 0.20;
    const CORNER_IN: f32 = 0.02;
    match part {
        Part::Jaw { hinge } => V2::new(0.0, 0.30 * hinge),
        Part::ChinPad => V2::new(0.0, 0.325),
        Part::Cheek(side) => V2::new(CORNER_IN * inward(side), 0.06),
        Part::Corner(side) => V2::new(CORNER_IN * inward(side), CORNER),
        Part::UpperLip { s, outer } => {
            // Lips stretch, and so thin a little.
            let rim = -0.03
                + if outer {
                    0.08 * mouth.upper_height
                } else {
                    0.0
                };
            V2::new(-CORNER_IN * s, CORNER + (rim - CORNER) * opening(s))
        }
        Part::LowerLip { s, outer } => {
            let (rim, relaxed) = if outer {
                (0.36 - 0.1 * mouth.lower_height, 0.0)
            } else {
                (0.36, RELAXED_BY_JAW * mouth.lower_bump(s))
            };
            V2::new(
                -CORNER_IN * s,
                CORNER + (rim - CORNER) * opening(s) - relaxed,
            )
        }
        _ => V2::ZERO,
    }
}

/// +1 where inward is towards the viewer's right.
fn inward(side: Side) -> f32 {
    match side {
        Side::ViewerLeft => 1.0,
        Side::ViewerRight => -1.0,
    }
}

fn rounded(shape: Arkit, control: &Control, mouth: &Mouth) -> V2 {
    // A pucker narrows and thickens, a funnel also opens and turns the lips out. Lips thicken by
    // that fraction of their height.
    let (narrow, thicken, open) = if shape == Arkit::MouthPucker {
        (0.33, 0.34, 0.0)
    } else {
        (0.22, 0.38, 0.05)
    };
    let (upper, lower) = (thicken * mouth.upper_height, thicken * mouth.lower_height);
    let width = mouth.half_width * narrow;
    match control.part {
        Part::Corner(side) => V2::new(width * inward(side), 0.0),
        Part::UpperLip { s, outer } => {
            let up = open * opening(s) + if outer { upper * opening(s) } else { 0.0 };
            V2::new(-s * width, -up)
        }
        Part::LowerLip { s, outer } => {
            let down = open * opening(s) + if outer { lower * opening(s) } else { 0.0 };
            V2::new(-s * width, down)
        }
        Part::Cheek(side) => V2::new(0.3 * width * inward(side), 0.0),
        _ => V2::ZERO,
    }
}

/// How much a lip point follows its own side's corner, across and up: 1 there, nothing at the
/// middle. Lips stretch evenly but bend like a bow: a lift in proportion would make a V.
fn towards_corner(part: Part, side: Side) -> V2 {
    let sign = -inward(side);
    match part {
        Part::Corner(own) if own == side => V2::new(1.0, 1.0),
        Part::UpperLip { s, .. } | Part::LowerLip { s, .. } => {
            let s = (sign * s).max(0.0);
            V2::new(s.powf(1.2), s * s)
        }
        Part::Cheek(own) if own == side => V2::new(0.4, 0.4),
        _ => V2::ZERO,
    }
}

fn corner_pull(shape: Arkit, part: Part, mouth: &Mouth) -> V2 {
    use Arkit::*;
    let side = match shape {
        MouthSmileRight | MouthFrownRight | MouthDimpleRight | MouthStretchRight => {
            Side::ViewerLeft
        }
        _ => Side::ViewerRight,
    };
    let outward = -inward(side);
    // A narrow mouth is pulled less far.
    let half = mouth.half_width;
    let wide = half * 0.22;
    let smiles = matches!(shape, MouthSmileLeft | MouthSmileRight);
    let pull = match shape {
        MouthSmileLeft | MouthSmileRight => V2::new(outward * wide, -0.25 * half),
        MouthFrownLeft | MouthFrownRight => V2::new(outward * 0.05 * half, 0.23 * half),
        MouthDimpleLeft | MouthDimpleRight => V2::new(outward * wide * 0.5, -0.05 * half),
        _ => V2::new(outward * wide, 0.05 * half),
    };
    let share = towards_corner(part, side);
    let pulled = V2::new(pull.x * share.x, pull.y * share.y);
    // Stretched lips thin.
    let thin = |s: f32, height: f32| {
        let own = smoothstep(0.0, 0.5, outward * s);
        V2::new(0.0, 0.14 * height * opening(s) * own)
    };
    match part {
        Part::Cheek(own) if smiles && own == side => V2::new(outward * 0.02, -0.06),
        Part::UpperLip { s, outer: true } if smiles => pulled + thin(s, mouth.upper_height),
        Part::LowerLip { s, outer: true } if smiles => pulled - thin(s, mouth.lower_height),
        _ => pulled,
    }
}

fn lip_lift(shape: Arkit, part: Part, mouth: &Mouth) -> V2 {
    use Arkit::*;
    /// The part of a lip's red that goes out of sight when it is rolled in, or pressed.
    const ROLLED: f32 = 0.45;
    const PRESSED: f32 = 0.15;
    let (upper, lower) = (mouth.upper_height, mouth.lower_height);
    let half = |s: f32, right: bool| {
        // One side's lip, fading over the middle.
        let t = if right { -s } else { s };
        smoothstep(-0.5, 0.5, t)
    };
    let y = match (shape, part) {
        (MouthUpperUpLeft | MouthUpperUpRight, Part::UpperLip { s, .. }) => {
            -0.07 * opening(s) * half(s, shape == MouthUpperUpRight)
        }
        (
            MouthUpperUpLeft,
            Part::Nose {
                wing: Some(Side::ViewerRight),
            },
        )
        | (
            MouthUpperUpRight,
            Part::Nose {
                wing: Some(Side::ViewerLeft),
            },
        ) => -0.015,
        (MouthUpperUpLeft | MouthUpperUpRight, Part::LowerLip { s, outer: false }) => {
            -RELAXED_BY_UPPER * mouth.lower_bump(s) * half(s, shape == MouthUpperUpRight)
        }
        (MouthLowerDownLeft | MouthLowerDownRight, Part::LowerLip { s, .. }) => {
            0.10 * opening(s) * half(s, shape == MouthLowerDownRight)
        }
        (MouthLowerDownLeft | MouthLowerDownRight, Part::ChinPad) => 0.02,
        // Rolled in: the vermilion's outer border comes to the slit.
        (MouthRollLower, Part::LowerLip { s, outer: true }) => -ROLLED * lower * opening(s),
        (MouthRollUpper, Part::UpperLip { s, outer: true }) => ROLLED * upper * opening(s),
        (MouthShrugLower, Part::LowerLip { s, .. }) => -0.06 * opening(s),
        (MouthShrugLower, Part::ChinPad) => -0.05,
        (MouthShrugUpper, Part::UpperLip { s, .. }) => -0.05 * opening(s),
        (MouthPressLeft | MouthPressRight, Part::LowerLip { s, outer: true }) => {
            -PRESSED * lower * opening(s) * half(s, shape == MouthPressRight)
        }
        (MouthPressLeft | MouthPressRight, Part::UpperLip { s, outer: true }) => {
            PRESSED * upper * opening(s) * half(s, shape == MouthPressRight)
        }
        _ => 0.0,
    };
    V2::new(0.0, y)
}

fn brow(shape: Arkit, part: Part) -> V2 {
    use Arkit::*;
    let Part::Brow(side, t) = part else {
        return V2::ZERO;
    };
    let mine = match shape {
        BrowDownLeft | BrowOuterUpLeft => side == Side::ViewerRight,
        BrowDownRight | BrowOuterUpRight => side == Side::ViewerLeft,
        _ => true,
    };
    if !mine {
        return V2::ZERO;
    }
    match shape {
        BrowInnerUp => V2::new(0.0, -0.12 * (1.0 - t)),
        BrowOuterUpLeft | BrowOuterUpRight => V2::new(0.0, -0.10 * t.max(0.25)),
        _ => V2::new(0.03 * inward(side) * (1.0 - t), 0.08 * (1.0 - 0.6 * t)),
    }
}

fn cheek(shape: Arkit, part: Part) -> V2 {
    use Arkit::*;
    let side = match shape {
        CheekSquintLeft | NoseSneerLeft => Some(Side::ViewerRight),
        CheekSquintRight | NoseSneerRight => Some(Side::ViewerLeft),
        _ => None,
    };
    match (shape, part) {
        (CheekPuff, Part::Cheek(own)) => V2::new(-0.06 * inward(own), 0.0),
        (CheekPuff, Part::Jaw { hinge }) if hinge > 0.2 => V2::ZERO,
        (CheekSquintLeft | CheekSquintRight, Part::Cheek(own)) if side == Some(own) => {
            V2::new(0.0, -0.06)
        }
        (NoseSneerLeft | NoseSneerRight, Part::Nose { wing }) if wing.is_some() && wing == side => {
            V2::new(0.0, -0.05)
        }
        _ => V2::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    #[test]
    fn an_opened_mouth_is_round_not_a_wedge() {
        assert!(opening(0.7) >= 0.65, "{}", opening(0.7));
        assert_eq!((opening(0.0), opening(1.0)), (1.0, 0.0));
    }

    #[test]
    fn shapes_of_one_side_leave_the_other() {
        use Arkit::*;
        let face = usual_face(0.0);
        let mouth = Mouth::new(&face);
        for (left, right) in [
            (MouthSmileLeft, MouthSmileRight),
            (MouthFrownLeft, MouthFrownRight),
            (MouthStretchLeft, MouthStretchRight),
            (MouthDimpleLeft, MouthDimpleRight),
            (BrowDownLeft, BrowDownRight),
            (BrowOuterUpLeft, BrowOuterUpRight),
            (NoseSneerLeft, NoseSneerRight),
            (CheekSquintLeft, CheekSquintRight),
        ] {
            let moved = |shape, sign: f32| {
                controls(&face, &mouth)
                    .iter()
                    .filter(|c| c.at.x * sign > 0.05)
                    .map(|c| displacement(shape, c, &mouth).length())
                    .fold(0.0, f32::max)
            };
            // The person's left is the viewer's right.
            assert!(
                moved(left, 1.0) > 0.015 && moved(left, -1.0) == 0.0,
                "{left:?}"
            );
            assert!(
                moved(right, -1.0) > 0.015 && moved(right, 1.0) == 0.0,
                "{right:?}"
            );
        }
    }
}
