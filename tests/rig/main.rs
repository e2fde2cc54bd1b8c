// SPDX-License-Identifier: MPL-2.0
//! Portraits in motion: what moves, what stays, and what becomes of unusual ones.
#![allow(clippy::unwrap_used)]

mod matrix;
mod motion;
mod studio;
mod turned;
