// SPDX-License-Identifier: MPL-2.0
//! One connection to a server: a pipeline of its own, `appsrc` ×2 ! `flvmux` ! `rtmp2sink`.
//!
//! Whatever happens to it stays in it. Its elements are in no bin that the application can see,
//! so neither a dump of the graph nor a notification tells the key.

use gst::{glib, prelude::*};
use gst_app::{AppSrc, AppStreamType};
use sonic_engine::push::{address::RtmpAddress, link::Failure, queue::Stream};

use super::{errors, properties::names, settings::Settings};

/// What is muxed: [`Kind::Video`] and [`Kind::Audio`] are places in arrays of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video = 0,
    Audio = 1,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Video, Kind::Audio];

    /// What a packet of that stream is.
    pub fn of(stream: Stream) -> Self {
        match stream {
            Stream::Audio => Kind::Audio,
            Stream::Video { .. } => Kind::Video,
        }
    }

    /// The name of its pad, here and of the muxer.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Video => "video",
            Kind::Audio => "audio",
        }
    }
}

/// What a connection tells, on any thread.
pub enum News {
    /// It has failed in that way; what the element said, which may have secrets.
    Failed(Failure, String),
    /// Everything has gone out.
    Ended,
}

/// Bytes that may wait in front of the muxer; the rest waits in our queue, which knows what to
/// drop.
const MOST_INSIDE: u64 = 64 * 1024;
/// The parts of what is sent that are not interrupted by others, bytes: the usual 128 cost a
/// twentieth of the bytes in headers.
const CHUNK: u32 = 4096;
/// Categories whose texts have the key.
const TALKATIVE: [&str; 7] = [
    "rtmp2sink",
    "rtmp2",
    "rtmpclient",
    "rtmpconnection",
    "rtmpmessage",
    "rtmpamf",
    "rtmphandshake",
];
/// What is said in the stream's metadata of who made it.
const MARK: &str = "gst-sonic; synthetic media: picture and voice are made by a machine";

/// One connection, from the first byte to the last.
pub struct Connection {
    pipeline: gst::Pipeline,
    sources: [Option<AppSrc>; 2],
    sink: gst::Element,
}

impl Connection {
    /// Begins to connect. `tell` is called on other threads and must not call back.
    pub fn open(
        address: &RtmpAddress,
        present: [bool; 2],
        settings: &Settings,
        tell: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<Self, glib::BoolError> {
        let sink = sink(address, settings)?;
        hush();
        let mux = gst::ElementFactory::make("flvmux")
            .property("streamable", true)
            .build()?;
        if settings.synthetic_mark {
            mux.set_property("metadatacreator", MARK);
        }
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&mux, &sink])?;
        mux.link(&sink)?;
        let mut sources = [None, None];
        for kind in Kind::ALL.into_iter().filter(|kind| present[*kind as usize]) {
            let source = AppSrc::builder()
                .format(gst::Format::Time)
                .stream_type(AppStreamType::Stream)
                .max_bytes(2 * MOST_INSIDE)
                .build();
            pipeline.add(&source)?;
            source.link_pads(Some("src"), &mux, Some(kind.name()))?;
            sources[kind as usize] = Some(source);
        }
        let bus = pipeline
            .bus()
            .ok_or_else(|| glib::bool_error!("a pipeline without a bus"))?;
        // The sink posts its errors under its own lock: nothing may be asked of it here.
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let debug = error.debug().unwrap_or_default();
                    let failure = errors::failure(&error.error(), &debug);
                    tell(News::Failed(failure, format!("{} {debug}", error.error())));
                }
                gst::MessageView::Eos(_) => tell(News::Ended),
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
        let connection = Self {
            pipeline,
            sources,
            sink,
        };
        connection
            .pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| glib::bool_error!("the connection's elements do not start"))?;
        Ok(connection)
    }

    /// Bytes that have gone out; `None` until the server lets us publish.
    pub fn bytes_sent(&self) -> Option<u64> {
        let stats: Option<gst::Structure> = self.sink.property("stats");
        let sent: u64 = stats?.get("out-bytes-total").ok()?;
        (sent > 0).then_some(sent)
    }

    /// What follows on a stream.
    pub fn set_caps(&self, kind: Kind, caps: &gst::Caps) {
        if let Some(source) = &self.sources[kind as usize] {
            source.set_caps(Some(caps));
        }
    }

    /// Whether more should be sent now.
    pub fn has_room(&self, kind: Kind) -> bool {
        let source = self.sources[kind as usize].as_ref();
        source.is_none_or(|source| source.current_level_bytes() < MOST_INSIDE)
    }

    /// Sends a packet, with times from the beginning of the connection.
    pub fn send(&self, kind: Kind, buffer: gst::Buffer) {
        if let Some(source) = &self.sources[kind as usize] {
            // If it does not flow an error is on its way.
            let _ = source.push_buffer(buffer);
        }
    }

    /// Nothing more will be sent; [`News::Ended`] tells when all has gone out.
    pub fn end(&self) {
        for source in self.sources.iter().flatten() {
            let _ = source.end_of_stream();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        // Takes some milliseconds, even if the server does not answer.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Its properties are set before it is in a bin, for a bin would tell of them.
fn sink(address: &RtmpAddress, settings: &Settings) -> Result<gst::Element, glib::BoolError> {
    let sink = gst::ElementFactory::make("rtmp2sink")
        .property("host", address.host())
        .property("port", i32::from(address.port()))
        .property("application", address.application())
        .property("stream", address.key().expose())
        .property("chunk-size", CHUNK)
        .property("sync", false)
        .property("async", false)
        .property("enable-last-sample", false)
        .build()?;
    if address.is_secure() {
        sink.set_property_from_str("scheme", "rtmps");
        sink.set_property(names::TLS_VALIDATION_FLAGS, settings.tls_validation_flags);
    }
    if let Some((name, password)) = address.user() {
        sink.set_property("username", name);
        sink.set_property("password", password.expose());
    }
    Ok(sink)
}

/// Whatever is asked of the log, it does not get the key.
fn hush() {
    for name in TALKATIVE {
        if let Some(category) = gst::DebugCategory::get(name)
            && category.threshold() > gst::DebugLevel::Warning
        {
            category.set_threshold(gst::DebugLevel::Warning);
        }
    }
}
