// SPDX-License-Identifier: MPL-2.0
//! `sonicd render`, as its users call it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use gst::prelude::*;

fn sonicd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sonicd"));
    command.env_remove("GST_PLUGIN_PATH").stdin(Stdio::null());
    command
}

/// Renders small pictures into `folder`, where nothing else may stay.
fn render(folder: &Path, line: &[&str]) -> Output {
    let mut command = sonicd();
    command
        .current_dir(folder)
        .arg("render")
        .args(["--size", "192x160", "--stall", "120"]);
    command.args(line).output().expect("it runs")
}

/// The last object that it printed.
fn last(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .unwrap_or_else(|_| panic!("{line}; {}", String::from_utf8_lossy(&output.stderr)))
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |e: std::io::Result<std::fs::DirEntry>| e.expect("an entry").file_name();
    let mut names: Vec<_> = entries
        .map(|e| name(e).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A tone that swells and fades, `ms` long: mono, 16 kHz.
fn wave(file: &Path, ms: u32) {
    let samples = (0..ms * 16).map(|i| {
        let t = f64::from(i) / 16_000.0;
        let loud = (t * 9.0).sin().abs();
        ((t * 1400.0).sin() * loud * 12_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(16_000u32.to_le_bytes());
    bytes.extend(32_000u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    std::fs::write(file, bytes).expect("written");
}

/// Frames that can be decoded, and the end of the sound, ms.
fn decoded(file: &Path) -> (usize, u64) {
    gst::init().expect("GStreamer");
    let line = format!(
        "filesrc location={} ! decodebin name=d  d. ! queue ! video/x-raw ! appsink name=v sync=false \
         d. ! queue ! audio/x-raw ! appsink name=a sync=false",
        file.display()
    );
    let pipeline = gst::parse::launch(&line).expect("a pipeline");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let sink = |name| {
        let sink = pipeline.by_name(name).expect("a sink");
        sink.downcast::<gst_app::AppSink>().expect("an appsink")
    };
    let (pictures, sound) = (sink("v"), sink("a"));
    let counting =
        std::thread::spawn(move || std::iter::from_fn(|| pictures.pull_sample().ok()).count());
    let mut end = gst::ClockTime::ZERO;
    while let Ok(sample) = sound.pull_sample() {
        let buffer = sample.buffer().expect("sound");
        end = buffer.pts().expect("a time") + buffer.duration().unwrap_or_default();
    }
    let frames = counting.join().expect("counted");
    pipeline.set_state(gst::State::Null).expect("it stops");
    (frames, end.mseconds())
}

#[test]
fn a_text_becomes_a_file_that_plays() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = [
        "--text",
        "Papa buys apples.",
        "--voice",
        "slt",
        "--motion-scale",
        "0.5",
    ];
    let output = render(
        folder.path(),
        &[&line[..], &["--progress", "json", "--out", "a.mp4"]].concat(),
    );
    let told = last(&output);
    let done = &told["done"];
    assert!(output.status.success(), "{told}");
    assert_eq!(
        (done["width"].as_u64(), done["height"].as_u64()),
        (Some(192), Some(160))
    );
    assert_eq!(done["ignored"].as_array().map(Vec::len), Some(0));
    assert_eq!(files(folder.path()), ["a.mp4"]);
    let (frames, sound_ms) = decoded(&folder.path().join("a.mp4"));
    assert_eq!(Some(frames as u64), done["frames"].as_u64());
    assert!(frames > 20, "{frames}");
    // As long as the pictures, but for a frame of either.
    assert!(
        (frames as u64 * 40).abs_diff(sound_ms) <= 65,
        "{frames} frames, {sound_ms} ms"
    );
}

#[test]
fn a_recording_becomes_every_kind_of_file_and_is_cut_to_the_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    wave(&folder.path().join("voice.wav"), 1500);
    for (name, more, frames) in [
        ("a.mp4", &["--fps", "30"][..], 45),
        ("a.mkv", &["--fps", "30000/1001", "--voice", "de"], 45),
        ("a.webm", &["--duration", "0.5"], 13),
    ] {
        let line = ["--audio", "voice.wav", "--progress", "json", "--out", name];
        let output = render(folder.path(), &[&line[..], more].concat());
        let told = last(&output);
        assert!(output.status.success(), "{name}: {told}");
        assert_eq!(told["done"]["frames"].as_u64(), Some(frames), "{name}");
        // A voice is of no use to a recording.
        let ignored = usize::from(more.contains(&"--voice"));
        assert_eq!(
            told["done"]["ignored"].as_array().map(Vec::len),
            Some(ignored)
        );
        let (found, sound_ms) = decoded(&folder.path().join(name));
        assert_eq!(found as u64, frames, "{name}");
        let length = if more.contains(&"--duration") {
            500
        } else {
            1500
        };
        assert!(sound_ms.abs_diff(length) <= 65, "{name}: {sound_ms} ms");
    }
    assert_eq!(
        files(folder.path()),
        ["a.mkv", "a.mp4", "a.webm", "voice.wav"]
    );
}

#[test]
fn what_cannot_be_rendered_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    wave(&path("voice.wav"), 300);
    std::fs::write(path("empty.wav"), b"").expect("written");
    std::fs::write(path("words.wav"), "no sound at all, but words\n".repeat(50)).expect("written");
    std::fs::write(
        path("words.jpg"),
        "no picture at all, but words\n".repeat(50),
    )
    .expect("written");
    let before = files(folder.path());
    for (line, word) in [
        (&["--audio", "none.wav", "--out", "a.mp4"][..], "none.wav"),
        (&["--audio", "empty.wav", "--out", "a.mp4"], "is empty"),
        (&["--audio", "words.wav", "--out", "a.mp4"], "words.wav"),
        (&["--audio", ".", "--out", "a.mp4"], "not a file"),
        (
            &[
                "--audio",
                "voice.wav",
                "--portrait",
                "none.jpg",
                "--out",
                "a.mp4",
            ],
            "none.jpg",
        ),
        (
            &[
                "--audio",
                "voice.wav",
                "--portrait",
                "words.jpg",
                "--out",
                "a.mp4",
            ],
            "portrait",
        ),
        (
            &["--audio", "voice.wav", "--out", "nowhere/a.mp4"],
            "nowhere",
        ),
        (
            &[
                "--audio",
                "voice.wav",
                "--motion-scale",
                "7",
                "--out",
                "a.mp4",
            ],
            "from 0 to 2",
        ),
        (
            &[
                "--audio",
                "voice.wav",
                "--motion-scale",
                "much",
                "--out",
                "a.mp4",
            ],
            "motion_scale",
        ),
        (
            &[
                "--audio",
                "voice.wav",
                "--expression",
                "bored",
                "--out",
                "a.mp4",
            ],
            "happy",
        ),
        (
            &["--text", "Hello", "--voice", "nobody", "--out", "a.mp4"],
            "nobody",
        ),
        (
            &["--text", "Hello", "--moustache", "1", "--out", "a.mp4"],
            "--moustache",
        ),
    ] {
        let output = render(folder.path(), line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{line:?}");
        assert!(said.contains(word), "{line:?}: {said}");
        assert_eq!(files(folder.path()), before, "{line:?}");
    }
}

/// Who uploads a playlist does not choose where this machine connects to.
#[test]
fn a_playlist_leads_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("does not wait");
    let port = listener.local_addr().expect("bound").port();
    let address = format!("http://127.0.0.1:{port}/a.ts");
    for (name, text) in [
        (
            "list.m3u8",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}\n#EXT-X-ENDLIST\n"),
        ),
        ("list.txt", format!("{address}\n")),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
        let output = render(folder.path(), &["--audio", name, "--out", "a.mp4"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(name), "{said}");
        assert!(listener.accept().is_err(), "{name} was followed");
    }
}

#[test]
fn who_is_asked_to_end_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "The lighthouse sleeps. ".repeat(2000);
    let mut child = sonicd()
        .current_dir(folder.path())
        .args([
            "render",
            "--text",
            &text,
            "--progress",
            "json",
            "--out",
            "a.mp4",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("progress"), "{first}");
    // Three quarters of an hour of it are estimated long before they are synthesised.
    let of = lines
        .by_ref()
        .map(|told| serde_json::from_str::<serde_json::Value>(&told.expect("text")).expect("JSON"))
        .find_map(|told| told["progress"]["of"].as_f64());
    assert!(
        of.is_some_and(|of| (1500.0..4500.0).contains(&of)),
        "{of:?}"
    );
    let ended = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .expect("kill");
    assert!(ended.success());
    let told = lines.map_while(Result::ok).last().expect("a last line");
    assert!(told.contains("cancelled"), "{told}");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(files(folder.path()).is_empty());
}
