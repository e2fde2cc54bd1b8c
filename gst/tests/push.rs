// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` and a real server that comes, goes and refuses.

mod common;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{
    relay::Relay,
    rtmp::RtmpServer,
    show::{ELEMENTS, Show, assert_unbroken},
    *,
};
use gst::prelude::*;

#[test]
fn raw_sound_and_picture_are_recorded_whole() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let show = Show::new(&format!("location={}", server.url("show")), 100);
    show.start();
    let live = show.wait_for("live");
    assert_eq!(live.get::<u64>("reconnects"), Ok(0));
    let address: String = live.get("address").expect("an address");
    assert!(address.ends_with("/live/***"), "{address}");
    show.wait_for_end();
    let (sent, dropped): (u64, u64) = (show.stat("frames-sent"), show.stat("frames-dropped"));
    let raw: u64 = show.stat("raw-frames-dropped");
    assert_eq!(sent + dropped + raw, 100);
    assert!(show.stat::<u64>("bytes") > 10_000);
    let frames = show.stop();
    assert_eq!(frames.len(), 100);
    assert_unbroken(&frames);
    let file = server.recording("show");
    let pictures = decoded(&file);
    assert!(pictures[0] < 80_000_000, "begins at {}", pictures[0]);
    assert!(pictures.windows(2).all(|w| w[0] < w[1]), "time goes back");
    // The last one may stay in the muxer.
    assert!(
        (sent - 2..=sent).contains(&(pictures.len() as u64)),
        "{} of {sent}",
        pictures.len()
    );
    let sound = decoded_stream(&file, "audio/x-raw");
    assert!(sound.windows(2).all(|w| w[0] < w[1]), "time goes back");
}

#[test]
fn a_server_that_is_killed_is_come_back_to() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(mut server) = RtmpServer::start() else {
        return;
    };
    let show = Show::new(&format!("location={}", server.url("show")), 100_000);
    show.start();
    show.wait_for("live");
    // What lasts two seconds is accepted.
    let settled = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < settled {
        let _ = show.bus.timed_pop(gst::ClockTime::from_mseconds(100));
    }
    server.kill();
    let lost = show.wait_for("reconnecting");
    assert_eq!(lost.get::<&str>("reason"), Ok("closed"));
    server.restart();
    let back = show.wait_for("live");
    assert_eq!(back.get::<u64>("reconnects"), Ok(1));
    let enough = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < enough {
        let _ = show.bus.timed_pop(gst::ClockTime::from_mseconds(100));
    }
    let frames = show.stop();
    assert_unbroken(&frames);
    server.wait_for("disconnect");
    let files = server.recordings("show");
    assert_eq!(files.len(), 2, "{files:?}");
    // From a key picture on, at the beginning of its own time.
    let pictures = decoded(&files[1]);
    assert!(pictures.len() > 20, "{} pictures", pictures.len());
    assert!(pictures[0] < 80_000_000, "begins at {}", pictures[0]);
}

#[test]
fn who_is_not_there_is_named_without_the_key() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    // Nobody listens on a port that was just free.
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let options = format!("location=rtmp://127.0.0.1:{port}/live/secret77 max-retries=0");
    let show = Show::new(&options, 100_000);
    show.start();
    let error = show.error();
    assert!(
        error.contains("location") && error.contains("nobody listens"),
        "{error}"
    );
    assert!(!error.contains("secret77"), "{error}");
    let state: gstsonic::rtmppushsink::State = show.push().property("state");
    assert_eq!(state, gstsonic::rtmppushsink::State::Failed);
    show.stop();
}

#[test]
fn a_refused_key_is_an_error_and_a_good_backup_is_used() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let refused = server.guarded_url("wrong77");
    let show = Show::new(&format!("location={refused} max-retries=1"), 100_000);
    show.start();
    let error = show.error();
    assert!(
        error.contains("check") && !error.contains("wrong77"),
        "{error}"
    );
    assert_unbroken(&show.stop());

    let good = server.guarded_url("good");
    let options = format!("location={refused} backup-location={good} max-retries=0");
    let show = Show::new(&options, 100_000);
    show.start();
    show.wait_for("live");
    show.stop();
}

#[test]
fn an_encoded_stream_passes_as_it_is() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} videotestsrc is-live=true num-buffers=75 ! \
         video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! push.video",
        server.url("coded")
    ));
    show.start();
    show.wait_for("live");
    show.wait_for_end();
    let sent: u64 = show.stat("frames-sent");
    assert!(sent > 50, "{sent}");
    show.stop();
    let pictures = decoded(&server.recording("coded"));
    assert!(
        (sent - 2..=sent).contains(&(pictures.len() as u64)),
        "{} of {sent}",
        pictures.len()
    );
}

/// The kernel takes some megabytes before anything waits, so the stream is a wide one.
#[test]
fn a_line_that_is_held_up_lowers_the_bitrate_and_nothing_upstream_waits() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let relay = Relay::to(server.port());
    let show = Show::of(&format!(
        "rtmppushsink name=push location=rtmp://127.0.0.1:{}/live/wide bitrate=30000 \
         videotestsrc is-live=true pattern=snow ! \
         video/x-raw,format=I420,width=480,height=360,framerate=25/1 ! push.video",
        relay.port
    ));
    show.start();
    show.wait_for("live");
    relay.set_free(false);
    let lower = || show.stat::<u32>("target-kbits") < 20_000;
    let end = Instant::now() + Duration::from_secs(30);
    while !lower() {
        assert!(
            Instant::now() < end,
            "{:?}",
            show.push().property::<gst::Structure>("stats")
        );
        let _ = show.bus.timed_pop(gst::ClockTime::from_mseconds(50));
    }
    relay.set_free(true);
    assert_unbroken(&show.stop());
}

#[test]
fn the_key_is_in_no_log_and_no_property() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    const KEY: &str = "hidden4711";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).expect("written");
    let location = server.url("").trim_end_matches('/').to_owned();
    // Else all of it would be printed.
    gst::log::remove_default_log_function();
    let log = Arc::new(Mutex::new(Vec::<String>::new()));
    let lines = log.clone();
    let function = gst::log::add_log_function(move |_, _, _, _, _, _, message| {
        let text = message.get().map(|m| m.to_string()).unwrap_or_default();
        if text.contains(KEY) {
            lines.lock().expect("not poisoned").push(text);
        }
    });
    gst::log::set_default_threshold(gst::DebugLevel::Memdump);
    gst::log::set_active(true);
    let options = format!("location={location} stream-key-file={}", file.display());
    let show = Show::new(&options, 75);
    show.start();
    show.wait_for("live");
    show.wait_for_end();
    let push = show.push();
    for property in push.list_properties() {
        if property.flags().contains(gst::glib::ParamFlags::READABLE) {
            let shown = format!("{:?}", push.property_value(property.name()));
            assert!(!shown.contains(KEY), "{}", property.name());
        }
    }
    let dot = show
        .pipeline
        .debug_to_dot_data(gst::DebugGraphDetails::all());
    assert!(!dot.contains(KEY));
    show.stop();
    gst::log::set_default_threshold(gst::DebugLevel::None);
    gst::log::remove_log_function(function);
    assert_eq!(*log.lock().expect("not poisoned"), Vec::<String>::new());
    assert_eq!(server.recordings(KEY).len(), 1);
}

#[test]
fn bad_settings_are_told_before_anything_starts() {
    let _watchdog = watchdog(60);
    init();
    for (options, property, part) in [
        ("", "location", "no address"),
        ("location=http://h/a/k", "location", "rtmp"),
        ("location=rtmp://h", "location", "application"),
        (
            "location=rtmp://h/app stream-key-env=NO_SUCH_77",
            "location",
            "NO_SUCH_77",
        ),
        (
            "location=rtmp://h/app/${NO_SUCH_77}",
            "location",
            "NO_SUCH_77",
        ),
        (
            "location=rtmp://h/app stream-key-file=/nowhere/key",
            "stream-key-file",
            "/nowhere/key",
        ),
    ] {
        let show = Show::of(&format!(
            "rtmppushsink name=push {options} videotestsrc is-live=true ! push.video"
        ));
        assert!(
            show.pipeline.set_state(gst::State::Playing).is_err(),
            "{options}"
        );
        let error = show.error();
        assert!(
            error.contains(property) && error.contains(part),
            "{options}: {error}"
        );
    }
    let alone = gst::ElementFactory::make("rtmppushsink")
        .property("location", "rtmp://h/a/k")
        .build()
        .expect("the sink");
    assert!(alone.set_state(gst::State::Paused).is_err());
    alone.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn it_can_be_stopped_at_any_moment() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    // Takes connections and never says a word.
    let mute = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = mute.local_addr().expect("bound").port();
    for ms in [0u64, 1, 5, 20, 100, 400] {
        let show = Show::new(&format!("location=rtmp://127.0.0.1:{port}/live/k"), 100_000);
        show.start();
        let _ = show.bus.timed_pop_filtered(
            gst::ClockTime::from_mseconds(ms),
            &[gst::MessageType::Error],
        );
        show.stop();
    }
}
