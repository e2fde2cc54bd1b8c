// SPDX-License-Identifier: MPL-2.0
//! The look at a portrait before a job is given.

use std::path::PathBuf;

use super::*;

/// A real face: that which is built in.
fn portrait() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/portrait.png");
    std::fs::read(path).expect("the built-in portrait")
}

fn looking(settings: &mut Settings) {
    settings.program = PathBuf::from(env!("CARGO_BIN_EXE_sonicd"));
}

async fn check(service: &Service, file: &[u8]) -> Answer {
    let (kind, body) = form(&[("portrait", Some("me.png"), file)]);
    let request = service.request(Method::POST, "/v1/check");
    answer(request.header("content-type", kind).body(body)).await
}

/// Whether the face predictor is there, which the built-in portrait alone does without.
fn has_predictor() -> bool {
    let there = sonic_engine::face::Predictor::find(None).is_ok();
    let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
    assert!(
        there || !required,
        "the face predictor is missing (Debian: libdlib-data)"
    );
    if !there {
        println!("left out: the face predictor is missing (Debian: libdlib-data)");
    }
    there
}

#[test]
fn a_face_is_found_where_it_is_and_where_there_is_none_it_says_so() {
    if !has_predictor() {
        return;
    }
    run_with(looking, async |service| {
        let file = portrait();
        let seen = check(service, &file).await.expect(200).json();
        assert_eq!(
            (&seen["face"], &seen["faces"]),
            (&json!(true), &json!(1)),
            "{seen}"
        );
        let number = |value: &Value| value.as_f64().expect("a number");
        let (width, height) = (number(&seen["width"]), number(&seen["height"]));
        let place: Vec<_> = seen["box"]
            .as_array()
            .expect("a box")
            .iter()
            .map(number)
            .collect();
        let (x, y) = (place[0] + place[2] / 2.0, place[1] + place[3] / 2.0);
        assert!(
            x > 0.3 * width && x < 0.7 * width && y > 0.2 * height && y < 0.7 * height,
            "{seen}"
        );
        assert!(place[2] > 0.2 * width && place[3] > 0.2 * height, "{seen}");
        let (digest, put) = service.put(&file).await;
        put.expect(201);
        let again = service.json(
            "/v1/check",
            &json!({ "portrait_sha256": digest.to_string() }),
        );
        assert_eq!(answer(again).await.expect(200).json(), seen);
        let none = check(service, &picture(300, 200)).await.expect(200).json();
        assert_eq!(
            (&none["face"], &none["width"]),
            (&json!(false), &json!(300)),
            "{none}"
        );
        let reason = none["reason"].as_str().expect("a reason");
        assert!(
            reason.starts_with("No face is found in the picture. Give "),
            "{reason}"
        );
        let tiny = check(service, &picture(8, 8)).await.expect(200).json();
        assert!(
            tiny["reason"].as_str().is_some_and(|r| r.contains("8×8")),
            "{tiny}"
        );
        assert_eq!(files(&service.settings.scratch), 0, "nothing is kept");
    });
}

#[test]
fn what_is_no_picture_is_refused_by_its_field() {
    run_with(looking, async |service| {
        let cut = portrait()[..2000].to_vec();
        let wide = {
            let mut file = picture(4, 4);
            // The size of a PNG's header, and the sum over it.
            file[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
            let sum = crc32(&file[12..29]);
            file[29..33].copy_from_slice(&sum.to_be_bytes());
            file
        };
        for (file, status) in [
            (&b""[..], 422),
            (b"no picture", 415),
            (b"RIFF\0\0\0\0WAVEfmt ", 415),
            (&cut, 422),
            (&wide, 422),
        ] {
            let wrong = check(service, file).await.expect(status);
            assert_eq!(wrong.fields(), ["portrait"], "{}", file.len());
            assert!(
                !String::from_utf8_lossy(&wrong.bytes).contains("sonicd-"),
                "no file of ours"
            );
        }
        let wrong = check(service, &wide).await;
        assert_eq!(wrong.json()["errors"][0]["limit"], 5e7);
        let ask = |body: Value| answer(service.json("/v1/check", &body));
        let nothing = "0".repeat(64);
        let (sound, put) = service.put(&wave(100)).await;
        put.expect(201);
        for body in [
            json!("x"),
            json!("00"),
            json!(nothing),
            json!(sound.to_string()),
        ] {
            let wrong = ask(json!({ "portrait_sha256": body })).await;
            assert_eq!(
                wrong.fields(),
                [if wrong.status == 400 {
                    "body"
                } else {
                    "portrait_sha256"
                }]
            );
        }
        assert_eq!(ask(json!({})).await.fields(), ["body"]);
        let (kind, body) = form(&[("moustache", None, b"x")]);
        let request = service
            .request(Method::POST, "/v1/check")
            .header("content-type", kind);
        assert_eq!(
            answer(request.body(body)).await.expect(422).fields(),
            ["moustache", "portrait"]
        );
        assert_eq!(files(&service.settings.scratch), 0, "nothing is kept");
    });
}

#[test]
fn whoever_looks_may_crash() {
    let crashes = |settings: &mut Settings| settings.program = PathBuf::from("/bin/false");
    run_with(crashes, async |service| {
        let wrong = check(service, &portrait()).await.expect(422);
        assert_eq!(wrong.fields(), ["portrait"]);
        service.get("/healthz").await.expect(200);
    });
    let missing = |settings: &mut Settings| settings.program = PathBuf::from("/nowhere/sonicd");
    run_with(missing, async |service| {
        let wrong = check(service, &portrait()).await.expect(503);
        assert!(!wrong.header("retry-after").is_empty());
    });
}

#[test]
fn looking_counts_as_asking() {
    let few = |settings: &mut Settings| {
        looking(settings);
        (settings.rate, settings.burst) = (1e-3, 2.0);
    };
    run_with(few, async |service| {
        check(service, b"no picture").await.expect(415);
        check(service, b"no picture").await.expect(415);
        check(service, b"no picture").await.expect(429);
    });
}

/// As PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum: u32, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    })
}
