// SPDX-License-Identifier: MPL-2.0
//! [`Place`]: where samples lie in running time.

use crate::{
    audio::ANALYSIS_RATE,
    motion::{Cue, Motion},
};

/// Where samples of 16 kHz lie in running time.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Running time of sample 0, ns.
    pub zero: i128,
    /// How many samples of sound after its instant a frame waits for.
    pub ahead: i64,
}

impl Place {
    /// Shown so much later, ns.
    pub(super) fn later(self, ns: i64) -> Self {
        let zero = self.zero + i128::from(ns);
        Self { zero, ..self }
    }

    /// The running time of a sample; 0 before that.
    pub(super) fn time(&self, sample: i64) -> u64 {
        let since = i128::from(sample) * 1_000_000_000 / i128::from(ANALYSIS_RATE);
        u64::try_from((self.zero + since).max(0)).unwrap_or(u64::MAX)
    }

    /// Moves the head by what was heard.
    pub(super) fn answer(&self, cue: &Cue, motion: &mut Motion) {
        // Frames of instants after this one have not been asked for yet.
        let from = self.time(cue.known - self.ahead);
        motion.answer(cue, self.time(cue.at), from);
    }
}
