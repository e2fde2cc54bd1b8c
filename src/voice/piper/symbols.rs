// SPDX-License-Identifier: MPL-2.0
//! From what is to be said to the numbers that a voice's graph reads, and back to phones and
//! words in time.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::config::Config;
use crate::{
    speech::Phone,
    voice::{
        Spoken, TimedText,
        espeak::{Piece, tidy},
        join,
        shut::release,
    },
};

/// What a part of the numbers stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Phoneme {
        ipa: String,
        word: Option<Range<usize>>,
    },
    /// Between words: it sounds on.
    Gap,
    /// A mark of punctuation, the beginning, the end.
    Pause,
}

/// The numbers of a clause.
pub(super) struct Symbols {
    /// What the graph reads.
    pub(super) ids: Vec<i64>,
    /// What they stand for, in order, each with how many of them.
    units: Vec<(What, usize)>,
    /// What the voice has no numbers for.
    pub(super) unknown: Vec<String>,
}

impl Symbols {
    /// Begin, padding, each symbol followed by padding, end: as the voices were trained.
    pub(super) fn new(config: &Config, pieces: &[Piece]) -> Self {
        let mut symbols = Self {
            ids: Vec::new(),
            units: Vec::new(),
            unknown: Vec::new(),
        };
        let ids = |key: &str| {
            config
                .phoneme_id_map
                .get(key)
                .map_or(&[][..], Vec::as_slice)
        };
        let pad = ids("_");
        symbols.unit(What::Pause, &[ids("^"), pad].concat());
        for piece in pieces {
            let (what, written) = match piece {
                Piece::Phoneme { ipa, word } => {
                    let word = word.clone();
                    let name = tidy(ipa);
                    (What::Phoneme { ipa: name, word }, ipa.as_str())
                }
                Piece::Gap => (What::Gap, " "),
                Piece::Mark(mark) => {
                    let mut bytes = [0; 4];
                    let mark = &*mark.encode_utf8(&mut bytes);
                    symbols.spell(config, What::Pause, mark, pad);
                    continue;
                }
            };
            symbols.spell(config, what, written, pad);
        }
        symbols.unit(What::Pause, ids("$"));
        symbols
    }

    /// Whether none of its phonemes has a number.
    pub(super) fn is_silent(&self) -> bool {
        let sounds = |(what, ids): &(What, usize)| matches!(what, What::Phoneme { .. }) && *ids > 0;
        !self.units.iter().any(sounds)
    }

    fn unit(&mut self, what: What, ids: &[i64]) {
        self.ids.extend(ids);
        self.units.push((what, ids.len()));
    }

    fn spell(&mut self, config: &Config, what: What, written: &str, pad: &[i64]) {
        let points: Vec<String> = written.nfd().map(String::from).collect();
        let mut found = Vec::new();
        let mut at = 0;
        while at < points.len() {
            let cluster = config
                .vowel_clusters
                .iter()
                .filter(|c| c.len() > 1 && points[at..].starts_with(c))
                .map(Vec::len)
                .max();
            let symbol = points[at..at + cluster.unwrap_or(1)].concat();
            let known = |key: &str| config.phoneme_id_map.get(key);
            match known(&symbol).or_else(|| known(&symbol.to_lowercase())) {
                Some(ids) => {
                    found.extend(ids);
                    found.extend(pad);
                }
                None => self.unknown.push(symbol),
            }
            at += cluster.unwrap_or(1);
        }
        self.unit(what, &found);
    }

    /// Puts phones and words to samples, from how many frames each number lasts.
    ///
    /// `None` if the two do not go together.
    pub(super) fn spoken(
        &self,
        samples: &[f32],
        frames: &[f32],
        hop: u32,
        rate: u32,
    ) -> Option<Spoken> {
        let sane = |n: &f32| n.is_finite() && *n >= 0.0;
        if frames.len() != self.ids.len() || !frames.iter().all(sane) {
            return None;
        }
        let total: f64 = frames.iter().map(|n| f64::from(*n)).sum();
        let long = samples.len() as f64;
        // A voice whose file tells another hop than its graph has.
        let exact = total * f64::from(hop);
        let hop = if (exact - long).abs() <= f64::from(hop) {
            f64::from(hop)
        } else {
            Some(long / total).filter(|hop| hop.fract() == 0.0)?
        };
        let mut starts = Vec::with_capacity(frames.len() + 1);
        let mut at = 0.0;
        for n in frames {
            starts.push((at * hop) as u64);
            at += f64::from(*n);
        }
        starts.push(samples.len() as u64);
        Some(self.timed(samples, &starts, rate))
    }

    /// `starts` are those of the numbers, and the end.
    fn timed(&self, samples: &[f32], starts: &[u64], rate: u32) -> Spoken {
        let mut said = Spoken::default();
        let mut first = 0;
        for (what, count) in &self.units {
            let (start, end) = (starts[first], starts[first + count]);
            first += count;
            match what {
                What::Phoneme { ipa, word } if end > start => {
                    let mut phone = Phone::new(ipa.as_str(), start, end - start);
                    phone.release = release(ipa, samples, start..end, rate);
                    said.phones.push(phone);
                    let Some(word) = word else { continue };
                    match said.words.last_mut().filter(|w| w.text == *word) {
                        Some(again) => again.length = end - again.start,
                        None => said.words.push(TimedText {
                            text: word.clone(),
                            start,
                            length: end - start,
                        }),
                    }
                }
                What::Pause if said.phones.last().is_some_and(|p| p.ipa.is_empty()) => {}
                What::Pause => said.phones.push(Phone::new("", start, end - start)),
                // What is before it lasts until the next.
                What::Phoneme { .. } | What::Gap => {}
            }
        }
        join(&mut said.phones, samples.len() as u64);
        said
    }
}

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written<'a> {
    Text(&'a str),
    /// What stood between `[[` and `]]`.
    Phonemes(&'a str),
}

/// The stretches of a text, and where each begins.
pub(super) fn bracketed(text: &str) -> Vec<(Written<'_>, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("[[").map(|at| from + at) {
        let Some(close) = text[open..].find("]]").map(|at| open + at) else {
            break;
        };
        found.push((Written::Text(&text[from..open]), from));
        found.push((Written::Phonemes(&text[open + 2..close]), open + 2));
        from = close + 2;
    }
    found.push((Written::Text(&text[from..]), from));
    found
}

/// Moves the words of pieces to where their stretch stands.
pub(super) fn later(pieces: &mut [Piece], by: usize) {
    for piece in pieces {
        if let Piece::Phoneme {
            word: Some(word), ..
        } = piece
        {
            *word = word.start + by..word.end + by;
        }
    }
}

/// The letters of a text as a voice reads them that was made for letters.
pub(super) fn letters(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let trimmed = word.trim_end();
        let place = from..from
            + trimmed
                .trim_end_matches(['.', ',', '?', '!', ':', ';'])
                .len();
        for c in trimmed.chars() {
            pieces.push(match c {
                '.' | ',' | '?' | '!' | ':' | ';' => Piece::Mark(c),
                c => Piece::Phoneme {
                    ipa: c.to_string(),
                    word: Some(place.clone()),
                },
            });
        }
        if !trimmed.is_empty() {
            pieces.push(Piece::Gap);
        }
        from += word.len();
    }
    pieces.pop();
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let text = r#"{"audio": {"sample_rate": 16000}, "phoneme_type": "text",
            "phoneme_id_map": {"_": [0], "^": [1], "$": [2], " ": [3], "a": [4], "b": [5, 6],
            ".": [7], "ɪ": [8], "aɪ": [9], "̃": [10]},
            "vowel_clusters": [["a", "ɪ"]]}"#;
        Config::parse(text.as_bytes()).expect("it is whole")
    }

    fn sound(ipa: &str, word: Range<usize>) -> Piece {
        Piece::Phoneme {
            ipa: ipa.into(),
            word: Some(word),
        }
    }

    #[test]
    fn padding_stands_between_all() {
        let pieces = [
            sound("ab", 0..2),
            Piece::Gap,
            sound("ã", 3..4),
            Piece::Mark('.'),
        ];
        let symbols = Symbols::new(&config(), &pieces);
        assert_eq!(
            symbols.ids,
            [1, 0, 4, 0, 5, 6, 0, 3, 0, 4, 0, 10, 0, 7, 0, 2]
        );
        assert!(symbols.unknown.is_empty());
        let symbols = Symbols::new(&config(), &[sound("aɪʒ", 0..1)]);
        assert_eq!(symbols.ids, [1, 0, 9, 0, 2]);
        assert_eq!(symbols.unknown, ["ʒ"]);
    }

    #[test]
    fn lengths_become_phones_and_words() {
        let pieces = [
            sound("a", 0..2),
            sound("b", 0..2),
            Piece::Gap,
            sound("a", 3..4),
            Piece::Mark('.'),
        ];
        let symbols = Symbols::new(&config(), &pieces);
        // ^_ a_ bb_ gap_ a_ ._ $
        let frames = [1., 0., 2., 1., 1., 1., 1., 1., 1., 3., 0., 2., 0., 1.];
        let samples = vec![0.1; 150];
        let said = symbols
            .spoken(&samples, &frames, 10, 1_000)
            .expect("they go together");
        let times: Vec<_> = said
            .phones
            .iter()
            .map(|p| (p.ipa.as_str(), p.start))
            .collect();
        assert_eq!(times, [("", 0), ("a", 10), ("b", 40), ("a", 90), ("", 120)]);
        assert_eq!(said.phones[4].end(), 150);
        let words: Vec<_> = said
            .words
            .iter()
            .map(|w| (w.text.clone(), w.start, w.length))
            .collect();
        assert_eq!(words, [(0..2, 10, 60), (3..4, 90, 30)]);
        // The file says 7, the samples say 10.
        let other = symbols
            .spoken(&samples, &frames, 7, 1_000)
            .expect("they go together");
        assert_eq!(other, said);
        assert_eq!(symbols.spoken(&samples[..148], &frames, 7, 1_000), None);
        assert_eq!(symbols.spoken(&samples, &frames[1..], 10, 1_000), None);
        let mut odd = frames;
        odd[3] = f32::NAN;
        assert_eq!(symbols.spoken(&samples, &odd, 10, 1_000), None);
    }

    #[test]
    fn phonemes_stand_in_brackets() {
        let found = bracketed("a [[bɪ]] c [[");
        assert_eq!(
            found,
            [
                (Written::Text("a "), 0),
                (Written::Phonemes("bɪ"), 4),
                (Written::Text(" c [["), 9)
            ]
        );
    }

    #[test]
    fn letters_keep_their_words() {
        let pieces = letters("ab, a");
        assert_eq!(
            pieces,
            [
                sound("a", 0..2),
                sound("b", 0..2),
                Piece::Mark(','),
                Piece::Gap,
                sound("a", 4..5)
            ]
        );
        assert!(letters(" ").is_empty());
    }
}
