// SPDX-License-Identifier: MPL-2.0
//! Samples at the lips: skin of one side of the slit or the other, and what lies between them.

use super::{
    Posed, Rig,
    field::{CELL, Layer},
    near,
    relief::{self, Brightness, CellGains, PARTS},
    slit::SHADOW,
    space::V2,
    stripe::Stripe,
    warp::{Cell, Corners, Ends, between, ends},
};
use std::ops::Range;

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
        let soft = self.model.lip_soft.max(2.0 * SHADOW);
        // Most cells are far away, and none is so much larger than at rest.
        let far = 4.0 * self.model.nodes.cell as f32 * self.model.pixel + soft + CORNER_BLEND;
        let one = self.model.mouth.to_local(face[0]);
        if one.y < top - far || one.y > bottom + far {
            return false;
        }
        let local = face.map(|p| self.model.mouth.to_local(p));
        let any =
            |f: fn(&V2) -> f32, beyond: &dyn Fn(f32) -> bool| local.iter().any(|p| beyond(f(p)));
        any(|p| p.x, &|x| x >= left - CORNER_REACH)
            && any(|p| p.x, &|x| x <= right + CORNER_REACH)
            && any(|p| p.y, &|y| y >= top - soft - CORNER_BLEND)
            && any(|p| p.y, &|y| y <= bottom + soft + CORNER_BLEND)
    }

    /// The layer of a point of the posed face away from the slit.
    pub(super) fn side(&self, posed: &Posed, p: V2) -> Layer {
        Self::side_of_slit(posed, self.model.mouth.to_local(p))
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
        let local = self.model.mouth.to_local(p);
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
        let brightness = Brightness::new(&self.model.spec);
        let side = self.model.nodes.cell;
        for col in cells {
            let near = self.near(self.model.nodes.corners(col, row));
            if near & near::MOUTH == 0 {
                continue;
            }
            let cut = kinds[col] == Cell::Lips;
            let Some(gains) = self.gains(posed, (col, row), near, cut) else {
                continue;
            };
            let left = self.model.nodes.left + col * side;
            let cols = left..(left + side).min(self.model.spec.width);
            for (y, line) in self
                .model
                .nodes
                .band(row, self.model.spec.height)
                .enumerate()
            {
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
        let nodes = self.model.nodes.corners(col, row);
        let to_mouth = |from: V2| self.model.to_mouth.apply(from);
        // Most cells are far away. No map pulls a cell to more than three times its size.
        let reach = 4.0 * self.model.nodes.cell as f32 * self.model.pixel;
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
        let local = face.map(|p| self.model.mouth.to_local(p));
        let mut gains = CellGains::default();
        for (j, line) in gains.iter_mut().enumerate() {
            let ty = j as f32 / PARTS as f32;
            let mut rest = parts(&ends(&at, ty));
            if cut {
                let there = parts(&ends(&other, ty));
                self.on_own_side(posed, &parts(&ends(&local, ty)), side, &mut rest, &there);
            }
            *line = self.relief.at_each(&rest);
        }
        (!relief::is_flat(&gains)).then_some(gains)
    }

    /// Of places that lie at `local` on the posed face (mouth space): where they come from is
    /// `rest` on one `side` of the slit, and on the other one `there`, but never on the other lip.
    fn on_own_side(
        &self,
        posed: &Posed,
        local: &Places,
        side: Layer,
        rest: &mut Places,
        there: &Places,
    ) {
        let slit = &posed.slit;
        let (a, b) = (slit.upper.at_each(&local[0]), slit.lower.at_each(&local[0]));
        let mut above = [false; PARTS + 1];
        for i in 0..=PARTS {
            above[i] = local[1][i] < (a[i] + b[i]) * 0.5;
            if above[i] != (side == Layer::Upper) {
                (rest[0][i], rest[1][i]) = (there[0][i], there[1][i]);
            }
        }
        let (a, b) = (
            self.model.mouth.upper.at_each(&rest[0]),
            self.model.mouth.lower.at_each(&rest[0]),
        );
        for i in 0..=PARTS {
            let v = &mut rest[1][i];
            *v = if above[i] { v.min(a[i]) } else { v.max(b[i]) };
        }
    }
}

/// Coordinates, across and down, of the places along a row of a cell at which its gains are known.
type Places = [[f32; PARTS + 1]; 2];

/// Those places between the ends of a row.
fn parts([from, to]: &Ends) -> Places {
    let along = |from: f32, to: f32| {
        let step = (to - from) * (1.0 / PARTS as f32);
        std::array::from_fn(|i| from + step * i as f32)
    };
    [along(from.x, to.x), along(from.y, to.y)]
}

/// The least and the greatest coordinates of four points.
fn bounds(points: &Corners) -> (V2, V2) {
    let fold = |f: fn(f32, f32) -> f32| {
        let pick = |a: V2, b: &V2| V2::new(f(a.x, b.x), f(a.y, b.y));
        points.iter().fold(points[0], pick)
    };
    (fold(f32::min), fold(f32::max))
}
