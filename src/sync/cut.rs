// SPDX-License-Identifier: MPL-2.0
//! Interruptions and flushes: what waits is no longer wanted.

use super::{
    Material, Side, Sync, VideoSide,
    mapping::{AudioSide, Dry},
    picture::{Queued, Relaxing},
};

/// How long what was cut fades, ns.
const FADE: i64 = 10_000_000;
/// Utterances whose rest is muted.
const MOST_MUTED: usize = 64;
/// So much unmarked sound after an interrupted utterance may be the end of it, ns.
pub(super) const REST: u64 = 40_000_000;

impl<M: Material> Sync<M> {
    /// What waits is no longer wanted, and neither is what still comes of that utterance. What
    /// comes next begins anew on the output: live where the output is then, offline where it was
    /// cut, to the sample, since nothing has passed meanwhile.
    pub fn interrupt(&mut self, utterance: Option<u64>) {
        self.counts.interruptions += 1;
        if self.config.live {
            self.flush(Side::Audio);
            self.flush(Side::Video);
            if let Some(video) = &mut self.video {
                video.relaxing = Some(Relaxing::default());
            }
        } else {
            self.revoke();
        }
        if let (Some(audio), Some(utterance)) = (&mut self.audio, utterance) {
            audio.muted.utterances.retain(|u| *u != utterance);
            if audio.muted.utterances.len() == MOST_MUTED {
                audio.muted.utterances.pop_front();
            }
            audio.muted.utterances.push_back(utterance);
            audio.muted.rest = REST;
        }
    }

    /// What waits of a stream is dropped; what comes next begins anew on the output.
    pub fn flush(&mut self, side: Side) {
        match side {
            Side::Audio => {
                if let Some(audio) = &mut self.audio {
                    self.counts.sound_cut += audio.cut(self.waiting);
                }
            }
            Side::Video => {
                if let Some(video) = &mut self.video {
                    self.counts.frames_cut += video.frames() as u64;
                    video
                        .queue
                        .retain(|q| matches!(q, Queued::Event(e) if M::survives(e)));
                    (video.lane.fresh, video.lane.eos) = (true, false);
                    (video.behind, video.relaxing) = (false, None);
                }
            }
        }
        if !self.config.live {
            self.rewind(side);
        }
        self.over = None;
    }

    /// Offline, sound that has not been sent is cut where it stands, and so are its pictures;
    /// those of sound that has been sent, and has not been shown, stay.
    fn revoke(&mut self) {
        let Some(audio) = &mut self.audio else {
            self.flush(Side::Video);
            return;
        };
        if audio.lane.expected.is_none() {
            return;
        }
        self.counts.sound_cut += audio.revoke();
        let end = audio.sound.format.ns(audio.sound.end());
        if let Some(video) = &mut self.video {
            let (before, epochs) = (video.frames(), &self.epochs);
            video.queue.retain(|q| match q {
                Queued::Event(e) => M::survives(e),
                Queued::Frame { stamp, epoch, .. } => {
                    epochs.plan(*epoch, *stamp).is_some_and(|p| p < end)
                }
            });
            self.counts.frames_cut += (before - video.frames()) as u64;
            (video.lane.fresh, video.lane.eos) = (true, false);
            self.revoked = Some(end);
        }
        self.epochs.renew();
    }

    /// Offline, a flush begins the output of that stream anew.
    fn rewind(&mut self, side: Side) {
        self.epochs.renew();
        match side {
            Side::Audio => {
                if let Some(audio) = &mut self.audio {
                    let mut new = AudioSide::new(audio.sound.format);
                    new.linked = audio.linked;
                    std::mem::swap(&mut new.sound.words, &mut audio.sound.words);
                    *audio = new;
                }
            }
            Side::Video => {
                if let Some(video) = &mut self.video {
                    let mut new = VideoSide::new(video.grid);
                    new.linked = video.linked;
                    *video = new;
                }
            }
        }
    }
}

impl<M: Material> AudioSide<M> {
    /// Drops what waits, with a fade if it is being heard; how many samples that were.
    fn cut(&mut self, unheard: bool) -> u64 {
        let waiting = self.sound.len() + self.correction.held();
        if self.dry.is_none() && self.fade.is_empty() && !unheard {
            let frames = self.sound.format.samples(FADE).min(self.sound.len());
            self.fade
                .resize(frames as usize * self.sound.format.frame(), 0);
            self.sound
                .take(&mut self.fade, &mut Vec::new(), &mut Vec::new());
            self.sound.format.fade_out(&mut self.fade);
        }
        self.sound.cut(M::survives);
        let since = self.out + (self.fade.len() / self.sound.format.frame()) as i64;
        self.hole = self.out..i64::MAX;
        // Nothing is left that could be late: the shift is given back at once.
        self.mapping.set(since, 0);
        self.dry = Some(Dry { since, shift: 0 });
        self.sound.restart(since);
        self.begin_anew();
        waiting.unsigned_abs()
    }

    /// Offline: drops what waits but for a fade, if any of it has been sent; how many samples
    /// that were.
    fn revoke(&mut self) -> u64 {
        let waiting = self.sound.len();
        let format = self.sound.format;
        let frames = if self.out > 0 {
            format.samples(FADE).min(waiting)
        } else {
            0
        };
        let mut fade = vec![0; frames as usize * format.frame()];
        let mut parts = Vec::new();
        self.sound.take(&mut fade, &mut parts, &mut Vec::new());
        format.fade_out(&mut fade);
        let from = self.sound.start() - frames;
        self.sound.cut(M::survives);
        self.sound.restart(from);
        for part in parts {
            if let super::Part::Event(event) = part
                && M::survives(&event)
            {
                self.sound.push_event(event);
            }
        }
        self.sound.push_own(&fade);
        self.begin_anew();
        (waiting - frames).unsigned_abs()
    }

    fn begin_anew(&mut self) {
        (self.lane.fresh, self.lane.eos) = (true, false);
        self.muted.rest = 0;
        self.least.forget();
        self.correction.clear();
        self.measure_anew();
    }

    /// The drift is measured from here on.
    pub fn measure_anew(&mut self) {
        self.drift.reset();
        self.correction.restart();
        self.counted = 0;
    }
}
