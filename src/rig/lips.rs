// SPDX-License-Identifier: MPL-2.0
//! Samples at the lips: skin of one side of the slit or the other, and what lies between them.

use super::{
    LIP_SOFT, Posed, Rig,
    field::Layer,
    space::V2,
    warp::{Corners, Over, Shade, between},
};

impl Rig {
    /// Whether a cell may touch the slit: its posed corners reach into the slit's box.
    pub(super) fn in_slit(&self, posed: &Posed, face: &Corners) -> bool {
        let local = face.map(|p| self.mouth.to_local(p));
        let [left, top, right, bottom] = posed.slit_box;
        let soft = LIP_SOFT.max(self.pixel);
        let any =
            |f: fn(&V2) -> f32, beyond: &dyn Fn(f32) -> bool| local.iter().any(|p| beyond(f(p)));
        any(|p| p.x, &|x| x >= left)
            && any(|p| p.x, &|x| x <= right)
            && any(|p| p.y, &|y| y >= top - soft)
            && any(|p| p.y, &|y| y <= bottom + soft)
    }

    /// The layer of a point of the posed face away from the slit.
    pub(super) fn side(&self, posed: &Posed, p: V2) -> Layer {
        let local = self.mouth.to_local(p);
        let middle = (posed.slit.upper.at(local.x) + posed.slit.lower.at(local.x)) * 0.5;
        if local.y < middle {
            Layer::Upper
        } else {
            Layer::Lower
        }
    }

    /// A sample at the lips: skin of one layer, and what lies between them.
    pub(super) fn lip_shade(
        &self,
        posed: &Posed,
        p: V2,
        layers: &[Corners; 2],
        tx: f32,
        ty: f32,
    ) -> Shade {
        let local = self.mouth.to_local(p);
        let (upper, lower) = (posed.slit.upper.at(local.x), posed.slit.lower.at(local.x));
        let layer = if local.y < (upper + lower) * 0.5 {
            Layer::Upper
        } else {
            Layer::Lower
        };
        let from = between(&layers[layer as usize], tx, ty);
        let (left, right) = posed.slit.upper.span();
        let soft = LIP_SOFT.max(self.pixel);
        let gap = lower - upper;
        if gap <= 0.0 || local.x <= left || local.x >= right {
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
        let from = self.keep_on_lip(from, layer);
        Shade {
            from,
            over: self.inside(posed, local, upper, lower, alpha),
        }
    }

    /// Interpolation between nodes must not read the other lip: back to the resting lip's edge.
    fn keep_on_lip(&self, from: V2, layer: Layer) -> V2 {
        let local = self.mouth.to_local(self.from_frame.apply(from));
        let y = match layer {
            Layer::Upper => local.y.min(self.mouth.upper.at(local.x)),
            Layer::Lower => local.y.max(self.mouth.lower.at(local.x)),
        };
        if y == local.y {
            return from;
        }
        self.to_frame.apply(self.mouth.to_face(V2::new(local.x, y)))
    }

    /// What lies between the lips: the portrait's own teeth where its mouth is open, which belong
    /// to the skull; else the painted inside.
    fn inside(&self, posed: &Posed, local: V2, upper: f32, lower: f32, alpha: f32) -> Over {
        let own = if self.mouth.closed {
            0.0
        } else {
            let (top, bottom) = (self.mouth.upper.at(local.x), self.mouth.lower.at(local.x));
            let feather = 0.02;
            let edge = |d: f32| (d / feather).clamp(0.0, 1.0);
            if local.x.abs() >= self.mouth.half_width {
                0.0
            } else {
                edge(local.y - top + feather).min(edge(bottom - local.y))
            }
        };
        if own > 0.5 {
            let from = self.to_frame.apply(self.mouth.to_face(local));
            return Over::Picture(from, alpha);
        }
        let rgb = self
            .painter
            .colour(&posed.inside, local.x, local.y, upper, lower);
        Over::Paint(rgb, alpha)
    }
}
