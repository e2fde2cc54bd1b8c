// SPDX-License-Identifier: MPL-2.0
//! What the user has set of `rtmppushsink`, and what follows from it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use gst::{glib, prelude::*};
use sonic_engine::push::{
    address::{self, AddressError, RtmpAddress, Secret},
    bitrate::Bounds,
    link::Policy,
};

use super::{Scenario, properties::names};
use crate::values::{checked, name_in};

/// A file with a key is not longer than that, bytes.
const MOST_KEY: u64 = 4096;

/// What the user has set. It has secrets: it is not printed.
#[derive(Clone)]
pub struct Settings {
    pub scenario: Scenario,
    location: Option<Secret>,
    pub backup_location: Option<Secret>,
    pub stream_key_env: Option<String>,
    pub stream_key_file: Option<String>,
    pub tls_validation_flags: gio::TlsCertificateFlags,
    video_caps: Option<gst::Caps>,
    pub label: Option<String>,
    /// kbit/s.
    bitrate: Option<u32>,
    min_bitrate: Option<u32>,
    pub audio_bitrate: u32,
    pub adaptive: bool,
    pub max_retries: i32,
    pub give_up_after: u64,
    pub stall_timeout: u64,
    pub max_queue: u64,
    pub synthetic_mark: bool,
    pub metrics_port: u32,
    pub metrics_address: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scenario: Scenario::None,
            location: None,
            video_caps: None,
            label: None,
            backup_location: None,
            stream_key_env: Some("RTMP_STREAM_KEY".to_owned()),
            stream_key_file: None,
            tls_validation_flags: gio::TlsCertificateFlags::VALIDATE_ALL,
            bitrate: None,
            min_bitrate: None,
            audio_bitrate: 128,
            adaptive: true,
            max_retries: 3,
            give_up_after: u64::MAX,
            stall_timeout: 10_000_000_000,
            max_queue: 2_000_000_000,
            synthetic_mark: true,
            metrics_port: 0,
            metrics_address: Some("127.0.0.1".to_owned()),
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

    /// Of video, kbit/s; the most if adaptive.
    pub fn bitrate(&self) -> u32 {
        self.bitrate
            .or(self.scenario.offer().bitrate)
            .unwrap_or(2000)
    }

    /// The least while adaptive, kbit/s.
    pub fn min_bitrate(&self) -> u32 {
        self.min_bitrate
            .or(self.scenario.offer().min_bitrate)
            .unwrap_or(300)
    }

    /// What raw video is to be like.
    pub fn video_caps(&self) -> Option<gst::Caps> {
        self.video_caps
            .clone()
            .or_else(|| self.scenario.offer().caps())
    }

    /// Likewise, once it is known that it can be had.
    pub fn wanted_video(&self) -> Result<Option<gst::Caps>, Wrong> {
        let Some(caps) = self.video_caps() else {
            return Ok(None);
        };
        let raw = caps.iter().all(|s| s.name() == "video/x-raw");
        if caps.is_empty() || caps.is_any() || !raw {
            return Err(Wrong {
                property: names::VIDEO_CAPS,
                why: format!(
                    "{caps} are no caps of raw video, as video/x-raw,width=1280,height=720"
                ),
            });
        }
        Ok(Some(caps))
    }

    fn location(&self) -> Option<Secret> {
        let offered = || self.scenario.offer().location.map(Secret::new);
        self.location.clone().or_else(offered)
    }

    /// Where the statistics are published, if they are to be.
    pub fn metrics(&self) -> Result<Option<SocketAddr>, Wrong> {
        let Some(port) = u16::try_from(self.metrics_port)
            .ok()
            .filter(|port| *port > 0)
        else {
            return Ok(None);
        };
        let address = self.metrics_address.as_deref().unwrap_or("127.0.0.1");
        let address: IpAddr = address.parse().map_err(|_| Wrong {
            property: names::METRICS_ADDRESS,
            why: format!("{address} is no number of an interface, as 127.0.0.1 or ::1"),
        })?;
        Ok(Some(SocketAddr::new(address, port)))
    }

    /// Between which bitrates the encoder may be set.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            least: self.min_bitrate(),
            most: self.bitrate(),
        }
    }

    /// Where to publish: the address and, if there is one, the backup.
    pub fn addresses(&self) -> Result<Vec<RtmpAddress>, Wrong> {
        let key = self.key()?;
        let named = [
            (names::LOCATION, self.location()),
            (names::BACKUP_LOCATION, self.backup_location.clone()),
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
            names::TLS_VALIDATION_FLAGS => self.tls_validation_flags = checked(value),
            names::BITRATE => self.bitrate = Some(checked(value)),
            names::MIN_BITRATE => self.min_bitrate = Some(checked(value)),
            names::AUDIO_BITRATE => self.audio_bitrate = checked(value),
            names::ADAPTIVE => self.adaptive = checked(value),
            names::MAX_RETRIES => self.max_retries = checked(value),
            names::GIVE_UP_AFTER => self.give_up_after = checked(value),
            names::STALL_TIMEOUT => self.stall_timeout = checked(value),
            names::MAX_QUEUE => self.max_queue = checked(value),
            names::SYNTHETIC_MARK => self.synthetic_mark = checked(value),
            names::SCENARIO => self.scenario = checked(value),
            names::VIDEO_CAPS => self.video_caps = checked(value),
            names::LABEL => self.label = name_in(value),
            names::METRICS_PORT => self.metrics_port = checked(value),
            names::METRICS_ADDRESS => self.metrics_address = name_in(value),
            _ => unimplemented!("property {name}"),
        }
    }

    /// The value of a property; of addresses what is not secret.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            names::LOCATION => shown(self.location().as_ref()).to_value(),
            names::BACKUP_LOCATION => shown(self.backup_location.as_ref()).to_value(),
            names::STREAM_KEY_ENV => self.stream_key_env.to_value(),
            names::STREAM_KEY_FILE => self.stream_key_file.to_value(),
            names::TLS_VALIDATION_FLAGS => self.tls_validation_flags.to_value(),
            names::BITRATE => self.bitrate().to_value(),
            names::MIN_BITRATE => self.min_bitrate().to_value(),
            names::AUDIO_BITRATE => self.audio_bitrate.to_value(),
            names::ADAPTIVE => self.adaptive.to_value(),
            names::MAX_RETRIES => self.max_retries.to_value(),
            names::GIVE_UP_AFTER => self.give_up_after.to_value(),
            names::STALL_TIMEOUT => self.stall_timeout.to_value(),
            names::MAX_QUEUE => self.max_queue.to_value(),
            names::SYNTHETIC_MARK => self.synthetic_mark.to_value(),
            names::SCENARIO => self.scenario.to_value(),
            names::VIDEO_CAPS => self.video_caps().to_value(),
            names::LABEL => self.label.to_value(),
            names::METRICS_PORT => self.metrics_port.to_value(),
            names::METRICS_ADDRESS => self.metrics_address.to_value(),
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
