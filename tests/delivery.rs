// SPDX-License-Identifier: MPL-2.0
//! What head, brows and lids do with speech: nods at accents, brows on some of them, rest before
//! a phrase, a small reset and a blink behind it.

use std::f64::consts::TAU;

use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    grid::FrameGrid,
    pose::Arkit,
    voice::{Cancel, Settings, Speaker},
};

const RATE: u32 = 16_000;
/// Frames a second: enough that 10 ms are seen.
const FPS: u32 = 100;

fn style() -> Style {
    Style {
        motion_scale: 1.0,
        ..Style::default()
    }
}

fn shown(sound: &[f32], rate: u32, seed: u64) -> Vec<PosedFrame> {
    let grid = FrameGrid::new(FPS, 1).expect("a rate");
    let mut animator = Animator::new(rate, grid, seed, style());
    animator.push(sound);
    animator.finish();
    std::iter::from_fn(|| animator.next_frame()).collect()
}

/// A syllable of that many ms, `gain` loud, its pitch bent up by so many semitones.
struct Syllable {
    ms: u64,
    gain: f64,
    bend: f64,
}

const PLAIN: Syllable = Syllable {
    ms: 190,
    gain: 0.5,
    bend: 0.0,
};
const ACCENT: Syllable = Syllable {
    ms: 240,
    gain: 1.0,
    bend: 4.0,
};

/// Adds a syllable as vowels are: an attack of 50 ms, a slow fall; loudest and highest in its
/// middle. A murmur of a consonant joins it to the next.
fn say(syllable: &Syllable, phase: &mut f64, out: &mut Vec<f32>) {
    let samples = syllable.ms * u64::from(RATE) / 1_000;
    for i in 0..samples {
        let t = i as f64 / samples as f64;
        let arch = (std::f64::consts::PI * t).sin();
        let pitch = 115.0 * (syllable.bend * arch / 12.0).exp2();
        *phase += pitch / f64::from(RATE);
        let voice: f64 = (1..24)
            .map(|h| {
                let f = pitch * f64::from(h);
                let near = |at: f64| 1.0 / (1.0 + ((f - at) / 100.0).powi(2));
                let gain = near(700.0) + 0.5 * near(1_100.0) + 0.25 * near(2_450.0);
                gain * (TAU * *phase * f64::from(h)).sin()
            })
            .sum();
        let level = 0.12 + 0.88 * arch.powf(0.7);
        out.push((0.15 * syllable.gain * level * voice) as f32);
    }
}

/// A minute of syllables without pause, every third to seventh accented: the sound, and the
/// middles of the accents in ms.
fn accented() -> (Vec<f32>, Vec<u64>) {
    let (mut sound, mut accents, mut phase) = (Vec::new(), Vec::new(), 0.0);
    let mut until = 6;
    for i in 0u64..300 {
        let at = sound.len() as u64 * 1_000 / u64::from(RATE);
        if until == 0 {
            accents.push(at + ACCENT.ms / 2);
            say(&ACCENT, &mut phase, &mut sound);
            until = 3 + i * 7 % 5;
        } else {
            say(&PLAIN, &mut phase, &mut sound);
            until -= 1;
        }
    }
    (sound, accents)
}

/// What a run with sound adds to one without, per frame: pitch of the head in degrees and brows
/// in IOD. The rig raises brows by 0.1 IOD at weight 1.
fn added(spoken: &[PosedFrame], silent: &[PosedFrame]) -> Vec<(f32, f32)> {
    let brow = |f: &PosedFrame| 0.1 * f.pose.get(Arkit::BrowOuterUpLeft);
    let pairs = spoken.iter().zip(silent);
    pairs
        .map(|(a, b)| (a.pose.head.pitch - b.pose.head.pitch, brow(a) - brow(b)))
        .collect()
}

/// Degrees a second from a frame to the next.
fn speed(pair: &[PosedFrame]) -> f32 {
    let (a, b) = (pair[0].pose.head, pair[1].pose.head);
    let turn = (a.yaw - b.yaw).hypot(a.pitch - b.pitch);
    turn.hypot(a.roll - b.roll) * FPS as f32
}

fn mean(values: impl Iterator<Item = f32> + Clone) -> f32 {
    values.clone().sum::<f32>() / values.count().max(1) as f32
}

#[test]
fn the_head_nods_at_accents_and_brows_go_up_with_a_third_of_them() {
    let (sound, accents) = accented();
    let silence = vec![0.0; sound.len()];
    let (mut nods, mut brows, mut all) = (0, 0, 0);
    for seed in 0..4 {
        let added = added(&shown(&sound, RATE, seed), &shown(&silence, RATE, seed));
        // The voice must be known first.
        for at in accents.iter().filter(|at| **at > 5_000) {
            let middle = (*at / 10) as usize;
            let near = middle - 25..(middle + 26).min(added.len());
            let by_pitch = |a: &usize, b: &usize| added[*a].0.total_cmp(&added[*b].0);
            let top = near.clone().max_by(by_pitch).expect("frames");
            let brow = near.map(|i| added[i].1).fold(0.0, f32::max);
            all += 1;
            nods += usize::from(top.abs_diff(middle) <= 10 && (1.0..=3.0).contains(&added[top].0));
            brows += usize::from(brow > 0.01);
            assert!(brow < 0.01 || (0.02..=0.05).contains(&brow), "{brow} IOD");
        }
    }
    println!("{nods} nods and {brows} raised brows at {all} accents");
    assert!(all > 150 && nods * 20 >= all * 19, "{nods} of {all}");
    assert!(
        (all * 20..=all * 45).contains(&(brows * 100)),
        "{brows} of {all}"
    );
}

/// Phrases of two seconds with pauses of 1.2 s: the sound, and begins and ends in frames.
fn phrased(phrases: usize) -> (Vec<f32>, Vec<(usize, usize)>) {
    let (mut sound, mut phase) = (vec![0.0; 2 * RATE as usize], 0.0);
    let frame = |sound: &[f32]| sound.len() * FPS as usize / RATE as usize;
    let mut places = Vec::new();
    for _ in 0..phrases {
        let begin = frame(&sound);
        for i in 0..10 {
            let syllable = if i % 4 == 2 { &ACCENT } else { &PLAIN };
            say(syllable, &mut phase, &mut sound);
        }
        places.push((begin, frame(&sound)));
        sound.extend(std::iter::repeat_n(0.0, RATE as usize * 6 / 5));
    }
    (sound, places)
}

/// Mean speed of the head over some frames, degrees a second.
fn mean_speed(frames: &[PosedFrame]) -> f32 {
    mean(frames.windows(2).map(speed))
}

/// After some seconds without speech, and in the pauses of it.
#[test]
fn the_head_comes_to_rest_before_it_speaks() {
    let (sound, places) = phrased(4);
    // As much silence again before the first phrase.
    let mut quiet = vec![0.0; 4 * RATE as usize];
    quiet.extend(sound);
    let later = 4 * FPS as usize;
    let (mut idle, mut first, mut next, mut last) = (vec![], vec![], vec![], vec![]);
    for seed in 0..16 {
        let frames = shown(&quiet, RATE, seed);
        let begins = places.iter().map(|(begin, _)| begin + later);
        idle.push(mean_speed(&frames[100..500]));
        for (n, begin) in begins.enumerate() {
            let before = mean_speed(&frames[begin - 20..begin]);
            if n == 0 {
                first.push(before)
            } else {
                next.push(before)
            }
            last.push(mean_speed(&frames[begin - 8..begin + 2]));
        }
    }
    let [idle, first, next, last] = [idle, first, next, last].map(|v| mean(v.into_iter()));
    println!(
        "idle {idle} °/s; in the 200 ms before speaking {first}, in pauses {next}; 100 ms about the begin {last}"
    );
    // After a long silence the first sound is known no earlier than the look-ahead, 160 ms.
    assert!(first < 0.75 * idle, "{first} of {idle} °/s");
    assert!(next < 0.1 * idle, "{next} of {idle} °/s");
    assert!(last < 0.15 * idle, "{last} of {idle} °/s");
}

/// Heads of people who talk to one turn by a few degrees; this one does so in silence too, less.
#[test]
fn a_speaker_turns_to_the_left_and_the_right() {
    let (sound, _) = phrased(12);
    let silence = vec![0.0; sound.len()];
    let (mut speaking, mut idle) = (vec![], vec![]);
    for seed in 0..6 {
        speaking.push(shown(&sound, RATE, seed));
        idle.push(shown(&silence, RATE, seed));
    }
    let yaws = |runs: &[Vec<PosedFrame>]| -> Vec<f32> {
        let all = runs.iter().flat_map(|frames| frames[400..].iter());
        let mut yaws: Vec<f32> = all.map(|f| f.pose.head.yaw).collect();
        yaws.sort_by(f32::total_cmp);
        yaws
    };
    let share = |yaws: &[f32], share: f32| yaws[(share * (yaws.len() - 1) as f32) as usize];
    let (speaking, idle) = (yaws(&speaking), yaws(&idle));
    let sd = |yaws: &[f32]| mean(yaws.iter().map(|y| y * y)).sqrt();
    println!(
        "yaw: s.d. {} speaking and {} idle; 5 to 95 %: {} to {}; from {} to {}",
        sd(&speaking),
        sd(&idle),
        share(&speaking, 0.05),
        share(&speaking, 0.95),
        speaking[0],
        share(&speaking, 1.0)
    );
    assert!((2.0..4.0).contains(&sd(&speaking)) && (1.2..2.6).contains(&sd(&idle)));
    assert!(share(&speaking, 0.05) < -3.0 && share(&speaking, 0.95) > 3.0);
    // Up to 10 degrees the relief looks right.
    assert!(speaking[0] > -10.0 && share(&speaking, 1.0) < 10.0);
}

#[test]
fn a_phrase_begins_from_rest_and_ends_with_a_reset_and_maybe_a_blink() {
    const SEEDS: u64 = 8;
    let (sound, places) = phrased(12);
    let (mut before, mut during, mut reset) = (Vec::new(), Vec::new(), Vec::new());
    let (mut blinks, mut others) = (0, 0);
    for seed in 0..SEEDS {
        let frames = shown(&sound, RATE, seed);
        let lid = |i: usize| frames[i].pose.get(Arkit::EyeBlinkLeft);
        let shuts = |from: usize| (from..from + 40).any(|i| lid(i) < 0.5 && lid(i + 1) >= 0.5);
        let pitch = |i: usize| frames[i].pose.head.pitch;
        for (n, (begin, end)) in places.iter().enumerate() {
            let speeds = |range: std::ops::Range<usize>| range.map(|i| speed(&frames[i..i + 2]));
            during.extend(speeds(*begin..*end));
            before.extend(speeds(begin - 20..*begin));
            if n == 0 {
                // After two seconds of silence: no gesture comes before its sound.
                let fastest = speeds(begin - 50..*begin - 5).fold(0.0, f32::max);
                assert!(fastest <= 2.0, "{fastest} °/s before speaking");
            }
            reset.push(pitch(end + 45) - pitch(*end));
            blinks += usize::from(shuts(*end));
            others += usize::from(shuts(begin + 50));
        }
    }
    let (before, during) = (mean(before.into_iter()), mean(during.into_iter()));
    let up = -mean(reset.iter().copied());
    let phrases = reset.len();
    println!(
        "{before} °/s before and {during} °/s while speaking; up by {up}°; {blinks} and {others} blinks of {phrases}"
    );
    assert!(
        before < 1.6 && before < 0.4 * during,
        "{before} and {during} °/s"
    );
    assert!((0.4..1.2).contains(&up), "{up}°");
    // At 18 blinks a minute 9 of 16 phrases end with one; by chance one of 9 would.
    assert!(
        (phrases * 40..=phrases * 75).contains(&(blinks * 100)),
        "{blinks} of {phrases}"
    );
    assert!(others * 4 < blinks, "{others} and {blinks}");
}

const TEXT: &str = "The old keeper climbed the narrow stairs every single evening. He never \
    complained about the weather, and he never forgot the lamp. One night a terrible storm came \
    up from the south, and nobody in the village could sleep.";

/// A voice that speaks after two seconds; `None` where it is not installed.
fn voice(name: &str) -> Option<(Vec<f32>, u32)> {
    let settings = Settings {
        voice: Some(name.to_owned()),
        ..Settings::default()
    };
    let mut speaker = Speaker::new(settings);
    let rate = match speaker.check() {
        Ok(rate) => rate,
        Err(error) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            return None;
        }
    };
    speaker.append(TEXT);
    speaker.finish();
    let cancel = Cancel::new();
    let mut sound = vec![0.0; 2 * rate as usize];
    while let Some(clause) = speaker.next_clause(&cancel) {
        sound.extend(clause.expect("it speaks").samples);
    }
    Some((sound, rate))
}

/// Real speech has no marks for its accents. But where heads nod it should be louder than it is
/// on average, and loudest close to the lowest point of the nod.
#[test]
fn with_real_voices_nods_lie_where_speech_is_loud() {
    const SEEDS: u64 = 6;
    for name in ["slt", "rms", "espeak:en", "espeak:de"] {
        let Some((sound, rate)) = voice(name) else {
            return;
        };
        let silence = vec![0.0; sound.len()];
        let mut pitch = vec![0.0; sound.len() * FPS as usize / rate as usize];
        for seed in 0..SEEDS {
            // What the head does by itself averages out.
            let added = added(&shown(&sound, rate, seed), &shown(&silence, rate, seed));
            for (sum, (pitch, _)) in pitch.iter_mut().zip(added) {
                *sum += pitch / SEEDS as f32;
            }
        }
        let rise = |i: usize| pitch[i] - pitch[i - 30..i].iter().copied().fold(9.0, f32::min);
        let tops = (60..pitch.len() - 60)
            .filter(|i| pitch[i - 15..=i + 15].iter().all(|p| *p <= pitch[*i]) && rise(*i) > 0.7);
        let tops: Vec<usize> = tops.collect();
        let largest = tops.iter().map(|i| rise(*i)).fold(0.0, f32::max);
        assert!(largest <= 3.0, "{name}: {largest}°");
        let seconds = pitch.len() as f32 / FPS as f32 - 2.0;
        let often = tops.len() as f32 / seconds;
        assert!((0.8..3.0).contains(&often), "{name}: {often} nods a second");
        // dB over 100 ms.
        let level: Vec<f32> = (0..pitch.len())
            .map(|i| {
                let at = i * rate as usize / FPS as usize;
                let half = rate as usize / 20;
                let part = &sound[at.saturating_sub(half)..(at + half).min(sound.len())];
                10.0 * (mean(part.iter().map(|s| s * s)) + 1e-7).log10()
            })
            .collect();
        let speech = level.iter().copied().filter(|l| *l > -40.0);
        let usual = mean(speech);
        let at = |lag: i64| {
            mean(
                tops.iter()
                    .map(|i| level[i.saturating_add_signed(lag as isize)]),
            )
        };
        let best = (-30..=30)
            .max_by(|a, b| at(*a).total_cmp(&at(*b)))
            .expect("lags");
        println!(
            "{name}: {often:.1} nods a second, {:.1} dB above the rest {} ms off",
            at(best) - usual,
            best * 10
        );
        assert!(best.abs() <= 10, "{name}: loudest {} ms off", best * 10);
        assert!(
            at(best) >= usual + 1.5,
            "{name}: {} and {usual} dB",
            at(best)
        );
    }
}
