// SPDX-License-Identifier: MPL-2.0
//! What is seen at a point of a posed eye: pulled skin, a made lid, lashes, or the eyeball.

use super::{
    BESIDE, COVERED, Eye, FRINGE, HOLLOW, LASH_END, LASH_LINE, LASH_SEEN, LOWER_ROOM, Lid, MADE,
    MEET, RIM, RISES, SINKS, SOFT, UNLIT,
};
use crate::rig::{
    iris::Iris,
    space::{V2, smoothstep},
    warp::{Over, Shade},
};

/// What is seen at a point of the posed eye.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    /// Skin with nothing over it, that comes from so far above, IOD.
    Skin(f32),
    /// Anything.
    Other(Shade),
}

/// A point's place in the posed eye.
struct Place {
    /// Edges of the opening at rest.
    upper: f32,
    lower: f32,
    /// How far the skin above is pulled down, at the lid's edge.
    pull: f32,
    /// The upper lid's edge, the lower one's, and how much of the lids is made.
    edge: f32,
    floor: f32,
    made: f32,
}

impl Eye {
    fn place(&self, lid: &Lid, x: f32) -> Place {
        let (upper, lower) = (self.upper.at(x), self.lower.at(x));
        let opening = (lower - upper).max(0.0);
        let beyond = |from: f32, to: f32| {
            if lid.shut <= from {
                return 0.0;
            }
            smoothstep(from, to, lid.shut)
        };
        let made = beyond(MADE.0, MADE.1);
        let (fall, rise) = if lid.shut > 0.0 {
            let seam = self.seam(x);
            let rise = (lower - seam).max(0.0) * beyond(RISES, 1.0);
            (lid.shut * (seam - upper), rise)
        } else {
            (lid.shut * MEET * opening, 0.0)
        };
        let pull = if lid.shut > 0.0 { fall.max(0.0) } else { fall };
        Place {
            upper,
            lower,
            pull: pull * (1.0 - made),
            edge: upper + fall,
            floor: lower - rise,
            made,
        }
    }

    /// What is seen at the point `p` of the posed eye, all in eye space. `pixel` is the size of
    /// a frame sample in IOD: edges are at least that soft.
    pub fn shade(&self, lid: &Lid, p: V2, pixel: f32) -> Shade {
        self.shade_at(lid, &self.place(lid, p.x), p, pixel)
    }

    fn shade_at(&self, lid: &Lid, place: &Place, p: V2, pixel: f32) -> Shade {
        let soft = SOFT.max(pixel);
        let between = p.y >= place.edge + 0.5 * soft && p.y <= place.floor - 0.5 * soft;
        if between && place.made <= 0.0 {
            return self.eyeball(lid, place, p, pixel);
        }
        // 1 on either lid, 0 on the eyeball between them.
        let above = smoothstep(place.edge + 0.5 * soft, place.edge - 0.5 * soft, p.y);
        let below = smoothstep(place.floor - 0.5 * soft, place.floor + 0.5 * soft, p.y);
        // Where the lids meet there is nothing between them.
        let on_lid = above
            .max(below)
            .max(1.0 - (place.floor - place.edge) / soft);
        if place.made <= 0.0 {
            // Pulled skin, with its own lashes.
            let skin = if above > 0.0 { self.skin(place, p) } else { p };
            return match on_lid {
                1.0.. => Shade {
                    from: skin,
                    over: Over::Nothing,
                },
                0.0 => self.eyeball(lid, place, p, pixel),
                _ => Shade {
                    from: self.eyeball(lid, place, p, pixel).from,
                    over: Over::Picture(skin, on_lid),
                },
            };
        }
        self.falling(lid, place, p, pixel, [above, below, on_lid])
    }

    /// The same where a lid is made. How far the point lies on the upper lid, on the lower one, and
    /// on any lid, 0–1.
    fn falling(
        &self,
        lid: &Lid,
        place: &Place,
        p: V2,
        pixel: f32,
        [above, below, on_lid]: [f32; 3],
    ) -> Shade {
        let soft = SOFT.max(pixel);
        let line = self.dark(lid, place, p, pixel);
        let covered = smoothstep(COVERED.0, COVERED.1, lid.shut);
        // Most of what is drawn with a falling lid is skin of the picture: nothing is made there.
        let made = |cover: f32| {
            let cover = cover * self.lid.made(p);
            let skin = if cover > 0.0 {
                self.lid.skin(p)
            } else {
                [0.0; 3]
            };
            (skin, cover)
        };
        if on_lid <= 0.0 {
            let ball = self.eyeball(lid, place, p, pixel);
            return match ball.over {
                Over::Paint(colour, alpha) => paint_twice(ball.from, (colour, alpha), line),
                _ => paint_twice(ball.from, ([0.0; 3], 0.0), line),
            };
        }
        if above >= below {
            // Between the pulled lid and the made one's edge there is nothing to pull, as far as
            // they are apart.
            let pulled = place.upper + place.pull;
            let apart = smoothstep(0.0, soft, place.edge - pulled);
            let bare = apart * smoothstep(pulled - soft, pulled, p.y);
            let cover = place.made + (1.0 - place.made) * bare;
            // Beside the eye there is no edge: what is made above passes into what is below.
            let beside = smoothstep(1.0, 1.12, p.x.abs() / self.half_width)
                * smoothstep(BESIDE, 0.0, place.edge - p.y);
            let cover = cover * (1.0 - beside * (1.0 - covered));
            let from = self.skin(place, p);
            if on_lid >= 1.0 {
                return paint_twice(from, made(cover), line);
            }
            let ball = self.eyeball(lid, place, p, pixel);
            let (skin, cover) = (self.lid.skin(p), cover * on_lid);
            if cover >= on_lid {
                return paint_twice(ball.from, (skin, cover), line);
            }
            // What is pulled, then what is made: together as much as there is lid.
            let seen = (on_lid - cover) / (1.0 - cover);
            return picture_and_paint(ball.from, (from, seen), twice((skin, cover), line));
        }
        let raised = self.raised(place, p);
        // Landmarks too high up leave white under the lid: in the end that is painted over.
        if on_lid >= 1.0 {
            return paint_twice(raised, made(covered), line);
        }
        let ball = self.eyeball(lid, place, p, pixel);
        if covered * self.lid.made(p) > 0.5 {
            return paint_twice(ball.from, (self.lid.skin(p), on_lid), line);
        }
        picture_and_paint(ball.from, (raised, on_lid), line)
    }

    /// The same, where that is bare skin told in the cheapest way: most of what is drawn with an
    /// eye while no lid is made.
    #[inline]
    pub fn look(&self, lid: &Lid, p: V2, pixel: f32) -> Seen {
        if lid.shut > MADE.0 {
            return Seen::Other(self.shade(lid, p, pixel));
        }
        if p.x.abs() >= self.half_width {
            return Seen::Skin(0.0);
        }
        let (place, soft) = (self.place(lid, p.x), SOFT.max(pixel));
        if p.y >= place.floor.max(place.edge) + 0.5 * soft {
            Seen::Skin(0.0)
        } else if p.y <= place.edge - 0.5 * soft {
            Seen::Skin(self.pull(&place, p.y))
        } else {
            Seen::Other(self.shade_at(lid, &place, p, pixel))
        }
    }

    /// Where the skin above the lid's edge comes from.
    fn skin(&self, place: &Place, p: V2) -> V2 {
        V2::new(p.x, p.y - self.pull(place, p.y))
    }

    /// How far it is pulled down where it lies at `y` now.
    fn pull(&self, place: &Place, y: f32) -> f32 {
        let top = place.upper - self.room;
        if y <= top {
            return 0.0;
        }
        let t = ((y - top) / (place.upper + place.pull - top).max(1e-3)).min(1.0);
        place.pull * t * t
    }

    /// Where the skin below the opening comes from: the lower lid is pulled up as it rises.
    fn raised(&self, place: &Place, p: V2) -> V2 {
        let rise = place.lower - place.floor;
        let bottom = place.lower + LOWER_ROOM;
        if rise <= 0.0 || p.y >= bottom {
            return p;
        }
        let t = ((bottom - p.y) / (bottom - place.floor)).min(1.0);
        V2::new(p.x, p.y + rise * t * t)
    }

    /// The eyeball, and the iris on it.
    fn eyeball(&self, lid: &Lid, place: &Place, p: V2, pixel: f32) -> Shade {
        let opening = place.lower - place.upper;
        let mut at = p;
        if place.pull < 0.0 && opening > 1e-3 {
            // A raised lid: the upper half of the opening stretches after it.
            let height = 0.5 * opening - place.pull;
            let t = ((p.y - place.edge) / height).clamp(0.0, 1.0);
            at.y -= place.pull * (1.0 - t) * (1.0 - t);
        }
        let changed = |iris: &&Iris| iris.changes(lid.gaze, pixel, at, at);
        let Some(iris) = self.iris.as_ref().filter(changed) else {
            return Shade {
                from: at,
                over: Over::Nothing,
            };
        };
        // Nothing moves at the lids' rims, and what they hide is taken from beside them.
        let rim = RIM.min(0.5 * opening.max(1e-3));
        let (top, bottom) = (place.upper + 0.7 * rim, place.lower - 0.7 * rim);
        let free = smoothstep(place.upper, place.upper + rim, at.y)
            * smoothstep(place.lower, place.lower - rim, at.y);
        let gaze = lid.gaze * free;
        let mut from = at - gaze;
        if free > 0.0 {
            from.y = from.y.max(top.min(at.y)).min(bottom.max(at.y));
        }
        let uncovered = iris.uncovered(at) * f32::from(u8::from(free > 0.0));
        let moved = iris.cover(at, gaze, pixel);
        if moved >= 1.0 {
            Shade {
                from,
                over: Over::Nothing,
            }
        } else if moved <= 0.0 {
            Shade {
                from: at,
                over: Over::Paint(iris.white(at), uncovered),
            }
        } else if uncovered > 0.5 {
            Shade {
                from,
                over: Over::Paint(iris.white(at), 1.0 - moved),
            }
        } else {
            Shade {
                from: at,
                over: Over::Picture(from, moved),
            }
        }
    }

    /// How dark the lashes of a falling lid are at a point: a line along its edge, thickest
    /// towards the outer corner, and a fringe that hangs below.
    fn lash_line(&self, lid: &Lid, place: &Place, p: V2, pixel: f32) -> f32 {
        let s = p.x / self.half_width;
        let outwards = s * self.centre.x.signum();
        let end = LASH_END.0 + (LASH_END.1 - LASH_END.0) * smoothstep(RISES, 1.0, lid.shut);
        let taper = (1.0 - s * s / (end * end)).max(0.0) * (0.8 + 0.35 * outwards);
        let thick = (LASH_LINE * taper.sqrt()).max(0.7 * pixel);
        let from_edge = p.y - place.edge;
        let reach = if from_edge > 0.0 {
            thick + FRINGE * self.lid.lash_length * taper
        } else {
            thick
        };
        let line = from_edge / reach;
        if line.abs() > LASH_SEEN {
            return 0.0;
        }
        place.made
            * smoothstep(0.0, 0.25, lid.shut)
            * smoothstep(0.0, 0.2, taper)
            * (-line * line).exp()
    }

    /// What is dark on a made lid: the line of lashes, and the hollow beside the inner corner;
    /// colour and alpha.
    fn dark(&self, lid: &Lid, place: &Place, p: V2, pixel: f32) -> ([f32; 3], f32) {
        let lashes = self.lash_line(lid, place, p, pixel);
        let hollow = self.hollow(lid, place, p) * (1.0 - lashes) / (1.0 - UNLIT);
        if hollow <= 0.0 {
            return (self.lid.lash, lashes);
        }
        let (skin, alpha) = (self.lid.skin(p), lashes + hollow);
        let colour = |c: usize| (self.lid.lash[c] * lashes + UNLIT * skin[c] * hollow) / alpha;
        ([0, 1, 2].map(colour), alpha)
    }

    /// By how much the skin is darker in the hollow beside the inner corner, 0–1.
    fn hollow(&self, lid: &Lid, place: &Place, p: V2) -> f32 {
        let (at, end, most) = HOLLOW;
        let towards_nose = -p.x / self.half_width * self.centre.x.signum();
        let (x, y) = ((towards_nose - at.x) / end.x, (p.y - at.y) / end.y);
        let near = (1.0 - x * x - y * y).max(0.0);
        most * place.made * smoothstep(SINKS.0, SINKS.1, lid.shut) * near * near
    }
}

/// A colour over another place of the picture over the picture.
fn picture_and_paint(from: V2, (seen, alpha): (V2, f32), (b, beta): ([f32; 3], f32)) -> Shade {
    let total = alpha + beta - alpha * beta;
    let share = alpha * (1.0 - beta) / total.max(1e-6);
    Shade {
        from,
        over: Over::Both(seen, b, share, total),
    }
}

/// One colour over another: what both come to.
fn twice((a, alpha): ([f32; 3], f32), (b, beta): ([f32; 3], f32)) -> ([f32; 3], f32) {
    let total = alpha + beta - alpha * beta;
    let mix = beta / total.max(1e-6);
    ([0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * mix), total)
}

/// One colour over another over the picture.
fn paint_twice(from: V2, a: ([f32; 3], f32), b: ([f32; 3], f32)) -> Shade {
    let (colour, total) = twice(a, b);
    Shade {
        from,
        over: if total > 0.0 {
            Over::Paint(colour, total)
        } else {
            Over::Nothing
        },
    }
}
