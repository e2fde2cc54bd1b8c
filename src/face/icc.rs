// SPDX-License-Identifier: MPL-2.0
//! Pixels in the colour space of an embedded ICC profile become sRGB.

use std::{path::Path, sync::Arc};

use image::{DynamicImage, RgbaImage};
use moxcms::{
    CmsError, ColorProfile, DataColorSpace, Layout, Transform16BitExecutor, TransformOptions,
};

/// Converts to sRGB. A profile that is damaged, or of another kind than the pixels, is ignored
/// with a warning: most such pictures are sRGB anyway.
pub(super) fn to_srgb(
    image: DynamicImage,
    profile: &[u8],
    path: &Path,
    warnings: &mut Vec<String>,
) -> RgbaImage {
    let grey_pixels = !image.color().has_color();
    let transform = match ColorProfile::new_from_slice(profile)
        .map_err(|e| e.to_string())
        .and_then(|p| transform(&p, grey_pixels))
    {
        Ok(transform) => transform,
        Err(why) => {
            warnings.push(ignored(path, &why));
            return image.into_rgba8();
        }
    };
    match transform.apply(image) {
        Ok(rgba) => rgba,
        Err((image, e)) => {
            warnings.push(ignored(path, &e.to_string()));
            image.into_rgba8()
        }
    }
}

/// The warning that a profile is not used.
pub(super) fn ignored(path: &Path, why: &str) -> String {
    format!(
        "The colour profile of {} is ignored ({why}): its colours are taken as sRGB.",
        path.display()
    )
}

/// A way to sRGB for pixels of one layout.
struct Transform {
    executor: Arc<Transform16BitExecutor>,
    layout: Layout,
    /// Within rounding it changes nothing.
    identity: bool,
}

fn transform(profile: &ColorProfile, grey_pixels: bool) -> Result<Transform, String> {
    let layout = match (profile.color_space, grey_pixels) {
        (DataColorSpace::Gray, true) => Layout::GrayAlpha,
        // Grey pixels with an RGB profile are common: equal R, G and B.
        (DataColorSpace::Rgb, _) => Layout::Rgba,
        (other, _) => return Err(format!("it describes {other:?} pixels")),
    };
    let executor = profile
        .create_transform_16bit(
            layout,
            &ColorProfile::new_srgb(),
            Layout::Rgba,
            TransformOptions::default(),
        )
        .map_err(|e| e.to_string())?;
    let mut transform = Transform {
        executor,
        layout,
        identity: false,
    };
    transform.identity = transform.is_identity().map_err(|e| e.to_string())?;
    Ok(transform)
}

impl Transform {
    /// Whether a lattice of colours keeps its 8-bit values. Most embedded profiles are sRGB's
    /// own, and their pictures then stay exactly what they are.
    fn is_identity(&self) -> Result<bool, CmsError> {
        const STEPS: u16 = 9;
        let level = |i: u16| (u32::from(i) * 65_535 / u32::from(STEPS - 1)) as u16;
        let mut row = Vec::new();
        let mut expected = Vec::new();
        for i in 0..STEPS.pow(3) {
            let colour = if self.layout == Layout::GrayAlpha {
                [level(i % STEPS); 3]
            } else {
                [i % STEPS, i / STEPS % STEPS, i / STEPS / STEPS].map(level)
            };
            self.push(&mut row, colour, u16::MAX);
            expected.extend_from_slice(&[colour[0], colour[1], colour[2], u16::MAX]);
        }
        let mut converted = vec![0; expected.len()];
        self.executor.transform(&row, &mut converted)?;
        Ok(converted
            .iter()
            .zip(&expected)
            .all(|(c, e)| c.abs_diff(*e) < 257))
    }

    fn push(&self, row: &mut Vec<u16>, [r, g, b]: [u16; 3], alpha: u16) {
        if self.layout == Layout::GrayAlpha {
            row.extend_from_slice(&[r, alpha]);
        } else {
            row.extend_from_slice(&[r, g, b, alpha]);
        }
    }

    /// Row by row, so that the 16-bit values need no second picture.
    fn apply(&self, image: DynamicImage) -> Result<RgbaImage, (DynamicImage, CmsError)> {
        if self.identity {
            return Ok(image.into_rgba8());
        }
        let width = image.width() as usize;
        let mut output = RgbaImage::new(image.width(), image.height());
        let mut row = Vec::with_capacity(4 * width);
        let mut converted = vec![0; 4 * width];
        let deep = image.as_rgb16().is_some()
            || image.as_rgba16().is_some()
            || image.as_luma16().is_some()
            || image.as_luma_alpha16().is_some();
        let source = if deep {
            DynamicImage::ImageRgba16(image.into_rgba16())
        } else {
            DynamicImage::ImageRgba8(image.into_rgba8())
        };
        for (y, into) in output.chunks_exact_mut(4 * width).enumerate() {
            row.clear();
            let span = 4 * width * y..4 * width * (y + 1);
            if let Some(deep) = source.as_rgba16() {
                for p in deep.as_raw()[span].chunks_exact(4) {
                    self.push(&mut row, [p[0], p[1], p[2]], p[3]);
                }
            } else if let Some(flat) = source.as_rgba8() {
                for p in flat.as_raw()[span].chunks_exact(4) {
                    let [r, g, b, a] = [p[0], p[1], p[2], p[3]].map(|v| u16::from(v) * 257);
                    self.push(&mut row, [r, g, b], a);
                }
            }
            if let Err(e) = self.executor.transform(&row, &mut converted) {
                return Err((source, e));
            }
            for (to, from) in into.iter_mut().zip(&converted) {
                *to = ((u32::from(*from) + 128) / 257) as u8;
            }
        }
        Ok(output)
    }
}
