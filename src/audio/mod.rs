// SPDX-License-Identifier: MPL-2.0
//! From PCM of any shape to what the articulators listen to: 16 kHz mono and its log-mel bands.

pub mod intake;
pub mod mel;
pub mod pcm;
mod polyphase;
pub mod resample;
pub mod spectrum;

/// The sample rate of everything behind [`intake::Intake`], Hz.
pub const ANALYSIS_RATE: u32 = 16_000;
