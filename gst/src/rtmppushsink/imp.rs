// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` as GStreamer sees it: pads, properties, states.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    State,
    connection::Kind,
    ends::Ends,
    host::Handle,
    input::{self, Input, NoInput},
    metrics::Metrics,
    properties::{self, names},
    settings::{Settings, Wrong},
    shared::Shared,
    stats::Counts,
    worker::Worker,
};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "rtmppushsink",
        gst::DebugColorFlags::empty(),
        Some("Push to RTMP servers"),
    )
});

/// The sink.
#[derive(Default)]
pub struct RtmpPushSink {
    settings: Mutex<Settings>,
    pub(super) inputs: Mutex<[Option<Input>; 2]>,
    run: Mutex<Option<Run>>,
    pub(super) state: Mutex<State>,
    pub(super) ends: Mutex<Ends<gst::Message>>,
    /// Of the last run.
    counts: Mutex<Counts>,
}

/// From READY to READY.
struct Run {
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
    metrics: Option<Metrics>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RtmpPushSink {
    fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        lock(&self.run).as_ref().map(|run| run.shared.clone())
    }

    /// Begins to connect.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings();
        if settings.key_file_is_open() {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                (
                    "Property `{}`: others on this machine can read the file; chmod 600 it.",
                    names::STREAM_KEY_FILE
                )
            );
        }
        let addresses = settings.addresses().map_err(|wrong| self.refuse(&wrong))?;
        settings
            .wanted_video()
            .map_err(|wrong| self.refuse(&wrong))?;
        let metrics = settings.metrics().map_err(|wrong| self.refuse(&wrong))?;
        let inputs = lock(&self.inputs);
        let present = Kind::ALL.map(|kind| inputs[kind as usize].is_some());
        if present == [false; 2] {
            drop(inputs);
            gst::element_imp_error!(
                self,
                gst::CoreError::Pad,
                ("Nothing is linked: link pad `video`, pad `audio`, or both.")
            );
            return Err(gst::StateChangeError);
        }
        let shared = Arc::new(Shared::new(&settings, present));
        for input in inputs.iter().flatten() {
            input.connect(&shared);
        }
        drop(inputs);
        *lock(&self.ends) = Ends::default();
        let host = Handle(self.obj().downgrade());
        // Sinks that fail together come back at different times.
        let seed = glib::random_int().into();
        let worker = Worker::new(shared.clone(), host, addresses, settings, seed);
        let worker = std::thread::Builder::new()
            .name("rtmppushsink".into())
            .spawn(move || worker.run())
            .map_err(|error| {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::NoSpaceLeft,
                    ("No thread could be started: {error}.")
                );
                gst::StateChangeError
            })?;
        let metrics = metrics.and_then(|address| self.serve_metrics(address));
        *lock(&self.run) = Some(Run {
            shared,
            worker,
            metrics,
        });
        Ok(())
    }

    fn refuse(&self, wrong: &Wrong) -> gst::StateChangeError {
        gst::element_imp_error!(
            self,
            gst::ResourceError::Settings,
            ("Property `{}`: {}.", wrong.property, wrong.why)
        );
        gst::StateChangeError
    }

    /// The stream matters more than what is told of it: a port that is taken is a warning.
    fn serve_metrics(&self, address: SocketAddr) -> Option<Metrics> {
        let element = self.obj().downgrade();
        let source = move || Some(element.upgrade()?.property::<gst::Structure>(names::STATS));
        match Metrics::serve(address, &self.obj().name(), Box::new(source)) {
            Ok(metrics) => Some(metrics),
            Err(error) => {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Busy,
                    (
                        "Property `{}`: no metrics at {address}: {error}.",
                        names::METRICS_PORT
                    )
                );
                None
            }
        }
    }

    fn stop(&self) {
        let run = lock(&self.run).take();
        if let Some(run) = run {
            let (shared, worker) = (run.shared, run.worker);
            drop(run.metrics);
            shared.stop();
            if worker.join().is_err() {
                gst::error!(CAT, imp = self, "the worker had panicked");
            }
            *lock(&self.counts) = shared.lock().counts.clone();
        }
        let bin = self.obj();
        for input in lock(&self.inputs).iter_mut().flatten() {
            if let Some(pad) = bin.static_pad(input.kind.name())
                && let Ok(ghost) = pad.downcast::<gst::GhostPad>()
            {
                let _ = ghost.set_target(None::<&gst::Pad>);
            }
            input.remove(bin.upcast_ref());
        }
    }

    /// Caps have come on a pad: makes what they need behind it.
    fn prepare(&self, ghost: &gst::GhostPad, kind: Kind, caps: &gst::CapsRef) -> bool {
        let Some(shared) = self.shared() else {
            return false;
        };
        let mut query = gst::query::Latency::new();
        let live = ghost.peer_query(&mut query) && query.result().0;
        let settings = self.settings();
        let built = {
            let mut inputs = lock(&self.inputs);
            let Some(input) = &mut inputs[kind as usize] else {
                return false;
            };
            if input.takes(caps, &settings) {
                return true;
            }
            let _ = ghost.set_target(None::<&gst::Pad>);
            input.build(self.obj().upcast_ref(), caps, live, &settings, &shared)
        };
        let encoded = caps.structure(0).is_none_or(|s| s.name() != "video/x-raw");
        if kind == Kind::Video && encoded && settings.label.is_some() {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Encode,
                (
                    "Property `{}`: the video comes encoded, so nothing is drawn into it.",
                    names::LABEL
                )
            );
        }
        match built {
            Ok(pad) => ghost.set_target(Some(&pad)).is_ok(),
            Err(NoInput::NoLabel) => {
                gst::element_imp_error!(
                    self,
                    gst::CoreError::MissingPlugin,
                    (
                        "Property `{}`: the element textoverlay is missing. On Debian: \
                         apt install gstreamer1.0-x",
                        names::LABEL
                    )
                );
                false
            }
            Err(NoInput::NoEncoder(package)) => {
                gst::element_imp_error!(
                    self,
                    gst::CoreError::MissingPlugin,
                    (
                        "No encoder for {} is installed, or none starts. On Debian: \
                         apt install {package}",
                        kind.name()
                    )
                );
                false
            }
            Err(NoInput::Missing(error)) => {
                gst::element_imp_error!(self, gst::CoreError::MissingPlugin, ("{error}"));
                false
            }
        }
    }

    fn add_input(&self, template: &gst::PadTemplate, kind: Kind) -> Option<gst::Pad> {
        let mut inputs = lock(&self.inputs);
        if inputs[kind as usize].is_some() {
            return None;
        }
        let input = Input::new(kind);
        let (sink, bin) = (input.sink.clone(), self.obj());
        inputs[kind as usize] = Some(input);
        drop(inputs);
        bin.add(&sink).ok()?;
        let _ = sink.sync_state_with_parent();
        let weak = bin.downgrade();
        let ghost = gst::GhostPad::builder_from_template(template)
            .name(kind.name())
            .query_function(move |pad, parent, query| {
                if let gst::QueryViewMut::Caps(query) = query.view_mut()
                    && kind == Kind::Video
                    && let Some(bin) = weak.upgrade()
                {
                    let wanted = bin.imp().settings().wanted_video().ok().flatten();
                    query.set_result(&input::asked_for(wanted, query.filter()));
                    return true;
                }
                gst::Pad::query_default(pad, parent, query)
            })
            .build();
        let weak = bin.downgrade();
        ghost.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let (Some(bin), Some(event)) = (weak.upgrade(), info.event()) else {
                return gst::PadProbeReturn::Ok;
            };
            match event.view() {
                gst::EventView::Caps(caps) => {
                    if bin.imp().prepare(pad, kind, caps.caps()) {
                        gst::PadProbeReturn::Ok
                    } else {
                        // GStreamer 1.22 would unreference what is dropped, which is gone by then.
                        gst::PadProbeReturn::Handled
                    }
                }
                // The muxer would make the end of the stream of it.
                gst::EventView::Gap(_) if kind == Kind::Video => gst::PadProbeReturn::Handled,
                _ => gst::PadProbeReturn::Ok,
            }
        })?;
        let _ = ghost.set_active(true);
        bin.add_pad(&ghost).ok()?;
        Some(ghost.upcast())
    }
}

#[glib::object_subclass]
impl ObjectSubclass for RtmpPushSink {
    const NAME: &'static str = "GstRtmpPushSink";
    type Type = super::RtmpPushSink;
    type ParentType = gst::Bin;
    type Interfaces = (gst::Preset,);
}

impl ObjectImpl for RtmpPushSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::specs);
        &SPECS
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj()
            .set_suppressed_flags(gst::ElementFlags::SOURCE | gst::ElementFlags::SINK);
        self.obj().set_element_flags(gst::ElementFlags::SINK);
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let settings = {
            let mut settings = lock(&self.settings);
            settings.set(pspec.name(), value);
            settings.clone()
        };
        if let Some(shared) = self.shared() {
            shared.change(settings);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            names::STATE => lock(&self.state).to_value(),
            names::STATS => {
                let counts = match self.shared() {
                    Some(shared) => shared.lock().counts.clone(),
                    None => lock(&self.counts).clone(),
                };
                let raw = lock(&self.inputs)[Kind::Video as usize]
                    .as_ref()
                    .map(|input| input.raw.clone());
                let state = *lock(&self.state);
                let nick = glib::EnumValue::from_value(&state.to_value())
                    .map_or("", |(_, value)| value.nick());
                counts
                    .structure(nick, raw.map_or(0, |raw| raw.dropped()))
                    .to_value()
            }
            name => lock(&self.settings).get(name),
        }
    }
}

impl GstObjectImpl for RtmpPushSink {}

impl PresetImpl for RtmpPushSink {}

impl ElementImpl for RtmpPushSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTMP push sink",
                "Sink/Network",
                "Encodes, pushes to an RTMP server, and reconnects",
                "The gst-sonic developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            Kind::ALL
                .map(|kind| {
                    gst::PadTemplate::new(
                        kind.name(),
                        gst::PadDirection::Sink,
                        gst::PadPresence::Request,
                        &input::accepted(kind),
                    )
                    .expect("caps of this element's own")
                })
                .to_vec()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let kind = Kind::ALL
            .into_iter()
            .find(|k| k.name() == template.name_template())?;
        self.add_input(template, kind)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let kind = Kind::ALL.into_iter().find(|kind| pad.name() == kind.name());
        if let Some(kind) = kind {
            let input = lock(&self.inputs)[kind as usize].take();
            if let Some(mut input) = input {
                input.remove(self.obj().upcast_ref());
                let _ = input.sink.set_state(gst::State::Null);
                let _ = self.obj().remove(&input.sink);
            }
            if let Some(shared) = self.shared() {
                shared.ended(kind);
            }
        }
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            self.start()?;
        }
        let changed = self.parent_change_state(transition);
        if transition == gst::StateChange::PausedToReady
            || changed.is_err() && transition == gst::StateChange::ReadyToPaused
        {
            self.stop();
        }
        changed
    }
}

impl BinImpl for RtmpPushSink {
    fn handle_message(&self, message: gst::Message) {
        // The end is told when everything has gone out.
        let is_end = matches!(message.view(), gst::MessageView::Eos(_));
        let told = if is_end {
            lock(&self.ends).hold(message)
        } else {
            Some(message)
        };
        if let Some(message) = told {
            self.parent_handle_message(message);
        }
    }
}
