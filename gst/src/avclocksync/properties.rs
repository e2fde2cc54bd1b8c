// SPDX-License-Identifier: MPL-2.0
//! The properties of `avclocksync`: names, specs, and the settings behind them.

use gst::{glib, prelude::*};
use sonic_engine::sync::Config;

use super::{DriftCorrection, EosPolicy, LatePolicy, Mode};
use crate::values::{checked, name_in};

/// Property names.
#[allow(missing_docs)]
pub mod names {
    pub const MODE: &str = "mode";
    pub const LATE_POLICY: &str = "late-policy";
    pub const DRIFT_CORRECTION: &str = "drift-correction";
    pub const EOS_POLICY: &str = "eos-policy";
    pub const MAX_WAIT: &str = "max-wait";
    pub const TOLERANCE_EARLY: &str = "tolerance-early";
    pub const TOLERANCE_LATE: &str = "tolerance-late";
    pub const AUDIO_BLOCK: &str = "audio-block";
    pub const LATENCY: &str = "latency";
    pub const IDLE_IMAGE: &str = "idle-image";
    pub const AUDIO_CAPS: &str = "audio-caps";
    pub const VIDEO_CAPS: &str = "video-caps";
    pub const MESSAGE_INTERVAL: &str = "message-interval";
    pub const STATS: &str = "stats";
}

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;

/// What the user has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    pub late_policy: LatePolicy,
    pub drift_correction: DriftCorrection,
    pub eos_policy: EosPolicy,
    pub max_wait: u64,
    pub tolerance_early: u64,
    pub tolerance_late: u64,
    pub audio_block: u64,
    pub latency: u64,
    pub idle_image: Option<String>,
    pub audio_caps: Option<gst::Caps>,
    pub video_caps: Option<gst::Caps>,
    pub message_interval: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            late_policy: LatePolicy::default(),
            drift_correction: DriftCorrection::default(),
            eos_policy: EosPolicy::default(),
            max_wait: SECOND,
            // EBU R37.
            tolerance_early: 40 * MS,
            tolerance_late: 60 * MS,
            audio_block: 0,
            latency: 100 * MS,
            idle_image: None,
            audio_caps: None,
            video_caps: None,
            message_interval: 5 * SECOND,
        }
    }
}

impl Settings {
    /// What the engine wants to know; `limit` is what may wait, ns.
    pub fn config(&self, live: bool, limit: u64) -> Config {
        Config {
            live,
            late: self.late_policy.into(),
            drift: self.drift_correction.into(),
            max_wait: self.max_wait,
            tolerance_early: self.tolerance_early,
            tolerance_late: self.tolerance_late,
            block: self.audio_block,
            limit,
            ends: self.eos_policy == EosPolicy::Forward,
            // Without a picture of its own the last frame is better than black.
            idle_after: if self.idle_image.is_some() {
                self.max_wait.max(MS)
            } else {
                0
            },
        }
    }

    /// Stores the value of a property.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            names::MODE => self.mode = checked(value),
            names::LATE_POLICY => self.late_policy = checked(value),
            names::DRIFT_CORRECTION => self.drift_correction = checked(value),
            names::EOS_POLICY => self.eos_policy = checked(value),
            names::MAX_WAIT => self.max_wait = checked(value),
            names::TOLERANCE_EARLY => self.tolerance_early = checked(value),
            names::TOLERANCE_LATE => self.tolerance_late = checked(value),
            names::AUDIO_BLOCK => self.audio_block = checked(value),
            names::LATENCY => self.latency = checked(value),
            names::IDLE_IMAGE => self.idle_image = name_in(value),
            names::AUDIO_CAPS => self.audio_caps = checked(value),
            names::VIDEO_CAPS => self.video_caps = checked(value),
            names::MESSAGE_INTERVAL => self.message_interval = checked(value),
            _ => unimplemented!("property {name}"),
        }
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            names::MODE => self.mode.to_value(),
            names::LATE_POLICY => self.late_policy.to_value(),
            names::DRIFT_CORRECTION => self.drift_correction.to_value(),
            names::EOS_POLICY => self.eos_policy.to_value(),
            names::MAX_WAIT => self.max_wait.to_value(),
            names::TOLERANCE_EARLY => self.tolerance_early.to_value(),
            names::TOLERANCE_LATE => self.tolerance_late.to_value(),
            names::AUDIO_BLOCK => self.audio_block.to_value(),
            names::LATENCY => self.latency.to_value(),
            names::IDLE_IMAGE => self.idle_image.to_value(),
            names::AUDIO_CAPS => self.audio_caps.to_value(),
            names::VIDEO_CAPS => self.video_caps.to_value(),
            names::MESSAGE_INTERVAL => self.message_interval.to_value(),
            _ => unimplemented!("property {name}"),
        }
    }
}

/// All property specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let mut specs = pacing();
    specs.extend(contents());
    specs
}

fn pacing() -> Vec<glib::ParamSpec> {
    let own = Settings::default();
    let time = |name, nick, blurb, default: u64, most: u64| {
        glib::ParamSpecUInt64::builder(name)
            .nick(nick)
            .blurb(blurb)
            .maximum(most)
            .default_value(default)
    };
    vec![
        glib::ParamSpecEnum::builder_with_default(names::MODE, own.mode)
            .nick("Mode")
            .blurb("What paces the output: the clock, or the data")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::LATE_POLICY, own.late_policy)
            .nick("Late policy")
            .blurb("Live: what becomes of sound that comes after its time")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::DRIFT_CORRECTION, own.drift_correction)
            .nick("Drift correction")
            .blurb("Live: what becomes of sound whose clock is not the pipeline's")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default(names::EOS_POLICY, own.eos_policy)
            .nick("EOS policy")
            .blurb("Live: what follows on the end of all inputs")
            .mutable_playing()
            .build(),
        time(
            names::MAX_WAIT,
            "Longest wait",
            "Live: how long one stream waits for the other at the beginning, and pictures for late sound, in ns",
            own.max_wait,
            60 * SECOND,
        )
        .mutable_playing()
        .build(),
        time(
            names::TOLERANCE_EARLY,
            "Tolerance, early sound",
            "How early the sound may be before out-of-sync is posted, in ns",
            own.tolerance_early,
            10 * SECOND,
        )
        .mutable_playing()
        .build(),
        time(
            names::TOLERANCE_LATE,
            "Tolerance, late sound",
            "How late the sound may be before out-of-sync is posted, in ns",
            own.tolerance_late,
            10 * SECOND,
        )
        .mutable_playing()
        .build(),
        time(
            names::AUDIO_BLOCK,
            "Block of sound",
            "Length of a buffer of sound in ns; 0 is one frame, or 20 ms without pictures",
            own.audio_block,
            SECOND,
        )
        .mutable_ready()
        .build(),
        time(
            names::LATENCY,
            "Latency",
            "Live: time to wait for data after upstream's own latency and one frame, in ns",
            own.latency,
            10 * SECOND,
        )
        .mutable_playing()
        .build(),
        time(
            names::MESSAGE_INTERVAL,
            "Interval of messages",
            "Running time between messages avclocksync-stats, in ns; 0 is never",
            own.message_interval,
            u64::MAX,
        )
        .mutable_playing()
        .build(),
    ]
}

fn contents() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder(names::IDLE_IMAGE)
            .nick("Idle image")
            .blurb("JPEG, PNG or WebP file: shown live before the first frame, and when none has come for max-wait; default is black, and then the last frame")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Caps>(names::AUDIO_CAPS)
            .nick("Caps of sound")
            .blurb("Live: of the silence that is sent before upstream has sent caps, as far as downstream takes them")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Caps>(names::VIDEO_CAPS)
            .nick("Caps of pictures")
            .blurb("Live: of the idle picture that is sent before upstream has sent caps, as far as downstream takes them")
            .mutable_ready()
            .build(),
        /**
         * GstAvClockSync:stats:
         *
         * Structure `application/x-avclocksync-stats`, counted since the start:
         * * `frames-in`, `frames-out`, `frames-repeated`, `frames-dropped`, `frames-late`,
         *   `frames-idle`, `frames-cut` (guint64)
         * * `sound-in`, `sound-out`, `sound-idle` (silence before anything came), `sound-filled`
         *   (silence where sound was missing), `sound-shifted`, `sound-given-back`, `sound-late`
         *   (dropped for it), `sound-trimmed` (came twice), `sound-leading` (left out before the
         *   first picture), `sound-cut`, `sound-muted` (guint64, ns)
         * * `shift` (gint64, ns): how much later than its timestamps content is sent now
         * * `offset` (gint64, ns, absent while nothing is heard, as after an interruption until
         *   sound comes that is new), `offset-mean`, `offset-max`
         *   (gint64, ns), `offset-p95` (guint64, ns), `frames-measured` (guint64), `in-sync`
         *   (gboolean): positive offsets are early sound
         * * `drift-ppm`, `drift-error` (gdouble), `drift-window` (guint64, ns): of the arriving
         *   sound against the clock, absent while unknown
         * * `drift-correction` (gdouble, ppm): by how much the sound is made shorter against it now,
         *   absent while it goes by as it is; `sound-resampled` (guint64, ns): how much of the sound
         *   was; `sound-stretched` (gint64, ns): how much longer that has become
         * * `lip-lag` (gint64, ns), `lip-lag-confidence` (gdouble, 0–1): by how much the mouths that
         *   were sent are later than how loud the sound was that was sent, over 6 s; 0.1 is usual,
         *   and both are absent while too little is said, or no frame has a `SonicPoseMeta`
         * * `sound-queued` (guint64, ns), `frames-queued` (guint64)
         * * `interruptions`, `restarts` (guint64)
         * * `live` (gboolean)
         */
        glib::ParamSpecBoxed::builder::<gst::Structure>(names::STATS)
            .nick("Statistics")
            .blurb("Frames and sound in, out, repeated, late and filled; shift, offset, drift, queues")
            .read_only()
            .build(),
    ]
}
