// SPDX-License-Identifier: MPL-2.0
//! How clauses follow each other: pauses between them, and cuts where one lasts too long.

use std::ops::Range;

use super::{Clause, Spoken, join};
use crate::speech::Phone;

/// What is left of a pause before the first sound, s: voices begin with up to 0.25 s.
const BEFORE: f32 = 0.03;
/// Pauses behind a clause, s: after a sentence, after a part of one, and where one was cut.
const AFTER_SENTENCE: f32 = 0.4;
const AFTER_PART: f32 = 0.18;
pub(super) const AFTER_CUT: f32 = 0.02;
/// Where no phones tell: a clause whose peak is less has no sound; what is so much fainter than
/// the peak is a pause (−40 dB); how long a sound fades below that, s.
const INAUDIBLE: f32 = 1e-4;
const FAINT: f32 = 0.01;
const FADE: f32 = 0.03;
/// The stretch that is compared to find the quietest place for a cut, s.
const QUIET: f32 = 0.02;
/// The longest clause, s.
const LONGEST: u64 = 10;

/// Gives what a voice said a short pause before it and one of so many seconds behind it, whatever
/// the voice put there.
pub(super) fn set(said: &mut Spoken, rate: u32, after: f32) {
    let Some(sounds) = sounding(said, rate) else {
        *said = Spoken::default();
        return;
    };
    let samples = |seconds: f32| (seconds * rate as f32) as u64;
    let after = samples(after);
    let skip = sounds.start.saturating_sub(samples(BEFORE));
    let end = sounds.end - skip + after;
    said.samples.drain(..skip as usize);
    said.samples.resize(end as usize, 0.0);
    // What the voice left of its own pause is silence.
    said.samples[(sounds.end - skip) as usize..].fill(0.0);
    if !said.phones.is_empty() {
        said.phones
            .retain(|p| p.start >= sounds.start && p.end() <= sounds.end);
        let mut phones: Vec<Phone> = said.phones.drain(..).map(|p| earlier(p, skip)).collect();
        phones.push(Phone::new("", sounds.end - skip, after));
        join(&mut phones, end);
        said.phones = phones;
    }
    for word in &mut said.words {
        word.start = word.start.saturating_sub(skip);
    }
}

/// From the first sample that sounds to the last: as the phones say, or by the level where the
/// voice tells none.
fn sounding(said: &Spoken, rate: u32) -> Option<Range<u64>> {
    if said.phones.is_empty() {
        return heard(&said.samples, rate);
    }
    let first = said.phones.iter().find(|p| !p.is_pause())?;
    let last = said.phones.iter().rfind(|p| !p.is_pause())?;
    Some(first.start..last.end())
}

/// The stretch between the first and the last sound that is not far below the loudest.
fn heard(samples: &[f32], rate: u32) -> Option<Range<u64>> {
    let loudest = samples.iter().fold(0.0f32, |max, s| max.max(s.abs()));
    if loudest < INAUDIBLE {
        return None;
    }
    let sounds = |s: &f32| s.abs() > FAINT * loudest;
    let first = samples.iter().position(sounds)?;
    let last = samples.iter().rposition(sounds)?;
    // Soft ends, such as that of an s, fade out below.
    let end = (last + 1 + (FADE * rate as f32) as usize).min(samples.len());
    Some(first as u64..end as u64)
}

/// The pause that the last sign of a clause asks for, s.
pub(super) fn after(clause: &str) -> f32 {
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

/// Cuts a clause that is too long between two words, between two phones where a word is too
/// long, or in its quietest place where neither is known; what follows.
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
    let at =
        at.unwrap_or_else(|| quietest(&clause.samples, longest * 7 / 10..longest, clause.rate));
    let mut rest = Clause {
        text: String::new(),
        at: clause.at,
        language: clause.language.clone(),
        rate: clause.rate,
        samples: clause.samples.split_off(at as usize),
        phones: Vec::new(),
        words: Vec::new(),
        marks: Vec::new(),
    };
    let place = clause.phones.partition_point(|p| p.start < at);
    rest.phones
        .extend(clause.phones.drain(place..).map(|p| earlier(p, at)));
    if place > 0 {
        join(&mut clause.phones, at);
        join(&mut rest.phones, rest.samples.len() as u64);
    }
    let place = clause.words.partition_point(|w| w.start < at);
    rest.words = clause.words.split_off(place);
    for word in &mut rest.words {
        word.start -= at;
    }
    let place = clause.marks.partition_point(|m| m.start < at);
    rest.marks = clause.marks.split_off(place);
    for mark in &mut rest.marks {
        mark.start -= at;
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

/// The middle of the quietest stretch within a range.
fn quietest(samples: &[f32], within: Range<u64>, rate: u32) -> u64 {
    let span = ((QUIET * rate as f32) as usize).max(1);
    let within = within.start as usize..(within.end as usize).min(samples.len());
    let energy = |from: &usize| -> f32 { samples[*from..from + span].iter().map(|s| s * s).sum() };
    let last = within.end.saturating_sub(span);
    let places = (within.start..last).step_by(span.div_ceil(2));
    let best = places.min_by(|a, b| energy(a).total_cmp(&energy(b)));
    best.map_or(within.end, |from| from + span / 2) as u64
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
            set(&mut said, 16_000, super::after(text));
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
        set(&mut said, 16_000, 0.4);
        assert_eq!(said, Spoken::default());
    }

    #[test]
    fn where_no_phones_are_told_the_level_tells_pauses() {
        let mut samples = vec![0.0005; 16_000];
        samples[8_000..10_000].fill(0.5);
        let mut said = Spoken {
            samples,
            ..Spoken::default()
        };
        set(&mut said, 16_000, 0.4);
        assert!(said.phones.is_empty());
        assert_eq!(said.samples.len(), 480 + 2_000 + 480 + 6_400);
        assert_eq!(said.samples[480], 0.5);
        assert!(said.samples[2_960..].iter().all(|s| *s == 0.0));
        let mut nothing = Spoken {
            samples: vec![1e-5; 16_000],
            ..Spoken::default()
        };
        set(&mut nothing, 16_000, 0.4);
        assert_eq!(nothing, Spoken::default());
    }

    #[test]
    fn what_is_known_by_its_sound_only_is_cut_where_it_is_quiet() {
        let mut clause = Clause {
            text: "long".into(),
            at: 0,
            language: "en".into(),
            rate: 1_000,
            samples: vec![0.5; 15_000],
            phones: Vec::new(),
            words: Vec::new(),
            marks: Vec::new(),
        };
        clause.samples[8_000..8_100].fill(0.0);
        let rest = cut(&mut clause).expect("it is too long");
        assert!((8_000..8_100).contains(&clause.samples.len()));
        assert_eq!(clause.samples.len() + rest.samples.len(), 15_000);
        assert!(clause.phones.is_empty() && rest.phones.is_empty());
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
            marks: Vec::new(),
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
