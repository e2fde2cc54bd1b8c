// SPDX-License-Identifier: MPL-2.0
//! The properties of `rtmppushsink`: names and specs.

use gst::{glib, prelude::*};

use super::{Scenario, State, settings::Settings};

/// Property names.
#[allow(missing_docs)]
pub mod names {
    pub const LOCATION: &str = "location";
    pub const BACKUP_LOCATION: &str = "backup-location";
    pub const STREAM_KEY_ENV: &str = "stream-key-env";
    pub const STREAM_KEY_FILE: &str = "stream-key-file";
    pub const TLS_VALIDATION_FLAGS: &str = "tls-validation-flags";
    pub const BITRATE: &str = "bitrate";
    pub const MIN_BITRATE: &str = "min-bitrate";
    pub const AUDIO_BITRATE: &str = "audio-bitrate";
    pub const ADAPTIVE: &str = "adaptive";
    pub const MAX_RETRIES: &str = "max-retries";
    pub const GIVE_UP_AFTER: &str = "give-up-after";
    pub const STALL_TIMEOUT: &str = "stall-timeout";
    pub const MAX_QUEUE: &str = "max-queue";
    pub const SYNTHETIC_MARK: &str = "synthetic-mark";
    pub const SCENARIO: &str = "scenario";
    pub const VIDEO_CAPS: &str = "video-caps";
    pub const LABEL: &str = "label";
    pub const METRICS_PORT: &str = "metrics-port";
    pub const METRICS_ADDRESS: &str = "metrics-address";
    pub const STATE: &str = "state";
    pub const STATS: &str = "stats";
}

/// All specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut all = addresses(&default);
    all.extend(pictures());
    all.extend(encoding(&default));
    all.extend(persistence(&default));
    all.extend(told(&default));
    all
}

fn string(name: &str, nick: &str, blurb: &str, default: Option<&str>) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_ready()
        .build()
}

fn addresses(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstRtmpPushSink:location:
         *
         * `rtmp://host/application/key` or `rtmps://…`, with user:password@ where the server
         * wants it. `${NAME}` is replaced by the value of that environment variable. Without a
         * key it is taken from #GstRtmpPushSink:stream-key-file or the variable that
         * #GstRtmpPushSink:stream-key-env names. Reads back without anything secret.
         */
        string(
            names::LOCATION,
            "Location",
            "Address to publish at, rtmp://host/application; reads back without what is secret",
            None,
        ),
        string(
            names::BACKUP_LOCATION,
            "Backup location",
            "Address that is used when the first one has failed for good",
            None,
        ),
        string(
            names::STREAM_KEY_ENV,
            "Environment variable of the stream key",
            "Name of the environment variable that has the stream key",
            default.stream_key_env.as_deref(),
        ),
        string(
            names::STREAM_KEY_FILE,
            "File of the stream key",
            "File that has the stream key and nothing else; used instead of the variable",
            None,
        ),
        glib::ParamSpecFlags::builder::<gio::TlsCertificateFlags>(names::TLS_VALIDATION_FLAGS)
            .nick("TLS validation flags")
            .blurb("What a server's certificate is checked for, of rtmps; as of rtmp2sink")
            .default_value(default.tls_validation_flags)
            .mutable_ready()
            .build(),
    ]
}

fn pictures() -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstRtmpPushSink:scenario:
         *
         * Sets several properties at once for a purpose; what is set by itself counts instead,
         * whichever comes first. `virtual-host`: 960×540 at 25/1, 2000 kbit/s. `mobile`: 15/1,
         * between 1000 and 2000 kbit/s. `course`: 1280×720 at 30/1, 3000 kbit/s. `local`: to
         * rtmp://localhost/live/test.
         */
        glib::ParamSpecEnum::builder::<Scenario>(names::SCENARIO)
            .nick("Scenario")
            .blurb("What the stream is for: sets size, rate, bitrates or location, where they are not set")
            .mutable_ready()
            .build(),
        /**
         * GstRtmpPushSink:video-caps:
         *
         * Size, rate and pixel aspect ratio of raw video. Upstream is asked for them, so that an
         * element that can draw any size draws this one; what comes otherwise is converted, with
         * borders where the shapes differ.
         */
        glib::ParamSpecBoxed::builder::<gst::Caps>(names::VIDEO_CAPS)
            .nick("Caps of video")
            .blurb("Size and rate that raw video has or is converted to, as video/x-raw,width=…; none is as it comes")
            .mutable_ready()
            .build(),
        /**
         * GstRtmpPushSink:label:
         *
         * Drawn into a corner of video that is encoded here, by the element textoverlay.
         */
        string(
            names::LABEL,
            "Label",
            "Text in a corner of video that is encoded here, to say that it is synthetic; none is no label",
            None,
        ),
    ]
}

fn encoding(default: &Settings) -> Vec<glib::ParamSpec> {
    let kbit = |name: &'static str, nick: &'static str, blurb: &'static str, default: u32| {
        glib::ParamSpecUInt::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(16)
            .maximum(100_000)
            .default_value(default)
    };
    vec![
        kbit(
            names::BITRATE,
            "Bitrate",
            "Bitrate of video that is encoded here, kbit/s; the most if it is adaptive, and then a \
             change counts at once",
            default.bitrate(),
        )
        .mutable_playing()
        .build(),
        kbit(
            names::MIN_BITRATE,
            "Least bitrate",
            "No less is asked of the encoder while adaptive, kbit/s",
            default.min_bitrate(),
        )
        .mutable_playing()
        .build(),
        kbit(
            names::AUDIO_BITRATE,
            "Bitrate of sound",
            "Bitrate of audio that is encoded here, kbit/s",
            default.audio_bitrate,
        )
        .mutable_ready()
        .build(),
        glib::ParamSpecBoolean::builder(names::ADAPTIVE)
            .nick("Adaptive")
            .blurb("Lower the bitrate of video that is encoded here while the line is too narrow")
            .default_value(default.adaptive)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder(names::SYNTHETIC_MARK)
            .nick("Mark as synthetic")
            .blurb("Say in the stream's metadata that a machine made it")
            .default_value(default.synthetic_mark)
            .mutable_ready()
            .build(),
    ]
}

fn persistence(default: &Settings) -> Vec<glib::ParamSpec> {
    let time = |name: &'static str,
                nick: &'static str,
                blurb: &'static str,
                least: u64,
                most: u64,
                default: u64| {
        glib::ParamSpecUInt64::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(least)
            .maximum(most)
            .default_value(default)
    };
    const MS: u64 = 1_000_000;
    vec![
        glib::ParamSpecInt::builder(names::MAX_RETRIES)
            .nick("Retries")
            .blurb("How often a stream that was never accepted is tried again; -1 is for ever")
            .minimum(-1)
            .default_value(default.max_retries)
            .mutable_playing()
            .build(),
        time(
            names::GIVE_UP_AFTER,
            "Give up after",
            "How long a stream that has been live is tried to bring back, ns; the default is for ever",
            0,
            u64::MAX,
            default.give_up_after,
        )
        .mutable_playing()
        .build(),
        time(
            names::STALL_TIMEOUT,
            "Stall timeout",
            "A connection that takes nothing for so long is given up, ns",
            500 * MS,
            600_000 * MS,
            default.stall_timeout,
        )
        .mutable_playing()
        .build(),
        time(
            names::MAX_QUEUE,
            "Queue",
            "Longest stretch of encoded video that waits for the network, ns; more is dropped, \
             whole groups of pictures at a time",
            100 * MS,
            60_000 * MS,
            default.max_queue,
        )
        .mutable_ready()
        .build(),
    ]
}

fn told(default: &Settings) -> Vec<glib::ParamSpec> {
    vec![
        /**
         * GstRtmpPushSink:metrics-port:
         *
         * What #GstRtmpPushSink:stats tells, as a page /metrics in the text format of
         * OpenMetrics, which Prometheus reads. A port that cannot be had is a warning.
         */
        glib::ParamSpecUInt::builder(names::METRICS_PORT)
            .nick("Port of metrics")
            .blurb("TCP port at which Prometheus finds the statistics under /metrics; 0 is off")
            .maximum(65_535)
            .default_value(0)
            .mutable_ready()
            .build(),
        string(
            names::METRICS_ADDRESS,
            "Address of metrics",
            "Number of the interface that metrics-port listens at; other machines see it at 0.0.0.0",
            default.metrics_address.as_deref(),
        ),
        glib::ParamSpecEnum::builder::<State>(names::STATE)
            .nick("State")
            .blurb("What the connection is doing")
            .read_only()
            .build(),
        /**
         * GstRtmpPushSink:stats:
         *
         * A structure `application/x-rtmppushsink-stats`: `state` (string), `uptime` (guint64,
         * ns of the present connection), `bytes` (guint64, sent in all), `kbits` and
         * `mean-kbits` (gdouble, sent in the last second, and while live), `target-kbits`
         * (guint, what the encoder is set to), `frames-sent`, `frames-dropped`,
         * `groups-dropped`, `audio-dropped`, `raw-frames-dropped` (guint64), `reconnects`
         * (guint64), `queue-time` (guint64, ns), `last-error` (string, absent if none).
         */
        glib::ParamSpecBoxed::builder::<gst::Structure>(names::STATS)
            .nick("Statistics")
            .blurb("What was sent and dropped, and how the line is")
            .read_only()
            .build(),
    ]
}
