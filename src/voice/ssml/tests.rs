// SPDX-License-Identifier: MPL-2.0
//! Documents, and what is spoken of them.

use super::*;
use proptest::prelude::*;

fn passages(mode: Ssml, text: &str, piece: usize) -> Vec<Result<Passage, VoiceError>> {
    let mut source = Source::new(mode, 1.0);
    let mut found = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(piece) {
        source.push(&part.iter().collect::<String>());
        found.extend(std::iter::from_fn(|| source.next_passage()));
    }
    source.finish();
    found.extend(std::iter::from_fn(|| source.next_passage()));
    assert_eq!(source.waiting(), 0);
    found
}

fn spoken(text: &str) -> Vec<Passage> {
    let found = passages(Ssml::Strict, text, 7);
    found.into_iter().map(|p| p.expect("a document")).collect()
}

fn texts(found: &[Passage]) -> Vec<&str> {
    found.iter().map(|p| p.text.as_str()).collect()
}

#[test]
fn a_document_becomes_clauses_with_places() {
    let text =
        "\n<speak>One &amp; two. <s>Three</s><p>Four</p> five<break time='1.5s'/> six</speak>";
    let found = spoken(text);
    assert_eq!(
        texts(&found),
        ["One & two.", "Three", "Four", "five", "six"]
    );
    let pauses: Vec<_> = found.iter().map(|p| p.pause).collect();
    assert_eq!(pauses, [None, Some(0.4), Some(0.7), Some(1.5), Some(0.02)]);
    for passage in &found[1..] {
        let at = passage.origin.of(0) as usize;
        assert_eq!(&text[at..at + passage.text.len()], passage.text);
        assert_eq!(passage.origin.of(2), at as u64 + 2);
    }
    assert_eq!(found[0].origin.of(0), 8);
}

#[test]
fn styles_add_up_and_divide_clauses() {
    let found = spoken(
        "<speak xml:lang='en-GB'>a <prosody rate='80%' pitch='+2st'>b <prosody rate='50%' volume='-6dB'>c</prosody></prosody> <voice name='rms'>d</voice><lang xml:lang='de'>e</lang></speak>",
    );
    assert_eq!(texts(&found), ["a", "b", "c", "d", "e"]);
    let rates: Vec<_> = found.iter().map(|p| p.style.rate).collect();
    assert_eq!(rates, [1.0, 0.8, 0.4, 1.0, 1.0]);
    assert_eq!(found[2].style.pitch, 2.0);
    assert!((found[2].style.volume - 0.5).abs() < 0.01);
    assert_eq!(found[3].style.voice.as_deref(), Some("rms"));
    assert_eq!(found[4].style.language.as_deref(), Some("de"));
    assert!(
        found
            .iter()
            .all(|p| p.style.hint.as_deref() == Some("en-GB"))
    );
    assert!(
        found.iter().all(|p| p.pause == Some(0.02)),
        "no pause within"
    );
}

#[test]
fn marks_stand_before_what_follows_them() {
    let found = spoken(
        "<speak><mark name='a'/>One <mark name='b'/> two. <mark name='c'/>Three<break/><mark name='d'/><mark name='e'/></speak>",
    );
    assert_eq!(texts(&found), ["One  two.", "Three"]);
    let name = |n: &str| n.to_owned();
    assert_eq!(found[0].marks, [(0, name("a")), (5, name("b"))]);
    assert_eq!(
        found[1].marks,
        [
            (0, name("c")),
            (usize::MAX, name("d")),
            (usize::MAX, name("e"))
        ]
    );
    let found = spoken("<speak><mark name='only'/></speak>");
    assert_eq!((found.len(), found[0].marks.len()), (1, 1));
    let found = spoken("<speak><break time='2s'/></speak>");
    assert_eq!((texts(&found), found[0].pause), (vec![""], Some(2.0)));
}

#[test]
fn what_is_said_in_place_of_what_is_written_keeps_its_place() {
    let found = spoken(
        "<speak>The <sub alias='World Wide Web'>WWW</sub> of <say-as interpret-as='characters'>abc</say-as> <say-as interpret-as='ordinal'>22</say-as> <phoneme ph='təˈmeɪtoʊ'>tomato</phoneme> <say-as interpret-as='date'>May 3</say-as></speak>",
    );
    assert_eq!(texts(&found), ["The WWW of abc 22 tomato May 3"]);
    let text = |t: &str| Say::Text(t.to_owned());
    let phonemes = Say::Phonemes {
        alphabet: "ipa".into(),
        phonemes: "təˈmeɪtoʊ".into(),
    };
    assert_eq!(
        found[0].say,
        [
            (4..7, text("World Wide Web")),
            (11..14, text("A B C")),
            (15..17, text("22nd")),
            (18..24, phonemes)
        ]
    );
}

#[test]
fn what_is_broken_is_an_error_or_plain_text() {
    let deep = format!(
        "<speak>{}x{}</speak>",
        "<p>".repeat(100),
        "</p>".repeat(100)
    );
    let bomb =
        "<!DOCTYPE speak [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><speak>&b;</speak>";
    let large = format!("<speak>{}</speak>", "x ".repeat(600_000));
    for (broken, said) in [
        ("<speak>one <b>two</speak>", "1:"),
        ("<speak>one", "never closed"),
        ("<html>one</html>", "<html>, expected <speak>"),
        ("one", "1:1"),
        ("<speak><mark/></speak>", "no name"),
        ("<speak><break time='soon'/></speak>", "1:8"),
        (deep.as_str(), "64 elements"),
        (bomb, "DTD"),
        (large.as_str(), "larger than 1024 kB"),
        ("<speak>&unknown;</speak>", "unknown"),
    ] {
        let found = passages(Ssml::Strict, broken, 50_000);
        assert_eq!(found.len(), 1, "{broken:.80}");
        let error = found[0].as_ref().expect_err("broken").to_string();
        assert!(error.contains("SSML") && error.contains(said), "{error}");
    }
    let plain = |text: &str| -> Vec<String> {
        let found = passages(Ssml::OrPlain, text, 5);
        found.into_iter().map(|p| p.expect("text").text).collect()
    };
    assert_eq!(plain("1 < 2. Yes <b>"), ["1 < 2.", "Yes <b>"]);
    assert_eq!(plain("<speak>R&amp;B. Yes"), ["R&    B.", "Yes"]);
    assert_eq!(plain("<speak>One</speak>"), ["One"]);
    assert!(plain(" \n").is_empty());
    assert!(passages(Ssml::Strict, "", 5).is_empty());
}

#[test]
fn plain_text_does_not_wait_for_its_end() {
    let mut source = Source::new(Ssml::OrPlain, 1.0);
    source.push(" ");
    source.push("Hello there. I");
    assert!(source.next_passage().is_some());
    let mut source = Source::new(Ssml::Strict, 1.0);
    source.push("<speak>Hello there. I am</speak>");
    assert!(source.next_passage().is_none());
}

proptest! {
    #[test]
    fn nothing_upsets_it(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<speak>", "</speak>", "<p>", "</p>", "<s>", "</s>", "<break/>", "<break time='1s'/>",
            "<mark name='x'/>", "<sub alias='b c'>", "</sub>", "<prosody rate='fast'>",
            "</prosody>", "<phoneme ph='a'>", "</phoneme>", " ", "Hi there. ", "word", "é", "&amp;",
            "<", "a long sentence that goes on and on, as long as it can, until it has to be cut somewhere ",
        ]), 0..25),
        whole in any::<bool>(),
    ) {
        let inside = parts.concat();
        let text = if whole { format!("<speak>{inside}</speak>") } else { inside };
        for passage in passages(Ssml::OrPlain, &text, 9).into_iter().flatten() {
            let mut at = 0;
            for (range, _) in &passage.say {
                prop_assert!(range.start >= at && passage.text.get(range.clone()).is_some());
                at = range.end;
            }
            for byte in 0..=passage.text.len() {
                prop_assert!(passage.origin.of(byte) <= text.len() as u64);
            }
        }
    }
}
