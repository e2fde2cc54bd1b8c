// SPDX-License-Identifier: MPL-2.0
//! [`Sound`]: the decoded sound of a stream.

use super::{
    Mark, MarkKind, SECOND_NS,
    heard::{Heard, Onsets},
    lag::Track,
    samples::{Place, SampleTimes},
};
use crate::audio::pcm;

/// A longer hole is not filled in: what follows it is another stretch of sound.
const MOST_SILENCE_S: u64 = 60;
/// Sound that goes back farther begins anew.
const MOST_OVERLAP_S: u64 = 1;

/// Takes decoded buffers in the order in which they come.
pub struct Sound {
    rate: u32,
    pub(super) times: SampleTimes,
    /// Running times at which sounds set in, ns.
    pub(super) onsets: Vec<u64>,
    finder: Onsets,
    /// Running time of the finder's first sample, ns.
    finder_start: u64,
    heard: Option<Heard>,
    longest: Track,
    mono: Vec<f32>,
}

impl Sound {
    /// Sound of `rate` samples a second.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            times: SampleTimes::new(rate),
            onsets: Vec::new(),
            finder: Onsets::new(rate, 0.0),
            finder_start: 0,
            heard: None,
            longest: Track::default(),
            mono: Vec::new(),
        }
    }

    /// The next buffer: when it is heard (running time, ns), when it was decoded (seconds since
    /// 1970), and its interleaved samples of so many channels. `sink` is told what was recognised.
    pub fn push(
        &mut self,
        time: Option<u64>,
        arrived: Option<f64>,
        samples: &[f32],
        channels: usize,
        sink: &mut impl FnMut(Mark),
    ) {
        let mut mono = std::mem::take(&mut self.mono);
        mono.clear();
        pcm::downmix(samples, channels, &mut mono);
        let is_first = self.times.first().is_none();
        let place = self.times.push(time, mono.len() as u64);
        let length = self.nanoseconds(mono.len() as u64);
        let start = self.times.end().unwrap_or(0).saturating_sub(length);
        if is_first {
            self.finder_start = start;
        }
        self.listen(place, start, &mono);
        self.find(place, start, &mono, &mut |time| {
            sink(Mark {
                kind: MarkKind::Sound,
                time: super::round(time as f64 / SECOND_NS, 1e6),
                arrived,
            });
        });
        self.mono = mono;
    }

    /// The running time (ns) up to which sound has come.
    pub fn end(&self) -> Option<u64> {
        self.times.end()
    }

    /// The first sample's time, ns.
    pub fn first(&self) -> Option<u64> {
        self.times.first()
    }

    /// Gives the articulator a buffer that begins at running time `start`, ns.
    fn listen(&mut self, place: Place, start: u64, mono: &[f32]) {
        let far = match place {
            Place::Follows => false,
            Place::Gap(samples) => samples > MOST_SILENCE_S * u64::from(self.rate),
            Place::Overlap(samples) => samples > MOST_OVERLAP_S * u64::from(self.rate),
        };
        if far {
            self.close();
        }
        let heard = self
            .heard
            .get_or_insert_with(|| Heard::new(self.rate, start));
        match place {
            Place::Gap(samples) if !far => heard.silence(samples),
            Place::Overlap(samples) if !far => heard.overlap(samples),
            _ => {}
        }
        heard.push(mono);
    }

    /// Looks for sounds that set in.
    fn find(&mut self, place: Place, start: u64, mono: &[f32], sink: &mut impl FnMut(u64)) {
        match place {
            Place::Follows => {}
            // In a hole there is quiet.
            Place::Gap(_) => self.finder = Onsets::new(self.rate, 0.0),
            // What comes again is no sound that sets in.
            Place::Overlap(_) => self.finder = Onsets::new(self.rate, f32::MAX),
        }
        if place != Place::Follows {
            self.finder_start = start;
        }
        let (start, onsets) = (self.finder_start, &mut self.onsets);
        self.finder.push(mono, &mut |since| {
            onsets.push(start.saturating_add(since));
            sink(start.saturating_add(since));
        });
    }

    /// Ends a stretch of sound; the longest one is kept.
    fn close(&mut self) {
        if let Some(heard) = self.heard.take() {
            let track = heard.finish();
            if track.values.len() >= self.longest.values.len() {
                self.longest = track;
            }
        }
    }

    /// The apertures that the longest unbroken stretch of the sound asks for.
    pub(super) fn track(&mut self) -> &Track {
        self.close();
        &self.longest
    }

    fn nanoseconds(&self, samples: u64) -> u64 {
        let exact = u128::from(samples) * 1_000_000_000 / u128::from(self.rate);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// A click of 20 ms at each of those milliseconds, in 3 s.
    fn clicks(at_ms: &[usize]) -> Vec<f32> {
        let loud = |i: usize| {
            at_ms
                .iter()
                .any(|ms| (ms * 16..(ms + 20) * 16).contains(&i))
        };
        (0..48_000)
            .map(|i| if loud(i) { 0.4 } else { 0.001 })
            .collect()
    }

    /// The onsets (ms) of those stretches of the clicks, each stamped with its own time plus an
    /// offset in ms.
    fn onsets(stretches: &[(std::ops::Range<usize>, u64)]) -> (Vec<u64>, Sound) {
        let sound = clicks(&[500, 1500, 2500]);
        let mut measured = Sound::new(RATE);
        let mut marks = Vec::new();
        for (range, offset) in stretches {
            for from in range.clone().step_by(100) {
                let time = (from as u64 + offset) * 1_000_000;
                let piece = &sound[from * 16..(from + 100) * 16];
                measured.push(Some(time), Some(5.0), piece, 1, &mut |mark| {
                    marks.push(mark)
                });
            }
        }
        assert_eq!(marks.len(), measured.onsets.len());
        assert!(
            marks
                .iter()
                .all(|m| m.arrived == Some(5.0) && m.kind == MarkKind::Sound)
        );
        (
            measured.onsets.iter().map(|t| t / 1_000_000).collect(),
            measured,
        )
    }

    #[test]
    fn onsets_lie_where_timestamps_put_them() {
        assert_eq!(onsets(&[(0..3000, 70)]).0, [570, 1570, 2570]);
        // A hole of 200 ms behind 1 s, and one that is longer than any that is filled in.
        let (found, sound) = onsets(&[(0..1000, 70), (1000..2000, 270), (2000..3000, 100_000)]);
        assert_eq!(found, [570, 1770, 102_500]);
        assert_eq!(sound.times.report().gaps, 2);
        // 300 ms come again in the middle of a click's second.
        let (found, sound) = onsets(&[(0..1700, 0), (1400..3000, 0)]);
        assert_eq!(found, [500, 1500, 1500, 2500]);
        assert_eq!(sound.times.report().overlap_samples, 4_800);
    }

    #[test]
    fn the_track_keeps_time_through_holes_and_overlaps() {
        for (stretches, start, length) in [
            (vec![(0..3000, 70)], 70, 3000),
            (vec![(0..1000, 70), (1000..3000, 270)], 70, 3200),
            (vec![(0..2000, 0), (1900..3000, 0)], 0, 3000),
            // Two short pieces back, so that the first one is heard as a whole already.
            (
                vec![(0..2000, 0), (1700..1800, 0), (1800..3000, 0)],
                0,
                3000,
            ),
            // Restarted: the longer stretch counts.
            (vec![(0..1000, 0), (1000..3000, 100_000)], 101_000, 2000),
            (vec![(2000..3000, 100_000), (0..1700, 0)], 0, 1700),
        ] {
            let mut sound = onsets(&stretches).1;
            let track = sound.track();
            assert_eq!(track.start, start * 1_000_000, "{stretches:?}");
            let ms = track.values.len() as u64 * track.step / 1_000_000;
            assert_eq!(ms, length, "{stretches:?}");
        }
    }
}
