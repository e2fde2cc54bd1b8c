// SPDX-License-Identifier: MPL-2.0
//! What is heard when, with speech that is made up.

use proptest::prelude::*;

use super::*;
use crate::voice::{Clause, Settings, Word};

const RATE: u32 = 1_000;
/// 10 ms.
const FADE: usize = 10;

/// A clause of that many words of 100 samples, 20 samples apart; each sample is 0.5.
fn clause(at: u64, words: usize) -> Clause {
    let word = |n: usize| Word {
        text: "abc".into(),
        at: at + 4 * n as u64,
        start: 120 * n as u64,
        length: 100,
    };
    Clause {
        text: vec!["abc"; words].join(" "),
        at,
        language: "en".into(),
        rate: RATE,
        samples: vec![0.5; 120 * words],
        phones: Vec::new(),
        words: (0..words).map(word).collect(),
        marks: Vec::new(),
    }
}

/// A voice that makes a clause of every word, for those of three letters and a space.
#[derive(Default)]
struct Voice {
    text: String,
    made: u64,
    complete: bool,
}

impl Voice {
    /// Does a job; whether there was one.
    fn work(&mut self, talk: &mut Talk) -> bool {
        let Some(job) = talk.job() else {
            return false;
        };
        if job.settings.is_some() {
            *self = Self::default();
        }
        self.text += &job.text;
        self.complete |= job.finish;
        let outcome = if self.text.len() >= 4 || self.complete && !self.text.is_empty() {
            let at = self.made;
            let taken = self.text.len().min(4);
            self.text.drain(..taken);
            self.made += taken as u64;
            Outcome::Clause(clause(at, 1))
        } else if self.complete {
            Outcome::Done
        } else {
            Outcome::Hungry
        };
        talk.deliver(job.id, outcome);
        true
    }

    fn work_all(&mut self, talk: &mut Talk) {
        while self.work(talk) {}
    }
}

/// What was heard.
#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    /// With the sample at which it happened.
    tells: Vec<(usize, Happening)>,
}

impl Heard {
    fn listen(&mut self, talk: &mut Talk, room: usize) -> Next {
        let (mut buffer, mut tells) = (vec![0.0; room], Vec::new());
        let next = talk.next(&mut buffer, &mut tells);
        let from = self.samples.len();
        self.tells
            .extend(tells.into_iter().map(|t| (from + t.at, t.what)));
        let count = match &next {
            Next::Speech { samples, .. } => *samples,
            Next::Fade(samples) | Next::Idle(samples) => *samples,
            Next::Wait | Next::End => 0,
        };
        self.samples.extend(&buffer[..count]);
        next
    }

    fn listen_to_the_end(&mut self, talk: &mut Talk, voice: &mut Voice, room: usize) {
        loop {
            voice.work_all(talk);
            if self.listen(talk, room) == Next::End {
                return;
            }
        }
    }

    fn words(&self) -> Vec<(usize, u64)> {
        let words = self.tells.iter().filter_map(|(at, what)| match what {
            Happening::Word(line, word) => Some((*at, line.clause.words[*word].at)),
            _ => None,
        });
        words.collect()
    }

    /// Ids that finished and that were interrupted.
    fn ends(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut finished, mut interrupted) = (Vec::new(), Vec::new());
        for (_, what) in &self.tells {
            match what {
                Happening::Finished { id, .. } => finished.push(*id),
                Happening::Interrupted(end) => interrupted.push(end.id),
                _ => {}
            }
        }
        (finished, interrupted)
    }
}

fn say(talk: &mut Talk, text: &str) -> u64 {
    talk.say(Settings::default(), text.into()).expect("room")
}

#[test]
fn utterances_follow_on_each_other_without_a_gap() {
    for room in [7, 50, 1_000] {
        let mut talk = Talk::new(false, RATE);
        let (mut voice, mut heard) = (Voice::default(), Heard::default());
        assert_eq!((say(&mut talk, "abc abc "), say(&mut talk, "abc ")), (1, 2));
        heard.listen_to_the_end(&mut talk, &mut voice, room);
        assert_eq!(heard.samples, vec![0.5; 360]);
        assert_eq!(heard.words(), [(0, 0), (120, 4), (240, 0)]);
        assert_eq!(heard.ends(), (vec![1, 2], vec![]));
        let finished: Vec<usize> = heard
            .tells
            .iter()
            .filter(|(_, what)| matches!(what, Happening::Finished { .. }))
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(finished, [240, 360]);
    }
}

#[test]
fn live_there_is_silence_before_between_and_after() {
    let mut talk = Talk::new(true, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    assert_eq!(heard.listen(&mut talk, 50), Next::Idle(50));
    say(&mut talk, "abc ");
    voice.work_all(&mut talk);
    for _ in 0..10 {
        heard.listen(&mut talk, 50);
    }
    let expected: Vec<f32> = [(50, 0.0), (120, 0.5)]
        .into_iter()
        .flat_map(|(count, sample)| vec![sample; count])
        .collect();
    assert_eq!(heard.samples[..170], expected);
    assert!(heard.samples[170..].iter().all(|s| *s == 0.0));
    assert_eq!(heard.samples.len(), 50 + 120 + 7 * 50);
    assert_eq!(talk.counts().starved, 0);
}

#[test]
fn an_interruption_fades_within_ten_milliseconds_and_tells_what_was_heard() {
    let mut talk = Talk::new(true, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    let (first, second) = (say(&mut talk, "abc abc abc "), say(&mut talk, "abc "));
    voice.work_all(&mut talk);
    for _ in 0..9 {
        heard.listen(&mut talk, 20);
    }
    // The second word goes from 120 to 220.
    assert_eq!(heard.samples.len(), 180);
    let dropped = talk.interrupt(false);
    assert_eq!(dropped.len(), 1);
    assert_eq!((dropped[0].id, dropped[0].spoken), (second, 0));
    say(&mut talk, "abc ");
    voice.work_all(&mut talk);
    assert_eq!(heard.listen(&mut talk, 20), Next::Fade(FADE));
    let fade = &heard.samples[180..];
    assert!(fade.is_sorted_by(|a, b| a > b), "{fade:?}");
    assert!(fade[0] > 0.4 && fade[FADE - 1] < 0.01);
    let (at, what) = heard.tells.last().cloned().expect("told");
    assert_eq!(at, 190);
    let Happening::Interrupted(end) = what else {
        panic!("{what:?}");
    };
    assert_eq!((end.id, end.why, end.spoken), (first, Why::Interrupted, 3));
    assert_eq!(end.last_word.as_deref(), Some("abc"));
    // What is said after it is spoken.
    assert!(matches!(
        heard.listen(&mut talk, 20),
        Next::Speech { offset: 0, .. }
    ));
    let counts = talk.counts();
    assert_eq!((counts.interrupted, counts.waiting), (2, 1));
}

#[test]
fn a_fade_may_reach_beyond_the_end_of_its_clause() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    say(&mut talk, "abc ");
    voice.work_all(&mut talk);
    let whole = talk.total().expect("all is spoken") as usize;
    let spoken = whole - 3;
    for room in [spoken / 2, spoken - spoken / 2] {
        heard.listen(&mut talk, room);
    }
    talk.interrupt(false);
    for room in [4, 100] {
        assert_eq!(talk.total(), Some((spoken + FADE) as u64));
        heard.listen(&mut talk, room);
    }
    assert_eq!(heard.samples.len(), spoken + FADE);
    assert_eq!(heard.listen(&mut talk, 20), Next::End);
    assert_eq!(talk.counts().ready, 0);
}

#[test]
fn a_word_may_end_before_the_fade() {
    let mut talk = Talk::new(true, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    say(&mut talk, "abc abc ");
    voice.work_all(&mut talk);
    heard.listen(&mut talk, 30);
    talk.interrupt(true);
    while heard.listen(&mut talk, 30) != Next::Idle(30) {}
    assert_eq!(heard.samples[..100], [0.5; 100]);
    assert!(heard.samples[100 + FADE..].iter().all(|s| *s == 0.0));
    let ends: Vec<_> = heard.tells.iter().map(|(_, what)| what).collect();
    assert!(
        matches!(ends.last(), Some(Happening::Interrupted(end)) if end.spoken == 3),
        "{ends:?}"
    );
    // In a pause there is no word to wait for.
    say(&mut talk, "abc abc ");
    voice.work_all(&mut talk);
    heard.listen(&mut talk, 110);
    talk.interrupt(true);
    assert_eq!(heard.listen(&mut talk, 30), Next::Fade(FADE));
}

#[test]
fn text_in_pieces_is_spoken_as_it_comes_and_ends_when_it_is_finished() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    let id = talk.begin(Settings::default(), "ab".into()).expect("room");
    voice.work_all(&mut talk);
    assert_eq!(heard.listen(&mut talk, 500), Next::Wait);
    assert_eq!(talk.append(id, "c abc ".into()), Ok(()));
    voice.work_all(&mut talk);
    heard.listen(&mut talk, 500);
    heard.listen(&mut talk, 500);
    assert_eq!(heard.samples.len(), 240);
    assert_eq!(heard.listen(&mut talk, 500), Next::Wait, "it is still open");
    assert_eq!(talk.finish(id), Ok(()));
    heard.listen_to_the_end(&mut talk, &mut voice, 500);
    assert_eq!(heard.ends(), (vec![id], vec![]));
    assert_eq!(talk.append(id, "late".into()), Err(Refusal::Unknown(id)));
    assert_eq!(talk.finish(7), Err(Refusal::Unknown(7)));
}

/// What was said as a whole goes on where it ended, with places that count on.
#[test]
fn more_can_be_appended_to_what_is_being_spoken() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    let id = say(&mut talk, "abc abc ");
    voice.work_all(&mut talk);
    heard.listen(&mut talk, 50);
    assert_eq!(talk.append(id, "abc ".into()), Ok(()));
    voice.work_all(&mut talk);
    assert_eq!(talk.finish(id), Ok(()));
    heard.listen_to_the_end(&mut talk, &mut voice, 50);
    assert_eq!(heard.words(), [(0, 0), (120, 4), (240, 8)]);
    assert_eq!(heard.ends(), (vec![id], vec![]));
}

#[test]
fn a_text_whose_rest_follows_is_one_utterance() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    let id = talk
        .begin(Settings::default(), "abc a".into())
        .expect("room");
    voice.work_all(&mut talk);
    talk.complete(id, "bc ".into());
    heard.listen_to_the_end(&mut talk, &mut voice, 50);
    assert_eq!(heard.words(), [(0, 0), (120, 4)]);
    assert_eq!(heard.ends(), (vec![id], vec![]));
    // Nobody wants it any more.
    talk.complete(id, "abc ".into());
    assert_eq!(talk.counts().waiting, 0);
}

#[test]
fn what_exceeds_the_limit_is_refused() {
    let mut talk = Talk::new(true, RATE);
    talk.set_limit(10);
    let id = say(&mut talk, "abc abc ");
    let full = Refusal::Full {
        waiting: 8,
        limit: 10,
    };
    assert_eq!(talk.say(Settings::default(), "abc".into()), Err(full));
    assert_eq!(talk.append(id, "abc".into()), Err(full));
    // What the properties name is taken whatever its length.
    talk.say_anyway(Settings::default(), "abc ".repeat(10));
    Voice::default().work_all(&mut talk);
    assert_eq!(talk.counts().text, 0, "the voice has it");
    assert!(talk.say(Settings::default(), "abc".into()).is_ok());
}

#[test]
fn speech_is_made_ahead_but_not_without_end() {
    let mut talk = Talk::new(true, RATE);
    let mut voice = Voice::default();
    say(&mut talk, &"abc ".repeat(1_000));
    voice.work_all(&mut talk);
    let ready = talk.counts().ready;
    assert!((5_000..5_200).contains(&ready), "{ready} of 120 000");
    let mut heard = Heard::default();
    heard.listen(&mut talk, 200);
    voice.work_all(&mut talk);
    assert!(talk.counts().ready >= 5_000);
}

#[test]
fn a_voice_that_does_not_exist_ends_its_utterance_and_no_other() {
    let mut talk = Talk::new(true, RATE);
    let mut heard = Heard::default();
    let (bad, good) = (say(&mut talk, "abc "), say(&mut talk, "abc "));
    let job = talk.job().expect("work");
    let error = VoiceError::UnknownLanguage("xx".into());
    let problem = Problem::Voice(error);
    talk.deliver(job.id, Outcome::Trouble(problem.clone()));
    Voice::default().work_all(&mut talk);
    for _ in 0..10 {
        heard.listen(&mut talk, 50);
    }
    assert_eq!(heard.tells[0].1, Happening::Trouble(bad, problem));
    assert_eq!(heard.ends(), (vec![good], vec![bad]));
}

#[test]
fn nothing_to_be_spoken_is_told() {
    let mut talk = Talk::new(false, RATE);
    let id = say(&mut talk, "");
    let mut heard = Heard::default();
    heard.listen_to_the_end(&mut talk, &mut Voice::default(), 50);
    assert_eq!(heard.tells[0].1, Happening::Trouble(id, Problem::Nothing));
    assert_eq!(heard.tells[1].1, Happening::Finished { id, samples: 0 });
}

#[test]
fn a_skip_is_not_heard_and_the_rest_keeps_its_places() {
    for skip in [0, 1, 119, 120, 130, 359, 360, 500] {
        let mut talk = Talk::new(false, RATE);
        let (mut voice, mut heard) = (Voice::default(), Heard::default());
        say(&mut talk, "abc abc abc ");
        talk.set_skip(skip);
        heard.listen_to_the_end(&mut talk, &mut voice, 50);
        let left = 360u64.saturating_sub(skip);
        assert_eq!(heard.samples.len() as u64, left);
        for (at, place) in heard.words() {
            assert_eq!(at as u64 + skip, place * 30, "skip {skip}");
        }
    }
}

#[test]
fn the_length_is_known_once_all_is_made() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    say(&mut talk, "abc abc abc ");
    assert_eq!(talk.total(), None);
    voice.work_all(&mut talk);
    assert_eq!(talk.total(), Some(360));
    heard.listen(&mut talk, 50);
    assert_eq!(talk.total(), Some(360));
    talk.begin(Settings::default(), String::new())
        .expect("room");
    assert_eq!(talk.total(), None);
}

#[test]
fn another_rate_in_mid_speech_keeps_the_times() {
    let mut talk = Talk::new(false, RATE);
    let (mut voice, mut heard) = (Voice::default(), Heard::default());
    say(&mut talk, "abc abc ");
    voice.work_all(&mut talk);
    heard.listen(&mut talk, 60);
    talk.set_rate(2 * RATE);
    heard.listen_to_the_end(&mut talk, &mut voice, 50);
    assert_eq!(heard.samples.len(), 60 + 2 * 180);
    assert_eq!(heard.words(), [(0, 0), (180, 4)]);
}

#[derive(Clone, Debug)]
enum Deed {
    Say(usize),
    Begin(usize),
    Append(u64, usize),
    Finish(u64),
    Interrupt(bool),
    Work(usize),
    Listen(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0usize..6).prop_map(Deed::Say),
        (0usize..4).prop_map(Deed::Begin),
        (0u64..12, 0usize..4).prop_map(|(id, words)| Deed::Append(id, words)),
        (0u64..12).prop_map(Deed::Finish),
        any::<bool>().prop_map(Deed::Interrupt),
        (0usize..5).prop_map(Deed::Work),
        (1usize..300).prop_map(Deed::Listen),
    ];
    prop::collection::vec(deed, 1..80)
}

proptest! {
    /// Whatever is done in whatever order: every id ends exactly once, words are told in order
    /// and once, and nothing is heard twice.
    #[test]
    fn every_id_is_answered_once(deeds in deeds(), live: bool) {
        let mut talk = Talk::new(live, RATE);
        let (mut voice, mut heard) = (Voice::default(), Heard::default());
        let mut ids = Vec::new();
        let mut ended = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Say(words) => ids.push(say(&mut talk, &"abc ".repeat(words))),
                Deed::Begin(words) => {
                    let text = "abc ".repeat(words);
                    ids.push(talk.begin(Settings::default(), text).expect("room"));
                }
                Deed::Append(id, words) => drop(talk.append(id, "abc ".repeat(words))),
                Deed::Finish(id) => drop(talk.finish(id)),
                Deed::Interrupt(finish_word) => {
                    ended.extend(talk.interrupt(finish_word).into_iter().map(|i| i.id));
                }
                Deed::Work(times) => {
                    for _ in 0..times {
                        voice.work(&mut talk);
                    }
                }
                Deed::Listen(room) => drop(heard.listen(&mut talk, room)),
            }
        }
        ended.extend(talk.stop(Why::Stopped).into_iter().map(|i| i.id));
        let (finished, interrupted) = heard.ends();
        ended.extend(finished);
        ended.extend(interrupted);
        ended.sort_unstable();
        prop_assert_eq!(ended, ids);
        let words: Vec<(u64, u64)> = heard.tells.iter().filter_map(|(_, what)| match what {
            Happening::Word(line, word) => Some((line.utterance, line.clause.words[*word].at)),
            _ => None,
        }).collect();
        prop_assert!(words.is_sorted_by(|a, b| a < b), "{:?}", words);
        let places: Vec<(usize, &Happening)> =
            heard.tells.iter().map(|(at, what)| (*at, what)).collect();
        prop_assert!(places.is_sorted_by(|a, b| a.0 <= b.0), "{:?}", places);
    }
}
