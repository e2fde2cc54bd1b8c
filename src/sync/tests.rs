// SPDX-License-Identifier: MPL-2.0
//! The invariants, over random arrivals and simulated days.

use proptest::prelude::*;

use super::{pcm::*, *};

pub const MS: u64 = 1_000_000;
pub const S: u64 = 1000 * MS;

/// Frames are their stamps; events are numbers, of which even ones outlive a cut.
pub struct Test;

impl Material for Test {
    type Pcm = Vec<u8>;
    type Frame = u64;
    type Event = u32;
    fn survives(event: &u32) -> bool {
        event.is_multiple_of(2)
    }
}

pub fn mono(rate: u32) -> PcmFormat {
    PcmFormat {
        rate,
        channels: 1,
        encoding: Encoding::Signed,
        bytes: 4,
        depth: 32,
        big_endian: false,
    }
}

/// Loud, and every sample another one.
fn speech(first: i32, count: usize) -> Vec<u8> {
    let sample = |i: usize| 1_000_000_000 + first + i as i32;
    (0..count).flat_map(|i| sample(i).to_le_bytes()).collect()
}

fn said(sample: i32) -> bool {
    sample >= 1_000_000_000
}

/// A live element without GStreamer: time passes in steps, what is due is sent.
pub struct Live {
    pub sync: Sync<Test>,
    pub latency: u64,
    pub now: u64,
    pub sound: Vec<i32>,
    pub slots: Vec<Slot<u64>>,
    pub parts: Vec<Part<Test>>,
    pub heard: Vec<Heard>,
    pub ended: [Option<u64>; 2],
}

impl Live {
    pub fn new(config: Config, rate: Option<u32>, fps: Option<(u32, u32)>) -> Self {
        let mut sync = Sync::new(Config {
            live: true,
            ..config
        });
        if let Some(rate) = rate {
            sync.set_sound(mono(rate));
        }
        if let Some((n, d)) = fps {
            sync.set_pictures(FrameGrid::new(n, d).expect("a rate"));
        }
        sync.start(0);
        Self {
            sync,
            latency: 100 * MS,
            now: 0,
            sound: Vec::new(),
            slots: Vec::new(),
            parts: Vec::new(),
            heard: Vec::new(),
            ended: [None; 2],
        }
    }

    /// Sends all that is due until `now`.
    pub fn pass(&mut self, now: u64) {
        self.now = now;
        loop {
            let due = |next| match next {
                Next::Send { at, frames } if at + self.latency <= now => Some((at, frames)),
                _ => None,
            };
            let sound = due(self.sync.next_sound());
            let picture = due(self.sync.next_picture());
            match (sound, picture) {
                (None, None) => break,
                (Some((at, frames)), other) if other.is_none_or(|(p, _)| at <= p) => {
                    self.send_sound(frames);
                }
                _ => {
                    let slot = self.sync.send_picture(&mut Vec::new());
                    self.slots.push(slot.expect("there are pictures"));
                }
            }
        }
        for (ended, next) in self
            .ended
            .iter_mut()
            .zip([self.sync.next_sound(), self.sync.next_picture()])
        {
            if let Next::End(at) = next {
                *ended = Some(at);
            }
        }
    }

    fn send_sound(&mut self, frames: usize) {
        let mut block = vec![0xEE; frames * 4];
        self.sync
            .send_sound(&mut block, &mut self.parts, &mut self.heard);
        let (samples, _) = block.as_chunks::<4>();
        self.sound
            .extend(samples.iter().map(|b| i32::from_le_bytes(*b)));
    }

    /// The speech that was heard.
    pub fn said(&self) -> Vec<i32> {
        self.sound.iter().copied().filter(|s| said(*s)).collect()
    }

    fn slots_are_even(&self, (n, d): (u32, u32)) {
        let grid = FrameGrid::new(n, d).expect("a rate");
        let first = self.slots.first().map_or(0, |s| s.index);
        for (k, slot) in (first..).zip(&self.slots) {
            assert_eq!((slot.index, slot.at), (k, grid.time(k)));
            assert_eq!(slot.duration, grid.time(k + 1) - grid.time(k));
        }
    }
}

const RATE: u32 = 8_000;
/// A piece: 20 ms.
const PIECE: usize = 160;

fn piece_at(i: u64) -> u64 {
    i * 20 * MS
}

/// A live source that talks without a pause and is late now and then; its pictures come with it.
fn feed(live: &mut Live, arrivals: &[u64]) {
    for (i, arrival) in (0u64..).zip(arrivals) {
        live.pass(*arrival);
        let data = speech(i as i32 * PIECE as i32, PIECE);
        live.sync
            .push_sound(Some(piece_at(i)), data, None, Some(*arrival));
        if i % 2 == 0 {
            let stamp = piece_at(i);
            live.sync
                .push_frame(Some(stamp), Some(40 * MS), stamp, Some(*arrival));
        }
    }
}

/// Arrival times that never fall: each piece is late by its delay, or waits for the one before.
fn arrivals(delays: &[u64]) -> Vec<u64> {
    let mut last = 0;
    let at = (1u64..).zip(delays).map(|(i, delay)| {
        last = last.max(piece_at(i) + delay * MS);
        last
    });
    at.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However late the sound comes: all of it is heard once and in order, the output has no
    /// holes, and pictures that came with their sound are shown with it.
    #[test]
    fn nothing_that_is_said_is_lost(
        delays in prop::collection::vec(prop_oneof![8 => 0u64..40, 1 => 0u64..3_000], 50..300),
    ) {
        let mut live = Live::new(Config::default(), Some(RATE), Some((25, 1)));
        let arrivals = arrivals(&delays);
        feed(&mut live, &arrivals);
        live.sync.eos(Side::Audio);
        live.sync.eos(Side::Video);
        live.pass(arrivals[arrivals.len() - 1] + 20 * S);
        let all: Vec<i32> = (0..(delays.len() * PIECE) as i32).map(|i| 1_000_000_000 + i).collect();
        prop_assert_eq!(live.said(), all);
        live.slots_are_even((25, 1));
        for slot in &live.slots {
            if let Picture::New(stamp) = slot.picture {
                let content = slot.content.expect("a picture has one");
                prop_assert!(content.abs_diff(slot.at as i64) <= 20 * MS, "{slot:?}");
                // What is heard in this slot is the speech of that stamp.
                let at = (slot.at * u64::from(RATE) / S) as usize;
                if let Some(sample) = live.sound.get(at).filter(|s| said(**s)) {
                    let heard = (*sample - 1_000_000_000) as u64 * S / u64::from(RATE);
                    prop_assert!(heard.abs_diff(stamp) <= 20 * MS, "{slot:?} beside {heard}");
                }
            }
        }
        prop_assert_eq!(live.ended[0].is_some(), true);
        prop_assert_eq!(live.ended[0].map(|t| t / 40 / MS), live.ended[1].map(|t| t / 40 / MS));
    }

    /// With `drop` the speech that is heard is where its timestamps say.
    #[test]
    fn dropped_sound_keeps_its_time(
        delays in prop::collection::vec(prop_oneof![8 => 0u64..40, 1 => 0u64..1_000], 50..200),
    ) {
        let config = Config { late: LatePolicy::Drop, ..Config::default() };
        let mut live = Live::new(config, Some(RATE), None);
        let arrivals = arrivals(&delays);
        feed(&mut live, &arrivals);
        live.pass(arrivals[arrivals.len() - 1] + 5 * S);
        for (i, sample) in live.sound.iter().enumerate() {
            prop_assert!(!said(*sample) || *sample == 1_000_000_000 + i as i32);
        }
        let counts = live.sync.counts();
        prop_assert_eq!(counts.sound_in, live.said().len() as u64 + counts.sound_late);
        prop_assert_eq!(live.sync.levels().shift, 0);
    }

    /// Any stamps, flushes, interruptions, ends and frame rates: the output goes on evenly.
    #[test]
    fn whatever_comes_the_output_is_even(
        actions in prop::collection::vec((0u8..9, any::<u64>(), 0u64..200), 1..150),
        fps in prop::sample::select(vec![(24u32, 1u32), (25, 1), (30_000, 1001), (60, 1)]),
        late in prop::sample::select(vec![LatePolicy::Shift, LatePolicy::Drop]),
        idle_after in prop::sample::select(vec![0, S]),
    ) {
        let config = Config { late, idle_after, ends: false, ..Config::default() };
        let mut live = Live::new(config, Some(RATE), Some(fps));
        for (what, number, ms) in actions {
            live.pass(live.now + ms * MS);
            let near = live.now.saturating_add(number % (4 * S)).saturating_sub(2 * S);
            match what {
                0 | 1 => { live.sync.push_sound(Some(near), speech(0, PIECE), None, Some(live.now)); }
                2 => { live.sync.push_sound(Some(number), speech(0, PIECE), None, None); }
                3 | 4 => { live.sync.push_frame(Some(near), None, near, Some(live.now)); }
                5 => { live.sync.push_frame(Some(number), Some(number), 1, None); }
                6 => live.sync.push_gap(near, number % S),
                7 => live.sync.interrupt((number % 2 == 0).then_some(number % 8)),
                _ => {
                    let side = if number % 2 == 0 { Side::Audio } else { Side::Video };
                    match number % 5 {
                        0 => live.sync.flush(side),
                        1 => live.sync.eos(side),
                        2 => live.sync.discont(side),
                        _ => live.sync.push_event(side, number as u32),
                    }
                }
            }
        }
        live.pass(live.now + S);
        live.slots_are_even(fps);
        let frames: i64 = live.parts.iter().map(|p| match p {
            Part::Frames { frames, .. } => *frames,
            Part::Event(_) => 0,
        }).sum();
        prop_assert_eq!(frames as usize, live.sound.len());
        let due = (live.now - live.latency) * u64::from(RATE) / S;
        prop_assert!((live.sound.len() as u64).abs_diff(due) <= u64::from(RATE) / 20);
        prop_assert!(live.sync.levels().shift >= 0);
    }

    /// Offline: as many frames as the sound needs, each the nearest, and no sample lost.
    #[test]
    fn frames_cover_the_sound_exactly(
        samples in 1usize..60_000,
        rate in prop::sample::select(vec![16_000u32, 22_050, 44_100, 48_000]),
        fps in prop::sample::select(vec![(24u32, 1u32), (25, 1), (30_000, 1001), (50, 1), (60, 1)]),
        source in prop::sample::select(vec![(25u32, 1u32), (30_000, 1001), (12, 1)]),
        cuts in prop::collection::vec(1usize..5_000, 1..10),
        frames in 0u64..80,
    ) {
        let mut sync = Sync::<Test>::new(Config { limit: 100 * MS, ..Config::default() });
        sync.set_sound(mono(rate));
        sync.set_pictures(FrameGrid::new(fps.0, fps.1).expect("a rate"));
        let source = FrameGrid::new(source.0, source.1).expect("a rate");
        let (mut pushed, mut shown, mut sound) = (0, 0, Vec::new());
        let (mut slots, mut cut) = (Vec::new(), cuts.iter().cycle());
        let start = 7 * S;
        let mut ends = (None, None);
        while ends.0.is_none() || ends.1.is_none() {
            let before = (pushed, shown, sound.len(), slots.len(), ends);
            if pushed < samples && sync.has_room(Side::Audio) {
                let count = (*cut.next().expect("a cycle")).min(samples - pushed);
                let at = start + pushed as u64 * S / u64::from(rate);
                sync.push_sound(Some(at), speech(pushed as i32, count), None, None);
                pushed += count;
                if pushed == samples { sync.eos(Side::Audio); }
            }
            if shown <= frames && sync.has_room(Side::Video) {
                if shown == frames {
                    sync.eos(Side::Video);
                } else {
                    let at = start + source.time(shown);
                    sync.push_frame(Some(at), Some(source.duration(shown)), at, None);
                }
                shown += 1;
            }
            match sync.next_sound() {
                Next::Send { frames, .. } => {
                    let mut block = vec![0; frames * 4];
                    sync.send_sound(&mut block, &mut Vec::new(), &mut Vec::new());
                    sound.extend(block.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)));
                }
                Next::End(at) => ends.0 = Some(at),
                Next::Wait => {}
            }
            match sync.next_picture() {
                Next::Send { .. } => slots.push(sync.send_picture(&mut Vec::new()).expect("one")),
                Next::End(at) => ends.1 = Some(at),
                Next::Wait => {}
            }
            let after = (pushed, shown, sound.len(), slots.len(), ends);
            prop_assert_ne!(before, after, "it stands still");
        }
        let all: Vec<i32> = (0..samples as i32).map(|i| 1_000_000_000 + i).collect();
        prop_assert_eq!(sound, all);
        let exact = (samples as u64 * u64::from(fps.0)).div_ceil(u64::from(rate) * u64::from(fps.1));
        prop_assert_eq!(slots.len() as u64, exact);
        let half = slots[0].duration.max(source.duration(0)) / 2 + 1;
        for slot in &slots {
            if let Picture::New(stamp) = slot.picture {
                prop_assert!((stamp - start).abs_diff(slot.at) <= half);
            }
        }
    }
}

/// Offset after so many hours is what it was in the first second, at every pair of rates.
#[test]
fn a_day_adds_nothing_to_the_offset() {
    for (n, d) in [(24, 1), (25, 1), (30_000, 1001), (50, 1), (60, 1)] {
        let grid = FrameGrid::new(n, d).expect("a rate");
        for rate in [16_000u32, 22_050, 44_100, 48_000] {
            let offsets = [0u64, 1, 7, 24].map(|hours| {
                let mut live = Live::new(Config::default(), Some(rate), Some((n, d)));
                // Where the source stands after so many hours, by its own counts.
                let first = grid.first_at_or_after(hours * 3_600 * S);
                let sample = u64::from(d) * u64::from(rate) * first / u64::from(n);
                let mut pushed = sample;
                live.sync.start(grid.time(first));
                for k in first..first + 50 {
                    let to = u64::from(d) * u64::from(rate) * (k + 1) / u64::from(n);
                    let stamp = (u128::from(pushed) * u128::from(S) / u128::from(rate)) as u64;
                    let data = speech(0, (to - pushed) as usize);
                    live.sync.push_sound(Some(stamp), data, None, None);
                    pushed = to;
                    live.sync
                        .push_frame(Some(grid.time(k)), Some(grid.duration(k)), k, None);
                    live.pass(grid.time(k + 1));
                }
                live.slots_are_even((n, d));
                let summary = live.sync.levels().offsets;
                assert!(summary.count > 40);
                (summary.worst, summary.p95)
            });
            // Half a frame is allowed; a sample's rounding is what there is.
            assert!(
                offsets.iter().all(|o| o.0.unsigned_abs() < 100_000),
                "{offsets:?}"
            );
        }
    }
}

/// All of a day, sample by sample and frame by frame.
#[test]
fn a_whole_day_is_counted_through() {
    let mut sync = Sync::<Test>::new(Config {
        live: true,
        ..Config::default()
    });
    let format = PcmFormat {
        bytes: 1,
        depth: 8,
        ..mono(22_050)
    };
    sync.set_sound(format);
    let grid = FrameGrid::new(30_000, 1001).expect("a rate");
    sync.set_pictures(grid);
    sync.start(0);
    let mut block = vec![0; 1_000];
    let (mut parts, mut heard, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent, mut stamp) = (0, 0);
    let day = 86_400 * S;
    for k in 0.. {
        // A source that counts, in pieces of its own.
        while stamp < grid.time(k + 1) {
            sync.push_gap(stamp, 50 * MS);
            stamp += 50 * MS;
        }
        sync.push_frame(Some(grid.time(k)), Some(grid.duration(k)), k, None);
        if let Next::Send { frames, .. } = sync.next_sound() {
            sync.send_sound(&mut block[..frames], &mut parts, &mut heard);
            sent += frames as u64;
        }
        let slot = sync.send_picture(&mut events).expect("pictures");
        assert_eq!(slot.picture, Picture::New(k));
        parts.clear();
        if slot.at >= day {
            assert_eq!(slot.at, grid.time(k));
            break;
        }
    }
    let offsets = sync.levels().offsets;
    assert!(offsets.count > 2_589_000);
    assert!(offsets.worst.abs() < 100_000, "{offsets:?}");
    assert!(sent.abs_diff(86_400 * 22_050) < 22_050 / 10);
    assert_eq!(sync.counts().frames_repeated + sync.counts().frames_late, 0);
}
