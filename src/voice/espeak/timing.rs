// SPDX-License-Identifier: MPL-2.0
//! From what eSpeak NG tells while it speaks to phones and words in time.
//!
//! Two things are missing in its events. They mark the release of a voiceless stop, after some
//! 38 ms of silence that belong to it; and they do not tell stress, which only the phonemes of
//! the text do.

use std::ops::Range;

use crate::{
    speech::{Manner, Phone},
    voice::{
        Spoken, TimedText,
        ffi::espeak::Happening,
        join,
        shut::{burst, silence_before},
    },
};

/// The longest silence before a voiceless stop that is its closure, s. At the start of speech
/// the lips are taken to meet this long before they part.
const LONGEST_CLOSURE: f32 = 0.08;
/// The shortest closure of a voiced stop, s.
const SHORTEST_CLOSURE: f32 = 0.01;
/// Sequences longer than this are not compared: a clause has some 150 phones.
const MOST_COMPARED: usize = 2_000;

/// What was said, with the phonemes of the same text as [`crate::voice::ffi`] tells them.
pub(super) fn spoken(
    text: &str,
    samples: Vec<f32>,
    happenings: &[(u64, Happening)],
    phonemes: &[String],
    rate: u32,
) -> Spoken {
    let mut phones = Vec::new();
    let mut words: Vec<(Range<usize>, usize)> = Vec::new();
    for (at, happening) in happenings {
        match happening {
            // A change of language, in brackets, sounds like nothing.
            Happening::Phone(ipa) if ipa.starts_with('(') => {}
            Happening::Phone(ipa) => phones.push(Phone::new(tidy(ipa), *at, 1)),
            Happening::Word { at, length } => {
                let from = words.last().map_or(0, |(range, _)| range.end);
                if *at >= from {
                    words.push((*at..*at + *length, phones.len()));
                }
            }
        }
    }
    stress(&mut phones, phonemes);
    let starts = shut(&mut phones, &samples, rate);
    let mut timed = phones.clone();
    join(&mut timed, samples.len() as u64);
    let words = times(text, &words, &starts, &phones, &timed);
    Spoken {
        samples,
        phones: timed,
        words,
    }
}

/// The name without what only eSpeak NG knows: `o-`, `_:`, and `s.` for ʂ.
pub(in crate::voice) fn tidy(ipa: &str) -> String {
    let ipa = ipa.replace("s.", "ʂ").replace("i.", "ɨ");
    ipa.chars()
        .filter(|c| !matches!(c, '-' | '_' | ':'))
        .collect()
}

/// Gives phones the marks of stress that their phonemes bear, where the two go together.
fn stress(phones: &mut [Phone], phonemes: &[String]) {
    let own: Vec<&str> = phones.iter().map(|p| p.ipa.as_str()).collect();
    let pairs = together(&own, phonemes);
    for (own, other) in pairs {
        let mark = phonemes[other].chars().next();
        if let Some(mark) = mark.filter(|c| matches!(c, 'ˈ' | 'ˌ')) {
            phones[own].ipa.insert(0, mark);
        }
    }
}

/// Which phones of a synthesis are which phonemes of the text, in order: the longest sequence
/// that both have.
pub(super) fn together(phones: &[&str], phonemes: &[String]) -> Vec<(usize, usize)> {
    let (own, other) = (phones.len(), phonemes.len());
    if own > MOST_COMPARED || other > MOST_COMPARED {
        return Vec::new();
    }
    let bare = |name: &String| tidy(name.trim_start_matches(['ˈ', 'ˌ']));
    let bares: Vec<String> = phonemes.iter().map(bare).collect();
    // Its length from each pair of places on.
    let width = other + 1;
    let mut common = vec![0u16; (own + 1) * width];
    for i in (0..own).rev() {
        for j in (0..other).rev() {
            let below = common[(i + 1) * width + j].max(common[i * width + j + 1]);
            let both = common[(i + 1) * width + j + 1] + 1;
            common[i * width + j] = if phones[i] == bares[j] {
                below.max(both)
            } else {
                below
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < own && j < other {
        if phones[i] == bares[j] && common[i * width + j] == common[(i + 1) * width + j + 1] + 1 {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Finds closures and releases; the starts as they were before.
fn shut(phones: &mut [Phone], samples: &[f32], rate: u32) -> Vec<u64> {
    let starts: Vec<u64> = phones.iter().map(|p| p.start).collect();
    let loudest = samples.iter().fold(0.0f32, |max, s| max.max(s.abs()));
    let within = |seconds: f32| (seconds * rate as f32) as usize;
    for (i, phone) in phones.iter_mut().enumerate() {
        let start = starts[i];
        let end = starts.get(i + 1).map_or(samples.len() as u64, |s| *s);
        match Manner::of(&phone.ipa) {
            Manner::Stop { voiced: false } => {
                let most = within(LONGEST_CLOSURE);
                let silent = silence_before(samples, start as usize, most, loudest, rate);
                // What comes before keeps at least a sample.
                let before = i.checked_sub(1).map_or(0, |i| starts[i] + 1);
                phone.start = start.saturating_sub(silent as u64).max(before).min(start);
                phone.release = Some(start);
            }
            Manner::Stop { voiced: true } => {
                let from = start as usize + within(SHORTEST_CLOSURE);
                let release = burst(samples, from, end as usize, rate) as u64;
                phone.release = Some(release.clamp(start, end.max(start)));
            }
            Manner::Nasal => phone.release = Some(end),
            Manner::Open => {}
        }
    }
    starts
}

/// Words from their characters and the phones that they begin with.
fn times(
    text: &str,
    words: &[(Range<usize>, usize)],
    starts: &[u64],
    phones: &[Phone],
    timed: &[Phone],
) -> Vec<TimedText> {
    let bytes: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let byte = |character: usize| bytes[character.min(bytes.len() - 1)];
    let mut found = Vec::new();
    for (n, (characters, first)) in words.iter().enumerate() {
        let next = words.get(n + 1).map_or(starts.len(), |(_, first)| *first);
        let sounding = |i: &usize| !phones[*i].is_pause();
        let (Some(first), Some(last)) = (
            (*first..next).find(sounding),
            (*first..next).rev().find(sounding),
        ) else {
            continue;
        };
        let start = phones[first].start;
        // The last phone ends where the next one begins once all have been moved.
        let end = timed
            .iter()
            .find(|p| p.start >= phones[last].start && !p.is_pause())
            .map_or(start, Phone::end);
        found.push(TimedText {
            text: byte(characters.start)..byte(characters.end),
            start,
            length: end.saturating_sub(start),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(phones: &[Phone]) -> Vec<&str> {
        phones.iter().map(|p| p.ipa.as_str()).collect()
    }

    fn phones(names: &str) -> Vec<Phone> {
        let starts = (0..).step_by(1_000);
        let names = names.split(' ').zip(starts);
        names.map(|(name, at)| Phone::new(name, at, 1)).collect()
    }

    #[test]
    fn stress_is_taken_from_the_phonemes_that_match() {
        let mut said = phones("f ə t ɒ ɡ ɹ ə f ə");
        let told = ["f", "ə", "t", "ˈɒ", "ɡ", "ɹ", "ˌa", "f", "ə"].map(String::from);
        stress(&mut said, &told);
        assert_eq!(names(&said), ["f", "ə", "t", "ˈɒ", "ɡ", "ɹ", "ə", "f", "ə"]);
        let mut said = phones("a b a");
        stress(&mut said, &["b", "ˈa"].map(String::from));
        assert_eq!(names(&said), ["a", "b", "ˈa"]);
        stress(&mut said, &[]);
    }

    #[test]
    fn a_gap_before_a_release_is_the_closure() {
        let mut samples = vec![0.5; 4_000];
        samples[1_500..2_000].fill(0.0);
        let happenings = [
            (0, Happening::Word { at: 0, length: 2 }),
            (0, Happening::Phone("a".into())),
            (2_000, Happening::Phone("p".into())),
            (2_400, Happening::Phone("(en)".into())),
            (2_400, Happening::Word { at: 3, length: 2 }),
            (2_500, Happening::Phone("a".into())),
        ];
        let said = spoken("ap ä!", samples, &happenings, &[], 16_000);
        let p = &said.phones[1];
        assert!(p.start.abs_diff(1_500) <= 32, "{p:?}");
        assert_eq!(p.release, Some(2_000));
        assert_eq!(said.phones[0].end(), p.start);
        assert_eq!(said.words[0].text, 0..2);
        assert_eq!(said.words[1].text, 3..6);
        assert_eq!(said.words[1].start, 2_500);
        assert_eq!(said.words[0].length, 2_500);
    }
}
