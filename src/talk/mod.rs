// SPDX-License-Identifier: MPL-2.0
//! What is said when: utterances wait, are spoken, finish, or are interrupted.
//!
//! [`Talk`] decides, sample by sample and without a thread or a clock. [`Talker`] gives it a
//! thread that makes speech ahead. The text of captions comes from [`captions`].

pub mod captions;
mod current;
mod idle;
mod jobs;
mod resample;
mod state;
mod talker;
#[cfg(test)]
mod tests;
mod utterance;

use std::sync::Arc;

pub use idle::Idle;
pub use jobs::{Job, Outcome};
pub use resample::Converter;
pub use state::Talk;
pub use talker::Talker;
pub use utterance::{Piece, Pieces};

use crate::voice::{Clause, VoiceError};

/// A clause, and whose it is. Its times are in samples of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The utterance's id, from 1.
    pub utterance: u64,
    /// Which of the utterance's clauses it is, from 0.
    pub number: u32,
    /// What is spoken; places in the text are bytes of the whole utterance.
    pub clause: Clause,
}

/// Why an utterance ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody interrupted it.
    Interrupted,
    /// The voice or the text cannot be used.
    Failed,
    /// Nobody listens any more.
    Stopped,
}

/// An utterance that ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The utterance's id.
    pub id: u64,
    /// What ended it.
    pub why: Why,
    /// Byte of its text behind the last word that was spoken to its end; 0 if none was.
    pub spoken: u64,
    /// That word, as it was written.
    pub last_word: Option<String>,
}

/// What cannot be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The voice says so.
    Voice(VoiceError),
    /// The text cannot be read; in words.
    Text(String),
    /// Text came in that was not UTF-8, at that byte of the utterance; it is left out.
    NotUtf8(u64),
    /// There is nothing in the text that could be spoken.
    Nothing,
}

/// Something that listeners may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The first sample of an utterance comes.
    Started {
        /// The utterance's id.
        id: u64,
        /// Bytes of its text, as far as they are known.
        text: u64,
        /// About how long it will sound, s, as far as its text is known.
        estimate: f32,
    },
    /// The first sample of a clause comes, or of what is left of it after a seek.
    Clause(Arc<Line>),
    /// The first sample of a word comes: which of the clause's.
    Word(Arc<Line>, usize),
    /// A mark of SSML is reached: which of the clause's.
    Mark(Arc<Line>, usize),
    /// No more of a clause comes: so many of its samples were given out.
    ClauseOver(Arc<Line>, u64),
    /// The last sample of an utterance has come: so many were given out.
    Finished {
        /// The utterance's id.
        id: u64,
        /// How many samples of speech it had.
        samples: u64,
    },
    /// An utterance ends here before its end.
    Interrupted(Interruption),
    /// An utterance, by its id, or a part of it cannot be spoken.
    Trouble(u64, Problem),
}

/// Something that happens at a sample of what was just given out: 0 is its first, and its length
/// is the sample after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tell {
    /// At which sample.
    pub at: usize,
    /// What.
    pub what: Happening,
}

/// What the samples are that were just given out.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Speech of one clause.
    Speech {
        /// Of which.
        line: Arc<Line>,
        /// Where in it the first sample lies.
        offset: u64,
        /// How many samples.
        samples: usize,
    },
    /// Speech that fades because it was interrupted: so many samples.
    Fade(usize),
    /// Nobody speaks for so many samples: silence or noise.
    Idle(usize),
    /// Nothing yet: more speech is being made.
    Wait,
    /// All has been said.
    End,
}

/// Why nothing more is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As much text waits as may.
    #[error("{waiting} bytes of text wait already, and {limit} are allowed")]
    Full {
        /// Bytes that wait.
        waiting: usize,
        /// How many may.
        limit: usize,
    },
    /// Too many utterances wait.
    #[error("{0} utterances wait already, and no more are taken")]
    Crowded(
        /// How many.
        usize,
    ),
    /// The utterance has ended or never was.
    #[error("utterance {0} has ended or never began")]
    Unknown(
        /// The id that was given.
        u64,
    ),
}

/// What is going on, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Utterances that were spoken to their end.
    pub finished: u64,
    /// Utterances that ended before.
    pub interrupted: u64,
    /// Clauses begun.
    pub clauses: u64,
    /// Words begun.
    pub words: u64,
    /// Samples of speech given out.
    pub speech: u64,
    /// Samples of silence or noise given out.
    pub idle: u64,
    /// Samples of those within an utterance, because its speech was not ready in time.
    pub starved: u64,
    /// Utterances that are being spoken or wait.
    pub waiting: u64,
    /// Bytes of text that wait.
    pub text: u64,
    /// Samples of speech made ahead.
    pub ready: u64,
}
