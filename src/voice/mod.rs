// SPDX-License-Identifier: MPL-2.0
//! Text becomes speech, with the time of every phone and word.
//!
//! A [`Voice`] speaks one clause at a time, in the calling thread's time but not in its place:
//! the libraries behind the voices have one state for the whole process, so each lives in a
//! thread of its own, which serves everybody in turn.

pub mod choice;
mod clauses;
pub mod espeak;
mod ffi;
pub mod flite;
pub mod http;
pub mod normal;
mod owner;
mod pauses;
mod phrase;
#[cfg(feature = "onnx")]
pub mod piper;
mod script;
mod shut;
mod speaker;
mod ssml;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub use clauses::{ClauseText, Clauses, estimated_seconds};
pub use ffi::FOLDER_VARIABLE;
pub use script::language_of;
pub use speaker::{Clause, Mark, Settings, Speaker, Word};
pub use ssml::Ssml;

use crate::speech::Phone;

/// Why nothing is spoken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// A library or its data is not there or cannot be used.
    #[error(
        "{what} cannot be used: {problem}. Install Debian's package {package}, or what your system calls it"
    )]
    Missing {
        /// What is missing.
        what: &'static str,
        /// What the system says.
        problem: String,
        /// What brings it.
        package: &'static str,
    },
    /// There is no voice of that name.
    #[error("there is no voice {name:?}; {hint}")]
    UnknownVoice {
        /// What was asked for.
        name: String,
        /// Where to look.
        hint: String,
    },
    /// The voice has no such speaker.
    #[error("there is no speaker {speaker:?}: {hint}")]
    UnknownSpeaker {
        /// Who was asked for.
        speaker: String,
        /// Who there is.
        hint: String,
    },
    /// A voice's file is not what it should be.
    #[error("the voice file {path} cannot be used: {problem}")]
    File {
        /// Which one.
        path: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// The voice needs ONNX Runtime, which is not there.
    #[error("{0}")]
    NoRuntime(
        /// What was found, and the cure.
        String,
    ),
    /// No voice speaks that language.
    #[error("no voice speaks the language {0:?}")]
    UnknownLanguage(
        /// What was asked for.
        String,
    ),
    /// A text that should be SSML is not.
    #[error("the SSML is broken: {0}")]
    Ssml(
        /// What is wrong, and where.
        String,
    ),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The voice did not do what it should.
    #[error("the voice failed: {0}")]
    Failed(
        /// In what way.
        String,
    ),
}

impl VoiceError {
    /// Whether nothing that is said with the same settings can be spoken.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::UnknownVoice { .. }
            | Self::UnknownSpeaker { .. }
            | Self::File { .. }
            | Self::NoRuntime(_)
            | Self::UnknownLanguage(_) => true,
            Self::Ssml(_) | Self::Cancelled | Self::Failed(_) => false,
        }
    }
}

/// Asks speech that is being made to end. Clones ask the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that was given this or a clone of it ends within 50 ms, with
    /// [`VoiceError::Cancelled`], for ever.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How a text is spoken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delivery {
    /// Speed: 1 is normal, 0.4–2.5; what lies outside counts as the nearer limit.
    pub rate: f32,
    /// Semitones above the voice's own pitch, −12–12; what lies outside counts as the nearer
    /// limit. Two of Flite's voices (rms, awb) and all of files and servers keep to their own.
    pub pitch: f32,
    /// Silence between words, ms, on top of what is natural, 0–2000. eSpeak NG keeps to it only
    /// roughly, and less so at other speeds; the other voices have none.
    pub word_gap: u32,
}

impl Delivery {
    /// Limits of [`rate`](Self::rate).
    pub const RATES: (f32, f32) = (0.4, 2.5);
    /// Limits of [`pitch`](Self::pitch).
    pub const PITCHES: (f32, f32) = (-12.0, 12.0);
    /// The most of [`word_gap`](Self::word_gap).
    pub const MOST_WORD_GAP: u32 = 2_000;

    /// The same within the limits; NaN counts as normal.
    fn sane(self) -> Self {
        let within = |value: f32, (low, high): (f32, f32), normal: f32| {
            if value.is_nan() {
                normal
            } else {
                value.clamp(low, high)
            }
        };
        Self {
            rate: within(self.rate, Self::RATES, 1.0),
            pitch: within(self.pitch, Self::PITCHES, 0.0),
            word_gap: self.word_gap.min(Self::MOST_WORD_GAP),
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            rate: 1.0,
            pitch: 0.0,
            word_gap: 0,
        }
    }
}

/// When a part of a spoken text sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedText {
    /// Where it stands in the text, in bytes.
    pub text: Range<usize>,
    /// First sample.
    pub start: u64,
    /// How many samples.
    pub length: u64,
}

/// A text that was spoken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    /// Mono at the voice's rate, full scale ±1.
    pub samples: Vec<f32>,
    /// Its phones in order, without gaps or overlaps; the first begins at 0 and the last ends
    /// with the samples. None at all, though there are samples, where the voice cannot tell
    /// them: then only listening does.
    pub phones: Vec<Phone>,
    /// Its words in order, as the voice divides them; none where it cannot tell them.
    pub words: Vec<TimedText>,
}

/// Speaks.
pub trait Voice: Send + Sync {
    /// What it is chosen by.
    fn name(&self) -> &str;

    /// The language it speaks, as a BCP 47 tag in small letters; `und` where it speaks several.
    fn language(&self) -> &str;

    /// Samples a second of all it says.
    fn rate(&self) -> u32;

    /// Whether it reads figures, abbreviations and every script itself, and is given texts as
    /// they are written.
    fn reads_all(&self) -> bool {
        false
    }

    /// What it has to be given to say these phonemes, where it knows the alphabet by that name
    /// (`ipa`, `x-espeak`) and all of them.
    fn phonemes(&self, _alphabet: &str, _phonemes: &str) -> Option<String> {
        None
    }

    /// Who reads English words in what this voice speaks, at the same rate; without one, it reads
    /// them itself.
    fn foreign(&self) -> Option<Arc<dyn Voice>> {
        None
    }

    /// Speaks a text, which should be one clause: it comes out as a whole. What the voice cannot
    /// read is left out; a text of nothing else gives no samples.
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`] within 50 ms of being cancelled; what else goes wrong.
    fn speak(&self, text: &str, delivery: &Delivery, cancel: &Cancel)
    -> Result<Spoken, VoiceError>;
}

/// What is known of a voice before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceInfo {
    /// What it is chosen by.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The languages it speaks, best first, as BCP 47 tags in small letters.
    pub languages: Vec<String>,
}

/// What a library made of a text; nothing where it stopped of its own accord.
fn unless_cancelled<T>(made: Option<T>, cancel: &Cancel) -> Result<Option<T>, VoiceError> {
    match made {
        None if cancel.is_cancelled() => Err(VoiceError::Cancelled),
        made => Ok(made),
    }
}

/// 16-bit samples as numbers within ±1.
fn to_float(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|s| f32::from(*s) / 32_768.0).collect()
}

/// Finds where stops and nasals open, in the sound of a voice that tells only where its phones
/// begin. Times are samples at `rate`.
pub fn find_releases(phones: &mut [Phone], samples: &[f32], rate: u32) {
    for phone in phones {
        let end = phone.end().min(samples.len() as u64);
        phone.release = shut::release(&phone.ipa, samples, phone.start.min(end)..end, rate);
    }
}

/// Lets each phone end where the next begins, and the last with the sound; what was shut past
/// the end of its phone opens there.
fn join(phones: &mut Vec<Phone>, samples: u64) {
    phones.retain(|p| p.start < samples);
    if let Some(first) = phones.first().map(|p| p.start).filter(|s| *s > 0) {
        phones.insert(0, Phone::new("", 0, first));
    }
    let mut end = samples;
    for phone in phones.iter_mut().rev() {
        phone.start = phone.start.min(end);
        phone.length = end - phone.start;
        phone.release = phone.release.map(|r| r.clamp(phone.start, end));
        end = phone.start;
    }
    phones.retain(|p| p.length > 0);
    if phones.is_empty() && samples > 0 {
        phones.push(Phone::new("", 0, samples));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lies_outside_the_limits_is_limited() {
        let wild = Delivery {
            rate: f32::NAN,
            pitch: f32::NEG_INFINITY,
            word_gap: u32::MAX,
        };
        let sane = wild.sane();
        assert_eq!((sane.rate, sane.pitch, sane.word_gap), (1.0, -12.0, 2_000));
    }

    proptest! {
        #[test]
        fn joined_phones_cover_the_sound(
            mut starts in prop::collection::vec((0u64..1_000, prop::option::of(0u64..2_000)), 0..20),
            samples in 0u64..900,
        ) {
            starts.sort();
            let mut phones: Vec<Phone> = starts
                .iter()
                .map(|(start, release)| Phone { release: *release, ..Phone::new("a", *start, 3) })
                .collect();
            join(&mut phones, samples);
            let mut at = 0;
            for phone in &phones {
                prop_assert_eq!(phone.start, at);
                at = phone.end();
                if let Some(release) = phone.release {
                    prop_assert!((phone.start..=at).contains(&release));
                }
            }
            prop_assert_eq!(at, samples);
        }
    }
}
