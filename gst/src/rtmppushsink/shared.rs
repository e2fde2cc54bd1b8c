// SPDX-License-Identifier: MPL-2.0
//! What lies between the streaming threads and the worker.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sonic_engine::push::queue::{Packet, PacketQueue, Stream};

use super::{
    connection::{Kind, News},
    settings::Settings,
    stats::Counts,
};

/// More bytes of packets do not wait.
const MOST_BYTES: usize = 64 << 20;

/// What streaming threads, the worker and the application share.
pub struct Shared {
    state: Mutex<Waiting>,
    pub changed: Condvar,
}

/// What waits, and what has been told.
pub struct Waiting {
    pub queue: PacketQueue<gst::Buffer>,
    pub caps: [Option<gst::Caps>; 2],
    /// The caps have changed since they were given to a connection.
    pub new_caps: bool,
    pub present: [bool; 2],
    pub ended: [bool; 2],
    pub news: Vec<(u64, News)>,
    /// What has been set since the start.
    pub settings: Option<Settings>,
    pub stopping: bool,
    /// By how much sound is later than pictures, because of its encoder.
    pub priming: gst::ClockTime,
    pub counts: Counts,
}

impl Shared {
    pub fn new(settings: &Settings, present: [bool; 2]) -> Self {
        let most = Duration::from_nanos(settings.max_queue);
        Self {
            state: Mutex::new(Waiting {
                queue: PacketQueue::new(most, MOST_BYTES),
                caps: [None, None],
                new_caps: false,
                present,
                ended: [false; 2],
                news: Vec::new(),
                settings: None,
                stopping: false,
                priming: gst::ClockTime::ZERO,
                counts: Counts::default(),
            }),
            changed: Condvar::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet has come; `time` is its running time. Never waits.
    pub fn take(&self, kind: Kind, caps: &gst::CapsRef, buffer: gst::Buffer, time: u64) {
        let mut state = self.lock();
        let known = &mut state.caps[kind as usize];
        if known.as_deref() != Some(caps) {
            let first = known.is_none();
            *known = Some(caps.to_owned());
            state.new_caps = true;
            if !first {
                // The headers of a connection do not fit what comes now.
                let dropped = state.queue.clear();
                state.counts.dropped += dropped;
            }
        }
        let stream = match kind {
            Kind::Audio => Stream::Audio,
            Kind::Video => Stream::Video {
                key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            },
        };
        let packet = Packet {
            stream,
            time: Duration::from_nanos(time),
            bytes: buffer.size(),
            data: buffer,
        };
        let dropped = state.queue.push(packet);
        state.counts.dropped += dropped;
        drop(state);
        self.changed.notify_one();
    }

    /// Nothing more comes on a stream.
    pub fn ended(&self, kind: Kind) {
        self.lock().ended[kind as usize] = true;
        self.changed.notify_one();
    }

    pub fn set_priming(&self, priming: gst::ClockTime) {
        self.lock().priming = priming;
    }

    /// The user has set something.
    pub fn change(&self, settings: Settings) {
        self.lock().settings = Some(settings);
        self.changed.notify_one();
    }

    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_one();
    }
}
