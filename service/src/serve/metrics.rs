// SPDX-License-Identifier: MPL-2.0
//! What is counted, for Prometheus.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::{
    job::{Cause, Class, JobId, Outcome},
    post::Depths,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfClass {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPlace {
    class: &'static str,
    place: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCause {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    method: String,
    route: String,
    status: u16,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
type Seconds = Counter<f64, AtomicU64>;

/// All that is counted. What becomes of a job is counted by the process that has released it.
pub struct Metrics {
    registry: Registry,
    waiting: Family<OfPlace, Gauge>,
    depths: Family<OfQueue, Gauge>,
    /// Jobs that were taken on.
    pub accepted: Counter,
    ended: Family<OfOutcome, Counter>,
    failed: Family<OfCause, Counter>,
    shared: Counter,
    waited: Histograms<OfClass>,
    render: Seconds,
    media: Seconds,
    ratio: Histogram,
    /// Failures after which a job is tried again.
    pub retries: Counter,
    /// Tickets that the broker did not take.
    pub unpublished: Counter,
    callbacks: Family<OfOutcome, Counter>,
    requests: Histograms<OfRequest>,
    /// Whether the broker answers: 1 or 0.
    pub broker: Gauge,
}

/// Bounds of what requests take, s.
const REQUESTS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.5, 1.0, 5.0, 30.0];
/// Of what jobs wait, s.
const WAITS: [f64; 10] = [
    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0,
];
/// Of what rendering takes, by the length of the media: below 1 it is faster than it plays.
const RATIOS: [f64; 9] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 2.0];

/// Registers a metric that is like all of its kind.
fn add<M: Metric + Clone + Default>(to: &mut Registry, name: &str, help: &str) -> M {
    add_this(to, name, help, M::default())
}

fn add_this<M: Metric + Clone>(to: &mut Registry, name: &str, help: &str, metric: M) -> M {
    to.register(name, help, metric.clone());
    metric
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("sonicd");
        let to = &mut all;
        let waits = || Histogram::new(WAITS);
        let requests = || Histogram::new(REQUESTS);
        let metrics = Self {
            waiting: add(
                to,
                "jobs_waiting",
                "Jobs that nobody has begun, in the API and with the broker",
            ),
            depths: add(
                to,
                "queue_depth",
                "Tickets that wait with the broker, of all processes",
            ),
            accepted: add(to, "jobs_accepted", "Jobs taken on"),
            ended: add(to, "jobs_ended", "Jobs that have ended, by how"),
            failed: add(
                to,
                "jobs_failed",
                "Jobs that have failed, by what it comes of",
            ),
            shared: add(
                to,
                "jobs_cached",
                "Jobs that got the result of an equal one",
            ),
            waited: add_this(
                to,
                "job_wait_seconds",
                "Until a job was begun for the first time, since it was taken on",
                Family::new_with_constructor(waits),
            ),
            render: add(to, "render_seconds", "What rendering took"),
            media: add(to, "media_seconds", "The length of what was rendered"),
            ratio: add_this(
                to,
                "render_ratio",
                "What rendering took by the length of what was rendered",
                Histogram::new(RATIOS),
            ),
            retries: add(
                to,
                "job_retries",
                "Failures after which a job is tried again",
            ),
            unpublished: add(
                to,
                "tickets_refused",
                "Tickets that the broker did not take, to be tried again",
            ),
            callbacks: add(to, "callbacks", "Callbacks, by how they went"),
            requests: add_this(
                to,
                "http_request_duration_seconds",
                "Until a request was answered",
                Family::new_with_constructor(requests),
            ),
            broker: add(to, "broker_up", "Whether the broker answers"),
            registry: all,
        };
        metrics.begin();
        metrics
    }
}

/// How jobs end, and how callbacks go.
const OUTCOMES: [&str; 3] = ["done", "failed", "cancelled"];
const CALLBACKS: [&str; 4] = ["heard", "gone", "failed", "given-up"];

impl Metrics {
    /// What has not happened yet has happened no time: else its first would be no change.
    fn begin(&self) {
        for outcome in OUTCOMES {
            drop(self.ended.get_or_create(&OfOutcome { outcome }));
        }
        for outcome in CALLBACKS {
            drop(self.callbacks.get_or_create(&OfOutcome { outcome }));
        }
        for cause in Cause::ALL.map(Cause::name) {
            drop(self.failed.get_or_create(&OfCause { cause }));
        }
        for class in Class::ALL {
            self.waiting(class, (0, 0));
            let class = class.name();
            drop(self.waited.get_or_create(&OfClass { class }));
        }
    }

    /// How many jobs of a class wait: in the API, and with the broker.
    pub fn waiting(&self, class: Class, (here, out): (usize, usize)) {
        for (place, jobs) in [("api", here), ("broker", out)] {
            let class = class.name();
            let of = OfPlace { class, place };
            self.waiting.get_or_create(&of).set(jobs as i64);
        }
    }

    /// How many tickets lie with the broker; `None` if it does not say.
    pub fn depths(&self, depths: Option<&Depths>) {
        self.broker.set(depths.is_some().into());
        let Some(depths) = depths else {
            return;
        };
        let of = |class: Class| depths.of.get(&class).copied().unwrap_or(0);
        let classes = Class::ALL.map(|class| (class.name(), of(class)));
        let others = [("delayed", depths.delayed), ("dead", depths.dead)];
        for (queue, tickets) in classes.into_iter().chain(others) {
            let gauge = self.depths.get_or_create(&OfQueue { queue });
            gauge.set(i64::try_from(tickets).unwrap_or(i64::MAX));
        }
    }

    /// A job was begun for the first time, after so long.
    pub fn begun(&self, class: Class, waited_ms: u64) {
        let class = class.name();
        let waited = self.waited.get_or_create(&OfClass { class });
        waited.observe(waited_ms as f64 / 1e3);
    }

    /// A job has ended.
    pub fn ended(&self, id: &JobId, outcome: &Outcome) {
        let name = match outcome {
            Outcome::Done(done) if done.of == *id => {
                self.render.inc_by(done.render_seconds.max(0.0));
                self.media.inc_by(done.seconds.max(0.0));
                if done.seconds > 0.0 {
                    self.ratio.observe(done.render_seconds / done.seconds);
                }
                "done"
            }
            Outcome::Done(_) => {
                self.shared.inc();
                "done"
            }
            Outcome::Failed { cause, .. } => {
                let cause = cause.name();
                self.failed.get_or_create(&OfCause { cause }).inc();
                "failed"
            }
            Outcome::Cancelled => "cancelled",
        };
        let of = OfOutcome { outcome: name };
        self.ended.get_or_create(&of).inc();
    }

    /// A callback was tried.
    pub fn callback(&self, outcome: &'static str) {
        self.callbacks.get_or_create(&OfOutcome { outcome }).inc();
    }

    /// A request was answered after so many seconds.
    pub fn request(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let of = OfRequest {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&of).observe(seconds);
    }

    /// All of it, as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A text takes all that is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
