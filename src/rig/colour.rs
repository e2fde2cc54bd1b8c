// SPDX-License-Identifier: MPL-2.0
//! From sRGB pictures to the samples of a frame.

use crate::frame::{ChromaSite, Colour, FrameBuf, FrameSpec, PixelFormat};

/// The affine map from full-range R'G'B' (0–255) to the samples of a colour space.
#[derive(Clone, Copy, Debug)]
pub struct ColourMap {
    format: PixelFormat,
    /// Rows Y, Cb, Cr (or R, G, B): factors of R, G, B and an offset.
    rows: [[f32; 4]; 3],
}

impl ColourMap {
    /// The map into frames of that format and colour space (ITU-R BT.601 §2.5, BT.709 §3).
    pub fn new(format: PixelFormat, colour: Colour) -> Self {
        let (luma_scale, luma_offset, chroma_scale) = if colour.full_range {
            (1.0, 0.0, 1.0)
        } else {
            (219.0 / 255.0, 16.0, 224.0 / 255.0)
        };
        let rows = if format.is_yuv() {
            let (kr, kb) = colour.matrix.coefficients();
            let luma = [kr, 1.0 - kr - kb, kb];
            let row = |unit: [f64; 3], scale: f64, offset: f64| {
                let f = |i: usize| (unit[i] * scale) as f32;
                [f(0), f(1), f(2), offset as f32]
            };
            let difference = |own: usize, k: f64| {
                let mut unit = luma.map(|l| -l);
                unit[own] += 1.0;
                unit.map(|u| u / (2.0 * (1.0 - k)))
            };
            [
                row(luma, luma_scale, luma_offset),
                row(difference(2, kb), chroma_scale, 128.0),
                row(difference(0, kr), chroma_scale, 128.0),
            ]
        } else {
            let (s, o) = (luma_scale as f32, luma_offset as f32);
            [[s, 0.0, 0.0, o], [0.0, s, 0.0, o], [0.0, 0.0, s, o]]
        };
        Self { format, rows }
    }

    /// The three components (Y, Cb, Cr or R, G, B) of an sRGB colour.
    pub fn components(&self, rgb: [f32; 3]) -> [f32; 3] {
        self.rows
            .map(|[r, g, b, o]| r * rgb[0] + g * rgb[1] + b * rgb[2] + o)
    }

    /// What one sample position of plane `plane` holds for that colour, opaque: as many values
    /// as the plane has channels.
    pub fn sample(&self, plane: usize, rgb: [f32; 3]) -> [f32; 4] {
        let [a, b, c] = self.components(rgb);
        match (self.format, plane) {
            (PixelFormat::I420, 1) => [b, 0.0, 0.0, 0.0],
            (PixelFormat::I420, 2) => [c, 0.0, 0.0, 0.0],
            (PixelFormat::Nv12, 1) => [b, c, 0.0, 0.0],
            (PixelFormat::I420 | PixelFormat::Nv12, _) => [a, 0.0, 0.0, 0.0],
            (PixelFormat::Bgrx | PixelFormat::Bgra, _) => [c, b, a, 255.0],
            (PixelFormat::Rgbx | PixelFormat::Rgba, _) => [a, b, c, 255.0],
        }
    }
}

/// Converts a picture of the frame's size (R, G, B, A bytes, straight alpha, sRGB) into the
/// frame's format. Alpha is kept where the format has it and dropped elsewhere.
pub fn convert(rgba: &[u8], spec: &FrameSpec) -> FrameBuf {
    let map = ColourMap::new(spec.format, spec.colour);
    let mut frame = FrameBuf::new(*spec);
    let rgb = |p: &[u8]| [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])];
    let channels = spec.format.plane(0).channels;
    for (pixel, out) in rgba
        .chunks_exact(4)
        .zip(frame.planes[0].chunks_exact_mut(channels))
    {
        let values = map.sample(0, rgb(pixel));
        for (o, v) in out.iter_mut().zip(values) {
            *o = byte(v);
        }
        if spec.format.has_alpha() {
            out[3] = pixel[3];
        }
    }
    for plane in 1..spec.format.planes() {
        subsample(rgba, spec, &map, plane, &mut frame.planes[plane]);
    }
    frame
}

/// The nearest byte. (Processors have no instruction for `round` and `as u8` themselves.)
fn byte(v: f32) -> u8 {
    ((v + 0.5) as i32).clamp(0, 255) as u8
}

/// One chroma plane: each sample is the weighted mean of the luma samples around its site.
fn subsample(rgba: &[u8], spec: &FrameSpec, map: &ColourMap, plane: usize, out: &mut [u8]) {
    let channels = spec.format.plane(plane).channels;
    let (cols, _) = spec.format.plane(plane).size(spec.width, spec.height);
    // Horizontal taps against luma sample 2x: co-sited [1 2 1]/4, centred [1 1]/2.
    let taps: &[(isize, f32)] = match spec.chroma_site {
        ChromaSite::Left => &[(-1, 0.25), (0, 0.5), (1, 0.25)],
        ChromaSite::Centre => &[(0, 0.5), (1, 0.5)],
    };
    for (i, sample) in out.chunks_exact_mut(channels).enumerate() {
        let (x, y) = ((i % cols) * 2, (i / cols) * 2);
        let mut rgb = [0.0f32; 3];
        for row in [y, (y + 1).min(spec.height - 1)] {
            for &(dx, weight) in taps {
                let col = x.saturating_add_signed(dx).min(spec.width - 1);
                let p = &rgba[(row * spec.width + col) * 4..];
                for (sum, &v) in rgb.iter_mut().zip(p) {
                    *sum += f32::from(v) * weight * 0.5;
                }
            }
        }
        for (o, v) in sample.iter_mut().zip(map.sample(plane, rgb)) {
            *o = byte(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Matrix;

    fn components(matrix: Matrix, full_range: bool, rgb: [f32; 3]) -> [f32; 3] {
        ColourMap::new(PixelFormat::I420, Colour { matrix, full_range }).components(rgb)
    }

    #[test]
    fn primaries_match_the_recommendations() {
        // BT.601 studio swing: 100 % bars of EBU Tech 3280: red (81, 90, 240).
        let red = components(Matrix::Bt601, false, [255.0, 0.0, 0.0]).map(f32::round);
        assert_eq!(red, [81.0, 90.0, 240.0]);
        // BT.709 studio swing, blue: Y = 16 + 219·0.0722.
        let blue = components(Matrix::Bt709, false, [0.0, 0.0, 255.0]).map(f32::round);
        assert_eq!(blue, [32.0, 240.0, 118.0]);
        let white = components(Matrix::Bt601, true, [255.0; 3]).map(f32::round);
        assert_eq!(white, [255.0, 128.0, 128.0]);
    }

    #[test]
    fn odd_sizes_keep_their_last_column_and_row() {
        let spec = FrameSpec {
            width: 3,
            height: 3,
            format: PixelFormat::I420,
            colour: Colour {
                matrix: Matrix::Bt601,
                full_range: true,
            },
            chroma_site: ChromaSite::Left,
            pixel_aspect: (1, 1),
        };
        let frame = convert(&[200, 100, 50, 255].repeat(9), &spec);
        assert_eq!(frame.planes[1].len(), 4);
        assert!(frame.planes[1].iter().all(|&v| v == frame.planes[1][0]));
        assert!(frame.planes[0].iter().all(|&v| v == frame.planes[0][0]));
    }
}
