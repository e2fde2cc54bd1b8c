// SPDX-License-Identifier: MPL-2.0
//! Links in invented time.

use super::*;
use proptest::prelude::*;

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn link(policy: Policy) -> Link {
    let mut link = Link::new(policy, 1, 7);
    assert_eq!(link.start(Duration::ZERO), Order::Connect { target: 0 });
    link
}

/// Waits for the next try; how long that took.
fn retried(link: &mut Link, now: &mut Duration) -> Duration {
    let at = link.wake_at().expect("it waits");
    let waited = at - *now;
    *now = at;
    assert_eq!(
        link.due(at),
        Some(Order::Connect {
            target: link.target()
        })
    );
    waited
}

#[test]
fn a_stream_that_was_never_accepted_is_given_up_after_some_tries() {
    let mut link = link(Policy::default());
    let mut now = Duration::ZERO;
    let mut most = s(1.0);
    for _ in 0..3 {
        assert_eq!(link.failed(now, Failure::Unreachable), None);
        assert_eq!(link.state(), State::Connecting);
        let waited = retried(&mut link, &mut now);
        assert!(waited >= most / 2 && waited <= most, "{waited:?}");
        most = most * 3 / 2;
    }
    let order = link.failed(now, Failure::Unreachable);
    assert_eq!(order, Some(Order::GiveUp(Failure::Unreachable)));
    assert_eq!((link.state(), link.wake_at()), (State::Failed, None));
}

/// Whoever watches does without the picture for as long as the server is away, and hardly longer than
/// that once more.
#[test]
fn a_server_that_is_back_is_not_waited_for_longer_than_it_was_away() {
    for seed in 0..200 {
        for away in [0.2, 1.0, 3.0, 5.0, 20.0].map(s) {
            let mut link = Link::new(Policy::default(), 1, seed);
            link.start(Duration::ZERO);
            link.published(Duration::ZERO);
            let mut now = s(60.0);
            let back = now + away;
            while now < back {
                assert_eq!(link.failed(now, Failure::Unreachable), None);
                retried(&mut link, &mut now);
            }
            assert!(now - back <= away + s(1.0), "{:?} of {away:?}", now - back);
        }
    }
}

#[test]
fn a_server_that_says_yes_and_closes_has_refused() {
    let mut link = link(Policy::default());
    let mut now = Duration::ZERO;
    for _ in 0..3 {
        link.published(now);
        assert_eq!(link.state(), State::Live);
        now += s(0.1);
        assert_eq!(link.failed(now, Failure::Closed), None);
        assert_eq!(link.state(), State::Connecting);
        retried(&mut link, &mut now);
    }
    link.published(now);
    let order = link.failed(now + s(0.1), Failure::Closed);
    assert_eq!(order, Some(Order::GiveUp(Failure::Closed)));
}

#[test]
fn what_has_been_live_comes_back_for_ever() {
    let mut link = link(Policy::default());
    link.published(Duration::ZERO);
    let mut now = s(5.0);
    for _ in 0..50 {
        assert_eq!(link.failed(now, Failure::Unreachable), None);
        assert_eq!(link.state(), State::Reconnecting);
        assert!(retried(&mut link, &mut now) <= s(30.0));
    }
    link.published(now);
    assert_eq!((link.state(), link.reconnects()), (State::Live, 1));
    // It has lasted, so the first wait is short again.
    now += s(3.0);
    link.failed(now, Failure::Closed);
    assert!(retried(&mut link, &mut now) <= s(1.0));
}

#[test]
fn or_for_as_long_as_the_user_wants() {
    let policy = Policy {
        give_up_after: Some(s(60.0)),
        ..Policy::default()
    };
    let mut link = link(policy);
    link.published(Duration::ZERO);
    let mut now = s(100.0);
    let lost = now;
    loop {
        match link.failed(now, Failure::TimedOut) {
            None => retried(&mut link, &mut now),
            order => {
                assert_eq!(order, Some(Order::GiveUp(Failure::TimedOut)));
                break;
            }
        };
    }
    let tried = now - lost;
    assert!(tried >= s(60.0) && tried <= s(91.0), "{tried:?}");
}

#[test]
fn a_wrong_key_is_not_tried_again() {
    let mut link = link(Policy::default());
    let order = link.failed(s(0.1), Failure::NotAuthorized);
    assert_eq!(order, Some(Order::GiveUp(Failure::NotAuthorized)));
}

#[test]
fn the_backup_is_used_when_the_first_has_failed_for_good() {
    let mut link = Link::new(Policy::default(), 2, 1);
    link.start(Duration::ZERO);
    let order = link.failed(s(0.1), Failure::NotAuthorized);
    assert_eq!(order, Some(Order::Connect { target: 1 }));
    link.published(s(0.2));
    assert_eq!((link.state(), link.target()), (State::Live, 1));
    let order = link.failed(s(9.0), Failure::NotAuthorized);
    assert_eq!(order, Some(Order::GiveUp(Failure::NotAuthorized)));
}

#[test]
fn a_silent_stall_ends_the_connection_and_silence_of_our_own_does_not() {
    let mut link = link(Policy::default());
    link.published(Duration::ZERO);
    link.progress(s(1.0), 1000, true);
    // Nothing waits, so nothing has to go out.
    for second in 2..60 {
        link.progress(s(f64::from(second)), 1000, false);
        assert_eq!(link.due(s(f64::from(second))), None);
    }
    for second in 60..69 {
        link.progress(s(f64::from(second)), 1000, true);
        assert_eq!(link.due(s(f64::from(second))), None);
    }
    assert_eq!(link.due(s(69.0)), Some(Order::Disconnect(Failure::Stalled)));
    assert_eq!(link.state(), State::Reconnecting);
}

#[test]
fn a_server_that_never_answers_is_left() {
    let mut link = link(Policy::default());
    assert_eq!(link.wake_at(), Some(s(10.0)));
    assert_eq!(
        link.due(s(10.0)),
        Some(Order::Disconnect(Failure::TimedOut))
    );
}

#[test]
fn late_news_of_a_closed_connection_changes_nothing() {
    let mut link = link(Policy::default());
    link.failed(s(1.0), Failure::Closed);
    let wake = link.wake_at();
    assert_eq!(link.failed(s(1.1), Failure::Closed), None);
    link.published(s(1.2));
    assert_eq!((link.wake_at(), link.reconnects()), (wake, 0));
    link.stop();
    assert_eq!((link.state(), link.due(s(99.0))), (State::Idle, None));
}

#[derive(Clone, Debug)]
enum Step {
    Published,
    Failed(Failure),
    Progress(u64, bool),
    Due,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let failure = prop::sample::select(vec![
        Failure::Unreachable,
        Failure::Closed,
        Failure::NameTaken,
        Failure::Stalled,
        Failure::NotAuthorized,
    ]);
    let step = prop_oneof![
        Just(Step::Published),
        failure.prop_map(Step::Failed),
        (0u64..4, any::<bool>()).prop_map(|(bytes, waits)| Step::Progress(bytes, waits)),
        Just(Step::Due),
    ];
    prop::collection::vec((0u64..4000, step), 1..80)
}

proptest! {
    /// Whatever happens: one connection at a time, none after the end, no wait beyond the cap,
    /// and something is always due until it has given up.
    #[test]
    fn it_is_always_somewhere(steps in steps(), targets in 1usize..3, seed: u64) {
        let policy = Policy::default();
        let mut link = Link::new(policy.clone(), targets, seed);
        link.start(Duration::ZERO);
        let (mut now, mut open) = (Duration::ZERO, true);
        for (ms, step) in steps {
            now += Duration::from_millis(ms);
            let order = match step {
                Step::Published => { link.published(now); None }
                Step::Failed(failure) => {
                    let order = link.failed(now, failure);
                    open = false;
                    order
                }
                Step::Progress(bytes, waits) => { link.progress(now, bytes, waits); None }
                Step::Due => link.due(now),
            };
            match order {
                Some(Order::Connect { target }) => {
                    prop_assert!(target < targets);
                    open = true;
                }
                Some(Order::Disconnect(_) | Order::GiveUp(_)) => open = false,
                None => {}
            }
            match link.state() {
                State::Failed => prop_assert_eq!(link.wake_at(), None),
                State::Live => prop_assert!(open),
                _ => {
                    let wake = link.wake_at().expect("something is due");
                    prop_assert!(wake <= now + policy.cap.max(policy.connect_timeout));
                }
            }
        }
    }
}
