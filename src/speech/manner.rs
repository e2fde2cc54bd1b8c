// SPDX-License-Identifier: MPL-2.0
//! [`Manner`]: what a phone does with the way of the air.

/// What a phone does with the way of the air through the mouth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Shuts it and lets go, with or without voice; affricates too.
    Stop {
        /// Whether the vocal folds swing while it is shut.
        voiced: bool,
    },
    /// Shuts it from end to end; the air goes through the nose.
    Nasal,
    /// Leaves it open, as far as lips and tongue go; the glottal stop too.
    Open,
}

impl Manner {
    /// That of a phone by its IPA symbol: the first letter decides, marks do not matter.
    pub fn of(ipa: &str) -> Self {
        let marks = |c: char| !c.is_alphabetic() || matches!(c, '\u{02B0}'..='\u{02FF}' | 'ⁿ');
        match ipa.trim_start_matches(marks).chars().next() {
            Some('p' | 't' | 'ʈ' | 'c' | 'k' | 'q' | 'ʦ' | 'ʧ' | 'ʨ' | 'ʘ' | 'ǀ' | 'ǃ') => {
                Self::Stop { voiced: false }
            }
            Some(
                'b' | 'd' | 'ɖ' | 'ɟ' | 'g' | 'ɡ' | 'ɢ' | 'ʣ' | 'ʤ' | 'ʥ' | 'ɓ' | 'ɗ' | 'ʄ' | 'ɠ'
                | 'ʛ',
            ) => Self::Stop { voiced: true },
            Some('m' | 'ɱ' | 'n' | 'ɳ' | 'ɲ' | 'ŋ' | 'ɴ') => Self::Nasal,
            _ => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_decides() {
        for stop in ["p", "tʃ", "kʰ", "t̪", "ʈʂ", "p͡f"] {
            assert_eq!(Manner::of(stop), Manner::Stop { voiced: false }, "{stop}");
        }
        for stop in ["b", "dʒ", "ɡ", "bʱ", "ⁿd"] {
            assert_eq!(Manner::of(stop), Manner::Stop { voiced: true }, "{stop}");
        }
        for nasal in ["m", "n̩", "ŋ"] {
            assert_eq!(Manner::of(nasal), Manner::Nasal, "{nasal}");
        }
        for open in ["", "s", "ˈa", "ʔ", "ɾ", "ʰ", "_:"] {
            assert_eq!(Manner::of(open), Manner::Open, "{open}");
        }
    }
}
