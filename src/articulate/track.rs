// SPDX-License-Identifier: MPL-2.0
//! [`Track`]: mouths at regular instants. Equal neighbours are kept once, so an hour of silence
//! weighs nothing.

use std::collections::VecDeque;

use super::Mouth;

struct Run {
    mouth: Mouth,
    /// The step after its last.
    end: u64,
}

/// Mouths one step apart, from step 0 on.
pub(super) struct Track {
    /// Step of the first run kept.
    first: u64,
    runs: VecDeque<Run>,
}

impl Track {
    /// Nothing known yet.
    pub(super) fn new() -> Self {
        Self {
            first: 0,
            runs: VecDeque::with_capacity(512),
        }
    }

    /// How many steps are known.
    pub(super) fn len(&self) -> u64 {
        self.runs.back().map_or(self.first, |run| run.end)
    }

    /// The same mouth for the next `count` steps.
    pub(super) fn push(&mut self, mouth: Mouth, count: u64) {
        if count == 0 {
            return;
        }
        let end = self.len() + count;
        match self.runs.back_mut() {
            Some(run) if run.mouth == mouth => run.end = end,
            _ => self.runs.push_back(Run { mouth, end }),
        }
    }

    /// The mouth at `step`, steps between steps being halfway. Outside of what is kept: rest
    /// before, the last one after.
    pub(super) fn at(&self, step: f64) -> Mouth {
        let below = step.floor();
        let a = self.step(below as i64);
        let b = self.step(below as i64 + 1);
        if a == b {
            return a;
        }
        a.towards(b, (step - below) as f32)
    }

    fn step(&self, step: i64) -> Mouth {
        let Ok(step) = u64::try_from(step) else {
            return Mouth::REST;
        };
        if step < self.first {
            return Mouth::REST;
        }
        let run = self.runs.partition_point(|run| run.end <= step);
        match self.runs.get(run).or(self.runs.back()) {
            Some(run) => run.mouth,
            None => Mouth::REST,
        }
    }

    /// Drops what lies wholly before `step`.
    pub(super) fn forget_before(&mut self, step: i64) {
        while let Some(run) = self.runs.front() {
            if i64::try_from(run.end).is_ok_and(|end| end > step) {
                return;
            }
            self.first = run.end;
            self.runs.pop_front();
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.first = 0;
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jaw(jaw: f32) -> Mouth {
        Mouth { jaw, ..Mouth::REST }
    }

    #[test]
    fn an_hour_of_silence_is_one_run() {
        let mut track = Track::new();
        for _ in 0..1000 {
            track.push(Mouth::REST, 1);
        }
        track.push(Mouth::REST, 3600 * 200);
        track.push(jaw(0.5), 1);
        assert_eq!(track.runs.len(), 2);
        assert_eq!(track.len(), 721_001);
        assert_eq!(track.at(720_999.5).jaw, 0.25);
    }

    proptest! {
        #[test]
        fn it_is_the_list_it_stands_for(
            runs in prop::collection::vec((0u8..4, 1u64..5), 0..40),
            forget in -5i64..120,
            at in -3i64..130,
        ) {
            let mut track = Track::new();
            let mut list = Vec::new();
            for (value, count) in runs {
                let mouth = jaw(f32::from(value));
                track.push(mouth, count);
                list.extend(std::iter::repeat_n(mouth, count as usize));
            }
            track.forget_before(forget);
            let expected = match usize::try_from(at) {
                Err(_) => Mouth::REST,
                Ok(i) => list.get(i).or(list.last()).copied().unwrap_or(Mouth::REST),
            };
            if at >= forget {
                let shown = track.at(at as f64);
                prop_assert!(shown == expected || at as usize >= list.len());
            }
            prop_assert_eq!(track.len(), list.len() as u64);
        }
    }
}
