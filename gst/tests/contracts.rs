// SPDX-License-Identifier: MPL-2.0
//! What the element promises its neighbours: latency, QoS, buffers, metas, and what it refuses.

mod common;

use common::*;
use gst::prelude::*;

const MS: u64 = 1_000_000;

fn latency(h: &gst_check::Harness) -> (bool, gst::ClockTime, Option<gst::ClockTime>) {
    let mut query = gst::query::Latency::new();
    let element = h.element().expect("an element");
    let src = element.static_pad("src").expect("src");
    assert!(src.query(&mut query));
    query.result()
}

#[test]
fn latency_is_upstreams_and_the_look_ahead_and_a_frame() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, bus) = harness(&element, AUDIO, VIDEO);
    let own = gst::ClockTime::from_nseconds(stat::<u64>(&element, "look-ahead"))
        + gst::ClockTime::from_mseconds(40);
    h.set_live(false);
    assert!(!latency(&h).0);
    h.set_live(true);
    let upstream = gst::ClockTime::from_mseconds(23);
    h.set_upstream_latency(upstream);
    let (live, min, max) = latency(&h);
    assert!(live);
    assert_eq!(min, upstream + own);
    assert!(max.is_none_or(|max| max >= min));
    // The message comes when it becomes known, and when a new frame rate changes it.
    let messages = |bus: &gst::Bus| {
        std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Latency]))
            .inspect(|m| assert_eq!(m.src(), Some(element.upcast_ref())))
            .count()
    };
    assert_eq!(messages(&bus), 1);
    h.push(tone(0, 1600)).expect("taken");
    assert_eq!(messages(&bus), 0);
    h.set_sink_caps_str("video/x-raw,format=I420,width=64,height=48,framerate=50/1");
    h.push(tone(1600, 1600)).expect("taken");
    assert_eq!(messages(&bus), 1);
    assert_eq!(
        latency(&h).1,
        upstream + own - gst::ClockTime::from_mseconds(20)
    );
}

/// Lips shown earlier need more of the sound to come: the pipeline is told.
#[test]
fn an_earlier_lip_costs_latency() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, bus) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, RATE)).expect("taken");
    let before = latency(&h).1;
    while bus.pop_filtered(&[gst::MessageType::Latency]).is_some() {}
    element.set_property("lip-offset", -300_000_000i64);
    h.push(tone(RATE, RATE)).expect("taken");
    assert_eq!(latency(&h).1, before + gst::ClockTime::from_mseconds(300));
    assert!(bus.pop_filtered(&[gst::MessageType::Latency]).is_some());
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..50, 25, 1));
}

/// No frame waits longer for sound than was promised.
#[test]
fn frames_come_within_the_look_ahead() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    let look_ahead: u64 = stat(&element, "look-ahead");
    let mut count = 0;
    for from in (0..32_000).step_by(160) {
        h.push(tone(from, 160)).expect("taken");
        let heard = (from + 160) * 1_000_000_000 / RATE;
        count += frames(&mut h).len() as u64;
        let due = heard.saturating_sub(look_ahead) / (40 * MS);
        assert!(count >= due, "{count} frames of {due} after {heard} ns");
    }
}

#[test]
fn late_frames_are_sent_again_and_not_drawn() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, bus) = harness(&element, AUDIO, VIDEO);
    let late = |at: u64, diff| {
        gst::event::Qos::new(
            gst::QOSType::Underflow,
            1.5,
            diff,
            gst::ClockTime::from_mseconds(at),
        )
    };
    h.push_upstream_event(late(40, -1));
    h.push(tone(0, RATE)).expect("taken");
    let before = frames(&mut h);
    let next = before.len() as u64 * 40;
    // 100 ms late: what lies before 200 ms after that frame would be late too.
    h.push_upstream_event(late(next, 100 * MS as i64));
    h.push(tone(RATE, RATE)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let all: Vec<_> = before.iter().chain(&got).cloned().collect();
    assert_eq!(pts(&all), grid(0..50, 25, 1), "the grid stays complete");
    let repeated: Vec<bool> = got
        .iter()
        .map(|b| meta(b).get("repeated").expect("a bool"))
        .collect();
    assert_eq!(repeated.iter().filter(|r| **r).count(), 6);
    assert!(repeated[..6].iter().all(|r| *r));
    let shown = (next - 40) * MS;
    for frame in &got[..6] {
        assert_eq!(meta(frame).get::<u64>("content-time"), Ok(shown));
        assert_eq!(
            frame.peek_memory(0).as_ptr(),
            before.last().expect("frames").peek_memory(0).as_ptr(),
            "the same memory"
        );
        let json: String = meta(frame).get("json").expect("a string");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["repeated"], true);
        assert_eq!(json["content-time"], shown);
    }
    assert_eq!(stat::<u64>(&element, "frames-repeated"), 6);
    assert_eq!(stat::<u64>(&element, "frames-rendered"), 44);
    let messages: Vec<_> =
        std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Qos])).collect();
    assert_eq!(messages.len(), 6);
    let gst::MessageView::Qos(last) = messages[5].view() else {
        unreachable!("filtered")
    };
    assert_eq!(
        last.dropped(),
        gst::GenericFormattedValue::from(gst::format::Buffers::from_u64(6))
    );
    assert!(h.upstream_events_received() >= 2, "QOS goes on upstream");
}

#[test]
fn without_qos_every_frame_is_drawn() {
    let _watchdog = watchdog(20);
    let element = animator();
    element.set_property("qos", false);
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, RATE)).expect("taken");
    h.push_upstream_event(gst::event::Qos::new(
        gst::QOSType::Underflow,
        2.0,
        1_000_000_000,
        gst::ClockTime::SECOND,
    ));
    h.push(tone(RATE, RATE)).expect("taken");
    finish(&mut h);
    assert_eq!(stat::<u64>(&element, "frames-rendered"), 50);
}

/// The base class would drop sound by its time, and with it frames from the grid.
#[test]
fn lateness_never_drops_sound() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push_upstream_event(gst::event::Qos::new(
        gst::QOSType::Underflow,
        2.0,
        900_000_000,
        gst::ClockTime::SECOND,
    ));
    for from in (0..3 * RATE).step_by(160) {
        h.push(tone(from, 160)).expect("taken");
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..75, 25, 1));
}

#[test]
fn buffers_come_back_and_are_used_again() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    let mut seen = std::collections::HashSet::new();
    for from in (0..5 * RATE).step_by(640) {
        h.push(tone(from, 640)).expect("taken");
        for frame in frames(&mut h) {
            seen.insert(frame.peek_memory(0).as_ptr());
        }
    }
    assert!(seen.len() <= 4, "{} memories for 125 frames", seen.len());
}

#[test]
fn video_meta_is_added_where_downstream_reads_it() {
    let _watchdog = watchdog(20);
    let element = animator();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    h.add_propose_allocation_meta(gst_video::VideoMeta::meta_api(), None);
    h.set_caps_str(AUDIO, VIDEO);
    h.push(tone(0, RATE)).expect("taken");
    let got = frames(&mut h);
    assert!(got[0].meta::<gst_video::VideoMeta>().is_some());
}

#[test]
fn every_frame_says_what_it_shows() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, RATE)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    for (k, frame) in got.iter().enumerate() {
        let meta = meta(frame);
        assert_eq!(meta.get::<u64>("content-time"), Ok(k as u64 * 40 * MS));
        let weights: gst::Array = meta.get("weights").expect("an array");
        assert_eq!(weights.len(), 52);
        let weight = |i: usize| weights[i].get::<f32>().expect("a float");
        assert!((0..52).all(|i| (0.0..=1.0).contains(&weight(i))));
        let json: String = meta.get("json").expect("a string");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let jaw = json["weights"]["jawOpen"].as_f64().unwrap_or(0.0);
        assert!((jaw - f64::from(weight(17))).abs() < 1e-3);
        assert_eq!(
            json["origin"],
            meta.get::<&str>("origin").expect("a string")
        );
        for field in ["head-yaw", "head-pitch", "head-roll", "head-x", "head-y"] {
            assert!(meta.get::<f32>(field).expect("a float").is_finite());
        }
    }
}

#[test]
fn what_a_frame_shows_survives_stock_filters() {
    let _watchdog = watchdog(20);
    init();
    let mut h = gst_check::Harness::new_parse("sonicanimator ! videoconvert ! videoscale ! queue");
    h.set_caps_str(
        AUDIO,
        "video/x-raw,format=RGB,width=30,height=20,framerate=25/1",
    );
    h.push(tone(0, RATE)).expect("taken");
    assert!(h.push_event(gst::event::Eos::new()));
    for k in 0..25 {
        let frame = h.pull().expect("a frame");
        assert_eq!(meta(&frame).get::<u64>("content-time"), Ok(k * 40 * MS));
    }
}

/// A second of tone and a second of silence, interrupted in between or not: how far the mouth
/// opens, and how many frames had come before.
fn spoken(interrupted: bool) -> (Vec<f32>, usize) {
    let mut h = plain();
    h.push(tone(0, RATE)).expect("taken");
    let mut got = frames(&mut h);
    let before = got.len();
    if interrupted {
        let structure = gst::Structure::new_empty(gstsonic::metas::INTERRUPT_EVENT);
        assert!(h.push_event(gst::event::CustomDownstreamOob::new(structure)));
        let passed = std::iter::from_fn(|| h.try_pull_event())
            .any(|e| e.has_name(gstsonic::metas::INTERRUPT_EVENT));
        assert!(passed, "others want to know too");
    }
    h.push(stamped(RATE, &vec![0.0; RATE as usize]))
        .expect("taken");
    got.extend(frames(&mut h));
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..50, 25, 1), "the grid goes on");
    let aperture = |b| meta(b).get::<f32>("aperture").expect("a float");
    (got.iter().map(aperture).collect(), before)
}

#[test]
fn an_interruption_relaxes_the_mouth_and_is_passed_on() {
    let _watchdog = watchdog(20);
    let (cut, before) = spoken(true);
    let (whole, _) = spoken(false);
    assert_eq!(cut[..before], whole[..before]);
    // 120 ms are three frames.
    assert!(cut[before + 3..].iter().all(|a| *a < 0.03), "{cut:?}");
    let open = |apertures: &[f32]| apertures[before..].iter().sum::<f32>();
    assert!(open(&cut) < open(&whole), "{cut:?} {whole:?}");
}

#[test]
fn seeks_go_upstream_unless_lips_cannot_follow() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    let seek = |rate| {
        gst::event::Seek::new(
            rate,
            gst::SeekFlags::FLUSH,
            gst::SeekType::Set,
            gst::ClockTime::ZERO,
            gst::SeekType::None,
            gst::ClockTime::NONE,
        )
    };
    let seeks = |h: &mut gst_check::Harness| {
        std::iter::from_fn(|| h.try_pull_upstream_event())
            .filter(|e| e.type_() == gst::EventType::Seek)
            .count()
    };
    h.push_upstream_event(seek(2.0));
    h.push_upstream_event(seek(-1.0));
    assert_eq!(seeks(&mut h), 0);
    h.push_upstream_event(seek(1.0));
    assert_eq!(seeks(&mut h), 1);
}

#[test]
fn segments_that_cannot_be_played_are_refused_with_the_reason() {
    let _watchdog = watchdog(20);
    let bytes = gst::FormattedSegment::<gst::format::Bytes>::new();
    let mut fast = gst::FormattedSegment::<gst::ClockTime>::new();
    fast.set_rate(2.0);
    let mut backwards = gst::FormattedSegment::<gst::ClockTime>::new();
    backwards.set_rate(-1.0);
    backwards.set_stop(gst::ClockTime::SECOND);
    for (event, word) in [
        (gst::event::Segment::new(&bytes), "times"),
        (gst::event::Segment::new(&fast), "normal speed"),
        (gst::event::Segment::new(&backwards), "normal speed"),
    ] {
        let (mut h, bus) = harness(&animator(), AUDIO, VIDEO);
        h.push_event(event);
        // A sticky event that was refused is offered again with each buffer.
        for _ in 0..3 {
            assert_eq!(h.push(tone(0, RATE)), Err(gst::FlowError::Error));
        }
        let told = complaints(&bus);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("error: ") && told[0].contains(word),
            "{told:?}"
        );
    }
}

#[test]
fn what_cannot_be_made_is_not_negotiated() {
    let _watchdog = watchdog(20);
    for caps in [
        "video/x-raw,format=I420,width=64,height=48,framerate=4/1",
        "video/x-raw,format=I420,width=64,height=48,framerate=121/1",
        "video/x-raw,format=I420,width=64,height=48,framerate=0/1",
        "video/x-raw,format=I420,width=8,height=8,framerate=25/1",
        "video/x-raw,format=I420,width=8194,height=48,framerate=25/1",
        "video/x-raw,format=Y444,width=64,height=48,framerate=25/1",
        "video/x-raw,format=I420,width=64,height=48,framerate=25/1,interlace-mode=interleaved",
        "video/x-raw,format=I420,width=64,height=48,framerate=25/1,colorimetry=bt2100-pq",
        "video/x-raw,format=I420,width=64,height=48,framerate=25/1,colorimetry=bt709,chroma-site=dv",
    ] {
        let element = animator();
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        h.set_sink_caps_str(caps);
        h.set_src_caps_str(AUDIO);
        for _ in 0..2 {
            assert_eq!(
                h.push(tone(0, RATE)),
                Err(gst::FlowError::NotNegotiated),
                "{caps}"
            );
        }
        // What no template can say is said once in words.
        let told = complaints(&bus);
        let beyond_templates = caps.contains("colorimetry");
        assert_eq!(told.len(), usize::from(beyond_templates), "{told:?}");
        assert!(told.iter().all(|t| t.contains("cannot be drawn")));
    }
}

#[test]
fn open_caps_are_fixed_to_the_portrait_at_25_frames() {
    let _watchdog = watchdog(20);
    let chosen = |caps: &str, min: u32| {
        let element = animator();
        element.set_property("min-resolution", min);
        let (mut h, _) = harness(&element, AUDIO, caps);
        h.push(tone(0, RATE)).expect("taken");
        let caps = h
            .sinkpad()
            .and_then(|p| p.current_caps())
            .expect("negotiated");
        gst_video::VideoInfo::from_caps(&caps).expect("video")
    };
    let natural = chosen("video/x-raw", 128);
    assert_eq!(natural.fps(), gst::Fraction::new(25, 1));
    assert_eq!(natural.format(), gst_video::VideoFormat::I420);
    assert_eq!(natural.width().min(natural.height()), 128);
    let aspect = f64::from(natural.width()) / f64::from(natural.height());
    let wide = chosen("video/x-raw,width=300", 128);
    assert!((f64::from(wide.height()) - 300.0 / aspect).abs() <= 2.0);
    let small = chosen("video/x-raw,width=[16,64],height=[16,8192]", 1024);
    assert_eq!(small.width(), 64);
    assert!((f64::from(small.height()) - 64.0 / aspect).abs() <= 2.0);
    let anamorphic = chosen("video/x-raw,height=120,pixel-aspect-ratio=2/1", 128);
    assert!((f64::from(anamorphic.width()) - 120.0 * aspect / 2.0).abs() <= 2.0);
    let slow = chosen("video/x-raw,framerate=[1/1,20/1],format={RGBA,NV12}", 128);
    assert_eq!(slow.fps(), gst::Fraction::new(20, 1));
    assert_eq!(slow.format(), gst_video::VideoFormat::Nv12);
}
