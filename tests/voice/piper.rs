// SPDX-License-Identifier: MPL-2.0
//! Piper's voices, by graphs of the same contract that are made here.

use crate::{
    again_with, covered,
    graph::{self, HOP, Oddity, RATE, loudness},
    installed, say,
};
use sonic_engine::voice::{
    Cancel, Delivery, Settings, Speaker, Voice, VoiceError, choice::voice_named, piper::PiperVoice,
};
use std::{fs, path::PathBuf, thread, time::Instant};

/// Symbols that sound, then those that last no time.
const SOUNDING: &str = "_^$mpɑəɐbtɪ";
const MUTE: &str = " ,.!ˈː";

struct Files {
    _folder: tempfile::TempDir,
    graph: PathBuf,
}

fn json() -> String {
    let map: Vec<String> = SOUNDING
        .chars()
        .chain(MUTE.chars())
        .enumerate()
        .map(|(id, c)| format!("{:?}: [{id}]", c.to_string()))
        .collect();
    format!(
        r#"{{"audio": {{"sample_rate": {RATE}, "quality": "tiny"}}, "espeak": {{"voice": "en-us"}},
        "language": {{"code": "en_US"}}, "hop_length": {HOP}, "num_symbols": 256,
        "inference": {{"noise_scale": 0.5, "length_scale": 1, "noise_w": 0.8}},
        "phoneme_id_map": {{{}}}}}"#,
        map.join(", ")
    )
}

fn files(oddity: Oddity, json: &str) -> Files {
    let folder = tempfile::tempdir().expect("a folder");
    let graph = folder.path().join("eve.onnx");
    let symbols = SOUNDING.chars().count() + MUTE.chars().count();
    let bytes = graph::voice(symbols, MUTE.chars().count(), oddity);
    fs::write(&graph, bytes).expect("a file");
    fs::write(folder.path().join("eve.onnx.json"), json).expect("a file");
    Files {
        _folder: folder,
        graph,
    }
}

fn voice(files: &Files) -> Option<PiperVoice> {
    installed(PiperVoice::new(&files.graph, None))
}

/// What sounds in a stretch: the sum of the squares.
fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum()
}

/// The same of a symbol at normal speed.
fn energy_of(symbol: char) -> f32 {
    let id = SOUNDING
        .chars()
        .position(|c| c == symbol)
        .expect("a symbol");
    // A tone has half the square of its peak; the noise is half.
    0.5 * (0.5 * loudness(id)).powi(2) * graph::FRAMES * HOP as f32
}

#[test]
fn phones_and_words_lie_where_they_sound() {
    let files = files(Oddity::None, &json());
    let Some(voice) = voice(&files) else { return };
    assert_eq!((voice.rate(), voice.language()), (RATE, "en-us"));
    let text = "Mama, papa!";
    let said = say(&voice, text);
    covered(&said);
    let names: Vec<_> = said.phones.iter().map(|p| p.ipa.as_str()).collect();
    assert_eq!(
        names,
        ["", "m", "ˈɑː", "m", "ɐ", "", "p", "ˈɑː", "p", "ə", ""]
    );
    for phone in &said.phones {
        let sound = energy(&said.samples[phone.start as usize..phone.end() as usize]);
        let letter = phone.ipa.trim_matches(['ˈ', 'ː']).chars().next();
        let expected = letter.map_or(0.0, energy_of);
        assert!(
            (sound - expected).abs() <= 0.05 * expected + 1e-3,
            "{phone:?}: {sound}"
        );
        // The first symbol sounds at once, its padding follows.
        if letter.is_some() && !phone.is_stressed() {
            let start = phone.start as usize;
            assert!(
                energy(&said.samples[start - HOP..start]) < 1e-6,
                "{phone:?}"
            );
            assert!(energy(&said.samples[start..start + HOP]) > 0.1, "{phone:?}");
        }
    }
    assert_eq!(
        said.phones[1].release,
        Some(said.phones[1].end()),
        "an m is shut"
    );
    assert!(said.phones[6].release.is_some(), "a p has a burst");
    let words: Vec<_> = said.words.iter().map(|w| &text[w.text.clone()]).collect();
    assert_eq!(words, ["Mama", "papa"]);
    assert_eq!(said.words[1].start, said.phones[6].start);
    assert_eq!(
        said.words[1].start + said.words[1].length,
        said.phones[9].end()
    );
    assert!(say(&voice, "").samples.is_empty());
    assert!(say(&voice, "...!").samples.is_empty());
}

#[test]
fn speed_is_obeyed_and_marks_do_not_lengthen() {
    let files = files(Oddity::None, &json());
    let Some(voice) = voice(&files) else { return };
    let long = |rate: f32| {
        let delivery = Delivery {
            rate,
            ..Delivery::default()
        };
        let said = voice.speak("mama", &delivery, &Cancel::new());
        said.expect("it speaks").samples.len()
    };
    // ^_ m_ ˈ_ɑ_ː_ m_ ɐ_ $: four sounds, nine others.
    let frames = |sounds: usize, others: usize| (4 * sounds + 9 * others) * HOP;
    assert_eq!(long(1.0), frames(3, 1));
    assert_eq!(long(0.5), frames(6, 2));
    assert_eq!(long(1.5), frames(2, 1));
}

#[test]
fn speakers_are_chosen_by_name_or_number() {
    let many = json().replacen(
        '{',
        r#"{"num_speakers": 3, "speaker_id_map": {"ann": 0, "bob": 2},"#,
        1,
    );
    let files = files(Oddity::Speakers, &many);
    if voice(&files).is_none() {
        return;
    }
    let loud = |speaker: Option<&str>| {
        let voice = PiperVoice::new(&files.graph, speaker).expect("a speaker");
        let said = say(&voice, "mama");
        said.samples.iter().fold(0.0f32, |max, s| max.max(*s))
    };
    let one = loud(None);
    for (speaker, times) in [("ann", 1.0), ("0", 1.0), ("1", 2.0), ("bob", 3.0)] {
        let measured = loud(Some(speaker)) / one;
        assert!((measured - times).abs() < 1e-3, "{speaker}: {measured}");
    }
    let name = files.graph.to_str().expect("a path");
    let error = voice_named(name, Some("carl")).err().expect("nobody");
    assert!(error.to_string().contains("ann, bob"), "{error}");
    let error = voice_named("espeak:en", Some("ann")).err().expect("nobody");
    assert!(
        matches!(error, VoiceError::UnknownSpeaker { .. }),
        "{error}"
    );
    let settings = Settings {
        voice: Some(name.into()),
        speaker: Some("bob".into()),
        ..Settings::default()
    };
    let mut speaker = Speaker::new(settings);
    assert_eq!(speaker.check(), Ok(RATE));
    speaker.append("Mama!");
    speaker.finish();
    let clause = speaker.next_clause(&Cancel::new()).expect("a clause");
    let clause = clause.expect("it speaks");
    assert_eq!(clause.words[0].text, "Mama");
    assert_eq!(clause.language, "en-us");
    let loudest = clause.samples.iter().fold(0.0f32, |max, s| max.max(*s));
    assert!((loudest / one - 3.0).abs() < 1e-3, "{loudest}");
}

#[test]
fn a_voice_that_cannot_tell_its_phones_says_none() {
    for (oddity, text) in [
        (Oddity::NoLengths, json()),
        // Letters are no phones, though their times are known.
        (
            Oddity::None,
            json().replacen('{', r#"{"phoneme_type": "text","#, 1),
        ),
    ] {
        let files = files(oddity, &text);
        if voice(&files).is_none() {
            return;
        }
        let settings = Settings {
            voice: files.graph.to_str().map(Into::into),
            ..Settings::default()
        };
        let mut speaker = Speaker::new(settings);
        speaker.append("Pmb tb.");
        speaker.finish();
        let clause = speaker.next_clause(&Cancel::new()).expect("a clause");
        let clause = clause.expect("it speaks");
        assert!(clause.phones.is_empty());
        assert_eq!(
            clause.words.len(),
            if oddity == Oddity::None { 2 } else { 0 }
        );
        // It begins soon and ends with the pause of a sentence.
        let sounds = |s: &f32| s.abs() > 0.01;
        let first = clause.samples.iter().position(sounds).expect("a sound");
        let last = clause.samples.iter().rposition(sounds).expect("a sound");
        assert!(first <= RATE as usize / 20, "{first}");
        let pause = clause.samples.len() - last;
        assert!((6_000..8_000).contains(&pause), "{pause}");
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let whole = files(Oddity::None, &json());
    if voice(&whole).is_none() {
        return;
    }
    let error = |files: &Files| {
        let error = PiperVoice::new(&files.graph, None).err().expect("an error");
        assert!(error.to_string().contains("eve.onnx"), "{error}");
        error.to_string()
    };
    for (oddity, said) in [
        (Oddity::InputOfFloats, "expected i64 of 2 dimensions"),
        (Oddity::FlatInput, "expected i64 of 2 dimensions"),
        (Oddity::NoScales, "no input `scales`"),
        (Oddity::AsksForMore, "`mood`"),
        (Oddity::OutputOfIntegers, "expected samples"),
    ] {
        let error = error(&files(oddity, &json()));
        assert!(error.contains(said), "{error}");
    }
    for (from, to, said) in [
        ("\"audio\"", "\"sound\"", "`audio`"),
        ("}}", "}", "line"),
        (
            "{\"audio\"",
            "{\"num_speakers\": 4, \"audio\"",
            "4 speakers",
        ),
    ] {
        let error = error(&files(Oddity::None, &json().replacen(from, to, 1)));
        assert!(error.contains(said), "{error}");
    }
    let unknown = json().replacen("en-us", "tlh", 1);
    let unknown = PiperVoice::new(&files(Oddity::None, &unknown).graph, None);
    assert!(matches!(
        unknown.err(),
        Some(VoiceError::UnknownVoice { .. })
    ));
    let damaged = files(Oddity::None, &json());
    let bytes = fs::read(&damaged.graph).expect("a file");
    fs::write(&damaged.graph, &bytes[..bytes.len() / 2]).expect("a file");
    error(&damaged);
    fs::write(&damaged.graph, b"").expect("a file");
    error(&damaged);
    fs::remove_file(damaged.graph.with_extension("onnx.json")).expect("a file");
    assert!(error(&damaged).contains("eve.onnx.json is missing"));
    let nowhere = voice_named("/nowhere/eve.onnx", None)
        .err()
        .expect("no voice");
    assert!(
        nowhere.to_string().contains("/nowhere/eve.onnx"),
        "{nowhere}"
    );
}

#[test]
fn a_symbol_that_the_graph_does_not_know_fails_without_harm() {
    let far = json().replacen("\"m\": [3]", "\"m\": [250]", 1);
    let files = files(Oddity::None, &far);
    let Some(voice) = voice(&files) else { return };
    let answer = voice.speak("mama", &Delivery::default(), &Cancel::new());
    assert!(matches!(answer, Err(VoiceError::Failed(_))), "{answer:?}");
    assert!(!say(&voice, "papa").samples.is_empty());
}

#[test]
fn cancelled_speech_does_not_hold_up_the_next() {
    let files = files(Oddity::Slow, &json());
    let Some(voice) = voice(&files) else { return };
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let speaking = scope.spawn(|| {
            let answer = voice.speak("mama", &Delivery::default(), &cancel);
            (answer.err(), Instant::now())
        });
        thread::yield_now();
        let asked = Instant::now();
        cancel.cancel();
        let (answer, ended) = speaking.join().expect("no panic");
        println!(
            "{:?} after it was cancelled",
            ended.saturating_duration_since(asked)
        );
        assert_eq!(answer, Some(VoiceError::Cancelled));
    });
    let begun = Instant::now();
    assert!(!say(&voice, "papa").samples.is_empty());
    println!("{:?} for the next", begun.elapsed());
}

#[test]
fn without_onnx_runtime_the_cure_is_told() {
    let letters = json().replacen('{', r#"{"phoneme_type": "text","#, 1);
    let files = files(Oddity::None, &letters);
    let nowhere = [("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")];
    again_with(
        "piper::without_onnx_runtime_the_cure_is_told",
        &nowhere,
        || {
            let path = files.graph.to_str().expect("a path");
            let error = voice_named(path, None).err().expect("no runtime");
            assert!(matches!(error, VoiceError::NoRuntime(_)), "{error:?}");
            let said = error.to_string();
            for cure in ["Python package onnxruntime", "ORT_DYLIB_PATH", "/nowhere"] {
                assert!(said.contains(cure), "{said}");
            }
        },
    );
}
