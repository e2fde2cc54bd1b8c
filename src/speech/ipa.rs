// SPDX-License-Identifier: MPL-2.0
//! From IPA symbols to visemes, for whatever language a voice speaks.

use super::Viseme;

/// What a phone looks like, from its IPA symbol with any marks.
///
/// Stress, length, tone and most other marks do not change it; in an affricate or diphthong the
/// first symbol with a viseme of its own decides, except that a stop before its sibilant
/// (ts, tʃ, dʐ) looks like the sibilant, and that rounding (ʷ) makes a consonant round. Unknown
/// symbols look like nothing in particular: a tongue sound.
pub fn viseme_of(ipa: &str) -> Viseme {
    let mut found: Option<Viseme> = None;
    let mut sounding = false;
    for c in ipa.chars() {
        if is_mark(c) {
            if c == 'ʷ' && matches!(found, Some(Viseme::Kk | Viseme::Dd | Viseme::Nn)) {
                return Viseme::U;
            }
            continue;
        }
        sounding = true;
        match (found, of_symbol(c)) {
            (_, None) => {}
            (None, viseme) => found = viseme,
            (Some(Viseme::Dd), Some(sibilant @ (Viseme::Ss | Viseme::Ch))) => return sibilant,
            (Some(viseme), Some(_)) => return viseme,
        }
    }
    match found {
        Some(viseme) => viseme,
        None if sounding => Viseme::Dd,
        None => Viseme::Sil,
    }
}

/// Marks that stand beside a symbol: stress, length, tone, diacritics, ties, pauses.
fn is_mark(c: char) -> bool {
    c.is_whitespace()
        || c.is_ascii_digit()
        || c.is_ascii_punctuation()
        || matches!(c, '\u{02B0}'..='\u{02FF}' | '\u{0300}'..='\u{036F}' | '\u{1DC0}'..='\u{1DFF}')
        || matches!(
            c,
            '↑' | '↓' | '↗' | '↘' | '‖' | '·' | 'ⁿ' | 'ˡ' | '⁵' | '¹' | '²' | '³' | '⁴'
        )
}

/// The viseme of one IPA letter. The glottal stop and h have none: the mouth keeps the shape of
/// its neighbours, for which an open tongue sound stands.
fn of_symbol(c: char) -> Option<Viseme> {
    Some(match c {
        'p' | 'b' | 'm' | 'ɓ' | 'ʙ' | 'ʘ' | 'ɸ' | 'β' => Viseme::Pp,
        'f' | 'v' | 'ɱ' | 'ʋ' | 'ⱱ' => Viseme::Ff,
        'θ' | 'ð' => Viseme::Th,
        't' | 'd' | 'ʈ' | 'ɖ' | 'ɗ' | 'ɾ' | 'ɽ' | 'ǀ' | 'ǃ' | 'r' => Viseme::Dd,
        'k' | 'g' | 'ɡ' | 'q' | 'ɢ' | 'ɠ' | 'ʛ' | 'x' | 'ɣ' | 'χ' | 'ŋ' | 'ɴ' | 'c' | 'ɟ' | 'ʄ'
        | 'ʁ' | 'ʀ' | 'ħ' | 'ʕ' | 'ɰ' | 'h' | 'ɦ' | 'ʔ' => Viseme::Kk,
        'ʃ' | 'ʒ' | 'ʂ' | 'ʐ' | 'ʧ' | 'ʤ' | 'ɧ' => Viseme::Ch,
        's' | 'z' | 'ʦ' | 'ʣ' | 'ɕ' | 'ʑ' | 'ʨ' | 'ʥ' | 'ɬ' | 'ɮ' => Viseme::Ss,
        'n' | 'ɳ' | 'ɲ' | 'l' | 'ɭ' | 'ʎ' | 'ʟ' | 'ɫ' | 'ɺ' => Viseme::Nn,
        'ɹ' | 'ɻ' | 'ɚ' | 'ɝ' => Viseme::Rr,
        'a' | 'ɑ' | 'ɐ' | 'ʌ' | 'æ' | 'ɶ' => Viseme::Aa,
        'e' | 'ɛ' | 'ə' | 'ɜ' | 'ɘ' | 'ɤ' | 'ᵊ' | 'ɞ' => Viseme::E,
        'i' | 'ɪ' | 'ɨ' | 'j' | 'ᵻ' | 'ç' | 'ʝ' | 'ɯ' | 'ɿ' | 'ʅ' => Viseme::I,
        'o' | 'ɔ' | 'ɒ' | 'ɵ' | 'œ' => Viseme::O,
        'u' | 'ʊ' | 'w' | 'y' | 'ʏ' | 'ø' | 'ʉ' | 'ɥ' | 'ʍ' => Viseme::U,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(phones: &str) -> String {
        let names: Vec<_> = phones.split(' ').map(|p| viseme_of(p).name()).collect();
        names.join(" ")
    }

    #[test]
    fn english() {
        assert_eq!(spelled("h ə l ˈoʊ w ˈɜː l d"), "kk E nn O U E nn DD");
        assert_eq!(spelled("b ˈæ ð z f ɹ ˈʌ m"), "PP aa TH SS FF RR aa PP");
        assert_eq!(
            spelled("tʃ ˈiː z d͡ʒ ˈɔɪ θ ɾ ŋ ɚ"),
            "CH I SS CH O TH DD kk RR"
        );
        assert_eq!(spelled("aɪ eɪ aʊ"), "aa E aa");
    }

    #[test]
    fn german() {
        assert_eq!(spelled("ʃ ˈøː n ɐ t ˈyː ɾ"), "CH U nn aa DD U DD");
        assert_eq!(spelled("p͡f ˈɛ ɾ t ɪ ç b ˈaː x"), "PP E DD DD I I PP aa kk");
        assert_eq!(spelled("ts ˈaɪ t ʊ n t v ʁ"), "SS aa DD U nn DD FF kk");
    }

    #[test]
    fn mandarin() {
        assert_eq!(spelled("n i2 x ɑu2"), "nn I kk aa");
        assert_eq!(spelled("ʈʂ o5 ŋ k w o˧˥"), "CH O kk kk U O");
        assert_eq!(spelled("ɕ y˥ ts ʰ ɤ˥˩ tɕʰ i5"), "SS U SS sil E SS I");
        assert_eq!(spelled("kʷ ɥ f ə4 n"), "U U FF E nn");
    }

    #[test]
    fn pauses_and_marks_are_silence() {
        for pause in ["", " ", "ˈ", "_", "_:", "|", "ː", "\u{0361}"] {
            assert_eq!(viseme_of(pause), Viseme::Sil, "{pause:?}");
        }
        assert_eq!(viseme_of("漢"), Viseme::Dd);
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(ipa in "\\PC*") {
            viseme_of(&ipa);
        }

        #[test]
        fn stress_and_length_do_not_matter(
            c in prop::sample::select("pbmfvtdkgszʃnlɹaeiou".chars().collect::<Vec<_>>()),
        ) {
            prop_assert_eq!(viseme_of(&format!("ˈ{c}ː")), viseme_of(&c.to_string()));
        }
    }
}
