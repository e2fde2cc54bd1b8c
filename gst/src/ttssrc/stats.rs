// SPDX-License-Identifier: MPL-2.0
//! What the property `stats` holds.

use sonic_engine::talk::Counts;

/// The counts of a stream of `rate` samples a second.
pub fn structure(counts: &Counts, rate: u32) -> gst::Structure {
    let ns = |samples| super::create::time(samples, rate).nseconds();
    gst::Structure::builder("application/x-ttssrc-stats")
        .field("utterances-finished", counts.finished)
        .field("utterances-interrupted", counts.interrupted)
        .field("utterances-waiting", counts.waiting)
        .field("text-waiting", counts.text)
        .field("clauses", counts.clauses)
        .field("words", counts.words)
        .field("speech-time", ns(counts.speech))
        .field("idle-time", ns(counts.idle))
        .field("starved-time", ns(counts.starved))
        .field("ready-time", ns(counts.ready))
        .build()
}
