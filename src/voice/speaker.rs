// SPDX-License-Identifier: MPL-2.0
//! [`Speaker`]: text that arrives in pieces becomes clauses of sound.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    Cancel, ClauseText, Clauses, Delivery, Spoken, Voice, VoiceError, choice, language_of,
    normal::{Token, cleaned, normalise},
    pauses,
};
use crate::speech::Phone;

/// What the language is where neither user nor letters tell.
const USUAL_LANGUAGE: &str = "en";

/// What can be chosen of speech.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The voice's name as in [`choice::voice_named`]; without one, the language chooses.
    pub voice: Option<String>,
    /// Name or number of one of the voice's speakers, where it has several.
    pub speaker: Option<String>,
    /// The text's language, as a BCP 47 tag; without one, that of the voice or of the letters.
    pub language: Option<String>,
    /// How it is spoken.
    pub delivery: Delivery,
    /// Factor of all samples, 0–4; what lies outside counts as the nearer limit, NaN as 1.
    /// What would exceed full scale is cut off.
    pub volume: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            voice: None,
            speaker: None,
            language: None,
            delivery: Delivery::default(),
            volume: 1.0,
        }
    }
}

/// A word of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it was written.
    pub text: String,
    /// Byte of the whole text at which it begins.
    pub at: u64,
    /// First sample, counted from the clause's first.
    pub start: u64,
    /// How many samples.
    pub length: u64,
}

/// A clause, spoken: at most 10 s.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// As it was written; where a clause had to be cut because it lasts too long, its words.
    pub text: String,
    /// Byte of the whole text at which it begins.
    pub at: u64,
    /// A BCP 47 tag.
    pub language: String,
    /// Samples a second. Differs from clause to clause only where the voice does.
    pub rate: u32,
    /// Mono, full scale ±1.
    pub samples: Vec<f32>,
    /// Its phones, in samples from its first: without gaps, from 0 to the end. None at all where
    /// the voice cannot tell them; then nothing is to be announced, and listening tells.
    pub phones: Vec<Phone>,
    /// Its words in order; none where the voice cannot tell them.
    pub words: Vec<Word>,
}

/// Speaks a text that arrives in pieces, clause by clause.
///
/// Nothing is spoken ahead: each clause is made when it is asked for, and text waits as text.
pub struct Speaker {
    settings: Settings,
    clauses: Clauses,
    voices: HashMap<String, Arc<dyn Voice>>,
    /// What is left of a clause that had to be cut.
    rest: Option<Clause>,
}

impl Speaker {
    /// Has nothing to say yet. Voices are loaded when they are needed; see [`check`](Self::check).
    pub fn new(settings: Settings) -> Self {
        Self {
            clauses: Clauses::new(settings.delivery.sane().rate),
            settings,
            voices: HashMap::new(),
            rest: None,
        }
    }

    /// Loads the voice that speaks where the letters tell no language; its rate.
    ///
    /// # Errors
    /// That it does not exist or cannot be used.
    pub fn check(&mut self) -> Result<u32, VoiceError> {
        Ok(self.voice_of("")?.0.rate())
    }

    /// The next piece of the text; words may be cut anywhere.
    pub fn append(&mut self, text: &str) {
        self.clauses.push(text);
    }

    /// The text ends here.
    pub fn finish(&mut self) {
        self.clauses.finish();
    }

    /// Bytes of text that wait to be spoken.
    pub fn waiting(&self) -> usize {
        self.clauses.waiting()
    }

    /// Speaks the next clause. `None` until more text has come or, after
    /// [`finish`](Self::finish), because all has been spoken.
    ///
    /// # Errors
    /// What the voice says, or [`VoiceError::Cancelled`]. The clause is lost; the next call
    /// goes on behind it.
    pub fn next_clause(&mut self, cancel: &Cancel) -> Option<Result<Clause, VoiceError>> {
        loop {
            if let Some(rest) = self.rest.take() {
                return Some(Ok(self.cut(rest)));
            }
            let text = self.clauses.next_clause()?;
            match self.speak(&text, cancel) {
                // Nothing in it could be read.
                Ok(clause) if clause.samples.is_empty() => {}
                Ok(clause) => return Some(Ok(self.cut(clause))),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn speak(&mut self, clause: &ClauseText, cancel: &Cancel) -> Result<Clause, VoiceError> {
        let (voice, language) = self.voice_of(&clause.text)?;
        let rate = voice.rate();
        let tokens = if voice.reads_all() {
            cleaned(&clause.text)
        } else {
            normalise(&clause.text, &language)
        };
        let mut said = Spoken::default();
        let mut words = Vec::new();
        let mut runs = tokens.chunk_by(|a, b| a.foreign == b.foreign).peekable();
        while let Some(run) = runs.next() {
            let phrase = Phrase::new(run);
            let voice = if run[0].foreign {
                voice.foreign().unwrap_or_else(|| voice.clone())
            } else {
                voice.clone()
            };
            let mut part = voice.speak(&phrase.text, &self.settings.delivery, cancel)?;
            let last = runs.peek().is_none();
            let after = last.then_some(clause.text.as_str());
            pauses::set(&mut part, rate, after, &self.settings.delivery);
            let from = said.samples.len() as u64;
            words.extend(phrase.words(clause, &part).into_iter().map(|word| Word {
                start: word.start + from,
                ..word
            }));
            said.phones
                .extend(part.phones.into_iter().map(|p| p.later(from)));
            said.samples.extend(part.samples);
        }
        let volume = self.settings.volume;
        let volume = if volume.is_nan() {
            1.0
        } else {
            volume.clamp(0.0, 4.0)
        };
        for sample in &mut said.samples {
            *sample = (*sample * volume).clamp(-1.0, 1.0);
        }
        Ok(Clause {
            words,
            text: clause.text.clone(),
            at: clause.at,
            language,
            rate,
            samples: said.samples,
            phones: said.phones,
        })
    }

    /// The voice for a text and the language it is read in.
    fn voice_of(&mut self, text: &str) -> Result<(Arc<dyn Voice>, String), VoiceError> {
        let settings = &self.settings;
        let language = match (&settings.language, &settings.voice) {
            (Some(language), _) => Some(language.as_str()),
            (None, Some(_)) => None,
            (None, None) => Some(language_of(text).unwrap_or(USUAL_LANGUAGE)),
        };
        let key = match (&settings.voice, language) {
            (Some(voice), _) => voice.clone(),
            (None, language) => language.unwrap_or(USUAL_LANGUAGE).to_owned(),
        };
        let voice = match self.voices.get(&key) {
            Some(voice) => voice.clone(),
            None => {
                let voice = match &settings.voice {
                    Some(name) => choice::voice_named(name, settings.speaker.as_deref())?,
                    None => choice::voice_for(&key)?,
                };
                self.voices.insert(key, voice.clone());
                voice
            }
        };
        let language = match (language, voice.language()) {
            (Some(language), _) => language,
            (None, "und") => language_of(text).unwrap_or("und"),
            (None, language) => language,
        };
        let language = language.to_owned();
        Ok((voice, language))
    }

    /// The first 10 s of a clause; the rest comes next.
    fn cut(&mut self, mut clause: Clause) -> Clause {
        self.rest = pauses::cut(&mut clause);
        clause
    }
}

/// What a voice is given to say, and what each part of it stands for.
struct Phrase {
    text: String,
    /// Where each token stands in it, and what it stands for.
    tokens: Vec<(Range<usize>, Range<usize>)>,
}

impl Phrase {
    fn new(tokens: &[Token]) -> Self {
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

    /// The words as they were written: what was read as several is one.
    fn words(&self, clause: &ClauseText, said: &Spoken) -> Vec<Word> {
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
            let written = clause.text.get(source.clone()).unwrap_or_default();
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
                text: clause
                    .text
                    .get(source.clone())
                    .unwrap_or_default()
                    .to_owned(),
                at: clause.at + source.start as u64,
                start: timed.start,
                length: timed.length,
            });
            last = Some(source);
        }
        words
    }
}
