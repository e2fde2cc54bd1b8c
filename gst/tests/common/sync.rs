// SPDX-License-Identifier: MPL-2.0
//! What the tests of `avclocksync` share: the element between pads of the test's own, on a clock
//! that stands still until it is turned. No data are pushed by other threads, and nothing sleeps.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_check::TestClock;

use super::{init, speech::told};

pub const MS: gst::ClockTime = gst::ClockTime::from_mseconds(1);
pub const S: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// A piece of the sound that is put in: 20 ms.
pub const PIECE: u64 = 320;
pub const SOUND: &str = "audio/x-raw,format=S32LE,layout=interleaved,rate=16000,channels=1";
pub const PICTURES: &str = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1";

pub fn avclocksync(properties: &[(&str, &str)]) -> gst::Element {
    init();
    let element = gst::ElementFactory::make("avclocksync")
        .build()
        .expect("avclocksync");
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element
}

/// What came out of one source pad.
#[derive(Default)]
pub struct Out {
    pub buffers: Vec<gst::Buffer>,
    pub caps: Vec<gst::Caps>,
    pub events: Vec<gst::Event>,
    pub ended: bool,
}

impl Out {
    fn end(&self) -> gst::ClockTime {
        self.buffers.last().map_or(gst::ClockTime::ZERO, |b| {
            b.pts().expect("a time") + b.duration().expect("one")
        })
    }

    /// Each buffer begins where the one before ended.
    #[track_caller]
    pub fn is_even(&self) {
        for pair in self.buffers.windows(2) {
            let end = pair[0].pts().expect("a time") + pair[0].duration().expect("one");
            assert_eq!(pair[1].pts(), Some(end));
            assert!(pair[0].duration() > Some(gst::ClockTime::ZERO));
        }
    }

    /// S32LE samples.
    pub fn samples(&self) -> Vec<i32> {
        let mut samples = Vec::new();
        for buffer in &self.buffers {
            let map = buffer.map_readable().expect("readable");
            samples.extend(map.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)));
        }
        samples
    }

    /// The loud samples, as the numbers that [`Live::speak`] gave them.
    pub fn said(&self) -> Vec<u64> {
        let said = self.samples().into_iter().filter(|s| *s >= SPEECH);
        said.map(|s| (s - SPEECH) as u64).collect()
    }

    /// Of each frame, the number that [`Live::show`] gave it; `None` for other pictures.
    pub fn shown(&self) -> Vec<Option<u64>> {
        self.buffers.iter().map(number).collect()
    }
}

const SPEECH: i32 = 1 << 30;
const MARK: &[u8; 8] = b"a frame ";

fn number(frame: &gst::Buffer) -> Option<u64> {
    let map = frame.map_readable().expect("readable");
    let number = map.strip_prefix(MARK)?;
    Some(u64::from_le_bytes(*number.first_chunk()?))
}

/// The element, live.
pub struct Live {
    pub element: gst::Element,
    pub bus: gst::Bus,
    pub clock: TestClock,
    pub audio: Option<gst::Pad>,
    pub video: Option<gst::Pad>,
    pub sound: Arc<Mutex<Out>>,
    pub pictures: Arc<Mutex<Out>>,
    /// QOS events.
    pub qos: Arc<Mutex<Vec<gst::Event>>>,
    sinks: Vec<gst::Pad>,
    latency: gst::ClockTime,
}

impl Live {
    pub fn new(audio: bool, video: bool, properties: &[(&str, &str)]) -> Self {
        let element = avclocksync(properties);
        element.set_property_from_str("mode", "live");
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let clock = TestClock::new();
        element.set_clock(Some(&clock)).expect("a clock");
        element.set_base_time(gst::ClockTime::ZERO);
        let qos = Arc::new(Mutex::new(Vec::new()));
        let mut live = Self {
            element,
            bus,
            clock,
            audio: None,
            video: None,
            sound: Arc::default(),
            pictures: Arc::default(),
            qos,
            sinks: Vec::new(),
            latency: gst::ClockTime::ZERO,
        };
        if audio {
            live.sinks.push(live.collect("audio_src", &live.sound));
            live.audio = Some(live.feeder("audio_sink"));
        }
        if video {
            live.sinks.push(live.collect("video_src", &live.pictures));
            live.video = Some(live.feeder("video_sink"));
        }
        let changed = live.element.set_state(gst::State::Paused);
        assert_eq!(changed, Ok(gst::StateChangeSuccess::NoPreroll));
        for (pad, caps) in [(&live.audio, SOUND), (&live.video, PICTURES)] {
            if let Some(pad) = pad {
                begin(pad, caps);
            }
        }
        live.element.set_state(gst::State::Playing).expect("plays");
        // The output has begun at 0 when each task waits for its first deadline.
        let waiting = live.sinks.len() as u32;
        live.clock.wait_for_pending_id_count(waiting);
        live.ask_latency();
        live
    }

    /// Takes the latency over that the element declares.
    pub fn ask_latency(&mut self) {
        let mut query = gst::query::Latency::new();
        assert!(self.sinks[0].peer_query(&mut query));
        let (live, min, max) = query.result();
        assert!(live);
        assert!(max.is_none_or(|max| max >= min));
        self.latency = min;
    }

    fn feeder(&self, name: &str) -> gst::Pad {
        let qos = self.qos.clone();
        let pad = gst::Pad::builder(gst::PadDirection::Src)
            .event_function(move |_, _, event| {
                if event.type_() == gst::EventType::Qos {
                    qos.lock().expect("no panic").push(event);
                }
                true
            })
            .build();
        let sink = self.element.static_pad(name).expect("a pad");
        pad.link(&sink).expect("linked");
        pad.set_active(true).expect("active");
        pad
    }

    fn collect(&self, name: &str, out: &Arc<Mutex<Out>>) -> gst::Pad {
        let (buffers, events) = (out.clone(), out.clone());
        let pad = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                buffers.lock().expect("no panic").buffers.push(buffer);
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(move |_, _, event| {
                let mut out = events.lock().expect("no panic");
                match event.view() {
                    gst::EventView::Caps(e) => out.caps.push(e.caps_owned()),
                    gst::EventView::Eos(_) => out.ended = true,
                    _ => {}
                }
                out.events.push(event);
                true
            })
            .build();
        let source = self.element.static_pad(name).expect("a pad");
        source.link(&pad).expect("linked");
        pad.set_active(true).expect("active");
        pad
    }

    pub fn sound(&self) -> std::sync::MutexGuard<'_, Out> {
        self.sound.lock().expect("no panic")
    }

    pub fn pictures(&self) -> std::sync::MutexGuard<'_, Out> {
        self.pictures.lock().expect("no panic")
    }

    /// Turns the clock to a running time, and waits until all that is due then has come out.
    pub fn turn_to(&self, time: gst::ClockTime) {
        loop {
            let due = |out: &Out| !out.ended && out.end() + self.latency <= time;
            let sound = self.audio.is_some() && due(&self.sound());
            let pictures = self.video.is_some() && due(&self.pictures());
            if !sound && !pictures {
                break;
            }
            let first = self.clock.peek_next_pending_id();
            if first.is_some_and(|id| id.time() <= time) {
                self.clock.crank();
            }
            std::thread::yield_now();
        }
        // What others wait for on this clock.
        while let Some(id) = self.clock.peek_next_pending_id()
            && id.time() <= time
        {
            self.clock.crank();
        }
        if self.clock.time() < time {
            self.clock.set_time(time);
        }
    }

    /// Loud sound whose samples are numbered from `first`, stamped `at`.
    pub fn speak(&self, at: gst::ClockTime, first: u64, count: u64) {
        self.push_sound(at, &speech(first, count));
    }

    pub fn push_sound(&self, at: gst::ClockTime, samples: &[i32]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_slice(bytes);
        buffer.get_mut().expect("new").set_pts(at);
        self.push(&self.audio, buffer);
    }

    /// A frame with a number in it.
    pub fn show(&self, at: gst::ClockTime, number: u64) {
        let mut bytes = vec![0; 256];
        bytes[..8].copy_from_slice(MARK);
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        let mut buffer = gst::Buffer::from_slice(bytes);
        let b = buffer.get_mut().expect("new");
        b.set_pts(at);
        b.set_duration(40 * MS);
        self.push(&self.video, buffer);
    }

    pub fn push(&self, pad: &Option<gst::Pad>, buffer: gst::Buffer) {
        let pad = pad.as_ref().expect("a pad");
        pad.push(buffer).expect("taken");
    }

    pub fn event(&self, event: gst::Event) {
        for pad in self.audio.iter().chain(&self.video) {
            pad.push_event(event.clone());
        }
    }

    /// Flushes as an application does, and begins again.
    pub fn flush(&self) {
        self.event(gst::event::FlushStart::new());
        self.event(gst::event::FlushStop::new(true));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.event(gst::event::Segment::new(&segment));
    }

    pub fn told(&self) -> Vec<gst::Structure> {
        told(&self.bus)
    }

    /// Both outputs are even, and go on until `end` but for the latency.
    #[track_caller]
    pub fn is_even_until(&self, end: gst::ClockTime) {
        for (out, used) in [
            (self.sound(), self.audio.is_some()),
            (self.pictures(), self.video.is_some()),
        ] {
            if used {
                out.is_even();
                assert!(out.end() + self.latency > end, "{} of {end}", out.end());
                assert_eq!(out.buffers[0].pts(), Some(gst::ClockTime::ZERO));
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let stopped = self.element.set_state(gst::State::Null);
        if !std::thread::panicking() {
            stopped.expect("it stops");
        }
    }
}

/// Numbered samples, all of them loud.
pub fn speech(first: u64, count: u64) -> Vec<i32> {
    (first..first + count).map(|n| SPEECH + n as i32).collect()
}

pub fn begin(pad: &gst::Pad, caps: &str) {
    let caps: gst::Caps = caps.parse().expect("caps");
    pad.push_event(gst::event::StreamStart::new("test"));
    assert!(pad.push_event(gst::event::Caps::new(&caps)), "{caps}");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    pad.push_event(gst::event::Segment::new(&segment));
}
