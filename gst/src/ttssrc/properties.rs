// SPDX-License-Identifier: MPL-2.0
//! The properties of `ttssrc`: names, specs, and the settings behind them.

use gst::{glib, prelude::*};
use sonic_engine::voice::{self, Delivery};

use super::{Idle, Ssml};
use crate::values::{checked, name_in};

/// Property names.
#[allow(missing_docs)]
pub mod names {
    pub const TEXT: &str = "text";
    pub const LOCATION: &str = "location";
    pub const IS_LIVE: &str = "is-live";
    pub const VOICE: &str = "voice";
    pub const SPEAKER: &str = "speaker";
    pub const SSML: &str = "ssml";
    pub const LANGUAGE: &str = "language";
    pub const RATE: &str = "rate";
    pub const PITCH: &str = "pitch";
    pub const VOLUME: &str = "volume";
    pub const WORD_GAP: &str = "word-gap";
    pub const IDLE: &str = "idle";
    pub const FINISH_WORD: &str = "finish-word";
    pub const QUEUE_LIMIT: &str = "queue-limit";
    pub const BUFFER_DURATION: &str = "buffer-duration";
    pub const CAPTIONS_LOCATION: &str = "captions-location";
    pub const STATS: &str = "stats";
}

/// The loudest volume: what the engine takes.
const LOUDEST: f64 = 4.0;
const MS: u64 = 1_000_000;

/// What the user has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub text: Option<String>,
    pub location: Option<String>,
    pub is_live: bool,
    pub voice: Option<String>,
    pub speaker: Option<String>,
    pub ssml: Ssml,
    pub language: Option<String>,
    pub rate: f64,
    pub pitch: f64,
    pub volume: f64,
    pub word_gap: u32,
    pub idle: Idle,
    pub finish_word: bool,
    pub queue_limit: u64,
    pub buffer_duration: u64,
    pub captions_location: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            text: None,
            location: None,
            is_live: false,
            voice: None,
            speaker: None,
            ssml: Ssml::default(),
            language: None,
            rate: 1.0,
            pitch: 0.0,
            volume: 1.0,
            word_gap: 0,
            idle: Idle::default(),
            finish_word: false,
            queue_limit: 1 << 20,
            buffer_duration: 20 * MS,
            captions_location: None,
        }
    }
}

impl Settings {
    /// What the engine wants to know of the next utterance.
    pub fn speech(&self) -> voice::Settings {
        voice::Settings {
            voice: self.voice.clone(),
            speaker: self.speaker.clone(),
            ssml: self.ssml.into(),
            language: self.language.clone(),
            delivery: Delivery {
                rate: self.rate as f32,
                pitch: self.pitch as f32,
                word_gap: self.word_gap,
            },
            volume: self.volume as f32,
        }
    }

    /// How much text may wait, bytes.
    pub fn limit(&self) -> usize {
        match self.queue_limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Stores the value of a property.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            names::TEXT => self.text = checked(value),
            names::LOCATION => self.location = name_in(value),
            names::IS_LIVE => self.is_live = checked(value),
            names::VOICE => self.voice = name_in(value),
            names::SPEAKER => self.speaker = name_in(value),
            names::SSML => self.ssml = checked(value),
            names::LANGUAGE => self.language = name_in(value),
            names::RATE => self.rate = checked(value),
            names::PITCH => self.pitch = checked(value),
            names::VOLUME => self.volume = checked(value),
            names::WORD_GAP => self.word_gap = checked(value),
            names::IDLE => self.idle = checked(value),
            names::FINISH_WORD => self.finish_word = checked(value),
            names::QUEUE_LIMIT => self.queue_limit = checked(value),
            names::BUFFER_DURATION => self.buffer_duration = checked(value),
            names::CAPTIONS_LOCATION => self.captions_location = name_in(value),
            _ => unimplemented!("property {name}"),
        }
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            names::TEXT => self.text.to_value(),
            names::LOCATION => self.location.to_value(),
            names::IS_LIVE => self.is_live.to_value(),
            names::VOICE => self.voice.to_value(),
            names::SPEAKER => self.speaker.to_value(),
            names::SSML => self.ssml.to_value(),
            names::LANGUAGE => self.language.to_value(),
            names::RATE => self.rate.to_value(),
            names::PITCH => self.pitch.to_value(),
            names::VOLUME => self.volume.to_value(),
            names::WORD_GAP => self.word_gap.to_value(),
            names::IDLE => self.idle.to_value(),
            names::FINISH_WORD => self.finish_word.to_value(),
            names::QUEUE_LIMIT => self.queue_limit.to_value(),
            names::BUFFER_DURATION => self.buffer_duration.to_value(),
            names::CAPTIONS_LOCATION => self.captions_location.to_value(),
            _ => unimplemented!("property {name}"),
        }
    }
}

/// All specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut all = texts();
    all.extend(voices(&default));
    all.extend(manner(&default));
    all.extend(stream(&default));
    all
}

/// `before_start`: it cannot change while the element plays.
fn string(name: &str, nick: &str, blurb: &str, before_start: bool) -> glib::ParamSpec {
    let builder = glib::ParamSpecString::builder(name).nick(nick).blurb(blurb);
    if before_start {
        builder.mutable_ready().build()
    } else {
        builder.mutable_playing().build()
    }
}

fn texts() -> Vec<glib::ParamSpec> {
    vec![
        string(
            names::TEXT,
            "Text",
            "What is said first, from the start on; the signal say adds more",
            true,
        ),
        /**
         * GstTtsSrc:location:
         *
         * A file in UTF-8, read as it is spoken, or `-`: then each line on standard input is an
         * utterance of its own as soon as it comes, and the end of the input is the end of the
         * stream unless that is live. What is not UTF-8 is left out with a warning.
         */
        string(
            names::LOCATION,
            "Location",
            "Name of a text file in UTF-8 that is spoken after text, or - for lines on standard input",
            true,
        ),
    ]
}

fn voices(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        string(
            names::VOICE,
            "Voice",
            "Voice from the next utterance on: slt, rms, awb or kal16 of Flite, one that espeak-ng --voices lists, as in de or en+f2, the .onnx file of a Piper voice, or the address of a server; null chooses by language",
            false,
        ),
        string(
            names::SPEAKER,
            "Speaker",
            "Name or number of one of the voice's speakers, where it has several, from the next utterance on; null is its first",
            false,
        ),
        string(
            names::LANGUAGE,
            "Language",
            "Language of the text as a BCP 47 tag, as in de or zh, from the next utterance on; null takes the voice's or what the letters tell",
            false,
        ),
        glib::ParamSpecDouble::builder(names::RATE)
            .nick("Rate")
            .blurb("Speed of speech from the next utterance on; 1 is normal")
            .minimum(f64::from(Delivery::RATES.0))
            .maximum(f64::from(Delivery::RATES.1))
            .default_value(default.rate)
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::PITCH)
            .nick("Pitch")
            .blurb("Semitones above the voice's own pitch, from the next utterance on")
            .minimum(f64::from(Delivery::PITCHES.0))
            .maximum(f64::from(Delivery::PITCHES.1))
            .default_value(default.pitch)
            .mutable_playing()
            .build(),
        glib::ParamSpecDouble::builder(names::VOLUME)
            .nick("Volume")
            .blurb("Factor of loudness from the next utterance on; what exceeds full scale is cut off")
            .minimum(0.0)
            .maximum(LOUDEST)
            .default_value(default.volume)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder(names::WORD_GAP)
            .nick("Word gap")
            .blurb("Additional silence between words in ms, from the next utterance on; eSpeak NG keeps to it roughly, Flite not at all")
            .maximum(Delivery::MOST_WORD_GAP)
            .default_value(default.word_gap)
            .mutable_playing()
            .build(),
    ]
}

fn manner(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecBoolean::builder(names::IS_LIVE)
            .nick("Is live")
            .blurb("Whether the stream keeps time with the clock and goes on in silence, instead of ending")
            .default_value(default.is_live)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::IDLE, default.idle)
            .nick("Idle")
            .blurb("What a live stream gives while nobody speaks")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::SSML, default.ssml)
            .nick("SSML")
            .blurb("Whether texts are SSML, from the next utterance on")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder(names::FINISH_WORD)
            .nick("Finish word")
            .blurb("Whether interrupt lets the word end that sounds, instead of fading at once")
            .default_value(default.finish_word)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder(names::QUEUE_LIMIT)
            .nick("Queue limit")
            .blurb("Bytes of text that may wait in say and append; more is refused. 0 is no limit")
            .default_value(default.queue_limit)
            .mutable_playing()
            .build(),
    ]
}

fn stream(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecUInt64::builder(names::BUFFER_DURATION)
            .nick("Buffer duration")
            .blurb("Length of a buffer in ns; the last one of a clause is shorter. Live, it is the latency")
            .minimum(MS)
            .maximum(1_000 * MS)
            .default_value(default.buffer_duration)
            .mutable_ready()
            .build(),
        /**
         * GstTtsSrc:captions-location:
         *
         * What is heard is written there with its running time, each clause when it has sounded,
         * and of one that was interrupted what was heard. A file that exists is replaced.
         */
        string(
            names::CAPTIONS_LOCATION,
            "Captions location",
            "Name of a file that captions are written to: WebVTT if it ends in .vtt, SubRip if it ends in .srt",
            true,
        ),
        /**
         * GstTtsSrc:stats:
         *
         * A structure `application/x-ttssrc-stats`, counted since the last start:
         *
         * * `utterances-finished`, `utterances-interrupted` (guint64)
         * * `utterances-waiting` (guint64): of them one may be spoken now
         * * `text-waiting` (guint64): bytes of text that no speech was made of
         * * `clauses`, `words` (guint64): begun
         * * `speech-time`, `idle-time` (guint64): ns given out
         * * `starved-time` (guint64): ns of silence within an utterance because its speech was
         *   not ready
         * * `ready-time` (guint64): ns of speech made ahead
         */
        glib::ParamSpecBoxed::builder::<gst::Structure>(names::STATS)
            .nick("Statistics")
            .blurb("Utterances finished, interrupted and waiting, time spoken and idle, speech made ahead")
            .read_only()
            .build(),
    ]
}
