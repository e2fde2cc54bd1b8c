// SPDX-License-Identifier: MPL-2.0
//! What the scenarios set.

use gst::glib;

/// What a stream is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstRtmpPushSinkScenario")]
#[non_exhaustive]
pub enum Scenario {
    /// Nothing is set.
    #[default]
    #[enum_value(name = "None: nothing is set", nick = "none")]
    None,
    /// A presenter of a channel.
    #[enum_value(
        name = "Virtual host: 960x540, 25/1, 2000 kbit/s",
        nick = "virtual-host"
    )]
    VirtualHost,
    /// Over a line that changes.
    #[enum_value(name = "Mobile: 15/1, 1000 to 2000 kbit/s", nick = "mobile")]
    Mobile,
    /// A lecture.
    #[enum_value(name = "Course: 1280x720, 30/1, 3000 kbit/s", nick = "course")]
    Course,
    /// For trying out.
    #[enum_value(name = "Local: to rtmp://localhost/live/test", nick = "local")]
    Local,
}

/// What counts where the user has set nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer {
    pub location: Option<&'static str>,
    size: Option<(i32, i32)>,
    rate: Option<i32>,
    /// kbit/s.
    pub bitrate: Option<u32>,
    pub min_bitrate: Option<u32>,
}

impl Scenario {
    /// What it sets.
    pub fn offer(self) -> Offer {
        match self {
            Scenario::None => Offer::default(),
            Scenario::VirtualHost => Offer {
                size: Some((960, 540)),
                rate: Some(25),
                bitrate: Some(2000),
                ..Offer::default()
            },
            Scenario::Mobile => Offer {
                rate: Some(15),
                bitrate: Some(2000),
                min_bitrate: Some(1000),
                ..Offer::default()
            },
            Scenario::Course => Offer {
                size: Some((1280, 720)),
                rate: Some(30),
                bitrate: Some(3000),
                ..Offer::default()
            },
            Scenario::Local => Offer {
                location: Some("rtmp://localhost/live/test"),
                ..Offer::default()
            },
        }
    }
}

impl Offer {
    /// What raw video is to be like.
    pub fn caps(&self) -> Option<gst::Caps> {
        if self.size.is_none() && self.rate.is_none() {
            return None;
        }
        let rate = self.rate.map(|rate| gst::Fraction::new(rate, 1));
        let (width, height) = self.size.unzip();
        let square = self.size.map(|_| gst::Fraction::new(1, 1));
        let caps = gst::Caps::builder("video/x-raw")
            .field_if_some("width", width)
            .field_if_some("height", height)
            .field_if_some("pixel-aspect-ratio", square)
            .field_if_some("framerate", rate)
            .build();
        Some(caps)
    }
}
