// SPDX-License-Identifier: MPL-2.0
//! The iris: found as a circle in the picture, so that it can be moved as one.
//!
//! It is the dark or coloured disc in the opening of the eye, partly behind the lids. The circle
//! is where brightness steps up from inside to outside on both sides at once (after Daugman's
//! integro-differential operator, 1993), with one radius for both eyes.

use super::{
    eye::Eye,
    patch::Patch,
    space::{V2, smoothstep},
};

/// Radii looked for, IOD. An iris measures 11.7 mm across where pupils are 63 mm apart: 0.093.
/// A turned head has a shorter IOD, and drawn eyes are larger.
const RADII: (f32, f32) = (0.065, 0.16);
/// An iris counts as found from this step of brightness at its edge on, as a fraction of the
/// white's. Twelve photographs and paintings had 0.23–0.57.
const LEAST_QUALITY: f32 = 0.12;
/// Inside and outside of the edge are looked at there, in radii: the wide pair finds a blurred
/// edge, the narrow one places a sharp one.
const PAIRS: [(f32, f32); 2] = [(0.82, 1.22), (0.92, 1.1)];
/// The radius most irises have, and how much a circle loses for being half as large again, of the
/// white's brightness: pupils and dark sockets are round too.
const USUAL_RADIUS: (f32, f32) = (0.1, 0.25);
/// Directions in which a circle is looked at.
const RAYS: usize = 20;
/// Where the iris of an eye that looks at the viewer lies in the opening (0 at the upper lid, 1 at
/// the lower one), and how much a circle loses for lying a radius away from there, of the white's
/// brightness: lids hide what would tell.
const HEIGHT: (f32, f32) = (0.5, 0.35);
/// Lashes and the lids' shadow reach this far into the opening, IOD.
const RIM: f32 = 0.012;
/// The white is painted in full up to here, and not beyond; radii.
const PAINTED: (f32, f32) = (1.22, 1.38);

/// An iris, and the eyeball without it.
#[derive(Clone, Debug)]
pub struct Iris {
    /// Eye space.
    pub centre: V2,
    /// IOD.
    pub radius: f32,
    /// Step of brightness at the edge as a fraction of the white's, from 0.12 on.
    pub quality: f32,
    white: Patch,
}

/// A circle tried in one eye.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    centre: V2,
    score: f32,
    quality: f32,
}

/// The opening of an eye as the fit sees it.
struct View<'a> {
    eye: &'a Eye,
    picture: Patch,
    /// Whiteness of the eyeball's white.
    white: f32,
}

impl Iris {
    /// Finds both eyes' irises; `colour` reads sRGB at a point of an eye's space, `step` is the
    /// size of a frame sample in IOD.
    pub fn find(
        eyes: &[Eye; 2],
        step: f32,
        colour: impl Fn(usize, V2) -> [f32; 3],
    ) -> [Option<Iris>; 2] {
        let views = [0, 1].map(|i| View::new(&eyes[i], step, |p| colour(i, p)));
        let (mut best, mut radius) = ([Fit::default(); 2], 0.0);
        let tried = 12;
        for k in 0..=tried {
            let r = RADII.0 + (RADII.1 - RADII.0) * k as f32 / tried as f32;
            let fits = [0, 1].map(|i| views[i].fit(r));
            if fits[0].score + fits[1].score > best[0].score + best[1].score {
                (best, radius) = (fits, r);
            }
        }
        [0, 1].map(|i| {
            (best[i].quality >= LEAST_QUALITY).then(|| Iris {
                centre: best[i].centre,
                radius,
                quality: best[i].quality,
                white: views[i].without(best[i].centre, radius),
            })
        })
    }

    /// How much of the painted white shows at a point, if nothing lies over it.
    pub fn uncovered(&self, p: V2) -> f32 {
        let d = (p - self.centre).length() / self.radius;
        smoothstep(PAINTED.1, PAINTED.0, d)
    }

    /// How much of the iris moved by `gaze` lies over a point.
    pub fn cover(&self, p: V2, gaze: V2, pixel: f32) -> f32 {
        let d = (p - gaze - self.centre).length();
        let soft = (0.12 * self.radius).max(pixel);
        smoothstep(
            1.1 * self.radius + 0.5 * soft,
            1.1 * self.radius - 0.5 * soft,
            d,
        )
    }

    /// Whether a glance may change anything in a box: where the iris was, and where it is.
    pub fn changes(&self, gaze: V2, pixel: f32, low: V2, high: V2) -> bool {
        let near = |centre: V2, reach: f32| {
            let x = centre.x.clamp(low.x, high.x) - centre.x;
            let y = centre.y.clamp(low.y, high.y) - centre.y;
            x * x + y * y < reach * reach
        };
        let soft = (0.12 * self.radius).max(pixel);
        gaze != V2::ZERO
            && (near(self.centre, PAINTED.1 * self.radius)
                || near(self.centre + gaze, 1.1 * self.radius + 0.5 * soft))
    }

    /// The white of the eyeball there, sRGB.
    pub fn white(&self, p: V2) -> [f32; 3] {
        self.white.at(p)
    }
}

impl<'a> View<'a> {
    fn new(eye: &'a Eye, step: f32, colour: impl Fn(V2) -> [f32; 3]) -> Self {
        let half = eye.half_width();
        let (top, bottom) = (eye.upper.least(), eye.lower.most());
        let corner = V2::new(-half, top);
        let size = V2::new(2.0 * half, bottom - top + 2.0 * RIM);
        let picture = Patch::read(corner, size, step.max(0.004), colour);
        let mut view = Self {
            eye,
            picture,
            white: 0.0,
        };
        let mut all: Vec<f32> = (0..view.picture.colours().len())
            .filter(|&i| view.is_open(view.picture.place(i)))
            .map(|i| whiteness(view.picture.colours()[i]))
            .collect();
        all.sort_by(f32::total_cmp);
        view.white = all.get(all.len() * 17 / 20).map_or(1.0, |v| v.max(1.0));
        view
    }

    /// Whether eyeball is seen there, away from the lids' rims.
    fn is_open(&self, p: V2) -> bool {
        let (upper, lower) = (self.eye.upper.at(p.x), self.eye.lower.at(p.x));
        p.x.abs() < self.eye.half_width() && p.y > upper + RIM && p.y < lower - RIM
    }

    /// Whether the iris' edge may be seen there: the lower lid, bare and bright, may stand for
    /// the white.
    fn may_be_edge(&self, p: V2) -> bool {
        let (upper, lower) = (self.eye.upper.at(p.x), self.eye.lower.at(p.x));
        p.x.abs() < self.eye.half_width() && p.y > upper + RIM && p.y < lower + RIM
    }

    /// The best place of a circle with that radius.
    fn fit(&self, radius: f32) -> Fit {
        let reach = (self.eye.half_width() - 0.4 * radius).max(0.0);
        let middle = (self.eye.upper.at(0.0) + self.eye.lower.at(0.0)) * 0.5;
        let mut best = Fit {
            centre: V2::new(0.0, middle),
            ..Fit::default()
        };
        let mut span = V2::new(reach, 0.7 * radius);
        // Each round looks around the best so far, twice as finely.
        for round in 0..4 {
            let (across, down) = if round == 0 { (7, 2) } else { (2, 1) };
            let around = best.centre;
            for i in -across..=across {
                for j in -down..=down {
                    let step = V2::new(
                        span.x * i as f32 / across as f32,
                        span.y * j as f32 / down as f32,
                    );
                    let fit = self.judge(around + step, radius);
                    if fit.score > best.score {
                        best = fit;
                    }
                }
            }
            span = V2::new(span.x / across as f32, span.y / down as f32) * 0.75;
        }
        best
    }

    /// How well a circle fits: the step of brightness across its left and right edge, and how
    /// dark it is inside.
    fn judge(&self, centre: V2, radius: f32) -> Fit {
        let mut sides = [(0.0f32, 0.0f32); 2];
        let (mut inside, mut count) = (0.0, 0.0f32);
        let most = 0.6 * self.white;
        for k in 0..RAYS {
            let angle = std::f32::consts::TAU * (k as f32 + 0.5) / RAYS as f32;
            let ray = V2::new(angle.cos(), angle.sin());
            for part in [0.4, 0.65] {
                let p = centre + ray * (radius * part);
                if self.is_open(p) {
                    // A catch-light is no brighter than the white.
                    inside += whiteness(self.picture.at(p)).min(self.white);
                    count += 1.0;
                }
            }
            for (inside, outside) in PAIRS {
                let (p, q) = (
                    centre + ray * (radius * inside),
                    centre + ray * (radius * outside),
                );
                if ray.x.abs() > 0.4 && self.may_be_edge(p) && self.may_be_edge(q) {
                    let step = whiteness(self.picture.at(q)) - whiteness(self.picture.at(p));
                    let side = &mut sides[usize::from(ray.x > 0.0)];
                    side.0 += step.clamp(-most, most);
                    side.1 += 1.0;
                }
            }
        }
        if count < 0.5 * RAYS as f32 {
            return Fit::default();
        }
        // A side that a corner hides counts for nothing.
        let edge = sides
            .iter()
            .map(|(sum, n)| sum / n.max(0.25 * RAYS as f32))
            .sum::<f32>()
            * 0.5;
        let dark = self.white - inside / count;
        let (upper, lower) = (self.eye.upper.at(centre.x), self.eye.lower.at(centre.x));
        let off = (centre.y - upper - HEIGHT.0 * (lower - upper)) / radius;
        let size = 2.0 * (radius / USUAL_RADIUS.0 - 1.0);
        let unusual = (HEIGHT.1 * off * off + USUAL_RADIUS.1 * size * size) * self.white;
        Fit {
            centre,
            score: (edge + 0.3 * dark - unusual).max(0.0),
            quality: (edge / self.white).max(0.0),
        }
    }

    /// The eyeball with the iris taken away and filled from the white that is seen.
    fn without(&self, centre: V2, radius: f32) -> Patch {
        let mut white = self.picture.clone();
        let places = 0..white.colours().len();
        let is_white = |p: V2| self.is_open(p) && (p - centre).length() > PAINTED.0 * radius;
        let known: Vec<bool> = places.map(|i| is_white(white.place(i))).collect();
        white.fill(&known);
        white
    }
}

/// What tells the white of an eye from all else: bright and without colour.
fn whiteness(rgb: [f32; 3]) -> f32 {
    rgb[0].min(rgb[1]).min(rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Brown and blue, with a catch-light, looking aside, in dark and bright pictures.
        #[test]
        fn an_iris_is_found_where_it_is(
            x in -0.05f32..0.05, radius in 0.085f32..0.12, light in 0.35f32..1.0, blue: bool,
        ) {
            let eyes = Eye::pair(&usual_face(0.0));
            let found = Iris::find(&eyes, 0.008, |eye, p| {
                let e = &eyes[eye];
                let open = p.y > e.upper.at(p.x) && p.y < e.lower.at(p.x);
                let d = (p - V2::new(x, 0.0)).length();
                let rgb = if !open {
                    [190.0, 145.0, 120.0]
                } else if (p - V2::new(x - 0.03, -0.03)).length() < 0.015 {
                    [255.0; 3]
                } else if d < 0.4 * radius {
                    [15.0; 3]
                } else if d < radius {
                    if blue { [90.0, 125.0, 160.0] } else { [85.0, 55.0, 35.0] }
                } else {
                    [225.0, 215.0, 210.0]
                };
                rgb.map(|c| c * light)
            });
            for iris in found {
                let iris = iris.expect("an iris");
                prop_assert!((iris.centre.x - x).abs() < 0.012, "{iris:?}", iris = iris.centre);
                prop_assert!((iris.radius - radius).abs() < 0.2 * radius, "{}", iris.radius);
                // What lies behind it is white.
                let white = iris.white(iris.centre);
                prop_assert!(white[2] > 170.0 * light, "{white:?}");
            }
        }
    }
}
