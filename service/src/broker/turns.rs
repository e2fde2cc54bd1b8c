// SPDX-License-Identifier: MPL-2.0
//! Whose turn it is: smooth weighted round robin. Knows neither queues nor time.

use crate::job::Class;

/// How many classes there are.
pub const CLASSES: usize = Class::ALL.len();

/// What each class is owed, in shares of a turn. Those of the classes that have something add up
/// to nothing: what one was given too much, the others were given too little.
#[derive(Clone, Debug)]
pub struct Turns {
    weights: [f64; CLASSES],
    owed: [f64; CLASSES],
}

impl Turns {
    /// Turns by these weights, in the order of [`Class::ALL`]; none may be 0.
    #[must_use]
    pub fn new(weights: [u32; CLASSES]) -> Self {
        Self {
            weights: weights.map(f64::from),
            owed: [0.0; CLASSES],
        }
    }

    /// Whose turn it is among those that are not known to be empty.
    #[must_use]
    pub fn next(&self, empty: [bool; CLASSES]) -> Option<Class> {
        let total = self.total(empty);
        let due = |at: &usize| self.owed[*at] + self.weights[*at] / total;
        let open = (0..CLASSES).filter(|at| !empty[*at]);
        // The first of equals.
        let best = open.rev().max_by(|a, b| due(a).total_cmp(&due(b)))?;
        Some(Class::ALL[best])
    }

    /// One of this class was taken, when those others had nothing.
    pub fn took(&mut self, class: Class, empty: [bool; CLASSES]) {
        self.forget(empty);
        let total = self.total(empty);
        for at in (0..CLASSES).filter(|at| !empty[*at]) {
            self.owed[at] += self.weights[at] / total;
        }
        self.owed[class as usize] -= 1.0;
    }

    /// Who has nothing is owed nothing: the others share it.
    fn forget(&mut self, empty: [bool; CLASSES]) {
        let total = self.total(empty);
        for from in (0..CLASSES).filter(|at| empty[*at]) {
            let owed = std::mem::take(&mut self.owed[from]);
            for to in (0..CLASSES).filter(|at| !empty[*at]) {
                self.owed[to] += owed * self.weights[to] / total;
            }
        }
    }

    fn total(&self, empty: [bool; CLASSES]) -> f64 {
        let open = self.weights.iter().zip(empty).filter(|(_, empty)| !empty);
        open.map(|(weight, _)| weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE_EMPTY: [bool; CLASSES] = [false; CLASSES];

    /// Takes one, and says of which class.
    fn take(turns: &mut Turns, empty: [bool; CLASSES]) -> Option<Class> {
        let class = turns.next(empty)?;
        turns.took(class, empty);
        Some(class)
    }

    #[test]
    fn thirteen_turns_are_shared_eight_to_four_to_one_and_mixed() {
        let mut turns = Turns::new([8, 4, 1]);
        let run: Vec<_> = (0..13)
            .filter_map(|_| take(&mut turns, NONE_EMPTY))
            .collect();
        let count = |class| run.iter().filter(|c| **c == class).count();
        assert_eq!(Class::ALL.map(count), [8, 4, 1]);
        let normal: Vec<_> = (0..13).filter(|n| run[*n] == Class::Normal).collect();
        assert!(
            normal.windows(2).all(|pair| pair[1] - pair[0] <= 4),
            "{run:?}"
        );
    }

    #[test]
    fn where_there_is_nothing_nobody_has_a_turn() {
        assert_eq!(Turns::new([8, 4, 1]).next([true; CLASSES]), None);
    }

    proptest! {
        #[test]
        fn over_any_run_each_class_has_its_share(
            weights in prop::array::uniform3(1_u32..50),
            empty in prop::array::uniform3(any::<bool>()),
            before in prop::collection::vec(prop::array::uniform3(any::<bool>()), 0..50),
            length in 1_usize..200,
        ) {
            let mut turns = Turns::new(weights);
            // Whatever came before, a run in which the same classes have something is fair.
            for empty in before {
                take(&mut turns, empty);
            }
            turns.forget(empty);
            let start = turns.owed;
            let mut counts = [0_u32; CLASSES];
            for _ in 0..length {
                if let Some(class) = take(&mut turns, empty) {
                    prop_assert!(!empty[class as usize]);
                    counts[class as usize] += 1;
                }
            }
            let total = turns.total(empty);
            for at in (0..CLASSES).filter(|at| !empty[*at]) {
                let share = length as f64 * turns.weights[at] / total;
                // What it was owed from before is its own.
                let error = f64::from(counts[at]) - share - start[at];
                prop_assert!(error.abs() <= 1.0 + 1e-6, "{at}: {error}");
                prop_assert!(start[at].abs() <= 1.0 + 1e-6, "{at}: {}", start[at]);
            }
        }

        #[test]
        fn a_class_that_comes_and_goes_takes_nothing_from_the_balance_of_the_others(
            bulk in prop::collection::vec(any::<bool>(), 100..400),
        ) {
            let mut turns = Turns::new([8, 4, 1]);
            let mut counts = [0_u32; CLASSES];
            for empty in bulk {
                let class = take(&mut turns, [false, false, empty]).expect("there is something");
                counts[class as usize] += 1;
            }
            let [high, normal, bulk] = counts.map(f64::from);
            prop_assert!((high - 2.0 * normal).abs() <= 4.0, "{counts:?}");
            prop_assert!(bulk <= (high + normal) / 12.0 + 2.0, "{counts:?}");
        }
    }
}
