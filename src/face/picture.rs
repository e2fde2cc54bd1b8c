// SPDX-License-Identifier: MPL-2.0
//! Picture files become upright sRGB pixels with straight alpha.

use std::{io::Cursor, path::Path};

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, error::LimitErrorKind, imageops,
    metadata::Orientation,
};

use super::{FaceError, Picture, SourceFile, icc, input};

/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels of a picture.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Largest picture file, in bytes.
pub const MAX_FILE: u64 = 256 << 20;
/// What a decoder may allocate, in bytes: 100 megapixels of 8-bit RGBA with some room.
const MAX_ALLOCATION: u64 = 512 << 20;

/// A picture and what the user should know although it was decoded.
pub(super) struct Decoded {
    pub picture: Picture,
    pub warnings: Vec<String>,
}

/// Decodes the bytes of a JPEG, PNG or WebP file. `path` is for messages only.
pub(super) fn decode(bytes: &[u8], path: &Path, file: SourceFile) -> Result<Decoded, FaceError> {
    input::guarded(|| decode_unguarded(bytes, path, file))
        .unwrap_or_else(|| Err(damaged(path, file, "its decoder gave up")))
}

fn decode_unguarded(bytes: &[u8], path: &Path, file: SourceFile) -> Result<Decoded, FaceError> {
    let fault = |e: ImageError| describe(e, path, file);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| damaged(path, file, &e.to_string()))?;
    if reader.format().is_none() {
        return Err(not_an_image(path, file));
    }
    let jpeg = reader.format() == Some(image::ImageFormat::Jpeg);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    check_size(decoder.dimensions(), path, file)?;
    // The JPEG decoder fills what is missing with grey and calls it a success.
    if jpeg && !jpeg_is_complete(bytes) {
        return Err(damaged(path, file, "it is truncated"));
    }
    let mut warnings = Vec::new();
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_else(|e| {
        warnings.push(icc::ignored(path, &e.to_string()));
        None
    });
    let decoded = DynamicImage::from_decoder(decoder).map_err(fault)?;
    let rgba = match profile {
        Some(profile) => icc::to_srgb(decoded, &profile, path, &mut warnings),
        None => decoded.into_rgba8(),
    };
    let mut upright = DynamicImage::ImageRgba8(rgba);
    upright.apply_orientation(orientation);
    let picture = Picture::from_rgba8(upright.into_rgba8());
    // No face is to be seen in a background, so it may be of any size.
    let tiny = picture.width < 16 || picture.height < 16;
    if tiny && file != SourceFile::Background {
        return Err(input::error(
            file,
            format!(
                "{} {} has only {}×{} pixels",
                input::noun(file),
                path.display(),
                picture.width,
                picture.height
            ),
            "Give a larger picture",
        ));
    }
    Ok(Decoded { picture, warnings })
}

impl Picture {
    pub(super) fn from_rgba8(image: image::RgbaImage) -> Self {
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            has_alpha: image.pixels().any(|p| p.0[3] < 255),
            rgba: image.into_raw(),
        }
    }

    /// Puts the luminance (BT.709 luma of the sRGB values, over black where the matte itself is
    /// transparent) of `matte` in the place of alpha. A matte of another size is scaled.
    pub(super) fn set_matte(&mut self, matte: &Picture) {
        let luma = image::GrayImage::from_fn(matte.width as u32, matte.height as u32, |x, y| {
            let at = 4 * (y as usize * matte.width + x as usize);
            let [r, g, b, a] = [0, 1, 2, 3].map(|c| f32::from(matte.rgba[at + c]));
            image::Luma([((0.2126 * r + 0.7152 * g + 0.0722 * b) * a / 255.0).round() as u8])
        });
        let (width, height) = (self.width as u32, self.height as u32);
        let scaled = if luma.dimensions() == (width, height) {
            luma
        } else {
            imageops::resize(&luma, width, height, imageops::FilterType::Triangle)
        };
        for (pixel, alpha) in self.rgba.chunks_exact_mut(4).zip(scaled.as_raw()) {
            pixel[3] = *alpha;
        }
        self.has_alpha = scaled.as_raw().iter().any(|a| *a < 255);
    }
}

fn check_size((w, h): (u32, u32), path: &Path, file: SourceFile) -> Result<(), FaceError> {
    if w <= MAX_SIDE && h <= MAX_SIDE && u64::from(w) * u64::from(h) <= MAX_PIXELS {
        return Ok(());
    }
    Err(input::error(
        file,
        format!(
            "{} {} has {w}×{h} pixels, which is too many",
            input::noun(file),
            path.display()
        ),
        format!(
            "Scale it down: at most {MAX_SIDE} pixels a side and {} megapixels in all",
            MAX_PIXELS / 1_000_000
        ),
    ))
}

fn describe(e: ImageError, path: &Path, file: SourceFile) -> FaceError {
    match e {
        ImageError::Limits(limit) => match limit.kind() {
            LimitErrorKind::InsufficientMemory => input::error(
                file,
                format!(
                    "{} {} needs more than {} MB to decode",
                    input::noun(file),
                    path.display(),
                    MAX_ALLOCATION >> 20
                ),
                "Scale it down, or save it with 8 bits a channel",
            ),
            _ => damaged(path, file, &limit.to_string()),
        },
        ImageError::Unsupported(_) => not_an_image(path, file),
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            damaged(path, file, "it is truncated")
        }
        other => damaged(path, file, &other.to_string()),
    }
}

fn not_an_image(path: &Path, file: SourceFile) -> FaceError {
    input::error(
        file,
        format!(
            "{} {} is not a JPEG, PNG or WebP picture",
            input::noun(file),
            path.display()
        ),
        input::cure(file),
    )
}

fn damaged(path: &Path, file: SourceFile, why: &str) -> FaceError {
    input::error(
        file,
        format!("{} {} is damaged: {why}", input::noun(file), path.display()),
        "Save or download it again, or give another one",
    )
}

/// Whether a JPEG's markers lead to its end-of-image marker (ITU-T T.81, annex B).
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        // Entropy-coded data hides its 0xFF bytes behind a following zero; anything else that
        // follows a 0xFF, other than fill bytes and restart markers, is a marker.
        let Some(at) = rest
            .windows(2)
            .position(|w| w[0] == 0xFF && !matches!(w[1], 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF))
        else {
            return false;
        };
        if rest[at + 1] == 0xD9 {
            return true;
        }
        let segment = &rest[at + 2..];
        let [high, low, ..] = segment else {
            return false;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(next) = segment.get(length.max(2)..) else {
            return false;
        };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Vec<u8> {
        let image = image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([(x * 4) as u8, (y * 5) as u8, ((x * y) % 251) as u8])
        });
        let mut bytes = Vec::new();
        image
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
            .unwrap();
        bytes
    }

    #[test]
    fn a_jpeg_is_complete_only_with_its_end() {
        let whole = jpeg();
        assert!(jpeg_is_complete(&whole));
        for cut in 1..whole.len() {
            assert!(!jpeg_is_complete(&whole[..cut]), "cut at {cut}");
        }
        let mut trailed = whole;
        trailed.extend_from_slice(b"appended by a camera");
        assert!(jpeg_is_complete(&trailed));
    }

    #[test]
    fn an_end_marker_inside_a_thumbnail_is_not_the_end() {
        let whole = jpeg();
        let mut with_thumbnail = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        with_thumbnail.extend_from_slice(&whole[2..]);
        assert!(jpeg_is_complete(&with_thumbnail));
        with_thumbnail.truncate(whole.len());
        assert!(!jpeg_is_complete(&with_thumbnail));
    }

    #[test]
    fn a_matte_of_another_size_is_scaled() {
        let mut picture = Picture {
            width: 32,
            height: 16,
            rgba: vec![255; 4 * 32 * 16],
            has_alpha: false,
        };
        // Left half white, right half black, at a quarter of the size.
        let matte = Picture::from_rgba8(image::RgbaImage::from_fn(8, 4, |x, _| {
            image::Rgba(if x < 4 { [255; 4] } else { [0, 0, 0, 255] })
        }));
        picture.set_matte(&matte);
        assert!(picture.has_alpha);
        let alpha = |x: usize, y: usize| picture.rgba[4 * (y * 32 + x) + 3];
        assert_eq!((alpha(2, 8), alpha(29, 8)), (255, 0));
        assert!((100..156).contains(&((u16::from(alpha(15, 8)) + u16::from(alpha(16, 8))) / 2)));
    }
}
