// SPDX-License-Identifier: MPL-2.0
//! [`BitrateController`]: how much to encode, so that the line carries it.
//!
//! Told at a steady pace how much waits and how much has gone out, it lowers the bitrate when the
//! queue grows, to what the line was seen to carry, and raises it in steps when the queue has
//! been empty for a while: multiplicative decrease, additive increase. Times and steps follow
//! what broadcasting software was found to do well with; see the constants.

use std::time::Duration;

/// With so much waiting the line is too narrow.
const CONGESTED: Duration = Duration::from_millis(250);
/// With no more than that waiting it is not: two frames at 15 a second.
const FREE: Duration = Duration::from_millis(135);
/// After a change nothing is changed for so long: encoder and queue take that to show it.
const HOLD: Duration = Duration::from_millis(1000);
/// How long the line must be free before more is tried.
const PATIENCE: Duration = Duration::from_secs(4);
/// A step up that fails makes the next ones come later, up to so many times as late.
const MOST_CAUTION: u32 = 8;
/// A step up has held when the line is free for so long after it.
const PROVED: Duration = Duration::from_secs(12);
/// Steps up, as a share of the largest bitrate.
const STEP: f64 = 0.1;
/// One step down leaves at least that share: what has gone out lags behind what the line carries.
const LEAST_SHARE: f64 = 0.5;
/// Of what the line was seen to carry, that share is used, so that the queue drains.
const MARGIN: f64 = 0.85;
/// The weight of 100 ms in the mean of what goes out: a memory of about half a second.
const WEIGHT: f64 = 0.2;

/// The bounds, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// No less is asked for.
    pub least: u32,
    /// Nor more: what the user wants when the line allows it.
    pub most: u32,
}

/// The state machine. Times are those of any one clock that does not jump.
pub struct BitrateController {
    bounds: Bounds,
    /// Bits of sound, kbit/s: they come off what the line carries.
    audio: f64,
    current: f64,
    /// Mean of what goes out, kbit/s.
    sent: Option<f64>,
    last: Option<(Duration, u64)>,
    changed: Duration,
    free_since: Option<Duration>,
    raised: Option<Duration>,
    caution: u32,
}

impl BitrateController {
    /// Begins with the most. `audio` is what sound takes, kbit/s.
    pub fn new(bounds: Bounds, audio: u32) -> Self {
        let bounds = sane(bounds);
        Self {
            bounds,
            audio: f64::from(audio),
            current: f64::from(bounds.most),
            sent: None,
            last: None,
            changed: Duration::ZERO,
            free_since: None,
            raised: None,
            caution: 1,
        }
    }

    /// What video should take, kbit/s.
    pub fn bitrate(&self) -> u32 {
        self.current.round() as u32
    }

    /// The user wants other bounds. The bitrate follows at once if it lies outside, and if it
    /// was the most it stays so.
    pub fn set_bounds(&mut self, bounds: Bounds) -> u32 {
        let bounds = sane(bounds);
        if self.current >= f64::from(self.bounds.most) {
            self.current = f64::from(bounds.most);
        }
        self.bounds = bounds;
        self.current = self.limited(self.current);
        self.bitrate()
    }

    /// A new connection has nothing to do with the old one's counts. The bitrate stays: the line
    /// may be the same.
    pub fn reconnected(&mut self) {
        (self.sent, self.last, self.free_since) = (None, None, None);
    }

    /// About every 100 ms: how long a stretch waits, and the bytes that have gone out over this
    /// connection. The new bitrate for video, kbit/s, where it changes.
    pub fn measure(&mut self, now: Duration, waits: Duration, sent: u64) -> Option<u32> {
        self.count(now, sent);
        if waits <= FREE {
            let since = *self.free_since.get_or_insert(now);
            return self.rise(now, since);
        }
        self.free_since = None;
        if waits < CONGESTED || now < self.changed + HOLD {
            return None;
        }
        let carried = (self.sent? - self.audio) * MARGIN;
        let lower = carried.max(self.current * LEAST_SHARE).min(self.current);
        if self
            .raised
            .take()
            .is_some_and(|raised| now < raised + PROVED)
        {
            self.caution = (self.caution * 2).min(MOST_CAUTION);
        }
        self.change(now, lower)
    }

    fn count(&mut self, now: Duration, sent: u64) {
        let last = self.last.replace((now, sent));
        let Some((before, bytes)) = last.filter(|(before, bytes)| now > *before && sent >= *bytes)
        else {
            return;
        };
        let seconds = (now - before).as_secs_f64();
        let rate = (sent - bytes) as f64 * 8.0 / 1000.0 / seconds;
        let weight = 1.0 - (1.0 - WEIGHT).powf(seconds / 0.1);
        let mean = self.sent.get_or_insert(rate);
        *mean += (rate - *mean) * weight;
    }

    fn rise(&mut self, now: Duration, since: Duration) -> Option<u32> {
        if self.raised.is_some_and(|raised| now >= raised + PROVED) {
            self.raised = None;
            self.caution = (self.caution / 2).max(1);
        }
        let patience = PATIENCE * self.caution;
        if now < since.max(self.changed) + patience {
            return None;
        }
        let step = STEP * f64::from(self.bounds.most);
        let changed = self.change(now, self.current + step);
        if changed.is_some() {
            self.raised = Some(now);
        }
        changed
    }

    fn change(&mut self, now: Duration, to: f64) -> Option<u32> {
        let before = self.bitrate();
        self.current = self.limited(to);
        if self.bitrate() == before {
            return None;
        }
        self.changed = now;
        Some(self.bitrate())
    }

    fn limited(&self, bitrate: f64) -> f64 {
        bitrate.clamp(f64::from(self.bounds.least), f64::from(self.bounds.most))
    }
}

fn sane(bounds: Bounds) -> Bounds {
    let most = bounds.most.max(1);
    Bounds {
        least: bounds.least.clamp(1, most),
        most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AUDIO: u32 = 128;
    const TICK: Duration = Duration::from_millis(100);

    /// A line with a buffer in front of it, as kernels have one, behind our queue.
    struct Line {
        /// Bits that wait in our queue, and in the kernel's buffer.
        queue: f64,
        buffer: f64,
        room: f64,
        sent: f64,
        now: Duration,
        controller: BitrateController,
        changes: Vec<(Duration, u32)>,
        worst: f64,
    }

    impl Line {
        fn new(most: u32) -> Self {
            let bounds = Bounds { least: 200, most };
            Self {
                queue: 0.0,
                buffer: 0.0,
                room: 500_000.0,
                sent: 0.0,
                now: Duration::ZERO,
                controller: BitrateController::new(bounds, AUDIO),
                changes: Vec::new(),
                worst: 0.0,
            }
        }

        /// Seconds at that many kbit/s; encoders overshoot by `wild`.
        fn run(&mut self, seconds: u32, kbit: f64, wild: f64) {
            for tick in 0..seconds * 10 {
                let made = f64::from(self.controller.bitrate() + AUDIO) * 100.0;
                self.queue += made * (1.0 + wild * f64::from(tick % 7) / 3.0 - wild);
                let taken = self.queue.min(self.room - self.buffer).max(0.0);
                self.queue -= taken;
                self.buffer = (self.buffer + taken - kbit * 100.0).max(0.0);
                self.sent += taken / 8.0;
                self.now += TICK;
                let rate = f64::from(self.controller.bitrate() + AUDIO) * 1000.0;
                let waits = self.queue / rate;
                self.worst = self.worst.max(waits);
                let waits = Duration::from_secs_f64(waits);
                if let Some(new) = self.controller.measure(self.now, waits, self.sent as u64) {
                    self.changes.push((self.now, new));
                }
            }
        }

        fn bitrate(&self) -> u32 {
            self.controller.bitrate()
        }
    }

    #[test]
    fn a_wide_line_is_left_alone() {
        let mut line = Line::new(2000);
        line.run(600, 50_000.0, 0.2);
        assert_eq!(line.changes, []);
    }

    #[test]
    fn a_line_that_narrows_is_followed_down_and_up_again() {
        let mut line = Line::new(2000);
        line.run(20, 50_000.0, 0.1);
        line.run(60, 1000.0, 0.1);
        let narrow = line.bitrate();
        assert!(
            (400..=950).contains(&narrow),
            "{narrow}: {:?}",
            line.changes
        );
        assert!(line.worst < 2.0, "{} s waited", line.worst);
        line.run(120, 50_000.0, 0.1);
        assert_eq!(line.bitrate(), 2000, "{:?}", line.changes);
    }

    #[test]
    fn most_of_a_narrow_line_is_used_and_the_queue_stays_short() {
        let mut line = Line::new(2000);
        line.run(60, 1000.0, 0.1);
        line.worst = 0.0;
        let (mut sum, changes) = (0.0, line.changes.len());
        for _ in 0..300 {
            line.run(1, 1000.0, 0.1);
            sum += f64::from(line.bitrate());
        }
        let mean = sum / 300.0;
        assert!(mean > 600.0, "{mean}");
        assert!(line.worst < 1.0, "{} s waited", line.worst);
        let changes = line.changes.len() - changes;
        assert!(changes < 60, "{changes} changes in five minutes");
    }

    #[test]
    fn the_users_bounds_count_at_once() {
        let mut line = Line::new(2000);
        line.run(30, 1000.0, 0.0);
        let bounds = |least, most| Bounds { least, most };
        assert_eq!(line.controller.set_bounds(bounds(100, 300)), 300);
        assert_eq!(line.controller.set_bounds(bounds(100, 4000)), 4000);
        assert_eq!(line.controller.set_bounds(bounds(9000, 0)), 1);
    }

    #[test]
    fn a_new_connection_keeps_the_bitrate() {
        let mut line = Line::new(2000);
        line.run(30, 1000.0, 0.0);
        let before = line.bitrate();
        line.controller.reconnected();
        line.sent = 0.0;
        (line.queue, line.buffer) = (0.0, 0.0);
        line.run(1, 1000.0, 0.0);
        assert_eq!(line.bitrate(), before);
    }

    proptest! {
        /// Whatever the line does, the bitrate keeps its bounds and no step down is larger than
        /// half.
        #[test]
        fn it_keeps_its_bounds(
            stretches in prop::collection::vec((1u32..20, 10.0f64..20_000.0), 1..12),
            most in 1u32..8000, wild in 0.0f64..0.9,
        ) {
            let mut line = Line::new(most);
            let least = 200.min(most);
            for (seconds, kbit) in stretches {
                line.run(seconds, kbit, wild);
            }
            let mut before = most;
            for (_, now) in line.changes {
                prop_assert!((least..=most).contains(&now));
                prop_assert!(f64::from(now) >= f64::from(before) * LEAST_SHARE - 1.0);
                before = now;
            }
        }
    }
}
