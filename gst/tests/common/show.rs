// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` with live sources in front of it, and what became of them.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::init;

/// What these pipelines and those that read recordings are made of.
pub const ELEMENTS: [&str; 7] = [
    "x264enc",
    "avenc_aac",
    "flvmux",
    "rtmp2sink",
    "decodebin",
    "avdec_h264",
    "flvdemux",
];
/// No message takes longer.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);
/// What a frame may be late by at the sink's pad, ns. Faults last for 3 s and more, so whoever is
/// held up by one is later than that; a busy machine is not.
const MOST_LATE: i64 = 2_000_000_000;
const S: u64 = 1_000_000_000;
const RATE: u64 = 48_000;
/// How long a beep is, ns.
const BEEP: u64 = 30_000_000;

/// A frame at the pad of the sink.
#[derive(Clone, Copy)]
pub struct Seen {
    pub time: u64,
    /// How much later than its time it came, ns.
    pub late: i64,
}

/// Live sources into the sink, which is named `push`.
pub struct Show {
    pub pipeline: gst::Pipeline,
    pub bus: gst::Bus,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Show {
    /// A picture and a ticking; the properties of the sink are `options`. At each full second the
    /// picture flashes and the sound beeps.
    pub fn new(options: &str, frames: u32) -> Self {
        Self::sized(options, frames, "width=160,height=120")
    }

    /// Likewise, with pictures of another size.
    pub fn sized(options: &str, frames: u32, size: &str) -> Self {
        let sound = frames.saturating_mul(2);
        let show = Self::of(&format!(
            "rtmppushsink name=push {options} \
             videotestsrc is-live=true num-buffers={frames} pattern=ball ! \
             video/x-raw,format=I420,{size},framerate=25/1 ! push.video \
             audiotestsrc is-live=true num-buffers={sound} samplesperbuffer=960 wave=silence ! \
             audio/x-raw,format=S16LE,rate=48000,channels=1 ! push.audio"
        ));
        show.mark_seconds();
        show
    }

    /// Live sources begin when they begin, so the pictures say when a second is over, and the sound
    /// follows.
    fn mark_seconds(&self) {
        let pad = |name: &str| self.push().static_pad(name).expect("it was asked for");
        let begin = Arc::new(Mutex::new(None));
        let first = begin.clone();
        pad("video").add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer_mut()
                && let Some(time) = buffer.pts().map(gst::ClockTime::nseconds)
            {
                let first = *first.lock().expect("not poisoned").get_or_insert(time);
                if (time - first) % S < S / 50
                    && let Ok(mut map) = buffer.make_mut().map_writable()
                {
                    map.fill(235);
                }
            }
            gst::PadProbeReturn::Ok
        });
        pad("audio").add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let first = *begin.lock().expect("not poisoned");
            if let Some(buffer) = info.buffer_mut()
                && let (Some(first), Some(time)) = (first, buffer.pts())
            {
                let buffer = buffer.make_mut();
                // It was silence, of which nobody looks at the samples.
                buffer.unset_flags(gst::BufferFlags::GAP);
                let mut map = buffer.map_writable().expect("our own");
                for (i, sample) in (0..).zip(map.as_chunks_mut().0) {
                    let at = (time.nseconds() + i * S / RATE).checked_sub(first);
                    if let Some(since) = at.map(|at| at % S).filter(|since| *since < BEEP) {
                        let turns = since as f64 / 1e6;
                        let value = (turns * std::f64::consts::TAU).cos() * 16_000.0;
                        *sample = (value as i16).to_le_bytes();
                    }
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Anything with a sink named `push`.
    pub fn of(description: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(description)
            .expect("a valid description")
            .downcast::<gst::Pipeline>()
            .expect("a pipeline");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let bus = pipeline.bus().expect("pipelines have one");
        let show = Self {
            pipeline,
            bus,
            seen,
        };
        let push = show.push();
        if let Some(pad) = push.static_pad("video") {
            let seen = show.seen.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let Some(time) = info.buffer().and_then(|b| b.pts()) {
                    let now = push.current_running_time().unwrap_or_default();
                    let late = now.nseconds() as i64 - time.nseconds() as i64;
                    let time = time.nseconds();
                    seen.lock().expect("not poisoned").push(Seen { time, late });
                }
                gst::PadProbeReturn::Ok
            });
        }
        show
    }

    pub fn start(&self) {
        self.pipeline
            .set_state(gst::State::Playing)
            .expect("it starts");
    }

    pub fn push(&self) -> gst::Element {
        self.pipeline.by_name("push").expect("the sink")
    }

    /// The next message that is an end, an error, or tells of a state.
    fn next(&self) -> gst::Message {
        loop {
            let kinds = [
                gst::MessageType::Eos,
                gst::MessageType::Error,
                gst::MessageType::Element,
            ];
            let message = self
                .bus
                .timed_pop_filtered(PATIENCE, &kinds)
                .expect("a message in time");
            let tells = message
                .structure()
                .is_some_and(|s| s.name() == "rtmp-state");
            if tells || message.type_() != gst::MessageType::Element {
                return message;
            }
        }
    }

    /// Waits until the connection is in that state.
    #[track_caller]
    pub fn wait_for(&self, state: &str) -> gst::Structure {
        loop {
            let message = self.next();
            match message.structure() {
                Some(told) if told.name() == "rtmp-state" => {
                    if told.get::<&str>("state") == Ok(state) {
                        return told.to_owned();
                    }
                }
                _ => panic!("{message:?} before {state}"),
            }
        }
    }

    pub fn error(&self) -> String {
        loop {
            match self.next().view() {
                gst::MessageView::Error(e) => return e.error().to_string(),
                gst::MessageView::Eos(_) => panic!("it ended"),
                _ => {}
            }
        }
    }

    /// The first warning.
    pub fn warning(&self) -> String {
        let kinds = [gst::MessageType::Warning, gst::MessageType::Error];
        let message = self.bus.timed_pop_filtered(PATIENCE, &kinds);
        match message.expect("a message in time").view() {
            gst::MessageView::Warning(w) => w.error().to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub fn wait_for_end(&self) {
        loop {
            match self.next().view() {
                gst::MessageView::Error(e) => panic!("{} ({:?})", e.error(), e.debug()),
                gst::MessageView::Eos(_) => return,
                _ => {}
            }
        }
    }

    /// Lets it run until something is so; messages are left where they are.
    #[track_caller]
    pub fn run_until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let end = gst::ClockTime::from_seconds(90);
        let clock = gst::SystemClock::obtain();
        let begin = clock.time();
        while !so(self) {
            let stats = self.push().property::<gst::Structure>("stats");
            assert!(clock.time() - begin < end, "never {what}: {stats:?}");
            // To wait for what tells nobody.
            let _ = self
                .bus
                .timed_pop_filtered(gst::ClockTime::from_mseconds(20), &[gst::MessageType::Qos]);
        }
    }

    /// Lets so much of the show go by, seconds.
    pub fn run(&self, seconds: u64) {
        let until = self.time() + seconds * S;
        self.run_until("that late", |show| show.time() >= until);
    }

    /// The show's own time, ns.
    pub fn time(&self) -> u64 {
        let time = self.pipeline.current_running_time();
        time.map_or(0, gst::ClockTime::nseconds)
    }

    pub fn stat<T: for<'a> gst::glib::value::FromValue<'a> + 'static>(&self, name: &str) -> T {
        let stats: gst::Structure = self.push().property("stats");
        stats.value(name).expect(name).get().expect("its type")
    }

    pub fn state(&self) -> String {
        self.stat("state")
    }

    /// Frames that have come to the sink.
    pub fn frames(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// Stops it; the frames that went in.
    pub fn stop(&self) -> Vec<Seen> {
        self.pipeline.set_state(gst::State::Null).expect("it stops");
        self.frames()
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Frames that follow each other without a hole, each when it should.
#[track_caller]
pub fn assert_unbroken(frames: &[Seen]) {
    for pair in frames.windows(2) {
        let step = pair[1].time.abs_diff(pair[0].time);
        assert!((39_000_000..=41_000_000).contains(&step), "{step} ns");
    }
    let late = frames.iter().map(|f| f.late).max().unwrap_or(0);
    assert!(late < MOST_LATE, "held up by {late} ns");
}
