// SPDX-License-Identifier: MPL-2.0
//! The properties of `rtmppushsink`: names, specs, and the settings behind them.

use std::time::Duration;

use gst::{glib, prelude::*};
use sonic_engine::push::{
    address::{self, AddressError, RtmpAddress, Secret},
    bitrate::Bounds,
    link::Policy,
};

use super::State;
use crate::values::{checked, name_in};

/// Property names.
#[allow(missing_docs)]
pub mod names {
    pub const LOCATION: &str = "location";
    pub const BACKUP_LOCATION: &str = "backup-location";
    pub const STREAM_KEY_ENV: &str = "stream-key-env";
    pub const STREAM_KEY_FILE: &str = "stream-key-file";
    pub const BITRATE: &str = "bitrate";
    pub const MIN_BITRATE: &str = "min-bitrate";
    pub const AUDIO_BITRATE: &str = "audio-bitrate";
    pub const ADAPTIVE: &str = "adaptive";
    pub const MAX_RETRIES: &str = "max-retries";
    pub const GIVE_UP_AFTER: &str = "give-up-after";
    pub const STALL_TIMEOUT: &str = "stall-timeout";
    pub const MAX_QUEUE: &str = "max-queue";
    pub const SYNTHETIC_MARK: &str = "synthetic-mark";
    pub const STATE: &str = "state";
    pub const STATS: &str = "stats";
}

/// A file with a key is not longer than that, bytes.
const MOST_KEY: u64 = 4096;

/// What the user has set. It has secrets: it is not printed.
#[derive(Clone)]
pub struct Settings {
    pub location: Option<Secret>,
    pub backup_location: Option<Secret>,
    pub stream_key_env: Option<String>,
    pub stream_key_file: Option<String>,
    /// kbit/s.
    pub bitrate: u32,
    pub min_bitrate: u32,
    pub audio_bitrate: u32,
    pub adaptive: bool,
    pub max_retries: i32,
    pub give_up_after: u64,
    pub stall_timeout: u64,
    pub max_queue: u64,
    pub synthetic_mark: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: None,
            backup_location: None,
            stream_key_env: Some("RTMP_STREAM_KEY".to_owned()),
            stream_key_file: None,
            bitrate: 2000,
            min_bitrate: 300,
            audio_bitrate: 128,
            adaptive: true,
            max_retries: 3,
            give_up_after: u64::MAX,
            stall_timeout: 10_000_000_000,
            max_queue: 2_000_000_000,
            synthetic_mark: true,
        }
    }
}

/// A property whose value cannot be used, and why.
pub struct Wrong {
    pub property: &'static str,
    pub why: String,
}

impl Settings {
    /// How persistent the link is.
    pub fn policy(&self) -> Policy {
        let limit = |ns: u64| (ns != u64::MAX).then(|| Duration::from_nanos(ns));
        Policy {
            max_retries: u32::try_from(self.max_retries).ok(),
            give_up_after: limit(self.give_up_after),
            stall_timeout: Duration::from_nanos(self.stall_timeout),
            ..Policy::default()
        }
    }

    /// Between which bitrates the encoder may be set.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            least: self.min_bitrate,
            most: self.bitrate,
        }
    }

    /// Where to publish: the address and, if there is one, the backup.
    pub fn addresses(&self) -> Result<Vec<RtmpAddress>, Wrong> {
        let key = self.key()?;
        let named = [
            (names::LOCATION, self.location.as_ref()),
            (names::BACKUP_LOCATION, self.backup_location.as_ref()),
        ];
        let mut addresses = Vec::new();
        for (property, text) in named {
            let Some(text) = text else {
                if property == names::LOCATION {
                    return Err(wrong(property, &AddressError::Empty));
                }
                continue;
            };
            let variable = |name: &str| std::env::var(name).ok();
            let address = address::expand(text.expose(), variable)
                .and_then(|text| RtmpAddress::parse(&text, key.clone()))
                .map_err(|error| self.wrong_address(property, &error))?;
            addresses.push(address);
        }
        Ok(addresses)
    }

    fn wrong_address(&self, property: &'static str, error: &AddressError) -> Wrong {
        match (error, &self.stream_key_env) {
            (AddressError::NoKey, Some(name)) => Wrong {
                property,
                why: format!("{error}. Set the environment variable {name}"),
            },
            _ => wrong(property, error),
        }
    }

    /// The key that stands beside the address; a file goes before the environment.
    fn key(&self) -> Result<Option<Secret>, Wrong> {
        if let Some(file) = &self.stream_key_file {
            let of_file = |why: String| Wrong {
                property: names::STREAM_KEY_FILE,
                why,
            };
            let size = std::fs::metadata(file)
                .map_err(|error| of_file(format!("{file} cannot be read: {error}")))?
                .len();
            if size > MOST_KEY {
                return Err(of_file(format!("{file} is no key: it has {size} bytes")));
            }
            let text = std::fs::read_to_string(file)
                .map_err(|error| of_file(format!("{file} cannot be read: {error}")))?;
            return match text.trim() {
                "" => Err(of_file(format!("{file} is empty"))),
                key => Ok(Some(Secret::new(key))),
            };
        }
        let name = self.stream_key_env.as_deref();
        let key = name.and_then(|name| std::env::var(name).ok());
        Ok(key.map(Secret::new))
    }

    /// Whether others on this machine can read the file with the key.
    pub fn key_file_is_open(&self) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let file = self.stream_key_file.as_ref();
        let data = file.and_then(|file| std::fs::metadata(file).ok());
        data.is_some_and(|data| data.permissions().mode() & 0o044 != 0)
    }

    /// Stores the value of a property.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            names::LOCATION => self.location = name_in(value).map(Secret::new),
            names::BACKUP_LOCATION => self.backup_location = name_in(value).map(Secret::new),
            names::STREAM_KEY_ENV => self.stream_key_env = name_in(value),
            names::STREAM_KEY_FILE => self.stream_key_file = name_in(value),
            names::BITRATE => self.bitrate = checked(value),
            names::MIN_BITRATE => self.min_bitrate = checked(value),
            names::AUDIO_BITRATE => self.audio_bitrate = checked(value),
            names::ADAPTIVE => self.adaptive = checked(value),
            names::MAX_RETRIES => self.max_retries = checked(value),
            names::GIVE_UP_AFTER => self.give_up_after = checked(value),
            names::STALL_TIMEOUT => self.stall_timeout = checked(value),
            names::MAX_QUEUE => self.max_queue = checked(value),
            names::SYNTHETIC_MARK => self.synthetic_mark = checked(value),
            _ => unimplemented!("property {name}"),
        }
    }

    /// The value of a property; of addresses what is not secret.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            names::LOCATION => shown(self.location.as_ref()).to_value(),
            names::BACKUP_LOCATION => shown(self.backup_location.as_ref()).to_value(),
            names::STREAM_KEY_ENV => self.stream_key_env.to_value(),
            names::STREAM_KEY_FILE => self.stream_key_file.to_value(),
            names::BITRATE => self.bitrate.to_value(),
            names::MIN_BITRATE => self.min_bitrate.to_value(),
            names::AUDIO_BITRATE => self.audio_bitrate.to_value(),
            names::ADAPTIVE => self.adaptive.to_value(),
            names::MAX_RETRIES => self.max_retries.to_value(),
            names::GIVE_UP_AFTER => self.give_up_after.to_value(),
            names::STALL_TIMEOUT => self.stall_timeout.to_value(),
            names::MAX_QUEUE => self.max_queue.to_value(),
            names::SYNTHETIC_MARK => self.synthetic_mark.to_value(),
            _ => unimplemented!("property {name}"),
        }
    }
}

fn wrong(property: &'static str, error: &AddressError) -> Wrong {
    Wrong {
        property,
        why: error.to_string(),
    }
}

/// An address without what is secret of it. Of a text that is none, nothing: it may be a key.
fn shown(text: Option<&Secret>) -> Option<String> {
    let text = text?;
    // Any key will do to see how it is divided.
    let key = Some(Secret::new("key"));
    match RtmpAddress::parse(text.expose(), key) {
        Ok(address) => Some(address.to_string()),
        Err(_) => Some("***".to_owned()),
    }
}

/// All specs.
pub fn specs() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut all = addresses(&default);
    all.extend(encoding(&default));
    all.extend(persistence(&default));
    all.extend(told());
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
    ]
}

fn encoding(default: &Settings) -> Vec<glib::ParamSpec> {
    let kbit = |name: &str, nick: &str, blurb: &str, default: u32| {
        glib::ParamSpecUInt::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(16)
            .maximum(100_000)
            .default_value(default)
            .mutable_ready()
            .build()
    };
    vec![
        kbit(
            names::BITRATE,
            "Bitrate",
            "Bitrate of video that is encoded here, kbit/s; the most if it is adaptive",
            default.bitrate,
        ),
        kbit(
            names::MIN_BITRATE,
            "Least bitrate",
            "No less is asked of the encoder while adaptive, kbit/s",
            default.min_bitrate,
        ),
        kbit(
            names::AUDIO_BITRATE,
            "Bitrate of sound",
            "Bitrate of audio that is encoded here, kbit/s",
            default.audio_bitrate,
        ),
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
    let time = |name: &str, nick: &str, blurb: &str, least: u64, most: u64, default: u64| {
        glib::ParamSpecUInt64::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(least)
            .maximum(most)
            .default_value(default)
            .mutable_ready()
            .build()
    };
    const MS: u64 = 1_000_000;
    vec![
        glib::ParamSpecInt::builder(names::MAX_RETRIES)
            .nick("Retries")
            .blurb("How often a stream that was never accepted is tried again; -1 is for ever")
            .minimum(-1)
            .default_value(default.max_retries)
            .mutable_ready()
            .build(),
        time(
            names::GIVE_UP_AFTER,
            "Give up after",
            "How long a stream that has been live is tried to bring back, ns; the default is for ever",
            0,
            u64::MAX,
            default.give_up_after,
        ),
        time(
            names::STALL_TIMEOUT,
            "Stall timeout",
            "A connection that takes nothing for so long is given up, ns",
            500 * MS,
            600_000 * MS,
            default.stall_timeout,
        ),
        time(
            names::MAX_QUEUE,
            "Queue",
            "Longest stretch of encoded video that waits for the network, ns; more is dropped, \
             whole groups of pictures at a time",
            100 * MS,
            60_000 * MS,
            default.max_queue,
        ),
    ]
}

fn told() -> Vec<glib::ParamSpec> {
    vec![
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
