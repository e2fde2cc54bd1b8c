// SPDX-License-Identifier: MPL-2.0
//! The engine of gst-sonic: a portrait and a voice become the frames of a talking head.
//!
//! It knows no GStreamer and reads no clock: every function that needs a time is given one.
//! The way of the data, with the type that crosses each border:
//!
//! ```text
//! PCM ─ audio::Intake ─ 16 kHz mono ─ articulate::Articulator ─┐
//!                                            motion::Motion ───┴► pose::FacePose
//! picture ─ face::Portrait ─ rig::Rig ◄── FacePose ──► frame::FrameMut
//! ```
//!
//! [`voice::Voice`] makes the PCM out of text, with phones in time ([`speech::Phone`]);
//! [`talk::Talk`] decides what is said when.
//! [`measure`] looks at what became of it all, as a viewer gets it.
//! [`animator::Animator`] joins the upper row on the frame grid, [`rig::Rig`] is the lower one.
//! [`push`] decides how a live stream is kept on a server.
#![deny(unsafe_code)]

pub mod animator;
pub mod articulate;
pub mod audio;
pub mod face;
pub mod frame;
pub mod grid;
pub mod measure;
pub mod motion;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod pose;
pub mod push;
pub mod rig;
pub mod speech;
pub mod sync;
pub mod talk;
pub mod timeline;
pub mod voice;
