// SPDX-License-Identifier: MPL-2.0
//! The element: pads, states, and what the threads share.
//!
//! Lock order: `settings` and `shared` are never held together. Nothing is pushed, queried,
//! posted or waited for while one of them is held, save for `changed`, which releases `shared`.

use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::{glib, prelude::*, subclass::prelude::*};
use sonic_engine::{
    face::Picture,
    sync::{Side, Sync},
};

use super::{
    EosPolicy, Mode, caps,
    data::Media,
    idle,
    properties::{self, Settings, names},
    stats,
};
use crate::board::Board;

pub static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "avclocksync",
        gst::DebugColorFlags::empty(),
        Some("Even, unbroken sound and pictures"),
    )
});

/// One pair of pads as the threads see it.
#[derive(Default)]
pub(super) struct Pair {
    /// Its source pad is linked.
    pub active: bool,
    /// The sink pad is flushing or not active.
    pub closed: bool,
    /// The source pad is flushing or not active.
    pub stopped: bool,
    /// Of the input.
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// Upstream's, if it has sent one.
    pub group: Option<gst::GroupId>,
    /// Of the output, as soon as they are known.
    pub caps: Option<gst::Caps>,
    /// The last ones that were pushed.
    pub sent: Option<gst::Caps>,
    /// Stream-start and segment have been pushed.
    pub begun: bool,
    /// EOS has been pushed.
    pub ended: bool,
    /// What downstream has answered, if it takes nothing any more.
    pub fault: Option<gst::FlowError>,
    /// What its task waits for.
    pub alarm: Option<gst::SingleShotClockId>,
    /// Nothing has been pushed since the segment.
    pub fresh: bool,
    /// The idle picture in the caps that were sent.
    pub idle: Option<gst::Buffer>,
}

/// What the threads share.
pub(super) struct Shared {
    pub sync: Sync<Media>,
    pub audio: Pair,
    pub video: Pair,
    /// Whether the clock paces the output, once that is decided.
    pub live: Option<bool>,
    /// The clock runs.
    pub playing: bool,
    /// The output has begun.
    pub started: bool,
    /// Upstream's latency.
    pub upstream: gst::ClockTime,
    /// Own latency as it was declared.
    pub own: gst::ClockTime,
    /// Sequence numbers of the last interruptions: each comes by both pads.
    pub interruptions: Vec<gst::Seqnum>,
    /// Running time of the next `avclocksync-stats`.
    pub next_message: u64,
    pub group: Option<gst::GroupId>,
}

impl Shared {
    pub fn pair(&mut self, side: Side) -> &mut Pair {
        match side {
            Side::Audio => &mut self.audio,
            Side::Video => &mut self.video,
        }
    }

    fn new(config: sonic_engine::sync::Config) -> Self {
        Self {
            sync: Sync::new(config),
            audio: Pair::default(),
            video: Pair::default(),
            live: None,
            playing: false,
            started: false,
            upstream: gst::ClockTime::ZERO,
            own: gst::ClockTime::ZERO,
            interruptions: Vec::new(),
            next_message: 0,
            group: None,
        }
    }
}

/// The element's instance data.
pub struct AvClockSync {
    pub(super) audio_sink: gst::Pad,
    pub(super) audio_src: gst::Pad,
    pub(super) video_sink: gst::Pad,
    pub(super) video_src: gst::Pad,
    settings: Mutex<Settings>,
    shared: Mutex<Shared>,
    /// Something has come, gone or been switched.
    pub(super) changed: Condvar,
    picture: Mutex<Option<Picture>>,
    pub(super) board: Board,
}

/// A panic under a lock is reported by the bindings; it must not become a second one here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AvClockSync {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// Waits until something has changed.
    pub(super) fn wait<'a>(&self, shared: MutexGuard<'a, Shared>) -> MutexGuard<'a, Shared> {
        self.changed
            .wait(shared)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy, so that no lock is held while working with it.
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn idle_frame(&self, caps: &gst::Caps) -> Option<gst::Buffer> {
        let picture = lock(&self.picture).clone();
        idle::frame(picture.as_ref(), caps)
    }

    pub(super) fn sink(&self, side: Side) -> &gst::Pad {
        match side {
            Side::Audio => &self.audio_sink,
            Side::Video => &self.video_sink,
        }
    }

    pub(super) fn source(&self, side: Side) -> &gst::Pad {
        match side {
            Side::Audio => &self.audio_src,
            Side::Video => &self.video_src,
        }
    }

    pub(super) fn side_of(&self, pad: &gst::Pad) -> Side {
        if *pad == self.audio_sink || *pad == self.audio_src {
            Side::Audio
        } else {
            Side::Video
        }
    }

    /// Wakes the tasks from the clock, so that they look at what has changed.
    pub(super) fn wake(&self) {
        let alarms = {
            let mut shared = self.shared();
            [shared.audio.alarm.take(), shared.video.alarm.take()]
        };
        for alarm in alarms.into_iter().flatten() {
            alarm.unschedule();
        }
        self.changed.notify_all();
    }

    fn prepare(&self) {
        let settings = self.settings();
        let live = match settings.mode {
            Mode::Auto => None,
            Mode::Live => Some(true),
            Mode::Offline => Some(false),
        };
        let limit = self.limit(gst::ClockTime::ZERO);
        let mut shared = Shared::new(settings.config(live == Some(true), limit));
        shared.live = live;
        shared.audio.active = self.audio_src.is_linked();
        shared.video.active = self.video_src.is_linked();
        // Pads are activated, and their tasks started, after this.
        for pair in [&mut shared.audio, &mut shared.video] {
            (pair.closed, pair.stopped, pair.fresh) = (true, true, true);
        }
        Self::set_up(&mut shared);
        *self.shared() = shared;
    }

    /// Gives the engine the streams that there are, in formats that stand in for the real ones.
    pub(super) fn set_up(shared: &mut Shared) {
        if shared.audio.active {
            shared.sync.set_sound(caps::fallback_pcm());
        }
        if shared.video.active {
            shared.sync.set_pictures(caps::fallback_grid());
        }
    }

    fn load_idle_image(&self) -> Result<(), gst::ErrorMessage> {
        let path = self.settings().idle_image;
        let picture = path
            .as_deref()
            .map(idle::load)
            .transpose()
            .map_err(|text| {
                gst::error_msg!(
                    gst::ResourceError::OpenRead,
                    ("Property `{}`: {text}.", names::IDLE_IMAGE)
                )
            })?;
        *lock(&self.picture) = picture;
        Ok(())
    }

    fn structure(&self, name: &str) -> gst::Structure {
        let shared = self.shared();
        let rate = shared.sync.format().map_or(1, |f| f.rate);
        let (counts, levels) = (*shared.sync.counts(), shared.sync.levels());
        let live = shared.live == Some(true);
        drop(shared);
        stats::structure(name, &counts, &levels, rate, live)
    }

    /// What the interval message holds.
    pub(super) fn report(&self, running: u64) -> gst::Structure {
        let mut structure = self.structure("avclocksync-stats");
        structure.set("running-time", running);
        structure
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AvClockSync {
    const NAME: &'static str = "GstAvClockSync";
    type Type = super::AvClockSync;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let sink = |name| Self::new_sink(&class.pad_template(name).expect("of this class"));
        let source = |name| Self::new_source(&class.pad_template(name).expect("of this class"));
        let settings = Settings::default();
        let shared = Shared::new(settings.config(false, 0));
        Self {
            audio_sink: sink("audio_sink"),
            audio_src: source("audio_src"),
            video_sink: sink("video_sink"),
            video_src: source("video_src"),
            settings: Mutex::new(settings),
            shared: Mutex::new(shared),
            changed: Condvar::new(),
            picture: Mutex::default(),
            board: Board::default(),
        }
    }
}

impl ObjectImpl for AvClockSync {
    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        for pad in [
            &self.audio_sink,
            &self.video_sink,
            &self.audio_src,
            &self.video_src,
        ] {
            obj.add_pad(pad).expect("names of its own");
        }
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::specs);
        &SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let settings = {
            let mut settings = lock(&self.settings);
            settings.set(pspec.name(), value);
            settings.clone()
        };
        {
            let mut shared = self.shared();
            let (live, limit) = (shared.sync.config().live, shared.sync.config().limit);
            shared.sync.set_config(settings.config(live, limit));
        }
        match pspec.name() {
            names::LATENCY => self.update_latency(),
            names::EOS_POLICY if settings.eos_policy == EosPolicy::Forward => self.wake(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            names::STATS => self.structure("application/x-avclocksync-stats").to_value(),
            name => lock(&self.settings).get(name),
        }
    }
}

impl GstObjectImpl for AvClockSync {}

impl ElementImpl for AvClockSync {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Audio/video synchroniser",
                "Filter/Audio/Video",
                "Makes late, bursty sound and pictures an even, unbroken, aligned pair",
                "The gst-sonic developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let sink = gst::PadDirection::Sink;
            let src = gst::PadDirection::Src;
            [
                ("audio_sink", sink, Side::Audio),
                ("video_sink", sink, Side::Video),
                ("audio_src", src, Side::Audio),
                ("video_src", src, Side::Video),
            ]
            .into_iter()
            .map(|(name, direction, side)| {
                let caps = caps::template(side);
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
                    .expect("name, direction and caps are valid constants")
            })
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => self.load_idle_image().map_err(|error| {
                self.post_error_message(error);
                gst::StateChangeError
            })?,
            gst::StateChange::ReadyToPaused => self.prepare(),
            gst::StateChange::PlayingToPaused => {
                self.shared().playing = false;
                self.board.set_playing(&*self.obj(), false);
                self.wake();
            }
            gst::StateChange::PausedToReady => self.close(),
            _ => {}
        }
        let changed = self.parent_change_state(transition)?;
        let live = self.shared().live == Some(true);
        match transition {
            gst::StateChange::PausedToPlaying => {
                self.shared().playing = true;
                self.board.set_playing(&*self.obj(), true);
                self.wake();
            }
            gst::StateChange::PausedToReady => {
                self.board.post_all(&*self.obj());
                // What waits keeps buffers of other elements' pools.
                self.prepare();
            }
            gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused if live => {
                return Ok(gst::StateChangeSuccess::NoPreroll);
            }
            _ => {}
        }
        Ok(changed)
    }
}
