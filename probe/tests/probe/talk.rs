// SPDX-License-Identifier: MPL-2.0
//! A talking head made by the elements, and what a viewer gets of it: mouth against speech.

use std::path::Path;

use crate::common::{have, run, skip, watchdog};
use crate::make::*;
use gst::prelude::*;
use serde_json::Value;
use sonic_engine::face::Predictor;

const SAID: &str = "Hello! I am one picture and one voice. Everything that moves here was worked out by \
                    this machine while you waited.";
const OTHER: &str = "Please open the window before seven, and bring a warm coat for the evening walk. \
                     Nobody needs to hurry today.";
const PCM: &str = "audioconvert ! audio/x-raw,format=S16LE";

/// Whether voices and landmarks are there.
fn can_look_and_speak() -> bool {
    let Err(error) = Predictor::find(None) else {
        return have(&[
            "x264enc",
            "avdec_h264",
            "matroskamux",
            "avenc_aac",
            "mp4mux",
        ]);
    };
    skip(&error.to_string());
    false
}

/// Writes the built-in portrait saying it at 640×360, at a rate that is soon looked at, into a Matroska file with PCM.
fn talk(lip_offset_ms: u64, file: &Path) {
    run(&format!(
        "ttssrc text=\"{SAID}\" ! tee name=voice \
         voice. ! queue ! sonicanimator framing=head lip-offset={} ! \
         video/x-raw,format=I420,width=640,height=360,framerate=15/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 ! h264parse ! mux. \
         voice. ! queue max-size-time=5000000000 ! {PCM} ! mux. \
         matroskamux name=mux ! filesink location=\"{}\"",
        lip_offset_ms * MS,
        file.display()
    ));
}

/// The pictures of one file with another sound, so much later.
fn with_sound(pictures: &Path, sound: &str, later_ms: u64, file: &Path) {
    let pipeline = gst::parse::launch(&format!(
        "filesrc location=\"{0}\" ! matroskademux name=a a.video_0 ! queue ! h264parse ! mux. \
         {sound} ! queue max-size-time=20000000000 max-size-bytes=0 max-size-buffers=0 ! {PCM} ! \
         identity name=later ! mux. matroskamux name=mux ! filesink location=\"{1}\"",
        pictures.display(),
        file.display()
    ));
    let pipeline = pipeline
        .expect("a description")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let pad = pipeline
        .by_name("later")
        .and_then(|later| later.static_pad("src"));
    pad.expect("a pad").set_offset((later_ms * MS) as i64);
    finish(&pipeline);
}

/// Within a frame of a usual rate, wherever the lips are.
#[test]
fn the_mouth_tells_the_offset() {
    let _watchdog = watchdog(300);
    if !can_look_and_speak() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (first, late) = (file(&folder, "a.mkv"), file(&folder, "b.mkv"));
    talk(120, &first);
    with_sound(&first, "a.audio_0", 200, &late);
    for (offset, file) in [(120.0, &first), (-80.0, &late)] {
        let report = report(file, &["--max-offset", "200", "--marks", "--look", "60"]);
        let sync = &report["sync"];
        assert_eq!(sync["offset_by"], "mouth", "{offset}: {sync}");
        let found = number(sync, "/offset_ms");
        assert!((found - offset).abs() <= 40.0, "{offset}: {sync}");
        let frames = ["/frames_looked_at", "/frames_with_face"].map(|f| number(sync, f));
        assert_eq!(frames[0], number(&report, "/video/frames"), "{sync}");
        assert!(frames[1] >= 0.9 * frames[0], "{sync}");
        let marks = report["marks"].as_array().expect("a list");
        assert!(marks.iter().any(|mark| mark["kind"] == "mouth"), "{report}");
    }
    // With another speech it is no talking head.
    let mixed = file(&folder, "c.mkv");
    with_sound(&first, &format!("ttssrc text=\"{OTHER}\""), 0, &mixed);
    let said = probe(&[
        "--json",
        "--max-offset",
        "200",
        mixed.to_str().expect("UTF-8"),
    ]);
    assert_eq!(said.code, Some(2), "{} {}", said.out, said.err);
    assert!(said.err.contains("could not be measured"), "{}", said.err);
    // Not looked at, nothing is said.
    let blind = report(&first, &[]);
    assert_eq!(blind["sync"]["mouth"], Value::Null);
    assert_eq!(blind["sync"]["frames_looked_at"], 0);
}
