// SPDX-License-Identifier: MPL-2.0
//! [`Staging`]: how a portrait is fitted into a frame, and what lies behind it.

use super::space::{Affine, V2};
use crate::{
    face::{Picture, Portrait},
    frame::{FrameSpec, PixelFormat},
};
use image::{RgbaImage, imageops};
use std::sync::Arc;

/// How the picture is fitted into the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The whole picture, with bars where the shapes differ.
    Whole,
    /// Cropped to the head, with a margin.
    Head,
    /// The whole frame filled; cut where the shapes differ, the head kept.
    Cover,
}

/// What lies behind a portrait that has alpha.
#[derive(Clone, Debug)]
pub enum Background {
    /// The picture's own colour values: alpha is kept by formats that have it, ignored by others.
    AsIs,
    /// One sRGB colour: R, G, B. The frame is opaque.
    Colour([u8; 3]),
    /// A picture that covers the frame. The frame is opaque.
    Image(Arc<Picture>),
    /// Nothing: the frame's alpha is the portrait's; black in formats without alpha.
    Transparent,
}

/// How a portrait becomes a frame.
#[derive(Clone, Debug)]
pub struct Staging {
    /// How the picture is fitted.
    pub framing: Framing,
    /// With [`Framing::Head`]: margin on each side of the head, as a fraction of the head's
    /// height, 0–1.
    pub expand_ratio: f32,
    /// What lies behind.
    pub background: Background,
}

impl Default for Staging {
    fn default() -> Self {
        Self {
            framing: Framing::Whole,
            expand_ratio: 0.15,
            background: Background::AsIs,
        }
    }
}

/// The picture laid out in the frame's size.
pub(super) struct Stage {
    /// R, G, B and straight alpha; `4 * width * height` of the frame.
    pub rgba: Vec<u8>,
    /// Picture pixels to frame samples.
    pub placement: Affine,
    /// The part of the frame that shows the picture: left, top, right, bottom (exclusive).
    pub picture: [usize; 4],
}

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Staging {
    /// The frame size that shows the portrait undistorted in square pixels, its short side
    /// `short_side` pixels: both sides even, and neither above `limit`.
    pub fn natural_size(
        &self,
        portrait: &Portrait,
        short_side: usize,
        limit: usize,
    ) -> (usize, usize) {
        let (w, h) = (
            portrait.picture.width as f64,
            portrait.picture.height as f64,
        );
        let scale = (short_side as f64 / w.min(h)).min(limit as f64 / w.max(h));
        let even = |v: f64| (((v * scale / 2.0).round() as usize) * 2).clamp(2, limit);
        (even(w), even(h))
    }

    /// Lays the portrait out.
    pub(super) fn stage(&self, portrait: &Portrait, spec: &FrameSpec) -> Stage {
        let picture = &portrait.picture;
        // The frame's shape in square pixels.
        let (n, d) = (
            f64::from(spec.pixel_aspect.0.max(1)),
            f64::from(spec.pixel_aspect.1.max(1)),
        );
        let aspect = spec.width as f64 * n / d / spec.height as f64;
        let crop = match self.framing {
            Framing::Whole => Rect {
                x: 0,
                y: 0,
                width: picture.width,
                height: picture.height,
            },
            Framing::Head => head_crop(portrait, aspect, f64::from(self.expand_ratio)),
            Framing::Cover => cover_crop(portrait, aspect),
        };
        let dest = match self.framing {
            Framing::Whole => fit(crop, aspect, spec),
            // The crop has the frame's shape up to its rounding to whole pixels, which may
            // stretch it a little but must not leave a bar.
            Framing::Head | Framing::Cover => frame_rect(spec),
        };
        let scaled = scale(picture, crop, dest.width, dest.height);
        let mut rgba = vec![0; spec.width * spec.height * 4];
        self.fill_background(&mut rgba, spec);
        for (row, line) in scaled.chunks_exact(dest.width * 4).enumerate() {
            let start = ((dest.y + row) * spec.width + dest.x) * 4;
            let out = &mut rgba[start..start + dest.width * 4];
            self.lay_over(line, out, spec.format);
        }
        let (sx, sy) = (
            dest.width as f32 / crop.width as f32,
            dest.height as f32 / crop.height as f32,
        );
        // Sample centres lie at whole numbers on both sides.
        let origin = |to: usize, from: usize, s: f32| to as f32 + (0.5 - from as f32) * s - 0.5;
        Stage {
            rgba,
            placement: Affine {
                ex: V2::new(sx, 0.0),
                ey: V2::new(0.0, sy),
                origin: V2::new(origin(dest.x, crop.x, sx), origin(dest.y, crop.y, sy)),
            },
            picture: [dest.x, dest.y, dest.x + dest.width, dest.y + dest.height],
        }
    }

    fn fill_background(&self, rgba: &mut [u8], spec: &FrameSpec) {
        match &self.background {
            Background::Transparent => {}
            Background::AsIs => rgba.chunks_exact_mut(4).for_each(|p| p[3] = 255),
            Background::Colour([r, g, b]) => {
                rgba.chunks_exact_mut(4)
                    .for_each(|p| p.copy_from_slice(&[*r, *g, *b, 255]));
            }
            Background::Image(image) => {
                let aspect = spec.width as f64 * f64::from(spec.pixel_aspect.0.max(1))
                    / f64::from(spec.pixel_aspect.1.max(1))
                    / spec.height as f64;
                let centre = (image.width as f64 / 2.0, image.height as f64 / 2.0);
                let crop = largest(image.width, image.height, aspect, centre);
                rgba.copy_from_slice(&scale(image, crop, spec.width, spec.height));
                rgba.chunks_exact_mut(4).for_each(|p| p[3] = 255);
            }
        }
    }

    fn lay_over(&self, line: &[u8], out: &mut [u8], format: PixelFormat) {
        match self.background {
            Background::AsIs => out.copy_from_slice(line),
            Background::Transparent if format.has_alpha() => out.copy_from_slice(line),
            _ => {
                for (o, p) in out.chunks_exact_mut(4).zip(line.chunks_exact(4)) {
                    let a = u32::from(p[3]);
                    for c in 0..3 {
                        let v = u32::from(p[c]) * a + u32::from(o[c]) * (255 - a);
                        o[c] = ((v + 127) / 255) as u8;
                    }
                }
            }
        }
    }
}

fn frame_rect(spec: &FrameSpec) -> Rect {
    Rect {
        x: 0,
        y: 0,
        width: spec.width,
        height: spec.height,
    }
}

/// Where a crop of the picture lies in the frame: as large as fits, in the middle, on even
/// samples so that chroma samples are not shared with a bar.
fn fit(crop: Rect, aspect: f64, spec: &FrameSpec) -> Rect {
    let (w, h) = (spec.width as f64, spec.height as f64);
    let own = crop.width as f64 / crop.height as f64;
    // A difference of one sample is rounding, not another shape.
    if (own / aspect - 1.0).abs() < 1.5 / w.min(h) {
        return frame_rect(spec);
    }
    let even = |v: f64, limit: usize| (((v / 2.0).round() as usize) * 2).clamp(2.min(limit), limit);
    let (width, height) = if own > aspect {
        (spec.width, even(h * aspect / own, spec.height))
    } else {
        (even(w * own / aspect, spec.width), spec.height)
    };
    let place = |outer: usize, inner: usize| (outer - inner) / 2 / 2 * 2;
    Rect {
        x: place(spec.width, width),
        y: place(spec.height, height),
        width,
        height,
    }
}

/// The largest rectangle of that shape within a picture, as near to `centre` as it can be.
fn largest(width: usize, height: usize, aspect: f64, centre: (f64, f64)) -> Rect {
    let (w, h) = (width as f64, height as f64);
    let (cw, ch) = if w / h > aspect {
        (h * aspect, h)
    } else {
        (w, w / aspect)
    };
    place_crop(width, height, cw, ch, centre)
}

/// A rectangle of about that size wholly within the picture, as near to `centre` as it can be.
fn place_crop(width: usize, height: usize, cw: f64, ch: f64, centre: (f64, f64)) -> Rect {
    let side = |v: f64, limit: usize| (v.round() as usize).clamp(1, limit);
    let (cw, ch) = (side(cw, width), side(ch, height));
    let start = |c: f64, inner: usize, outer: usize| {
        ((c - inner as f64 / 2.0).round().max(0.0) as usize).min(outer - inner)
    };
    Rect {
        x: start(centre.0, cw, width),
        y: start(centre.1, ch, height),
        width: cw,
        height: ch,
    }
}

/// Below the chin of a head that fills the frame, of the head's height: how far it drops when the
/// mouth opens wide.
const CHIN_ROOM: f64 = 0.1;

/// The head's box in picture pixels from the landmarks: left, top, right, bottom. The crown lies
/// about as far above the brows as the nose tip below them.
fn head_box(portrait: &Portrait) -> [f64; 4] {
    let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for p in &portrait.landmarks.0 {
        bounds[0] = bounds[0].min(f64::from(p.x));
        bounds[1] = bounds[1].min(f64::from(p.y));
        bounds[2] = bounds[2].max(f64::from(p.x));
        bounds[3] = bounds[3].max(f64::from(p.y));
    }
    let face = bounds[3] - bounds[1];
    bounds[1] -= 0.55 * face;
    bounds
}

fn head_crop(portrait: &Portrait, aspect: f64, expand: f64) -> Rect {
    let [left, top, right, bottom] = head_box(portrait);
    let margin = expand * (bottom - top);
    let (w, h) = (right - left + 2.0 * margin, bottom - top + 2.0 * margin);
    let (cw, ch) = if w / h > aspect {
        (w, w / aspect)
    } else {
        (h * aspect, h)
    };
    let (pw, ph) = (
        portrait.picture.width as f64,
        portrait.picture.height as f64,
    );
    let shrink = (pw / cw).min(ph / ch).min(1.0);
    let centre = ((left + right) / 2.0, (top + bottom) / 2.0);
    place_crop(
        portrait.picture.width,
        portrait.picture.height,
        cw * shrink,
        ch * shrink,
        centre,
    )
}

/// The largest crop, around the head; where that is taller, its crown goes before its chin, which
/// needs room to open.
fn cover_crop(portrait: &Portrait, aspect: f64) -> Rect {
    let [left, top, right, bottom] = head_box(portrait);
    let (width, height) = (portrait.picture.width, portrait.picture.height);
    let tall = largest(width, height, aspect, (0.0, 0.0)).height as f64;
    let lowest = bottom + CHIN_ROOM * (bottom - top);
    let centre = ((top + bottom) / 2.0).max(lowest - tall / 2.0);
    largest(width, height, aspect, ((left + right) / 2.0, centre))
}

/// Cuts and scales with alpha weighing the colours, so that the invisible does not bleed.
fn scale(picture: &Picture, crop: Rect, width: usize, height: usize) -> Vec<u8> {
    let mut cut = Vec::with_capacity(crop.width * crop.height * 4);
    for row in crop.y..crop.y + crop.height {
        let start = (row * picture.width + crop.x) * 4;
        cut.extend_from_slice(&picture.rgba[start..start + crop.width * 4]);
    }
    if (crop.width, crop.height) == (width, height) {
        return cut;
    }
    if picture.has_alpha {
        bleed(&mut cut, crop.width, crop.height);
    }
    let image = RgbaImage::from_raw(crop.width as u32, crop.height as u32, cut)
        .expect("the vector holds the crop");
    imageops::resize(
        &image,
        width as u32,
        height as u32,
        imageops::FilterType::CatmullRom,
    )
    .into_raw()
}

/// Gives invisible pixels the colour of their visible neighbours (a few passes outwards), so
/// that filters across the edge do not mix in what was never meant to be seen.
fn bleed(rgba: &mut [u8], width: usize, height: usize) {
    let mut known: Vec<bool> = rgba.chunks_exact(4).map(|p| p[3] > 0).collect();
    for _ in 0..8 {
        let before = known.clone();
        for i in (0..known.len()).filter(|&i| !before[i]) {
            let (x, y) = (i % width, i / width);
            let mut sum = [0u32; 4];
            let neighbours = [
                (x > 0).then(|| i - 1),
                (x + 1 < width).then_some(i + 1),
                (y > 0).then(|| i - width),
                (y + 1 < height).then_some(i + width),
            ];
            for n in neighbours.into_iter().flatten().filter(|&n| before[n]) {
                for c in 0..3 {
                    sum[c] += u32::from(rgba[n * 4 + c]);
                }
                sum[3] += 1;
            }
            if let Some(count) = std::num::NonZeroU32::new(sum[3]) {
                for c in 0..3 {
                    rgba[i * 4 + c] = (sum[c] / count) as u8;
                }
                known[i] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{ChromaSite, Colour, Matrix},
        rig::tests::portrait,
    };
    use proptest::prelude::*;

    fn staged(picture: (usize, usize), framing: Framing, spec: &FrameSpec) -> Stage {
        let mut portrait = portrait(0.0, picture.0, picture.1);
        portrait.picture.rgba.fill(255);
        portrait.picture.has_alpha = false;
        let staging = Staging {
            framing,
            ..Staging::default()
        };
        staging.stage(&portrait, spec)
    }

    fn spec(width: usize, height: usize, pixel_aspect: (u32, u32)) -> FrameSpec {
        FrameSpec {
            width,
            height,
            format: PixelFormat::Rgbx,
            colour: Colour {
                matrix: Matrix::Bt709,
                full_range: true,
            },
            chroma_site: ChromaSite::Centre,
            pixel_aspect,
        }
    }

    #[test]
    fn a_small_picture_covers_a_large_frame() {
        let stage = staged((200, 200), Framing::Cover, &spec(1280, 720, (1, 1)));
        assert!(stage.rgba.iter().all(|v| *v == 255), "a bar is left");
        // 0.5 of 112.5 rows is the most that rounding may stretch.
        let stretch = stage.placement.ey.y / stage.placement.ex.x;
        assert!((stretch - 1.0).abs() < 0.005, "{stretch}");
    }

    #[test]
    fn a_head_that_is_taller_than_the_frame_keeps_its_chin() {
        let portrait = portrait(0.0, 400, 500);
        let staging = Staging {
            framing: Framing::Cover,
            ..Staging::default()
        };
        let stage = staging.stage(&portrait, &spec(960, 540, (1, 1)));
        let down =
            |i: usize| stage.placement.origin.y + portrait.landmarks.0[i].y * stage.placement.ey.y;
        let [_, top, _, bottom] = head_box(&portrait);
        assert!(
            bottom - top > 225.0,
            "the head is not taller than the frame"
        );
        assert!(
            (400.0..520.0).contains(&down(8)),
            "the chin is at {}",
            down(8)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bar_is_left_unless_all_of_the_picture_is_wanted(
            picture in (40usize..400, 40usize..400), frame in (16usize..400, 16usize..400),
            pixel_aspect in prop::sample::select(vec![(1u32, 1u32), (16, 11), (12, 11), (1, 2)]),
            head in any::<bool>(),
        ) {
            let framing = if head { Framing::Head } else { Framing::Cover };
            let spec = spec(frame.0, frame.1, pixel_aspect);
            let stage = staged(picture, framing, &spec);
            prop_assert!(stage.rgba.iter().all(|v| *v == 255));
            prop_assert_eq!(stage.picture, [0, 0, frame.0, frame.1]);
        }
    }
}
