// SPDX-License-Identifier: MPL-2.0
//! Which encoders are used, and how they are set.

use gst::{glib, prelude::*};

/// H.264 encoders, best first: those that leave the processor alone, then x264.
const VIDEO: [&str; 8] = [
    "nvh264enc",
    "vah264enc",
    "vah264lpenc",
    "qsvh264enc",
    "vaapih264enc",
    "v4l2h264enc",
    "x264enc",
    "openh264enc",
];

/// AAC encoders, best first, each with the samples that it puts before the first one it was
/// given (of avenc_aac and voaacenc measured through a decoder; of the others as their
/// documentation says).
const AUDIO: [(&str, u64); 4] = [
    ("fdkaacenc", 2048),
    ("avenc_aac", 1024),
    ("voaacenc", 1600),
    ("faac", 1024),
];

/// How long a server may wait for a key picture, s: platforms want 2 to 4.
const GROUP_SECONDS: f64 = 2.0;

/// What the buffer of the rate control holds with a bitrate that changes, ms: without one a new
/// bitrate has no effect on x264enc.
const VBV_MS: u32 = 800;

/// What video is encoded to.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Frames a second.
    pub fps: f64,
    /// kbit/s.
    pub bitrate: u32,
    /// Whether the bitrate will be changed.
    pub adaptive: bool,
}

/// An encoder of video that has started.
#[derive(Clone)]
pub struct VideoEncoder {
    pub element: gst::Element,
}

impl VideoEncoder {
    /// The best that starts here; `None` if there is none.
    pub fn new(wanted: &Wanted) -> Option<Self> {
        let element = VIDEO.iter().find_map(|name| {
            let element = gst::ElementFactory::make(name).build().ok()?;
            starts(&element).then_some(element)
        })?;
        let group = (GROUP_SECONDS * wanted.fps).round().clamp(1.0, 600.0) as u32;
        set(&element, "key-int-max", group);
        set(&element, "gop-size", group);
        let name = element.factory().map(|f| f.name().to_string());
        match name.as_deref() {
            Some("x264enc") => {
                element.set_property_from_str("speed-preset", "ultrafast");
                element.set_property_from_str("tune", "zerolatency");
                let vbv = if wanted.adaptive { VBV_MS } else { 0 };
                set(&element, "vbv-buf-capacity", vbv);
                let least = wanted.fps.round().max(1.0);
                element.set_property("option-string", format!("min-keyint={least}"));
            }
            Some("openh264enc") => {
                element.set_property_from_str("rate-control", "bitrate");
                element.set_property_from_str("complexity", "low");
            }
            Some("nvh264enc") => {
                set_text(&element, "rc-mode", "cbr");
                set_text(&element, "preset", "low-latency-hq");
                set(&element, "zerolatency", true);
            }
            _ => {}
        }
        let encoder = Self { element };
        encoder.set_bitrate(wanted.bitrate);
        Some(encoder)
    }

    /// Sets the bitrate, kbit/s, also while it encodes.
    pub fn set_bitrate(&self, kbit: u32) {
        let name = self.element.factory().map(|f| f.name().to_string());
        let unit = match name.as_deref() {
            Some("openh264enc") => 1000,
            _ => 1,
        };
        set(&self.element, "bitrate", kbit.saturating_mul(unit));
    }
}

/// The best encoder of sound that starts here, and the samples it puts in front.
pub fn audio(kbit: u32) -> Option<(gst::Element, u64)> {
    AUDIO.iter().find_map(|(name, priming)| {
        let element = gst::ElementFactory::make(name).build().ok()?;
        if !starts(&element) {
            return None;
        }
        let bits = i32::try_from(kbit.saturating_mul(1000)).unwrap_or(i32::MAX);
        set(&element, "bitrate", bits);
        Some((element, *priming))
    })
}

/// Whether an encoder finds what it needs: many are registered without their device.
fn starts(element: &gst::Element) -> bool {
    let started = element.set_state(gst::State::Ready).is_ok();
    // It is set up by who uses it.
    started && element.set_state(gst::State::Null).is_ok()
}

/// Sets a property that not all of them have.
fn set(element: &gst::Element, name: &str, value: impl Into<glib::Value>) {
    if let Some(spec) = element.find_property(name)
        && let Ok(value) = value.into().transform_with_type(spec.value_type())
    {
        element.set_property_from_value(name, &value);
    }
}

fn set_text(element: &gst::Element, name: &str, value: &str) {
    if element.has_property(name) {
        element.set_property_from_str(name, value);
    }
}
