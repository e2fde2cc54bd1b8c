// SPDX-License-Identifier: MPL-2.0
//! Being told to end, by SIGTERM or SIGINT.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears it, from when it is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Made first of all, within a runtime: before it, a signal ends the process on the spot.
    ///
    /// # Errors
    /// This system has no such signals: a sentence.
    pub fn hear() -> Result<Self, String> {
        let signal = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until it is told.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
