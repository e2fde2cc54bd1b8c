// SPDX-License-Identifier: MPL-2.0
//! Head motion of a flat picture: depth is half an ellipsoid, and all motion falls off smoothly
//! towards the picture's surroundings, so that the background stays whole.

use super::space::{V2, smoothstep};
use crate::pose::Head;

/// Half axes of the ellipsoid, IOD; its middle is the middle of the face.
const ELLIPSOID: V2 = V2::new(1.35, 1.9);
/// How far the nearest point shifts at an angle whose sine is 1, IOD.
const PARALLAX: f32 = 0.55;
/// How far the head as a whole shifts likewise, IOD.
const SWING: f32 = 0.25;
/// The head turns sideways about a point this far below the nose tip, IOD.
const PIVOT: f32 = 1.6;
/// The whole motion acts up to here, and none beyond; distance from the middle of the face, IOD.
const FALLOFF: (f32, f32) = (1.5, 3.0);

/// Furthest yaw and pitch either way, degrees.
pub const TURN: f32 = 20.0;
/// Furthest roll either way, degrees.
pub const TILT: f32 = 10.0;
/// Furthest shift either way, IOD.
pub const SHIFT: f32 = 0.15;

/// How much a point takes part in the head's motion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Depth towards the viewer, 0–1.
    depth: f32,
    /// Share of the motion of the head as a whole, 0–1.
    whole: f32,
}

/// The fixed part of a head's motion.
#[derive(Clone, Copy, Debug)]
pub struct HeadMotion {
    middle: V2,
    pivot: V2,
}

impl HeadMotion {
    /// From landmarks in face space.
    pub fn new(landmarks: &[V2; 68]) -> Self {
        let nose = landmarks[30];
        Self {
            middle: nose,
            pivot: nose + V2::new(0.0, PIVOT),
        }
    }

    /// The share of a point (face space). `edge` is its distance in IOD to what stays along the
    /// picture's edges.
    pub fn share(&self, p: V2, edge: f32) -> Share {
        let d = p - self.middle;
        let hold = smoothstep(0.0, 0.48, edge);
        let dome = 1.0 - (d.x / ELLIPSOID.x).powi(2) - (d.y / ELLIPSOID.y).powi(2);
        Share {
            depth: smoothstep(0.0, 1.0, dome) * hold,
            whole: (1.0 - smoothstep(FALLOFF.0, FALLOFF.1, d.length())) * hold,
        }
    }

    /// Where the point at `p` of the moved head comes from, face space.
    pub fn source(&self, head: &Turn, p: V2, share: Share) -> V2 {
        let parallax = PARALLAX * share.depth + SWING * share.whole;
        let arm = p - self.pivot;
        let roll = arm.turned() * (head.roll * share.whole);
        let shift = head.shift * share.whole;
        p - V2::new(head.yaw, head.pitch) * parallax - roll - shift
    }
}

/// A head's pose with its sines taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    yaw: f32,
    pitch: f32,
    roll: f32,
    shift: V2,
}

impl Turn {
    /// Limited to what a flat picture can show without tearing ([`TURN`], [`TILT`], [`SHIFT`]).
    pub fn new(head: &Head) -> Self {
        let sine = |degrees: f32, limit: f32| degrees.clamp(-limit, limit).to_radians().sin();
        let shift = |v: f32| v.clamp(-SHIFT, SHIFT);
        Self {
            yaw: sine(head.yaw, TURN),
            pitch: sine(head.pitch, TURN),
            roll: sine(head.roll, TILT),
            shift: V2::new(shift(head.shift[0]), shift(head.shift[1])),
        }
    }

    /// Whether nothing moves.
    pub fn is_still(&self) -> bool {
        self.yaw == 0.0 && self.pitch == 0.0 && self.roll == 0.0 && self.shift == V2::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    #[test]
    fn a_turn_moves_the_nose_more_than_the_ear_and_the_edge_not_at_all() {
        let motion = HeadMotion::new(&usual_face(0.0));
        let turn = Turn::new(&Head {
            yaw: 10.0,
            ..Head::default()
        });
        let moved = |p: V2, edge: f32| (p - motion.source(&turn, p, motion.share(p, edge))).x;
        let (nose, ear) = (moved(motion.middle, 2.0), moved(V2::new(1.2, 0.2), 2.0));
        assert!(
            nose > 0.12 && ear > 0.02 && nose > 1.5 * ear,
            "{nose} {ear}"
        );
        assert_eq!(moved(V2::new(3.2, 0.5), 2.0), 0.0);
        assert_eq!(moved(motion.middle, 0.0), 0.0);
    }

    #[test]
    fn a_tilt_turns_clockwise() {
        let motion = HeadMotion::new(&usual_face(0.0));
        let turn = Turn::new(&Head {
            roll: 5.0,
            ..Head::default()
        });
        let crown = motion.middle - V2::new(0.0, 1.2);
        let from = motion.source(&turn, crown, motion.share(crown, 2.0));
        assert!(from.x < crown.x - 0.1, "{from:?}");
    }

    #[test]
    fn no_turn_tears_the_picture() {
        let motion = HeadMotion::new(&usual_face(0.0));
        for i in 0..81 {
            let side = |k: i32| ((i / k) % 3 - 1) as f32;
            let turn = Turn::new(&Head {
                yaw: 90.0 * side(1),
                pitch: 90.0 * side(3),
                roll: 90.0 * side(9),
                shift: [side(27), -side(27)],
            });
            // A picture of 6 × 6 IOD around the nose.
            let from = |p: V2| {
                let d = p - motion.middle;
                let edge = 3.0 - d.x.abs().max(d.y.abs());
                motion.source(&turn, p, motion.share(p, edge))
            };
            let h = 0.02;
            for k in 0..58 * 58 {
                let p =
                    motion.middle + V2::new((k % 58) as f32 - 28.5, (k / 58) as f32 - 28.5) * 0.1;
                let dx = (from(p + V2::new(h, 0.0)) - from(p - V2::new(h, 0.0))) * (0.5 / h);
                let dy = (from(p + V2::new(0.0, h)) - from(p - V2::new(0.0, h))) * (0.5 / h);
                let det = dx.x * dy.y - dx.y * dy.x;
                assert!((0.2..5.0).contains(&det), "{det} at {p:?} by {turn:?}");
            }
        }
    }
}
