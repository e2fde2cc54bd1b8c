// SPDX-License-Identifier: MPL-2.0
//! One utterance: its text, what has become of it, and the speech that is ready.

use std::{collections::VecDeque, sync::Arc};

use super::{Interruption, Line, Problem, Why};
use crate::voice::{Cancel, Settings, estimated_seconds};

/// The voice is given text in pieces of at most so many bytes: enough for many clauses, and
/// little enough that a long text does not hold up the first.
const PIECE: usize = 1 << 16;
/// What the length of a text is estimated from, bytes; the rest is taken to be alike.
const ENOUGH: usize = 4_096;

/// What a text that is read bit by bit gives next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More text.
    Text(String),
    /// Something is wrong; the text may go on.
    Trouble(Problem),
}

/// A text that is read as it is needed, on the thread that makes speech.
pub type Pieces = Box<dyn Iterator<Item = Piece> + Send>;

/// How far the voice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voicing {
    /// It has not been given anything, or nothing since the text was thought to be complete.
    Fresh,
    /// It may have another clause to make out of what it was given.
    Full,
    /// It needs more text.
    Hungry,
    /// It has spoken all of it.
    Done,
}

pub(super) struct Utterance {
    pub(super) id: u64,
    pub(super) settings: Settings,
    /// Text that the voice has not been given begins at `taken`.
    text: String,
    taken: usize,
    /// Text that is read when it is needed.
    pieces: Option<Pieces>,
    /// More text may come.
    pub(super) open: bool,
    /// Bytes that came in.
    bytes: u64,
    /// Bytes given to the voice.
    given: u64,
    pub(super) estimate: f32,
    pub(super) voicing: Voicing,
    /// Ends what the voice is making of it.
    pub(super) cancel: Cancel,
    pub(super) ready: VecDeque<Arc<Line>>,
    /// Clauses made.
    pub(super) clauses: u32,
    /// Its first sample was given out.
    pub(super) begun: bool,
    /// Samples given out.
    pub(super) samples: u64,
    /// Why it will not be spoken to its end.
    pub(super) ending: Option<Why>,
    /// Parts of it were refused, and that has been told.
    pub(super) in_trouble: bool,
    spoken: u64,
    last_word: Option<String>,
}

impl Utterance {
    pub(super) fn new(id: u64, settings: Settings, text: String, open: bool) -> Self {
        let mut new = Self {
            id,
            settings,
            text: String::new(),
            taken: 0,
            pieces: None,
            open,
            bytes: 0,
            given: 0,
            estimate: 0.0,
            voicing: Voicing::Fresh,
            cancel: Cancel::new(),
            ready: VecDeque::new(),
            clauses: 0,
            begun: false,
            samples: 0,
            ending: None,
            in_trouble: false,
            spoken: 0,
            last_word: None,
        };
        new.estimate(&text, text.len() as u64);
        new.bytes = text.len() as u64;
        new.text = text;
        new
    }

    /// One whose text is read as it is needed and is about so many bytes long.
    pub(super) fn read(id: u64, settings: Settings, pieces: Pieces, bytes: u64) -> Self {
        let mut new = Self::new(id, settings, String::new(), false);
        // Plain letters, for want of knowing.
        new.estimate("plain text ", bytes);
        new.bytes = bytes;
        new.pieces = Some(pieces);
        new
    }

    /// Adds a text of `bytes` that is like `text` to the estimate.
    fn estimate(&mut self, text: &str, bytes: u64) {
        let mut end = text.len().min(ENOUGH);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        if end > 0 {
            let part = estimated_seconds(&text[..end], &self.settings.delivery);
            self.estimate += part * bytes as f32 / end as f32;
        }
    }

    /// More text.
    pub(super) fn append(&mut self, text: String) {
        self.estimate(&text, text.len() as u64);
        self.bytes += text.len() as u64;
        if self.taken > self.text.len() / 2 {
            self.text.drain(..self.taken);
            self.taken = 0;
        }
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.push_str(&text);
        }
        if self.voicing == Voicing::Done {
            self.voicing = Voicing::Fresh;
        }
    }

    /// Bytes that came in, as far as is known.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes given to the voice.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Bytes that the voice has not been given.
    pub(super) fn waiting(&self) -> usize {
        self.text.len() - self.taken
    }

    /// The next piece for the voice.
    pub(super) fn take(&mut self) -> String {
        let mut end = self.text.len().min(self.taken + PIECE);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let piece = self.text[self.taken..end].to_owned();
        self.given += piece.len() as u64;
        self.taken = end;
        if self.taken == self.text.len() {
            self.text = String::new();
            self.taken = 0;
        }
        piece
    }

    /// What is to be read, which from now on somebody else has.
    pub(super) fn take_pieces(&mut self) -> Option<Pieces> {
        self.pieces.take()
    }

    /// A word was spoken to its end.
    pub(super) fn heard(&mut self, line: &Line, word: usize) {
        let word = &line.clause.words[word];
        self.spoken = word.at + word.text.len() as u64;
        self.last_word = Some(word.text.clone());
    }

    /// Nothing more of it is made or spoken.
    pub(super) fn end(&mut self, why: Why) {
        self.cancel.cancel();
        self.text = String::new();
        self.taken = 0;
        self.pieces = None;
        self.open = false;
        self.ready.clear();
        self.voicing = Voicing::Done;
        self.ending = Some(why);
    }

    /// What is told of its end.
    pub(super) fn interruption(&self, why: Why) -> Interruption {
        Interruption {
            id: self.id,
            why,
            spoken: self.spoken,
            last_word: self.last_word.clone(),
        }
    }
}
