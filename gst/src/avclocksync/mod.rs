// SPDX-License-Identifier: MPL-2.0
//! The element `avclocksync`: sound leads, pictures follow, the stream never starves.

use gst::{glib, prelude::*};
use sonic_engine::sync;

mod caps;
mod data;
mod idle;
mod imp;
mod latency;
mod negotiate;
mod properties;
mod sink;
mod source;
mod stats;
mod task;

pub use properties::names;

/**
 * SECTION:element-avclocksync
 * @title: avclocksync
 * @short_description: makes sound and pictures an even, unbroken pair
 *
 * Generated sound and pictures come in bursts and late, and what follows (an encoder, a muxer, a
 * server) wants them evenly and together. Sound is the master; frame k is sent at k · d / n of the
 * running time and shows what is heard then. Either pair of pads may be left out.
 *
 * Live (#GstAvClockSync:mode), what must be sent now is sent, even if upstream is late: from
 * PLAYING on, and before there is any data, silence and an idle picture. Sound that is late goes
 * out later, with its pictures, and the delay is given back in later pauses; or it is dropped
 * (#GstAvClockSync:late-policy). A late frame still replaces the one that is shown, and a QOS event
 * tells upstream to skip work. The element is live and answers NO_PREROLL, whatever upstream is:
 * appsrc says that it is not live although it feeds a live stream.
 *
 * Offline, sound becomes contiguous, and exactly as many frames as cover it are sent: repeated,
 * dropped, or cut at the end. Both streams begin at 0 with the first sound and end together.
 *
 * Sound whose clock is not the pipeline's (a sound card, the network) is resampled by some
 * millionths, and its pictures follow (#GstAvClockSync:drift-correction).
 *
 * At the beginning each stream waits for the other (#GstAvClockSync:max-wait). Pictures that
 * precede the sound are left out; sound that precedes the pictures is left out as far as it is
 * quiet, and all of it where late sound is dropped, too.
 *
 * An out-of-band event `sonic-interrupt`, or a flush while live, cuts what waits, with a fade of
 * 10 ms; nothing is flushed downstream, and what comes next goes on from there. An upstream that
 * restarts or jumps goes on where it was. Offline, an interruption cuts exactly what has not been
 * sent, and its pictures.
 *
 * A stream that nobody fills for a while (an appsrc, the voice of a server) gets an `avclocksync`
 * with its sound alone in front of the tee, so that the face idles in the pauses, and another one
 * behind it.
 *
 * ## Messages
 * * `word`: an announced word (`sonic-clause`) goes out: `utterance-id`, `clause`, `text`,
 *   `running-time` and `duration` (guint64, ns); posted when a sink plays it
 * * `out-of-sync`, `in-sync`: the offset has left #GstAvClockSync:tolerance-early or
 *   #GstAvClockSync:tolerance-late, or is back: `offset` (gint64, ns; positive: the sound is
 *   early), `running-time`
 * * `avclocksync-stats`: each #GstAvClockSync:message-interval, the fields of
 *   #GstAvClockSync:stats and `running-time`
 *
 * ## Example pipeline
 * |[
 * gst-launch-1.0 ttssrc text="Hello." ! tee name=t t. ! queue ! sonicanimator ! sync.video_sink t. ! queue ! sync.audio_sink avclocksync name=sync sync.video_src ! queue ! videoconvert ! autovideosink sync.audio_src ! queue ! audioconvert ! autoaudiosink
 * ]| A talking head; with `is-live=true` it goes on for ever.
 *
 * Since: plugin-sonic-0.1.0
 */
glib::wrapper! {
    /// The element `avclocksync`.
    pub struct AvClockSync(ObjectSubclass<imp::AvClockSync>)
        @extends gst::Element, gst::Object;
}

/// What paces the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAvClockSyncMode")]
#[non_exhaustive]
pub enum Mode {
    /// As upstream says.
    #[default]
    #[enum_value(
        name = "Auto: live if upstream says so, with the first data",
        nick = "auto"
    )]
    Auto,
    /// The clock.
    #[enum_value(
        name = "Live: paced by the clock, whatever upstream says; never starves",
        nick = "live"
    )]
    Live,
    /// The data.
    #[enum_value(
        name = "Offline: as fast as it goes, with frames for exactly all of the sound",
        nick = "offline"
    )]
    Offline,
}

/// What becomes of late sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAvClockSyncLatePolicy")]
#[non_exhaustive]
pub enum LatePolicy {
    /// It is sent later.
    #[default]
    #[enum_value(
        name = "Shift: sent later with its pictures, the delay is given back in pauses",
        nick = "shift"
    )]
    Shift,
    /// It is dropped.
    #[enum_value(
        name = "Drop: dropped, for sources that capture something that goes on",
        nick = "drop"
    )]
    Drop,
}

impl From<LatePolicy> for sync::LatePolicy {
    fn from(policy: LatePolicy) -> Self {
        match policy {
            LatePolicy::Shift => Self::Shift,
            LatePolicy::Drop => Self::Drop,
        }
    }
}

/// What becomes of sound whose clock is not the pipeline's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAvClockSyncDriftCorrection")]
#[non_exhaustive]
pub enum DriftCorrection {
    /// It is only measured.
    #[enum_value(name = "None: drift is measured, not corrected", nick = "none")]
    None,
    /// It is resampled.
    #[default]
    #[enum_value(
        name = "Resample: sound that drifts is resampled, by 500 ppm at most; what does not drift stays as it is",
        nick = "resample"
    )]
    Resample,
}

impl From<DriftCorrection> for sync::DriftCorrection {
    fn from(policy: DriftCorrection) -> Self {
        match policy {
            DriftCorrection::None => Self::None,
            DriftCorrection::Resample => Self::Resample,
        }
    }
}

/// What follows on the end of all inputs while live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAvClockSyncEosPolicy")]
#[non_exhaustive]
pub enum EosPolicy {
    /// The end of the output.
    #[default]
    #[enum_value(
        name = "Forward: EOS is sent when all inputs have ended and nothing waits",
        nick = "forward"
    )]
    Forward,
    /// Silence and the last picture.
    #[enum_value(name = "Hold: the output goes on for ever", nick = "hold")]
    Hold,
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    #[cfg(feature = "doc")]
    {
        Mode::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        LatePolicy::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        DriftCorrection::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
        EosPolicy::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "avclocksync",
        gst::Rank::NONE,
        AvClockSync::static_type(),
    )
}
