// SPDX-License-Identifier: MPL-2.0
//! The element: vfuncs, and the state that they share.
//!
//! Lock order: `stream`, then the talker's own; every other lock is taken by itself. Nothing is
//! pushed, queried or posted while a lock is held.

use std::{
    collections::HashSet,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_audio::{AudioCapsBuilder, AudioFormat, AudioInfo, AudioLayout};
use gst_base::{
    prelude::*,
    subclass::{
        base_src::{BaseSrcImplExt, CreateSuccess},
        prelude::*,
    },
};
use sonic_engine::{
    talk::{Talk, Talker},
    voice::Speaker,
};

use crate::board::{Board, post};

use super::{
    captions::Captions,
    create::{self, Stream},
    errors,
    feed::{Pump, STANDARD_INPUT},
    messages,
    properties::{self, Settings, names},
    signals, stats,
};

pub static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ttssrc",
        gst::DebugColorFlags::empty(),
        Some("Text to speech"),
    )
});

/// Samples a second where no voice tells: eSpeak NG's.
const USUAL_RATE: u32 = 22_050;
/// The sample rates that are offered. Speech is resampled to the one that is negotiated; between
/// these the ratios are of small numbers.
const RATES: [i32; 10] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];
/// Warnings that are remembered so that they do not come again.
const MOST_NEWS: usize = 64;

/// Waits for the clock, and what ends that.
#[derive(Default)]
struct ClockWait {
    id: Option<gst::SingleShotClockId>,
    flushing: bool,
}

/// The element's instance data.
pub struct TtsSrc {
    settings: Mutex<Settings>,
    pub(super) talker: Arc<Talker>,
    stream: Mutex<Stream>,
    wait: Mutex<ClockWait>,
    pub(super) board: Board,
    news: Mutex<HashSet<String>>,
    pub(super) pump: Mutex<Option<Pump>>,
    /// An interruption, and of whom, that is announced when the word has ended.
    pub(super) pending: Mutex<Option<Option<u64>>>,
    /// Something was said besides what the properties name.
    said: AtomicBool,
}

impl Default for TtsSrc {
    fn default() -> Self {
        // The elements of a process have ids of their own, since their speech may meet.
        static ELEMENTS: AtomicU64 = AtomicU64::new(0);
        let mut talk = Talk::new(false, USUAL_RATE);
        talk.set_limit(Settings::default().limit());
        talk.set_last_id(ELEMENTS.fetch_add(1, Ordering::Relaxed) << 32);
        Self {
            settings: Mutex::default(),
            talker: Arc::new(Talker::new(talk)),
            stream: Mutex::default(),
            wait: Mutex::default(),
            board: Board::default(),
            news: Mutex::default(),
            pump: Mutex::default(),
            pending: Mutex::default(),
            said: AtomicBool::default(),
        }
    }
}

/// A panic under a lock is reported by the bindings; it must not become a second one here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TtsSrc {
    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        lock(&self.stream)
    }

    /// A copy, so that no lock is held while working with it.
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn said(&self) {
        self.said.store(true, Ordering::Release);
    }

    /// Whether the user has not been told that lately.
    pub(super) fn is_news(&self, text: &str) -> bool {
        let mut news = lock(&self.news);
        if news.len() >= MOST_NEWS {
            news.clear();
        }
        news.insert(text.to_owned())
    }

    pub(super) fn is_flushing(&self) -> bool {
        lock(&self.wait).flushing
    }

    /// Waits until a running time has come. No lock may be held.
    pub(super) fn wait_for(&self, running: gst::ClockTime) -> Result<(), gst::FlowError> {
        let obj = self.obj();
        let (Some(clock), Some(base)) = (obj.clock(), obj.base_time()) else {
            return Ok(());
        };
        let id = {
            let mut wait = lock(&self.wait);
            if wait.flushing {
                return Err(gst::FlowError::Flushing);
            }
            wait.id
                .insert(clock.new_single_shot_id(base + running))
                .clone()
        };
        let (waited, _) = id.wait();
        lock(&self.wait).id = None;
        match waited {
            Err(gst::ClockError::Unscheduled) => Err(gst::FlowError::Flushing),
            _ => Ok(()),
        }
    }

    /// Loads the voice, so that the first word does not wait for it; its rate.
    fn check_voice(&self, settings: &Settings) -> Result<u32, gst::ErrorMessage> {
        let speech = settings.speech();
        match Speaker::new(speech.clone()).check() {
            Ok(rate) => Ok(rate),
            Err(error) if settings.is_live => {
                // The stream goes on in silence, and another voice may be set.
                let text = errors::voice_text(&error, &speech);
                if self.is_news(&text) {
                    gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
                }
                Ok(USUAL_RATE)
            }
            Err(error) => Err(errors::voice_error(&error, &speech)),
        }
    }

    /// How long all of it is, once that is known.
    fn duration(&self) -> Option<(u64, AudioInfo)> {
        let info = self.stream().info.clone()?;
        let total = self.talker.look(Talk::total)?;
        Some((total, info))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for TtsSrc {
    const NAME: &'static str = "GstTtsSrc";
    type Type = super::TtsSrc;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for TtsSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::specs);
        &SPECS
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(signals::signals);
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_format(gst::Format::Time);
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let settings = {
            let mut settings = lock(&self.settings);
            settings.set(pspec.name(), value);
            settings.clone()
        };
        match pspec.name() {
            names::IS_LIVE => self.obj().set_live(settings.is_live),
            names::IDLE => self.talker.with(|talk| talk.set_idle(settings.idle.into())),
            names::QUEUE_LIMIT => self.talker.with(|talk| talk.set_limit(settings.limit())),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            names::STATS => {
                let rate = self
                    .stream()
                    .info
                    .as_ref()
                    .map_or(USUAL_RATE, AudioInfo::rate);
                let counts = self.talker.look(Talk::counts);
                stats::structure(&counts, rate).to_value()
            }
            name => lock(&self.settings).get(name),
        }
    }
}

impl GstObjectImpl for TtsSrc {}

impl ElementImpl for TtsSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Text to speech",
                "Source/Audio",
                "Speaks text, and says when each phone and word sounds",
                "The gst-sonic developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = AudioCapsBuilder::new()
                .format_list([AudioFormat::S16le, AudioFormat::F32le])
                .layout(AudioLayout::Interleaved)
                .rate_list(RATES)
                .channels(1)
                .build();
            let template = gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &caps,
            );
            vec![template.expect("caps of this element's own")]
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PlayingToPaused {
            self.board.set_playing(&*self.obj(), false);
        }
        let changed = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToPlaying {
            self.board.set_playing(&*self.obj(), true);
        }
        Ok(changed)
    }
}

impl BaseSrcImpl for TtsSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings();
        lock(&self.news).clear();
        let voice_rate = self.check_voice(&settings)?;
        let captions = settings.captions_location.as_deref().map(Captions::open);
        let captions = captions.transpose()?;
        {
            let mut stream = self.stream();
            *stream = Stream::default();
            stream.voice_rate = voice_rate;
            stream.captions = captions;
        }
        self.talker.with(|talk| {
            talk.set_live(settings.is_live);
            talk.reset_counts();
        });
        self.queue_sources(&settings)?;
        let lines = settings.location.as_deref() == Some(STANDARD_INPUT);
        let idle = self.talker.look(|talk| talk.counts().waiting == 0);
        if idle && !lines && !settings.is_live {
            return Err(gst::error_msg!(
                gst::ResourceError::Settings,
                ("There is nothing to say: set `text` or `location`, emit `say` before the start, or set `is-live`.")
            ));
        }
        if lines {
            self.start_pump()?;
        }
        self.talker
            .start()
            .map_err(|e| errors::voice_error(&e, &settings.speech()))
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.stop_pump();
        let now = self.running_time();
        let ended = self.talker.stop();
        self.board.post_all(&*self.obj());
        for interruption in &ended {
            post(&*self.obj(), messages::interrupted(interruption, now));
        }
        self.close_captions(None);
        *self.stream() = Stream::default();
        *lock(&self.pending) = None;
        self.said.store(false, Ordering::Release);
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        let settings = self.settings();
        let lines = settings.location.as_deref() == Some(STANDARD_INPUT);
        let known = settings.text.is_some() || settings.location.is_some();
        !settings.is_live && !lines && known && !self.said.load(Ordering::Acquire)
    }

    fn do_seek(&self, segment: &mut gst::Segment) -> bool {
        let Some(segment) = segment.downcast_mut::<gst::ClockTime>() else {
            return false;
        };
        let start = segment.start();
        segment.set_time(start);
        let settings = self.settings();
        if settings.is_live {
            return true;
        }
        let target = segment.position().or(start).unwrap_or_default();
        if self.stream().touched {
            self.close_captions(None);
            let now = self.running_time();
            let ended = self
                .talker
                .with(|talk| talk.stop(sonic_engine::talk::Why::Stopped));
            for interruption in &ended {
                post(&*self.obj(), messages::interrupted(interruption, now));
            }
            if let Err(error) = self.queue_sources(&settings) {
                self.post_error_message(error);
                return false;
            }
        }
        self.stream().seek = Some(target);
        true
    }

    fn fixate(&self, mut caps: gst::Caps) -> gst::Caps {
        let rate = match self.stream().voice_rate {
            0 => USUAL_RATE,
            rate => rate,
        };
        caps.truncate();
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            structure.fixate_field_nearest_int("rate", rate as i32);
        }
        self.parent_fixate(caps)
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = AudioInfo::from_caps(caps)
            .map_err(|_| gst::loggable_error!(CAT, "cannot parse {caps}"))?;
        let duration = gst::ClockTime::from_nseconds(self.settings().buffer_duration);
        let samples = create::sample_at(duration, info.rate()).max(1);
        self.obj().set_blocksize(samples as u32 * info.bpf());
        self.talker.with(|talk| talk.set_rate(info.rate()));
        let mut stream = self.stream();
        if let Some(before) = &stream.info {
            // The next buffer begins where the last one ended.
            let now = create::time(stream.position, before.rate());
            stream.position = create::sample_at(now, info.rate());
        }
        stream.info = Some(info);
        Ok(())
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        // Buffers of other lengths come back to the pool, which gives them their size again.
        let (size, caps) = (self.obj().blocksize(), query.get_owned().0);
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(caps.as_ref(), size, 2, 0);
        pool.set_config(config)
            .map_err(|e| gst::loggable_error!(CAT, "no buffer pool: {e}"))?;
        if query.allocation_pools().next().is_some() {
            query.set_nth_allocation_pool(0, Some(&pool), size, 2, 0);
        } else {
            query.add_allocation_pool(Some(&pool), size, 2, 0);
        }
        self.parent_decide_allocation(query)
    }

    fn event(&self, event: &gst::Event) -> bool {
        match event.view() {
            gst::EventView::Latency(e) => self.board.set_latency(e.latency()),
            // Before anything is flushed.
            gst::EventView::Seek(e) if e.get().0 != 1.0 => {
                gst::info!(CAT, imp = self, "seek at rate {} refused", e.get().0);
                return false;
            }
            _ => {}
        }
        self.parent_event(event)
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(q) if self.settings().is_live => {
                let own = gst::ClockTime::from_nseconds(self.settings().buffer_duration);
                q.set(true, own, None);
                true
            }
            gst::QueryViewMut::Duration(q) => match self.duration() {
                None => false,
                Some((total, info)) if q.format() == gst::Format::Time => {
                    q.set(create::time(total, info.rate()));
                    true
                }
                Some((total, info)) => info
                    .convert_generic(gst::format::Default::from_u64(total), q.format())
                    .map(|total| q.set(total))
                    .is_some(),
            },
            gst::QueryViewMut::Convert(q) => {
                let (value, format) = q.get();
                let info = self.stream().info.clone();
                info.and_then(|info| info.convert_generic(value, format))
                    .map(|converted| q.set(value, converted))
                    .is_some()
            }
            _ => BaseSrcImplExt::parent_query(self, query),
        }
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        let id = {
            let mut wait = lock(&self.wait);
            wait.flushing = true;
            wait.id.take()
        };
        if let Some(id) = id {
            id.unschedule();
        }
        self.talker.release(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        lock(&self.wait).flushing = false;
        self.talker.release(false);
        Ok(())
    }
}

impl PushSrcImpl for TtsSrc {
    fn create(
        &self,
        _buffer: Option<&mut gst::BufferRef>,
    ) -> Result<CreateSuccess, gst::FlowError> {
        // The pool was decided on with the caps.
        let pool = self.obj().buffer_pool();
        let pool = pool.ok_or(gst::FlowError::NotNegotiated)?;
        let mut buffer = pool.acquire_buffer(None)?;
        let writable = buffer.get_mut().ok_or(gst::FlowError::Error)?;
        self.fill_next(writable)?;
        Ok(CreateSuccess::NewBuffer(buffer))
    }
}
