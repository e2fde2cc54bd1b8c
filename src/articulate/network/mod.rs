// SPDX-License-Identifier: MPL-2.0
//! The mouth from sound by a small network that this project trains (`make train`).
//!
//! ```text
//! audio::mel::LogMel ─ Normaliser ─ the network ─ Decoder ─ Mouth
//! ```

mod decode;
mod normalise;

pub use decode::{CHANNELS, Decoder};
pub use normalise::Normaliser;
