// SPDX-License-Identifier: MPL-2.0
//! The slots of a worker: each renders one job at a time, on cores of its own.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tracing::Instrument as _;

use super::{Bench, Verdict};
use crate::{
    job::{FORMAT, GivenUp, Ticket},
    post::Post,
};

/// How soon it is looked again when there was nothing to do.
const IDLE: Duration = Duration::from_millis(50);
/// And when the broker is away.
const AWAY: Duration = Duration::from_millis(500);

/// A ticket that was taken, and that goes back if nothing else becomes of it.
pub trait Taken: Send + 'static {
    /// What it says.
    ///
    /// # Errors
    /// It cannot be read: why.
    fn ticket(&self) -> Result<Ticket, String>;

    /// What becomes of it.
    fn settle(self, verdict: Verdict) -> impl Future<Output = ()> + Send;

    /// Gives it to another worker.
    fn back(self) -> impl Future<Output = ()> + Send;
}

/// Where tickets come from.
pub trait Source: Send + Sync + 'static {
    /// What it gives.
    type Taken: Taken;

    /// The next one, if there is one.
    fn take(&self) -> impl Future<Output = Result<Option<Self::Taken>, String>> + Send;
}

/// The cores of each of so many slots: all of them, as evenly as can be; a core is shared where
/// there are more slots than cores.
#[must_use]
pub fn shares(slots: usize, cores: &[usize]) -> Vec<Vec<usize>> {
    let slots = slots.max(1);
    let share = |slot: usize| {
        let (from, to) = (slot * cores.len() / slots, (slot + 1) * cores.len() / slots);
        match cores.get(from..to) {
            Some(own) if !own.is_empty() => own.to_vec(),
            _ => cores.get(from).copied().into_iter().collect(),
        }
    };
    (0..slots).map(share).collect()
}

/// Works until `stop` says so, one job at a time on each bench; what is rendered then has `grace`
/// to end, and goes back if it does not.
pub async fn work<P: Post, S: Source>(
    benches: Vec<Bench<P>>,
    source: Arc<S>,
    stop: watch::Receiver<bool>,
    grace: Duration,
) {
    let mut slots = JoinSet::new();
    for bench in benches {
        slots.spawn(slot(bench, Arc::clone(&source), stop.clone(), grace));
    }
    while slots.join_next().await.is_some() {}
}

async fn slot<P: Post, S: Source>(
    bench: Bench<P>,
    source: Arc<S>,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) {
    while !*stop.borrow_and_update() {
        let pause = match source.take().await {
            Ok(Some(taken)) => {
                one(&bench, taken, stop.clone(), grace).await;
                continue;
            }
            Ok(None) => IDLE,
            Err(what) => {
                tracing::warn!(worker = %bench.worker, %what, "no tickets");
                AWAY
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

async fn one<P: Post>(
    bench: &Bench<P>,
    taken: impl Taken,
    stop: watch::Receiver<bool>,
    grace: Duration,
) {
    let ticket = match taken.ticket() {
        Ok(ticket) => ticket,
        Err(what) => return taken.settle(Verdict::Dead(what)).await,
    };
    // Of whatever level a line is, it has the name.
    let span = tracing::error_span!("job", job = %ticket.id, worker = %bench.worker);
    one_ticket(bench, taken, &ticket, stop, grace)
        .instrument(span)
        .await;
}

/// All that is logged here has the job's name.
async fn one_ticket<P: Post>(
    bench: &Bench<P>,
    taken: impl Taken,
    ticket: &Ticket,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) {
    tracing::info!(tried = ticket.tried, "begins");
    let rendering = bench.process(ticket);
    tokio::pin!(rendering);
    let stopped = async {
        // Nobody to say so any more says so.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let verdict = tokio::select! {
        verdict = &mut rendering => Some(verdict),
        () = stopped => timeout_at(Instant::now() + grace, rendering).await.ok(),
    };
    match verdict {
        Some(verdict) => {
            tracing::info!(?verdict, "is over");
            taken.settle(verdict).await;
        }
        None => {
            bench.leave(ticket).await;
            tracing::info!("goes back");
            taken.back().await;
        }
    }
}

impl<P: Post> Bench<P> {
    /// Leaves a job to others that it had begun.
    async fn leave(&self, ticket: &Ticket) {
        let (owner, id) = (&ticket.owner, &ticket.id);
        if let Ok(attempts) = self.store.attempts(owner, id).await
            && let Some((last, None)) = attempts.last()
            && last.worker == self.worker
        {
            let why = GivenUp {
                format: FORMAT,
                at_ms: crate::clock::now_ms(),
                reason: "the worker was stopped".to_owned(),
            };
            // Else its claim is void when this worker is gone.
            let _ = self.store.give_up(owner, id, last.number, &why).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_out_evenly_and_every_slot_has_one() {
        assert_eq!(shares(2, &[0, 1]), [[0], [1]]);
        assert_eq!(shares(1, &[0, 1]), [[0, 1]]);
        assert_eq!(shares(2, &[0, 1, 2, 5]), [[0, 1], [2, 5]]);
        assert_eq!(shares(4, &[0, 1]), [[0], [0], [1], [1]]);
        assert_eq!(shares(0, &[7]), [[7]]);
        for (slots, cores) in [(3, 8), (5, 8), (8, 8), (7, 3)] {
            let all: Vec<_> = (0..cores).collect();
            let shares = shares(slots, &all);
            assert!(shares.iter().all(|own| !own.is_empty()));
            let used: std::collections::BTreeSet<_> = shares.concat().into_iter().collect();
            assert_eq!(used.len(), cores);
        }
    }
}
