// SPDX-License-Identifier: MPL-2.0
//! Reads the source to the end that was asked for, and never waits longer than it may.

use std::{
    ops::ControlFlow,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use gst::prelude::*;
use sonic_engine::measure::Ended;

use crate::{
    address::Address,
    gathering::{Gathering, Kind},
    streams::Streams,
};

/// How often it is looked whether something has come.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(20);
/// How much of a live stream is read where nobody says.
const LIVE: Duration = Duration::from_secs(10);
/// When one stream is full and nothing comes of the other for so long, that is the end.
const PATIENCE: Duration = Duration::from_secs(2);
/// A pipeline that has not stopped by then is left behind.
const STOP: Duration = Duration::from_secs(3);

/// How reading ended.
pub struct Reading {
    pub ended: Ended,
    pub fault: Option<String>,
    /// How many streams of each kind there were.
    pub streams: [u64; 2],
    pub live: bool,
}

/// Reads `address` into `gathering`: for `duration`, or to the end if that is zero, or as suits
/// the kind of stream if it is not told. Gives up when nothing comes for `timeout`.
///
/// # Errors
/// It cannot be begun; one sentence.
pub fn read(
    address: &Address,
    gathering: &Arc<Gathering>,
    duration: Option<Duration>,
    timeout: Duration,
) -> Result<Reading, String> {
    let pipeline = gst::Pipeline::new();
    let source = address.element(timeout)?;
    let parser = gst::ElementFactory::make("parsebin").build();
    let parser = parser.map_err(|_| "GStreamer's element parsebin is missing")?;
    let streams = Streams::new(&pipeline, Arc::clone(gathering));
    streams.watch(&parser);
    let failed = |_| "the pipeline cannot be built".to_owned();
    pipeline.add_many([&source, &parser]).map_err(failed)?;
    source.link(&parser).map_err(failed)?;
    // Before anything comes: a file is read faster than anyone looks.
    if let Some(duration) = duration.filter(|d| !d.is_zero()) {
        gathering.limit(duration);
    }
    let mut waiting = Waiting {
        address,
        gathering,
        streams: &streams,
        source: &source,
        duration,
        timeout,
        progress: (0, Instant::now()),
        others: None,
        live: None,
    };
    // An error also lies on the bus, in better words.
    let started = pipeline.set_state(gst::State::Playing);
    let (ended, fault) = waiting.wait(&pipeline, started.is_err());
    let live = waiting.live.unwrap_or(false);
    stop(pipeline);
    Ok(Reading {
        ended,
        fault: fault.map(|what| address.redacted(&what)),
        streams: [Kind::Video, Kind::Audio].map(|kind| streams.count(kind)),
        live,
    })
}

struct Waiting<'a> {
    address: &'a Address,
    gathering: &'a Gathering,
    streams: &'a Streams,
    source: &'a gst::Element,
    duration: Option<Duration>,
    timeout: Duration,
    /// What has come, and since when no more than that.
    progress: (u64, Instant),
    /// What has been decoded of the streams that are not full while another one is, and since
    /// when no more than that.
    others: Option<(u64, Instant)>,
    /// Whether it is a live stream; known when the first packet has come.
    live: Option<bool>,
}

type End = (Ended, Option<String>);

impl Waiting<'_> {
    fn wait(&mut self, pipeline: &gst::Pipeline, failed: bool) -> End {
        let Some(bus) = pipeline.bus() else {
            return (Ended::Fault, Some("the pipeline has no bus".into()));
        };
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        loop {
            let message = bus.timed_pop_filtered(LOOK, &kinds);
            match message.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Eos(_)) => return self.end_of_stream(),
                Some(gst::MessageView::Error(error)) => {
                    // A playlist or an unknown format is told in plainer words.
                    let what = self.streams.fault();
                    let what = what.unwrap_or_else(|| error.error().message().to_owned());
                    return (Ended::Fault, Some(what));
                }
                _ if failed => return (Ended::Fault, Some("it cannot be opened".into())),
                _ => {}
            }
            if let ControlFlow::Break(end) = self.look() {
                return end;
            }
        }
    }

    fn end_of_stream(&self) -> End {
        match self.streams.fault() {
            Some(what) => (Ended::Fault, Some(what)),
            None => (Ended::EndOfStream, None),
        }
    }

    fn look(&mut self) -> ControlFlow<End> {
        let now = self.gathering.progress();
        if now != self.progress.0 {
            self.progress = (now, Instant::now());
            self.decide();
        } else if self.gathering.is_busy() {
            self.progress.1 = Instant::now();
        } else if self.progress.1.elapsed() >= self.timeout {
            let seconds = self.timeout.as_secs_f64();
            let what = self.streams.fault();
            let what = what.unwrap_or_else(|| format!("nothing has come for {seconds} s"));
            return ControlFlow::Break((Ended::Stall, Some(what)));
        } else if now == 0
            && let Some(what) = self.streams.fault()
        {
            return ControlFlow::Break((Ended::Fault, Some(what)));
        }
        self.look_for_enough()
    }

    /// Whether it is live, and with it how much is read.
    fn decide(&mut self) {
        if self.live.is_some() {
            return;
        }
        // What has no length in bytes is made while it is read.
        let length = self.source.query_duration::<gst::format::Bytes>();
        let live = self.address.is_remote() && length.is_none_or(|length| *length == 0);
        self.live = Some(live);
        if live && self.duration.is_none() {
            self.gathering.limit(LIVE);
        }
    }

    fn look_for_enough(&mut self) -> ControlFlow<End> {
        let kinds = [Kind::Video, Kind::Audio];
        let there = kinds.into_iter().filter(|k| self.streams.count(*k) > 0);
        let (full, open): (Vec<_>, Vec<_>) = there.partition(|k| self.gathering.is_full(*k));
        if full.is_empty() {
            return ControlFlow::Continue(());
        }
        // The others may be slower to decode, or not be there any more.
        let decoded = open.iter().map(|kind| self.gathering.decoded(*kind)).sum();
        if self.gathering.is_busy() || self.others.is_none_or(|(before, _)| before != decoded) {
            self.others = Some((decoded, Instant::now()));
        }
        let waits = self
            .others
            .is_some_and(|(_, since)| since.elapsed() < PATIENCE);
        if open.is_empty() || !waits {
            return ControlFlow::Break((Ended::Duration, self.streams.fault()));
        }
        ControlFlow::Continue(())
    }
}

/// Stops the pipeline, unless it does not want to.
fn stop(pipeline: gst::Pipeline) {
    let (stopped, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = pipeline.set_state(gst::State::Null);
        let _ = stopped.send(());
    });
    let _ = wait.recv_timeout(STOP);
}
