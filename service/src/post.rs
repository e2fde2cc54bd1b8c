// SPDX-License-Identifier: MPL-2.0
//! What the service wants of a broker.

use std::fmt::Display;

use crate::job::{Report, Ticket};

/// Carries tickets to workers, and news to whoever listens.
pub trait Post: Clone + Send + Sync + 'static {
    /// Why something was not carried.
    type Error: Display + Send;

    /// Hands a ticket to the workers. It is kept when this says so.
    fn publish(&self, ticket: &Ticket) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Tells news. Nobody may hear them.
    fn tell(&self, report: Report);

    /// Whether the worker of that name lives; it does where nobody knows.
    fn lives(&self, worker: &str) -> impl Future<Output = bool> + Send;
}
