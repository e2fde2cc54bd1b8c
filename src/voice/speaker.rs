// SPDX-License-Identifier: MPL-2.0
//! [`Speaker`]: text that arrives in pieces becomes clauses of sound.

use std::{collections::HashMap, sync::Arc};

use super::{
    Cancel, Delivery, Spoken, Ssml, Voice, VoiceError, choice, language_of, normal, pauses,
    phrase::{Phrase, marks, tokens},
    ssml::{Origin, Passage, Source, Style},
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
    /// Whether texts are SSML. A document is spoken once it has come as a whole.
    pub ssml: Ssml,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            voice: None,
            speaker: None,
            language: None,
            delivery: Delivery::default(),
            volume: 1.0,
            ssml: Ssml::Off,
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

/// A place of an SSML document that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// As the document says.
    pub name: String,
    /// The sample at which it is reached, counted from the clause's first; that behind the last
    /// where nothing follows.
    pub start: u64,
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
    /// Its marks in order of time.
    pub marks: Vec<Mark>,
}

/// Speaks a text that arrives in pieces, clause by clause.
///
/// Nothing is spoken ahead: each clause is made when it is asked for, and text waits as text.
pub struct Speaker {
    settings: Settings,
    source: Source,
    voices: HashMap<String, Arc<dyn Voice>>,
    /// What is left of a clause that had to be cut.
    rest: Option<(Clause, Origin)>,
}

impl Speaker {
    /// Has nothing to say yet. Voices are loaded when they are needed; see [`check`](Self::check).
    pub fn new(settings: Settings) -> Self {
        Self {
            source: Source::new(settings.ssml, settings.delivery.sane().rate),
            settings,
            voices: HashMap::new(),
            rest: None,
        }
    }

    /// Loads the voice that speaks where the letters tell no language, and what its language
    /// needs; its rate.
    ///
    /// # Errors
    /// That it does not exist or cannot be used.
    pub fn check(&mut self) -> Result<u32, VoiceError> {
        let (voice, language) = self.voice_of("", &Style::default())?;
        normal::prepare(&language);
        Ok(voice.rate())
    }

    /// The next piece of the text; words may be cut anywhere.
    pub fn append(&mut self, text: &str) {
        self.source.push(text);
    }

    /// The text ends here.
    pub fn finish(&mut self) {
        self.source.finish();
    }

    /// Bytes of text that wait to be spoken.
    pub fn waiting(&self) -> usize {
        self.source.waiting()
    }

    /// Speaks the next clause. `None` until more text has come or, after
    /// [`finish`](Self::finish), because all has been spoken.
    ///
    /// # Errors
    /// What the voice says, or [`VoiceError::Cancelled`]. The clause is lost; the next call
    /// goes on behind it.
    pub fn next_clause(&mut self, cancel: &Cancel) -> Option<Result<Clause, VoiceError>> {
        loop {
            if let Some((rest, origin)) = self.rest.take() {
                return Some(Ok(self.cut(rest, origin)));
            }
            let passage = match self.source.next_passage()? {
                Ok(passage) => passage,
                Err(error) => return Some(Err(error)),
            };
            match self.speak(&passage, cancel) {
                // Nothing in it could be read.
                Ok(clause) if clause.samples.is_empty() => {}
                Ok(clause) => return Some(Ok(self.cut(clause, passage.origin))),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Speaks a passage; places in the text are counted from its first byte.
    fn speak(&mut self, passage: &Passage, cancel: &Cancel) -> Result<Clause, VoiceError> {
        let (voice, language) = self.voice_of(&passage.text, &passage.style)?;
        let rate = voice.rate();
        let set = self.settings.delivery;
        let delivery = Delivery {
            rate: set.rate * passage.style.rate,
            pitch: set.pitch + passage.style.pitch,
            ..set
        };
        let natural = pauses::after(&passage.text) / delivery.sane().rate;
        let after = passage.pause.unwrap_or(natural);
        let tokens = tokens(passage, &*voice, &language);
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
            let mut part = voice.speak(&phrase.text, &delivery, cancel)?;
            let last = runs.peek().is_none();
            pauses::set(
                &mut part,
                rate,
                if last { after } else { pauses::AFTER_CUT },
            );
            let from = said.samples.len() as u64;
            let of_part = phrase.words(&passage.text, &part);
            words.extend(of_part.into_iter().map(|word| Word {
                start: word.start + from,
                ..word
            }));
            said.phones
                .extend(part.phones.into_iter().map(|p| p.later(from)));
            said.samples.extend(part.samples);
        }
        if said.samples.is_empty() {
            said = silence(passage, rate);
        }
        amplify(
            &mut said.samples,
            self.settings.volume * passage.style.volume,
        );
        Ok(Clause {
            marks: marks(passage, &words, said.samples.len() as u64),
            words,
            text: passage.text.clone(),
            at: 0,
            language,
            rate,
            samples: said.samples,
            phones: said.phones,
        })
    }

    /// The voice for a text and the language it is read in.
    fn voice_of(
        &mut self,
        text: &str,
        style: &Style,
    ) -> Result<(Arc<dyn Voice>, String), VoiceError> {
        if let Some(name) = &style.voice {
            match self.loaded(format!("#{name}"), |_| choice::voice_named(name, None)) {
                Ok(voice) => {
                    let own = || voice.language().to_owned();
                    let language = style.language.clone().unwrap_or_else(own);
                    return Ok((voice, language));
                }
                Err(error) => tracing::warn!("the voice stays as it is: {error}"),
            }
        }
        let asked = style.language.clone();
        let settings = &self.settings;
        let (named, hint) = (settings.voice.clone(), style.hint.clone());
        let told = asked.clone().or_else(|| settings.language.clone());
        let Some(name) = named else {
            let letters = || language_of(text).unwrap_or(USUAL_LANGUAGE).to_owned();
            let language = told.or(hint).unwrap_or_else(letters);
            let voice = self.loaded(language.clone(), |_| choice::voice_for(&language))?;
            return Ok((voice, language));
        };
        let voice = self.loaded(format!("#{name}"), |settings| {
            choice::voice_named(&name, settings.speaker.as_deref())
        })?;
        if let Some(language) = asked
            && !voice.reads_all()
            && primary(&language) != primary(voice.language())
        {
            let other = self.loaded(language.clone(), |_| choice::voice_for(&language))?;
            return Ok((other, language));
        }
        let language = match (told, voice.language()) {
            (Some(language), _) => language,
            (None, "und") => language_of(text).unwrap_or("und").to_owned(),
            (None, language) => language.to_owned(),
        };
        Ok((voice, language))
    }

    /// A voice that was used before, or as `load` brings it.
    fn loaded(
        &mut self,
        key: String,
        load: impl FnOnce(&Settings) -> Result<Arc<dyn Voice>, VoiceError>,
    ) -> Result<Arc<dyn Voice>, VoiceError> {
        if let Some(voice) = self.voices.get(&key) {
            return Ok(voice.clone());
        }
        let voice = load(&self.settings)?;
        self.voices.insert(key, voice.clone());
        Ok(voice)
    }

    /// The first 10 s of a clause, with places in the whole text; the rest comes next.
    fn cut(&mut self, mut clause: Clause, origin: Origin) -> Clause {
        let rest = pauses::cut(&mut clause);
        clause.at = origin.of(clause.at as usize);
        for word in &mut clause.words {
            word.at = origin.of(word.at as usize);
        }
        self.rest = rest.map(|rest| (rest, origin));
        clause
    }
}

/// The language of a tag without its dialect.
fn primary(tag: &str) -> String {
    let language = tag.split(['-', '_']).next().unwrap_or_default();
    match language.to_ascii_lowercase().as_str() {
        "zh" => "cmn".to_owned(),
        language => language.to_owned(),
    }
}

/// The pause or the marks of a passage in which nothing sounds.
fn silence(passage: &Passage, rate: u32) -> Spoken {
    let least = if passage.marks.is_empty() { 0.0 } else { 0.01 };
    let seconds = passage.pause.unwrap_or(0.0).max(least);
    let samples = (seconds * rate as f32) as usize;
    Spoken {
        samples: vec![0.0; samples],
        phones: (samples > 0)
            .then(|| Phone::new("", 0, samples as u64))
            .into_iter()
            .collect(),
        words: Vec::new(),
    }
}

/// Makes the sound louder or softer by a factor, 0–4, without leaving full scale.
fn amplify(samples: &mut [f32], volume: f32) {
    let volume = if volume.is_nan() {
        1.0
    } else {
        volume.clamp(0.0, 4.0)
    };
    for sample in samples {
        *sample = (*sample * volume).clamp(-1.0, 1.0);
    }
}
