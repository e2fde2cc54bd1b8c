// SPDX-License-Identifier: MPL-2.0
//! [`PhoneArticulator`]: the mouth from phones that are known, where they are.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Articulator, Mouth, Origin, gesture::Score};
use crate::{audio::ANALYSIS_RATE, speech::Phone};

/// How long the mouth goes over from what is heard to what is known, and back, ns.
const CROSS_FADE: i64 = 80_000_000;
/// Clauses that are kept at most: half an hour of the longest ones. What is older goes.
const MOST_STRETCHES: usize = 256;
/// Running times beyond this (73 years) are none, ns; nothing overflows within.
const FAR: i64 = i64::MAX / 4;

/// The phones that are known: told by whoever knows, read by the articulator. Clones are the
/// same. Times are running times in ns.
#[derive(Clone, Default)]
pub struct KnownPhones(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// In order; none overlaps the next.
    stretches: VecDeque<Stretch>,
    /// Running time of the articulator's sample 0.
    zero: i64,
}

/// Phones that follow each other.
struct Stretch {
    /// Running time of their sample 0.
    at: i64,
    rate: u32,
    phones: Vec<Phone>,
    score: Score,
}

impl Stretch {
    fn new(at: i64, rate: u32, phones: Vec<Phone>) -> Self {
        Self {
            score: Score::new(at, rate, &phones),
            at,
            rate,
            phones,
        }
    }

    /// Without what happens from that time on.
    fn until(mut self, time: i64) -> Self {
        let since = i128::from(time.saturating_sub(self.at)) * i128::from(self.rate);
        let end = u64::try_from(since / 1_000_000_000).unwrap_or(0);
        self.phones.retain(|p| p.start < end);
        for phone in &mut self.phones {
            phone.length = phone.length.min(end - phone.start);
            phone.release = phone.release.map(|r| r.min(end));
        }
        Self::new(self.at, self.rate, self.phones)
    }
}

impl KnownPhones {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Phones whose sample 0 lies at a running time, at `rate` samples a second. What was
    /// announced for later than the first of them is revoked.
    pub fn announce(&self, at: i64, rate: u32, phones: &[Phone]) {
        let stretch = Stretch::new(at.clamp(-FAR, FAR), rate, phones.to_vec());
        let mut known = self.lock();
        known.end(stretch.score.span().0);
        if known.stretches.len() == MOST_STRETCHES {
            known.stretches.pop_front();
        }
        known.stretches.push_back(stretch);
    }

    /// Nothing that was announced happens from that running time on.
    pub fn end(&self, at: i64) {
        self.lock().end(at);
    }

    /// Nothing that was announced happens: the mouth is where it would be without.
    pub fn revoke(&self) {
        self.lock().stretches.clear();
    }

    /// The articulator's sample 0 lies at that running time.
    pub(crate) fn place(&self, zero: i128) {
        let limit = i128::from(FAR);
        self.lock().zero = zero.clamp(-limit, limit) as i64;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing is left half done in it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn time(&self, sample: i64) -> i64 {
        let since = i128::from(sample) * 1_000_000_000 / i128::from(ANALYSIS_RATE);
        let limit = i128::from(FAR);
        self.zero + since.clamp(-limit, limit) as i64
    }

    fn end(&mut self, at: i64) {
        while let Some(last) = self.stretches.pop_back() {
            let (start, end) = last.score.span();
            if end <= at {
                self.stretches.push_back(last);
                return;
            }
            if start < at {
                self.stretches.push_back(last.until(at));
                return;
            }
        }
    }

    /// What the phones make the mouth do, and how much that counts against what is heard.
    fn mouth(&self, time: i64) -> (Mouth, f32) {
        let (mut mouth, mut share) = (Mouth::REST, 0.0f32);
        for Stretch { score, .. } in &self.stretches {
            let (start, end) = score.span();
            if start.saturating_sub(4 * CROSS_FADE) > time {
                break;
            }
            if score.is_over(time) {
                continue;
            }
            // Each begins and ends at rest, so neighbours add up.
            mouth = mouth.plus(score.mouth(time));
            let outside = (start - time).max(time - end).max(0);
            share = share.max(1.0 - outside as f32 / CROSS_FADE as f32);
        }
        // What was announced anew in the middle of something may add up to more.
        let full = Mouth {
            jaw: mouth.jaw.min(1.0),
            wide: mouth.wide.min(1.0),
            round: mouth.round.min(1.0),
            upper: mouth.upper.min(1.0),
            tongue: mouth.tongue.min(1.0),
            closure: mouth.closure.min(1.0),
            lip_teeth: mouth.lip_teeth.min(1.0),
        };
        (full, share)
    }
}

/// Moves the mouth by phones where they are known and, if it listens, by the sound where they
/// are not.
pub struct PhoneArticulator {
    known: KnownPhones,
    heard: Option<Box<dyn Articulator>>,
}

impl PhoneArticulator {
    /// Rests where no phones are known; needs no look-ahead.
    pub fn new(known: KnownPhones) -> Self {
        Self { known, heard: None }
    }

    /// Does what `heard` says where no phones are known.
    pub fn listening(known: KnownPhones, heard: Box<dyn Articulator>) -> Self {
        let heard = Some(heard);
        Self { known, heard }
    }
}

impl Articulator for PhoneArticulator {
    fn origin(&self) -> Origin {
        Origin::Phones
    }

    fn origin_at(&self, sample: i64) -> Origin {
        let known = self.known.lock();
        match &self.heard {
            Some(heard) if known.mouth(known.time(sample)).1 < 0.5 => heard.origin_at(sample),
            _ => Origin::Phones,
        }
    }

    fn look_ahead(&self) -> u64 {
        self.heard.as_ref().map_or(0, |heard| heard.look_ahead())
    }

    fn push(&mut self, samples: &[f32]) {
        if let Some(heard) = &mut self.heard {
            heard.push(samples);
        }
    }

    fn push_silence(&mut self, samples: u64) {
        if let Some(heard) = &mut self.heard {
            heard.push_silence(samples);
        }
    }

    fn drain(&mut self) {
        if let Some(heard) = &mut self.heard {
            heard.drain();
        }
    }

    fn mouth_at(&self, sample: i64) -> Mouth {
        let known = self.known.lock();
        let (mouth, share) = known.mouth(known.time(sample));
        match &self.heard {
            Some(heard) if share < 1.0 => {
                let mut heard = heard.mouth_at(sample).towards(mouth, share);
                // Contacts at the edge of what is known are not to be weakened.
                heard.closure = heard.closure.max(mouth.closure);
                heard.lip_teeth = heard.lip_teeth.max(mouth.lip_teeth);
                heard
            }
            _ => mouth,
        }
    }

    fn forget_before(&mut self, sample: i64) {
        let mut known = self.known.lock();
        let time = known.time(sample);
        while known
            .stretches
            .front()
            .is_some_and(|s| s.score.is_over(time))
        {
            known.stretches.pop_front();
        }
        drop(known);
        if let Some(heard) = &mut self.heard {
            heard.forget_before(sample);
        }
    }

    fn take_problem(&mut self) -> Option<String> {
        self.heard.as_mut()?.take_problem()
    }

    /// The phones stay: they belong to running times, not to the sound.
    fn reset(&mut self) {
        if let Some(heard) = &mut self.heard {
            heard.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::articulate::signal::SignalArticulator;
    use proptest::prelude::*;

    const MS: u64 = 16;

    /// Phones in ms at 16 kHz; of stops the last quarter is open.
    fn phones(list: &[(&str, u64)]) -> Vec<Phone> {
        let mut at = 0;
        list.iter()
            .map(|(ipa, ms)| {
                let mut phone = Phone::new(*ipa, at * MS, ms * MS);
                phone.release = match ipa.chars().next() {
                    Some('p' | 'b' | 't' | 'd' | 'k') => Some((at + ms * 3 / 4) * MS),
                    Some('m' | 'n') => Some((at + ms) * MS),
                    _ => None,
                };
                at += ms;
                phone
            })
            .collect()
    }

    fn at(list: &[(&str, u64)], ms: i64) -> Mouth {
        let known = KnownPhones::new();
        known.announce(1_000_000_000, 16_000, &phones(list));
        known.place(1_000_000_000);
        PhoneArticulator::new(known).mouth_at(ms * MS as i64)
    }

    #[test]
    fn rounding_is_prepared() {
        let words = [("", 100), ("s", 80), ("t", 70), ("ˈuː", 150), ("", 300)];
        assert!(at(&words, 175).round > 0.3, "{:?}", at(&words, 175));
        assert!(at(&words, 240).round > 0.6);
        assert_eq!(at(&words, -25).round, 0.0);
    }

    #[test]
    fn stress_opens_and_its_lack_reduces() {
        let jaw = |vowel| at(&[("d", 60), (vowel, 140), ("d", 60), ("ˈa", 140)], 140).jaw;
        let (full, weak) = (jaw("ˈa"), jaw("a"));
        assert!(full > 0.55, "{full}");
        assert!((0.4..0.7).contains(&(weak / full)), "{weak} of {full}");
    }

    #[test]
    fn short_vowels_do_not_reach_their_target() {
        let jaw = |ms: u64| at(&[("d", 60), ("ˈa", ms), ("d", 60)], 60 + ms as i64 / 2).jaw;
        assert!(jaw(50) < 0.75 * jaw(200), "{} and {}", jaw(50), jaw(200));
    }

    #[test]
    fn lips_meet_while_the_jaw_goes_on() {
        let word = [("ˈa", 150), ("b", 70), ("ˈa", 150)];
        let shut = at(&word, 180);
        assert_eq!(shut.closure, 1.0);
        assert!(shut.jaw > 0.2, "{shut:?}");
        assert!(at(&word, 60).closure == 0.0 && at(&word, 260).closure == 0.0);
    }

    #[test]
    fn a_diphthong_turns() {
        let word = [("d", 60), ("ˈaɪ", 240), ("d", 60)];
        assert!(at(&word, 120).jaw > 1.5 * at(&word, 270).jaw);
        assert!(at(&word, 270).wide > at(&word, 120).wide + 0.1);
    }

    #[test]
    fn pauses_relax_slowly_and_openings_are_fast() {
        let word = [("ˈa", 200), ("", 500), ("ˈa", 200)];
        let jaw = |ms| at(&word, ms).jaw;
        let full = jaw(120);
        let falls = (200..700)
            .find(|ms| jaw(*ms) < 0.1 * full)
            .expect("it closes")
            - 200;
        let rises = 700
            - (400..800)
                .find(|ms| jaw(*ms) > 0.1 * full)
                .expect("it opens");
        assert!((80..=150).contains(&falls), "{falls} ms");
        assert!((0..=70).contains(&rises), "{rises} ms");
        // A short pause is no rest.
        assert!(at(&[("ˈa", 200), ("", 80), ("ˈa", 200)], 240).jaw > 0.3 * full);
    }

    #[test]
    fn what_is_revoked_moves_nothing() {
        let known = KnownPhones::new();
        let word = phones(&[("m", 80), ("ˈa", 200), ("p", 80)]);
        known.announce(0, 16_000, &word);
        let articulator = PhoneArticulator::new(known.clone());
        assert_ne!(articulator.mouth_at(2_000), Mouth::REST);
        known.revoke();
        for sample in -2_000..8_000 {
            assert_eq!(articulator.mouth_at(sample), Mouth::REST);
        }
        // What is announced anew replaces what was to follow.
        known.announce(0, 16_000, &word);
        known.announce(1_000_000_000, 16_000, &word);
        known.announce(500_000_000, 16_000, &[]);
        assert_ne!(articulator.mouth_at(2_000), Mouth::REST);
        assert_eq!(articulator.mouth_at(16_000 + 2_000), Mouth::REST);
    }

    #[test]
    fn without_phones_it_hears() {
        let mut heard = SignalArticulator::new();
        let known = KnownPhones::new();
        let listens = Box::new(SignalArticulator::new());
        let mut both = PhoneArticulator::listening(known.clone(), listens);
        assert_eq!(both.look_ahead(), heard.look_ahead());
        let sound: Vec<f32> = (0..16_000)
            .map(|i| 0.3 * (i as f32 * 0.05).sin() + 0.2 * (i as f32 * 0.29).sin())
            .collect();
        heard.push(&sound);
        both.push(&sound);
        assert_eq!(both.mouth_at(9_000), heard.mouth_at(9_000));
        assert_eq!(both.origin_at(9_000), Origin::Signal);
        known.announce(
            500_000_000,
            16_000,
            &phones(&[("", 60), ("m", 80), ("ˈa", 300)]),
        );
        assert_eq!(both.mouth_at(6_000), heard.mouth_at(6_000));
        assert_eq!(both.mouth_at(9_600).closure, 1.0);
        assert_eq!(both.origin_at(9_600), Origin::Phones);
    }

    /// From there on it is as if nothing had been announced; before, as if it had ended there.
    #[test]
    fn what_is_cut_off_does_not_happen() {
        let known = KnownPhones::new();
        known.announce(0, 16_000, &phones(&[("ˈa", 200), ("b", 80), ("ˈa", 200)]));
        known.announce(600_000_000, 16_000, &phones(&[("m", 100), ("ˈa", 200)]));
        let articulator = PhoneArticulator::new(known.clone());
        let before = articulator.mouth_at(80 * 16);
        assert_eq!(articulator.mouth_at(250 * 16).closure, 1.0);
        known.end(180_000_000);
        assert_eq!(articulator.mouth_at(80 * 16), before);
        for ms in 180..900 {
            let mouth = articulator.mouth_at(ms * 16);
            assert_eq!(mouth.closure, 0.0, "{ms} ms");
            assert!(ms < 340 || mouth == Mouth::REST, "{ms} ms: {mouth:?}");
        }
        // In the middle of something: the rest of it, later.
        known.announce(0, 16_000, &phones(&[("ˈa", 200), ("b", 80), ("ˈa", 200)]));
        let rest = [Phone {
            release: Some(60 * 16),
            ..Phone::new("b", 0, 80 * 16)
        }];
        known.announce(400_000_000, 16_000, &rest);
        assert_eq!(articulator.mouth_at(250 * 16).closure, 1.0);
        assert_eq!(articulator.mouth_at(440 * 16).closure, 1.0);
        assert_eq!(articulator.mouth_at(700 * 16), Mouth::REST);
    }

    const SYMBOLS: [&str; 14] = [
        "p", "b", "m", "t", "k", "s", "f", "v", "ˈa", "ə", "ˈuː", "i", "aʊ", "",
    ];

    fn any_phones() -> impl Strategy<Value = Vec<(&'static str, u64)>> {
        prop::collection::vec((prop::sample::select(SYMBOLS.to_vec()), 12u64..200), 1..40)
    }

    proptest! {
        #[test]
        fn every_closure_is_closed_and_every_contact_made(list in any_phones()) {
            let known = KnownPhones::new();
            let phones = phones(&list);
            known.announce(0, 16_000, &phones);
            let articulator = PhoneArticulator::new(known);
            for phone in &phones {
                // From 10 ms after the way is shut until it opens.
                let shut = phone.closure().unwrap_or(phone.start..phone.end());
                for sample in (shut.start + 160..=shut.end).step_by(8) {
                    let mouth = articulator.mouth_at(sample as i64);
                    match phone.ipa.as_str() {
                        "p" | "b" | "m" => prop_assert_eq!(mouth.aperture(), 0.0),
                        "f" | "v" => prop_assert_eq!(mouth.lip_teeth, 1.0),
                        _ => {}
                    }
                }
            }
        }

        #[test]
        fn the_mouth_never_jumps(list in any_phones()) {
            let known = KnownPhones::new();
            known.announce(0, 16_000, &phones(&list));
            let articulator = PhoneArticulator::new(known);
            let parts = |m: Mouth| [m.jaw, m.wide, m.round, m.upper, m.closure, m.lip_teeth, m.tongue];
            let total: u64 = list.iter().map(|(_, ms)| ms * MS).sum();
            let mut last = parts(articulator.mouth_at(-8_000));
            prop_assert_eq!(last, [0.0; 7]);
            for sample in (-8_000..total as i64 + 8_000).step_by(16) {
                let now = parts(articulator.mouth_at(sample));
                for (a, b) in last.iter().zip(now) {
                    prop_assert!((0.0..=1.0).contains(&b));
                    // In 1 ms: lips part in 40 ms, at most 1.5 times as fast as on average.
                    prop_assert!((b - a).abs() < 0.06, "{a} to {b} at {sample}");
                }
                last = now;
            }
            prop_assert_eq!(last, [0.0; 7]);
        }
    }
}
