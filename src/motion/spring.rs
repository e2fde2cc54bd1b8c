// SPDX-License-Identifier: MPL-2.0
//! [`Spring`]: a value that follows what it should be, smooth in position and speed.

/// A critically damped follower: it never overshoots from rest, and a change of mind on the way
/// does not show as a jerk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spring {
    value: f32,
    /// Per second.
    speed: f32,
}

impl Spring {
    /// At rest at `value`.
    pub(super) fn at(value: f32) -> Self {
        Self { value, speed: 0.0 }
    }

    /// Where it is.
    pub(super) fn value(self) -> f32 {
        self.value
    }

    /// Goes on for `seconds` towards `target`; from rest it makes 98 % of the way in `settle`
    /// seconds. Exact for any step, so that the frame rate does not matter.
    pub(super) fn follow(&mut self, target: f32, seconds: f32, settle: f32) {
        if seconds <= 0.0 {
            return;
        }
        // (1 + ωt)·e^(−ωt) = 0.02 at ωt = 5.83.
        let rate = 5.83 / settle;
        let distance = self.value - target;
        let push = self.speed + rate * distance;
        let fade = (-rate * seconds).exp();
        self.value = target + (distance + push * seconds) * fade;
        self.speed = (self.speed - rate * push * seconds) * fade;
        if (self.value - target).abs() < 1e-5 && self.speed.abs() < 1e-4 {
            *self = Self::at(target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_arrives_without_jerk_or_overshoot_at_any_step() {
        for step in [0.001f32, 0.008, 0.04, 0.2] {
            let mut spring = Spring::at(0.0);
            let mut last = (0.0, 0.0);
            for i in 1..=(0.6 / step) as usize {
                spring.follow(1.0, step, 0.3);
                assert!(spring.value() >= last.0 && spring.value() <= 1.0);
                if step < 0.002 {
                    assert!((spring.speed - last.1).abs() < 0.5, "step {i}");
                }
                last = (spring.value(), spring.speed);
                let after = i as f32 * step;
                if after >= 0.3 {
                    assert!(spring.value() > 0.975, "{} after {after} s", spring.value());
                }
            }
        }
    }

    #[test]
    fn long_pauses_and_no_time_do_not_upset_it() {
        let mut spring = Spring::at(0.2);
        spring.follow(0.9, 0.0, 0.3);
        assert_eq!(spring.value(), 0.2);
        spring.follow(0.9, 1e6, 0.3);
        assert_eq!(spring.value(), 0.9);
    }
}
