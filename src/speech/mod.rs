// SPDX-License-Identifier: MPL-2.0
//! What is spoken: phones in time, and the visemes that they look like.

mod ipa;
mod viseme;

pub use ipa::viseme_of;
pub use viseme::Viseme;

/// One phone of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its symbol in the International Phonetic Alphabet, with length and other marks; empty in
    /// a pause.
    pub ipa: String,
    /// First sample, counted from the start of the utterance.
    pub start: u64,
    /// How many samples it sounds.
    pub length: u64,
}

impl Phone {
    /// What it looks like; of a diphthong, the beginning.
    pub fn viseme(&self) -> Viseme {
        viseme_of(&self.ipa)
    }
}
