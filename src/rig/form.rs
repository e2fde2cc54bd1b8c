// SPDX-License-Identifier: MPL-2.0
//! [`Form`]: the heights, folds and creases around a mouth, and how a blendshape changes the
//! light on them.

use super::{
    curve::Curve,
    mouth::Mouth,
    relief::{REACH, STEP},
    space::{V2, smoothstep},
};
use crate::pose::Arkit;

/// The forms around one mouth at rest, in mouth space.
pub(super) struct Form {
    light: V2,
    slit: Curve,
    upper_edge: Curve,
    lower_edge: Curve,
    /// Half the distance between the outer corners.
    half_width: f32,
    /// Viewer's left and right: outer corner, and the fold from the nose's wing past it.
    corners: [V2; 2],
    folds: [[V2; FOLD]; 2],
    cheeks: [V2; 2],
    chin: V2,
}

/// Points along a fold.
const FOLD: usize = 9;

impl Form {
    pub fn new(landmarks: &[V2; 68], mouth: &Mouth, light: V2) -> Self {
        let local = |i: usize| mouth.to_local(landmarks[i]);
        let curve =
            |indices: [usize; 7]| Curve::through(&indices.map(|i| (local(i).x, local(i).y)));
        let corners = [local(48), local(54)];
        let fold = |wing: V2, corner: V2, out: f32| {
            let (from, to) = (
                wing + V2::new(0.06 * out, -0.02),
                corner + V2::new(0.13 * out, 0.08),
            );
            // Bowed outwards.
            let bow = from.lerp(to, 0.5) + V2::new(0.07 * out, -0.03);
            std::array::from_fn(|i| {
                let t = i as f32 / (FOLD - 1) as f32;
                from.lerp(bow, t).lerp(bow.lerp(to, t), t)
            })
        };
        let cheek = |wing: V2, corner: V2, out: f32| {
            V2::new(corner.x + 0.20 * out, wing.y + 0.10 * (corner.y - wing.y))
        };
        Self {
            light,
            slit: Curve::through(&[-1.0, 0.0, 1.0].map(|s| {
                let u = s * mouth.half_width;
                (u, mouth.middle(u))
            })),
            upper_edge: curve([48, 49, 50, 51, 52, 53, 54]),
            lower_edge: curve([48, 59, 58, 57, 56, 55, 54]),
            half_width: (corners[1] - corners[0]).length() * 0.5,
            corners,
            folds: [
                fold(local(31), corners[0], -1.0),
                fold(local(35), corners[1], 1.0),
            ],
            cheeks: [
                cheek(local(31), corners[0], -1.0),
                cheek(local(35), corners[1], 1.0),
            ],
            chin: local(8),
        }
    }

    /// What weight 1 of a shape changes the light at a point by.
    pub fn gain(&self, shape: Arkit, p: V2) -> f32 {
        use Arkit::*;
        let gain = match shape {
            MouthPucker => self.lit(p, |p| self.forward(p)),
            MouthFunnel => 0.8 * self.lit(p, |p| self.forward(p)),
            MouthSmileRight => self.smile(p, 0),
            MouthSmileLeft => self.smile(p, 1),
            MouthDimpleRight => self.crease(p, 0),
            MouthDimpleLeft => self.crease(p, 1),
            MouthStretchRight => 0.7 * self.crease(p, 0) + 0.3 * self.fold(p, 0),
            MouthStretchLeft => 0.7 * self.crease(p, 1) + 0.3 * self.fold(p, 1),
            MouthFrownRight => self.frown(p, 0),
            MouthFrownLeft => self.frown(p, 1),
            MouthUpperUpRight | NoseSneerRight => 0.6 * self.fold(p, 0),
            MouthUpperUpLeft | NoseSneerLeft => 0.6 * self.fold(p, 1),
            MouthPressRight => 0.5 * self.crease(p, 0) + self.pressed(p, -1.0),
            MouthPressLeft => 0.5 * self.crease(p, 1) + self.pressed(p, 1.0),
            MouthShrugLower => self.chin_raised(p),
            CheekSquintRight => {
                self.lit(p, |p| 0.02 * dome(p - self.cheeks[0], V2::new(0.2, 0.15)))
            }
            CheekSquintLeft => self.lit(p, |p| 0.02 * dome(p - self.cheeks[1], V2::new(0.2, 0.15))),
            CheekPuff => self.lit(p, |p| {
                let puffed = |side: usize| {
                    let out = [-0.12, 0.12][side];
                    0.07 * dome(
                        p - self.corners[side] - V2::new(out, 0.0),
                        V2::new(0.26, 0.28),
                    )
                };
                puffed(0) + puffed(1)
            }),
            _ => 0.0,
        };
        // Nothing at the border of the map.
        let edge = |v: f32, reach: f32| 1.0 - smoothstep(0.8 * reach, 0.97 * reach, v.abs());
        gain * edge(p.x, REACH.x) * edge(p.y, REACH.y)
    }

    /// Light on the slope of a height (IOD towards the viewer): brighter where it faces the light.
    fn lit(&self, p: V2, height: impl Fn(V2) -> f32) -> f32 {
        let h = 0.5 * STEP;
        let dx = height(p + V2::new(h, 0.0)) - height(p - V2::new(h, 0.0));
        let dy = height(p + V2::new(0.0, h)) - height(p - V2::new(0.0, h));
        -V2::new(dx, dy).dot(self.light) / (2.0 * h)
    }

    /// Height of lips that come forward: a mound under both, and each lip rounder.
    fn forward(&self, p: V2) -> f32 {
        let s = p.x / self.half_width;
        let slit = self.slit.at(p.x);
        let (top, bottom) = (self.upper_edge.at(p.x), self.lower_edge.at(p.x));
        let reach = if p.y < slit {
            (slit - top).max(0.03) + 0.09
        } else {
            (bottom - slit).max(0.03) + 0.07
        };
        let mound = (-((p.y - slit) / reach).powi(2)).exp();
        let round = |from: f32, to: f32| {
            let t = (2.0 * (p.y - from) / (to - from).max(0.02) - 1.0).clamp(-1.0, 1.0);
            (1.0 - t * t).powi(2)
        };
        let across = (-(s / 0.85).powi(4)).exp();
        across * (0.042 * mound + 0.010 * (round(top, slit) + round(slit, bottom)))
    }

    /// A dark line just outside a corner, with the skin beyond it bunched up.
    fn crease(&self, p: V2, side: usize) -> f32 {
        let out = [-1.0, 1.0][side];
        let d = p - self.corners[side];
        let beyond = d.x * out - 0.012 + 0.9 * d.y * d.y;
        let along = (-((d.y - 0.005) / 0.05).powi(2)).exp();
        let line = -0.17 * (-(beyond / 0.022).powi(2)).exp();
        let bunch = 0.07 * (-((beyond - 0.07) / 0.045).powi(2)).exp();
        along * (line + bunch)
    }

    /// The fold from the nose's wing past the corner: a dark valley, the cheek bulging over it.
    fn fold(&self, p: V2, side: usize) -> f32 {
        let out = [-1.0, 1.0][side];
        let (mut near, mut beyond, mut at) = (f32::MAX, 0.0, 0.0);
        for (i, w) in self.folds[side].windows(2).enumerate() {
            let along = w[1] - w[0];
            let t = ((p - w[0]).dot(along) / along.dot(along)).clamp(0.0, 1.0);
            let d = p - w[0].lerp(w[1], t);
            if d.length() < near {
                near = d.length();
                beyond = d.x * out - d.y * 0.4;
                at = (i as f32 + t) / (FOLD - 1) as f32;
            }
        }
        let along = smoothstep(0.0, 0.25, at) * (1.0 - smoothstep(0.7, 1.0, at));
        let valley = -0.07 * (-(near / 0.036).powi(2)).exp();
        let bulge = 0.03 * (-((near - 0.1) / 0.07).powi(2)).exp() * f32::from(beyond > 0.0);
        along * (valley + bulge)
    }

    fn smile(&self, p: V2, side: usize) -> f32 {
        let cheek = |p: V2| 0.035 * dome(p - self.cheeks[side], V2::new(0.22, 0.17));
        self.crease(p, side) + self.fold(p, side) + self.lit(p, cheek)
    }

    /// A crease that runs down from the corner.
    fn frown(&self, p: V2, side: usize) -> f32 {
        let out = [-1.0, 1.0][side];
        let d = p - self.corners[side] - V2::new(0.02 * out, 0.06);
        -0.2 * (-((d.x * out - 0.25 * d.y) / 0.028).powi(2) - (d.y / 0.07).powi(2)).exp()
    }

    /// Skin above and below pressed lips bulges; half the mouth, fading over the middle.
    fn pressed(&self, p: V2, sign: f32) -> f32 {
        let half = smoothstep(-0.5, 0.5, sign * p.x / self.half_width);
        let across = half * (-(p.x / self.half_width / 0.9).powi(4)).exp();
        let ridge = |v: f32| (-((p.y - v) / 0.05).powi(2)).exp();
        let height = |p: V2| {
            let ridge = |v: f32| (-((p.y - v) / 0.05).powi(2)).exp();
            0.010 * (ridge(self.lower_edge.at(p.x) + 0.05) + ridge(self.upper_edge.at(p.x) - 0.04))
        };
        across * self.lit(p, height) - 0.02 * across * ridge(self.lower_edge.at(p.x) + 0.02)
    }

    /// The chin's pad pushed up: a deeper groove under the lip, and the boss below it.
    fn chin_raised(&self, p: V2) -> f32 {
        let groove = self.lower_edge.at(0.0) + 0.06;
        let across = (-(p.x / 0.26).powi(2)).exp();
        let boss = V2::new(self.chin.x * 0.5, groove + 0.45 * (self.chin.y - groove));
        let line = -0.16 * across * (-((p.y - groove) / 0.035).powi(2)).exp();
        line + self.lit(p, |p| 0.03 * dome(p - boss, V2::new(0.22, 0.16)))
    }
}

/// A smooth mound of height 1 with those half axes.
fn dome(d: V2, half: V2) -> f32 {
    (-(d.x / half.x).powi(2) - (d.y / half.y).powi(2)).exp()
}
