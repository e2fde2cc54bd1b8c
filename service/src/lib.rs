// SPDX-License-Identifier: MPL-2.0
//! The service around `sonicd render`: jobs, where they are kept, and who renders them.
//!
//! A job's way: `serve` takes an [`job::Accepted`] and stores it; a [`job::Ticket`] that names it
//! goes through the broker; `work` takes the ticket, claims an [`job::Attempt`], renders in a child
//! process and stores the one [`job::Terminal`]. What the store says is true; the broker only says
//! who is next, and may say it twice.

pub mod broker;
pub mod clock;
pub mod ending;
pub mod face;
pub mod job;
mod leftovers;
mod log;
pub mod parameters;
pub mod plugin;
pub mod post;
pub mod serve;
mod settings;
mod signals;
pub mod store;
pub mod work;
