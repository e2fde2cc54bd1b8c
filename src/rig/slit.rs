// SPDX-License-Identifier: MPL-2.0
//! Rows of samples at the slit between the lips: skin of one side or the other, and what lies
//! between them. Written so that compilers make vectors of what every sample needs.

use super::{
    Posed, Rig,
    lips::CORNER_BLEND,
    shaded::{LANES, Shaded, Steps},
    space::{V2, smoothstep},
    warp::{Ends, Over},
};

/// Own teeth are continued so far upwards by their mirror image, IOD.
const MIRRORED: f32 = 0.05;

/// The shadow between closed lips lies on so much of either, IOD, ...
pub(super) const SHADOW: f32 = 0.012;
/// ... and is gone where they have parted by so much, IOD.
const SHADOW_GONE: f32 = 0.04;

/// A number for each sample of a group.
type Lanes = [f32; LANES];

/// Samples at the lips that are worked on at once.
#[derive(Clone, Copy)]
struct Group {
    /// Where they lie on the posed face, mouth space.
    u: Lanes,
    v: Lanes,
    /// The inner lips there.
    upper: Lanes,
    lower: Lanes,
    /// How much of what lies between the lips is seen, 0–1.
    alpha: Lanes,
}

impl Group {
    /// For each whether it is nearer to the upper lip.
    fn above(&self) -> [bool; LANES] {
        std::array::from_fn(|k| self.v[k] < (self.upper[k] + self.lower[k]) * 0.5)
    }

    /// Whether any of them is within `room` of an open slit, or in it.
    fn is_near(&self, room: f32) -> bool {
        (0..LANES).any(|k| {
            self.upper[k] < self.lower[k]
                && self.v[k] > self.upper[k] - room
                && self.v[k] < self.lower[k] + room
        })
    }
}

impl Rig {
    /// A row of samples at the lips. `local` has where its ends lie on the posed face (mouth space),
    /// `layers` where they come from.
    pub(super) fn lip_row(
        &self,
        posed: &Posed,
        local: &Ends,
        layers: &[Ends; 2],
        line: &Steps,
        out: &mut Shaded,
    ) {
        for first in (0..line.count).step_by(LANES) {
            let tx = std::array::from_fn(|k| line.at(first + k));
            let at = first..first + LANES;
            out.lay_nothing(at.clone());
            let (x, y) = (&mut out.x[at.clone()], &mut out.y[at]);
            let (Ok(x), Ok(y)): (Result<&mut Lanes, _>, Result<&mut Lanes, _>) =
                (x.try_into(), y.try_into())
            else {
                continue;
            };
            let group = self.lip_group(posed, local, layers, &tx, (&mut *x, &mut *y));
            // Where nothing of the lip is left to see, it may be any.
            if group.alpha != [1.0; LANES] && group.is_near(self.model.lip_soft.max(2.0 * SHADOW)) {
                self.keep_on_lips(&group, (x, y));
            }
            for k in (0..LANES).filter(|k| group.alpha[*k] > 0.0) {
                out.lay(first + k, self.inside(posed, &group, k));
            }
        }
    }

    /// Where a group of samples at places `tx` along the row comes from, and what it is.
    #[inline(always)]
    fn lip_group(
        &self,
        posed: &Posed,
        local: &Ends,
        layers: &[Ends; 2],
        tx: &Lanes,
        (x, y): (&mut Lanes, &mut Lanes),
    ) -> Group {
        let along = |from: f32, to: f32| tx.map(|t| from + (to - from) * t);
        let u = along(local[0].x, local[1].x);
        let v = along(local[0].y, local[1].y);
        let (upper, lower) = (posed.slit.upper.at_each(&u), posed.slit.lower.at_each(&u));
        let [above, below] = layers;
        let (above_x, above_y) = (along(above[0].x, above[1].x), along(above[0].y, above[1].y));
        let (below_x, below_y) = (along(below[0].x, below[1].x), along(below[0].y, below[1].y));
        let (left, right) = posed.slit.upper.span();
        let soft = self.model.lip_soft;
        let mut alpha = [0.0; LANES];
        for k in 0..LANES {
            let gap = lower[k] - upper[k];
            let off = v[k] - (upper[k] + lower[k]) * 0.5;
            // At the corners, and more so beyond them, one layer passes into the other.
            let inwards = (u[k] - left).min(right - u[k]);
            let band = CORNER_BLEND
                * (1.0 - inwards / CORNER_BLEND).clamp(0.0, 1.0)
                * (1.0 - gap / CORNER_BLEND).clamp(0.0, 1.0);
            let beyond = off.abs() - 0.5 * gap.max(0.0);
            let shared = 0.5 + 0.5 * smoothstep(0.0, band.max(1e-9), beyond);
            let own = if band > 0.0 { shared } else { 1.0 };
            let upper_share = if off < 0.0 { own } else { 1.0 - own };
            x[k] = below_x[k] + (above_x[k] - below_x[k]) * upper_share;
            y[k] = below_y[k] + (above_y[k] - below_y[k]) * upper_share;
            let edge = |d: f32| (d / soft + 0.5).clamp(0.0, 1.0);
            let open = edge(v[k] - upper[k]) * edge(lower[k] - v[k]) * (gap / soft).min(1.0);
            alpha[k] = if gap > 0.0 && inwards > 0.0 {
                open
            } else {
                0.0
            };
        }
        Group {
            u,
            v,
            upper,
            lower,
            alpha,
        }
    }

    /// Interpolation between nodes must not read the other lip, nor parted lips the shadow that
    /// closed ones had between them: what lies near the resting lip's edge gives way to what lies
    /// beyond.
    #[inline(always)]
    fn keep_on_lips(&self, group: &Group, (x, y): (&mut Lanes, &mut Lanes)) {
        let (m, down) = (&self.model.to_mouth, self.model.down);
        let each = |of: &dyn Fn(usize) -> f32| std::array::from_fn(of);
        let u: Lanes = each(&|k| m.origin.x + m.ex.x * x[k] + m.ey.x * y[k]);
        let v: Lanes = each(&|k| m.origin.y + m.ex.y * x[k] + m.ey.y * y[k]);
        let (upper, lower) = (
            self.model.mouth.upper.at_each(&u),
            self.model.mouth.lower.at_each(&u),
        );
        let above = group.above();
        let shadow = if self.model.mouth.closed { SHADOW } else { 0.0 };
        for k in 0..LANES {
            let gap = group.lower[k] - group.upper[k];
            let beyond = if above[k] {
                upper[k] - v[k]
            } else {
                v[k] - lower[k]
            };
            let gone = shadow * (gap / SHADOW_GONE).min(1.0);
            let kept = beyond.max(gone + 0.5 * beyond.max(0.0));
            let away = if gap > 0.0 { kept - beyond } else { 0.0 };
            let away = if above[k] { -away } else { away };
            x[k] += down.x * away;
            y[k] += down.y * away;
        }
    }

    /// What lies between the lips: the portrait's own teeth where its mouth is open, which belong
    /// to the skull, and what it shows below them, which goes with the lower lip; else painted.
    fn inside(&self, posed: &Posed, group: &Group, k: usize) -> Over {
        let (local, alpha) = (V2::new(group.u[k], group.v[k]), group.alpha[k]);
        let (upper, lower) = (group.upper[k], group.lower[k]);
        let Some((from, own)) = self.own_inside(posed, local, lower) else {
            let rgb = self
                .model
                .painter
                .colour(&posed.inside, local.x, local.y, upper, lower);
            return Over::Paint(rgb, alpha);
        };
        let from = self.model.to_frame.apply(self.model.mouth.to_face(from));
        if own >= 1.0 {
            return Over::Picture(from, alpha);
        }
        let rgb = self
            .model
            .painter
            .colour(&posed.inside, local.x, local.y, upper, lower);
        Over::Both(from, rgb, own, alpha)
    }

    /// Where a point between the lips is in the portrait itself (mouth space), and how surely
    /// (0–1): parted lips show it at rest. `lower` is where the lower lip is now.
    fn own_inside(&self, posed: &Posed, local: V2, lower: f32) -> Option<(V2, f32)> {
        if posed.own_seen <= 0.0 || local.x.abs() >= self.model.mouth.half_width {
            return None;
        }
        let soft = self.model.lip_soft;
        let (top, end) = (
            self.model.mouth.upper.at(local.x),
            self.model.mouth.lower.at(local.x),
        );
        if end - top <= soft {
            return None;
        }
        let edge = |d: f32| (d / soft + 0.5).clamp(0.0, 1.0);
        // Where the lower lip has not left them both parts are one picture.
        let joined = (1.0 - (lower - end).abs() / soft).max(0.0);
        let parted = |d: f32| (d / soft + joined).clamp(0.0, 1.0);
        let bottom = self
            .model
            .own
            .as_ref()
            .map_or(end, |own| own.bottom.at(local.x));
        if local.y < bottom {
            // Teeth go on a little above what the upper lip shows of them.
            let mirrored = top + (local.y - top).abs();
            let above = top - local.y;
            let own = edge(MIRRORED.min(end - top) - above).min(parted(bottom - local.y));
            let own = own * posed.own_seen;
            return (own > 0.0).then_some((V2::new(local.x, mirrored), own));
        }
        let moved = local.y - (lower - end);
        let own = parted(moved - bottom).min(edge(end + soft - moved)) * posed.own_seen;
        (own > 0.0).then_some((V2::new(local.x, moved.min(end)), own))
    }
}
