// SPDX-License-Identifier: MPL-2.0
//! [`Current`]: how far the clause that is being spoken has come.

use std::sync::Arc;

use super::{Happening, Line, Tell, utterance::Utterance};

/// A word that an interruption lets end takes no longer than that, s.
const LONGEST_WORD: u64 = 2;

/// The clause that is being spoken.
pub(super) struct Current {
    pub(super) line: Arc<Line>,
    /// The next of its samples.
    pub(super) at: usize,
    /// The next of its words.
    pub(super) word: usize,
    /// The next of its marks.
    pub(super) mark: usize,
    /// The next of its words that has not sounded to its end.
    pub(super) heard: usize,
    /// It was told that it begins.
    pub(super) told: bool,
    /// Where the fade begins, if it was interrupted.
    pub(super) cut: Option<usize>,
}

impl Current {
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self {
            line,
            at: 0,
            word: 0,
            mark: 0,
            heard: 0,
            told: false,
            cut: None,
        }
    }

    /// Samples that are still to come; an interrupted clause ends with a fade of `fade` samples,
    /// which may reach beyond the clause's own end.
    pub(super) fn left(&self, fade: usize) -> usize {
        let whole = self.line.clause.samples.len();
        self.cut.map_or(whole, |cut| cut + fade) - self.at
    }

    /// Words that were skipped are neither told nor counted as heard.
    pub(super) fn pass_over(&mut self) {
        let at = self.at as u64;
        let words = &self.line.clause.words;
        self.word = words.partition_point(|w| w.start < at);
        self.mark = self.line.clause.marks.partition_point(|m| m.start < at);
        self.heard = self.word;
    }

    /// Tells of the words and marks between two samples of the clause; how many words that were.
    pub(super) fn pass(&mut self, from: usize, to: usize, tells: &mut Vec<Tell>) -> u64 {
        let clause = &self.line.clause;
        let within = |start: u64| (start as usize).saturating_sub(from);
        let first = self.word;
        while let Some(word) = clause.words.get(self.word)
            && word.start < to as u64
        {
            let what = Happening::Word(self.line.clone(), self.word);
            tells.push(Tell {
                at: within(word.start),
                what,
            });
            self.word += 1;
        }
        // The last mark may stand behind the last sample.
        let is_end = to == clause.samples.len();
        while let Some(mark) = clause.marks.get(self.mark)
            && (is_end || mark.start < to as u64)
        {
            let what = Happening::Mark(self.line.clone(), self.mark);
            tells.push(Tell {
                at: within(mark.start).min(to - from),
                what,
            });
            self.mark += 1;
        }
        (self.word - first) as u64
    }

    /// Words that have sounded to their end before sample `to`.
    pub(super) fn hear(&mut self, to: usize, utterance: &mut Utterance) {
        let words = &self.line.clause.words;
        while let Some(word) = words.get(self.heard)
            && word.start + word.length <= to as u64
        {
            utterance.heard(&self.line, self.heard);
            self.heard += 1;
        }
    }

    /// The sample behind the word that sounds now, or the next one if none does.
    pub(super) fn word_end(&self, rate: u32) -> usize {
        let at = self.at as u64;
        let sounding = self.line.clause.words[..self.word].iter();
        let ends = sounding.map(|w| w.start + w.length).filter(|end| *end > at);
        let end = ends.max().unwrap_or(at);
        let end = end.min(at + LONGEST_WORD * u64::from(rate));
        (end as usize).min(self.line.clause.samples.len())
    }
}
