// SPDX-License-Identifier: MPL-2.0
//! News of jobs, as a page hears them.

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;
use sonicd::job::{Cause, News, Outcome};

use crate::{Service, answer, run};

/// One event.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    id: Option<String>,
    name: String,
    data: Value,
}

/// A stream of events that is read.
struct Stream {
    pieces: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Stream {
    async fn open(service: &Service, path: &str, last: Option<&str>) -> Self {
        let mut request = service.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().expect("text");
        assert_eq!(kind, "text/event-stream");
        Self {
            pieces: response.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// The next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = read(event);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let piece = self.pieces.next().await?.expect("a piece");
            self.text
                .push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    /// The next event of that state, and those before it.
    async fn until(&mut self, state: &str) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let event = self.next().await.expect("it has not ended");
            let found = event.data["state"] == state;
            all.push(event);
            if found {
                return all;
            }
        }
    }
}

fn read(text: &str) -> Option<Told> {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.to_owned())
    };
    let data = field("data")?;
    Some(Told {
        id: field("id"),
        name: field("event").expect("a name"),
        data: serde_json::from_str(&data).expect("JSON"),
    })
}

#[test]
fn a_job_is_followed_from_the_queue_to_its_end() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        let path = format!("/v1/jobs/{id}/events");
        let mut stream = Stream::open(service, &path, None).await;
        let first = stream.next().await.expect("a snapshot");
        assert_eq!(
            (first.name.as_str(), &first.data["state"]),
            ("job", &"queued".into())
        );
        assert_eq!(first.data["ahead"], 0);

        service.begin(&ticket).await;
        let told = stream.until("rendering").await;
        assert_eq!(told.last().expect("one").data["percent"], 0.0);
        service.render(&ticket).await;
        let told = stream.until("done").await;
        let end = told.last().expect("one").clone();
        let url = end.data["result_url"].as_str().expect("a link");
        assert_eq!(service.get(url).await.expect(200).bytes, crate::FILM);
        assert_eq!(stream.next().await, None, "nothing follows");

        // Who comes later hears the end at once; who has heard it is sent away.
        let mut late = Stream::open(service, &path, None).await;
        let again = late.next().await.expect("the end");
        assert_eq!(again.data["state"], "done");
        assert_eq!(again.id, end.id);
        assert_eq!(late.next().await, None);
        let heard = service.request(Method::GET, &path);
        let heard = heard.header("last-event-id", end.id.expect("a name"));
        answer(heard).await.expect(204);
        let unknown = format!("/v1/jobs/{}/events", "0".repeat(28));
        service.get(&unknown).await.expect(404);
    });
}

#[test]
fn a_page_hears_of_all_its_jobs_and_what_it_missed() {
    run(async |service| {
        let first = service.job("One").await;
        let mut stream = Stream::open(service, "/v1/events", None).await;
        let snapshot = stream.next().await.expect("a snapshot");
        assert_eq!(snapshot.name, "snapshot");
        assert_eq!(snapshot.data["jobs"][0]["id"], first.as_str());

        let second = service.job("Two").await;
        let tickets = service.tickets(2).await;
        service.begin(&tickets[0]).await;
        let told = stream.until("rendering").await;
        let last = told.last().and_then(|t| t.id.clone()).expect("a name");
        drop(stream);
        // While nobody listens, both end.
        service.render(&tickets[0]).await;
        let reason = "no face".to_owned();
        service
            .finish(
                &tickets[1],
                Outcome::Failed {
                    reason,
                    cause: Cause::Order,
                },
            )
            .await;
        crate::until("both have ended", async || {
            let metrics = service.get("/metrics").await;
            let text = String::from_utf8_lossy(&metrics.bytes).into_owned();
            text.contains("outcome=\"failed\"} 1") && text.contains("outcome=\"done\"} 1")
        })
        .await;
        let mut stream = Stream::open(service, "/v1/events", Some(&last)).await;
        let told = stream.until("failed").await;
        assert!(
            told.iter().all(|t| t.name == "job"),
            "no snapshot is needed"
        );
        let states: Vec<_> = told
            .iter()
            .filter(|t| t.data["state"] != "queued")
            .map(|t| (t.data["id"].to_string(), t.data["state"].to_string()))
            .collect();
        let quoted = |text: &str| format!("\"{text}\"");
        assert_eq!(
            states,
            [
                (quoted(first.as_str()), quoted("done")),
                (quoted(second.as_str()), quoted("failed")),
            ]
        );
        // What nobody knows any more is a snapshot.
        let mut stream = Stream::open(service, "/v1/events", Some("0-0")).await;
        let snapshot = stream.next().await.expect("a snapshot");
        assert_eq!(snapshot.name, "snapshot");
        assert_eq!(snapshot.data["jobs"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn a_stream_ends_with_the_service_and_goes_on_with_the_next() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        let path = format!("/v1/jobs/{id}/events");
        let mut stream = Stream::open(service, &path, None).await;
        stream.next().await.expect("a snapshot");
        service.end().await;
        while stream.next().await.is_some() {}
        service.serve().await;
        let mut stream = Stream::open(service, &path, Some("1-1")).await;
        assert_eq!(stream.next().await.expect("one").data["state"], "queued");
        service.tell(&ticket, News::Rendering { share: 0.5 }).await;
        let told = stream.until("rendering").await;
        assert_eq!(told.last().expect("one").data["percent"], 50.0);
    });
}

#[test]
fn a_job_that_reports_much_is_told_of_twice_a_second() {
    run(async |service| {
        let id = service.job("Hello").await;
        let ticket = service.tickets(1).await.remove(0);
        let path = format!("/v1/jobs/{id}/events");
        let mut stream = Stream::open(service, &path, None).await;
        stream.next().await.expect("a snapshot");
        let began = std::time::Instant::now();
        for n in 0..500 {
            let share = f64::from(n) / 500.0;
            service.tell(&ticket, News::Rendering { share }).await;
        }
        service.render(&ticket).await;
        let told = stream.until("done").await.len() as f64;
        // One at once, two a second, and the end; the estimate of what is ahead may come as well.
        let most = 4.0 + 2.0 * began.elapsed().as_secs_f64();
        assert!(told <= most, "{told} events");
    });
}
