// SPDX-License-Identifier: MPL-2.0
//! From a passage to what a voice is given to say, and from what it said back to words and marks.

use std::ops::Range;

use super::{
    Mark, Spoken, Voice, Word,
    normal::{Token, cleaned, normalise},
    ssml::{Passage, Say},
};

/// What of a passage is read, and as what.
pub(super) fn tokens(passage: &Passage, voice: &dyn Voice, language: &str) -> Vec<Token> {
    let read = |text: &str| {
        if voice.reads_all() {
            cleaned(text)
        } else {
            normalise(text, language)
        }
    };
    let plain = |range: Range<usize>| {
        let from = range.start;
        let text = passage.text.get(range).unwrap_or_default();
        read(text).into_iter().map(move |token| Token {
            source: token.source.start + from..token.source.end + from,
            ..token
        })
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    for (range, say) in &passage.say {
        tokens.extend(plain(at..range.start));
        at = range.end;
        let in_place = |spoken: Token| Token {
            source: range.clone(),
            ..spoken
        };
        match say {
            Say::Text(text) => tokens.extend(read(text).into_iter().map(in_place)),
            Say::Phonemes { alphabet, phonemes } => match voice.phonemes(alphabet, phonemes) {
                Some(spoken) => tokens.push(Token {
                    spoken,
                    source: range.clone(),
                    foreign: false,
                }),
                None => {
                    tracing::info!("{} reads {phonemes:?} as it is written", voice.name());
                    tokens.extend(plain(range.clone()));
                }
            },
        }
    }
    tokens.extend(plain(at..passage.text.len()));
    tokens
}

/// When the marks of a passage come: with the word that they stand before, or where no words are
/// known, at about the same part of the sound as of the text.
pub(super) fn marks(passage: &Passage, words: &[Word], samples: u64) -> Vec<Mark> {
    let end = words.last().map(|w| w.start + w.length);
    let time = |at: usize| {
        let next = words.iter().find(|w| w.at >= at as u64).map(|w| w.start);
        match (next.or(end), passage.text.len()) {
            _ if at > passage.text.len() => samples,
            (Some(start), _) => start,
            (None, 0) => 0,
            (None, length) => samples * at as u64 / length as u64,
        }
    };
    let mut marks: Vec<Mark> = passage
        .marks
        .iter()
        .map(|(at, name)| Mark {
            name: name.clone(),
            start: time(*at).min(samples),
        })
        .collect();
    marks.sort_by_key(|mark| mark.start);
    marks
}

/// What a voice is given to say, and what each part of it stands for.
pub(super) struct Phrase {
    pub(super) text: String,
    /// Where each token stands in it, and what it stands for.
    tokens: Vec<(Range<usize>, Range<usize>)>,
}

impl Phrase {
    pub(super) fn new(tokens: &[Token]) -> Self {
        let mut phrase = Self {
            text: String::new(),
            tokens: Vec::with_capacity(tokens.len()),
        };
        for token in tokens.iter().filter(|t| !t.spoken.is_empty()) {
            if !phrase.text.is_empty() {
                phrase.text.push(' ');
            }
            let start = phrase.text.len();
            phrase.text.push_str(&token.spoken);
            phrase
                .tokens
                .push((start..phrase.text.len(), token.source.clone()));
        }
        phrase
    }

    /// The words of a text as they were written, with their bytes in it: what was read as several
    /// is one.
    pub(super) fn words(&self, clause: &str, said: &Spoken) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        let mut last: Option<Range<usize>> = None;
        for timed in &said.words {
            let place = self
                .tokens
                .partition_point(|(at, _)| at.end <= timed.text.start);
            let Some((at, source)) = self.tokens.get(place) else {
                continue;
            };
            // Within a token that is read as it is written, the voice tells the words apart.
            let written = clause.get(source.clone()).unwrap_or_default();
            let same = written == &self.text[at.clone()];
            let source = if same && timed.text.end <= at.end && timed.text.start >= at.start {
                let from = source.start + timed.text.start - at.start;
                from..from + timed.text.len()
            } else {
                source.clone()
            };
            let again = last.as_ref() == Some(&source);
            if let (true, Some(word)) = (again, words.last_mut()) {
                word.length = timed.start + timed.length - word.start;
                continue;
            }
            words.push(Word {
                text: clause.get(source.clone()).unwrap_or_default().to_owned(),
                at: source.start as u64,
                start: timed.start,
                length: timed.length,
            });
            last = Some(source);
        }
        words
    }
}
