// SPDX-License-Identifier: MPL-2.0
//! The source pads' tasks: each waits until its stream's next piece is due, or has come, and
//! pushes it.

use gst::{prelude::*, subclass::prelude::*};
use sonic_engine::sync::{Heard, Next, Part, Picture, Qos, Side, Slot, Verdict};

use super::{
    data::{self, Marker, Media},
    imp::{AvClockSync, CAT, Shared},
    latency,
};
use crate::{board::post, metas};

/// What a task does next.
enum Step {
    /// Sends a piece of so many frames of sound, or one picture.
    Send(usize),
    /// The stream is over.
    End,
}

/// A block of sound as it was made.
struct Block {
    buffer: gst::Buffer,
    /// First sample of the output, and the one behind the last.
    span: std::ops::Range<i64>,
    parts: Vec<Part<Media>>,
    heard: Vec<Heard>,
    frame: usize,
    rate: u32,
}

impl AvClockSync {
    pub(super) fn start_task(&self, side: Side) {
        let element = self.obj().downgrade();
        let started = self.source(side).start_task(move || {
            if let Some(element) = element.upgrade() {
                element.imp().run(side);
            }
        });
        if started.is_err() {
            gst::error!(CAT, imp = self, "the task of {side:?} cannot be started");
        }
    }

    /// One round of a task.
    fn run(&self, side: Side) {
        let done = self.wait_for_step(side).and_then(|step| match step {
            Step::End => {
                self.begin(side)?;
                gst::debug!(CAT, imp = self, "{side:?} ends");
                self.shared().pair(side).ended = true;
                self.source(side).push_event(gst::event::Eos::new());
                self.changed.notify_all();
                Err(gst::FlowError::Eos)
            }
            Step::Send(frames) => {
                self.begin(side)?;
                match side {
                    Side::Audio => self.push_sound(frames),
                    Side::Video => self.push_picture(),
                }
            }
        });
        let Err(fault) = done else { return };
        gst::debug!(CAT, imp = self, "{side:?} pauses: {fault}");
        // It waits for nobody, since this is the task.
        let _ = self.source(side).pause_task();
        if fault != gst::FlowError::Flushing {
            self.shared().pair(side).fault = Some(fault);
            self.changed.notify_all();
        }
        if fault == gst::FlowError::NotNegotiated {
            // There may be nobody upstream who would hear of it.
            gst::element_imp_error!(
                self,
                gst::CoreError::Negotiation,
                ("Downstream takes nothing of what comes here. \
                  Put an audioconvert or videoconvert behind this element."),
                ["{}", self.source(side).name()]
            );
        }
    }

    /// Waits until something is to be sent.
    fn wait_for_step(&self, side: Side) -> Result<Step, gst::FlowError> {
        let mut shared = self.shared();
        loop {
            if shared.pair(side).stopped {
                return Err(gst::FlowError::Flushing);
            }
            let linked = self.sink(side).is_linked();
            shared.sync.set_input(side, linked);
            match shared.live {
                None => shared = self.wait(shared),
                // Whoever gives the clock also sets the state.
                Some(true) if !shared.playing || self.obj().clock().is_none() => {
                    shared = self.wait(shared);
                }
                Some(true) if !shared.started => {
                    drop(shared);
                    self.start_output();
                    shared = self.shared();
                }
                Some(live) => match latency::next(&shared.sync, side) {
                    Next::Wait => shared = self.wait(shared),
                    Next::End(_) => return Ok(Step::End),
                    Next::Send { frames, .. } if !live => return Ok(Step::Send(frames)),
                    Next::Send { at, frames } => {
                        let due = gst::ClockTime::from_nseconds(at) + shared.upstream + shared.own;
                        match self.alarm(&mut shared, side, due) {
                            None => return Ok(Step::Send(frames)),
                            Some(alarm) => {
                                drop(shared);
                                let _ = alarm.wait();
                                shared = self.shared();
                                shared.pair(side).alarm = None;
                            }
                        }
                    }
                },
            }
        }
    }

    /// An alarm for a running time that has not come yet.
    fn alarm(
        &self,
        shared: &mut Shared,
        side: Side,
        due: gst::ClockTime,
    ) -> Option<gst::SingleShotClockId> {
        let obj = self.obj();
        let (clock, base) = (obj.clock()?, obj.base_time()?);
        if clock.time() >= base + due {
            return None;
        }
        let alarm = clock.new_single_shot_id(base + due);
        shared.pair(side).alarm = Some(alarm.clone());
        Some(alarm)
    }

    /// The output begins now. No lock may be held.
    fn start_output(&self) {
        let upstream = self.ask_upstream();
        self.note_latency(upstream);
        let now = self.obj().current_running_time().unwrap_or_default();
        let mut shared = self.shared();
        if !shared.started {
            shared.started = true;
            shared.sync.start(now.nseconds());
            shared.next_message = now.nseconds();
            gst::debug!(CAT, imp = self, "the output begins at {now}");
        }
    }

    /// Sends the events that must come first, and caps that have changed. No lock may be held.
    fn begin(&self, side: Side) -> Result<(), gst::FlowError> {
        if self.shared().pair(side).caps.is_none() {
            self.choose_caps(side)?;
            self.update_latency();
        }
        let pad = self.source(side);
        let (begun, caps, changed, group) = {
            let mut shared = self.shared();
            let common = shared.audio.group.or(shared.video.group).or(shared.group);
            let group = common.unwrap_or_else(gst::GroupId::next);
            shared.group = Some(group);
            let pair = shared.pair(side);
            let changed = pair.caps != pair.sent;
            pair.sent = pair.caps.clone();
            (
                std::mem::replace(&mut pair.begun, true),
                pair.caps.clone(),
                changed,
                group,
            )
        };
        if !begun {
            // The pad's own helper is for elements with one sink pad.
            let above = self.sink(side).stream_id();
            let above = above.map_or_else(|| self.obj().name().to_string(), |id| id.to_string());
            let id = format!("{above}/{}", pad.name());
            let start = gst::event::StreamStart::builder(&id).group_id(group);
            pad.push_event(start.build());
        }
        if let Some(caps) = caps.filter(|_| changed || !begun) {
            gst::debug!(CAT, obj = pad, "{caps}");
            pad.push_event(gst::event::Caps::new(&caps));
            if side == Side::Video {
                let idle = self.idle_frame(&caps);
                self.shared().video.idle = idle;
            }
            self.update_latency();
        }
        if !begun {
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            pad.push_event(gst::event::Segment::new(&segment));
        }
        Ok(())
    }

    /// Makes the next block of sound, if it still has the format that was announced.
    fn make_block(&self, frames: usize) -> Result<Option<Block>, gst::FlowError> {
        let Some(format) = self.shared().sync.format().copied() else {
            return Ok(None);
        };
        let frame = format.frame();
        let mut buffer =
            gst::Buffer::with_size(frames * frame).map_err(|_| gst::FlowError::Error)?;
        let (mut parts, mut heard) = (Vec::new(), Vec::new());
        let writable = buffer.get_mut().ok_or(gst::FlowError::Error)?;
        let mut map = writable.map_writable().map_err(|_| gst::FlowError::Error)?;
        let mut shared = self.shared();
        let still = shared.sync.next_sound();
        let same = matches!(still, Next::Send { frames: now, .. } if now == frames);
        if !same || shared.audio.caps != shared.audio.sent || shared.sync.format() != Some(&format)
        {
            return Ok(None);
        }
        let span = shared.sync.send_sound(&mut map, &mut parts, &mut heard);
        drop(shared);
        drop(map);
        self.changed.notify_all();
        Ok(Some(Block {
            buffer,
            span,
            parts,
            heard,
            frame,
            rate: format.rate,
        }))
    }

    fn push_sound(&self, frames: usize) -> Result<(), gst::FlowError> {
        let Some(block) = self.make_block(frames)? else {
            return Ok(());
        };
        let rate = block.rate;
        let time = |sample: i64| {
            let sample = u128::try_from(sample).unwrap_or(0);
            let ns = sample * 1_000_000_000 / u128::from(rate.max(1));
            gst::ClockTime::from_nseconds(ns as u64)
        };
        for word in &block.heard {
            self.post_word(word, time(word.at), time(word.length));
        }
        self.post_stats(time(block.span.start).nseconds());
        let has_sound = |part: &&Part<_>| matches!(part, Part::Frames { .. });
        let whole = block.parts.iter().filter(has_sound).count() == 1;
        let mut at = block.span.start;
        for part in block.parts {
            let (frames, place, silent) = match part {
                Part::Event(Marker::Event(event)) => {
                    self.audio_src.push_event(event);
                    continue;
                }
                Part::Event(Marker::Caps(..)) => continue,
                Part::Frames {
                    frames,
                    place,
                    silent,
                } => (frames, place, silent),
            };
            let from = (at - block.span.start) as usize * block.frame;
            let bytes = from..from + frames as usize * block.frame;
            let mut buffer = if whole {
                block.buffer.clone()
            } else {
                let flags = gst::BufferCopyFlags::MEMORY;
                let copy = block.buffer.copy_region(flags, bytes);
                copy.map_err(|_| gst::FlowError::Error)?
            };
            let b = buffer.make_mut();
            let end = at + frames;
            b.set_pts(time(at));
            b.set_duration(time(end) - time(at));
            b.set_offset(at as u64);
            b.set_offset_end(end as u64);
            if silent {
                b.set_flags(gst::BufferFlags::GAP);
            }
            if let Some(place) = place {
                data::mark(b, place);
            }
            self.set_discont(Side::Audio, b);
            self.audio_src.push(buffer)?;
            at = end;
        }
        Ok(())
    }

    fn set_discont(&self, side: Side, buffer: &mut gst::BufferRef) {
        if std::mem::take(&mut self.shared().pair(side).fresh) {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        } else {
            buffer.unset_flags(gst::BufferFlags::DISCONT);
        }
    }

    fn push_picture(&self) -> Result<(), gst::FlowError> {
        let mut markers = Vec::new();
        let slot = {
            let mut shared = self.shared();
            if !matches!(shared.sync.next_picture(), Next::Send { .. }) {
                return Ok(());
            }
            let slot = shared.sync.send_picture(&mut markers);
            for marker in &markers {
                if let Marker::Caps(caps, grid) = marker {
                    shared.video.caps = Some(caps.clone());
                    shared.sync.set_pictures(*grid);
                }
            }
            slot
        };
        self.changed.notify_all();
        let Some(slot) = slot else { return Ok(()) };
        for marker in markers {
            match marker {
                Marker::Event(event) => {
                    self.video_src.push_event(event);
                }
                Marker::Caps(..) => self.begin(Side::Video)?,
            }
        }
        if let Some(qos) = slot.qos {
            self.send_qos(&qos);
        }
        if let Some(verdict) = slot.verdict {
            self.post_verdict(verdict, slot.at);
        }
        if !self.audio_src.is_linked() {
            self.post_stats(slot.at);
        }
        let Some(buffer) = self.frame(&slot) else {
            return Ok(());
        };
        if let Some(aperture) = metas::aperture(&buffer) {
            self.shared().sync.show_mouth(slot.at, aperture);
        }
        self.video_src.push(buffer).map(|_| ())
    }

    /// The buffer of a slot; its memory is the one that came.
    fn frame(&self, slot: &Slot<gst::Buffer>) -> Option<gst::Buffer> {
        let (shown, again) = match &slot.picture {
            Picture::New(frame) | Picture::Late(frame) => (frame.clone(), false),
            Picture::Again(frame) => (frame.clone(), true),
            Picture::Idle => (self.shared().video.idle.clone()?, true),
        };
        let mut buffer = shown.copy();
        let b = buffer.get_mut()?;
        b.set_pts(gst::ClockTime::from_nseconds(slot.at));
        b.set_dts(gst::ClockTime::NONE);
        b.set_duration(gst::ClockTime::from_nseconds(slot.duration));
        b.set_offset(slot.index);
        b.set_offset_end(slot.index + 1);
        if again {
            b.set_flags(gst::BufferFlags::GAP);
        }
        if let Some(content) = slot.content {
            metas::retime(b, u64::try_from(content).unwrap_or(0), again);
        }
        self.set_discont(Side::Video, b);
        Some(buffer)
    }

    fn send_qos(&self, qos: &Qos) {
        let kind = if qos.late > 0 {
            gst::QOSType::Underflow
        } else {
            gst::QOSType::Overflow
        };
        let event = gst::event::Qos::new(
            kind,
            qos.proportion,
            qos.late,
            gst::ClockTime::from_nseconds(qos.stamp),
        );
        self.video_sink.push_event(event);
    }

    fn post_verdict(&self, verdict: Verdict, running: u64) {
        let (name, offset) = match verdict {
            Verdict::Out(offset) => ("out-of-sync", offset),
            Verdict::In(offset) => ("in-sync", offset),
        };
        let structure = gst::Structure::builder(name)
            .field("offset", offset)
            .field("running-time", running)
            .build();
        post(&*self.obj(), structure);
    }

    fn post_word(&self, heard: &Heard, running: gst::ClockTime, duration: gst::ClockTime) {
        let word = &heard.clause.words[heard.word];
        let structure = gst::Structure::builder("word")
            .field("utterance-id", heard.clause.utterance)
            .field("running-time", running.nseconds())
            .field("clause", heard.clause.number)
            .field("text", &word.text)
            .field("duration", duration.nseconds())
            .build();
        if self.shared().live == Some(true) {
            self.board.post_at(&*self.obj(), running, structure);
        } else {
            post(&*self.obj(), structure);
        }
    }

    fn post_stats(&self, running: u64) {
        let interval = self.settings().message_interval;
        if interval == 0 {
            return;
        }
        {
            let mut shared = self.shared();
            if running < shared.next_message {
                return;
            }
            shared.next_message = running.saturating_add(interval);
        }
        post(&*self.obj(), self.report(running));
    }
}
