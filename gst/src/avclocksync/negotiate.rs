// SPDX-License-Identifier: MPL-2.0
//! Caps queries, and what is sent before upstream has said what comes.

use gst::prelude::*;
use gst_audio::AudioInfo;
use sonic_engine::sync::Side;

use super::{caps, imp::AvClockSync};

impl AvClockSync {
    /// What a sink pad takes: what downstream takes, first of all what it is being sent; pictures
    /// at any rate too.
    pub(super) fn sink_caps(&self, side: Side, filter: Option<&gst::CapsRef>) -> gst::Caps {
        let current = self.shared().pair(side).caps.clone();
        let downstream = self.source(side).peer_query_caps(None);
        let mut possible = gst::Caps::new_empty();
        let mut take = |some: &gst::Caps| {
            let mode = gst::CapsIntersectMode::ZigZag;
            possible.merge(caps::template(side).intersect_with_mode(some, mode));
        };
        // Who can draw at the rate that is sent spares frames that would be left out.
        for some in current.iter().chain([&downstream]) {
            take(some);
        }
        if side == Side::Video {
            for some in current.iter().chain([&downstream]).filter(|c| !c.is_any()) {
                take(&caps::any_rate(some));
            }
        }
        match filter {
            Some(filter) => possible.intersect_with_mode(filter, gst::CapsIntersectMode::First),
            None => possible,
        }
    }

    /// What a source pad can give: what upstream can, of pictures at any rate.
    pub(super) fn source_caps(&self, side: Side, filter: Option<&gst::CapsRef>) -> gst::Caps {
        let sink = self.sink(side);
        let mut possible = caps::template(side).clone();
        // Live, something is sent before there is an upstream's, whatever downstream takes.
        if sink.is_linked() && self.shared().live != Some(true) {
            let upstream = sink.peer_query_caps(None);
            let upstream = match side {
                Side::Video if !upstream.is_any() => caps::any_rate(&upstream),
                _ => upstream,
            };
            possible = upstream.intersect(&possible);
        }
        match filter {
            Some(filter) => filter
                .to_owned()
                .intersect_with_mode(&possible, gst::CapsIntersectMode::First),
            None => possible,
        }
    }

    /// Chooses what is sent before upstream has said what comes: what both neighbours can do, as
    /// the user wishes. No lock may be held.
    ///
    /// # Errors
    /// If downstream takes nothing that can be made here.
    pub(super) fn choose_caps(&self, side: Side) -> Result<(), gst::FlowError> {
        let settings = self.settings();
        let template = caps::template(side);
        let downstream = self.source(side).peer_query_caps(Some(template));
        let upstream = self.sink(side).peer_query_caps(Some(template));
        let common = downstream.intersect(&upstream);
        let possible = if common.is_empty() {
            downstream
        } else {
            common
        };
        let wish = match side {
            Side::Audio => settings.audio_caps,
            Side::Video => settings.video_caps,
        };
        let chosen = caps::choose(side, &possible, wish.as_ref());
        let chosen = chosen.ok_or(gst::FlowError::NotNegotiated)?;
        let mut shared = self.shared();
        // Upstream may have been quicker.
        if shared.pair(side).caps.is_some() {
            return Ok(());
        }
        match side {
            Side::Audio => {
                let info = AudioInfo::from_caps(&chosen);
                let info = info.map_err(|_| gst::FlowError::NotNegotiated)?;
                shared.sync.set_sound(caps::pcm(&info));
            }
            Side::Video => {
                let grid = caps::grid(&chosen).ok_or(gst::FlowError::NotNegotiated)?;
                shared.sync.set_pictures(grid);
            }
        }
        shared.pair(side).caps = Some(chosen);
        Ok(())
    }
}
