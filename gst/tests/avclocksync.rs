// SPDX-License-Identifier: MPL-2.0
//! `avclocksync` offline, and in real pipelines.

mod common;

use std::sync::{Arc, Mutex};

use common::{speech::have_voices, sync::*, *};
use gst::prelude::*;

/// What came out of a pipeline: times and sizes of the buffers of sound and pictures.
#[derive(Clone, Debug, Default)]
struct Whole {
    sound: Vec<(u64, u64, usize)>,
    pictures: Vec<(u64, u64, usize)>,
}

impl Whole {
    fn samples(&self, frame: usize) -> u64 {
        self.sound.iter().map(|b| (b.2 / frame) as u64).sum()
    }

    #[track_caller]
    fn is_even(&self) {
        for stream in [&self.sound, &self.pictures] {
            assert_eq!(stream.first().map_or(0, |b| b.0), 0, "it begins at 0");
            for pair in stream.windows(2) {
                assert_eq!(pair[1].0, pair[0].0 + pair[0].1);
            }
        }
    }
}

/// Runs a pipeline with sinks `sound` and `pictures` to its end.
fn play(description: &str) -> Whole {
    init();
    let pipeline = gst::parse::launch(description)
        .expect("a valid description")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let whole = Arc::new(Mutex::new(Whole::default()));
    for name in ["sound", "pictures"] {
        let Some(sink) = pipeline.by_name(name) else {
            continue;
        };
        let kept = whole.clone();
        let pad = sink.static_pad("sink").expect("a pad");
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                let ns = |t: Option<gst::ClockTime>| t.expect("a time").nseconds();
                let entry = (ns(buffer.pts()), ns(buffer.duration()), buffer.size());
                let mut whole = kept.lock().expect("no panic");
                match name {
                    "sound" => whole.sound.push(entry),
                    _ => whole.pictures.push(entry),
                }
            }
            gst::PadProbeReturn::Ok
        });
    }
    let bus = pipeline.bus().expect("pipelines have one");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end);
    pipeline.set_state(gst::State::Null).expect("it stops");
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        other => panic!("{description}: {other:?}"),
    }
    let whole = whole.lock().expect("no panic");
    whole.clone()
}

const SINKS: &str = "sync.audio_src ! queue ! fakesink name=sound \
                     sync.video_src ! queue ! fakesink name=pictures";

#[test]
fn as_many_frames_as_the_sound_needs() {
    let _watchdog = watchdog(120);
    // 40 buffers of 1000 samples at 44.1 kHz are 0.907 s.
    for (rate, frames) in [
        ("24/1", 22),
        ("25/1", 23),
        ("30000/1001", 28),
        ("50/1", 46),
        ("60/1", 55),
    ] {
        for given in [10, 100] {
            let whole = play(&format!(
                "avclocksync name=sync mode=offline \
                 audiotestsrc num-buffers=40 samplesperbuffer=1000 ! audio/x-raw,rate=44100,channels=2,format=S16LE ! queue ! sync.audio_sink \
                 videotestsrc num-buffers={given} ! video/x-raw,width=32,height=32,framerate={rate} ! queue ! sync.video_sink {SINKS}"
            ));
            whole.is_even();
            assert_eq!(whole.samples(4), 40_000);
            assert_eq!(whole.pictures.len(), frames, "{rate} from {given}");
        }
    }
}

/// Every raw format goes through as it is; of pictures also ones of a variable rate.
#[test]
fn all_formats_pass() {
    let _watchdog = watchdog(120);
    init();
    for format in gst_audio::AUDIO_FORMATS_ALL.iter() {
        let whole = play(&format!(
            "audiotestsrc num-buffers=5 ! audioconvert ! audio/x-raw,format={format},rate=22050,channels=2 ! \
             avclocksync mode=offline name=sync sync.audio_src ! audio/x-raw,format={format} ! fakesink name=sound"
        ));
        let width = gst_audio::AudioFormatInfo::from_format(*format).width() as usize / 8;
        assert_eq!(whole.samples(2 * width), 5 * 1024, "{format}");
    }
    for format in [
        "I420",
        "NV12",
        "RGBA",
        "YUY2",
        "v210",
        "GRAY16_LE",
        "P010_10LE",
    ] {
        let whole = play(&format!(
            "videotestsrc num-buffers=5 ! videoconvert ! video/x-raw,format={format},width=32,height=16,framerate=30/1 ! \
             sync.video_sink avclocksync mode=offline name=sync sync.video_src ! video/x-raw,format={format} ! fakesink name=pictures"
        ));
        assert_eq!(whole.pictures.len(), 5, "{format}");
        whole.is_even();
    }
}

#[test]
fn another_frame_rate_downstream_is_kept() {
    let _watchdog = watchdog(60);
    let whole = play(
        "avclocksync name=sync mode=offline \
         audiotestsrc num-buffers=50 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1,format=F32LE ! queue ! sync.audio_sink \
         videotestsrc num-buffers=30 ! video/x-raw,width=32,height=32,framerate=30/1 ! queue ! sync.video_sink \
         sync.audio_src ! queue ! fakesink name=sound \
         sync.video_src ! video/x-raw,framerate=25/1 ! queue ! fakesink name=pictures",
    );
    whole.is_even();
    assert_eq!(whole.pictures.len(), 25);
    assert!(whole.pictures.iter().all(|p| p.1 == 40_000_000));
}

/// Who can choose draws at the rate that is sent, and not frames of which some are left out.
#[test]
fn upstream_draws_at_the_rate_that_is_sent() {
    let _watchdog = watchdog(60);
    let whole = play(
        "avclocksync name=sync mode=offline \
         audiotestsrc num-buffers=50 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1,format=F32LE ! tee name=voice \
         voice. ! queue ! sync.audio_sink \
         voice. ! queue ! sonicanimator articulator=signal ! identity name=pictures ! queue ! sync.video_sink \
         sync.audio_src ! queue ! fakesink \
         sync.video_src ! video/x-raw,width=64,height=64,framerate=15/1 ! queue ! fakesink",
    );
    assert_eq!(whole.pictures.len(), 15);
    assert!(
        whole
            .pictures
            .iter()
            .all(|p| p.1.abs_diff(1_000_000_000 / 15) <= 1)
    );
}

/// One branch holds back a second, and the queues beside it are small.
#[test]
fn a_branch_that_holds_back_does_not_hang() {
    let _watchdog = watchdog(60);
    for (sound, pictures) in [
        (
            "queue min-threshold-time=1000000000 max-size-time=2000000000 max-size-buffers=0",
            "queue max-size-buffers=2",
        ),
        (
            "queue max-size-buffers=2",
            "queue min-threshold-time=1000000000 max-size-time=2000000000 max-size-buffers=0",
        ),
    ] {
        let whole = play(&format!(
            "audiotestsrc num-buffers=200 samplesperbuffer=441 ! audio/x-raw,rate=22050,channels=1,format=S16LE ! tee name=t \
             t. ! {sound} ! sync.audio_sink \
             t. ! queue max-size-buffers=2 ! sonicanimator ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! {pictures} ! sync.video_sink \
             avclocksync name=sync mode=offline \
             sync.audio_src ! queue max-size-buffers=2 ! fakesink name=sound \
             sync.video_src ! queue max-size-buffers=2 ! fakesink name=pictures"
        ));
        whole.is_even();
        assert_eq!(whole.samples(2), 200 * 441);
        assert_eq!(whole.pictures.len(), 100);
    }
}

/// The line of the README, as a file.
#[test]
fn a_voice_and_its_face_make_a_file() {
    let _watchdog = watchdog(120);
    if !have_voices() || !have(&["x264enc", "avenc_aac", "mp4mux"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("talk.mp4");
    run(&format!(
        "ttssrc text=\"Hello there.\" voice=en ! tee name=t \
         t. ! queue ! sonicanimator ! video/x-raw,width=64,height=48 ! sync.video_sink \
         t. ! queue ! sync.audio_sink \
         avclocksync name=sync mode=offline \
         sync.video_src ! queue ! x264enc tune=zerolatency ! mux. \
         sync.audio_src ! queue ! audioconvert ! audioresample ! audio/x-raw,rate=48000 ! avenc_aac ! mux. \
         mp4mux name=mux ! filesink location=\"{}\"",
        file.display()
    ));
    let frames = decoded(&file);
    assert!(frames.len() > 15);
    for pair in frames.windows(2) {
        // The muxer's own clock has coarser ticks.
        assert!((pair[1] - pair[0]).abs_diff(40_000_000) < 1_000_000);
    }
}

#[test]
fn what_cannot_be_is_said() {
    let _watchdog = watchdog(60);
    let element = avclocksync(&[("idle-image", "/nowhere/idle.png")]);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Ready).is_err());
    let complaints = complaints(&bus);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].contains("`idle-image`"), "{complaints:?}");
    assert!(
        complaints[0].contains("/nowhere/idle.png"),
        "{complaints:?}"
    );
    element.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn the_idle_image_is_what_is_shown() {
    let _watchdog = watchdog(60);
    let folder = tempfile::tempdir().expect("a folder");
    let portrait = files::Portrait::write(folder.path(), "red", [200, 30, 30, 255]);
    let picture = portrait.picture();
    let live = Live::new(
        false,
        true,
        &[
            ("idle-image", picture),
            (
                "video-caps",
                "video/x-raw,format=RGBA,width=64,height=32,framerate=50/1",
            ),
        ],
    );
    // The caps of the source come with its first frame at the latest; here they came before.
    live.turn_to(S);
    live.is_even_until(S);
    let frame = live.pictures().buffers[10].clone();
    let map = frame.map_readable().expect("readable");
    let middle = map[8 * 16 + 8];
    assert!(middle > 40, "not black: {middle}");
}

/// Up and down again and again, in every mode, without and with data.
#[test]
fn states_can_be_changed_at_will() {
    let _watchdog = watchdog(120);
    for mode in ["auto", "live", "offline"] {
        let element = avclocksync(&[("mode", mode)]);
        let weak = element.downgrade();
        for _ in 0..20 {
            for state in [gst::State::Paused, gst::State::Playing, gst::State::Null] {
                element
                    .set_state(state)
                    .expect("every state can be reached");
            }
        }
        drop(element);
        assert!(weak.upgrade().is_none());
        let pipeline = gst::parse::launch(&format!(
            "avclocksync name=sync mode={mode} \
             audiotestsrc is-live=true ! queue ! sync.audio_sink \
             videotestsrc is-live=true ! video/x-raw,width=32,height=32 ! queue ! sync.video_sink \
             sync.audio_src ! queue ! fakesink name=sound sync=true \
             sync.video_src ! queue ! fakesink name=pictures sync=true"
        ))
        .expect("valid");
        for _ in 0..5 {
            pipeline.set_state(gst::State::Playing).expect("plays");
            pipeline.set_state(gst::State::Null).expect("stops");
        }
    }
}

/// Downstream's pool and metas are upstream's, and a frame's memory is the one that came.
#[test]
fn frames_are_never_copied() {
    let _watchdog = watchdog(60);
    let live = Live::new(true, true, &[]);
    let source = live.element.static_pad("video_src").expect("a pad");
    source.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        match info.query_mut().map(|q| q.view_mut()) {
            Some(gst::QueryViewMut::Allocation(q)) => {
                q.add_allocation_pool(Some(&gst::BufferPool::new()), 256, 2, 4);
                q.add_allocation_pool(None::<&gst::BufferPool>, 256, 0, 0);
                q.add_allocation_meta::<gst_video::VideoMeta>(None);
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
    let caps: gst::Caps = PICTURES.parse().expect("caps");
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    let feeder = live.video.as_ref().expect("a pad");
    assert!(feeder.peer_query(&mut query), "it is answered");
    let pools: Vec<_> = query.allocation_pools().collect();
    assert!(pools[0].0.is_some());
    // A second and more may wait here.
    assert_eq!(pools[0].2, 2);
    assert!(pools[0].3 >= 4 + 25, "{}", pools[0].3);
    assert_eq!(pools[1].3, 0, "no limit stays none");
    assert!(
        query
            .find_allocation_meta::<gst_video::VideoMeta>()
            .is_some()
    );
    let mut came = Vec::new();
    for i in 0..25u64 {
        live.turn_to((i + 1) * 40 * MS);
        // Rows of 16 bytes, 24 apart.
        let mut buffer = gst::Buffer::with_size(24 * 16).expect("memory");
        let b = buffer.get_mut().expect("new");
        let meta = gst_video::VideoMeta::add_full(
            b,
            gst_video::VideoFrameFlags::empty(),
            gst_video::VideoFormat::Gray8,
            16,
            16,
            &[0],
            &[24],
        );
        meta.expect("added");
        b.set_pts(i * 40 * MS);
        b.set_duration(40 * MS);
        came.push(buffer.peek_memory(0).as_ptr() as usize);
        live.push(&live.video, buffer);
        live.speak(i * 40 * MS, i * 2 * PIECE, 2 * PIECE);
    }
    live.turn_to(2 * S);
    let pictures = live.pictures();
    let with_meta = |b: &&gst::Buffer| b.meta::<gst_video::VideoMeta>().is_some();
    let mut went: Vec<usize> = pictures
        .buffers
        .iter()
        .filter(with_meta)
        .map(|b| {
            let meta = b.meta::<gst_video::VideoMeta>().expect("filtered");
            assert_eq!(meta.stride(), [24]);
            b.peek_memory(0).as_ptr() as usize
        })
        .collect();
    went.dedup();
    assert_eq!(went, came);
}

/// A file that is interrupted: what had been sent, 10 ms of fade, and what is said next.
#[test]
fn an_interruption_cuts_a_file_to_the_sample() {
    let _watchdog = watchdog(60);
    init();
    let element = avclocksync(&[("mode", "offline")]);
    let (sender, samples) = std::sync::mpsc::channel();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            let map = buffer.map_readable().expect("readable");
            for sample in map.as_chunks().0 {
                sender
                    .send(Some(i32::from_le_bytes(*sample)))
                    .expect("heard");
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    let source = element.static_pad("audio_src").expect("a pad");
    source.link(&sink).expect("linked");
    sink.set_active(true).expect("active");
    let feeder = gst::Pad::new(gst::PadDirection::Src);
    feeder
        .link(&element.static_pad("audio_sink").expect("a pad"))
        .expect("linked");
    feeder.set_active(true).expect("active");
    element.set_state(gst::State::Playing).expect("plays");
    begin(&feeder, SOUND);
    let push = |from: u64, count: u64, first: u64| {
        let bytes = speech(first, count)
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect::<Vec<u8>>();
        let mut buffer = gst::Buffer::from_slice(bytes);
        let at = gst::ClockTime::from_nseconds(from * 1_000_000_000 / RATE);
        buffer.get_mut().expect("new").set_pts(at);
        feeder.push(buffer).expect("taken");
    };
    push(0, 5_000, 0);
    let event = gst::Structure::new_empty("sonic-interrupt");
    feeder.push_event(gst::event::CustomDownstreamOob::new(event));
    push(5_000, 5_000, 100_000);
    feeder.push_event(gst::event::Eos::new());
    let mut heard = Vec::new();
    while heard.last() != speech(104_999, 1).first() {
        heard.extend(samples.recv().expect("it goes on"));
    }
    let follows = heard.iter().position(|s| *s >= speech(100_000, 1)[0]);
    let follows = follows.expect("heard");
    assert_eq!(heard[follows..], speech(100_000, 5_000));
    // How much had been sent is a matter of threads.
    let cut = (0..follows).find(|i| heard[*i].abs_diff(speech(*i as u64, 1)[0]) > 128);
    if let Some(cut) = cut {
        // The first sample of the fade is as it was, but for 24 bits of precision.
        assert_eq!(follows - cut + 1, 160);
        assert!(heard[cut - 1..follows].windows(2).all(|w| w[1] < w[0]));
    } else {
        assert!(follows == 0 || follows == 5_000, "{follows}");
    }
    element.set_state(gst::State::Null).expect("it stops");
}

/// A sound card that is 300 ppm too fast.
#[test]
fn a_source_that_drifts_is_resampled_unless_it_is_not_to_be() {
    let _watchdog = watchdog(120);
    for (policy, corrects) in [("resample", true), ("none", false)] {
        let live = Live::new(true, false, &[("drift-correction", policy)]);
        for i in 0..5_000u64 {
            let clock = (i + 1) as f64 * 20e6 / (1.0 + 300e-6);
            live.turn_to(gst::ClockTime::from_nseconds(clock as u64));
            live.speak(i * 20 * MS, i * PIECE, PIECE);
        }
        live.turn_to(102 * S);
        let drift: f64 = stat(&live.element, "drift-ppm");
        assert!((drift - 300.0).abs() < 10.0, "{drift}");
        let stats: gst::Structure = live.element.property("stats");
        assert_eq!(stats.has_field("drift-correction"), corrects);
        let stretched: i64 = stat(&live.element, "sound-stretched");
        // From 30 s on, by 5 ppm more each second: 12 ms of the 30 that have gathered.
        let gone = -14_000_000..-10_000_000;
        assert_eq!(gone.contains(&stretched), corrects, "{stretched}");
        assert_eq!(stretched == 0, !corrects);
        live.sound().is_even();
    }
}
