// SPDX-License-Identifier: MPL-2.0
//! What cannot be read: one sentence, exit code 1, no waiting and no connections.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::common::{have, watchdog};
use crate::make::*;

/// It says in one line why, names the file, and prints nothing else.
#[track_caller]
fn assert_unreadable(args: &[&str], words: &[&str]) {
    let said = probe(args);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(1), ""),
        "{args:?}: {}",
        said.err
    );
    assert_eq!(
        said.err.trim_end().lines().count(),
        1,
        "{args:?}: {}",
        said.err
    );
    for word in words {
        assert!(said.err.contains(word), "{args:?}: {word} in {}", said.err);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn what_is_no_recording_is_told_in_one_sentence() {
    let _watchdog = watchdog(120);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| {
        let path = file(&folder, name);
        fs::write(&path, content).expect("written");
        path
    };
    let noise: Vec<u8> = (0..50_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for (path, word) in [
        (write("empty.mp4", b""), "empty"),
        (write("noise.mp4", &noise), "noise.mp4"),
        (
            write(
                "words.mp4",
                b"Once upon a time there was a file.\n"
                    .repeat(40)
                    .as_slice(),
            ),
            "words.mp4",
        ),
        (write("short.mp4", b"\0\0"), "short.mp4"),
        (
            write("header.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42"),
            "header.mp4",
        ),
        (
            write("header.flv", b"FLV\x01\x05\0\0\0\x09\0\0\0\0"),
            "header.flv",
        ),
        (
            write("header.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"),
            "header.wav",
        ),
        (folder.path().to_owned(), "not a file"),
        (file(&folder, "none.mp4"), "no such file"),
    ] {
        assert_unreadable(&["--timeout", "3", text(&path)], &["cannot be read", word]);
    }
    assert_unreadable(&[], &["which file"]);
    assert_unreadable(&["a.mp4", "--duration", "soon"], &["soon"]);
    assert_unreadable(&["nonsense://somewhere/a"], &["nonsense://"]);
}

#[test]
fn truncated_recordings_are_read_as_far_as_they_go() {
    let _watchdog = watchdog(120);
    if !have(&[
        "x264enc",
        "avdec_h264",
        "avenc_aac",
        "avdec_aac",
        "mp4mux",
        "flvmux",
        "matroskamux",
    ]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, muxer, readable) in [
        ("a.flv", "flvmux", true),
        ("a.mkv", "matroskamux", true),
        // Its index is at the end.
        ("a.mp4", "mp4mux", false),
        ("b.mp4", "mp4mux faststart=true", true),
    ] {
        let path = file(&folder, name);
        Clip::flashes(4).write(&path, X264, "avenc_aac", muxer);
        let bytes = fs::read(&path).expect("written");
        fs::write(&path, &bytes[..bytes.len() * 6 / 10]).expect("written");
        let said = probe(&["--json", "--look", "0", "--timeout", "5", text(&path)]);
        if readable {
            let frames = number(&said.report(), "/video/frames");
            assert!((20.0..90.0).contains(&frames), "{name}: {frames}");
            assert!(matches!(said.code, Some(0 | 1)), "{name}: {:?}", said.code);
        } else {
            assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{name}");
        }
    }
    // Damage in the middle: whatever comes of it, it ends.
    let path = file(&folder, "c.flv");
    Clip::flashes(4).write(&path, X264, "avenc_aac", "flvmux");
    let mut bytes = fs::read(&path).expect("written");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3_000].fill(0xa5);
    fs::write(&path, &bytes).expect("written");
    let said = probe(&["--json", "--look", "0", "--timeout", "5", text(&path)]);
    assert!(
        matches!(said.code, Some(0 | 1)),
        "{:?} {}",
        said.code,
        said.err
    );
}

/// A server that counts who comes and says nothing.
fn silent_server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let guests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&guests);
    thread::spawn(move || {
        let mut held = Vec::new();
        for guest in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            held.push(guest);
        }
    });
    (port, guests)
}

#[test]
fn a_playlist_leads_nowhere() {
    let _watchdog = watchdog(120);
    let folder = tempfile::tempdir().expect("a folder");
    let (port, guests) = silent_server();
    let there = format!("http://127.0.0.1:{port}/a.ts");
    let dash = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT4S\"><Period><AdaptationSet mimeType=\"video/mp4\">\
         <Representation id=\"1\" bandwidth=\"1\"><BaseURL>{there}</BaseURL></Representation>\
         </AdaptationSet></Period></MPD>"
    );
    for (name, content) in [
        (
            "a.m3u8",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:3\n#EXTINF:4,\n{there}\n#EXT-X-ENDLIST\n"
            ),
        ),
        ("a.m3u", format!("#EXTM3U\n#EXTINF:4,a\n{there}\n")),
        ("a.uri", format!("{there}\n{there}\n")),
        (
            "a.pls",
            format!("[playlist]\nFile1={there}\nNumberOfEntries=1\n"),
        ),
        ("a.mpd", dash),
    ] {
        let path = file(&folder, name);
        fs::write(&path, content).expect("written");
        assert_unreadable(&["--timeout", "5", text(&path)], &[name]);
    }
    assert_eq!(guests.load(Ordering::SeqCst), 0, "connections");
}

#[test]
fn servers_that_are_not_there_or_silent_are_given_up() {
    let _watchdog = watchdog(120);
    if !have(&["rtmp2src", "souphttpsrc"]) {
        return;
    }
    // Bound and closed again, so that nobody listens there.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = nobody.local_addr().expect("bound").port();
    drop(nobody);
    let (silent, guests) = silent_server();
    for scheme in ["rtmp", "http"] {
        let gone = format!("{scheme}://127.0.0.1:{port}/live/secret-key");
        assert_unreadable(
            &["--timeout", "5", &gone],
            &["cannot be read", &format!("127.0.0.1:{port}")],
        );
        let mute = format!("{scheme}://127.0.0.1:{silent}/live/secret-key");
        assert_unreadable(&["--timeout", "1", &mute], &["cannot be read"]);
    }
    assert!(guests.load(Ordering::SeqCst) >= 2);
    let said = probe(&[
        "--timeout",
        "1",
        &format!("rtmp://127.0.0.1:{silent}/live/secret-key?a=secret-word"),
    ]);
    assert!(!said.err.contains("secret"), "{}", said.err);
}

/// A server that sends half of a file and then nothing: what came is told.
#[test]
fn a_stream_that_stalls_is_told_as_far_as_it_came() {
    let _watchdog = watchdog(120);
    if !have(&[
        "souphttpsrc",
        "x264enc",
        "avdec_h264",
        "avenc_aac",
        "avdec_aac",
        "flvmux",
    ]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "a.flv");
    Clip::flashes(8).write(&path, X264, "avenc_aac", "flvmux streamable=true");
    let bytes = fs::read(&path).expect("written");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut guest in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = guest.read(&mut request);
            let _ = guest.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: video/x-flv\r\n\r\n");
            let _ = guest.write_all(&bytes[..bytes.len() / 2]);
            held.push(guest);
        }
    });
    let url = format!("http://127.0.0.1:{port}/a.flv?token=secret-word");
    let said = probe(&[
        "--json",
        "--look",
        "0",
        "--look",
        "0",
        "--timeout",
        "1.5",
        "--duration",
        "0",
        &url,
    ]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let report = said.report();
    assert_eq!(report["ended"], "stall", "{report}");
    assert_eq!(report["source"]["live"], true, "{report}");
    assert!(
        (30.0..180.0).contains(&number(&report, "/video/frames")),
        "{report}"
    );
    assert!(
        !said.out.contains("secret") && !said.err.contains("secret"),
        "{} {}",
        said.out,
        said.err
    );
}
