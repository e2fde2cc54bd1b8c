// SPDX-License-Identifier: MPL-2.0
//! Logs follow a job from the request to the process that renders it, and tell nothing of its own.

use serde_json::{Value, json};
use sonicd::{job::Digest, job::Owner, serve::auth::make_token};

use crate::parts::{Part, RABBIT, Whole, run};

fn log(part: &Part) -> Vec<Value> {
    let text = std::fs::read_to_string(&part.log).expect("a log");
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    text.lines().map(line).collect()
}

/// What is said of a job: the words of each line.
fn said(part: &Part, id: &str) -> Vec<String> {
    let of_job = |line: &&Value| line["fields"]["job"] == id || line["span"]["job"] == id;
    let lines = log(part);
    let words = lines.iter().filter(of_job).map(|line| {
        let fields = &line["fields"];
        let (message, said) = (&fields["message"], fields["said"].as_str());
        let message = message.as_str().unwrap_or_default();
        said.map_or(message.to_owned(), |said| format!("{message}: {said}"))
    });
    words.collect()
}

#[test]
fn a_job_is_followed_by_its_name_and_nothing_of_its_own_is_logged() {
    const TEXT: &str = "Rosebud said Xanadu.";
    const SECRET: &str = "a-secret-that-signs-all";
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    run(|folder| async move {
        let rabbit = rabbit.read().await;
        let mut whole = Whole::new(&rabbit, &folder);
        let tokens = folder.join("tokens");
        let owner: Owner = "anna".parse().expect("a name");
        let token = make_token(&owner, &tokens).expect("a token");
        let shown = format!("Bearer {token}").parse().expect("a header");
        let headers = [(reqwest::header::AUTHORIZATION, shown)].into_iter();
        let client = reqwest::Client::builder().no_proxy();
        let client = client.default_headers(headers.collect()).build();
        whole.client = client.expect("a client");
        whole.set("SONICD_TOKENS", &tokens.display().to_string());
        whole.set("SONICD_SECRET", SECRET);
        whole.set("SONICD_LOG", "debug");
        let (api, worker) = (whole.api(), whole.worker());
        whole.ready().await;
        let good = whole.submit(TEXT).await;
        whole.done(&good).await;
        // A file that says of itself that it is sound, and is none.
        let broken = b"RIFF\xff\xff\0\0WAVEfmt rubbish and nothing else but rubbish".to_vec();
        let digest = Digest::of(&broken);
        let blob = format!("http://{}/v1/blobs/{digest}", whole.address);
        let put = whole.client.put(blob).body(broken).send().await;
        assert_eq!(put.expect("an answer").status(), 201);
        let bad = whole.submit_order(&json!({ "audio_sha256": digest })).await;
        whole.until(&bad, &["failed"]).await;

        for id in [&good, &bad] {
            let begun = said(&api, id);
            assert!(begun.contains(&"taken on".to_owned()), "{begun:?}");
            while !said(&worker, id).contains(&"is over".to_owned()) {
                whole.wait("it is over").await;
            }
            let rendered = said(&worker, id);
            assert_eq!(rendered[0], "begins", "{rendered:?}");
        }
        // What the process that renders it complains of has its name as well.
        let complaints = said(&worker, &bad);
        let complaint = |said: &String| said.starts_with("the renderer says: sonicd: ");
        assert!(complaints.iter().any(complaint), "{complaints:?}");
        // All that is done for a job has a name.
        for line in log(&worker) {
            let for_a_job = [
                "sonicd::work::process",
                "sonicd::work::child",
                "sonicd::work::pool",
            ]
            .contains(&line["target"].as_str().expect("a target"));
            let named = !line["fields"]["job"].is_null() || !line["span"]["job"].is_null();
            assert!(!for_a_job || named, "{line}");
        }
        let taken = log(&api);
        let taken = taken.iter().find(|l| l["fields"]["message"] == "taken on");
        let request = &taken.expect("a line")["span"];
        assert_eq!(request["route"], "/v1/jobs", "{request}");
        for part in [&api, &worker] {
            let text = std::fs::read_to_string(&part.log).expect("a log");
            for secret in ["Rosebud", "Xanadu", SECRET, &token, "guest:guest"] {
                assert!(!text.contains(secret), "{secret} in {}", part.log.display());
            }
        }
        worker.end();
        api.end();
    });
}
