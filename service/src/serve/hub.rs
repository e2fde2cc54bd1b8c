// SPDX-License-Identifier: MPL-2.0
//! News of jobs, for all that watch them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::broadcast;

use super::pace::Pace;
use crate::job::{JobId, News, Owner, Report};

/// News that are kept for those who come back.
const KEPT: usize = 4096;
/// Ended jobs that are remembered, so that nothing is told of them any more.
const ENDED: usize = 20_000;

/// A report, and its place among all.
#[derive(Debug)]
pub struct Event {
    number: u64,
    /// What is told.
    pub report: Report,
}

#[derive(Default)]
struct State {
    pace: Pace,
    latest: HashMap<JobId, News>,
    ended: HashSet<JobId>,
    ended_in_order: VecDeque<JobId>,
    kept: VecDeque<Arc<Event>>,
    next: u64,
    watched: HashMap<Owner, usize>,
}

/// Where news come together.
pub struct Hub {
    state: Mutex<State>,
    told: broadcast::Sender<Arc<Event>>,
    /// Tells the numbers of this process from those of another.
    name: u64,
    began: Instant,
}

/// Somebody who watches an owner's jobs.
pub struct Watch {
    /// What is told from now on, of everybody.
    pub news: broadcast::Receiver<Arc<Event>>,
    /// What was told since the event that was named; `None` if that is not known here.
    pub missed: Option<Vec<Arc<Event>>>,
    hub: Arc<Hub>,
    owner: Owner,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        if let Some(count) = state.watched.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                state.watched.remove(&self.owner);
            }
        }
    }
}

impl Hub {
    /// One without news; `name` is another for each process.
    #[must_use]
    pub fn new(name: u64) -> Self {
        Self {
            state: Mutex::default(),
            told: broadcast::channel(KEPT).0,
            name,
            began: Instant::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a report; whether it is news, and not one of a job that has ended.
    pub fn report(&self, report: Report) -> bool {
        let mut state = self.lock();
        if state.ended.contains(&report.id) {
            return false;
        }
        if matches!(report.news, News::Ended(_)) {
            state.latest.remove(&report.id);
            state.ended.insert(report.id.clone());
            state.ended_in_order.push_back(report.id.clone());
            if state.ended_in_order.len() > ENDED
                && let Some(oldest) = state.ended_in_order.pop_front()
            {
                state.ended.remove(&oldest);
            }
        } else {
            state.latest.insert(report.id.clone(), report.news.clone());
        }
        if let Some(report) = state.pace.take(report, self.began.elapsed()) {
            self.tell(&mut state, report);
        }
        true
    }

    /// Tells what was held back and is due.
    pub fn tick(&self) {
        let mut state = self.lock();
        for report in state.pace.due(self.began.elapsed()) {
            self.tell(&mut state, report);
        }
    }

    fn tell(&self, state: &mut State, report: Report) {
        let number = state.next;
        state.next += 1;
        let event = Arc::new(Event { number, report });
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(event.clone());
        // Nobody watches: nobody misses it.
        let _ = self.told.send(event);
    }

    /// The newest of a job that has not ended, if anything is known.
    #[must_use]
    pub fn latest(&self, id: &JobId) -> Option<News> {
        self.lock().latest.get(id).cloned()
    }

    /// Whether somebody watches an owner's jobs.
    #[must_use]
    pub fn is_watched(&self, owner: &Owner) -> bool {
        self.lock().watched.contains_key(owner)
    }

    /// Begins to watch an owner's jobs; `last` is the name of the last event that was heard.
    #[must_use]
    pub fn watch(self: &Arc<Self>, owner: &Owner, last: Option<&str>) -> Watch {
        let mut state = self.lock();
        *state.watched.entry(owner.clone()).or_default() += 1;
        let missed = last.and_then(|last| self.missed(&state, owner, last));
        let news = self.told.subscribe();
        Watch {
            news,
            missed,
            hub: self.clone(),
            owner: owner.clone(),
        }
    }

    fn missed(&self, state: &State, owner: &Owner, last: &str) -> Option<Vec<Arc<Event>>> {
        let (name, number) = last.split_once('-')?;
        let number: u64 = number.parse().ok()?;
        let first = state.kept.front()?.number;
        if u64::from_str_radix(name, 16).ok()? != self.name
            || number >= state.next
            || number + 1 < first
        {
            return None;
        }
        let since = state.kept.iter().filter(|event| event.number > number);
        let own = since.filter(|event| event.report.owner == *owner);
        Some(own.cloned().collect())
    }

    /// The name of an event, by which a client says what it has heard.
    #[must_use]
    pub fn name(&self, event: &Event) -> String {
        format!("{:x}-{}", self.name, event.number)
    }
}

/// Whether a new estimate differs by so much that it is worth telling: by a tenth.
#[must_use]
pub fn differs(old: u64, new: u64) -> bool {
    old.abs_diff(new).saturating_mul(10) >= old.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{FORMAT, Outcome, Terminal};

    fn report(owner: &str, job: u64, news: News) -> Report {
        Report {
            owner: owner.parse().expect("a name"),
            id: JobId::new(job, job),
            at_ms: 0,
            news,
        }
    }

    fn ended() -> News {
        News::Ended(Terminal {
            format: FORMAT,
            at_ms: 1,
            outcome: Outcome::Cancelled,
        })
    }

    #[test]
    fn who_comes_back_hears_what_it_missed_and_only_its_own() {
        let hub = Arc::new(Hub::new(7));
        let a: Owner = "a".parse().expect("a name");
        let mut watch = hub.watch(&a, None);
        assert!(watch.missed.is_none());
        hub.report(report("a", 1, News::Queued { ahead: 1 }));
        let heard = watch.news.try_recv().expect("an event");
        let last = hub.name(&heard);
        hub.report(report("b", 2, News::Queued { ahead: 1 }));
        hub.report(report("a", 1, ended()));
        drop(watch);
        assert!(!hub.is_watched(&a));
        let missed = hub.watch(&a, Some(&last)).missed.take();
        let missed = missed.expect("it is known");
        assert_eq!(missed.len(), 1);
        assert_eq!(missed[0].report.news, ended());
        for unknown in ["8-0", "7-99", "7", "x", ""] {
            assert!(hub.watch(&a, Some(unknown)).missed.is_none(), "{unknown}");
        }
    }

    #[test]
    fn nothing_is_told_of_a_job_after_its_end() {
        let hub = Arc::new(Hub::new(7));
        assert!(hub.report(report("a", 1, ended())));
        assert!(!hub.report(report("a", 1, News::Rendering { share: 0.5 })));
        assert!(!hub.report(report("a", 1, ended())));
        assert_eq!(hub.latest(&JobId::new(1, 1)), None);
    }

    #[test]
    fn small_changes_of_an_estimate_are_kept_back() {
        assert!(differs(0, 1) && differs(5, 4) && differs(1000, 900));
        assert!(!differs(5, 5) && !differs(1000, 950) && !differs(0, 0));
    }
}
