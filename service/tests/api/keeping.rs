// SPDX-License-Identifier: MPL-2.0
//! What is kept for so long, and no longer.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::json;
use sonicd::{job::Digest, store::Cuts};

use crate::{Service, answer, picture, run, until};

/// Makes an upload as old as that.
fn age(service: &Service, digest: &Digest, days: u64) -> std::path::PathBuf {
    let text = digest.as_str();
    let folder = service.folder.path().join("store/blobs/local");
    let file = folder.join(&text[..2]).join(text);
    let when = SystemTime::now() - Duration::from_secs(days * 86_400);
    let open = std::fs::File::options().write(true).open(&file);
    open.and_then(|file| file.set_modified(when))
        .expect("an upload");
    file
}

#[test]
fn an_upload_is_offered_for_a_week_and_then_forgotten() {
    run(async |service| {
        let (digest, put) = service.put(&picture(64, 64)).await;
        put.expect(201);
        let job = json!({"text": "Hello", "portrait_sha256": digest});
        age(service, &digest, 6);
        service.submit(&job).await.expect(201);
        let ticket = service.tickets(1).await.remove(0);
        age(service, &digest, 8);
        let path = format!("/v1/blobs/{digest}");
        answer(service.request(Method::HEAD, &path))
            .await
            .expect(404);
        let refused = service.submit(&job).await.expect(422);
        assert_eq!(refused.fields(), ["portrait_sha256"]);
        // A job that has not ended keeps it, and so does who sends it again.
        let file = age(service, &digest, 8);
        service.end().await;
        service.serve().await;
        service.get("/readyz").await.expect(200);
        assert!(file.exists());
        let (_, again) = service.put(&picture(64, 64)).await;
        again.expect(201);
        answer(service.request(Method::HEAD, &path))
            .await
            .expect(200);
        service.render(&ticket).await;
        age(service, &digest, 8);
        service.end().await;
        service.serve().await;
        until("it is forgotten", async || !file.exists()).await;
    });
}

#[test]
fn a_result_that_is_gone_is_told_to_be_and_made_anew() {
    run(async |service| {
        service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        service.render(&ticket).await;
        // It shares the result of the first one, which is older.
        let shares = service.submit(&json!({"text": "Hello"})).await.expect(201);
        let shares = shares.json();
        assert_eq!(shares["state"], "done");
        let id = shares["id"].as_str().expect("an id");
        let cuts = Cuts {
            results_ms: shares["at_ms"].as_u64(),
            ..Cuts::default()
        };
        let forgotten = service.store.forget(cuts).await.expect("it forgets");
        assert_eq!((forgotten.results, forgotten.jobs), (1, 1));
        let gone = service.get(&format!("/v1/jobs/{id}/result")).await;
        let gone = gone.expect(410).json();
        let detail = gone["detail"].as_str().expect("a sentence");
        assert!(detail.contains("is gone"), "{detail}");
        let shown = service.get(&format!("/v1/jobs/{id}")).await.expect(200);
        assert_eq!(
            shown.json()["result_url"],
            json!(null),
            "no link leads there"
        );
        let first = format!("/v1/jobs/{}", ticket.id);
        service.get(&first).await.expect(404);
        let anew = service.submit(&json!({"text": "Hello"})).await.expect(201);
        assert_eq!(anew.json()["state"], "queued");
        service.tickets(1).await;
    });
}
