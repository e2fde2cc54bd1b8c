// SPDX-License-Identifier: MPL-2.0
//! [`Gathering`]: what the streaming threads have measured so far.

use std::{
    io::Write,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sonic_engine::{
    face::follow::Luma,
    measure::{Claims, Mark, MarkKind, Measured, Packet, Packets, Pictures, Sound},
};

use crate::arrivals::Arrivals;

/// Which of the two a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Audio,
}

/// How marks are told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    Nothing,
    Text,
    Json,
}

/// Shared between the streaming threads and the one that waits for them. Each part has a lock of
/// its own: looking at a picture takes long, and packets must not wait for it.
pub struct Gathering {
    claims: [Mutex<Claims>; 2],
    packets: [Mutex<Packets>; 2],
    arrivals: [Mutex<Arrivals>; 2],
    pictures: Mutex<Pictures>,
    sound: Mutex<Option<Sound>>,
    marks: Mutex<Vec<Mark>>,
    telling: Telling,
    began: Instant,
    remote: bool,
    /// How much of each stream is measured, ns.
    limit: AtomicU64,
    /// Whether more than that has come of each stream.
    full: [AtomicBool; 2],
    /// Grows with everything that comes.
    progress: AtomicU64,
    /// How many buffers of each stream were decoded.
    decoded: [AtomicU64; 2],
    /// How many threads are measuring now.
    busy: AtomicU64,
}

/// Says that a thread measures for as long as it lives.
struct Busy<'a>(&'a AtomicU64);

impl<'a> Busy<'a> {
    fn new(gathering: &'a Gathering, kind: Kind) -> Self {
        gathering.decoded[kind as usize].fetch_add(1, Ordering::Relaxed);
        gathering.progress.fetch_add(1, Ordering::Relaxed);
        gathering.busy.fetch_add(1, Ordering::Relaxed);
        Self(&gathering.busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Nobody panics while holding one, and if so the rest is still worth telling.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gathering {
    /// `remote` streams have times of arrival.
    pub fn new(pictures: Pictures, telling: Telling, remote: bool) -> Self {
        Self {
            claims: Default::default(),
            packets: Default::default(),
            arrivals: Default::default(),
            pictures: Mutex::new(pictures),
            sound: Mutex::default(),
            marks: Mutex::default(),
            telling,
            began: Instant::now(),
            remote,
            limit: AtomicU64::new(u64::MAX),
            full: Default::default(),
            progress: AtomicU64::new(0),
            decoded: Default::default(),
            busy: AtomicU64::new(0),
        }
    }

    /// No more than so much of each stream is measured.
    pub fn limit(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.limit.store(ns, Ordering::Relaxed);
    }

    /// Grows with everything that comes.
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Whether something that came is being measured: then it is not the stream that is waited for.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Changes what a stream says of itself.
    pub fn claim(&self, kind: Kind, change: impl FnOnce(&mut Claims)) {
        change(&mut lock(&self.claims[kind as usize]));
    }

    /// A packet has come.
    pub fn packet(&self, kind: Kind, packet: Packet) {
        if let (Some(time), Some(now)) = (packet.pts.or(packet.dts), self.now()) {
            lock(&self.arrivals[kind as usize]).push(time, now);
        }
        let arrived = self.remote.then(|| self.began.elapsed().as_nanos() as u64);
        self.progress.fetch_add(1, Ordering::Relaxed);
        let mut packets = lock(&self.packets[kind as usize]);
        if self.within(packet.pts.or(packet.dts), packets.first()) {
            packets.push(&Packet { arrived, ..packet });
        }
    }

    /// A frame was decoded.
    pub fn frame(&self, time: Option<u64>, duration: Option<u64>, luma: Option<&Luma>) {
        let arrived = self.arrived(Kind::Video, time);
        let _busy = Busy::new(self, Kind::Video);
        let mut pictures = lock(&self.pictures);
        if self.within(time, pictures.first()) {
            pictures.push(time, duration, arrived, luma, &mut |mark| self.tell(mark));
        } else {
            self.full[Kind::Video as usize].store(true, Ordering::Relaxed);
        }
    }

    /// Sound was decoded: interleaved samples.
    pub fn sound(&self, time: Option<u64>, samples: &[f32], rate: u32, channels: u32) {
        let arrived = self.arrived(Kind::Audio, time);
        let _busy = Busy::new(self, Kind::Audio);
        let mut sound = lock(&self.sound);
        let sound = sound.get_or_insert_with(|| Sound::new(rate));
        if self.within(time, sound.first()) {
            let channels = channels as usize;
            sound.push(time, arrived, samples, channels, &mut |mark| {
                self.tell(mark)
            });
        } else {
            self.full[Kind::Audio as usize].store(true, Ordering::Relaxed);
        }
    }

    /// Whether as much of a stream was measured as is asked for: more has come.
    pub fn is_full(&self, kind: Kind) -> bool {
        self.full[kind as usize].load(Ordering::Relaxed)
    }

    /// Grows with what is decoded of a stream.
    pub fn decoded(&self, kind: Kind) -> u64 {
        self.decoded[kind as usize].load(Ordering::Relaxed)
    }

    /// All that was measured: pictures, sound, marks. To be called once, at the end.
    pub fn take(
        &self,
    ) -> (
        Option<Measured<Pictures>>,
        Option<Measured<Sound>>,
        Vec<Mark>,
    ) {
        let pictures = std::mem::replace(&mut *lock(&self.pictures), Pictures::new(|| None, 0.0));
        let video = (pictures.frames() > 0).then(|| self.measured(Kind::Video, pictures));
        let sound = lock(&self.sound).take();
        let audio = sound.map(|sound| self.measured(Kind::Audio, sound));
        (video, audio, std::mem::take(&mut lock(&self.marks)))
    }

    fn measured<T>(&self, kind: Kind, content: T) -> Measured<T> {
        Measured {
            claims: std::mem::take(&mut lock(&self.claims[kind as usize])),
            packets: std::mem::take(&mut lock(&self.packets[kind as usize])),
            content,
        }
    }

    fn within(&self, time: Option<u64>, first: Option<u64>) -> bool {
        let since = time.unwrap_or(0).saturating_sub(first.unwrap_or(u64::MAX));
        since < self.limit.load(Ordering::Relaxed)
    }

    /// When what is shown at `time` came: then it could be decoded, whatever else this machine was
    /// doing. What has come in no packet comes now.
    fn arrived(&self, kind: Kind, time: Option<u64>) -> Option<f64> {
        let packet = time.and_then(|time| lock(&self.arrivals[kind as usize]).of(time));
        packet.or_else(|| self.now())
    }

    /// Of a remote stream: seconds since 1970.
    fn now(&self) -> Option<f64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.ok()
            .filter(|_| self.remote)
            .map(|now| now.as_secs_f64())
    }

    fn tell(&self, mark: Mark) {
        lock(&self.marks).push(mark);
        let line = match self.telling {
            Telling::Nothing => return,
            Telling::Json => serde_json::json!({ "mark": mark }).to_string(),
            Telling::Text => {
                let what = match mark.kind {
                    MarkKind::Flash => "flash",
                    MarkKind::Sound => "sound",
                    MarkKind::Mouth => "mouth",
                };
                let arrived = mark
                    .arrived
                    .map_or(String::new(), |at| format!(" came at {at:.3}"));
                format!("{what} at {:.3} s{arrived}", mark.time)
            }
        };
        // Whoever reads them may be gone; the measuring goes on.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
        let _ = std::io::stdout().flush();
    }
}
