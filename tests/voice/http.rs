// SPDX-License-Identifier: MPL-2.0
//! Voices of servers, by servers on this machine that behave well and badly.

use crate::{
    again_with, say,
    server::{Reply, Server, reply},
};
use sonic_engine::voice::{
    Cancel, Delivery, Settings, Speaker, Voice, VoiceError,
    choice::voice_named,
    http::{HttpVoice, KEY_VARIABLE, Patience},
};
use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

const WAV: &str = "Content-Type: audio/wav\r\n";
const KEY: &str = "sk-hunter2";

/// A WAV file of a tone whose sizes are as those of servers that stream.
fn wav(rate: u32, seconds: f32) -> Vec<u8> {
    let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate.to_le_bytes());
    file.extend((2 * rate).to_le_bytes());
    file.extend(b"\x02\0\x10\0data\xFF\xFF\xFF\xFF");
    file.extend(pcm(rate, seconds));
    file
}

fn pcm(rate: u32, seconds: f32) -> Vec<u8> {
    let tone = |i: usize| ((i as f32 * 0.1).sin() * 16_000.0) as i16;
    let count = (rate as f32 * seconds) as usize;
    (0..count).flat_map(|i| tone(i).to_le_bytes()).collect()
}

fn good() -> Reply {
    reply("200 OK", WAV, &wav(24_000, 0.5))
}

/// No test waits for long.
fn hasty() -> Patience {
    Patience {
        answer: Duration::from_millis(400),
        pause: Duration::from_millis(1),
        ..Patience::default()
    }
}

fn voice(server: &Server) -> HttpVoice {
    HttpVoice::new(&server.url(), hasty()).expect("an address")
}

/// What goes wrong with the first thing that is said.
fn error(replies: Vec<Reply>) -> String {
    let server = Server::new(replies);
    let answer = voice(&server).speak("hello", &Delivery::default(), &Cancel::new());
    let error = answer.expect_err("nothing to hear").to_string();
    assert!(error.contains(&server.url()), "{error}");
    error
}

#[test]
fn a_text_is_asked_for_as_it_is_written() {
    let server = Server::new(vec![good()]);
    let settings = Settings {
        voice: Some(format!("{}#af_bella,model=kokoro", server.url())),
        delivery: Delivery {
            rate: 1.25,
            ..Delivery::default()
        },
        ..Settings::default()
    };
    let mut speaker = Speaker::new(settings);
    assert_eq!(speaker.check(), Ok(24_000));
    assert!(server.requests().is_empty());
    speaker.append("你好 \"Dr. Who\" $5.50!");
    speaker.finish();
    let clause = speaker.next_clause(&Cancel::new()).expect("a clause");
    let clause = clause.expect("it speaks");
    assert_eq!(clause.rate, 24_000);
    assert!(clause.phones.is_empty() && clause.words.is_empty());
    let seconds = clause.samples.len() as f32 / 24_000.0;
    // Its half second, and the pause of a sentence at that speed.
    assert!((0.75..0.95).contains(&seconds), "{seconds}");
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a request");
    assert!(head.starts_with("POST /v1/audio/speech HTTP/1.1"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["model"], "kokoro");
    assert_eq!(body["voice"], "af_bella");
    assert_eq!(body["input"], "你好 \"Dr. Who\" $5.50!");
    assert_eq!(body["response_format"], "wav");
    assert_eq!(body["speed"], 1.25);
    assert!(speaker.next_clause(&Cancel::new()).is_none());
}

#[test]
fn bare_samples_in_chunks_and_other_rates_are_heard_the_same() {
    let mut chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for part in pcm(24_000, 0.5).chunks(999) {
        chunked.extend(format!("{:x}\r\n", part.len()).bytes());
        chunked.extend(part);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let server = Server::new(vec![
        Reply::Bytes(chunked),
        reply("200 OK", WAV, &wav(22_050, 0.5)),
        good(),
    ]);
    let voice = voice(&server);
    for _ in 0..3 {
        let said = say(&voice, "hello");
        assert_eq!(said.samples.len(), 12_000);
        let loudest = said.samples.iter().fold(0.0f32, |max, s| max.max(*s));
        assert!((loudest - 0.488).abs() < 0.01, "{loudest}");
    }
    assert!(
        say(&voice, "…!").samples.is_empty(),
        "nobody is asked for nothing"
    );
}

#[test]
fn what_passes_is_tried_again_as_long_as_nothing_came() {
    let wait = "Retry-After: 0\r\n";
    for first in [
        reply("503 Service Unavailable", "", b"busy"),
        reply("429 Too Many Requests", wait, b""),
        Reply::Bytes(Vec::new()),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_vec()),
    ] {
        let server = Server::new(vec![first, good()]);
        assert_eq!(say(&voice(&server), "hello").samples.len(), 12_000);
        assert_eq!(server.requests().len(), 2);
    }
    let busy = || reply("503 Service Unavailable", "", b"busy");
    let said = error(vec![busy(), busy(), busy()]);
    assert!(said.contains("503") && said.contains("busy"), "{said}");
    let wait = "Retry-After: 3600\r\n";
    let said = error(vec![reply("429 Too Many Requests", wait, b"")]);
    assert!(said.contains("asks to wait 3600 s"), "{said}");
}

#[test]
fn sound_that_breaks_off_is_an_error_and_not_asked_for_twice() {
    let mut head = format!("HTTP/1.1 200 OK\r\n{WAV}Content-Length: 99999\r\n\r\n").into_bytes();
    head.extend(wav(24_000, 0.1));
    let server = Server::new(vec![Reply::Bytes(head), good()]);
    let answer = voice(&server).speak("hello", &Delivery::default(), &Cancel::new());
    let error = answer.expect_err("half a sound").to_string();
    assert!(error.contains("broke off after 4844 bytes"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn servers_that_do_wrong_are_named() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let refused = HttpVoice::new(&address, hasty()).expect("an address");
    let answer = refused.speak("hello", &Delivery::default(), &Cancel::new());
    let said = answer.expect_err("nobody is there").to_string();
    assert!(
        said.contains(&address) && said.contains("no connection"),
        "{said}"
    );

    let said = error(vec![Reply::Hang]);
    assert!(said.contains("no answer within 0.4 s"), "{said}");
    let message = br#"{"error": {"message": "voice\u0007 unknown"}}"#;
    let said = error(vec![reply("400 Bad Request", "", message)]);
    assert!(said.contains("400: voice  unknown"), "{said}");
    let said = error(vec![reply(
        "200 OK",
        "Content-Type: audio/mpeg\r\n",
        b"ID3\x04....",
    )]);
    assert!(said.contains("MP3"), "{said}");
    let said = error(vec![reply("200 OK", WAV, &wav(1, 8.0))]);
    assert!(said.contains("1 samples a second"), "{said}");
    let said = error(vec![Reply::Bytes(b"HTP/1.1 OK\r\n\r\n".to_vec())]);
    assert!(said.contains("http://127.0.0.1"), "{said}");
    let endless = format!("HTTP/1.1 200 OK\r\n{WAV}\r\n").into_bytes();
    let said = error(vec![Reply::Endless(endless, vec![7; 65_536])]);
    assert!(said.contains("more than 24 MB"), "{said}");
}

#[test]
fn cancelled_requests_return_at_once_and_do_not_pile_up() {
    let server = Server::new((0..16).map(|_| Reply::Hang).collect());
    let patient = Patience {
        answer: Duration::from_secs(600),
        ..hasty()
    };
    let voice = HttpVoice::new(&server.url(), patient).expect("an address");
    for _ in 0..16 {
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let speaking = scope.spawn(|| {
                let answer = voice.speak("hello", &Delivery::default(), &cancel);
                (answer.err(), Instant::now())
            });
            thread::yield_now();
            let asked = Instant::now();
            cancel.cancel();
            let (answer, ended) = speaking.join().expect("no panic");
            println!(
                "{:?} after it was cancelled",
                ended.saturating_duration_since(asked)
            );
            assert_eq!(answer, Some(VoiceError::Cancelled));
        });
    }
    // Some were cancelled before they asked.
    let asked = server.requests().len();
    println!("{asked} wait for their answer");
}

#[test]
fn https_is_never_spoken_in_the_clear() {
    let server = Server::new(vec![Reply::Bytes(Vec::new()); 3]);
    let address = format!("https://localhost:{}", server.address.port());
    let voice = HttpVoice::new(&address, hasty()).expect("an address");
    let answer = voice.speak("secret words", &Delivery::default(), &Cancel::new());
    assert!(answer.is_err());
    for request in server.requests() {
        assert!(
            !request.contains("POST") && !request.contains("secret"),
            "{request}"
        );
    }
}

#[test]
fn the_key_is_sent_to_its_server_only_and_told_nobody() {
    let test = "http::the_key_is_sent_to_its_server_only_and_told_nobody";
    again_with(test, &[(KEY_VARIABLE, KEY)], || {
        let has_key = |request: &String| request.contains(&format!("Bearer {KEY}"));
        // Its server gets it, and repeats it in an error.
        let message = format!(r#"{{"error": {{"message": "wrong key {KEY}"}}}}"#);
        let server = Server::new(vec![reply("401 Unauthorized", "", message.as_bytes())]);
        let voice = voice(&server);
        let answer = voice.speak("hello", &Delivery::default(), &Cancel::new());
        let error = answer.expect_err("a wrong key");
        assert!(has_key(&server.requests()[0]));
        for told in [
            error.to_string(),
            format!("{error:?}"),
            format!("{voice:?}"),
            voice.name().to_owned(),
        ] {
            assert!(!told.contains(KEY), "{told}");
        }
        assert!(error.to_string().contains(KEY_VARIABLE), "{error}");
        // Another server that it redirects to does not get it; the same one does.
        let other = Server::new(vec![good()]);
        let there = format!("Location: {}/x\r\n", other.url());
        let here = "Location: /again\r\n";
        let server = Server::new(vec![
            reply("307 Temporary Redirect", here, b""),
            reply("308 Permanent Redirect", &there, b""),
        ]);
        assert_eq!(say(&self::voice(&server), "hello").samples.len(), 12_000);
        let requests = server.requests();
        assert!(requests.iter().all(has_key), "{requests:?}");
        assert!(requests[1].starts_with("POST /again "), "{requests:?}");
        let requests = other.requests();
        assert!(requests[0].starts_with("POST /x ") && requests[0].contains("\"hello\""));
        assert!(!requests[0].contains(KEY), "{requests:?}");
    });
}

#[test]
fn redirects_that_would_change_what_is_asked_are_refused() {
    let moved = reply("302 Found", "Location: http://127.0.0.1:1/x\r\n", b"");
    let said = error(vec![moved]);
    assert!(
        said.contains("use its address http://127.0.0.1:1/x"),
        "{said}"
    );
    let open = reply(
        "307 Temporary Redirect",
        "Location: http://192.0.2.1/x\r\n",
        b"",
    );
    let said = error(vec![open]);
    assert!(said.contains("not encrypted"), "{said}");
    let again = || reply("307 Temporary Redirect", "Location: /x\r\n", b"");
    let said = error(vec![again(), again(), again(), again()]);
    assert!(said.contains("without end"), "{said}");
}

#[test]
fn addresses_that_are_none_are_refused_without_their_secrets() {
    for wrong in [
        "http://me:hunter2@localhost#x",
        "http://local host?hunter2",
        "http://",
    ] {
        let error = voice_named(wrong, None).err().expect("no address");
        assert!(matches!(error, VoiceError::UnknownVoice { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = voice_named("http://localhost#x", Some("eve")).err();
    assert!(matches!(error, Some(VoiceError::UnknownSpeaker { .. })));
}
