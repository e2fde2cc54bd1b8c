// SPDX-License-Identifier: MPL-2.0
//! What is seen between the lips: the dark of the mouth, teeth, tongue.

use super::{mouth::Mouth, space::smoothstep};

/// Colours under a bright, neutral light, sRGB.
const CAVITY: [f32; 3] = [62.0, 24.0, 22.0];
const TEETH: [f32; 3] = [222.0, 212.0, 198.0];
const TONGUE: [f32; 3] = [166.0, 78.0, 76.0];
/// Visible height of the upper and lower middle incisors, IOD.
const UPPER_TEETH: f32 = 0.125;
const LOWER_TEETH: f32 = 0.095;
/// Width of an upper middle incisor, IOD (about 8.5 mm of 63 mm).
const TOOTH: f32 = 0.135;
/// How far the upper teeth's edges lie below the closed lip line, IOD.
const UPPER_EDGE: f32 = 0.035;

/// The light that the portrait was taken in, as a factor on each colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light(pub [f32; 3]);

impl Light {
    /// From the mean sRGB colour of the skin around the mouth: bright skin in white light reads
    /// about (205, 160, 140).
    pub fn from_skin(mean: [f32; 3]) -> Self {
        const USUAL: [f32; 3] = [205.0, 160.0, 140.0];
        let level = (mean[0] + mean[1] + mean[2]) / (USUAL[0] + USUAL[1] + USUAL[2]);
        // Dark skin must not darken teeth as much as a dark picture does: take the root.
        let level = level.clamp(0.1, 1.3).sqrt();
        let factor = |c: usize| {
            let tint = mean[c] / (USUAL[c] * level * level).max(1.0);
            level * (1.0 + 0.35 * (tint.clamp(0.5, 1.6) - 1.0))
        };
        Self([factor(0), factor(1), factor(2)])
    }
}

/// The state of the mouth's inside for one pose.
#[derive(Clone, Copy, Debug)]
pub struct Inside {
    /// How far the lower teeth and the tongue are below their place at rest, IOD.
    pub jaw: f32,
    /// Tongue raised towards the upper teeth, 0–1.
    pub tongue: f32,
}

/// Paints the inside of one mouth.
#[derive(Clone, Debug)]
pub struct Painter {
    light: Light,
    half_width: f32,
    line: f32,
}

impl Painter {
    /// For that mouth in that light.
    pub fn new(mouth: &Mouth, light: Light) -> Self {
        Self {
            light,
            half_width: mouth.half_width,
            line: mouth.middle(0.0),
        }
    }

    /// The sRGB colour at (u, v) of mouth space between the lips at `upper` and `lower` there.
    pub fn colour(&self, inside: &Inside, u: f32, v: f32, upper: f32, lower: f32) -> [f32; 3] {
        let s = (u / self.half_width).clamp(-1.2, 1.2);
        let depth = smoothstep(0.0, 0.12, v - upper) * smoothstep(0.0, 0.1, lower - v);
        let mut colour = CAVITY.map(|c| c * (1.0 - 0.5 * depth));
        self.tongue(inside, s, v, &mut colour);
        // The lips and the arch shade the teeth: darkest at the sides and under the upper lip.
        let side = (1.0 - 0.75 * s * s).max(0.12);
        let under_lip = 0.62 + 0.38 * smoothstep(0.0, 0.07, v - upper);
        let lower_edge = self.line + 0.03 + 0.88 * inside.jaw + 0.05 * s * s;
        self.teeth(
            u,
            v,
            lower_edge,
            LOWER_TEETH,
            0.74,
            0.72 * side,
            1.0,
            &mut colour,
        );
        let upper_edge = self.line + UPPER_EDGE - 0.03 * s * s;
        self.teeth(
            u,
            v,
            upper_edge,
            UPPER_TEETH,
            1.0,
            side * under_lip,
            -1.0,
            &mut colour,
        );
        [0, 1, 2].map(|c| colour[c] * self.light.0[c])
    }

    fn tongue(&self, inside: &Inside, s: f32, v: f32, colour: &mut [f32; 3]) {
        let top = self.line + 0.035 + inside.jaw * 0.5 - 0.12 * inside.tongue + 0.12 * s * s;
        let cover = smoothstep(top - 0.02, top + 0.03, v) * smoothstep(0.95, 0.7, s.abs());
        let lit = 0.62 + 0.25 * smoothstep(top, top + 0.12, v) - 0.08 * (-(s / 0.08).powi(2)).exp();
        mix(colour, TONGUE.map(|c| c * lit), cover);
    }

    /// A row of teeth whose free edge lies at `edge`; `up` is -1 where they grow upwards from it.
    #[allow(clippy::too_many_arguments)]
    fn teeth(
        &self,
        u: f32,
        v: f32,
        edge: f32,
        height: f32,
        width: f32,
        lit: f32,
        up: f32,
        colour: &mut [f32; 3],
    ) {
        let tooth = TOOTH * width;
        let along = u / tooth;
        // 0 in a tooth's middle, 1 at the gap to the next.
        let across = (2.0 * (along - along.floor() - 0.5)).abs();
        let rounded = 0.012 * across.powi(4);
        let from_edge = (v - edge) * up;
        let row = smoothstep(-0.008, 0.008, from_edge - rounded)
            * smoothstep(height + 0.03, height - 0.01, from_edge);
        let gap = 1.0 - 0.28 * smoothstep(0.82, 1.0, across);
        let body = 0.9 + 0.1 * smoothstep(0.0, 0.06, from_edge);
        let arch = smoothstep(1.1, 0.8, (u / self.half_width).abs());
        mix(colour, TEETH.map(|c| c * lit * gap * body), row * arch);
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

    #[test]
    fn upper_teeth_stay_and_lower_teeth_follow_the_jaw() {
        let mouth = Mouth::new(&usual_face(0.0));
        let painter = Painter::new(&mouth, Light([1.0; 3]));
        let line = mouth.middle(0.0);
        let bright = |jaw: f32, v: f32| {
            let inside = Inside { jaw, tongue: 0.0 };
            painter.colour(&inside, 0.03, v, line - 0.02, line + 0.36)[0]
        };
        for jaw in [0.1, 0.2, 0.3] {
            assert!(bright(jaw, line + 0.01) > 110.0, "upper teeth at jaw {jaw}");
            assert!(
                bright(jaw, line + 0.05 + 0.9 * jaw) > 110.0,
                "lower teeth at jaw {jaw}"
            );
        }
        assert!(bright(0.3, line + 0.12) < 60.0, "dark between them");
    }

    #[test]
    fn a_dark_picture_has_dark_teeth() {
        let dim = Light::from_skin([60.0, 45.0, 40.0]);
        let bright = Light::from_skin([220.0, 180.0, 160.0]);
        assert!(dim.0[0] < 0.7 * bright.0[0], "{dim:?} {bright:?}");
    }
}
