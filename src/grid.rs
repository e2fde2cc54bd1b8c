// SPDX-License-Identifier: MPL-2.0
//! The frame grid: frame k of a stream at rate n/d lies exactly at k·d/n seconds.

const SECOND_NS: u128 = 1_000_000_000;

/// A constant frame rate, and with it the instants of all frames on the running-time grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameGrid {
    numerator: u32,
    denominator: u32,
}

impl FrameGrid {
    /// The grid of `numerator/denominator` frames a second; `None` if either is 0.
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self {
            numerator,
            denominator,
        })
    }

    /// (numerator, denominator) as given.
    pub fn rate(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// The instant of frame `index` in ns, rounded to nearest. Saturates at `u64::MAX`.
    pub fn time(self, index: u64) -> u64 {
        let n = u128::from(self.numerator);
        let exact = u128::from(index) * u128::from(self.denominator) * SECOND_NS;
        u64::try_from((exact + n / 2) / n).unwrap_or(u64::MAX)
    }

    /// How long frame `index` lasts in ns: to the start of the next one.
    pub fn duration(self, index: u64) -> u64 {
        self.time(index.saturating_add(1)) - self.time(index)
    }

    /// The first frame whose (rounded) instant is at or after `time_ns`: ceil(t·n/d).
    pub fn first_at_or_after(self, time_ns: u64) -> u64 {
        let unit = u128::from(self.denominator) * SECOND_NS;
        let floor = u128::from(time_ns) * u128::from(self.numerator) / unit;
        let floor = u64::try_from(floor).unwrap_or(u64::MAX);
        // Rounding of `time` can put the frame below, at or above the exact quotient.
        (floor..=floor.saturating_add(1))
            .find(|&k| self.time(k) >= time_ns)
            .unwrap_or_else(|| floor.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ntsc_does_not_drift_in_a_day() {
        let grid = FrameGrid::new(30_000, 1001).expect("a rate");
        let frames_a_day = 86_400 * 30_000 / 1001 / 1000 * 1000;
        assert_eq!(
            grid.time(frames_a_day),
            frames_a_day / 1000 * 1001 * 1_000_000_000 / 30
        );
        assert_eq!(
            grid.first_at_or_after(grid.time(frames_a_day)),
            frames_a_day
        );
    }

    proptest! {
        #[test]
        fn the_first_frame_is_the_first(n in 1u32..200_000, d in 1u32..2_000, t in 0u64..1 << 50) {
            prop_assume!(n / d <= 1000);
            let grid = FrameGrid::new(n, d).expect("a rate");
            let k = grid.first_at_or_after(t);
            prop_assert!(grid.time(k) >= t);
            prop_assert!(k == 0 || grid.time(k - 1) < t);
        }

        #[test]
        fn frames_join_without_holes(n in 1u32..120_000, d in 1u32..1_002, k in 0u64..1 << 32) {
            let grid = FrameGrid::new(n, d).expect("a rate");
            prop_assert_eq!(grid.time(k) + grid.duration(k), grid.time(k + 1));
        }
    }
}
