// SPDX-License-Identifier: MPL-2.0
//! What a viewer sees when live speech is interrupted.

use super::{
    tests::{Live, MS, S, mono},
    *,
};

const RATE: u32 = 8_000;
/// Samples of 20 ms.
const PIECE: usize = 160;
/// From a sound's time to when it has come, and to when the picture of a face that listens ahead
/// has, ns.
const SOUND: u64 = 20 * MS;
const PICTURE: u64 = 120 * MS;
const LATENCY: u64 = 300 * MS;
/// Between a frame's time and the next one's, ns.
const FRAME: u64 = 40 * MS;
const CUT: u64 = S;

/// A source that speaks but for 600 ms after it is interrupted, with a face that needs so long for
/// each picture (ns) and is told of the interruption at once.
fn interrupted(picture: u64) -> (Live, usize) {
    let mut live = Live::new(Config::default(), Some(RATE), Some((25, 1)));
    live.latency = LATENCY;
    let mut before = 0;
    for now in (0..4 * S).step_by((20 * MS) as usize) {
        live.pass(now);
        if now == CUT {
            before = live.slots.len();
            live.sync.interrupt(None);
        }
        if let Some(stamp) = now.checked_sub(SOUND) {
            let speaks = !(CUT..CUT + 600 * MS).contains(&now);
            let sample = if speaks { 1 << 30 } else { 0 };
            let data = [i32::to_le_bytes(sample); PIECE].concat();
            live.sync.push_sound(Some(stamp), data, None, Some(now));
        }
        if let Some(stamp) = now.checked_sub(picture).filter(|s| s % FRAME == 0) {
            live.sync
                .push_frame(Some(stamp), Some(FRAME), stamp, Some(now));
        }
    }
    (live, before)
}

/// The picture that stands while the mouth's next one is on its way is not one of what is heard:
/// nothing is.
#[test]
fn silence_after_an_interruption_is_not_out_of_sync() {
    for picture in [SOUND, PICTURE] {
        let (live, _) = interrupted(picture);
        let offsets = live.sync.levels().offsets;
        assert!(offsets.worst.unsigned_abs() <= 20 * MS, "{offsets:?}");
        assert!(offsets.count > 60, "{offsets:?}");
        assert!(!offsets.out);
    }
}

/// The mouth comes to rest at once, and not only once silence has come through all queues.
#[test]
fn an_interrupted_mouth_comes_to_rest_at_once() {
    let (live, before) = interrupted(PICTURE);
    let shown: Vec<(u64, u64)> = live
        .slots
        .iter()
        .filter_map(|slot| match slot.picture {
            Picture::New(stamp) | Picture::Late(stamp) | Picture::Again(stamp) => {
                Some((slot.at, stamp))
            }
            Picture::Idle => None,
        })
        .collect();
    // What the face makes once it was told, which is of 880 ms and later: at 700 ms and later.
    let first = shown.iter().find(|(_, stamp)| *stamp >= CUT - PICTURE);
    let cut = live.slots[before].at;
    let (at, stamp) = *first.expect("it goes on");
    assert_eq!(stamp, CUT - PICTURE);
    assert!(at <= cut + FRAME, "shown at {at}, cut at {cut}");
    let rest = shown.iter().find(|(_, s)| *s == stamp + 120 * MS);
    let (at, _) = *rest.expect("none is left out");
    assert!(at <= cut + 200 * MS, "at rest at {at}, cut at {cut}");
    // No picture goes back, and from its own time on each is shown with what is heard.
    assert!(shown.windows(2).all(|w| w[0].1 <= w[1].1), "{shown:?}");
    for (at, stamp) in shown.iter().filter(|(at, _)| *at >= stamp + 160 * MS) {
        assert_eq!(at, stamp);
    }
}

/// Speech that goes on at once is not run ahead of.
#[test]
fn what_is_said_next_is_shown_when_it_is_heard() {
    let mut live = Live::new(Config::default(), Some(RATE), Some((25, 1)));
    live.latency = LATENCY;
    for now in (0..4 * S).step_by((20 * MS) as usize) {
        live.pass(now);
        if now % (500 * MS) == 0 {
            live.sync.interrupt(None);
        }
        let data = [i32::to_le_bytes(1 << 30); PIECE].concat();
        live.sync.push_sound(Some(now), data, None, Some(now));
        if now % FRAME == 0 {
            live.sync
                .push_frame(Some(now), Some(FRAME), now, Some(now + SOUND));
        }
    }
    let offsets = live.sync.levels().offsets;
    assert!(offsets.worst.unsigned_abs() <= 20 * MS, "{offsets:?}");
    let mono = mono(RATE);
    for slot in live.slots.iter().filter(|s| s.at > LATENCY) {
        let heard = live.sound[mono.samples(slot.at as i64) as usize];
        if let (Picture::New(stamp), true) = (slot.picture.clone(), heard >= 1 << 30) {
            assert!(stamp.abs_diff(slot.at) <= 20 * MS, "{slot:?}");
        }
    }
}
