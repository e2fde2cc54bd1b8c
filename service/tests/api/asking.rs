// SPDX-License-Identifier: MPL-2.0
//! Jobs are asked for, cancelled and fetched.

use reqwest::Method;
use serde_json::{Value, json};
use sonicd::{
    clock::now_ms,
    job::{Cause, News, Outcome},
    store::Cuts,
};

use crate::{FILM, answer, described, owner, run};

#[test]
fn a_job_tells_how_far_it_is_until_there_is_a_file() {
    run(async |service| {
        let id = service.job("Hello").await;
        let path = format!("/v1/jobs/{id}");
        let ticket = service.tickets(1).await.remove(0);
        assert_eq!(service.get(&path).await.json()["ahead"], 0);
        service.get(&format!("{path}/result")).await.expect(409);

        service.begin(&ticket).await;
        service
            .tell(&ticket, News::Rendering { share: 0.4251 })
            .await;
        crate::until("it is told", async || {
            service.get(&path).await.json()["percent"] == json!(42.5)
        })
        .await;
        let reason = "the worker was killed".to_owned();
        service
            .tell(&ticket, News::Retrying { reason, in_s: 10 })
            .await;
        crate::until("it is told", async || {
            let job = service.get(&path).await.json();
            job["state"] == "retrying" && job["retry_in_s"] == 10
        })
        .await;
        service.render(&ticket).await;
        let job = service.get(&path).await.expect(200).json();
        assert_eq!(job["state"], "done");
        assert_eq!(job["result"]["seconds"], 1.0);
        assert_eq!(job["result"]["size"], json!([320, 240]));
    });
}

#[test]
fn a_result_is_fetched_whole_or_in_parts_by_a_link_that_expires() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        service.render(&ticket).await;
        let there = service
            .get(&format!("/v1/jobs/{id}/result"))
            .await
            .expect(307);
        let link = there.header("location").to_owned();
        let whole = service.get(&link).await.expect(200);
        assert_eq!(whole.bytes, FILM);
        assert_eq!(whole.header("content-type"), "video/mp4");
        assert_eq!(whole.header("accept-ranges"), "bytes");
        let name = format!("attachment; filename=\"{id}.mp4\"");
        assert_eq!(whole.header("content-disposition"), name);
        assert!(
            whole
                .header("cache-control")
                .starts_with("public, max-age=")
        );

        let part = |range: &'static str| {
            answer(service.request(Method::GET, &link).header("range", range))
        };
        let some = part("bytes=2-5").await.expect(206);
        assert_eq!(some.bytes, &FILM[2..6]);
        assert_eq!(
            some.header("content-range"),
            format!("bytes 2-5/{}", FILM.len())
        );
        assert_eq!(
            part("bytes=-3").await.expect(206).bytes,
            &FILM[FILM.len() - 3..]
        );
        assert_eq!(part("bytes=30-").await.expect(206).bytes, &FILM[30..]);
        let beyond = part("bytes=36-").await.expect(416);
        assert_eq!(
            beyond.header("content-range"),
            format!("bytes */{}", FILM.len())
        );
        assert_eq!(part("bytes=0-1,4-5").await.expect(200).bytes, FILM);
        let changed = service
            .request(Method::GET, &link)
            .header("range", "bytes=0-1");
        answer(changed.header("if-range", "\"other\""))
            .await
            .expect(200);
        let head = answer(service.request(Method::HEAD, &link))
            .await
            .expect(200);
        assert_eq!(head.header("content-length"), FILM.len().to_string());

        // Any other link is none.
        let (path, query) = link.split_once('?').expect("signed");
        let later = query.replace("expires=", "expires=9");
        let (signed, last) = query.split_at(query.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        for wrong in [
            path.to_owned(),
            format!("{path}?{later}"),
            format!("{path}?{signed}{other}"),
            format!("{}?{query}", path.replace("local", "other")),
            format!("{}?{query}", path.replace(".mp4", ".mkv")),
        ] {
            service.get(&wrong).await.expect(404);
        }
        // Gone, it is not found, nor is its job.
        let cuts = Cuts {
            results_ms: Some(now_ms() + 5000),
            ..Cuts::default()
        };
        service.store.forget(cuts).await.expect("forgotten");
        service
            .get(&format!("/v1/jobs/{id}/result"))
            .await
            .expect(404);
        service.get(&link).await.expect(404);
    });
}

#[test]
fn a_job_that_nobody_has_begun_is_cancelled_at_once() {
    run(async |service| {
        let id = service.job("Hello").await;
        service.tickets(1).await;
        let path = format!("/v1/jobs/{id}");
        let cancel = || answer(service.request(Method::DELETE, &path));
        assert_eq!(cancel().await.expect(200).json()["state"], "cancelled");
        assert_eq!(cancel().await.expect(200).json()["state"], "cancelled");
        assert_eq!(service.store.open_jobs().await.expect("a list"), []);
        service.get(&format!("{path}/result")).await.expect(409);
        let unknown = format!("/v1/jobs/{}", "0".repeat(28));
        answer(service.request(Method::DELETE, &unknown))
            .await
            .expect(404);
    });
}

#[test]
fn a_job_that_is_rendered_is_asked_to_stop() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        service.begin(&ticket).await;
        let path = format!("/v1/jobs/{id}");
        let asked = answer(service.request(Method::DELETE, &path))
            .await
            .expect(202);
        assert_eq!(asked.json()["state"], "cancelling");
        let asked = service.store.cancel_asked(&owner(), &id).await;
        assert!(asked.expect("read"), "the worker sees it");
        // It was too late: what was made counts.
        service.render(&ticket).await;
        assert_eq!(service.state(&id).await, "done");
        let kept = answer(service.request(Method::DELETE, &path))
            .await
            .expect(200);
        assert_eq!(kept.json()["state"], "done");
    });
}

#[test]
fn who_waited_for_a_cancelled_job_goes_on_without_it() {
    run(async |service| {
        let leader = service.job("The same").await;
        let follower = service.job("The same").await;
        let tickets = service.tickets(2).await;
        // Plays the worker that takes both: one leads, one follows and its ticket is done with.
        let job = service.store.accepted(&owner(), &leader).await;
        let key = job.expect("read").expect("a record").order.key();
        for id in [&leader, &follower] {
            service
                .store
                .lead(&owner(), &key, id)
                .await
                .expect("a place");
        }
        let path = format!("/v1/jobs/{leader}");
        answer(service.request(Method::DELETE, &path))
            .await
            .expect(200);
        let again = service.tickets(1).await.remove(0);
        assert_eq!(again.id, follower);
        assert!(tickets.contains(&again));
        // Until it has ended itself it can be found, should its ticket be lost on its way.
        let left = service.store.followers(&owner(), &key).await;
        assert_eq!(left.expect("a list"), std::slice::from_ref(&follower));
        service.render(&again).await;
        assert_eq!(service.state(&follower).await, "done");
    });
}

#[test]
fn a_failed_job_says_why() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        let reason = "there is no face in the portrait".to_owned();
        let cause = Cause::Order;
        service
            .finish(&ticket, Outcome::Failed { reason, cause })
            .await;
        let job = service.get(&format!("/v1/jobs/{id}")).await.json();
        assert_eq!(job["state"], "failed");
        assert_eq!(job["reason"], "there is no face in the portrait");
        let none = service
            .get(&format!("/v1/jobs/{id}/result"))
            .await
            .expect(409);
        assert!(none.json()["detail"].to_string().contains("no face"));
    });
}

#[test]
fn what_can_be_set_is_told_as_the_elements_say() {
    run(async |service| {
        let told = service.get("/v1/parameters").await.expect(200).json();
        let all = told["parameters"].as_array().expect("parameters");
        let find = |name: &str| {
            let mut found = all.iter().filter(|p| p["name"] == name);
            found.next().unwrap_or_else(|| panic!("{name} is missing"))
        };
        for parameter in described() {
            assert_eq!(find(parameter.name)["default"], parameter.default);
        }
        let steps = find("inference_steps");
        assert_eq!(
            (&steps["minimum"], &steps["maximum"]),
            (&json!(10.0), &json!(50.0))
        );
        assert_eq!(steps["default"], "25");
        for (name, default) in [
            ("min_resolution", 1024.0),
            ("expand_ratio", 0.15),
            ("dynamic_scale", 1.1),
            ("motion_scale", 1.05),
        ] {
            let shown = find(name);
            let told: f64 = shown["default"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a number");
            assert_eq!(told, default, "{name}");
            assert!(
                shown["minimum"].as_f64() < shown["maximum"].as_f64(),
                "{name}"
            );
        }
        assert_eq!(told["limits"]["text_characters"], 100_000);
        // Each default is taken where there is one.
        for parameter in all {
            let (name, default) = (&parameter["name"], &parameter["default"]);
            if default == "" {
                continue;
            }
            let job = json!({"text": "a", (name.as_str().expect("text")): default});
            service.submit(&job).await.expect(201);
        }
    });
}

#[test]
fn the_document_describes_every_route() {
    run(async |service| {
        let document = service.get("/v1/openapi.json").await.expect(200).json();
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().expect("operations");
            operations
                .keys()
                .map(move |method| format!("{method} {path}"))
        });
        let mut operations: Vec<_> = operations.collect();
        operations.sort();
        assert_eq!(
            operations,
            [
                "delete /v1/jobs/{id}",
                "get /healthz",
                "get /metrics",
                "get /readyz",
                "get /v1/events",
                "get /v1/jobs",
                "get /v1/jobs/{id}",
                "get /v1/jobs/{id}/events",
                "get /v1/jobs/{id}/result",
                "get /v1/me",
                "get /v1/openapi.json",
                "get /v1/parameters",
                "get /v1/results/{owner}/{job}/{name}",
                "head /v1/blobs/{sha256}",
                "post /v1/batches",
                "post /v1/check",
                "post /v1/jobs",
                "put /v1/blobs/{sha256}",
            ]
        );
        // Each is served: what is not has no method, or no page.
        for operation in operations {
            let (method, path) = operation.split_once(' ').expect("two words");
            let path = path
                .replace("{id}", &"0".repeat(28))
                .replace(['{', '}'], "");
            let method: Method = method.to_uppercase().parse().expect("a method");
            if path.ends_with("/events") && !path.contains("jobs") {
                continue;
            }
            let answer = answer(service.request(method, &path)).await;
            assert_ne!(answer.status.as_u16(), 405, "{operation}");
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains("no such page"), "{operation}");
        }
        // What it refers to is there.
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert_ne!(
                document["components"]["schemas"][name],
                Value::Null,
                "{name}"
            );
        }
    });
}

#[test]
fn health_and_counts_are_told() {
    run(async |service| {
        service.get("/healthz").await.expect(200);
        service.get("/readyz").await.expect(200);
        service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        service.render(&ticket).await;
        service.job("Hello").await;
        crate::until("it is counted", async || {
            let counts = service.get("/metrics").await.expect(200);
            let counts = String::from_utf8_lossy(&counts.bytes).into_owned();
            [
                "sonicd_jobs_accepted_total 2",
                "sonicd_jobs_cached_total 1",
                "sonicd_jobs_ended_total{outcome=\"done\"} 2",
                "route=\"/v1/jobs\",status=\"201\"} ",
                "sonicd_broker_up 1",
            ]
            .iter()
            .all(|line| counts.contains(line))
        })
        .await;
        service.post.set_away(true);
        // Jobs are still taken on.
        crate::until("it is told to be away", async || {
            let ready = service.get("/readyz").await.expect(200);
            String::from_utf8_lossy(&ready.bytes).contains("broker: away")
        })
        .await;
    });
}
