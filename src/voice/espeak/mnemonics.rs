// SPDX-License-Identifier: MPL-2.0
//! IPA as eSpeak NG's phoneme mnemonics: those of English. Each language has its own.

/// Symbols and what they are called, longer ones first.
const ENGLISH: [(&str, &str); 66] = [
    ("tʃ", "tS"),
    ("t͡ʃ", "tS"),
    ("dʒ", "dZ"),
    ("d͡ʒ", "dZ"),
    ("eɪ", "eI"),
    ("aɪ", "aI"),
    ("ɔɪ", "OI"),
    ("aʊ", "aU"),
    ("əʊ", "oU"),
    ("oʊ", "oU"),
    ("ɪə", "i@"),
    ("ɛə", "e@"),
    ("eə", "e@"),
    ("ʊə", "U@"),
    ("iː", "i:"),
    ("uː", "u:"),
    ("ɑː", "A:"),
    ("ɔː", "O:"),
    ("ɜː", "3:"),
    ("ɝː", "3:"),
    ("ɝ", "3:"),
    ("ɚ", "3"),
    ("ɔ", "O:"),
    ("ɑ", "A:"),
    ("ɜ", "3:"),
    ("i", "i"),
    ("u", "u:"),
    ("ɪ", "I"),
    ("ʊ", "U"),
    ("ɛ", "E"),
    ("e", "E"),
    ("æ", "a"),
    ("a", "a"),
    ("ʌ", "V"),
    ("ɒ", "0"),
    ("ə", "@"),
    ("ɐ", "@"),
    ("θ", "T"),
    ("ð", "D"),
    ("ʃ", "S"),
    ("ʒ", "Z"),
    ("ŋ", "N"),
    ("ɹ", "r"),
    ("r", "r"),
    ("ɾ", "t#"),
    ("ɡ", "g"),
    ("g", "g"),
    ("p", "p"),
    ("b", "b"),
    ("t", "t"),
    ("d", "d"),
    ("k", "k"),
    ("f", "f"),
    ("v", "v"),
    ("s", "s"),
    ("z", "z"),
    ("h", "h"),
    ("m", "m"),
    ("n", "n"),
    ("l", "l"),
    ("ɫ", "l"),
    ("w", "w"),
    ("j", "j"),
    ("ˈ", "'"),
    ("ˌ", ","),
    (" ", " "),
];

/// The mnemonics for a word in IPA; `None` if English has not all of its sounds. Marks of
/// syllables and ties do not matter.
pub(super) fn english(ipa: &str) -> Option<String> {
    let mut rest = ipa.trim();
    let mut said = String::new();
    while let Some(c) = rest.chars().next() {
        if matches!(c, '.' | '\u{361}' | '\u{35C}' | 'ː' | 'ʰ' | '\u{329}') {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (symbol, name) = ENGLISH
            .iter()
            .find(|(symbol, _)| rest.starts_with(symbol))?;
        said.push_str(name);
        rest = &rest[symbol.len()..];
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_symbols_go_before() {
        assert_eq!(english("təˈmeɪ.toʊ").as_deref(), Some("t@'meItoU"));
        assert_eq!(english("ˈt͡ʃɜːtʃ").as_deref(), Some("'tS3:tS"));
        assert_eq!(english("x"), None);
        assert_eq!(english("a[["), None);
    }
}
