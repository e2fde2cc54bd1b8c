// SPDX-License-Identifier: MPL-2.0
//! [`Aligner`]: where clauses that were announced lie among the sound.

use std::collections::VecDeque;

use super::Phone;

/// A clause whose sound lies nearer than this to where it was is where it was, ns: more than any
/// resampler delays, less than any correction of [`timeline`](crate::timeline).
const TOLERANCE: u64 = 20_000_000;
/// Clauses that are kept while their sound has not come. Senders announce one at a time.
const MOST_WAITING: usize = 16;
/// Utterances that are remembered to have been interrupted: what is left of them is on its way.
const MOST_INTERRUPTED: usize = 64;
/// Running times beyond this (73 years) are none, ns; nothing overflows within.
const FAR: i64 = i64::MAX / 4;

/// Which clause of which utterance. No two utterances share an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClauseId {
    /// The utterance.
    pub utterance: u64,
    /// The clause's number in it.
    pub clause: u32,
}

/// A clause that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Which it is.
    pub id: ClauseId,
    /// Samples a second of its phones.
    pub rate: u32,
    /// In order of their starts, in samples from the clause's first.
    pub phones: Vec<Phone>,
}

/// What a piece of sound says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which clause it belongs to.
    pub id: ClauseId,
    /// Of its first sample from the clause's first, in samples of the clause.
    pub offset: u64,
}

/// Phones of which it is known now when they sound. Times are running times in ns; those before
/// 0 are those of sound that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    /// From when on nothing holds that was said before: the clause's sound paused there.
    pub pause: Option<i64>,
    /// Where sample 0 of the phones lies.
    pub at: i64,
    /// Samples a second.
    pub rate: u32,
    /// The phones.
    pub phones: Vec<Phone>,
}

/// Keeps clauses where their sound is, whatever shifts, holds up or cuts it on the way.
///
/// A clause whose sound is labelled lies where the labels say. One whose sound is not begins
/// with the next piece of sound and stays there.
#[derive(Default)]
pub struct Aligner {
    waiting: VecDeque<Announced>,
    current: Option<Current>,
    /// The utterance of the last label.
    sounding: Option<u64>,
    interrupted: VecDeque<u64>,
    used: u64,
    ignored: u64,
}

struct Current {
    clause: Announced,
    /// Running time of its sample 0; `None` while its sound pauses.
    at: Option<i64>,
    /// That of the last label.
    offset: Option<u64>,
    /// Running time up to which its sound has come.
    heard_to: i64,
}

impl Aligner {
    /// Knows of no clause.
    pub fn new() -> Self {
        Self::default()
    }

    /// A clause whose sound comes next.
    pub fn announce(&mut self, clause: Announced) {
        if self.is_interrupted(clause.id.utterance) {
            self.ignored += 1;
            return;
        }
        if self.waiting.len() == MOST_WAITING {
            self.waiting.pop_front();
            self.ignored += 1;
        }
        self.waiting.push_back(clause);
    }

    /// Counts a clause that could not be announced.
    pub fn ignore(&mut self) {
        self.ignored += 1;
    }

    /// Sound that lies from one running time to another: what that tells.
    pub fn sound(&mut self, from: i64, to: i64, label: Option<Label>) -> Option<Aligned> {
        let (from, to) = (from.clamp(-FAR, FAR), to.clamp(-FAR, FAR));
        self.sounding = label.map(|l| l.id.utterance);
        match label {
            Some(label) => self.labelled(from, to, label),
            None => self.unlabelled(from, to),
        }
    }

    /// Silence from that running time on that is no part of any clause. If a clause was being
    /// said whose sound is labelled, it pauses: its phones do not sound from the returned time
    /// on until its sound goes on.
    pub fn silence(&mut self, from: i64) -> Option<i64> {
        let current = self.current.as_mut().filter(|c| c.offset.is_some())?;
        current.at.take().map(|_| from.clamp(-FAR, FAR))
    }

    /// What is being said ends now, and what was announced; with an utterance, of what was
    /// announced that utterance only. What is left of them on its way
    /// [`is_interrupted`](Self::is_interrupted).
    pub fn interrupt(&mut self, utterance: Option<u64>) {
        let ends = |c: &Announced| utterance.is_none_or(|u| u == c.id.utterance);
        let ended = self.waiting.iter().filter(|c| ends(c));
        let ended: Vec<u64> = ended.map(|c| c.id.utterance).collect();
        self.waiting.retain(|c| !ends(c));
        self.ignored += ended.len() as u64;
        self.current = None;
        for utterance in ended.into_iter().chain(self.sounding).chain(utterance) {
            if self.is_interrupted(utterance) {
                continue;
            }
            if self.interrupted.len() == MOST_INTERRUPTED {
                self.interrupted.pop_front();
            }
            self.interrupted.push_back(utterance);
        }
    }

    /// Whether an utterance was interrupted, so that its sound is not to be heard.
    pub fn is_interrupted(&self, utterance: u64) -> bool {
        self.interrupted.contains(&utterance)
    }

    /// Nobody knows any more where the clause is that is being said; its sound will tell.
    pub fn lose(&mut self) {
        if let Some(current) = &mut self.current {
            current.at = None;
        }
    }

    /// Forgets all clauses, as after a flush.
    pub fn clear(&mut self) {
        self.ignored += self.waiting.len() as u64;
        self.waiting.clear();
        self.current = None;
        self.sounding = None;
    }

    /// Clauses whose sound came, and clauses that were of no use.
    pub fn counts(&self) -> (u64, u64) {
        (self.used, self.ignored)
    }

    fn unlabelled(&mut self, from: i64, to: i64) -> Option<Aligned> {
        let Some(clause) = self.waiting.pop_back() else {
            if let Some(current) = &mut self.current {
                current.heard_to = to;
            }
            return None;
        };
        self.ignored += self.waiting.len() as u64;
        self.waiting.clear();
        self.used += 1;
        let aligned = Aligned {
            pause: None,
            at: from,
            rate: clause.rate,
            phones: clause.phones.clone(),
        };
        self.current = Some(Current {
            clause,
            at: Some(from),
            offset: None,
            heard_to: to,
        });
        Some(aligned)
    }

    fn labelled(&mut self, from: i64, to: i64, label: Label) -> Option<Aligned> {
        let begins = self
            .current
            .as_ref()
            .is_none_or(|c| c.clause.id != label.id);
        if begins {
            self.current = None;
            let place = self.waiting.iter().position(|c| c.id == label.id)?;
            self.ignored += place as u64;
            let clause = self.waiting.drain(..=place).next_back()?;
            self.used += 1;
            self.current = Some(Current {
                clause,
                at: None,
                offset: None,
                heard_to: from,
            });
        }
        let current = self.current.as_mut()?;
        // Whoever cuts a buffer leaves each piece the label of the whole.
        let piece = current.offset == Some(label.offset) && from >= current.heard_to;
        current.offset = Some(label.offset);
        let heard_to = std::mem::replace(&mut current.heard_to, to);
        let clause = &current.clause;
        let since = i128::from(label.offset) * 1_000_000_000 / i128::from(clause.rate.max(1));
        let at = from.saturating_sub(i64::try_from(since).unwrap_or(FAR));
        let at = at.max(-FAR);
        if let Some(was) = current.at
            && (piece || was.abs_diff(at) <= TOLERANCE)
        {
            return None;
        }
        let was = current.at.replace(at);
        Some(Aligned {
            pause: was.map(|_| heard_to),
            at,
            rate: clause.rate,
            phones: if begins {
                clause.phones.clone()
            } else {
                rest_of(&clause.phones, label.offset)
            },
        })
    }
}

/// What sounds from a sample on.
fn rest_of(phones: &[Phone], from: u64) -> Vec<Phone> {
    let rest = phones.iter().filter(|p| p.end() > from);
    rest.map(|phone| {
        if phone.start >= from {
            return phone.clone();
        }
        let length = phone.end() - from;
        match phone.release {
            // What follows the release has no shape of its own.
            Some(release) if release <= from => Phone::new("", from, length),
            release => Phone {
                release,
                ..Phone::new(phone.ipa.as_str(), from, length)
            },
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;
    const RATE: u32 = 16_000;

    fn clause(utterance: u64, clause: u32) -> Announced {
        let phones = ["m", "a", "p", "a"].iter().zip(0u64..);
        let phones = phones.map(|(ipa, i)| Phone {
            release: (i % 2 == 0).then_some(i * 1_600 + 1_200),
            ..Phone::new(*ipa, i * 1_600, 1_600)
        });
        Announced {
            id: ClauseId { utterance, clause },
            rate: RATE,
            phones: phones.collect(),
        }
    }

    fn label(utterance: u64, clause: u32, ms: u64) -> Option<Label> {
        let id = ClauseId { utterance, clause };
        Some(Label {
            id,
            offset: ms * 16,
        })
    }

    #[test]
    fn labels_say_where_a_clause_lies() {
        let mut aligner = Aligner::new();
        aligner.announce(clause(1, 0));
        // The beginning was cut off.
        let whole = aligner.sound(0, 20 * MS, label(1, 0, 150)).expect("news");
        assert_eq!((whole.at, whole.pause), (-150 * MS, None));
        assert_eq!(whole.phones, clause(1, 0).phones);
        // As a resampler has it.
        assert_eq!(aligner.sound(21 * MS, 40 * MS, label(1, 0, 170)), None);
        // Held up by 100 ms.
        let rest = aligner.sound(140 * MS, 160 * MS, label(1, 0, 190));
        let rest = rest.expect("news");
        assert_eq!((rest.at, rest.pause), (-50 * MS, Some(40 * MS)));
        let starts: Vec<u64> = rest.phones.iter().map(|p| p.start).collect();
        assert_eq!(starts, [190 * 16, 3_200, 4_800]);
        assert_eq!(rest.phones[0].end(), 3_200);
        assert_eq!(aligner.counts(), (1, 0));
    }

    #[test]
    fn without_labels_it_begins_with_the_next_sound_and_stays() {
        let mut aligner = Aligner::new();
        assert_eq!(aligner.sound(0, 20 * MS, None), None);
        aligner.announce(clause(1, 0));
        aligner.announce(clause(1, 1));
        let aligned = aligner.sound(20 * MS, 40 * MS, None).expect("news");
        assert_eq!((aligned.at, aligned.pause), (20 * MS, None));
        for from in [40, 500, 0] {
            assert_eq!(aligner.sound(from * MS, (from + 20) * MS, None), None);
            assert_eq!(aligner.silence(from * MS), None);
        }
        assert_eq!(aligner.counts(), (1, 1));
    }

    #[test]
    fn silence_that_is_put_in_is_none_of_the_clause() {
        let mut aligner = Aligner::new();
        aligner.announce(clause(1, 0));
        assert!(aligner.sound(0, 120 * MS, label(1, 0, 0)).is_some());
        assert_eq!(aligner.silence(120 * MS), Some(120 * MS));
        assert_eq!(aligner.silence(140 * MS), None, "once is enough");
        let rest = aligner.sound(300 * MS, 320 * MS, label(1, 0, 120));
        let rest = rest.expect("news");
        assert_eq!((rest.at, rest.pause), (180 * MS, None));
        assert_eq!(rest.phones[0].start, 120 * 16);
    }

    #[test]
    fn pieces_of_a_buffer_follow_each_other() {
        let mut aligner = Aligner::new();
        aligner.announce(clause(1, 0));
        assert!(aligner.sound(0, 50 * MS, label(1, 0, 0)).is_some());
        assert_eq!(aligner.sound(50 * MS, 100 * MS, label(1, 0, 0)), None);
        assert_eq!(aligner.sound(100 * MS, 150 * MS, label(1, 0, 100)), None);
        // The same again, earlier: time went back.
        let back = aligner.sound(40 * MS, 90 * MS, label(1, 0, 100));
        assert_eq!(back.map(|b| b.at), Some(-60 * MS));
    }

    /// What is left of a stop that was released is no closure.
    #[test]
    fn the_rest_of_a_phone_is_what_it_was() {
        let rest = rest_of(&clause(1, 0).phones, 3_600);
        assert_eq!((rest[0].ipa.as_str(), rest[0].start), ("p", 3_600));
        assert_eq!(rest[0].closure(), Some(3_600..4_400));
        let rest = rest_of(&clause(1, 0).phones, 4_500);
        assert!(rest[0].is_pause() && rest[0].closure().is_none());
        assert_eq!((rest[0].start, rest[0].length), (4_500, 300));
        assert_eq!(rest_of(&clause(1, 0).phones, 6_400), []);
    }

    #[test]
    fn what_is_interrupted_stays_away() {
        let mut aligner = Aligner::new();
        aligner.announce(clause(1, 0));
        assert!(aligner.sound(0, 20 * MS, label(1, 0, 0)).is_some());
        aligner.announce(clause(1, 1));
        aligner.announce(clause(2, 0));
        aligner.interrupt(Some(1));
        assert!(aligner.is_interrupted(1) && !aligner.is_interrupted(2));
        assert_eq!(aligner.sound(20 * MS, 40 * MS, label(1, 0, 20)), None);
        aligner.announce(clause(1, 2));
        assert_eq!(aligner.sound(40 * MS, 60 * MS, label(1, 2, 0)), None);
        assert!(aligner.sound(60 * MS, 80 * MS, label(2, 0, 0)).is_some());
        assert_eq!(aligner.counts(), (2, 2));
        aligner.interrupt(None);
        assert!(aligner.is_interrupted(2));
    }

    #[test]
    fn clauses_that_never_sound_are_not_kept() {
        let mut aligner = Aligner::new();
        for utterance in 0..1_000 {
            aligner.announce(clause(utterance, 0));
            aligner.interrupt(Some(utterance));
        }
        assert_eq!(aligner.waiting.len(), 0);
        assert_eq!(aligner.interrupted.len(), MOST_INTERRUPTED);
        for number in 0..1_000 {
            aligner.announce(clause(5_000, number));
        }
        assert_eq!(aligner.waiting.len(), MOST_WAITING);
        aligner.clear();
        assert_eq!(aligner.sound(0, MS, None), None);
    }

    proptest! {
        /// Wherever the sound of a clause is put, its phones are there with it.
        #[test]
        fn phones_lie_where_their_sound_does(
            pieces in prop::collection::vec((1u64..80, prop_oneof![Just(0i64), 25i64..400]), 1..30),
            begin in 0i64..5_000,
        ) {
            let mut aligner = Aligner::new();
            aligner.announce(clause(1, 0));
            let (mut offset, mut at) = (0, begin);
            let mut placed = None;
            for (length, hold) in pieces {
                at += hold;
                let to = at + length as i64;
                if let Some(news) = aligner.sound(at * MS, to * MS, label(1, 0, offset)) {
                    placed = Some(news);
                }
                let placed = placed.as_ref().expect("the first piece says it");
                prop_assert_eq!(placed.at, (at - offset as i64) * MS);
                // Nothing is said of what sounded before.
                prop_assert!(placed.phones.iter().all(|p| p.end() <= 6_400));
                offset += length;
                at = to;
            }
        }

        #[test]
        fn nothing_upsets_it(
            from: i64, to: i64, offset: u64, rate: u32, again: i64,
            phones in prop::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>()), 0..6),
        ) {
            let id = ClauseId { utterance: 0, clause: 0 };
            let phones = phones.into_iter().map(|(start, length, release)| Phone {
                release,
                ..Phone::new("b", start, length)
            });
            let mut aligner = Aligner::new();
            aligner.announce(Announced { id, rate, phones: phones.collect() });
            let label = Some(Label { id, offset });
            for from in [from, again] {
                if let Some(aligned) = aligner.sound(from, to, label) {
                    let known = crate::articulate::KnownPhones::new();
                    known.announce(aligned.at, aligned.rate, &aligned.phones);
                    known.end(again);
                }
                aligner.silence(to);
            }
        }
    }
}
