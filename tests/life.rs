// SPDX-License-Identifier: MPL-2.0
//! What the face does with sound that is no speech, and without sound.

use std::f64::consts::TAU;

use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    articulate::Origin,
    audio::pcm::SampleFormat,
    grid::FrameGrid,
    pose::{Arkit, Head},
};

const RATE: u32 = 48_000;

fn animator(seed: u64, style: Style) -> Animator {
    let grid = FrameGrid::new(25, 1).expect("a rate");
    Animator::new(RATE, grid, seed, style)
}

fn aperture(frame: &PosedFrame) -> f32 {
    let jaw =
        0.33 * frame.pose.get(Arkit::JawOpen) + 0.05 * frame.pose.get(Arkit::MouthUpperUpLeft);
    jaw * (1.0 - frame.pose.get(Arkit::MouthClose))
}

fn frames(animator: &mut Animator) -> Vec<PosedFrame> {
    animator.finish();
    std::iter::from_fn(|| animator.next_frame()).collect()
}

fn hear(sound: impl Iterator<Item = f32>) -> Vec<PosedFrame> {
    let mut animator = animator(0, Style::default());
    animator.push(&sound.collect::<Vec<_>>());
    frames(&mut animator)
}

fn noise(level: f32, seconds: u64) -> impl Iterator<Item = f32> {
    let mut seed = 1u64;
    (0..seconds * u64::from(RATE)).map(move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        level * ((seed >> 40) as f32 / 8_388_608.0 - 1.0)
    })
}

/// Harmonics of `pitch`, falling by 6 dB an octave.
fn voice(pitch: f64, seconds: f64) -> impl Iterator<Item = f32> {
    (0..(seconds * f64::from(RATE)) as u64).map(move |i| {
        let t = i as f64 / f64::from(RATE);
        let sum: f64 = (1..20)
            .map(|h| (TAU * pitch * f64::from(h) * t).sin() / f64::from(h))
            .sum();
        (0.15 * sum) as f32
    })
}

#[test]
fn silence_rests() {
    let silent = hear(std::iter::repeat_n(0.0, RATE as usize * 3));
    assert!(
        silent
            .iter()
            .all(|f| aperture(f) == 0.0 && f.origin == Origin::Idle)
    );
    // The noise of a quiet room, from its first moment on.
    assert!(hear(noise(0.001, 5)).iter().all(|f| aperture(f) < 0.02));
}

#[test]
fn steady_noise_and_hum_come_to_rest() {
    for level in [0.005, 0.02, 0.05] {
        let frames = hear(noise(level, 8));
        assert!(
            frames.iter().all(|f| aperture(f) < 0.1),
            "noise of {level} gapes"
        );
        assert!(
            frames[100..].iter().all(|f| aperture(f) < 0.02),
            "noise of {level}"
        );
    }
    let hum = |i: u32| 0.1 * (TAU * 50.0 * f64::from(i) / f64::from(RATE)).sin() as f32;
    assert!(
        hear((0..RATE * 5).map(hum))
            .iter()
            .all(|f| aperture(f) < 0.02)
    );
}

#[test]
fn a_mouth_opens_as_wide_for_a_quiet_voice_as_for_a_loud_one() {
    let widest = |gain: f32| {
        let words = (0..8).flat_map(|_| voice(120.0, 0.25).chain(std::iter::repeat_n(0.0, 6_000)));
        let frames = hear(words.map(|s| s * gain));
        frames[frames.len() / 2..]
            .iter()
            .map(aperture)
            .fold(0.0, f32::max)
    };
    let (loud, quiet) = (widest(1.0), widest(0.05));
    assert!(loud > 0.1, "{loud}");
    assert!((quiet / loud - 1.0).abs() < 0.25, "{quiet} against {loud}");
}

#[test]
fn what_is_no_number_counts_as_silence() {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let silent = hear((0..RATE as usize).map(|i| bad[i % 3]));
    assert_eq!(silent.len(), 25);
    assert!(
        silent
            .iter()
            .all(|f| aperture(f) == 0.0 && f.origin == Origin::Idle)
    );
    let mut loud = animator(0, Style::default());
    loud.push(&[f32::MAX; 48_000]);
    for frame in frames(&mut loud) {
        assert!(frame.pose.weights.iter().all(|w| (0.0..=1.0).contains(w)));
    }
}

#[test]
fn channels_and_formats_are_one_sound() {
    let mono: Vec<f32> = voice(150.0, 0.5).collect();
    let expected = hear(mono.iter().copied());
    let stereo: Vec<f32> = mono.iter().flat_map(|s| [1.5 * s, 0.5 * s]).collect();
    let mut interleaved = animator(0, Style::default());
    interleaved.push_interleaved(&stereo, 2);
    let mut bytes = animator(0, Style::default());
    let raw: Vec<u8> = stereo.iter().flat_map(|s| s.to_le_bytes()).collect();
    bytes.push_bytes(SampleFormat::F32, 2, &raw);
    let (interleaved, bytes) = (frames(&mut interleaved), frames(&mut bytes));
    assert_eq!(interleaved, bytes);
    for (a, b) in interleaved.iter().zip(&expected) {
        assert!((aperture(a) - aperture(b)).abs() < 1e-4);
    }
    assert_eq!(interleaved.len(), expected.len());
}

#[test]
fn an_hour_of_silence_is_cheap_and_alive() {
    let mut idle = animator(4, Style::default());
    idle.push_silence(3_600 * u64::from(RATE));
    let frames = frames(&mut idle);
    assert_eq!(frames.len(), 90_000);
    assert!(frames.iter().all(|f| f.origin == Origin::Idle));
    let blinking = frames
        .iter()
        .filter(|f| f.pose.get(Arkit::EyeBlinkLeft) > 0.5)
        .count();
    assert!(
        (2_000..9_000).contains(&blinking),
        "{blinking} frames with closed lids"
    );
    for pair in frames.windows(2) {
        let (a, b) = (pair[0].pose.head, pair[1].pose.head);
        let turn = (a.yaw - b.yaw)
            .hypot(a.pitch - b.pitch)
            .hypot(a.roll - b.roll);
        assert!(turn * 25.0 <= 2.0, "{} °/s", turn * 25.0);
    }
    for three_seconds in frames.chunks(75) {
        let moved = |of: fn(&Head) -> f32| {
            let values = three_seconds.iter().map(|f| of(&f.pose.head));
            let (low, high) = values.fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        assert!(
            moved(|h| h.yaw)
                .max(moved(|h| h.pitch))
                .max(moved(|h| h.roll))
                > 0.3
        );
    }
}

#[test]
fn skipped_silence_equals_pushed_silence() {
    let run = |skip: bool| {
        let mut animator = animator(2, Style::default());
        animator.push(&voice(120.0, 0.4).collect::<Vec<_>>());
        if skip {
            animator.push_silence(5 * u64::from(RATE) + 17);
        } else {
            animator.push(&vec![0.0; 5 * RATE as usize + 17]);
        }
        animator.push(&voice(120.0, 0.4).collect::<Vec<_>>());
        frames(&mut animator)
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn scales_at_zero_stop_what_they_scale() {
    let style = Style {
        motion_scale: 0.0,
        blink_rate: 0.0,
        ..Style::default()
    };
    let mut still = animator(3, style);
    still.push_silence(60 * u64::from(RATE));
    for frame in frames(&mut still) {
        assert_eq!(frame.pose.head, Head::default());
        assert_eq!(frame.pose.get(Arkit::EyeBlinkLeft), 0.0);
    }
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let run = |seed: u64| {
        let mut animator = animator(seed, Style::default());
        animator.push(&voice(140.0, 3.0).collect::<Vec<_>>());
        frames(&mut animator)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
