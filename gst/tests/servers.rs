// SPDX-License-Identifier: MPL-2.0
//! `ttssrc` with the voice of a server: what the server does wrong costs one utterance, and the
//! mouth of speech without phones follows the sound.

mod common;
#[allow(dead_code)]
#[path = "../../tests/voice/server.rs"]
mod server;

use common::{speech::*, *};
use gst::prelude::*;
use server::{Reply, Server, reply};

const RATE: u32 = 24_000;
const JSON: &str = "Content-Type: application/json\r\n";
const PCM: &str = "Content-Type: audio/pcm\r\n";

/// A hum that swells twice a second, as syllables do.
fn hum(seconds: f32) -> Vec<u8> {
    let count = (RATE as f32 * seconds) as usize;
    let sample = |i: usize| {
        let t = i as f32 / RATE as f32;
        let swell = 0.5 - 0.5 * (std::f32::consts::TAU * 2.0 * t).cos();
        let tone = |f: f32| (std::f32::consts::TAU * f * t).sin();
        (swell * (0.5 * tone(140.0) + 0.3 * tone(700.0)) * 20_000.0) as i16
    };
    (0..count).flat_map(|i| sample(i).to_le_bytes()).collect()
}

fn voice_of(server: &Server) -> String {
    format!("{}#eve,format=pcm", server.url())
}

#[test]
fn a_server_that_fails_leaves_the_live_stream_alone() {
    let _watchdog = watchdog(60);
    let sound = hum(0.5);
    // The second answer promises more than comes.
    let mut broken = format!("HTTP/1.1 200 OK\r\n{PCM}Content-Length: 96000\r\n\r\n").into_bytes();
    broken.extend(&sound[..9_600]);
    let server = Server::new(vec![
        reply("401 Unauthorized", JSON, b"{}"),
        Reply::Bytes(broken),
        reply("200 OK", PCM, &sound),
    ]);
    let mut live = Live::new(&[("voice", &voice_of(&server))]);
    let ids = ["Refused.", "Broken off.", "Spoken."].map(|text| say(&live.element, text));
    live.wait_for_speech();
    let ended = |told: &[gst::Structure]| !named(told, "utterance-finished").is_empty();
    let (mut all, mut warnings, mut level) = (Vec::new(), Vec::new(), 0);
    while !ended(&all) {
        let buffer = live.next();
        let map = buffer.map_readable().expect("readable");
        let loudest = map.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b));
        level = loudest.fold(level, |l, s| l.max(s.unsigned_abs()));
        while let Some(message) = live.bus.pop() {
            match message.view() {
                gst::MessageView::Element(e) => all.extend(e.structure().map(ToOwned::to_owned)),
                gst::MessageView::Error(e) => panic!("{e:?}"),
                gst::MessageView::Warning(w) => warnings.push(w.error().message().to_owned()),
                _ => {}
            }
        }
    }
    assert!(level > 5_000, "{level}: it was heard");
    assert!(warnings.len() >= 2, "{warnings:?}");
    assert!(
        warnings.iter().all(|w| w.contains("`voice`")),
        "{warnings:?}"
    );
    let (stream, rest) = live.stop();
    all.extend(rest);
    let end = |name: &str| -> Vec<u64> {
        let ends = named(&all, name).into_iter();
        ends.map(|s| field(s, "utterance-id")).collect()
    };
    assert_eq!(end("utterance-interrupted"), ids[..2]);
    assert_eq!(end("utterance-finished"), ids[2..]);
    assert_eq!(server.requests().len(), 3, "nothing is asked for twice");
    // Nobody knows its phones, so none are announced.
    assert_eq!(stream.clauses.len(), 0);
}

#[test]
fn the_mouth_listens_to_speech_without_phones() {
    let _watchdog = watchdog(120);
    let server = Server::new(vec![reply("200 OK", PCM, &hum(2.0))]);
    let line = format!(
        "ttssrc name=speech text=\"One.\" voice=\"{}\" ! sonicanimator articulator=signal ! \
         video/x-raw,width=128,height=160,framerate=25/1 ! appsink name=sink sync=false",
        voice_of(&server)
    );
    init();
    let pipeline = gst::parse::launch(&line)
        .expect("a pipeline")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("appsink");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let (mut heard, mut widest) = (0, 0.0f32);
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().expect("a frame");
        let meta = gst::meta::CustomMeta::from_buffer(buffer, "SonicPoseMeta").expect("a pose");
        let origin: String = field(meta.structure(), "origin");
        assert_ne!(origin, "phones");
        heard += usize::from(origin == "signal");
        widest = widest.max(field(meta.structure(), "aperture"));
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert!(heard > 20, "{heard} frames follow the sound");
    assert!(widest > 0.05, "{widest}: the mouth opens");
}
