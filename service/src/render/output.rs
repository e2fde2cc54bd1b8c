// SPDX-License-Identifier: MPL-2.0
//! Encoders and muxers, by the name of the file.

use std::path::Path;

use gst::prelude::*;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Mp4,
    Matroska,
    WebM,
}

/// AAC comes out 1024 samples late, at 48 kHz, which GStreamer 1.22 does not take back: the lips
/// are shown that much later, ns.
const AAC_PRIMING: i64 = 21_333_333;

impl Container {
    /// By the name's extension.
    pub fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "mp4" => Some(Container::Mp4),
            "mkv" => Some(Container::Matroska),
            "webm" => Some(Container::WebM),
            _ => None,
        }
    }

    /// By how much the sound comes out late, ns.
    pub fn sound_delay(self) -> i64 {
        match self {
            Container::Mp4 => AAC_PRIMING,
            Container::Matroska | Container::WebM => 0,
        }
    }

    /// # Errors
    /// It is missing.
    pub fn muxer(self) -> Result<gst::Element, String> {
        match self {
            Container::Mp4 => {
                let muxer = super::make("mp4mux")?;
                // Can be played while it is loaded.
                muxer.set_property("faststart", true);
                Ok(muxer)
            }
            Container::Matroska => super::make("matroskamux"),
            Container::WebM => super::make("webmmux"),
        }
    }

    /// # Errors
    /// It is missing.
    pub fn video_encoder(self, threads: u32, key_interval: u32) -> Result<gst::Element, String> {
        if self == Container::WebM {
            let encoder = super::make("vp8enc")?;
            let threads = if threads == 0 { cores() } else { threads };
            encoder.set_property("threads", threads.min(16) as i32);
            encoder.set_property("keyframe-max-dist", key_interval as i32);
            for (name, value) in [
                ("deadline", "1"),
                ("cpu-used", "5"),
                ("end-usage", "cq"),
                ("cq-level", "12"),
                ("target-bitrate", "4000000"),
            ] {
                encoder.set_property_from_str(name, value);
            }
            return Ok(encoder);
        }
        let encoder = super::make("x264enc")?;
        encoder.set_property("threads", threads);
        encoder.set_property("key-int-max", key_interval);
        encoder.set_property("quantizer", 20u32);
        encoder.set_property_from_str("pass", "qual");
        // No link has to carry it: else it would be kept below `bitrate`, at whatever size.
        encoder.set_property("vbv-buf-capacity", 0u32);
        encoder.set_property_from_str("speed-preset", "veryfast");
        Ok(encoder)
    }

    /// # Errors
    /// It is missing.
    pub fn audio_encoder(self) -> Result<gst::Element, String> {
        let (name, bitrate) = match self {
            Container::Mp4 => ("avenc_aac", 128_000),
            Container::Matroska | Container::WebM => ("opusenc", 96_000),
        };
        let encoder = super::make(name)?;
        encoder.set_property("bitrate", bitrate);
        if self == Container::Mp4 {
            // At this bitrate it is nearer to the sound than the slower one: by SNR in five bands of
            // speech, two voices at once and singing 9 dB better at most and 0.4 worse.
            encoder.set_property_from_str("aac-coder", "fast");
        }
        Ok(encoder)
    }
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}
