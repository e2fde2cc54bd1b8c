// SPDX-License-Identifier: MPL-2.0
//! Blinks and gaze: the upper lid comes down over the eyeball, and the iris moves between them.
//!
//! A little way the lid is pulled: the skin above it stretches and takes its lashes along. All
//! the way that would smear them into streaks. So the shut lid is made once per portrait: the eye
//! and its lashes are cut out of the picture, the hole is filled from the skin around it, and a
//! falling lid turns from the one into the other.

use super::{
    curve::Curve,
    iris::Iris,
    lid::{Around, ShutLid},
    space::{Affine, V2},
    warp,
};
use crate::pose::{Arkit, FacePose};

/// The skin above the upper lid that moves, IOD: glasses' rims and brows beyond stay as they are.
const LID_ROOM: f32 = 0.12;
/// Thickness of the dark line of lashes on a shut lid's edge, IOD.
const LASH_LINE: f32 = 0.0154;
/// So many times as far from that edge the line is less than half a level dark.
const LASH_SEEN: f32 = 2.5;
/// The lashes of a shut lid hang below it by this part of what they rise above the open one.
const FRINGE: f32 = 0.7;
/// A lid is pulled up to here, as a fraction of a blink, and made from there on.
const MADE: (f32, f32) = (0.1, 0.28);
/// Where the lids of a shut eye meet, from the upper (0) to the lower one (1) of the open eye:
/// the lower lid rises too, though little and late.
const MEET: f32 = 0.88;
/// The lower lid rises from this fraction of a blink on.
const RISES: f32 = 0.4;
/// The skin below the eye that the lower lid pulls up, IOD.
const LOWER_ROOM: f32 = 0.08;
/// From here to there of a blink the lower lid is covered by a made one.
const COVERED: (f32, f32) = (0.7, 1.0);
/// A made lid fades over this length above its edge where there is no opening, IOD.
const BESIDE: f32 = 0.06;
/// Width of the soft edge between lid and eyeball, IOD.
const SOFT: f32 = 0.012;
/// Furthest shift of the iris, as a fraction of the eye's width: sideways and up or down.
const GAZE: V2 = V2::new(0.12, 0.06);
/// How much of a look down the upper lid follows, as a fraction of a blink; and of a look up.
const LID_FOLLOWS: (f32, f32) = (0.35, 0.15);
/// How far `eyeWide` raises the upper lid, as a fraction of the opening.
const WIDE: f32 = 0.2;
/// A glance ends at the lids' rims over this length, IOD.
const RIM: f32 = 0.02;
/// An eye narrower than this in the frame is not seen to look anywhere, samples.
const LEAST_WIDTH: f32 = 24.0;
/// Lower lids are looked for so far beyond the landmarks, in such steps, IOD.
const REFINE: f32 = 0.09;
const REFINE_STEP: f32 = 0.004;
/// Corners are looked for so far beyond the landmarks, IOD: drawn eyes are large.
const REFINE_CORNER: f32 = 0.15;
/// What is paler than skin by less ([`Around::pale`]) is not taken for the white of an eye.
const LEAST_WHITE: f32 = 0.4;
/// How fast a corner's search follows the middle of the white, a step.
const FOLLOWS: f32 = 0.3;
/// Each time from where the last one ended, with a better idea of what is skin.
const REFINEMENTS: usize = 2;
/// Beyond the corners the lid's lashes end here, half-widths: those of a pulled and of a shut one.
const LASH_END: (f32, f32) = (1.06, 1.25);

/// Beside the inner corner of a shut eye the skin sinks in, where light hardly comes: around that
/// place (half-widths towards the nose and IOD down from the middle of the eye) it is darker, less
/// and less as far as there (half-widths and IOD), by that part at most.
const HOLLOW: (V2, V2, f32) = (V2::new(0.9, -0.03), V2::new(0.65, 0.13), 0.36);
/// The shade is painted in the skin's own colour, times this.
const UNLIT: f32 = 0.35;
/// From here to there of a blink.
const SINKS: (f32, f32) = (0.3, 1.0);

/// Whether the eyes look about, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaze {
    /// They do.
    On,
    /// An eye is narrower than 24 samples in the frame.
    TooSmall,
    /// No iris was found in an eye with any certainty.
    Unclear,
}

/// One eye at rest. Eye space: the origin between the corners, x through them to the viewer's
/// right, y down, unit IOD.
#[derive(Clone, Debug)]
pub struct Eye {
    centre: V2,
    along: V2,
    half_width: f32,
    /// Two points of the upper lid between the corners, two of the lower one.
    lids: [(f32, f32); 4],
    /// The upper lid's edge, y(x).
    pub upper: Curve,
    /// The lower lid's edge, y(x).
    pub lower: Curve,
    /// The highest point of the upper lid's edge, and the lowest one of the lower lid's.
    span: (f32, f32),
    /// Where the lids of the shut eye meet: an arch between the corners, and how it leans.
    seam: [f32; 2],
    pub(super) room: f32,
    /// y of the lowest point of the brow.
    pub(super) brow: f32,
    lid: ShutLid,
    iris: Option<Iris>,
}

/// An eye's part of a pose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lid {
    /// 0 open as in the portrait, 1 shut; below 0 raised by that fraction of the opening.
    pub shut: f32,
    /// Shift of the iris, IOD.
    pub gaze: V2,
}

impl Lid {
    /// Whether it leaves the eye as it is.
    pub fn is_still(&self) -> bool {
        self.shut == 0.0 && self.gaze == V2::ZERO
    }
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
            lids: [(0.0, 0.0); 4],
            upper: Curve::FLAT,
            lower: Curve::FLAT,
            span: (0.0, 0.0),
            seam: [0.0; 2],
            room: 0.0,
            brow: 0.0,
            lid: ShutLid::EMPTY,
            iris: None,
        };
        let point = |i: usize| {
            let p = eye.to_local(landmarks[i]);
            (p.x, p.y)
        };
        let brow_line = (brow..brow + 5)
            .map(|i| point(i).1)
            .fold(f32::MIN, f32::max);
        eye.lids = [u1, u2, l1, l2].map(point);
        eye.curves();
        eye.brow = brow_line;
        eye.room = (0.75 * (eye.upper.at(0.0) - brow_line)).clamp(0.05, LID_ROOM);
        eye
    }

    fn curves(&mut self) {
        let (a, b) = ((-self.half_width, 0.0), (self.half_width, 0.0));
        let [u1, u2, l1, l2] = self.lids;
        self.upper = Curve::through(&[a, u1, u2, b]);
        self.lower = Curve::through(&[a, l1, l2, b]);
        self.span = (self.upper.least(), self.lower.most());
        // Least squares of two shapes that are orthogonal. Lids are taut: whatever bends the open
        // eye has, they meet along an arch.
        let (mut sum, mut power) = ([0.0; 2], [0.0; 2]);
        for i in -8..=8 {
            let s = i as f32 * 0.1;
            let x = s * self.half_width;
            let (upper, lower) = (self.upper.at(x), self.lower.at(x));
            let y = upper + (lower - upper) * MEET;
            for (k, shape) in arch(s).into_iter().enumerate() {
                sum[k] += shape * y;
                power[k] += shape * shape;
            }
        }
        self.seam = [sum[0] / power[0], sum[1] / power[1]];
    }

    /// Where the lids of the shut eye meet, y(x).
    fn seam(&self, x: f32) -> f32 {
        let [high, leaning] = arch(x / self.half_width);
        self.seam[0] * high + self.seam[1] * leaning
    }

    /// Landmarks may miss the corners and the lower lid, by more the less a face resembles those
    /// that the predictor knows: moves them out to where the white of the eye ends.
    fn refine(&mut self, around: &Around) {
        let mut below = [-0.5f32, -0.3, -0.1, 0.1, 0.3, 0.5].map(|s| {
            let x = s * self.half_width;
            let (upper, lower) = (self.upper.at(x), self.lower.at(x));
            let middle = (upper + lower) * 0.5;
            let ball = |y: f32| {
                let p = V2::new(x, middle + y);
                around.pale(p).max(around.dark(p))
            };
            end(lower - middle + REFINE, ball) - (lower - middle)
        });
        below.sort_by(f32::total_cmp);
        for lid in &mut self.lids[2..] {
            lid.1 += below[2].max(0.0);
        }
        let [left, right] = [-1.0, 1.0].map(|side| self.corner(around, side));
        self.move_corners(left, right);
    }

    /// Where the white ends on one side (−1 the left one), no further in than the landmark.
    fn corner(&self, around: &Around, side: f32) -> V2 {
        let half = self.half_width;
        let from = 0.75 * half;
        let sure = self.whiteness(around, side);
        if sure < LEAST_WHITE {
            return V2::new(side * half, 0.0);
        }
        // The wedge of white is followed: its middle may lead away from the landmarks' line.
        let mut middle = (self.upper.at(side * from) + self.lower.at(side * from)) * 0.5;
        let mut middles = Vec::new();
        let length = end(half - from + REFINE_CORNER, |length| {
            let at = |row: i32| V2::new(side * (from + length), middle + 0.01 * row as f32);
            let white =
                [-3, -2, -1, 0, 1, 2, 3].map(|row| (around.pale(at(row)) / sure, at(row).y));
            let all: f32 = white.iter().map(|w| w.0).sum();
            let most = white.iter().map(|w| w.0).fold(0.0, f32::max);
            if all > 0.5 {
                let there = white.iter().map(|w| w.0 * w.1).sum::<f32>() / all;
                middle += FOLLOWS * (there - middle);
            }
            middles.push(middle);
            most
        });
        if from + length < half + REFINE_STEP {
            return V2::new(side * half, 0.0);
        }
        let last = (length / REFINE_STEP).round() as usize;
        let y = middles.get(last).copied().unwrap_or_default();
        V2::new(side * (from + length), y)
    }

    /// How pale the white is between the iris and a corner, or a little beyond where the landmark
    /// has it: shade makes it less so.
    fn whiteness(&self, around: &Around, side: f32) -> f32 {
        let places = (0..6 * 7).map(|i| {
            let x = side * (0.5 + 0.12 * (i % 6) as f32) * self.half_width;
            let (upper, lower) = (self.upper.at(x), self.lower.at(x));
            let t = 0.2 + 0.1 * (i / 6) as f32;
            around.pale(V2::new(x, upper + (lower - upper) * t))
        });
        places.fold(0.0, f32::max)
    }

    /// Turns to lie between two points as the new corners; what lies between goes along.
    fn move_corners(&mut self, left: V2, right: V2) {
        let half_width = ((right - left).length() * 0.5).max(1e-3);
        let along = (right - left) * (0.5 / half_width);
        let middle = left.lerp(right, 0.5);
        let scale = half_width / self.half_width;
        for lid in &mut self.lids {
            // As far between the corners as before, and as high over what was there.
            let p = V2::new(lid.0 * scale, 0.0);
            let below = middle + along * p.x;
            lid.0 = p.x;
            lid.1 -= below.y;
        }
        self.centre = self.to_face(middle);
        self.along = self.along * along.x + self.along.turned() * along.y;
        self.half_width = half_width;
        self.curves();
    }

    /// Prepares both eyes from the picture: the shut lids, and the irises where they are found.
    /// `colour` reads sRGB at a point of face space, `pixel` is the size of a frame sample in IOD.
    pub fn prepare(eyes: &mut [Eye; 2], pixel: f32, colour: impl Fn(V2) -> [f32; 3]) -> Gaze {
        let around = |eye: &Eye| Around::new(eye, pixel, |p| colour(eye.to_face(p)));
        for eye in eyes.iter_mut() {
            for _ in 0..REFINEMENTS {
                eye.refine(&around(eye));
            }
        }
        Self::follow_white(eyes, around);
        for eye in eyes.iter_mut() {
            eye.lid = ShutLid::paint(eye, around(eye));
        }
        if eyes.iter().any(|eye| eye.width() < LEAST_WIDTH * pixel) {
            return Gaze::TooSmall;
        }
        let found = Iris::find(eyes, pixel, |eye, p| colour(eyes[eye].to_face(p)));
        let [Some(left), Some(right)] = found else {
            return Gaze::Unclear;
        };
        eyes[0].iris = Some(left);
        eyes[1].iris = Some(right);
        Gaze::On
    }

    /// Mean sRGB colour of the white of both eyes; `None` where no irises were found in them.
    pub fn white(eyes: &[Eye; 2]) -> Option<[f32; 3]> {
        let [left, right] = eyes.each_ref().map(|eye| eye.iris());
        let (left, right) = (left?, right?);
        let (a, b) = (left.white(left.centre), right.white(right.centre));
        Some([0, 1, 2].map(|c| 0.5 * (a[c] + b[c])))
    }

    /// The iris, where one was found.
    pub fn iris(&self) -> Option<&Iris> {
        self.iris.as_ref()
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

    /// Eye space to face space, as a map.
    pub fn frame(&self) -> Affine {
        Affine {
            ex: self.along,
            ey: self.along.turned(),
            origin: self.centre,
        }
    }

    /// Width between the corners, IOD.
    pub fn width(&self) -> f32 {
        2.0 * self.half_width
    }

    /// Whether a cell whose corners come from those points (face space) touches what the lid's
    /// pose changes.
    pub fn touches(&self, lid: &Lid, corners: &[V2; 4], pixel: f32) -> bool {
        let local = corners.map(|p| self.to_local(p));
        let least = |f: fn(&V2) -> f32| local.iter().map(f).fold(f32::MAX, f32::min);
        let most = |f: fn(&V2) -> f32| local.iter().map(f).fold(f32::MIN, f32::max);
        let soft = SOFT.max(pixel);
        let low = V2::new(least(|p| p.x), least(|p| p.y));
        let high = V2::new(most(|p| p.x), most(|p| p.y));
        if lid.shut > MADE.0 {
            let (top, bottom) = (self.span.0 - self.room, self.span.1 + LOWER_ROOM);
            let side = 1.55 * self.half_width;
            return high.x > -side && low.x < side && high.y > top && low.y < bottom;
        }
        // A lid that is only pulled moves nothing beside the eye and nothing below it.
        if high.x < -self.half_width || low.x > self.half_width {
            return false;
        }
        let (top, bottom) = self.opening(low.x, high.x);
        let above = if lid.shut == 0.0 {
            soft
        } else {
            self.pulled(lid, pixel)
        };
        if high.y < top - above || low.y > bottom + soft {
            return false;
        }
        let looks = |iris: &Iris| iris.changes(lid.gaze, pixel, low, high);
        lid.shut != 0.0 || self.iris.as_ref().is_some_and(looks)
    }

    /// How far above the opening the skin moves with a pulled lid by what is seen ([`warp::STILL`]):
    /// the less, the higher up.
    fn pulled(&self, lid: &Lid, pixel: f32) -> f32 {
        let pull = self.fall(lid);
        let still = (warp::STILL * pixel / pull.max(1e-6)).sqrt();
        self.room - (self.room - pull) * still.min(1.0)
    }

    /// How far the upper lid falls or rises at most, IOD.
    fn fall(&self, lid: &Lid) -> f32 {
        lid.shut.abs() * MEET * (self.span.1 - self.span.0)
    }

    /// The highest and the lowest point of the opening between two x.
    fn opening(&self, left: f32, right: f32) -> (f32, f32) {
        let (mut top, mut bottom) = (f32::MAX, f32::MIN);
        for i in 0..=4 {
            let x = left + (right - left) * i as f32 * 0.25;
            top = top.min(self.upper.at(x));
            bottom = bottom.max(self.lower.at(x));
        }
        // The curves bend a little between the places looked at.
        (top - 0.01, bottom + 0.01)
    }

    /// What of a pose is seen in a frame of that sample size (IOD): lids and glances that move
    /// by less than a cell must to be drawn are none.
    pub fn seen(&self, lid: Lid, pixel: f32) -> Lid {
        let still = warp::STILL * pixel;
        Lid {
            shut: if self.fall(&lid) < still {
                0.0
            } else {
                lid.shut
            },
            gaze: if lid.gaze.length() < still {
                V2::ZERO
            } else {
                lid.gaze
            },
        }
    }

    /// This eye's part of a pose; `side` 0 is the viewer's left, the person's right.
    pub fn lid(&self, pose: &FacePose, side: usize) -> Lid {
        use Arkit::*;
        let [blink, squint, wide, up, down, towards_left, towards_right] = if side == 0 {
            [
                EyeBlinkRight,
                EyeSquintRight,
                EyeWideRight,
                EyeLookUpRight,
                EyeLookDownRight,
                EyeLookOutRight,
                EyeLookInRight,
            ]
        } else {
            [
                EyeBlinkLeft,
                EyeSquintLeft,
                EyeWideLeft,
                EyeLookUpLeft,
                EyeLookDownLeft,
                EyeLookInLeft,
                EyeLookOutLeft,
            ]
        }
        .map(|shape| pose.get(shape));
        let look = V2::new(towards_right - towards_left, down - up);
        let (gaze, follow) = if self.iris.is_some() {
            let follow = LID_FOLLOWS.0 * look.y.max(0.0) + LID_FOLLOWS.1 * look.y.min(0.0);
            let gaze = V2::new(look.x * GAZE.x, look.y * GAZE.y) * self.width();
            (gaze, follow)
        } else {
            (V2::ZERO, 0.0)
        };
        let open = (follow + 0.3 * squint - WIDE * wide).max(-WIDE);
        // A blink shuts the eye from wherever its lid is.
        let shut = open + (1.0 - open) * blink;
        Lid {
            shut: shut.min(1.0),
            gaze,
        }
    }
}

/// An arch between −1 and 1, and one that leans; 0 beyond.
fn arch(s: f32) -> [f32; 2] {
    let high = (1.0 - s * s).max(0.0);
    [high, high * s]
}

/// Along a line of that length, `eyeball` tells how surely a place (IOD from its start) is not
/// skin: where it ends, that is where what comes after is rather skin.
fn end(length: f32, mut eyeball: impl FnMut(f32) -> f32) -> f32 {
    let (mut sum, mut most, mut end) = (0.0, 0.0, 0.0);
    for k in 0..(length / REFINE_STEP) as usize {
        let at = k as f32 * REFINE_STEP;
        sum += eyeball(at) - 0.5;
        if sum > most {
            (most, end) = (sum, at);
        }
    }
    end
}

mod outline;
mod shade;
pub use shade::Seen;
#[cfg(test)]
mod tests;
