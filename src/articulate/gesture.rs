// SPDX-License-Identifier: MPL-2.0
//! [`Score`]: what the mouth has to do for a row of phones, and when.
//!
//! Jaw and lips go from target to target, each at its own pace, so that short phones run into
//! each other and what is round is prepared. Contacts are apart from that: they are reached
//! whatever the jaw does.

use super::Mouth;
use crate::speech::{Manner, Phone, Viseme};

const MS: i64 = 1_000_000;

/// How a part of the mouth goes from one target to the next: it is half way `lead` ms before
/// the border of the phones, and takes `half` ms before and after that.
#[derive(Clone, Copy)]
struct Pace {
    lead: f32,
    half: f32,
}

const fn pace(lead: f32, half: f32) -> Pace {
    Pace { lead, half }
}

/// The paces of jaw, width, rounding, upper lip and tongue.
#[derive(Clone, Copy)]
struct Paces([Pace; 5]);

/// The jaw is slow, 60 ms either way is a low-pass of some 6 Hz; rounding is prepared well
/// before its sound.
const BETWEEN: Paces = Paces([
    pace(10.0, 60.0),
    pace(15.0, 50.0),
    pace(50.0, 70.0),
    pace(10.0, 45.0),
    pace(15.0, 40.0),
]);
/// Mouths open fast out of a closure or a pause.
const OPENING: Paces = Paces([
    pace(12.0, 45.0),
    pace(15.0, 45.0),
    pace(45.0, 60.0),
    pace(10.0, 40.0),
    pace(15.0, 40.0),
]);
/// They relax slowly into a pause.
const RELAXING: Paces = Paces([
    pace(-50.0, 105.0),
    pace(-45.0, 100.0),
    pace(-50.0, 105.0),
    pace(-40.0, 95.0),
    pace(0.0, 60.0),
]);
/// No pace reaches further from its border, ns.
const REACH: i64 = 160 * MS;

/// Pauses shorter than the first do not change the mouth, longer than the second end in rest,
/// ns: what Rhubarb found natural (held below 120 ms, relaxed up to 350 ms).
const HELD_PAUSE: i64 = 120 * MS;
const RELAXED_PAUSE: i64 = 350 * MS;

/// How much of their target vowels without stress reach, and all vowels where the voice tells
/// no stress.
const UNSTRESSED: f32 = 0.55;
const UNTOLD: f32 = 0.8;
/// Consonants whose lips are free take so much of the next vowel's width and rounding.
const PREPARED: f32 = 0.75;
/// Where a diphthong turns, as a share of its length.
const TURN: f32 = 0.6;
/// While the lips are shut the jaw goes to this share of where it would be between its
/// neighbours.
const SHUT_JAW: f32 = 0.55;

/// Lips take this long to meet, ns, and have met so long after the way is shut.
const CLOSING: i64 = 60 * MS;
const MET: i64 = 6 * MS;
/// And so long to part.
const PARTING: i64 = 40 * MS;
/// No contact is shorter, ns: a viewer would not see it.
const SHORTEST_CONTACT: i64 = 30 * MS;
/// How near lips come that make a hiss between them (β, ɸ).
const NEARLY: f32 = 0.7;

/// From one target to the next.
#[derive(Clone, Copy)]
struct Step {
    at: i64,
    from: Mouth,
    to: Mouth,
    paces: Paces,
}

/// Lips that meet, or lip and teeth.
#[derive(Clone, Copy)]
struct Contact {
    from: i64,
    to: i64,
    closure: f32,
    lip_teeth: f32,
}

/// A phone's target in time.
struct Target {
    at: i64,
    mouth: Mouth,
    viseme: Viseme,
    length: i64,
}

/// What the mouth does for one stretch of phones. Times are in ns.
pub(super) struct Score {
    start: i64,
    end: i64,
    steps: Vec<Step>,
    contacts: Vec<Contact>,
}

impl Score {
    /// That of phones whose sample 0 lies at `start`, at `rate` samples a second.
    pub(super) fn new(start: i64, rate: u32, phones: &[Phone]) -> Self {
        let time = |sample: u64| {
            let since = i128::from(sample) * 1_000_000_000 / i128::from(rate.max(1));
            start.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
        };
        let end = phones.iter().map(|p| time(p.end())).max();
        let end = end.unwrap_or(start);
        let begin = phones.iter().map(|p| time(p.start)).min();
        let mut contacts: Vec<Contact> = phones.iter().filter_map(|p| contact(p, &time)).collect();
        contacts.sort_by_key(|c| c.from);
        Self {
            start: begin.unwrap_or(start),
            end,
            steps: steps(&targets(phones, &time), end),
            contacts,
        }
    }

    /// From where to where phones are known.
    pub(super) fn span(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// Whether all it does has been done by then.
    pub(super) fn is_over(&self, time: i64) -> bool {
        self.end.saturating_add(REACH) < time
    }

    /// What the mouth does at a time; rest far outside of the stretch.
    pub(super) fn mouth(&self, time: i64) -> Mouth {
        let first = self
            .steps
            .partition_point(|s| s.at.saturating_add(REACH) <= time);
        let before = |i: usize| self.steps.get(i).map(|s| s.to);
        let base = first.checked_sub(1).and_then(before);
        let mut mouth = base.unwrap_or(Mouth::REST);
        for step in &self.steps[first..] {
            if step.at.saturating_sub(REACH) >= time {
                break;
            }
            let since = (time - step.at) as f32 / MS as f32;
            let share = |part: usize| {
                let Pace { lead, half } = step.paces.0[part];
                smooth((since + lead + half) / (2.0 * half))
            };
            mouth.jaw += share(0) * (step.to.jaw - step.from.jaw);
            mouth.wide += share(1) * (step.to.wide - step.from.wide);
            mouth.round += share(2) * (step.to.round - step.from.round);
            mouth.upper += share(3) * (step.to.upper - step.from.upper);
            mouth.tongue += share(4) * (step.to.tongue - step.from.tongue);
        }
        // Steps of different paces may pass their targets by a hair.
        for part in [
            &mut mouth.jaw,
            &mut mouth.wide,
            &mut mouth.round,
            &mut mouth.upper,
            &mut mouth.tongue,
        ] {
            *part = part.clamp(0.0, 1.0);
        }
        self.touch(time, &mut mouth);
        mouth
    }

    fn touch(&self, time: i64, mouth: &mut Mouth) {
        let first = self
            .contacts
            .partition_point(|c| c.from.saturating_add(10_000 * MS) < time);
        for contact in &self.contacts[first..] {
            if contact.from.saturating_sub(CLOSING) > time {
                break;
            }
            let met = contact.from + MET;
            let share = if time < met {
                smooth(1.0 - (met - time) as f32 / (CLOSING + MET) as f32)
            } else if time <= contact.to {
                1.0
            } else {
                smooth(1.0 - (time - contact.to) as f32 / PARTING as f32)
            };
            mouth.closure = mouth.closure.max(share * contact.closure);
            mouth.lip_teeth = mouth.lip_teeth.max(share * contact.lip_teeth);
        }
    }
}

/// 0 at 0 and below, 1 at 1 and above, level at both.
fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The contact that a phone cannot do without.
fn contact(phone: &Phone, time: &impl Fn(u64) -> i64) -> Option<Contact> {
    let (closure, lip_teeth) = match phone.viseme() {
        Viseme::Pp if Manner::of(&phone.ipa) == Manner::Open => (NEARLY, 0.0),
        Viseme::Pp => (1.0, 0.0),
        Viseme::Ff => (0.0, 1.0),
        _ => return None,
    };
    let shut = phone.closure().unwrap_or(phone.start..phone.end());
    let (from, to) = (time(shut.start), time(shut.end));
    Some(Contact {
        from: from.min(to.saturating_sub(SHORTEST_CONTACT)),
        to,
        closure,
        lip_teeth,
    })
}

/// The two halves of a diphthong, if it is one.
fn diphthong(ipa: &str) -> Option<(String, String)> {
    let mut vowels = ipa.char_indices().filter(|(_, c)| {
        use Viseme::{Aa, E, I, O, U};
        c.is_alphabetic() && matches!(crate::speech::viseme_of(&c.to_string()), Aa | E | I | O | U)
    });
    let (_, first) = vowels.next()?;
    let (at, _) = vowels.find(|(_, c)| *c != first)?;
    Some((ipa[..at].to_owned(), ipa[at..].to_owned()))
}

fn is_vowel(viseme: Viseme) -> bool {
    use Viseme::{Aa, E, I, O, U};
    matches!(viseme, Aa | E | I | O | U)
}

fn targets(phones: &[Phone], time: &impl Fn(u64) -> i64) -> Vec<Target> {
    let told = phones.iter().any(Phone::is_stressed);
    let mut targets = Vec::with_capacity(phones.len() + phones.len() / 4);
    for phone in phones {
        let (start, end) = (time(phone.start), time(phone.end()));
        let effort = match (told, phone.is_stressed()) {
            (false, _) => UNTOLD,
            (true, true) => 1.0,
            (true, false) => UNSTRESSED,
        };
        let mut push = |viseme: Viseme, from: i64, to: i64| {
            let mouth = viseme.mouth();
            let mouth = if is_vowel(viseme) {
                mouth.scaled(effort)
            } else {
                mouth
            };
            targets.push(Target {
                at: from,
                mouth: Mouth {
                    closure: 0.0,
                    lip_teeth: 0.0,
                    ..mouth
                },
                viseme,
                length: to - from,
            });
        };
        match diphthong(&phone.ipa).filter(|_| is_vowel(phone.viseme())) {
            Some((first, second)) => {
                let turn = start + ((end - start) as f32 * TURN) as i64;
                push(crate::speech::viseme_of(&first), start, turn);
                push(crate::speech::viseme_of(&second), turn, end);
            }
            None => push(phone.viseme(), start, end),
        }
    }
    prepare(&mut targets);
    pause(&mut targets);
    targets
}

/// Consonants take on what comes: the shape of the next vowel's lips, and lips that shut leave
/// the jaw about where it is.
fn prepare(targets: &mut [Target]) {
    let mut vowel: Option<Mouth> = None;
    for i in (0..targets.len()).rev() {
        let viseme = targets[i].viseme;
        if viseme == Viseme::Sil {
            vowel = None;
        } else if is_vowel(viseme) {
            vowel = Some(targets[i].mouth);
        } else if let Some(vowel) = vowel {
            let own = &mut targets[i].mouth;
            own.round = own.round.max(PREPARED * vowel.round);
            if !matches!(viseme, Viseme::Ch | Viseme::Rr) {
                own.wide = own.wide.max(PREPARED * vowel.wide);
            }
            // Round lips are not wide.
            own.wide *= 1.0 - own.round;
        }
    }
    for i in 0..targets.len() {
        if matches!(targets[i].viseme, Viseme::Pp | Viseme::Ff) {
            let jaw =
                |j: Option<usize>| j.and_then(|j| targets.get(j)).map_or(0.0, |t| t.mouth.jaw);
            let between = 0.5 * (jaw(i.checked_sub(1)) + jaw(Some(i + 1)));
            targets[i].mouth.jaw = targets[i].mouth.jaw.max(SHUT_JAW * between);
        }
    }
}

/// In short pauses the mouth stays, in longer ones it relaxes, in long ones it rests.
fn pause(targets: &mut [Target]) {
    for i in 1..targets.len().saturating_sub(1) {
        if targets[i].viseme != Viseme::Sil {
            continue;
        }
        let (before, after) = (targets[i - 1].mouth, targets[i + 1].mouth);
        let halfway = before.towards(after, 0.5);
        let length = targets[i].length;
        targets[i].mouth = if length < HELD_PAUSE {
            halfway.scaled(0.6)
        } else if length < RELAXED_PAUSE {
            halfway.scaled(0.25)
        } else {
            Mouth::REST
        };
    }
}

fn steps(targets: &[Target], end: i64) -> Vec<Step> {
    let mut from = Mouth::REST;
    let mut last = Viseme::Sil;
    let mut steps = Vec::with_capacity(targets.len() + 1);
    let rest = (end, Mouth::REST, Viseme::Sil);
    let all = targets.iter().map(|t| (t.at, t.mouth, t.viseme));
    for (at, to, viseme) in all.chain([rest]) {
        let paces = match (last, viseme) {
            (_, Viseme::Sil) => RELAXING,
            (Viseme::Sil | Viseme::Pp | Viseme::Ff, _) if to.jaw > from.jaw => OPENING,
            _ => BETWEEN,
        };
        steps.push(Step {
            at,
            from,
            to,
            paces,
        });
        (from, last) = (to, viseme);
    }
    steps
}
