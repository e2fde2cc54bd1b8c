// SPDX-License-Identifier: MPL-2.0
//! `rtmppushsink` set up for a purpose: scenarios and presets, labels, metrics, several sinks on
//! one encoder, and what may change while it plays.

mod common;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use common::{
    rtmp::RtmpServer,
    show::{ELEMENTS, Show, assert_unbroken},
    *,
};
use gst::prelude::*;

fn push() -> gst::Element {
    init();
    let element = gst::ElementFactory::make("rtmppushsink").build();
    element.expect("rtmppushsink")
}

fn text(element: &gst::Element, name: &str) -> String {
    let value = element.property_value(name);
    // Caps come with their spaces escaped.
    let text = value.serialize().map_or(String::new(), |s| s.to_string());
    text.replace('\\', "")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// The properties that an element has when these are set in this order.
fn set(properties: &[(&str, &str)]) -> gst::Element {
    let element = push();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element
}

#[test]
fn what_is_set_counts_before_the_scenario_in_any_order() {
    let _watchdog = watchdog(20);
    let host = set(&[("scenario", "virtual-host")]);
    let caps = text(&host, "video-caps");
    for part in ["width=(int)960", "height=(int)540", "25/1"] {
        assert!(caps.contains(part), "{caps}");
    }
    assert_eq!(text(&host, "bitrate"), "2000");
    let mobile = set(&[("scenario", "mobile")]);
    assert_eq!(text(&mobile, "min-bitrate"), "1000");
    assert_eq!(text(&mobile, "bitrate"), "2000");
    let caps = text(&mobile, "video-caps");
    assert!(caps.contains("15/1") && !caps.contains("width"), "{caps}");
    let local = set(&[("scenario", "local")]);
    assert_eq!(
        local.property::<String>("location"),
        "rtmp://localhost:1935/live/***"
    );

    let own = [
        ("bitrate", "700"),
        ("location", "rtmp://h/app/key"),
        ("video-caps", "video/x-raw,width=64,height=48"),
    ];
    for scenario in ["virtual-host", "mobile", "course", "local"] {
        let before: Vec<_> = [&own[..], &[("scenario", scenario)]].concat();
        let after: Vec<_> = [&[("scenario", scenario)], &own[..]].concat();
        for order in [before, after] {
            let element = set(&order);
            assert_eq!(text(&element, "bitrate"), "700");
            assert_eq!(
                element.property::<String>("location"),
                "rtmp://h:1935/app/***"
            );
            assert!(text(&element, "video-caps").contains("width=(int)64"));
        }
    }
    let none = set(&[("scenario", "course"), ("scenario", "none")]);
    assert_eq!(text(&none, "bitrate"), "2000");
    assert_eq!(none.property::<Option<gst::Caps>>("video-caps"), None);
}

/// What has come to the sink's pad once it is live, and what is recorded then.
struct Outcome {
    at_the_pad: gst::Caps,
    recorded: gst::Caps,
}

fn publish(server: &RtmpServer, name: &str, options: &str, sources: &str) -> Outcome {
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} {options} {sources}",
        server.url(name)
    ));
    show.start();
    show.wait_for("live");
    show.run_until("sent", |show| show.stat::<u64>("frames-sent") > 20);
    let pad = show.push().static_pad("video").expect("a pad");
    let at_the_pad = pad.current_caps().expect("caps");
    show.stop();
    let recorded = decoded_caps(&server.recording(name));
    Outcome {
        at_the_pad,
        recorded,
    }
}

/// Of the pictures of a recording.
fn decoded_caps(file: &std::path::Path) -> gst::Caps {
    let (caps, _) = first_picture(file, "video/x-raw");
    caps
}

fn first_picture(file: &std::path::Path, caps: &str) -> (gst::Caps, gst::Buffer) {
    let description = format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! {caps} ! appsink name=sink sync=false",
        file.display()
    );
    let pipeline = gst::parse::launch(&description).expect("valid");
    let bin = pipeline.downcast_ref::<gst::Bin>().expect("a bin");
    let sink = bin.by_name("sink").and_downcast::<gst_app::AppSink>();
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let sample = sink.and_then(|s| s.pull_sample().ok()).expect("a picture");
    pipeline.set_state(gst::State::Null).expect("it stops");
    let caps = sample.caps_owned().expect("caps");
    (caps, sample.buffer_owned().expect("a picture"))
}

fn size_and_rate(caps: &gst::Caps) -> (i32, i32, gst::Fraction) {
    let s = caps.structure(0).expect("fixed");
    (
        s.get("width").expect("a width"),
        s.get("height").expect("a height"),
        s.get("framerate").expect("a rate"),
    )
}

#[test]
fn upstream_draws_what_a_scenario_wants_or_it_is_converted() {
    let _watchdog = watchdog(120);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let wanted = (960, 540, gst::Fraction::new(25, 1));
    // A head draws any size.
    let head = "audiotestsrc is-live=true wave=silence ! audio/x-raw,rate=16000 ! \
                sonicanimator n-threads=2 articulator=signal ! queue ! push.video";
    let drawn = publish(&server, "head", "scenario=virtual-host", head);
    assert_eq!(size_and_rate(&drawn.at_the_pad), wanted);
    assert_eq!(size_and_rate(&drawn.recorded), wanted);
    // A camera does not: half the rate, another size and another shape.
    let camera = "videotestsrc is-live=true ! \
                  video/x-raw,format=YUY2,width=160,height=120,framerate=50/1 ! push.video";
    let options = "video-caps=video/x-raw,width=320,height=180,framerate=25/1";
    let taken = publish(&server, "camera", options, camera);
    assert_eq!(
        size_and_rate(&taken.at_the_pad),
        (160, 120, gst::Fraction::new(50, 1))
    );
    let (width, height, _) = size_and_rate(&taken.recorded);
    assert_eq!((width, height), (320, 180));
    let times = decoded(&server.recordings("camera")[0]);
    assert!(times.len() > 15, "{} pictures", times.len());
    for pair in times.windows(2) {
        // FLV counts milliseconds.
        assert!((39_000_000..=41_000_000).contains(&(pair[1] - pair[0])));
    }
}

#[test]
fn caps_that_are_not_of_raw_video_are_refused() {
    let _watchdog = watchdog(20);
    for caps in ["audio/x-raw", "ANY", "EMPTY", "video/x-h264"] {
        let show =
            Show::of("rtmppushsink name=push location=rtmp://h/a/k videotestsrc ! push.video");
        show.push().set_property_from_str("video-caps", caps);
        assert!(show.pipeline.set_state(gst::State::Playing).is_err());
        let error = show.error();
        assert!(error.contains("video-caps"), "{caps}: {error}");
    }
}

#[test]
fn a_label_stands_in_a_corner() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) || !have(&["textoverlay"]) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    // A mark-up language reads & and <.
    let source = "videotestsrc is-live=true pattern=black ! \
                  video/x-raw,width=320,height=240,framerate=25/1 ! push.video";
    let mut bright = Vec::new();
    for (name, options) in [
        ("plain", ""),
        ("labelled", "label=\"made <by> a & machine\""),
    ] {
        publish(&server, name, options, source);
        let file = &server.recordings(name)[0];
        let (_, picture) = first_picture(file, "video/x-raw,format=GRAY8");
        let map = picture.map_readable().expect("readable");
        let corner = map
            .chunks(320)
            .skip(180)
            .flat_map(|row| &row[160..])
            .filter(|v| **v > 128);
        bright.push(corner.count());
        let elsewhere = map[..320 * 120].iter().filter(|v| **v > 128).count();
        assert_eq!(elsewhere, 0, "{name}");
    }
    assert_eq!(bright[0], 0);
    assert!(bright[1] > 100, "{} bright pixels", bright[1]);
}

/// Asks for a page; status line, headers and body.
fn get(port: u16, request: &str) -> String {
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    client.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer);
    answer
}

fn metric(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|l| l.starts_with(&format!("{name}{{")));
    let value = line.and_then(|l| l.rsplit_once(' ')).expect(name).1;
    value.parse().expect("a number")
}

#[test]
fn prometheus_reads_what_the_statistics_tell_and_no_key() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let port = free_port();
    let location = server.url("hidden4711");
    let show = Show::new(&format!("location={location} metrics-port={port}"), 100_000);
    show.start();
    // It listens before there is a stream, and to one reader who never asks.
    let mute = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    show.wait_for("live");
    show.run_until("sent", |show| show.stat::<u64>("frames-sent") > 20);
    drop(mute);
    let page = get(port, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    let (head, body) = page.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert!(body.contains("{sink=\"push\"}"), "{body}");
    assert!(metric(body, "rtmppushsink_frames_sent_total") > 20.0);
    assert!(metric(body, "rtmppushsink_sent_bytes_total") > 1000.0);
    assert_eq!(metric(body, "rtmppushsink_live"), 1.0);
    assert_eq!(metric(body, "rtmppushsink_target_bits_per_second"), 2e6);
    assert!(!page.contains("hidden4711"));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("no HTTP at all\r\n\r\n".to_owned(), "400"),
        (format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000)), "400"),
    ] {
        let answer = get(port, &request);
        // Who sends more than is read may not see the answer.
        let told = answer.is_empty() && request.len() > 8192;
        assert!(
            told || answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
    }
    // Nobody who is being served holds up the end.
    let mute = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    show.stop();
    drop(mute);
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[test]
fn a_port_that_is_taken_is_a_warning() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let options = format!("location={} metrics-port={port}", server.url("show"));
    let show = Show::new(&options, 100_000);
    show.start();
    let warning = show.warning();
    assert!(warning.contains("metrics-port"), "{warning}");
    assert!(warning.contains(&port.to_string()), "{warning}");
    show.run_until("live", |show| show.state() == "live");
    show.stop();
}

#[test]
fn bitrates_follow_while_it_plays() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let show = Show::new(&format!("location={}", server.url("show")), 100_000);
    show.start();
    show.wait_for("live");
    let bin = show.push().downcast::<gst::Bin>().expect("a bin");
    let encoder = bin
        .iterate_recurse()
        .find(|e| e.factory().is_some_and(|f| f.name() == "x264enc"))
        .expect("the encoder");
    for kbit in [500u32, 1500] {
        show.push().set_property("bitrate", kbit);
        show.run_until("followed", |_| encoder.property::<u32>("bitrate") == kbit);
        // The encoder follows its target.
        assert_eq!(show.stat::<u32>("target-kbits"), kbit);
    }
    show.stop();
}

/// A new size needs new headers, so a new connection; nothing upstream notices.
#[test]
fn another_size_in_mid_stream_is_sent_on() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} videotestsrc is-live=true ! capsfilter name=size \
         caps=video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! push.video",
        server.url("sizes")
    ));
    show.start();
    show.wait_for("live");
    // Longer than a second: nginx names recordings by the second in which they begin.
    show.run_until("sent", |show| show.stat::<u64>("frames-sent") > 60);
    let size = show.pipeline.by_name("size").expect("it has a name");
    size.set_property_from_str(
        "caps",
        "video/x-raw,format=I420,width=320,height=240,framerate=25/1",
    );
    show.run_until("a new connection", |show| {
        show.stat::<u64>("reconnects") == 1
    });
    let sent = show.stat::<u64>("frames-sent");
    show.run_until("more sent", |show| {
        show.stat::<u64>("frames-sent") > sent + 20
    });
    assert_unbroken(&show.stop());
    server.wait_for("disconnect");
    server.wait_for("disconnect");
    let sizes: Vec<_> = server
        .recordings("sizes")
        .iter()
        .map(|file| size_and_rate(&decoded_caps(file)))
        .map(|(width, height, _)| (width, height))
        .collect();
    assert_eq!(sizes, [(160, 120), (320, 240)]);
}

/// Of values that no stream has, nothing is taken over.
#[test]
fn absurd_bitrates_are_not_taken() {
    let _watchdog = watchdog(20);
    let element = push();
    for absurd in [0u32, 15, 100_001, u32::MAX] {
        let value = absurd.to_value();
        let set = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            element.set_property_from_value("bitrate", &value);
        }));
        assert!(set.is_err(), "{absurd}");
        assert_eq!(element.property::<u32>("bitrate"), 2000);
    }
}

#[test]
fn sound_alone_and_pictures_alone_are_streams() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let Some(server) = RtmpServer::start() else {
        return;
    };
    let show = Show::of(&format!(
        "rtmppushsink name=push location={} audiotestsrc is-live=true num-buffers=120 \
         samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! push.audio",
        server.url("sound")
    ));
    show.start();
    show.wait_for("live");
    show.wait_for_end();
    show.stop();
    let sound = decoded_stream(&server.recording("sound"), "audio/x-raw");
    assert!(sound.len() > 60, "{} buffers", sound.len());
    publish(
        &server,
        "pictures",
        "",
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=25/1 ! push.video",
    );
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let _watchdog = watchdog(20);
    init();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "a-key\n").expect("written");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("ours");
    let show = Show::of(&format!(
        "rtmppushsink name=push location=rtmp://127.0.0.1:{}/live stream-key-file={} \
         videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! push.video",
        free_port(),
        file.display()
    ));
    show.start();
    let warning = show.warning();
    assert!(
        warning.contains("stream-key-file") && warning.contains("chmod 600"),
        "{warning}"
    );
    assert!(!warning.contains("a-key"), "{warning}");
    show.stop();
}

/// What is installed is the same for a whole process, so this one is a process of its own.
#[test]
fn what_is_not_installed_is_named_with_its_package() {
    let _watchdog = watchdog(60);
    if !have(&ELEMENTS) {
        return;
    }
    let own = std::env::current_exe().expect("a file");
    let done = std::process::Command::new(own)
        .args(["--ignored", "--exact", "on_a_machine_without_encoders"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn on_a_machine_without_encoders() {
    let _watchdog = watchdog(30);
    init();
    for (options, missing, package) in [
        ("label=x", &["textoverlay"][..], "gstreamer1.0-x"),
        ("", &["x264enc", "openh264enc"], "gstreamer1.0-plugins-ugly"),
    ] {
        let registry = gst::Registry::get();
        for name in missing {
            if let Some(feature) = registry.lookup_feature(name) {
                registry.remove_feature(&feature);
            }
        }
        let show = Show::of(&format!(
            "rtmppushsink name=push location=rtmp://127.0.0.1:{}/live/x max-retries=-1 {options} \
             videotestsrc is-live=true ! push.video",
            free_port()
        ));
        show.start();
        let error = show.error();
        assert!(error.contains(&format!("apt install {package}")), "{error}");
        show.stop();
    }
}
