// SPDX-License-Identifier: MPL-2.0
//! What is seen between the lips: the dark of the mouth, gums, teeth, tongue.
//!
//! The upper teeth belong to the skull, the lower ones and the tongue to the jaw. Sizes are those
//! of adults (Wheeler's Dental Anatomy) at 63 mm between the eyes.

use super::{
    curve::Curve,
    light::Light,
    mouth::{Mouth, stations_with_corners},
    space::{V2, smoothstep, whole},
    teeth::OwnTeeth,
};

/// Colours under a bright, neutral light, sRGB.
const CAVITY: [f32; 3] = [64.0, 25.0, 23.0];
const TEETH: [f32; 3] = [228.0, 217.0, 198.0];
const TONGUE: [f32; 3] = [176.0, 88.0, 84.0];
/// The wet inside of lips and cheeks is their own colour times this, redder and darker, ...
const FLESH: [f32; 3] = [0.46, 0.30, 0.29];
/// ... and goes into the dark over so much, IOD.
const FLESH_WIDE: f32 = 0.04;
const GUMS: [f32; 3] = [178.0, 98.0, 96.0];
/// How far the upper teeth's edges lie below the closed lip line, IOD, and the lower ones' above
/// their place there.
const UPPER_EDGE: f32 = 0.035;
const LOWER_EDGE: f32 = 0.03;
/// What the lower lip hides of teeth that reach down to it, IOD.
const HIDDEN: f32 = 0.012;
/// Of the jaw's way at the chin, the lower teeth, which are nearer to the hinge, go this much,
/// and the tongue.
const TEETH_FOLLOW: f32 = 0.96;
const TONGUE_FOLLOWS: f32 = 0.36;
/// Its far end lies so far below the closed lips' line, IOD; ...
const TONGUE_BELOW: f32 = 0.07;
/// ... it comes out of the dark over twice this, IOD, ...
const TONGUE_DEPTH: f32 = 0.07;
/// ... and is lit so much: lips shade it, and it must not pass for one.
const TONGUE_LIT: f32 = 0.65;

/// Half widths of soft edges, IOD: of a row of teeth at least, and in a picture with soft edges, of
/// their width; of the tongue.
const EDGE_SOFT: f32 = 0.007;
const EDGE_SOFT_SHARE: f32 = 0.35;
const TONGUE_SOFT: f32 = 0.012;

/// One tooth as seen from the front, from the middle outwards.
struct Tooth {
    /// Seen width, IOD: the arch turns away to the side.
    width: f32,
    /// From its edge to the gum, IOD.
    height: f32,
    /// How much shorter than the middle ones it stands, IOD.
    short: f32,
}

const fn tooth(width: f32, height: f32, short: f32) -> Tooth {
    Tooth {
        width,
        height,
        short,
    }
}

const UPPER: [Tooth; 6] = [
    tooth(0.132, 0.150, 0.0),
    tooth(0.104, 0.132, 0.011),
    tooth(0.092, 0.150, 0.003),
    tooth(0.070, 0.130, 0.013),
    tooth(0.056, 0.115, 0.018),
    tooth(0.050, 0.105, 0.024),
];
const LOWER: [Tooth; 6] = [
    tooth(0.084, 0.125, 0.0),
    tooth(0.090, 0.125, 0.002),
    tooth(0.086, 0.140, 0.004),
    tooth(0.070, 0.115, 0.012),
    tooth(0.060, 0.100, 0.018),
    tooth(0.052, 0.090, 0.024),
];

/// The state of the mouth's inside for one pose.
#[derive(Clone, Copy, Debug)]
pub struct Inside {
    /// How far the chin is below, and to the viewer's right of, its place at rest, IOD.
    pub jaw: V2,
    /// Tongue's tip raised to the upper teeth, 0–1.
    pub tongue: f32,
}

/// Paints the inside of one mouth.
#[derive(Clone, Debug)]
pub struct Painter {
    light: Light,
    teeth: [f32; 3],
    /// Inside of the lips, sRGB.
    flesh: [f32; 3],
    /// Half width of the soft edges of teeth, IOD.
    soft: f32,
    half_width: f32,
    /// v of the closed lips' line at the middle, or what serves as that.
    line: f32,
    /// v of the edges of the upper teeth, over u.
    edges: Curve,
    upper: Row,
    lower: Row,
}

impl Painter {
    /// For that mouth in that light, with lips of that colour (sRGB), in a picture whose edges are
    /// so wide (IOD). Where the portrait shows `own` teeth, the painted ones go on from them.
    pub fn new(
        mouth: &Mouth,
        light: Light,
        lips: [f32; 3],
        edge_width: f32,
        own: Option<&OwnTeeth>,
    ) -> Self {
        let half_width = mouth.half_width;
        let towards = mouth.vector_to_local(light.towards).x;
        let line = own.map_or(mouth.middle(0.0), |own| own.bottom.at(0.0) - UPPER_EDGE);
        let edge = |s: f32| match own {
            Some(own) => own.bottom.at(s * half_width) + HIDDEN,
            None => line + UPPER_EDGE - 0.03 * s * s,
        };
        Self {
            light,
            teeth: match own {
                // They were lit where they were seen.
                Some(own) => own.colour.map(|c| c * 1.08),
                None => [0, 1, 2].map(|c| TEETH[c] * light.colour[c]),
            },
            flesh: [0, 1, 2].map(|c| lips[c] * FLESH[c]),
            soft: EDGE_SOFT.max(EDGE_SOFT_SHARE * edge_width),
            half_width,
            line,
            edges: Curve::through(&stations_with_corners().map(|s| (s * half_width, edge(s)))),
            upper: Row::new(&UPPER, half_width, towards, edge_width),
            lower: Row::new(&LOWER, half_width, towards, edge_width),
        }
    }

    /// The sRGB colour at (u, v) of mouth space between the lips at `upper` and `lower` there.
    pub fn colour(&self, inside: &Inside, u: f32, v: f32, upper: f32, lower: f32) -> [f32; 3] {
        // Little light falls through a narrow opening, and what does comes from above.
        let open = 0.82 + 0.15 * smoothstep(0.02, 0.12, lower - upper);
        let above = open * (0.71 + 0.26 * smoothstep(0.0, 0.055, v - upper));
        let teeth = self.teeth(&self.upper, u, self.edges.at(u) - v, above);
        // What is wholly covered need not be known.
        let mut colour = match teeth {
            Some((teeth, 1.0..)) => return teeth,
            _ => self.behind(inside, [u, v], [upper, lower], open),
        };
        if let Some((teeth, cover)) = teeth {
            mix(&mut colour, teeth, cover);
        }
        colour
    }

    /// What is seen where there are no upper teeth.
    fn behind(
        &self,
        inside: &Inside,
        [u, v]: [f32; 2],
        [upper, lower]: [f32; 2],
        open: f32,
    ) -> [f32; 3] {
        let s = (u / self.half_width).clamp(-1.2, 1.2);
        let below = open * (0.72 + 0.28 * smoothstep(0.0, 0.05, lower - v));
        let edge = self.line + LOWER_EDGE + TEETH_FOLLOW * inside.jaw.y + 0.05 * s * s;
        let along = u - inside.jaw.x * TEETH_FOLLOW;
        // Cheeks and lips hide the side ones.
        let seen = smoothstep(0.7, 0.4, s.abs());
        let teeth = match self.teeth(&self.lower, along, v - edge, 0.66 * below) {
            Some((teeth, cover)) if seen > 0.0 => Some((teeth, cover * seen)),
            _ => None,
        };
        let body = self.line + TONGUE_BELOW + inside.jaw.y * TONGUE_FOLLOWS;
        let mut colour = if let Some((teeth, 1.0..)) = teeth {
            teeth
        } else {
            let depth = smoothstep(0.0, 0.14, v - upper) * smoothstep(0.0, 0.1, lower - v);
            let dark = 1.05 - 0.6 * depth;
            let mut colour = [0, 1, 2].map(|c| CAVITY[c] * dark * self.light.colour[c]);
            self.tongue(s, v - body - 0.12 * s * s, below, &mut colour);
            let flesh = smoothstep(FLESH_WIDE, 0.0, lower - v);
            mix(&mut colour, self.flesh, flesh);
            if let Some((teeth, cover)) = teeth {
                mix(&mut colour, teeth, cover);
            }
            colour
        };
        if inside.tongue > 0.0 {
            // Thinner than the body, in front of the lower teeth and behind the upper ones.
            let tip = body + (self.edges.at(0.0) - 0.008 - body) * inside.tongue;
            let s = (u - inside.jaw.x * TONGUE_FOLLOWS) / self.half_width;
            self.tip(s, v - tip - 0.25 * s * s, open, &mut colour);
        }
        colour
    }

    /// The tongue's back, `below` its far end: it comes out of the dark and turns to the light.
    fn tongue(&self, s: f32, below: f32, lit: f32, colour: &mut [f32; 3]) {
        if below <= -TONGUE_DEPTH {
            return;
        }
        let cover = smoothstep(-TONGUE_DEPTH, TONGUE_DEPTH, below) * smoothstep(0.95, 0.6, s.abs());
        if cover <= 0.0 {
            return;
        }
        let groove = 0.10 * (1.0 - (s / 0.12).powi(2)).max(0.0);
        let lit = lit * (TONGUE_LIT - groove) * (1.0 - 0.35 * s * s);
        let tongue = [0, 1, 2].map(|c| TONGUE[c] * lit * self.light.colour[c]);
        mix(colour, tongue, cover);
    }

    /// The tongue's tip, `below` its edge, raised to the teeth: it is wet, and lightest where its
    /// front turns to the light.
    fn tip(&self, s: f32, below: f32, open: f32, colour: &mut [f32; 3]) {
        if below <= -TONGUE_SOFT {
            return;
        }
        let cover = smoothstep(-TONGUE_SOFT, TONGUE_SOFT, below) * smoothstep(0.62, 0.40, s.abs());
        if cover <= 0.0 {
            return;
        }
        let lit = 0.54 + 0.24 * smoothstep(0.0, 0.04, below) - 0.22 * smoothstep(0.05, 0.14, below);
        let lit = lit * open * (1.0 - 0.35 * s * s);
        let tongue = [0, 1, 2].map(|c| TONGUE[c] * lit * self.light.colour[c]);
        mix(colour, tongue, cover);
    }

    /// A row of teeth and the gum they stand in, at `u` along it and `from_edge` from the row's
    /// line into the teeth: colour, and how much it covers, 0–1; `None` for nothing.
    fn teeth(&self, row: &Row, u: f32, from_edge: f32, lit: f32) -> Option<([f32; 3], f32)> {
        let soft = self.soft;
        if from_edge <= -soft {
            return None;
        }
        let at = row.at(u);
        let from_edge = from_edge - at.short;
        let cover = smoothstep(-soft, soft, from_edge) * at.cover;
        if cover <= 0.0 {
            return None;
        }
        // Thin edges let the dark behind through; necks are a little warmer.
        let edge = 0.86 + 0.14 * smoothstep(0.0, 0.035, from_edge);
        let neck = smoothstep(0.4, 1.0, from_edge / at.height);
        let lit = lit * at.lit;
        let enamel = [0.0, 0.03, 0.09];
        let tooth = [0, 1, 2].map(|c| self.teeth[c] * lit * edge * (1.0 - enamel[c] * neck));
        if from_edge <= at.height - soft {
            return Some((tooth, cover));
        }
        let gum = smoothstep(at.height - soft, at.height + soft, from_edge);
        let gums = [0, 1, 2].map(|c| GUMS[c] * 0.9 * lit.max(0.25) * self.light.colour[c]);
        Some((
            [0, 1, 2].map(|c| tooth[c] + (gums[c] - tooth[c]) * gum),
            cover,
        ))
    }
}

/// What a row of teeth is like at one u.
#[derive(Clone, Copy, Debug, Default)]
struct Across {
    /// How much the edge stands back there, IOD.
    short: f32,
    /// From the edge to the gum, IOD.
    height: f32,
    /// Light on it, 0–1 and a little more.
    lit: f32,
    /// 0 beyond the last tooth.
    cover: f32,
}

/// Intervals in which a row is tabulated, over its whole length.
const STEPS: usize = 192;
/// Half of that length, IOD.
const LENGTH: f32 = 0.56;

/// A row of teeth, tabulated over u.
#[derive(Clone, Debug)]
struct Row {
    table: Box<[Across; STEPS + 1]>,
}

impl Row {
    /// `towards` is the tangent of the light's angle to the viewer's right, `edge_width` how far
    /// (IOD) the picture smears an edge.
    fn new(teeth: &[Tooth; 6], half_width: f32, towards: f32, edge_width: f32) -> Self {
        // Teeth vary less than mouths do.
        let scale = (half_width / 0.40).clamp(0.85, 1.12);
        let sharp: [Across; STEPS + 1] = std::array::from_fn(|i| {
            let u = (i as f32 / STEPS as f32 * 2.0 - 1.0) * LENGTH;
            Self::across(teeth, u / scale, u / half_width, towards)
        });
        let aside = whole(edge_width * 0.5 / (2.0 * LENGTH) * STEPS as f32);
        let table = std::array::from_fn(|i| {
            let near = &sharp[i.saturating_sub(aside)..(i + aside + 1).min(STEPS + 1)];
            let mean =
                |of: fn(&Across) -> f32| near.iter().map(of).sum::<f32>() / near.len() as f32;
            Across {
                short: mean(|a| a.short),
                height: mean(|a| a.height),
                lit: mean(|a| a.lit),
                cover: mean(|a| a.cover),
            }
        });
        Self {
            table: Box::new(table),
        }
    }

    fn across(teeth: &[Tooth; 6], u: f32, s: f32, towards: f32) -> Across {
        let mut from = 0.0;
        for tooth in teeth {
            let to = from + tooth.width;
            if u.abs() < to {
                // -1 to 1 over the tooth, outwards.
                let t = (u.abs() - from) / tooth.width * 2.0 - 1.0;
                let around = t * t;
                let gap = 1.0 - 0.30 * smoothstep(0.90, 1.0, t.abs());
                // Each tooth is round, and the row of them is, too.
                let facing = (s * 0.9 + 0.25 * t * u.signum()).clamp(-1.0, 1.0);
                let side = (1.0 - 0.62 * s * s).max(0.10) * (1.0 + 0.35 * towards * facing);
                return Across {
                    short: tooth.short + 0.010 * around * around,
                    height: tooth.height * (1.0 - 0.22 * around),
                    lit: (1.0 - 0.10 * around) * gap * side.clamp(0.08, 1.15),
                    cover: 1.0,
                };
            }
            from = to;
        }
        Across {
            height: 0.1,
            ..Across::default()
        }
    }

    fn at(&self, u: f32) -> Across {
        let x = ((u / LENGTH + 1.0) * 0.5).clamp(0.0, 1.0) * STEPS as f32;
        let i = whole(x).min(STEPS - 1);
        let t = x - i as f32;
        let (a, b) = (self.table[i], self.table[i + 1]);
        let mix = |a: f32, b: f32| a + (b - a) * t;
        Across {
            short: mix(a.short, b.short),
            height: mix(a.height, b.height),
            lit: mix(a.lit, b.lit),
            cover: mix(a.cover, b.cover),
        }
    }
}

fn mix(colour: &mut [f32; 3], over: [f32; 3], alpha: f32) {
    for (c, o) in colour.iter_mut().zip(over) {
        *c += (o - *c) * alpha;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    const LIPS: [f32; 3] = [190.0, 110.0, 105.0];
    const SHARP: f32 = 0.0;

    fn painter() -> (Painter, f32) {
        let mouth = Mouth::new(&usual_face(0.0));
        (
            Painter::new(&mouth, Light::PLAIN, LIPS, SHARP, None),
            mouth.middle(0.0),
        )
    }

    #[test]
    fn upper_teeth_stay_and_lower_teeth_follow_the_jaw() {
        let (painter, line) = painter();
        let bright = |jaw: f32, v: f32| {
            let inside = Inside {
                jaw: V2::new(0.0, jaw),
                tongue: 0.0,
            };
            painter.colour(&inside, 0.04, v, line - 0.02, line + 0.36)[1]
        };
        for jaw in [0.1, 0.2, 0.3] {
            assert!(bright(jaw, line + 0.01) > 100.0, "upper teeth at jaw {jaw}");
            assert!(
                bright(jaw, line + 0.07 + 0.96 * jaw) > 90.0,
                "lower teeth at jaw {jaw}"
            );
        }
        assert!(bright(0.3, line + 0.12) < 40.0, "dark between them");
    }

    #[test]
    fn teeth_stand_apart_in_gums() {
        let (painter, line) = painter();
        let at = |u: f32, v: f32| {
            let inside = Inside {
                jaw: V2::new(0.0, 0.2),
                tongue: 0.0,
            };
            painter.colour(&inside, u, v, line - 0.2, line + 0.3)
        };
        let (tooth, gap) = (at(0.06, line - 0.02), at(0.0, line - 0.02));
        assert!(gap[1] < 0.8 * tooth[1], "{gap:?} {tooth:?}");
        let gum = at(0.06, line - 0.15);
        assert!(gum[0] > 1.5 * gum[1] && gum[0] > 80.0, "{gum:?}");
    }

    /// A wide mouth is no hole: the tongue is seen in it, and the lips' own colour on their inside.
    #[test]
    fn the_tongue_lies_behind_the_lower_teeth() {
        let (painter, line) = painter();
        let inside = Inside {
            jaw: V2::new(0.0, 0.2),
            tongue: 0.0,
        };
        let at = |u: f32, v: f32| painter.colour(&inside, u, line + v, line - 0.02, line + 0.26);
        let (throat, tongue) = (at(0.05, 0.1), at(0.05, 0.19));
        assert!(
            tongue[0] > 2.0 * throat[0] && tongue[0] > 1.6 * tongue[1],
            "{tongue:?} {throat:?}"
        );
        let lip = at(0.3, 0.255);
        assert!(lip[0] > 70.0 && lip[0] < 0.6 * LIPS[0], "{lip:?}");
    }

    #[test]
    fn the_tongue_comes_up_behind_the_upper_teeth() {
        let (painter, line) = painter();
        let at = |tongue: f32, v: f32| {
            let inside = Inside {
                jaw: V2::new(0.0, 0.06),
                tongue,
            };
            painter.colour(&inside, 0.04, v, line - 0.01, line + 0.08)
        };
        let between = line + UPPER_EDGE + 0.02;
        let red = |c: [f32; 3]| c[0] / c[1];
        assert!(red(at(1.0, between)) > 1.5 && at(1.0, between)[0] > 70.0);
        assert_eq!(at(1.0, line), at(0.0, line), "the upper teeth are in front");
    }

    #[test]
    fn light_from_a_side_lights_the_other_side_of_the_arch_less() {
        let mouth = Mouth::new(&usual_face(0.0));
        let light = Light {
            towards: V2::new(0.7, 0.0),
            ..Light::PLAIN
        };
        let painter = Painter::new(&mouth, light, LIPS, SHARP, None);
        let at = |u: f32| {
            let inside = Inside {
                jaw: V2::new(0.0, 0.2),
                tongue: 0.0,
            };
            let line = mouth.middle(0.0);
            painter.colour(&inside, u, line, line - 0.03, line + 0.3)[1]
        };
        assert!(at(0.19) > 1.15 * at(-0.19), "{} {}", at(0.19), at(-0.19));
    }
}
