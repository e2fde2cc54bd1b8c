// SPDX-License-Identifier: MPL-2.0
//! What `rtmppushsink` does about faults: whatever happens, frames go into it as evenly as ever, it
//! comes back by itself, and every recording can be shown from its beginning.
//!
//! Those that take long belong to `make test-long`; they print what they measure.

mod common;

use std::{net::TcpListener, time::Instant};

use common::{
    relay::Relay,
    rtmp::RtmpServer,
    show::{ELEMENTS, Show, assert_unbroken},
    viewer::assert_good,
    *,
};
use gst::prelude::*;

/// For ever: nobody has said how long.
const FOREVER: u32 = 1_000_000;

fn server() -> Option<RtmpServer> {
    have(&ELEMENTS).then(RtmpServer::start).flatten()
}

/// That a further connection is up and has sent something.
fn wait_until_back(show: &Show, reconnects: u64) {
    show.run_until("live again", |show| {
        show.stat::<u64>("reconnects") >= reconnects && show.state() == "live"
    });
    let sent = show.stat::<u64>("frames-sent");
    show.run_until("sending", |show| {
        show.stat::<u64>("frames-sent") > sent + 15
    });
}

/// Stops, and looks at all that was recorded of a stream.
fn look_at(show: &Show, server: &RtmpServer, stream: &str, least: usize) {
    let begin = Instant::now();
    let frames = show.stop();
    let stop = begin.elapsed().as_millis();
    let late = frames.iter().map(|f| f.late).max().unwrap_or(0) / 1_000_000;
    server.wait_for("disconnect");
    let files = server.recordings(stream);
    assert!(files.len() >= least, "{files:?}");
    // What a server that was killed had only begun to write is empty.
    let looked: Vec<_> = files
        .iter()
        .filter(|file| std::fs::metadata(file).is_ok_and(|m| m.len() > 2000))
        .map(|file| assert_good(file))
        .collect();
    assert!(looked.len() >= least, "{} of {}", looked.len(), files.len());
    println!(
        "{stream}: {} frames in, at most {late} ms late, stopped in {stop} ms; {} sent, {} dropped, \
         {} reconnections; recordings (pictures, offset in ms): {looked:?}",
        frames.len(),
        show.stat::<u64>("frames-sent"),
        show.stat::<u64>("frames-dropped"),
        show.stat::<u64>("reconnects"),
    );
    assert_unbroken(&frames);
}

#[test]
fn sound_and_picture_lie_together_in_a_recording() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else { return };
    let show = Show::new(&format!("location={}", server.url("even")), 120);
    show.start();
    show.wait_for("live");
    show.wait_for_end();
    show.stop();
    let (pictures, offset) = assert_good(&server.recording("even"));
    assert!(pictures > 100, "{pictures}");
    // One encoder's priming would be 21 ms; FLV counts milliseconds.
    let offset = offset.expect("flashes and ticks");
    assert!(offset.abs() <= 5.0, "{offset} ms");
}

#[test]
fn a_server_that_comes_late_is_waited_for() {
    let _watchdog = watchdog(120);
    let Some(mut server) = server() else { return };
    server.kill();
    let options = format!("location={} max-retries=-1", server.url("late"));
    let show = Show::new(&options, FOREVER);
    show.start();
    show.run_until("refused", |show| {
        let stats: gst::Structure = show.push().property("stats");
        stats.has_field("last-error")
    });
    assert_eq!(show.state(), "connecting");
    server.restart();
    wait_until_back(&show, 0);
    look_at(&show, &server, "late", 1);
}

#[test]
fn a_name_that_is_taken_is_waited_for() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else { return };
    let first = Show::new(&format!("location={}", server.url("taken")), FOREVER);
    first.start();
    first.run_until("sending", |show| show.stat::<u64>("frames-sent") > 15);
    let options = format!("location={} max-retries=-1", server.url("taken"));
    let second = Show::new(&options, FOREVER);
    second.start();
    second.run_until("refused", |show| {
        let stats: gst::Structure = show.push().property("stats");
        let error = stats.get::<&str>("last-error");
        error.is_ok_and(|error| error.contains("BadName"))
    });
    assert_eq!(first.state(), "live");
    assert_unbroken(&first.stop());
    wait_until_back(&second, 0);
    assert_unbroken(&second.stop());
}

#[test]
fn a_host_that_nobody_knows_is_named() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let host = "rtmp://no-such-host.invalid/live/secret77";
    let show = Show::new(&format!("location={host} max-retries=0"), FOREVER);
    show.start();
    let error = show.error();
    assert!(error.contains("no-such-host.invalid"), "{error}");
    assert!(error.contains("name is not known"), "{error}");
    assert!(!error.contains("secret77"), "{error}");
    assert_unbroken(&show.stop());
}

#[test]
fn connections_that_are_cut_are_made_again() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else { return };
    let relay = Relay::to(server.port());
    let location = format!("rtmp://127.0.0.1:{}/live/cut", relay.port);
    // Before it has settled every cut would count as a refusal.
    let show = Show::new(&format!("location={location} max-retries=-1"), FOREVER);
    show.start();
    show.run_until("sending", |show| show.stat::<u64>("frames-sent") > 60);
    for cuts in 1..=2 {
        relay.reset();
        wait_until_back(&show, cuts);
    }
    look_at(&show, &server, "cut", 3);
}

/// The encoder needs twice the time that there is. What it does not take is dropped and counted, and
/// nobody who makes frames waits.
#[test]
fn an_encoder_that_is_too_slow_holds_nobody_up() {
    let _watchdog = watchdog(120);
    let Some(server) = server() else { return };
    let show = Show::new(&format!("location={}", server.url("slow")), 125);
    show.push()
        .downcast_ref::<gst::Bin>()
        .expect("a bin")
        .connect_deep_element_added(|_, _, element| {
            if element.factory().is_some_and(|f| f.name() == "x264enc") {
                let pad = element.static_pad("sink").expect("it has one");
                pad.add_probe(gst::PadProbeType::BUFFER, |_, _| {
                    // The time that such an encoder needs.
                    std::thread::sleep(std::time::Duration::from_millis(80));
                    gst::PadProbeReturn::Ok
                });
            }
        });
    show.start();
    show.wait_for_end();
    let count = |name| show.stat::<u64>(name);
    let (sent, dropped, raw) = (
        count("frames-sent"),
        count("frames-dropped"),
        count("raw-frames-dropped"),
    );
    let frames = show.stop();
    assert_eq!(frames.len(), 125);
    assert_eq!(sent + dropped + raw, 125, "{sent} + {dropped} + {raw}");
    assert!(raw > 40, "{raw}");
    assert_unbroken(&frames);
    // Rare, but each at its time.
    let (pictures, _) = assert_good(&server.recording("slow"));
    assert!(pictures > 20, "{pictures}");
}

/// One encoder of each kind feeds two sinks.
const SHARED: &str = "videotestsrc is-live=true pattern=ball ! \
     video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! \
     x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! tee name=v \
     audiotestsrc is-live=true samplesperbuffer=960 wave=ticks ! \
     audio/x-raw,rate=48000,channels=1 ! avenc_aac ! tee name=a \
     v. ! queue ! push.video a. ! queue ! push.audio \
     v. ! queue ! other.video a. ! queue ! other.audio";

#[test]
fn what_happens_to_one_sink_of_an_encoder_is_nothing_to_the_other() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let (Some(server), Some(mut other)) = (RtmpServer::start(), RtmpServer::start()) else {
        return;
    };
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} \
         rtmppushsink name=other location={} max-retries=-1 {SHARED}",
        server.url("whole"),
        other.url("broken")
    ));
    let other_push = show.pipeline.by_name("other").expect("the sink");
    let other_stat = |name: &str| -> u64 {
        let stats: gst::Structure = other_push.property("stats");
        stats.get(name).expect("a field")
    };
    show.start();
    show.run_until("both live", |show| {
        show.stat::<u64>("frames-sent") > 10 && other_stat("frames-sent") > 10
    });
    other.kill();
    let before = show.stat::<u64>("frames-sent");
    show.run_until("on", |show| show.stat::<u64>("frames-sent") > before + 50);
    other.restart();
    let sent = other_stat("frames-sent");
    show.run_until("the other one back", |_| {
        other_stat("frames-sent") > sent + 10
    });
    assert_eq!(other_stat("reconnects"), 1);
    assert_eq!(show.stat::<u64>("reconnects"), 0);
    assert_unbroken(&show.stop());
    let pictures = decoded(&server.recording("whole"));
    for pair in pictures.windows(2) {
        assert!((39_000_000..=41_000_000).contains(&(pair[1] - pair[0])));
    }
}

/// A sink that gives up says so on the bus, which is for the application; the stream goes on.
#[test]
fn a_sink_that_gives_up_leaves_the_other_alone() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    // Nobody listens on a port that was just free.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr());
    let nobody = nobody.expect("bound").port();
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} \
         rtmppushsink name=other location=rtmp://127.0.0.1:{nobody}/live/x max-retries=0 {SHARED}",
        server.url("whole"),
    ));
    show.start();
    let error = show.error();
    assert!(error.contains("nobody listens"), "{error}");
    let before = show.stat::<u64>("frames-sent");
    show.run_until("on", |show| show.stat::<u64>("frames-sent") > before + 50);
    assert_unbroken(&show.stop());
}

/// After what the server's return takes, a wait of half a second to one was left at most.
fn kill_and_restart(stream: &str, away: u64) {
    let Some(mut server) = server() else { return };
    let show = Show::new(&format!("location={}", server.url(stream)), FOREVER);
    show.start();
    show.wait_for("live");
    show.run(5);
    server.kill();
    show.wait_for("reconnecting");
    show.run(away);
    server.restart();
    let begin = Instant::now();
    show.wait_for("live");
    let back = begin.elapsed();
    show.run(5);
    println!("{stream}: live {} ms after the server", back.as_millis());
    look_at(&show, &server, stream, 2);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_server_is_killed_and_restarted_at_once() {
    let _watchdog = watchdog(120);
    kill_and_restart("killed", 0);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_server_is_away_for_20_seconds() {
    let _watchdog = watchdog(180);
    kill_and_restart("away", 20);
}

/// A stream of some 2 Mbit/s, so that something has to wait.
fn wide(location: &str, options: &str) -> Show {
    let show = format!("location={location} bitrate=2000 {options}");
    let show = Show::sized(&show, FOREVER, "width=640,height=360");
    let source = show
        .pipeline
        .iterate_elements()
        .find(|e| e.factory().is_some_and(|f| f.name() == "videotestsrc"))
        .expect("the pictures");
    source.set_property_from_str("pattern", "snow");
    show
}

fn stall(stream: &str, seconds: u64) {
    let Some(server) = server() else { return };
    let relay = Relay::to(server.port());
    let location = format!("rtmp://127.0.0.1:{}/live/{stream}", relay.port);
    let show = wide(&location, "");
    show.start();
    show.wait_for("live");
    show.run(5);
    server.pause();
    show.run(seconds);
    let state = show.state();
    server.resume();
    let begin = Instant::now();
    let sent = show.stat::<u64>("frames-sent");
    show.run_until("sending", |show| {
        show.state() == "live" && show.stat::<u64>("frames-sent") > sent + 15
    });
    println!(
        "{stream}: {state} meanwhile, sending {} ms later",
        begin.elapsed().as_millis()
    );
    show.run(5);
    look_at(&show, &server, stream, 1);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_server_stands_still_for_3_seconds() {
    let _watchdog = watchdog(120);
    stall("still3", 3);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_server_stands_still_for_30_seconds() {
    let _watchdog = watchdog(180);
    stall("still30", 30);
}

#[test]
#[ignore = "long: make test-long"]
fn long_connections_are_cut_every_5_seconds_for_a_minute() {
    let _watchdog = watchdog(180);
    let Some(server) = server() else { return };
    let relay = Relay::to(server.port());
    let location = format!("rtmp://127.0.0.1:{}/live/cuts", relay.port);
    let show = Show::new(&format!("location={location}"), FOREVER);
    show.start();
    show.wait_for("live");
    let mut longest = 0;
    for _ in 0..12 {
        show.run(5);
        relay.reset();
        show.wait_for("reconnecting");
        let begin = Instant::now();
        show.wait_for("live");
        longest = longest.max(begin.elapsed().as_millis());
    }
    show.run(5);
    println!("cuts: live again after {longest} ms at most");
    look_at(&show, &server, "cuts", 13);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_line_that_narrows_is_followed_and_used_again() {
    let _watchdog = watchdog(240);
    let Some(server) = server() else { return };
    let relay = Relay::to(server.port());
    relay.set_width(Some(50_000));
    let location = format!("rtmp://127.0.0.1:{}/live/narrow", relay.port);
    let show = wide(&location, "");
    show.start();
    show.wait_for("live");
    show.run(10);
    assert_eq!(show.stat::<u32>("target-kbits"), 2000);
    relay.set_width(Some(1000));
    let (mut least, mut worst) = (u32::MAX, 0u64);
    for _ in 0..40 {
        show.run(1);
        least = least.min(show.stat("target-kbits"));
        worst = worst.max(show.stat("queue-time"));
    }
    let narrow = show.stat::<u32>("target-kbits");
    assert!(narrow < 1000, "{narrow} kbit/s");
    relay.set_width(Some(50_000));
    let begin = Instant::now();
    show.run_until("wide again", |show| {
        show.stat::<u32>("target-kbits") == 2000
    });
    println!(
        "narrow: {narrow} kbit/s after 40 s, {least} at least, {} ms waited at most, 2000 again after \
         {} s, {} groups dropped",
        worst / 1_000_000,
        begin.elapsed().as_secs(),
        show.stat::<u64>("groups-dropped")
    );
    look_at(&show, &server, "narrow", 1);
}

#[test]
#[ignore = "long: make test-long"]
fn long_a_connection_that_is_forgotten_is_given_up() {
    let _watchdog = watchdog(180);
    let Some(server) = server() else { return };
    let relay = Relay::to(server.port());
    let location = format!("rtmp://127.0.0.1:{}/live/forgotten", relay.port);
    let show = wide(&location, "stall-timeout=5000000000");
    show.start();
    show.wait_for("live");
    show.run(5);
    relay.forget();
    let begin = Instant::now();
    let told = show.wait_for("reconnecting");
    let noticed = begin.elapsed();
    // The server still has the stream's name under the connection that nobody uses any more.
    wait_until_back(&show, 1);
    println!(
        "forgotten: noticed after {} ms as {:?}, sending after {} ms",
        noticed.as_millis(),
        told.get::<&str>("reason"),
        begin.elapsed().as_millis()
    );
    look_at(&show, &server, "forgotten", 1);
}
