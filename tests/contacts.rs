// SPDX-License-Identifier: MPL-2.0
//! Lips that meet in the sound meet in a picture, however few pictures there are.

use std::f64::consts::TAU;

use proptest::prelude::*;
use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    articulate::{Articulator, Mouth, Origin},
    grid::FrameGrid,
    pose::Arkit,
};

const RATE: u32 = 16_000;
const SECOND: u64 = 1_000_000_000;

/// Says what it was told to, whatever it hears.
struct Script {
    /// Starts of contacts in samples.
    contacts: Vec<i64>,
}

/// 45 ms from the first approach of the lips to the last of their parting.
const CONTACT: i64 = 720;
const APPROACH: i64 = 240;

impl Articulator for Script {
    fn origin(&self) -> Origin {
        Origin::Phones
    }

    fn look_ahead(&self) -> u64 {
        0
    }

    fn push(&mut self, _: &[f32]) {}

    fn drain(&mut self) {}

    fn mouth_at(&self, sample: i64) -> Mouth {
        let near = |start: &i64| {
            let inside = (sample - start).min(start + CONTACT - sample);
            (inside as f32 / APPROACH as f32).clamp(0.0, 1.0)
        };
        let closure = self.contacts.iter().map(near).fold(0.0, f32::max);
        Mouth {
            jaw: 0.4,
            closure,
            lip_teeth: closure,
            ..Mouth::REST
        }
    }

    fn forget_before(&mut self, _: i64) {}

    fn reset(&mut self) {}
}

fn frames(contacts: &[i64], grid: FrameGrid, seconds: u64) -> Vec<PosedFrame> {
    let script = Script {
        contacts: contacts.to_vec(),
    };
    let mut animator =
        Animator::with_articulator(RATE, grid, 0, Style::default(), Box::new(script));
    animator.push_silence(seconds * u64::from(RATE));
    animator.finish();
    std::iter::from_fn(|| animator.next_frame()).collect()
}

proptest! {
    #[test]
    fn no_contact_falls_between_two_frames(
        rate in prop::sample::select(vec![(5, 1), (12, 1), (15, 1), (24, 1), (25, 1), (30_000, 1001), (60, 1)]),
        gaps in prop::collection::vec(3_200i64..9_000, 1..8),
    ) {
        let grid = FrameGrid::new(rate.0, rate.1).expect("a rate");
        let contacts: Vec<i64> = gaps
            .iter()
            .scan(1_000, |at, gap| {
                *at += gap;
                Some(*at)
            })
            .collect();
        let frames = frames(&contacts, grid, 6);
        for start in contacts {
            let (from, to) = (start as u64 * SECOND / 16_000, (start + CONTACT) as u64 * SECOND / 16_000);
            // In the picture that is shown at the time or, where they are few, the next.
            let closest = frames
                .iter()
                .filter(|f| {
                    let (shown, lasts) = (grid.time(f.index), grid.duration(f.index));
                    shown < to + lasts && shown + lasts > from
                })
                .map(|f| f.pose.get(Arkit::MouthClose))
                .fold(0.0, f32::max);
            prop_assert!(closest > 0.9, "{rate:?}: {closest} at {start}");
        }
    }

    /// A contact is not made longer than the frames that it touches.
    #[test]
    fn a_contact_stays_where_it_is(start in 8_000i64..16_000) {
        let grid = FrameGrid::new(25, 1).expect("a rate");
        let closed = frames(&[start], grid, 2);
        for frame in &closed {
            let shown = frame.index as i64 * 640;
            let touched = shown < start + CONTACT && shown + 640 > start;
            if !touched {
                prop_assert_eq!(frame.pose.get(Arkit::MouthClose), 0.0);
                prop_assert_eq!(frame.pose.get(Arkit::MouthRollLower), 0.0);
            }
        }
    }
}

/// 16 kHz: an open vowel with closed-lip murmurs of 45 ms at those samples.
fn mumble(murmurs: &[i64], length: i64) -> Vec<f32> {
    (0..length)
        .map(|i| {
            let t = i as f64 / f64::from(RATE);
            let harmonic = |h: u32| (TAU * 125.0 * f64::from(h) * t).sin();
            let murmur = murmurs.iter().any(|m| (0..CONTACT).contains(&(i - m)));
            let sum: f64 = if murmur {
                0.05 * harmonic(1) + 0.03 * harmonic(2)
            } else {
                let near = |f: f64, at: f64| 1.0 / (1.0 + ((f - at) / 90.0).powi(2));
                (1..28)
                    .map(|h| {
                        let f = 125.0 * f64::from(h);
                        let gain = near(f, 730.0) + 0.5 * near(f, 1090.0) + 0.25 * near(f, 2440.0);
                        0.15 * gain * harmonic(h)
                    })
                    .sum()
            };
            sum as f32
        })
        .collect()
}

#[test]
fn short_murmurs_that_are_heard_close_the_lips_in_a_picture() {
    let murmurs: Vec<i64> = (0..24)
        .map(|i| 16_000 + i * 4_800 + (i * 397) % 1_100)
        .collect();
    let sound = mumble(&murmurs, 16_000 + 25 * 4_800);
    for rate in [15, 25] {
        let grid = FrameGrid::new(rate, 1).expect("a rate");
        let mut animator = Animator::new(RATE, grid, 0, Style::default());
        animator.push(&sound);
        animator.finish();
        let frames: Vec<PosedFrame> = std::iter::from_fn(|| animator.next_frame()).collect();
        for start in &murmurs {
            let (from, to) = (
                *start as u64 * SECOND / 16_000,
                (start + CONTACT) as u64 * SECOND / 16_000,
            );
            let near = frames.iter().filter(|f| {
                let shown = grid.time(f.index);
                shown < to + SECOND / 50 && shown + grid.duration(f.index) + SECOND / 50 > from
            });
            let (closest, jaw) = near.fold((0.0f32, 0.0f32), |(c, j), f| {
                let now = f.pose.get(Arkit::MouthClose);
                if now > c {
                    (now, f.pose.get(Arkit::JawOpen))
                } else {
                    (c, j)
                }
            });
            assert!(closest > 0.9, "{rate} fps: {closest} at {start}");
            // No chin snapping: what lies 200 ms off is a neighbouring vowel.
            let beside = |time: u64| {
                let index = grid.first_at_or_after(time) - frames[0].index;
                frames[index as usize].pose.get(Arkit::JawOpen)
            };
            let neighbours = 0.5 * (beside(from - SECOND / 8) + beside(to + SECOND / 8));
            assert!(
                jaw >= 0.4 * neighbours,
                "{rate} fps: jaw {jaw} between {neighbours}"
            );
        }
    }
}
