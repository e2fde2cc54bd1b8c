// SPDX-License-Identifier: MPL-2.0
//! From files to a [`sonic_engine::face::Portrait`], as a user meets it.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod detection;
mod make;
mod pictures;
