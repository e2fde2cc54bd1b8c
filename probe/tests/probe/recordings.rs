// SPDX-License-Identifier: MPL-2.0
//! Recordings with known faults: the program tells each of them, and nothing else.

use crate::common::{have, run, watchdog};
use crate::make::*;
use gst::prelude::*;
use serde_json::Value;

const ELEMENTS: [&str; 9] = [
    "x264enc",
    "h264parse",
    "avdec_h264",
    "avenc_aac",
    "avdec_aac",
    "matroskamux",
    "mp4mux",
    "flvmux",
    "jpegenc",
];

#[test]
fn an_even_recording_has_no_fault() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, muxer, audio, jitter) in [
        ("a.mkv", "matroskamux", PCM, 1.0),
        ("a.mp4", "mp4mux", "avenc_aac", 0.1),
        ("a.flv", "flvmux", "avenc_aac", 1.0),
    ] {
        let file = file(&folder, name);
        Clip::flashes(4).write(&file, X264, audio, muxer);
        let report = report(
            &file,
            &["--max-gap", "0", "--max-jitter", "2", "--max-offset", "30"],
        );
        assert_eq!(report["ended"], "end-of-stream");
        assert_eq!(report["fault"], Value::Null);
        let video = &report["video"];
        assert_eq!(video["codec"], "video/x-h264");
        assert_eq!(
            (&video["width"], &video["height"]),
            (&160.into(), &120.into())
        );
        assert_eq!(video["declared_rate"], "25/1");
        assert_eq!(video["frames"], 100);
        assert!(
            (number(video, "/rate") - 25.0).abs() < 0.02,
            "{name}: {video}"
        );
        assert!(number(video, "/jitter_max_ms") <= jitter, "{name}: {video}");
        for field in [
            "gaps",
            "repeated_timestamps",
            "backward_timestamps",
            "missing_timestamps",
        ] {
            assert_eq!(video[field], 0, "{name}: {field}");
        }
        assert_eq!(video["repeated_pictures"], 0);
        assert_eq!(video["decodes_from_first_frame"], true, "{name}: {video}");
        assert_eq!(number(video, "/stream/keyframe_interval_s"), 1.0);
        assert_eq!(number(video, "/stream/keyframes"), 4.0);
        assert!(number(video, "/stream/kbit_s") > 1.0);
        assert_eq!(video["stream"]["arrival"], Value::Null);
        let audio = &report["audio"];
        assert_eq!(
            (&audio["rate"], &audio["channels"]),
            (&48_000.into(), &1.into())
        );
        for field in [
            "gaps",
            "overlaps",
            "repeated_timestamps",
            "backward_timestamps",
        ] {
            assert_eq!(audio[field], 0, "{name}: {field} {audio}");
        }
        assert!(
            (number(audio, "/duration_s") - 4.0).abs() < 0.05,
            "{name}: {audio}"
        );
    }
}

/// Sound without an encoder is measured to 5 ms. AAC comes later by the 1024 samples of the
/// encoder's priming, which GStreamer 1.22 does not take back: a viewer gets it so.
#[test]
fn flashes_and_beeps_tell_the_offset() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a");
    for (shift, muxer, audio, priming) in [
        (-120i64, "matroskamux", PCM, 0.0),
        (-35, "matroskamux", PCM, 0.0),
        (0, "matroskamux", PCM, 0.0),
        (80, "matroskamux", PCM, 0.0),
        (80, "mp4mux", "avenc_aac", 21.3),
        (33, "flvmux", "avenc_aac", 21.3),
    ] {
        Clip::flashes(5)
            .shift_sound(shift)
            .write(&file, X264, audio, muxer);
        let report = report(&file, &[]);
        let sync = &report["sync"];
        assert_eq!(sync["offset_by"], "flash", "{shift} {muxer}: {report}");
        let expected = -(shift as f64) - priming;
        let offset = number(sync, "/offset_ms");
        assert!(
            (offset - expected).abs() <= 5.0,
            "{shift} {muxer}: {offset}"
        );
        assert!(number(sync, "/flash/pairs") >= 4.0);
    }
}

/// Of stock sources alone: the picture turns white at odd seconds, and 40 ms later the sound ticks.
/// (`audiotestsrc` ticks a buffer of 10 ms too early from the second time on.)
#[test]
fn stock_sources_are_measured_too() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a.mkv");
    run(&format!(
        "videotestsrc pattern=blink num-buffers=12 ! video/x-raw,width=64,height=48,framerate=1/1 ! \
         {X264} ! mux. audiotestsrc wave=ticks tick-interval=2000000000 samplesperbuffer=480 \
         num-buffers=1100 timestamp-offset=1050000000 ! audio/x-raw,rate=48000 ! audioconvert ! {PCM} \
         ! mux. matroskamux name=mux ! filesink location=\"{}\"",
        file.display()
    ));
    let report = report(&file, &[]);
    let offset = number(&report, "/sync/offset_ms");
    assert!((offset + 40.0).abs() <= 5.0, "{report}");
    let start = number(&report, "/sync/start_difference_ms");
    assert!((start + 1050.0).abs() <= 2.0, "{report}");
    assert_eq!(number(&report, "/video/rate"), 1.0);
}

#[test]
fn missing_doubled_and_backward_frames_are_told() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a.mkv");
    let mut clip = Clip::flashes(4);
    clip.frames.drain(60..64);
    clip.frames.drain(30..31);
    clip.frames[40].0 = clip.frames[39].0;
    clip.frames[20].0 = clip.frames[10].0;
    clip.write(&file, "identity", PCM, "matroskamux");
    let raw = report(&file, &[]);
    let video = &raw["video"];
    assert_eq!(
        (&video["codec"], &video["stream"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(video["frames"], 95);
    assert_eq!(video["repeated_timestamps"], 1, "{video}");
    assert_eq!(video["backward_timestamps"], 1, "{video}");
    // Four lost frames, a lost one, one that is shown as its neighbour, and one long ago.
    assert_eq!(video["gaps"], 4, "{video}");
    assert_eq!(number(video, "/longest_gap_ms"), 200.0);

    clip.write(&file, "jpegenc", PCM, "matroskamux");
    let coded = report(&file, &[]);
    assert_eq!(coded["video"]["codec"], "image/jpeg");
    assert_eq!(
        coded["video"]["stream"]["repeated_timestamps"], 2,
        "{coded}"
    );
    assert_eq!(
        coded["video"]["stream"]["backward_timestamps"], 1,
        "{coded}"
    );
    let name = file.to_str().expect("UTF-8");
    assert_eq!(
        probe(&["--look", "0", "--max-gap", "199", name]).code,
        Some(2)
    );
    let kept = probe(&["--look", "0", "--max-gap", "200", name]);
    assert_eq!((kept.code, kept.err.as_str()), (Some(0), ""));
}

#[test]
fn holes_and_overlaps_of_the_sound_are_told_in_samples() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a.mkv");
    let mut clip = Clip::flashes(4);
    // 300 ms are missing; later 50 ms come twice.
    clip.sound.drain(10..13);
    for block in &mut clip.sound[25..] {
        block.0 -= 50 * MS;
    }
    clip.write(&file, X264, PCM, "matroskamux");
    let said = probe(&[
        "--json",
        "--look",
        "0",
        "--look",
        "0",
        "--max-gap",
        "100",
        file.to_str().expect("UTF-8"),
    ]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(
        said.err.contains("a gap in the sound is 300"),
        "{}",
        said.err
    );
    let report = said.report();
    let audio = &report["audio"];
    assert_eq!(
        (&audio["gaps"], &audio["overlaps"]),
        (&1.into(), &1.into()),
        "{audio}"
    );
    // Matroska counts milliseconds: 48 samples.
    assert!(
        (number(audio, "/gap_samples") - 14_400.0).abs() <= 48.0,
        "{audio}"
    );
    assert!(
        (number(audio, "/overlap_samples") - 2_400.0).abs() <= 48.0,
        "{audio}"
    );
}

/// Without its first frames a stream begins with nothing that can be decoded.
#[test]
fn a_stream_without_its_first_keyframe_is_told() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a.flv");
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=75 ! video/x-raw,width=160,height=120,framerate=25/1 ! \
         x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max=25 ! flvmux ! \
         filesink location=\"{}\"",
        file.display()
    ));
    let pipeline = pipeline
        .expect("a description")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let pad = pipeline
        .by_name("encoder")
        .and_then(|e| e.static_pad("src"))
        .expect("a pad");
    let mut count = 0;
    let lost = std::sync::Mutex::new(move || {
        count += 1;
        count <= 10
    });
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let mut lost = lost.lock().expect("no panic");
        if lost() {
            gst::PadProbeReturn::Drop
        } else {
            gst::PadProbeReturn::Ok
        }
    });
    finish(&pipeline);
    let report = report(&file, &[]);
    assert_eq!(
        report["video"]["decodes_from_first_frame"], false,
        "{report}"
    );
    assert_eq!(
        report["video"]["stream"]["begins_with_keyframe"], false,
        "{report}"
    );
    let name = file.to_str().expect("UTF-8");
    assert!(
        probe(&["--look", "0", name])
            .out
            .contains("does not decode from the first frame on")
    );
}

#[test]
fn a_stream_may_be_alone() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sound = file(&folder, "a.wav");
    Clip::flashes(2).write(&sound, "", PCM, "wavenc");
    let heard = report(&sound, &[]);
    assert_eq!(
        (&heard["video"], &heard["source"]["video_streams"]),
        (&Value::Null, &0.into())
    );
    assert_eq!(heard["audio"]["samples"], 96_000);
    assert_eq!(heard["sync"]["offset_ms"], Value::Null);
    let pictures = file(&folder, "a.mp4");
    Clip::flashes(2).write(&pictures, X264, "", "mp4mux");
    let seen = report(&pictures, &[]);
    assert_eq!(
        (&seen["audio"], &seen["video"]["frames"]),
        (&Value::Null, &50.into())
    );
    // What cannot be measured is not within any limit.
    for file in [sound, pictures] {
        let said = probe(&[
            "--look",
            "0",
            "--max-offset",
            "1000",
            file.to_str().expect("UTF-8"),
        ]);
        assert_eq!(said.code, Some(2), "{}", said.out);
        assert!(said.err.contains("could not be measured"), "{}", said.err);
    }
}

#[test]
fn no_more_is_read_than_is_asked_for() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(&folder, "a.mkv");
    Clip::flashes(6).write(&file, X264, PCM, "matroskamux");
    let report = report(&file, &["--duration", "2", "--marks"]);
    assert_eq!(number(&report, "/video/frames"), 50.0, "{report}");
    assert!(
        (number(&report, "/audio/duration_s") - 2.0).abs() <= 0.101,
        "{report}"
    );
    assert_eq!(number(&report, "/video/stream/packets"), 50.0, "{report}");
    assert_eq!(report["marks"].as_array().map(Vec::len), Some(4));
    let url = format!("file://{}", file.display());
    let said = probe(&["--look", "0", "--duration", "2", "--marks", &url]);
    assert!(
        said.out.starts_with("flash at 0.480 s\n") || said.out.starts_with("sound at 0.480 s\n"),
        "{}",
        said.out
    );
}
