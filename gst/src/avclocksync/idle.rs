// SPDX-License-Identifier: MPL-2.0
//! The picture that is sent while there is none.

use std::path::Path;

use gst_video::{VideoConverter, VideoConverterConfig, VideoFormat, VideoFrame, VideoInfo};
use sonic_engine::face::Picture;

/// Reads the user's picture.
///
/// # Errors
/// In a sentence, why it cannot be.
pub fn load(path: &str) -> Result<Picture, String> {
    match Picture::load(Path::new(path)) {
        Ok((picture, _)) => Ok(picture),
        Err(error) => {
            // The engine knows such pictures as backgrounds of a portrait.
            let text = error.to_string().replace("background-image", "idle-image");
            Err(text)
        }
    }
}

/// The picture, or black, as a frame of those caps: as large as fits, with black bars. `None` if
/// frames of such caps are not in the processor's memory.
pub fn frame(picture: Option<&Picture>, caps: &gst::Caps) -> Option<gst::Buffer> {
    let features = caps.features(0);
    if features.is_some_and(|f| !f.contains(gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY.as_str())) {
        return None;
    }
    let into = VideoInfo::from_caps(caps).ok()?;
    let black = Picture {
        width: 2,
        height: 2,
        has_alpha: false,
        rgba: [0, 0, 0, 255].repeat(4),
    };
    let picture = picture.unwrap_or(&black);
    let from = VideoInfo::builder(
        VideoFormat::Rgba,
        picture.width as u32,
        picture.height as u32,
    )
    // A converter changes neither rate nor interlacing.
    .fps(into.fps())
    .interlace_mode(into.interlace_mode())
    .build()
    .ok()?;
    let source = gst::Buffer::from_slice(picture.rgba.clone());
    let source = VideoFrame::from_buffer_readable(source, &from).ok()?;
    let target = gst::Buffer::with_size(into.size()).ok()?;
    let mut target = VideoFrame::from_buffer_writable(target, &into).ok()?;
    let (width, height) = fitted(&into, (picture.width, picture.height));
    let mut config = VideoConverterConfig::new();
    config.set_dest_width(Some(width));
    config.set_dest_height(Some(height));
    // On a sample of chroma.
    config.set_dest_x((into.width() as i32 - width) / 4 * 2);
    config.set_dest_y((into.height() as i32 - height) / 4 * 2);
    config.set_fill_border(true);
    config.set_border_argb(0xFF00_0000);
    let converter = VideoConverter::new(&from, &into, Some(config)).ok()?;
    converter.frame(&source, &mut target);
    Some(target.into_buffer())
}

/// Width and height of a picture in a frame, in its own pixels.
fn fitted(info: &VideoInfo, (width, height): (usize, usize)) -> (i32, i32) {
    let par = f64::from(info.par().numer().max(1)) / f64::from(info.par().denom().max(1));
    let (room_x, room_y) = (f64::from(info.width()), f64::from(info.height()));
    let (w, h) = (width as f64 / par, height as f64);
    let scale = (room_x / w).min(room_y / h);
    let side = |v: f64, room: f64| ((v * scale).round().clamp(1.0, room)) as i32;
    (side(w, room_x), side(h, room_y))
}
