// SPDX-License-Identifier: MPL-2.0
//! Sound out of a file of anybody's: with these readers and decoders alone. A playlist, or a
//! format whose reader opens other files or addresses, is refused.

use std::path::Path;

use gst::{glib, prelude::*};

/// Demuxers, parsers and decoders that may read it.
const ALLOWED: [&str; 21] = [
    "wavparse",
    "aiffparse",
    "flacparse",
    "flacdec",
    "id3demux",
    "mpegaudioparse",
    "mpg123audiodec",
    "avdec_mp3",
    "avdec_mp3float",
    "oggdemux",
    "vorbisparse",
    "vorbisdec",
    "opusparse",
    "opusdec",
    "qtdemux",
    "matroskademux",
    "aacparse",
    "avdec_aac",
    "avdec_alac",
    "avdec_flac",
    "avdec_opus",
];

/// A source of the file's first stream of sound, which is linked to `sink` when it is found.
///
/// # Errors
/// An element is missing.
pub fn reader(pipeline: &gst::Pipeline, file: &Path, sink: &gst::Pad) -> Result<(), String> {
    let source = super::make("filesrc")?;
    source.set_property("location", file);
    let decoder = super::make("decodebin")?;
    decoder.set_property("name", NAME);
    decoder.connect("autoplug-select", false, |args| {
        let factory = args[3].get::<gst::ElementFactory>().ok();
        let allowed = factory.is_some_and(|factory| ALLOWED.contains(&factory.name().as_str()));
        choice(if allowed { "try" } else { "skip" })
    });
    decoder.connect("autoplug-continue", false, |args| {
        // Pictures in the file are nobody's business here.
        let caps = args[2].get::<gst::Caps>().ok();
        Some(caps.is_none_or(|caps| !is_picture(&caps)).to_value())
    });
    let sink = sink.clone();
    decoder.connect_pad_added(move |_, pad| {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let is_sound = caps.structure(0).is_some_and(|s| s.name() == "audio/x-raw");
        if is_sound && !sink.is_linked() {
            // What does not fit is told by an error when data come.
            let _ = pad.link(&sink);
        }
    });
    let failed = |_| "the reader cannot be built".to_owned();
    pipeline.add_many([&source, &decoder]).map_err(failed)?;
    source.link(&decoder).map_err(failed)
}

/// The name of what decodes, so that its errors are known as those of the file.
pub const NAME: &str = "reader";

fn choice(nick: &str) -> Option<glib::Value> {
    let kind = glib::Type::from_name("GstAutoplugSelectResult")?;
    glib::EnumClass::with_type(kind)?.to_value_by_nick(nick)
}

/// Elementary streams of pictures; containers have such names as well.
fn is_picture(caps: &gst::CapsRef) -> bool {
    const CONTAINERS: [&str; 4] = [
        "video/quicktime",
        "video/x-matroska",
        "video/webm",
        "video/ogg",
    ];
    caps.structure(0).is_some_and(|s| {
        let name = s.name();
        (name.starts_with("video/") || name.starts_with("image/"))
            && !CONTAINERS.contains(&name.as_str())
    })
}
