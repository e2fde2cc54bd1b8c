// SPDX-License-Identifier: MPL-2.0
//! How eSpeak NG would say a text, for voices that say it themselves.

use std::ops::Range;

use super::timing::{tidy, together};
use crate::voice::ffi::espeak::{Happening, Said};

/// A part of what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::voice) enum Piece {
    /// A phoneme.
    Phoneme {
        /// As eSpeak NG writes it in IPA, with the mark of stress.
        ipa: String,
        /// The bytes of the text where its word stands, where that is known.
        word: Option<Range<usize>>,
    },
    /// Between words.
    Gap,
    /// A mark of punctuation at which the voice pauses or ends: one of `.,?!:;`.
    Mark(char),
}

/// The pieces of a text, from the phonemes of its parts and from what happened while it was
/// spoken, which alone tells the words.
pub(super) fn pieces(text: &str, said: &[Said], happenings: &[(u64, Happening)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for part in said {
        let mut groups = part.groups().map(Iterator::collect::<Vec<_>>).peekable();
        while let Some(group) = groups.next() {
            let more = groups.peek().is_some();
            let any = !group.is_empty();
            pieces.extend(group.into_iter().map(|ipa| Piece::Phoneme {
                ipa: ipa.to_owned(),
                word: None,
            }));
            if any && more {
                pieces.push(Piece::Gap);
            }
        }
        let end = part.end.min(text.len());
        pieces.extend(mark(text, from..end).map(Piece::Mark));
        pieces.push(Piece::Gap);
        from = end;
    }
    while pieces.last() == Some(&Piece::Gap) {
        pieces.pop();
    }
    set_words(text, &mut pieces, happenings);
    pieces
}

/// The mark that ends what was read: the library has read up to a character behind it.
fn mark(text: &str, read: Range<usize>) -> Option<char> {
    let part = text.get(read.clone()).or_else(|| {
        let end = (read.start..=read.end)
            .rev()
            .find(|e| text.is_char_boundary(*e))?;
        text.get(read.start..end)
    })?;
    let ends = |(at, c): &(usize, char)| {
        let behind = &text[read.start + at + c.len_utf8()..];
        let wide = !c.is_ascii();
        // 3.5 and 12:30 end nothing.
        wide || !behind.starts_with(char::is_alphanumeric)
    };
    part.char_indices()
        .rev()
        .filter_map(|(at, c)| Some((at, c, plain(c)?)))
        .find(|(at, c, _)| ends(&(*at, *c)))
        .map(|(.., plain)| plain)
}

/// The mark in ASCII.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '.' | '。' | '…' | '।' | '۔' => '.',
        ',' | '，' | '、' | '،' => ',',
        '?' | '？' | '؟' => '?',
        '!' | '！' => '!',
        ':' | '：' => ':',
        ';' | '；' | '؛' => ';',
        _ => return None,
    })
}

/// Tells phonemes their words: of those that the synthesis has under the same name, that of
/// its last word; of the others in the same group, the same as their neighbour's.
fn set_words(text: &str, pieces: &mut [Piece], happenings: &[(u64, Happening)]) {
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let byte = |character: usize| bytes.get(character).copied().unwrap_or(text.len());
    let (mut phones, mut of_phones) = (Vec::new(), Vec::new());
    let mut word: Option<Range<usize>> = None;
    for (_, happening) in happenings {
        match happening {
            Happening::Word { at, length } => {
                let next = byte(*at)..byte(at + length);
                if word.as_ref().is_none_or(|w| next.start >= w.end) {
                    word = Some(next);
                }
            }
            Happening::Phone(ipa) if ipa.starts_with('(') => {}
            Happening::Phone(ipa) => {
                phones.push(tidy(ipa));
                of_phones.push(word.clone());
            }
        }
    }
    let places: Vec<usize> = (0..pieces.len())
        .filter(|i| matches!(pieces[*i], Piece::Phoneme { .. }))
        .collect();
    let names: Vec<String> = places
        .iter()
        .filter_map(|i| match &pieces[*i] {
            Piece::Phoneme { ipa, .. } => Some(ipa.clone()),
            _ => None,
        })
        .collect();
    let phones: Vec<&str> = phones.iter().map(String::as_str).collect();
    for (phone, name) in together(&phones, &names) {
        if let Piece::Phoneme { word, .. } = &mut pieces[places[name]] {
            word.clone_from(&of_phones[phone]);
        }
    }
    spread(pieces.iter_mut());
    spread(pieces.iter_mut().rev());
}

/// Gives phonemes without a word that of the one before, unless a gap lies between.
fn spread<'a>(pieces: impl Iterator<Item = &'a mut Piece>) {
    let mut last = None;
    for piece in pieces {
        match piece {
            Piece::Phoneme { word, .. } if word.is_none() => word.clone_from(&last),
            Piece::Phoneme { word, .. } => last.clone_from(word),
            Piece::Gap | Piece::Mark(_) => last = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_that_end_something_count() {
        let whole = |text: &str| mark(text, 0..text.len());
        assert_eq!(whole("Hello, w"), Some(','));
        assert_eq!(whole("it costs 3.5 dollars"), None);
        assert_eq!(whole("at 12:30"), None);
        assert_eq!(whole("“Stop!” h"), Some('!'));
        assert_eq!(whole("你好，世"), Some(','));
        assert_eq!(mark("ab: é", 0..5), Some(':'));
        assert_eq!(mark("x. y", 0..99), Some('.'));
    }
}
