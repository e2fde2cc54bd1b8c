// SPDX-License-Identifier: MPL-2.0
//! What the worker asks of the element.

use gst::{glib, prelude::*, subclass::prelude::*};
use sonic_engine::push::{
    address::RtmpAddress,
    link::{self, Failure},
};

use super::{
    RtmpPushSink,
    connection::Kind,
    errors,
    imp::{CAT, lock},
    properties::names,
    worker::Host,
};

/// What the worker knows of the element.
pub struct Handle(pub glib::WeakRef<RtmpPushSink>);

impl Handle {
    fn input_sink(element: &RtmpPushSink) -> Option<gst_app::AppSink> {
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
            let ends = lock(&imp.ends).all_sent();
            for end in ends {
                imp.parent_handle_message(end);
            }
        }
    }
}
