// SPDX-License-Identifier: MPL-2.0
//! What the landmarks say by their places alone: eye distance, roll, yaw, and whether they can
//! be a face at all.

use super::{Landmarks, Point};

/// Smallest eye distance that can be worked with, in pixels.
pub const MIN_IOD: f32 = 4.0;

/// What is wrong with a set of landmarks: a short statement that follows "the landmarks".
pub(super) type Flaw = &'static str;

impl Point {
    fn minus(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
        }
    }

    fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    fn length(self) -> f32 {
        self.x.hypot(self.y)
    }
}

/// Eye line and eye distance: the frame in which a face is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EyeFrame {
    /// Half-way between the eye centres, in picture pixels.
    pub centre: Point,
    /// From the viewer's left eye to the viewer's right eye, length 1.
    pub along: Point,
    /// From the eyes to the mouth, at right angles to `along`, length 1.
    pub down: Point,
    /// Distance between the eye centres in pixels.
    pub iod: f32,
}

impl EyeFrame {
    /// A place in the picture, in IOD: right along the eye line, and down from it.
    pub fn measure(&self, p: Point) -> Point {
        let d = p.minus(self.centre);
        Point {
            x: d.dot(self.along) / self.iod,
            y: d.dot(self.down) / self.iod,
        }
    }

    /// The other way round.
    pub fn place(&self, p: Point) -> Point {
        let (x, y) = (p.x * self.iod, p.y * self.iod);
        Point {
            x: self.centre.x + x * self.along.x + y * self.down.x,
            y: self.centre.y + x * self.along.y + y * self.down.y,
        }
    }
}

impl Landmarks {
    /// Mean of some landmarks.
    fn centre_of(&self, range: std::ops::Range<usize>) -> Point {
        let count = range.len() as f32;
        let sum = self.0[range].iter().fold(Point::default(), |s, p| Point {
            x: s.x + p.x,
            y: s.y + p.y,
        });
        Point {
            x: sum.x / count,
            y: sum.y / count,
        }
    }

    /// Centres of the eyes (means of their six points): the viewer's left one, then the right.
    pub fn eye_centres(&self) -> [Point; 2] {
        [self.centre_of(36..42), self.centre_of(42..48)]
    }

    /// Distance between the eye centres, in pixels.
    pub fn iod(&self) -> f32 {
        let [left, right] = self.eye_centres();
        right.minus(left).length()
    }

    /// Angle of the eye line in degrees, positive clockwise as seen.
    pub fn roll(&self) -> f32 {
        let [left, right] = self.eye_centres();
        let d = right.minus(left);
        d.y.atan2(d.x).to_degrees()
    }

    /// The frame in which this face is measured. Its unit is at least a thousandth of a pixel.
    pub fn eye_frame(&self) -> EyeFrame {
        let [left, right] = self.eye_centres();
        let d = right.minus(left);
        let iod = d.length().max(1e-3);
        let along = Point {
            x: d.x / iod,
            y: d.y / iod,
        };
        EyeFrame {
            centre: Point {
                x: (left.x + right.x) / 2.0,
                y: (left.y + right.y) / 2.0,
            },
            along,
            down: Point {
                x: -along.y,
                y: along.x,
            },
            iod,
        }
    }

    /// Left, top, width, height of the box around all points, in pixels.
    pub fn bounds(&self) -> [f32; 4] {
        let (mut low, mut high) = (self.0[0], self.0[0]);
        for p in &self.0 {
            (low.x, low.y) = (low.x.min(p.x), low.y.min(p.y));
            (high.x, high.y) = (high.x.max(p.x), high.y.max(p.y));
        }
        [low.x, low.y, high.x - low.x, high.y - low.y]
    }

    /// Gap between the inner lips at the middle, in IOD; negative where they cross.
    pub fn lip_gap(&self) -> f32 {
        let frame = self.eye_frame();
        frame.measure(self.0[66]).y - frame.measure(self.0[62]).y
    }

    /// Estimated head yaw in degrees, positive towards the viewer's right.
    ///
    /// Two scaled-orthographic estimates of a mean adult head are averaged. Under
    /// such a projection a point at depth z is shifted against one at depth 0 by z·sin(yaw),
    /// while the eye distance shrinks with cos(yaw), so a shift in IOD is z·tan(yaw).
    pub fn yaw(&self) -> f32 {
        let frame = self.eye_frame();
        let x = |i: usize| frame.measure(self.0[i]).x;
        // Tip of the nose against the outer eye corners and the mouth corners, which lie about
        // equally deep: half an IOD behind it.
        let corners = (x(36) + x(45) + x(48) + x(54)) / 4.0;
        let by_nose = (x(30) - corners) / NOSE_DEPTH;
        // Tip of the nose against the jaw's upper ends before the ears, a good IOD and a half
        // behind it. The far end is hidden on a turned head and slides forward.
        let ears = (x(0) + x(16)) / 2.0;
        let by_ears = (x(30) - ears) / EAR_DEPTH;
        ((by_nose + by_ears) / 2.0).atan().to_degrees()
    }

    /// What makes these landmarks no face that could be animated, if anything does.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        if !self.0.iter().all(|p| p.x.is_finite() && p.y.is_finite()) {
            return Some("have coordinates that are not numbers");
        }
        if self.iod() < MIN_IOD {
            return Some("have both eyes (points 36–41 and 42–47) in one place");
        }
        let frame = self.eye_frame();
        let [mouth, chin, nose] = [self.centre_of(48..60), self.0[8], self.0[30]];
        let [mouth, chin, nose] = [mouth, chin, nose].map(|p| frame.measure(p).y);
        if mouth < 0.0 && chin < 0.0 {
            return Some(
                "are flipped (seen from the picture's viewer, the eye on the left is 36–41, \
                 and y points down)",
            );
        }
        if mouth < 0.3 || nose >= mouth || chin <= mouth {
            return Some("do not have eyes, nose, mouth (48–67) and chin (8) below each other");
        }
        let width = |a: usize, b: usize| frame.measure(self.0[b]).x - frame.measure(self.0[a]).x;
        let height = |a: usize, b: usize| frame.measure(self.0[b]).y - frame.measure(self.0[a]).y;
        if width(48, 54) < 0.15 || width(60, 64) < 0.1 || height(51, 57) < 0.04 {
            return Some("have a collapsed mouth (points 48–67)");
        }
        if width(36, 39) < 0.08 || width(42, 45) < 0.08 {
            return Some("have a collapsed eye (points 36–47)");
        }
        if self.lip_gap() < -0.15 {
            return Some("have the inner lips crossed (points 60–67)");
        }
        if width(0, 16) < 0.8 {
            return Some("have a collapsed jaw line (points 0–16)");
        }
        None
    }
}

/// How far the tip of the nose lies before the corners of eyes and mouth, in IOD.
const NOSE_DEPTH: f32 = 0.5;
/// How far it lies before the upper ends of the jaw line, in IOD.
const EAR_DEPTH: f32 = 1.5;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A schematic face in the units of IOD, for all tests of this module's neighbours: the eye
    /// line is y = 0, its middle x = 0; a third coordinate is depth towards the viewer.
    pub fn head() -> [[f32; 3]; 68] {
        let mut p = [[0.0; 3]; 68];
        for (i, q) in p[..17].iter_mut().enumerate() {
            let a = std::f32::consts::PI * i as f32 / 16.0;
            *q = [-1.15 * a.cos(), 0.1 + 1.75 * a.sin(), -1.05 + 1.0 * a.sin()];
        }
        for i in 0..5 {
            let x = 0.25 + 0.16 * i as f32;
            p[22 + i] = [x, -0.35, 0.05];
            p[21 - i] = [-x, -0.35, 0.05];
        }
        for i in 0..4 {
            p[27 + i] = [0.0, 0.2 * i as f32, 0.1 + 0.12 * i as f32];
        }
        for i in 0..5 {
            p[31 + i] = [0.13 * (i as f32 - 2.0), 0.75, 0.2];
        }
        let eye = [
            [-0.22, 0.0],
            [-0.08, -0.08],
            [0.08, -0.08],
            [0.22, 0.0],
            [0.08, 0.08],
            [-0.08, 0.08],
        ];
        for (i, [x, y]) in eye.into_iter().enumerate() {
            p[36 + i] = [x - 0.5, y, -0.05];
            p[42 + i] = [x + 0.5, y, -0.05];
        }
        for i in 0..7 {
            let x = i as f32 / 3.0 - 1.0;
            p[48 + i] = [0.4 * x, 1.1 - 0.12 * (1.0 - x * x), 0.05];
        }
        for i in 0..5 {
            let x = 0.66 - i as f32 / 3.0;
            p[55 + i] = [0.4 * x, 1.1 + 0.15 * (1.0 - x * x), 0.05];
        }
        for i in 0..5 {
            let x = i as f32 / 2.0 - 1.0;
            p[60 + i] = [0.34 * x, 1.1 - 0.02 * (1.0 - x * x), 0.05];
        }
        for i in 0..3 {
            let x = 0.5 - i as f32 / 2.0;
            p[65 + i] = [0.34 * x, 1.1 + 0.02 * (1.0 - x * x), 0.05];
        }
        p
    }

    /// The schematic face seen turned by `yaw` and rolled by `roll` degrees, with an IOD of
    /// `iod` pixels when seen from the front, around `centre`.
    pub fn seen(yaw: f32, roll: f32, iod: f32, centre: Point) -> Landmarks {
        let (sin, cos) = yaw.to_radians().sin_cos();
        let (rs, rc) = roll.to_radians().sin_cos();
        Landmarks(head().map(|[x, y, z]| {
            let x = x * cos + z * sin;
            Point {
                x: centre.x + iod * (x * rc - y * rs),
                y: centre.y + iod * (x * rs + y * rc),
            }
        }))
    }

    const C: Point = Point { x: 320.0, y: 240.0 };

    #[test]
    fn iod_and_roll_are_those_of_the_eyes() {
        for roll in [-120.0, -30.0, 0.0, 12.0, 90.0] {
            let face = seen(0.0, roll, 80.0, C);
            assert!((face.iod() - 80.0).abs() < 1e-3);
            assert!((face.roll() - roll).abs() < 1e-3);
            assert_eq!(face.flaw(), None, "roll {roll}");
        }
    }

    #[test]
    fn yaw_has_the_right_sign_and_grows() {
        assert!(seen(0.0, 0.0, 80.0, C).yaw().abs() < 0.5);
        let mut last = 0.0;
        for turn in [5.0, 15.0, 25.0, 35.0, 45.0, 55.0] {
            let right = seen(turn, 10.0, 80.0, C).yaw();
            let left = seen(-turn, 10.0, 80.0, C).yaw();
            assert!((right + left).abs() < 0.5, "{right} {left}");
            assert!(
                right > last && (right - turn).abs() < 8.0,
                "{turn}: {right}"
            );
            last = right;
        }
    }

    #[test]
    fn the_eye_frame_measures_and_places() {
        let frame = seen(0.0, 25.0, 50.0, C).eye_frame();
        let p = Point { x: 12.0, y: -7.0 };
        let q = frame.place(frame.measure(p));
        assert!((q.x - p.x).abs() < 1e-3 && (q.y - p.y).abs() < 1e-3);
    }

    #[test]
    fn flaws_are_told_apart() {
        let good = seen(0.0, 5.0, 80.0, C);
        let broken = |f: &dyn Fn(&mut [Point; 68])| {
            let mut l = good;
            f(&mut l.0);
            l.flaw().unwrap()
        };
        assert!(broken(&|p| p[3].x = f32::NAN).contains("not numbers"));
        assert!(
            broken(&|p| for i in 0..6 {
                p[42 + i] = p[36 + i]
            })
            .contains("both eyes")
        );
        assert!(broken(&|p| p.iter_mut().for_each(|q| q.x = 640.0 - q.x)).contains("flipped"));
        assert!(broken(&|p| p.iter_mut().for_each(|q| q.y = 480.0 - q.y)).contains("flipped"));
        assert!(
            broken(&|p| {
                let q = p[51];
                p[48..].fill(q)
            })
            .contains("mouth")
        );
        assert!(
            broken(&|p| {
                let q = p[36];
                p[36..42].fill(q)
            })
            .contains("eye")
        );
        assert!(
            broken(&|p| {
                let q = p[8];
                p[..17].fill(q)
            })
            .contains("jaw")
        );
        assert!(broken(&|p| p.swap(8, 27)).contains("below each other"));
    }
}
