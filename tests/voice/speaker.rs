// SPDX-License-Identifier: MPL-2.0
//! Text that arrives in pieces, spoken.

use crate::installed;
use sonic_engine::{
    speech::Viseme,
    voice::{
        Cancel, Clause, Delivery, Settings, Speaker, VoiceError,
        choice::{voice_for, voice_named},
        espeak::Espeak,
        flite::FliteVoice,
    },
};

fn both() -> bool {
    installed(Espeak::get()).is_some() && installed(FliteVoice::new("slt")).is_some()
}

/// All clauses of a text that comes as a whole.
fn spoken(settings: Settings, text: &str) -> Vec<Clause> {
    let mut speaker = Speaker::new(settings);
    speaker.append(text);
    speaker.finish();
    let cancel = Cancel::new();
    std::iter::from_fn(|| speaker.next_clause(&cancel))
        .map(|clause| clause.expect("it speaks"))
        .collect()
}

fn words(clauses: &[Clause]) -> Vec<&str> {
    let all = clauses.iter().flat_map(|c| &c.words);
    all.map(|w| w.text.as_str()).collect()
}

#[test]
fn the_first_clause_sounds_before_the_text_has_ended() {
    if !both() {
        return;
    }
    let mut speaker = Speaker::new(Settings::default());
    let cancel = Cancel::new();
    let text = "Hello there. I am Dr. Jones";
    for (n, c) in text.chars().enumerate() {
        speaker.append(&c.to_string());
        let clause = speaker.next_clause(&cancel).transpose().expect("it speaks");
        assert_eq!(clause.is_some(), n == 13, "after {n} characters");
    }
    speaker.finish();
    let last = speaker
        .next_clause(&cancel)
        .expect("a clause")
        .expect("it speaks");
    assert_eq!(last.text, "I am Dr. Jones");
    assert_eq!(last.at, 13);
    assert_eq!(
        words(std::slice::from_ref(&last)),
        ["I", "am", "Dr.", "Jones"]
    );
    assert_eq!(last.words[3].at, 22);
    assert!(speaker.next_clause(&cancel).is_none());
}

#[test]
fn clauses_are_whole_and_what_was_written_is_told() {
    if !both() {
        return;
    }
    let text = "Pay $5.50 by May 3, 2024! Call 555-123-4567, please 🎉.";
    let clauses = spoken(Settings::default(), text);
    assert_eq!(
        words(&clauses),
        [
            "Pay",
            "$5.50",
            "by",
            "May 3, 2024!",
            "Call",
            "555-123-4567,",
            "please"
        ]
    );
    for clause in &clauses {
        assert_eq!((clause.rate, clause.language.as_str()), (16_000, "en"));
        let mut at = 0;
        for phone in &clause.phones {
            assert_eq!(phone.start, at);
            at = phone.end();
        }
        assert_eq!(at, clause.samples.len() as u64);
        for word in &clause.words {
            let from = word.at as usize;
            assert_eq!(&text[from..from + word.text.len()], word.text);
            assert!(word.start + word.length <= at);
        }
        assert!(clause.phones[0].length <= 800, "it begins soon");
    }
}

#[test]
fn letters_choose_the_voice() {
    if !both() {
        return;
    }
    for (text, language, name) in [
        ("Good morning", "en", "slt"),
        ("Доброе утро, мама", "ru", "ru"),
        ("नमस्ते माँ", "hi", "hi"),
        ("مرحبا يا ماما", "ar", "ar"),
        ("ママ、パンをください", "ja", "ja"),
    ] {
        let clauses = spoken(Settings::default(), text);
        assert!(clauses.iter().all(|c| c.language == language), "{text}");
        assert_eq!(voice_for(language).expect("a voice").name(), name);
        let shut = clauses
            .iter()
            .flat_map(|c| &c.phones)
            .filter(|p| p.viseme() == Viseme::Pp)
            .count();
        assert!(shut >= 1, "{text}: {clauses:?}", clauses = words(&clauses));
    }
}

#[test]
fn what_the_user_chooses_is_used() {
    if !both() {
        return;
    }
    let settings = |voice: Option<&str>, language: Option<&str>| Settings {
        voice: voice.map(Into::into),
        language: language.map(Into::into),
        ..Settings::default()
    };
    let rate = |m: Settings| spoken(m, "one two")[0].rate;
    assert_eq!(rate(settings(Some("en-us"), None)), 22_050);
    assert_eq!(rate(settings(Some("rms"), None)), 16_000);
    assert_eq!(rate(settings(Some("espeak:en+f2"), None)), 22_050);
    assert_eq!(rate(settings(None, Some("en-GB"))), 22_050);
    assert_eq!(rate(settings(None, Some("en_US"))), 16_000);
    let german = spoken(settings(None, Some("de")), "Haus 21");
    assert_eq!(german[0].language, "de");
    let at_volume = |volume| {
        let settings = Settings {
            volume,
            ..Settings::default()
        };
        spoken(settings, "one two").remove(0).samples
    };
    let peak = |samples: &[f32]| samples.iter().fold(0.0f32, |max, s| max.max(s.abs()));
    let level = |samples: &[f32]| {
        let power: f32 = samples.iter().map(|s| s * s).sum();
        (power / samples.len() as f32).sqrt()
    };
    assert_eq!(peak(&at_volume(0.0)), 0.0);
    // Flite's voices hiss by chance, so no two of their words are quite alike.
    let half = level(&at_volume(0.5)) / level(&at_volume(1.0));
    assert!((half - 0.5).abs() < 0.03, "{half}");
    assert!(peak(&at_volume(4.0)) <= 1.0);
    for (name, said) in [
        ("nobody", "espeak-ng --voices"),
        ("flite:tenor", "slt"),
        ("gopher://example.com/v1", "http://host:port#voice"),
    ] {
        let error = voice_named(name, None).err().expect("no voice").to_string();
        assert!(
            error.contains(name.trim_start_matches("flite:")) && error.contains(said),
            "{error}"
        );
    }
    let mut speaker = Speaker::new(settings(None, Some("tlh")));
    assert_eq!(
        speaker.check(),
        Err(VoiceError::UnknownLanguage("tlh".into()))
    );
    assert_eq!(Speaker::new(Settings::default()).check(), Ok(16_000));
}

#[test]
fn no_clause_is_longer_than_10_s() {
    if !both() {
        return;
    }
    let slow = Settings {
        voice: Some("en".into()),
        delivery: Delivery {
            rate: 0.4,
            ..Delivery::default()
        },
        ..Settings::default()
    };
    let figures = "98765432109876543210 ".repeat(4);
    let letters = "w".repeat(400);
    for text in [
        figures.as_str(),
        letters.as_str(),
        "a sentence that has no end because it goes on and on without a comma or a full stop until everybody has forgotten how it began and nobody cares any more",
    ] {
        let clauses = spoken(slow.clone(), text);
        assert!(!clauses.is_empty());
        for clause in clauses {
            assert!(clause.samples.len() <= 10 * clause.rate as usize);
        }
    }
}

#[test]
fn nothing_sensible_is_no_clause_and_an_error_loses_one() {
    if !both() {
        return;
    }
    for text in ["", " \n\t", "🎉🎉", "\0\u{1}\u{200b}", "... — !"] {
        assert!(spoken(Settings::default(), text).is_empty(), "{text:?}");
    }
    let mut speaker = Speaker::new(Settings::default());
    speaker.append("One is lost. Two is not. ");
    speaker.finish();
    let cancel = Cancel::new();
    cancel.cancel();
    let lost = speaker.next_clause(&cancel).expect("an answer");
    assert_eq!(lost.err(), Some(VoiceError::Cancelled));
    let next = speaker.next_clause(&Cancel::new()).expect("an answer");
    assert_eq!(next.expect("it speaks").text, "Two is not.");
}

#[test]
fn mandarin_is_spoken_out_of_the_box_and_english_words_in_it_are_english() {
    if !both() {
        return;
    }
    let text = "妈妈用Python写5个程序，爸爸不怕。";
    let clauses = spoken(Settings::default(), text);
    let clause = &clauses[0];
    assert_eq!((clause.language.as_str(), clause.rate), ("zh", 22_050));
    let said = |written: &str| -> String {
        let word = clause
            .words
            .iter()
            .find(|w| w.text == written)
            .expect(written);
        let inside = |p: &&sonic_engine::speech::Phone| {
            p.start >= word.start && p.end() <= word.start + word.length
        };
        let phones = clause.phones.iter().filter(inside);
        phones.map(|p| p.ipa.trim_start_matches('ˈ')).collect()
    };
    assert!(said("Python").starts_with("paɪθ"), "{}", said("Python"));
    assert!(said("妈").starts_with('m'), "{}", said("妈"));
    assert!(
        said("程").starts_with("ts.") || said("程").starts_with("tʂ"),
        "{}",
        said("程")
    );
    let shut = clauses.iter().flat_map(|c| &c.phones);
    // 妈妈 P 爸爸不怕
    assert_eq!(shut.filter(|p| p.viseme() == Viseme::Pp).count(), 7);
    let mut at = 0;
    for phone in &clause.phones {
        assert_eq!(phone.start, at);
        at = phone.end();
    }
    assert_eq!(at, clause.samples.len() as u64);
}
