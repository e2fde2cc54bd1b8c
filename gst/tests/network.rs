// SPDX-License-Identifier: MPL-2.0
//! The network that listens: which one, computed by what, and what becomes of the stream where
//! there is none or it fails. And what is measured of lips against sound.

mod common;

#[path = "../../tests/common/again.rs"]
mod again;
#[path = "../../tests/common/onnx.rs"]
mod onnx;
#[path = "../../tests/common/tiny.rs"]
mod tiny;

use again::again_with;
use common::*;
use gst::prelude::*;
use sonic_engine::onnx::{PATH_VARIABLE, runtime};
use tiny::{Oddity, network};

const MS: u64 = 1_000_000;

/// A network in a file.
struct Model(tempfile::TempDir);

impl Model {
    fn new(graph: &[u8]) -> Self {
        let model = Self(tempfile::tempdir().expect("a folder"));
        std::fs::write(model.path(), graph).expect("a file");
        model
    }

    fn path(&self) -> String {
        let path = self.0.path().join("mine.onnx");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// An element that listens by it, with a head that does nothing else.
    fn element(&self) -> gst::Element {
        let element = animator();
        element.set_property("model", self.path());
        element.set_property("motion-scale", 0.0);
        element.set_property("blink-rate", 0.0);
        element
    }
}

fn have_runtime() -> bool {
    let found = runtime();
    if let Err(error) = &found {
        skip(&error.to_string());
    }
    found.is_ok()
}

/// Syllables of noise in phrases, with pauses.
fn speech(samples: u64) -> Vec<f32> {
    let mut seed = 5u64;
    (0..samples)
        .map(|i| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (seed >> 40) as f32 / 8_388_608.0 - 1.0;
            let t = i as f32 / RATE as f32;
            let syllables =
                (t * 21.0).sin() + 0.8 * (t * 33.7 + 1.0).sin() + 0.5 * (t * 12.3).sin();
            let phrase = if (t * 2.3).sin() > -0.6 { 1.0 } else { 0.001 };
            0.25 * phrase * (syllables + 0.6).max(0.02) * noise
        })
        .collect()
}

fn push(h: &mut gst_check::Harness, from: u64, samples: &[f32], cut: usize) -> Vec<gst::Buffer> {
    let mut at = from;
    let mut got = Vec::new();
    for piece in samples.chunks(cut) {
        h.push(stamped(at, piece)).expect("taken");
        at += piece.len() as u64;
        got.extend(frames(h));
    }
    got
}

fn text(frame: &gst::Buffer, field: &str) -> String {
    meta(frame).get(field).expect("text")
}

/// The error with which an element refuses to start.
fn refusal(element: &gst::Element) -> String {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err());
    let told = complaints(&bus);
    element.set_state(gst::State::Null).expect("stops");
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].clone()
}

#[test]
fn what_is_wrong_with_the_settings_is_an_error_with_its_property() {
    let _watchdog = watchdog(60);
    if !have_runtime() {
        return;
    }
    let good = Model::new(&network(Some(2), &[60], Oddity::None));
    let wide = Model::new(&network(Some(2), &[60], Oddity::Wide));
    let text = Model::new(b"no graph");
    let told = |words: &[&str], element: &gst::Element| {
        let error = refusal(element);
        for word in words {
            assert!(error.contains(word), "{error}: no {word}");
        }
    };
    let cure = "docs/articulation.md";
    told(
        &[
            "`model`",
            &wide.path(),
            "f32[1, K, 40]",
            "f32[1, 2, 80]",
            cure,
        ],
        &wide.element(),
    );
    told(&["`model`", &text.path(), cure], &text.element());
    let missing = animator();
    missing.set_property("model", "/nowhere/mine.onnx");
    told(&["`model`", "/nowhere/mine.onnx"], &missing);
    let hasty = good.element();
    hasty.set_property("look-ahead", 50 * MS);
    told(&["`look-ahead`", "92.5 ms", "92500000 ns"], &hasty);
    // No machine has both.
    let mut refused = 0;
    for provider in ["cuda", "coreml"] {
        let element = good.element();
        element.set_property_from_str("execution-provider", provider);
        if element.set_state(gst::State::Paused).is_err() {
            refused += 1;
            element.set_state(gst::State::Null).expect("stops");
            told(&["`execution-provider`", provider, "has cpu"], &element);
        }
        element.set_state(gst::State::Null).expect("stops");
    }
    assert!(refused > 0);
}

/// Where phones or signal processing alone count, no network is looked for.
#[test]
fn a_network_that_is_not_asked_for_is_not_loaded() {
    let _watchdog = watchdog(60);
    for (articulator, listens) in [("phones", "nobody"), ("signal", "signal")] {
        let element = animator();
        element.set_property("model", "/nowhere/mine.onnx");
        element.set_property_from_str("articulator", articulator);
        element.set_state(gst::State::Paused).expect("it starts");
        assert_eq!(stat::<String>(&element, "listens"), listens);
        element.set_state(gst::State::Null).expect("stops");
    }
}

#[test]
fn the_look_ahead_that_is_set_is_the_latency() {
    let _watchdog = watchdog(60);
    if !have_runtime() {
        return;
    }
    let model = Model::new(&network(Some(2), &[20, 60, 100], Oddity::None));
    // Half a window, two frames at a time, 40 ms while a frame is shown.
    for (allowed, output) in [
        (60, 20),
        (92, 20),
        (93, 60),
        (120, 60),
        (133, 100),
        (900, 100),
    ] {
        let element = model.element();
        element.set_property("look-ahead", allowed * MS);
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        h.push(tone(0, 160)).expect("taken");
        let expected = (output + 20 + 40) * MS + 12_500_000;
        assert_eq!(
            stat::<u64>(&element, "look-ahead"),
            expected,
            "{allowed} ms"
        );
        let mut query = gst::query::Latency::new();
        h.set_live(true);
        let src = element.static_pad("src").expect("src");
        assert!(src.query(&mut query));
        // And a frame's time to make it.
        assert_eq!(query.result().1.nseconds(), expected + 40 * MS);
        // While playing it stays.
        element.set_property("look-ahead", 0u64);
        let sound = speech(RATE);
        let mut got = push(&mut h, 160, &sound, 160);
        let due = |samples: u64| (samples * 62_500).saturating_sub(expected) / (40 * MS);
        assert!(got.len() as u64 >= due(RATE + 160), "{} frames", got.len());
        assert!(
            got.len() as u64 <= due(RATE + 160) + 1,
            "{} frames",
            got.len()
        );
        got.extend(finish(&mut h));
        assert_eq!(pts(&got), grid(0..26, 25, 1));
        assert_eq!(stat::<u64>(&element, "look-ahead"), expected);
        element.set_state(gst::State::Null).expect("stops");
    }
}

#[test]
fn the_network_moves_the_mouth_however_the_sound_is_cut() {
    let _watchdog = watchdog(60);
    if !have_runtime() {
        return;
    }
    let model = Model::new(&network(None, &[60], Oddity::None));
    let sound = speech(3 * RATE);
    let run = |articulator: &str, cut: usize| {
        let element = model.element();
        element.set_property_from_str("articulator", articulator);
        let (mut h, bus) = harness(&element, AUDIO, VIDEO);
        let mut got = push(&mut h, 0, &sound, cut);
        got.extend(finish(&mut h));
        assert_eq!(complaints(&bus), Vec::<String>::new());
        assert_eq!(stat::<String>(&element, "listens"), "network");
        assert_eq!(stat::<String>(&element, "model"), "tiny");
        element.set_state(gst::State::Null).expect("stops");
        got.iter().map(|b| text(b, "json")).collect::<Vec<_>>()
    };
    let whole = run("network", 3 * RATE as usize);
    assert!(
        whole
            .iter()
            .filter(|j| j.contains("\"origin\":\"network\""))
            .count()
            > 30
    );
    for (articulator, cut) in [("network", 37), ("auto", 441), ("auto", 16_001)] {
        assert_eq!(run(articulator, cut), whole, "{articulator}, {cut}");
    }
}

#[test]
fn after_a_failure_the_stream_goes_on_with_one_warning() {
    let _watchdog = watchdog(60);
    if !have_runtime() {
        return;
    }
    // After 1 s of silence when it is loaded, and 2 s.
    let model = Model::new(&network(Some(2), &[60], Oddity::Fails(150)));
    let element = model.element();
    let (mut h, bus) = harness(&element, AUDIO, VIDEO);
    let sound = speech(5 * RATE);
    let mut got = push(&mut h, 0, &sound, 700);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..125, 25, 1), "no gap");
    let told = complaints(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("warning") && told[0].contains("tiny"),
        "{told:?}"
    );
    assert_eq!(stat::<String>(&element, "listens"), "signal");
    let origins: Vec<String> = got.iter().map(|b| text(b, "origin")).collect();
    assert!(origins[..40].iter().all(|o| o == "network" || o == "idle"));
    assert!(origins[60..].iter().all(|o| o == "signal" || o == "idle"));
    assert!(origins[60..].iter().any(|o| o == "signal"));
    element.set_state(gst::State::Null).expect("stops");
}

#[test]
fn without_a_runtime_one_warning_and_signal_processing() {
    let test = "without_a_runtime_one_warning_and_signal_processing";
    again_with(
        test,
        &[(PATH_VARIABLE, "/nowhere/libonnxruntime.so")],
        || {
            let _watchdog = watchdog(60);
            let model = Model::new(&network(Some(2), &[60], Oddity::None));
            for articulator in ["auto", "network"] {
                let element = model.element();
                element.set_property_from_str("articulator", articulator);
                let (mut h, bus) = harness(&element, AUDIO, VIDEO);
                let mut got = push(&mut h, 0, &speech(2 * RATE), 1_600);
                got.extend(finish(&mut h));
                assert_eq!(pts(&got), grid(0..50, 25, 1));
                assert!(got.iter().any(|b| text(b, "origin") == "signal"));
                assert_eq!(stat::<String>(&element, "listens"), "signal");
                let told = complaints(&bus);
                assert_eq!(told.len(), 1, "{told:?}");
                for word in ["warning", "signal processing", PATH_VARIABLE] {
                    assert!(told[0].contains(word), "{told:?}");
                }
                element.set_state(gst::State::Null).expect("stops");
            }
        },
    );
}

/// The lips are moved against the sound on purpose: that is what is measured, to a frame.
#[test]
fn the_lag_of_the_lips_is_measured() {
    let _watchdog = watchdog(120);
    let sound = speech(9 * RATE);
    for (articulator, offset) in [
        ("network", 0),
        ("network", 160),
        ("signal", 0),
        ("signal", -120),
    ] {
        if articulator == "network" && !have_runtime() {
            continue;
        }
        let model = Model::new(&network(Some(2), &[60], Oddity::None));
        let element = model.element();
        element.set_property_from_str("articulator", articulator);
        element.set_property("lip-offset", offset * MS as i64);
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        assert_eq!(stat::<f64>(&element, "lip-lag-confidence"), 0.0);
        push(&mut h, 0, &sound, 1_600);
        for (field, least) in [("lip-lag", 0.4), ("envelope-lag", 0.1)] {
            let confidence: f64 = stat(&element, &format!("{field}-confidence"));
            let off = stat::<i64>(&element, field) / MS as i64 - offset;
            let what = format!("{articulator}, {offset} ms: {field} is {off} ms off, {confidence}");
            println!("{what}");
            assert!(off.abs() <= 40 && confidence > least, "{what}");
        }
        // In silence nothing is said.
        push(&mut h, 9 * RATE, &vec![0.0; 8 * RATE as usize], 1_600);
        for field in ["lip-lag", "envelope-lag"] {
            assert_eq!(stat::<i64>(&element, field), 0);
            assert_eq!(stat::<f64>(&element, &format!("{field}-confidence")), 0.0);
        }
        element.set_state(gst::State::Null).expect("stops");
    }
}
