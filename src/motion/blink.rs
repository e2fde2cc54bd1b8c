// SPDX-License-Identifier: MPL-2.0
//! When the lids close, and how.

use super::noise::Chance;

/// Blinks are drawn anew for each stretch of this length, so that any instant can be looked up
/// without all that came before it.
const EPOCH_NS: u64 = 64_000_000_000;
/// No more blinks than this in an epoch: at 60 a minute 64 are expected.
const MOST: usize = 160;
/// Spread of the intervals: s.d. of their logarithm.
const SPREAD: f64 = 0.55;
/// No two separate blinks begin closer than this, s.
const CLOSEST: f64 = 0.5;
/// Share of blinks that are followed by another at once.
const DOUBLE: f64 = 0.1;

/// After a blink that ends a phrase no other begins for so long, ns.
pub(super) const ALONE: u64 = 2_500_000_000;

const INTERVAL: u64 = 0x10;
const SHAPE: u64 = 0x11;
const ENDING: u64 = 0x12;

/// One closing and opening of the lids, ns.
#[derive(Clone, Copy, Debug)]
struct Blink {
    start: u64,
    down: u64,
    held: u64,
    up: u64,
}

impl Blink {
    fn new(chance: Chance, start: u64, id: u64) -> Self {
        let between = |k: u64, low: f64, high: f64| {
            let ms = low + (high - low) * chance.unit(SHAPE, id.wrapping_mul(4).wrapping_add(k));
            (ms * 1e6) as u64
        };
        Self {
            start,
            down: between(0, 75.0, 100.0),
            held: between(1, 30.0, 50.0),
            up: between(2, 150.0, 200.0),
        }
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.down + self.held + self.up)
    }

    /// How closed the lids are, 0–1.
    fn closed(&self, time: u64) -> f64 {
        let Some(t) = time.checked_sub(self.start) else {
            return 0.0;
        };
        if t < self.down {
            smoothstep(t as f64 / self.down as f64)
        } else if t < self.down + self.held {
            1.0
        } else {
            let t = (t - self.down - self.held) as f64 / self.up as f64;
            // Lids leave fast and arrive slowly.
            1.0 - smoothstep(t.min(1.0).powf(0.8))
        }
    }
}

fn smoothstep(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

/// The blinks of one epoch.
struct Epoch {
    number: Option<u64>,
    blinks: Vec<Blink>,
}

impl Epoch {
    fn fill(&mut self, chance: Chance, number: u64, per_minute: f64) {
        self.number = Some(number);
        self.blinks.clear();
        if per_minute <= 0.0 {
            return;
        }
        // A double counts as two.
        let mean = 60.0 / per_minute * (1.0 + DOUBLE);
        let start = number.saturating_mul(EPOCH_NS);
        let id = |i: u64| number.wrapping_mul(1024).wrapping_add(i);
        let drawn = |i: u64| chance.normal(INTERVAL, id(i));
        // An instant taken at random falls into an interval with a chance that grows with its
        // length: mean of the logarithm one variance higher.
        let hit = mean * (SPREAD * drawn(0) + 0.5 * SPREAD * SPREAD).exp();
        let mut at = hit * chance.unit(SHAPE, id(0).wrapping_mul(4).wrapping_add(3));
        for i in 1.. {
            if at * 1e9 >= EPOCH_NS as f64 || self.blinks.len() + 2 > MOST {
                return;
            }
            let blink = Blink::new(chance, start.saturating_add((at * 1e9) as u64), id(2 * i));
            self.blinks.push(blink);
            if chance.unit(SHAPE, id(2 * i).wrapping_mul(4).wrapping_add(3)) < DOUBLE {
                // The second begins before the first has quite ended.
                let again = blink.end().saturating_sub(blink.up / 5);
                self.blinks.push(Blink::new(chance, again, id(2 * i + 1)));
            }
            at += (mean * (SPREAD * drawn(i) - 0.5 * SPREAD * SPREAD).exp()).max(CLOSEST);
        }
    }
}

/// The lids over time.
pub(super) struct Blinks {
    chance: Chance,
    per_minute: f64,
    /// The epochs looked at last: even and odd numbers each have their place.
    epochs: [Epoch; 2],
}

impl Blinks {
    pub(super) fn new(chance: Chance) -> Self {
        let epoch = || Epoch {
            number: None,
            blinks: Vec::with_capacity(MOST),
        };
        Self {
            chance,
            per_minute: 0.0,
            epochs: [epoch(), epoch()],
        }
    }

    /// How closed the lids are at that time in ns, 0–1, at so many blinks a minute (0–60).
    #[cfg(test)]
    pub(super) fn closed(&mut self, time: u64, per_minute: f64) -> f64 {
        self.closed_with(time, per_minute, std::iter::empty())
    }

    /// Likewise, with blinks that end phrases: their starts, which lie before `time`. Those take
    /// the place of the ones that would come soon after, and of none that is under way.
    pub(super) fn closed_with(
        &mut self,
        time: u64,
        per_minute: f64,
        ending: impl Iterator<Item = u64>,
    ) -> f64 {
        if per_minute != self.per_minute {
            self.per_minute = per_minute;
            self.epochs.iter_mut().for_each(|e| e.number = None);
        }
        let now = time / EPOCH_NS;
        // The last blink of an epoch may reach into the next.
        let first = now.saturating_sub(1);
        for number in first..=now {
            let epoch = &mut self.epochs[(number % 2) as usize];
            if epoch.number != Some(number) {
                epoch.fill(self.chance, number, per_minute);
            }
        }
        let under_way = |at: u64| {
            let near = |b: &Blink| b.start <= at && at < b.end();
            self.epochs.iter().any(|e| e.blinks.iter().any(near))
        };
        let mut closed: f64 = 0.0;
        let mut alone: Option<(u64, u64)> = None;
        for start in ending.filter(|start| !under_way(*start)) {
            let blink = Blink::new(self.chance, start, (start / 1_000_000) ^ (ENDING << 48));
            closed = closed.max(blink.closed(time));
            alone = Some((start, start.saturating_add(ALONE)));
        }
        let given_up = |b: &Blink| alone.is_some_and(|(from, to)| (from..to).contains(&b.start));
        self.epochs
            .iter()
            .flat_map(|e| e.blinks.iter())
            .filter(|b| !given_up(b))
            .fold(closed, |closed, b| closed.max(b.closed(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// When the lids came to be closed over so many minutes, ms. Looks every 5 ms; lids stay
    /// closed for 30.
    fn blinks(seed: u64, per_minute: f64, minutes: u64) -> Vec<u64> {
        let mut lids = Blinks::new(Chance::new(seed));
        let mut found = Vec::new();
        let mut was_closed = false;
        for ms in (0..minutes * 60_000).step_by(5) {
            let is_closed = lids.closed(ms * MS, per_minute) == 1.0;
            if is_closed && !was_closed {
                found.push(ms);
            }
            was_closed = is_closed;
        }
        found
    }

    #[test]
    fn as_many_as_asked_for() {
        for (rate, minutes) in [(18.0, 60), (6.0, 120), (40.0, 30), (60.0, 20)] {
            let count = blinks(3, rate, minutes).len() as f64 / minutes as f64;
            assert!((count / rate - 1.0).abs() < 0.12, "{count} for {rate}");
        }
        assert!(blinks(3, 0.0, 5).is_empty());
    }

    #[test]
    fn they_are_irregular_and_some_are_double() {
        let found = blinks(1, 18.0, 60);
        let gaps: Vec<f64> = found.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let double = gaps.iter().filter(|g| **g < 450.0).count() as f64 / found.len() as f64;
        assert!((0.05..0.15).contains(&double), "{double}");
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let sd = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!(sd / mean > 0.4, "s.d. {sd} of {mean}");
    }

    #[test]
    fn each_takes_its_time() {
        let mut lids = Blinks::new(Chance::new(9));
        let curve: Vec<f64> = (0..120_000).map(|ms| lids.closed(ms * MS, 10.0)).collect();
        let steepest = curve
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        // 75 ms down with an ease of slope 1.5.
        assert!(steepest < 1.5 / 75.0 * 1.05, "{steepest} a ms");
        assert!(curve.contains(&1.0));
    }

    /// 75–100 ms down, 30–50 held, 150–200 up, as real lids take.
    #[test]
    fn each_is_quick_down_and_slow_up() {
        for id in 0..500 {
            let blink = Blink::new(Chance::new(3), 0, id);
            let closed: Vec<f64> = (0..400).map(|ms| blink.closed(ms * MS)).collect();
            let shut = closed.iter().position(|c| *c == 1.0).expect("it shuts");
            let held = closed.iter().filter(|c| **c == 1.0).count();
            let begun = closed.iter().position(|c| *c > 0.0).expect("it begins");
            let end = closed.iter().rposition(|c| *c > 0.0).expect("it ends");
            let (down, up) = (shut - begun, end - shut - held);
            // Read at whole milliseconds.
            assert!((74..=101).contains(&down), "{down} ms down");
            assert!((29..=51).contains(&held), "{held} ms held");
            assert!((148..=201).contains(&up), "{up} ms up");
        }
    }

    #[test]
    fn order_does_not_matter() {
        let mut forward = Blinks::new(Chance::new(5));
        let mut jumping = Blinks::new(Chance::new(5));
        let times: Vec<u64> = (0..4000).map(|i| i * 97 * MS).collect();
        let straight: Vec<f64> = times.iter().map(|t| forward.closed(*t, 18.0)).collect();
        for i in (0..4000).map(|i| (i * 1777) % 4000) {
            assert_eq!(jumping.closed(times[i], 18.0), straight[i]);
        }
        jumping.closed(u64::MAX, 60.0);
    }
}
