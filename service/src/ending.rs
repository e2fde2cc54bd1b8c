// SPDX-License-Identifier: MPL-2.0
//! How a job ends, and what becomes of the jobs that wait for it.

use crate::{
    job::{Accepted, FORMAT, JobId, News, Outcome, Owner, Rendered, Report, Terminal, Ticket},
    store::{Store, StoreError},
};

/// What is left to be done when a job has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aftermath {
    /// To be told.
    pub reports: Vec<Report>,
    /// To be published: the next one of an order whose job came to nothing.
    pub tickets: Vec<Ticket>,
}

/// Ends a job, unless it has ended already, and those that followed it: they share a result and a
/// failure; when it was cancelled the next one is to be rendered. Can be called again.
///
/// # Errors
/// The store does not answer: it is to be called again.
pub async fn end(
    store: &Store,
    job: &Accepted,
    outcome: Outcome,
    at_ms: u64,
) -> Result<Aftermath, StoreError> {
    let mut after = Aftermath::default();
    let holds = finish(store, &job.owner, &job.id, outcome, at_ms, &mut after).await?;
    let key = job.order.key();
    if let Outcome::Done(done) = &holds {
        store.remember(&job.owner, &key, done).await?;
    }
    let followers = store.followers(&job.owner, &key).await?;
    for id in followers {
        if id == job.id {
            // It waited for another one once.
            store.told(&job.owner, &key, &id).await?;
            continue;
        }
        let Some(follower) = store.accepted(&job.owner, &id).await? else {
            store.told(&job.owner, &key, &id).await?;
            continue;
        };
        let shared = match &holds {
            Outcome::Done(done) => Outcome::Done(shared(done)),
            failed @ Outcome::Failed { .. } => failed.clone(),
            Outcome::Cancelled => {
                if store.terminal(&job.owner, &id).await?.is_none() {
                    // The others go on waiting, for this one.
                    after.tickets.push(follower.ticket());
                    return Ok(after);
                }
                store.told(&job.owner, &key, &id).await?;
                continue;
            }
        };
        finish(store, &job.owner, &id, shared, at_ms, &mut after).await?;
        store.told(&job.owner, &key, &id).await?;
    }
    Ok(after)
}

/// A result as another job has it, which did not take any time.
#[must_use]
pub fn shared(done: &Rendered) -> Rendered {
    Rendered {
        render_seconds: 0.0,
        ..done.clone()
    }
}

async fn finish(
    store: &Store,
    owner: &Owner,
    id: &JobId,
    outcome: Outcome,
    at_ms: u64,
    after: &mut Aftermath,
) -> Result<Outcome, StoreError> {
    let terminal = Terminal {
        format: FORMAT,
        at_ms,
        outcome,
    };
    let holds = store.finish(owner, id, &terminal).await?;
    after.reports.push(Report {
        owner: owner.clone(),
        id: id.clone(),
        at_ms,
        news: News::Ended(holds.clone()),
    });
    Ok(holds.outcome)
}
