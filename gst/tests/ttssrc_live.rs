// SPDX-License-Identifier: MPL-2.0
//! `ttssrc` that is live: it keeps time, never ends, and falls silent when it is told to.

mod common;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use common::{speech::*, *};
use gst::prelude::*;

const BUFFER: gst::ClockTime = gst::ClockTime::from_mseconds(20);

#[test]
fn silence_keeps_time_with_the_clock() {
    let _watchdog = watchdog(30);
    let mut live = Live::new(&[]);
    for k in 0..100 {
        let buffer = live.next();
        assert_eq!(buffer.pts(), Some(k * BUFFER));
        assert_eq!(buffer.duration(), Some(BUFFER));
        assert!(buffer.flags().contains(gst::BufferFlags::GAP));
        assert!(
            live.clock.time() < (k + 1) * BUFFER,
            "not ahead of its time"
        );
        assert!(live.clock.time() >= k * BUFFER);
    }
    let latency = live.h.query_latency();
    assert_eq!(latency, Some(BUFFER));
    let (stream, told) = live.stop();
    stream.checked(false);
    assert_eq!(told.len(), 0);
}

#[test]
fn idle_may_be_noise() {
    let _watchdog = watchdog(30);
    let mut live = Live::new(&[("idle", "comfort-noise")]);
    for _ in 0..50 {
        let buffer = live.next();
        assert!(!buffer.flags().contains(gst::BufferFlags::GAP));
    }
    let sound = live.stop().0.sound();
    let rms = (sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32).sqrt();
    assert!((0.0005..0.002).contains(&rms), "{rms}");
}

#[test]
fn what_is_said_begins_with_the_next_buffer_and_silence_follows() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut live = Live::new(&[("voice", "en")]);
    live.next();
    let id = say(&live.element, "One boat.");
    live.wait_for_speech();
    let begins = live.next().pts().expect("a time");
    assert_eq!(begins, BUFFER, "the second buffer");
    while is_speech(&live.next()) {}
    let end = live
        .stream
        .lock()
        .expect("no panic")
        .buffers
        .last()
        .and_then(|b| b.pts());
    // Messages wait for what is due with them.
    for _ in 0..3 {
        live.next();
    }
    let told = told(&live.bus);
    let order: Vec<&str> = told.iter().map(|s| s.name().as_str()).collect();
    assert_eq!(
        order,
        [
            "utterance-started",
            "clause-started",
            "word",
            "word",
            "utterance-finished"
        ]
    );
    assert!(told.iter().all(|s| field::<u64>(s, "utterance-id") == id));
    assert_eq!(field::<u64>(&told[0], "running-time"), begins.nseconds());
    assert_eq!(
        Some(field::<u64>(&told[4], "running-time")),
        end.map(|t| t.nseconds())
    );
    let (stream, _) = live.stop();
    stream.checked(false);
    assert_eq!(stream.clause_at, [1]);
}

/// Each is posted when the clock has come to its running time and the pipeline's latency.
#[test]
fn messages_are_posted_when_they_are_due() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let latency = gst::ClockTime::from_mseconds(250);
    let mut live = Live::new(&[("voice", "en")]);
    assert!(
        live.h
            .push_upstream_event(gst::event::Latency::new(latency))
    );
    say(&live.element, "One two three four five six, seven eight.");
    live.wait_for_speech();
    let mut seen = 0;
    let mut posted = Vec::new();
    while posted.last() != Some(&"utterance-finished".to_owned()) {
        live.next();
        let now = live.clock.time();
        for structure in told(&live.bus) {
            let due = gst::ClockTime::from_nseconds(field(&structure, "running-time")) + latency;
            assert!(now >= due && now - due <= BUFFER, "{structure} at {now}");
            posted.push(structure.name().to_string());
            seen += 1;
        }
    }
    assert!(seen >= 11, "{posted:?}");
    live.stop();
}

#[test]
fn an_interruption_falls_silent_within_a_buffer() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut live = Live::new(&[("voice", "en")]);
    let text = "One two three four five six seven eight nine ten eleven twelve.";
    let (first, second) = (say(&live.element, text), say(&live.element, "Never heard."));
    live.wait_for_speech();
    for _ in 0..60 {
        live.next();
    }
    interrupt(&live.element);
    assert_eq!(live.stream.lock().expect("no panic").interrupts, [first]);
    // What waited is answered at once.
    let at_once = told(&live.bus);
    let dropped = named(&at_once, "utterance-interrupted");
    assert_eq!(field::<u64>(dropped[0], "utterance-id"), second);
    assert_eq!(field::<u64>(dropped[0], "text-offset"), 0);
    assert!(!dropped[0].has_field("last-word"));
    let fade = live.next();
    assert!(!is_speech(&fade));
    assert_eq!(fade.size(), 2 * 220, "10 ms at 22 050 Hz");
    for _ in 0..20 {
        assert!(live.next().flags().contains(gst::BufferFlags::GAP));
    }
    let told = told(&live.bus);
    let end = named(&told, "utterance-interrupted")[0];
    assert_eq!(field::<u64>(end, "utterance-id"), first);
    assert_eq!(field::<String>(end, "reason"), "interrupt");
    // The last word that ended before: it is the one before the offset.
    let (word, offset): (String, u64) = (field(end, "last-word"), field(end, "text-offset"));
    assert!(
        text[..offset as usize].ends_with(&word),
        "{word} before {offset}"
    );
    let all: Vec<gst::Structure> = at_once.iter().chain(&told).cloned().collect();
    let heard: Vec<String> = named(&all, "word")
        .iter()
        .filter(|w| {
            let ends = field::<u64>(w, "running-time") + field::<u64>(w, "duration");
            ends <= fade.pts().expect("a time").nseconds()
        })
        .map(|w| field(w, "text"))
        .collect();
    assert_eq!(heard.last(), Some(&word));
    // Its sound may still be on its way: it is named again.
    interrupt(&live.element);
    assert_eq!(
        live.stream.lock().expect("no panic").interrupts,
        [first, first]
    );
    // It goes on with what is said next.
    let third = say(&live.element, "And now.");
    live.wait_for_speech();
    assert!(is_speech(&live.next()));
    let (stream, told) = live.stop();
    stream.checked(true);
    assert_eq!(stream.clauses.last().map(|c| c.utterance_id), Some(third));
    let end = named(&told, "utterance-interrupted")[0];
    assert_eq!(field::<String>(end, "reason"), "stop");
}

#[test]
fn a_word_may_be_finished() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut live = Live::new(&[("voice", "en"), ("finish-word", "true")]);
    let id = say(&live.element, "Understandable generalisations.");
    live.wait_for_speech();
    for _ in 0..15 {
        live.next();
    }
    interrupt(&live.element);
    assert_eq!(live.stream.lock().expect("no panic").interrupts, [0; 0]);
    while !live.next().flags().contains(gst::BufferFlags::GAP) {}
    for _ in 0..2 {
        live.next();
    }
    assert_eq!(live.stream.lock().expect("no panic").interrupts, [id]);
    let told = told(&live.bus);
    let end = named(&told, "utterance-interrupted")[0];
    assert_eq!(field::<String>(end, "last-word"), "Understandable");
    live.stop();
}

#[test]
fn streamed_text_is_spoken_before_it_is_complete() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut live = Live::new(&[("voice", "en")]);
    let id = append(&live.element, 0, "One two three. Fo");
    live.wait_for_speech();
    while is_speech(&live.next()) {}
    assert_eq!(append(&live.element, id, "ur five."), id);
    finish_text(&live.element, id);
    live.wait_for_speech();
    while is_speech(&live.next()) {}
    for _ in 0..3 {
        live.next();
    }
    let told = told(&live.bus);
    let texts: Vec<String> = named(&told, "clause-started")
        .iter()
        .map(|c| field(c, "text"))
        .collect();
    assert_eq!(texts, ["One two three.", "Four five."]);
    assert_eq!(named(&told, "utterance-finished").len(), 1);
    assert_eq!(append(&live.element, id, "Late."), 0);
    assert!(complaints(&live.bus)[0].contains("has ended"));
    assert_eq!(
        stat::<u64>(&live.element, "starved-time"),
        0,
        "it waited for text"
    );
    live.stop();
}

#[test]
fn a_voice_that_cannot_be_used_leaves_the_stream_alone() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let mut live = Live::new(&[("voice", "klingon-opera")]);
    let warnings = complaints(&live.bus);
    assert!(
        warnings[0].starts_with("warning") && warnings[0].contains("`voice`"),
        "{warnings:?}"
    );
    let bad = say(&live.element, "Nobody says this.");
    live.element.set_property("voice", "en");
    let good = say(&live.element, "But this.");
    live.wait_for_speech();
    while !is_speech(&live.next()) {}
    while is_speech(&live.next()) {}
    for _ in 0..3 {
        live.next();
    }
    let told = told(&live.bus);
    let failed = named(&told, "utterance-interrupted");
    assert_eq!(failed.len(), 1);
    assert_eq!(field::<u64>(failed[0], "utterance-id"), bad);
    assert_eq!(field::<String>(failed[0], "reason"), "error");
    let finished = named(&told, "utterance-finished");
    assert_eq!(field::<u64>(finished[0], "utterance-id"), good);
    live.stop();
}

#[test]
fn more_than_may_wait_is_refused() {
    let _watchdog = watchdog(60);
    let live = Live::new(&[]);
    assert_eq!(
        say(&live.element, &"a".repeat((1 << 20) + 1)),
        0,
        "the default"
    );
    assert_eq!(complaints(&live.bus).len(), 1);
    live.element.set_property("queue-limit", 100u64);
    assert_eq!(say(&live.element, &"a".repeat(101)), 0);
    let warnings = complaints(&live.bus);
    assert!(warnings[0].contains("`queue-limit`"), "{warnings:?}");
    live.element.set_property("queue-limit", 0u64);
    assert_ne!(say(&live.element, &"a".repeat(101)), 0);
    live.stop();
}

/// Messages by id, from whatever thread: (finished or interrupted, started).
#[derive(Default)]
struct Answers(Mutex<HashMap<u64, (u32, u32)>>);

/// Many threads say and interrupt in a running pipeline: each id is answered once, and nothing
/// hangs or is left behind.
#[test]
fn ten_thousand_words_and_interruptions_from_four_threads() {
    let _watchdog = watchdog(240);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[
        ("is-live", "true"),
        ("voice", "en"),
        ("buffer-duration", "1000000"),
    ]);
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .build();
    let sink = sink.expect("fakesink");
    pipeline.add_many([&element, &sink]).expect("added");
    element.link(&sink).expect("linked");
    let answers = Arc::new(Answers::default());
    let kept = answers.clone();
    let bus = pipeline.bus().expect("pipelines have one");
    bus.set_sync_handler(move |_, message| {
        if let Some(s) = message
            .structure()
            .filter(|s| s.name().starts_with("utterance-"))
        {
            let mut all = kept.0.lock().expect("no panic");
            let answer = all.entry(field(s, "utterance-id")).or_default();
            match s.name().as_str() {
                "utterance-started" => answer.1 += 1,
                _ => answer.0 += 1,
            }
        }
        gst::BusSyncReply::Drop
    });
    pipeline.set_state(gst::State::Playing).expect("it starts");
    wait_for_playing(&pipeline);
    let said = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (element, said) = (&element, &said);
            scope.spawn(move || {
                let mut dice = thread + 1;
                for _ in 0..2_500 {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    match dice >> 61 {
                        0 => interrupt(element),
                        1 => element.set_property("finish-word", dice & 1 << 40 == 0),
                        2 => {
                            let id = append(element, 0, "Well, ");
                            append(element, id, "yes.");
                            finish_text(element, id);
                            said.fetch_add(u64::from(id != 0), Ordering::Relaxed);
                        }
                        _ => {
                            let id = say(element, "One, two.");
                            said.fetch_add(u64::from(id != 0), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    pipeline.set_state(gst::State::Null).expect("it stops");
    bus.unset_sync_handler();
    let all = answers.0.lock().expect("no panic");
    let said = said.load(Ordering::Relaxed);
    assert!(said > 5_000);
    assert_eq!(all.len() as u64, said);
    assert!(
        all.values()
            .all(|(ends, starts)| *ends == 1 && *starts <= 1)
    );
    let (weak, whole) = (element.downgrade(), pipeline.downgrade());
    drop((element, sink, pipeline));
    assert!(weak.upgrade().is_none() && whole.upgrade().is_none());
}

/// PAUSED stops the clock of a live stream, and nothing is lost or told twice.
#[test]
fn a_pause_goes_on_where_it_was() {
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[("is-live", "true"), ("voice", "en")]);
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", true)
        .build();
    let sink = sink.expect("fakesink");
    pipeline.add_many([&element, &sink]).expect("added");
    element.link(&sink).expect("linked");
    let stream = record(&element.static_pad("src").expect("a pad"));
    let bus = pipeline.bus().expect("pipelines have one");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    wait_for_playing(&pipeline);
    let id = say(&element, "One two three four.");
    let next = |name: &str| loop {
        let kinds = [gst::MessageType::Element];
        let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &kinds);
        let message = message.expect("a message");
        let structure = message.structure().expect("a structure").to_owned();
        if structure.name() == name {
            return structure;
        }
    };
    assert_eq!(field::<String>(&next("word"), "text"), "One");
    assert!(pipeline.set_state(gst::State::Paused).is_ok());
    pipeline
        .state(gst::ClockTime::from_seconds(10))
        .0
        .expect("paused");
    pipeline.set_state(gst::State::Playing).expect("it goes on");
    let rest: Vec<String> = (0..3).map(|_| field(&next("word"), "text")).collect();
    assert_eq!(rest, ["two", "three", "four"]);
    assert_eq!(
        field::<u64>(&next("utterance-finished"), "utterance-id"),
        id
    );
    pipeline.set_state(gst::State::Null).expect("it stops");
    stream.lock().expect("no panic").checked(false);
}
