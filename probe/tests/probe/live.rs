// SPDX-License-Identifier: MPL-2.0
//! A live stream over RTMP.

use crate::common::{have, init, rtmp::RtmpServer, watchdog};
use crate::make::*;
use gst::prelude::*;

#[test]
fn a_live_stream_is_measured_while_it_goes_on() {
    let _watchdog = watchdog(120);
    if !have(&[
        "x264enc",
        "avdec_h264",
        "avenc_aac",
        "avdec_aac",
        "flvmux",
        "rtmp2sink",
        "rtmp2src",
    ]) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    init();
    let url = server.url("secret-key");
    let publisher = gst::parse::launch(&format!(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse ! mux. \
         audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=48000 ! audioconvert ! avenc_aac ! mux. \
         flvmux name=mux streamable=true latency=200000000 ! rtmp2sink location={url}"
    ));
    let publisher = publisher.expect("a description");
    publisher.set_state(gst::State::Playing).expect("it starts");
    server.wait_for("publish: name='secret-key'");
    let before = unix_time();
    let said = probe(&[
        "--json",
        "--look",
        "0",
        "--marks",
        "--duration",
        "3",
        "--timeout",
        "20",
        &url,
    ]);
    let after = unix_time();
    publisher.set_state(gst::State::Null).expect("it stops");
    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
    assert!(
        !said.out.contains("secret") && !said.err.contains("secret"),
        "{}",
        said.out
    );
    let report = said.report();
    assert_eq!(
        (&report["ended"], &report["source"]["live"]),
        (&"duration".into(), &true.into())
    );
    // Of a machine at work on other things some frames may be missing.
    assert!(
        (20.0..=75.0).contains(&number(&report, "/video/frames")),
        "{report}"
    );
    assert_eq!(
        report["video"]["decodes_from_first_frame"], true,
        "{report}"
    );
    assert!(
        number(&report, "/video/stream/arrival/longest_wait_ms") > 0.0,
        "{report}"
    );
    assert!(
        number(&report, "/video/stream/keyframe_interval_s") >= 0.9,
        "{report}"
    );
    // Each mark was told at once, and with the time at which it could be seen.
    let marks = report["marks"].as_array().expect("a list");
    let told: Vec<_> = said
        .out
        .lines()
        .filter(|line| line.starts_with("{\"mark\":"))
        .collect();
    assert_eq!(told.len(), marks.len());
    assert!(
        marks.iter().filter(|mark| mark["kind"] == "sound").count() >= 2,
        "{report}"
    );
    for mark in marks {
        let arrived = number(mark, "/arrived");
        assert!((before..after).contains(&arrived), "{mark}");
    }
}

fn unix_time() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs_f64()
}

/// `rtmppushsink` takes back what its encoder of sound puts in front. The clip comes from a file,
/// which it plays in real time.
#[test]
fn what_is_pushed_is_as_exact_as_what_was_given() {
    let _watchdog = watchdog(120);
    if !have(&[
        "x264enc",
        "avdec_h264",
        "avenc_aac",
        "avdec_aac",
        "flvmux",
        "flvdemux",
        "rtmp2sink",
        "matroskademux",
    ]) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    init();
    let folder = tempfile::tempdir().expect("a folder");
    let clip = file(&folder, "clip.mkv");
    Clip::flashes(6).write(&clip, X264, PCM, "matroskamux");
    crate::common::run(&format!(
        "rtmppushsink name=push location={} filesrc location=\"{}\" ! matroskademux name=clip \
         clip. ! queue ! h264parse ! avdec_h264 ! push.video clip. ! queue ! push.audio",
        server.url("exact"),
        clip.display()
    ));
    let report = report(&server.recording("exact"), &["--look", "0"]);
    let offset = number(&report, "/sync/offset_ms");
    assert!(offset.abs() <= 5.0, "{report}");
    assert_eq!(report["video"]["decodes_from_first_frame"], true);
}
