// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` as GStreamer sees it: pads, properties, states.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use sonic_engine::push::{
    address::RtmpAddress,
    link::{self, Failure},
};

use super::{
    State,
    connection::Kind,
    errors,
    input::{self, Input, NoInput},
    properties::{self, Settings, names},
    shared::Shared,
    stats::Counts,
    worker::{Host, Worker},
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
    inputs: Mutex<[Option<Input>; 2]>,
    run: Mutex<Option<Run>>,
    state: Mutex<State>,
    /// Ends of streams that are held back until everything has gone out.
    ends: Mutex<Vec<gst::Message>>,
    /// Of the last run.
    counts: Mutex<Counts>,
}

/// From READY to READY.
struct Run {
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        let addresses = settings.addresses().map_err(|wrong| {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Settings,
                ("Property `{}`: {}.", wrong.property, wrong.why)
            );
            gst::StateChangeError
        })?;
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
        lock(&self.ends).clear();
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
        *lock(&self.run) = Some(Run { shared, worker });
        Ok(())
    }

    fn stop(&self) {
        let run = lock(&self.run).take();
        if let Some(Run { shared, worker }) = run {
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
            if input.takes(caps) {
                return true;
            }
            let _ = ghost.set_target(None::<&gst::Pad>);
            input.build(self.obj().upcast_ref(), caps, live, &settings, &shared)
        };
        match built {
            Ok(pad) => ghost.set_target(Some(&pad)).is_ok(),
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
        let ghost = gst::GhostPad::builder_from_template(template)
            .name(kind.name())
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
                        gst::PadProbeReturn::Drop
                    }
                }
                // The muxer would make the end of the stream of it.
                gst::EventView::Gap(_) if kind == Kind::Video => gst::PadProbeReturn::Drop,
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
        lock(&self.settings).set(pspec.name(), value);
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
        if let gst::MessageView::Eos(_) = message.view() {
            lock(&self.ends).push(message);
            return;
        }
        self.parent_handle_message(message);
    }
}

/// What the worker knows of the element.
struct Handle(glib::WeakRef<super::RtmpPushSink>);

impl Handle {
    fn input_sink(element: &super::RtmpPushSink) -> Option<gst_app::AppSink> {
        let inputs = lock(&element.imp().inputs);
        inputs[Kind::Video as usize]
            .as_ref()
            .map(|input| input.sink.clone())
    }
}

impl Host for Handle {
    fn state_changed(
        &self,
        state: link::State,
        why: Option<(Failure, String)>,
        address: &RtmpAddress,
        reconnects: u64,
    ) {
        let Some(element) = self.0.upgrade() else {
            return;
        };
        *lock(&element.imp().state) = state.into();
        gst::info!(CAT, obj = element, "{}: {}", state.nick(), address);
        element.notify(names::STATE);
        let (reason, detail) = why.unzip();
        let structure = gst::Structure::builder("rtmp-state")
            .field("state", state.nick())
            .field_if_some("reason", reason.map(Failure::nick))
            .field_if_some("detail", detail)
            .field("address", address.to_string())
            .field("reconnects", reconnects)
            .build();
        let _ = element.post_message(
            gst::message::Element::builder(structure)
                .src(&element)
                .build(),
        );
    }

    fn gave_up(&self, address: &RtmpAddress, failure: Failure, detail: Option<String>) {
        if let Some(element) = self.0.upgrade() {
            let error = errors::gave_up(address, failure, detail.as_deref());
            element.imp().post_error_message(error);
        }
    }

    fn ask_for_key(&self) {
        let sink = self
            .0
            .upgrade()
            .and_then(|element| Self::input_sink(&element));
        if let Some(pad) = sink.and_then(|sink| sink.static_pad("sink")) {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder()
                .all_headers(true)
                .build();
            let _ = pad.push_event(event);
        }
    }

    fn set_bitrate(&self, kbit: u32) {
        if let Some(element) = self.0.upgrade() {
            let inputs = lock(&element.imp().inputs);
            let encoder = inputs[Kind::Video as usize]
                .as_ref()
                .and_then(|i| i.encoder.clone());
            drop(inputs);
            if let Some(encoder) = encoder {
                encoder.set_bitrate(kbit);
            }
        }
    }

    fn finished(&self) {
        if let Some(element) = self.0.upgrade() {
            let imp = element.imp();
            let ends = std::mem::take(&mut *lock(&imp.ends));
            for end in ends {
                imp.parent_handle_message(end);
            }
        }
    }
}
