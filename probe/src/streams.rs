// SPDX-License-Identifier: MPL-2.0
//! What is built behind the parser for each stream: packets are counted, decoded, and measured.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;
use sonic_engine::{face::follow::Luma, measure::Packet};

use crate::gathering::{Gathering, Kind};

/// Pictures are measured in grey, square pixels, and no larger than this: mouths are found in
/// smaller ones.
const PICTURE: &str =
    "video/x-raw,format=GRAY8,width=[1,1920],height=[1,1920],pixel-aspect-ratio=1/1";
const SOUND: &str = "audio/x-raw,format=F32LE,layout=interleaved";
/// Kinds of streams that only name other places. They are not followed: whoever sends a file for
/// measuring does not choose where this machine connects to.
const PLAYLISTS: [&str; 4] = [
    "application/x-hls",
    "application/dash+xml",
    "application/vnd.ms-sstr+xml",
    "text/uri-list",
];

/// Plugs what each stream needs.
pub struct Streams {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    gathering: Arc<Gathering>,
    /// How many there are of each kind.
    counts: [AtomicU64; 2],
    fault: Mutex<Option<String>>,
}

impl Streams {
    pub fn new(pipeline: &gst::Pipeline, gathering: Arc<Gathering>) -> Arc<Self> {
        Arc::new(Self {
            pipeline: pipeline.downgrade(),
            gathering,
            counts: Default::default(),
            fault: Mutex::default(),
        })
    }

    /// Plugs behind every stream that the parser finds.
    pub fn watch(self: &Arc<Self>, parser: &gst::Element) {
        parser.connect("autoplug-continue", false, |args| {
            let caps = args[2].get::<gst::Caps>().ok();
            let goes_on = caps.is_none_or(|caps| !names_places(&caps));
            Some(goes_on.to_value())
        });
        let streams = Arc::clone(self);
        parser.connect_pad_added(move |_, pad| {
            if let Err(what) = streams.plug(pad) {
                streams.fail(what);
            }
        });
        self.watch_unknown(parser);
    }

    /// Notes what neither the parser nor a decoder understands, if it could be seen or heard.
    fn watch_unknown(self: &Arc<Self>, element: &gst::Element) {
        let streams = Arc::clone(self);
        element.connect("unknown-type", false, move |args| {
            let name = args[2].get::<gst::Caps>().map(|caps| media_type(&caps));
            if let Ok(name) = name
                && kind_of(&name).is_some()
            {
                streams.fail(format!("nothing here decodes {name}"));
            }
            None
        });
    }

    /// How many streams there are of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }

    /// What cannot be measured and why, if something cannot.
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn fail(&self, what: String) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert(what);
    }

    fn plug(self: &Arc<Self>, pad: &gst::Pad) -> Result<(), String> {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        if names_places(&caps) {
            return Err(
                "it is a playlist that names other places; give the address of the stream itself"
                    .into(),
            );
        }
        let name = media_type(&caps);
        let kind = kind_of(&name);
        let first =
            kind.filter(|kind| self.counts[*kind as usize].fetch_add(1, Ordering::Relaxed) == 0);
        let Some(kind) = first else {
            let sink = make("fakesink")?;
            sink.set_property("sync", false);
            sink.set_property("async", false);
            return self.link(pad, &[sink]);
        };
        if !name.ends_with("/x-raw") {
            self.gathering
                .claim(kind, |claims| claims.codec = Some(name));
            let gathering = Arc::clone(&self.gathering);
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                if let Some(buffer) = info.buffer() {
                    gathering.packet(kind, packet(pad, buffer));
                }
                gst::PadProbeReturn::Ok
            });
        }
        let decoder = make("decodebin")?;
        let streams = Arc::clone(self);
        decoder.connect_pad_added(move |_, pad| {
            if let Err(what) = streams.measure(kind, pad) {
                streams.fail(what);
            }
        });
        self.watch_unknown(&decoder);
        self.link(pad, &[make("queue")?, decoder])
    }

    /// Measures what a decoder gives out.
    fn measure(&self, kind: Kind, pad: &gst::Pad) -> Result<(), String> {
        let sink = match kind {
            Kind::Video => self.picture_sink(),
            Kind::Audio => self.sound_sink(),
        };
        let converters: &[&str] = match kind {
            Kind::Video => &["videoconvert", "videoscale"],
            Kind::Audio => &["audioconvert"],
        };
        if let (Kind::Video, Some(caps)) = (kind, pad.current_caps())
            && let Some(decoded) = caps.structure(0)
        {
            let side = |name| {
                decoded
                    .get::<i32>(name)
                    .ok()
                    .and_then(|v| u32::try_from(v).ok())
            };
            let rate = decoded.get::<gst::Fraction>("framerate").ok();
            self.gathering.claim(kind, |claims| {
                claims.size = (side("width").unwrap_or(0), side("height").unwrap_or(0));
                claims.frame_rate =
                    rate.map(|r| (r.numer().max(0) as u32, r.denom().max(0) as u32));
            });
        }
        let mut elements = converters
            .iter()
            .map(|name| make(name))
            .collect::<Result<Vec<_>, _>>()?;
        elements.push(sink);
        self.link(pad, &elements)
    }

    fn picture_sink(&self) -> gst::Element {
        let gathering = Arc::clone(&self.gathering);
        sink(PICTURE, move |sample, buffer| {
            let caps = sample.caps().and_then(|caps| caps.structure(0));
            let side = |name| {
                caps.and_then(|c| c.get::<i32>(name).ok())
                    .and_then(|v| usize::try_from(v).ok())
            };
            let map = buffer.map_readable().ok();
            let luma = map.as_ref().and_then(|map| {
                let (width, height) = (side("width")?, side("height")?);
                // Rows of GRAY8 begin at multiples of four bytes.
                Luma::new(width, height, width.next_multiple_of(4), map)
            });
            let duration = buffer.duration().map(gst::ClockTime::nseconds);
            gathering.frame(running_time(sample, buffer), duration, luma.as_ref());
        })
    }

    fn sound_sink(&self) -> gst::Element {
        let gathering = Arc::clone(&self.gathering);
        let mut samples = Vec::new();
        sink(SOUND, move |sample, buffer| {
            let caps = sample.caps().and_then(|caps| caps.structure(0));
            let number = |name| {
                caps.and_then(|c| c.get::<i32>(name).ok())
                    .and_then(|v| u32::try_from(v).ok())
            };
            let (Some(rate), Some(channels)) = (number("rate"), number("channels")) else {
                return;
            };
            let Ok(map) = buffer.map_readable() else {
                return;
            };
            samples.clear();
            samples.extend(
                map.chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            );
            gathering.claim(Kind::Audio, |claims| {
                (claims.rate, claims.channels) = (rate, channels)
            });
            gathering.sound(running_time(sample, buffer), &samples, rate, channels);
        })
    }

    /// Adds elements to the pipeline and links them behind a pad.
    fn link(&self, pad: &gst::Pad, elements: &[gst::Element]) -> Result<(), String> {
        let pipeline = self.pipeline.upgrade().ok_or("the pipeline is gone")?;
        let failed = |_| "a stream cannot be linked to its decoder".to_owned();
        pipeline.add_many(elements).map_err(failed)?;
        gst::Element::link_many(elements).map_err(failed)?;
        for element in elements.iter().rev() {
            element.sync_state_with_parent().map_err(failed)?;
        }
        let entry = elements.first().and_then(|first| first.static_pad("sink"));
        let entry = entry.ok_or("a decoder has no entry")?;
        pad.link(&entry)
            .map(|_| ())
            .map_err(|error| format!("a stream cannot be linked: {error}"))
    }
}

fn make(name: &str) -> Result<gst::Element, String> {
    let made = gst::ElementFactory::make(name).build();
    made.map_err(|_| format!("GStreamer's element {name} is missing"))
}

/// A sink that hands on each buffer as it is decoded.
fn sink(
    caps: &str,
    mut take: impl FnMut(&gst::SampleRef, &gst::BufferRef) + Send + 'static,
) -> gst::Element {
    let caps = caps.parse::<gst::Caps>().expect("constant caps");
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(buffer) = sample.buffer() {
                take(&sample, buffer);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    gst_app::AppSink::builder()
        .caps(&caps)
        .sync(false)
        .async_(false)
        .max_buffers(1)
        .callbacks(callbacks)
        .build()
        .upcast()
}

/// When a decoded buffer is to be shown, ns; none if that lies before the beginning.
fn running_time(sample: &gst::SampleRef, buffer: &gst::BufferRef) -> Option<u64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment
        .to_running_time(buffer.pts()?)
        .map(gst::ClockTime::nseconds)
}

fn packet(pad: &gst::Pad, buffer: &gst::Buffer) -> Packet {
    let segment = pad.sticky_event::<gst::event::Segment>(0);
    let segment = segment
        .as_ref()
        .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>());
    // Some are decoded before they are shown first: a negative time is still a place.
    let time = |at: Option<gst::ClockTime>| {
        let running = segment?.to_running_time_full(at?)?;
        Some(running.positive().map_or(0, gst::ClockTime::nseconds))
    };
    Packet {
        dts: time(buffer.dts()),
        pts: time(buffer.pts()),
        duration: buffer.duration().map(gst::ClockTime::nseconds),
        bytes: buffer.size() as u64,
        is_key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        arrived: None,
    }
}

fn media_type(caps: &gst::CapsRef) -> String {
    caps.structure(0)
        .map_or_else(String::new, |s| s.name().to_string())
}

fn names_places(caps: &gst::CapsRef) -> bool {
    PLAYLISTS.contains(&media_type(caps).as_str())
}

fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type.split('/').next() {
        Some("video" | "image") => Some(Kind::Video),
        Some("audio") => Some(Kind::Audio),
        _ => None,
    }
}
