// SPDX-License-Identifier: MPL-2.0
//! The HTTP API as its clients see it, served on loopback over a folder, with a broker within the
//! process: the tests play the worker.

mod asking;
mod bad;
mod counting;
mod document;
mod events;
mod face;
mod keeping;
mod releasing;
mod safety;
mod submitting;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sonicd::{
    job::{
        Attempt, Container, Digest, FORMAT, JobId, News, Outcome, Owner, Rendered, Report,
        Terminal, Ticket,
    },
    parameters::{self, Described},
    post::{Post as _, Within},
    serve::{self, Served, settings::Settings},
    store::Store,
};

/// A test is hung after so long.
const LIMIT: Duration = Duration::from_secs(100);

fn described() -> Vec<Described> {
    static KNOWN: OnceLock<Vec<Described>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        gst::init().expect("GStreamer");
        gstsonic::plugin_register_static().expect("the plugin");
        parameters::described()
    });
    known.clone()
}

/// A service that runs, and what it runs on.
struct Service {
    folder: tempfile::TempDir,
    store: Store,
    post: Arc<Within>,
    base: String,
    client: reqwest::Client,
    token: Option<String>,
    settings: Settings,
    served: Option<Served>,
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.bytes)))
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        assert_eq!(self.status.as_u16(), status, "{text}");
        self
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    }

    /// The fields that a problem names.
    #[track_caller]
    fn fields(&self) -> Vec<String> {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()));
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let field = |e: &Value| e["field"].as_str().expect("a field").to_owned();
        errors.iter().map(field).collect()
    }
}

impl Service {
    async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::folder(&folder.path().join("store")).expect("a store");
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).expect("a folder");
        let mut settings = Settings {
            scratch,
            ..Settings::default()
        };
        change(&mut settings);
        let mut service = Self {
            folder,
            store,
            post: Arc::new(Within::default()),
            base: String::new(),
            // Before the service has named who does TLS nothing can be asked.
            client: client(),
            token: None,
            settings,
            served: None,
        };
        service.serve().await;
        service
    }

    /// Serves, anew perhaps, what is in the store.
    async fn serve(&mut self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        self.base = format!("http://{}", listener.local_addr().expect("a port"));
        let served = serve::start(
            self.settings.clone(),
            self.store.clone(),
            self.post.clone(),
            described(),
            listener,
        );
        self.served = Some(served.await.expect("it serves"));
    }

    async fn end(&mut self) {
        if let Some(served) = self.served.take() {
            served.end().await;
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    async fn submit(&self, job: &Value) -> Answer {
        answer(self.json("/v1/jobs", job)).await
    }

    fn json(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// A job of a text, taken on.
    async fn job(&self, text: &str) -> JobId {
        let job = self.submit(&json!({ "text": text })).await.expect(201);
        job.json()["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("an id")
    }

    async fn form(&self, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
        let (kind, body) = form(parts);
        let request = self.request(Method::POST, "/v1/jobs");
        answer(request.header("content-type", kind).body(body)).await
    }

    async fn put(&self, bytes: &[u8]) -> (Digest, Answer) {
        let digest = Digest::of(bytes);
        let path = format!("/v1/blobs/{digest}");
        let request = self.request(Method::PUT, &path).body(bytes.to_vec());
        (digest, answer(request).await)
    }

    /// Waits until so many tickets have been published, and takes them.
    async fn tickets(&self, count: usize) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        until("the tickets are published", async || {
            tickets.extend(self.post.take());
            tickets.len() >= count
        })
        .await;
        assert_eq!(tickets.len(), count);
        tickets
    }

    /// Plays the worker that renders a job, and tells so.
    async fn render(&self, ticket: &Ticket) {
        let terminal = self.render_unheard(ticket).await;
        self.tell(ticket, News::Ended(terminal)).await;
    }

    /// Plays the worker that renders a job.
    async fn render_unheard(&self, ticket: &Ticket) -> Terminal {
        let (owner, id) = (&ticket.owner, &ticket.id);
        let job = self.store.accepted(owner, id).await.expect("read");
        let job = job.expect("it was taken on");
        let file = self.folder.path().join(id.as_str());
        std::fs::write(&file, FILM).expect("a file");
        let container = job.order.container;
        let put = self.store.put_result(owner, id, container, &file).await;
        put.expect("stored");
        let done = rendered(id, container);
        let key = job.order.key();
        self.store
            .remember(owner, &key, &done)
            .await
            .expect("stored");
        self.end_unheard(ticket, Outcome::Done(done)).await
    }

    async fn finish(&self, ticket: &Ticket, outcome: Outcome) {
        let terminal = self.end_unheard(ticket, outcome).await;
        self.tell(ticket, News::Ended(terminal)).await;
    }

    async fn end_unheard(&self, ticket: &Ticket, outcome: Outcome) -> Terminal {
        let terminal = Terminal {
            format: FORMAT,
            at_ms: id_ms(ticket),
            outcome,
        };
        let end = self.store.finish(&ticket.owner, &ticket.id, &terminal);
        end.await.expect("stored")
    }

    async fn tell(&self, ticket: &Ticket, news: News) {
        let report = Report {
            owner: ticket.owner.clone(),
            id: ticket.id.clone(),
            at_ms: 1,
            news,
        };
        self.post.tell(report);
    }

    /// Plays the worker that has begun a job.
    async fn begin(&self, ticket: &Ticket) {
        let attempt = Attempt {
            format: FORMAT,
            number: 1,
            worker: "a test".to_owned(),
            began_ms: 1,
            until_ms: u64::MAX,
        };
        let claim = self.store.claim(&ticket.owner, &ticket.id, &attempt).await;
        assert!(claim.expect("stored"));
        self.tell(ticket, News::Rendering { share: 0.0 }).await;
    }

    async fn state(&self, id: &JobId) -> String {
        let job = self.get(&format!("/v1/jobs/{id}")).await.expect(200);
        job.json()["state"].as_str().expect("a state").to_owned()
    }
}

/// What tests take for a film.
const FILM: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn rendered(of: &JobId, container: Container) -> Rendered {
    Rendered {
        of: of.clone(),
        container,
        bytes: FILM.len() as u64,
        frames: 25,
        seconds: 1.0,
        size: (320, 240),
        render_seconds: 0.5,
        ignored: Vec::new(),
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.expect("all of it").to_vec();
    Answer {
        status,
        headers,
        bytes,
    }
}

/// `multipart/form-data`: its type, and its body of names, names of files, and contents.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> (String, Vec<u8>) {
    let border = "-----border-of-a-part";
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map_or_else(String::new, |f| format!("; filename=\"{f}\""));
        let head =
            format!("--{border}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{border}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={border}"), body)
}

/// Looks again and again, until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// Runs a test against a service with these settings.
fn run_with(change: impl FnOnce(&mut Settings), test: impl AsyncFnOnce(&mut Service)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tested = async {
            let mut service = Service::start(change).await;
            test(&mut service).await;
            service.end().await;
        };
        let ended = tokio::time::timeout(LIMIT, tested).await;
        ended.expect("it ends in time");
    });
}

fn run(test: impl AsyncFnOnce(&mut Service)) {
    run_with(|_| {}, test);
}

/// A picture of one colour, as a PNG file.
fn picture(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, image::ImageFormat::Png)
}

fn encoded(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8])
    });
    picture.write_to(&mut file, format).expect("encoded");
    file.into_inner()
}

/// Silence as a WAV file: mono, 16 kHz.
fn wave(ms: u32) -> Vec<u8> {
    let data = vec![0; ms as usize * 32];
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(16_000u32.to_le_bytes());
    bytes.extend(32_000u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn id_ms(ticket: &Ticket) -> u64 {
    ticket.id.ms()
}

fn owner() -> Owner {
    Owner::local()
}

/// How many files lie in a folder and below it.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}
