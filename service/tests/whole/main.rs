// SPDX-License-Identifier: MPL-2.0
//! The whole service: a broker, the API and workers, each a process, over a folder and over S3.

mod away;
mod ending;
mod faults;
mod full;
mod logs;
mod parts;
mod private;
#[path = "../servers/mod.rs"]
mod servers;
mod tls;
mod twice;
