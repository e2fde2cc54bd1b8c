// SPDX-License-Identifier: MPL-2.0
//! A brightness picture of a part of the portrait, at the scale that a detector wants.

use image::{GrayImage, imageops};

use super::{Picture, Point};

/// What grey pictures are made from: so many pixels and rows, and the brightness of each.
pub trait Source {
    /// Pixels and rows; each at least 1.
    fn size(&self) -> (usize, usize);
    /// Brightness of a pixel within the size.
    fn brightness(&self, x: usize, y: usize) -> u8;
}

impl Source for Picture {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Where the picture is transparent, it lies over middle grey: the colour of invisible pixels
    /// is arbitrary.
    fn brightness(&self, x: usize, y: usize) -> u8 {
        let at = 4 * (y * self.width + x);
        brightness(&self.rgba[at..at + 4])
    }
}

/// A part of a picture in grey, scaled.
pub struct Grey {
    image: GrayImage,
    /// Picture pixels per pixel of this image, both ways.
    scale: [f32; 2],
    /// Left and top of the part in the picture.
    origin: [f32; 2],
}

impl Grey {
    /// The part `left`, `top`, `width`, `height` of the picture (cut to it; at least one pixel
    /// remains), with a longest side of `side` pixels.
    pub fn part(picture: &impl Source, [left, top, width, height]: [f32; 4], side: u32) -> Self {
        let size = picture.size();
        let clip = |low: f32, length: f32, size: usize| {
            let first = low.floor().clamp(0.0, size as f32 - 1.0) as usize;
            let last = (low + length).ceil().clamp(first as f32 + 1.0, size as f32) as usize;
            (first, last - first)
        };
        let (x0, w) = clip(left, width, size.0);
        let (y0, h) = clip(top, height, size.1);
        let full = GrayImage::from_fn(w as u32, h as u32, |x, y| {
            image::Luma([picture.brightness(x0 + x as usize, y0 + y as usize)])
        });
        let ratio = f64::from(side) / w.max(h) as f64;
        let scaled = |length: usize| ((length as f64 * ratio).round() as u32).max(1);
        let (to_w, to_h) = (scaled(w), scaled(h));
        let image = if ratio < 1.0 {
            imageops::thumbnail(&full, to_w, to_h)
        } else if (to_w, to_h) != full.dimensions() {
            imageops::resize(&full, to_w, to_h, imageops::FilterType::Triangle)
        } else {
            full
        };
        Self {
            scale: [
                w as f32 / image.width() as f32,
                h as f32 / image.height() as f32,
            ],
            origin: [x0 as f32, y0 as f32],
            image,
        }
    }

    /// The whole picture.
    pub fn whole(picture: &impl Source, side: u32) -> Self {
        let (width, height) = picture.size();
        Self::part(picture, [0.0, 0.0, width as f32, height as f32], side)
    }

    /// Pixels and rows.
    pub fn size(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// Row by row, without padding.
    pub fn bytes(&self) -> &[u8] {
        self.image.as_raw()
    }

    /// A pixel's value; outside the image it is 0, as dlib has it.
    #[inline]
    pub fn pixel(&self, x: i32, y: i32) -> u8 {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return 0;
        };
        self.image.get_pixel_checked(x, y).map_or(0, |p| p.0[0])
    }

    /// A place in this image, in the picture.
    pub fn to_picture(&self, p: Point) -> Point {
        Point {
            x: (p.x + 0.5) * self.scale[0] - 0.5 + self.origin[0],
            y: (p.y + 0.5) * self.scale[1] - 0.5 + self.origin[1],
        }
    }

    /// A box (left, top, width, height) in the picture, in this image.
    pub fn box_from_picture(&self, b: [f32; 4]) -> [f32; 4] {
        [
            (b[0] - self.origin[0]) / self.scale[0],
            (b[1] - self.origin[1]) / self.scale[1],
            b[2] / self.scale[0],
            b[3] / self.scale[1],
        ]
    }

    /// A box in this image, in the picture.
    pub fn box_to_picture(&self, b: [f32; 4]) -> [f32; 4] {
        [
            b[0] * self.scale[0] + self.origin[0],
            b[1] * self.scale[1] + self.origin[1],
            b[2] * self.scale[0],
            b[3] * self.scale[1],
        ]
    }
}

/// BT.601 luma over middle grey.
fn brightness(p: &[u8]) -> u8 {
    let [r, g, b, a] = [p[0], p[1], p[2], p[3]].map(u32::from);
    let luma = (299 * r + 587 * g + 114 * b + 500) / 1000;
    ((luma * a + 128 * (255 - a) + 127) / 255) as u8
}
