// SPDX-License-Identifier: MPL-2.0
//! Element messages. Not live, they are posted at once; live, the board posts them in time.

use sonic_engine::talk::{Interruption, Line, Why};

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
