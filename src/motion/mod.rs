// SPDX-License-Identifier: MPL-2.0
//! What a living face does besides speaking: it blinks, looks about, sways and breathes; and
//! while speaking it nods, raises its brows, and wears an expression.
//!
//! What it does by itself is a function of seed and running time alone: the same instant gives
//! the same bits, in whatever order instants are asked for. What it does with speech depends on
//! the sound too, and is as smooth.

mod blink;
mod expression;
mod gesture;
mod noise;
mod posture;
mod prosody;
mod rest;
mod spring;

pub use expression::Expression;
pub(crate) use prosody::{Cue, Prosody};

use std::f64::consts::TAU;

use crate::pose::{Arkit, FacePose, Head};
use blink::Blinks;
use expression::Wearing;
use gesture::Gestures;
use noise::Chance;

/// One of the head's oscillations: a slow swing that never repeats, because its phase wanders,
/// on top of a slower drift of posture.
struct Sway {
    stream: u64,
    /// Amplitude of the swing, and its mean period in ms.
    swing: (f64, u64),
    /// Amplitude of the drift, and the time scale of it in ms.
    drift: (f64, u64),
}

/// Degrees. The phase advances between 0.6 and 1.4 times its mean speed at the very most, which
/// bounds the speed of the head below 2 degrees a second at motion scale 1 while it always moves.
const YAW: Sway = Sway {
    stream: 1,
    swing: (1.5, 13_000),
    drift: (3.4, 12_100),
};
const PITCH: Sway = Sway {
    stream: 4,
    swing: (0.75, 6_700),
    drift: (1.1, 13_700),
};
const ROLL: Sway = Sway {
    stream: 7,
    swing: (0.5, 10_100),
    drift: (0.9, 9_700),
};
/// IOD, across.
const ACROSS: Sway = Sway {
    stream: 10,
    swing: (0.006, 9_100),
    drift: (0.014, 12_300),
};
/// IOD, down: the swing is breath, 14 a minute.
const DOWN: Sway = Sway {
    stream: 13,
    swing: (0.010, 4_300),
    drift: (0.012, 14_300),
};
/// How far the phase of a swing wanders, rad.
const WANDER: f64 = 2.5;

const GAZE_CELL: u64 = 1_400_000_000;
const GAZE_TIME: u64 = 0x20;
const GAZE_ACROSS: u64 = 0x21;
const GAZE_DOWN: u64 = 0x22;
const GAZE_FAR: u64 = 0x23;
const BROW: u64 = 0x30;
/// How long the eyes take from one place to the next.
const SACCADE_NS: u64 = 45_000_000;
/// Degrees that an eye turns at weight 1 of its ARKit shape.
const EYE_DEGREES: f64 = 30.0;

impl Sway {
    fn at(&self, chance: Chance, time: u64) -> f64 {
        let period = self.swing.1 * 1_000_000;
        let phase = (time % period) as f64 / period as f64;
        // Wandering no faster than 0.4 of the mean phase speed: slope of the noise ≤ 2/period.
        let wander_period = (2.0 * WANDER / 0.4 * period as f64 / TAU) as u64;
        let wander = WANDER * chance.smooth(self.stream, time, wander_period);
        let begin = chance.unit(self.stream + 1, 0);
        let swing = self.swing.0 * (TAU * (phase + begin) + wander).sin();
        swing + self.drift.0 * chance.smooth(self.stream + 2, time, self.drift.1 * 1_000_000)
    }
}

/// How a face is to move; see [`Style`](crate::animator::Style) for what the fields mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) motion_scale: f32,
    pub(crate) blink_rate: f32,
    pub(crate) expression: Expression,
    pub(crate) expression_strength: f32,
    pub(crate) gaze: [f32; 2],
}

/// The involuntary motion of one face.
pub struct Motion {
    chance: Chance,
    blinks: Blinks,
    gestures: Gestures,
    wearing: Wearing,
}

impl Motion {
    /// Faces of different seeds move differently.
    pub fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self {
            chance,
            blinks: Blinks::new(chance),
            gestures: Gestures::new(chance),
            wearing: Wearing::new(),
        }
    }

    /// Answers to a cue of speech that lies at the running time `at` and can be shown from
    /// `from` on, ns.
    pub(crate) fn answer(&mut self, cue: &Cue, at: u64, from: u64) {
        self.gestures.answer(cue, at, from);
    }

    /// The sound after that running time is dropped: answers to it do not come.
    pub(crate) fn forget_after(&mut self, time: u64) {
        self.gestures.forget_after(time);
    }

    /// Time starts anew, maybe elsewhere.
    pub(crate) fn restart(&mut self) {
        self.gestures.clear();
    }

    /// Adds to `pose` what the face does by itself at a running time in ns.
    ///
    /// `motion_scale` (0–2) scales the head: ±5.5° of yaw, ±2° of pitch, ±1.5° of roll, 0.03 IOD
    /// of shift at 1, below 2° a second; at 0 the head is exactly still. `blink_rate` is in
    /// blinks a minute, 0–60; 0 is none. What lies outside is taken as the nearer limit, NaN as 0.
    pub fn apply(&mut self, time: u64, motion_scale: f32, blink_rate: f32, pose: &mut FacePose) {
        let manner = Manner {
            motion_scale,
            blink_rate,
            expression: Expression::Neutral,
            expression_strength: 0.0,
            gaze: [0.0; 2],
        };
        self.live(time, &manner, pose);
    }

    /// Adds to a speaking `pose` all that the face does at a running time in ns, speech included.
    /// Times must not go back but after [`restart`](Self::restart).
    pub(crate) fn live(&mut self, time: u64, manner: &Manner, pose: &mut FacePose) {
        let scale = within(manner.motion_scale, 2.0);
        let rate = within(manner.blink_rate, 60.0);
        let spoken = self.gestures.at(time);
        let sway_time = self.gestures.sway_time(time);
        let turn = |s: &Sway, spoken: f64| {
            let own = s.at(self.chance, sway_time);
            (scale * (own + spoken)) as f32
        };
        let breath = |s: &Sway| (scale * s.at(self.chance, time)) as f32;
        let [yaw, pitch, roll] = spoken.head;
        pose.head = Head {
            yaw: turn(&YAW, yaw),
            pitch: turn(&PITCH, pitch),
            roll: turn(&ROLL, roll),
            shift: [breath(&ACROSS), breath(&DOWN)],
        };
        self.wearing.follow(
            time,
            manner.expression,
            manner.expression_strength,
            manner.gaze,
        );
        self.gaze(time, pose);
        let ending = self.gestures.blinks(time, rate);
        let closed = self.blinks.closed_with(time, rate, ending) as f32;
        pose.set(Arkit::EyeBlinkLeft, closed);
        pose.set(Arkit::EyeBlinkRight, closed);
        let brow = self.chance.smooth(BROW, time, 2_900_000_000);
        pose.set(Arkit::BrowInnerUp, (0.16 * brow) as f32);
        pose.set(Arkit::BrowOuterUpLeft, (0.08 * brow) as f32);
        pose.set(Arkit::BrowOuterUpRight, (0.08 * brow) as f32);
        spoken.raise_brows(pose);
        self.wearing.add(pose);
    }

    /// The eyes stay on the viewer, or where they are told to look, while the head turns, but for small jumps.
    fn gaze(&self, time: u64, pose: &mut FacePose) {
        let cell = time / GAZE_CELL;
        let jump = |n: u64| {
            let within = 0.7 * self.chance.unit(GAZE_TIME, n) * GAZE_CELL as f64;
            (n * GAZE_CELL).saturating_add(within as u64)
        };
        let (latest, since) = match time.checked_sub(jump(cell)) {
            Some(since) => (cell + 1, since),
            // Target n + 1 is that of the jump in cell n, target 0 that before any jump.
            None if cell == 0 => (0, u64::MAX),
            None => (cell, time - jump(cell - 1)),
        };
        let t = (since as f64 / SACCADE_NS as f64).min(1.0);
        let share = t * t * (3.0 - 2.0 * t);
        let at = |stream: u64, reach: f64| {
            let target = |n: u64| {
                let far = if self.chance.unit(GAZE_FAR, n) < 0.2 {
                    2.5
                } else {
                    1.0
                };
                reach * far * self.chance.signed(stream, n)
            };
            let before = target(latest.saturating_sub(1));
            before + (target(latest) - before) * share
        };
        // Degrees to the viewer's right and down, against the head.
        let [right, low] = self.wearing.gaze().map(|g| EYE_DEGREES * f64::from(g));
        let across = right + at(GAZE_ACROSS, 1.6) - f64::from(pose.head.yaw);
        let down = low + at(GAZE_DOWN, 0.9) - f64::from(pose.head.pitch);
        let weight = |degrees: f64| (degrees / EYE_DEGREES) as f32;
        // The viewer's right is the person's left.
        pose.set(Arkit::EyeLookOutLeft, weight(across));
        pose.set(Arkit::EyeLookInRight, weight(across));
        pose.set(Arkit::EyeLookInLeft, weight(-across));
        pose.set(Arkit::EyeLookOutRight, weight(-across));
        for (shape, degrees) in [
            (Arkit::EyeLookDownLeft, down),
            (Arkit::EyeLookDownRight, down),
            (Arkit::EyeLookUpLeft, -down),
            (Arkit::EyeLookUpRight, -down),
        ] {
            pose.set(shape, weight(degrees));
        }
    }
}

/// `value` in 0..=`limit`, NaN as 0.
fn within(value: f32, limit: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        f64::from(value).clamp(0.0, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn pose(motion: &mut Motion, time: u64, scale: f32) -> FacePose {
        let mut pose = FacePose::REST;
        motion.apply(time, scale, 18.0, &mut pose);
        pose
    }

    fn angles(head: &Head) -> [f32; 3] {
        [head.yaw, head.pitch, head.roll]
    }

    #[test]
    fn the_head_is_slow_small_and_never_frozen() {
        for seed in 0..6 {
            let mut motion = Motion::new(seed);
            let heads: Vec<Head> = (0..36_000)
                .map(|i| pose(&mut motion, i * 50 * MS, 1.05).head)
                .collect();
            for pair in heads.windows(2) {
                let (a, b) = (angles(&pair[0]), angles(&pair[1]));
                let turn: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                assert!(turn.sqrt() / 0.05 <= 2.0, "{} °/s", turn.sqrt() / 0.05);
            }
            for head in &heads {
                assert!(head.yaw.abs() <= 5.8 && head.pitch.abs() <= 2.1 && head.roll.abs() <= 1.6);
                assert!(head.shift.iter().all(|s| s.abs() <= 0.03));
            }
            for three_seconds in heads.chunks_exact(60) {
                let moved = (0..3).any(|axis| {
                    let values = three_seconds.iter().map(|h| angles(h)[axis]);
                    let (low, high) =
                        values.fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
                    high - low > 0.35
                });
                assert!(moved, "frozen for 3 s");
            }
        }
    }

    #[test]
    fn it_does_not_repeat() {
        let mut motion = Motion::new(2);
        let yaw: Vec<f32> = (0..6000)
            .map(|i| pose(&mut motion, i * 100 * MS, 1.0).head.yaw)
            .collect();
        let power: f32 = yaw.iter().map(|y| y * y).sum();
        for lag in 50..3000 {
            let same: f32 = yaw.iter().zip(&yaw[lag..]).map(|(a, b)| a * b).sum();
            assert!(same / power < 0.75, "repeats after {} s", lag as f32 / 10.0);
        }
    }

    #[test]
    fn without_motion_the_head_is_still_and_the_eyes_live() {
        let mut motion = Motion::new(1);
        let poses: Vec<FacePose> = (0..2000)
            .map(|i| pose(&mut motion, i * 40 * MS, 0.0))
            .collect();
        assert!(poses.iter().all(|p| p.head == Head::default()));
        assert!(poses.iter().any(|p| p.get(Arkit::EyeBlinkLeft) > 0.9));
        assert!(poses.iter().any(|p| p.get(Arkit::EyeLookOutLeft) > 0.02));
        assert!(poses.iter().any(|p| p.get(Arkit::EyeLookOutRight) > 0.02));
    }

    #[test]
    fn the_same_instant_is_the_same_pose() {
        let (mut a, mut b) = (Motion::new(11), Motion::new(11));
        let forward: Vec<_> = (0..500).map(|i| pose(&mut a, i * 333 * MS, 1.0)).collect();
        for i in (0..500).rev() {
            assert_eq!(pose(&mut b, i * 333 * MS, 1.0), forward[i as usize]);
        }
        assert_ne!(
            pose(&mut Motion::new(12), 5000 * MS, 1.0),
            pose(&mut a, 5000 * MS, 1.0)
        );
    }

    #[test]
    fn nothing_upsets_it() {
        let mut motion = Motion::new(u64::MAX);
        let mut pose = FacePose::REST;
        for time in [0, 1, u64::MAX / 2, u64::MAX] {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e9] {
                motion.apply(time, odd, odd, &mut pose);
                assert!(pose.weights.iter().all(|w| (0.0..=1.0).contains(w)));
                assert!(pose.head.yaw.abs() < 10.0);
            }
        }
    }
}
