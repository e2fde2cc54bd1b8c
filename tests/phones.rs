// SPDX-License-Identifier: MPL-2.0
//! Known phones move the face: lips meet for each p, b and m, in every picture that should show
//! it.

use proptest::prelude::*;
use sonic_engine::{
    animator::{Animator, PosedFrame, Style},
    articulate::{Articulator, Origin, signal::SignalArticulator},
    grid::FrameGrid,
    pose::{Arkit, FacePose},
    speech::Phone,
};

const RATE: u32 = 22_050;
const SECOND: u64 = 1_000_000_000;

fn still() -> Style {
    Style {
        motion_scale: 0.0,
        blink_rate: 0.0,
        ..Style::default()
    }
}

/// Phones that follow each other, in ms; the last third of a stop is open.
fn phones(list: &[(&str, u64)]) -> Vec<Phone> {
    let samples = |ms: u64| ms * u64::from(RATE) / 1_000;
    let mut at = 0;
    list.iter()
        .map(|(ipa, ms)| {
            let mut phone = Phone::new(*ipa, samples(at), samples(at + ms) - samples(at));
            phone.release = match *ipa {
                "p" | "b" | "t" => Some(samples(at + ms * 2 / 3)),
                "m" => Some(phone.end()),
                _ => None,
            };
            at += ms;
            phone
        })
        .collect()
}

fn frames(animator: &mut Animator) -> Vec<PosedFrame> {
    std::iter::from_fn(|| animator.next_frame()).collect()
}

/// Whether lips or jaw do anything.
fn speaks(pose: &FacePose) -> bool {
    [
        Arkit::JawOpen,
        Arkit::MouthClose,
        Arkit::MouthPucker,
        Arkit::MouthStretchLeft,
        Arkit::MouthRollLower,
    ]
    .iter()
    .any(|shape| pose.get(*shape) != 0.0)
}

/// What listens where no phones are known.
fn ears() -> Box<dyn Articulator> {
    Box::new(SignalArticulator::new())
}

proptest! {
    #[test]
    fn lips_meet_in_every_picture_from_closure_to_release(
        list in prop::collection::vec(
            (prop::sample::select(vec!["p", "b", "m", "ˈa", "ə", "s", "t", "ˈuː", "f", ""]), 40u64..180),
            1..40,
        ),
        rate in prop::sample::select(vec![(15, 1), (25, 1), (30, 1), (30_000, 1001), (60, 1)]),
        begin in 0u64..SECOND,
        listening: bool,
    ) {
        let grid = FrameGrid::new(rate.0, rate.1).expect("a rate");
        let mut animator = Animator::with_phones(RATE, grid, 0, still(), listening.then(ears));
        let phones = phones(&list);
        animator.announce(begin as i64, RATE, &phones);
        animator.begin(begin);
        animator.push_silence(phones.iter().map(|p| p.length).sum::<u64>() + 30_000);
        animator.finish();
        let frames = frames(&mut animator);
        let time = |sample: u64| begin + sample * SECOND / u64::from(RATE);
        for closure in phones.iter().filter(|p| "pbm".contains(&p.ipa) && !p.ipa.is_empty()).filter_map(Phone::closure) {
            let (from, to) = (time(closure.start) + SECOND / 100, time(closure.end));
            // Before the first frame there is nothing to be seen.
            if frames.first().is_none_or(|first| from < grid.time(first.index)) {
                continue;
            }
            // Frames whose instant lies in it, and at least one that is shown meanwhile, or as lips
            // begin to part: frames that last longer than 40 ms look back as far instead of further
            // ahead.
            let mut seen = 0;
            for frame in &frames {
                let at = grid.time(frame.index);
                let look_back = grid.duration(frame.index).saturating_sub(SECOND / 25) + SECOND / 100;
                let near = at < to + look_back && at + grid.duration(frame.index) > from;
                let shut = frame.pose.get(Arkit::MouthClose) > 0.99;
                if at >= from && at <= to {
                    prop_assert!(shut, "{rate:?}: {:?} at {at}", frame.pose.get(Arkit::MouthClose));
                }
                seen += u32::from(near && shut);
            }
            prop_assert!(seen > 0, "{rate:?}: {from} to {to}");
        }
    }
}

#[test]
fn phones_belong_to_running_times_wherever_the_sound_begins() {
    let grid = FrameGrid::new(50, 1).expect("a rate");
    let open = |begin: u64| {
        let mut animator = Animator::with_phones(RATE, grid, 0, still(), None);
        animator.announce(2 * SECOND as i64, RATE, &phones(&[("ˈa", 300), ("", 500)]));
        animator.begin(begin);
        animator.push_silence(u64::from(RATE) * 4);
        animator.finish();
        let spoken = frames(&mut animator);
        let open = spoken.iter().filter(|f| f.pose.get(Arkit::JawOpen) > 0.3);
        open.map(|f| grid.time(f.index)).collect::<Vec<_>>()
    };
    let expected = open(0);
    assert!(expected.len() > 8, "{expected:?}");
    assert!(expected[0] >= 2 * SECOND && expected[0] < 2 * SECOND + SECOND / 10);
    assert_eq!(open(SECOND / 3), expected);
    assert_eq!(open(SECOND * 19 / 10), expected);
}

#[test]
fn the_origin_is_told() {
    let grid = FrameGrid::new(25, 1).expect("a rate");
    let mut animator = Animator::with_phones(RATE, grid, 0, still(), Some(ears()));
    animator.announce(SECOND as i64, RATE, &phones(&[("ˈa", 400)]));
    animator.push_silence(u64::from(RATE) * 3);
    animator.finish();
    let origins: Vec<Origin> = frames(&mut animator).iter().map(|f| f.origin).collect();
    assert_eq!(origins[10], Origin::Idle);
    assert_eq!(origins[30], Origin::Phones);
    assert_eq!(origins[70], Origin::Idle);
}

#[test]
fn an_interruption_eases_to_rest_and_what_was_announced_stays_away() {
    let grid = FrameGrid::new(100, 1).expect("a rate");
    let mut animator = Animator::with_phones(RATE, grid, 0, still(), None);
    let word = phones(&[("ˈa", 180), ("m", 70), ("ˈuː", 200), ("p", 90)].repeat(6));
    animator.announce(0, RATE, &word);
    animator.push_silence(u64::from(RATE));
    let before = frames(&mut animator);
    let last = before.last().expect("frames");
    assert!(speaks(&last.pose));
    animator.interrupt();
    animator.push_silence(u64::from(RATE) * 3);
    animator.finish();
    let after = frames(&mut animator);
    assert_eq!(after[0].index, last.index + 1);
    let jump = (after[0].pose.get(Arkit::JawOpen) - last.pose.get(Arkit::JawOpen)).abs();
    assert!(jump < 0.1, "it eases: {jump}");
    for frame in &after {
        if frame.index >= last.index + 15 {
            assert!(
                !speaks(&frame.pose),
                "{} ms later",
                (frame.index - last.index) * 10
            );
        }
    }
    // What is announced anew counts again.
    let from = grid.time(after.last().expect("frames").index) + SECOND;
    animator.announce(from as i64, RATE, &word);
    animator.begin(from);
    animator.push_silence(u64::from(RATE));
    animator.finish();
    assert!(frames(&mut animator).iter().any(|f| speaks(&f.pose)));
}
