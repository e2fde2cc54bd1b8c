// SPDX-License-Identifier: MPL-2.0
//! What goes in and out: templates, fixation, and the engine's view of negotiated caps.

use std::sync::LazyLock;

use gst_video::{
    VideoChromaSite, VideoColorMatrix, VideoColorRange, VideoFormat, VideoTransferFunction,
};
use sonic_engine::{
    frame::{ChromaSite, Colour, FrameSpec, Matrix, PixelFormat},
    grid::FrameGrid,
};

/// Sides of a frame. Below 16 nothing can be seen, 8192 is a level limit of H.264 and of most
/// hardware.
const MIN_SIDE: i32 = 16;
const MAX_SIDE: i32 = 8192;

/// Formats in the order of preference: what encoders take first, alpha last.
const FORMATS: [VideoFormat; 6] = [
    VideoFormat::I420,
    VideoFormat::Nv12,
    VideoFormat::Bgrx,
    VideoFormat::Rgbx,
    VideoFormat::Bgra,
    VideoFormat::Rgba,
];

/// The same for a transparent background.
const ALPHA_FIRST: [VideoFormat; 6] = [
    VideoFormat::Bgra,
    VideoFormat::Rgba,
    VideoFormat::I420,
    VideoFormat::Nv12,
    VideoFormat::Bgrx,
    VideoFormat::Rgbx,
];

static SINK: LazyLock<gst::Caps> = LazyLock::new(|| {
    // 8 kHz is what telephones give; above 192 kHz no source exists. 256 channels are far more
    // than any has; the limit keeps the size of a sample position sane.
    gst_audio::AudioCapsBuilder::new_interleaved()
        .format_list([
            gst_audio::AudioFormat::S16le,
            gst_audio::AudioFormat::S32le,
            gst_audio::AudioFormat::F32le,
            gst_audio::AudioFormat::F64le,
        ])
        .rate_range(8_000..=192_000)
        .channels_range(1..=256)
        .build()
});

static SRC: LazyLock<gst::Caps> = LazyLock::new(|| {
    // Below 5/1 the other branch of a tee needs more room than a default queue has.
    gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS)
        .width_range(MIN_SIDE..=MAX_SIDE)
        .height_range(MIN_SIDE..=MAX_SIDE)
        .framerate_range(gst::Fraction::new(5, 1)..=gst::Fraction::new(120, 1))
        .field("interlace-mode", "progressive")
        .build()
});

/// Both pad templates.
pub fn templates() -> Vec<gst::PadTemplate> {
    [
        ("src", gst::PadDirection::Src, &SRC),
        ("sink", gst::PadDirection::Sink, &SINK),
    ]
    .into_iter()
    .map(|(name, direction, caps)| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
            .expect("name, direction and caps are valid constants")
    })
    .collect()
}

/// What the pad opposite to `direction` can do: everything, since sound and picture do not
/// depend on each other.
pub fn transformed(direction: gst::PadDirection, filter: Option<&gst::Caps>) -> gst::Caps {
    let all: &gst::Caps = match direction {
        gst::PadDirection::Src => &SINK,
        _ => &SRC,
    };
    match filter {
        Some(filter) => filter.intersect_with_mode(all, gst::CapsIntersectMode::First),
        None => all.clone(),
    }
}

/// What a frame should be like when downstream leaves it open.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Width and height in square pixels.
    pub size: (usize, usize),
    /// Whether alpha is wanted.
    pub alpha: bool,
}

/// Fixes the output caps: downstream's first choice, in it 25/1, the portrait's aspect, I420.
pub fn fixate_src(candidates: gst::Caps, wish: Wish) -> gst::Caps {
    // Without a peer the base class offers the caps of the other pad.
    let mut caps = if candidates
        .structure(0)
        .is_some_and(|s| s.name() == "video/x-raw")
    {
        candidates
    } else {
        SRC.clone()
    };
    caps.truncate();
    if let Some(s) = caps.make_mut().structure_mut(0) {
        let order = if wish.alpha { ALPHA_FIRST } else { FORMATS };
        for format in order {
            // Each call leaves a fixed field alone, and a list without the format too.
            if offers_format(s, format) && s.fixate_field_str("format", format.to_str().as_str()) {
                break;
            }
        }
        s.fixate_field_nearest_fraction("framerate", gst::Fraction::new(25, 1));
        if s.has_field("pixel-aspect-ratio") {
            s.fixate_field_nearest_fraction("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        }
        fixate_size(s, wish.size);
    }
    caps.fixate();
    caps
}

fn offers_format(s: &gst::StructureRef, format: VideoFormat) -> bool {
    s.get::<gst::List>("format").is_ok_and(|list| {
        list.iter()
            .any(|v| v.get::<&str>().is_ok_and(|v| v == format.to_str().as_str()))
    })
}

/// Fixes the open ones of width and height so that the picture keeps its shape on the screen.
fn fixate_size(s: &mut gst::StructureRef, (width, height): (usize, usize)) {
    let par = s
        .get::<gst::Fraction>("pixel-aspect-ratio")
        .map_or(1.0, |f| f64::from(f.numer()) / f64::from(f.denom()));
    // Samples a row, divided by rows.
    let aspect = width as f64 / height as f64 / par;
    let even = |v: f64| ((v / 2.0).round() as i32).clamp(MIN_SIDE / 2, MAX_SIDE / 2) * 2;
    let fixed = |s: &gst::StructureRef, side: &str| s.get::<i32>(side).ok();
    match (fixed(s, "width"), fixed(s, "height")) {
        (Some(w), None) => {
            s.fixate_field_nearest_int("height", even(f64::from(w) / aspect));
        }
        (None, Some(h)) => {
            s.fixate_field_nearest_int("width", even(f64::from(h) * aspect));
        }
        (None, None) => fixate_both(s, even(height as f64), aspect, even),
        (Some(_), Some(_)) => {}
    }
}

fn fixate_both(s: &mut gst::StructureRef, height: i32, aspect: f64, even: impl Fn(f64) -> i32) {
    let open = s.to_owned();
    s.fixate_field_nearest_int("height", height);
    let h = s.get::<i32>("height").map_or(f64::from(height), f64::from);
    s.fixate_field_nearest_int("width", even(h * aspect));
    let Ok(w) = s.get::<i32>("width") else { return };
    if (f64::from(w) - h * aspect).abs() > 2.0 {
        // Downstream limits the width: then the height follows from it.
        if let Ok(range) = open.value("height") {
            s.set_value("height", range.clone());
        }
        s.fixate_field_nearest_int("height", even(f64::from(w) / aspect));
    }
}

/// The engine's view of the output.
///
/// # Errors
/// In one sentence, what the engine cannot draw.
pub fn frame_spec(info: &gst_video::VideoInfo) -> Result<(FrameSpec, FrameGrid), &'static str> {
    let format = match info.format() {
        VideoFormat::I420 => PixelFormat::I420,
        VideoFormat::Nv12 => PixelFormat::Nv12,
        VideoFormat::Bgrx => PixelFormat::Bgrx,
        VideoFormat::Rgbx => PixelFormat::Rgbx,
        VideoFormat::Bgra => PixelFormat::Bgra,
        VideoFormat::Rgba => PixelFormat::Rgba,
        _ => return Err("this video format cannot be drawn"),
    };
    if info.is_interlaced() {
        return Err("interlaced frames cannot be drawn");
    }
    let positive = |v: i32| u32::try_from(v).ok().filter(|v| *v > 0);
    let (fps, par) = (info.fps(), info.par());
    let grid = positive(fps.numer())
        .zip(positive(fps.denom()))
        .and_then(|(n, d)| FrameGrid::new(n, d))
        .ok_or("the frame rate must be known and constant")?;
    let pixel_aspect = positive(par.numer())
        .zip(positive(par.denom()))
        .ok_or("the pixel aspect ratio must be positive")?;
    let spec = FrameSpec {
        width: info.width() as usize,
        height: info.height() as usize,
        format,
        colour: colour(info)?,
        chroma_site: chroma_site(info)?,
        pixel_aspect,
    };
    Ok((spec, grid))
}

fn colour(info: &gst_video::VideoInfo) -> Result<Colour, &'static str> {
    let colorimetry = info.colorimetry();
    // Display-referred curves lie close enough to the portrait's sRGB to pass; these do not.
    if matches!(
        colorimetry.transfer(),
        VideoTransferFunction::Smpte2084
            | VideoTransferFunction::AribStdB67
            | VideoTransferFunction::Gamma10
            | VideoTransferFunction::Log100
            | VideoTransferFunction::Log316
    ) {
        return Err("frames of high dynamic range or linear light cannot be drawn");
    }
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt601 => Matrix::Bt601,
        VideoColorMatrix::Bt709 => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        VideoColorMatrix::Smpte240m => Matrix::Smpte240m,
        VideoColorMatrix::Fcc => Matrix::Fcc,
        _ if info.is_rgb() => Matrix::Bt709,
        VideoColorMatrix::Unknown if info.height() < 720 => Matrix::Bt601,
        VideoColorMatrix::Unknown => Matrix::Bt709,
        _ => return Err("this colour matrix cannot be drawn in this format"),
    };
    let full_range = match colorimetry.range() {
        VideoColorRange::Range0_255 => true,
        VideoColorRange::Range16_235 => false,
        _ => info.is_rgb(),
    };
    Ok(Colour { matrix, full_range })
}

fn chroma_site(info: &gst_video::VideoInfo) -> Result<ChromaSite, &'static str> {
    let site = info.chroma_site();
    if info.is_rgb() {
        return Ok(ChromaSite::Centre);
    }
    if site.intersects(VideoChromaSite::V_COSITED | VideoChromaSite::ALT_LINE) {
        return Err("chroma samples that lie on a row (top-left) cannot be drawn");
    }
    Ok(if site.contains(VideoChromaSite::H_COSITED) {
        ChromaSite::Left
    } else {
        ChromaSite::Centre
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(caps: &str) -> Result<FrameSpec, &'static str> {
        gst::init().expect("GStreamer");
        let caps: gst::Caps = caps.parse().expect("caps");
        let info = gst_video::VideoInfo::from_caps(&caps).expect("video caps");
        frame_spec(&info).map(|(spec, _)| spec)
    }

    fn with(fields: &str) -> Result<FrameSpec, &'static str> {
        spec(&format!(
            "video/x-raw,format=NV12,width=320,height=240,framerate=30/1,{fields}"
        ))
    }

    #[test]
    fn colour_is_what_was_negotiated() {
        for (name, matrix, full_range) in [
            ("bt601", Matrix::Bt601, false),
            ("bt709", Matrix::Bt709, false),
            ("bt2020", Matrix::Bt2020, false),
            ("smpte240m", Matrix::Smpte240m, false),
            ("2:2:5:1", Matrix::Fcc, false),
            ("1:4:7:1", Matrix::Bt601, true),
            ("1:3:5:1", Matrix::Bt709, true),
        ] {
            let spec = with(&format!("colorimetry=(string){name}")).expect("can be drawn");
            assert_eq!(spec.colour, Colour { matrix, full_range }, "{name}");
        }
        for name in ["bt2100-pq", "bt2100-hlg", "2:4:1:1"] {
            assert!(
                with(&format!("colorimetry=(string){name}")).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn colour_left_open_goes_by_the_size() {
        let sized = |h| {
            spec(&format!(
                "video/x-raw,format=I420,width=64,height={h},framerate=25/1"
            ))
            .expect("can be drawn")
        };
        assert_eq!(sized(480).colour.matrix, Matrix::Bt601);
        assert_eq!(sized(480).chroma_site, ChromaSite::Centre);
        assert_eq!(sized(1080).colour.matrix, Matrix::Bt709);
        assert_eq!(sized(1080).chroma_site, ChromaSite::Left);
        let rgb = spec("video/x-raw,format=RGBA,width=64,height=48,framerate=25/1");
        assert!(rgb.expect("can be drawn").colour.full_range);
    }

    #[test]
    fn chroma_lies_where_it_was_negotiated() {
        let site = |name: &str| {
            with(&format!(
                "colorimetry=(string)bt709,chroma-site=(string){name}"
            ))
            .map(|spec| spec.chroma_site)
        };
        assert_eq!(site("mpeg2"), Ok(ChromaSite::Left));
        assert_eq!(site("jpeg"), Ok(ChromaSite::Centre));
        assert!(site("cosited").is_err());
        assert!(site("dv").is_err());
    }

    #[test]
    fn pixels_may_be_oblong() {
        let spec = with("pixel-aspect-ratio=(fraction)12/11").expect("can be drawn");
        assert_eq!(spec.pixel_aspect, (12, 11));
    }
}
