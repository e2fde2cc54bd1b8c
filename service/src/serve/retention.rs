// SPDX-License-Identifier: MPL-2.0
//! For how long uploads and results are kept: faces and voices are personal data. Knows no clock.

use crate::store::Cuts;

const DAY_MS: u64 = 86_400_000;
/// An upload is not offered any more so long before it goes: who looked it up just before has given
/// its job by then, and that keeps it.
const GRACE_MS: u64 = 3_600_000;

/// For how many days something is kept; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Uploads, since they came last.
    pub uploads_days: u64,
    /// Results and the records of jobs, since they ended.
    pub results_days: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            uploads_days: 7,
            results_days: 30,
        }
    }
}

impl Keep {
    /// What is to be forgotten at a time, ms since 1970.
    #[must_use]
    pub fn cuts(&self, now_ms: u64) -> Cuts {
        let before = |days: u64, grace_ms| {
            let kept_ms = days.saturating_mul(DAY_MS).saturating_add(grace_ms);
            (days > 0).then(|| now_ms.saturating_sub(kept_ms))
        };
        Cuts {
            uploads_ms: before(self.uploads_days, GRACE_MS),
            results_ms: before(self.results_days, 0),
        }
    }

    /// Whether an upload may still be used, which came at a time.
    #[must_use]
    pub fn offers(&self, came_ms: u64, now_ms: u64) -> bool {
        let kept_ms = self.uploads_days.saturating_mul(DAY_MS);
        self.uploads_days == 0 || now_ms.saturating_sub(came_ms) < kept_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_week_and_a_month_are_kept_and_nothing_is_for_ever_but_by_choice() {
        let cuts = Keep::default().cuts(NOW);
        assert_eq!(cuts.uploads_ms, Some(NOW - 7 * DAY_MS - GRACE_MS));
        assert_eq!(cuts.results_ms, Some(NOW - 30 * DAY_MS));
        let ever = Keep {
            uploads_days: 0,
            results_days: 0,
        };
        assert_eq!(ever.cuts(NOW), Cuts::default());
        assert!(ever.offers(0, NOW));
    }

    proptest! {
        #[test]
        fn what_is_offered_is_there_for_an_hour_at_least(
            days in 1..4000u64, age_ms in 0..400 * DAY_MS, later_ms in 0..=GRACE_MS
        ) {
            let keep = Keep { uploads_days: days, ..Keep::default() };
            let came_ms = NOW - age_ms;
            let cut = keep.cuts(NOW + later_ms).uploads_ms.expect("they go some day");
            prop_assert!(!keep.offers(came_ms, NOW) || came_ms >= cut);
            prop_assert_eq!(keep.offers(came_ms, NOW), age_ms < days * DAY_MS);
        }
    }
}
