// SPDX-License-Identifier: MPL-2.0
//! The thread that keeps a connection up and sends what waits.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use sonic_engine::push::{
    address::RtmpAddress,
    bitrate::BitrateController,
    link::{self, Failure, Link, Order},
};

use super::{
    connection::{Connection, Kind, News},
    settings::Settings,
    shared::{Shared, Waiting},
};

/// How often the line is measured while it is up.
const MEASURE: Duration = Duration::from_millis(100);
/// How long nothing is looked at while there is nothing to do.
const REST: Duration = Duration::from_millis(500);
/// How often the muxer is asked for room while it has none.
const FULL: Duration = Duration::from_millis(10);
/// What is left when the stream ends has so long to go out.
const ENDING: Duration = Duration::from_secs(5);
/// A key picture is asked for again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What the worker asks of the element. Called without any lock held.
pub trait Host: Send + Sync {
    /// The connection is now in that state.
    fn state_changed(
        &self,
        state: link::State,
        why: Option<(Failure, String)>,
        address: &RtmpAddress,
        reconnects: u64,
    );
    /// All is lost.
    fn gave_up(&self, address: &RtmpAddress, failure: Failure, detail: Option<String>);
    /// A key picture is needed.
    fn ask_for_key(&self);
    /// Video should take that many kbit/s.
    fn set_bitrate(&self, kbit: u32);
    /// Everything has gone out, or never will.
    fn finished(&self);
}

/// The worker's own.
pub struct Worker<H> {
    shared: Arc<Shared>,
    host: H,
    addresses: Vec<RtmpAddress>,
    settings: Settings,
    link: Link,
    controller: Option<BitrateController>,
    connection: Option<Connection>,
    /// Numbers connections, so that late news of an old one are known as such.
    number: u64,
    began: Instant,
    told: link::State,
    why: Option<(Failure, String)>,
    measured: Duration,
    asked: Option<Duration>,
    /// Packets go into the present connection.
    opened: bool,
    /// Running time of its first packet, ns.
    origin: Option<u64>,
    /// When the streams ended, and whether the connection was told.
    over: Option<Duration>,
    ending: bool,
}

impl<H: Host> Worker<H> {
    pub fn new(
        shared: Arc<Shared>,
        host: H,
        addresses: Vec<RtmpAddress>,
        settings: Settings,
        seed: u64,
    ) -> Self {
        let link = Link::new(settings.policy(), addresses.len(), seed);
        let controller = settings
            .adaptive
            .then(|| BitrateController::new(settings.bounds(), settings.audio_bitrate));
        shared.lock().counts.target_kbits = settings.bitrate();
        Self {
            shared,
            host,
            addresses,
            settings,
            link,
            controller,
            connection: None,
            number: 0,
            began: Instant::now(),
            told: link::State::Idle,
            why: None,
            measured: Duration::ZERO,
            asked: None,
            opened: false,
            origin: None,
            over: None,
            ending: false,
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Until it is stopped or everything is sent.
    pub fn run(mut self) {
        let order = self.link.start(Duration::ZERO);
        self.obey(order);
        loop {
            self.tell();
            let (stop, news) = self.wait();
            if stop {
                break;
            }
            self.follow_settings();
            for (number, news) in news {
                if number == self.number && self.hear(news) {
                    self.close();
                    self.host.finished();
                    return self.park();
                }
            }
            self.serve();
            if let Some(order) = self.link.due(self.now()) {
                self.obey(order);
            }
            if self.has_ended() {
                self.close();
                self.host.finished();
                return self.park();
            }
        }
        self.close();
        self.park();
    }

    /// Nothing is left to do until it is stopped.
    fn park(mut self) {
        self.drop_all();
        self.link.stop();
        self.tell();
    }

    /// Nothing will be sent any more.
    fn drop_all(&self) {
        let mut state = self.shared.lock();
        let dropped = state.queue.finish();
        state.counts.dropped += dropped;
    }

    /// Until something has happened or is due.
    fn wait(&mut self) -> (bool, Vec<(u64, News)>) {
        let now = self.now();
        let due = self.link.wake_at().map(|at| at.saturating_sub(now));
        let rooms = self.rooms();
        let pace = match &self.connection {
            None => REST,
            Some(_) if rooms == [true; 2] => MEASURE,
            Some(_) => FULL,
        };
        let patience = due.unwrap_or(REST).min(pace);
        let state = self.shared.lock();
        let idle = |state: &mut Waiting| {
            let work = state.queue.has(|stream| rooms[Kind::of(stream) as usize]);
            !state.stopping && state.news.is_empty() && state.settings.is_none() && !work
        };
        let (mut state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        (state.stopping, std::mem::take(&mut state.news))
    }

    /// What may change while it runs: the bitrates of an encoder that follows, and the patience.
    fn follow_settings(&mut self) {
        let Some(settings) = self.shared.lock().settings.take() else {
            return;
        };
        self.link.set_policy(settings.policy());
        if let Some(controller) = &mut self.controller {
            let before = controller.bitrate();
            let kbit = controller.set_bounds(settings.bounds());
            if kbit != before {
                self.shared.lock().counts.target_kbits = kbit;
                self.host.set_bitrate(kbit);
            }
        }
    }

    /// Whether the muxer has room, for either stream.
    fn rooms(&self) -> [bool; 2] {
        let connection = self.connection.as_ref();
        Kind::ALL.map(|kind| connection.is_some_and(|c| c.has_room(kind)))
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Connect { target } => self.connect(target),
            Order::Disconnect(failure) => {
                self.why = Some((failure, failure.nick().to_owned()));
                self.note_error();
                self.close();
            }
            Order::GiveUp(failure) => {
                self.close();
                self.drop_all();
                let detail = self.why.as_ref().map(|(_, detail)| detail.clone());
                self.tell();
                self.host
                    .gave_up(&self.addresses[self.link.target()], failure, detail);
            }
        }
    }

    fn connect(&mut self, target: usize) {
        self.close();
        self.number += 1;
        let (number, shared) = (self.number, Arc::downgrade(&self.shared));
        let present = self.shared.lock().present;
        let address = &self.addresses[target];
        let opened = Connection::open(address, present, &self.settings, move |news| {
            if let Some(shared) = shared.upgrade() {
                shared.lock().news.push((number, news));
                shared.changed.notify_one();
            }
        });
        match opened {
            Ok(connection) => {
                self.shared.lock().new_caps = true;
                self.connection = Some(connection);
            }
            Err(error) => self.fail(Failure::Internal, &error.to_string()),
        }
    }

    /// Whether that was the end of all.
    fn hear(&mut self, news: News) -> bool {
        match news {
            News::Ended => return self.ending,
            News::Failed(failure, text) => self.fail(failure, &text),
        }
        false
    }

    fn fail(&mut self, failure: Failure, text: &str) {
        let address = &self.addresses[self.link.target()];
        self.why = Some((failure, address.redact(text)));
        self.note_error();
        self.close();
        if let Some(order) = self.link.failed(self.now(), failure) {
            self.obey(order);
        }
    }

    fn note_error(&self) {
        let text = self.why.as_ref().map(|(_, text)| text.clone());
        self.shared.lock().counts.last_error = text;
    }

    fn close(&mut self) {
        {
            let mut state = self.shared.lock();
            let dropped = state.queue.stand_by();
            let counts = &mut state.counts;
            counts.dropped += dropped;
            counts.bytes_before += std::mem::take(&mut counts.bytes_now);
            counts.kbits = 0.0;
            if let Some(since) = counts.live_since.take() {
                counts.live_before += since.elapsed();
            }
        }
        self.connection = None;
        self.origin = None;
        self.opened = false;
    }

    /// Looks how the connection is, and sends what it takes.
    fn serve(&mut self) {
        let Some(sent) = self.connection.as_ref().and_then(Connection::bytes_sent) else {
            return;
        };
        let now = self.now();
        if self.link.state() != link::State::Live {
            self.link.published(now);
        }
        if self.needs_new_headers() {
            gst::info!(super::imp::CAT, "new caps, so a new connection");
            let order = self.link.reopen(now);
            return self.obey(order);
        }
        self.pass_caps();
        if !self.opened && self.knows_all() {
            self.open();
        }
        self.pump();
        let waits = {
            let mut state = self.shared.lock();
            state.counts.reconnects = self.link.reconnects();
            state.queue.has(|_| true)
        };
        self.link.progress(now, sent, waits);
        if now >= self.measured + MEASURE {
            self.measure(now, sent);
        }
        self.ask_for_key(now);
    }

    /// Whether every stream has said what it is: the muxer writes one header for all of them.
    fn knows_all(&self) -> bool {
        let state = self.shared.lock();
        let known = |kind: &Kind| state.caps[*kind as usize].is_some();
        let mut present = Kind::ALL
            .iter()
            .filter(|kind| state.present[**kind as usize]);
        present.all(known)
    }

    /// How the line is: for statistics, and for the encoder.
    fn measure(&mut self, now: Duration, sent: u64) {
        let seconds = (now - self.measured).as_secs_f64();
        self.measured = now;
        let level = {
            let mut state = self.shared.lock();
            let level = state.queue.level();
            let counts = &mut state.counts;
            counts.queue_time = level;
            let grown = sent.saturating_sub(counts.bytes_now);
            counts.bytes_now = sent;
            // A mean over a second or so.
            let rate = grown as f64 * 8.0 / 1000.0 / seconds;
            counts.kbits += (rate - counts.kbits) * (1.0 - (-seconds).exp());
            level
        };
        let controller = self.controller.as_mut();
        if let Some(kbit) = controller.and_then(|c| c.measure(now, level, sent)) {
            gst::info!(super::imp::CAT, "{level:?} wait: {kbit} kbit/s from now on");
            self.shared.lock().counts.target_kbits = kbit;
            self.host.set_bitrate(kbit);
        }
    }

    /// From now on packets are taken.
    fn open(&mut self) {
        self.opened = true;
        if let Some(controller) = &mut self.controller {
            controller.reconnected();
        }
        let mut state = self.shared.lock();
        let video = state.present[Kind::Video as usize];
        let dropped = state.queue.begin(video);
        state.counts.dropped += dropped;
        state.counts.live_since = Some(Instant::now());
        self.asked = None;
    }

    /// Whether there are caps in mid-stream that its headers, which are out, do not tell of.
    fn needs_new_headers(&self) -> bool {
        self.opened && self.shared.lock().new_caps
    }

    fn pass_caps(&mut self) {
        let caps = {
            let mut state = self.shared.lock();
            if !std::mem::take(&mut state.new_caps) {
                return;
            }
            state.caps.clone()
        };
        let Some(connection) = &self.connection else {
            return;
        };
        for kind in Kind::ALL {
            if let Some(caps) = &caps[kind as usize] {
                connection.set_caps(kind, caps);
            }
        }
    }

    /// Sends as much as the muxer takes.
    fn pump(&mut self) {
        loop {
            let rooms = self.rooms();
            let (packet, priming) = {
                let mut state = self.shared.lock();
                let taken = |stream| rooms[Kind::of(stream) as usize];
                let Some(packet) = state.queue.pop_of(taken) else {
                    return;
                };
                (packet, state.priming)
            };
            let kind = Kind::of(packet.stream);
            let time = packet.time.as_nanos() as u64;
            let origin = *self.origin.get_or_insert(time);
            let later = if kind == Kind::Video {
                priming.nseconds()
            } else {
                0
            };
            let Some(buffer) = rebased(packet.data, origin, later) else {
                // Sound from before the first picture.
                self.shared.lock().counts.dropped.audio += 1;
                continue;
            };
            if let Some(connection) = &self.connection {
                connection.send(kind, buffer);
            }
            self.shared.lock().counts.frames_sent += u64::from(kind == Kind::Video);
        }
    }

    fn ask_for_key(&mut self, now: Duration) {
        let needed = self.shared.lock().queue.needs_key();
        if needed && self.asked.is_none_or(|at| now >= at + ASK_AGAIN) {
            self.asked = Some(now);
            self.host.ask_for_key();
        }
    }

    /// Whether the streams are over, and what was left has gone out or had its time.
    fn has_ended(&mut self) -> bool {
        let (over, empty) = {
            let state = self.shared.lock();
            let over = Kind::ALL
                .iter()
                .all(|k| !state.present[*k as usize] || state.ended[*k as usize]);
            (over, !state.queue.has(|_| true))
        };
        if !over {
            return false;
        }
        if self.link.state() != link::State::Live {
            return true;
        }
        if empty && !self.ending {
            self.ending = true;
            if let Some(connection) = &self.connection {
                connection.end();
            }
        }
        let now = self.now();
        now >= *self.over.get_or_insert(now) + ENDING
    }

    /// Tells of a new state.
    fn tell(&mut self) {
        let state = self.link.state();
        if state != self.told {
            self.told = state;
            let address = &self.addresses[self.link.target()];
            let reconnects = self.link.reconnects();
            self.host
                .state_changed(state, self.why.clone(), address, reconnects);
        }
    }
}

/// A packet with times from the beginning of the connection; `None` if it lies before.
fn rebased(mut buffer: gst::Buffer, origin: u64, later: u64) -> Option<gst::Buffer> {
    let from_origin = |time: gst::ClockTime| {
        let ns = time.nseconds().checked_sub(origin)?;
        Some(gst::ClockTime::from_nseconds(ns + later))
    };
    let pts = from_origin(buffer.pts()?);
    let dts = match buffer.dts() {
        Some(dts) => Some(from_origin(dts)?),
        None => None,
    };
    let writable = buffer.make_mut();
    writable.set_pts(Some(pts?));
    writable.set_dts(dts);
    Some(buffer)
}
