// SPDX-License-Identifier: MPL-2.0
//! Head, brows and lids hear the speech.

mod make;

use make::{Speech, espeak, train};
use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    grid::FrameGrid,
    motion::Expression,
    pose::Arkit,
};

const RATE: u32 = 16_000;
const FPS: u32 = 25;

fn style() -> Style {
    Style::default()
}

fn frames(sound: &[f32], seed: u64, fps: u32, style: Style) -> Vec<PosedFrame> {
    let grid = FrameGrid::new(fps, 1).expect("a rate");
    let mut animator = Animator::new(RATE, grid, seed, style);
    animator.push(sound);
    animator.finish();
    std::iter::from_fn(|| animator.next_frame()).collect()
}

/// Head pitch less what the head does by itself at that seed, degrees: what speech adds. The
/// sway stands still in pauses, so only where there has been none.
fn nods(sound: &[f32], seed: u64, fps: u32) -> Vec<f32> {
    let spoken = frames(sound, seed, fps, style());
    let idle = frames(&vec![0.0; sound.len()], seed, fps, style());
    spoken
        .iter()
        .zip(&idle)
        .map(|(s, i)| s.pose.head.pitch - i.pose.head.pitch)
        .collect()
}

/// dB of what sounds while each frame is shown, no less than −50.
fn loudness(sound: &[f32]) -> Vec<f32> {
    sound
        .chunks((RATE / FPS) as usize)
        .map(|c| {
            let power = c.iter().map(|s| s * s).sum::<f32>() / c.len() as f32;
            10.0 * power.max(1e-5).log10()
        })
        .collect()
}

/// Degrees a second of head pitch, at each frame.
fn pitch_speed(frames: &[PosedFrame]) -> Vec<f32> {
    let at = |i: usize| frames[i.min(frames.len() - 1)].pose.head.pitch;
    (0..frames.len())
        .map(|i| (at(i + 1) - at(i.saturating_sub(1))) * FPS as f32 / 2.0)
        .collect()
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let mean = |v: &[f32]| v[..n].iter().sum::<f32>() / n as f32;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a[..n].iter().zip(&b[..n]) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    ab / (aa * bb).sqrt()
}

/// The sound cut into pieces of 800 ms, in another order.
fn shuffled(sound: &[f32], seed: u64) -> Vec<f32> {
    let mut pieces: Vec<&[f32]> = sound.chunks(RATE as usize * 4 / 5).collect();
    let mut random = make::Random::new(seed);
    for i in (1..pieces.len()).rev() {
        pieces.swap(i, (random.unit() * (i + 1) as f64) as usize);
    }
    pieces.concat()
}

fn assert_head_hears(sound: &[f32], what: &str) {
    let spoken = frames(sound, 3, FPS, style());
    let speed = pitch_speed(&spoken);
    let how_fast: Vec<f32> = speed.iter().map(|s| s.abs()).collect();
    let own = loudness(sound);
    let (signed, fast) = (correlation(&speed, &own), correlation(&how_fast, &own));
    println!("{what}: r {signed:.3}, of its magnitude {fast:.3}");
    assert!(signed.abs() >= 0.25, "{what}: {signed}");
    let mut mean = [0.0; 2];
    for seed in 0..8 {
        let other = loudness(&shuffled(sound, seed));
        mean[0] += correlation(&speed, &other) / 8.0;
        mean[1] += correlation(&how_fast, &other) / 8.0;
    }
    println!("{what}, shuffled: {mean:?}");
    assert!(mean.iter().all(|r| r.abs() < 0.1), "{what}: {mean:?}");
}

#[test]
fn the_head_moves_with_the_loudness_of_this_speech_and_no_other() {
    assert_head_hears(&train(2, 150).sound, "syllables");
    if let Some(sound) = espeak(RATE) {
        assert_head_hears(&sound, "espeak-ng");
    }
}

#[test]
fn accents_are_nodded_in_time() {
    for fps in [25, 50] {
        let Speech { sound, accents, .. } = train(5, 60);
        let nods = nods(&sound, 1, fps);
        let second = fps as usize;
        // A nod is a peak that was risen to by half a degree within 200 ms.
        let peaks: Vec<f64> = (second..nods.len() - second)
            .filter(|i| nods[*i] >= nods[i - 1] && nods[*i] > nods[i + 1])
            .filter(|i| nods[*i] - nods[i - second / 5] > 0.5)
            .map(|i| i as f64 / f64::from(fps))
            .collect();
        let near = |a: f64, list: &[f64]| list.iter().any(|b| (a - b).abs() <= 0.1);
        let nodded = accents.iter().filter(|a| near(**a, &peaks)).count();
        let meant = peaks.iter().filter(|p| near(**p, &accents)).count();
        println!(
            "{fps} fps: {nodded} of {} accents nodded, {meant} of {} nods on accents",
            accents.len(),
            peaks.len()
        );
        assert!(nodded * 10 >= accents.len() * 7);
        assert!(meant * 10 >= peaks.len() * 7);
    }
}

#[test]
fn nods_are_small_and_smooth() {
    let Speech { sound, .. } = train(7, 60);
    let spoken = frames(&sound, 1, 100, style());
    let pitch: Vec<f32> = spoken.iter().map(|f| f.pose.head.pitch).collect();
    let brow: Vec<f32> = spoken
        .iter()
        .map(|f| f.pose.get(Arkit::BrowOuterUpLeft))
        .collect();
    assert!(pitch.iter().all(|p| p.abs() < 6.0));
    // Degrees and weights in 10 ms, and how those change.
    for (curve, step, bend) in [(&pitch, 0.45, 0.16), (&brow, 0.07, 0.02)] {
        for w in curve.windows(3) {
            assert!((w[1] - w[0]).abs() < step, "jumps: {w:?}");
            assert!((w[2] - 2.0 * w[1] + w[0]).abs() < bend, "jerks: {w:?}");
        }
    }
}

#[test]
fn phrases_end_with_a_blink_and_stillness() {
    let Speech { sound, ends, .. } = train(9, 120);
    let style = Style {
        blink_rate: 24.0,
        ..style()
    };
    let spoken = frames(&sound, 2, 50, style);
    let closed = |from: f64, to: f64| {
        spoken[(from * 50.0) as usize..(to * 50.0) as usize]
            .iter()
            .any(|f| f.pose.get(Arkit::EyeBlinkLeft) > 0.6)
    };
    let ends: Vec<f64> = ends
        .into_iter()
        .filter(|e| *e > 2.0 && *e < 117.0)
        .collect();
    let blinked = ends.iter().filter(|e| closed(**e, *e + 0.5)).count();
    let between = ends.iter().filter(|e| closed(*e - 1.0, *e - 0.5)).count();
    println!("{blinked} of {} ends, {between} before", ends.len());
    assert!(blinked * 2 >= ends.len() && blinked >= 2 * between);
    // Little happens just before the next phrase begins (its pause lasts 700 ms at least).
    let speed = |from: f64, to: f64| {
        let part = &spoken[(from * 50.0) as usize..(to * 50.0) as usize];
        let moved: f32 = part
            .windows(2)
            .map(|w| (w[1].pose.head.pitch - w[0].pose.head.pitch).abs())
            .sum();
        moved * 50.0 / part.len() as f32
    };
    let (mut still, mut speaking) = (0.0, 0.0);
    for end in &ends {
        still += speed(end + 0.55, end + 0.7);
        speaking += speed(end - 1.2, end - 0.2);
    }
    println!(
        "{} and {} °/s",
        still / ends.len() as f32,
        speaking / ends.len() as f32
    );
    assert!(still < 0.4 * speaking, "{still} against {speaking}");
}

/// Out of idling there is no more time for it than between hearing a sound and showing it.
#[test]
fn the_head_stands_still_before_the_first_phrase() {
    let Speech { sound, .. } = train(7, 3);
    let begins = sound.iter().position(|s| s.abs() > 0.003).expect("sound");
    let (mut idle, mut still) = (0.0, 0.0);
    for seed in 0..24 {
        let quiet = (RATE * 4) as usize + 4303 * seed as usize;
        let onset = (quiet + begins) as f64 / f64::from(RATE);
        let spoken = frames(
            &[vec![0.0; quiet], sound.clone()].concat(),
            seed,
            100,
            style(),
        );
        // Degrees a second.
        let speed = |from: f64, to: f64| {
            let part = &spoken[(from * 100.0).round() as usize..=(to * 100.0).round() as usize];
            let turned: f32 = part
                .windows(2)
                .map(|w| {
                    let (a, b) = (w[0].pose.head, w[1].pose.head);
                    (a.yaw - b.yaw).hypot((a.pitch - b.pitch).hypot(a.roll - b.roll))
                })
                .sum();
            turned / (to - from) as f32
        };
        idle += speed(onset - 1.5, onset - 0.2);
        still += speed(onset - 0.05, onset);
    }
    println!("{} of {} °/s", still / 24.0, idle / 24.0);
    assert!(still < 0.2 * idle, "{still} of {idle}");
}

#[test]
fn the_blink_rate_is_kept_while_speaking() {
    let sound = train(4, 300).sound;
    let spoken = frames(&sound, 6, 50, style());
    let shut: Vec<bool> = spoken
        .iter()
        .map(|f| f.pose.get(Arkit::EyeBlinkLeft) > 0.6)
        .collect();
    let blinks = shut.windows(2).filter(|w| !w[0] && w[1]).count() as f32 / 5.0;
    println!("{blinks} a minute");
    assert!((12.0..25.0).contains(&blinks), "{blinks}");
    let none = Style {
        blink_rate: 0.0,
        ..style()
    };
    assert!(
        frames(&sound[..RATE as usize * 20], 6, 50, none)
            .iter()
            .all(|f| f.pose.get(Arkit::EyeBlinkLeft) == 0.0)
    );
}

#[test]
fn a_loud_voice_opens_wider_than_a_soft_one_beside_it() {
    let phrase = |gain: f32| train(11, 4).sound.into_iter().map(move |s| s * gain);
    let widest = |frames: &[PosedFrame], shape: Arkit| {
        frames.iter().map(|f| f.pose.get(shape)).sum::<f32>() / frames.len() as f32
    };
    let sound: Vec<f32> = phrase(1.0).chain(phrase(0.35)).chain(phrase(1.0)).collect();
    let all = frames(&sound, 0, FPS, style());
    let third = all.len() / 3;
    for shape in [Arkit::JawOpen, Arkit::MouthStretchLeft, Arkit::MouthPucker] {
        let [_, soft, loud] = [0, 1, 2].map(|i| widest(&all[i * third..(i + 1) * third], shape));
        assert!(soft < 0.93 * loud, "{}: {soft} and {loud}", shape.name());
    }
}

#[test]
fn a_still_head_stays_still_while_the_brows_speak() {
    let still = Style {
        motion_scale: 0.0,
        ..style()
    };
    let all = frames(&train(3, 30).sound, 1, FPS, still);
    assert!(
        all.iter()
            .all(|f| f.pose.head.pitch == 0.0 && f.pose.head.yaw == 0.0)
    );
    let raised = all
        .iter()
        .filter(|f| f.pose.get(Arkit::BrowOuterUpLeft) > 0.2);
    assert!(raised.count() > 10);
}

#[test]
fn an_expression_comes_gradually_and_leaves_the_speech() {
    let sound = train(8, 4).sound;
    let plain = frames(&sound, 0, 50, style());
    let grid = FrameGrid::new(50, 1).expect("a rate");
    let mut animator = Animator::new(RATE, grid, 0, style());
    animator.push(&sound);
    animator.finish();
    let mut all = Vec::new();
    while let Some(frame) = animator.next_frame() {
        all.push(frame);
        if all.len() == 100 {
            animator.set_style(Style {
                expression: Expression::Happy,
                expression_strength: 1.0,
                gaze: [0.5, -0.5],
                ..style()
            });
        }
    }
    let added = |i: usize, shape: Arkit| all[i].pose.get(shape) - plain[i].pose.get(shape);
    assert_eq!(all[..100], plain[..100]);
    assert!(added(102, Arkit::CheekSquintLeft) < 0.2);
    assert!(added(118, Arkit::CheekSquintLeft) > 0.48);
    assert!(added(118, Arkit::EyeLookOutLeft) > 0.3 && added(118, Arkit::EyeLookUpLeft) > 0.3);
    for (a, b) in all.iter().zip(&plain) {
        assert_eq!(a.pose.get(Arkit::JawOpen), b.pose.get(Arkit::JawOpen));
        assert_eq!(a.pose.get(Arkit::MouthClose), b.pose.get(Arkit::MouthClose));
    }
}
