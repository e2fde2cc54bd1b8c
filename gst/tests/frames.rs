// SPDX-License-Identifier: MPL-2.0
//! Which frames come out, where they lie, and in what order with the events.

mod common;

use common::*;
use gst_video::prelude::*;

fn video(n: u64, d: u64) -> String {
    format!("video/x-raw,format=I420,width=32,height=16,framerate={n}/{d}")
}

#[test]
fn events_come_in_order_before_the_first_frame() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(tone(0, 3200)).expect("taken");
    finish(&mut h);
    let order: Vec<_> = std::iter::from_fn(|| h.try_pull_event())
        .map(|e| e.type_())
        .filter(|t| *t != gst::EventType::Latency)
        .collect();
    use gst::EventType::*;
    assert_eq!(order, [StreamStart, Caps, Segment, Eos]);
}

/// ceil(D·n/d) frames, each exactly on the grid, whatever the buffers were cut to.
#[test]
fn all_rates_give_a_full_grid() {
    let _watchdog = watchdog(60);
    for (n, d) in [
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (50, 1),
        (60, 1),
        (5, 1),
        (120, 1),
    ] {
        for (samples, cut) in [(16_000, 160), (17_777, 1024), (63, 63), (48_000, 48_000)] {
            let (mut h, _) = harness(&by_signal(), AUDIO, &video(n, d));
            let mut got = Vec::new();
            for from in (0..samples).step_by(cut as usize) {
                h.push(tone(from, cut.min(samples - from))).expect("taken");
                got.extend(frames(&mut h));
            }
            got.extend(finish(&mut h));
            let count = (samples * n).div_ceil(RATE * d);
            assert_eq!(
                pts(&got),
                grid(0..count, n, d),
                "{samples} samples at {n}/{d}"
            );
            let ends: Vec<_> = got
                .iter()
                .map(|b| (b.pts().expect("PTS") + b.duration().expect("duration")).nseconds())
                .collect();
            assert_eq!(ends, grid(1..count + 1, n, d), "no holes at {n}/{d}");
        }
    }
}

#[test]
fn the_grid_is_one_of_running_time() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(3));
    segment.set_time(gst::ClockTime::from_seconds(3));
    segment.set_base(gst::ClockTime::from_mseconds(1_010));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    // Sound from 3.05 s is at 1.06 s of running time: the next frame of 25/1 lies at 1.08 s.
    h.push(tone(3 * RATE + 800, RATE)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let first = gst::ClockTime::from_mseconds(3_070);
    let expected: Vec<_> = (0..25)
        .map(|k| (first + gst::ClockTime::from_mseconds(40) * k).nseconds())
        .collect();
    assert_eq!(pts(&got), expected);
}

#[test]
fn sound_outside_the_segment_is_cut_off() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(500));
    segment.set_stop(gst::ClockTime::from_mseconds(1_500));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    for from in (0..3 * RATE).step_by(1600) {
        h.push(tone(from, 1600)).expect("taken");
    }
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let expected: Vec<_> = (0..25).map(|k| (500 + 40 * k) * 1_000_000).collect();
    assert_eq!(pts(&got), expected);
}

#[test]
fn a_mouth_opens_to_sound_and_rests_in_silence() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    h.push(stamped(0, &vec![0.0; 16_000])).expect("taken");
    let tones = sine(0, 16_000);
    h.push(stamped(16_000, &tones)).expect("taken");
    let mut got = frames(&mut h);
    got.extend(finish(&mut h));
    let aperture: Vec<f32> = got
        .iter()
        .map(|b| meta(b).get("aperture").expect("a float"))
        .collect();
    assert!(aperture[2..22].iter().all(|a| *a < 0.03), "{aperture:?}");
    let open = aperture[28..45].iter().sum::<f32>() / 17.0;
    assert!(open > 0.05, "{aperture:?}");
}

/// Something like an open vowel: many harmonics under two formants.
fn vowel(samples: u64) -> Vec<f32> {
    (0..samples)
        .map(|i| {
            let t = i as f32 / RATE as f32;
            let voice = (1..30).map(|k| {
                let f = 120.0 * k as f32;
                let formant = |at: f32, wide: f32| 1.0 / (1.0 + ((f - at) / wide).powi(2));
                let loud = formant(750.0, 150.0) + 0.6 * formant(1200.0, 200.0);
                loud * (t * f * std::f32::consts::TAU).sin()
            });
            0.15 * voice.sum::<f32>()
        })
        .collect()
}

/// The mouth opens in the frame that shows the instant of the sound, give or take one.
#[test]
fn claps_open_the_mouth_in_their_frame_at_all_rates() {
    let _watchdog = watchdog(60);
    for (n, d) in [(24, 1), (25, 1), (30_000, 1001), (50, 1), (60, 1)] {
        let (mut h, _) = harness(&by_signal(), AUDIO, &video(n, d));
        let claps: Vec<u64> = (1..8).map(|i| i * 16_000 + i * 377).collect();
        let mut sound = vec![0.0; 9 * RATE as usize];
        for &at in &claps {
            let vowel = vowel(4_000);
            sound[at as usize..][..vowel.len()].copy_from_slice(&vowel);
        }
        let mut got = Vec::new();
        for (i, piece) in sound.chunks(441).enumerate() {
            h.push(stamped(i as u64 * 441, piece)).expect("taken");
            got.extend(frames(&mut h));
        }
        got.extend(finish(&mut h));
        let aperture: Vec<f32> = got
            .iter()
            .map(|b| meta(b).get("aperture").expect("a float"))
            .collect();
        let frame = d as f64 / n as f64;
        for at in claps {
            let instant = at as f64 / RATE as f64;
            let before = (instant / frame) as usize - 5;
            let burst = &aperture[before..before + 5 + (n / d) as usize / 4];
            let half = burst.iter().copied().fold(0.0, f32::max) / 2.0;
            assert!(half > 0.02, "{burst:?}");
            let open = burst.iter().position(|a| *a >= half).expect("the highest");
            assert!(open > 0, "{burst:?}");
            // Between the frames, so that the grid adds no error of its own.
            let (low, high) = (burst[open - 1], burst[open]);
            let opens = (before + open) as f64 - f64::from((high - half) / (high - low));
            let late = opens * frame - instant;
            assert!(late.abs() <= frame, "{n}/{d}: {late} s late, {burst:?}");
        }
    }
}

#[test]
fn an_empty_stream_ends() {
    let _watchdog = watchdog(20);
    let mut h = plain();
    assert_eq!(finish(&mut h).len(), 0);
    // Not even caps.
    let mut h = gst_check::Harness::with_element(&animator(), Some("sink"), Some("src"));
    assert!(h.push_event(gst::event::StreamStart::new("empty")));
    assert!(h.push_event(gst::event::Eos::new()));
    assert_eq!(h.buffers_received(), 0);
}

#[test]
fn sound_of_every_kind_is_taken() {
    let _watchdog = watchdog(60);
    for (format, bytes) in [("S16LE", 2), ("S32LE", 4), ("F32LE", 4), ("F64LE", 8)] {
        for (rate, channels) in [(8_000, 1), (11_025, 2), (44_100, 6), (192_000, 12)] {
            let mask = match channels {
                1 | 2 => String::new(),
                6 => ",channel-mask=(bitmask)0x3f".into(),
                _ => ",channel-mask=(bitmask)0".into(),
            };
            let caps = format!(
                "audio/x-raw,format={format},layout=interleaved,rate={rate},channels={channels}{mask}"
            );
            let (mut h, bus) = harness(&animator(), &caps, VIDEO);
            let silence = vec![0u8; rate * channels * bytes / 2];
            let mut buffer = gst::Buffer::from_slice(silence);
            buffer.get_mut().expect("new").set_pts(gst::ClockTime::ZERO);
            h.push(buffer).expect("taken");
            let mut got = frames(&mut h);
            got.extend(finish(&mut h));
            assert_eq!(pts(&got), grid(0..13, 25, 1), "{caps}");
            assert_eq!(complaints(&bus), [""; 0], "{caps}");
        }
    }
}

#[test]
fn every_video_layout_is_filled() {
    let _watchdog = watchdog(60);
    let formats = ["I420", "NV12", "BGRx", "RGBx", "BGRA", "RGBA"];
    for format in formats {
        for (width, height) in [(16, 16), (33, 17), (64, 48), (130, 16)] {
            let caps =
                format!("video/x-raw,format={format},width={width},height={height},framerate=25/1");
            let (mut h, _) = harness(&animator(), AUDIO, &caps);
            h.push(tone(0, 1600)).expect("taken");
            let mut got = frames(&mut h);
            got.extend(finish(&mut h));
            assert_eq!(got.len(), 3, "{caps}");
            let caps = gst::Caps::builder("video/x-raw")
                .field("format", format)
                .field("width", width)
                .field("height", height)
                .field("framerate", gst::Fraction::new(25, 1))
                .build();
            let info = gst_video::VideoInfo::from_caps(&caps).expect("caps");
            let frame = gst_video::VideoFrame::from_buffer_readable(got[0].clone(), &info)
                .expect("the buffer holds a frame of its caps");
            if format.ends_with('x') || format.ends_with('A') {
                let data = frame.plane_data(0).expect("plane");
                let stride = frame.plane_stride()[0] as usize;
                let alpha = |x: usize, y: usize| data[y * stride + 4 * x + 3];
                let (w, h) = (width as usize, height as usize);
                // The built-in portrait is opaque, and so are bars.
                assert!((0..h).all(|y| (0..w).all(|x| alpha(x, y) == 255)), "{caps}");
            }
        }
    }
}
