// SPDX-License-Identifier: MPL-2.0
//! What has been done, in numbers.

use super::{Estimate, Material, Side, Summary, Sync};
use crate::articulate::lag::Lag;

/// Counted since the beginning. Sound is in samples of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub sound_in: u64,
    /// Went out.
    pub sound_out: u64,
    /// Preceded the first picture and was trimmed.
    pub sound_leading: u64,
    /// Silence before anything came.
    pub sound_idle: u64,
    /// Silence put where sound was missing.
    pub sound_filled: u64,
    /// Sound that was sent so much later than before.
    pub sound_shifted: u64,
    /// Pauses left out so that sound is less late.
    pub sound_given_back: u64,
    /// Was resampled against drift.
    pub sound_stretched_in: u64,
    /// And became so much.
    pub sound_stretched_out: u64,
    /// Came after its time and was dropped.
    pub sound_late: u64,
    /// Came twice and was dropped.
    pub sound_trimmed: u64,
    /// Dropped by interruptions and flushes.
    pub sound_cut: u64,
    /// Came after its utterance had been interrupted.
    pub sound_muted: u64,
    /// Came in.
    pub frames_in: u64,
    /// Went out.
    pub frames_out: u64,
    /// Went out once more.
    pub frames_repeated: u64,
    /// Passed over, because a newer one was due.
    pub frames_dropped: u64,
    /// Went out after their time.
    pub frames_late: u64,
    /// Idle pictures.
    pub frames_idle: u64,
    /// Dropped by interruptions and flushes.
    pub frames_cut: u64,
    /// Interruptions.
    pub interruptions: u64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// By how much content is sent later than its timestamps say, ns.
    pub shift: i64,
    /// Sound that waits, ns.
    pub sound: i64,
    /// Frames that wait.
    pub frames: usize,
    /// Times that upstream's timestamps began anew.
    pub restarts: u64,
    /// Offsets as they are sent.
    pub offsets: Summary,
    /// Drift of the sound against the clock.
    pub drift: Option<Estimate>,
    /// By how much the sound is made shorter against it now, ppm; `None` while it goes by as it is.
    pub correction: Option<f64>,
    /// Samples that resampling has put in; negative: left out.
    pub stretched: i64,
    /// By how much mouths are sent later than their sound; `None` while too little is said.
    pub mouth: Option<Lag>,
}

impl<M: Material> Sync<M> {
    /// What has been done.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How things stand.
    pub fn levels(&self) -> Levels {
        let audio = self.audio.as_ref();
        let video = self.video.as_ref();
        let restarts = [audio.map(|a| &a.lane), video.map(|v| &v.lane)];
        Levels {
            shift: audio.map_or(0, |a| a.sound.format.ns(a.shift())),
            sound: self.level(Side::Audio),
            frames: video.map_or(0, |v| v.frames()),
            // Both streams restart together, as a rule.
            restarts: restarts
                .into_iter()
                .flatten()
                .map(|l| l.restarts)
                .max()
                .unwrap_or(0),
            offsets: self.offsets.summary(),
            drift: audio.and_then(|a| a.drift.estimate()),
            correction: audio.and_then(|a| a.correction.ppm()),
            stretched: self.counts.sound_stretched_out as i64
                + audio.map_or(0, |a| a.correction.held())
                - self.counts.sound_stretched_in as i64,
            mouth: self.mouth_lag(),
        }
    }
}
