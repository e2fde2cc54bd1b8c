// SPDX-License-Identifier: MPL-2.0
//! What goes on beside requests: releasing, listening, sweeping, telling.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt as _, future::join_all};
use tokio::{sync::mpsc, task::JoinSet, time::MissedTickBehavior};

use super::{
    App,
    auth::Auth,
    callback, hub,
    lanes::Place,
    now_ms,
    sweep::{self, Facts, Verdict},
};
use crate::{
    job::{Class, JobId, News, Owner, Report},
    leftovers::{self, DAY, FACE, UPLOAD},
    post::Depths,
    store::{Forgotten, StoreError},
};

/// Tickets that are handed to the broker at once.
const AT_ONCE: usize = 32;
/// Until the broker has said that it has a ticket.
const CONFIRMED: Duration = Duration::from_secs(30);
/// Before what went wrong is tried again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Between two looks at what is held back.
const TICK: Duration = Duration::from_millis(100);
/// Between two estimates of what is ahead.
const ESTIMATE: Duration = Duration::from_secs(2);
/// Between two looks at how many wait with the broker.
const COUNT: Duration = Duration::from_secs(5);
/// Between two looks at the file of tokens.
const TOKENS: Duration = Duration::from_secs(1);
/// Between two looks at what has been kept for long enough.
const FORGET: Duration = Duration::from_secs(3600);
/// Between two looks through the jobs that have not ended.
const SWEEP: Duration = Duration::from_secs(60);

/// Starts all of them.
///
/// # Errors
/// Callbacks cannot be made: a sentence.
pub fn start(
    app: &Arc<App>,
    due: mpsc::UnboundedReceiver<(Owner, JobId)>,
) -> Result<JoinSet<()>, String> {
    let caller = callback::Caller::new(app.settings.private_callbacks)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(release(app.clone()));
    tasks.spawn(listen(app.clone()));
    tasks.spawn(tell(app.clone()));
    tasks.spawn(estimate(app.clone()));
    tasks.spawn(sweep_often(app.clone()));
    tasks.spawn(forget_often(app.clone()));
    tasks.spawn(look_at_tokens(app.clone()));
    tasks.spawn(count_often(app.clone()));
    tasks.spawn(callback::run(app.clone(), Arc::new(caller), due));
    Ok(tasks)
}

/// A pause that grows while things go wrong.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(PAUSES.0)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}

async fn release(app: Arc<App>) {
    let mut pause = Pause::new();
    loop {
        let tickets: Vec<_> = {
            let mut lanes = app.lanes();
            let now = now_ms();
            std::iter::from_fn(|| lanes.next(now))
                .take(AT_ONCE)
                .collect()
        };
        if tickets.is_empty() {
            app.wake.notified().await;
            continue;
        }
        let handed = join_all(tickets.iter().map(|ticket| async {
            // A broker that says nothing has not taken it, or will see it twice.
            let handed = tokio::time::timeout(CONFIRMED, app.post.publish(ticket)).await;
            handed.unwrap_or_else(|_| Err("the broker says nothing".to_owned()))
        }))
        .await;
        let mut failed = None;
        // Backwards, so that they wait in the order in which they were.
        for (ticket, handed) in tickets.iter().zip(handed).rev() {
            if let Err(what) = handed {
                app.lanes().back(&ticket.id);
                app.metrics.unpublished.inc();
                failed = Some(what);
            }
        }
        match failed {
            None => pause = Pause::new(),
            Some(what) => {
                tracing::warn!(what, "the broker took not all; they wait");
                pause.wait().await;
            }
        }
    }
}

async fn listen(app: Arc<App>) {
    let mut pause = Pause::new();
    loop {
        match app.post.listen().await {
            Ok(mut reports) => {
                app.metrics.broker.set(1);
                pause = Pause::new();
                while let Some(report) = reports.next().await {
                    app.hear(report);
                }
                tracing::warn!("the broker tells nothing any more");
            }
            Err(what) => tracing::warn!(what, "the broker cannot be listened to"),
        }
        app.metrics.broker.set(0);
        pause.wait().await;
    }
}

async fn tell(app: Arc<App>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        app.hub.tick();
    }
}

/// Tells those who watch how many are ahead of their jobs.
async fn estimate(app: Arc<App>) {
    let mut ticks = tokio::time::interval(ESTIMATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let all = app.lanes().all();
        for (owner, id) in all {
            if !app.hub.is_watched(&owner) {
                continue;
            }
            let Some(ahead) = app.lanes().ahead(&id) else {
                continue;
            };
            let worth = match app.hub.latest(&id) {
                None => true,
                Some(News::Queued { ahead: old }) => hub::differs(old, ahead),
                Some(_) => false,
            };
            if worth {
                app.hub.report(Report {
                    owner,
                    id,
                    at_ms: now_ms(),
                    news: News::Queued { ahead },
                });
            }
        }
        for class in Class::ALL {
            app.metrics.waiting(class, app.lanes().waiting(class));
        }
    }
}

async fn sweep_often(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(%error, "not all open jobs were looked through");
        }
        match app.store.callbacks().await {
            Ok(marks) => {
                for (owner, id) in marks {
                    if let Ok(Some(_)) = app.store.terminal(&owner, &id).await {
                        let _ = app.callbacks.send((owner, id));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "callbacks were not looked through"),
        }
    }
}

async fn look_at_tokens(app: Arc<App>) {
    let Auth::Tokens(tokens) = &app.auth else {
        return;
    };
    let mut ticks = tokio::time::interval(TOKENS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match tokens.refresh() {
            None => {}
            Some(Ok(count)) => tracing::info!(count, "the tokens were read again"),
            Some(Err(what)) => tracing::error!(what, "the tokens stay as they were"),
        }
    }
}

async fn forget_often(app: Arc<App>) {
    let mut ticks = tokio::time::interval(FORGET);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match app.store.forget(app.settings.keep.cuts(now_ms())).await {
            Ok(forgotten) if forgotten == Forgotten::default() => {}
            Ok(forgotten) => {
                let Forgotten {
                    uploads,
                    results,
                    jobs,
                } = forgotten;
                tracing::info!(uploads, results, jobs, "forgotten, kept for long enough");
            }
            Err(error) => tracing::warn!(%error, "not all was forgotten that has been kept"),
        }
        let scratch = app.settings.scratch.clone();
        let sweep = move || {
            let swept = |prefix| leftovers::sweep(&scratch, prefix, DAY, SystemTime::now());
            leftovers::sweep_landmarks(&scratch, SystemTime::now());
            [UPLOAD, FACE].map(swept).iter().sum::<usize>()
        };
        if let Ok(swept @ 1..) = tokio::task::spawn_blocking(sweep).await {
            tracing::info!(swept, "uploads were left by a process that was killed");
        }
    }
}

/// Looks through all jobs that have not ended.
pub(super) async fn sweep_once(app: &App) -> Result<(), StoreError> {
    // What was here before the marks were listed and has none has ended meanwhile.
    let here = app.lanes().all();
    let with_broker = depths(app).await;
    let with_broker = with_broker.map(|depths| depths.of.values().sum::<u64>() + depths.delayed);
    let marks = app.store.open_jobs().await?;
    let marked: HashSet<&JobId> = marks.iter().map(|(_, id)| id).collect();
    for (owner, id) in here {
        if !marked.contains(&id) && app.store.terminal(&owner, &id).await?.is_some() {
            end_here(app, &owner, &id).await?;
        }
    }
    for (owner, id) in &marks {
        sweep_job(app, owner, id, with_broker).await?;
    }
    app.wake.notify_one();
    Ok(())
}

/// How many tickets lie with the broker, if it says so; it is counted as well.
async fn depths(app: &App) -> Option<Depths> {
    let depths = tokio::time::timeout(CONFIRMED, app.post.depths()).await;
    let depths = depths.ok().and_then(Result::ok);
    app.metrics.depths(depths.as_ref());
    depths
}

async fn count_often(app: Arc<App>) {
    let mut ticks = tokio::time::interval(COUNT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        depths(&app).await;
    }
}

/// A job has ended, and nobody told.
async fn end_here(app: &App, owner: &Owner, id: &JobId) -> Result<(), StoreError> {
    if let Some(terminal) = app.store.terminal(owner, id).await? {
        app.hear(Report {
            owner: owner.clone(),
            id: id.clone(),
            at_ms: terminal.at_ms,
            news: News::Ended(terminal),
        });
    }
    Ok(())
}

async fn sweep_job(
    app: &App,
    owner: &Owner,
    id: &JobId,
    with_broker: Option<u64>,
) -> Result<(), StoreError> {
    let place = app.lanes().place(id);
    // What waits here needs no look into the store; nor does what came a moment ago.
    if place == Some(Place::Waiting) {
        return Ok(());
    }
    let accepted = app.store.accepted(owner, id).await?;
    let facts = Facts {
        age_ms: now_ms().saturating_sub(id.ms()),
        accepted: accepted.is_some(),
        ended: app.store.terminal(owner, id).await?.is_some(),
        alive: app.is_alive(owner, id).await?,
        unwanted: app.store.cancel_asked(owner, id).await?,
        place,
        with_broker,
    };
    match sweep::decide(&facts, now_ms()) {
        Verdict::Leave => {}
        Verdict::TakeMark => {
            end_here(app, owner, id).await?;
            app.store.forget_mark(owner, id).await?;
        }
        Verdict::Cancel => app.cancel(owner, id).await?,
        Verdict::Add => {
            if let Some(job) = accepted {
                tracing::info!(job = %id, "found open; it is released in its turn");
                app.lanes().add(job.ticket());
            }
        }
        Verdict::Back => {
            tracing::warn!(job = %id, "lost on its way; it is released once more");
            app.lanes().back(id);
        }
    }
    Ok(())
}
