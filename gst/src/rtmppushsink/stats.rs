// SPDX-License-Identifier: MPL-2.0
//! What `rtmppushsink` counts.

use std::time::{Duration, Instant};

use sonic_engine::push::queue::Dropped;

/// Counted since the start.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub frames_sent: u64,
    pub dropped: Dropped,
    /// Of connections that are over.
    pub bytes_before: u64,
    /// Of the present connection.
    pub bytes_now: u64,
    pub reconnects: u64,
    pub target_kbits: u32,
    pub queue_time: Duration,
    pub live_since: Option<Instant>,
    /// Of stretches of being live that are over.
    pub live_before: Duration,
    /// kbit/s of the last second or so.
    pub kbits: f64,
    pub last_error: Option<String>,
}

impl Counts {
    /// As the property tells it.
    pub fn structure(&self, state: &str, raw_dropped: u64) -> gst::Structure {
        let uptime = self
            .live_since
            .map_or(Duration::ZERO, |since| since.elapsed());
        let live = (self.live_before + uptime).as_secs_f64();
        let bytes = self.bytes_before + self.bytes_now;
        let mean = if live > 0.0 {
            bytes as f64 * 8.0 / 1000.0 / live
        } else {
            0.0
        };
        gst::Structure::builder("application/x-rtmppushsink-stats")
            .field("state", state)
            .field("uptime", uptime.as_nanos() as u64)
            .field("bytes", bytes)
            .field("kbits", self.kbits)
            .field("mean-kbits", mean)
            .field("target-kbits", self.target_kbits)
            .field("frames-sent", self.frames_sent)
            .field("frames-dropped", self.dropped.frames)
            .field("groups-dropped", self.dropped.groups)
            .field("audio-dropped", self.dropped.audio)
            .field("raw-frames-dropped", raw_dropped)
            .field("reconnects", self.reconnects)
            .field("queue-time", self.queue_time.as_nanos() as u64)
            .field_if_some("last-error", self.last_error.as_deref())
            .build()
    }
}
