// SPDX-License-Identifier: MPL-2.0
//! Formats: templates, what the engine must know of them, and what is sent before upstream says.

use std::sync::LazyLock;

use gst_audio::AudioInfo;
use sonic_engine::{
    grid::FrameGrid,
    sync::{
        Side,
        pcm::{Encoding, PcmFormat},
    },
};

/// What is sent as long as nobody says what.
const FALLBACK_RATE: i32 = 48_000;
const FALLBACK_CHANNELS: i32 = 2;
const FALLBACK_SIZE: (i32, i32) = (1280, 720);
const FALLBACK_FPS: (i32, i32) = (25, 1);

static AUDIO: LazyLock<gst::Caps> = LazyLock::new(|| {
    // Blocks are cut at any sample, which only interleaved ones can be without being copied.
    gst_audio::AudioCapsBuilder::new_interleaved()
        .format_list(gst_audio::AUDIO_FORMATS_ALL.iter().copied())
        .build()
});

static VIDEO: LazyLock<gst::Caps> = LazyLock::new(|| {
    // Frames are not looked into, so their memory may be anywhere.
    gst::Caps::builder("video/x-raw").any_features().build()
});

/// Caps of both pads of a side.
pub fn template(side: Side) -> &'static gst::Caps {
    match side {
        Side::Audio => &AUDIO,
        Side::Video => &VIDEO,
    }
}

/// The engine's view of sound.
pub fn pcm(info: &AudioInfo) -> PcmFormat {
    let format = info.format_info();
    PcmFormat {
        rate: info.rate(),
        channels: info.channels(),
        encoding: if format.is_float() {
            Encoding::Float
        } else if format.is_signed() {
            Encoding::Signed
        } else {
            Encoding::Unsigned
        },
        bytes: format.width() as usize / 8,
        depth: format.depth(),
        // Of one byte there is no order.
        big_endian: format.is_big_endian(),
    }
}

/// The frame rate in caps; `None` if it is open or variable.
pub fn grid(caps: &gst::CapsRef) -> Option<FrameGrid> {
    let fps: gst::Fraction = caps.structure(0)?.get("framerate").ok()?;
    let (n, d) = (u32::try_from(fps.numer()), u32::try_from(fps.denom()));
    FrameGrid::new(n.ok()?, d.ok()?)
}

/// The frame rate that stands in until upstream says one.
pub fn fallback_grid() -> FrameGrid {
    FrameGrid::new(FALLBACK_FPS.0 as u32, FALLBACK_FPS.1 as u32).expect("not 0")
}

/// The format that stands in until upstream says one.
pub fn fallback_pcm() -> PcmFormat {
    PcmFormat {
        rate: FALLBACK_RATE as u32,
        channels: FALLBACK_CHANNELS as u32,
        encoding: Encoding::Signed,
        bytes: 2,
        depth: 16,
        big_endian: false,
    }
}

/// One of the `possible` caps: as the user wishes, else near to the fallback.
pub fn choose(side: Side, possible: &gst::Caps, wish: Option<&gst::Caps>) -> Option<gst::Caps> {
    let wished = wish.map(|wish| wish.intersect_with_mode(possible, gst::CapsIntersectMode::First));
    let mut caps = match wished {
        Some(wished) if !wished.is_empty() => wished,
        _ => possible.clone(),
    };
    if caps.is_any() {
        caps = template(side).clone();
    }
    if caps.is_empty() {
        return None;
    }
    caps.truncate();
    let s = caps.make_mut().structure_mut(0)?;
    match side {
        Side::Audio => {
            s.fixate_field_str("format", gst_audio::AUDIO_FORMAT_S16.to_str().as_str());
            s.fixate_field_nearest_int("rate", FALLBACK_RATE);
            s.fixate_field_nearest_int("channels", FALLBACK_CHANNELS);
        }
        Side::Video => {
            for (field, value) in [("width", FALLBACK_SIZE.0), ("height", FALLBACK_SIZE.1)] {
                if s.has_field(field) {
                    s.fixate_field_nearest_int(field, value);
                } else {
                    s.set(field, value);
                }
            }
            if s.has_field("format") {
                s.fixate_field_str("format", "I420");
            } else {
                s.set("format", "I420");
            }
            fixate_rate(s, gst::Fraction::new(FALLBACK_FPS.0, FALLBACK_FPS.1));
            if s.has_field("pixel-aspect-ratio") {
                s.fixate_field_nearest_fraction("pixel-aspect-ratio", gst::Fraction::new(1, 1));
            }
        }
    }
    caps.fixate();
    Some(caps)
}

fn fixate_rate(s: &mut gst::StructureRef, near: gst::Fraction) {
    if s.has_field("framerate") {
        s.fixate_field_nearest_fraction("framerate", near);
    }
    // A variable rate has no grid.
    if s.get::<gst::Fraction>("framerate")
        .is_ok_and(|f| f.numer() > 0)
    {
        return;
    }
    s.set("framerate", near);
}

/// What is sent of frames with those caps: the same, but at a constant rate that downstream takes.
pub fn retimed(caps: &gst::CapsRef, downstream: Option<&gst::Caps>) -> gst::Caps {
    let takes = |caps: &gst::Caps| downstream.is_none_or(|d| d.can_intersect(caps));
    let same = caps.to_owned();
    if grid(caps).is_some() && takes(&same) {
        return same;
    }
    let wished = caps
        .structure(0)
        .and_then(|s| s.get::<gst::Fraction>("framerate").ok())
        .filter(|f| f.numer() > 0)
        .unwrap_or(gst::Fraction::new(FALLBACK_FPS.0, FALLBACK_FPS.1));
    let open = any_rate(&same);
    let mut candidates = match downstream {
        Some(downstream) => open.intersect(downstream),
        None => open.clone(),
    };
    if candidates.is_empty() {
        candidates = open;
    }
    candidates.truncate();
    if let Some(s) = candidates.make_mut().structure_mut(0) {
        fixate_rate(s, wished);
    }
    candidates.fixate();
    candidates
}

/// The same caps at any frame rate.
pub fn any_rate(caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    let range = gst::FractionRange::new(gst::Fraction::new(0, 1), gst::Fraction::new(i32::MAX, 1));
    for s in caps.make_mut().iter_mut() {
        s.set("framerate", range);
    }
    caps
}
