// SPDX-License-Identifier: MPL-2.0
//! [`Packets`]: a stream before it is decoded.

use super::{SECOND_NS, ms, round};

/// So many of the last presentation times are remembered to find repeated ones: no codec reorders
/// over more frames.
const REORDERING: usize = 16;

/// An encoded frame, or a piece of encoded sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// When it is to be decoded, ns.
    pub dts: Option<u64>,
    /// When it is to be shown, ns.
    pub pts: Option<u64>,
    /// How long it is shown, ns.
    pub duration: Option<u64>,
    /// Its size.
    pub bytes: u64,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// When it came, ns of any steady clock; `None` for recordings.
    pub arrived: Option<u64>,
}

/// Takes the packets of one stream in the order in which they come.
#[derive(Default)]
pub struct Packets {
    count: u64,
    bytes: u64,
    begins_with_key: bool,
    keys: Vec<u64>,
    /// Earliest and latest time of a packet, and the end of the latest one.
    span: Option<(u64, u64, u64)>,
    /// Presentation times before the first frame that decodes cannot be known here; kept until
    /// the second keyframe.
    early: Vec<u64>,
    recent: [Option<u64>; REORDERING],
    last_dts: Option<u64>,
    repeated: u64,
    backward: u64,
    arrivals: Arrivals,
}

/// A stream before it is decoded.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct PacketReport {
    /// How many packets came.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Mean bit rate, 1000 bit/s; `None` where times are missing.
    pub kbit_s: Option<f64>,
    /// Packets at which decoding can begin.
    pub keyframes: u64,
    /// Mean time from one to the next, s; `None` with fewer than two.
    pub keyframe_interval_s: Option<f64>,
    /// The longest time from one to the next, s.
    pub keyframe_interval_max_s: Option<f64>,
    /// Whether the first packet is one.
    pub begins_with_keyframe: bool,
    /// Packets that are to be shown (or, for sound, decoded) when another one is.
    pub repeated_timestamps: u64,
    /// Packets that are to be decoded before one that came earlier.
    pub backward_timestamps: u64,
    /// How they came; `None` for recordings.
    pub arrival: Option<Arrival>,
}

/// How evenly packets came over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Arrival {
    /// The longest time in which nothing came, ms.
    pub longest_wait_ms: f64,
    /// How much a player that begins with the first packet must hold back so that it never
    /// waits: how much later than it a packet came, by its time, ms.
    pub buffer_needed_ms: f64,
}

#[derive(Default)]
struct Arrivals {
    last: Option<u64>,
    longest: u64,
    /// The first and the greatest lateness: arrival less decoding time, ns.
    lateness: Option<(i128, i128)>,
}

impl Arrivals {
    fn push(&mut self, arrived: u64, time: Option<u64>) {
        if let Some(last) = self.last {
            self.longest = self.longest.max(arrived.saturating_sub(last));
        }
        self.last = Some(arrived);
        if let Some(time) = time {
            let late = i128::from(arrived) - i128::from(time);
            let (first, most) = self.lateness.unwrap_or((late, late));
            self.lateness = Some((first, most.max(late)));
        }
    }

    fn report(&self) -> Option<Arrival> {
        self.last?;
        let (first, most) = self.lateness.unwrap_or_default();
        Some(Arrival {
            longest_wait_ms: ms(self.longest as f64),
            buffer_needed_ms: ms((most - first) as f64),
        })
    }
}

impl Packets {
    /// The next packet.
    pub fn push(&mut self, packet: &Packet) {
        if self.count == 0 {
            self.begins_with_key = packet.is_key;
        }
        self.count += 1;
        self.bytes += packet.bytes;
        let decoded = packet.dts.or(packet.pts);
        if let Some(arrived) = packet.arrived {
            self.arrivals.push(arrived, decoded);
        }
        if let (Some(time), Some(last)) = (decoded, self.last_dts)
            && time < last
        {
            self.backward += 1;
        }
        self.last_dts = decoded.or(self.last_dts);
        let Some(time) = packet.pts.or(packet.dts) else {
            return;
        };
        if self.recent.contains(&Some(time)) {
            self.repeated += 1;
        }
        self.recent.rotate_right(1);
        self.recent[0] = Some(time);
        let end = time.saturating_add(packet.duration.unwrap_or(0));
        let (first, last, until) = self.span.unwrap_or((time, time, end));
        self.span = Some((first.min(time), last.max(time), until.max(end)));
        if packet.is_key {
            self.keys.push(time);
        }
        if self.keys.len() < 2 {
            self.early.push(time);
        }
    }

    /// The first packet's time, or an earlier one's, ns.
    pub fn first(&self) -> Option<u64> {
        self.span.map(|(first, _, _)| first)
    }

    /// How many packets of the beginning are to be shown before that time (ns): those that came
    /// to nothing if it is the first decoded frame's.
    pub(super) fn before(&self, time: u64) -> u64 {
        // Times pass a decoder with rounding.
        let before = self.early.iter().filter(|t| **t + 500_000 < time).count();
        before as u64
    }

    /// What came.
    pub fn report(&self) -> PacketReport {
        let steps: Vec<f64> = self
            .keys
            .windows(2)
            .map(|k| k[1].saturating_sub(k[0]) as f64 / SECOND_NS)
            .collect();
        let interval = steps.iter().sum::<f64>() / steps.len() as f64;
        let longest = steps.iter().fold(0.0, |max: f64, s| max.max(*s));
        PacketReport {
            packets: self.count,
            bytes: self.bytes,
            kbit_s: self
                .seconds()
                .map(|s| round(self.bytes as f64 * 8.0 / s / 1e3, 1e3)),
            keyframes: self.keys.len() as u64,
            keyframe_interval_s: (!steps.is_empty()).then(|| round(interval, 1e3)),
            keyframe_interval_max_s: (!steps.is_empty()).then(|| round(longest, 1e3)),
            begins_with_keyframe: self.begins_with_key,
            repeated_timestamps: self.repeated,
            backward_timestamps: self.backward,
            arrival: self.arrivals.report(),
        }
    }

    /// How long all packets last together; without the last one's own word as if it lasted as
    /// long as the mean of the others.
    fn seconds(&self) -> Option<f64> {
        let (first, last, until) = self.span?;
        let told = (until - first) as f64;
        let others = (last - first) as f64;
        let mean = others / (self.count.max(2) - 1) as f64;
        let seconds = told.max(others + if until > last { 0.0 } else { mean }) / SECOND_NS;
        (seconds > 0.0).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 40_000_000;

    fn packet(k: u64) -> Packet {
        Packet {
            dts: Some(k * FRAME),
            pts: Some(k * FRAME),
            duration: Some(FRAME),
            bytes: 1_000,
            is_key: k.is_multiple_of(50),
            arrived: None,
        }
    }

    fn measured(packets: impl IntoIterator<Item = Packet>) -> PacketReport {
        let mut all = Packets::default();
        packets.into_iter().for_each(|p| all.push(&p));
        all.report()
    }

    #[test]
    fn rate_and_keyframes_are_those_of_the_stream() {
        for duration in [Some(FRAME), None] {
            let report = measured((0..150).map(|k| Packet {
                duration,
                ..packet(k)
            }));
            assert_eq!(report.kbit_s, Some(200.0), "{duration:?}");
            assert_eq!((report.packets, report.keyframes), (150, 3));
            assert_eq!(report.keyframe_interval_s, Some(2.0));
            assert!(report.begins_with_keyframe && report.arrival.is_none());
            assert_eq!(
                (report.repeated_timestamps, report.backward_timestamps),
                (0, 0)
            );
        }
        let late = measured((7..150).map(packet));
        assert!(!late.begins_with_keyframe);
        assert_eq!(measured([]).kbit_s, None);
    }

    #[test]
    fn reordered_frames_are_neither_repeated_nor_backward() {
        // I P B B: shown in another order than decoded.
        let order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
        let packets = order.iter().enumerate().map(|(i, shown)| Packet {
            dts: Some(i as u64 * FRAME),
            pts: Some((shown + 3) * FRAME),
            ..packet(0)
        });
        let report = measured(packets);
        assert_eq!(
            (report.repeated_timestamps, report.backward_timestamps),
            (0, 0)
        );
        let twice = [0, 1, 1, 2].map(|k| Packet {
            dts: None,
            ..packet(k)
        });
        assert_eq!(measured(twice).repeated_timestamps, 1);
        let back = [0, 2, 1, 3].map(packet);
        assert_eq!(measured(back).backward_timestamps, 1);
    }

    #[test]
    fn what_cannot_be_shown_is_counted() {
        let mut packets = Packets::default();
        (30..110).for_each(|k| packets.push(&packet(k)));
        assert_eq!(packets.before(50 * FRAME), 20);
        assert_eq!(packets.before(30 * FRAME + 1000), 0);
    }

    #[test]
    fn a_burst_after_a_stall_needs_as_much_buffer() {
        let arrived = |k: u64| {
            if (20..70).contains(&k) {
                70 * FRAME
            } else {
                k * FRAME
            }
        };
        let report = measured((0..100).map(|k| Packet {
            arrived: Some(arrived(k) + 123_456_789),
            ..packet(k)
        }));
        let arrival = report.arrival.expect("a live stream");
        assert_eq!(arrival.longest_wait_ms, 51.0 * 40.0);
        assert_eq!(arrival.buffer_needed_ms, 50.0 * 40.0);
    }
}
