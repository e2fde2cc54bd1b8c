// SPDX-License-Identifier: MPL-2.0
//! Flite's names of phones.

/// The IPA of a phone of Flite's English voices, which are named as in the CMU dictionary, in
/// small letters. Empty for a pause; a name that is not known stays as it is.
pub(super) fn ipa(name: &str) -> &str {
    match name {
        "pau" | "h#" | "ssil" | "brth" => "",
        "aa" => "ɑː",
        "ae" => "æ",
        "ah" => "ʌ",
        "ao" => "ɔː",
        "aw" => "aʊ",
        "ax" => "ə",
        "axr" => "ɚ",
        "ay" => "aɪ",
        "ch" => "tʃ",
        "dh" => "ð",
        "dx" => "ɾ",
        "eh" => "ɛ",
        "el" => "l̩",
        "em" => "m̩",
        "en" => "n̩",
        "er" => "ɝ",
        "ey" => "eɪ",
        "g" => "ɡ",
        "hh" | "hv" => "h",
        "ih" => "ɪ",
        "iy" => "iː",
        "jh" => "dʒ",
        "ng" => "ŋ",
        "ow" => "oʊ",
        "oy" => "ɔɪ",
        "r" => "ɹ",
        "sh" => "ʃ",
        "th" => "θ",
        "uh" => "ʊ",
        "uw" => "uː",
        "y" => "j",
        "zh" => "ʒ",
        other => other,
    }
}

/// Whether a phone of that name is the one of its syllable that bears the stress.
pub(super) fn is_vowel(name: &str) -> bool {
    name.starts_with(['a', 'e', 'i', 'o', 'u'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::viseme_of;

    #[test]
    fn they_look_as_they_should() {
        let visemes: Vec<_> = "hh ax l ow w er l d pau dh ih s ih z b aa b ch ey jh f v p m sh"
            .split(' ')
            .map(|name| viseme_of(ipa(name)).name())
            .collect();
        assert_eq!(
            visemes.join(" "),
            "kk E nn O U RR nn DD sil TH I SS I SS PP aa PP CH E CH FF FF PP PP CH"
        );
        assert!(is_vowel("er") && is_vowel("uw") && !is_vowel("y") && !is_vowel("pau"));
    }
}
