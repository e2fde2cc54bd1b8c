// SPDX-License-Identifier: MPL-2.0
//! That the properties act on the frames, and that nothing else does.

mod common;

use common::*;
use gst::prelude::*;

const SECONDS: u64 = 12;

/// Silence and tones of half a second in turn.
fn sound() -> Vec<f32> {
    let mut sound = sine(0, SECONDS * RATE);
    for silence in sound.chunks_mut(RATE as usize) {
        silence[..RATE as usize / 2].fill(0.0);
    }
    sound
}

/// The frames of that sound, in buffers of `cut` samples, with properties as they are written
/// for gst-launch-1.0.
fn shown(properties: &[(&str, &str)], sound: &[f32], cut: usize) -> Vec<gst::Buffer> {
    let element = by_signal();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    let audio = AUDIO.replace("16000", "44100");
    let (mut h, bus) = harness(&element, &audio, VIDEO);
    let mut got = Vec::new();
    for piece in sound.chunks(cut) {
        h.push(unstamped(piece)).expect("taken");
        got.extend(frames(&mut h));
    }
    got.extend(finish(&mut h));
    assert_eq!(complaints(&bus), [""; 0]);
    got
}

fn pixels(frames: &[gst::Buffer]) -> Vec<Vec<u8>> {
    frames
        .iter()
        .map(|f| f.map_readable().expect("readable").to_vec())
        .collect()
}

fn apertures(frames: &[gst::Buffer]) -> Vec<f32> {
    frames
        .iter()
        .map(|f| meta(f).get("aperture").expect("a float"))
        .collect()
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len() as f32;
    values.sum::<f32>() / count
}

#[test]
fn the_same_sound_gives_the_same_pixels_however_it_is_cut() {
    let _watchdog = watchdog(60);
    let sound = sound();
    let whole = pixels(&shown(&[], &sound, sound.len()));
    for cut in [309, 1024, 4101] {
        assert!(whole == pixels(&shown(&[], &sound, cut)), "cut to {cut}");
    }
    assert!(whole != pixels(&shown(&[("seed", "7")], &sound, 1024)));
}

#[test]
fn without_motion_and_blinks_the_head_rests_and_the_lips_do_not() {
    let _watchdog = watchdog(60);
    let still = [("motion-scale", "0"), ("blink-rate", "0")];
    let got = shown(&still, &sound(), 1024);
    for frame in &got {
        let meta = meta(frame);
        for field in ["head-yaw", "head-pitch", "head-roll", "head-x", "head-y"] {
            assert_eq!(meta.get::<f32>(field), Ok(0.0), "{field}");
        }
        let json: String = meta.get("json").expect("a text");
        assert!(!json.contains("eyeBlink"), "{json}");
    }
    let (least, most) = apertures(&got)
        .into_iter()
        .fold((f32::MAX, 0f32), |(a, b), v| (a.min(v), b.max(v)));
    assert!(most - least > 0.05, "{least} to {most}");
}

#[test]
fn blinks_come_at_about_the_rate_that_is_set() {
    let _watchdog = watchdog(60);
    let silence = vec![0.0; 60 * 44_100];
    let blinks = |rate: &str| {
        let closed: Vec<bool> = shown(&[("blink-rate", rate)], &silence, 44_100)
            .iter()
            .map(|f| {
                let json: String = meta(f).get("json").expect("a text");
                json.contains("eyeBlinkLeft")
            })
            .collect();
        closed.windows(2).filter(|w| !w[0] && w[1]).count()
    };
    let (never, few, many) = (blinks("0"), blinks("12"), blinks("45"));
    assert_eq!(never, 0);
    assert!((4..=22).contains(&few), "{few} in a minute");
    assert!(many > 2 * few, "{many} and {few} in a minute");
}

#[test]
fn the_dynamic_scale_opens_the_mouth_wider() {
    let _watchdog = watchdog(60);
    let sound = sound();
    let opening = |scale: &str| {
        let got = shown(&[("dynamic-scale", scale)], &sound, 1024);
        mean(apertures(&got).into_iter())
    };
    let (half, one, two) = (opening("0.5"), opening("1"), opening("2"));
    assert!(1.4 * half < one && 1.4 * one < two, "{half}, {one}, {two}");
}

#[test]
fn the_lip_offset_moves_the_lips_by_that_time() {
    let _watchdog = watchdog(60);
    let sound = sound();
    let usual = apertures(&shown(&[], &sound, 1024));
    // Two frames of 25/1 earlier, five later.
    for (offset, moved) in [("-80000000", -2isize), ("200000000", 5)] {
        let other = apertures(&shown(&[("lip-offset", offset)], &sound, 1024));
        assert_eq!(other.len(), usual.len(), "no frame more or less");
        let apart = |by: isize| {
            let middle = 20..usual.len() - 20;
            mean(middle.map(|k| (other[k.saturating_add_signed(by)] - usual[k]).abs()))
        };
        let (there, beside) = (apart(moved), apart(moved - 1).min(apart(moved + 1)));
        assert!(there < 0.3 * beside, "{offset}: {there}, beside {beside}");
    }
}

#[test]
fn the_margin_around_the_head_acts_and_may_change_while_playing() {
    let _watchdog = watchdog(60);
    let still = [("motion-scale", "0"), ("framing", "head")];
    let first = |ratio: &str| {
        let properties = [still[0], still[1], ("expand-ratio", ratio)];
        pixels(&shown(&properties, &[0.0; 44_100], 44_100)).swap_remove(0)
    };
    let apart = |a: &[u8], b: &[u8]| mean(a.iter().zip(b).map(|(a, b)| f32::from(a.abs_diff(*b))));
    let (tight, wide) = (first("0"), first("0.4"));
    let differ = apart(&tight, &wide);
    assert!(differ > 3.0, "{differ}");

    let element = animator();
    for (name, value) in [still[0], still[1], ("expand-ratio", "0")] {
        element.set_property_from_str(name, value);
    }
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    h.push(tone(0, RATE)).expect("taken");
    element.set_property("expand-ratio", 0.4);
    let mut from = RATE;
    while stat::<u64>(&element, "portraits-swapped") == 0 {
        h.push(tone(from, 1600)).expect("taken");
        from += 1600;
    }
    h.push(tone(from, 3200)).expect("taken");
    // Eyes and lips move; all else is that of the other margin.
    let last = pixels(&frames(&mut h)).pop().expect("frames");
    let left = apart(&last, &wide);
    assert!(5.0 * left < differ, "{left} of {differ}");
}
