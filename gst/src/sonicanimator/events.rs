// SPDX-License-Identifier: MPL-2.0
//! Events and queries.

use std::sync::atomic::Ordering;

use gst::{prelude::*, subclass::prelude::*};
use gst_base::{prelude::*, subclass::prelude::*};

use super::{
    imp::{CAT, SonicAnimator},
    qos::Qos,
};
use crate::metas::{self, SpeechClause};

/// Interruptions that are kept while no frame is made; more are one.
const MOST_INTERRUPTIONS: usize = 64;

impl SonicAnimator {
    pub(super) fn handle_sink_event(&self, event: gst::Event) -> bool {
        use gst::EventView;

        match event.view() {
            EventView::FlushStart(_) => {
                // Wakes the streaming thread if it waits for a buffer.
                self.set_pool_flushing(true);
                self.parent_sink_event(event)
            }
            EventView::FlushStop(_) => {
                self.set_pool_flushing(false);
                self.stream().flush();
                *self.qos() = Qos::default();
                self.parent_sink_event(event)
            }
            EventView::Eos(_) | EventView::SegmentDone(_) | EventView::StreamStart(_) => {
                self.drain_before(&event);
                self.parent_sink_event(event)
            }
            EventView::Segment(e) => match playable(e.segment()) {
                Ok(segment) => {
                    self.drain_before(&event);
                    let mut stream = self.stream();
                    stream.segment = Some(segment);
                    stream.refused = false;
                    drop(stream);
                    self.parent_sink_event(event)
                }
                Err((text, debug)) => {
                    // It is offered again with every buffer, but one error is enough.
                    if !std::mem::replace(&mut self.stream().refused, true) {
                        gst::element_imp_error!(
                            self,
                            gst::StreamError::Format,
                            ("{text}"),
                            ["{debug}"]
                        );
                    }
                    false
                }
            },
            EventView::Gap(e) => {
                let (pts, duration) = e.get();
                self.handle_gap(pts, duration)
            }
            EventView::CustomDownstreamOob(_) => {
                if event.has_name(metas::INTERRUPT_EVENT) {
                    self.interrupt(&event);
                }
                self.parent_sink_event(event)
            }
            EventView::CustomDownstream(_) => match SpeechClause::from_event(&event) {
                Some(clause) => {
                    self.handle_clause(clause);
                    // It counts samples of sound; what follows here is video.
                    true
                }
                None => self.parent_sink_event(event),
            },
            _ => self.parent_sink_event(event),
        }
    }

    /// Leaves word for the streaming thread, which may be anywhere.
    fn interrupt(&self, event: &gst::EventRef) {
        let utterance = event
            .structure()
            .and_then(|s| s.get(metas::UTTERANCE_ID).ok());
        let mut interruptions = self.interruptions();
        if interruptions.len() < MOST_INTERRUPTIONS {
            interruptions.push(utterance);
        }
    }

    fn handle_clause(&self, clause: Result<SpeechClause, metas::Invalid>) {
        let problem = clause.as_ref().err().copied();
        let mut stream = self.stream();
        match clause {
            Ok(clause) => stream.announce(clause),
            Err(_) => stream.ignore_clause(),
        }
        self.stats().clauses = stream.clauses();
        drop(stream);
        let Some(problem) = problem else { return };
        let text = format!("A {} event is ignored: {problem}", metas::CLAUSE_EVENT);
        gst::warning!(CAT, imp = self, "{text}");
        if self.is_news(&text) {
            gst::element_imp_warning!(self, gst::StreamError::Format, ("{text}"));
        }
    }

    pub(super) fn handle_src_event(&self, event: gst::Event) -> bool {
        use gst::EventView;

        match event.view() {
            EventView::Qos(e) => {
                let (kind, proportion, diff, timestamp) = e.get();
                if kind != gst::QOSType::Throttle
                    && let Some(timestamp) = timestamp
                {
                    self.qos().update(proportion, diff, timestamp.nseconds());
                }
                // Past the base class: it would drop sound by its time, not frames by theirs.
                self.obj().sink_pad().push_event(event)
            }
            EventView::Seek(e) if e.get().0 != 1.0 => {
                // Refused here, so that the application is told and playback goes on.
                gst::info!(CAT, imp = self, "seek at rate {} refused", e.get().0);
                false
            }
            _ => self.parent_src_event(event),
        }
    }

    pub(super) fn handle_query(
        &self,
        direction: gst::PadDirection,
        query: &mut gst::QueryRef,
    ) -> bool {
        let ok = BaseTransformImplExt::parent_query(self, direction, query);
        if direction == gst::PadDirection::Src
            && ok
            && let gst::QueryViewMut::Latency(q) = query.view_mut()
        {
            let (live, min, max) = q.result();
            let own = self.latency();
            self.live.store(live, Ordering::Relaxed);
            gst::debug!(CAT, imp = self, "latency {min} + {own}, live {live}");
            q.set(
                live,
                min.saturating_add(own),
                max.map(|max| max.saturating_add(own)),
            );
        }
        ok
    }

    /// What this element adds: the sound that a frame waits for, and a frame's time to make it.
    fn latency(&self) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(
            self.look_ahead.load(Ordering::Acquire) + self.frame_time.load(Ordering::Acquire),
        )
    }

    /// Tells the pipeline if the latency is not what it was. No lock may be held.
    pub(super) fn update_latency(&self) {
        let (look_ahead, frame_time) = {
            let stream = self.stream();
            let frame = stream.output.as_ref().map_or(0, |o| o.grid.duration(0));
            (stream.look_ahead(), frame)
        };
        self.stats().look_ahead = look_ahead;
        let before = self.latency();
        self.look_ahead.store(look_ahead, Ordering::Release);
        self.frame_time.store(frame_time, Ordering::Release);
        if self.latency() != before {
            let obj = self.obj();
            // No bus is no fault.
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }

    fn set_pool_flushing(&self, flushing: bool) {
        if let Some(pool) = self.obj().buffer_pool() {
            pool.set_flushing(flushing);
        }
    }

    /// Pushes what waits for more sound before a serialized event that ends or cuts it.
    fn drain_before(&self, event: &gst::Event) {
        match self.drain() {
            Ok(()) | Err(gst::FlowError::Flushing | gst::FlowError::Eos) => {}
            Err(err) => {
                gst::warning!(CAT, imp = self, "draining before {}: {err}", event.type_());
                // Nobody upstream sees the result of these pushes; other errors have been
                // posted by whoever failed.
                if matches!(
                    err,
                    gst::FlowError::NotLinked | gst::FlowError::NotNegotiated
                ) {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Failed,
                        ("Internal data flow error."),
                        ["the last frames could not be pushed: {err}"]
                    );
                }
            }
        }
    }

    /// A silence: frames of an idle face go out, the event itself does not, because some
    /// muxers take it for the end of the video.
    fn handle_gap(&self, pts: gst::ClockTime, duration: Option<gst::ClockTime>) -> bool {
        if !self.obj().reconfigure() {
            return false;
        }
        self.stream().push_gap(pts, duration);
        match self.pump() {
            Ok(()) | Err(gst::FlowError::Flushing | gst::FlowError::Eos) => true,
            Err(err) => {
                gst::warning!(CAT, imp = self, "frames of a GAP: {err}");
                false
            }
        }
    }
}

/// The segment, if it is one that can be animated; otherwise why not, for the user and for the
/// developer.
fn playable(
    segment: &gst::Segment,
) -> Result<gst::FormattedSegment<gst::ClockTime>, (String, &'static str)> {
    let Some(time) = segment.downcast_ref::<gst::ClockTime>() else {
        return Err((
            format!(
                "The sound has no times: its segment is in {}",
                segment.format()
            ),
            "only TIME segments can be animated; rawaudioparse upstream makes them",
        ));
    };
    if time.rate() != 1.0 {
        return Err((
            format!(
                "Lips cannot follow at a rate of {}: only normal speed works",
                time.rate()
            ),
            "seek with a rate of 1.0",
        ));
    }
    Ok(time.clone())
}
