// SPDX-License-Identifier: MPL-2.0
//! [`Follower`]: the mouth of a face in moving pictures, measured frame by frame.
//!
//! The detector looks for a face now and then; in between the predictor is carried along by the
//! eyes that it found in the frame before, which costs a fiftieth of a search and is steadier.

use super::{EyeFrame, Landmarks, Point, Predictor, detector, grey, grey::Grey, load::predict_by};

/// From one search for a face to the next while there is none, ns.
const SEARCH_NS: u64 = 500_000_000;
/// From one look whether the face is still there to the next, ns.
const CHECK_NS: u64 = 2_000_000_000;
/// After so many searches without any face none is expected any more.
const MAX_SEARCHES: u32 = 16;
/// Longest sides at which faces are looked for, in turn. The detector sees faces from 40 pixels
/// on: an eighth and a thirtieth of the picture's width.
const SIDES: [u32; 2] = [512, 1280];
/// Looks of the predictor at a frame: shift right and down, and growth, in box widths.
const LOOKS: [[f32; 3]; 3] = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.04], [0.0, 0.0, -0.04]];
/// What share of the way to the newly found eyes the box goes at a frame. The whole way would
/// hand on the predictor's trembling.
const AGILITY: f32 = 0.4;
/// Boxes that share less of their area than this hold different faces.
const SAME_FACE: f32 = 0.3;

/// The brightness of a frame's pixels, 0 (black) to 255 (white); pixels are square.
#[derive(Clone, Copy)]
pub struct Luma<'a> {
    width: usize,
    height: usize,
    stride: usize,
    bytes: &'a [u8],
}

impl<'a> Luma<'a> {
    /// Rows of `width` bytes that begin `stride` apart; `None` if there are none, or `bytes` are
    /// too few.
    pub fn new(width: usize, height: usize, stride: usize, bytes: &'a [u8]) -> Option<Self> {
        let needed = stride
            .checked_mul(height.checked_sub(1)?)?
            .checked_add(width)?;
        (width > 0 && stride >= width && bytes.len() >= needed).then_some(Self {
            width,
            height,
            stride,
            bytes,
        })
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> {
        let (width, stride, bytes) = (self.width, self.stride, self.bytes);
        (0..self.height).map(move |y| &bytes[y * stride..][..width])
    }

    /// Pixels of a row, and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

impl grey::Source for Luma<'_> {
    fn size(&self) -> (usize, usize) {
        Luma::size(self)
    }

    fn brightness(&self, x: usize, y: usize) -> u8 {
        self.bytes[y * self.stride + x]
    }
}

/// What a frame shows of the face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Gap between the inner lips, in IOD.
    pub aperture: f32,
    /// Distance between the eye centres, in pixels.
    pub iod: f32,
}

/// Follows the largest face of a stream of frames.
pub struct Follower {
    predictor: Predictor,
    face: Option<Face>,
    /// When the detector is asked again, ns.
    search_at: u64,
    /// Searches that found nothing since there was a face.
    vain: u32,
    seen_one: bool,
}

/// Where the face is, and how its box lies to its eyes.
struct Face {
    face_box: [f32; 4],
    /// Centre of the box in the frame of the eyes, and its width in IOD.
    centre: Point,
    size: f32,
}

impl Follower {
    /// Has seen nothing yet.
    pub fn new(predictor: Predictor) -> Self {
        Self {
            predictor,
            face: None,
            search_at: 0,
            vain: 0,
            seen_one: false,
        }
    }

    /// The next frame, shown at `time` (ns, not going back); `None` where no face is found.
    pub fn see(&mut self, frame: &Luma, time: u64) -> Option<Seen> {
        if time >= self.search_at {
            self.search(frame, time);
        }
        let face = self.face.as_mut()?;
        let landmarks = predict_by(&self.predictor, frame, face.face_box, &LOOKS);
        if landmarks.flaw().is_some() {
            self.face = None;
            self.search_at = time.saturating_add(SEARCH_NS);
            return None;
        }
        face.follow(&landmarks);
        Some(Seen {
            aperture: landmarks.lip_gap(),
            iod: landmarks.iod(),
        })
    }

    fn search(&mut self, frame: &Luma, time: u64) {
        if !self.seen_one && self.vain >= MAX_SEARCHES {
            return;
        }
        let (width, height) = frame.size();
        // The second is worth its price only while there is no face at the first.
        let side = SIDES[if self.face.is_some() {
            0
        } else {
            self.vain as usize % SIDES.len()
        }];
        let side = side.min(2 * width.max(height) as u32);
        let found = detector::detect_at(&Grey::whole(frame, side)).unwrap_or_default();
        let Some(largest) = found.first().map(|f| f.face_box) else {
            // A face that blinks out of the detector's sight once is followed on.
            self.face = self.face.take().filter(|_| self.vain < 2);
            self.vain += 1;
            self.search_at = time.saturating_add(SEARCH_NS);
            return;
        };
        (self.vain, self.seen_one) = (0, true);
        self.search_at = time.saturating_add(CHECK_NS);
        if let Some(face) = &self.face
            && found
                .iter()
                .any(|f| shared(&f.face_box, &face.face_box) > SAME_FACE)
        {
            return;
        }
        let landmarks = predict_by(&self.predictor, frame, largest, &LOOKS);
        self.face = landmarks
            .flaw()
            .is_none()
            .then(|| Face::new(largest, &landmarks.eye_frame()));
    }
}

impl Face {
    fn new(face_box: [f32; 4], eyes: &EyeFrame) -> Self {
        let [left, top, width, height] = face_box;
        Self {
            face_box,
            centre: eyes.measure(Point {
                x: left + width / 2.0,
                y: top + height / 2.0,
            }),
            size: width / eyes.iod,
        }
    }

    /// Moves the box to where the eyes are now.
    fn follow(&mut self, landmarks: &Landmarks) {
        let eyes = landmarks.eye_frame();
        let centre = eyes.place(self.centre);
        let size = self.size * eyes.iod;
        let there = [centre.x - size / 2.0, centre.y - size / 2.0, size, size];
        for (value, to) in self.face_box.iter_mut().zip(there) {
            *value += AGILITY * (to - *value);
        }
    }
}

/// Area that two boxes share, as part of the area that they cover.
fn shared(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let overlap = |i: usize| (a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i]);
    let both = overlap(0).max(0.0) * overlap(1).max(0.0);
    both / (a[2] * a[3] + b[2] * b[3] - both).max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_must_hold_its_rows() {
        let bytes = [0; 20];
        assert!(Luma::new(4, 4, 5, &bytes).is_some());
        assert!(Luma::new(5, 4, 5, &bytes).is_some());
        assert!(Luma::new(5, 5, 5, &bytes).is_none());
        assert!(Luma::new(0, 4, 5, &bytes).is_none());
        assert!(Luma::new(4, 0, 5, &bytes).is_none());
        assert!(Luma::new(6, 2, 5, &bytes).is_none());
        assert!(Luma::new(4, usize::MAX, usize::MAX, &bytes).is_none());
    }

    #[test]
    fn boxes_share_what_they_cover_together() {
        let a = [0.0, 0.0, 2.0, 2.0];
        assert_eq!(shared(&a, &a), 1.0);
        assert!((shared(&a, &[1.0, 0.0, 2.0, 2.0]) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(shared(&a, &[5.0, 5.0, 1.0, 1.0]), 0.0);
    }
}
