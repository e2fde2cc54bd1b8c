// SPDX-License-Identifier: MPL-2.0
//! `ttssrc` with SSML: pauses, marks in time, and what happens where it is broken.

mod common;

use common::{speech::*, *};
use gst::prelude::*;

const ANY: &str = "audio/x-raw";

#[test]
fn marks_are_told_when_they_are_reached() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let text = r#"<speak>One boat <mark name="here"/> is blue. <break time="800ms"/>
        Two <sub alias="maps">M</sub> are new.<mark name="end"/></speak>"#;
    // Another rate than the voice's: marks are brought to it like words.
    for caps in [ANY, "audio/x-raw,rate=48000"] {
        let got = play(&ttssrc(&[("text", text), ("ssml", "strict")]), caps);
        assert_eq!(got.complaints, [""; 0]);
        let time = |name: &str, key: &str, value: &str| -> u64 {
            let told = named(&got.told, name).into_iter();
            let mut found = told.filter(|s| field::<String>(s, key) == value);
            field(found.next().expect(value), "running-time")
        };
        let (here, end) = (time("mark", "name", "here"), time("mark", "name", "end"));
        let word = |text: &str| time("word", "text", text);
        assert!(word("boat") < here, "{caps}");
        assert!(
            here.abs_diff(word("is")) < 20_000_000,
            "{caps}: with its word"
        );
        assert!(
            word("Two") > word("blue") + 800_000_000,
            "{caps}: the break"
        );
        let finished = named(&got.told, "utterance-finished");
        let duration: u64 = field(finished[0], "duration");
        assert!(end > word("new") && end <= duration, "{caps}");
        assert!(
            word("M") < word("are"),
            "{caps}: the word as it was written"
        );
    }
}

#[test]
fn broken_ssml_is_an_error_or_is_spoken_without_its_tags() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let text = "<speak>Hello <break world.</speak>";
    let strict = play(&ttssrc(&[("text", text), ("ssml", "strict")]), ANY);
    assert!(
        strict.complaints.iter().any(|c| c.contains("`ssml`")),
        "{:?}",
        strict.complaints
    );
    assert!(named(&strict.told, "word").is_empty(), "nothing is spoken");
    let plain = play(&ttssrc(&[("text", text), ("ssml", "or-plain")]), ANY);
    let words = named(&plain.told, "word");
    let said: Vec<String> = words.iter().map(|w| field(w, "text")).collect();
    assert!(said.contains(&"Hello".to_owned()), "{said:?}");
    assert_eq!(named(&plain.told, "utterance-finished").len(), 1);
}

/// Live, one broken text costs nothing but itself.
#[test]
fn a_live_stream_survives_broken_ssml() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[("ssml", "strict")]);
    let broken = say(&element, "<speak>one</sprak>");
    let whole = say(&element, "<speak>Two boats.</speak>");
    element.set_property("is-live", true);
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .build()
        .expect("fakesink");
    pipeline.add_many([&element, &sink]).expect("added");
    element.link(&sink).expect("linked");
    let bus = pipeline.bus().expect("pipelines have one");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let (mut ends, mut warned) = (Vec::new(), false);
    while ends.len() < 2 {
        let message = bus
            .timed_pop(gst::ClockTime::from_seconds(30))
            .expect("something is told");
        match message.view() {
            gst::MessageView::Error(e) => panic!("{e:?}"),
            gst::MessageView::Warning(w) => warned |= w.error().message().contains("`ssml`"),
            gst::MessageView::Element(e) => {
                let told = e.structure().expect("a structure");
                if told.name().starts_with("utterance-") && told.name() != "utterance-started" {
                    ends.push((field::<u64>(told, "utterance-id"), told.name().to_string()));
                }
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert!(warned);
    let end = |id: u64| {
        let end = ends.iter().find(|(of, _)| *of == id);
        end.map(|(_, name)| name.as_str())
    };
    assert_eq!(end(whole), Some("utterance-finished"));
    assert_eq!(end(broken), Some("utterance-interrupted"));
}
