// SPDX-License-Identifier: MPL-2.0
//! Text as Flite can read it: ASCII.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// Letters in a row after which a space is put: no word is as long.
const LONGEST_WORD: usize = 60;

/// A text in ASCII that remembers where each character comes from.
pub(super) struct Plain {
    pub(super) text: String,
    /// For each of its bytes, where the character that it is for lies in the original.
    origin: Vec<Range<usize>>,
}

impl Plain {
    /// Letters lose their accents, marks of punctuation become ASCII's, and what else is not
    /// ASCII becomes a space.
    pub(super) fn new(original: &str) -> Self {
        let mut plain = Self {
            text: String::with_capacity(original.len()),
            origin: Vec::with_capacity(original.len()),
        };
        let mut letters = 0;
        for (at, c) in original.char_indices() {
            let from = at..at + c.len_utf8();
            if let Some(several) = several(c) {
                several.chars().for_each(|c| plain.push(c, &from));
                continue;
            }
            let base = single(c).or_else(|| c.nfd().next()).unwrap_or(' ');
            let readable = base.is_ascii() && !base.is_ascii_control();
            let base = if readable { base } else { ' ' };
            if base == ' ' && is_mark(c) {
                continue;
            }
            letters = if base == ' ' { 0 } else { letters + 1 };
            if letters > LONGEST_WORD {
                plain.push(' ', &from);
                letters = 1;
            }
            plain.push(base, &from);
        }
        plain
    }

    fn push(&mut self, c: char, from: &Range<usize>) {
        self.text.push(c);
        self.origin.push(from.clone());
    }

    /// Where the text of some of its bytes stands in the original.
    pub(super) fn origin(&self, bytes: Range<usize>) -> Range<usize> {
        let of = |byte: usize| self.origin.get(byte).cloned().unwrap_or(0..0);
        of(bytes.start).start..of(bytes.end.saturating_sub(1)).end
    }
}

/// Accents that follow their letter, and what has no width.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE0F}' | '\u{FEFF}')
}

fn single(c: char) -> Option<char> {
    Some(match c {
        '’' | '‘' | 'ʼ' | '`' | '´' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '–' | '—' | '‐' | '‑' | '−' => '-',
        '…' => '.',
        'ø' | 'Ø' => 'o',
        'ł' | 'Ł' => 'l',
        'đ' | 'Đ' | 'ð' | 'Ð' => 'd',
        'ı' => 'i',
        _ => return None,
    })
}

fn several(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'þ' | 'Þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_go_and_places_stay() {
        let original = "Naïve “cafe\u{301}s” – Straße\0!";
        let plain = Plain::new(original);
        assert_eq!(plain.text, "Naive \"cafes\" - Strasse !");
        let at = plain.text.find("Strasse").expect("it is there");
        assert_eq!(&original[plain.origin(at..at + 7)], "Straße");
        assert_eq!(&original[plain.origin(7..12)], "cafe\u{301}s");
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let plain = Plain::new(&"x".repeat(1_000));
        assert!(plain.text.split(' ').all(|word| word.len() <= LONGEST_WORD));
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(original in any::<String>(), from in 0usize..40, length in 0usize..40) {
            let plain = Plain::new(&original);
            prop_assert!(plain.text.bytes().all(|b| (32..127).contains(&b)));
            let _ = original.get(plain.origin(from..from + length));
        }
    }
}
