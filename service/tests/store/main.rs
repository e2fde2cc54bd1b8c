// SPDX-License-Identifier: MPL-2.0
//! The store, as the service uses it, over a folder and over S3 alike.

mod bucket;
#[path = "../jobs/mod.rs"]
mod jobs;
#[path = "../servers/mod.rs"]
mod servers;

use std::{
    path::PathBuf,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{TryStreamExt as _, future::join_all};
use jobs::{accepted as job, owner, run, store};
use servers::S3;
use sonicd::{
    clock::now_ms,
    job::{
        Attempt, Cause, Container, Digest, FORMAT, GivenUp, JobId, Outcome, Owner, Rendered,
        Speech, Terminal,
    },
    store::{Cuts, Forgotten, Lead, Store},
};

/// One server for all tests; each has a store of its own in it.
static SERVER: LazyLock<Option<Mutex<S3>>> = LazyLock::new(|| S3::start().map(Mutex::new));

fn bucket() -> Option<Store> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.as_ref()?.lock().expect("a lock");
    let address = server.address(&format!("test {}", NEXT.fetch_add(1, Ordering::Relaxed)));
    Some(Store::open_by(&address, server.variables.clone()).expect("a store"))
}

/// Runs a test over a folder, and over S3.
fn each<F: Future<Output = ()>>(test: impl Fn(PathBuf, Store) -> F) {
    run(|folder| {
        let store = store(&folder);
        test(folder, store)
    });
    if let Some(store) = bucket() {
        run(|folder| test(folder, store));
    }
}

/// By then all is old that a test has written, whatever the clock of the store.
fn soon() -> u64 {
    now_ms() + 60_000
}

fn ended(outcome: Outcome) -> Terminal {
    Terminal {
        format: FORMAT,
        at_ms: 1,
        outcome,
    }
}

fn rendered(of: &JobId) -> Rendered {
    Rendered {
        of: of.clone(),
        container: Container::Mp4,
        bytes: 5,
        frames: 25,
        seconds: 1.0,
        size: (320, 240),
        render_seconds: 0.5,
        ignored: Vec::new(),
    }
}

#[test]
fn of_many_ends_one_holds_and_all_hear_of_it() {
    each(|_, store| async move {
        let job = job(&owner("a"), 1);
        store.accept(&job).await.expect("it is stored");
        assert_eq!(store.open_jobs().await.expect("a list").len(), 1);
        let ends = (0..32).map(|n| {
            let (store, job) = (store.clone(), job.clone());
            let end = ended(Outcome::Failed {
                reason: n.to_string(),
                cause: Cause::Order,
            });
            tokio::spawn(async move { store.finish(&job.owner, &job.id, &end).await })
        });
        let ends: Vec<_> = join_all(ends).await;
        let ends: Vec<_> = ends
            .into_iter()
            .map(|e| e.expect("runs").expect("ends"))
            .collect();
        assert!(ends.iter().all(|end| *end == ends[0]));
        let read = store.terminal(&job.owner, &job.id).await.expect("read");
        assert_eq!(read, Some(ends[0].clone()));
        assert_eq!(store.open_jobs().await.expect("a list"), []);
    });
}

#[test]
fn jobs_are_listed_page_by_page_and_only_ones_own() {
    each(|_, store| async move {
        let (a, b) = (owner("a"), owner("b"));
        // More than a span apart, some of them.
        let times: Vec<u64> = (0..20).map(|n| n * 60_000_000).collect();
        for ms in &times {
            store.accept(&job(&a, *ms)).await.expect("it is stored");
        }
        store.accept(&job(&b, 77)).await.expect("it is stored");
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = store.jobs(&a, after.as_ref(), 7).await.expect("a page");
            let Some(last) = page.last().cloned() else {
                break;
            };
            assert!(page.len() <= 7);
            after = Some(last);
            listed.extend(page);
        }
        let listed: Vec<_> = listed.iter().map(JobId::ms).collect();
        assert_eq!(listed, times.into_iter().rev().collect::<Vec<_>>());
        let foreign = store
            .accepted(&b, &JobId::new(0, 0))
            .await
            .expect("an answer");
        assert_eq!(foreign, None);
    });
}

#[test]
fn an_attempt_belongs_to_one_worker() {
    each(|_, store| async move {
        let job = job(&owner("a"), 1);
        let claims = (0..16).map(|n| {
            let (store, job) = (store.clone(), job.clone());
            tokio::spawn(async move {
                let attempt = Attempt {
                    format: FORMAT,
                    number: 1,
                    worker: n.to_string(),
                    began_ms: 0,
                    until_ms: 9,
                };
                store
                    .claim(&job.owner, &job.id, &attempt)
                    .await
                    .expect("an answer")
            })
        });
        let won = join_all(claims).await;
        assert_eq!(
            won.into_iter()
                .filter(|w| *w.as_ref().expect("runs"))
                .count(),
            1
        );
        let why = GivenUp {
            format: FORMAT,
            at_ms: 3,
            reason: "disk full".to_owned(),
        };
        store
            .give_up(&job.owner, &job.id, 1, &why)
            .await
            .expect("it is stored");
        let attempts = store.attempts(&job.owner, &job.id).await.expect("a list");
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].1, Some(why));
        // Who was not told that it has the claim asks again.
        let (mine, other) = (attempts[0].0.clone(), "another".to_owned());
        let claim = async |attempt| store.claim(&job.owner, &job.id, &attempt).await;
        assert!(claim(mine.clone()).await.expect("an answer"));
        let other = Attempt {
            worker: other,
            ..mine
        };
        assert!(!claim(other).await.expect("an answer"));
    });
}

#[test]
fn equal_orders_share_a_result_and_a_cancelled_leader_hands_over() {
    each(|folder, store| async move {
        let a = owner("a");
        let (one, two, three) = (job(&a, 1), job(&a, 2), job(&a, 3));
        let key = one.order.key();
        for job in [&one, &two, &three] {
            store.accept(job).await.expect("it is stored");
        }
        let lead = async |id: &JobId| store.lead(&a, &key, id).await.expect("an answer");
        assert_eq!(lead(&one.id).await, Lead::Leads);
        assert_eq!(lead(&one.id).await, Lead::Leads);
        assert_eq!(lead(&two.id).await, Lead::Follows(one.id.clone()));
        let end = ended(Outcome::Cancelled);
        store.finish(&a, &one.id, &end).await.expect("it ends");
        assert_eq!(
            store.followers(&a, &key).await.expect("a list"),
            std::slice::from_ref(&two.id)
        );
        assert_eq!(lead(&two.id).await, Lead::Leads);
        assert_eq!(lead(&three.id).await, Lead::Follows(two.id.clone()));
        // The second one is done.
        let file = folder.join("a.mp4");
        std::fs::write(&file, b"video").expect("a file");
        store
            .put_result(&a, &two.id, Container::Mp4, &file)
            .await
            .expect("it is stored");
        let done = rendered(&two.id);
        store
            .finish(&a, &two.id, &ended(Outcome::Done(done.clone())))
            .await
            .expect("it ends");
        assert_eq!(lead(&three.id).await, Lead::Done(done.clone()));
        store.remember(&a, &key, &done).await.expect("it is stored");
        assert_eq!(lead(&JobId::new(4, 4)).await, Lead::Done(done));
        // Of another owner it is neither seen nor shared.
        let other = store.lead(&owner("b"), &key, &JobId::new(5, 5)).await;
        assert_eq!(other.expect("an answer"), Lead::Leads);
        // Once it is forgotten, it is made anew.
        let cuts = Cuts {
            results_ms: Some(soon()),
            ..Cuts::default()
        };
        let forgotten = store.forget(cuts).await.expect("it forgets");
        assert_eq!((forgotten.uploads, forgotten.results), (0, 1));
        assert_eq!(lead(&JobId::new(6, 6)).await, Lead::Leads);
    });
}

#[test]
fn what_is_uploaded_comes_back_whole() {
    each(|folder, store| async move {
        let a = owner("a");
        for length in [0, 1, 20 << 20] {
            let bytes: Vec<u8> = (0..length).map(|n: u32| ((n * 31) >> 3) as u8).collect();
            let (from, to) = (folder.join("from"), folder.join(format!("to-{length}")));
            std::fs::write(&from, &bytes).expect("a file");
            let digest = Digest::of(&bytes);
            let there = async |owner| {
                let came = store.uploaded_ms(&owner, &digest).await;
                came.expect("an answer").is_some()
            };
            assert!(!there(a.clone()).await);
            store
                .put_blob(&a, &digest, &from)
                .await
                .expect("it is stored");
            assert!(there(a.clone()).await);
            assert!(!there(owner("b")).await);
            assert!(
                store
                    .fetch_blob(&a, &digest, &to)
                    .await
                    .expect("it is written")
            );
            assert!(
                std::fs::read(&to).expect("a file") == bytes,
                "{length} bytes"
            );
        }
        let unknown = Digest::of(b"unknown");
        assert!(
            !store
                .fetch_blob(&a, &unknown, &folder.join("none"))
                .await
                .expect("an answer")
        );
    });
}

#[test]
fn a_part_of_a_result_can_be_asked_for() {
    each(|folder, store| async move {
        let (a, id) = (owner("a"), JobId::new(1, 1));
        let file = folder.join("a.webm");
        std::fs::write(&file, b"0123456789").expect("a file");
        store
            .put_result(&a, &id, Container::Webm, &file)
            .await
            .expect("it is stored");
        let part = store
            .result(&a, &id, Container::Webm, Some(2..5))
            .await
            .expect("an answer");
        let (length, pieces) = part.expect("it is there");
        let pieces: Vec<_> = pieces.try_collect().await.expect("it is read");
        assert_eq!((length, pieces.concat()), (10, b"234".to_vec()));
        let other = store.result(&a, &id, Container::Mp4, None).await;
        assert!(other.expect("an answer").is_none());
    });
}

#[test]
fn a_name_that_a_client_gave_leads_to_one_job() {
    each(|_, store| async move {
        let a = owner("a");
        let (one, two) = (JobId::new(1, 1), JobId::new(2, 2));
        let named = async |owner: &Owner, id: &JobId| {
            store
                .named(owner, "../my key", id)
                .await
                .expect("an answer")
        };
        assert_eq!(named(&a, &one).await, one);
        assert_eq!(named(&a, &two).await, one);
        assert_eq!(named(&owner("b"), &two).await, two);
    });
}

#[test]
fn what_was_kept_for_long_enough_is_forgotten_but_for_what_an_open_job_needs() {
    each(|folder, store| async move {
        let a = owner("a");
        let file = folder.join("file");
        let put = async |content: &'static [u8]| {
            std::fs::write(&file, content).expect("a file");
            let digest = Digest::of(content);
            let put = store.put_blob(&a, &digest, &file).await;
            put.map(|()| digest).expect("it is stored")
        };
        let (portrait, voice) = (put(b"portrait").await, put(b"voice").await);
        let unused = put(b"unused").await;
        // One job waits, one ended long ago, and one just now.
        let (mut open, old, young) = (job(&a, 1), job(&a, 2), job(&a, 3));
        open.order.portrait = Some(portrait.clone());
        open.order.speech = Speech::Audio(voice.clone());
        let end = |at_ms| Terminal {
            at_ms,
            ..ended(Outcome::Cancelled)
        };
        for job in [&open, &old, &young] {
            store.accept(job).await.expect("it is stored");
        }
        let key = old.order.key();
        assert_eq!(
            store.lead(&a, &key, &old.id).await.expect("an answer"),
            Lead::Leads
        );
        assert_eq!(
            store.named(&a, "mine", &old.id).await.expect("an answer"),
            old.id
        );
        store
            .put_result(&a, &old.id, Container::Mp4, &file)
            .await
            .expect("it is stored");
        for (job, at_ms) in [(&old, 5), (&young, u64::MAX)] {
            store
                .finish(&a, &job.id, &end(at_ms))
                .await
                .expect("it ends");
        }
        let forget = async |uploads_ms, results_ms| {
            let cuts = Cuts {
                uploads_ms,
                results_ms,
            };
            store.forget(cuts).await.expect("it forgets")
        };
        assert_eq!(forget(None, None).await, Forgotten::default());
        assert_eq!(forget(Some(1), Some(1)).await, Forgotten::default());
        let all = Forgotten {
            uploads: 1,
            results: 1,
            jobs: 1,
        };
        assert_eq!(forget(Some(soon()), Some(soon())).await, all);
        assert_eq!(
            forget(Some(soon()), Some(soon())).await,
            Forgotten::default()
        );
        let there = async |digest| {
            let came = store.uploaded_ms(&a, digest).await;
            came.expect("an answer").is_some()
        };
        assert!(there(&portrait).await && there(&voice).await && !there(&unused).await);
        let listed = store.jobs(&a, None, 9).await.expect("a list");
        assert_eq!(listed, [young.id.clone(), open.id.clone()]);
        // Its name and its order are free for others.
        assert_eq!(
            store.lead(&a, &key, &young.id).await.expect("an answer"),
            Lead::Leads
        );
        assert_eq!(
            store.named(&a, "mine", &young.id).await.expect("an answer"),
            young.id
        );
        // Once the job has ended nobody needs its uploads.
        store.finish(&a, &open.id, &end(7)).await.expect("it ends");
        let rest = Forgotten {
            uploads: 2,
            results: 0,
            jobs: 1,
        };
        assert_eq!(forget(Some(soon()), Some(soon())).await, rest);
    });
}

#[test]
fn who_would_follow_a_job_that_is_forgotten_leads() {
    each(|_, store| async move {
        let a = owner("a");
        let (gone, new) = (job(&a, 1), job(&a, 2));
        let key = gone.order.key();
        // Its records have gone, and its name stayed.
        assert_eq!(
            store.lead(&a, &key, &gone.id).await.expect("an answer"),
            Lead::Leads
        );
        store.accept(&new).await.expect("it is stored");
        assert_eq!(
            store.lead(&a, &key, &new.id).await.expect("an answer"),
            Lead::Leads
        );
    });
}
