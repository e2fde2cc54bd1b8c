// SPDX-License-Identifier: MPL-2.0
#![allow(unused_doc_comments)]
#![doc = "GStreamer elements that turn a portrait and a voice into a live talking head."]

pub mod avclocksync;
mod board;
pub mod metas;
mod plugin;
pub mod rtmppushsink;
pub mod sonicanimator;
pub mod ttssrc;
mod values;

/// Registers the elements in this process, for programs and tests that link the crate instead
/// of loading the plugin.
pub use plugin::plugin_register_static;
