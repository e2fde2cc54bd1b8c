// SPDX-License-Identifier: MPL-2.0
//! Plane geometry: vectors, affine maps, and the frame of reference of a face.

use crate::face::{Landmarks, Point};
use std::ops::{Add, Mul, Sub};

/// A position or displacement in the plane; which plane is said where it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct V2 {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl V2 {
    /// (0, 0)
    pub const ZERO: V2 = V2 { x: 0.0, y: 0.0 };

    /// (x, y)
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Euclidean length.
    pub fn length(self) -> f32 {
        // A face is a few units wide: nothing that `hypot` would guard against.
        self.dot(self).sqrt()
    }

    /// Scalar product.
    pub fn dot(self, other: V2) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// A quarter turn from x towards y.
    pub fn turned(self) -> V2 {
        V2::new(-self.y, self.x)
    }

    /// From `self` at 0 to `other` at 1.
    pub fn lerp(self, other: V2, t: f32) -> V2 {
        V2::new(
            self.x + (other.x - self.x) * t,
            self.y + (other.y - self.y) * t,
        )
    }
}

impl Add for V2 {
    type Output = V2;
    fn add(self, o: V2) -> V2 {
        V2::new(self.x + o.x, self.y + o.y)
    }
}

impl Sub for V2 {
    type Output = V2;
    fn sub(self, o: V2) -> V2 {
        V2::new(self.x - o.x, self.y - o.y)
    }
}

impl Mul<f32> for V2 {
    type Output = V2;
    fn mul(self, k: f32) -> V2 {
        V2::new(self.x * k, self.y * k)
    }
}

impl From<Point> for V2 {
    fn from(p: Point) -> V2 {
        V2::new(p.x, p.y)
    }
}

/// The whole part of a coordinate of a grid, which is not negative; 0 of NaN. Processors have no
/// instruction for `as usize` itself.
#[inline]
pub fn whole(v: f32) -> usize {
    v as i32 as usize
}

/// x ↦ M·x + t
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Image of the unit vector along x.
    pub ex: V2,
    /// Image of the unit vector along y.
    pub ey: V2,
    /// Image of the origin.
    pub origin: V2,
}

impl Affine {
    /// The image of a position.
    pub fn apply(&self, p: V2) -> V2 {
        self.origin + self.apply_vector(p)
    }

    /// The image of a displacement.
    pub fn apply_vector(&self, p: V2) -> V2 {
        self.ex * p.x + self.ey * p.y
    }

    /// First `self`, then `next`.
    pub fn then(&self, next: &Affine) -> Affine {
        Affine {
            ex: next.apply_vector(self.ex),
            ey: next.apply_vector(self.ey),
            origin: next.apply(self.origin),
        }
    }

    /// The inverse; the map must not be singular.
    pub fn inverse(&self) -> Affine {
        let k = 1.0 / (self.ex.x * self.ey.y - self.ex.y * self.ey.x);
        let linear = Affine {
            ex: V2::new(self.ey.y * k, -self.ex.y * k),
            ey: V2::new(-self.ey.x * k, self.ex.x * k),
            origin: V2::ZERO,
        };
        let back = linear.apply_vector(self.origin);
        Affine {
            origin: V2::ZERO - back,
            ..linear
        }
    }
}

/// The map from face space to the picture, and the landmarks in face space.
///
/// Face space: the origin between the eye centres, x along the eye line to the viewer's right,
/// y down the face, unit IOD (distance between the eye centres). One set of constants serves
/// every portrait, scale and roll there.
#[derive(Clone, Debug)]
pub struct FaceSpace {
    /// Face space to picture pixels.
    pub to_picture: Affine,
    /// The 68 landmarks in face space.
    pub landmarks: [V2; 68],
}

impl FaceSpace {
    /// From landmarks in picture pixels; the eye centres must differ.
    pub fn new(landmarks: &Landmarks) -> Self {
        let points = landmarks.0.map(V2::from);
        let centre = |range: std::ops::Range<usize>| {
            let n = range.len() as f32;
            points[range].iter().fold(V2::ZERO, |sum, &p| sum + p) * (1.0 / n)
        };
        let (left, right) = (centre(36..42), centre(42..48));
        let along = right - left;
        let to_picture = Affine {
            ex: along,
            ey: along.turned(),
            origin: left.lerp(right, 0.5),
        };
        let from_picture = to_picture.inverse();
        Self {
            to_picture,
            landmarks: points.map(|p| from_picture.apply(p)),
        }
    }
}

/// 0 below `from`, 1 above `to`, smooth (C1) in between.
pub fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_affine_map_and_its_inverse_cancel() {
        let map = Affine {
            ex: V2::new(90.0, 12.0),
            ey: V2::new(-11.0, 85.0),
            origin: V2::new(200.0, 150.0),
        };
        let p = V2::new(0.3, -1.2);
        let back = map.then(&map.inverse()).apply(p);
        assert!((back - p).length() < 1e-5, "{back:?}");
    }

    #[test]
    fn a_rolled_face_is_upright_in_face_space() {
        let mut points = [Point::default(); 68];
        for (i, p) in points.iter_mut().enumerate() {
            // Eyes 100 px apart on a line that falls 3 px in 4.
            let (x, y) = if i < 42 {
                (100.0, 100.0)
            } else {
                (180.0, 160.0)
            };
            *p = Point { x, y };
        }
        points[8] = Point {
            x: 140.0 - 60.0,
            y: 130.0 + 80.0,
        };
        let space = FaceSpace::new(&Landmarks(points));
        assert!((space.landmarks[8] - V2::new(0.0, 1.0)).length() < 1e-5);
        assert!((space.landmarks[40] - V2::new(-0.5, 0.0)).length() < 1e-5);
    }
}
