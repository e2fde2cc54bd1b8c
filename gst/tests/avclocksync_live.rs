// SPDX-License-Identifier: MPL-2.0
//! `avclocksync` live: whatever upstream does, the output goes on evenly, and nothing that is
//! said is lost. On a clock that is turned by the test.

mod common;

use common::{
    speech::{field, named},
    sync::*,
    *,
};
use gst::prelude::*;

/// Piece `i` of a source that counts.
fn at(i: u64) -> gst::ClockTime {
    i * 20 * MS
}

/// One piece of speech, and with every other one its frame.
fn give(live: &Live, i: u64, stamp: gst::ClockTime) {
    if live.video.is_some() && i.is_multiple_of(2) {
        live.show(stamp, i / 2);
    }
    if live.audio.is_some() {
        live.speak(stamp, i * PIECE, PIECE);
    }
}

/// The numbers of the first pieces' samples.
fn all(pieces: u64) -> Vec<u64> {
    (0..pieces * PIECE).collect()
}

/// Every frame is sent beside the sound of its number, or is the one before.
#[track_caller]
fn pictures_follow(live: &Live) {
    let samples = live.sound().samples();
    let mut compared = 0;
    let mut last = None;
    for (slot, shown) in live.pictures().shown().into_iter().enumerate() {
        let Some(sample) = samples.get(slot * 640) else {
            break;
        };
        if let Some(number) = shown
            && shown != last
            && *sample >= 1 << 30
        {
            let heard = (*sample - (1 << 30)) as u64;
            // A frame has 640 samples.
            assert!(
                heard.abs_diff(number * 640) <= 320,
                "{number} beside {heard}"
            );
            compared += 1;
        }
        last = shown;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn from_the_beginning_there_is_silence_and_a_picture() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    live.turn_to(5 * S);
    live.is_even_until(5 * S);
    assert!(live.sound().samples().iter().all(|s| *s == 0));
    assert!(live.pictures().buffers.len() > 120);
    assert!(live.pictures().shown().iter().all(Option::is_none));
    let stats: u64 = stat(&live.element, "frames-idle");
    assert_eq!(stats, live.pictures().buffers.len() as u64);
}

#[test]
fn what_comes_in_time_goes_out_in_time() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..250 {
        live.turn_to(at(i + 1));
        give(&live, i, at(i));
    }
    live.turn_to(6 * S);
    live.is_even_until(6 * S);
    assert_eq!(live.sound().said(), all(250));
    pictures_follow(&live);
    assert_eq!(live.sound().samples()[..3], speech(0, 3), "no delay");
    assert_eq!(stat::<i64>(&live.element, "offset-max").abs() / 100_000, 0);
    assert_eq!(stat::<u64>(&live.element, "frames-late"), 0);
}

#[test]
fn a_stall_of_ten_seconds_is_filled_and_nothing_is_lost() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..200 {
        let late = if i < 100 {
            gst::ClockTime::ZERO
        } else {
            10 * S
        };
        live.turn_to(at(i + 1) + late);
        give(&live, i, at(i));
    }
    live.turn_to(16 * S);
    live.is_even_until(16 * S);
    assert_eq!(live.sound().said(), all(200));
    pictures_follow(&live);
    let shift: i64 = stat(&live.element, "shift");
    assert!((9_800_000_000..10_000_000_000).contains(&shift), "{shift}");
}

#[test]
fn bursts_are_evened_out() {
    let _watchdog = watchdog(60);
    // A burst of 5 s must find room.
    let live = Live::new(true, true, &[("latency", "6000000000")]);
    for burst in 0..3 {
        live.turn_to((burst + 1) * 5 * S);
        for i in burst * 250..(burst + 1) * 250 {
            give(&live, i, at(i));
        }
    }
    live.turn_to(23 * S);
    live.is_even_until(23 * S);
    assert_eq!(live.sound().said(), all(750));
    pictures_follow(&live);
}

#[test]
fn slow_pictures_do_not_hold_the_sound_and_upstream_is_told() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..300 {
        live.turn_to(at(i + 1));
        live.speak(at(i), i * PIECE, PIECE);
        // Three times too slow.
        if i.is_multiple_of(6) {
            live.show(i / 6 * 40 * MS, i / 6);
        }
    }
    live.turn_to(7 * S);
    live.is_even_until(7 * S);
    assert_eq!(live.sound().said(), all(300));
    assert!(stat::<u64>(&live.element, "frames-late") > 30);
    assert_eq!(stat::<u64>(&live.element, "sound-shifted"), 0);
    let told = live.told();
    let out = named(&told, "out-of-sync");
    assert_eq!(out.len(), 1, "it only gets worse");
    let offset: i64 = field(out[0], "offset");
    assert!(offset > 40_000_000, "{offset}");
    let qos = live.qos.lock().expect("no panic");
    let gst::EventView::Qos(last) = qos.last().expect("told").view() else {
        unreachable!("filtered");
    };
    let (kind, proportion, late, _) = last.get();
    assert_eq!(kind, gst::QOSType::Underflow);
    assert!((2.0..4.0).contains(&proportion), "{proportion}");
    assert!(late > 3_000_000_000, "{late}");
    // All frames are shown, since each is newer than the one before.
    let mut shown: Vec<u64> = live.pictures().shown().into_iter().flatten().collect();
    shown.dedup();
    assert_eq!(shown, (0..50).collect::<Vec<u64>>());
}

#[test]
fn pictures_that_stop_leave_the_last_one() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..200 {
        live.turn_to(at(i + 1));
        if i.is_multiple_of(2) && i < 100 {
            live.show(at(i), i / 2);
        }
        live.speak(at(i), i * PIECE, PIECE);
    }
    live.turn_to(5 * S);
    live.is_even_until(5 * S);
    assert_eq!(live.sound().said(), all(200));
    assert_eq!(live.pictures().shown().last(), Some(&Some(49)));
    // The memory is the one that came, not a copy.
    let pictures = live.pictures();
    let memory = |b: &gst::Buffer| b.peek_memory(0).as_ptr();
    let [before, last] = pictures.buffers.last_chunk().expect("two");
    assert_eq!(memory(before), memory(last));
    assert!(last.flags().contains(gst::BufferFlags::GAP));
}

#[test]
fn sound_that_stops_lets_the_pictures_go_on() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..200 {
        live.turn_to(at(i + 1));
        if i.is_multiple_of(2) {
            live.show(at(i), i / 2);
        }
        if i < 100 {
            live.speak(at(i), i * PIECE, PIECE);
        }
    }
    live.turn_to(5 * S);
    live.is_even_until(5 * S);
    assert_eq!(live.sound().said(), all(100));
    assert_eq!(live.pictures().shown().last(), Some(&Some(99)));
}

#[test]
fn when_both_stop_it_goes_on_for_ever() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..50 {
        live.turn_to(at(i + 1));
        give(&live, i, at(i));
    }
    live.turn_to(60 * S);
    live.is_even_until(60 * S);
    assert_eq!(live.pictures().shown().last(), Some(&Some(24)));
    // And begins again, with the clock.
    for i in 3000..3050 {
        live.turn_to(at(i + 1));
        give(&live, i, at(i));
    }
    live.turn_to(63 * S);
    live.is_even_until(63 * S);
    assert_eq!(live.sound().said().len() as u64, 100 * PIECE);
    assert_eq!(live.pictures().shown().last(), Some(&Some(1524)));
    assert_eq!(stat::<i64>(&live.element, "shift"), 0);
}

#[test]
fn an_upstream_that_restarts_or_jumps_goes_on_where_it_was() {
    let _watchdog = watchdog(60);
    for start in [0, 3_600_000] {
        let live = Live::new(true, true, &[]);
        for i in 0..300 {
            live.turn_to(at(i + 1));
            let stamp = if i < 100 {
                at(i)
            } else {
                start * MS + at(i - 100)
            };
            give(&live, i, stamp);
        }
        live.turn_to(7 * S);
        live.is_even_until(7 * S);
        let samples = live.sound().samples();
        let whole: Vec<u64> = live.sound().said();
        assert_eq!(whole, all(300), "from {start} ms");
        assert_eq!(
            samples[..300 * PIECE as usize],
            speech(0, 300 * PIECE),
            "no hole"
        );
        pictures_follow(&live);
        assert_eq!(stat::<u64>(&live.element, "restarts"), 1);
    }
}

#[test]
fn jitter_loses_nothing() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    let mut state = 7u64;
    let mut last = gst::ClockTime::ZERO;
    for i in 0..500 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let jitter = (state >> 33) % 400 * MS;
        last = last.max(at(i + 1) + jitter);
        live.turn_to(last);
        give(&live, i, at(i));
    }
    live.turn_to(12 * S);
    live.is_even_until(12 * S);
    assert_eq!(live.sound().said(), all(500));
    pictures_follow(&live);
    let shift: i64 = stat(&live.element, "shift");
    assert!((200_000_000..400_000_000).contains(&shift), "{shift}");
}

/// Late by 300 ms once, then in time, with a pause: the delay is given back in it.
#[test]
fn what_is_late_is_given_back_in_the_pause() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    for i in 0..400 {
        let late = if (100..115).contains(&i) {
            (115 - i) * 20 * MS
        } else {
            0
        };
        live.turn_to(at(i + 1) + late);
        if i.is_multiple_of(2) {
            live.show(at(i), i / 2);
        }
        if (200..300).contains(&i) {
            live.push_sound(at(i), &[0; PIECE as usize]);
        } else {
            live.speak(at(i), i * PIECE, PIECE);
        }
    }
    live.turn_to(9 * S);
    live.is_even_until(9 * S);
    let expected: Vec<u64> = (0..400 * PIECE)
        .filter(|n| !(200 * PIECE..300 * PIECE).contains(n))
        .collect();
    assert_eq!(live.sound().said(), expected);
    assert!(stat::<u64>(&live.element, "sound-given-back") > 100_000_000);
    pictures_follow(&live);
}

#[test]
fn an_interruption_is_silent_within_two_frames_and_what_follows_is_heard() {
    let _watchdog = watchdog(60);
    for flush in [false, true] {
        let live = Live::new(true, true, &[]);
        live.turn_to(20 * MS);
        // A second waits.
        for i in 0..50 {
            give(&live, i, at(i));
        }
        live.turn_to(500 * MS);
        let before = live.sound().samples().len();
        if flush {
            live.flush();
        } else {
            let structure = gst::Structure::new_empty("sonic-interrupt");
            live.event(gst::event::CustomDownstreamOob::new(structure));
        }
        live.turn_to(2 * S);
        let samples = live.sound().samples();
        assert!(samples[before - 1] >= 1 << 30, "it was speaking");
        assert!(
            samples[before + 160..].iter().all(|s| *s == 0),
            "10 ms of fade"
        );
        let fade = &samples[before..before + 160];
        assert!(fade.windows(2).all(|w| w[1] <= w[0]), "it fades");
        for i in 50..100 {
            live.turn_to(2 * S + at(i - 49));
            give(&live, i, 2 * S + at(i - 50));
        }
        live.turn_to(4 * S);
        live.is_even_until(4 * S);
        let said = live.sound().said();
        assert!(said.ends_with(&(50 * PIECE..100 * PIECE).collect::<Vec<u64>>()));
        for out in [live.sound(), live.pictures()] {
            let flushed = |e: &gst::Event| e.type_() == gst::EventType::FlushStart;
            assert!(
                !out.events.iter().any(flushed),
                "nothing flushes downstream"
            );
        }
        assert_eq!(live.pictures().shown().last(), Some(&Some(49)));
    }
}

#[test]
fn a_thousand_flushes_and_interruptions() {
    let _watchdog = watchdog(120);
    let live = Live::new(true, true, &[]);
    for i in 0..1_000u64 {
        live.turn_to(at(i + 1));
        give(&live, i, at(i));
        if i % 3 == 0 {
            live.flush();
        } else {
            let structure = gst::Structure::builder("sonic-interrupt")
                .field("utterance-id", i)
                .build();
            live.event(gst::event::CustomDownstreamOob::new(structure));
        }
    }
    live.turn_to(21 * S);
    live.is_even_until(21 * S);
    assert!(stat::<u64>(&live.element, "interruptions") >= 600);
}

#[test]
fn the_end_of_both_ends_the_output_or_not() {
    let _watchdog = watchdog(60);
    for policy in ["forward", "hold"] {
        let live = Live::new(true, true, &[("eos-policy", policy)]);
        for i in 0..100 {
            give(&live, i, at(i));
            live.turn_to(at(i + 1));
        }
        live.audio
            .as_ref()
            .expect("one")
            .push_event(gst::event::Eos::new());
        live.turn_to(3 * S);
        assert!(!live.sound().ended, "one is not both");
        live.video
            .as_ref()
            .expect("one")
            .push_event(gst::event::Eos::new());
        live.turn_to(5 * S);
        assert_eq!(live.sound().said(), all(100));
        let ends = policy == "forward";
        if ends {
            while !live.sound().ended || !live.pictures().ended {
                std::thread::yield_now();
            }
        }
        assert_eq!((live.sound().ended, live.pictures().ended), (ends, ends));
        live.sound().is_even();
        live.pictures().is_even();
    }
}

#[test]
fn sound_alone_is_filled() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, false, &[]);
    for burst in 0..3 {
        live.turn_to(burst * 20 * S + S);
        // Stamped by a count: there is no pause in it.
        for i in burst * 25..(burst + 1) * 25 {
            live.speak(at(i), i * PIECE, PIECE);
        }
    }
    live.turn_to(60 * S);
    live.is_even_until(60 * S);
    assert_eq!(live.sound().said(), all(75));
    let sound = live.sound();
    let gaps = sound
        .buffers
        .iter()
        .filter(|b| b.flags().contains(gst::BufferFlags::GAP));
    assert!(gaps.count() > 2_800, "silence is marked");
}

#[test]
fn latency_is_declared_and_changes_properly() {
    let _watchdog = watchdog(60);
    let mut live = Live::new(true, true, &[]);
    live.turn_to(S);
    let frames = live.pictures().buffers.len();
    // 40 ms of a frame and 100 ms.
    assert_eq!(frames, 1 + (1000 - 140) / 40);
    while live.bus.pop().is_some() {}
    live.element.set_property("latency", 300_000_000u64);
    let message = live.bus.pop_filtered(&[gst::MessageType::Latency]);
    let message = message.expect("the pipeline is told");
    assert_eq!(message.src(), Some(live.element.upcast_ref()));
    live.ask_latency();
    live.turn_to(3 * S);
    live.is_even_until(3 * S);
    assert_eq!(live.pictures().buffers.len(), 1 + (3000 - 340) / 40);
}
