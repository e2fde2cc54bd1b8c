// SPDX-License-Identifier: MPL-2.0
//! Text with SSML: where it comes from, and in what passages it is spoken.
//!
//! A document becomes plain text that goes through the same clauses as any other, with notes
//! beside it: how a stretch is spoken, what is said in its place, which marks stand where. So it
//! works with every voice, as far as the voice can.

mod parse;
#[cfg(test)]
mod tests;
mod values;

use std::{collections::VecDeque, ops::Range};

use super::{ClauseText, Clauses, VoiceError};

/// What may stand before a document.
const SPACE: [char; 5] = ['\u{FEFF}', ' ', '\t', '\r', '\n'];

/// Whether texts are SSML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ssml {
    /// No: every sign is text.
    #[default]
    Off,
    /// Yes: what is not well formed is an error, and nothing of it is spoken.
    Strict,
    /// What begins with `<` is, all else is plain text. What is broken is spoken without its
    /// tags.
    OrPlain,
}

/// How a part is spoken, beside what the user has set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Style {
    /// A factor of the speed.
    pub(super) rate: f32,
    /// Semitones more.
    pub(super) pitch: f32,
    /// A factor of all samples.
    pub(super) volume: f32,
    /// The language, which may take another voice.
    pub(super) language: Option<String>,
    /// The language of all, where the user tells none.
    pub(super) hint: Option<String>,
    /// A voice by its name.
    pub(super) voice: Option<String>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            rate: 1.0,
            pitch: 0.0,
            volume: 1.0,
            language: None,
            hint: None,
            voice: None,
        }
    }
}

/// What is said in place of what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// Another text.
    Text(String),
    /// Phonemes, by the name of the alphabet.
    Phonemes { alphabet: String, phonemes: String },
}

/// A stretch of a document that is spoken in one way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Part {
    text: String,
    /// From which bytes of the text on it is what of the document.
    origin: Vec<(usize, Range<usize>)>,
    style: Style,
    /// What is said in place of stretches of the text.
    say: Vec<(Range<usize>, Say)>,
    /// Marks and the bytes of the text before which they stand; beyond it: after the pause.
    marks: Vec<(usize, String)>,
    /// The pause after it, s, in place of that of its last sign.
    pause: Option<f32>,
    /// Whether the document asks for that pause.
    broken: bool,
}

/// What is spoken as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passage {
    pub(super) text: String,
    /// Where its bytes stand in the whole text.
    pub(super) origin: Origin,
    pub(super) style: Style,
    /// What is said in place of stretches of it, in order.
    pub(super) say: Vec<(Range<usize>, Say)>,
    /// Marks and the bytes of the text before which they stand; beyond it: after the pause.
    pub(super) marks: Vec<(usize, String)>,
    /// The pause after it, s, in place of that of its last sign.
    pub(super) pause: Option<f32>,
}

/// Where the bytes of a passage stand in the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// All of them from that byte on.
    Plain(u64),
    /// From which bytes on it is what of the document.
    Marked(Vec<(usize, Range<u64>)>),
}

impl Origin {
    pub(super) fn of(&self, byte: usize) -> u64 {
        match self {
            Self::Plain(at) => at + byte as u64,
            Self::Marked(stretches) => {
                let place = stretches.partition_point(|(from, _)| *from <= byte);
                let Some((from, source)) = place.checked_sub(1).and_then(|i| stretches.get(i))
                else {
                    return stretches.first().map_or(0, |(_, source)| source.start);
                };
                // Entities are longer than what they stand for.
                (source.start + (byte - from) as u64).min(source.end)
            }
        }
    }
}

impl Passage {
    fn plain(clause: ClauseText) -> Self {
        Self {
            text: clause.text,
            origin: Origin::Plain(clause.at),
            style: Style::default(),
            say: Vec::new(),
            marks: Vec::new(),
            pause: None,
        }
    }
}

/// Text that arrives in pieces, and leaves in passages.
pub(super) struct Source {
    mode: Ssml,
    rate: f32,
    finished: bool,
    state: State,
}

enum State {
    /// A document of which more may come, or that is not known to be one.
    Waiting(String),
    Plain(Clauses),
    Marked(Box<Document>),
    /// It was broken; that is told once.
    Broken(Option<String>),
}

/// What is left of a document.
struct Document {
    parts: VecDeque<Part>,
    /// The part that is spoken, whether nothing of it was yet, and what is left of it.
    current: Option<(Part, bool, VecDeque<ClauseText>)>,
}

impl Document {
    fn waiting(&self) -> usize {
        let current = self.current.iter().flat_map(|(.., rest)| rest);
        let parts = self.parts.iter().map(|p| p.text.len());
        parts.chain(current.map(|c| c.text.len())).sum()
    }

    fn next_passage(&mut self, rate: f32) -> Option<Passage> {
        loop {
            if let Some((part, first, rest)) = &mut self.current
                && let Some(clause) = rest.pop_front()
            {
                let first = std::mem::take(first);
                return Some(passage(part, first, &clause, rest.front()));
            }
            let part = self.parts.pop_front()?;
            let mut clauses = Clauses::new(rate * part.style.rate);
            clauses.push(&part.text);
            clauses.finish();
            let mut found: VecDeque<_> = std::iter::from_fn(|| clauses.next_clause()).collect();
            if found.is_empty() {
                // A pause, or marks.
                found.push_back(ClauseText {
                    text: String::new(),
                    at: 0,
                });
            }
            self.current = Some((part, true, found));
        }
    }
}

impl Source {
    /// No text yet. `rate` is the speed at which it will be spoken, 1 being normal.
    pub(super) fn new(mode: Ssml, rate: f32) -> Self {
        let state = match mode {
            Ssml::Off => State::Plain(Clauses::new(rate)),
            Ssml::Strict | Ssml::OrPlain => State::Waiting(String::new()),
        };
        Self {
            mode,
            rate,
            finished: false,
            state,
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        match &mut self.state {
            State::Plain(clauses) => clauses.push(text),
            State::Waiting(waiting) => {
                waiting.push_str(text);
                self.look();
            }
            State::Marked(_) | State::Broken(_) => {}
        }
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
        match &mut self.state {
            State::Plain(clauses) => clauses.finish(),
            State::Waiting(_) => self.look(),
            State::Marked(_) | State::Broken(_) => {}
        }
    }

    /// Bytes of text that wait.
    pub(super) fn waiting(&self) -> usize {
        match &self.state {
            State::Plain(clauses) => clauses.waiting(),
            State::Waiting(text) => text.len(),
            State::Marked(document) => document.waiting(),
            State::Broken(_) => 0,
        }
    }

    /// The next passage, if it is known.
    pub(super) fn next_passage(&mut self) -> Option<Result<Passage, VoiceError>> {
        match &mut self.state {
            State::Waiting(_) => None,
            State::Plain(clauses) => Some(Ok(Passage::plain(clauses.next_clause()?))),
            State::Broken(problem) => Some(Err(VoiceError::Ssml(problem.take()?))),
            State::Marked(document) => document.next_passage(self.rate).map(Ok),
        }
    }

    /// Decides what the text is, as soon as that is known.
    fn look(&mut self) {
        let State::Waiting(text) = &mut self.state else {
            return;
        };
        let first = text.trim_start_matches(SPACE).chars().next();
        if self.mode == Ssml::OrPlain && first.is_some_and(|c| c != '<') {
            let mut clauses = Clauses::new(self.rate);
            clauses.push(text);
            if self.finished {
                clauses.finish();
            }
            self.state = State::Plain(clauses);
            return;
        }
        let large = text.len() > parse::LARGEST;
        if !self.finished && !large {
            return;
        }
        if first.is_none() {
            self.state = State::Broken(None);
            return;
        }
        let document = text.trim_start_matches(SPACE);
        let skip = text.len() - document.len();
        self.state = match parse::parse(document, skip) {
            Ok(parts) => State::Marked(Box::new(Document {
                parts: parts.into(),
                current: None,
            })),
            Err(problem) if self.mode == Ssml::Strict || large => State::Broken(Some(problem)),
            Err(problem) => {
                tracing::warn!("broken SSML is spoken without its tags: {problem}");
                let mut clauses = Clauses::new(self.rate);
                clauses.push(&without_tags(text));
                clauses.finish();
                State::Plain(clauses)
            }
        };
    }
}

/// A clause of a part with what belongs to it; `first` in the part or not, `next` follows in it.
fn passage(part: &Part, first: bool, clause: &ClauseText, next: Option<&ClauseText>) -> Passage {
    let from = clause.at as usize;
    let to = from + clause.text.len();
    let begun = |at: usize| first || at >= from;
    let marks = part
        .marks
        .iter()
        .filter(|(at, _)| begun(*at) && next.is_none_or(|next| *at < next.at as usize));
    let place = |at: usize| match at {
        usize::MAX => usize::MAX,
        at => at.saturating_sub(from),
    };
    let mut origin: Vec<(usize, Range<u64>)> = Vec::new();
    for (at, source) in &part.origin {
        // What begins before the clause is cut to it; the last of those counts.
        let skip = from.saturating_sub(*at);
        let start = (source.start + skip).min(source.end);
        if *at <= from {
            origin.clear();
        }
        origin.push((at.saturating_sub(from), start as u64..source.end as u64));
    }
    let say = part
        .say
        .iter()
        .filter(|(range, _)| range.start < to && range.end > from);
    let cut = |(range, say): &(Range<usize>, Say)| {
        // The rest of what was said in the clause before is not said again.
        let say = if range.start < from {
            Say::Text(String::new())
        } else {
            say.clone()
        };
        (
            range.start.saturating_sub(from)..range.end.min(to) - from,
            say,
        )
    };
    Passage {
        text: clause.text.clone(),
        origin: Origin::Marked(origin),
        style: part.style.clone(),
        say: say.map(cut).collect(),
        marks: marks.map(|(at, name)| (place(*at), name.clone())).collect(),
        pause: if next.is_none() { part.pause } else { None },
    }
}

/// A text without what looks like tags, as long as before.
fn without_tags(text: &str) -> String {
    let mut inside = false;
    let plain: String = text
        .chars()
        .flat_map(|c| {
            let hidden = inside || c == '<';
            inside = hidden && c != '>';
            let count = if hidden { c.len_utf8() } else { 1 };
            std::iter::repeat_n(if hidden { ' ' } else { c }, count)
        })
        .collect();
    // Entities are padded to their length.
    [
        ("&lt;", "<   "),
        ("&gt;", ">   "),
        ("&quot;", "\"     "),
        ("&apos;", "'     "),
        ("&amp;", "&    "),
    ]
    .iter()
    .fold(plain, |text, (entity, sign)| text.replace(entity, sign))
}
