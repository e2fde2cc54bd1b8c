// SPDX-License-Identifier: MPL-2.0
//! Lips and sound stay together: at every frame rate, at every sample rate, for hours, however
//! the sound is cut.

use std::f64::consts::TAU;

use proptest::prelude::*;
use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    articulate::Origin,
    grid::FrameGrid,
    pose::Arkit,
};

const RATES: [(u32, u32); 5] = [(24, 1), (25, 1), (30_000, 1001), (50, 1), (60, 1)];
const SECOND: u64 = 1_000_000_000;

/// An open vowel: a pitch of 130 Hz, formants near 730, 1090 and 2440 Hz.
fn vowel(i: u64, rate: u32) -> f32 {
    let t = i as f64 / f64::from(rate);
    let sum: f64 = (1..24)
        .map(|h| {
            let f = 130.0 * f64::from(h);
            let near = |formant: f64, width: f64| 1.0 / (1.0 + ((f - formant) / width).powi(2));
            let gain = near(730.0, 90.0) + 0.6 * near(1090.0, 110.0) + 0.25 * near(2440.0, 150.0);
            gain * (TAU * f * t).sin()
        })
        .sum();
    (0.15 * sum) as f32
}

/// `length` samples of vowel with ends of 1 ms, so that they do not click.
fn clap(length: u64, rate: u32) -> Vec<f32> {
    let edge = f64::from(rate) / 1000.0;
    (0..length)
        .map(|i| {
            let gain = (i.min(length - i) as f64 / edge).min(1.0) as f32;
            gain * vowel(i, rate)
        })
        .collect()
}

fn aperture(frame: &PosedFrame) -> f32 {
    let jaw =
        0.33 * frame.pose.get(Arkit::JawOpen) + 0.05 * frame.pose.get(Arkit::MouthUpperUpLeft);
    jaw * (1.0 - frame.pose.get(Arkit::MouthClose))
}

fn grid((n, d): (u32, u32)) -> FrameGrid {
    FrameGrid::new(n, d).expect("a rate")
}

fn animator(rate: u32, frame_rate: (u32, u32)) -> Animator {
    Animator::new(rate, grid(frame_rate), 1, Style::default())
}

fn all(animator: &mut Animator) -> Vec<PosedFrame> {
    std::iter::from_fn(|| animator.next_frame()).collect()
}

/// Silence with claps of 300 ms at those samples; all frames.
fn claps(rate: u32, frame_rate: (u32, u32), at: &[u64], length: u64) -> Vec<PosedFrame> {
    let mut animator = animator(rate, frame_rate);
    let sound = clap(u64::from(rate) * 3 / 10, rate);
    let mut frames = Vec::new();
    let mut now = 0;
    for start in at {
        animator.push_silence(start - now);
        frames.extend(std::iter::from_fn(|| animator.next_frame()));
        animator.push(&sound);
        now = start + sound.len() as u64;
    }
    animator.push_silence(length - now);
    animator.finish();
    frames.extend(std::iter::from_fn(|| animator.next_frame()));
    frames
}

/// Seconds at which the aperture crosses half of its height, interpolated between frames.
fn crossings(frames: &[PosedFrame], frame_rate: (u32, u32)) -> (Vec<f64>, Vec<f64>) {
    let top = frames.iter().map(aperture).fold(0.0, f32::max);
    assert!(top > 0.1, "the mouth opens {top} IOD for a vowel");
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for pair in frames.windows(2) {
        let (a, b) = (aperture(&pair[0]), aperture(&pair[1]));
        let half = top / 2.0;
        if (a < half) != (b < half) {
            let share = f64::from((half - a) / (b - a));
            let k = pair[0].index as f64 + share;
            let time = k * f64::from(frame_rate.1) / f64::from(frame_rate.0);
            if a < b {
                up.push(time)
            } else {
                down.push(time)
            }
        }
    }
    (up, down)
}

#[test]
fn claps_open_the_mouth_in_the_frame_that_shows_them() {
    for rate in [8_000u32, 16_000, 44_100, 48_000] {
        for frame_rate in RATES {
            // At odd places between frames.
            let at: Vec<u64> = (1..8).map(|i| u64::from(rate) * i * 1_037 / 1000).collect();
            let frames = claps(rate, frame_rate, &at, u64::from(rate) * 9);
            let (up, down) = crossings(&frames, frame_rate);
            assert_eq!(
                (up.len(), down.len()),
                (at.len(), at.len()),
                "{rate} {frame_rate:?}"
            );
            let frame = f64::from(frame_rate.1) / f64::from(frame_rate.0);
            for (i, start) in at.iter().enumerate() {
                let start = *start as f64 / f64::from(rate);
                let (early, late) = (up[i] - start, down[i] - start - 0.3);
                assert!(
                    early.abs() <= 0.008 + 0.1 * frame,
                    "{rate} Hz, {frame_rate:?}: {early} s"
                );
                assert!(
                    late.abs() <= 0.02 + 0.1 * frame,
                    "{rate} Hz, {frame_rate:?}: {late} s"
                );
            }
        }
    }
}

#[test]
fn nothing_drifts_in_an_hour() {
    let rate = 8_000;
    for frame_rate in [(25, 1), (30_000, 1001)] {
        let at: Vec<u64> = (0..60)
            .map(|m| (m * 60 + 7) * u64::from(rate) + m * 11)
            .collect();
        let frames = claps(rate, frame_rate, &at, 3_600 * u64::from(rate));
        let expected = (3_600 * u64::from(frame_rate.0)).div_ceil(u64::from(frame_rate.1));
        assert_eq!(frames.len() as u64, expected);
        assert!(frames.iter().enumerate().all(|(i, f)| f.index == i as u64));
        let (up, _) = crossings(&frames, frame_rate);
        assert_eq!(up.len(), at.len());
        let late: Vec<f64> = up
            .iter()
            .zip(&at)
            .map(|(up, at)| up - *at as f64 / f64::from(rate))
            .collect();
        assert!(
            late.iter().all(|l| l.abs() < 0.012),
            "{frame_rate:?}: {late:?}"
        );
    }
}

/// A lively sound: vowels, gaps and noise.
fn babble(rate: u32, length: usize) -> Vec<f32> {
    let mut seed = 3u64;
    (0..length as u64)
        .map(|i| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (seed >> 40) as f32 / 8_388_608.0 - 1.0;
            match i * 9 / u64::from(rate) % 4 {
                0 | 1 => vowel(i, rate),
                2 => 0.08 * noise,
                _ => 0.001 * noise,
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_cut_of_the_sound_does_not_matter(
        rate in prop::sample::select(vec![8_000u32, 16_000, 44_100, 48_000]),
        frame_rate in prop::sample::select(RATES.to_vec()),
        cuts in prop::collection::vec(1usize..6000, 3..14),
        taken_late in any::<bool>(),
    ) {
        let sound = babble(rate, cuts.iter().sum());
        let mut whole = animator(rate, frame_rate);
        whole.push(&sound);
        whole.finish();
        let expected = all(&mut whole);

        let mut cut = animator(rate, frame_rate);
        let mut frames = Vec::new();
        let mut rest = sound.as_slice();
        for length in cuts {
            let (now, later) = rest.split_at(length);
            cut.push(now);
            if !taken_late {
                frames.extend(all(&mut cut));
            }
            rest = later;
        }
        cut.finish();
        frames.extend(all(&mut cut));
        prop_assert_eq!(frames, expected);
    }

    #[test]
    fn every_stretch_has_the_frames_of_its_instants(
        rate in prop::sample::select(vec![8_000u32, 11_025, 44_100, 48_000]),
        frame_rate in prop::sample::select(RATES.to_vec()),
        start in 0u64..20_000_000_000,
        samples in 0u64..30_000,
        more in 0u64..30_000,
        lip_offset in prop::sample::select(vec![-80_000_000i64, 0, 40_000_000, 500_000_000]),
    ) {
        let grid = grid(frame_rate);
        let mut animator = animator(rate, frame_rate);
        animator.set_style(Style { lip_offset, ..Style::default() });
        prop_assert_eq!(animator.next_frame(), None, "a frame before any sound");
        animator.begin(start);
        // Late lips need no look-ahead: the end is not known to be one, and yet nothing may
        // come that lies behind it.
        animator.push_silence(samples);
        let mut first = all(&mut animator);
        animator.finish();
        first.extend(all(&mut animator));
        let middle = start + samples * SECOND / u64::from(rate);
        animator.begin(middle);
        animator.push_silence(more);
        animator.finish();
        let second = all(&mut animator);
        let indices: Vec<u64> = first.iter().chain(&second).map(|f| f.index).collect();
        let from = grid.first_at_or_after(start);
        // Joined stretches lose and repeat nothing.
        prop_assert!(indices.iter().enumerate().all(|(i, k)| *k == from + i as u64));
        let exact = |n: u64| {
            let (num, den) = grid.rate();
            let end = u128::from(start) * u128::from(rate) + u128::from(n) * u128::from(SECOND);
            (end * u128::from(num)).div_ceil(u128::from(rate) * u128::from(SECOND) * u128::from(den))
        };
        let count = |n: u64| exact(n).saturating_sub(u128::from(from)) as usize;
        prop_assert_eq!(first.len(), count(samples));
        prop_assert!(indices.len().abs_diff(count(samples + more)) <= 1);
    }
}

#[test]
fn look_ahead_is_kept_and_small() {
    for rate in [8_000u32, 16_000, 44_100, 44_101, 48_000, 192_000] {
        let mut animator = animator(rate, (60, 1));
        let look_ahead = animator.look_ahead();
        assert!(look_ahead <= 120_000_000, "{rate} Hz: {look_ahead} ns");
        for sample in 1..u64::from(rate) / 2 {
            animator.push(&[0.0]);
            let now = sample * SECOND / u64::from(rate);
            while let Some(frame) = animator.next_frame() {
                let time = frame.index * SECOND / 60;
                assert!(time + look_ahead <= now + 1);
                // Not a sample later than promised.
                assert!(time + look_ahead + 2 * SECOND / u64::from(rate) >= now);
            }
        }
        assert_eq!(animator.look_ahead(), look_ahead);
    }
}

#[test]
fn the_lip_offset_moves_the_lips_and_the_look_ahead() {
    let rate = 16_000;
    let onset = |offset: i64| {
        let style = Style {
            lip_offset: offset,
            ..Style::default()
        };
        let mut animator = Animator::new(rate, grid((50, 1)), 1, style);
        let look_ahead = animator.look_ahead();
        animator.push_silence(16_000);
        animator.push(&clap(4_800, rate));
        animator.push_silence(16_000);
        animator.finish();
        (crossings(&all(&mut animator), (50, 1)).0[0], look_ahead)
    };
    let (at, look_ahead) = onset(0);
    for offset in [-500_000_000, -40_000_000, 60_000_000, 500_000_000] {
        let (moved, needed) = onset(offset);
        assert!(
            (moved - at - offset as f64 / 1e9).abs() < 0.002,
            "{offset}: {moved}"
        );
        assert_eq!(needed, look_ahead.saturating_add_signed(-offset));
    }
}

#[test]
fn an_interruption_relaxes_the_mouth_and_keeps_the_grid() {
    let rate = 48_000;
    let mut animator = animator(rate, (50, 1));
    animator.push(&clap(48_000, rate));
    let mut frames = all(&mut animator);
    assert!(aperture(&frames[frames.len() - 1]) > 0.1);
    let interrupted = frames.len();
    animator.interrupt();
    animator.push_silence(48_000);
    animator.push(&clap(48_000, rate));
    animator.finish();
    frames.extend(all(&mut animator));
    assert_eq!(frames.len(), 150);
    assert!(frames.iter().enumerate().all(|(i, f)| f.index == i as u64));
    // 120 ms are 6 frames.
    let after = &frames[interrupted + 6..90];
    assert!(
        after
            .iter()
            .all(|f| aperture(f) == 0.0 && f.origin == Origin::Idle)
    );
    assert!(
        aperture(&frames[interrupted]) > 0.05,
        "it does not snap shut"
    );
    assert!(
        frames[110..].iter().any(|f| aperture(f) > 0.1),
        "it speaks again"
    );
}

#[test]
fn it_can_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<Animator>();
}

#[test]
fn jumps_land_on_the_grid() {
    let mut animator = animator(48_000, (25, 1));
    let mut stretch = |start: u64, samples: u64| {
        animator.begin(start);
        animator.push_silence(samples);
        animator.finish();
        let frames = all(&mut animator);
        (
            frames.first().map(|f| f.index),
            frames.last().map(|f| f.index),
        )
    };
    assert_eq!(stretch(0, 48_000), (Some(0), Some(24)));
    assert_eq!(stretch(SECOND, 48_000), (Some(25), Some(49)));
    assert_eq!(stretch(5 * SECOND + 1, 48_000), (Some(126), Some(150)));
    // Overlapping sound by less than a frame repeats none.
    assert_eq!(
        stretch(6 * SECOND - 10_000_000, 48_000),
        (Some(151), Some(174))
    );
    assert_eq!(stretch(2 * SECOND, 48_000), (Some(50), Some(74)));
    assert_eq!(stretch(2 * SECOND, 48_000), (Some(50), Some(74)));
}
