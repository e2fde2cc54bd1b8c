// SPDX-License-Identifier: MPL-2.0
//! The common start, and what an interruption cuts of a file.

use super::{
    tests::{Live, MS, S, Test, mono},
    *,
};

const RATE: u32 = 16_000;
/// 20 ms.
const PIECE: usize = 320;

/// Piece `i`: numbered samples, loud or not.
fn piece(i: usize, loud: bool) -> Vec<u8> {
    let sample = |n: usize| if loud { (1 << 30) + n as i32 } else { 0 };
    (i * PIECE..(i + 1) * PIECE)
        .flat_map(|n| sample(n).to_le_bytes())
        .collect()
}

/// Numbers of the loud samples.
fn said(sound: &[i32]) -> Vec<usize> {
    let loud = sound.iter().filter(|s| **s >= 1 << 30);
    loud.map(|s| (s - (1 << 30)) as usize).collect()
}

/// Offline, all that can be sent.
#[derive(Default)]
struct Out {
    sound: Vec<i32>,
    slots: Vec<Slot<u64>>,
    ends: [Option<u64>; 2],
}

impl Out {
    fn take(&mut self, sync: &mut Sync<Test>) {
        loop {
            let before = (self.sound.len(), self.slots.len());
            match sync.next_sound() {
                Next::Send { frames, .. } => {
                    let mut block = vec![0; frames * 4];
                    sync.send_sound(&mut block, &mut Vec::new(), &mut Vec::new());
                    let samples = block.as_chunks::<4>().0;
                    self.sound
                        .extend(samples.iter().map(|b| i32::from_le_bytes(*b)));
                }
                Next::End(at) => self.ends[0] = Some(at),
                Next::Wait => {}
            }
            match sync.next_picture() {
                Next::Send { .. } => {
                    self.slots
                        .push(sync.send_picture(&mut Vec::new()).expect("one"));
                }
                Next::End(at) => self.ends[1] = Some(at),
                Next::Wait => {}
            }
            if before == (self.sound.len(), self.slots.len()) {
                break;
            }
        }
    }

    fn has_all_frames(&self) {
        let exact = (self.sound.len() as u64 * 25).div_ceil(u64::from(RATE));
        assert_eq!(self.slots.len() as u64, exact);
        for (k, slot) in (0..).zip(&self.slots) {
            assert_eq!((slot.index, slot.at), (k, k * 40 * MS));
        }
        assert!(self.ends.iter().all(Option::is_some));
    }
}

fn offline(late: LatePolicy) -> Sync<Test> {
    let mut sync = Sync::new(Config {
        late,
        ..Config::default()
    });
    sync.set_sound(mono(RATE));
    sync.set_pictures(FrameGrid::new(25, 1).expect("a rate"));
    sync
}

fn frame(sync: &mut Sync<Test>, k: u64) {
    sync.push_frame(Some(k * 40 * MS), Some(40 * MS), k, None);
}

/// What is shown in a slot.
fn shown(slot: &Slot<u64>) -> Option<u64> {
    match slot.picture {
        Picture::New(k) | Picture::Late(k) | Picture::Again(k) => Some(k),
        Picture::Idle => None,
    }
}

/// A second of sound before the first picture: quiet is trimmed up to a breath before the first
/// word, what was captured up to the picture.
#[test]
fn a_file_begins_with_the_first_picture() {
    // Quiet until 400 ms, or all through; kept from 370 ms on, or the second.
    for (late, loud_from, kept_from) in [
        (LatePolicy::Shift, 20, 370),
        (LatePolicy::Shift, 100, 1_000),
        (LatePolicy::Shift, 0, 0),
        (LatePolicy::Drop, 20, 1_000),
        (LatePolicy::Drop, 0, 1_000),
    ] {
        let mut sync = offline(late);
        let mut out = Out::default();
        for i in 0..100 {
            sync.push_sound(
                Some(i as u64 * 20 * MS),
                piece(i, i >= loud_from),
                None,
                None,
            );
            out.take(&mut sync);
        }
        assert!(out.sound.is_empty(), "it waits for the first picture");
        for k in 25..50 {
            frame(&mut sync, k);
            out.take(&mut sync);
        }
        sync.eos(Side::Audio);
        sync.eos(Side::Video);
        out.take(&mut sync);
        out.has_all_frames();
        let kept = kept_from * RATE as usize / 1000;
        let what = format!("{late:?} {loud_from}");
        assert_eq!(out.sound.len(), 100 * PIECE - kept, "{what}");
        let words: Vec<usize> = (kept.max(loud_from * PIECE)..100 * PIECE).collect();
        assert_eq!(said(&out.sound), words, "{what}");
        // Frame k is shown beside the sound of its time.
        for slot in out
            .slots
            .iter()
            .filter(|s| s.at + kept_from as u64 * MS >= S)
        {
            let heard = slot.at + kept_from as u64 * MS;
            let shown = shown(slot).expect("a picture") * 40 * MS;
            assert!(shown.abs_diff(heard) <= 20 * MS, "{slot:?} {what}");
        }
        assert_eq!(sync.counts().sound_leading, kept as u64, "{what}");
    }
}

/// A file's pictures that precede the sound are left out.
#[test]
fn pictures_before_the_sound_are_left_out() {
    let mut sync = offline(LatePolicy::Shift);
    let mut out = Out::default();
    for k in 0..75 {
        frame(&mut sync, k);
        out.take(&mut sync);
    }
    for i in 50..150 {
        sync.push_sound(Some(i as u64 * 20 * MS), piece(i, true), None, None);
        out.take(&mut sync);
    }
    sync.eos(Side::Audio);
    sync.eos(Side::Video);
    out.take(&mut sync);
    out.has_all_frames();
    assert_eq!(
        said(&out.sound),
        (50 * PIECE..150 * PIECE).collect::<Vec<_>>()
    );
    assert_eq!(shown(&out.slots[0]), Some(25));
}

/// Live, sound that comes 600 ms before the first picture, of which 300 are quiet.
#[test]
fn a_live_start_is_trimmed_likewise() {
    for (late, first) in [
        (LatePolicy::Shift, 13 * PIECE + PIECE / 2),
        (LatePolicy::Drop, 30 * PIECE),
    ] {
        let config = Config {
            late,
            ..Config::default()
        };
        let mut live = Live::new(config, Some(RATE), Some((25, 1)));
        for i in 0..100 {
            live.pass((i as u64 + 1) * 20 * MS);
            live.sync
                .push_sound(Some(i as u64 * 20 * MS), piece(i, i >= 15), None, None);
            if i >= 30 && i % 2 == 0 {
                frame(&mut live.sync, i as u64 / 2);
            }
        }
        live.pass(4 * S);
        let words: Vec<usize> = (first.max(15 * PIECE)..100 * PIECE).collect();
        assert_eq!(said(&live.sound), words, "{late:?}");
        assert_eq!(live.sync.counts().sound_leading, first as u64, "{late:?}");
        let at = |number: u64| {
            let slot = live.slots.iter().find(|s| shown(s) == Some(number));
            slot.expect("shown").at
        };
        let heard = |sample: usize| {
            let at = live
                .sound
                .iter()
                .position(|s| *s == (1 << 30) + sample as i32);
            at.expect("heard") as u64 * S / u64::from(RATE)
        };
        assert!(at(40).abs_diff(heard(80 * PIECE)) <= 20 * MS, "{late:?}");
    }
}

/// Speech is never trimmed: who comes a little early for the grid is left alone.
#[test]
fn a_part_of_a_frame_is_no_lead() {
    let mut sync = offline(LatePolicy::Drop);
    let mut out = Out::default();
    for i in 0..50 {
        sync.push_sound(
            Some(7 * MS + i as u64 * 20 * MS),
            piece(i, true),
            None,
            None,
        );
    }
    for k in 1..26 {
        frame(&mut sync, k);
    }
    sync.eos(Side::Audio);
    sync.eos(Side::Video);
    out.take(&mut sync);
    out.has_all_frames();
    assert_eq!(said(&out.sound), (0..50 * PIECE).collect::<Vec<_>>());
}

/// Offline, an interruption cuts what has not been sent where it stands: what follows joins after
/// 10 ms of fade, to the sample, with its own pictures; what had been sent keeps its own.
#[test]
fn an_interruption_cuts_a_file_to_the_sample() {
    let place = |utterance, i: usize| Place {
        utterance,
        clause: 0,
        offset: (i * PIECE) as u64,
    };
    let mut sync = offline(LatePolicy::Shift);
    let mut out = Out::default();
    let push = |sync: &mut Sync<Test>, utterance, i: usize, from: usize| {
        let data = piece(i, true);
        sync.push_sound(
            Some(i as u64 * 20 * MS),
            data,
            Some(place(utterance, i - from)),
            None,
        )
    };
    for k in 0..13 {
        frame(&mut sync, k);
    }
    // Five pieces and a half are sent: blocks last as long as a frame.
    for i in 0..11 {
        push(&mut sync, 1, i, 0);
    }
    out.take(&mut sync);
    assert_eq!(out.sound.len(), 10 * PIECE);
    for i in 11..25 {
        push(&mut sync, 1, i, 0);
    }
    sync.interrupt(Some(1));
    // The rest of it comes all the same, and what follows goes on with the count.
    for i in 25..40 {
        assert_eq!(push(&mut sync, 1, i, 0), Taken::Muted);
        out.take(&mut sync);
    }
    for k in 13..50 {
        frame(&mut sync, k);
        out.take(&mut sync);
    }
    for i in 40..60 {
        push(&mut sync, 2, i, 40);
        out.take(&mut sync);
    }
    for k in 50..=50 {
        frame(&mut sync, k);
    }
    sync.eos(Side::Audio);
    sync.eos(Side::Video);
    out.take(&mut sync);
    out.has_all_frames();
    let fade = PIECE / 2;
    assert_eq!(out.sound.len(), 10 * PIECE + fade + 20 * PIECE);
    assert_eq!(
        said(&out.sound[..10 * PIECE]),
        (0..10 * PIECE).collect::<Vec<_>>()
    );
    let faded = &out.sound[10 * PIECE..10 * PIECE + fade];
    assert!(faded.windows(2).all(|w| w[1] <= w[0]), "it fades");
    assert!(faded[fade - 1] < 1 << 24);
    let after = said(&out.sound[10 * PIECE + fade..]);
    assert_eq!(after, (40 * PIECE..60 * PIECE).collect::<Vec<_>>());
    // 200 ms of the first, then what belongs to what is heard.
    for slot in &out.slots {
        let heard = if slot.at < 210 * MS {
            slot.at
        } else {
            slot.at - 210 * MS + 800 * MS
        };
        let shown = shown(slot).expect("a picture") * 40 * MS;
        assert!(
            shown.abs_diff(heard) <= 20 * MS,
            "{slot:?}: {shown} for {heard}"
        );
    }
    let counts = sync.counts();
    assert_eq!(counts.sound_cut as usize, 15 * PIECE - fade + 15 * PIECE);
    assert_eq!(counts.sound_filled + counts.sound_trimmed, 0);
}

/// Nothing follows: the file ends with the fade.
#[test]
fn an_interrupted_file_ends_there() {
    let mut sync = offline(LatePolicy::Shift);
    let mut out = Out::default();
    for i in 0..25 {
        sync.push_sound(Some(i as u64 * 20 * MS), piece(i, true), None, None);
        frame(&mut sync, i as u64);
    }
    out.take(&mut sync);
    let sent = out.sound.len();
    sync.interrupt(None);
    sync.eos(Side::Audio);
    sync.eos(Side::Video);
    out.take(&mut sync);
    out.has_all_frames();
    let rest = (25 * PIECE - sent).min(PIECE / 2);
    assert_eq!(out.sound.len(), sent + rest);
    assert!(out.slots.iter().all(|s| shown(s) == Some(s.index)));
}
