// SPDX-License-Identifier: MPL-2.0
//! How clauses follow each other: pauses between them, and cuts where one lasts too long.

use super::{Clause, Delivery, Spoken, join};
use crate::speech::Phone;

/// What is left of a pause before the first sound, s: voices begin with up to 0.25 s.
const BEFORE: f32 = 0.03;
/// Pauses behind a clause, s: after a sentence, after a part of one, and where one was cut.
const AFTER_SENTENCE: f32 = 0.4;
const AFTER_PART: f32 = 0.18;
const AFTER_CUT: f32 = 0.02;
/// The longest clause, s.
const LONGEST: u64 = 10;

/// Gives what a voice said the pauses that the last mark of `clause` asks for, whatever the voice
/// put there; without a clause, those of a voice that another one interrupts.
pub(super) fn set(said: &mut Spoken, rate: u32, clause: Option<&str>, delivery: &Delivery) {
    let Some(first) = said.phones.iter().position(|p| !p.is_pause()) else {
        *said = Spoken::default();
        return;
    };
    let last = said
        .phones
        .iter()
        .rposition(|p| !p.is_pause())
        .unwrap_or(first);
    let samples = |seconds: f32| (seconds * rate as f32) as u64;
    let after = clause.map_or(AFTER_CUT, after);
    let after = samples(after / delivery.sane().rate);
    let skip = said.phones[first].start.saturating_sub(samples(BEFORE));
    let sounds_to = said.phones[last].end();
    let end = sounds_to - skip + after;
    said.samples.drain(..skip as usize);
    said.samples.resize(end as usize, 0.0);
    // What the voice left of its own pause is silence.
    said.samples[(sounds_to - skip) as usize..].fill(0.0);
    let sounding = said.phones.drain(first..=last);
    let mut phones: Vec<Phone> = sounding.map(|p| earlier(p, skip)).collect();
    phones.push(Phone::new("", sounds_to - skip, after));
    join(&mut phones, end);
    said.phones = phones;
    for word in &mut said.words {
        word.start = word.start.saturating_sub(skip);
    }
}

fn after(clause: &str) -> f32 {
    let closed = clause.trim_end_matches(['"', '”', '»', ')', '」', '』', '’']);
    match closed.chars().last() {
        Some('.' | '!' | '?' | '。' | '！' | '？' | '…' | '।' | '؟' | '۔') => {
            AFTER_SENTENCE
        }
        Some(',' | ';' | ':' | '，' | '、' | '；' | '：' | '—' | '،') => AFTER_PART,
        Some(c) if c.is_alphanumeric() => AFTER_PART,
        _ => AFTER_CUT,
    }
}

/// Cuts a clause that is too long between two words, or between two phones where a word is too
/// long; what follows.
pub(super) fn cut(clause: &mut Clause) -> Option<Clause> {
    let longest = LONGEST * u64::from(clause.rate);
    if clause.samples.len() as u64 <= longest {
        return None;
    }
    let fits = |at: &u64| (longest / 4..=longest).contains(at);
    let words = clause.words.iter().map(|w| w.start);
    let phones = clause.phones.iter().map(|p| p.start);
    let at = words
        .filter(fits)
        .max()
        .or_else(|| phones.filter(fits).max());
    let at = at.unwrap_or(longest);
    let mut rest = Clause {
        text: String::new(),
        at: clause.at,
        language: clause.language.clone(),
        rate: clause.rate,
        samples: clause.samples.split_off(at as usize),
        phones: Vec::new(),
        words: Vec::new(),
    };
    let place = clause.phones.partition_point(|p| p.start < at);
    rest.phones
        .extend(clause.phones.drain(place..).map(|p| earlier(p, at)));
    join(&mut clause.phones, at);
    join(&mut rest.phones, rest.samples.len() as u64);
    let place = clause.words.partition_point(|w| w.start < at);
    rest.words = clause.words.split_off(place);
    for word in &mut rest.words {
        word.start -= at;
    }
    // The text is divided where the first word of the rest stands.
    if let Some(first) = rest.words.first() {
        let bytes = usize::try_from(first.at - clause.at).unwrap_or(usize::MAX);
        if clause.text.is_char_boundary(bytes) {
            rest.text = clause.text.split_off(bytes);
            rest.at = first.at;
        }
    }
    Some(rest)
}

fn earlier(phone: Phone, samples: u64) -> Phone {
    Phone {
        start: phone.start.saturating_sub(samples),
        release: phone.release.map(|r| r.saturating_sub(samples)),
        ..phone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{TimedText, Word};

    fn said() -> Spoken {
        let mut phones = vec![
            Phone::new("", 0, 4_000),
            Phone::new("a", 4_000, 2_000),
            Phone::new("p", 6_000, 1_000),
            Phone::new("", 7_000, 5_000),
        ];
        phones[2].release = Some(6_500);
        Spoken {
            samples: (0..12_000).map(|i| i as f32 / 12_000.0).collect(),
            phones,
            words: vec![TimedText {
                text: 0..2,
                start: 4_000,
                length: 3_000,
            }],
        }
    }

    #[test]
    fn pauses_are_those_of_the_mark() {
        for (text, after) in [("ap.", 6_400), ("ap,”", 2_880), ("ap —(", 320)] {
            let mut said = said();
            set(&mut said, 16_000, Some(text), &Delivery::default());
            assert_eq!(said.phones[1], Phone::new("a", 480, 2_000));
            assert_eq!(said.phones[2].release, Some(2_980));
            assert_eq!(said.words[0].start, 480);
            assert_eq!(said.samples.len(), 3_480 + after, "{text}");
            assert_eq!(said.samples[480], 4_000.0 / 12_000.0);
            assert!(said.samples[3_480..].iter().all(|s| *s == 0.0));
            assert_eq!(said.phones[3].end(), said.samples.len() as u64);
        }
    }

    #[test]
    fn nothing_but_a_pause_is_nothing() {
        let mut said = said();
        said.phones = vec![Phone::new("", 0, 12_000)];
        set(&mut said, 16_000, Some("…"), &Delivery::default());
        assert_eq!(said, Spoken::default());
    }

    #[test]
    fn a_clause_that_lasts_too_long_is_cut_between_words() {
        let word = |n: u64| Word {
            text: format!("w{n}"),
            at: 100 + 3 * n,
            start: n * 30,
            length: 30,
        };
        let mut clause = Clause {
            text: (0..9).map(|n| format!("w{n} ")).collect(),
            at: 100,
            language: "en".into(),
            rate: 10,
            samples: vec![0.5; 270],
            phones: (0..27).map(|n| Phone::new("a", n * 10, 10)).collect(),
            words: (0..9).map(word).collect(),
        };
        let mut parts = Vec::new();
        let mut rest = cut(&mut clause);
        parts.push(clause);
        while let Some(mut next) = rest {
            rest = cut(&mut next);
            parts.push(next);
        }
        let texts: Vec<_> = parts.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(texts, ["w0 w1 w2 ", "w3 w4 w5 ", "w6 w7 w8 "]);
        for part in &parts {
            assert_eq!(part.samples.len(), 90);
            assert_eq!(part.phones.len(), 9);
            assert_eq!(part.words[0].start, 0);
            assert_eq!(part.words[0].at, part.at);
        }
    }
}
