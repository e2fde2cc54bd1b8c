// SPDX-License-Identifier: MPL-2.0
//! What becomes of a ticket, whatever the process that renders it does.

mod jobs;

use std::time::Duration;

use jobs::{DONE, accepted, given, outcome, owner, renderer, run};
use sonicd::{
    job::{Attempt, FORMAT, News, Outcome, Ticket},
    work::{Bench, Devices, Verdict},
};

fn reason(outcome: Option<Outcome>) -> String {
    match outcome {
        Some(Outcome::Failed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_is_rendered_stored_and_told_of() {
    run(|folder| async move {
        let bench = renderer(&folder, DONE);
        let job = given(&bench.store, 1, "Hello").await;
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        let Some(Outcome::Done(done)) = outcome(&bench.store, &job).await else {
            panic!("it is done");
        };
        assert_eq!((done.frames, done.bytes, done.of), (50, 6, job.id.clone()));
        let told: Vec<_> = bench
            .post
            .reports
            .lock()
            .expect("a lock")
            .drain(..)
            .map(|r| r.news)
            .collect();
        assert!(told.contains(&News::Rendering { share: 0.5 }), "{told:?}");
        assert!(matches!(told.last(), Some(News::Ended(_))), "{told:?}");
        // The same ticket once more does nothing; nothing is left of the folder.
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        assert_eq!(
            bench
                .store
                .attempts(&job.owner, &job.id)
                .await
                .expect("a list")
                .len(),
            1
        );
        assert_eq!(
            std::fs::read_dir(&bench.scratch).expect("a folder").count(),
            0
        );
        // An equal order has it at once, under another name.
        let equal = given(&bench.store, 2, "Hello").await;
        assert_eq!(bench.process(&equal.ticket()).await, Verdict::Done);
        let Some(Outcome::Done(shared)) = outcome(&bench.store, &equal).await else {
            panic!("it is done");
        };
        assert_eq!((shared.of, shared.render_seconds), (job.id, 0.0));
        assert!(
            bench
                .store
                .attempts(&equal.owner, &equal.id)
                .await
                .expect("a list")
                .is_empty()
        );
    });
}

#[test]
fn what_cannot_be_rendered_fails_at_once_and_with_its_reason() {
    run(|folder| async move {
        let script = r#"echo "{\"failed\": {\"reason\": \"$PWD/audio: no sound that can be decoded\", \"passing\": false}}"; exit 1"#;
        let bench = renderer(&folder, script);
        let job = given(&bench.store, 1, "Hello").await;
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        assert_eq!(
            reason(outcome(&bench.store, &job).await),
            "audio: no sound that can be decoded"
        );
    });
}

#[test]
fn a_crash_and_a_full_disk_are_tried_again_and_then_end() {
    run(|folder| async move {
        for (n, script, word) in [
            (1, "kill -SEGV $$", "crashed"),
            (
                2,
                "echo '{\"failed\": {\"reason\": \"No space left\", \"passing\": true}}'; exit 1",
                "No space",
            ),
            (3, "exit 0", "crashed"),
        ] {
            let bench = renderer(&folder, script);
            let job = given(&bench.store, n, script).await;
            for tried in 0..3 {
                let ticket = Ticket {
                    tried,
                    ..job.ticket()
                };
                let Verdict::Retry(why) = bench.process(&ticket).await else {
                    panic!("it is tried again");
                };
                assert!(why.contains(word), "{why}");
                assert_eq!(outcome(&bench.store, &job).await, None);
            }
            let ticket = Ticket {
                tried: 3,
                ..job.ticket()
            };
            assert!(matches!(bench.process(&ticket).await, Verdict::Dead(_)));
            let told = reason(outcome(&bench.store, &job).await);
            assert!(told.contains("4 times") && told.contains(word), "{told}");
            let attempts = bench
                .store
                .attempts(&job.owner, &job.id)
                .await
                .expect("a list");
            assert_eq!(attempts.len(), 4);
            assert!(attempts.iter().all(|(_, given_up)| given_up.is_some()));
        }
    });
}

#[test]
fn one_that_hangs_or_eats_memory_is_ended_with_its_children() {
    run(|folder| async move {
        let pids = folder.join("pids");
        let hang = format!(
            "sleep 1000 & echo $! >> {0}; echo $$ >> {0}; wait",
            pids.display()
        );
        // 320 MB of zeros in a variable of a shell.
        let eat = r#"x=$(head -c 20000000 /dev/zero | tr '\0' x); while :; do x=$x$x; done"#;
        for (n, script, word) in [(1, hang.as_str(), "longer than 1 s"), (2, eat, "256 MB")] {
            let mut bench = renderer(&folder, script);
            bench.time = Duration::from_secs(if n == 1 { 1 } else { 30 });
            let job = given(&bench.store, n, script).await;
            assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
            let told = reason(outcome(&bench.store, &job).await);
            assert!(told.contains(word), "{told}");
        }
        for pid in std::fs::read_to_string(&pids).expect("pids").lines() {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let gone =
                stat.is_empty() || stat.rsplit(") ").next().is_some_and(|s| s.starts_with('Z'));
            assert!(gone, "{stat}");
        }
    });
}

#[test]
fn a_job_that_is_cancelled_while_it_renders_hands_over() {
    run(|folder| async move {
        let bench = renderer(&folder, "sleep 1000");
        let (job, equal) = (
            given(&bench.store, 1, "Hello").await,
            given(&bench.store, 2, "Hello").await,
        );
        let rendering = {
            let (bench, ticket) = (bench.clone(), job.ticket());
            tokio::spawn(async move { bench.process(&ticket).await })
        };
        while bench.post.reports.lock().expect("a lock").is_empty() {
            tokio::task::yield_now().await;
        }
        // A follower, and a second ticket of the same job, are no work for anybody.
        let other = Bench {
            worker: "there".to_owned(),
            ..bench.clone()
        };
        assert_eq!(other.process(&equal.ticket()).await, Verdict::Done);
        assert_eq!(other.process(&job.ticket()).await, Verdict::Done);
        assert_eq!(outcome(&bench.store, &equal).await, None);
        bench
            .store
            .ask_cancel(&job.owner, &job.id)
            .await
            .expect("it is asked");
        assert_eq!(rendering.await.expect("it runs"), Verdict::Done);
        assert_eq!(outcome(&bench.store, &job).await, Some(Outcome::Cancelled));
        assert_eq!(
            *bench.post.tickets.lock().expect("a lock"),
            [equal.ticket()]
        );
        let bench = Bench {
            post: bench.post.clone(),
            ..renderer(&folder, DONE)
        };
        assert_eq!(bench.process(&equal.ticket()).await, Verdict::Done);
        assert!(matches!(
            outcome(&bench.store, &equal).await,
            Some(Outcome::Done(_))
        ));
        let key = equal.order.key();
        let waiting = bench.store.followers(&equal.owner, &key).await;
        assert_eq!(waiting.expect("a list"), []);
    });
}

#[test]
fn the_job_of_a_dead_worker_is_taken_over_and_that_of_a_living_one_is_not() {
    run(|folder| async move {
        let bench = renderer(&folder, DONE);
        let job = given(&bench.store, 1, "Hello").await;
        let attempt = Attempt {
            format: FORMAT,
            number: 1,
            worker: "other".to_owned(),
            began_ms: 0,
            until_ms: u64::MAX,
        };
        bench
            .store
            .claim(&job.owner, &job.id, &attempt)
            .await
            .expect("it is stored");
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        assert_eq!(outcome(&bench.store, &job).await, None);
        bench
            .post
            .dead
            .lock()
            .expect("a lock")
            .push("other".to_owned());
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        assert!(matches!(
            outcome(&bench.store, &job).await,
            Some(Outcome::Done(_))
        ));
    });
}

#[test]
fn tickets_of_no_job_and_of_the_future_are_for_people_to_look_at() {
    run(|folder| async move {
        let bench = renderer(&folder, DONE);
        let job = accepted(&owner("a"), 1);
        assert!(matches!(
            bench.process(&job.ticket()).await,
            Verdict::Dead(_)
        ));
        let job = given(&bench.store, 2, "Hello").await;
        let future = Ticket {
            format: FORMAT + 1,
            ..job.ticket()
        };
        assert!(matches!(bench.process(&future).await, Verdict::Dead(_)));
        assert_eq!(outcome(&bench.store, &job).await, None);
    });
}

#[test]
fn a_real_job_is_rendered_without_rights_and_without_the_services_secrets() {
    run(|folder| async move {
        // The renderer itself, and beside it a look at how it runs.
        let log = folder.join("status");
        let real = env!("CARGO_BIN_EXE_sonicd");
        let mut bench = renderer(&folder, "");
        let script = format!(
            "#!/bin/bash\nargs=(\"$@\"); unset 'args[-1]'\n{real} \"${{args[@]}}\" $$ &\npid=$!\n\
             while ! grep -q '^Seccomp:.*2' /proc/$pid/status; do kill -0 $pid || exit 1; done\n\
             grep -E '^(Seccomp|NoNewPrivs):' /proc/$pid/status > {0}\ntr '\\0' '\\n' < /proc/$pid/environ >> {0}\nwait $pid\n",
            log.display()
        );
        std::fs::write(&bench.program, script).expect("a script");
        bench.memory = 1 << 30;
        bench.time = Duration::from_secs(50);
        let mut job = accepted(&owner("a"), 1);
        job.order.size = Some((192, 160));
        job.order.parameters = [("motion_scale".to_owned(), "0.5".to_owned())].into();
        bench.store.accept(&job).await.expect("it is stored");
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        let end = outcome(&bench.store, &job).await;
        let Some(Outcome::Done(done)) = end else {
            panic!("{end:?}");
        };
        assert_eq!(done.size, (192, 160));
        assert!(done.frames > 10 && done.bytes > 1000, "{done:?}");
        let status = std::fs::read_to_string(&log).expect("a status");
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        for line in status.lines().filter(|line| line.contains('=')) {
            let name = line.split('=').next().unwrap_or_default();
            assert!(
                !name.starts_with("CARGO") && !name.starts_with("SONICD"),
                "{line}"
            );
        }
    });
}

#[test]
fn a_slot_with_a_card_renders_on_that_card_alone() {
    run(|folder| async move {
        let script = r#"LINE=$(tr '\0' ' ' </proc/$$/cmdline)
echo "{\"failed\": {\"reason\": \"$CUDA_VISIBLE_DEVICES of $LINE\"}}""#;
        let mut bench = renderer(&folder, script);
        let devices: Devices = "cuda:3".parse().expect("a device");
        bench.share = devices.shares(None, &[0]).remove(0);
        let job = given(&bench.store, 1, "Hello").await;
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        let reason = reason(outcome(&bench.store, &job).await);
        assert!(reason.starts_with("3 of "), "{reason}");
        assert!(reason.contains(" --execution-provider=cuda "), "{reason}");
    });
}

/// The group is a folder like any other: the kernel's part is played by the script.
#[test]
fn what_the_kernel_ends_for_its_memory_is_told_as_such() {
    run(|folder| async move {
        let group = folder.join("slot-0");
        let script = format!(
            r#"cd {}; [ "$(cat memory.max)" = {} ] || exit 1
grep -qz -- --cgroup </proc/$$/cmdline || exit 1
echo 'oom_kill 2' >memory.events; kill -9 $$"#,
            group.display(),
            256 << 20
        );
        let mut bench = renderer(&folder, &script);
        bench.group = Some(group);
        let job = given(&bench.store, 1, "Hello").await;
        assert_eq!(bench.process(&job.ticket()).await, Verdict::Done);
        let reason = reason(outcome(&bench.store, &job).await);
        assert_eq!(reason, "it needs more than 256 MB of memory");
    });
}
