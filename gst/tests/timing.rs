// SPDX-License-Identifier: MPL-2.0
//! Sound that does not come in one steady stream: holes, jumps, flushes, new segments and caps.

mod common;

use common::*;
use gst::prelude::*;

const MS: u64 = 1_000_000;
/// Samples of a millisecond.
const S: u64 = RATE / 1000;

fn discont(mut buffer: gst::Buffer) -> gst::Buffer {
    buffer.make_mut().set_flags(gst::BufferFlags::DISCONT);
    buffer
}

fn flush(h: &mut gst_check::Harness) {
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
}

#[test]
fn jitter_does_not_move_the_frames() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    for (i, jitter) in [0, 30, 5, -35, 39, -39, 0, 12, 0, 0]
        .into_iter()
        .enumerate()
    {
        let mut buffer = discont(tone(i as u64 * 100 * S, 100 * S));
        let pts = (i as i64 * 100 + jitter) * MS as i64;
        buffer
            .make_mut()
            .set_pts(gst::ClockTime::from_nseconds(pts as u64));
        h.push(buffer).expect("taken");
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
}

#[test]
fn a_hole_is_filled_with_idle_frames() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, 1000 * S)).expect("taken");
    h.push(discont(tone(3000 * S, 1000 * S))).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..100, 25, 1));
    let idle = &got[32..70];
    assert!(
        idle.iter()
            .all(|b| meta(b).get::<f32>("aperture").expect("float") < 0.03)
    );
    assert_eq!(stat::<u64>(&element, "silence-inserted"), 2000 * MS);
}

#[test]
fn a_jump_of_an_hour_is_followed_without_frames_for_the_hour() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, 200 * S)).expect("taken");
    h.push(discont(tone(3_600_000 * S, 200 * S)))
        .expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let mut expected = grid(0..5, 25, 1);
    expected.extend(grid(90_000..90_005, 25, 1));
    assert_eq!(pts(&got), expected);
    assert!(got[5].flags().contains(gst::BufferFlags::DISCONT));
    assert_eq!(stat::<u64>(&element, "restarts"), 1);
    // And back: late, but shown, as the sound is.
    h.push_event(gst::event::FlushStart::new());
}

#[test]
fn a_jump_back_is_followed() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(60_000 * S, 200 * S)).expect("taken");
    h.push(discont(tone(0, 200 * S))).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let mut expected = grid(1500..1505, 25, 1);
    expected.extend(grid(0..5, 25, 1));
    assert_eq!(pts(&got), expected);
}

#[test]
fn sound_that_comes_twice_is_shown_once() {
    let _watchdog = watchdog(20);
    let element = animator();
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, 500 * S)).expect("taken");
    h.push(tone(0, 500 * S)).expect("taken");
    h.push(tone(400 * S, 600 * S)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
    assert_eq!(stat::<u64>(&element, "sound-trimmed"), 600 * MS);
}

#[test]
fn buffers_without_times_follow_each_other() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    for _ in 0..10 {
        h.push(unstamped(&sine(0, 100 * S))).expect("taken");
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
}

#[test]
fn absurd_times_do_no_harm() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    for at in [u64::MAX - 1, 1 << 63, 0, u64::MAX / 2, 7] {
        let mut buffer = unstamped(&sine(0, 100 * S));
        let b = buffer.make_mut();
        b.set_pts(gst::ClockTime::from_nseconds(at));
        b.set_duration(gst::ClockTime::from_nseconds(u64::MAX - 1));
        h.push(buffer).expect("taken or ignored");
        let gap = gst::event::Gap::builder(gst::ClockTime::from_nseconds(u64::MAX - 2));
        h.push_event(gap.duration(gst::ClockTime::from_nseconds(9)).build());
    }
    finish(&mut h);
}

#[test]
fn torn_and_empty_buffers_do_no_harm() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(gst::Buffer::new()).expect("taken");
    h.push(gst::Buffer::from_slice([1u8, 2, 3])).expect("taken");
    let mut buffer = gst::Buffer::from_slice(vec![0u8; 6403]);
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    h.push(buffer).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..3, 25, 1));
}

#[test]
fn samples_that_are_no_number_are_told_once_and_count_as_silence() {
    let _watchdog = watchdog(20);
    let (mut h, bus) = harness(&animator(), AUDIO, VIDEO);
    for i in 0..5 {
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN].repeat(400);
        h.push(stamped(i * 1600, &bad)).expect("taken");
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(got.len(), 13);
    assert!(
        got.iter()
            .all(|b| meta(b).get::<f32>("aperture").expect("float") < 0.03)
    );
    let told = complaints(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("warning: ") && told[0].contains("not a number"));
}

#[test]
fn a_gap_event_becomes_idle_frames_and_goes_no_further() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 400 * S)).expect("taken");
    let gap = |at, len| {
        gst::event::Gap::builder(gst::ClockTime::from_mseconds(at))
            .duration(gst::ClockTime::from_mseconds(len))
            .build()
    };
    // In pieces that are no whole number of frames or samples.
    for i in 0..60 {
        assert!(h.push_event(gap(400 + i * 1001, 1001)));
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..(400 + 60 * 1001u64).div_ceil(40), 25, 1));
    let events = std::iter::from_fn(|| h.try_pull_event());
    assert!(events.into_iter().all(|e| e.type_() != gst::EventType::Gap));
}

#[test]
fn a_buffer_marked_as_gap_is_silence_whatever_it_holds() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    let mut buffer = tone(0, 1000 * S);
    buffer.make_mut().set_flags(gst::BufferFlags::GAP);
    h.push(buffer).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(got.len(), 25);
    assert!(
        got.iter()
            .all(|b| meta(b).get::<f32>("aperture").expect("float") < 0.03)
    );
    assert!(
        got.iter()
            .all(|b| !b.flags().contains(gst::BufferFlags::GAP))
    );
}

#[test]
fn a_flush_begins_anew() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(5_000 * S, 500 * S)).expect("taken");
    let before = frames(&mut h);
    assert!(before.len() <= 13);
    flush(&mut h);
    h.push(discont(tone(1_000 * S, 1000 * S))).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(25..50, 25, 1));
    assert!(got[0].flags().contains(gst::BufferFlags::DISCONT));
}

#[test]
fn a_flush_wakes_a_push_that_waits_downstream() {
    let _watchdog = watchdog(20);
    init();
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=src format=time caps=\"{AUDIO}\" ! sonicanimator ! {VIDEO} ! \
         queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! appsink name=sink max-buffers=1 sync=false"
    ))
    .expect("valid")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let src = pipeline.by_name("src").expect("src");
    for i in 0..20 {
        let pushed: gst::FlowReturn = src.emit_by_name("push-buffer", &[&tone(i * 1600, 1600)]);
        assert_eq!(pushed, gst::FlowReturn::Ok);
    }
    let sink = pipeline.by_name("sink").expect("sink");
    let _: gst::Sample = sink.emit_by_name("pull-sample", &[]);
    wait_for_playing(&pipeline);
    // The rest now waits in front of the full queue.
    assert!(src.send_event(gst::event::FlushStart::new()));
    assert!(src.send_event(gst::event::FlushStop::new(true)));
    let pushed: gst::FlowReturn = src.emit_by_name("push-buffer", &[&tone(0, 16_000)]);
    assert_eq!(pushed, gst::FlowReturn::Ok);
    let sample: gst::Sample = sink.emit_by_name("pull-sample", &[]);
    let pts = sample.buffer().and_then(|b| b.pts()).expect("a frame");
    assert!(
        pts < gst::ClockTime::from_mseconds(100),
        "{pts} is from before the flush"
    );
    pipeline.set_state(gst::State::Null).expect("stops");
}

#[test]
fn a_new_segment_drains_the_old_one_first() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 1000 * S)).expect("taken");
    let early = frames(&mut h).len();
    // The same sound again, one second later in running time.
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_base(gst::ClockTime::SECOND);
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    let rest = frames(&mut h);
    assert_eq!(
        early + rest.len(),
        25,
        "all frames of the old segment come before the new"
    );
    h.push(tone(0, 1000 * S)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
}

#[test]
fn segment_done_drains() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 1000 * S)).expect("taken");
    assert!(h.push_event(gst::event::SegmentDone::new(gst::ClockTime::SECOND)));
    assert_eq!(frames(&mut h).len(), 25);
}

#[test]
fn new_sound_caps_in_mid_stream_lose_no_frame() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 500 * S)).expect("taken");
    h.set_src_caps_str(
        "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3",
    );
    let mut buffer = gst::Buffer::from_slice(vec![0u8; 48_000 / 2 * 4]);
    buffer
        .make_mut()
        .set_pts(gst::ClockTime::from_mseconds(500));
    h.push(buffer).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
}

#[test]
fn new_video_caps_in_mid_stream_lose_no_frame() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 500 * S)).expect("taken");
    h.set_sink_caps_str("video/x-raw,format=RGBA,width=48,height=48,framerate=50/1");
    h.push(tone(500 * S, 500 * S)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let old = got.iter().take_while(|b| b.size() < 48 * 48 * 4).count();
    assert_eq!(pts(&got[..old]), grid(0..13, 25, 1));
    assert_eq!(pts(&got[old..]), grid(25..50, 50, 1));
    assert!(got[old..].iter().all(|b| b.size() >= 48 * 48 * 4));
}

#[test]
fn a_new_size_in_mid_stream_keeps_the_grid() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 500 * S)).expect("taken");
    h.set_sink_caps_str("video/x-raw,format=I420,width=128,height=96,framerate=25/1");
    h.push(tone(500 * S, 500 * S)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    assert_eq!(pts(&got), grid(0..25, 25, 1));
    assert!(got[20].size() >= 128 * 96 * 3 / 2);
}
