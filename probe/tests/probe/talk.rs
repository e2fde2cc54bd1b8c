// SPDX-License-Identifier: MPL-2.0
//! A talking head made by the elements, and what a viewer gets of it: mouth against speech.

use std::path::Path;

use crate::common::{have, run, skip, watchdog};
use crate::make::*;
use serde_json::Value;
use sonic_engine::face::Predictor;

const FIRST: &str =
    "Good morning. Many people find it pleasant when both lips move while they listen to me.";
const OTHER: &str =
    "Please open the window before seven, and bring a warm coat for the evening walk.";

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

/// Writes the built-in portrait saying a text at 640×360 into a Matroska file with PCM.
fn talk(text: &str, lip_offset_ms: i64, file: &Path) {
    run(&format!(
        "ttssrc text=\"{text}\" ! tee name=voice \
         voice. ! queue ! sonicanimator framing=head lip-offset={} ! \
         video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 ! h264parse ! mux. \
         voice. ! queue max-size-time=5000000000 ! audioconvert ! audio/x-raw,format=S16LE ! mux. \
         matroskamux name=mux ! filesink location=\"{}\"",
        lip_offset_ms * MS as i64,
        file.display()
    ));
}

/// Within a frame, wherever the lips are.
#[test]
fn the_mouth_tells_the_offset() {
    let _watchdog = watchdog(300);
    if !can_look_and_speak() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (first, other) = (file(&folder, "a.mkv"), file(&folder, "b.mkv"));
    for (text, offset, file) in [(FIRST, 120, &first), (OTHER, -80, &other)] {
        talk(text, offset, file);
        let report = report(file, &["--max-offset", "200", "--marks", "--look", "60"]);
        println!("{offset}: {}", report["sync"]);
        let sync = &report["sync"];
        assert_eq!(sync["offset_by"], "mouth", "{offset}: {sync}");
        let found = number(sync, "/offset_ms");
        assert!((found - offset as f64).abs() <= 40.0, "{offset}: {found}");
        let (looked, faces) = (
            number(sync, "/frames_looked_at"),
            number(sync, "/frames_with_face"),
        );
        assert!(
            looked == number(&report, "/video/frames") && faces >= 0.9 * looked,
            "{sync}"
        );
        let marks = report["marks"].as_array().expect("a list");
        assert!(marks.iter().any(|mark| mark["kind"] == "mouth"), "{report}");
    }
    // The one's picture with the other's sound is no talking head.
    let mixed = file(&folder, "c.mkv");
    run(&format!(
        "filesrc location=\"{}\" ! matroskademux name=a ! h264parse ! mux. \
         filesrc location=\"{}\" ! matroskademux name=b b.audio_0 ! audioconvert ! mux. \
         matroskamux name=mux ! filesink location=\"{}\"",
        first.display(),
        other.display(),
        mixed.display()
    ));
    let said = probe(&[
        "--json",
        "--max-offset",
        "60",
        mixed.to_str().expect("UTF-8"),
    ]);
    println!("mixed: {}", said.report()["sync"]);
    assert_eq!(said.code, Some(2), "{} {}", said.out, said.err);
    // Not looked at, nothing is said.
    let blind = report(&first, &[]);
    assert_eq!(
        (&blind["sync"]["mouth"], &blind["sync"]["frames_looked_at"]),
        (&Value::Null, &0.into())
    );
}
