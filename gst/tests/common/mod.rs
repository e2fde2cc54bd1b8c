// SPDX-License-Identifier: MPL-2.0
//! What the element's tests share. Each test binary uses a part of it.
#![allow(dead_code)]

pub mod clauses;
pub mod files;
pub mod relay;
pub mod rtmp;
pub mod show;
pub mod speech;
pub mod sync;
pub mod viewer;

use std::{
    io::Write,
    sync::{
        Once,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use gst::prelude::*;
use gst_check::Harness;

/// Small enough that a test draws hundreds of frames.
pub const VIDEO: &str = "video/x-raw,format=I420,width=64,height=48,framerate=25/1";
pub const AUDIO: &str = "audio/x-raw,format=F32LE,layout=interleaved,rate=16000,channels=1";
pub const RATE: u64 = 16_000;

pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().expect("GStreamer");
        gstsonic::plugin_register_static().expect("the plugin");
    });
}

/// Ends the process when a test hangs, so that a hang is a failure and not a stuck run.
pub struct Watchdog(#[allow(dead_code)] mpsc::Sender<()>);

pub fn watchdog(seconds: u64) -> Watchdog {
    init();
    let (alive, end) = mpsc::channel::<()>();
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if end.recv_timeout(Duration::from_secs(seconds)) == Err(RecvTimeoutError::Timeout) {
            // Not by a macro: the test harness would keep it to itself.
            let _ = writeln!(
                std::io::stderr(),
                "{test} hangs: not done after {seconds} s"
            );
            std::process::abort();
        }
    });
    Watchdog(alive)
}

/// A flush in the middle of the change to PLAYING would leave a sink prerolling for ever.
pub fn wait_for_playing(pipeline: &gst::Pipeline) {
    let (changed, state, _) = pipeline.state(gst::ClockTime::from_seconds(10));
    assert_eq!((changed.is_ok(), state), (true, gst::State::Playing));
}

pub fn animator() -> gst::Element {
    init();
    gst::ElementFactory::make("sonicanimator")
        .build()
        .expect("sonicanimator")
}

/// The element with a mouth that opens to any sound: a network that knows speech need not.
pub fn by_signal() -> gst::Element {
    let element = animator();
    element.set_property_from_str("articulator", "signal");
    element
}

/// A harness around the element with a bus, fed with `audio` and asked for `video`.
pub fn harness(element: &gst::Element, audio: &str, video: &str) -> (Harness, gst::Bus) {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let mut h = Harness::with_element(element, Some("sink"), Some("src"));
    h.set_caps_str(audio, video);
    (h, bus)
}

pub fn plain() -> Harness {
    harness(&by_signal(), AUDIO, VIDEO).0
}

/// Mono F32LE at `RATE`: a tone of 200 Hz that begins with sample `from`, stamped so.
pub fn tone(from: u64, samples: u64) -> gst::Buffer {
    stamped(from, &sine(from, samples))
}

pub fn sine(from: u64, samples: u64) -> Vec<f32> {
    (from..from + samples)
        .map(|i| (i as f32 * 200.0 * std::f32::consts::TAU / RATE as f32).sin() * 0.5)
        .collect()
}

/// Samples as a buffer whose timestamp is that of sample `from` at `RATE`.
pub fn stamped(from: u64, samples: &[f32]) -> gst::Buffer {
    let at = |i: u64| gst::ClockTime::from_nseconds(i * 1_000_000_000 / RATE);
    let mut buffer = unstamped(samples);
    let b = buffer.get_mut().expect("new");
    b.set_pts(at(from));
    b.set_duration(at(from + samples.len() as u64) - at(from));
    buffer
}

pub fn unstamped(samples: &[f32]) -> gst::Buffer {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    gst::Buffer::from_slice(bytes)
}

/// All frames that have come out.
pub fn frames(h: &mut Harness) -> Vec<gst::Buffer> {
    std::iter::from_fn(|| h.try_pull()).collect()
}

/// Ends the stream and returns the frames that were still to come.
pub fn finish(h: &mut Harness) -> Vec<gst::Buffer> {
    assert!(h.push_event(gst::event::Eos::new()));
    frames(h)
}

pub fn pts(frames: &[gst::Buffer]) -> Vec<u64> {
    frames
        .iter()
        .map(|b| b.pts().expect("every frame has a PTS").nseconds())
        .collect()
}

/// The instants of frames `range` at `n/d`, worked out apart from the engine.
pub fn grid(range: std::ops::Range<u64>, n: u64, d: u64) -> Vec<u64> {
    range
        .map(|k| ((k * d) as f64 * 1e9 / n as f64).round() as u64)
        .collect()
}

pub fn meta(frame: &gst::Buffer) -> gst::Structure {
    gst::meta::CustomMeta::from_buffer(frame, gstsonic::metas::POSE_META)
        .expect("every frame has a SonicPoseMeta")
        .structure()
        .to_owned()
}

pub fn stat<T>(element: &gst::Element, field: &str) -> T
where
    for<'a> T: gst::glib::value::FromValue<'a> + 'static,
{
    let stats: gst::Structure = element.property("stats");
    stats
        .value(field)
        .expect("a field of stats")
        .get()
        .expect("its type")
}

/// The errors and warnings that lie on a bus, as texts.
pub fn complaints(bus: &gst::Bus) -> Vec<String> {
    std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Warning]))
        .map(|message| match message.view() {
            gst::MessageView::Error(e) => format!("error: {}", e.error()),
            gst::MessageView::Warning(w) => format!("warning: {}", w.error()),
            _ => unreachable!("filtered"),
        })
        .collect()
}

/// Says that a test is left out for want of something; with `SONIC_REQUIRE_ALL=1` it fails.
pub fn skip(what: &str) {
    let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
    assert!(!required, "missing: {what}");
    println!("skipped: needs {what}");
}

/// Whether all these elements are installed; see [`skip`].
pub fn have(elements: &[&str]) -> bool {
    init();
    let missing: Vec<_> = elements
        .iter()
        .filter(|name| gst::ElementFactory::find(name).is_none())
        .collect();
    if !missing.is_empty() {
        skip(&format!("the elements {missing:?}"));
    }
    missing.is_empty()
}

/// What a decoder makes of a file's video: the times of the frames.
pub fn decoded(file: &std::path::Path) -> Vec<u64> {
    decoded_stream(file, "video/x-raw")
}

/// The times of a file's decoded buffers of one kind; `kind` is raw caps.
pub fn decoded_stream(file: &std::path::Path, kind: &str) -> Vec<u64> {
    init();
    let description = format!(
        "filesrc location=\"{}\" ! decodebin ! {kind} ! appsink name=sink sync=false",
        file.display()
    );
    let pipeline = gst::parse::launch(&description)
        .expect("a valid description")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let times = std::iter::from_fn(|| sink.pull_sample().ok())
        .map(|sample| {
            let pts = sample.buffer().and_then(|b| b.pts());
            pts.expect("a time").nseconds()
        })
        .collect();
    let message = pipeline
        .bus()
        .and_then(|b| b.pop_filtered(&[gst::MessageType::Error]));
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert!(message.is_none(), "{}: {message:?}", file.display());
    times
}

/// Runs a pipeline to its end and fails with the text of an error.
pub fn run(description: &str) {
    init();
    let pipeline = gst::parse::launch(description).expect("a valid description");
    let bus = pipeline.bus().expect("pipelines have one");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
    let state = pipeline.set_state(gst::State::Null);
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        Some(gst::MessageView::Error(e)) => {
            panic!("{description}: {} ({:?})", e.error(), e.debug())
        }
        _ => panic!("{description}: no end after 60 s"),
    }
    state.expect("it stops");
}
