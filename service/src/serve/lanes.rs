// SPDX-License-Identifier: MPL-2.0
//! Who is released to the broker next. Each owner may have so many jobs of a class out at once;
//! what is more waits here, and owners take turns, so that nobody waits behind another's thousand.
//!
//! Knows no broker and no clock: times are given, ms since 1970.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::job::{Class, JobId, Owner, Ticket};

/// What is known of a job here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It waits for its turn.
    Waiting,
    /// It has been released.
    Out {
        /// When.
        since_ms: u64,
    },
}

/// One owner's jobs of a class.
#[derive(Default)]
struct Line {
    /// By number, which rises from front to back.
    waiting: VecDeque<(i64, Ticket)>,
    out: usize,
}

/// All jobs of a class.
#[derive(Default)]
struct Lane {
    lines: BTreeMap<Owner, Line>,
    /// Owners that have a job to release, whose turn it is first. Each at most once.
    turns: VecDeque<Owner>,
    /// Released and not begun, as they were released.
    unbegun: BTreeMap<u64, JobId>,
}

#[derive(Clone, Copy)]
enum State {
    Waiting(i64),
    Out { since_ms: u64, turn: u64 },
}

struct Known {
    owner: Owner,
    class: Class,
    state: State,
    /// Kept while it is out, so that it can come back.
    ticket: Option<Ticket>,
}

/// The jobs of all owners that have not ended.
pub struct Lanes {
    width: usize,
    lanes: [Lane; 3],
    known: HashMap<JobId, Known>,
    next_number: i64,
    front_number: i64,
    next_turn: u64,
}

impl Lanes {
    /// Those where each owner may have `width` jobs of a class out, at least 1.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            lanes: Default::default(),
            known: HashMap::new(),
            next_number: 0,
            front_number: -1,
            next_turn: 0,
        }
    }

    /// Takes a job in, behind the others of its owner; whether it was not here yet.
    pub fn add(&mut self, ticket: Ticket) -> bool {
        if self.known.contains_key(&ticket.id) {
            return false;
        }
        let number = self.next_number;
        self.next_number += 1;
        let known = Known {
            owner: ticket.owner.clone(),
            class: ticket.class,
            state: State::Waiting(number),
            ticket: None,
        };
        self.known.insert(ticket.id.clone(), known);
        let (owner, class) = (ticket.owner.clone(), ticket.class);
        let line = self.lane(class).lines.entry(owner.clone()).or_default();
        line.waiting.push_back((number, ticket));
        self.give_turn(class, &owner);
        true
    }

    /// The next job to release. It is out from now on, until it has ended or comes back.
    pub fn next(&mut self, now_ms: u64) -> Option<Ticket> {
        for class in Class::ALL {
            let Some(owner) = self.lane(class).turns.pop_front() else {
                continue;
            };
            let Some(line) = self.lane(class).lines.get_mut(&owner) else {
                continue;
            };
            let Some((_, ticket)) = line.waiting.pop_front() else {
                continue;
            };
            line.out += 1;
            let turn = self.next_turn;
            self.next_turn += 1;
            self.lane(class).unbegun.insert(turn, ticket.id.clone());
            if let Some(known) = self.known.get_mut(&ticket.id) {
                known.state = State::Out {
                    since_ms: now_ms,
                    turn,
                };
                known.ticket = Some(ticket.clone());
            }
            self.give_turn(class, &owner);
            return Some(ticket);
        }
        None
    }

    /// A job that was released is to be released once more, before the others of its owner: the
    /// broker did not take it, or has lost it. Whether it was out.
    pub fn back(&mut self, id: &JobId) -> bool {
        let number = self.front_number;
        let Some(known) = self.known.get_mut(id) else {
            return false;
        };
        let (State::Out { turn, .. }, Some(ticket)) = (known.state, known.ticket.take()) else {
            return false;
        };
        known.state = State::Waiting(number);
        let (owner, class) = (known.owner.clone(), known.class);
        self.front_number -= 1;
        let lane = self.lane(class);
        lane.unbegun.remove(&turn);
        if let Some(line) = lane.lines.get_mut(&owner) {
            line.out -= 1;
            line.waiting.push_front((number, ticket));
        }
        self.give_turn(class, &owner);
        true
    }

    /// Somebody has begun a job; its class, if it was out here and nobody had.
    pub fn begun(&mut self, id: &JobId) -> Option<Class> {
        let known = self.known.get(id)?;
        let State::Out { turn, .. } = known.state else {
            return None;
        };
        let class = known.class;
        self.lane(class).unbegun.remove(&turn).map(|_| class)
    }

    /// A job has ended; whether it was here.
    pub fn ended(&mut self, id: &JobId) -> bool {
        let Some(Known {
            owner,
            class,
            state,
            ..
        }) = self.known.remove(id)
        else {
            return false;
        };
        let lane = self.lane(class);
        if let State::Out { turn, .. } = state {
            lane.unbegun.remove(&turn);
        }
        if let Some(line) = lane.lines.get_mut(&owner) {
            match state {
                State::Out { .. } => line.out -= 1,
                State::Waiting(number) => line.waiting.retain(|(n, _)| *n != number),
            }
            if line.out == 0 && line.waiting.is_empty() {
                lane.lines.remove(&owner);
            }
        }
        lane.turns.retain(|turn| *turn != owner);
        self.give_turn(class, &owner);
        true
    }

    /// What is known of a job, if anything.
    #[must_use]
    pub fn place(&self, id: &JobId) -> Option<Place> {
        self.known.get(id).map(|known| match known.state {
            State::Waiting(_) => Place::Waiting,
            State::Out { since_ms, .. } => Place::Out { since_ms },
        })
    }

    /// All that are here.
    #[must_use]
    pub fn all(&self) -> Vec<(Owner, JobId)> {
        let job = |(id, known): (&JobId, &Known)| (known.owner.clone(), id.clone());
        self.known.iter().map(job).collect()
    }

    /// How many jobs of a class have not begun: those that wait here, and those released.
    #[must_use]
    pub fn waiting(&self, class: Class) -> (usize, usize) {
        let lane = &self.lanes[class as usize];
        let here = lane.lines.values().map(|line| line.waiting.len()).sum();
        (here, lane.unbegun.len())
    }

    /// How many jobs are expected to be begun before one that has not begun itself; `None` if it
    /// is not here, or has begun.
    #[must_use]
    pub fn ahead(&self, id: &JobId) -> Option<u64> {
        let known = self.known.get(id)?;
        let sooner: usize = Class::ALL
            .iter()
            .filter(|class| **class < known.class)
            .map(|class| {
                let (here, out) = self.waiting(*class);
                here + out
            })
            .sum();
        let lane = &self.lanes[known.class as usize];
        let beside = match known.state {
            State::Out { turn, .. } if lane.unbegun.contains_key(&turn) => {
                lane.unbegun.range(..turn).count()
            }
            State::Out { .. } => return None,
            State::Waiting(number) => {
                let own = &lane.lines.get(&known.owner)?.waiting;
                let before = own.partition_point(|(n, _)| *n < number);
                // Owners take turns: of each other one as many go before it as of its own, and one.
                let others = lane
                    .lines
                    .iter()
                    .filter(|(owner, _)| **owner != known.owner);
                let others: usize = others
                    .map(|(_, line)| line.waiting.len().min(before + 1))
                    .sum();
                lane.unbegun.len() + before + others
            }
        };
        Some((sooner + beside) as u64)
    }

    fn lane(&mut self, class: Class) -> &mut Lane {
        &mut self.lanes[class as usize]
    }

    /// Lines an owner up, if it has a job that may go.
    fn give_turn(&mut self, class: Class, owner: &Owner) {
        let width = self.width;
        let lane = self.lane(class);
        let may = lane
            .lines
            .get(owner)
            .is_some_and(|line| !line.waiting.is_empty() && line.out < width);
        if may && !lane.turns.contains(owner) {
            lane.turns.push_back(owner.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::job::FORMAT;

    fn ticket(owner: usize, class: Class, number: u64) -> Ticket {
        Ticket {
            format: FORMAT,
            id: JobId::new(number, number),
            owner: format!("owner-{owner}").parse().expect("a name"),
            class,
            tried: 0,
        }
    }

    #[test]
    fn an_owner_with_one_job_waits_for_a_turn_and_not_for_a_thousand() {
        let mut lanes = Lanes::new(4);
        for number in 0..1000 {
            lanes.add(ticket(0, Class::Normal, number));
        }
        let mine = ticket(1, Class::Normal, 5000);
        lanes.add(mine.clone());
        let ahead = lanes.ahead(&mine.id).expect("it waits");
        let before = std::iter::from_fn(|| lanes.next(0))
            .take_while(|ticket| *ticket != mine)
            .count();
        assert!(before <= 4, "{before} went before it");
        assert!(ahead >= before as u64, "{ahead} were expected");
        assert_eq!(lanes.waiting(Class::Normal).0, 1000 - before);
    }

    #[test]
    fn more_go_out_only_as_others_end() {
        let mut lanes = Lanes::new(2);
        for number in 0..5 {
            assert!(lanes.add(ticket(0, Class::Bulk, number)));
        }
        assert!(!lanes.add(ticket(0, Class::Bulk, 3)), "it is here already");
        let out: Vec<_> = std::iter::from_fn(|| lanes.next(7)).collect();
        assert_eq!(out.len(), 2);
        assert_eq!(lanes.place(&out[0].id), Some(Place::Out { since_ms: 7 }));
        assert_eq!(lanes.ahead(&out[1].id), Some(1));
        assert_eq!(lanes.begun(&out[0].id), Some(Class::Bulk));
        assert_eq!(lanes.begun(&out[0].id), None, "once");
        assert_eq!(lanes.ahead(&out[0].id), None);
        assert_eq!(lanes.ahead(&out[1].id), Some(0));
        assert!(lanes.ended(&out[0].id));
        assert!(!lanes.ended(&out[0].id));
        assert_eq!(lanes.next(8).map(|t| t.id), Some(JobId::new(2, 2)));
        assert_eq!(lanes.next(8), None);
    }

    #[test]
    fn what_the_broker_did_not_take_goes_first() {
        let mut lanes = Lanes::new(1);
        lanes.add(ticket(0, Class::High, 1));
        lanes.add(ticket(0, Class::High, 2));
        let first = lanes.next(0).expect("one");
        assert!(lanes.back(&first.id));
        assert!(!lanes.back(&first.id), "it waits");
        assert_eq!(lanes.next(1), Some(first));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(usize, u8),
        Next,
        Back(usize),
        End(usize),
        EndWaiting(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..5usize, 0..3u8).prop_map(|(owner, class)| Step::Add(owner, class)),
            3 => Just(Step::Next),
            1 => any::<usize>().prop_map(Step::Back),
            1 => any::<usize>().prop_map(Step::End),
            1 => any::<usize>().prop_map(Step::EndWaiting),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_released_twice(
            steps in prop::collection::vec(step(), 0..200), width in 1..5usize
        ) {
            let mut lanes = Lanes::new(width);
            let (mut inside, mut out) = (HashMap::new(), HashMap::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Add(owner, class) => {
                        let ticket = ticket(owner, Class::ALL[class as usize], number as u64);
                        prop_assert!(lanes.add(ticket.clone()));
                        inside.insert(ticket.id.clone(), ticket);
                    }
                    Step::Next => {
                        if let Some(ticket) = lanes.next(0) {
                            prop_assert!(inside.remove(&ticket.id).is_some(), "twice");
                            out.insert(ticket.id.clone(), ticket);
                        }
                    }
                    Step::Back(n) | Step::End(n) if !out.is_empty() => {
                        let id = out.keys().nth(n % out.len()).cloned().expect("one");
                        let ticket = out.remove(&id).expect("out");
                        if matches!(step, Step::Back(_)) {
                            prop_assert!(lanes.back(&id));
                            inside.insert(id, ticket);
                        } else {
                            prop_assert!(lanes.ended(&id));
                        }
                    }
                    Step::EndWaiting(n) if !inside.is_empty() => {
                        let id = inside.keys().nth(n % inside.len()).cloned().expect("one");
                        inside.remove(&id);
                        prop_assert!(lanes.ended(&id));
                    }
                    _ => {}
                }
                let mut of = HashMap::new();
                for ticket in out.values() {
                    *of.entry((ticket.owner.clone(), ticket.class)).or_insert(0) += 1;
                }
                prop_assert!(of.values().all(|n| *n <= width));
            }
            // As jobs end, all the others come out.
            while !inside.is_empty() || !out.is_empty() {
                while let Some(ticket) = lanes.next(0) {
                    prop_assert!(inside.remove(&ticket.id).is_some());
                    out.insert(ticket.id.clone(), ticket);
                }
                let id = out.keys().next().cloned().expect("something is out");
                out.remove(&id);
                lanes.ended(&id);
            }
            prop_assert_eq!(lanes.all().len(), 0);
        }

        #[test]
        fn one_job_waits_for_its_turn_only(
            others in prop::collection::vec((1..6usize, 1..30usize), 0..5), width in 1..5usize
        ) {
            let mut lanes = Lanes::new(width);
            let mut number = 0;
            for (owner, jobs) in &others {
                for _ in 0..*jobs {
                    number += 1;
                    lanes.add(ticket(*owner, Class::Normal, number));
                }
            }
            let mine = ticket(0, Class::Normal, 100_000);
            lanes.add(mine.clone());
            let owners: HashSet<_> = others.iter().map(|(owner, _)| owner).collect();
            let before = std::iter::from_fn(|| lanes.next(0))
                .take_while(|ticket| *ticket != mine)
                .count();
            prop_assert!(before <= width * owners.len());
            prop_assert_eq!(lanes.place(&mine.id), Some(Place::Out { since_ms: 0 }));
        }
    }
}
