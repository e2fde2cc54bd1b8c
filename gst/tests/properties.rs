// SPDX-License-Identifier: MPL-2.0
//! Every property: its spec, its default, and that what is set is what is read.

mod common;

use common::{speech::ttssrc, sync::avclocksync, *};
use gst::{glib, prelude::*};

fn own_specs(element: &gst::Element) -> Vec<glib::ParamSpec> {
    element
        .list_properties()
        .iter()
        .filter(|spec| spec.owner_type() == element.type_())
        .cloned()
        .collect()
}

/// Two values other than the default, for specs of any kind that the element has.
fn samples(spec: &glib::ParamSpec) -> Vec<glib::Value> {
    if let Some(s) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        vec![s.minimum().to_value(), s.maximum().to_value()]
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        vec![s.minimum().to_value(), s.maximum().to_value()]
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
        vec![s.minimum().to_value(), s.maximum().to_value()]
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecInt>() {
        vec![s.minimum().to_value(), s.maximum().to_value()]
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecInt64>() {
        vec![s.minimum().to_value(), s.maximum().to_value()]
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecEnum>() {
        let class = s.enum_class();
        class
            .values()
            .iter()
            .filter_map(|v| v.to_value(&class).into())
            .collect()
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecFlags>() {
        let class = s.flags_class();
        let values = class.values();
        values.iter().map(|v| v.to_value(&class)).collect()
    } else if spec.is::<glib::ParamSpecBoolean>() {
        vec![true.to_value(), false.to_value()]
    } else if spec.is::<glib::ParamSpecString>() {
        vec!["/some/file.png".to_value(), "ünï.jpg".to_value()]
    } else if spec.value_type() == gst::Caps::static_type() {
        vec![
            gst::Caps::new_any().to_value(),
            gst::Caps::new_empty().to_value(),
        ]
    } else {
        panic!("a property of an unknown kind: {}", spec.name())
    }
}

/// Addresses read back without their keys.
const SECRET: [&str; 2] = ["location", "backup-location"];

fn is_push(element: &gst::Element) -> bool {
    element.is::<gstsonic::rtmppushsink::RtmpPushSink>()
}

fn rtmppushsink() -> gst::Element {
    init();
    let element = gst::ElementFactory::make("rtmppushsink").build();
    element.expect("rtmppushsink")
}

#[test]
fn addresses_read_back_without_what_is_secret() {
    let _watchdog = watchdog(20);
    for name in SECRET {
        let element = rtmppushsink();
        for (set, read) in [
            ("rtmp://h/app/key?x=1", "rtmp://h:1935/app/***"),
            ("rtmps://me:word@h/app", "rtmps://***@h:443/app/***"),
            ("a-key-in-the-wrong-place", "***"),
        ] {
            element.set_property(name, set);
            assert_eq!(element.property::<String>(name), read);
        }
    }
}

#[test]
fn what_is_set_is_what_is_read() {
    let _watchdog = watchdog(20);
    for (element, count) in [
        (animator(), 25),
        (ttssrc(&[]), 17),
        (avclocksync(&[]), 14),
        (rtmppushsink(), 21),
    ] {
        let specs = own_specs(&element);
        assert_eq!(specs.len(), count);
        for spec in specs
            .iter()
            .filter(|s| s.flags().contains(glib::ParamFlags::WRITABLE))
            .filter(|s| !(is_push(&element) && SECRET.contains(&s.name())))
        {
            for value in samples(spec) {
                element.set_property_from_value(spec.name(), &value);
                let read = element.property_value(spec.name());
                assert_eq!(
                    read.serialize().ok(),
                    value.serialize().ok(),
                    "{}",
                    spec.name()
                );
            }
        }
    }
}

#[test]
fn a_new_element_has_the_defaults_of_its_specs() {
    let _watchdog = watchdog(20);
    for element in [animator(), ttssrc(&[]), avclocksync(&[]), rtmppushsink()] {
        for spec in own_specs(&element) {
            if spec.name() == "stats" {
                continue;
            }
            let value = element.property_value(spec.name());
            assert_eq!(
                value.serialize().ok(),
                spec.default_value().serialize().ok(),
                "{}",
                spec.name()
            );
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let _watchdog = watchdog(20);
    let e = animator();
    assert_eq!(e.property::<u32>("min-resolution"), 1024);
    assert_eq!(e.property::<f64>("expand-ratio"), 0.15);
    assert_eq!(e.property::<f64>("dynamic-scale"), 1.1);
    assert_eq!(e.property::<f64>("motion-scale"), 1.05);
    assert_eq!(e.property::<f64>("blink-rate"), 18.0);
    assert_eq!(e.property::<i64>("lip-offset"), 0);
    assert_eq!(e.property::<u64>("look-ahead"), 120_000_000);
    assert_eq!(e.property::<u32>("inference-threads"), 1);
    assert_eq!(e.property::<Option<String>>("model"), None);
    assert_eq!(e.property::<f64>("expression-strength"), 0.5);
    assert_eq!(e.property::<f64>("gaze-x"), 0.0);
    assert_eq!(e.property::<f64>("gaze-y"), 0.0);
    assert_eq!(
        e.property_value("expression").serialize().expect("text"),
        "neutral"
    );
    assert_eq!(e.property::<Option<String>>("portrait"), None);
    assert_eq!(
        e.property_value("framing").serialize().expect("text"),
        "whole"
    );
    assert_eq!(
        e.property_value("background").serialize().expect("text"),
        "as-is"
    );
}

#[test]
fn every_spec_says_what_it_is_and_when_it_may_change() {
    let _watchdog = watchdog(20);
    for element in [animator(), ttssrc(&[]), avclocksync(&[]), rtmppushsink()] {
        for spec in own_specs(&element) {
            assert!(!spec.nick().is_empty());
            assert!(
                spec.blurb().is_some_and(|b| b.len() > 20),
                "{}",
                spec.name()
            );
            let flags = spec.flags();
            if flags.contains(glib::ParamFlags::WRITABLE) {
                let mutable = gst::PARAM_FLAG_MUTABLE_READY | gst::PARAM_FLAG_MUTABLE_PLAYING;
                assert!(flags.intersects(mutable), "{}", spec.name());
            }
        }
    }
}

#[test]
fn an_empty_name_is_no_file() {
    let _watchdog = watchdog(20);
    let e = animator();
    e.set_property("portrait", "x.png");
    e.set_property("portrait", "");
    assert_eq!(e.property::<Option<String>>("portrait"), None);
    e.set_property("portrait", None::<&str>);
    e.set_state(gst::State::Paused)
        .expect("the built-in portrait");
    e.set_state(gst::State::Null).expect("stops");
}

#[test]
fn stats_say_whether_the_eyes_look_about() {
    let _watchdog = watchdog(20);
    let element = animator();
    let gaze = || {
        let stats: gst::Structure = element.property("stats");
        stats.get::<String>("gaze").expect("a field of stats")
    };
    assert_eq!(gaze(), "unknown");
    let large = "video/x-raw,format=I420,width=512,height=640,framerate=25/1";
    let (mut h, _) = harness(&element, AUDIO, large);
    h.push(tone(0, RATE)).expect("taken");
    finish(&mut h);
    assert_eq!(gaze(), "on");
    element.set_state(gst::State::Null).expect("stops");
}

#[test]
fn stats_hold_what_is_documented() {
    let _watchdog = watchdog(20);
    let element = by_signal();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, RATE)).expect("taken");
    finish(&mut h);
    let stats: gst::Structure = element.property("stats");
    assert_eq!(stats.name(), "application/x-sonicanimator-stats");
    assert_eq!(stats.get::<u64>("frames-rendered"), Ok(25));
    assert_eq!(stats.get::<u64>("frames-repeated"), Ok(0));
    let mean: u64 = stats.get("render-time-mean").expect("a time");
    let max: u64 = stats.get("render-time-max").expect("a time");
    assert!(0 < mean && mean <= max);
    assert_eq!(stats.get::<u32>("faces"), Ok(1));
    // Eyes of 15 pixels.
    assert_eq!(stats.get::<&str>("gaze"), Ok("too-small"));
    for field in [
        "look-ahead",
        "portraits-swapped",
        "silence-inserted",
        "sound-trimmed",
        "restarts",
        "clauses-used",
        "clauses-ignored",
    ] {
        assert!(stats.get::<u64>(field).is_ok(), "{field}");
    }
    assert_eq!(stats.get::<&str>("listens"), Ok("signal"));
    assert_eq!(stats.get::<&str>("model"), Ok(""));
    for measure in ["lip-lag", "envelope-lag"] {
        assert!(stats.get::<i64>(measure).is_ok(), "{measure}");
        let confidence = format!("{measure}-confidence");
        assert!(stats.get::<f64>(&confidence).is_ok(), "{confidence}");
    }
    assert_eq!(stats.n_fields(), 19);
    element.set_state(gst::State::Null).expect("stops");
}

/// What is set while playing counts from the next frame on.
#[test]
fn the_manner_can_be_changed_while_playing() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    let still = |frames: &[gst::Buffer]| {
        frames.iter().all(|b| {
            let meta = meta(b);
            ["head-yaw", "head-pitch", "head-roll"]
                .iter()
                .all(|f| meta.get::<f32>(*f).expect("a float") == 0.0)
        })
    };
    h.push(tone(0, 3 * RATE)).expect("taken");
    assert!(!still(&frames(&mut h)), "the head lives");
    element.set_property("motion-scale", 0.0);
    h.push(tone(3 * RATE, 3 * RATE)).expect("taken");
    let got = frames(&mut h);
    assert!(still(&got[got.len() - 50..]), "the head rests");
}

/// An expression that is set while playing comes within 300 ms, and leaves the jaw alone.
#[test]
fn the_expression_can_be_changed_while_playing() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    let weight = |buffer: &gst::Buffer, name: &str| {
        let json: String = meta(buffer).get("json").expect("text");
        let after = json.split(&format!("\"{name}\":")).nth(1).unwrap_or("0,");
        let number = after.split([',', '}']).next().expect("a number");
        number.parse::<f32>().expect("a number")
    };
    h.push(tone(0, RATE)).expect("taken");
    let before = frames(&mut h);
    assert!(before.iter().all(|b| weight(b, "mouthSmileLeft") < 0.3));
    element.set_property_from_str("expression", "happy");
    element.set_property("expression-strength", 1.0);
    element.set_property("gaze-x", 0.8);
    h.push(tone(RATE, 2 * RATE)).expect("taken");
    let after = frames(&mut h);
    let last = after.last().expect("frames");
    assert!(weight(last, "cheekSquintLeft") > 0.45);
    assert!(weight(last, "eyeLookOutLeft") > 0.6);
    element.set_state(gst::State::Null).expect("stops");
}
