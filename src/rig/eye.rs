// SPDX-License-Identifier: MPL-2.0
//! Blinks and gaze: a painted lid comes down over the eyeball, which may turn underneath.
//!
//! A lid stretched out of the skin above the eye smears lashes and liner into streaks. So the
//! shut lid is made once per portrait: the eye and its lashes are cut out of the picture and
//! the hole is filled from the skin around it.

use super::{
    curve::Curve,
    lid::{LidColours, Patch},
    space::{V2, smoothstep},
};
use crate::pose::{Arkit, FacePose};

/// The skin above the upper lid that changes in a blink, IOD: glasses' rims and brows beyond
/// stay as they are.
const LID_ROOM: f32 = 0.12;
/// Lashes reach this far beyond the lid, IOD.
pub(super) const LASHES: f32 = 0.055;
/// Thickness of the dark line of lashes on a lid's edge, IOD.
const LASH_LINE: f32 = 0.016;
/// The lid is painted in full from this fraction of a blink on.
const PAINTED: f32 = 0.2;
/// Width of the soft edge between lid and eyeball, IOD.
const SOFT: f32 = 0.012;
/// Furthest shift of the iris, as a fraction of the eye's width: sideways and up or down.
const GAZE: V2 = V2::new(0.11, 0.05);
/// How much of a look down the upper lid follows, as a fraction of a blink.
const LID_FOLLOWS: f32 = 0.35;

/// One eye at rest. Eye space: the origin between the corners, x through them to the viewer's
/// right, y down, unit IOD.
#[derive(Clone, Debug)]
pub struct Eye {
    centre: V2,
    along: V2,
    half_width: f32,
    pub(super) upper: Curve,
    pub(super) lower: Curve,
    pub(super) room: f32,
    patch: Patch,
}

/// An eye's part of a pose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lid {
    /// 0 open as in the portrait, 1 shut.
    pub shut: f32,
    /// Shift of the iris, IOD.
    pub gaze: V2,
}

impl Lid {
    /// Whether it leaves the eye as it is.
    pub fn is_still(&self) -> bool {
        self.shut <= 0.0 && self.gaze == V2::ZERO
    }
}

/// What is seen at a point of the posed eye.
#[derive(Clone, Copy, Debug)]
pub struct EyePoint {
    /// Where the eyeball, or the skin around it, comes from: eye space at rest.
    pub from: V2,
    /// The lid's colour, sRGB.
    pub lid: [f32; 3],
    /// How much of the lid is seen, 0–1.
    pub cover: f32,
}

impl Eye {
    /// Both eyes of a face, the viewer's left first.
    pub fn pair(landmarks: &[V2; 68]) -> [Eye; 2] {
        // Corners from the viewer's left to right, upper lid, lower lid, brow.
        let left = [36, 37, 38, 39, 41, 40, 17];
        let right = [42, 43, 44, 45, 47, 46, 22];
        [left, right].map(|i| Self::new(landmarks, i))
    }

    fn new(landmarks: &[V2; 68], [a, u1, u2, b, l1, l2, brow]: [usize; 7]) -> Self {
        let (from, to) = (landmarks[a], landmarks[b]);
        let half_width = ((to - from).length() * 0.5).max(1e-3);
        let mut eye = Self {
            centre: from.lerp(to, 0.5),
            along: (to - from) * (0.5 / half_width),
            half_width,
            upper: Curve::FLAT,
            lower: Curve::FLAT,
            room: 0.0,
            patch: Patch::EMPTY,
        };
        let point = |i: usize| {
            let p = eye.to_local(landmarks[i]);
            (p.x, p.y)
        };
        let upper = Curve::through(&[point(a), point(u1), point(u2), point(b)]);
        let lower = Curve::through(&[point(a), point(l1), point(l2), point(b)]);
        let brow_line = (brow..brow + 5)
            .map(|i| point(i).1)
            .fold(f32::MIN, f32::max);
        let room = (upper.at(0.0) - brow_line) * 0.75;
        eye.room = room.clamp(0.05, LID_ROOM);
        (eye.upper, eye.lower) = (upper, lower);
        eye
    }

    /// Prepares the shut lid from the picture: `colour` reads sRGB at a point of face space.
    pub fn paint_lid(&mut self, colour: impl Fn(V2) -> [f32; 3]) {
        let mut patch = std::mem::replace(&mut self.patch, Patch::EMPTY);
        patch.paint(self, |p| colour(self.to_face(p)));
        self.patch = patch;
    }

    /// Half the distance between the corners, IOD.
    pub fn half_width(&self) -> f32 {
        self.half_width
    }

    /// Face space to eye space.
    pub fn to_local(&self, p: V2) -> V2 {
        let d = p - self.centre;
        V2::new(d.dot(self.along), d.dot(self.along.turned()))
    }

    /// Eye space to face space.
    pub fn to_face(&self, p: V2) -> V2 {
        self.centre + self.along * p.x + self.along.turned() * p.y
    }

    /// Width between the corners, IOD.
    pub fn width(&self) -> f32 {
        2.0 * self.half_width
    }

    /// Whether a circle around a point in face space touches what a blink or a glance moves.
    pub fn near(&self, p: V2, radius: f32) -> bool {
        let local = self.to_local(p);
        let top = self.upper.at(0.0).min(0.0) - self.room;
        let bottom = self.lower.at(0.0).max(0.0) + 0.05;
        local.x.abs() < self.half_width + radius
            && local.y > top - radius
            && local.y < bottom + radius
    }

    /// This eye's part of a pose; `side` 0 is the viewer's left, the person's right.
    pub fn lid(&self, pose: &FacePose, side: usize) -> Lid {
        use Arkit::*;
        let [blink, squint, up, down, towards_left, towards_right] = if side == 0 {
            [
                EyeBlinkRight,
                EyeSquintRight,
                EyeLookUpRight,
                EyeLookDownRight,
                EyeLookOutRight,
                EyeLookInRight,
            ]
        } else {
            [
                EyeBlinkLeft,
                EyeSquintLeft,
                EyeLookUpLeft,
                EyeLookDownLeft,
                EyeLookInLeft,
                EyeLookOutLeft,
            ]
        }
        .map(|shape| pose.get(shape));
        let gaze = V2::new(
            (towards_right - towards_left) * GAZE.x,
            (down - up) * GAZE.y,
        ) * self.width();
        let shut = blink.max(LID_FOLLOWS * down + 0.3 * squint).min(1.0);
        Lid { shut, gaze }
    }

    /// What is seen at the point `p` (eye space) of the posed eye. `pixel` is the size of a
    /// frame sample in IOD: edges are at least that soft.
    pub fn source(&self, lid: &Lid, p: V2, pixel: f32) -> EyePoint {
        let s = p.x / self.half_width;
        let bump = (1.0 - s * s).max(0.0);
        let (upper, lower) = (self.upper.at(p.x), self.lower.at(p.x));
        let opening = (lower - upper).max(0.0);
        let from = p - lid.gaze * self.freedom(bump, p.y, upper, opening);
        let top = upper - self.room;
        let none = EyePoint {
            from,
            lid: [0.0; 3],
            cover: 0.0,
        };
        // The lid reaches a little beyond the corners, where lashes do.
        let side = smoothstep(1.22, 1.0, s.abs());
        if lid.shut <= 0.0 || p.y <= top || side <= 0.0 {
            return none;
        }
        // A little beyond the lower lid, so that no sliver of white stays.
        let edge = upper + lid.shut * (opening + 0.02 * bump.sqrt());
        let soft = SOFT.max(pixel);
        let above = 1.0 - smoothstep(edge - soft * 0.5, edge + soft * 0.5, p.y);
        let painted = smoothstep(0.0, PAINTED, lid.shut);
        let fade = smoothstep(top, (upper - 0.25 * self.room).max(top + 0.01), p.y);
        let line = (p.y - edge) / (LASH_LINE * bump.max(0.05).powf(0.3)).max(pixel * 0.7);
        let lash = painted * (-line * line).exp() * smoothstep(1.05, 0.9, s.abs());
        let LidColours { skin, lash: dark } = self.patch.at(self, p);
        let cover = above * painted * fade * side;
        // The line of lashes over the skin, both over the eyeball.
        let total = cover + lash - cover * lash;
        let mix = if total > 0.0 { lash / total } else { 0.0 };
        let colour = [0, 1, 2].map(|c| skin[c] + (dark[c] - skin[c]) * mix);
        EyePoint {
            from,
            lid: colour,
            cover: total,
        }
    }

    /// How much of a glance a point of the eye takes part in: all in the middle of the
    /// opening, none at its rim.
    fn freedom(&self, bump: f32, y: f32, upper: f32, opening: f32) -> f32 {
        if opening <= 1e-4 {
            return 0.0;
        }
        let t = ((y - upper) / opening).clamp(0.0, 1.0);
        bump * smoothstep(0.0, 0.25, t) * smoothstep(1.0, 0.75, t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    const SHUT: Lid = Lid {
        shut: 1.0,
        gaze: V2::ZERO,
    };

    /// Skin of one colour around white eyes with black lashes.
    fn painted() -> [Eye; 2] {
        let mut eyes = Eye::pair(&usual_face(0.0));
        let outlines = eyes.clone();
        for eye in &mut eyes {
            eye.paint_lid(|p| {
                let inside = outlines.iter().any(|e| {
                    let q = e.to_local(p);
                    let open = e.lower.at(q.x) - e.upper.at(q.x) > 1e-3;
                    open && q.y > e.upper.at(q.x) - 0.03 && q.y < e.lower.at(q.x)
                });
                if inside {
                    [250.0; 3]
                } else {
                    [180.0, 140.0, 120.0]
                }
            });
        }
        eyes
    }

    #[test]
    fn a_shut_eye_shows_neither_eyeball_nor_smeared_lashes() {
        for eye in painted() {
            for i in -19..=19 {
                let x = i as f32 / 20.0 * eye.half_width;
                let (top, bottom) = (eye.upper.at(x), eye.lower.at(x));
                for k in 0..=10 {
                    let p = V2::new(x, top + (bottom - top) * k as f32 / 10.0);
                    let point = eye.source(&SHUT, p, 0.005);
                    assert!(point.cover > 0.9 || bottom - top < 0.03, "{p:?} {point:?}");
                    assert!(point.lid[0] < 200.0, "made of skin: {p:?} {point:?}");
                }
            }
        }
    }

    #[test]
    fn brows_and_cheeks_do_not_blink() {
        for eye in painted() {
            let brow = V2::new(0.0, eye.upper.at(0.0) - LID_ROOM - 0.01);
            for p in [
                brow,
                V2::new(0.32, 0.0),
                V2::new(0.0, eye.lower.at(0.0) + 0.08),
            ] {
                let point = eye.source(&SHUT, p, 0.005);
                assert!(point.from == p && point.cover < 0.01, "{p:?} {point:?}");
            }
        }
    }

    #[test]
    fn a_blink_comes_down_steadily() {
        let eye = &painted()[0];
        let mut last = 0.0;
        for shut in [0.25, 0.5, 0.75, 1.0] {
            let covered = (0..100)
                .map(|i| V2::new(0.0, eye.upper.at(0.0) + 0.002 * i as f32))
                .filter(|p| eye.source(&Lid { shut, ..SHUT }, *p, 0.005).cover > 0.5)
                .count() as f32;
            assert!(covered > last + 8.0, "{shut}: {covered}");
            last = covered;
        }
    }

    #[test]
    fn the_person_looks_left_when_both_eyes_do() {
        let eyes = Eye::pair(&usual_face(0.0));
        let pose = FacePose::REST
            .with(Arkit::EyeLookOutLeft, 1.0)
            .with(Arkit::EyeLookInRight, 1.0);
        for (side, eye) in eyes.iter().enumerate() {
            // The person's left is the viewer's right.
            assert!(eye.lid(&pose, side).gaze.x > 0.02);
        }
    }
}
