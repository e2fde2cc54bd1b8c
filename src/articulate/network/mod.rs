// SPDX-License-Identifier: MPL-2.0
//! The mouth from sound by a small network that this project trains (`make train`).
//!
//! ```text
//! audio::mel::LogMel ─ Normaliser ─ the network ─ Decoder ─ Mouth
//! ```

#[cfg(feature = "onnx")]
mod articulator;
#[cfg(feature = "onnx")]
mod contract;
mod decode;
#[cfg(feature = "onnx")]
mod load;
mod normalise;
#[cfg(feature = "onnx")]
mod steps;

#[cfg(feature = "onnx")]
pub use articulator::NetworkArticulator;
pub use decode::{CHANNELS, Decoder};
#[cfg(feature = "onnx")]
pub use load::{LOOK_AHEAD, NetworkError, NetworkOptions};
pub use normalise::Normaliser;
