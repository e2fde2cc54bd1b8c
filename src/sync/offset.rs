// SPDX-License-Identifier: MPL-2.0
//! [`Offsets`]: how far sound and picture lie apart as they are sent.

/// Bins of a millisecond each; what lies beyond counts in the last one.
const BINS: usize = 2_000;
const MS: i64 = 1_000_000;

/// What a viewer may have noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The offset has left the tolerance.
    Out(i64),
    /// It is back.
    In(i64),
}

/// Statistics of offsets in ns. Positive: the sound is early, which is that the picture shows
/// what was heard before.
#[derive(Clone, Debug)]
pub struct Offsets {
    early: i64,
    late: i64,
    now: Option<i64>,
    count: u64,
    sum: i128,
    /// The one that is largest without its sign.
    worst: i64,
    bins: Vec<u64>,
    out: bool,
}

/// The figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Of the last frame; `None` while nothing is heard.
    pub now: Option<i64>,
    /// Of all frames; 0 before the first.
    pub mean: i64,
    /// 19 of 20 frames lie within it; rounded up to a millisecond.
    pub p95: u64,
    /// The largest, with its sign.
    pub worst: i64,
    /// Frames measured.
    pub count: u64,
    /// Outside the tolerance now.
    pub out: bool,
}

impl Offsets {
    /// With the tolerance: how early and how late the sound may be, ns.
    pub fn new(early: u64, late: u64) -> Self {
        let mut new = Self {
            early: 0,
            late: 0,
            now: None,
            count: 0,
            sum: 0,
            worst: 0,
            bins: vec![0; BINS],
            out: false,
        };
        new.set_tolerance(early, late);
        new
    }

    /// Another tolerance.
    pub fn set_tolerance(&mut self, early: u64, late: u64) {
        let bounded = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
        (self.early, self.late) = (bounded(early), bounded(late));
    }

    /// A frame was sent with this offset. Whether that is news.
    pub fn add(&mut self, offset: i64) -> Option<Verdict> {
        self.now = Some(offset);
        self.count += 1;
        self.sum += i128::from(offset);
        if offset.unsigned_abs() > self.worst.unsigned_abs() {
            self.worst = offset;
        }
        let bin = offset.unsigned_abs().div_ceil(MS as u64) as usize;
        self.bins[bin.min(BINS - 1)] += 1;
        let out = offset > self.early || offset < -self.late;
        if out == self.out {
            return None;
        }
        self.out = out;
        Some(if out {
            Verdict::Out(offset)
        } else {
            Verdict::In(offset)
        })
    }

    /// Nothing is heard, so nothing can be off.
    pub fn pause(&mut self) {
        self.now = None;
    }

    /// The figures.
    pub fn summary(&self) -> Summary {
        let mut left = self.count - self.count * 19 / 20;
        let p95 = self.bins.iter().enumerate().rev().find_map(|(ms, n)| {
            // The largest twentieth lies in the bins above.
            if *n >= left {
                return Some(ms as u64 * MS as u64);
            }
            left -= n;
            None
        });
        Summary {
            now: self.now,
            mean: (self.sum / i128::from(self.count.max(1))) as i64,
            p95: if self.count == 0 { 0 } else { p95.unwrap_or(0) },
            worst: self.worst,
            count: self.count,
            out: self.out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_and_returning_are_told_once() {
        let mut offsets = Offsets::new(40_000_000, 60_000_000);
        let told: Vec<_> = [0, 40, 41, 80, 40, -60, -61, -200, 0]
            .iter()
            .filter_map(|ms| offsets.add(ms * MS))
            .collect();
        let (out, back) = (Verdict::Out, Verdict::In);
        assert_eq!(told, [out(41 * MS), back(40 * MS), out(-61 * MS), back(0)]);
    }

    #[test]
    fn figures_are_those_of_the_frames() {
        let mut offsets = Offsets::new(40_000_000, 60_000_000);
        assert_eq!(offsets.summary(), Summary::default());
        for ms in 1..=100 {
            offsets.add(-ms * MS);
        }
        let summary = offsets.summary();
        assert_eq!(summary.mean, -50_500_000);
        assert_eq!(summary.worst, -100 * MS);
        assert_eq!(summary.p95, 96 * MS as u64);
        assert_eq!((summary.count, summary.out), (100, true));
        offsets.pause();
        assert_eq!(offsets.summary().now, None);
    }
}
