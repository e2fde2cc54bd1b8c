// SPDX-License-Identifier: MPL-2.0
//! Flite.

use crate::{covered, installed, say, sound::Sound, words};
use sonic_engine::{
    speech::Phone,
    voice::{
        Cancel, Delivery, Voice, VoiceError,
        flite::{self, FliteVoice},
    },
};
use std::{thread, time::Instant};

#[test]
fn words_and_phones_lie_in_the_sound() {
    let Some(voice) = installed(FliteVoice::new("slt")) else {
        return;
    };
    let text = "Pop a top, Bob: the photographer saw many “naïve” cafés.";
    let said = say(&voice, text);
    covered(&said);
    assert_eq!(
        words(&said, text),
        [
            "Pop",
            "a",
            "top",
            "Bob",
            "the",
            "photographer",
            "saw",
            "many",
            "naïve",
            "cafés"
        ]
    );
    let photographer = &said.words[5];
    let inside = |p: &&Phone| {
        p.start >= photographer.start && p.end() <= photographer.start + photographer.length
    };
    let spelled: String = said
        .phones
        .iter()
        .filter(inside)
        .map(|p| p.ipa.as_str())
        .collect();
    assert_eq!(spelled, "fətˈɑːɡɹəfɝ");
    // What is said to sound does, and pauses do not.
    let sound = Sound {
        samples: said.samples.clone(),
        rate: voice.rate(),
    };
    for phone in said.phones.iter().filter(|p| p.length > 800) {
        let middle = sound.loud((phone.start + phone.length / 2) as i64);
        if phone.is_pause() {
            assert!(middle < -40.0, "{phone:?}: {middle} dB");
        } else if phone.release.is_none() {
            assert!(middle > -55.0, "{phone:?}: {middle} dB");
        }
    }
}

#[test]
fn stops_burst_where_the_samples_do() {
    for name in ["slt", "rms", "awb"] {
        let Some(voice) = installed(FliteVoice::new(name)) else {
            return;
        };
        let said = say(
            &voice,
            "a puppy, a baby, a teddy, a daddy, a cookie, a papa, a total",
        );
        let sound = Sound {
            samples: said.samples.clone(),
            rate: voice.rate(),
        };
        let mut off: Vec<f64> = Vec::new();
        for pair in said.phones.windows(2) {
            let stop = pair[1].ipa.starts_with(['p', 'b', 't', 'd', 'k']);
            if let (true, false, Some(release)) = (stop, pair[0].is_pause(), pair[1].release) {
                let heard = sound.edge(release, 15, 1.0, Sound::hiss);
                let ms = (heard as f64 - release as f64) / 16.0;
                println!(
                    "{name} {}: {ms:+.1} ms, closure {:.1}",
                    pair[1].ipa,
                    (release - pair[1].start) as f64 / 16.0
                );
                off.push(ms.abs());
            }
        }
        off.sort_by(f64::total_cmp);
        assert!(off.len() >= 10);
        // Recorded voices leave some stops without a burst.
        assert!(off[off.len() * 2 / 3] <= 10.0, "{name}: {off:?}");
    }
}

#[test]
fn speed_and_pitch_are_obeyed() {
    let Some(voice) = installed(FliteVoice::new("slt")) else {
        return;
    };
    let said = |rate: f32, pitch: f32| {
        let delivery = Delivery {
            rate,
            pitch,
            ..Delivery::default()
        };
        let said = voice.speak("we were away all year", &delivery, &Cancel::new());
        said.expect("it speaks").samples
    };
    let normal = said(1.0, 0.0);
    let length = |samples: &[f32]| samples.len() as f32;
    assert!((1.7..2.3).contains(&(length(&normal) / length(&said(2.0, 0.0)))));
    assert!((1.7..2.3).contains(&(length(&said(0.5, 0.0)) / length(&normal))));
    let crossings = |samples: &[f32]| {
        // Of the lowest frequencies: the mean over 4 ms.
        let smooth: Vec<f32> = samples.windows(64).map(|w| w.iter().sum::<f32>()).collect();
        smooth
            .windows(2)
            .filter(|w| (w[0] < 0.0) != (w[1] < 0.0))
            .count() as f32
    };
    let up = crossings(&said(1.0, 7.0)) / crossings(&normal);
    assert!(up > 1.2, "{up}");
    assert_eq!(
        said(1.0, 0.0).len(),
        normal.len(),
        "what others set does not stay"
    );
}

#[test]
fn cancelled_speech_ends_soon() {
    let Some(voice) = installed(FliteVoice::new("slt")) else {
        return;
    };
    // Some 15 s of speech take Flite 400 ms.
    let long = "never ending words of speech ".repeat(8);
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let speaking = scope.spawn(|| {
            let answer = voice.speak(&long, &Delivery::default(), &cancel);
            (answer.err(), Instant::now())
        });
        thread::yield_now();
        let asked = Instant::now();
        cancel.cancel();
        let (answer, ended) = speaking.join().expect("no panic");
        println!("{:?} after it was cancelled", ended - asked);
        assert_eq!(answer, Some(VoiceError::Cancelled));
    });
    let begun = Instant::now();
    assert!(!say(&voice, "hello").samples.is_empty());
    println!("{:?} for the next word", begun.elapsed());
}

#[test]
fn bad_input_is_sensible_speech_or_none() {
    let Some(voice) = installed(FliteVoice::new("slt")) else {
        return;
    };
    for nothing in ["", " ", "\0", "...", "\u{1}\u{7f}", "你好", "🎉"] {
        assert!(say(&voice, nothing).samples.is_empty(), "{nothing:?}");
    }
    for odd in [
        "a\0b",
        "\u{202e}hello",
        "hi 👩‍👩‍👧‍👦",
        "<speak>&amp;",
        "$%^#@ x",
        &"x".repeat(300),
        &"9".repeat(300),
    ] {
        assert!(!say(&voice, odd).samples.is_empty(), "{odd:?}");
    }
    let error = FliteVoice::new("tenor")
        .err()
        .expect("no voice")
        .to_string();
    assert!(error.contains("tenor") && error.contains("slt"), "{error}");
}

#[test]
fn all_its_voices_speak_in_turn() {
    for info in flite::voices() {
        let Some(voice) = installed(FliteVoice::new(&info.name)) else {
            return;
        };
        assert_eq!(voice.name(), info.name);
        let said = say(&voice, "hello");
        let spelled: String = said.phones.iter().map(|p| p.ipa.as_str()).collect();
        assert_eq!(spelled, "həlˈoʊ");
    }
}
