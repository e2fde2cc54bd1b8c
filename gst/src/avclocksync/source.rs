// SPDX-License-Identifier: MPL-2.0
//! The source pads: activation, events and queries from downstream.

use gst::{prelude::*, subclass::prelude::*};
use sonic_engine::sync::Side;

use super::imp::{AvClockSync, CAT};

impl AvClockSync {
    pub(super) fn new_source(template: &gst::PadTemplate) -> gst::Pad {
        gst::Pad::builder_from_template(template)
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.source_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.source_query(pad, query))
            })
            .activatemode_function(|pad, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "panicked before")),
                    |imp| imp.source_activate(pad, mode, active),
                )
            })
            .iterate_internal_links_function(|pad, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(vec![]),
                    |imp| {
                        let other = imp.sink(imp.side_of(pad)).clone();
                        gst::Iterator::from_vec(vec![other])
                    },
                )
            })
            .build()
    }

    fn source_activate(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if mode == gst::PadMode::Pull {
            return Err(gst::loggable_error!(CAT, "data are pushed here"));
        }
        let side = self.side_of(pad);
        let uses = {
            let mut shared = self.shared();
            let pair = shared.pair(side);
            pair.stopped = !active;
            pair.active
        };
        self.wake();
        if active && uses {
            self.start_task(side);
        } else if !active {
            pad.stop_task()
                .map_err(|_| gst::loggable_error!(CAT, "the task does not stop"))?;
        }
        Ok(())
    }

    /// Every thread that waits here gives up.
    pub(super) fn close(&self) {
        {
            let mut shared = self.shared();
            for pair in [Side::Audio, Side::Video] {
                let pair = shared.pair(pair);
                (pair.closed, pair.stopped) = (true, true);
            }
        }
        self.wake();
    }

    fn source_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;

        match event.view() {
            EventView::Latency(e) => self.board.set_latency(e.latency()),
            // Upstream is told of lateness by this element, which knows what it costs.
            EventView::Qos(_) if self.shared().live == Some(true) => return true,
            // One seek moves both streams of a source; the second would move them again.
            EventView::Reconfigure(_) => return true,
            _ => {}
        }
        self.sink(self.side_of(pad)).push_event(event)
    }

    fn source_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let side = self.side_of(pad);
        match query.view_mut() {
            gst::QueryViewMut::Latency(q) => self.answer_latency(q),
            gst::QueryViewMut::Caps(q) => {
                let caps = self.source_caps(side, q.filter());
                q.set_result(&caps);
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}
