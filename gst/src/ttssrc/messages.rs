// SPDX-License-Identifier: MPL-2.0
//! Element messages, and when they are posted.
//!
//! Not live, they are posted at once. Live, each waits for its time on the pipeline's clock, in
//! the order in which they came, with one asynchronous clock id at a time.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gst::{glib, prelude::*};
use sonic_engine::talk::{Interruption, Line, Why};

/// Messages that wait for their time.
#[derive(Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// With the running time at which they are due; those come in order.
    waiting: VecDeque<(gst::ClockTime, gst::Structure)>,
    /// Wakes up when the first is due.
    alarm: Option<gst::SingleShotClockId>,
    /// From a source's running time to when a sink plays it.
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
    pub fn set_playing(&self, element: &super::TtsSrc, playing: bool) {
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
        element: &super::TtsSrc,
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
    pub fn post_all(&self, element: &super::TtsSrc) {
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
    fn schedule(&self, element: &super::TtsSrc) {
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
        let weak = element.downgrade();
        let waits = alarm.wait_async(move |_, _, _| {
            if let Some(element) = weak.upgrade() {
                element.board().ring(&element, running);
            }
        });
        if waits.is_err() {
            gst::debug!(super::imp::CAT, obj = element, "the clock takes no ids");
        }
    }

    /// Posts what is due at `running`.
    fn ring(&self, element: &super::TtsSrc, running: gst::ClockTime) {
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
pub fn post(element: &super::TtsSrc, structure: gst::Structure) {
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    // No bus is no fault.
    let _ = element.post_message(message);
}

/// The beginning of every message.
pub fn about(name: &str, id: u64, running: gst::ClockTime) -> gst::structure::Builder {
    gst::Structure::builder(name)
        .field("utterance-id", id)
        .field("running-time", running.nseconds())
}

/// A clause begins.
pub fn clause(line: &Line, running: gst::ClockTime, duration: gst::ClockTime) -> gst::Structure {
    about("clause-started", line.utterance, running)
        .field("clause", line.number)
        .field("text", &line.clause.text)
        .field("text-offset", line.clause.at)
        .field("language", &line.clause.language)
        .field("duration", duration.nseconds())
        .build()
}

/// A word begins.
pub fn word(
    line: &Line,
    word: usize,
    running: gst::ClockTime,
    duration: gst::ClockTime,
) -> gst::Structure {
    let word = &line.clause.words[word];
    about("word", line.utterance, running)
        .field("clause", line.number)
        .field("text", &word.text)
        .field("text-offset", word.at)
        .field("duration", duration.nseconds())
        .build()
}

/// A mark of SSML is reached.
pub fn mark(line: &Line, mark: usize, running: gst::ClockTime) -> gst::Structure {
    about("mark", line.utterance, running)
        .field("clause", line.number)
        .field("name", &line.clause.marks[mark].name)
        .build()
}

/// An utterance ended before its end.
pub fn interrupted(interruption: &Interruption, running: gst::ClockTime) -> gst::Structure {
    let reason = match interruption.why {
        Why::Interrupted => "interrupt",
        Why::Failed => "error",
        Why::Stopped => "stop",
    };
    about("utterance-interrupted", interruption.id, running)
        .field("reason", reason)
        .field("text-offset", interruption.spoken)
        .field_if_some("last-word", interruption.last_word.as_deref())
        .build()
}

/// For the alarm, which has the element only.
trait HasBoard {
    fn board(&self) -> &Board;
}

impl HasBoard for super::TtsSrc {
    fn board(&self) -> &Board {
        use glib::subclass::prelude::*;
        &self.imp().board
    }
}
