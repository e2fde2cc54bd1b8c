// SPDX-License-Identifier: MPL-2.0
//! [`Posture`]: where a speaker's head is turned. It turns to the left and to the right with what
//! is said, stays for a while, and comes home when nothing more is said.

use super::gesture::ease;

/// One change of posture.
#[derive(Clone, Copy, Debug)]
struct Step {
    start: u64,
    takes: u64,
    /// Yaw, pitch, roll, degrees.
    by: [f64; 3],
    /// It is of no hurry: `start` is on the clock of the sway, which stands still at times.
    idly: bool,
}

/// Both clocks at one instant, ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub(super) time: u64,
    /// The clock of the sway.
    pub(super) sway: u64,
}

impl Step {
    /// How long ago it began, if it did.
    fn since(&self, now: Clocks) -> Option<u64> {
        let clock = if self.idly { now.sway } else { now.time };
        clock.checked_sub(self.start)
    }
}

/// The steps that are not over, and what those before them came to.
pub(super) struct Posture {
    steps: Vec<Step>,
    settled: [f64; 3],
    goal: [f64; 3],
}

impl Posture {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::with_capacity(32),
            settled: [0.0; 3],
            goal: [0.0; 3],
        }
    }

    /// Where the last step leads: yaw, pitch, roll, degrees.
    pub(super) fn goal(&self) -> [f64; 3] {
        self.goal
    }

    /// Turns to `goal` from `start` on, within so many ns.
    pub(super) fn turn(&mut self, goal: [f64; 3], start: u64, takes: u64) {
        self.push(goal, start, takes, false);
    }

    /// Comes home from `start` on, which is a time of the sway.
    pub(super) fn come_home(&mut self, start: u64, takes: u64) {
        self.push([0.0; 3], start, takes, true);
    }

    fn push(&mut self, goal: [f64; 3], start: u64, takes: u64, idly: bool) {
        let by = [0, 1, 2].map(|axis: usize| goal[axis] - self.goal[axis]);
        self.goal = goal;
        self.steps.push(Step {
            start,
            takes,
            by,
            idly,
        });
    }

    /// Does not come home after all, if it has not set out by then.
    pub(super) fn stay(&mut self, now: Clocks) {
        self.keep(|step| !step.idly || step.since(now).is_some());
    }

    /// Drops what has not begun by then.
    pub(super) fn forget_after(&mut self, now: Clocks) {
        self.keep(|step| step.since(now).is_some());
    }

    fn keep(&mut self, keep: impl Fn(&Step) -> bool) {
        self.steps.retain(keep);
        self.goal = self.settled;
        for step in &self.steps {
            add(&mut self.goal, step.by, 1.0);
        }
    }

    /// Looks straight ahead.
    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.settled = [0.0; 3];
        self.goal = [0.0; 3];
    }

    /// Yaw, pitch and roll at an instant, degrees. Neither clock may go back but after
    /// [`clear`](Self::clear).
    pub(super) fn at(&mut self, now: Clocks) -> [f64; 3] {
        let settled = &mut self.settled;
        self.steps.retain(|step| {
            let over = step.since(now).is_some_and(|since| since >= step.takes);
            if over {
                add(settled, step.by, 1.0);
            }
            !over
        });
        let mut sum = self.settled;
        for step in &self.steps {
            if let Some(since) = step.since(now) {
                let share = ease((since as f64 / step.takes as f64).min(1.0));
                add(&mut sum, step.by, share);
            }
        }
        sum
    }
}

fn add(sum: &mut [f64; 3], what: [f64; 3], share: f64) {
    for (sum, what) in sum.iter_mut().zip(what) {
        *sum += share * what;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn both(time: u64) -> Clocks {
        Clocks { time, sway: time }
    }

    #[test]
    fn it_turns_stays_and_comes_home() {
        let mut posture = Posture::new();
        posture.turn([4.0, 0.0, 1.0], 100, 100);
        posture.turn([-2.0, 0.0, 0.0], 300, 100);
        posture.come_home(500, 1_000);
        assert_eq!(posture.at(both(100)), [0.0; 3]);
        assert_eq!(posture.at(both(250)), [4.0, 0.0, 1.0]);
        assert_eq!(posture.at(both(450)), [-2.0, 0.0, 0.0]);
        let way = posture.at(both(1_000))[0];
        assert!((-1.01..=-0.99).contains(&way), "{way}");
        assert_eq!(posture.at(both(1_600)), [0.0; 3]);
    }

    #[test]
    fn it_stays_where_it_is_if_more_is_said() {
        let mut posture = Posture::new();
        posture.turn([4.0, 0.0, 0.0], 0, 100);
        posture.come_home(500, 1_000);
        // The clock of the sway stands still.
        let late = Clocks {
            time: 900,
            sway: 499,
        };
        assert_eq!(posture.at(late), [4.0, 0.0, 0.0]);
        posture.stay(late);
        assert_eq!(posture.goal(), [4.0, 0.0, 0.0]);
        assert_eq!(posture.at(both(9_000)), [4.0, 0.0, 0.0]);
        posture.turn([1.0; 3], 9_500, 10);
        posture.forget_after(both(9_400));
        assert_eq!(posture.goal(), [4.0, 0.0, 0.0]);
    }
}
