// SPDX-License-Identifier: MPL-2.0
//! The element `ttssrc`: text in, speech out.

use gst::{glib, prelude::*};
use sonic_engine::{talk, voice};

mod captions;
mod create;
mod errors;
mod feed;
mod imp;
mod lines;
mod messages;
mod properties;
mod signals;
mod source;
mod stats;

pub use properties::names;

/**
 * SECTION:element-ttssrc
 * @title: ttssrc
 * @short_description: speaks text
 *
 * Speaks the text of a property, of a file, of lines on standard input, or what the application
 * says while it plays. English is spoken by Flite, over a hundred other languages by eSpeak NG,
 * each if it is installed; without #GstTtsSrc:voice and #GstTtsSrc:language the letters of the
 * text choose. Speech is made ahead on a thread of its own, clause by clause, so that the first
 * sound does not wait for the end of a long text.
 *
 * What is to be said is queued by the action signal #GstTtsSrc::say. A text that arrives in
 * pieces, from a language model for instance, is begun with #GstTtsSrc::append of utterance 0
 * and goes on with the id that this returns; #GstTtsSrc::finish ends it.
 * #GstTtsSrc::interrupt falls silent with a fade of 10 ms and drops what waits; nothing is
 * flushed, time goes on, and an out-of-band event `sonic-interrupt` tells the elements behind.
 *
 * Not live (the default), speech follows on speech, as fast as it can be made, and ends with
 * EOS. It is seekable if its text comes from properties, and its duration is known once all of
 * it has been made. Live (#GstTtsSrc:is-live), the stream never ends: between utterances there
 * is silence, and what is said starts with the next buffer.
 *
 * A serialized event `sonic-clause` precedes each clause and says which phone and which word
 * sounds when; every buffer of a clause has a `SonicSpeechMeta`, but not the 10 ms that fade when
 * it is interrupted. No buffer belongs to two.
 *
 * ## Messages
 * Element messages tell what is heard; live, each is posted when its `running-time` and the
 * pipeline's latency have passed, that is when a sink plays the sound. All have `utterance-id`
 * (guint64) and `running-time` (guint64, ns). Each id that was given out ends in exactly one
 * `utterance-finished` or `utterance-interrupted`.
 *
 * * `utterance-started`: `duration-estimate` (guint64, ns) and `text-length` (guint64, bytes) as
 *   far as the text is known
 * * `clause-started`: `clause` (guint), `text`, `text-offset` (guint64: byte of the utterance's
 *   text), `language`, `duration` (guint64, ns)
 * * `word`: `clause`, `text`, `text-offset`, `duration`
 * * `mark`: `clause`, `name`: with #GstTtsSrc:ssml, a mark of the text is reached
 * * `utterance-finished`: `duration` (guint64, ns)
 * * `utterance-interrupted`: `reason` (`interrupt`, `error`, `stop`), `text-offset` (guint64:
 *   byte behind the last word that was heard to its end), `last-word` (string, absent if none)
 *
 * ## Example pipelines
 * |[
 * gst-launch-1.0 ttssrc text="Hello." ! audioconvert ! autoaudiosink
 * ]| Speaks a word.
 * |[
 * gst-launch-1.0 ttssrc location=- ! audioconvert ! autoaudiosink
 * ]| Speaks each line that is typed, until Ctrl-D.
 *
 * Since: plugin-sonic-0.1.0
 */
glib::wrapper! {
    /// The element `ttssrc`.
    pub struct TtsSrc(ObjectSubclass<imp::TtsSrc>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

/// What a live stream gives while nobody speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstTtsSrcIdle")]
#[non_exhaustive]
pub enum Idle {
    /// Digital silence.
    #[default]
    #[enum_value(name = "Silence: zeros, marked as a gap", nick = "silence")]
    Silence,
    /// A faint hiss.
    #[enum_value(
        name = "Comfort noise: a hiss of -60 dB, so that the line does not seem dead",
        nick = "comfort-noise"
    )]
    ComfortNoise,
}

/// Whether texts are SSML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstTtsSrcSsml")]
#[non_exhaustive]
pub enum Ssml {
    /// Plain text.
    #[default]
    #[enum_value(name = "Off: every sign is text", nick = "off")]
    Off,
    /// SSML, or nothing.
    #[enum_value(name = "Strict: what is not well formed is an error", nick = "strict")]
    Strict,
    /// SSML where it looks like it.
    #[enum_value(
        name = "Or plain: what begins with < is SSML, and spoken without its tags where it is broken",
        nick = "or-plain"
    )]
    OrPlain,
}

impl From<Ssml> for voice::Ssml {
    fn from(ssml: Ssml) -> Self {
        match ssml {
            Ssml::Off => Self::Off,
            Ssml::Strict => Self::Strict,
            Ssml::OrPlain => Self::OrPlain,
        }
    }
}

impl From<Idle> for talk::Idle {
    fn from(idle: Idle) -> Self {
        match idle {
            Idle::Silence => Self::Silence,
            Idle::ComfortNoise => Self::Noise,
        }
    }
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    #[cfg(feature = "doc")]
    Idle::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    Ssml::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "ttssrc",
        gst::Rank::NONE,
        TtsSrc::static_type(),
    )
}
