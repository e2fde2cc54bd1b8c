// SPDX-License-Identifier: MPL-2.0
//! How often is told of a job: the newest of what came meanwhile, twice a second; an end at once.
//! Knows no clock.

use std::{collections::HashMap, time::Duration};

use crate::job::{JobId, News, Report};

/// Between two of one job.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Told {
    at: Option<Duration>,
    held: Option<Report>,
}

/// What is held back for each job.
#[derive(Default)]
pub struct Pace {
    of: HashMap<JobId, Told>,
}

impl Pace {
    /// Takes a report at the time `now`, and gives it back if it may be told at once. Else it is
    /// held until [`due`](Self::due), or another takes its place.
    pub fn take(&mut self, report: Report, now: Duration) -> Option<Report> {
        if matches!(report.news, News::Ended(_)) {
            self.of.remove(&report.id);
            return Some(report);
        }
        let told = self.of.entry(report.id.clone()).or_default();
        if told.at.is_some_and(|at| now < at + PAUSE) {
            told.held = Some(report);
            return None;
        }
        told.at = Some(now);
        told.held = None;
        Some(report)
    }

    /// What was held and may be told now.
    pub fn due(&mut self, now: Duration) -> Vec<Report> {
        let mut due = Vec::new();
        self.of.retain(|_, told| {
            let free = told.at.is_none_or(|at| now >= at + PAUSE);
            match told.held.take_if(|_| free) {
                Some(report) => {
                    told.at = Some(now);
                    due.push(report);
                    true
                }
                None => told.held.is_some() || !free,
            }
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{FORMAT, Outcome, Owner, Terminal};

    fn report(news: News) -> Report {
        Report {
            owner: Owner::local(),
            id: JobId::new(1, 1),
            at_ms: 0,
            news,
        }
    }

    fn rendering(share: f64) -> Report {
        report(News::Rendering { share })
    }

    #[test]
    fn of_many_the_newest_is_told_twice_a_second() {
        let mut pace = Pace::default();
        let mut told = Vec::new();
        for ms in (0..2000).step_by(20) {
            let now = Duration::from_millis(ms);
            told.extend(pace.due(now));
            told.extend(pace.take(rendering(ms as f64), now));
        }
        let shares: Vec<_> = told
            .iter()
            .map(|r| match r.news {
                News::Rendering { share } => share,
                _ => f64::NAN,
            })
            .collect();
        assert_eq!(shares, [0.0, 480.0, 980.0, 1480.0]);
    }

    #[test]
    fn an_end_is_told_at_once_and_nothing_after_it() {
        let mut pace = Pace::default();
        let end = report(News::Ended(Terminal {
            format: FORMAT,
            at_ms: 1,
            outcome: Outcome::Cancelled,
        }));
        let ms = Duration::from_millis;
        assert!(pace.take(rendering(0.1), ms(0)).is_some());
        assert!(pace.take(rendering(0.2), ms(1)).is_none());
        assert_eq!(pace.take(end.clone(), ms(2)), Some(end));
        assert_eq!(pace.due(ms(5000)), []);
        assert_eq!(pace.of.len(), 0, "nothing is kept of it");
    }
}
