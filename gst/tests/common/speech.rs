// SPDX-License-Identifier: MPL-2.0
//! What the tests of `ttssrc` share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use gst::{glib, prelude::*};
use gst_check::Harness;
use gstsonic::metas::{SpeechClause, SpeechPlace};

use super::{init, skip};

/// Whether eSpeak NG and Flite are installed; see [`skip`].
pub fn have_voices() -> bool {
    let missing = ["en", "slt"]
        .iter()
        .find(|name| sonic_engine::voice::choice::voice_named(name, None).is_err());
    if let Some(name) = missing {
        skip(&format!("the voice {name}"));
    }
    missing.is_none()
}

/// With properties as they are written for gst-launch-1.0.
pub fn ttssrc(properties: &[(&str, &str)]) -> gst::Element {
    init();
    let element = gst::ElementFactory::make("ttssrc").build().expect("ttssrc");
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element
}

pub fn say(element: &gst::Element, text: &str) -> u64 {
    element.emit_by_name("say", &[&text])
}

pub fn append(element: &gst::Element, id: u64, text: &str) -> u64 {
    element.emit_by_name("append", &[&id, &text])
}

pub fn finish_text(element: &gst::Element, id: u64) {
    element.emit_by_name::<()>("finish", &[&id]);
}

pub fn interrupt(element: &gst::Element) {
    element.emit_by_name::<()>("interrupt", &[]);
}

/// Whether a buffer belongs to a clause.
pub fn is_speech(buffer: &gst::Buffer) -> bool {
    SpeechPlace::of(buffer).is_some()
}

/// The element messages on a bus, in order.
pub fn told(bus: &gst::Bus) -> Vec<gst::Structure> {
    std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Element]))
        .filter_map(|message| message.structure().map(ToOwned::to_owned))
        .collect()
}

pub fn named<'a>(told: &'a [gst::Structure], name: &str) -> Vec<&'a gst::Structure> {
    told.iter().filter(|s| s.name() == name).collect()
}

pub fn field<T>(structure: &gst::StructureRef, name: &str) -> T
where
    for<'a> T: glib::value::FromValue<'a> + 'static,
{
    let value = structure.get(name);
    value.unwrap_or_else(|e| panic!("{name} of {structure}: {e}"))
}

/// What came out of a source: what holds for all streams is checked by [`Stream::checked`].
#[derive(Clone, Default)]
pub struct Stream {
    pub caps: Option<gst::Caps>,
    pub buffers: Vec<gst::Buffer>,
    pub clauses: Vec<SpeechClause>,
    /// How many buffers there were when each clause's event came.
    pub clause_at: Vec<usize>,
    pub interrupts: Vec<u64>,
}

impl Stream {
    fn event(&mut self, event: &gst::Event) {
        match event.view() {
            gst::EventView::Caps(e) => self.caps = Some(e.caps_owned()),
            gst::EventView::CustomDownstream(_) => {
                if let Some(clause) = SpeechClause::from_event(event) {
                    assert!(self.caps.is_some(), "caps come first");
                    self.clauses.push(clause.expect("a valid clause"));
                    self.clause_at.push(self.buffers.len());
                }
            }
            gst::EventView::CustomDownstreamOob(e) => {
                let structure = e.structure().expect("one");
                assert_eq!(structure.name(), "sonic-interrupt");
                let id = structure.get_optional("utterance-id").expect("a number");
                self.interrupts.push(id.unwrap_or(0));
            }
            _ => {}
        }
    }

    pub fn info(&self) -> gst_audio::AudioInfo {
        gst_audio::AudioInfo::from_caps(self.caps.as_ref().expect("caps")).expect("audio caps")
    }

    pub fn samples(&self) -> u64 {
        let sizes = self.buffers.iter().map(|b| b.size() as u64);
        sizes.sum::<u64>() / u64::from(self.info().bpf())
    }

    /// Buffers touch, carry times that follow from the count of samples, and belong to the
    /// clause whose event came last; clauses are whole unless `cut`.
    #[track_caller]
    pub fn checked(&self, cut: bool) -> &Self {
        let info = self.info();
        let rate = u64::from(info.rate());
        let time = |sample: u64| sample.mul_div_floor(1_000_000_000, rate).expect("small");
        let mut next = self.buffers.first().map_or(0, |b| b.offset());
        let mut spoken: HashMap<(u64, u32), u64> = HashMap::new();
        for (nth, buffer) in self.buffers.iter().enumerate() {
            let count = buffer.size() as u64 / u64::from(info.bpf());
            assert!(count > 0);
            assert_eq!((buffer.offset(), buffer.offset_end()), (next, next + count));
            assert_eq!(buffer.pts().expect("a time").nseconds(), time(next));
            let end = buffer.pts().expect("a time") + buffer.duration().expect("one");
            assert_eq!(end.nseconds(), time(next + count));
            next += count;
            let Some(place) = SpeechPlace::of(buffer) else {
                continue;
            };
            let place = place.expect("a valid meta");
            let last = self.clause_at.partition_point(|at| *at <= nth);
            let clause = &self.clauses[last - 1];
            assert_eq!(
                (place.utterance_id, place.clause),
                (clause.utterance_id, clause.clause)
            );
            let key = (place.utterance_id, place.clause);
            let first = self.clause_at[last - 1] == nth;
            let expected = if first { place.offset } else { spoken[&key] };
            assert_eq!(place.offset, expected);
            spoken.insert(key, place.offset + count);
        }
        for clause in &self.clauses {
            assert_eq!(u64::from(clause.rate), rate);
            let length = clause.phones.last().map_or(0, |p| p.start + p.length);
            if !cut {
                let heard = spoken.get(&(clause.utterance_id, clause.clause));
                assert_eq!(heard, Some(&length), "{}", clause.text);
            }
        }
        self
    }

    /// Samples as numbers.
    pub fn sound(&self) -> Vec<f32> {
        let float = self.info().format() == gst_audio::AudioFormat::F32le;
        let mut sound = Vec::new();
        for buffer in &self.buffers {
            let map = buffer.map_readable().expect("readable");
            if float {
                sound.extend(map.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
            } else {
                let numbers = map.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b));
                sound.extend(numbers.map(|s| f32::from(s) / 32_768.0));
            }
        }
        sound
    }
}

/// Collects what passes a pad.
pub fn record(pad: &gst::Pad) -> Arc<Mutex<Stream>> {
    let stream = Arc::new(Mutex::new(Stream {
        caps: pad.current_caps(),
        ..Stream::default()
    }));
    let kept = stream.clone();
    let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    pad.add_probe(kinds, move |_, info| {
        let mut stream = kept.lock().expect("no panic");
        match &info.data {
            // A copy of its own, since the pool takes the memory back.
            Some(gst::PadProbeData::Buffer(buffer)) => {
                stream.buffers.push(buffer.copy_deep().expect("memory"));
            }
            Some(gst::PadProbeData::Event(event)) => stream.event(event),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    stream
}

/// What a source that is not live gives from its start to its end, with its messages and
/// complaints.
pub struct Whole {
    pub stream: Stream,
    pub told: Vec<gst::Structure>,
    pub complaints: Vec<String>,
}

pub fn play(element: &gst::Element, caps: &str) -> Whole {
    let pipeline = gst::Pipeline::new();
    let filter = gst::ElementFactory::make("capsfilter")
        .property_from_str("caps", caps)
        .build()
        .expect("capsfilter");
    let sink = gst::ElementFactory::make("fakesink")
        .build()
        .expect("fakesink");
    pipeline.add_many([element, &filter, &sink]).expect("added");
    gst::Element::link_many([element, &filter, &sink]).expect("linked");
    let stream = record(&element.static_pad("src").expect("a pad"));
    let bus = pipeline.bus().expect("pipelines have one");
    // It may fail, of which a message tells.
    let _ = pipeline.set_state(gst::State::Playing);
    let (mut told, mut complaints) = (Vec::new(), Vec::new());
    loop {
        let message = bus.timed_pop(gst::ClockTime::from_seconds(60));
        match message.as_ref().map(|m| m.view()) {
            None => panic!("no end after 60 s"),
            Some(gst::MessageView::Eos(_)) => break,
            Some(gst::MessageView::Error(e)) => {
                complaints.push(format!("error: {}", e.error()));
                break;
            }
            Some(gst::MessageView::Warning(w)) => {
                complaints.push(format!("warning: {}", w.error()))
            }
            Some(gst::MessageView::Element(e)) => {
                told.extend(e.structure().map(ToOwned::to_owned));
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    pipeline.remove(element).expect("it was there");
    element.set_bus(None);
    let stream = stream.lock().expect("no panic").clone();
    Whole {
        stream,
        told,
        complaints,
    }
}

/// A live source on a clock that stands still until it is turned.
pub struct Live {
    pub element: gst::Element,
    pub h: Harness,
    pub bus: gst::Bus,
    pub clock: gst_check::TestClock,
    pub stream: Arc<Mutex<Stream>>,
    /// When the next buffer is.
    due: gst::ClockTime,
}

impl Live {
    pub fn new(properties: &[(&str, &str)]) -> Self {
        let element = ttssrc(properties);
        element.set_property("is-live", true);
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let stream = record(&element.static_pad("src").expect("a pad"));
        let mut h = Harness::with_element(&element, None, Some("src"));
        h.set_sink_caps_str("audio/x-raw");
        h.use_testclock();
        let clock = h.testclock().expect("a test clock");
        h.play();
        Self {
            element,
            h,
            bus,
            clock,
            stream,
            due: gst::ClockTime::ZERO,
        }
    }

    /// Turns the clock until the next buffer comes, and no further.
    pub fn next(&mut self) -> gst::Buffer {
        loop {
            if let Some(buffer) = self.h.try_pull() {
                self.due = buffer.pts().expect("a time") + buffer.duration().expect("one");
                return buffer;
            }
            // Messages wait on the same clock, some for later times.
            let first = self.clock.peek_next_pending_id();
            if first.is_some_and(|id| id.time() <= self.due) {
                assert!(self.clock.crank(), "a clock that turns");
            }
            std::thread::yield_now();
        }
    }

    /// Waits until speech is ready, without turning the clock.
    pub fn wait_for_speech(&self) {
        while super::stat::<u64>(&self.element, "ready-time") == 0 {
            std::thread::yield_now();
        }
    }

    pub fn stop(self) -> (Stream, Vec<gst::Structure>) {
        self.element.set_state(gst::State::Null).expect("it stops");
        let stream = self.stream.lock().expect("no panic").clone();
        (stream, told(&self.bus))
    }
}
