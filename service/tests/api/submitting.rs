// SPDX-License-Identifier: MPL-2.0
//! Jobs come in.

use std::collections::HashSet;

use futures_util::{StreamExt as _, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sonicd::job::Speech;

use crate::{answer, files, form, owner, picture, run, run_with, wave};

#[test]
fn a_form_with_files_becomes_a_job_with_a_ticket() {
    run(async |service| {
        let (portrait, voice) = (picture(64, 48), wave(1500));
        let job = service
            .form(&[
                ("portrait", Some("../../me.exe"), &portrait),
                ("audio", Some("voice.txt"), &voice),
                ("motion_scale", None, b"1.10"),
                ("inference_steps", None, b"30"),
                ("voice", None, b"de"),
                ("format", None, b"webm"),
                ("priority", None, b"high"),
                ("size", None, b"320x240"),
                ("duration", None, b"1.25"),
            ])
            .await
            .expect(201);
        let shown = job.json();
        assert_eq!(shown["state"], "queued");
        assert_eq!(shown["parameters"], json!({"motion_scale": "1.1"}));
        assert_eq!(shown["ignored"], json!(["inference_steps", "voice"]));
        assert_eq!(shown["media_ms"], 1250, "it ends before the sound");
        let id = shown["id"].as_str().expect("an id");
        assert_eq!(job.header("location"), format!("/v1/jobs/{id}"));
        let tickets = service.tickets(1).await;
        assert_eq!(tickets[0].id.as_str(), id);
        assert_eq!(tickets[0].class.name(), "high");
        // What the worker will find.
        let stored = service.store.accepted(&owner(), &tickets[0].id).await;
        let order = stored.expect("read").expect("a record").order;
        let Speech::Audio(sound) = &order.speech else {
            panic!("it is a recording");
        };
        let to = service.folder.path().join("fetched");
        for (digest, bytes) in [
            (sound, &voice),
            (order.portrait.as_ref().expect("a portrait"), &portrait),
        ] {
            let fetched = service.store.fetch_blob(&owner(), digest, &to).await;
            assert!(fetched.expect("read"));
            assert_eq!(&std::fs::read(&to).expect("a file"), bytes);
            std::fs::remove_file(&to).expect("it is there");
        }
        assert_eq!(files(&service.settings.scratch), 0, "nothing stays behind");
    });
}

#[test]
fn uploads_are_named_by_their_digest_afterwards() {
    run(async |service| {
        let (portrait, put) = service.put(&picture(64, 64)).await;
        put.expect(201);
        service.put(&picture(64, 64)).await.1.expect(200);
        let (voice, put) = service.put(&wave(500)).await;
        put.expect(201);
        let path = format!("/v1/blobs/{portrait}");
        answer(service.request(Method::HEAD, &path))
            .await
            .expect(200);
        let unknown = format!("/v1/blobs/{}", "0".repeat(64));
        answer(service.request(Method::HEAD, &unknown))
            .await
            .expect(404);

        let job = json!({"portrait_sha256": portrait, "audio_sha256": voice});
        let shown = service.submit(&job).await.expect(201).json();
        assert_eq!(shown["portrait_sha256"], portrait.as_str());
        // By the size of the file, header and all.
        let guess = shown["media_ms"].as_u64().expect("a length");
        assert!((490..=510).contains(&guess), "{guess}");
        // Neither is the other, and what never came is neither.
        for (job, field) in [
            (
                json!({"portrait_sha256": voice, "text": "a"}),
                "portrait_sha256",
            ),
            (json!({"audio_sha256": portrait}), "audio_sha256"),
            (json!({"audio_sha256": "0".repeat(64)}), "audio_sha256"),
        ] {
            let wrong = service.submit(&job).await.expect(422);
            assert_eq!(wrong.fields(), [field]);
        }
        // Another digest than that of what comes.
        let other = service.request(Method::PUT, &unknown).body(wave(10));
        assert_eq!(answer(other).await.expect(422).fields(), ["sha256"]);
        service.tickets(1).await;
    });
}

#[test]
fn a_key_is_good_for_one_job_even_at_once() {
    run(async |service| {
        let ask = |text: &str, key: &str| {
            let request = service.json("/v1/jobs", &json!({ "text": text }));
            answer(request.header("idempotency-key", key))
        };
        let all = join_all((0..16).map(|_| ask("Hello", "a key"))).await;
        let ids: HashSet<_> = all.iter().map(|a| a.json()["id"].to_string()).collect();
        assert_eq!(ids.len(), 1);
        let new = all.iter().filter(|a| a.status.as_u16() == 201).count();
        assert_eq!(new, 1, "one of them took it on");
        assert!(all.iter().all(|a| a.status.is_success()));
        ask("Hello", "another key").await.expect(201);
        let other = ask("Good bye", "a key").await.expect(409);
        assert_eq!(other.fields(), ["Idempotency-Key"]);
        assert_eq!(
            ask("Hello", &"k".repeat(201))
                .await
                .expect(422)
                .fields()
                .len(),
            1
        );
        service.tickets(2).await;
    });
}

#[test]
fn a_result_that_is_there_is_given_at_once() {
    run(async |service| {
        let job = json!({"text": "The same", "motion_scale": 1.5});
        let first = service.submit(&job).await.expect(201).json();
        let ticket = service.tickets(1).await.remove(0);
        service.render(&ticket).await;
        // Written otherwise, it is the same.
        let (kind, body) = form(&[("text", None, b"The same"), ("motion_scale", None, b"1.50")]);
        let request = service.request(Method::POST, "/v1/jobs");
        let second = answer(request.header("content-type", kind).body(body)).await;
        let second = second.expect(201).json();
        assert_ne!(first["id"], second["id"]);
        assert_eq!(second["state"], "done");
        assert_eq!(second["result"]["shared"], true);
        assert_eq!(second["result"]["render_seconds"], 0.0);
        let url = second["result_url"].as_str().expect("a link");
        assert_eq!(service.get(url).await.expect(200).bytes, crate::FILM);
        assert_eq!(service.post.take(), [], "nothing is rendered");
        let open = service.store.open_jobs().await.expect("a list");
        assert_eq!(open, [], "it has ended");
    });
}

#[test]
fn a_manifest_is_taken_as_a_whole_or_not_at_all() {
    run(async |service| {
        let batch = |jobs: Value| {
            let manifest = json!({"defaults": {"fps": 30, "priority": "bulk"}, "jobs": jobs});
            answer(
                service
                    .json("/v1/batches", &manifest)
                    .header("idempotency-key", "b"),
            )
        };
        let wrong = json!([{"text": "a"}, {"text": ""}, {"text": "b", "fps": 1}, 3]);
        let faults = batch(wrong).await.expect(422).fields();
        assert_eq!(faults, ["jobs[1].text", "jobs[2].fps", "jobs[3].body"]);
        assert_eq!(service.store.open_jobs().await.expect("a list"), []);

        let right = json!([{"text": "a"}, {"text": "b"}, {"text": "c", "fps": 25}]);
        let ids = batch(right.clone()).await.expect(201).json()["ids"].clone();
        assert_eq!(ids.as_array().map(Vec::len), Some(3));
        assert_eq!(
            batch(right).await.expect(201).json()["ids"],
            ids,
            "once more"
        );
        let third = ids[2].as_str().expect("an id");
        let third = service.get(&format!("/v1/jobs/{third}")).await.json();
        assert_eq!((&third["fps"], &third["text"]), (&json!("25"), &json!("c")));
        assert_eq!(third["priority"], "bulk");
        service.tickets(3).await;
        assert_eq!(batch(json!([])).await.expect(422).fields(), ["jobs"]);
    });
}

#[test]
fn of_a_burst_none_is_refused_and_none_is_lost() {
    const JOBS: usize = 2000;
    run_with(
        |settings| settings.width = JOBS,
        async |service| {
            let (portrait, put) = service.put(&picture(64, 64)).await;
            put.expect(201);
            let jobs = stream::iter(0..JOBS).map(|n| {
                let job = json!({"portrait_sha256": portrait, "text": format!("Number {n}")});
                let service = &*service;
                async move { service.submit(&job).await.expect(201).json()["id"].to_string() }
            });
            let ids: HashSet<_> = jobs.buffer_unordered(32).collect().await;
            assert_eq!(ids.len(), JOBS);
            let tickets = service.tickets(JOBS).await;
            let released: HashSet<_> = tickets.iter().map(|t| format!("\"{}\"", t.id)).collect();
            assert_eq!(released, ids, "each once");
            // Page by page, all are there.
            let (mut listed, mut after) = (HashSet::new(), String::new());
            loop {
                let page = service.get(&format!("/v1/jobs?limit=200{after}")).await;
                let page = page.expect(200).json();
                let jobs = page["jobs"].as_array().expect("jobs");
                listed.extend(jobs.iter().map(|job| job["id"].to_string()));
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                after = format!("&after={next}");
            }
            assert_eq!(listed, ids);
        },
    );
}
