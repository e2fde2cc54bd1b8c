// SPDX-License-Identifier: MPL-2.0
//! [`Talk`]: decides what is heard next.

use std::{collections::VecDeque, f32::consts::PI, sync::Arc};

use super::{
    Converter, Counts, Happening, Idle, Interruption, Line, Next, Problem, Refusal, Tell, Why,
    current::Current,
    idle::Hum,
    resample::scaled,
    utterance::{Pieces, Utterance, Voicing},
};
use crate::voice::Settings;

/// How long interrupted speech takes to fade, as a part of a second: 10 ms.
const FADE: usize = 100;
/// Utterances that may wait: each takes room, however little text it has.
const MOST_UTTERANCES: usize = 1 << 16;

/// Utterances, and what is heard of them when.
///
/// Three sides meet here: who says and interrupts, who makes speech ([`job`](Self::job),
/// [`deliver`](Self::deliver)), and who takes samples ([`next`](Self::next)). Each utterance
/// that was accepted ends in exactly one [`Happening::Finished`] or [`Interruption`].
pub struct Talk {
    /// Silence when there is nothing to say, instead of an end.
    live: bool,
    pub(super) rate: u32,
    idle: Idle,
    hum: Hum,
    limit: usize,
    last_id: u64,
    last_begun: Option<u64>,
    pub(super) utterances: VecDeque<Utterance>,
    current: Option<Current>,
    /// Byte of the utterance at which the voice began last.
    pub(super) speaker_at: u64,
    pub(super) converter: Converter,
    /// Samples that are not heard.
    skip: u64,
    /// Samples of speech that were given out or skipped.
    given: u64,
    /// More may be said, so there is no end yet.
    awaiting: bool,
    pub(super) news: Vec<Happening>,
    counts: Counts,
}

impl Talk {
    /// Nothing to say yet. `live`: silence follows what was said, instead of an end. `rate` is
    /// that of the samples, per second.
    pub fn new(live: bool, rate: u32) -> Self {
        Self {
            live,
            rate: rate.max(1),
            idle: Idle::default(),
            hum: Hum::default(),
            limit: usize::MAX,
            last_id: 0,
            last_begun: None,
            utterances: VecDeque::new(),
            current: None,
            speaker_at: 0,
            converter: Converter::new(),
            skip: 0,
            given: 0,
            awaiting: false,
            news: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Whether silence follows what was said, instead of an end.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    /// The next utterance gets the id that follows on this one: no two that may meet share one.
    pub fn set_last_id(&mut self, id: u64) {
        self.last_id = id;
    }

    /// What is heard while nobody speaks.
    pub fn set_idle(&mut self, idle: Idle) {
        self.idle = idle;
    }

    /// How much text may wait in [`say`](Self::say) and [`append`](Self::append), bytes.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// As long as this is so, running out of speech is not the end.
    pub fn set_awaiting(&mut self, awaiting: bool) {
        self.awaiting = awaiting;
    }

    /// Another sample rate, from the next sample on.
    pub fn set_rate(&mut self, rate: u32) {
        let before = self.rate;
        if rate == before || rate == 0 {
            return;
        }
        self.rate = rate;
        self.given = scaled(self.given, before, rate);
        let mut convert = |line: &mut Arc<Line>| {
            let clause = self.converter.convert(line.clause.clone(), rate);
            *line = Arc::new(Line { clause, ..**line });
        };
        for utterance in &mut self.utterances {
            utterance.ready.iter_mut().for_each(&mut convert);
            utterance.samples = scaled(utterance.samples, before, rate);
        }
        if let Some(current) = &mut self.current {
            convert(&mut current.line);
            let end = current.line.clause.samples.len() as u64;
            for place in std::iter::once(&mut current.at).chain(&mut current.cut) {
                *place = scaled(*place as u64, before, rate).min(end) as usize;
            }
        }
    }

    /// So many samples from here on are not heard: a seek.
    pub fn set_skip(&mut self, samples: u64) {
        self.skip = samples;
    }

    /// What is going on.
    pub fn counts(&self) -> Counts {
        Counts {
            waiting: self.utterances.len() as u64,
            text: self.waiting() as u64,
            ready: self.ready(),
            ..self.counts
        }
    }

    /// Counts from 0 again.
    pub fn reset_counts(&mut self) {
        self.counts = Counts::default();
    }

    /// How many samples it is in all from the first to the end, once that is known: all text is
    /// there and has been spoken. It changes when more is said.
    pub fn total(&self) -> Option<u64> {
        let made = |u: &Utterance| u.voicing == Voicing::Done && !u.open;
        let known = !self.live && !self.awaiting && self.utterances.iter().all(made);
        known.then(|| self.given + self.ready())
    }

    /// Samples over which what is interrupted becomes silent.
    fn fade_length(&self) -> usize {
        (self.rate as usize / FADE).max(1)
    }

    fn waiting(&self) -> usize {
        self.utterances.iter().map(Utterance::waiting).sum()
    }

    /// Samples of speech made ahead.
    pub(super) fn ready(&self) -> u64 {
        let waiting = self.utterances.iter().flat_map(|u| &u.ready);
        let now = self.current.iter().map(|c| c.left(self.fade_length()));
        let later = waiting.map(|l| l.clause.samples.len());
        now.chain(later).sum::<usize>() as u64
    }

    /// A whole text, spoken after all that waits; the utterance's id.
    ///
    /// # Errors
    /// That too much waits.
    pub fn say(&mut self, settings: Settings, text: String) -> Result<u64, Refusal> {
        self.check_room(text.len())?;
        Ok(self.push(|id| Utterance::new(id, settings, text, false)))
    }

    /// The beginning of a text whose rest is appended.
    ///
    /// # Errors
    /// That too much waits.
    pub fn begin(&mut self, settings: Settings, text: String) -> Result<u64, Refusal> {
        self.check_room(text.len())?;
        Ok(self.push(|id| Utterance::new(id, settings, text, true)))
    }

    /// More text for an utterance that has not ended; from now on it waits for
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// That too much waits, or that the utterance has ended.
    pub fn append(&mut self, id: u64, text: String) -> Result<(), Refusal> {
        self.check_room(text.len())?;
        let utterance = self.open(id)?;
        utterance.append(text);
        utterance.open = true;
        Ok(())
    }

    /// The rest of a text for which there [was room](Self::check_room), if its utterance is
    /// still wanted; it is complete with that.
    pub fn complete(&mut self, id: u64, rest: String) {
        if let Ok(utterance) = self.open(id) {
            utterance.append(rest);
            utterance.open = false;
        }
    }

    /// The utterance's text is complete.
    ///
    /// # Errors
    /// That the utterance has ended.
    pub fn finish(&mut self, id: u64) -> Result<(), Refusal> {
        self.open(id)?.open = false;
        Ok(())
    }

    /// A text of about so many bytes that is read as it is needed; no limit holds for it.
    pub fn read(&mut self, settings: Settings, pieces: Pieces, bytes: u64) -> u64 {
        self.push(|id| Utterance::read(id, settings, pieces, bytes))
    }

    /// A text that no limit holds for.
    pub fn say_anyway(&mut self, settings: Settings, text: String) -> u64 {
        self.push(|id| Utterance::new(id, settings, text, false))
    }

    fn push(&mut self, utterance: impl FnOnce(u64) -> Utterance) -> u64 {
        self.last_id += 1;
        self.utterances.push_back(utterance(self.last_id));
        self.last_id
    }

    /// Whether a text of so many bytes may be said.
    ///
    /// # Errors
    /// That too much waits.
    pub fn check_room(&self, bytes: usize) -> Result<(), Refusal> {
        let (waiting, limit) = (self.waiting(), self.limit);
        if waiting.saturating_add(bytes) > limit {
            return Err(Refusal::Full { waiting, limit });
        }
        let crowd = self.utterances.len();
        if crowd >= MOST_UTTERANCES {
            return Err(Refusal::Crowded(crowd));
        }
        Ok(())
    }

    fn open(&mut self, id: u64) -> Result<&mut Utterance, Refusal> {
        let mut all = self.utterances.iter_mut();
        all.find(|u| u.id == id && u.ending.is_none())
            .ok_or(Refusal::Unknown(id))
    }

    /// Ends what is being spoken with a fade, now or at the end of the word, and drops what
    /// waits, which is returned. What is said from now on comes after the fade.
    pub fn interrupt(&mut self, finish_word: bool) -> Vec<Interruption> {
        let speaking = self.utterances.front().is_some_and(|u| u.begun);
        let waiting = self.utterances.drain(usize::from(speaking)..);
        let dropped: Vec<Interruption> = waiting
            .map(|u| {
                u.cancel.cancel();
                u.interruption(Why::Interrupted)
            })
            .collect();
        self.counts.interrupted += dropped.len() as u64;
        if let Some(front) = self.utterances.front_mut() {
            front.end(Why::Interrupted);
        }
        let rate = self.rate;
        if let Some(current) = &mut self.current {
            let cut = if finish_word {
                current.word_end(rate)
            } else {
                current.at
            };
            current.cut = Some(current.cut.map_or(cut, |before| before.min(cut)));
        }
        dropped
    }

    /// Whom an interruption silences: the utterance that is being spoken, else the one that was
    /// spoken last, whose sound may still be on its way.
    pub fn speaking(&self) -> Option<u64> {
        self.last_begun
    }

    /// Whether a sound is being made that an interruption would cut.
    pub fn is_sounding(&self) -> bool {
        self.current.is_some()
    }

    /// Drops everything at once; what that ends.
    pub fn stop(&mut self, why: Why) -> Vec<Interruption> {
        self.current = None;
        self.last_begun = None;
        self.skip = 0;
        self.given = 0;
        self.awaiting = false;
        self.news.clear();
        let all = self.utterances.drain(..);
        let dropped: Vec<Interruption> = all
            .map(|u| {
                u.cancel.cancel();
                u.interruption(u.ending.unwrap_or(why))
            })
            .collect();
        self.counts.interrupted += dropped.len() as u64;
        dropped
    }

    /// Fills the beginning of `room`, as far as one clause goes, and says what it is and what
    /// happens in it.
    pub fn next(&mut self, room: &mut [f32], tells: &mut Vec<Tell>) -> Next {
        let fade = self.fade_length();
        let news = std::mem::take(&mut self.news);
        tells.extend(news.into_iter().map(|what| Tell { at: 0, what }));
        loop {
            if self.current.is_none() && !self.advance(tells) {
                return self.idle(room);
            }
            let Some(current) = &mut self.current else {
                continue;
            };
            if self.skip > 0 {
                let left = current.left(fade) as u64;
                let skipped = left.min(self.skip);
                current.at += skipped as usize;
                self.skip -= skipped;
                self.given += skipped;
                if skipped == left {
                    self.current = None;
                    continue;
                }
                current.pass_over();
            }
            return match current.cut {
                Some(cut) if current.at >= cut => self.fade(cut, room, tells),
                _ => self.speak(room, tells),
            };
        }
    }

    /// Takes up the next clause that is ready, and ends utterances that have none to come.
    fn advance(&mut self, tells: &mut Vec<Tell>) -> bool {
        while let Some(front) = self.utterances.front_mut() {
            if let Some(line) = front.ready.pop_front() {
                self.current = Some(Current::new(line));
                return true;
            }
            if front.voicing != Voicing::Done || front.open {
                return false;
            }
            self.end_front(0, tells);
        }
        false
    }

    /// The first utterance has ended at sample `at` of what is given out.
    fn end_front(&mut self, at: usize, tells: &mut Vec<Tell>) {
        let Some(front) = self.utterances.pop_front() else {
            return;
        };
        // Whoever waits for speech that could not be made wants to know that it failed.
        let failed = front.in_trouble && front.samples == 0;
        let what = if let Some(why) = front.ending.or(failed.then_some(Why::Failed)) {
            self.counts.interrupted += 1;
            Happening::Interrupted(front.interruption(why))
        } else {
            if front.samples == 0 && front.clauses == 0 {
                let what = Happening::Trouble(front.id, Problem::Nothing);
                tells.push(Tell { at, what });
            }
            self.counts.finished += 1;
            Happening::Finished {
                id: front.id,
                samples: front.samples,
            }
        };
        tells.push(Tell { at, what });
    }

    fn idle(&mut self, room: &mut [f32]) -> Next {
        if !self.live {
            let over = self.utterances.is_empty() && !self.awaiting;
            return if over { Next::End } else { Next::Wait };
        }
        let samples = room.len();
        self.hum.fill(self.idle, room);
        self.counts.idle += samples as u64;
        // An utterance that waits for its text is not late.
        if let Some(front) = self.utterances.front()
            && front.begun
            && front.voicing == Voicing::Full
        {
            self.counts.starved += samples as u64;
        }
        Next::Idle(samples)
    }

    fn speak(&mut self, room: &mut [f32], tells: &mut Vec<Tell>) -> Next {
        let (Some(current), Some(front)) = (&mut self.current, self.utterances.front_mut()) else {
            return Next::Wait;
        };
        if !front.begun {
            front.begun = true;
            self.last_begun = Some(front.id);
            let what = Happening::Started {
                id: front.id,
                text: front.bytes(),
                estimate: front.estimate,
            };
            tells.push(Tell { at: 0, what });
        }
        let line = current.line.clone();
        if !current.told {
            current.told = true;
            self.counts.clauses += 1;
            let what = Happening::Clause(line.clone());
            tells.push(Tell { at: 0, what });
        }
        let from = current.at;
        let end = current
            .cut
            .unwrap_or(usize::MAX)
            .min(line.clause.samples.len());
        let samples = room.len().min(end - from);
        let to = from + samples;
        room[..samples].copy_from_slice(&line.clause.samples[from..to]);
        self.counts.words += current.pass(from, to, tells);
        current.hear(to, front);
        current.at = to;
        front.samples += samples as u64;
        self.counts.speech += samples as u64;
        self.given += samples as u64;
        if to == line.clause.samples.len() {
            let over = Happening::ClauseOver(line.clone(), to as u64);
            self.current = None;
            tells.push(Tell {
                at: samples,
                what: over,
            });
            let front = self.utterances.front();
            if front.is_some_and(|f| f.ready.is_empty() && f.voicing == Voicing::Done && !f.open) {
                self.end_front(samples, tells);
            }
        }
        Next::Speech {
            line,
            offset: from as u64,
            samples,
        }
    }

    /// What was interrupted at sample `cut` of its clause goes on more and more quietly.
    fn fade(&mut self, cut: usize, room: &mut [f32], tells: &mut Vec<Tell>) -> Next {
        let long = self.fade_length();
        let Some(current) = &mut self.current else {
            return Next::Wait;
        };
        let done = current.at - cut;
        let samples = room.len().min(long - done);
        let rest =
            &current.line.clause.samples[current.at.min(current.line.clause.samples.len())..];
        for (i, sample) in room[..samples].iter_mut().enumerate() {
            let angle = PI * (done + i + 1) as f32 / long as f32;
            *sample = rest.get(i).unwrap_or(&0.0) * 0.5 * (1.0 + angle.cos());
        }
        current.at += samples;
        self.counts.speech += samples as u64;
        self.given += samples as u64;
        if done + samples == long {
            let over = Happening::ClauseOver(current.line.clone(), cut as u64);
            tells.push(Tell {
                at: samples,
                what: over,
            });
            self.current = None;
            self.end_front(samples, tells);
        }
        Next::Fade(samples)
    }
}
