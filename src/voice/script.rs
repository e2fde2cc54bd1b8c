// SPDX-License-Identifier: MPL-2.0
//! The language of a text, as far as its letters tell.

use unicode_script::{Script, UnicodeScript};

/// Letters looked at; what follows is taken to be the same.
const ENOUGH: usize = 400;

/// The language that a text is most probably in, as a BCP 47 tag: that of most of its letters,
/// where a script belongs to one language mostly. `None` for Latin letters, which could be
/// anything, and without letters.
pub fn language_of(text: &str) -> Option<&'static str> {
    let mut counts: Vec<(Script, usize)> = Vec::new();
    let letters = text.chars().filter(|c| c.is_alphabetic()).take(ENOUGH);
    for script in letters.map(|c| c.script()) {
        match counts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => counts.push((script, 1)),
        }
    }
    let has = |script| counts.iter().any(|(known, _)| *known == script);
    let any = |letters: &str| text.chars().take(4 * ENOUGH).any(|c| letters.contains(c));
    // A word of English does not make a Chinese text English, but two thirds of it do: a
    // Latin letter says less than one of Han.
    let weight = |(script, count): &&(Script, usize)| match script {
        Script::Han => 4 * count,
        Script::Hangul | Script::Hiragana | Script::Katakana => 2 * count,
        _ => *count,
    };
    Some(match counts.iter().max_by_key(weight)?.0 {
        Script::Han if has(Script::Hiragana) || has(Script::Katakana) => "ja",
        Script::Hiragana | Script::Katakana => "ja",
        Script::Han | Script::Bopomofo => "zh",
        Script::Hangul => "ko",
        Script::Cyrillic if any("іїєґІЇЄҐ") => "uk",
        Script::Cyrillic if any("ђјљњћџ") => "sr",
        Script::Cyrillic => "ru",
        Script::Greek => "el",
        Script::Arabic if any("ٹڈڑںے") => "ur",
        Script::Arabic if any("پچژگ") => "fa",
        Script::Arabic => "ar",
        Script::Hebrew => "he",
        Script::Devanagari => "hi",
        Script::Bengali => "bn",
        Script::Gujarati => "gu",
        Script::Gurmukhi => "pa",
        Script::Kannada => "kn",
        Script::Malayalam => "ml",
        Script::Oriya => "or",
        Script::Sinhala => "si",
        Script::Tamil => "ta",
        Script::Telugu => "te",
        Script::Thai => "th",
        Script::Georgian => "ka",
        Script::Armenian => "hy",
        Script::Ethiopic => "am",
        Script::Myanmar => "my",
        Script::Cherokee => "chr",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_tell() {
        for (text, language) in [
            ("Hello there", None),
            ("", None),
            ("12 €, 3:40!", None),
            ("Привет, мир", Some("ru")),
            ("Привіт, як справи", Some("uk")),
            ("你好，世界", Some("zh")),
            ("我用 Python 写代码", Some("zh")),
            ("今日はいい天気", Some("ja")),
            ("ラーメン", Some("ja")),
            ("안녕하세요", Some("ko")),
            ("नमस्ते", Some("hi")),
            ("مرحبا", Some("ar")),
            ("چطوری", Some("fa")),
            ("שלום", Some("he")),
            ("The word 你 means you in Chinese, as everybody knows", None),
            ("Ελλάδα", Some("el")),
        ] {
            assert_eq!(language_of(text), language, "{text}");
        }
    }
}
