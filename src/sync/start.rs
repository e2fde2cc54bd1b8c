// SPDX-License-Identifier: MPL-2.0
//! The common start: each stream waits for the other, and what precedes it is trimmed, as far as
//! nobody misses it.
//!
//! Pictures that come before the sound are passed over, since the sound says what is heard. Sound
//! that comes before the pictures is trimmed as far as it is quiet: a sentence that was made goes
//! out whole, beside the first picture. Of what was captured (late sound is dropped) there is
//! always more, so that all of it is trimmed.

use super::{LatePolicy, Material, Sync, picture::Queued};

/// Before the first sound so much quiet is left, ns: a breath, and a soft consonant.
const BREATH: i64 = 30_000_000;

impl<M: Material> Sync<M> {
    /// Live: the beginning is over when both streams have come, or one has waited for long enough.
    pub(super) fn try_begin(&mut self, at: i64) {
        let sound = self.audio.as_ref().is_some_and(|a| a.sound.len() > 0);
        let pictures = self.video.as_ref().is_some_and(|v| v.frames() > 0);
        let no_sound = self.audio.as_ref().is_none_or(|a| !a.linked || a.lane.eos);
        let no_pictures = self.video.as_ref().is_none_or(|v| !v.linked || v.lane.eos);
        if self.config.live {
            if !sound && !pictures {
                return;
            }
            let since = *self.first_data.get_or_insert(at);
            let max_wait = i64::try_from(self.config.max_wait).unwrap_or(i64::MAX);
            let complete = (sound || no_sound) && (pictures || no_pictures);
            if !complete && at - since < max_wait {
                return;
            }
            self.trim();
        }
        self.waiting = false;
        if let Some(audio) = &mut self.audio
            && let Some(dry) = &mut audio.dry
        {
            dry.since = audio.out;
        }
    }

    /// Offline: begins as soon as enough is known.
    pub(super) fn try_begin_offline(&mut self) {
        if self.config.live || !self.waiting || !self.knows_start() {
            return;
        }
        let some = |live: Option<bool>| live == Some(true);
        if !some(self.audio.as_ref().map(|a| a.sound.len() > 0)) {
            return;
        }
        let trimmed = self.trim();
        self.waiting = false;
        let Some(audio) = &mut self.audio else { return };
        // The output begins with what is left.
        audio.sound.move_back(trimmed);
        let ns = audio.sound.format.ns(trimmed);
        self.epochs.slip(audio.lane.epoch, ns);
        let lanes = [
            Some(&mut audio.lane),
            self.video.as_mut().map(|v| &mut v.lane),
        ];
        for expected in lanes
            .into_iter()
            .flatten()
            .filter_map(|l| l.expected.as_mut())
        {
            *expected -= ns;
        }
    }

    /// Offline: whether it is known how much of the sound precedes the first picture, and whether
    /// that is quiet.
    pub(super) fn knows_start(&self) -> bool {
        let (Some(audio), Some(video)) = (&self.audio, &self.video) else {
            return true;
        };
        if !audio.linked || !video.linked || audio.lane.eos {
            return true;
        }
        if video.frames() == 0 {
            return video.lane.eos;
        }
        if audio.sound.len() == 0 {
            return false;
        }
        let limit = i64::try_from(self.config.limit).unwrap_or(i64::MAX);
        self.lead() <= audio.sound.len()
            || audio.sound.quiet_until() < audio.sound.end()
            || audio.sound.format.ns(audio.sound.len()) >= limit
    }

    /// Samples of sound before the first picture, if that is more than a frame.
    fn lead(&self) -> i64 {
        let (Some(audio), Some(video)) = (&self.audio, &self.video) else {
            return 0;
        };
        let first = video.queue.iter().find_map(|q| match q {
            Queued::Frame { stamp, epoch, .. } => self.epochs.plan(*epoch, *stamp),
            Queued::Event(_) => None,
        });
        let format = &audio.sound.format;
        let frame = format.samples(video.grid.duration(0) as i64);
        let lead = first.map_or(0, |first| format.samples(first) - audio.sound.start());
        // Frames lie on a grid that the sound does not know.
        if lead > frame { lead } else { 0 }
    }

    /// Trims the sound that precedes the first picture; how many samples that were.
    fn trim(&mut self) -> i64 {
        let lead = self.lead();
        let policy = self.config.late;
        let Some(audio) = &mut self.audio else {
            return 0;
        };
        let sound = &mut audio.sound;
        let breath = sound.format.samples(BREATH);
        let until = sound.quiet_until();
        let trimmed = match policy {
            LatePolicy::Drop => lead,
            LatePolicy::Shift if until < sound.end() => lead.min(until - breath - sound.start()),
            LatePolicy::Shift => lead.min(until - sound.start()),
        };
        let trimmed = sound.trim(trimmed);
        self.counts.sound_leading += trimmed.unsigned_abs();
        trimmed
    }
}
