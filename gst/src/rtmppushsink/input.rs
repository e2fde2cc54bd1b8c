// SPDX-License-Identifier: MPL-2.0
//! What lies between a pad of the sink and the queue of packets: an encoder where it is raw.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};

use super::{
    connection::Kind,
    encoder::{self, VideoEncoder, Wanted},
    settings::Settings,
    shared::Shared,
};

/// Raw frames that may wait for the encoder. More are dropped, so that a slow encoder does not
/// hold up who makes them.
const RAW_FRAMES: u32 = 3;

/// Caps of a pad: raw, or encoded as FLV has it.
pub fn accepted(kind: Kind) -> gst::Caps {
    let (raw, encoded) = match kind {
        Kind::Video => ("video/x-raw", gst::Caps::new_empty_simple("video/x-h264")),
        Kind::Audio => (
            "audio/x-raw",
            gst::Caps::builder("audio/mpeg")
                .field("mpegversion", 4i32)
                .build(),
        ),
    };
    let mut caps = gst::Caps::new_empty_simple(raw);
    caps.merge(encoded);
    caps
}

/// What arrives at the queue.
fn muxed(kind: Kind) -> gst::Caps {
    match kind {
        Kind::Video => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .build(),
        Kind::Audio => gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .build(),
    }
}

/// What is asked of upstream: video as it is wanted, else any.
pub fn asked_for(wanted: Option<gst::Caps>, filter: Option<&gst::CapsRef>) -> gst::Caps {
    let mut caps = wanted.unwrap_or_else(gst::Caps::new_empty);
    caps.merge(accepted(Kind::Video));
    match filter {
        // Ours first: upstream's order is how it would have it by itself.
        Some(filter) => caps.intersect_with_mode(filter, gst::CapsIntersectMode::First),
        None => caps,
    }
}

/// Why a stream cannot be taken.
pub enum NoInput {
    /// The label cannot be drawn.
    NoLabel,
    /// No encoder of that kind is installed, or none starts.
    NoEncoder(&'static str),
    /// An element that comes with GStreamer is missing.
    Missing(gst::glib::BoolError),
}

impl From<gst::glib::BoolError> for NoInput {
    fn from(error: gst::glib::BoolError) -> Self {
        Self::Missing(error)
    }
}

/// The elements of one pad.
pub struct Input {
    pub kind: Kind,
    pub sink: AppSink,
    /// In front of the sink, once caps are known.
    elements: Vec<gst::Element>,
    pub encoder: Option<VideoEncoder>,
    pub raw: Arc<RawFrames>,
    made_for: Option<Stream>,
}

/// What the elements of a pad depend on.
#[derive(Clone, Debug, PartialEq)]
struct Stream {
    media: String,
    /// Video is raw and comes otherwise than it is wanted.
    converts: Option<gst::Caps>,
    /// Of the video, once it is as it is wanted.
    rate: Option<gst::Fraction>,
}

impl Stream {
    fn new(caps: &gst::CapsRef, settings: &Settings) -> Option<Self> {
        let structure = caps.structure(0)?;
        let media = structure.name().to_string();
        let rate = |s: &gst::StructureRef| s.get::<gst::Fraction>("framerate").ok();
        let wanted = settings.wanted_video().ok().flatten();
        let converts =
            wanted.filter(|wanted| media == "video/x-raw" && !caps.can_intersect(wanted));
        let wanted_rate = converts
            .as_ref()
            .and_then(|wanted| wanted.structure(0).and_then(rate));
        Some(Self {
            rate: wanted_rate.or_else(|| rate(structure)),
            media,
            converts,
        })
    }

    fn is_raw(&self) -> bool {
        self.media.ends_with("/x-raw")
    }

    /// Frames a second; where nobody says, what is usual.
    fn fps(&self) -> f64 {
        self.rate
            .filter(|rate| rate.numer() > 0 && rate.denom() > 0)
            .map_or(25.0, |rate| {
                f64::from(rate.numer()) / f64::from(rate.denom())
            })
    }
}

/// Raw frames in and out of the queue in front of the encoder.
#[derive(Default)]
pub struct RawFrames {
    given: AtomicU64,
    taken: AtomicU64,
    queue: std::sync::Mutex<Option<gst::Element>>,
}

impl RawFrames {
    /// How many were dropped.
    pub fn dropped(&self) -> u64 {
        let queue = self.queue.lock().ok().and_then(|queue| queue.clone());
        let level = queue.map_or(0, |queue| {
            u64::from(queue.property::<u32>("current-level-buffers"))
        });
        let taken = self.taken.load(Ordering::Acquire);
        let given = self.given.load(Ordering::Acquire);
        given.saturating_sub(taken + level)
    }
}

impl Input {
    /// The sink of a pad, which needs no preroll, for the stream may begin at any time.
    pub fn new(kind: Kind) -> Self {
        let sink = AppSink::builder()
            .name(format!("{}-packets", kind.name()))
            .caps(&muxed(kind))
            .async_(false)
            .sync(false)
            .enable_last_sample(false)
            .build();
        Self {
            kind,
            sink,
            elements: Vec::new(),
            encoder: None,
            raw: Arc::default(),
            made_for: None,
        }
    }

    /// Packets go there from now on.
    pub fn connect(&self, shared: &Arc<Shared>) {
        let (kind, packets, end) = (self.kind, shared.clone(), shared.clone());
        let callbacks = AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                deliver(kind, &sample, &packets);
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| end.ended(kind))
            .build();
        self.sink.set_callbacks(callbacks);
    }

    /// Whether a stream of these caps goes through what is there already.
    pub fn takes(&self, caps: &gst::CapsRef, settings: &Settings) -> bool {
        self.made_for.is_some() && self.made_for == Stream::new(caps, settings)
    }

    /// Makes the elements for caps; the pad that takes them. `live` streams are not waited for.
    pub fn build(
        &mut self,
        bin: &gst::Bin,
        caps: &gst::CapsRef,
        live: bool,
        settings: &Settings,
        shared: &Shared,
    ) -> Result<gst::Pad, NoInput> {
        self.remove(bin);
        let stream = Stream::new(caps, settings)
            .ok_or_else(|| gst::glib::bool_error!("caps without a structure"))?;
        let raw = stream.is_raw();
        let elements = match (self.kind, raw) {
            (Kind::Video, true) => self.raw_video(&stream, live, settings, shared)?,
            (Kind::Video, false) => vec![make("h264parse")?],
            (Kind::Audio, true) => raw_audio(caps, settings, shared)?,
            (Kind::Audio, false) => vec![make("aacparse")?],
        };
        if self.kind == Kind::Audio && !raw {
            shared.set_priming(gst::ClockTime::ZERO);
        }
        // What is not live would come as fast as it can be made.
        self.sink.set_sync(!live);
        bin.add_many(&elements)?;
        let mut chain: Vec<&gst::Element> = elements.iter().collect();
        chain.push(self.sink.upcast_ref());
        gst::Element::link_many(chain)?;
        for element in elements.iter().rev() {
            element.sync_state_with_parent()?;
        }
        let first = elements.first().and_then(|e| e.static_pad("sink"));
        self.elements = elements;
        self.made_for = Some(stream);
        first.ok_or_else(|| NoInput::Missing(gst::glib::bool_error!("an element without a pad")))
    }

    /// Takes the elements away again.
    pub fn remove(&mut self, bin: &gst::Bin) {
        for element in self.elements.drain(..) {
            let _ = element.set_state(gst::State::Null);
            let _ = bin.remove(&element);
        }
        self.encoder = None;
        self.made_for = None;
        if let Ok(mut queue) = self.raw.queue.lock() {
            *queue = None;
        }
    }

    fn raw_video(
        &mut self,
        stream: &Stream,
        live: bool,
        settings: &Settings,
        shared: &Shared,
    ) -> Result<Vec<gst::Element>, NoInput> {
        let wanted = Wanted {
            fps: stream.fps(),
            // Another encoder was perhaps lowered before.
            bitrate: shared.lock().counts.target_kbits,
            adaptive: settings.adaptive,
        };
        let encoder =
            VideoEncoder::new(&wanted).ok_or(NoInput::NoEncoder("gstreamer1.0-plugins-ugly"))?;
        let queue = make("queue")?;
        queue.set_property("max-size-buffers", RAW_FRAMES);
        queue.set_property("max-size-bytes", 0u32);
        queue.set_property("max-size-time", 0u64);
        if live {
            queue.set_property_from_str("leaky", "downstream");
            self.count(&queue);
        }
        let mut elements = vec![queue];
        if stream.converts.is_some() {
            elements.extend([make("videorate")?, make("videoscale")?]);
        }
        // With a free choice x264enc takes 4:4:4, which servers refuse.
        let mut i420 = gst::Caps::new_empty_simple("video/x-raw");
        if let Some(wanted) = &stream.converts {
            i420 = wanted.clone();
            i420.truncate();
        }
        i420.make_mut().set("format", "I420");
        let format = make("capsfilter")?;
        format.set_property("caps", i420);
        elements.extend([make("videoconvert")?, format]);
        if let Some(text) = &settings.label {
            elements.push(label(text)?);
        }
        elements.extend([encoder.element.clone(), make("h264parse")?]);
        self.encoder = Some(encoder);
        Ok(elements)
    }

    fn count(&self, queue: &gst::Element) {
        if let Ok(mut held) = self.raw.queue.lock() {
            *held = Some(queue.clone());
        }
        for (name, given) in [("sink", true), ("src", false)] {
            let raw = self.raw.clone();
            if let Some(pad) = queue.static_pad(name) {
                pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                    let counter = if given { &raw.given } else { &raw.taken };
                    counter.fetch_add(1, Ordering::AcqRel);
                    gst::PadProbeReturn::Ok
                });
            }
        }
    }
}

/// Draws a text into the lower right corner.
fn label(text: &str) -> Result<gst::Element, NoInput> {
    let overlay = make("textoverlay").map_err(|_| NoInput::NoLabel)?;
    // It reads its text as markup.
    let text = gst::glib::markup_escape_text(text);
    overlay.set_property("text", text.as_str());
    overlay.set_property("font-desc", "Sans 12");
    overlay.set_property("shaded-background", true);
    overlay.set_property_from_str("halignment", "right");
    overlay.set_property_from_str("valignment", "bottom");
    Ok(overlay)
}

fn raw_audio(
    caps: &gst::CapsRef,
    settings: &Settings,
    shared: &Shared,
) -> Result<Vec<gst::Element>, NoInput> {
    let (element, priming) =
        encoder::audio(settings.audio_bitrate).ok_or(NoInput::NoEncoder("gstreamer1.0-libav"))?;
    let structure = caps.structure(0);
    let field = |name: &str| structure.and_then(|s| s.get::<i32>(name).ok());
    // FLV players know the multiples of 11 025 Hz and 48 kHz; lower rates put the encoder's
    // priming, which is so many samples, further behind.
    let rate = match field("rate") {
        Some(11_025 | 22_050 | 44_100) => 44_100,
        _ => 48_000,
    };
    let channels = field("channels").unwrap_or(2).clamp(1, 2);
    let format = make("capsfilter")?;
    format.set_property(
        "caps",
        gst::Caps::builder("audio/x-raw")
            .field("rate", rate)
            .field("channels", channels)
            .build(),
    );
    let priming = gst::ClockTime::SECOND.mul_div_round(priming, rate as u64);
    shared.set_priming(priming.unwrap_or(gst::ClockTime::ZERO));
    Ok(vec![
        make("queue")?,
        make("audioconvert")?,
        make("audioresample")?,
        format,
        element,
        make("aacparse")?,
    ])
}

fn make(name: &str) -> Result<gst::Element, gst::glib::BoolError> {
    gst::ElementFactory::make(name).build()
}

/// Hands a packet over with its running times: encoders move the beginning of segments.
fn deliver(kind: Kind, sample: &gst::Sample, shared: &Shared) {
    let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer_owned()) else {
        return;
    };
    let Some(segment) = sample
        .segment()
        .and_then(|s| s.downcast_ref::<gst::ClockTime>())
    else {
        return;
    };
    let running = |time: gst::ClockTime| {
        let time = segment.to_running_time_full(time)?;
        // What decodes before the segment begins is shown within it.
        Some(time.positive().unwrap_or(gst::ClockTime::ZERO))
    };
    let Some(pts) = buffer.pts().and_then(running) else {
        return;
    };
    let dts = buffer.dts().and_then(running);
    let mut buffer = buffer;
    let writable = buffer.make_mut();
    writable.set_pts(pts);
    writable.set_dts(dts);
    let time = dts.unwrap_or(pts).nseconds();
    shared.take(kind, caps, buffer, time);
}
