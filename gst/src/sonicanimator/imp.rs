// SPDX-License-Identifier: MPL-2.0
//! The element: vfuncs, and the state that they share.
//!
//! Lock order: `stream`, then one of `settings`, `qos`, `stats`, `interruptions` or the loader's. `stream` is
//! taken by the streaming thread and by `stop` only. Nothing is pushed, queried or posted while
//! a lock is held.

use std::sync::{
    Arc, LazyLock, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_base::{
    prelude::*,
    subclass::{BaseTransformMode, base_transform::GenerateOutputSuccess, prelude::*},
};

use sonic_engine::frame::FrameSpec;

use super::{
    caps,
    ears::Ears,
    errors,
    loader::{self, Loader, Outcome, Task},
    pcm, pool,
    properties::{Change, Settings, names},
    qos::Qos,
    specs,
    stats::Stats,
    stream::{Input, Output, Stream},
};

pub static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "sonicanimator",
        gst::DebugColorFlags::empty(),
        Some("Talking head"),
    )
});

/// The element's instance data.
#[derive(Default)]
pub struct SonicAnimator {
    settings: Mutex<Settings>,
    stream: Mutex<Stream>,
    qos: Mutex<Qos>,
    stats: Mutex<Stats>,
    loader: Arc<Loader>,
    /// The style was changed and the animator does not know yet.
    restyle: AtomicBool,
    /// Of each `sonic-interrupt` that the animator does not know of yet, the utterance.
    interruptions: Mutex<Vec<Option<u64>>>,
    /// Whether upstream was live in the last LATENCY query.
    pub(super) live: AtomicBool,
    /// Own latency in ns, in two parts.
    pub(super) look_ahead: AtomicU64,
    pub(super) frame_time: AtomicU64,
}

/// A panic under a lock is reported by the bindings; it must not become a second one here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SonicAnimator {
    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        lock(&self.stream)
    }

    pub(super) fn qos(&self) -> MutexGuard<'_, Qos> {
        lock(&self.qos)
    }

    pub(super) fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    pub(super) fn interruptions(&self) -> MutexGuard<'_, Vec<Option<u64>>> {
        lock(&self.interruptions)
    }

    /// A copy, so that no lock is held while working with it.
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// Whether the user has not been told that since the start; from now on they have.
    pub(super) fn is_news(&self, text: &str) -> bool {
        self.loader.is_news(text)
    }

    pub(super) fn warn(&self, text: &str) {
        gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
    }

    /// Between two frames: what was set since the last one. No lock may be held.
    pub(super) fn apply_changes(&self) {
        let interruptions = std::mem::take(&mut *self.interruptions());
        if !interruptions.is_empty() {
            let mut stream = self.stream();
            stream.interrupt(&interruptions);
            self.stats().clauses = stream.clauses();
        }
        if self.restyle.swap(false, Ordering::AcqRel) {
            let style = self.settings().style();
            self.stream().set_style(style);
            self.update_latency();
        }
        let Some(staged) = self.loader.take() else {
            return;
        };
        let mut stream = self.stream();
        if stream
            .output
            .as_ref()
            .is_some_and(|o| o.spec == staged.spec)
        {
            let gaze = staged.rig.gaze();
            stream.staged = Some(staged);
            drop(stream);
            let mut stats = self.stats();
            stats.swapped += 1;
            stats.gaze = Some(gaze);
            stats.faces = self.loader.portrait().map_or(0, |p| p.report.faces as u32);
        } else {
            // Caps changed while it was built.
            drop(stream);
            self.request(Task::Fit);
        }
    }

    /// Fits the portrait into a new frame layout, on this thread: there is nothing else to show.
    fn stage(&self, settings: &Settings, spec: FrameSpec) -> Result<(), gst::LoggableError> {
        let (staged, portrait, warnings) = self
            .loader
            .stage(settings, spec)
            .ok_or_else(|| gst::loggable_error!(CAT, "no portrait"))?;
        let gaze = staged.rig.gaze();
        self.stream().staged = Some(staged);
        let mut stats = self.stats();
        stats.faces = portrait.report.faces as u32;
        stats.gaze = Some(gaze);
        drop(stats);
        for text in &warnings {
            self.warn(text);
        }
        Ok(())
    }

    /// The templates cannot rule out everything that frames may be; what they let through by
    /// mistake would end as a mere "not negotiated" of the source.
    fn undrawable(&self, why: &str, caps: &gst::Caps) -> gst::LoggableError {
        if self.is_news(why) {
            gst::element_imp_error!(
                self,
                gst::CoreError::Negotiation,
                ("Downstream asks for frames that cannot be made: {why}. \
                  Put other caps or a videoconvert behind this element."),
                ["{caps}"]
            );
        }
        gst::loggable_error!(CAT, "{why}: {caps}")
    }

    /// Gives the loader work with the settings as they are now.
    fn request(&self, task: Task) {
        let element = self.obj().downgrade();
        self.loader
            .request(self.settings(), task, move |outcome, warnings| {
                if let Some(element) = element.upgrade() {
                    element.imp().report(&outcome, &warnings);
                }
            });
    }

    /// Called on the loader's thread with what came of a request.
    fn report(&self, outcome: &Outcome, warnings: &[String]) {
        for text in warnings {
            self.warn(text);
        }
        match outcome {
            Outcome::Done => gst::debug!(CAT, imp = self, "a portrait is ready"),
            Outcome::Unusable(error) => {
                let text = errors::face_text(error);
                self.warn(&format!("{text} The face before stays."));
            }
            Outcome::Panicked => self.warn(
                "A portrait could not be prepared, which is a defect of this element. \
                 The face before stays.",
            ),
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SonicAnimator {
    const NAME: &'static str = "GstSonicAnimator";
    type Type = super::SonicAnimator;
    type ParentType = gst_base::BaseTransform;
    type Interfaces = (gst::Preset,);
}

impl ObjectImpl for SonicAnimator {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(specs::specs);
        &SPECS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let change = lock(&self.settings).set(pspec.name(), value);
        match change {
            Change::Later => {}
            Change::Style => self.restyle.store(true, Ordering::Release),
            Change::Staging => self.request(Task::Fit),
            Change::Portrait if pspec.name() == names::PORTRAIT => {
                self.request(Task::LoadAnother);
            }
            Change::Portrait => self.request(Task::Load),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            names::STATS => gst::Structure::from(self.stats().clone()).to_value(),
            name => lock(&self.settings).get(name),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Late frames are skipped here and not by the base class; see `handle_src_event`.
        self.obj().set_qos(true);
    }
}

impl GstObjectImpl for SonicAnimator {}

impl PresetImpl for SonicAnimator {}

impl ElementImpl for SonicAnimator {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Talking head",
                "Filter/Converter/Audio/Video",
                "Animates a portrait so that it speaks the sound",
                "The gst-sonic developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(caps::templates);
        &TEMPLATES
    }
}

impl BaseTransformImpl for SonicAnimator {
    const MODE: BaseTransformMode = BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings();
        *self.stats() = Stats::default();
        *self.qos() = Qos::default();
        let portrait = self
            .loader
            .open(&settings)
            .map_err(|e| errors::face_error(&e, &settings.source()))?;
        let mut ears = Ears::new(&settings).map_err(|error| {
            self.loader.close();
            errors::network_error(&error)
        })?;
        let warning = ears.warning.take();
        {
            let mut stats = self.stats();
            stats.faces = portrait.report.faces as u32;
            stats.listens = ears.kind;
            stats.model = std::mem::take(&mut ears.model);
        }
        *self.stream() = Stream::new(ears, settings);
        for text in portrait.report.warnings.iter().chain(&warning) {
            if self.is_news(text) {
                self.warn(text);
            }
        }
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.loader.close();
        *self.stream() = Stream::default();
        self.interruptions().clear();
        self.look_ahead.store(0, Ordering::Release);
        self.frame_time.store(0, Ordering::Release);
        Ok(())
    }

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        _caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        Some(caps::transformed(direction, filter))
    }

    fn fixate_caps(
        &self,
        direction: gst::PadDirection,
        _caps: &gst::Caps,
        mut othercaps: gst::Caps,
    ) -> gst::Caps {
        if direction != gst::PadDirection::Sink {
            othercaps.fixate();
            return othercaps;
        }
        let settings = self.settings();
        let size = self.loader.portrait().map_or((1024, 1024), |portrait| {
            loader::plain_staging(&settings).natural_size(
                &portrait,
                settings.min_resolution as usize,
                8192,
            )
        });
        let alpha = settings.background == super::Background::Transparent;
        let caps = caps::fixate_src(othercaps, caps::Wish { size, alpha });
        gst::debug!(CAT, imp = self, "chose {caps}");
        caps
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let audio = gst_audio::AudioInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "cannot parse {incaps}"))?;
        let format = pcm::sample_format(audio.format())
            .ok_or_else(|| gst::loggable_error!(CAT, "not a format to listen to: {incaps}"))?;
        let video = gst_video::VideoInfo::from_caps(outcaps)
            .map_err(|_| gst::loggable_error!(CAT, "cannot parse {outcaps}"))?;
        let (spec, grid) = caps::frame_spec(&video).map_err(|e| self.undrawable(e, outcaps))?;
        let settings = self.settings();
        // The frames that still wait belong to the old caps, which downstream still has.
        if self.stream().differs(audio.rate(), grid)
            && let Err(err) = self.drain()
        {
            gst::debug!(CAT, imp = self, "draining before new caps: {err}");
        }
        let staged = self.stream().staged.as_ref().map(|staged| staged.spec);
        if staged != Some(spec) {
            self.stage(&settings, spec)?;
        }
        {
            let mut stream = self.stream();
            stream.configure(
                Input {
                    info: audio,
                    format,
                },
                Output {
                    info: video,
                    spec,
                    grid,
                },
                settings.style(),
            );
        }
        self.update_latency();
        Ok(())
    }

    fn transform_size(
        &self,
        _direction: gst::PadDirection,
        _caps: &gst::Caps,
        _size: usize,
        othercaps: &gst::Caps,
    ) -> Option<usize> {
        // Sound has no size that a frame asks for.
        Some(gst_video::VideoInfo::from_caps(othercaps).map_or(0, |info| info.size()))
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let info = self
            .stream()
            .output
            .as_ref()
            .map(|o| o.info.clone())
            .ok_or_else(|| gst::loggable_error!(CAT, "not negotiated"))?;
        pool::decide(query, &info)
    }

    fn propose_allocation(
        &self,
        _decide_query: Option<&gst::query::Allocation>,
        _query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        // Any memory does for sound; what downstream wants for frames is no matter of upstream.
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        self.handle_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        self.handle_src_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        self.handle_query(direction, query)
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        if let Some(buffer) = self.take_queued_buffer()
            && !self.stream().push(buffer, &mut self.stats())
        {
            return Err(gst::FlowError::NotNegotiated);
        }
        Ok(match self.produce()? {
            Some(buffer) => GenerateOutputSuccess::Buffer(buffer),
            None => GenerateOutputSuccess::NoOutput,
        })
    }
}
