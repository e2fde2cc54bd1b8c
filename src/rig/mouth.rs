// SPDX-License-Identifier: MPL-2.0
//! The mouth's own geometry: the slit between the lips and its frame of reference.

use super::{
    curve::Curve,
    line, patch,
    space::{Affine, V2},
};

/// Up to this gap between the inner lips, in IOD, a portrait's mouth counts as closed
/// (landmark predictors read up to 0.02 on touching lips).
pub const CLOSED_GAP: f32 = 0.06;

/// How far from the inner corners of the landmarks to the outer ones the lips part.
const CORNER: f32 = 0.5;
/// The red of a lip is taken to be no thinner than this, IOD: painted and shadowed lips.
const LEAST_HEIGHT: f32 = 0.04;

/// Where the lips are controlled, as fractions of the half-width from the middle; the corners
/// (-1 and 1) have controls of their own.
pub const LIP_STATIONS: [f32; 9] = [-0.9, -0.7, -0.47, -0.23, 0.0, 0.23, 0.47, 0.7, 0.9];

/// The mouth at rest. Mouth space: the origin between the inner corners, u along the line
/// through them to the viewer's right, v down, unit IOD.
#[derive(Clone, Debug)]
pub struct Mouth {
    /// The origin in face space.
    pub centre: V2,
    /// Unit vector along u in face space.
    pub along: V2,
    /// Half the distance between the inner corners, IOD.
    pub half_width: f32,
    /// Inner edge of the upper lip, v(u).
    pub upper: Curve,
    /// Inner edge of the lower lip, v(u); equals `upper` where the lips touch.
    pub lower: Curve,
    /// Whether the portrait's lips touch.
    pub closed: bool,
    /// Height of the red of the upper lip at its middle, IOD.
    pub upper_height: f32,
    /// Height of the red of the lower lip at its middle, IOD.
    pub lower_height: f32,
}

impl Mouth {
    /// From landmarks in face space.
    pub fn new(landmarks: &[V2; 68]) -> Self {
        // Predictors put the inner corners where red ends, but lips part further out.
        let corner = |inner: usize, outer: usize| landmarks[inner].lerp(landmarks[outer], CORNER);
        let (left, right) = (corner(60, 48), corner(64, 54));
        let half_width = (right - left).length() * 0.5;
        let along = (right - left) * (0.5 / half_width);
        let mut mouth = Self {
            centre: left.lerp(right, 0.5),
            along,
            half_width,
            upper: Curve::FLAT,
            lower: Curve::FLAT,
            closed: true,
            upper_height: LEAST_HEIGHT,
            lower_height: LEAST_HEIGHT,
        };
        let all = landmarks.map(|p| mouth.to_local(p));
        let local = |i: usize| (all[i].x, all[i].y);
        let (from, to) = ((-half_width, 0.0), (half_width, 0.0));
        let (left, right) = (local(60), local(64));
        let upper = [from, left, local(61), local(62), local(63), right, to];
        let lower = [from, left, local(67), local(66), local(65), right, to];
        let (upper, lower) = (Curve::through(&upper), Curve::through(&lower));
        mouth.closed = lower.at(0.0) - upper.at(0.0) < CLOSED_GAP;
        let stations = stations_with_corners().map(|s| s * half_width);
        let middle = stations.map(|u| (u, (upper.at(u) + lower.at(u)) * 0.5));
        if mouth.closed {
            mouth.upper = Curve::through(&middle);
            mouth.lower = mouth.upper.clone();
        } else {
            // Never crossed, however the landmarks lie.
            mouth.upper = Curve::through(&stations.map(|u| (u, upper.at(u).min(lower.at(u)))));
            mouth.lower = Curve::through(&stations.map(|u| (u, lower.at(u).max(upper.at(u)))));
        }
        let red = |outer: usize, inner: f32| (local(outer).1 - inner).abs().max(LEAST_HEIGHT);
        mouth.upper_height = red(51, mouth.upper.at(0.0));
        mouth.lower_height = red(57, mouth.lower.at(0.0));
        mouth
    }

    /// Puts the line between closed lips where the picture has it: landmarks miss it by up to
    /// 0.03 IOD, and then the mouth opens through the red of a lip. Lips that the landmarks take
    /// for closed but that show teeth are parted. `colour` reads sRGB at a point of face space.
    /// Nothing changes where neither is seen.
    pub fn fit(&mut self, colour: impl Fn(V2) -> [f32; 3]) {
        if !self.closed {
            return;
        }
        let frame = self.clone();
        let colour = |p| colour(frame.to_face(p));
        if let Some(line) = line::between(self, |p| super::luma(colour(p))) {
            let at = |s: f32| line.at(s * frame.half_width);
            self.reshape(&stations_with_corners().map(|s| (at(s), at(s))));
        }
        if let Some(edges) = line::parting(self, colour) {
            self.reshape(&edges);
            self.closed = false;
        }
    }

    /// Mean sRGB colour of the red of both lips. `colour` reads the picture in face space.
    pub fn lip_colour(&self, colour: impl Fn(V2) -> [f32; 3]) -> [f32; 3] {
        let spots = [-0.45, -0.3, -0.15, 0.0, 0.15, 0.3, 0.45].map(|s| {
            let u = s * self.half_width;
            let half = 0.5 * (1.0 - s * s);
            [
                V2::new(u, self.upper.at(u) - half * self.upper_height),
                V2::new(u, self.lower.at(u) + half * self.lower_height),
            ]
        });
        patch::mean(
            spots
                .as_flattened()
                .iter()
                .map(|p| colour(self.to_face(*p))),
        )
    }

    /// Gives the lips other inner edges: v of the upper and of the lower one at the stations with
    /// corners. The outer ones stay.
    fn reshape(&mut self, edges: &[(f32, f32); 11]) {
        let top = self.upper.at(0.0) - self.upper_height;
        let bottom = self.lower.at(0.0) + self.lower_height;
        let u = stations_with_corners().map(|s| s * self.half_width);
        self.upper = Curve::through::<11>(&std::array::from_fn(|i| (u[i], edges[i].0)));
        self.lower = Curve::through::<11>(&std::array::from_fn(|i| (u[i], edges[i].1)));
        self.upper_height = (self.upper.at(0.0) - top).max(LEAST_HEIGHT);
        self.lower_height = (bottom - self.lower.at(0.0)).max(LEAST_HEIGHT);
    }

    /// How far the lower lip's edge lies below a plain arch through its middle and the corners at
    /// fraction `s` of the half-width, IOD: where lips touch it has the upper one's form, whose
    /// middle hangs down. 0 where they are parted.
    pub fn lower_bump(&self, s: f32) -> f32 {
        if !self.closed {
            return 0.0;
        }
        let at = |s: f32| self.lower.at(s * self.half_width);
        let chord = |s: f32| at(-1.0) + (at(1.0) - at(-1.0)) * (s + 1.0) * 0.5;
        at(s) - chord(s) - (at(0.0) - chord(0.0)) * (1.0 - s * s)
    }

    /// Mouth space to face space, as a map.
    pub fn frame(&self) -> Affine {
        Affine {
            ex: self.along,
            ey: self.along.turned(),
            origin: self.centre,
        }
    }

    /// Face space to mouth space.
    pub fn to_local(&self, p: V2) -> V2 {
        let d = p - self.centre;
        V2::new(d.dot(self.along), d.dot(self.along.turned()))
    }

    /// A displacement in face space to mouth space.
    pub fn vector_to_local(&self, d: V2) -> V2 {
        V2::new(d.dot(self.along), d.dot(self.along.turned()))
    }

    /// Mouth space to face space.
    pub fn to_face(&self, p: V2) -> V2 {
        self.centre + self.vector_to_face(p)
    }

    /// A displacement in mouth space to face space.
    pub fn vector_to_face(&self, p: V2) -> V2 {
        self.along * p.x + self.along.turned() * p.y
    }

    /// Gap between the inner lips at rest at fraction `s` of the half-width, IOD.
    pub fn rest_gap(&self, s: f32) -> f32 {
        let u = s * self.half_width;
        self.lower.at(u) - self.upper.at(u)
    }

    /// Whether parted lips show so little that it serves no longer once they open further.
    pub fn is_narrow(&self) -> bool {
        self.rest_gap(0.0) < CLOSED_GAP
    }

    /// v of the line between the lips at rest.
    pub fn middle(&self, u: f32) -> f32 {
        (self.upper.at(u) + self.lower.at(u)) * 0.5
    }
}

/// [`LIP_STATIONS`] with the corners at both ends.
pub fn stations_with_corners() -> [f32; 11] {
    let mut all = [-1.0; 11];
    all[1..10].copy_from_slice(&LIP_STATIONS);
    all[10] = 1.0;
    all
}

/// The inner lips of a posed mouth, in mouth space.
#[derive(Clone, Debug)]
pub struct Slit {
    /// Inner edge of the upper lip.
    pub upper: Curve,
    /// Inner edge of the lower lip; may lie above `upper` where the lips are pressed.
    pub lower: Curve,
}

impl Slit {
    /// The slit whose lips are displaced by `upper[i]` and `lower[i]` (mouth space) at the
    /// stations of [`stations_with_corners`].
    pub fn posed(mouth: &Mouth, upper: &[V2; 11], lower: &[V2; 11]) -> Self {
        let edge = |rest: &Curve, moved: &[V2; 11]| {
            let stations = stations_with_corners();
            let mut points = [(0.0, 0.0); 11];
            for (point, (s, d)) in points.iter_mut().zip(stations.into_iter().zip(moved)) {
                let u = s * mouth.half_width;
                *point = (u + d.x, rest.at(u) + d.y);
            }
            Curve::through(&points)
        };
        Self {
            upper: edge(&mouth.upper, upper),
            lower: edge(&mouth.lower, lower),
        }
    }

    /// Gap at the middle, IOD; 0 where the lips touch.
    pub fn aperture(&self) -> f32 {
        let (from, to) = self.upper.span();
        let u = (from + to) * 0.5;
        (self.lower.at(u) - self.upper.at(u)).max(0.0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frontal face of usual proportions in face space, with that gap between the inner lips.
    pub(crate) fn usual_face(gap: f32) -> [V2; 68] {
        let mut p = [V2::ZERO; 68];
        for (i, q) in p.iter_mut().enumerate().take(17) {
            let a = std::f32::consts::PI * i as f32 / 16.0;
            *q = V2::new(-1.15 * a.cos(), 0.15 + 1.65 * a.sin());
        }
        for i in 0..5 {
            let t = i as f32 / 4.0;
            let arch = -0.38 - 0.1 * (1.0 - (2.0 * t - 1.0).powi(2));
            p[17 + i] = V2::new(-0.9 + 0.65 * t, arch);
            p[22 + i] = V2::new(0.25 + 0.65 * t, arch);
        }
        for i in 0..4 {
            p[27 + i] = V2::new(0.0, 0.05 + 0.17 * i as f32);
        }
        for i in 0..5 {
            p[31 + i] = V2::new(-0.22 + 0.11 * i as f32, 0.7);
        }
        for (eye, x) in [(36, -0.5), (42, 0.5)] {
            let shape = [
                (-0.24, 0.0),
                (-0.09, -0.09),
                (0.09, -0.09),
                (0.24, 0.0),
                (0.09, 0.09),
                (-0.09, 0.09),
            ];
            for (i, (dx, dy)) in shape.into_iter().enumerate() {
                p[eye + i] = V2::new(x + dx, dy);
            }
        }
        let lips = 1.1;
        for i in 0..7 {
            let a = std::f32::consts::PI * i as f32 / 6.0;
            p[48 + i] = V2::new(-0.42 * a.cos(), lips - (0.12 + gap / 2.0) * a.sin());
        }
        for i in 1..6 {
            let a = std::f32::consts::PI * i as f32 / 6.0;
            p[54 + i] = V2::new(0.42 * a.cos(), lips + (0.15 + gap / 2.0) * a.sin());
        }
        for (k, x) in [(60, -0.36), (61, -0.16), (62, 0.0), (63, 0.16), (64, 0.36)] {
            p[k] = V2::new(x, lips - if k == 60 || k == 64 { 0.0 } else { gap / 2.0 });
        }
        for (k, x) in [(65, 0.16), (66, 0.0), (67, -0.16)] {
            p[k] = V2::new(x, lips + gap / 2.0);
        }
        p
    }

    #[test]
    fn small_gaps_are_merged_and_large_ones_kept() {
        let closed = Mouth::new(&usual_face(0.02));
        assert!(closed.closed && closed.rest_gap(0.0) == 0.0 && closed.rest_gap(0.5) == 0.0);
        let open = Mouth::new(&usual_face(0.16));
        assert!(!open.closed && (open.rest_gap(0.0) - 0.16).abs() < 1e-3);
    }

    #[test]
    fn mouth_space_and_face_space_are_inverse() {
        let mut face = usual_face(0.0);
        face[64].y += 0.1;
        let mouth = Mouth::new(&face);
        let p = V2::new(0.3, 1.4);
        assert!((mouth.to_face(mouth.to_local(p)) - p).length() < 1e-5);
        let corner = face[64].lerp(face[54], CORNER);
        let local = mouth.to_local(corner);
        assert!(local.y.abs() < 1e-5 && (local.x - mouth.half_width).abs() < 1e-5);
    }

    #[test]
    fn what_the_upper_lip_presses_into_the_lower_one_is_told_from_its_arch() {
        let pressed = |gap: f32, depth: f32| {
            let mut mouth = Mouth::new(&usual_face(gap));
            let edges = stations_with_corners().map(|s| {
                let v = 0.03 * (1.0 - s * s) + depth * (-(s / 0.2).powi(2)).exp();
                (v, v + gap)
            });
            mouth.reshape(&edges);
            stations_with_corners().map(|s| mouth.lower_bump(s))
        };
        assert!(pressed(0.0, 0.0).iter().all(|b| b.abs() < 2e-3), "an arch");
        let dip = pressed(0.0, 0.02);
        // The middle stays where it is: what beside it is too high comes down.
        assert!(dip[3] < -0.01 && dip[7] < -0.01, "{dip:?}");
        assert!([0, 5, 10].iter().all(|i| dip[*i].abs() < 1e-4), "{dip:?}");
        assert_eq!(
            pressed(0.2, 0.02),
            [0.0; 11],
            "parted lips have their own form"
        );
    }
}
