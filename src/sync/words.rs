// SPDX-License-Identifier: MPL-2.0
//! [`Words`]: which announced words the waiting sound holds, and where.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use super::Place;

/// Clauses that are remembered. Speech is made ahead by a few.
const MOST_CLAUSES: usize = 64;

/// What was announced of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Which utterance it belongs to, and its number there.
    pub utterance: u64,
    /// From 0.
    pub number: u32,
    /// Samples a second that its times count; at least 1.
    pub rate: u32,
    /// In order.
    pub words: Vec<Word>,
}

/// A word of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it was written.
    pub text: String,
    /// Samples of the clause before it.
    pub start: u64,
    /// Samples that it lasts.
    pub length: u64,
}

/// A word goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The clause that it belongs to.
    pub clause: Arc<Clause>,
    /// Which of its words.
    pub word: usize,
    /// Where it begins: a sample of the planned timeline from [`Sound`](super::sound::Sound), of
    /// the output once it has been sent.
    pub at: i64,
    /// Samples that it lasts.
    pub length: i64,
}

#[derive(Default)]
pub(super) struct Words {
    clauses: VecDeque<Arc<Clause>>,
    waiting: VecDeque<Heard>,
    /// Where the word ends that was the last to begin.
    busy: i64,
}

impl Words {
    pub fn announce(&mut self, clause: Clause) {
        if self.clauses.len() == MOST_CLAUSES {
            self.clauses.pop_front();
        }
        self.clauses.push_back(Arc::new(clause));
    }

    fn find(&self, place: Place) -> Option<&Arc<Clause>> {
        let same = |c: &&Arc<Clause>| (c.utterance, c.number) == (place.utterance, place.clause);
        self.clauses.iter().rev().find(same)
    }

    /// Samples a second that the place's offset counts.
    pub fn rate(&self, place: Place) -> Option<u32> {
        self.find(place).map(|c| c.rate.max(1))
    }

    /// Sound of a clause is queued.
    pub fn place(&mut self, place: Place, span: Range<i64>, rate: u32) {
        let Some(clause) = self.find(place).cloned() else {
            return;
        };
        let own = i128::from(clause.rate.max(1));
        let at_rate = |samples: u64| (i128::from(samples) * i128::from(rate) / own) as i64;
        let begin = span.start - at_rate(place.offset);
        for (nth, word) in clause.words.iter().enumerate() {
            let at = begin.saturating_add(at_rate(word.start));
            if span.contains(&at) {
                self.waiting.push_back(Heard {
                    clause: clause.clone(),
                    word: nth,
                    at,
                    length: at_rate(word.length),
                });
            }
        }
    }

    /// These samples go out: moves the words that begin in them to `heard`.
    pub fn hear(&mut self, span: Range<i64>, heard: &mut Vec<Heard>) {
        while let Some(first) = self.waiting.front()
            && first.at < span.end
        {
            self.busy = self.busy.max(first.at.saturating_add(first.length));
            heard.extend(self.waiting.pop_front());
        }
    }

    pub fn move_back(&mut self, by: i64) {
        for word in &mut self.waiting {
            word.at -= by;
        }
        self.busy -= by;
    }

    pub fn drop_before(&mut self, position: i64) {
        while self.waiting.front().is_some_and(|w| w.at < position) {
            self.waiting.pop_front();
        }
        if position == i64::MAX {
            self.busy = 0;
        }
    }

    /// Whether a word is said anywhere in these samples.
    pub fn meets(&self, span: &Range<i64>) -> bool {
        let waiting = self.waiting.iter().take_while(|w| w.at < span.end);
        self.busy > span.start
            || waiting
                .into_iter()
                .any(|w| w.at.saturating_add(w.length) > span.start)
    }
}
