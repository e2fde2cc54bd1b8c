// SPDX-License-Identifier: MPL-2.0
//! Deciding how a live stream is pushed to a server, and stays there: where to
//! ([`address`]), when to try again ([`link`]), what to drop when the line is too narrow
//! ([`queue`]), and how much to encode ([`bitrate`]).
//!
//! Nothing here connects, waits or knows what time it is: times are arguments, and what is to be
//! done is returned.

pub mod address;
pub mod bitrate;
pub mod link;
pub mod queue;
