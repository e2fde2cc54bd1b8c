// SPDX-License-Identifier: MPL-2.0
//! Samples at the lips: skin of one side of the slit or the other, and what lies between them.

use super::{
    LIP_SOFT, Posed, Rig,
    field::{CELL, Layer},
    near,
    relief::{self, Brightness, CellGains, PARTS},
    space::{V2, smoothstep},
    stripe::Stripe,
    warp::{Cell, Corners, Ends, Over, Shade, along, between},
};
use std::ops::Range;

/// Soft edge of what the portrait itself shows between its lips, IOD.
const OWN_SOFT: f32 = 0.012;
/// Own teeth are continued so far upwards by their mirror image, IOD.
const MIRRORED: f32 = 0.05;

/// The two layers agree beyond the corners but for what lies between the field's nodes; so far
/// beyond, and so far above and below, one passes into the other, IOD.
const CORNER_REACH: f32 = 1.1 * CELL;
pub(super) const CORNER_BLEND: f32 = 0.04;

impl Rig {
    /// Whether a cell may touch the slit: its posed corners reach into the slit's box.
    pub(super) fn in_slit(&self, posed: &Posed, face: &Corners) -> bool {
        if !posed.moved {
            return false;
        }
        let [left, top, right, bottom] = posed.slit_box;
        let soft = LIP_SOFT.max(self.pixel);
        // Most cells are far away, and none is so much larger than at rest.
        let far = 4.0 * self.nodes.cell as f32 * self.pixel + soft + CORNER_BLEND;
        let one = self.mouth.to_local(face[0]);
        if one.y < top - far || one.y > bottom + far {
            return false;
        }
        let local = face.map(|p| self.mouth.to_local(p));
        let any =
            |f: fn(&V2) -> f32, beyond: &dyn Fn(f32) -> bool| local.iter().any(|p| beyond(f(p)));
        any(|p| p.x, &|x| x >= left - CORNER_REACH)
            && any(|p| p.x, &|x| x <= right + CORNER_REACH)
            && any(|p| p.y, &|y| y >= top - soft - CORNER_BLEND)
            && any(|p| p.y, &|y| y <= bottom + soft + CORNER_BLEND)
    }

    /// The layer of a point of the posed face away from the slit.
    pub(super) fn side(&self, posed: &Posed, p: V2) -> Layer {
        Self::side_of_slit(posed, self.mouth.to_local(p))
    }

    /// The same of a point of mouth space.
    fn side_of_slit(posed: &Posed, local: V2) -> Layer {
        let [_, top, _, bottom] = posed.slit_box;
        // The slit's curves bend a little beyond the places that its box is made from.
        if local.y < top - 0.02 {
            return Layer::Upper;
        }
        if local.y > bottom + 0.02 {
            return Layer::Lower;
        }
        let middle = (posed.slit.upper.at(local.x) + posed.slit.lower.at(local.x)) * 0.5;
        if local.y < middle {
            Layer::Upper
        } else {
            Layer::Lower
        }
    }

    /// The side of the slit, and of the line that goes on beyond its corners, on which all within
    /// that distance above and below a point of the posed face lies.
    pub(super) fn sides(&self, posed: &Posed, p: V2, distance: f32) -> Option<Layer> {
        let local = self.mouth.to_local(p);
        let [_, top, _, bottom] = posed.slit_box;
        let beyond = distance + 0.02;
        if local.y < top - beyond {
            return Some(Layer::Upper);
        }
        if local.y > bottom + beyond {
            return Some(Layer::Lower);
        }
        let (a, b) = (posed.slit.upper.at(local.x), posed.slit.lower.at(local.x));
        if local.y < a.min(b) - distance {
            Some(Layer::Upper)
        } else if local.y > a.max(b) + distance {
            Some(Layer::Lower)
        } else {
            None
        }
    }

    /// A sample at the lips: skin of one layer, and what lies between them. It lies at `local` on
    /// the posed face (mouth space), and at `tx` in a row of which `layers` has where its ends
    /// come from.
    pub(super) fn lip_shade(&self, posed: &Posed, local: V2, layers: &[Ends; 2], tx: f32) -> Shade {
        let (upper, lower) = (posed.slit.upper.at(local.x), posed.slit.lower.at(local.x));
        let middle = (upper + lower) * 0.5;
        let layer = if local.y < middle {
            Layer::Upper
        } else {
            Layer::Lower
        };
        let (left, right) = posed.slit.upper.span();
        let soft = LIP_SOFT.max(self.pixel);
        let gap = lower - upper;
        // At the corners, and more so beyond them, one layer passes into the other.
        let inwards = (local.x - left).min(right - local.x);
        let band = CORNER_BLEND
            * (1.0 - inwards / CORNER_BLEND).clamp(0.0, 1.0)
            * (1.0 - gap / CORNER_BLEND).clamp(0.0, 1.0);
        let from = if band > 0.0 {
            let beyond = (local.y - middle).abs() - 0.5 * gap.max(0.0);
            let own = 0.5 + 0.5 * smoothstep(0.0, band, beyond);
            let other = &layers[1 - layer as usize];
            along(other, tx).lerp(along(&layers[layer as usize], tx), own)
        } else {
            along(&layers[layer as usize], tx)
        };
        if gap <= 0.0 || inwards <= 0.0 {
            return Shade {
                from,
                over: Over::Nothing,
            };
        }
        let edge = |d: f32| (d / soft + 0.5).clamp(0.0, 1.0);
        let alpha = edge(local.y - upper) * edge(lower - local.y) * (gap / soft).min(1.0);
        if alpha <= 0.0 {
            return Shade {
                from,
                over: Over::Nothing,
            };
        }
        Shade {
            // Where nothing of the lip is left to see, it may be any.
            from: if alpha < 1.0 {
                self.keep_on_lip(from, layer)
            } else {
                from
            },
            over: self.inside(posed, local, upper, lower, alpha),
        }
    }

    /// The pose's own light and shade, over a row of cells that is drawn; `kinds` are all of the row.
    pub(super) fn shade_skin(
        &self,
        posed: &Posed,
        stripe: &mut Stripe<'_>,
        row: usize,
        cells: Range<usize>,
        kinds: &[Cell],
    ) {
        if self.relief.is_flat() {
            return;
        }
        let brightness = Brightness::new(&self.spec);
        let side = self.nodes.cell;
        for col in cells {
            let near = self.near(self.nodes.corners(col, row));
            if near & near::MOUTH == 0 {
                continue;
            }
            let cut = kinds[col] == Cell::Lips;
            let Some(gains) = self.gains(posed, (col, row), near, cut) else {
                continue;
            };
            let left = self.nodes.left + col * side;
            let cols = left..(left + side).min(self.spec.width);
            for (y, line) in self.nodes.band(row, self.spec.height).enumerate() {
                let samples = stripe.first(brightness.channels, line, &cols);
                brightness.shade(samples, y, side, &gains);
            }
        }
    }

    /// What the light on a cell, which the slit may cut, changes by; `None` where it does not.
    fn gains(
        &self,
        posed: &Posed,
        (col, row): (usize, usize),
        near: u8,
        cut: bool,
    ) -> Option<CellGains> {
        let nodes = self.nodes.corners(col, row);
        let to_mouth = |from: V2| self.to_mouth.apply(from);
        // Most cells are far away. No map pulls a cell to more than three times its size.
        let reach = 4.0 * self.nodes.cell as f32 * self.pixel;
        let beyond = |from: &Vec<V2>| self.relief.is_beyond(to_mouth(from[nodes[0]]), reach);
        if self.from.iter().all(beyond) {
            return None;
        }
        let face = nodes.map(|i| self.posed[i]);
        // Away from the slit both sides are the same.
        let side = if near & near::SLIT != 0 {
            self.side(posed, between(&face, 0.5, 0.5))
        } else {
            Layer::Upper
        };
        let at = nodes.map(|i| to_mouth(self.from[side as usize][i]));
        let (low, high) = bounds(&at);
        if !cut && self.relief.is_flat_within(low, high) {
            return None;
        }
        let other = nodes.map(|i| to_mouth(self.from[1 - side as usize][i]));
        let local = face.map(|p| self.mouth.to_local(p));
        let mut gains = CellGains::default();
        for (j, line) in gains.iter_mut().enumerate() {
            let ty = j as f32 / PARTS as f32;
            if !cut {
                *line = self
                    .relief
                    .along(at[0].lerp(at[2], ty), at[1].lerp(at[3], ty));
                continue;
            }
            for (i, gain) in line.iter_mut().enumerate() {
                let tx = i as f32 / PARTS as f32;
                let here = Self::side_of_slit(posed, between(&local, tx, ty));
                let mut rest = between(if here == side { &at } else { &other }, tx, ty);
                rest.y = self.on_lip(rest, here);
                *gain = self.relief.at(rest);
            }
        }
        (!relief::is_flat(&gains)).then_some(gains)
    }

    /// v of a point of a lip at rest (mouth space), no further than to the lip's edge.
    fn on_lip(&self, local: V2, layer: Layer) -> f32 {
        match layer {
            Layer::Upper => local.y.min(self.mouth.upper.at(local.x)),
            Layer::Lower => local.y.max(self.mouth.lower.at(local.x)),
        }
    }

    /// Interpolation between nodes must not read the other lip: back to the resting lip's edge.
    fn keep_on_lip(&self, from: V2, layer: Layer) -> V2 {
        let local = self.to_mouth.apply(from);
        let y = self.on_lip(local, layer);
        if y == local.y {
            return from;
        }
        self.to_frame.apply(self.mouth.to_face(V2::new(local.x, y)))
    }

    /// What lies between the lips: the portrait's own teeth where its mouth is open, which belong
    /// to the skull, and what it shows below them, which goes with the lower lip; else painted.
    fn inside(&self, posed: &Posed, local: V2, upper: f32, lower: f32, alpha: f32) -> Over {
        let Some((from, own)) = self.own_inside(posed, local, lower) else {
            let rgb = self
                .painter
                .colour(&posed.inside, local.x, local.y, upper, lower);
            return Over::Paint(rgb, alpha);
        };
        let from = self.to_frame.apply(self.mouth.to_face(from));
        if own >= 1.0 {
            return Over::Picture(from, alpha);
        }
        let rgb = self
            .painter
            .colour(&posed.inside, local.x, local.y, upper, lower);
        Over::Both(from, rgb, own, alpha)
    }

    /// Where a point between the lips is in the portrait itself (mouth space), and how surely
    /// (0–1): parted lips show it at rest. `lower` is where the lower lip is now.
    fn own_inside(&self, posed: &Posed, local: V2, lower: f32) -> Option<(V2, f32)> {
        if self.mouth.closed || local.x.abs() >= self.mouth.half_width {
            return None;
        }
        let opened = posed.aperture - self.mouth.rest_gap(0.0);
        let fade = if self.mouth.is_narrow() {
            1.0 - smoothstep(0.01, 0.08, opened)
        } else {
            1.0
        };
        let (top, end) = (self.mouth.upper.at(local.x), self.mouth.lower.at(local.x));
        if end - top <= OWN_SOFT {
            return None;
        }
        let edge = |d: f32| (d / OWN_SOFT + 0.5).clamp(0.0, 1.0);
        let bottom = self.own.as_ref().map_or(end, |own| own.bottom.at(local.x));
        if local.y < bottom {
            // Teeth go on a little above what the upper lip shows of them.
            let mirrored = top + (local.y - top).abs();
            let above = top - local.y;
            let own = edge(MIRRORED.min(end - top) - above).min(edge(bottom - local.y) * 2.0);
            let own = own.min(1.0) * fade;
            return (own > 0.0).then_some((V2::new(local.x, mirrored), own));
        }
        let moved = local.y - (lower - end);
        let own = (edge(moved - bottom) * 2.0)
            .min(edge(end + OWN_SOFT - moved))
            .min(1.0)
            * fade;
        (own > 0.0).then_some((V2::new(local.x, moved.min(end)), own))
    }
}

/// The least and the greatest coordinates of four points.
fn bounds(points: &Corners) -> (V2, V2) {
    let fold = |f: fn(f32, f32) -> f32| {
        let pick = |a: V2, b: &V2| V2::new(f(a.x, b.x), f(a.y, b.y));
        points.iter().fold(points[0], pick)
    };
    (fold(f32::min), fold(f32::max))
}
