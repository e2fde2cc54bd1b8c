// SPDX-License-Identifier: MPL-2.0
//! The whole service: a broker, the API and workers, each a process, and what becomes of jobs when
//! one after the other is killed.

mod servers;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use servers::Rabbit;

/// Nothing here takes as long, unless it hangs.
const WATCHDOG: Duration = Duration::from_secs(120);
/// A text that takes a while to render, s.
const LONG: &str = "One two three four five six seven eight nine ten. ";

/// A part of the service; it ends with this.
struct Part(Child);

impl Part {
    fn start(command: &str, rabbit: &Rabbit, folder: &Path, line: &[&str]) -> Self {
        let store = format!("file://{}", folder.join("store").display());
        let log = std::fs::File::create(folder.join(format!("{command}-{}.log", line.join("")
            .replace(|c: char| !c.is_ascii_alphanumeric(), ""))));
        let child = Command::new(env!("CARGO_BIN_EXE_sonicd"))
            .arg(command)
            .args(line)
            .envs([
                ("SONICD_AMQP_URL", rabbit.url.as_str()),
                ("SONICD_STORE", &store),
            ])
            .env("SONICD_SCRATCH", folder)
            .stdin(Stdio::null())
            .stderr(log.expect("a file"))
            .spawn();
        Self(child.expect("it runs"))
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id() as i32).expect("a process");
        rustix::process::kill_process(pid, signal).expect("it lives");
    }

    /// As a crash would.
    fn kill(mut self) {
        self.signal(Signal::KILL);
        self.0.wait().expect("it ends");
    }

    /// As an operator would.
    fn end(mut self) {
        self.signal(Signal::TERM);
        let status = self.0.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Whole {
    rabbit: Rabbit,
    folder: PathBuf,
    address: String,
    client: reqwest::Client,
    until: Instant,
}

impl Whole {
    fn api(&self) -> Part {
        Part::start(
            "serve",
            &self.rabbit,
            &self.folder,
            &["--listen", &self.address],
        )
    }

    fn worker(&self, name: &str) -> Part {
        // Its name is only for the log.
        let grace = ["--slots", "1", "--grace", name];
        Part::start("work", &self.rabbit, &self.folder, &grace)
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = self
            .client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await;
        answer.ok()?.error_for_status().ok()?.json().await.ok()
    }

    async fn ready(&self) {
        let url = format!("http://{}/readyz", self.address);
        loop {
            let answer = self.client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            self.wait("the API is ready").await;
        }
    }

    async fn wait(&self, what: &str) {
        assert!(
            Instant::now() < self.until,
            "not in time: {what}; logs in {}",
            self.folder.display()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    async fn submit(&self, text: &str) -> String {
        let order = json!({ "text": text, "size": "192x160" });
        let url = format!("http://{}/v1/jobs", self.address);
        let answer = self
            .client
            .post(url)
            .json(&order)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201);
        let job: Value = answer.json().await.expect("JSON");
        job["id"].as_str().expect("a name").to_owned()
    }

    /// Waits until a job is in one of some states; all that is told of it.
    async fn until(&self, id: &str, states: &[&str]) -> Value {
        loop {
            if let Some(job) = self.get(&format!("/v1/jobs/{id}")).await
                && states.iter().any(|state| job["state"] == *state)
            {
                return job;
            }
            self.wait(&format!("{id} is {states:?}")).await;
        }
    }

    async fn done(&self, id: &str) -> Value {
        let job = self.until(id, &["done", "failed", "cancelled"]).await;
        assert_eq!(job["state"], "done", "{job}");
        job
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

#[test]
fn every_job_ends_whoever_is_killed() {
    let Some(rabbit) = Rabbit::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("store")).expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let whole = Whole {
        rabbit,
        folder: folder.path().to_owned(),
        address: port.expect("a port").to_string(),
        client: client(),
        until: Instant::now() + WATCHDOG,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(faults(whole));
}

async fn faults(mut whole: Whole) {
    let mut api = whole.api();
    let worker = whole.worker("5");
    whole.ready().await;

    // All is well.
    let first = whole.submit("Hello there.").await;
    let job = whole.done(&first).await;
    let url = format!("http://{}/v1/jobs/{first}/result", whole.address);
    let file = whole.client.get(url).send().await.expect("an answer");
    let file = file
        .error_for_status()
        .expect("a result")
        .bytes()
        .await
        .expect("bytes");
    assert_eq!(&file[4..8], b"ftyp", "{job}");
    // Once more it is there at once.
    let again = whole.submit("Hello there.").await;
    whole.done(&again).await;

    // A worker is killed while it renders; its child ends with it, and another one does the job.
    let long = whole.submit(&LONG.repeat(30)).await;
    whole.until(&long, &["rendering"]).await;
    worker.kill();
    let worker = whole.worker("6");
    whole.done(&long).await;

    // The API is killed: the job goes on, and is told of by the next one.
    let lasting = whole.submit(&LONG.repeat(5)).await;
    api.kill();
    api = whole.api();
    whole.ready().await;
    whole.done(&lasting).await;

    // The broker is killed: jobs are still taken, and rendered when it is back.
    whole.rabbit.kill();
    let early = whole.submit("Without a broker.").await;
    whole.rabbit.start_again();
    whole.done(&early).await;

    // Who is told to end ends; what it had goes to the next.
    let last = whole.submit(&LONG.repeat(4)).await;
    whole.until(&last, &["rendering", "done"]).await;
    worker.end();
    let worker = whole.worker("7");
    whole.done(&last).await;
    // It has begun, so that it hears when it is told to end.
    let after = whole.submit("The end.").await;
    whole.done(&after).await;
    worker.end();
    api.end();
}
