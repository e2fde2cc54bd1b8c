// SPDX-License-Identifier: MPL-2.0
//! [`Arrivals`]: when packets came, until they are decoded.

use std::collections::VecDeque;

/// Packets that wait for a decoder, or for whoever looks at what it makes; more are forgotten.
const MOST: usize = 2048;
/// What a decoder may round, ns.
const ROUNDING: u64 = 1_000_000;

/// The latest packets of one stream.
#[derive(Default)]
pub struct Arrivals(VecDeque<(u64, f64)>);

impl Arrivals {
    /// A packet to be shown at running time `time`, ns, came at `arrived`, seconds since 1970.
    pub fn push(&mut self, time: u64, arrived: f64) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((time, arrived));
    }

    /// When the packet came that has what is shown at `time`, ns: the last one that begins by then.
    /// Packets are in the order of decoding, so times may go back.
    pub fn of(&self, time: u64) -> Option<f64> {
        let begun = |(at, _): &&(u64, f64)| *at <= time.saturating_add(ROUNDING);
        let found = self.0.iter().filter(begun).max_by_key(|(at, _)| *at);
        found.map(|(_, arrived)| *arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_came_with_its_packet_whatever_the_order() {
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.of(0), None);
        // A picture that others are predicted from comes before them.
        for (time, arrived) in [(0, 1.0), (120, 2.0), (40, 3.0), (80, 4.0)] {
            arrivals.push(time * ROUNDING, arrived);
        }
        for (time, arrived) in [
            (0, 1.0),
            (40, 3.0),
            (79, 4.0),
            (100, 4.0),
            (120, 2.0),
            (500, 2.0),
        ] {
            assert_eq!(arrivals.of(time * ROUNDING), Some(arrived), "{time}");
        }
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut arrivals = Arrivals::default();
        (0..10_000).for_each(|i| arrivals.push(i * 40 * ROUNDING, i as f64));
        assert_eq!(arrivals.0.len(), MOST);
        assert_eq!(arrivals.of(9_999 * 40 * ROUNDING), Some(9_999.0));
        assert_eq!(arrivals.of(0), None);
    }
}
