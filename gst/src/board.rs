// SPDX-License-Identifier: MPL-2.0
//! [`Board`]: element messages that are posted when what they tell of is heard.
//!
//! Each waits for its time on the pipeline's clock, in the order in which they came, with one
//! asynchronous clock id at a time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gst::prelude::*;

/// Messages that wait for their time; a clone is the same board.
#[derive(Clone, Default)]
pub struct Board {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// With the running time at which they are due; those come in order.
    waiting: VecDeque<(gst::ClockTime, gst::Structure)>,
    /// Wakes up when the first is due.
    alarm: Option<gst::SingleShotClockId>,
    /// From an element's running time to when a sink plays it.
    latency: gst::ClockTime,
    /// Times pass.
    playing: bool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pipeline's latency has become known.
    pub fn set_latency(&self, latency: gst::ClockTime) {
        self.lock().latency = latency;
    }

    /// Whether times pass. No lock may be held.
    pub fn set_playing(&self, element: &impl IsA<gst::Element>, playing: bool) {
        let mut inner = self.lock();
        inner.playing = playing;
        let alarm = inner.alarm.take();
        drop(inner);
        if let Some(alarm) = alarm {
            alarm.unschedule();
        }
        self.schedule(element);
    }

    /// Posts a message when `running` has come. No lock may be held.
    pub fn post_at(
        &self,
        element: &impl IsA<gst::Element>,
        running: gst::ClockTime,
        structure: gst::Structure,
    ) {
        let mut inner = self.lock();
        // One after the other, even if a time was odd.
        let due = inner
            .waiting
            .back()
            .map_or(running, |(last, _)| running.max(*last));
        inner.waiting.push_back((due, structure));
        drop(inner);
        self.schedule(element);
    }

    /// Posts all that waits, due or not: the stream ends. No lock may be held.
    pub fn post_all(&self, element: &impl IsA<gst::Element>) {
        let mut inner = self.lock();
        let alarm = inner.alarm.take();
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        if let Some(alarm) = alarm {
            alarm.unschedule();
        }
        for (_, structure) in waiting {
            post(element, structure);
        }
    }

    /// Sets the alarm for the first message if none is set.
    fn schedule(&self, element: &impl IsA<gst::Element>) {
        let (Some(clock), Some(base)) = (element.clock(), element.base_time()) else {
            // Nobody measures time.
            return self.post_all(element);
        };
        let mut inner = self.lock();
        if !inner.playing || inner.alarm.is_some() {
            return;
        }
        let Some(running) = inner.waiting.front().map(|(running, _)| *running) else {
            return;
        };
        let alarm = clock.new_single_shot_id(base + running + inner.latency);
        inner.alarm = Some(alarm.clone());
        drop(inner);
        let weak = element.as_ref().downgrade();
        let board = self.clone();
        // A clock that takes no ids posts nothing until the end.
        let _ = alarm.wait_async(move |_, _, _| {
            if let Some(element) = weak.upgrade() {
                board.ring(&element, running);
            }
        });
    }

    /// Posts what is due at `running`.
    fn ring(&self, element: &impl IsA<gst::Element>, running: gst::ClockTime) {
        let mut inner = self.lock();
        inner.alarm = None;
        let due = inner.waiting.partition_point(|(at, _)| *at <= running);
        let due: Vec<_> = inner.waiting.drain(..due).collect();
        drop(inner);
        for (_, structure) in due {
            post(element, structure);
        }
        self.schedule(element);
    }
}

/// Posts an element message. No lock may be held.
pub fn post(element: &impl IsA<gst::Element>, structure: gst::Structure) {
    let message = gst::message::Element::builder(structure)
        .src(element.as_ref())
        .build();
    // No bus is no fault.
    let _ = element.post_message(message);
}
