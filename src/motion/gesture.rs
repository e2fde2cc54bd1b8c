// SPDX-License-Identifier: MPL-2.0
//! [`Gestures`]: how head, brows and lids answer to speech.
//!
//! Every gesture is a curve that begins and ends at rest, smooth in position, speed and
//! acceleration, and so is their sum. None is ever changed once it has begun.

use std::collections::VecDeque;

use super::{
    noise::Chance,
    posture::{Clocks, Posture},
    prosody::{Cue, Kind},
    rest::{Hold, SwayClock},
};
use crate::pose::{Arkit, FacePose};

const MS: u64 = 1_000_000;
/// A nod goes down with the accent and comes back slowly, ms.
const NOD: Times = Times::new(160, 20, 540);
/// Degrees of a nod at its least, what a step of prominence adds, and the most.
const NOD_LEAST: f64 = 1.3;
const NOD_GROWTH: f64 = 4.0;
const NOD_MOST: f64 = 2.6;
/// How early before the rise of an accent its nod may begin, ns.
const NOD_EARLY: u64 = 75 * MS;
/// How long after the begin of a phrase it may, ns.
const NOD_ONSET: u64 = 20 * MS;
/// Degrees that an accent turns and tilts the head at the most.
const TURN: f64 = 0.7;
const TILT: f64 = 0.5;
/// Brows go up with some accents, by so many IOD.
const BROW: Times = Times::new(160, 130, 360);
const BROW_CHANCE: f64 = 0.34;
const BROW_RANGE: (f64, f64) = (0.022, 0.046);
/// Brows rest so long after they went up, so that two never add up.
const BROW_APART: u64 = 700 * MS;
/// A speaker turns to the left and the right, by so many degrees from one place to the other,
/// within so many ms; beyond so many degrees always back.
const TURN_RANGE: (f64, f64) = (1.8, 4.0);
const TURN_TIME: (u64, u64) = (650, 950);
const TURNED: f64 = 1.2;
/// The first accent of a phrase turns it, the others with this chance, and not sooner after the
/// last turn than this, ms.
const TURN_CHANCE: f64 = 0.45;
const TURN_APART: (u64, u64) = (1_500, 2_600);
/// Degrees that it tilts meanwhile at the most.
const LEAN: f64 = 0.6;
/// After a phrase the chin comes up a little, degrees, within so many ns, and stays there.
const RESET_RANGE: (f64, f64) = (0.5, 0.9);
const RESET: u64 = 380 * MS;
/// It comes down with the next phrase, within so many ns.
const LOWERS: u64 = 2_400 * MS;
/// Meanwhile all else stands still, for so long if nothing more is said.
const SETTLES: u64 = 250 * MS;
const WAITS: u64 = 1_500 * MS;
const WAKES: u64 = 700 * MS;
/// Before a phrase it comes to rest, so fast, until so long after its begin.
const HALTS: u64 = 70 * MS;
const HALTED: u64 = 140 * MS;
const GOES_ON: u64 = 400 * MS;
/// Without more to say it looks ahead again, so long after (of the sway's time), and it takes so
/// long for a degree and at least: slower than it sways.
const HOME_AFTER: u64 = 400 * MS;
const HOME_LATEST: u64 = 6_000 * MS;
const HOME: (u64, u64) = (2_500 * MS, 3_000 * MS);
/// Phrases that end sooner after another have no blink of their own.
const PAUSES_APART: u64 = 900 * MS;
/// Blinks a minute at which every phrase ends with one.
const ALL_BLINK: f64 = 32.0;
/// IOD that the rig's brows rise at weight 1.
const INNER_IOD: f32 = 0.12;
const OUTER_IOD: f32 = 0.10;

const STREAM: u64 = 0x40;

#[derive(Clone, Copy, Debug)]
struct Times {
    rise: u64,
    stay: u64,
    fall: u64,
}

impl Times {
    const fn new(rise: u64, stay: u64, fall: u64) -> Self {
        Self {
            rise: rise * MS,
            stay: stay * MS,
            fall: fall * MS,
        }
    }

    fn whole(self) -> u64 {
        self.rise + self.stay + self.fall
    }

    /// How much of a gesture is there so long after its start, 0–1.
    fn share(self, since: u64) -> f64 {
        if since < self.rise {
            ease(since as f64 / self.rise as f64)
        } else if since < self.rise + self.stay {
            1.0
        } else {
            let after = (since - self.rise - self.stay) as f64 / self.fall as f64;
            1.0 - ease(after.min(1.0))
        }
    }
}

/// From 0 to 1 with speed and acceleration 0 at both ends (minimum jerk).
pub(super) fn ease(t: f64) -> f64 {
    t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)
}

/// That far from the first to the second.
fn between((low, high): (f64, f64), share: f64) -> f64 {
    low + (high - low) * share
}

/// Likewise in ms, as ns.
fn ms((low, high): (u64, u64), share: f64) -> u64 {
    low * MS + ((high - low) as f64 * share) as u64 * MS
}

#[derive(Clone, Copy, Debug)]
struct Gesture {
    start: u64,
    times: Times,
    /// Yaw, pitch, roll, degrees.
    head: [f64; 3],
    /// Both brows up, IOD.
    brow: f64,
}

/// What speech adds to a face at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Delivery {
    /// Yaw, pitch, roll, degrees.
    pub(super) head: [f64; 3],
    /// Both brows up, IOD.
    pub(super) brow: f64,
}

impl Delivery {
    /// Raises the brows of `pose`.
    pub(super) fn raise_brows(&self, pose: &mut FacePose) {
        let up = self.brow as f32;
        // The outer shape lifts the inner end by a quarter, the inner one makes up for the rest.
        for (shape, weight) in [
            (Arkit::BrowInnerUp, 0.75 * up / INNER_IOD),
            (Arkit::BrowOuterUpLeft, up / OUTER_IOD),
            (Arkit::BrowOuterUpRight, up / OUTER_IOD),
        ] {
            pose.set(shape, pose.get(shape) + weight);
        }
    }
}

/// The gestures of speech that were decided and are not over.
pub(super) struct Gestures {
    chance: Chance,
    gestures: VecDeque<Gesture>,
    posture: Posture,
    /// No turn begins before.
    turn_free: u64,
    /// Starts of blinks that end phrases, each with the chance it was given. In order.
    pauses: VecDeque<Pause>,
    sway: SwayClock,
    /// When the last phrase began.
    onset: u64,
    /// Amplitude of the last nod so far, degrees, and how it turns and tilts per degree.
    nod: f64,
    turn: [f64; 2],
    brow_free: u64,
}

/// The pause after a phrase.
#[derive(Clone, Copy, Debug)]
struct Pause {
    start: u64,
    luck: f64,
}

impl Gestures {
    pub(super) fn new(chance: Chance) -> Self {
        Self {
            chance,
            gestures: VecDeque::with_capacity(64),
            posture: Posture::new(),
            turn_free: 0,
            pauses: VecDeque::with_capacity(16),
            sway: SwayClock::new(),
            onset: 0,
            nod: 0.0,
            turn: [0.0; 2],
            brow_free: 0,
        }
    }

    /// Answers to a cue that happens at the running time `at` and can be shown from `from` on.
    pub(super) fn answer(&mut self, cue: &Cue, at: u64, from: u64) {
        match cue.kind {
            Kind::Onset => self.begin(at, from),
            Kind::Accent => self.accent(at, from),
            Kind::Stronger(more) => {
                let nod = (NOD_GROWTH * f64::from(more)).min(NOD_MOST - self.nod);
                if nod > 0.0 {
                    self.nod += nod;
                    self.push_nod(from.max(self.nod_start(at)), nod);
                }
            }
            Kind::PhraseEnd => self.end(at, from.max(at)),
        }
    }

    /// A phrase begins at `at`: until then the head comes to rest.
    fn begin(&mut self, at: u64, from: u64) {
        self.turn_free = 0;
        self.onset = at;
        self.sway.hold(Hold {
            start: from,
            rise: HALTS,
            release: at.saturating_add(HALTED).max(from + HALTS),
            fall: GOES_ON,
        });
    }

    fn accent(&mut self, at: u64, from: u64) {
        let index = at / MS;
        let chance = self.chance;
        let unit = |k: u64| chance.unit(STREAM + k, index);
        let signed = |k: u64| chance.signed(STREAM + k, index);
        let nod = NOD_LEAST + 0.4 * unit(0);
        // Each nod has a direction of its own; most are straight.
        self.turn = [TURN * signed(1).powi(3), TILT * signed(2).powi(3)];
        self.nod = nod;
        let start = from.max(self.nod_start(at));
        let brow = unit(3) < BROW_CHANCE && start >= self.brow_free;
        let up = between(BROW_RANGE, unit(4));
        self.posture.stay(self.clocks(from));
        let first = self.turn_free == 0;
        if first || (start >= self.turn_free && unit(9) < TURN_CHANCE) {
            let [yaw, pitch, _] = self.posture.goal();
            let way = if yaw.abs() > TURNED {
                -yaw.signum()
            } else {
                signed(10).signum()
            };
            let yaw = yaw + way * between(TURN_RANGE, unit(11));
            let roll = LEAN * signed(12);
            self.posture
                .turn([yaw, pitch, roll], start, ms(TURN_TIME, unit(13)));
            // Not with the nod: it would be a larger one.
            self.posture.turn([yaw, 0.0, roll], start, LOWERS);
            self.turn_free = start + ms(TURN_APART, unit(14));
        }
        // What is too short to be a phrase has no end.
        self.come_home(start, HOME_LATEST);
        self.push_nod(start, nod);
        if brow {
            self.brow_free = start + BROW_APART;
            self.push(start, BROW, [0.0; 3], up);
        }
    }

    /// A phrase has ended, which shows from `start` on.
    fn end(&mut self, at: u64, start: u64) {
        let index = at / MS;
        let chance = self.chance;
        let unit = |k: u64| chance.unit(STREAM + k, index);
        let signed = |k: u64| chance.signed(STREAM + k, index);
        self.posture.stay(self.clocks(start));
        let [yaw, _, roll] = self.posture.goal();
        let up = between(RESET_RANGE, unit(5));
        let goal = [yaw + 0.6 * signed(6), -up, 0.6 * roll + 0.4 * signed(7)];
        self.posture.turn(goal, start, RESET);
        self.sway.hold(Hold {
            start,
            rise: SETTLES,
            release: start.saturating_add(WAITS),
            fall: WAKES,
        });
        self.come_home(start, HOME_AFTER);
        let luck = unit(8);
        let free = |p: &Pause| p.start.saturating_add(PAUSES_APART) <= start;
        if self.pauses.back().is_none_or(free) {
            self.pauses.push_back(Pause { start, luck });
        }
    }

    /// Early, but not before there is anything to nod at.
    fn nod_start(&self, at: u64) -> u64 {
        at.saturating_sub(NOD_EARLY)
            .max(self.onset.saturating_add(NOD_ONSET).min(at))
    }

    /// Looks ahead again, so long after `start` of the sway's time.
    fn come_home(&mut self, start: u64, after: u64) {
        let [yaw, ..] = self.posture.goal();
        if self.posture.goal() != [0.0; 3] {
            let takes = (HOME.0 as f64 * yaw.abs()) as u64;
            let home = self.sway.at(start).saturating_add(after);
            self.posture.come_home(home, takes.max(HOME.1));
        }
    }

    fn push_nod(&mut self, start: u64, degrees: f64) {
        let [turn, tilt] = self.turn.map(|t| t * degrees / NOD_MOST);
        self.push(start, NOD, [turn, degrees, tilt], 0.0);
    }

    fn push(&mut self, start: u64, times: Times, head: [f64; 3], brow: f64) {
        self.gestures.push_back(Gesture {
            start,
            times,
            head,
            brow,
        });
    }

    /// Drops what has not begun by that time: its sound is not heard.
    pub(super) fn forget_after(&mut self, time: u64) {
        self.gestures.retain(|g| g.start <= time);
        self.pauses.retain(|p| p.start <= time);
        self.posture.forget_after(self.clocks(time));
        self.sway.forget_after(time);
        self.come_home(time, HOME_AFTER);
        self.turn_free = 0;
        self.brow_free = self.brow_free.min(time.saturating_add(BROW_APART));
    }

    /// Drops all but how far the sway is behind.
    pub(super) fn clear(&mut self) {
        self.gestures.clear();
        self.pauses.clear();
        self.posture.clear();
        self.sway.clear();
        self.onset = 0;
        self.turn_free = 0;
        self.brow_free = 0;
    }

    /// What speech adds at that time. Times must not go back but after [`clear`](Self::clear).
    pub(super) fn at(&mut self, time: u64) -> Delivery {
        // A pause is kept for as long as its blink keeps others away.
        while let Some(over) = self.pauses.front()
            && over.start.saturating_add(super::blink::ALONE) <= time
        {
            self.pauses.pop_front();
        }
        while let Some(over) = self.gestures.front()
            && over.start.saturating_add(over.times.whole()) <= time
        {
            self.gestures.pop_front();
        }
        self.sway.pass(time);
        let mut sum = Delivery {
            head: self.posture.at(self.clocks(time)),
            ..Delivery::default()
        };
        for gesture in &self.gestures {
            // They are in the order they became known, which is nearly that of their starts.
            let Some(since) = time.checked_sub(gesture.start) else {
                if gesture.start - time > 1000 * MS {
                    break;
                }
                continue;
            };
            let share = gesture.times.share(since);
            for (sum, degrees) in sum.head.iter_mut().zip(gesture.head) {
                *sum += share * degrees;
            }
            sum.brow += share * gesture.brow;
        }
        sum
    }

    /// The time that the sway is at: it stands still in pauses and does not catch up.
    pub(super) fn sway_time(&self, time: u64) -> u64 {
        self.sway.at(time)
    }

    fn clocks(&self, time: u64) -> Clocks {
        let sway = self.sway.at(time);
        Clocks { time, sway }
    }

    /// Starts of the blinks that end phrases, at so many blinks a minute, no later than `time`.
    pub(super) fn blinks(&self, time: u64, per_minute: f64) -> impl Iterator<Item = u64> {
        self.pauses
            .iter()
            .filter(move |p| p.start <= time && p.luck < per_minute / ALL_BLINK)
            .map(|p| p.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cue(kind: Kind) -> Cue {
        Cue {
            kind,
            at: 0,
            known: 0,
        }
    }

    #[test]
    fn a_nod_has_its_size_and_peak_however_it_grows() {
        for growth in [0.0f32, 0.1, 0.3, 2.0] {
            let mut gestures = Gestures::new(Chance::new(1));
            let at = 2_000 * MS;
            gestures.answer(&cue(Kind::Accent), at, at - 75 * MS);
            for step in 1..=5 {
                let at = at + step * 10 * MS;
                gestures.answer(&cue(Kind::Stronger(growth / 5.0)), at, at - 75 * MS);
            }
            let pitch: Vec<f64> = (1_900..3_000)
                .map(|ms| gestures.at(ms * MS).head[1])
                .collect();
            let top = pitch.iter().copied().fold(0.0, f64::max);
            let peak = 1_900 + pitch.iter().position(|p| *p == top).expect("one");
            assert!((1.0..=3.0 / 1.05).contains(&top), "{top}°");
            assert!((2_060..2_160).contains(&peak), "{peak} ms");
            assert_eq!(pitch[pitch.len() - 1], 0.0);
        }
    }

    #[test]
    fn brows_go_up_with_a_third_of_the_accents() {
        let mut gestures = Gestures::new(Chance::new(4));
        let mut raised = 0;
        for i in 1..=600u64 {
            let at = i * 1_300 * MS;
            gestures.answer(&cue(Kind::Accent), at, at - 50 * MS);
            let up = gestures.at(at + 200 * MS).brow;
            assert!(up == 0.0 || (0.02..=0.05).contains(&up), "{up} IOD");
            raised += u32::from(up > 0.0);
        }
        assert!((160..=240).contains(&raised), "{raised} of 600");
    }

    proptest! {
        /// Whatever comes when, head and brows do not jump or jerk.
        #[test]
        fn motion_is_smooth(
            seed in any::<u64>(),
            cues in prop::collection::vec((0u8..5, 10u64..600, 0f32..0.3), 1..40),
        ) {
            let mut gestures = Gestures::new(Chance::new(seed));
            let (mut at, mut cues) = (1_000, cues.into_iter().peekable());
            let mut last = [(0.0f64, 0.0f64, 0u64); 3];
            let mut accents = 0;
            for ms in 0..4_000u64 {
                while let Some((kind, gap, more)) = cues.next_if(|(_, gap, _)| at + gap <= ms) {
                    at += gap;
                    // Accents are 300 ms apart.
                    let kind = match kind {
                        0 if at > accents + 300 => Kind::Accent,
                        1 => Kind::PhraseEnd,
                        4 => Kind::Onset,
                        _ => Kind::Stronger(more),
                    };
                    if kind == Kind::Accent {
                        accents = at;
                    }
                    gestures.answer(&cue(kind), at * MS, ms * MS);
                }
                let now = gestures.at(ms * MS);
                let sway = gestures.sway_time(ms * MS);
                for (was, is) in last.iter_mut().zip([now.head[1], now.head[0], now.brow * 50.0]) {
                    let speed = is - was.0;
                    prop_assert!(speed.abs() < 0.1, "{speed}° a ms");
                    prop_assert!((speed - was.1).abs() < 0.003, "{} at {ms}", speed - was.1);
                    // One ns, for rounding.
                    prop_assert!(sway + 1 >= was.2 && sway <= was.2 + 2 * MS);
                    *was = (is, speed, sway);
                }
                prop_assert!(now.head[1].abs() < 7.0 && now.brow <= 0.05);
                prop_assert!(now.head[0].abs() < 8.5, "{}°", now.head[0]);
            }
        }
    }
}
