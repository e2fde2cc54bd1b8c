// SPDX-License-Identifier: MPL-2.0
//! What upstream does wrong.

pub const RATE: u64 = 16_000;
/// Samples of a piece of sound: 20 ms.
pub const PIECE: u64 = 320;
pub const MS: u64 = 1_000_000;
pub const S: u64 = 1000 * MS;
/// A frame lasts so long, ns.
pub const FRAME: u64 = 40 * MS;
/// What a sample is at least that is speech.
pub const SPEECH: i32 = 1 << 30;

/// One buffer.
pub struct Item {
    pub is_video: bool,
    /// Running time at which it comes, ns.
    pub arrival: u64,
    /// Its timestamp, ns.
    stamp: u64,
    /// Its number: content lies at that many frames or pieces.
    pub number: u64,
}

impl Item {
    pub fn buffer(&self) -> gst::Buffer {
        let bytes: Vec<u8> = if self.is_video {
            let mut frame = vec![0; 256];
            frame[..8].copy_from_slice(&(self.number + 1).to_le_bytes());
            frame
        } else {
            let first = SPEECH + (self.number * PIECE) as i32;
            (first..first + PIECE as i32)
                .flat_map(i32::to_le_bytes)
                .collect()
        };
        let length = if self.is_video { FRAME } else { 20 * MS };
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(b) = buffer.get_mut() {
            b.set_pts(gst::ClockTime::from_nseconds(self.stamp));
            b.set_duration(gst::ClockTime::from_nseconds(length));
        }
        buffer
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    Jitter,
    Stall,
    Bursts,
    SlowVideo,
    VideoStops,
    AudioStops,
    BothStop,
    Restart,
    Jump,
}

impl Fault {
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Jitter,
        Self::Stall,
        Self::Bursts,
        Self::SlowVideo,
        Self::VideoStops,
        Self::AudioStops,
        Self::BothStop,
        Self::Restart,
        Self::Jump,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Jitter => "arrival 0 to 400 ms late",
            Self::Stall => "stall of 10 s",
            Self::Bursts => "bursts of 5 s",
            Self::SlowVideo => "pictures three times too slow",
            Self::VideoStops => "pictures stop",
            Self::AudioStops => "sound stops",
            Self::BothStop => "both stop for 5 s",
            Self::Restart => "timestamps begin anew at 0",
            Self::Jump => "timestamps jump by an hour",
        }
    }

    /// What comes, in the order of time, and when it is over.
    pub fn items(self) -> (Vec<Item>, u64) {
        let seconds = match self {
            Self::Bursts => 15,
            _ => 8,
        };
        let mut items = Vec::new();
        let mut state = 7u64;
        let mut last = 0;
        for i in 0..seconds * 50 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let time = i * 20 * MS;
            let after = time >= 4 * S;
            let (mut stamp, mut arrival) = (time, time + 20 * MS);
            match self {
                Self::Jitter => arrival += (state >> 33) % 400 * MS,
                Self::Stall if after => arrival += 10 * S,
                Self::Bursts => arrival = (time / (5 * S) + 1) * 5 * S,
                Self::BothStop if after => (arrival, stamp) = (arrival + 5 * S, stamp + 5 * S),
                Self::Restart if after => stamp -= 4 * S,
                Self::Jump if after => stamp += 3_600 * S,
                _ => {}
            }
            last = arrival.max(last);
            let item = |is_video, stamp, number| Item {
                is_video,
                arrival: last,
                stamp,
                number,
            };
            let video = match self {
                Self::SlowVideo => i
                    .is_multiple_of(6)
                    .then(|| item(true, i / 6 * FRAME, i / 6)),
                Self::VideoStops if after => None,
                _ => i.is_multiple_of(2).then(|| item(true, stamp, i / 2)),
            };
            items.extend(video);
            if !(after && self == Self::AudioStops) {
                items.push(item(false, stamp, i));
            }
        }
        // Time to give out what has been shifted.
        let left = if self == Self::Bursts { 6 * S } else { S };
        (items, last + left)
    }
}
