// SPDX-License-Identifier: MPL-2.0
//! The sink pads: what comes in goes to the engine, and waits for room there.

use gst::{prelude::*, subclass::prelude::*};
use gst_audio::AudioInfo;
use sonic_engine::sync::{Side, Taken};

use super::{
    caps,
    data::{self, Marker, Sound},
    imp::{AvClockSync, CAT},
};
use crate::metas::{INTERRUPT_EVENT, SpeechClause};

/// Interruptions that are remembered so that they do not count twice.
const MOST_INTERRUPTIONS: usize = 16;

impl AvClockSync {
    pub(super) fn new_sink(template: &gst::PadTemplate) -> gst::Pad {
        let builder = gst::Pad::builder_from_template(template)
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.sink_chain(pad, buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.sink_query(pad, query))
            })
            .activatemode_function(|pad, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "panicked before")),
                    |imp| imp.sink_activate(pad, mode, active),
                )
            })
            .iterate_internal_links_function(|pad, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(vec![]),
                    |imp| {
                        let other = imp.source(imp.side_of(pad)).clone();
                        gst::Iterator::from_vec(vec![other])
                    },
                )
            });
        builder.build()
    }

    fn sink_activate(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if mode == gst::PadMode::Pull {
            return Err(gst::loggable_error!(CAT, "data are pushed here"));
        }
        self.shared().pair(self.side_of(pad)).closed = !active;
        self.changed.notify_all();
        Ok(())
    }

    fn sink_chain(
        &self,
        pad: &gst::Pad,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let side = self.side_of(pad);
        gst::trace!(CAT, obj = pad, "{buffer:?}");
        self.decide_mode();
        self.wait_for_room(side)?;
        match side {
            Side::Audio => self.take_sound(pad, buffer),
            Side::Video => self.take_frame(pad, buffer),
        }
        self.changed.notify_all();
        Ok(gst::FlowSuccess::Ok)
    }

    fn wait_for_room(&self, side: Side) -> Result<(), gst::FlowError> {
        let mut shared = self.shared();
        loop {
            let pair = shared.pair(side);
            if pair.closed {
                return Err(gst::FlowError::Flushing);
            }
            if !pair.active {
                return Err(gst::FlowError::NotLinked);
            }
            if let Some(fault) = pair.fault {
                return Err(fault);
            }
            if pair.ended {
                return Err(gst::FlowError::Eos);
            }
            if shared.sync.has_room(side) {
                return Ok(());
            }
            shared = self.wait(shared);
        }
    }

    fn take_sound(&self, pad: &gst::Pad, buffer: gst::Buffer) {
        let arrival = self.obj().current_running_time();
        let mut shared = self.shared();
        let Some(segment) = shared.audio.segment.clone() else {
            return;
        };
        let Some(format) = shared.sync.format().copied() else {
            return;
        };
        let discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        let place = data::place(&buffer);
        let clipped = if buffer.pts().is_some() {
            gst_audio::audio_buffer_clip(
                buffer,
                segment.upcast_ref(),
                format.rate,
                format.frame() as u32,
            )
        } else {
            Some(buffer)
        };
        let Some(buffer) = clipped else { return };
        let stamp = running(&segment, buffer.pts());
        let Ok(mapped) = buffer.into_mapped_buffer_readable() else {
            gst::warning!(CAT, obj = pad, "a buffer cannot be read");
            return;
        };
        if discont {
            shared.sync.discont(Side::Audio);
        }
        let arrival = arrival.map(gst::ClockTime::nseconds);
        let taken = shared.sync.push_sound(stamp, Sound(mapped), place, arrival);
        drop(shared);
        if taken != Taken::Queued {
            gst::debug!(CAT, obj = pad, "sound of {stamp:?}: {taken:?}");
        }
    }

    fn take_frame(&self, pad: &gst::Pad, buffer: gst::Buffer) {
        let arrival = self.obj().current_running_time();
        let mut shared = self.shared();
        let Some(segment) = shared.video.segment.clone() else {
            return;
        };
        if let Some(pts) = buffer.pts() {
            let end = pts + buffer.duration().unwrap_or_default();
            if segment.clip(pts, end).is_none() {
                return;
            }
        }
        let stamp = running(&segment, buffer.pts());
        let duration = buffer.duration().map(gst::ClockTime::nseconds);
        let arrival = arrival.map(gst::ClockTime::nseconds);
        let taken = shared.sync.push_frame(stamp, duration, buffer, arrival);
        drop(shared);
        if taken != Taken::Queued {
            gst::debug!(CAT, obj = pad, "a frame of {stamp:?}: {taken:?}");
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;

        let side = self.side_of(pad);
        gst::debug!(CAT, obj = pad, "{event:?}");
        match event.view() {
            EventView::FlushStart(_) => self.flush_start(side, event),
            EventView::FlushStop(_) => self.flush_stop(side, event),
            EventView::StreamStart(e) => {
                let group = e.group_id();
                let mut shared = self.shared();
                shared.pair(side).group = group;
                true
            }
            EventView::Caps(e) => match side {
                Side::Audio => self.set_audio_caps(pad, e.caps_owned()),
                Side::Video => self.set_video_caps(e.caps_owned()),
            },
            EventView::Segment(e) => self.set_segment(pad, side, e.segment()),
            EventView::Eos(_) => {
                self.decide_mode();
                self.shared().sync.eos(side);
                self.changed.notify_all();
                true
            }
            EventView::Gap(e) => {
                let (pts, duration) = e.get();
                self.take_gap(side, pts, duration);
                true
            }
            EventView::CustomDownstreamOob(_) => {
                if event.has_name(INTERRUPT_EVENT) {
                    self.interrupt(&event);
                }
                self.source(side).push_event(event)
            }
            _ if event.is_downstream() && event.is_serialized() => {
                let mut shared = self.shared();
                if let Some(Ok(clause)) = SpeechClause::from_event(&event) {
                    shared.sync.announce(data::clause(clause));
                }
                shared.sync.push_event(side, Marker::Event(event));
                drop(shared);
                self.changed.notify_all();
                true
            }
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    /// Live, a flush ends here: the output goes on.
    fn flush_start(&self, side: Side, event: gst::Event) -> bool {
        let live = {
            let mut shared = self.shared();
            let live = shared.live == Some(true);
            let pair = shared.pair(side);
            pair.closed = true;
            if !live {
                pair.stopped = true;
            }
            shared.sync.flush(side);
            live
        };
        self.changed.notify_all();
        if live {
            return true;
        }
        let source = self.source(side);
        let sent = source.push_event(event);
        // It waits for the task to notice.
        let _ = source.pause_task();
        sent
    }

    fn flush_stop(&self, side: Side, event: gst::Event) -> bool {
        let live = {
            let mut shared = self.shared();
            shared.sync.flush(side);
            let live = shared.live == Some(true);
            let pair = shared.pair(side);
            (pair.closed, pair.segment) = (false, None);
            pair.fault = None;
            if !live {
                (pair.stopped, pair.begun, pair.ended, pair.fresh) = (false, false, false, true);
                pair.sent = None;
            }
            live
        };
        self.changed.notify_all();
        if live {
            return true;
        }
        let source = self.source(side);
        let sent = source.push_event(event);
        self.start_task(side);
        sent
    }

    fn set_segment(&self, pad: &gst::Pad, side: Side, segment: &gst::Segment) -> bool {
        let Some(time) = segment.downcast_ref::<gst::ClockTime>() else {
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("Only segments in TIME can be synchronised."),
                ["{} has one in {}", pad.name(), segment.format()]
            );
            return false;
        };
        if time.rate() <= 0.0 {
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("Streams that run backwards cannot be synchronised."),
                ["{} has a rate of {}", pad.name(), time.rate()]
            );
            return false;
        }
        let mut shared = self.shared();
        let pair = shared.pair(side);
        let changes = pair.segment.as_ref().is_some_and(|s| s != time);
        pair.segment = Some(time.clone());
        if changes {
            shared.sync.discont(side);
        }
        true
    }

    fn take_gap(&self, side: Side, pts: gst::ClockTime, duration: Option<gst::ClockTime>) {
        // Pictures that are missing are no news.
        if side == Side::Video {
            return;
        }
        self.decide_mode();
        if self.wait_for_room(side).is_err() {
            return;
        }
        let mut shared = self.shared();
        let segment = shared.audio.segment.clone();
        let stamp = segment.and_then(|segment| running(&segment, Some(pts)));
        if let (Some(stamp), Some(duration)) = (stamp, duration) {
            shared.sync.push_gap(stamp, duration.nseconds());
        }
        drop(shared);
        self.changed.notify_all();
    }

    fn interrupt(&self, event: &gst::EventRef) {
        let mut shared = self.shared();
        let seqnum = event.seqnum();
        if shared.interruptions.contains(&seqnum) {
            return;
        }
        if shared.interruptions.len() == MOST_INTERRUPTIONS {
            shared.interruptions.remove(0);
        }
        shared.interruptions.push(seqnum);
        // Before it is decided who paces, nothing waits.
        if shared.live.is_some() {
            shared.sync.interrupt(data::interrupted(event));
        }
        drop(shared);
        self.changed.notify_all();
    }

    /// New sound: what waits of the old goes out first.
    fn set_audio_caps(&self, pad: &gst::Pad, caps: gst::Caps) -> bool {
        let Ok(info) = AudioInfo::from_caps(&caps) else {
            gst::warning!(CAT, obj = pad, "no sound can be made of {caps}");
            return false;
        };
        let format = caps::pcm(&info);
        let mut shared = self.shared();
        if !shared.audio.active {
            return true;
        }
        while shared.sync.level(Side::Audio) > 0
            && shared.audio.caps.as_ref() != Some(&caps)
            && !shared.audio.closed
            && shared.audio.fault.is_none()
        {
            shared.sync.drain();
            self.changed.notify_all();
            shared = self.wait(shared);
        }
        if shared.audio.closed {
            return false;
        }
        shared.sync.set_sound(format);
        shared.audio.caps = Some(caps);
        drop(shared);
        self.changed.notify_all();
        true
    }

    /// New pictures: they begin where their first frame is sent.
    fn set_video_caps(&self, caps: gst::Caps) -> bool {
        let downstream = self.video_src.peer_query_caps(None);
        let downstream = (!downstream.is_any()).then_some(downstream);
        let caps = caps::retimed(&caps, downstream.as_ref());
        let Some(grid) = caps::grid(&caps) else {
            gst::warning!(CAT, imp = self, "{caps} has no frame rate");
            return false;
        };
        let mut shared = self.shared();
        if !shared.video.active {
            return true;
        }
        if shared.video.caps.is_none() {
            shared.video.caps = Some(caps);
            shared.sync.set_pictures(grid);
        } else {
            let marker = Marker::Caps(caps, grid);
            shared.sync.push_event(Side::Video, marker);
        }
        drop(shared);
        self.changed.notify_all();
        true
    }

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let side = self.side_of(pad);
        match query.view_mut() {
            gst::QueryViewMut::Caps(q) => {
                let caps = self.sink_caps(side, q.filter());
                q.set_result(&caps);
                true
            }
            gst::QueryViewMut::Allocation(q) => self.answer_allocation(side, q),
            // Whoever waits for what is held here would wait for the clock.
            gst::QueryViewMut::Drain(_) => true,
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    /// Frames go on as they are, so that their memory is downstream's; sound is put into blocks
    /// here.
    fn answer_allocation(
        &self,
        side: Side,
        query: &mut gst::query::Allocation<gst::QueryRef>,
    ) -> bool {
        if side == Side::Audio || !self.video_src.peer_query(query) {
            return false;
        }
        let (limit, frame) = {
            let shared = self.shared();
            (shared.sync.config().limit, shared.sync.frame_time())
        };
        // What waits here, and the picture on the screen, must not exhaust a pool.
        let held = limit / frame.max(1) + 2;
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let pools: Vec<_> = query.allocation_pools().collect();
        for (nth, (pool, size, min, max)) in (0u32..).zip(pools) {
            if max > 0 {
                let max = max.saturating_add(held);
                query.set_nth_allocation_pool(nth, pool.as_ref(), size, min, max);
            }
        }
        true
    }
}

/// Running time in ns.
fn running(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    time: Option<gst::ClockTime>,
) -> Option<u64> {
    segment.to_running_time(time?).map(gst::ClockTime::nseconds)
}
