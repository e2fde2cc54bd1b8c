// SPDX-License-Identifier: MPL-2.0
//! `avclocksync` beside the other elements: words in time, a face that idles, and the whole line
//! live, said, interrupted, said again, on a clock that is turned as fast as the elements follow.

mod common;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use common::{
    speech::{field, have_voices, interrupt, named, say, told},
    sync::{Live, MS, PIECE, S, SOUND, speech},
    *,
};
use gst::prelude::*;
use gst_check::TestClock;

/// Running time and whether something is heard, of each buffer of sound.
type Loudness = Arc<Mutex<Vec<(u64, bool)>>>;

/// How far a stream has come somewhere, in running time.
#[derive(Clone, Default)]
struct Reached(Arc<AtomicU64>);

impl Reached {
    fn at(pad: &gst::Pad) -> Self {
        let reached = Self::default();
        let kept = reached.clone();
        probe(pad, move |buffer| {
            let end = time(buffer) + buffer.duration().expect("one").nseconds();
            kept.0.store(end, Ordering::SeqCst);
        });
        reached
    }

    fn end(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct Chain {
    pipeline: gst::Pipeline,
    clock: TestClock,
    sync: gst::Element,
    sound: Loudness,
    pictures: Arc<Mutex<Vec<u64>>>,
    /// Of sound and pictures, in front of `avclocksync` and behind it.
    before: [Reached; 2],
    behind: [Reached; 2],
    messages: Vec<gst::Structure>,
}

impl Chain {
    fn new(caps: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(&format!(
            "ttssrc name=speech is-live=true voice=en ! tee name=t \
             t. ! queue ! sonicanimator {caps} ! sync.video_sink \
             t. ! queue ! sync.audio_sink avclocksync name=sync \
             sync.video_src ! fakesink name=pictures async=false \
             sync.audio_src ! fakesink name=sound async=false",
        ))
        .expect("valid")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
        let clock = TestClock::new();
        pipeline.use_clock(Some(&clock));
        let (sound, pictures) = (Loudness::default(), Arc::default());
        let pad = |element: &str, name: &str| {
            let element = pipeline.by_name(element).expect("an element");
            element.static_pad(name).expect("a pad")
        };
        let kept = sound.clone();
        probe(&pad("sound", "sink"), move |buffer| {
            let map = buffer.map_readable().expect("readable");
            let loud = map
                .as_chunks()
                .0
                .iter()
                .any(|b| i16::from_le_bytes(*b).unsigned_abs() > 300);
            kept.lock().expect("no panic").push((time(buffer), loud));
        });
        let kept: Arc<Mutex<Vec<u64>>> = Arc::clone(&pictures);
        probe(&pad("pictures", "sink"), move |buffer| {
            kept.lock().expect("no panic").push(time(buffer));
        });
        let before = ["audio_sink", "video_sink"].map(|name| Reached::at(&pad("sync", name)));
        let behind = ["sound", "pictures"].map(|name| Reached::at(&pad(name, "sink")));
        pipeline.set_state(gst::State::Playing).expect("it starts");
        Self {
            sync: pipeline.by_name("sync").expect("the pair"),
            pipeline,
            clock,
            sound,
            pictures,
            before,
            behind,
            messages: Vec::new(),
        }
    }

    /// Turns the clock until that is so, no faster than the elements follow.
    fn turn_until(&mut self, is: impl Fn(&Self) -> bool) {
        let bus = self.pipeline.bus().expect("pipelines have one");
        while !is(self) {
            // Whoever has to be somewhere in time waits for the clock, even if that time is over.
            if let Some(first) = self.clock.peek_next_pending_id()
                && (first.time() <= self.clock.time() || self.is_up_to_date())
            {
                self.clock.crank();
            }
            self.messages.extend(told(&bus));
            std::thread::yield_now();
        }
    }

    /// Whether all has come that is due: else a slow machine's clock would run ahead of its sound.
    fn is_up_to_date(&self) -> bool {
        let now = self.clock.time().nseconds();
        let latency = |pad: &str| {
            let mut query = gst::query::Latency::new();
            let pad = self.sync.static_pad(pad).expect("a pad");
            let answered = match pad.direction() {
                gst::PadDirection::Src => pad.query(&mut query),
                _ => pad.peer_query(&mut query),
            };
            assert!(answered, "nobody tells the latency");
            query.result().1.nseconds()
        };
        let pads = ["audio_sink", "video_sink", "audio_src", "video_src"];
        // Who began late stays behind: what waits is enough then.
        let frames: u64 = stat(&self.sync, "frames-queued");
        let waits = [
            stat::<u64>(&self.sync, "sound-queued") >= 200_000_000,
            frames >= 5,
            false,
            false,
        ];
        let reached = self.before.iter().chain(&self.behind).map(Reached::end);
        reached.zip(pads).zip(waits).all(|((end, pad), waits)| {
            match end {
                // All waits for the voice to begin; the face may take its time to load.
                0 => pad != "audio_sink",
                end => waits || end + latency(pad) >= now,
            }
        })
    }

    fn words(&self) -> Vec<String> {
        let words = named(&self.messages, "word");
        let of_sync = words.iter().filter(|w| !w.has_field("text-offset"));
        of_sync.map(|w| field(w, "text")).collect()
    }

    fn loud_until(&self) -> u64 {
        let sound = self.sound.lock().expect("no panic");
        sound.iter().rev().find(|s| s.1).map_or(0, |s| s.0)
    }

    fn now(&self) -> u64 {
        let sound = self.sound.lock().expect("no panic");
        sound.last().map_or(0, |s| s.0)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn time(buffer: &gst::BufferRef) -> u64 {
    buffer.pts().expect("a time").nseconds()
}

fn probe(pad: &gst::Pad, keep: impl Fn(&gst::BufferRef) + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            keep(buffer);
        }
        gst::PadProbeReturn::Ok
    });
}

#[test]
fn said_interrupted_and_said_again() {
    let _watchdog = watchdog(120);
    if !have_voices() {
        return;
    }
    let mut chain = Chain::new("! video/x-raw,width=64,height=48");
    let speech = chain.pipeline.by_name("speech").expect("the voice");
    chain.turn_until(|c| c.now() > 500_000_000);
    say(
        &speech,
        "One two three four five six seven eight nine ten eleven twelve.",
    );
    chain.turn_until(|c| c.words().len() >= 4);
    let before = chain.now();
    assert!(chain.loud_until() + 300_000_000 > before, "it is speaking");
    interrupt(&speech);
    chain.turn_until(|c| c.now() > before + 2_000_000_000);
    let silent = chain.loud_until();
    // The block that was being made, two frames, and the one in which the fade ends.
    assert!(silent <= before + 4 * 40_000_000, "{silent} after {before}");
    let words = chain.words().len();
    assert!(words < 8, "{:?}", chain.words());
    say(&speech, "And now.");
    chain.turn_until(|c| c.words().len() >= words + 2);
    chain.turn_until(|c| c.now() > c.loud_until() + 1_000_000_000);
    assert!(chain.loud_until() > before + 2_000_000_000, "heard again");
    assert_eq!(chain.words()[words..], ["And", "now"]);
    let sync = chain.pipeline.by_name("sync").expect("the pair");
    assert_eq!(stat::<u64>(&sync, "interruptions"), 1);
    let pictures = chain.pictures.lock().expect("no panic");
    for (k, at) in (0u64..).zip(pictures.iter()) {
        assert_eq!(*at, pictures[0] + k * 40_000_000);
    }
}

#[test]
fn words_are_told_when_they_are_heard() {
    use gstsonic::metas::{SpeechClause, SpeechPlace, SpokenWord};
    let _watchdog = watchdog(60);
    let live = Live::new(true, false, &[]);
    let clause = SpeechClause {
        utterance_id: 7,
        clause: 0,
        text: "one two".into(),
        language: "en".into(),
        rate: RATE as u32,
        phones: Vec::new(),
        words: [("one", 0), ("two", 4_000)]
            .map(|(text, start)| SpokenWord {
                text: text.into(),
                start,
                length: 3_000,
            })
            .into(),
    };
    // It comes 3 s late.
    live.turn_to(3 * S);
    live.event(clause.to_event());
    for i in 0..25 {
        let mut buffer = gst::Buffer::from_slice(
            speech(i * PIECE, PIECE)
                .iter()
                .flat_map(|s| s.to_le_bytes())
                .collect::<Vec<u8>>(),
        );
        let b = buffer.get_mut().expect("new");
        b.set_pts(i * 20 * MS);
        let place = SpeechPlace {
            utterance_id: 7,
            clause: 0,
            offset: i * PIECE,
        };
        place.attach(b).expect("registered");
        live.push(&live.audio, buffer);
    }
    live.turn_to(5 * S);
    let begins = live
        .sound()
        .samples()
        .iter()
        .position(|s| *s >= 1 << 30)
        .expect("heard");
    let told = live.told();
    let words = named(&told, "word");
    let times: Vec<(String, u64)> = words
        .iter()
        .map(|w| (field(w, "text"), field(w, "running-time")))
        .collect();
    let ns = |sample: usize| sample as u64 * 1_000_000_000 / RATE;
    assert_eq!(
        times,
        [
            ("one".to_owned(), ns(begins)),
            ("two".to_owned(), ns(begins + 4_000))
        ]
    );
    // The blocks say where they lie, and the event came before them.
    let out = live.sound();
    let mut next = 0;
    for buffer in &out.buffers {
        if let Some(place) = SpeechPlace::of(buffer) {
            assert_eq!(place.expect("valid").offset, next);
            next += buffer.size() as u64 / 4;
        }
    }
    assert_eq!(next, 25 * PIECE);
    let clauses = out
        .events
        .iter()
        .filter_map(|e| SpeechClause::from_event(e));
    assert_eq!(clauses.count(), 1);
}

/// In front of the animator, a source that says nothing for a minute still gives it sound: the
/// face blinks on.
#[test]
fn a_silent_source_leaves_a_face_that_blinks() {
    let _watchdog = watchdog(120);
    let live = Live::new(true, false, &[]);
    live.turn_to(60 * S);
    let mut head = harness(&animator(), SOUND, VIDEO).0;
    let sound = std::mem::take(&mut live.sound().buffers);
    let mut shut = 0;
    let mut frames_out = 0;
    let mut was = false;
    for buffer in sound {
        head.push(buffer).expect("taken");
        for frame in frames(&mut head) {
            frames_out += 1;
            let weights: gst::Array = meta(&frame).get("weights").expect("weights");
            let blinks = sonic_engine::pose::Arkit::EyeBlinkLeft as usize;
            let weight: f32 = weights[blinks].get().expect("a number");
            let is = weight > 0.7;
            shut += u32::from(is && !was);
            was = is;
        }
    }
    assert!(frames_out > 1_480, "{frames_out}");
    // 18 a minute are usual.
    assert!((8..35).contains(&shut), "{shut} blinks");
}

/// Nobody has said what size the pictures are to have, and the first ones are sent before there
/// is a face: it comes in that very size.
#[test]
fn the_size_is_chosen_once() {
    let _watchdog = watchdog(120);
    if !have_voices() {
        return;
    }
    let mut chain = Chain::new("");
    let sizes: Arc<Mutex<Vec<gst::Caps>>> = Arc::default();
    let kept = sizes.clone();
    let sync = chain.pipeline.by_name("sync").expect("the pair");
    let pad = sync.static_pad("video_src").expect("a pad");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(caps)) = info.event().map(|e| e.view()) {
            kept.lock().expect("no panic").push(caps.caps_owned());
        }
        gst::PadProbeReturn::Ok
    });
    // They may have been sent before anybody looked.
    sizes.lock().expect("no panic").extend(pad.current_caps());
    // Faces are there when frames go out that are not idle.
    chain.turn_until(|_| {
        let all: u64 = stat(&sync, "frames-out");
        all > stat::<u64>(&sync, "frames-idle") + 5
    });
    let size = |caps: &gst::Caps| {
        let s = caps.structure(0).expect("one");
        (
            s.get::<i32>("width").expect("one"),
            s.get::<i32>("height").expect("one"),
        )
    };
    let mut sizes: Vec<_> = sizes.lock().expect("no panic").iter().map(size).collect();
    sizes.dedup();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
}

/// The lag of the mouths that are sent is known while somebody speaks, and not in silence.
#[test]
fn the_lag_of_the_mouth_is_measured_as_sent() {
    use gstsonic::metas::Shown;
    let _watchdog = watchdog(60);
    // Syllables of uneven length and loudness.
    let loudness = |t: f64| {
        let wave = |period: f64, phase: f64| (t / period + phase).sin();
        let sum = wave(0.031, 0.0) + 0.8 * wave(0.047, 1.0) + 0.6 * wave(0.083, 2.0);
        (sum.max(-0.5) + 0.5) * 0.1
    };
    let live = Live::new(true, true, &[]);
    let mut json = String::new();
    for i in 0..500u64 {
        live.turn_to((i + 1) * 20 * MS);
        let speaks = i < 400;
        if i.is_multiple_of(2) {
            let t = i as f64 * 0.02 - 0.08;
            let mut buffer = gst::Buffer::with_size(256).expect("memory");
            let b = buffer.get_mut().expect("new");
            b.set_pts(i * 20 * MS);
            b.set_duration(40 * MS);
            let shown = Shown {
                content_time: 0,
                pose: Default::default(),
                origin: sonic_engine::articulate::Origin::Signal,
                aperture: if speaks { loudness(t) as f32 } else { 0.0 },
            };
            shown.attach(b, &mut json).expect("registered");
            live.push(&live.video, buffer);
        }
        let samples: Vec<i32> = (i * PIECE..(i + 1) * PIECE)
            .map(|n| {
                let t = n as f64 / RATE as f64;
                // Loudness is measured as the root of the amplitude.
                let gain = if speaks {
                    (3.0 * loudness(t)).powi(2)
                } else {
                    0.0
                };
                (gain * (t * 1_300.0).sin() * 2e9) as i32
            })
            .collect();
        live.push_sound(i * 20 * MS, &samples);
        if i == 395 {
            let lag: i64 = stat(&live.element, "lip-lag");
            assert!((lag - 80_000_000).abs() < 15_000_000, "{lag}");
            let confidence: f64 = stat(&live.element, "lip-lag-confidence");
            assert!(confidence > 0.1, "{confidence}");
        }
    }
    live.turn_to(17 * S);
    let stats: gst::Structure = live.element.property("stats");
    assert!(!stats.has_field("lip-lag"), "{stats}");
}
