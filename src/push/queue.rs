// SPDX-License-Identifier: MPL-2.0
//! [`PacketQueue`]: encoded packets on their way to a server that may be slow or away.
//!
//! It is bounded by time and bytes. When it is too full, the oldest group of pictures goes, whole,
//! for half a group shows broken pictures. Sound stays as long as there are groups that can go,
//! and for twice as long as pictures: it is a twentieth of the bytes, and what viewers miss first.

use std::{collections::VecDeque, time::Duration};

/// What a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Pictures; those that need no others begin a group.
    Video {
        /// Whether it begins a group of pictures.
        key: bool,
    },
    /// Sound.
    Audio,
}

/// One encoded packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<T> {
    /// What it belongs to.
    pub stream: Stream,
    /// When it is decoded, any one time line.
    pub time: Duration,
    /// How long it is.
    pub bytes: usize,
    /// The packet.
    pub data: T,
}

impl<T> Packet<T> {
    fn is_video(&self) -> bool {
        matches!(self.stream, Stream::Video { .. })
    }

    fn is_key(&self) -> bool {
        matches!(self.stream, Stream::Video { key: true })
    }
}

/// What was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Pictures.
    pub frames: u64,
    /// Groups of pictures, or what was left of them.
    pub groups: u64,
    /// Packets of sound.
    pub audio: u64,
}

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.groups += other.groups;
        self.audio += other.audio;
    }
}

/// A bounded queue of packets in the order in which they came.
pub struct PacketQueue<T> {
    packets: VecDeque<Packet<T>>,
    bytes: usize,
    most_bytes: usize,
    most_time: Duration,
    /// Whether there are pictures at all, and so groups that may be dropped.
    video: bool,
    /// Pictures are dropped until one begins a group.
    needs_key: bool,
    /// Nothing goes out before that first picture, not even sound.
    closed: bool,
}

impl<T> PacketQueue<T> {
    /// Holds no more than so long a stretch and so many bytes.
    pub fn new(most_time: Duration, most_bytes: usize) -> Self {
        Self {
            packets: VecDeque::new(),
            bytes: 0,
            most_bytes,
            most_time,
            video: false,
            needs_key: false,
            closed: false,
        }
    }

    /// For a new connection: everything goes, and nothing comes before a picture that begins a
    /// group, if there are pictures.
    pub fn restart(&mut self, video: bool) -> Dropped {
        let dropped = self.clear();
        self.video = video;
        self.needs_key = video;
        self.closed = video;
        dropped
    }

    /// Everything goes.
    pub fn clear(&mut self) -> Dropped {
        let frames = self.packets.iter().filter(|p| p.is_video()).count() as u64;
        let keys = self.packets.iter().filter(|p| p.is_key()).count() as u64;
        let headless = self.packets.iter().find(|p| p.is_video());
        let headless = headless.is_some_and(|p| !p.is_key());
        let dropped = Dropped {
            frames,
            groups: keys + u64::from(headless),
            audio: self.packets.len() as u64 - frames,
        };
        self.packets.clear();
        self.bytes = 0;
        dropped
    }

    /// Whether a picture that begins a group is waited for: the encoder should make one.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// From the oldest picture that waits to the newest; of sound, if there are no pictures.
    pub fn level(&self) -> Duration {
        self.span(|p| p.is_video() == self.video)
    }

    fn span(&self, counts: impl Fn(&Packet<T>) -> bool) -> Duration {
        let first = self.packets.iter().find(|p| counts(p));
        let last = self.packets.iter().rfind(|p| counts(p));
        match (first, last) {
            (Some(first), Some(last)) => last.time.saturating_sub(first.time),
            _ => Duration::ZERO,
        }
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The next packet.
    pub fn pop(&mut self) -> Option<Packet<T>> {
        self.pop_of(|_| true)
    }

    /// The next packet of the streams that are taken: who muxes may need sound before it can
    /// take more pictures.
    pub fn pop_of(&mut self, taken: impl Fn(Stream) -> bool) -> Option<Packet<T>> {
        let at = self.packets.iter().position(|p| taken(p.stream))?;
        let packet = self.packets.remove(at)?;
        self.bytes -= packet.bytes;
        Some(packet)
    }

    /// Whether there is a packet of the streams that are taken.
    pub fn has(&self, taken: impl Fn(Stream) -> bool) -> bool {
        self.packets.iter().any(|p| taken(p.stream))
    }

    /// Takes a packet, at the cost of others if there is no room. What was dropped.
    pub fn push(&mut self, packet: Packet<T>) -> Dropped {
        let mut dropped = Dropped::default();
        match packet.stream {
            Stream::Video { key: true } => {
                (self.needs_key, self.closed) = (false, false);
            }
            Stream::Video { key: false } if self.needs_key => {
                dropped.frames += 1;
                return dropped;
            }
            Stream::Audio if self.closed => {
                dropped.audio += 1;
                return dropped;
            }
            _ => {}
        }
        self.bytes += packet.bytes;
        self.packets.push_back(packet);
        while self.packets.len() > 1
            && (self.level() > self.most_time || self.bytes > self.most_bytes)
        {
            let group = self.drop_group();
            dropped += if group.groups > 0 {
                group
            } else {
                self.drop_oldest_audio()
            };
        }
        let most_audio = if self.video {
            self.most_time * 2
        } else {
            self.most_time
        };
        while self.span(|p| !p.is_video()) > most_audio {
            dropped += self.drop_oldest_audio();
        }
        dropped
    }

    /// The oldest group of pictures goes. Of the last one nothing is kept either: what follows
    /// it could not be shown without it.
    fn drop_group(&mut self) -> Dropped {
        let mut dropped = Dropped::default();
        let mut met = false;
        let mut over = false;
        let (mut bytes, packets) = (0, &mut self.packets);
        packets.retain(|p| {
            over |= met && p.is_key();
            if over || !p.is_video() {
                return true;
            }
            met = true;
            dropped.frames += 1;
            bytes += p.bytes;
            false
        });
        self.bytes -= bytes;
        dropped.groups = u64::from(met);
        // That was the group being encoded.
        self.needs_key |= met && !over;
        dropped
    }

    fn drop_oldest_audio(&mut self) -> Dropped {
        let oldest = self.packets.iter().position(|p| !p.is_video());
        let packet = oldest.and_then(|at| self.packets.remove(at));
        self.bytes -= packet.as_ref().map_or(0, |p| p.bytes);
        Dropped {
            audio: u64::from(packet.is_some()),
            ..Dropped::default()
        }
    }
}

#[cfg(test)]
mod tests {
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
        queue.restart(true);
        queue
    }

    #[test]
    fn a_connection_begins_with_a_key_picture_and_no_sound_before_it() {
        let mut queue = queue();
        assert!(queue.needs_key());
        assert_eq!(queue.push(audio(0)).audio, 1);
        assert_eq!(queue.push(video(1, false)).frames, 1);
        assert_eq!(queue.push(video(2, true)), Dropped::default());
        assert_eq!(queue.push(audio(2)), Dropped::default());
        assert!(!queue.needs_key());
        assert!(queue.pop().is_some_and(|p| p.is_key()));
        assert_eq!((queue.len(), queue.bytes()), (1, 300));
    }

    #[test]
    fn without_pictures_sound_flows_at_once() {
        let mut queue = PacketQueue::new(Duration::from_secs(1), 10_000);
        queue.restart(false);
        for n in 0..100 {
            queue.push(audio(n));
        }
        assert!(queue.level() <= Duration::from_secs(1));
        assert_eq!(queue.packets.back().map(|p| p.data), Some(99));
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
                    dropped += queue.restart(true);
                    out.push(None);
                }
                let before = dropped.audio;
                let closed = queue.closed;
                let (new, is_audio) = if kind % 2 == 0 {
                    let key = frame % gop == 0 || queue.needs_key() && kind == 4;
                    frame += 1;
                    (queue.push(video(frame, key)), false)
                } else {
                    (queue.push(audio(frame)), true)
                };
                dropped += new;
                given += 1;
                if dropped.audio > before && !(is_audio && closed) {
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
}
