// SPDX-License-Identifier: MPL-2.0
//! Faces in a picture: the SeetaFace detector of the crate `rustface`, whose model is embedded.

use rustface::ImageData;

use super::{FaceError, Picture, SourceFile, grey::Grey, input};

const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));

/// Longest sides that are tried, in this order, until a face is found. The detector sees faces
/// from 40 pixels on, so a small face in a full-length picture needs more than the first; a face
/// that fills the picture is seen more surely at the third; the last is for tiny faces in photos.
const SIDES: [u32; 4] = [512, 1280, 256, 2560];
/// A picture is enlarged at most this much.
const MAX_ENLARGED: f32 = 2.0;
/// The detector's window; pictures are padded to more than that.
const WINDOW: u32 = 40;
/// Detections below this score are chance.
const MIN_SCORE: f64 = 2.0;
/// A face that scores less than this part of the best one is taken for chance too.
const MIN_RELATIVE_SCORE: f64 = 0.15;

/// A detected face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Left, top, width, height in picture pixels: the forehead to below the chin, where dlib's
    /// frontal detector would put its box.
    pub face_box: [f32; 4],
    /// The detector's confidence; above about 2.
    pub score: f64,
}

/// Finds faces, the largest first.
///
/// # Errors
/// The detector fails; finding nothing is no error.
pub fn detect(picture: &Picture) -> Result<Vec<Face>, FaceError> {
    let longest = picture.width.max(picture.height) as f32;
    for side in SIDES {
        if side as f32 > longest * MAX_ENLARGED {
            continue;
        }
        let faces = detect_at(&Grey::whole(picture, side)).ok_or_else(failed)?;
        if !faces.is_empty() {
            return Ok(faces);
        }
    }
    Ok(Vec::new())
}

/// Finds faces in an image at its own scale, the largest first, in pixels of the picture;
/// `None` if the detector fails.
pub(super) fn detect_at(image: &Grey) -> Option<Vec<Face>> {
    let mut faces = input::guarded(|| detect_in(image)).flatten()?;
    let best = faces.iter().fold(0.0, |b: f64, f| b.max(f.score));
    faces.retain(|f| f.score >= best * MIN_RELATIVE_SCORE);
    faces.sort_by(|a, b| b.face_box[2].total_cmp(&a.face_box[2]));
    Some(faces)
}

fn failed() -> FaceError {
    input::error(
        SourceFile::Picture,
        "the face detector gave up on the `portrait`",
        "Set `landmarks` to a file with 68 points, or give another portrait",
    )
}

/// `None` if the embedded model cannot be read.
fn detect_in(image: &Grey) -> Option<Vec<Face>> {
    let model = rustface::read_model(std::io::Cursor::new(MODEL)).ok()?;
    let mut detector = rustface::create_detector_with_model(model);
    detector.set_score_thresh(MIN_SCORE);
    detector.set_pyramid_scale_factor(0.8);
    detector.set_slide_window_step(4, 4);
    let padded = Padded::new(image);
    // The detector's smallest pyramid level must stay larger than its window, or it reads
    // beyond the level's end: a maximum below the short side keeps it so.
    detector.set_max_face_size(padded.width.min(padded.height) - 2);
    let found = detector.detect(&ImageData::new(&padded.bytes, padded.width, padded.height));
    let faces = found.iter().map(|f| {
        let b = f.bbox();
        let side = b.width() as f32;
        let [x, y] = [b.x(), b.y()].map(|v| v as f32 - padded.margin as f32);
        Face {
            face_box: image.box_to_picture(as_dlib([x, y, side, side])),
            score: f.score(),
        }
    });
    Some(faces.collect())
}

/// SeetaFace's box, as dlib's detector would have put it: measured on 63 varied faces (median
/// landmark difference 1.2 % of the eye distance).
fn as_dlib([left, top, side, _]: [f32; 4]) -> [f32; 4] {
    const SHIFT: [f32; 2] = [-0.016, 0.075];
    const SCALE: f32 = 0.924;
    let shrink = (1.0 - SCALE) / 2.0;
    [
        left + side * (SHIFT[0] + shrink),
        top + side * (SHIFT[1] + shrink),
        side * SCALE,
        side * SCALE,
    ]
}

/// An image within a margin that repeats its border. The detector moves its windows between its
/// stages without keeping them inside the image, so there has to be some image around faces at
/// the border; and it cannot take an image smaller than its window.
struct Padded {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    margin: u32,
}

impl Padded {
    fn new(image: &Grey) -> Self {
        let (w, h) = image.size();
        let margin = (w.max(h) / 8).max(WINDOW);
        let (width, height) = (w + 2 * margin, h + 2 * margin);
        let mut bytes = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let row = y.saturating_sub(margin).min(h - 1) as usize * w as usize;
            let row = &image.bytes()[row..row + w as usize];
            bytes.extend(std::iter::repeat_n(row[0], margin as usize));
            bytes.extend_from_slice(row);
            bytes.extend(std::iter::repeat_n(row[row.len() - 1], margin as usize));
        }
        Self {
            bytes,
            width,
            height,
            margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize, mut seed: u32) -> Picture {
        let mut rgba = vec![255; 4 * width * height];
        for p in rgba.chunks_exact_mut(4) {
            for v in &mut p[..3] {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *v = (seed >> 24) as u8;
            }
        }
        Picture {
            width,
            height,
            rgba,
            has_alpha: false,
        }
    }

    #[test]
    fn tiny_long_and_noisy_pictures_have_no_face_and_do_no_harm() {
        for (w, h) in [(1, 1), (16, 16), (1, 4000), (4000, 3), (39, 41), (300, 200)] {
            for seed in [1, 2] {
                assert_eq!(detect(&noise(w, h, seed)).unwrap(), [], "{w}×{h}");
            }
        }
    }

    #[test]
    fn padding_keeps_every_level_larger_than_the_window() {
        for side in [1, 10, 40, 41, 100, 511] {
            let image = Grey::whole(&noise(side, side, 3), side as u32);
            let padded = Padded::new(&image);
            assert!(padded.width > WINDOW + 2 && padded.height > WINDOW + 2);
            let corner = padded.bytes[0];
            assert_eq!(corner, image.pixel(0, 0));
        }
    }

    #[test]
    fn the_box_is_moved_as_measured() {
        let [x, y, w, h] = as_dlib([100.0, 200.0, 100.0, 100.0]);
        assert!((x - 102.2).abs() < 1e-3 && (y - 211.3).abs() < 1e-3);
        assert!((w - 92.4).abs() < 1e-3 && (h - 92.4).abs() < 1e-3);
    }
}
