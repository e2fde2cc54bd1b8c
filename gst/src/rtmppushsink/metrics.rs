// SPDX-License-Identifier: MPL-2.0
//! The statistics as Prometheus reads them: one page, one reader at a time.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

/// A longer request is none of Prometheus, bytes.
const MOST_REQUEST: usize = 8192;
/// Who has not asked by then, or not read, is sent away.
const PATIENCE: Duration = Duration::from_secs(2);
const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the statistics come from; `None` if there is nobody any more.
pub type Source = Box<dyn Fn() -> Option<gst::Structure> + Send + Sync>;

/// Serves `/metrics` until it is dropped.
pub struct Metrics {
    address: SocketAddr,
    state: Arc<Mutex<Serving>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Serving {
    stopping: bool,
    /// Who is being served: closed when it stops, so that nobody is waited for.
    client: Option<TcpStream>,
}

fn lock(state: &Mutex<Serving>) -> MutexGuard<'_, Serving> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    /// Listens there; `sink` is the name under which the values are told.
    pub fn serve(address: SocketAddr, sink: &str, source: Source) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let labels = [(Cow::from("sink"), Cow::from(sink.to_owned()))];
        let mut registry = Registry::with_prefix_and_labels("rtmppushsink", labels.into_iter());
        registry.register_collector(Box::new(Stats(source)));
        let state = Arc::new(Mutex::new(Serving::default()));
        let shared = state.clone();
        let thread = std::thread::Builder::new()
            .name("rtmppushsink-metrics".into())
            .spawn(move || run(&listener, &registry, &shared))?;
        Ok(Self {
            address,
            state,
            thread: Some(thread),
        })
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.stopping = true;
            if let Some(client) = &state.client {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
        // Who waits for somebody to come is woken by coming.
        let mut own = self.address;
        match own.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => own.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => own.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let woken = TcpStream::connect_timeout(&own, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn run(listener: &TcpListener, registry: &Registry, state: &Mutex<Serving>) {
    for client in listener.incoming() {
        let Ok(mut client) = client else {
            // Out of file descriptors, or the client is gone: the others wait in the kernel.
            if lock(state).stopping {
                return;
            }
            std::thread::park_timeout(PATIENCE / 20);
            continue;
        };
        {
            let mut state = lock(state);
            if state.stopping {
                return;
            }
            state.client = client.try_clone().ok();
        }
        if let Err(error) = answer(&mut client, registry) {
            gst::debug!(super::imp::CAT, "a reader of the metrics: {error}");
        }
        lock(state).client = None;
    }
}

fn answer(client: &mut TcpStream, registry: &Registry) -> io::Result<()> {
    client.set_write_timeout(Some(PATIENCE))?;
    let (status, body) = match asked(client)? {
        Asked::Metrics => {
            let mut page = String::new();
            text::encode(&mut page, registry).map_err(io::Error::other)?;
            ("200 OK", page)
        }
        Asked::Other => ("404 Not Found", "The page is /metrics.\n".to_owned()),
        Asked::Method => ("405 Method Not Allowed", "Only GET.\n".to_owned()),
        Asked::Nonsense => ("400 Bad Request", "That is not HTTP.\n".to_owned()),
    };
    let kind = if status.starts_with("200") {
        TYPE
    } else {
        "text/plain"
    };
    let allow = if status.starts_with("405") {
        "Allow: GET\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Connection: \
         close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body.as_bytes())
}

enum Asked {
    Metrics,
    Other,
    Method,
    Nonsense,
}

/// Reads a request, no longer and no larger than one may be.
fn asked(client: &mut TcpStream) -> io::Result<Asked> {
    let until = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut block = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let count = client.read(&mut block)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&block[..count]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => {
                let path = request.path.unwrap_or_default();
                let path = path.split('?').next().unwrap_or_default();
                return Ok(match (request.method, path) {
                    (Some("GET"), "/metrics") => Asked::Metrics,
                    (Some("GET"), _) => Asked::Other,
                    _ => Asked::Method,
                });
            }
            Ok(httparse::Status::Partial) if bytes.len() < MOST_REQUEST => {}
            _ => return Ok(Asked::Nonsense),
        }
    }
}

/// Reads the statistics when it is asked.
struct Stats(Source);

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stats")
    }
}

/// What only grows: the field of the statistics, the name of the metric, what it is.
const COUNTERS: [(&str, &str, &str); 7] = [
    ("bytes", "sent_bytes", "Bytes sent"),
    ("frames-sent", "frames_sent", "Pictures sent"),
    (
        "frames-dropped",
        "frames_dropped",
        "Encoded pictures dropped",
    ),
    (
        "groups-dropped",
        "groups_dropped",
        "Groups of pictures dropped",
    ),
    ("audio-dropped", "audio_dropped", "Packets of sound dropped"),
    (
        "raw-frames-dropped",
        "raw_frames_dropped",
        "Pictures that a slow encoder did not take",
    ),
    (
        "reconnects",
        "reconnects",
        "Connections after the first that the server accepted",
    ),
];

impl Collector for Stats {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(stats) = (self.0)() else {
            return Ok(());
        };
        for (field, name, help) in COUNTERS {
            let value = ConstCounter::new(stats.get::<u64>(field).unwrap_or(0));
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        }
        let seconds = |field: &str| stats.get::<u64>(field).unwrap_or(0) as f64 / 1e9;
        let live = stats.get::<&str>("state") == Ok("live");
        let target = stats.get::<u32>("target-kbits").unwrap_or(0);
        let kbits = stats.get::<f64>("kbits").unwrap_or(0.0);
        for (name, help, value) in [
            (
                "live",
                "1 while the server takes the stream",
                f64::from(u8::from(live)),
            ),
            ("uptime_seconds", "Age of the connection", seconds("uptime")),
            (
                "queue_seconds",
                "Encoded video that waits for the network",
                seconds("queue-time"),
            ),
            (
                "sent_bits_per_second",
                "Sent in the last second",
                kbits * 1000.0,
            ),
            (
                "target_bits_per_second",
                "What the encoder of video is set to",
                f64::from(target) * 1000.0,
            ),
        ] {
            let value = ConstGauge::new(value);
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)?;
        }
        Ok(())
    }
}
