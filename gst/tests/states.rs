// SPDX-License-Identifier: MPL-2.0
//! State changes: again and again, and nothing is left behind.

mod common;

use common::*;
use gst::prelude::*;

#[test]
fn fifty_times_up_and_down() {
    let _watchdog = watchdog(120);
    let element = animator();
    let weak = element.downgrade();
    for _ in 0..50 {
        for state in [
            gst::State::Ready,
            gst::State::Paused,
            gst::State::Playing,
            gst::State::Paused,
            gst::State::Ready,
            gst::State::Null,
        ] {
            element
                .set_state(state)
                .expect("every state can be reached");
        }
    }
    drop(element);
    assert!(weak.upgrade().is_none());
}

/// A second run is like the first: same frames, nothing kept.
#[test]
fn a_pipeline_runs_twice_and_is_gone_afterwards() {
    let _watchdog = watchdog(60);
    init();
    let pipeline = gst::parse::launch(&format!(
        "audiotestsrc num-buffers=100 ! audio/x-raw,rate=44100 ! sonicanimator name=a ! {VIDEO} ! \
         appsink name=sink sync=false"
    ))
    .expect("valid")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let element = pipeline.by_name("a").expect("the element");
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("an appsink");
    let mut runs = Vec::new();
    for _ in 0..2 {
        pipeline.set_state(gst::State::Playing).expect("starts");
        let frames: Vec<_> = std::iter::from_fn(|| sink.pull_sample().ok())
            .map(|sample| {
                let buffer = sample.buffer_owned().expect("a frame");
                let map = buffer.map_readable().expect("readable");
                (buffer.pts(), map.to_vec())
            })
            .collect();
        let rendered: u64 = stat(&element, "frames-rendered");
        assert_eq!(rendered, frames.len() as u64, "counted anew");
        pipeline.set_state(gst::State::Null).expect("stops");
        runs.push(frames);
    }
    assert_eq!(runs[0].len(), (100 * 1024 * 25usize).div_ceil(44_100));
    assert!(runs[0] == runs[1], "the same seed gives the same frames");
    let weak = (pipeline.downgrade(), element.downgrade());
    drop((pipeline, element, sink));
    assert!(weak.0.upgrade().is_none() && weak.1.upgrade().is_none());
}

/// Stopping must not wait for a downstream that takes nothing.
#[test]
fn a_blocked_pipeline_stops() {
    let _watchdog = watchdog(60);
    init();
    for _ in 0..10 {
        let pipeline = gst::parse::launch(&format!(
            "audiotestsrc ! sonicanimator ! {VIDEO} ! appsink name=sink max-buffers=1 sync=false"
        ))
        .expect("valid")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
        let sink = pipeline
            .by_name("sink")
            .and_downcast::<gst_app::AppSink>()
            .expect("an appsink");
        pipeline.set_state(gst::State::Playing).expect("starts");
        sink.pull_sample().expect("a frame");
        pipeline.set_state(gst::State::Null).expect("stops");
    }
}

/// A portrait that is still being loaded does not keep the element alive or in its state.
#[test]
fn stopping_does_not_wait_for_a_portrait() {
    let _watchdog = watchdog(60);
    let folder = tempfile::tempdir().expect("a folder");
    let portrait = files::Portrait::write(folder.path(), "red", [200, 30, 30, 255]);
    for _ in 0..20 {
        let element = animator();
        let (mut h, _) = harness(&element, AUDIO, VIDEO);
        h.push(tone(0, 1600)).expect("taken");
        element.set_property("landmarks", portrait.landmarks());
        element.set_property("portrait", portrait.picture());
        element.set_state(gst::State::Null).expect("stops");
        element
            .set_state(gst::State::Playing)
            .expect("starts again");
        element.set_state(gst::State::Null).expect("stops");
    }
}

/// Whoever changes the state holds a lock until the change has been told; the voice announces its
/// clauses all the same.
#[test]
fn a_clause_is_announced_while_the_state_changes() {
    use common::speech::{have_voices, ttssrc};
    let _watchdog = watchdog(60);
    if !have_voices() {
        return;
    }
    let element = ttssrc(&[("text", "One boat."), ("voice", "en")]);
    let (sender, announced) = std::sync::mpsc::channel();
    let pad = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok))
        .event_function(move |_, _, event| {
            if event.has_name("sonic-clause") {
                // Only the first one is waited for.
                let _ = sender.send(());
            }
            true
        })
        .build();
    let source = element.static_pad("src").expect("a pad");
    source.link(&pad).expect("linked");
    pad.set_active(true).expect("active");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let (announced, of) = (std::sync::Mutex::new(announced), element.clone());
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::StateChanged(changed) = message.view()
            && changed.current() == gst::State::Paused
            && changed.pending() == gst::State::VoidPending
            && message.src() == Some(of.upcast_ref())
        {
            // This is the thread that changes it, with the lock.
            announced.lock().expect("no panic").recv().expect("told");
        }
        gst::BusSyncReply::Drop
    });
    element.set_state(gst::State::Paused).expect("it starts");
    bus.unset_sync_handler();
    element.set_state(gst::State::Null).expect("it stops");
}
