// SPDX-License-Identifier: MPL-2.0
//! A worker: takes tickets, renders each job in a child process, stores how it ended.

mod cgroup;
mod child;
mod device;
mod policy;
mod pool;
mod process;
mod run;
mod settings;

pub use child::{Child, Ended, Limits};
pub use device::{Card, Devices, Share};
pub use policy::{Claim, claim, time_limit};
pub use pool::{Source, Taken, shares, work};
pub use process::{Bench, Verdict};
pub use run::run;
pub use settings::{HELP, Settings};
