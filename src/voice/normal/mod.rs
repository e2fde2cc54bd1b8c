// SPDX-License-Identifier: MPL-2.0
//! Text as it is written becomes text as it is read aloud.

mod chinese;
mod english;
mod numbers;

use std::ops::Range;

/// Words that are read for a piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As it is read; may be several words.
    pub spoken: String,
    /// The bytes of the text that it stands for.
    pub source: Range<usize>,
    /// Whether it is English in a text of another language, and for an English voice to read.
    pub foreign: bool,
}

/// How a text in that language (a BCP 47 tag) is read aloud.
///
/// English is rewritten: amounts of money, dates, times, ranges, units, telephone numbers,
/// versions, addresses, abbreviations. Chinese becomes pinyin. Texts in other languages are only
/// cleaned, their voices read numbers themselves. Emoji are not read, and neither is what has no
/// sound.
pub fn normalise(text: &str, language: &str) -> Vec<Token> {
    let tokens = cleaned(text);
    match language.split(['-', '_']).next() {
        Some("en") => english::read(&tokens),
        Some("zh" | "cmn") => chinese::read(&tokens),
        _ => tokens,
    }
}

/// Loads what texts in that language need, so that the first of them is not read later than the
/// others. Chinese takes a tenth of a second or more.
pub fn prepare(language: &str) {
    if let Some("zh" | "cmn") = language.split(['-', '_']).next() {
        chinese::prepare();
    }
}

/// The text's pieces between white space, without what cannot be read.
pub fn cleaned(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() || c.is_control() || is_picture(c) {
            open = false;
            continue;
        }
        if has_no_sound(c) {
            continue;
        }
        // Two of them would begin phonemes.
        if c == '[' && open && text[..at].ends_with('[') {
            continue;
        }
        let end = at + c.len_utf8();
        match tokens.last_mut().filter(|_| open) {
            Some(token) => {
                token.spoken.push(c);
                token.source.end = end;
            }
            None => tokens.push(Token {
                spoken: c.to_string(),
                source: at..end,
                foreign: false,
            }),
        }
        open = true;
    }
    tokens
}

/// Joiners, variation selectors, marks of direction: they are part of what they stand in.
fn has_no_sound(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{20E3}' | '\u{E0000}'..='\u{E007F}')
}

/// Emoji, and other signs that are looked at rather than read.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{2500}'..='\u{27BF}' | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E000}'..='\u{F8FF}' | '•' | '*' | '|' | '^' | '`' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures_are_not_read() {
        let spoken = |text: &str| {
            let tokens = normalise(text, "de");
            let words: Vec<_> = tokens.into_iter().map(|t| t.spoken).collect();
            words.join(" ")
        };
        assert_eq!(spoken("Gut 👍🏽 gemacht 👩‍👩‍👧‍👦!"), "Gut gemacht !");
        assert_eq!(spoken("a\u{200b}b\u{0}c"), "ab c");
        assert_eq!(spoken("🎉🎉"), "");
        assert_eq!(spoken("a[[[b]]"), "a[b]]");
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(text in "(\\PC|[$€0-9.,:/%@ -]){0,60}", language in prop::sample::select(vec!["en", "de", "zh"])) {
            let mut end = 0;
            for token in normalise(&text, language) {
                prop_assert!(text.get(token.source.clone()).is_some());
                prop_assert!(token.source.start >= end);
                end = token.source.start;
            }
        }
    }
}
