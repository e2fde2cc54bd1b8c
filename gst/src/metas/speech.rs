// SPDX-License-Identifier: MPL-2.0
//! [`SpeechClause`] and [`SpeechPlace`]: what is said, and where in it a buffer lies.

use std::fmt;

use gst::glib;
use serde_json::{Value, json};
use sonic_engine::{
    speech::Phone,
    voice::{Clause, Word},
};

use super::UTTERANCE_ID;

/// Name of the serialized event that says what is spoken next.
pub const CLAUSE_EVENT: &str = "sonic-clause";

/// Name of the custom meta that says which part of a clause a buffer holds.
pub const SPEECH_META: &str = "SonicSpeechMeta";

/// What a clause may be at most. Events come from outside too, and what they bring is kept.
pub mod limits {
    /// Its length in seconds.
    pub const SECONDS: u64 = 60;
    /// How many phones it has, and how many words.
    pub const ITEMS: usize = 4096;
    /// How long its text is, in bytes.
    pub const TEXT: usize = 65_536;
    /// How long a phone's symbol and the language's tag are, in bytes.
    pub const SYMBOL: usize = 64;
    /// Its rate in samples a second: as sound may have.
    pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
}

/// A word of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenWord {
    /// As it was written.
    pub text: String,
    /// First sample, counted from the clause's first.
    pub start: u64,
    /// How many samples.
    pub length: u64,
}

impl From<&Word> for SpokenWord {
    fn from(word: &Word) -> Self {
        Self {
            text: word.text.clone(),
            start: word.start,
            length: word.length,
        }
    }
}

/// What is said in a clause, and when: the content of a `sonic-clause` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechClause {
    /// Which utterance it belongs to.
    pub utterance_id: u64,
    /// Its number in the utterance, from 0.
    pub clause: u32,
    /// As it was written.
    pub text: String,
    /// A BCP 47 tag.
    pub language: String,
    /// Samples a second.
    pub rate: u32,
    /// In order of their starts, in samples from the clause's first.
    pub phones: Vec<Phone>,
    /// In order of their starts.
    pub words: Vec<SpokenWord>,
}

/// Why an event or a meta cannot be used: a field is missing, of another type, or beyond the
/// [`limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(&'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing, of another type or out of range", self.0)
    }
}

impl std::error::Error for Invalid {}

impl SpeechClause {
    /// That of a clause which was spoken.
    pub fn new(utterance_id: u64, clause: u32, spoken: &Clause) -> Self {
        Self {
            utterance_id,
            clause,
            text: spoken.text.clone(),
            language: spoken.language.clone(),
            rate: spoken.rate,
            phones: spoken.phones.clone(),
            words: spoken.words.iter().map(SpokenWord::from).collect(),
        }
    }

    /// The serialized event that says it, to be sent before the clause's first buffer.
    pub fn to_event(&self) -> gst::Event {
        gst::event::CustomDownstream::new(self.to_structure())
    }

    /// The event's structure.
    pub fn to_structure(&self) -> gst::Structure {
        let phones = self.phones.iter().map(|phone| {
            gst::Structure::builder("phone")
                .field("ipa", &phone.ipa)
                .field("viseme", phone.viseme().name())
                .field("start", phone.start)
                .field("length", phone.length)
                .field_if_some("release", phone.release)
                .build()
        });
        let words = self.words.iter().map(|word| {
            gst::Structure::builder("word")
                .field("text", &word.text)
                .field("start", word.start)
                .field("length", word.length)
                .build()
        });
        gst::Structure::builder(CLAUSE_EVENT)
            .field(UTTERANCE_ID, self.utterance_id)
            .field("clause", self.clause)
            .field("text", &self.text)
            .field("language", &self.language)
            .field("rate", self.rate)
            .field("phones", gst::Array::new(phones))
            .field("words", gst::Array::new(words))
            .field("json", self.json().to_string())
            .build()
    }

    /// What a `sonic-clause` event says; `None` if it is another event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_event(event: &gst::EventRef) -> Option<Result<Self, Invalid>> {
        let structure = event.structure()?;
        (event.type_() == gst::EventType::CustomDownstream && structure.has_name(CLAUSE_EVENT))
            .then(|| Self::from_structure(structure))
    }

    /// Reads the event's structure.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_structure(structure: &gst::StructureRef) -> Result<Self, Invalid> {
        let rate = get::<u32>(structure, "rate")?;
        if !limits::RATES.contains(&rate) {
            return Err(Invalid("rate"));
        }
        let longest = limits::SECONDS * u64::from(rate);
        Ok(Self {
            utterance_id: get(structure, UTTERANCE_ID)?,
            clause: get(structure, "clause")?,
            text: text(structure, "text", limits::TEXT)?,
            language: text(structure, "language", limits::SYMBOL)?,
            rate,
            phones: phones(structure, longest)?,
            words: words(structure, longest)?,
        })
    }

    fn json(&self) -> Value {
        let phone = |phone: &Phone| {
            let mut value = json!({
                "ipa": phone.ipa,
                "viseme": phone.viseme().name(),
                "start": phone.start,
                "length": phone.length,
            });
            if let Some(release) = phone.release {
                value["release"] = release.into();
            }
            value
        };
        let word = |word: &SpokenWord| json!({ "text": word.text, "start": word.start, "length": word.length });
        json!({
            "utterance-id": self.utterance_id,
            "clause": self.clause,
            "text": self.text,
            "language": self.language,
            "rate": self.rate,
            "phones": self.phones.iter().map(phone).collect::<Vec<_>>(),
            "words": self.words.iter().map(word).collect::<Vec<_>>(),
        })
    }
}

/// Which part of a clause a buffer holds: the content of a `SonicSpeechMeta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechPlace {
    /// Which utterance it belongs to.
    pub utterance_id: u64,
    /// The clause's number in the utterance.
    pub clause: u32,
    /// Of the buffer's first sample from the clause's first, in samples of the clause.
    pub offset: u64,
}

impl SpeechPlace {
    /// Adds the meta to a new buffer.
    ///
    /// # Errors
    /// If [`register`](super::register) has not been called.
    pub fn attach(&self, buffer: &mut gst::BufferRef) -> Result<(), glib::BoolError> {
        let mut meta = gst::meta::CustomMeta::add(buffer, SPEECH_META)?;
        let s = meta.mut_structure();
        s.set(UTTERANCE_ID, self.utterance_id);
        s.set("clause", self.clause);
        s.set("offset", self.offset);
        s.set(
            "json",
            format!(
                "{{\"utterance-id\":{},\"clause\":{},\"offset\":{}}}",
                self.utterance_id, self.clause, self.offset
            ),
        );
        Ok(())
    }

    /// What a buffer's meta says; `None` if it has none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(buffer: &gst::BufferRef) -> Option<Result<Self, Invalid>> {
        let meta = gst::meta::CustomMeta::from_buffer(buffer, SPEECH_META).ok()?;
        let s = meta.structure();
        let read = || {
            Ok(Self {
                utterance_id: get(s, UTTERANCE_ID)?,
                clause: get(s, "clause")?,
                offset: get(s, "offset")?,
            })
        };
        Some(read())
    }
}

fn get<'a, T>(structure: &'a gst::StructureRef, name: &'static str) -> Result<T, Invalid>
where
    T: glib::value::FromValue<'a>,
{
    structure.get(name).map_err(|_| Invalid(name))
}

fn text(
    structure: &gst::StructureRef,
    name: &'static str,
    longest: usize,
) -> Result<String, Invalid> {
    let text: &str = get(structure, name)?;
    if text.len() > longest {
        return Err(Invalid(name));
    }
    Ok(text.to_owned())
}

/// The structures of an array that begin in order and lie within `longest` samples, with their
/// start and length.
fn items<T>(
    structure: &gst::StructureRef,
    name: &'static str,
    longest: u64,
    read: impl Fn(&gst::StructureRef, u64, u64) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let array: gst::ArrayRef = get(structure, name)?;
    if array.len() > limits::ITEMS {
        return Err(Invalid(name));
    }
    let mut last = 0;
    let mut all = Vec::with_capacity(array.len());
    for value in array.iter() {
        let item: &gst::StructureRef = value.get().map_err(|_| Invalid(name))?;
        let (start, length) = (get::<u64>(item, "start")?, get::<u64>(item, "length")?);
        let end = start.checked_add(length);
        if start < last || end.is_none_or(|end| end > longest) {
            return Err(Invalid(name));
        }
        last = start;
        all.push(read(item, start, length)?);
    }
    Ok(all)
}

fn phones(structure: &gst::StructureRef, longest: u64) -> Result<Vec<Phone>, Invalid> {
    items(structure, "phones", longest, |item, start, length| {
        let release = if item.has_field("release") {
            let release: u64 = get(item, "release")?;
            if !(start..=start + length).contains(&release) {
                return Err(Invalid("release"));
            }
            Some(release)
        } else {
            None
        };
        Ok(Phone {
            ipa: text(item, "ipa", limits::SYMBOL)?,
            start,
            length,
            release,
        })
    })
}

fn words(structure: &gst::StructureRef, longest: u64) -> Result<Vec<SpokenWord>, Invalid> {
    items(structure, "words", longest, |item, start, length| {
        Ok(SpokenWord {
            text: text(item, "text", limits::TEXT)?,
            start,
            length,
        })
    })
}
