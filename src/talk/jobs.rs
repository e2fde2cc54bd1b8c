// SPDX-License-Identifier: MPL-2.0
//! What the voice is given to do, and what comes of it.

use std::sync::Arc;

use super::{Happening, Line, Problem, Talk, Why, utterance::Pieces, utterance::Voicing};
use crate::voice::{Cancel, Clause, Settings, VoiceError};

/// Speech is made as long as less than this is ready, s. A clause adds up to 10 s, and what is
/// made of the next one in that time is more than what sounds.
const AHEAD: u64 = 5;

/// The next thing to do for who makes speech: one clause.
pub struct Job {
    /// Whose.
    pub id: u64,
    /// With what it begins; `None` if it goes on as before.
    pub settings: Option<Settings>,
    /// More of the text.
    pub text: String,
    /// Where the rest of the text is read.
    pub pieces: Option<Pieces>,
    /// The text ends with that.
    pub finish: bool,
    /// Says when nobody wants it any more.
    pub cancel: Cancel,
}

/// What came of a [`Job`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The next clause. Places in the text count from where the settings came.
    Clause(Clause),
    /// There is no clause without more text.
    Hungry,
    /// All has been spoken.
    Done,
    /// This happened, and there may be more to speak.
    Trouble(Problem),
}

impl Talk {
    /// What is to be done next, if anything. Who takes it says what came of it by
    /// [`deliver`](Self::deliver) before the next one.
    pub fn job(&mut self) -> Option<Job> {
        if self.ready() >= AHEAD * u64::from(self.rate) {
            return None;
        }
        let utterance = self
            .utterances
            .iter_mut()
            .find(|u| u.voicing != Voicing::Done)?;
        let mut job = Job {
            id: utterance.id,
            settings: None,
            text: String::new(),
            pieces: None,
            finish: false,
            cancel: utterance.cancel.clone(),
        };
        match utterance.voicing {
            Voicing::Full => return Some(job),
            Voicing::Hungry if utterance.open && utterance.waiting() == 0 => return None,
            Voicing::Fresh => {
                job.settings = Some(utterance.settings.clone());
                job.pieces = utterance.take_pieces();
                self.speaker_at = utterance.given();
            }
            Voicing::Hungry | Voicing::Done => {}
        }
        job.text = utterance.take();
        job.finish = !utterance.open && utterance.waiting() == 0 && job.pieces.is_none();
        utterance.voicing = Voicing::Full;
        Some(job)
    }

    /// What came of the job for that utterance. What nobody wants any more is dropped.
    pub fn deliver(&mut self, id: u64, outcome: Outcome) {
        let Some(utterance) = self.utterances.iter_mut().find(|u| u.id == id) else {
            return;
        };
        if utterance.voicing == Voicing::Done {
            return;
        }
        match outcome {
            Outcome::Clause(mut clause) => {
                clause.at += self.speaker_at;
                for word in &mut clause.words {
                    word.at += self.speaker_at;
                }
                let line = Line {
                    utterance: id,
                    number: utterance.clauses,
                    clause: self.converter.convert(clause, self.rate),
                };
                utterance.clauses += 1;
                utterance.ready.push_back(Arc::new(line));
            }
            Outcome::Hungry => utterance.voicing = Voicing::Hungry,
            // More may have come in the meantime.
            Outcome::Done if utterance.waiting() > 0 || utterance.open => {
                utterance.voicing = Voicing::Fresh;
            }
            Outcome::Done => utterance.voicing = Voicing::Done,
            Outcome::Trouble(Problem::Voice(VoiceError::Cancelled)) => {}
            Outcome::Trouble(problem) => {
                utterance.in_trouble = true;
                let hopeless = matches!(&problem, Problem::Voice(error) if error.is_lasting());
                if hopeless {
                    // What is ready of it is still spoken.
                    let ready = std::mem::take(&mut utterance.ready);
                    utterance.end(Why::Failed);
                    utterance.ready = ready;
                }
                self.news.push(Happening::Trouble(id, problem));
            }
        }
    }
}
