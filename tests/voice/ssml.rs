// SPDX-License-Identifier: MPL-2.0
//! SSML, spoken.

use crate::installed;
use sonic_engine::voice::{
    Cancel, Clause, Settings, Speaker, Ssml, VoiceError, espeak::Espeak, flite::FliteVoice,
};

fn both() -> bool {
    installed(Espeak::get()).is_some() && installed(FliteVoice::new("slt")).is_some()
}

fn spoken_by(voice: Option<&str>, text: &str) -> Vec<Clause> {
    let mut speaker = Speaker::new(Settings {
        voice: voice.map(Into::into),
        ssml: Ssml::Strict,
        ..Settings::default()
    });
    speaker.append(text);
    speaker.finish();
    let cancel = Cancel::new();
    let clauses: Vec<Clause> = std::iter::from_fn(|| speaker.next_clause(&cancel))
        .map(|clause| clause.expect("it speaks"))
        .collect();
    for clause in &clauses {
        for word in &clause.words {
            let at = word.at as usize;
            assert_eq!(
                &text[at..at + word.text.len()],
                word.text,
                "words lie in the document"
            );
        }
        assert!(
            clause
                .marks
                .iter()
                .all(|m| m.start <= clause.samples.len() as u64)
        );
    }
    clauses
}

fn seconds(clause: &Clause) -> f32 {
    clause.samples.len() as f32 / clause.rate as f32
}

fn phones(clause: &Clause) -> String {
    clause
        .phones
        .iter()
        .map(|p| p.ipa.trim_matches('ˈ'))
        .collect()
}

#[test]
fn marks_come_with_the_words_they_stand_before() {
    if !both() {
        return;
    }
    for voice in ["slt", "espeak:en"] {
        let text = "<speak><mark name='first'/>One two <mark name='here'/>three. Four <mark name='last'/></speak>";
        let clauses = spoken_by(Some(voice), text);
        assert_eq!(clauses.len(), 2);
        let clause = &clauses[0];
        let at = |name: &str| {
            clause
                .marks
                .iter()
                .find(|m| m.name == name)
                .map(|m| m.start)
        };
        assert_eq!(at("first"), Some(clause.words[0].start));
        assert_eq!(clause.words[2].text, "three");
        assert_eq!(at("here"), Some(clause.words[2].start));
        let last = &clauses[1].marks[0];
        assert_eq!(
            (last.name.as_str(), last.start),
            ("last", clauses[1].samples.len() as u64)
        );
    }
}

#[test]
fn breaks_and_prosody_are_heard() {
    if !both() {
        return;
    }
    let clauses = spoken_by(
        Some("slt"),
        "<speak>One<break time='2s'/>one <prosody rate='50%'>one</prosody> <prosody volume='-20dB'>one</prosody></speak>",
    );
    assert_eq!(clauses.len(), 4);
    let long: Vec<f32> = clauses.iter().map(seconds).collect();
    assert!((long[0] - long[1] - 1.98).abs() < 0.02, "{long:?}");
    assert!((1.6..2.4).contains(&(long[2] / long[1])), "{long:?}");
    let level = |c: &Clause| c.samples.iter().map(|s| s * s).sum::<f32>().sqrt();
    let fainter = level(&clauses[3]) / level(&clauses[1]);
    assert!((fainter - 0.1).abs() < 0.02, "{fainter}");
    let pause = spoken_by(None, "<speak><break time='500ms'/></speak>");
    assert_eq!((pause.len(), seconds(&pause[0])), (1, 0.5));
    assert!(pause[0].samples.iter().all(|s| *s == 0.0));
    assert_eq!(pause[0].phones.len(), 1);
}

#[test]
fn phonemes_are_said_by_who_can_and_the_text_is_told() {
    if !both() {
        return;
    }
    let ipa = "<speak>A <phoneme ph='ˈbɑːbə'>xyz</phoneme>, you.</speak>";
    let own = "<speak>A <phoneme alphabet='x-espeak' ph=\"b'A:b@\">xyz</phoneme>, you.</speak>";
    for text in [ipa, own] {
        let clauses = spoken_by(Some("espeak:en-us"), text);
        let words: Vec<_> = clauses[0].words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words, ["A", "xyz", "you"]);
        assert!(
            phones(&clauses[0]).contains("bɑːbə"),
            "{}",
            phones(&clauses[0])
        );
    }
    // Others read what is written.
    let clauses = spoken_by(Some("espeak:de"), ipa);
    assert!(
        !phones(&clauses[0]).contains("bɑːb"),
        "{}",
        phones(&clauses[0])
    );
    let clauses = spoken_by(Some("slt"), &own.replace("xyz", "tea"));
    assert!(
        phones(&clauses[0]).contains("tiː"),
        "{}",
        phones(&clauses[0])
    );
    // Without SSML, brackets are nothing special.
    let mut speaker = Speaker::new(Settings {
        voice: Some("espeak:en".into()),
        ..Settings::default()
    });
    speaker.append("A [[b'A:b@]].");
    speaker.finish();
    let clause = speaker
        .next_clause(&Cancel::new())
        .expect("a clause")
        .expect("it speaks");
    assert!(!phones(&clause).contains("bɑːbə"), "{}", phones(&clause));
}

#[test]
fn what_is_said_in_another_way_is_one_word() {
    if !both() {
        return;
    }
    let clauses = spoken_by(
        Some("espeak:en-us"),
        "<speak>The <sub alias='World Wide Web'>WWW</sub> has <say-as interpret-as='digits'>42</say-as> parts</speak>",
    );
    let words: Vec<_> = clauses[0].words.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(words, ["The", "WWW", "has", "42", "parts"]);
    let spelled = phones(&clauses[0]);
    assert!(
        spelled.contains("wɜːldwaɪdwɛb") && spelled.contains("foːɹtuː"),
        "{spelled}"
    );
}

#[test]
fn languages_and_voices_change() {
    if !both() {
        return;
    }
    let languages = |clauses: &[Clause]| -> Vec<String> {
        clauses
            .iter()
            .map(|c| format!("{} {}", c.language, c.rate))
            .collect()
    };
    let text = "<speak>Hello <lang xml:lang='de'>Guten Tag</lang> <voice name='nobody'>you</voice> <voice name='espeak:en+f2'>there</voice></speak>";
    let clauses = spoken_by(None, text);
    assert_eq!(
        languages(&clauses),
        ["en 16000", "de 22050", "en 16000", "en-gb 22050"]
    );
    let clauses = spoken_by(
        Some("rms"),
        "<speak xml:lang='fr'>Hello <lang xml:lang='en-GB'>you</lang></speak>",
    );
    assert_eq!(
        languages(&clauses),
        ["en-us 16000", "en-GB 16000"],
        "it speaks English already"
    );
    let clauses = spoken_by(None, "<speak xml:lang='fr'>Bonjour</speak>");
    assert_eq!(languages(&clauses), ["fr 22050"]);
}

#[test]
fn a_broken_document_is_told_once() {
    let mut speaker = Speaker::new(Settings {
        ssml: Ssml::Strict,
        ..Settings::default()
    });
    speaker.append("<speak>One <b>two");
    assert!(speaker.next_clause(&Cancel::new()).is_none());
    speaker.append("</speak>");
    speaker.finish();
    let error = speaker.next_clause(&Cancel::new()).expect("an answer");
    assert!(matches!(error, Err(VoiceError::Ssml(_))), "{error:?}");
    assert!(speaker.next_clause(&Cancel::new()).is_none());
}
