// SPDX-License-Identifier: MPL-2.0
//! What is counted, for Prometheus.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::job::{Class, Outcome};

/// Of a job: how soon it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfClass {
    class: &'static str,
    place: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    method: String,
    route: String,
    status: u16,
}

/// All that is counted.
pub struct Metrics {
    registry: Registry,
    waiting: Family<OfClass, Gauge>,
    /// Jobs that were taken on.
    pub accepted: Counter,
    ended: Family<OfOutcome, Counter>,
    /// Jobs whose result was there already.
    pub cached: Counter,
    /// Tickets that the broker did not take.
    pub unpublished: Counter,
    callbacks: Family<OfOutcome, Counter>,
    requests: Family<OfRequest, Histogram, fn() -> Histogram>,
    /// Whether the broker answers: 1 or 0.
    pub broker: Gauge,
}

/// Bounds of durations, s.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.5, 1.0, 5.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sonicd");
        let metrics = Self {
            waiting: Family::default(),
            accepted: Counter::default(),
            ended: Family::default(),
            cached: Counter::default(),
            unpublished: Counter::default(),
            callbacks: Family::default(),
            requests: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            broker: Gauge::default(),
            registry: Registry::default(),
        };
        let r = &mut registry;
        r.register(
            "jobs_waiting",
            "Jobs that nobody has begun, in the API and with the broker",
            metrics.waiting.clone(),
        );
        r.register("jobs_accepted", "Jobs taken on", metrics.accepted.clone());
        r.register(
            "jobs_ended",
            "Jobs that have ended, by how",
            metrics.ended.clone(),
        );
        r.register(
            "jobs_cached",
            "Jobs whose result was there already",
            metrics.cached.clone(),
        );
        r.register(
            "tickets_refused",
            "Tickets that the broker did not take, to be tried again",
            metrics.unpublished.clone(),
        );
        r.register(
            "callbacks",
            "Callbacks, by how they went",
            metrics.callbacks.clone(),
        );
        r.register(
            "http_request_duration_seconds",
            "Until a request was answered",
            metrics.requests.clone(),
        );
        r.register(
            "broker_up",
            "Whether the broker answers",
            metrics.broker.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// How many jobs of a class wait: in the API, and with the broker.
    pub fn waiting(&self, class: Class, (here, out): (usize, usize)) {
        for (place, jobs) in [("api", here), ("broker", out)] {
            let class = class.name();
            let of = OfClass { class, place };
            self.waiting.get_or_create(&of).set(jobs as i64);
        }
    }

    /// A job has ended.
    pub fn ended(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done(_) => "done",
            Outcome::Failed { .. } => "failed",
            Outcome::Cancelled => "cancelled",
        };
        self.ended.get_or_create(&OfOutcome { outcome }).inc();
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
