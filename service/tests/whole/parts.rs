// SPDX-License-Identifier: MPL-2.0
//! The parts of the service as processes, and who asks them.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::servers::Rabbit;

/// Nothing here takes as long, unless it hangs.
pub const WATCHDOG: Duration = Duration::from_secs(300);
/// A text that takes a while to render, more often than once in a row.
pub const LONG: &str = "One two three four five six seven eight nine ten. ";
/// One broker for all tests: who kills it has it alone, the others share it.
pub static RABBIT: LazyLock<Option<RwLock<Rabbit>>> =
    LazyLock::new(|| Rabbit::start().map(RwLock::new));

/// A part of the service; it ends with this.
pub struct Part {
    process: Child,
    /// Where it writes its log.
    pub log: PathBuf,
}

impl Part {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a process");
        rustix::process::kill_process(pid, signal).expect("it lives");
    }

    /// As a crash would.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.process.wait().expect("it ends");
    }

    /// As an operator would.
    pub fn end(mut self) {
        self.signal(Signal::TERM);
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it lives.
    pub fn lives(&mut self) -> bool {
        self.process.try_wait().expect("a process").is_none()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A service: where it is, and how long a test may take.
pub struct Whole {
    /// Of the test's own.
    pub folder: PathBuf,
    /// Of the API.
    pub address: String,
    /// What the names of its queues begin with.
    pub prefix: String,
    /// What the parts are told by their environment.
    pub variables: Vec<(String, String)>,
    /// The process whose disks the parts see that are started from now on.
    pub within: Option<u32>,
    /// Asks the API.
    pub client: reqwest::Client,
    until: Instant,
}

impl Whole {
    /// One of a broker and a folder, of which nothing runs yet; its store is a folder in it.
    pub fn new(rabbit: &Rabbit, folder: &Path) -> Self {
        Self::at(&rabbit.url, folder)
    }

    /// One of a broker at an address.
    pub fn at(url: &str, folder: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = port.expect("a port").to_string();
        let prefix = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = folder.to_owned();
        let store = format!("file://{}", folder.join("store").display());
        let own = folder.display().to_string();
        let variables = [
            ("SONICD_AMQP_URL", url),
            ("SONICD_AMQP_PREFIX", prefix.as_str()),
            ("SONICD_STORE", store.as_str()),
            ("SONICD_SCRATCH", own.as_str()),
            ("SONICD_LISTEN", address.as_str()),
        ];
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            folder,
            address,
            prefix,
            within: None,
            client: client(),
            until: Instant::now() + WATCHDOG,
        }
    }

    /// Sets what the parts that are started from now on are told.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    fn start(&self, command: &str, line: &[&str]) -> Part {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.join(format!("{command}-{number}.log"));
        let sonicd = env!("CARGO_BIN_EXE_sonicd");
        let mut process = match self.within {
            None => Command::new(sonicd),
            Some(pid) => {
                let mut enter = Command::new("nsenter");
                enter.args([&format!("--mount=/proc/{pid}/ns/mnt"), "--", sonicd]);
                enter
            }
        };
        let process = process
            .arg(command)
            .args(line)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a file"))
            .spawn();
        Part {
            process: process.expect("it runs"),
            log,
        }
    }

    /// Starts the API.
    pub fn api(&self) -> Part {
        self.start("serve", &[])
    }

    /// Starts a worker with one slot.
    pub fn worker(&self) -> Part {
        self.start("work", &["--slots", "1", "--grace", "5"])
    }

    /// Asks for what there is; `None` if there is no good answer.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let url = format!("http://{}{path}", self.address);
        let answer = self.client.get(url).send().await;
        answer.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// Waits until the API takes jobs.
    pub async fn ready(&self) {
        let url = format!("http://{}/readyz", self.address);
        loop {
            let answer = self.client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            self.wait("the API is ready").await;
        }
    }

    /// Waits a moment, and not for ever.
    pub async fn wait(&self, what: &str) {
        let folder = self.folder.display();
        assert!(
            Instant::now() < self.until,
            "not in time: {what}; logs in {folder}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Gives a job; whatever is answered.
    pub async fn give(&self, text: &str) -> reqwest::Response {
        self.give_order(&order(text)).await
    }

    async fn give_order(&self, order: &Value) -> reqwest::Response {
        let url = format!("http://{}/v1/jobs", self.address);
        let answer = self.client.post(url).json(order).send().await;
        answer.expect("an answer")
    }

    /// Gives a job that is taken on.
    pub async fn submit(&self, text: &str) -> String {
        self.submit_order(&order(text)).await
    }

    /// The same, of all that can be asked for.
    pub async fn submit_order(&self, order: &Value) -> String {
        let answer = self.give_order(order).await;
        assert_eq!(answer.status(), 201);
        let job: Value = answer.json().await.expect("JSON");
        job["id"].as_str().expect("a name").to_owned()
    }

    /// Waits until a job is in one of some states; all that is told of it.
    pub async fn until(&self, id: &str, states: &[&str]) -> Value {
        loop {
            if let Some(job) = self.get(&format!("/v1/jobs/{id}")).await
                && states.iter().any(|state| job["state"] == *state)
            {
                return job;
            }
            self.wait(&format!("{id} is {states:?}")).await;
        }
    }

    /// Waits until a job is done; all that is told of it.
    pub async fn done(&self, id: &str) -> Value {
        let job = self.until(id, &["done", "failed", "cancelled"]).await;
        assert_eq!(job["state"], "done", "{job}");
        job
    }

    /// The file that a job has made, and where it was found at last.
    pub async fn result(&self, id: &str) -> (bytes::Bytes, reqwest::Url) {
        let url = format!("http://{}/v1/jobs/{id}/result", self.address);
        let answer = self.client.get(url).send().await.expect("an answer");
        let answer = answer.error_for_status().expect("a result");
        let at = answer.url().clone();
        (answer.bytes().await.expect("all of it"), at)
    }
}

/// A small picture that says a text.
fn order(text: &str) -> Value {
    json!({ "text": text, "size": "192x160" })
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

/// Runs a test in a folder of its own.
pub fn run<F: Future<Output = ()>>(test: impl FnOnce(PathBuf) -> F) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(test(folder.path().to_owned()));
}
