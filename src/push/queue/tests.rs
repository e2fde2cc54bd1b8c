// SPDX-License-Identifier: MPL-2.0
//! What connections get of a queue.

use super::*;
use proptest::prelude::*;

const FRAME: u64 = 40;

fn video(n: u64, key: bool) -> Packet<u64> {
    let bytes = if key { 8000 } else { 1000 };
    Packet {
        stream: Stream::Video { key },
        time: Duration::from_millis(n * FRAME),
        bytes,
        data: n,
    }
}

fn audio(n: u64) -> Packet<u64> {
    Packet {
        stream: Stream::Audio,
        time: Duration::from_millis(n * FRAME),
        bytes: 300,
        data: n,
    }
}

fn queue() -> PacketQueue<u64> {
    let mut queue = PacketQueue::new(Duration::from_secs(2), 10_000_000);
    queue.begin(true);
    queue
}

fn data(queue: &mut PacketQueue<u64>) -> Vec<(bool, u64)> {
    std::iter::from_fn(|| queue.pop())
        .map(|p| (p.is_video(), p.data))
        .collect()
}

#[test]
fn a_connection_begins_with_a_key_picture_and_no_sound_before_it() {
    let mut queue = queue();
    assert!(queue.needs_key());
    assert_eq!(queue.push(audio(1)), Dropped::default());
    assert_eq!(queue.push(video(1, false)).frames, 1);
    // The encoder of the sound is faster.
    assert_eq!(queue.push(audio(2)), Dropped::default());
    assert_eq!(queue.push(audio(3)), Dropped::default());
    assert!(queue.pop().is_none() && !queue.has(|_| true));
    assert_eq!(queue.push(video(2, true)).audio, 1);
    assert!(!queue.needs_key());
    let sent = data(&mut queue);
    assert_eq!(sent, [(true, 2), (false, 2), (false, 3)]);
    assert_eq!((queue.len(), queue.bytes()), (0, 0));
}

/// What comes encoded has its key pictures where it has them.
#[test]
fn a_young_group_waits_for_its_connection_and_an_old_one_does_not() {
    for (age, begins_at, end) in [(10, 50, 95), (20, 100, 110)] {
        let mut queue = queue();
        queue.stand_by();
        for n in 0..=50 + age {
            queue.push(audio(n));
            queue.push(video(n, n % 50 == 0));
        }
        assert!(!queue.needs_key(), "nobody wants one yet");
        queue.begin(true);
        for n in 51 + age..end {
            queue.push(audio(n));
            queue.push(video(n, n % 50 == 0));
        }
        let sent = data(&mut queue);
        assert_eq!(sent[0], (true, begins_at));
        assert_eq!(sent[1], (false, begins_at));
        assert_eq!(sent.len() as u64, 2 * (end - begins_at));
    }
}

#[test]
fn what_comes_after_the_end_is_counted_only() {
    let mut queue = queue();
    queue.push(video(0, true));
    queue.push(audio(0));
    let dropped = queue.finish();
    assert_eq!((dropped.frames, dropped.groups, dropped.audio), (1, 1, 1));
    assert_eq!(queue.push(video(1, true)).frames, 1);
    assert_eq!(queue.push(audio(1)).audio, 1);
    assert!(queue.is_empty());
}

#[test]
fn without_pictures_sound_flows_at_once() {
    let mut queue = PacketQueue::new(Duration::from_secs(1), 10_000);
    for n in 0..100 {
        queue.push(audio(n));
    }
    assert!(queue.level() <= Duration::from_secs(1));
    queue.begin(false);
    assert!(queue.level() <= HEAD_START);
    queue.push(audio(100));
    let sent = data(&mut queue);
    assert_eq!(sent.last(), Some(&(false, 100)));
    assert_eq!(sent.len(), 14);
}

#[test]
fn whole_groups_are_dropped_oldest_first_and_sound_is_not() {
    let mut queue = queue();
    let mut dropped = Dropped::default();
    // Groups of one second; the queue has room for two.
    for n in 0..76 {
        dropped += queue.push(video(n, n % 25 == 0));
    }
    assert_eq!((dropped.frames, dropped.groups, dropped.audio), (25, 1, 0));
    assert!(queue.pop().is_some_and(|p| p.data == 25 && p.is_key()));
}

#[test]
fn a_group_too_long_for_the_queue_asks_for_a_new_one() {
    let mut queue = queue();
    for n in 0..52 {
        queue.push(video(n, n == 0));
    }
    assert!(queue.is_empty() || queue.needs_key());
    assert!(queue.needs_key());
    assert_eq!(queue.push(video(52, false)).frames, 1);
    queue.push(video(53, true));
    assert!(queue.pop().is_some_and(|p| p.data == 53));
}

proptest! {
    /// Whatever comes and goes: what goes out can be decoded, keeps its order, and is
    /// bounded; every packet is accounted for; no sound is dropped while pictures wait.
    #[test]
    fn what_goes_out_can_be_shown(
        steps in prop::collection::vec((0u8..10, 0usize..4), 1..400), gop in 5u64..80,
    ) {
        let mut queue = queue();
        let (mut out, mut dropped) = (Vec::new(), Dropped::default());
        let (mut given, mut frame) = (0u64, 0u64);
        for (kind, pops) in steps {
            if kind == 9 {
                dropped += if pops == 0 { queue.clear() } else { queue.stand_by() };
                out.push(None);
            }
            if kind == 8 && queue.phase == Phase::StandBy {
                dropped += queue.begin(true);
            }
            let before = dropped.audio;
            let flows = queue.phase == Phase::Flows;
            let new = if kind % 2 == 0 {
                let key = frame % gop == 0 || queue.needs_key() && kind == 4;
                frame += 1;
                queue.push(video(frame, key))
            } else {
                queue.push(audio(frame))
            };
            dropped += new;
            given += 1;
            if dropped.audio > before && flows {
                let most = 2 * queue.most_time - Duration::from_millis(2 * FRAME);
                prop_assert!(queue.span(|p| !p.is_video()) >= most);
            }
            prop_assert!(queue.level() <= queue.most_time);
            prop_assert!(queue.span(|p| !p.is_video()) <= 2 * queue.most_time);
            prop_assert_eq!(queue.bytes, queue.packets.iter().map(|p| p.bytes).sum::<usize>());
            out.extend((0..pops).filter_map(|_| queue.pop()).map(Some));
        }
        let sent = out.iter().flatten().count() as u64;
        prop_assert_eq!(given, sent + queue.len() as u64 + dropped.frames + dropped.audio);
        // Each picture follows the one before it, or begins a group.
        let mut last: Option<u64> = None;
        for packet in out {
            match packet {
                None => last = None,
                Some(p) if p.is_video() => {
                    let follows = last.is_some_and(|last| p.data == last + 1);
                    prop_assert!(p.is_key() || follows, "{} after {:?}", p.data, last);
                    last = Some(p.data);
                }
                Some(_) => {}
            }
        }
    }
}
