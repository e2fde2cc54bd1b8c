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

/// So far in the past a connection may begin, for the sake of a picture that needs no others: who
/// watches live stays behind by as much.
pub const HEAD_START: Duration = Duration::from_millis(500);

/// Whether packets go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody takes them. What a connection could begin with is kept: the group being made.
    StandBy,
    /// Somebody would, but there is no picture to begin with.
    NeedsKey,
    Flows,
    /// Nobody ever will again.
    Over,
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
    phase: Phase,
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
            needs_key: true,
            phase: Phase::StandBy,
        }
    }

    /// There is no connection: nothing goes out, and of what comes the group that is being made
    /// is kept.
    pub fn stand_by(&mut self) -> Dropped {
        self.phase = Phase::StandBy;
        self.keep_newest_group()
    }

    /// There is a new connection, with pictures or without. It begins with the group that is being
    /// made, unless that is older than [`HEAD_START`], or else with the next one; never with sound
    /// from before it.
    pub fn begin(&mut self, video: bool) -> Dropped {
        self.video = video;
        let mut dropped = self.keep_newest_group();
        while self.level() > HEAD_START {
            dropped += if video {
                self.drop_group()
            } else {
                self.drop_oldest_audio()
            };
        }
        self.needs_key = video && !self.packets.iter().any(Packet::is_key);
        self.phase = if self.needs_key {
            Phase::NeedsKey
        } else {
            Phase::Flows
        };
        dropped
    }

    /// What comes next has nothing to do with what was: everything goes, and the queue stands by.
    pub fn clear(&mut self) -> Dropped {
        self.phase = Phase::StandBy;
        self.needs_key = true;
        self.keep(|_, _| false)
    }

    /// There will be no connection any more: everything goes, also what will come.
    pub fn finish(&mut self) -> Dropped {
        let dropped = self.clear();
        self.phase = Phase::Over;
        dropped
    }

    /// Drops what no connection can begin with: pictures before the newest that needs no others,
    /// and sound from before that one, which goes to the front.
    fn keep_newest_group(&mut self) -> Dropped {
        let key = self.packets.iter().rposition(Packet::is_key);
        self.needs_key = key.is_none();
        let begin = key.map_or(Duration::ZERO, |at| self.packets[at].time);
        let dropped = self.keep(|at, p| {
            if p.is_video() {
                key.is_some_and(|key| at >= key)
            } else {
                p.time >= begin
            }
        });
        // Its encoder may have taken longer than that of the sound.
        if let Some(key) = self.packets.iter().position(Packet::is_key)
            && let Some(packet) = self.packets.remove(key)
        {
            self.packets.push_front(packet);
        }
        dropped
    }

    /// Drops the packets, by place in the queue, that are not to be kept.
    fn keep(&mut self, kept: impl Fn(usize, &Packet<T>) -> bool) -> Dropped {
        let mut dropped = Dropped::default();
        let (mut at, mut bytes, mut headless) = (0, 0, true);
        self.packets.retain(|p| {
            let keeps = kept(at, p);
            at += 1;
            if keeps {
                bytes += p.bytes;
            } else if p.is_video() {
                dropped.frames += 1;
                // What follows pictures that went out is the rest of a group.
                dropped.groups += u64::from(p.is_key() || headless);
                headless = false;
            } else {
                dropped.audio += 1;
            }
            keeps
        });
        self.bytes = bytes;
        dropped
    }

    /// Whether a picture that begins a group is waited for: the encoder should make one.
    pub fn needs_key(&self) -> bool {
        self.needs_key && matches!(self.phase, Phase::NeedsKey | Phase::Flows)
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
        if self.phase != Phase::Flows {
            return None;
        }
        let at = self.packets.iter().position(|p| taken(p.stream))?;
        let packet = self.packets.remove(at)?;
        self.bytes -= packet.bytes;
        Some(packet)
    }

    /// Whether a packet of the streams that are taken can go out.
    pub fn has(&self, taken: impl Fn(Stream) -> bool) -> bool {
        self.phase == Phase::Flows && self.packets.iter().any(|p| taken(p.stream))
    }

    /// Takes a packet, at the cost of others if there is no room. What was dropped.
    pub fn push(&mut self, packet: Packet<T>) -> Dropped {
        let mut dropped = Dropped::default();
        let (video, key) = (packet.is_video(), packet.is_key());
        let headless = video && !key && self.needs_key;
        if headless || self.phase == Phase::Over {
            dropped.frames = u64::from(video);
            dropped.audio = u64::from(!video);
            return dropped;
        }
        self.video |= video;
        self.bytes += packet.bytes;
        self.packets.push_back(packet);
        if key {
            self.needs_key = false;
            if self.phase != Phase::Flows {
                dropped += self.keep_newest_group();
            }
            if self.phase == Phase::NeedsKey {
                self.phase = Phase::Flows;
            }
        }
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
mod tests;
