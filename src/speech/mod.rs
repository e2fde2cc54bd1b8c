// SPDX-License-Identifier: MPL-2.0
//! What is spoken: phones in time, and the visemes that they look like.

mod align;
mod ipa;
mod manner;
mod viseme;

use std::ops::Range;

pub use align::{Aligned, Aligner, Announced, ClauseId, Label};
pub use ipa::viseme_of;
pub use manner::Manner;
pub use viseme::Viseme;

/// One phone of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its symbol in the International Phonetic Alphabet, with length and other marks, and with
    /// the mark of stress where its syllable has one and it is the vowel; empty in a pause.
    pub ipa: String,
    /// First sample, counted from the start of what is spoken: of a stop or an affricate, the
    /// first in which the way of the air is shut.
    pub start: u64,
    /// How many samples it sounds.
    pub length: u64,
    /// Of a stop, an affricate or a nasal: the first sample in which the way is open again.
    /// Within the phone or at its end.
    pub release: Option<u64>,
}

impl Phone {
    /// A phone that shuts nothing.
    pub fn new(ipa: impl Into<String>, start: u64, length: u64) -> Self {
        Self {
            ipa: ipa.into(),
            start,
            length,
            release: None,
        }
    }

    /// What it looks like; of a diphthong, the beginning.
    pub fn viseme(&self) -> Viseme {
        viseme_of(&self.ipa)
    }

    /// The sample after its last.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }

    /// Nothing sounds.
    pub fn is_pause(&self) -> bool {
        self.viseme() == Viseme::Sil
    }

    /// From when to when the way of the air is shut.
    pub fn closure(&self) -> Option<Range<u64>> {
        self.release.map(|release| self.start..release)
    }

    /// First sample in which the way of the air is shut.
    pub fn closure_start(&self) -> Option<u64> {
        self.release.map(|_| self.start)
    }

    /// Whether its syllable bears the main or a secondary stress.
    pub fn is_stressed(&self) -> bool {
        self.ipa.starts_with(['ˈ', 'ˌ'])
    }

    /// The same, that many samples later.
    pub fn later(mut self, samples: u64) -> Self {
        self.start = self.start.saturating_add(samples);
        self.release = self.release.map(|r| r.saturating_add(samples));
        self
    }
}
