// SPDX-License-Identifier: MPL-2.0
//! `ttssrc` that is not live: text becomes a stream with exact times, and an end.

mod common;

use std::io::Write;

use common::{speech::*, *};
use gst::prelude::*;

const ANY: &str = "audio/x-raw";

fn seconds(ns: u64) -> f64 {
    ns as f64 * 1e-9
}

#[test]
fn text_becomes_clauses_words_and_an_end() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[(
        "text",
        "Good morning. My boat is blue, and your map is new.",
    )]);
    let got = play(&element, ANY);
    assert_eq!(got.complaints, [""; 0]);
    let stream = got.stream.checked(false);
    assert_eq!(stream.info().rate(), 16_000, "Flite's");
    assert_eq!(stream.clause_at[0], 0);
    assert!(stream.buffers.iter().all(is_speech));
    // The messages say the same as the events, in order.
    let order: Vec<&str> = got.told.iter().map(|s| s.name().as_str()).collect();
    assert_eq!(order[..2], ["utterance-started", "clause-started"]);
    assert_eq!(order.last(), Some(&"utterance-finished"));
    let words = named(&got.told, "word");
    let texts: Vec<String> = words.iter().map(|w| field(w, "text")).collect();
    let expected = "Good morning My boat is blue and your map is new";
    assert_eq!(texts.join(" "), expected);
    let text = "Good morning. My boat is blue, and your map is new.";
    for word in &words {
        let at = field::<u64>(word, "text-offset") as usize;
        assert!(text[at..].starts_with(&field::<String>(word, "text")));
    }
    let times: Vec<u64> = words.iter().map(|w| field(w, "running-time")).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    let clauses = named(&got.told, "clause-started");
    assert_eq!(clauses.len(), stream.clauses.len());
    let lasts: u64 = clauses.iter().map(|c| field::<u64>(c, "duration")).sum();
    let finished = named(&got.told, "utterance-finished");
    let duration: u64 = field(finished[0], "duration");
    assert!(lasts.abs_diff(duration) < 1_000_000);
    // The estimate is one.
    let estimate: u64 = field(&got.told[0], "duration-estimate");
    let ratio = seconds(estimate) / seconds(duration);
    assert!((0.4..2.5).contains(&ratio), "{ratio}");
}

/// What downstream wants of rate and format changes neither words nor their times.
#[test]
fn other_rates_and_formats_say_the_same_at_the_same_time() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let spoken = |caps: &str| {
        let element = ttssrc(&[
            ("text", "One boat. Zwei Boote, three boats."),
            ("voice", "en"),
        ]);
        let got = play(&element, caps);
        assert_eq!(got.complaints, [""; 0]);
        got.stream.checked(false);
        got
    };
    let usual = spoken(ANY);
    assert_eq!(usual.stream.info().rate(), 22_050, "eSpeak NG's");
    assert_eq!(usual.stream.info().format(), gst_audio::AudioFormat::S16le);
    let level =
        |sound: &[f32]| (sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32).sqrt();
    for caps in [
        "audio/x-raw,rate=48000,format=F32LE",
        "audio/x-raw,rate=16000,format=S16LE",
        "audio/x-raw,rate=8000",
    ] {
        let got = spoken(caps);
        let (a, b) = (level(&got.stream.sound()), level(&usual.stream.sound()));
        // At 8 kHz what lies above 4 kHz is missing.
        assert!((0.85..1.05).contains(&(a / b)), "{caps}: {a}, {b}");
        let words = |told: &[gst::Structure]| -> Vec<(String, u64)> {
            let words = named(told, "word").into_iter();
            words
                .map(|w| (field(w, "text"), field(w, "running-time")))
                .collect()
        };
        let (theirs, ours) = (words(&usual.told), words(&got.told));
        assert_eq!(theirs.len(), ours.len());
        for ((text, at), (same, when)) in theirs.iter().zip(&ours) {
            assert_eq!(text, same);
            // eSpeak NG does not speak a text twice alike to the sample.
            assert!(at.abs_diff(*when) < 10_000_000, "{text}: {at}, {when}");
        }
    }
}

#[test]
fn what_is_said_before_the_start_follows_in_order() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[("text", "Four.")]);
    let first = say(&element, "One.");
    element.set_property("language", "de");
    let second = say(&element, "Zwei.");
    element.set_property("language", None::<&str>);
    let third = append(&element, 0, "Thr");
    assert_eq!(append(&element, third, "ee."), third);
    finish_text(&element, third);
    let got = play(&element, ANY);
    assert_eq!(got.complaints, [""; 0]);
    let stream = got.stream.checked(false);
    let said: Vec<_> = stream
        .clauses
        .iter()
        .map(|c| (c.utterance_id, c.text.as_str(), c.language.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (first, "One.", "en"),
            (second, "Zwei.", "de"),
            (third, "Three.", "en"),
            (third + 1, "Four.", "en"),
        ]
    );
    let ended: Vec<u64> = named(&got.told, "utterance-finished")
        .iter()
        .map(|s| field(s, "utterance-id"))
        .collect();
    assert_eq!(ended, [first, second, third, third + 1]);
}

#[test]
fn the_duration_is_known_and_a_seek_goes_to_the_sample() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let text = "One two three. Four five six. Seven eight nine.";
    // Flite takes the same time for a text each time; eSpeak NG does not.
    let element = ttssrc(&[("text", text), ("voice", "slt")]);
    let whole = play(&element, ANY).stream;
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .build()
        .expect("fakesink");
    pipeline.add_many([&element, &sink]).expect("added");
    element.link(&sink).expect("linked");
    pipeline.set_state(gst::State::Paused).expect("it starts");
    pipeline
        .state(gst::ClockTime::from_seconds(20))
        .0
        .expect("prerolled");
    // It is made in the background; see the message DURATION_CHANGED.
    let duration = loop {
        if let Some(duration) = pipeline.query_duration::<gst::ClockTime>() {
            break duration;
        }
        std::thread::yield_now();
    };
    let bytes = pipeline
        .query_duration::<gst::format::Bytes>()
        .map(u64::from);
    let samples = bytes.expect("known") / 2;
    assert_eq!(samples, whole.samples());
    assert_eq!(
        samples.mul_div_floor(1_000_000_000, 16_000),
        Some(duration.nseconds())
    );

    let stream = record(&element.static_pad("src").expect("a pad"));
    let to = gst::ClockTime::from_mseconds(1_700);
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    pipeline.seek_simple(flags, to).expect("seekable");
    pipeline
        .state(gst::ClockTime::from_seconds(20))
        .0
        .expect("prerolled again");
    assert!(
        pipeline
            .seek(
                2.0,
                flags,
                gst::SeekType::Set,
                to,
                gst::SeekType::None,
                gst::ClockTime::NONE
            )
            .is_err(),
        "speech at another speed has its own property"
    );
    let bus = pipeline.bus().expect("pipelines have one");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &ends);
    assert!(matches!(
        message.as_ref().map(|m| m.view()),
        Some(gst::MessageView::Eos(_))
    ));
    pipeline.set_state(gst::State::Null).expect("it stops");
    let stream = stream.lock().expect("no panic").clone();
    let first = stream.buffers.first().expect("buffers");
    assert_eq!(first.offset(), 27_200, "1.7 s at 16 kHz");
    assert_eq!(first.pts(), Some(to));
    // Places within a clause are those of the whole.
    let place = |stream: &Stream, sample: u64| {
        let buffer = stream
            .buffers
            .iter()
            .find(|b| b.offset() <= sample && sample < b.offset_end());
        let buffer = buffer.expect("it is in there");
        let place = gstsonic::metas::SpeechPlace::of(buffer)
            .expect("speech")
            .expect("valid");
        (place.clause, place.offset + sample - buffer.offset())
    };
    for sample in [27_200, 30_000, 40_000] {
        assert_eq!(place(&stream, sample), place(&whole, sample));
    }
    let end = stream.buffers.last().map(|b| b.offset_end());
    assert_eq!(end, Some(whole.samples()));
}

#[test]
fn a_file_is_read_as_it_is_spoken() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"\xEF\xBB\xBFOne b\xffoat. ")
        .expect("written");
    // Far more than is spoken here; none of it may be waited for.
    for _ in 0..200_000 {
        file.write_all(b"And one boat more, which is blue. ")
            .expect("written");
    }
    let name = file.path().to_str().expect("a plain name");
    let element = ttssrc(&[("location", name), ("voice", "en"), ("num-buffers", "200")]);
    let got = play(&element, ANY);
    let first = &got.stream.clauses[0].text;
    assert!(first.starts_with("One boat."), "{first}");
    let [warning] = &got.complaints[..] else {
        panic!("{:?}", got.complaints);
    };
    assert!(
        warning.contains("location") && warning.contains("byte 8"),
        "{warning}"
    );
    got.stream.checked(true);
    let started = named(&got.told, "utterance-started");
    assert_eq!(field::<u64>(started[0], "text-length"), 6_800_014);
}

#[test]
fn captions_are_written_as_they_are_spoken() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let text = "Tom & Jerry. This is a sentence that is much too long for a single caption, \
                because it goes on and on.";
    for (name, head) in [
        ("a.vtt", "WEBVTT\n\n00:00:00.0"),
        ("a.srt", "1\n00:00:00,0"),
    ] {
        let path = folder.path().join(name);
        let element = ttssrc(&[("text", text)]);
        element.set_property("captions-location", path.to_str().expect("a plain name"));
        let got = play(&element, ANY);
        let written = std::fs::read_to_string(&path).expect("captions");
        assert!(written.starts_with(head), "{written}");
        let cues: Vec<&str> = written
            .split("\n\n")
            .filter(|c| c.contains("-->"))
            .collect();
        assert!(cues.len() >= 2, "{written}");
        let shown: Vec<String> = cues
            .iter()
            .flat_map(|cue| cue.lines().skip_while(|l| !l.contains("-->")).skip(1))
            .map(|line| line.replace("&amp;", "&"))
            .collect();
        assert_eq!(shown.join(" "), text);
        // The first one begins when its first word does.
        let word: u64 = field(named(&got.told, "word")[0], "running-time");
        assert_eq!(
            cues[0].matches(&format!("{:03}", word / 1_000_000)).count(),
            1
        );
    }
}

/// The face behind it moves by the phones, not by what the sound tells.
#[test]
fn a_face_speaks_the_phones() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let description = "ttssrc text=\"My mom may buy a map. And a boat.\" ! sonicanimator \
         ! video/x-raw,width=64,height=48,framerate=25/1 ! fakesink name=sink sync=false";
    let pipeline = gst::parse::launch(description).expect("valid");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let pad = pipeline.by_name("sink").and_then(|s| s.static_pad("sink"));
    let stream = record(&pad.expect("a sink"));
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().expect("pipelines have one");
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(40), &ends);
    assert!(matches!(
        message.as_ref().map(|m| m.view()),
        Some(gst::MessageView::Eos(_))
    ));
    pipeline.set_state(gst::State::Null).expect("it stops");
    let frames = &stream.lock().expect("no panic").buffers;
    let count = |origin: &str| {
        let of_it = |f: &&gst::Buffer| meta(f).get::<&str>("origin") == Ok(origin);
        frames.iter().filter(of_it).count()
    };
    // In the pauses it is idle.
    let (phones, idle) = (count("phones"), count("idle"));
    assert_eq!(phones + idle, frames.len());
    assert!(frames.len() > 50 && phones > 2 * idle, "{phones}, {idle}");
}

#[test]
fn bad_settings_are_errors_that_name_property_and_cure() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_str().expect("a plain name");
    let empty = format!("{folder}/empty.txt");
    std::fs::write(&empty, "").expect("written");
    let nowhere = format!("{folder}/no/a.vtt");
    for (properties, words) in [
        (
            &[("text", "a"), ("voice", "klingon-opera")][..],
            ["`voice`", "espeak-ng --voices"],
        ),
        (
            &[("text", "a"), ("language", "x-none")],
            ["`language`", "espeak-ng --voices"],
        ),
        (&[("text", "a"), ("voice", "a.onnx")], ["`voice`", "a.onnx"]),
        (
            &[("location", "/no/such.txt")],
            ["`location`", "/no/such.txt"],
        ),
        (&[("location", folder)], ["`location`", "not a file"]),
        (
            &[("text", "a"), ("captions-location", "a.txt")],
            ["`captions-location`", ".vtt"],
        ),
        (
            &[("text", "a"), ("captions-location", &nowhere)],
            ["`captions-location`", "no/a.vtt"],
        ),
        (&[], ["`text`", "`location`"]),
    ] {
        let got = play(&ttssrc(properties), ANY);
        let [error] = &got.complaints[..] else {
            panic!("{properties:?}: {:?}", got.complaints);
        };
        assert!(error.starts_with("error: "), "{error}");
        assert!(words.iter().all(|w| error.contains(w)), "{error}");
    }
    for text in ["", " \n\t", "\u{1}\u{7f}\u{200b}", "…!?"] {
        let got = play(&ttssrc(&[("text", text)]), ANY);
        let [warning] = &got.complaints[..] else {
            panic!("{text:?}: {:?}", got.complaints);
        };
        assert!(warning.contains("nothing in the text"), "{warning}");
        let ends = named(&got.told, "utterance-finished");
        assert_eq!(field::<u64>(ends[0], "duration"), 0);
    }
    let got = play(&ttssrc(&[("location", &empty)]), ANY);
    assert_eq!(got.complaints.len(), 1, "{:?}", got.complaints);
}

#[test]
fn odd_text_is_spoken_as_far_as_it_goes() {
    let _watchdog = watchdog(120);
    if !have_voices() {
        return;
    }
    let endless = "x".repeat(20_000);
    for (text, buffers) in [
        ("Fine 🙂🙂 day\u{1}\u{8}!", "-1"),
        ("שלום עולם. مرحبا بالعالم.", "-1"),
        ("你好，世界。 Hello.", "-1"),
        (endless.as_str(), "300"),
    ] {
        let element = ttssrc(&[("text", text), ("num-buffers", buffers)]);
        let got = play(&element, ANY);
        assert_eq!(got.complaints, [""; 0], "{text:.20}");
        got.stream.checked(buffers != "-1");
        let loud = got.stream.sound().iter().filter(|s| s.abs() > 0.02).count();
        assert!(loud as u64 > got.stream.samples() / 10, "{text:.20}");
    }
}

#[test]
fn it_starts_again_and_leaves_nothing_behind() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[("text", "One boat.")]);
    let (first, second) = (play(&element, ANY), play(&element, ANY));
    assert_eq!(first.stream.samples(), second.stream.samples());
    let id = |whole: &Whole| field::<u64>(&whole.told[0], "utterance-id");
    assert!(id(&first) < id(&second), "ids are not used twice");
    let stats: gst::Structure = element.property("stats");
    assert_eq!(stats.name(), "application/x-ttssrc-stats");
    assert_eq!(stats.n_fields(), 10);
    assert_eq!(stats.get::<u64>("utterances-finished"), Ok(1));
    let weak = element.downgrade();
    drop(element);
    assert!(weak.upgrade().is_none());
}
