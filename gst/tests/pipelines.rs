// SPDX-License-Identifier: MPL-2.0
//! The element among stock elements.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use gst::prelude::*;

/// Of `seconds`, the sound is 44.1 kHz in buffers of 1024 samples.
fn buffers(seconds: u64) -> u64 {
    seconds * 44_100 / 1024
}

fn frame_count(buffers: u64) -> u64 {
    (buffers * 1024 * 25).div_ceil(44_100)
}

const VIDEO_SMALL: &str = "video/x-raw,format=I420,width=160,height=120,framerate=25/1";
const X264: &str = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50";

#[test]
fn the_line_of_the_documentation_runs() {
    let _watchdog = watchdog(60);
    run("audiotestsrc wave=ticks num-buffers=20 ! sonicanimator ! videoconvert ! fakesink");
}

#[test]
fn a_recording_decodes_from_its_first_frame() {
    let _watchdog = watchdog(60);
    if !have(&["x264enc", "flvmux", "decodebin", "avdec_h264", "flvdemux"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.flv");
    let buffers = buffers(3);
    run(&format!(
        "audiotestsrc wave=sine num-buffers={buffers} ! audio/x-raw,rate=44100 ! sonicanimator ! \
         {VIDEO_SMALL} ! {X264} ! flvmux ! filesink location=\"{}\"",
        file.display()
    ));
    let times = decoded(&file);
    assert_eq!(times.len() as u64, frame_count(buffers));
    assert!(times[0] < 40_000_000);
    let steps = times.windows(2).map(|w| w[1] - w[0]);
    // FLV counts milliseconds.
    assert!(
        steps
            .into_iter()
            .all(|step| step.abs_diff(40_000_000) <= 1_000_000)
    );
}

/// A flushing seek begins again at the frame of that position.
#[test]
fn a_seek_shows_the_frames_of_the_new_position() {
    let _watchdog = watchdog(60);
    let pipeline = pipeline(&format!(
        "audiotestsrc num-buffers=430 ! audio/x-raw,rate=44100 ! sonicanimator ! {VIDEO_SMALL} ! \
         appsink name=sink sync=false max-buffers=2"
    ));
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("starts");
    sink.pull_sample().expect("a frame");
    wait_for_playing(&pipeline);
    let to = gst::ClockTime::from_mseconds(7_010);
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    pipeline.seek_simple(flags, to).expect("seeks");
    let first = sink.pull_sample().expect("a frame");
    assert_eq!(first.buffer().and_then(|b| b.pts()), Some(to));
    // Lips cannot follow at double speed, and playback goes on as it was.
    let fast = pipeline.seek(
        2.0,
        flags,
        gst::SeekType::Set,
        to,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    assert!(fast.is_err());
    let next = sink.pull_sample().expect("a frame");
    let step = gst::ClockTime::from_mseconds(40);
    assert_eq!(next.buffer().and_then(|b| b.pts()), Some(to + step));
    pipeline.set_state(gst::State::Null).expect("stops");
}

/// The first frame of a pipeline that ends in `appsink name=sink`, as bytes without padding.
fn first_frame(description: &str) -> Vec<u8> {
    let pipeline = pipeline(&format!("{description} ! appsink name=sink sync=false"));
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let sample = sink.pull_sample().expect("a frame");
    pipeline.set_state(gst::State::Null).expect("stops");
    let map = sample
        .buffer()
        .expect("a frame")
        .map_readable()
        .expect("readable");
    map.to_vec()
}

/// A source whose frames hold the colour of a portrait in their corners, moving or not.
fn coloured(folder: &std::path::Path, [r, g, b]: [u8; 3]) -> String {
    let portrait = files::Portrait::write(folder, &format!("{r}-{g}-{b}"), [r, g, b, 255]);
    format!(
        "audiotestsrc wave=silence num-buffers=10 ! sonicanimator framing=cover \
         portrait=\"{}\" landmarks=\"{}\"",
        portrait.picture(),
        portrait.landmarks()
    )
}

const COLOURS: [[u8; 3]; 5] = [
    [200, 30, 30],
    [30, 200, 30],
    [30, 30, 200],
    [240, 240, 240],
    [224, 172, 140],
];

/// Its samples are those that GStreamer's own source makes of the same colour.
#[test]
fn yuv_is_what_gstreamer_makes_of_the_colour() {
    let _watchdog = watchdog(60);
    let folder = tempfile::tempdir().expect("a folder");
    for [r, g, b] in COLOURS {
        for (width, height) in [(320usize, 240usize), (1280, 720)] {
            let caps =
                format!("video/x-raw,format=I420,width={width},height={height},framerate=25/1");
            let ours = first_frame(&format!("{} ! {caps}", coloured(folder.path(), [r, g, b])));
            let theirs = first_frame(&format!(
                "videotestsrc num-buffers=1 pattern=solid-color \
                 foreground-color=0xff{r:02x}{g:02x}{b:02x} ! {caps}"
            ));
            // Inside the corner: a picture cut to whole pixels may leave a line uncovered.
            let (luma, at) = (width * height, 4 * width / 2 + 4);
            for at in [8 * width + 8, luma + at, luma * 5 / 4 + at] {
                let (ours, theirs) = (ours[at], theirs[at]);
                assert!(
                    ours.abs_diff(theirs) <= 1,
                    "{caps} {r} {g} {b}: {ours} {theirs}"
                );
            }
        }
    }
}

/// Whatever was negotiated, a stock converter finds the portrait's colour. It works in 8 bits
/// and is itself off by up to 5 levels for strong colours.
#[test]
fn colours_survive_the_way_through_yuv() {
    let _watchdog = watchdog(60);
    let folder = tempfile::tempdir().expect("a folder");
    for colour in COLOURS {
        for (width, caps) in [
            (320, "format=I420,height=240"),
            (1280, "format=I420,height=720"),
            (64, "format=NV12,height=64,colorimetry=bt709"),
            (64, "format=I420,height=64,colorimetry=(string)1:4:7:1"),
            (64, "format=I420,height=64,colorimetry=(string)bt2020"),
            (64, "format=I420,height=64,colorimetry=(string)smpte240m"),
            (64, "format=BGRx,height=64"),
        ] {
            let frame = first_frame(&format!(
                "{} ! video/x-raw,width={width},{caps} ! \
                 videoconvert primaries-mode=none gamma-mode=none ! \
                 video/x-raw,format=RGBA,colorimetry=sRGB",
                coloured(folder.path(), colour)
            ));
            let pixel = &frame[4 * (8 * width + 8)..][..3];
            for (got, set) in pixel.iter().zip(colour) {
                assert!(got.abs_diff(set) <= 6, "{caps} {colour:?}: {pixel:?}");
            }
        }
    }
}

fn pipeline(description: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(description)
        .expect("a valid description")
        .downcast()
        .expect("a pipeline")
}

/// Sound and picture of one source meet again in a muxer; the queues hold next to nothing, the
/// one of the sound as much as the look-ahead needs.
#[test]
fn branches_of_a_tee_meet_again_without_a_deadlock() {
    let _watchdog = watchdog(120);
    if !have(&[
        "x264enc",
        "flvmux",
        "avenc_aac",
        "decodebin",
        "avdec_h264",
        "avdec_aac",
    ]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let tight = "queue max-size-buffers=1";
    for (samples, room) in [
        (4410, tight),
        (8820, tight),
        (1050, "queue"),
        (252, "queue"),
    ] {
        let file = folder.path().join(format!("{samples}.flv"));
        let buffers = 3 * 44_100 / samples;
        run(&format!(
            "audiotestsrc wave=ticks num-buffers={buffers} samplesperbuffer={samples} ! \
             audio/x-raw,rate=44100,channels=1 ! tee name=t \
             t. ! {tight} ! sonicanimator ! {VIDEO_SMALL} ! {tight} ! {X264} ! mux. \
             t. ! {room} ! audioconvert ! avenc_aac ! mux. \
             flvmux name=mux ! filesink location=\"{}\"",
            file.display()
        ));
        assert_eq!(decoded(&file).len(), 75, "{samples}");
        let sound = decoded_stream(&file, "audio/x-raw");
        let end = sound.last().expect("sound") + 1024 * 1_000_000_000 / 44_100;
        assert!(
            end.abs_diff(3_000_000_000) <= 80_000_000,
            "sound ends at {end}"
        );
    }
}

/// A live source is paced by the clock; a sink shows what comes within the latency that is told.
#[test]
fn a_live_pipeline_shows_every_frame_in_time() {
    let _watchdog = watchdog(60);
    let pipeline = pipeline(&format!(
        "audiotestsrc is-live=true num-buffers=50 samplesperbuffer=441 ! \
         audio/x-raw,rate=44100 ! sonicanimator name=a ! {VIDEO_SMALL} ! \
         fakesink name=sink sync=false"
    ));
    // Time goes on when all have done what was due, however long that takes on this machine.
    let clock = gst_check::TestClock::new();
    pipeline.use_clock(Some(&clock));
    let sink = pipeline.by_name("sink").expect("the sink");
    let pad = sink.static_pad("sink").expect("a pad");
    let come: Arc<Mutex<Vec<(gst::ClockTime, gst::ClockTime)>>> = Arc::default();
    let (kept, now) = (Arc::clone(&come), clock.clone());
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let time = info.buffer().and_then(|b| b.pts()).expect("a time");
        kept.lock().expect("no panic").push((time, now.time()));
        gst::PadProbeReturn::Ok
    });
    let bus = pipeline.bus().expect("a bus");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let end = [gst::MessageType::Eos, gst::MessageType::Error];

    let message = loop {
        if let Some(message) = bus.pop_filtered(&end) {
            break message;
        }
        if clock.peek_next_pending_id().is_some() {
            clock.crank();
        }
        std::thread::yield_now();
    };
    assert_eq!(message.type_(), gst::MessageType::Eos);
    let mut latency = gst::query::Latency::new();
    assert!(pad.peer_query(&mut latency), "nobody tells the latency");
    pipeline.set_state(gst::State::Null).expect("stops");
    let come = come.lock().expect("no panic");
    assert_eq!(come.len(), 13);
    // To make one takes no time on this clock, and a frame's time is told for it.
    let most = latency.result().1 - gst::ClockTime::from_mseconds(40);
    for (time, at) in come.iter() {
        assert!(
            *at <= *time + most,
            "{time} came at {at}, {most} after its time is the most"
        );
    }
}
