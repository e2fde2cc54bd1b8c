// SPDX-License-Identifier: MPL-2.0
//! What is counted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sonicd::job::{Cause, News, Outcome};

use crate::{Service, run, until};

/// The types of all families, and all samples by their names with labels. Whatever has a sample was
/// described before.
fn read(text: &str) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let (mut help, mut types, mut samples) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, sentence) = rest.split_once(' ').expect("a sentence");
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{line}");
            assert!(help.insert(name.to_owned()), "twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            types.insert(name.to_owned(), kind.to_owned());
        } else if line != "# EOF" {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            let bare = name.split('{').next().expect("a name");
            let family = types
                .keys()
                .filter(|family| bare.starts_with(family.as_str()));
            let family = family.max_by_key(|family| family.len()).expect(line);
            let suffix = &bare[family.len()..];
            let suffixes: &[&str] = match types[family].as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_sum", "_count"],
                other => panic!("{other}: {line}"),
            };
            assert!(suffixes.contains(&suffix), "{line}");
            samples.insert(name.to_owned(), value.parse().expect("a number"));
        }
    }
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(help, types.keys().cloned().collect());
    (types, samples)
}

async fn counted(service: &Service) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let answer = service.get("/metrics").await.expect(200);
    let kind = answer.header("content-type").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    read(std::str::from_utf8(&answer.bytes).expect("text"))
}

#[test]
fn all_that_an_operator_watches_is_counted() {
    run(async |service| {
        // One is rendered after a failure, and one fails; one shares a result, one is cancelled.
        for text in ["one", "two"] {
            service.job(text).await;
        }
        let tickets = service.tickets(2).await;
        for ticket in &tickets {
            service.begin(ticket).await;
        }
        let reason = "no room".to_owned();
        let retrying = News::Retrying { reason, in_s: 10 };
        service.tell(&tickets[0], retrying).await;
        service.render(&tickets[0]).await;
        let (reason, cause) = ("too large".to_owned(), Cause::Memory);
        let failed = Outcome::Failed { reason, cause };
        service.finish(&tickets[1], failed).await;
        let job = service
            .store
            .accepted(&crate::owner(), &tickets[0].id)
            .await;
        let job = job.expect("read").expect("a record");
        let sonicd::job::Speech::Text(text) = job.order.speech else {
            panic!("a text");
        };
        let shared = service.submit(&json!({ "text": text })).await.expect(201);
        assert_eq!(shared.json()["state"], "done");
        let unwanted = service.job("three").await;
        let path = format!("/v1/jobs/{unwanted}");
        let cancel = service.request(reqwest::Method::DELETE, &path);
        crate::answer(cancel).await.expect(200);

        let expected = [
            ("sonicd_jobs_accepted_total", 4.0),
            ("sonicd_jobs_ended_total{outcome=\"done\"}", 2.0),
            ("sonicd_jobs_ended_total{outcome=\"failed\"}", 1.0),
            ("sonicd_jobs_ended_total{outcome=\"cancelled\"}", 1.0),
            ("sonicd_jobs_failed_total{cause=\"memory\"}", 1.0),
            ("sonicd_jobs_cached_total", 1.0),
            ("sonicd_job_retries_total", 1.0),
            ("sonicd_job_wait_seconds_count{class=\"normal\"}", 2.0),
            ("sonicd_render_seconds_total", 0.5),
            ("sonicd_media_seconds_total", 1.0),
            ("sonicd_render_ratio_sum", 0.5),
            ("sonicd_broker_up", 1.0),
        ];
        until("all is counted", async || {
            let (_, samples) = counted(service).await;
            let is = |(name, value): &(&str, f64)| samples.get(*name) == Some(value);
            expected.iter().all(is)
        })
        .await;
        let (types, samples) = counted(service).await;
        for (family, kind) in [
            ("sonicd_jobs_waiting", "gauge"),
            ("sonicd_queue_depth", "gauge"),
            ("sonicd_jobs_accepted", "counter"),
            ("sonicd_jobs_ended", "counter"),
            ("sonicd_jobs_failed", "counter"),
            ("sonicd_jobs_cached", "counter"),
            ("sonicd_job_retries", "counter"),
            ("sonicd_job_wait_seconds", "histogram"),
            ("sonicd_render_ratio", "histogram"),
            ("sonicd_http_request_duration_seconds", "histogram"),
            ("sonicd_tickets_refused", "counter"),
            ("sonicd_callbacks", "counter"),
        ] {
            assert_eq!(
                types.get(family).map(String::as_str),
                Some(kind),
                "{family}"
            );
        }
        for queue in ["high", "normal", "bulk", "delayed", "dead"] {
            let name = format!("sonicd_queue_depth{{queue=\"{queue}\"}}");
            assert!(samples.contains_key(&name), "{name}");
        }
    });
}
