// SPDX-License-Identifier: MPL-2.0
//! Latency: upstream's, the own one, and who is live.

use gst::{prelude::*, subclass::prelude::*};
use sonic_engine::sync::{Next, Side, Sync};

use super::imp::{AvClockSync, CAT};

/// The least that may wait of a stream.
const LEAST_LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(1);
/// A buffer of sound, which may be as long as that, and two frames.
const ALLOWANCE: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// What upstream answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Upstream {
    pub live: bool,
    pub min: gst::ClockTime,
    /// `None`: no limit.
    pub max: Option<gst::ClockTime>,
}

impl AvClockSync {
    /// Asks both streams. No lock may be held.
    pub(super) fn ask_upstream(&self) -> Upstream {
        let mut all = Upstream::default();
        for pad in [&self.audio_sink, &self.video_sink] {
            let mut query = gst::query::Latency::new();
            if !pad.peer_query(&mut query) {
                continue;
            }
            let (live, min, max) = query.result();
            all.live |= live;
            all.min = all.min.max(min);
            if live {
                all.max = match (all.max, max) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        all
    }

    /// What may wait of a stream, ns: more than the other one holds back, so that neither waits
    /// for room while its other half waits for data.
    pub(super) fn limit(&self, upstream: gst::ClockTime) -> u64 {
        let own = gst::ClockTime::from_nseconds(self.settings().latency);
        LEAST_LIMIT.max(upstream + own + ALLOWANCE).nseconds()
    }

    /// Time to wait after upstream's latency: a block and a frame must have come to their end
    /// before they are sent.
    pub(super) fn own_latency(&self) -> gst::ClockTime {
        let settings = self.settings();
        let shared = self.shared();
        let frame = shared.sync.frame_time();
        let block = settings.audio_block.max(if frame == 0 {
            sonic_engine::sync::BLOCK
        } else {
            frame
        });
        gst::ClockTime::from_nseconds(settings.latency.saturating_add(block))
    }

    /// Takes over what upstream says. No lock may be held.
    pub(super) fn note_latency(&self, upstream: Upstream) -> gst::ClockTime {
        let own = self.own_latency();
        let limit = self.limit(upstream.min);
        let settings = self.settings();
        let mut shared = self.shared();
        shared.upstream = upstream.min;
        shared.own = own;
        let live = shared.sync.config().live;
        shared.sync.set_config(settings.config(live, limit));
        own
    }

    /// Tells the pipeline if the own latency is not what it was. No lock may be held.
    pub(super) fn update_latency(&self) {
        let own = self.own_latency();
        let (before, live) = {
            let mut shared = self.shared();
            let before = std::mem::replace(&mut shared.own, own);
            (before, shared.live == Some(true))
        };
        if live && before != own {
            gst::debug!(CAT, imp = self, "latency is {own} now");
            self.wake();
            let obj = self.obj();
            // No bus is no fault.
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }

    /// Asks upstream who paces, with the first data. No lock may be held.
    pub(super) fn decide_mode(&self) {
        if self.shared().live.is_some() {
            return;
        }
        let upstream = self.ask_upstream();
        let settings = self.settings();
        let limit = self.limit(upstream.min);
        {
            let mut shared = self.shared();
            if shared.live.is_some() {
                return;
            }
            shared.live = Some(upstream.live);
            if upstream.live {
                // Nothing has been put into the engine yet but formats and events.
                shared.sync.set_live(settings.config(true, limit));
            }
        }
        gst::info!(CAT, imp = self, "live: {}", upstream.live);
        self.note_latency(upstream);
        self.changed.notify_all();
        if upstream.live {
            let obj = self.obj();
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }

    /// Answers a LATENCY query.
    pub(super) fn answer_latency(&self, query: &mut gst::query::Latency) -> bool {
        let upstream = self.ask_upstream();
        let live = self.shared().live.unwrap_or(upstream.live);
        let own = self.note_latency(upstream);
        if !live {
            query.set(upstream.live, upstream.min, upstream.max);
            return true;
        }
        let room = gst::ClockTime::from_nseconds(self.limit(upstream.min));
        let max = upstream.max.map(|max| max + own + room);
        gst::debug!(
            CAT,
            imp = self,
            "latency {} + {own}, max {max:?}",
            upstream.min
        );
        query.set(true, upstream.min + own, max);
        true
    }
}

/// When the next of a stream is due.
pub(super) fn next(sync: &Sync<super::data::Media>, side: Side) -> Next {
    match side {
        Side::Audio => sync.next_sound(),
        Side::Video => sync.next_picture(),
    }
}
