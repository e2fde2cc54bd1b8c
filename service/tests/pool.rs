// SPDX-License-Identifier: MPL-2.0
//! The slots of a worker.

mod jobs;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use jobs::{DONE, Desk, given, outcome, renderer, run};
use sonicd::{
    job::{News, Outcome, Ticket},
    work::{Bench, Source, Taken, Verdict, work},
};
use tokio::sync::watch;

/// Tickets in a row, and what became of them.
#[derive(Default)]
struct Row {
    tickets: Mutex<VecDeque<Result<Ticket, String>>>,
    settled: Mutex<Vec<(String, Option<Verdict>)>>,
}

struct OfRow {
    row: Arc<Row>,
    said: Result<Ticket, String>,
}

struct Rows(Arc<Row>);

impl Source for Rows {
    type Taken = OfRow;

    async fn take(&self) -> Result<Option<OfRow>, String> {
        let said = self.0.tickets.lock().expect("a lock").pop_front();
        Ok(said.map(|said| OfRow {
            row: Arc::clone(&self.0),
            said,
        }))
    }
}

impl OfRow {
    fn note(&self, what: Option<Verdict>) {
        let name = self
            .said
            .as_ref()
            .map_or_else(String::clone, |t| t.id.to_string());
        self.row.settled.lock().expect("a lock").push((name, what));
    }
}

impl Taken for OfRow {
    fn ticket(&self) -> Result<Ticket, String> {
        self.said.clone()
    }

    async fn settle(self, verdict: Verdict) {
        self.note(Some(verdict));
    }

    async fn back(self) {
        self.note(None);
    }
}

fn benches(folder: &Path, script: &str, slots: usize) -> (Vec<Bench<Desk>>, Desk) {
    let bench = renderer(folder, script);
    let desk = bench.post.clone();
    let named = |n| Bench {
        worker: format!("here-{n}"),
        ..bench.clone()
    };
    ((0..slots).map(named).collect(), desk)
}

/// Waits until something is so.
async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn slots_work_at_once_and_a_broken_ticket_stops_nobody() {
    run(|folder| async move {
        // Each waits for the other: one slot alone would never end.
        let meet = format!(
            "touch {0}/here-$$; while [ $(ls {0} | grep -c here-) -lt 2 ]; do sleep 0.02; done\n{DONE}",
            folder.display()
        );
        let (benches, _) = benches(&folder, &meet, 2);
        let store = benches[0].store.clone();
        let row = Arc::new(Row::default());
        let (one, two) = (given(&store, 1, "one").await, given(&store, 2, "two").await);
        row.tickets.lock().expect("a lock").extend([
            Err("no JSON".to_owned()),
            Ok(one.ticket()),
            Ok(two.ticket()),
        ]);
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn(work(
            benches,
            Arc::new(Rows(Arc::clone(&row))),
            stopped,
            Duration::from_secs(1),
        ));
        until(|| row.settled.lock().expect("a lock").len() == 3).await;
        stop.send(true).expect("it listens");
        working.await.expect("it ends");
        for job in [&one, &two] {
            assert!(matches!(outcome(&store, job).await, Some(Outcome::Done(_))));
        }
        let settled = row.settled.lock().expect("a lock");
        assert!(settled.contains(&(
            "no JSON".to_owned(),
            Some(Verdict::Dead("no JSON".to_owned()))
        )));
    });
}

#[test]
fn a_worker_that_is_stopped_gives_back_what_it_cannot_finish() {
    run(|folder| async move {
        let (first, desk) = benches(&folder, "sleep 1000", 1);
        let store = first[0].store.clone();
        let job = given(&store, 1, "Hello").await;
        let row = Arc::new(Row::default());
        row.tickets
            .lock()
            .expect("a lock")
            .push_back(Ok(job.ticket()));
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn(work(
            first,
            Arc::new(Rows(Arc::clone(&row))),
            stopped,
            Duration::from_millis(50),
        ));
        let begun = || {
            desk.reports
                .lock()
                .expect("a lock")
                .iter()
                .any(|r| matches!(r.news, News::Rendering { .. }))
        };
        until(begun).await;
        stop.send(true).expect("it listens");
        working.await.expect("it ends");
        assert_eq!(
            *row.settled.lock().expect("a lock"),
            [(job.id.to_string(), None)]
        );
        assert_eq!(outcome(&store, &job).await, None);
        // Whoever takes it next may begin at once.
        let (second, _) = benches(&folder, DONE, 1);
        assert_eq!(second[0].process(&job.ticket()).await, Verdict::Done);
        assert!(matches!(
            outcome(&store, &job).await,
            Some(Outcome::Done(_))
        ));
    });
}
