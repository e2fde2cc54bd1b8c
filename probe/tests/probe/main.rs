// SPDX-License-Identifier: MPL-2.0
//! `sonic-probe` as a user runs it.

mod bad_input;
#[path = "../../../gst/tests/common/mod.rs"]
mod common;
mod live;
mod make;
mod recordings;
mod talk;
