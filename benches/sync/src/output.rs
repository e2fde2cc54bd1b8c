// SPDX-License-Identifier: MPL-2.0
//! What came out, and what a viewer would say to it.

use std::fmt;

use crate::faults::{FRAME, Item, MS, PIECE, RATE, S, SPEECH};

/// One buffer as it left.
struct Left {
    /// Running time at which it did, ns.
    at: u64,
    /// Its timestamp, ns.
    stamp: u64,
    /// Of a picture its number, of sound nothing.
    number: Option<u64>,
}

/// All of one contender.
#[derive(Default)]
pub struct Output {
    pictures: Vec<Left>,
    sound: Vec<Left>,
    /// Of each sample that is speech: its time by timestamp in ns, and its number.
    said: Vec<(u64, u64)>,
}

/// The figures.
pub struct Seen {
    offset: Option<u64>,
    lost: u64,
    without: [u64; 2],
    jitter: Option<u64>,
}

impl Output {
    pub fn add(&mut self, is_video: bool, buffer: &gst::BufferRef, at: u64) {
        let Some(stamp) = buffer.pts().map(gst::ClockTime::nseconds) else {
            return;
        };
        let Ok(map) = buffer.map_readable() else {
            return;
        };
        let mut left = Left {
            at,
            stamp,
            number: None,
        };
        if is_video {
            let first = map.first_chunk().copied().unwrap_or_default();
            // An idle picture is no frame of the source.
            left.number = u64::from_le_bytes(first)
                .checked_sub(1)
                .filter(|n| *n < 1 << 20);
            self.pictures.push(left);
            return;
        }
        for (i, sample) in (0u64..).zip(map.as_chunks().0) {
            let value = i32::from_le_bytes(*sample);
            if value >= SPEECH {
                let time = stamp + i * S / RATE;
                self.said.push((time, (value - SPEECH) as u64));
            }
        }
        self.sound.push(left);
    }

    /// Compares it with what went in.
    pub fn seen(mut self, items: &[Item]) -> Seen {
        // What comes when the sources are over is not asked for.
        let end = items.last().map_or(0, |i| i.arrival);
        self.said.sort_unstable();
        let went_in = items.iter().filter(|i| !i.is_video).count() as u64 * PIECE;
        let mut numbers: Vec<u64> = self.said.iter().map(|s| s.1).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let pictures: Vec<u64> = self.pictures.iter().map(|p| p.at).collect();
        let sound: Vec<u64> = self.sound.iter().map(|s| s.at).collect();
        Seen {
            offset: percentile(self.offsets()),
            lost: (went_in.saturating_sub(numbers.len() as u64)) * 1000 / RATE,
            without: [longest(&sound, end), longest(&pictures, end)],
            jitter: percentile(
                pictures
                    .windows(2)
                    .map(|w| w[1].saturating_sub(w[0]).abs_diff(FRAME))
                    .collect(),
            ),
        }
    }

    /// Of each picture beside which somebody speaks, how far it is from what is said, ns.
    fn offsets(&self) -> Vec<u64> {
        let mut offsets = Vec::new();
        for picture in &self.pictures {
            let Some(number) = picture.number else {
                continue;
            };
            let at = self.said.partition_point(|s| s.0 < picture.stamp);
            let Some((time, sample)) = self.said.get(at) else {
                continue;
            };
            // Nobody speaks there.
            if *time > picture.stamp + 20 * MS {
                continue;
            }
            offsets.push((number * FRAME).abs_diff(sample * S / RATE));
        }
        offsets
    }
}

/// The longest time without a buffer, from the first second on.
fn longest(times: &[u64], end: u64) -> u64 {
    let mut last = S;
    let mut most = 0;
    let times = times.iter().copied().filter(|t| (S..end).contains(t));
    for at in times.chain([end]) {
        most = most.max(at.saturating_sub(last));
        last = at;
    }
    most
}

fn percentile(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() * 95 / 100).copied()
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: Option<u64>| {
            ns.map_or("–".to_owned(), |ns| format!("{:.1} ms", ns as f64 / 1e6))
        };
        let s = |ns: u64| format!("{:.2} s", ns as f64 / 1e9);
        write!(
            f,
            "{} | {:.2} s | {}, {} | {}",
            ms(self.offset),
            self.lost as f64 / 1e3,
            s(self.without[0]),
            s(self.without[1]),
            ms(self.jitter)
        )
    }
}
