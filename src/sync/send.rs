// SPDX-License-Identifier: MPL-2.0
//! What goes out: when the next block and frame are due, and what a block of sound holds.

use std::ops::Range;

use super::{
    BLOCK, Counts, Heard, LatePolicy, Material, Next, Part, Sync,
    intake::GIVEN_BACK,
    mapping::{AudioSide, Dry},
    sound::push_part,
};

/// A stretch that shift is given back in is quiet for at least so long, ns.
const PAUSE: i64 = 200_000_000;
/// At both ends of a quiet stretch so much is left alone, ns: breath, and the end of a fricative.
const GUARD: i64 = 30_000_000;
/// So much more than was ever needed stays in the queue when shift is given back, ns.
const KEEP: i64 = 20_000_000;

impl<M: Material> Sync<M> {
    /// When the next block of sound goes out, and how long it is.
    pub fn next_sound(&self) -> Next {
        let Some(audio) = &self.audio else {
            return Next::Wait;
        };
        let at = audio.due().max(0) as u64;
        let block = self.block(audio);
        let send = |frames: i64| Next::Send {
            at,
            frames: frames as usize,
        };
        if self.config.live {
            return match self.over {
                Some(over) if audio.due() >= over => Next::End(at),
                _ => send(block),
            };
        }
        if self.waiting && !self.knows_start() {
            return Next::Wait;
        }
        let (ready, ended) = if self.sound_leads() {
            (audio.sound.len(), audio.lane.eos)
        } else {
            let end = audio.sound.format.samples(self.pictures_end());
            let over = self.video.as_ref().is_none_or(|v| v.lane.eos || !v.linked);
            (end - audio.out, over)
        };
        match ready {
            ready if ready >= block => send(block),
            ready if ready > 0 && (ended || audio.drain) => send(ready),
            _ if ended => Next::End(at),
            _ => Next::Wait,
        }
    }

    /// When the next frame goes out.
    pub fn next_picture(&self) -> Next {
        let Some(video) = &self.video else {
            return Next::Wait;
        };
        let at = video.due() as u64;
        let send = Next::Send { at, frames: 1 };
        if self.config.live {
            return match self.over {
                Some(over) if video.due() >= over => Next::End(at),
                _ => send,
            };
        }
        if self.waiting && !self.knows_start() {
            return Next::Wait;
        }
        let (exists, ended) = match &self.audio {
            Some(audio) if self.sound_leads() => {
                // Frame k exists if k · d / n lies before the end of the sound.
                let (n, d) = video.grid.rate();
                let format = &audio.sound.format;
                let begins = u128::from(video.index) * u128::from(d) * u128::from(format.rate);
                let ends = u128::try_from(audio.sound.end()).unwrap_or(0) * u128::from(n);
                (begins < ends, audio.lane.eos)
            }
            _ => (
                video.due() < self.pictures_end(),
                video.lane.eos || !video.linked,
            ),
        };
        if exists && self.knows_frame(video) {
            send
        } else if !exists && ended {
            Next::End(at)
        } else {
            Next::Wait
        }
    }

    /// Offline: whether the sound says how long all is.
    fn sound_leads(&self) -> bool {
        let none = self.video.is_none();
        self.audio.as_ref().is_some_and(|audio| {
            let empty = audio.lane.eos && audio.lane.expected.is_none();
            none || (audio.linked && !empty)
        })
    }

    /// Offline: planned end of the pictures that have come, ns.
    fn pictures_end(&self) -> i64 {
        let video = self.video.as_ref();
        video.and_then(|v| v.lane.expected).unwrap_or(0).max(0)
    }

    /// Length of the next block, frames.
    fn block(&self, audio: &AudioSide<M>) -> i64 {
        let format = &audio.sound.format;
        let fixed = |ns: u64| format.samples(ns as i64).max(1);
        match (&self.video, self.config.block) {
            (None, 0) => fixed(BLOCK),
            (_, ns) if ns > 0 => fixed(ns),
            (None, _) => fixed(BLOCK),
            (Some(video), _) => {
                // To the next boundary of frames, floor(k · d · rate / n).
                let (n, d) = video.grid.rate();
                let (n, step) = (i128::from(n), i128::from(d) * i128::from(format.rate));
                let out = i128::from(audio.out);
                let mut k = out * n / step;
                loop {
                    let boundary = k * step / n;
                    if boundary > out {
                        return (boundary - out) as i64;
                    }
                    k += 1;
                }
            }
        }
    }

    /// Writes the next block of sound, as long as [`next_sound`](Self::next_sound) says, and
    /// says what it consists of and which words begin in it (at output samples). Which samples
    /// of the output it holds.
    pub fn send_sound(
        &mut self,
        block: &mut [u8],
        parts: &mut Vec<Part<M>>,
        heard: &mut Vec<Heard>,
    ) -> Range<i64> {
        let Some(due) = self.audio.as_ref().map(AudioSide::due) else {
            return 0..0;
        };
        if self.waiting {
            self.try_begin(due);
        }
        let (live, waiting, late) = (self.config.live, self.waiting, self.config.late);
        let Some(audio) = &mut self.audio else {
            return 0..0;
        };
        let format = audio.sound.format;
        let frame = format.frame();
        let total = (block.len() / frame) as i64;
        let mut done = 0;
        if !audio.fade.is_empty() {
            let bytes = audio.fade.len().min(block.len());
            block[..bytes].copy_from_slice(&audio.fade[..bytes]);
            audio.fade.drain(..bytes);
            done = (bytes / frame) as i64;
            push_part(parts, done, None, false);
        }
        if !waiting {
            let rest = &mut block[done as usize * frame..];
            done += audio.fill(rest, done, parts, heard, (live, late), &mut self.counts);
        }
        if done < total {
            format.silence(&mut block[done as usize * frame..]);
            push_part(parts, total - done, None, true);
            if waiting {
                self.counts.sound_idle += (total - done) as u64;
            } else {
                self.counts.sound_filled += (total - done) as u64;
            }
        }
        audio.out += total;
        if audio.sound.len() == 0 {
            audio.drain = false;
        }
        let end = audio.out;
        self.counts.sound_out += total as u64;
        self.hear_mouth(block);
        self.check_over();
        end - total..end
    }

    /// Live: all ends when every input has ended and nothing waits.
    pub(super) fn check_over(&mut self) {
        if self.over.is_some() || !self.config.live || !self.config.ends {
            return;
        }
        let audio = self.audio.as_ref();
        let video = self.video.as_ref();
        let linked = audio.is_some_and(|a| a.linked) || video.is_some_and(|v| v.linked);
        let sound_over = audio
            .is_none_or(|a| !a.linked || (a.lane.eos && a.sound.len() == 0 && a.fade.is_empty()));
        let pictures_over = video.is_none_or(|v| !v.linked || (v.lane.eos && v.frames() == 0));
        if linked && sound_over && pictures_over {
            let ends = [audio.map(AudioSide::due), video.map(|v| v.due())];
            self.over = ends.into_iter().flatten().max();
        }
    }
}

impl<M: Material> AudioSide<M> {
    /// Fills a part of a block, which begins `done` samples into it, with what waits; how many
    /// samples that was.
    fn fill(
        &mut self,
        block: &mut [u8],
        done: i64,
        parts: &mut Vec<Part<M>>,
        heard: &mut Vec<Heard>,
        (live, late): (bool, LatePolicy),
        counts: &mut Counts,
    ) -> i64 {
        let format = self.sound.format;
        if self.sound.len() > 0 && self.dry.is_some() && self.fade.is_empty() {
            let (shifted, dropped) = self.resume(self.out + done, late);
            counts.sound_shifted += shifted as u64;
            counts.sound_late += dropped as u64;
        }
        if self.dry.is_some() {
            return 0;
        }
        let begun = heard.len();
        let length = (block.len() / format.frame()) as i64;
        let back = if live && late == LatePolicy::Shift {
            self.give_back(block, parts, heard)
        } else {
            0
        };
        counts.sound_given_back += back as u64;
        let filled = if back == 0 {
            self.sound.take(block, parts, heard)
        } else {
            length
        };
        let shift = self.mapping.shift();
        for word in &mut heard[begun..] {
            word.at += shift;
        }
        if filled < length && live {
            self.dry = Some(Dry {
                since: self.out + done + filled,
                shift,
            });
        }
        let second = self.out / i64::from(format.rate);
        self.least.note(second, self.sound.len());
        filled
    }

    /// Leaves out some of a pause if the shift can be made smaller by it: fills the block and
    /// says how many samples were left out; with 0 nothing was done.
    fn give_back(
        &mut self,
        block: &mut [u8],
        parts: &mut Vec<Part<M>>,
        heard: &mut Vec<Heard>,
    ) -> i64 {
        let format = self.sound.format;
        let length = (block.len() / format.frame()) as i64;
        let spare = self.least.spare() - length - format.samples(KEEP);
        let back = self.shift().min(length / GIVEN_BACK).min(spare);
        if back <= 0 || self.sound.len() < length + back {
            return 0;
        }
        let Some(quiet) = self.sound.quiet_here() else {
            return 0;
        };
        let guard = format.samples(GUARD);
        let from = self.sound.start();
        let used = from..from + length + back;
        if quiet.end - quiet.start < format.samples(PAUSE)
            || from - quiet.start < guard
            || quiet.end - used.end < guard
            || self.sound.words.meets(&(used.start..used.end + guard))
        {
            return 0;
        }
        let mut scrap = std::mem::take(&mut self.scrap);
        scrap.resize(back as usize * format.frame(), 0);
        let mut left_out = Vec::new();
        self.sound.take(&mut scrap, &mut left_out, heard);
        parts.extend(
            left_out
                .into_iter()
                .filter(|part| matches!(part, Part::Event(_))),
        );
        self.sound.take(block, parts, heard);
        format.cross_fade(&scrap, &mut block[..scrap.len()]);
        self.scrap = scrap;
        self.mapping.set(self.out, self.mapping.shift() - back);
        self.least.taken(back);
        back
    }
}
