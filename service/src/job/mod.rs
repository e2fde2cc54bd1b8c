// SPDX-License-Identifier: MPL-2.0
//! What is known of a job, as it is stored and sent.

mod id;
mod news;
mod order;
mod record;

pub use id::{Digest, JobId, Owner};
pub use news::{News, Report};
pub use order::{Class, Container, Order, Speech};
pub use record::{Accepted, Attempt, Cause, FORMAT, GivenUp, Outcome, Rendered, Terminal, Ticket};
