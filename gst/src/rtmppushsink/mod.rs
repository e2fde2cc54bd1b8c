// SPDX-License-Identifier: MPL-2.0
//! The element `rtmppushsink`: sound and pictures in, a stream on a platform out.

use gst::{glib, prelude::*};
use sonic_engine::push::link;

mod connection;
mod encoder;
mod ends;
mod errors;
mod host;
mod imp;
mod input;
mod metrics;
mod properties;
mod scenario;
mod settings;
mod shared;
mod stats;
mod worker;

pub use properties::names;
pub use scenario::Scenario;

/**
 * SECTION:element-rtmppushsink
 * @title: rtmppushsink
 * @short_description: pushes a stream to an RTMP server, and keeps it there
 *
 * Takes raw or encoded video (H.264) and audio (AAC) on its request pads `video` and `audio`,
 * encodes what is raw, and publishes both under an RTMP or RTMPS address. When the connection is
 * lost it is made again, with headers and a key picture first, while everything upstream goes on:
 * nothing blocks, and nobody upstream sees an error.
 *
 * The key of a stream belongs into the environment (#GstRtmpPushSink:stream-key-env) or a file
 * (#GstRtmpPushSink:stream-key-file). It is not readable, and stands in no log or message.
 *
 * A stream that was never accepted is given up after #GstRtmpPushSink:max-retries new tries,
 * with an error on the bus; one that has been live comes back for ever, or as long as
 * #GstRtmpPushSink:give-up-after says. A server that closes within two seconds of its yes has
 * refused: many look at the key only then.
 *
 * If the line becomes too narrow, #GstRtmpPushSink:adaptive lowers the bitrate of the video that
 * is encoded here; if that is not enough, or it comes encoded, whole groups of pictures are
 * dropped, sound last.
 *
 * #GstRtmpPushSink:scenario sets what streams of a kind have in common, and asks upstream for
 * the size and rate; there are presets of the same names.
 *
 * Several sinks may share an encoder by `tee`. Each has its own queue and connection, so what
 * happens to one is nothing to the others; only an error that ends the application ends all.
 *
 * ## Messages
 * An element message `rtmp-state` follows each change of #GstRtmpPushSink:state: `state`
 * (string), `reason` (string, what ended the connection before, absent if nothing did),
 * `detail` (string, as it was told, without secrets), `address` (string, without secrets),
 * `reconnects` (guint64).
 *
 * ## Example pipeline
 * |[
 * RTMP_STREAM_KEY=test gst-launch-1.0 rtmppushsink name=push location=rtmp://localhost/live \
 *     videotestsrc is-live=true ! video/x-raw,width=960,height=540,framerate=25/1 ! push.video \
 *     audiotestsrc is-live=true wave=ticks ! push.audio
 * ]| Pushes a test picture and a ticking to a server on this machine.
 *
 * Since: plugin-sonic-0.1.0
 */
glib::wrapper! {
    /// The element `rtmppushsink`.
    pub struct RtmpPushSink(ObjectSubclass<imp::RtmpPushSink>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy, gst::Preset;
}

/// What the connection is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstRtmpPushSinkState")]
#[non_exhaustive]
pub enum State {
    /// Not started.
    #[default]
    #[enum_value(name = "Idle: not started, or stopped", nick = "idle")]
    Idle,
    /// Not yet accepted.
    #[enum_value(name = "Connecting: not yet accepted", nick = "connecting")]
    Connecting,
    /// Accepted.
    #[enum_value(name = "Live: the server takes the stream", nick = "live")]
    Live,
    /// Lost, and tried again.
    #[enum_value(name = "Reconnecting: lost, and tried again", nick = "reconnecting")]
    Reconnecting,
    /// Given up.
    #[enum_value(name = "Failed: given up", nick = "failed")]
    Failed,
}

impl From<link::State> for State {
    fn from(state: link::State) -> Self {
        match state {
            link::State::Idle => Self::Idle,
            link::State::Connecting => Self::Connecting,
            link::State::Live => Self::Live,
            link::State::Reconnecting => Self::Reconnecting,
            link::State::Failed => Self::Failed,
        }
    }
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    #[cfg(feature = "doc")]
    {
        State::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        Scenario::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "rtmppushsink",
        gst::Rank::NONE,
        RtmpPushSink::static_type(),
    )
}
