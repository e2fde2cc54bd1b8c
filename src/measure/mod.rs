// SPDX-License-Identifier: MPL-2.0
//! What a viewer gets: streams of packets, frames and samples with their times go in, a [`Report`]
//! comes out.
//!
//! ```text
//! packets before decoding ── Packets ─┐
//! decoded frames ── Pictures ─────────┼─► Report ─► text, JSON, what breaks the Limits
//! decoded sound ─── Sound ────────────┘
//! ```
//!
//! All times are running times in ns; nothing here reads a clock, so that recordings and live
//! streams are measured alike and tests can invent both.

mod flash;
mod frames;
mod heard;
pub mod lag;
mod packets;
mod pictures;
mod report;
mod samples;
mod sound;
mod text;

pub use flash::FlashOffset;
pub use frames::FrameReport;
pub use lag::{Lag, LagSearch};
pub use packets::{Arrival, Packet, PacketReport, Packets};
pub use pictures::Pictures;
pub use report::{
    AudioReport, Claims, Ended, Limits, Measured, OffsetBy, Report, Source, SyncReport,
    VideoReport, report,
};
pub use samples::SampleReport;
pub use sound::Sound;

/// Something in the content that can be recognised, for measuring how long it took to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A part of the picture turned bright from one frame to the next.
    Flash,
    /// Sound set in after a tenth of a second of quiet.
    Sound,
    /// The mouth opened after it had been shut.
    Mouth,
}

/// When something was recognised.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Mark {
    /// What it was.
    pub kind: MarkKind,
    /// Running time of the frame or the sample that showed it, s.
    pub time: f64,
    /// When that frame or buffer came, in seconds since 1970; `None` where nobody told.
    pub arrived: Option<f64>,
}

const SECOND_NS: f64 = 1e9;

/// ns in ms.
fn ms(ns: f64) -> f64 {
    round(ns / 1e6, 1e3)
}

/// Rounded to a thousandth, ten thousandth … `scale`: reports are read by people too.
fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}
