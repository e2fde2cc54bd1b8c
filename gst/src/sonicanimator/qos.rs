// SPDX-License-Identifier: MPL-2.0
//! Which frames are too late to be worth drawing.

/// Never skip further ahead of a late frame than this, ns.
const MAX_CATCH_UP: u64 = 1_000_000_000;

/// What sinks have said of our lateness.
#[derive(Clone, Copy, Debug)]
pub struct Qos {
    /// Frames at or before this running time (ns) are not worth drawing.
    earliest: Option<u64>,
    /// How much too slow we are, as the sink puts it.
    pub proportion: f64,
    /// Frames drawn since the last flush.
    pub processed: u64,
    /// Frames not drawn since the last flush.
    pub dropped: u64,
}

impl Default for Qos {
    fn default() -> Self {
        Self {
            earliest: None,
            proportion: 1.0,
            processed: 0,
            dropped: 0,
        }
    }
}

impl Qos {
    /// Takes in a QOS event: a buffer of running time `timestamp` (ns) came `diff` ns late.
    ///
    /// A late one puts the limit at twice its lateness, since the frames until we have caught
    /// up would be late too; one in time puts it back.
    pub fn update(&mut self, proportion: f64, diff: i64, timestamp: u64) {
        self.proportion = proportion;
        self.earliest = Some(if diff > 0 {
            let ahead = diff.unsigned_abs().saturating_mul(2).min(MAX_CATCH_UP);
            timestamp.saturating_add(ahead)
        } else {
            timestamp.saturating_add_signed(diff)
        });
    }

    /// Whether anyone has told us about lateness at all.
    pub fn is_active(&self) -> bool {
        self.earliest.is_some()
    }

    /// By how much (ns) a frame at that running time (ns) is too late; `None` if it is in time.
    pub fn lateness(&self, running_time: u64) -> Option<u64> {
        self.earliest
            .and_then(|earliest| earliest.checked_sub(running_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn late_frames_are_skipped_until_caught_up() {
        let mut qos = Qos::default();
        assert_eq!(qos.lateness(0), None);
        qos.update(1.5, 100_000_000, 1000 * MS);
        assert_eq!(qos.lateness(1100 * MS), Some(100 * MS));
        assert_eq!(qos.lateness(1201 * MS), None);
        qos.update(0.9, -20_000_000, 1240 * MS);
        assert_eq!(qos.lateness(1220 * MS), Some(0));
        assert_eq!(qos.lateness(1240 * MS), None);
    }

    #[test]
    fn absurd_figures_do_no_harm() {
        let mut qos = Qos::default();
        qos.update(f64::NAN, i64::MAX, 5);
        assert_eq!(qos.lateness(MAX_CATCH_UP + 6), None);
        qos.update(1.0, i64::MIN, 5);
        assert_eq!(qos.lateness(1), None);
        qos.update(1.0, i64::MAX, u64::MAX);
        assert_eq!(qos.lateness(u64::MAX), Some(0));
    }
}
