// SPDX-License-Identifier: MPL-2.0
//! [`Light`]: the light that a portrait was taken in, judged by its skin and the white of its eyes.

use super::space::V2;

/// Between forehead and chin, or cheek and cheek, skin's brightness differs by this fraction of
/// its mean in a light that comes from that direction and 45° in front: half an ellipsoid's
/// normals over the patches looked at.
const FULL_SLOPE: f32 = 0.5;
/// Nearly all portraits are lit from above; a single one is judged from few patches. This is
/// what is taken for granted, towards the light.
const USUAL: V2 = V2::new(0.0, -0.45);
/// Lights further to the side than this (tangent against the line of sight) are not believed.
const STEEPEST: f32 = 0.8;

/// The light that the portrait was taken in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// A factor on each colour of something lit: exposure and white point.
    pub colour: [f32; 3],
    /// Towards the light in the plane of the face (face space), per unit towards the viewer:
    /// the tangent of its angle.
    pub towards: V2,
}

impl Light {
    /// A bright neutral light from the front.
    pub const PLAIN: Light = Light {
        colour: [1.0; 3],
        towards: V2::ZERO,
    };

    /// From the picture: `colour` reads sRGB at a point of face space, `white` is the mean of the
    /// eyes' whites where they are known.
    pub fn of_face(
        colour: &impl Fn(V2) -> [f32; 3],
        landmarks: &[V2; 68],
        white: Option<[f32; 3]>,
    ) -> Self {
        let beside_mouth = [
            landmarks[31].lerp(landmarks[3], 0.4),
            landmarks[35].lerp(landmarks[13], 0.4),
            landmarks[57].lerp(landmarks[8], 0.5),
        ];
        let mean = |spots: &[V2]| {
            let sum = spots.iter().fold([0.0f32; 3], |sum, p| {
                let c = patch(colour, *p);
                [sum[0] + c[0], sum[1] + c[1], sum[2] + c[2]]
            });
            sum.map(|s| s / spots.len() as f32)
        };
        let level = |spots: &[V2]| {
            let [r, g, b] = mean(spots);
            (0.3 * r + 0.6 * g + 0.1 * b).max(1.0)
        };
        let (left, right) = (
            level(&[
                landmarks[31].lerp(landmarks[3], 0.5),
                landmarks[31].lerp(landmarks[2], 0.5),
            ]),
            level(&[
                landmarks[35].lerp(landmarks[13], 0.5),
                landmarks[35].lerp(landmarks[14], 0.5),
            ]),
        );
        // Between the brows rather than on the forehead, which hair may cover.
        let (top, bottom) = (
            level(&[
                landmarks[21].lerp(landmarks[22], 0.5),
                landmarks[31].lerp(landmarks[1], 0.5),
                landmarks[35].lerp(landmarks[15], 0.5),
            ]),
            level(&[
                landmarks[57].lerp(landmarks[8], 0.7),
                landmarks[48].lerp(landmarks[6], 0.5),
                landmarks[54].lerp(landmarks[10], 0.5),
            ]),
        );
        let slope = |from: f32, to: f32| (to - from) / ((to + from) * 0.5) / FULL_SLOPE;
        let seen = V2::new(slope(left, right), slope(top, bottom));
        let towards = USUAL.lerp(seen, 0.6);
        let length = towards.length();
        Self {
            colour: Self::tint(mean(&beside_mouth), white),
            towards: towards * (STEEPEST.min(length) / length.max(1e-3)),
        }
    }

    /// From the mean sRGB colour of the skin around the mouth: bright skin in white light reads
    /// about (205, 160, 140). The white of the eyes, which is alike in everybody, says more of
    /// the white point: varnish, candles and screens colour it as they colour teeth.
    fn tint(skin: [f32; 3], white: Option<[f32; 3]>) -> [f32; 3] {
        const USUAL: [f32; 3] = [205.0, 160.0, 140.0];
        // Of its mean: about what a photograph, a render like one and the built-in portrait have,
        // all in white light.
        const USUAL_WHITE: [f32; 3] = [1.08, 0.985, 0.935];
        let level = (skin[0] + skin[1] + skin[2]) / (USUAL[0] + USUAL[1] + USUAL[2]);
        // Dark skin must not darken teeth as much as a dark picture does: take the root.
        let level = level.clamp(0.1, 1.3).sqrt();
        let (tints, share): ([f32; 3], f32) = match white {
            Some(white) => {
                let mean = ((white[0] + white[1] + white[2]) / 3.0).max(1.0);
                ([0, 1, 2].map(|c| white[c] / (USUAL_WHITE[c] * mean)), 0.7)
            }
            None => {
                let tint = |c: usize| skin[c] / (USUAL[c] * level * level).max(1.0);
                ([0, 1, 2].map(tint), 0.35)
            }
        };
        tints.map(|tint| level * (1.0 + share * (tint.clamp(0.5, 1.6) - 1.0)))
    }
}

/// Mean sRGB colour of 0.14 IOD around a point.
fn patch(colour: &impl Fn(V2) -> [f32; 3], at: V2) -> [f32; 3] {
    let mut sum = [0.0f32; 3];
    for i in 0..49 {
        let p = at + V2::new((i % 7) as f32 - 3.0, (i / 7) as f32 - 3.0) * 0.02;
        for (s, v) in sum.iter_mut().zip(colour(p)) {
            *s += v;
        }
    }
    sum.map(|s| s / 49.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mouth::tests::usual_face;

    #[test]
    fn a_dark_picture_has_dark_teeth() {
        let dim = Light::tint([60.0, 45.0, 40.0], None);
        let bright = Light::tint([220.0, 180.0, 160.0], None);
        assert!(dim[0] < 0.7 * bright[0], "{dim:?} {bright:?}");
    }

    /// Skin tells little of the colour of the light, and the white of the eyes nearly all.
    #[test]
    fn teeth_are_as_yellow_as_the_white_of_the_eyes() {
        let yellowness = |white| {
            let [r, _, b] = Light::tint([190.0, 150.0, 110.0], white);
            r / b
        };
        let (varnished, cool) = ([154.0, 108.0, 54.0], [130.0, 133.0, 132.0]);
        assert!(yellowness(Some(varnished)) > 1.6);
        assert!((0.85..1.0).contains(&yellowness(Some(cool))));
        assert!((1.0..1.3).contains(&yellowness(None)));
    }

    #[test]
    fn the_brighter_side_is_where_the_light_is() {
        let lit = |x: f32, y: f32| {
            let shade = move |p: V2| [160.0 + 40.0 * (p.x * x + (p.y - 0.6) * y); 3];
            Light::of_face(&shade, &usual_face(0.0), None).towards
        };
        assert!(lit(1.0, 0.0).x > 0.2 && lit(-1.0, 0.0).x < -0.2);
        assert!(lit(0.0, 1.0).y > lit(0.0, 0.0).y && lit(0.0, -1.0).y < lit(0.0, 0.0).y);
        for (x, y) in [(4.0, 0.0), (-4.0, 3.0), (0.0, -4.0)] {
            assert!(lit(x, y).length() <= STEEPEST + 1e-3);
        }
    }
}
