// SPDX-License-Identifier: MPL-2.0
//! Phones that upstream tells move the mouth where their sound is, and nowhere else.

mod common;

use common::{clauses::*, *};
use gst::prelude::*;
use gst_check::Harness;
use gstsonic::metas::INTERRUPT_EVENT;

#[test]
fn known_phones_move_the_mouth_and_the_meta_says_so() {
    let _watchdog = watchdog(60);
    for articulator in ["auto", "phones"] {
        let element = still(articulator);
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        h.push(sound(0, 1000, false)).expect("taken");
        assert!(h.push_event(clause(1, 0, &AMA).to_event()));
        for ms in (0..1200).step_by(20) {
            h.push(labelled(sound(1000 + ms, 20, false), 1, 0, ms))
                .expect("taken");
        }
        h.push(sound(2200, 800, false)).expect("taken");
        let frames = all(&mut h);
        assert_eq!(shut(&frames), [1560, 1600], "{articulator}");
        let open = open(&frames);
        assert!(
            open[0] <= 1080 && *open.last().expect("open") <= 2080,
            "{open:?}"
        );
        for frame in &frames {
            let (spoken, at) = (frame.jaw > 0.01 || frame.shut > 0.01, frame.ms);
            assert!(!spoken || (900..2200).contains(&at), "{frame:?}");
            assert_eq!(
                frame.origin,
                if spoken { "phones" } else { "idle" },
                "{frame:?}"
            );
        }
        assert_eq!(stat::<u64>(&element, "clauses-used"), 1);
        assert_eq!(stat::<u64>(&element, "clauses-ignored"), 0);
    }
}

/// The same sound and clause as above, but held up and jumping about in the middle.
#[test]
fn the_phones_stay_with_their_sound() {
    let _watchdog = watchdog(90);
    let run = |disturb: &dyn Fn(&mut Harness) -> u64| {
        let (mut h, _) = harness(&still("auto"), AUDIO, VIDEO);
        assert!(h.push_event(clause(1, 0, &AMA).to_event()));
        h.push(labelled(sound(0, 300, false), 1, 0, 0))
            .expect("taken");
        let from = disturb(&mut h);
        h.push(labelled(sound(from, 900, false), 1, 0, 300))
            .expect("taken");
        all(&mut h)
    };
    assert_eq!(shut(&run(&|_| 300)), [560, 600]);
    // Silence put in, as a buffer, as an event, and as a hole in the times.
    let held: [&dyn Fn(&mut Harness) -> u64; 3] = [
        &|h| {
            h.push(filler(sound(300, 400, true))).expect("taken");
            700
        },
        &|h| {
            let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(300));
            let gap = gap.duration(gst::ClockTime::from_mseconds(400));
            assert!(h.push_event(gap.build()));
            700
        },
        &|_| 700,
    ];
    for disturb in held {
        let frames = run(disturb);
        assert_eq!(shut(&frames), [960, 1000]);
        // In between the mouth comes to rest.
        assert!(
            frames
                .iter()
                .all(|f| !(480..=660).contains(&f.ms) || f.jaw < 0.02),
            "{frames:?}"
        );
        assert!(open(&frames).contains(&840));
    }
    // Less than what counts as a jump of the times: sound is counted.
    assert_eq!(shut(&run(&|_| 330)), [560, 600]);
    // A new segment says that the rest comes five seconds later.
    let frames = run(&|h| {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_base(gst::ClockTime::from_mseconds(5_300));
        segment.set_start(gst::ClockTime::from_mseconds(300));
        assert!(h.push_event(gst::event::Segment::new(&segment)));
        300
    });
    assert_eq!(shut(&frames), [5560, 5600]);
}

/// A seek into the middle of a clause: its beginning is cut off.
#[test]
fn what_lies_before_the_segment_is_not_shown() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("phones"), AUDIO, VIDEO);
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::new(true)));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(450));
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    h.push(labelled(sound(400, 800, false), 1, 0, 400))
        .expect("taken");
    let frames = all(&mut h);
    // 520 to 600 ms of the clause are 70 to 150 ms of running time, in which two frames are
    // shown.
    assert_eq!(shut(&frames), [80, 120]);
    assert!(
        frames[0].jaw > 0.15,
        "in the middle of a vowel: {:?}",
        frames[0]
    );
}

/// Resampled sound that is cut anew carries labels that are nearly right, or says nothing new.
#[test]
fn pieces_and_small_errors_do_not_move_the_phones() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("auto"), AUDIO, VIDEO);
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    for ms in (0..1200).step_by(40) {
        for half in [0, 20] {
            let mut buffer = labelled(sound(ms + half, 20, false), 1, 0, ms);
            let wrong = buffer.pts().expect("a time") + gst::ClockTime::from_mseconds(half / 10);
            buffer.make_mut().set_pts(wrong);
            h.push(buffer).expect("taken");
        }
    }
    assert_eq!(shut(&all(&mut h)), [560, 600]);
}

#[test]
fn without_metas_a_clause_begins_with_the_next_buffer() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("phones"), AUDIO, VIDEO);
    h.push(sound(0, 330, false)).expect("taken");
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    // Filler is no speech.
    h.push(filler(sound(330, 50, false))).expect("taken");
    h.push(sound(380, 1200, false)).expect("taken");
    // From 900 to 980 ms.
    assert_eq!(shut(&all(&mut h)), [920, 960]);
}

#[test]
fn where_phones_end_the_sound_is_heard_again() {
    let _watchdog = watchdog(60);
    let run = |articulator: &str| {
        let element = still(articulator);
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        h.push(sound(0, 1000, true)).expect("taken");
        assert!(h.push_event(clause(1, 0, &[("m", 600), ("", 100)]).to_event()));
        h.push(labelled(sound(1000, 700, true), 1, 0, 0))
            .expect("taken");
        h.push(sound(1700, 1300, true)).expect("taken");
        (
            all(&mut h),
            stat::<u64>(&element, "clauses-used"),
            stat::<u64>(&element, "clauses-ignored"),
        )
    };
    let (both, used, ignored) = run("auto");
    let (heard, unused, refused) = run("network");
    assert_eq!((used, ignored, unused, refused), (1, 0, 0, 1));
    let later = |frames: &[Seen]| shut(frames).into_iter().find(|ms| *ms > 500);
    assert_eq!(later(&heard), None, "a tone is no m");
    // Lips take 10 ms to be pressed together.
    assert_eq!(later(&both), Some(1040));
    for (both, heard) in both.iter().zip(&heard) {
        let known = (1000..1640).contains(&both.ms);
        if known {
            assert_eq!(
                (both.origin.as_str(), both.ms == 1000 || both.shut > 0.99),
                ("phones", true),
                "{both:?}"
            );
        }
        // 80 ms of going over on either side.
        if !(880..1800).contains(&both.ms) {
            assert_eq!(
                (both.jaw, both.shut, &both.origin),
                (heard.jaw, heard.shut, &heard.origin)
            );
        }
    }
    // Phones alone: without them the mouth rests, however loud it is.
    let (alone, ..) = run("phones");
    assert!(alone.iter().all(|f| f.jaw == 0.0 || f.origin == "phones"));
    assert!(
        alone
            .iter()
            .all(|f| f.origin == "idle" || (920..1900).contains(&f.ms))
    );
}

fn interrupt(utterance: Option<u64>) -> gst::Event {
    let structure =
        gst::Structure::builder(INTERRUPT_EVENT).field_if_some("utterance-id", utterance);
    gst::event::CustomDownstreamOob::new(structure.build())
}

#[test]
fn an_interruption_ends_the_utterance_within_150_ms_and_not_the_next_one() {
    let _watchdog = watchdog(60);
    for (articulator, named) in [("auto", true), ("auto", false), ("phones", true)] {
        let element = still(articulator);
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        assert!(h.push_event(clause(1, 0, &[("ˈa", 3000)]).to_event()));
        h.push(labelled(sound(0, 1000, true), 1, 0, 0))
            .expect("taken");
        let mut got = frames(&mut h);
        let before = got.iter().map(seen).next_back().expect("frames");
        assert!(before.jaw > 0.15);
        assert!(h.push_event(interrupt(named.then_some(1))));
        // It was on its way.
        h.push(labelled(sound(1000, 500, true), 1, 0, 1000))
            .expect("taken");
        assert!(h.push_event(clause(1, 1, &AMA).to_event()));
        h.push(labelled(sound(1500, 500, true), 1, 1, 0))
            .expect("taken");
        assert!(h.push_event(clause(2, 0, &AMA).to_event()));
        h.push(labelled(sound(2000, 1200, false), 2, 0, 0))
            .expect("taken");
        got.extend(frames(&mut h));
        got.extend(finish(&mut h));
        let frames: Vec<Seen> = got.iter().map(seen).collect();
        for frame in frames
            .iter()
            .filter(|f| (before.ms + 150..1900).contains(&f.ms))
        {
            assert_eq!(
                (frame.jaw, frame.shut, frame.origin.as_str()),
                (0.0, 0.0, "idle"),
                "{articulator}: {frame:?}"
            );
        }
        assert_eq!(shut(&frames), [2560, 2600]);
        assert_eq!(stat::<u64>(&element, "clauses-used"), 2);
        assert_eq!(stat::<u64>(&element, "clauses-ignored"), 1);
    }
}

#[test]
fn after_a_flush_nothing_of_it_moves_the_mouth() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("auto"), AUDIO, VIDEO);
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    h.push(labelled(sound(0, 400, false), 1, 0, 0))
        .expect("taken");
    // One whose sound has not come.
    assert!(h.push_event(clause(1, 1, &AMA).to_event()));
    frames(&mut h);
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    h.push(sound(0, 2000, false)).expect("taken");
    let frames = all(&mut h);
    assert_eq!(frames.len(), 50);
    assert!(
        frames.iter().all(|f| f.jaw == 0.0 && f.shut == 0.0),
        "{frames:?}"
    );
}

/// Voices of different rates follow each other.
#[test]
fn a_new_rate_of_the_sound_does_not_lose_the_phones() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("phones"), AUDIO, VIDEO);
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    h.push(labelled(sound(0, 200, false), 1, 0, 0))
        .expect("taken");
    h.set_src_caps_str("audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1");
    for ms in (200..1200).step_by(20) {
        let mut buffer = unstamped(&vec![0.0; 960]);
        buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(ms));
        h.push(labelled(buffer, 1, 0, ms)).expect("taken");
    }
    assert_eq!(shut(&all(&mut h)), [560, 600]);
}

fn latency(element: &gst::Element) -> gst::ClockTime {
    let mut query = gst::query::Latency::new();
    assert!(element.static_pad("src").expect("src").query(&mut query));
    query.result().1
}

#[test]
fn phones_alone_need_less_latency_which_stays_while_playing() {
    let _watchdog = watchdog(60);
    let run = |articulator: &str| {
        let element = still(articulator);
        let (mut h, bus) = harness(&element, AUDIO, VIDEO);
        h.push(sound(0, 500, true)).expect("taken");
        let before = latency(&element);
        while bus.pop_filtered(&[gst::MessageType::Latency]).is_some() {}
        // Clauses come and go, and whoever sets the property now sets it for the next start.
        element.set_property_from_str("articulator", "signal");
        assert!(h.push_event(clause(1, 0, &AMA).to_event()));
        h.push(labelled(sound(500, 1200, true), 1, 0, 0))
            .expect("taken");
        h.push(sound(1700, 500, true)).expect("taken");
        assert_eq!(latency(&element), before);
        assert!(bus.pop_filtered(&[gst::MessageType::Latency]).is_none());
        let at_end: u64 = stat(&element, "look-ahead");
        finish(&mut h);
        (before, at_end)
    };
    let [auto, phones, network] = ["auto", "phones", "network"].map(run);
    assert_eq!(auto, network);
    let saved = auto.0 - phones.0;
    // What listening takes.
    assert!((20..=120).contains(&saved.mseconds()), "{saved}");
    assert_eq!(saved.nseconds(), auto.1 - phones.1);
    assert!(
        phones.0 <= gst::ClockTime::from_mseconds(100),
        "{}",
        phones.0
    );
}

/// No frame waits longer for sound than was promised, with phones neither.
#[test]
fn frames_with_phones_come_within_the_look_ahead() {
    let _watchdog = watchdog(60);
    let element = still("phones");
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    let look_ahead: u64 = stat(&element, "look-ahead");
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    let mut count = 0;
    for ms in (0..1200).step_by(10) {
        h.push(labelled(sound(ms, 10, false), 1, 0, ms))
            .expect("taken");
        count += frames(&mut h).len() as u64;
        let due = ((ms + 10) * MS).saturating_sub(look_ahead) / (40 * MS);
        assert!(count >= due, "{count} frames of {due} after {} ms", ms + 10);
    }
}

#[test]
fn broken_events_are_told_of_once_and_harm_nothing() {
    let _watchdog = watchdog(60);
    let element = still("auto");
    let (mut h, bus) = harness(&element, AUDIO, VIDEO);
    for _ in 0..3 {
        let mut structure = clause(1, 0, &AMA).to_structure();
        structure.set("rate", 0u32);
        assert!(h.push_event(gst::event::CustomDownstream::new(structure)));
    }
    let mut buffer = labelled(sound(0, 1000, false), 1, 0, 0);
    {
        let mut meta = gst::meta::CustomMeta::from_mut_buffer(buffer.make_mut(), "SonicSpeechMeta")
            .expect("a meta");
        meta.mut_structure().set("offset", "much");
    }
    h.push(buffer).expect("taken");
    h.push(labelled(sound(1000, 1000, false), 9, 9, u64::MAX / S))
        .expect("taken");
    let told = complaints(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("sonic-clause") && told[0].contains("rate"),
        "{told:?}"
    );
    let frames = all(&mut h);
    assert_eq!(frames.len(), 50);
    assert!(frames.iter().all(|f| f.origin == "idle"));
    assert_eq!(stat::<u64>(&element, "clauses-ignored"), 3);
}

/// It counts samples of sound; downstream there is video. Other events go on.
#[test]
fn the_event_ends_here_and_others_go_on() {
    let _watchdog = watchdog(60);
    let (mut h, _) = harness(&still("auto"), AUDIO, VIDEO);
    h.push(sound(0, 100, false)).expect("taken");
    assert!(h.push_event(clause(1, 0, &AMA).to_event()));
    let other = gst::Structure::new_empty("sonic-other");
    assert!(h.push_event(gst::event::CustomDownstream::new(other)));
    let names: Vec<_> = std::iter::from_fn(|| h.try_pull_event())
        .filter_map(|e| e.structure().map(|s| s.name().to_string()))
        .collect();
    assert!(names.iter().any(|n| n == "sonic-other"), "{names:?}");
    assert!(!names.iter().any(|n| n == "sonic-clause"), "{names:?}");
}

/// The second run knows nothing of the first.
#[test]
fn a_stop_forgets_clauses_and_interruptions() {
    let _watchdog = watchdog(60);
    let element = still("phones");
    let (mut h, _) = harness(&element, AUDIO, VIDEO);
    for run in ["first", "second"] {
        assert!(h.push_event(gst::event::StreamStart::new(run)));
        let caps = AUDIO.parse::<gst::Caps>().expect("caps");
        assert!(h.push_event(gst::event::Caps::new(&caps)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(h.push_event(gst::event::Segment::new(&segment)));
        assert!(h.push_event(clause(1, 0, &AMA).to_event()));
        h.push(labelled(sound(0, 1200, false), 1, 0, 0))
            .expect("taken");
        h.push(sound(1200, 200, false)).expect("taken");
        let frames: Vec<Seen> = frames(&mut h).iter().map(seen).collect();
        assert_eq!(shut(&frames), [560, 600]);
        assert_eq!(stat::<u64>(&element, "clauses-ignored"), 0);
        assert!(h.push_event(interrupt(Some(1))));
        h.push(sound(1400, 200, false)).expect("taken");
        assert!(h.push_event(clause(1, 1, &AMA).to_event()));
        assert_eq!(stat::<u64>(&element, "clauses-ignored"), 1);
        element.set_state(gst::State::Null).expect("it stops");
        element.set_state(gst::State::Playing).expect("it starts");
    }
}
