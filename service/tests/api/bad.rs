// SPDX-License-Identifier: MPL-2.0
//! What is missing, wrong or absurd is answered with the field and the limit.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, answer, encoded, files, picture, run, run_with, wave};

#[test]
fn every_field_that_is_wrong_is_named() {
    run(async |service| {
        let long = "a".repeat(1_000_000);
        for (fields, field, limit) in [
            (json!({}), "audio", None),
            (json!({"text": ""}), "text", None),
            (json!({"text": "  \n "}), "text", None),
            (json!({ "text": long }), "text", Some(100_000.0)),
            (json!({"text": {"a": 1}}), "text", None),
            (
                json!({"text": "a", "audio_sha256": "0".repeat(64)}),
                "audio",
                None,
            ),
            (json!({"audio_sha256": "/etc/passwd"}), "audio_sha256", None),
            (
                json!({"text": "a", "portrait_sha256": 5}),
                "portrait_sha256",
                None,
            ),
            (
                json!({"text": "a", "duration": -1}),
                "duration",
                Some(3600.0),
            ),
            (
                json!({"text": "a", "duration": 1e300}),
                "duration",
                Some(3600.0),
            ),
            (json!({"text": "a", "fps": 0}), "fps", Some(120.0)),
            (json!({"text": "a", "fps": "soon"}), "fps", Some(120.0)),
            (json!({"text": "a", "size": "1x1"}), "size", Some(8192.0)),
            (json!({"text": "a", "format": "exe"}), "format", None),
            (json!({"text": "a", "priority": 1}), "priority", None),
            (
                json!({"text": "a", "callback_url": "http://a/"}),
                "callback_url",
                None,
            ),
            (
                json!({"text": "a", "callback_url": "https://10.0.0.1/"}),
                "callback_url",
                None,
            ),
            (
                json!({"text": "a", "callback_url": "https://localhost/"}),
                "callback_url",
                None,
            ),
            (
                json!({"text": "a", "min_resolution": -4}),
                "min_resolution",
                None,
            ),
            (
                json!({"text": "a", "expand_ratio": 1e9}),
                "expand_ratio",
                None,
            ),
            (
                json!({"text": "a", "dynamic_scale": "big"}),
                "dynamic_scale",
                None,
            ),
            (
                json!({"text": "a", "motion_scale": "NaN"}),
                "motion_scale",
                None,
            ),
            (
                json!({"text": "a", "inference_steps": 51}),
                "inference_steps",
                Some(50.0),
            ),
            (
                json!({"text": "a", "voice": "../../etc"}),
                "voice",
                Some(100.0),
            ),
            (
                json!({"text": "a", "expression": "angelic"}),
                "expression",
                None,
            ),
            (json!({"text": "a", "landmarks": "x"}), "landmarks", None),
            (json!({"text": "a", "__proto__": "x"}), "__proto__", None),
        ] {
            let shown: String = fields.to_string().chars().take(80).collect();
            let wrong = service.submit(&fields).await;
            assert_eq!(wrong.status, 422, "{shown}");
            assert_eq!(wrong.fields(), [field], "{shown}");
            let told = wrong.json()["errors"][0]["limit"].as_f64();
            if limit.is_some() {
                assert_eq!(told, limit, "{shown}");
            }
            assert!(wrong.bytes.len() < 2000, "it is no echo: {shown}");
        }
        let many = service.submit(&json!({"fps": 1, "moustache": 2})).await;
        assert_eq!(many.fields(), ["audio", "fps", "moustache"]);
        assert_eq!(service.store.open_jobs().await.expect("a list"), []);
        assert_eq!(service.post.take(), []);
    });
}

#[test]
fn bodies_that_are_none_are_refused() {
    run(async |service| {
        let post = |kind: &'static str, body: Vec<u8>| {
            let request = service.request(Method::POST, "/v1/jobs");
            answer(request.header("content-type", kind).body(body))
        };
        for (kind, body, status) in [
            ("application/json", b"{".to_vec(), 400),
            ("application/json", b"\xff\xfe".to_vec(), 400),
            ("application/json", Vec::new(), 400),
            ("application/json", b"[]".to_vec(), 422),
            ("application/json", vec![b' '; 3 << 20], 413),
            ("text/plain", b"text=a".to_vec(), 415),
            ("multipart/form-data", b"a".to_vec(), 400),
            (
                "multipart/form-data; boundary=x",
                b"--x\r\nbroken".to_vec(),
                400,
            ),
            ("multipart/form-data; boundary=x", Vec::new(), 400),
        ] {
            let wrong = post(kind, body).await;
            assert_eq!(wrong.status.as_u16(), status, "{kind}");
            wrong.fields();
        }
        // Deep nesting does not break the reader.
        let deep = "[".repeat(200_000);
        post("application/json", deep.into_bytes())
            .await
            .expect(400);
    });
}

/// Files that are none, the field they come in, and what is answered.
fn files_that_are_wrong() -> Vec<(&'static str, &'static str, Vec<u8>, u16)> {
    let jpeg = encoded(200, 200, image::ImageFormat::Jpeg);
    let (png, webp) = (
        picture(200, 200),
        encoded(200, 200, image::ImageFormat::WebP),
    );
    let cut = |file: &[u8]| file[..file.len() / 2].to_vec();
    let script = b"#EXTM3U\nhttp://127.0.0.1/a.ts\n".to_vec();
    vec![
        ("an empty picture", "portrait", Vec::new(), 422),
        ("an empty recording", "audio", Vec::new(), 422),
        ("one byte", "portrait", vec![0x89], 415),
        ("half a PNG", "portrait", cut(&png), 422),
        ("half a JPEG", "portrait", cut(&jpeg), 422),
        ("half a WebP", "portrait", cut(&webp), 422),
        (
            "a JPEG without its last bytes",
            "portrait",
            jpeg[..jpeg.len() - 2].to_vec(),
            422,
        ),
        ("the head of a PNG", "portrait", png[..24].to_vec(), 422),
        ("a recording as a picture", "portrait", wave(10), 415),
        ("a picture as a recording", "audio", png, 415),
        ("a playlist", "audio", script, 415),
        ("a text", "audio", b"To be, or not to be".to_vec(), 415),
        ("an image bomb", "portrait", bomb(), 422),
    ]
}

/// A PNG that says it has 60 000 × 60 000 pixels, in a few bytes.
fn bomb() -> Vec<u8> {
    let mut file = picture(8, 8);
    let side = 60_000u32.to_be_bytes();
    file[16..20].copy_from_slice(&side);
    file[20..24].copy_from_slice(&side);
    let mut crc = !0u32;
    for byte in &file[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    file[29..33].copy_from_slice(&(!crc).to_be_bytes());
    file
}

#[test]
fn files_that_are_empty_or_broken_or_too_much_are_refused() {
    run(async |service| {
        for (name, field, bytes, status) in files_that_are_wrong() {
            let text: &[(&str, Option<&str>, &[u8])] = &[("text", None, b"Hello")];
            let mut parts = vec![(field, Some("file.png"), bytes.as_slice())];
            parts.extend(text.iter().filter(|_| field == "portrait"));
            let wrong = service.form(&parts).await;
            assert_eq!(wrong.status.as_u16(), status, "{name}");
            assert_eq!(wrong.fields(), [field], "{name}");
            // By its digest it does not come in either.
            let (_, put) = service.put(&bytes).await;
            let by_digest = put.status.as_u16();
            let other_kind = name.contains("as a ");
            assert_eq!(by_digest, if other_kind { 201 } else { status }, "{name}");
        }
        assert_eq!(files(&service.settings.scratch), 0, "nothing stays behind");
        assert_eq!(service.store.open_jobs().await.expect("a list"), []);
    });
}

#[test]
fn what_is_too_long_is_refused_before_it_is_all_there() {
    let small = |settings: &mut sonicd::serve::settings::Settings| {
        settings.limits.portrait_bytes = 1000;
        settings.limits.audio_bytes = 5000;
        settings.limits.text_characters = 50;
        settings.limits.batch_jobs = 2;
    };
    run_with(small, async |service| {
        let limit = |answer: &Answer| answer.json()["errors"][0]["limit"].as_f64();
        let long = wave(1000);
        let wrong = service
            .form(&[("audio", Some("a"), &long)])
            .await
            .expect(413);
        assert_eq!(
            (wrong.fields(), limit(&wrong)),
            (vec!["audio".to_owned()], Some(5000.0))
        );
        let noisy = picture(100, 100);
        assert!(noisy.len() > 1000);
        let (_, wrong) = service.put(&noisy).await;
        assert_eq!(limit(&wrong.expect(413)), Some(1000.0));
        let wrong = service
            .form(&[("text", None, &[b'a'; 400])])
            .await
            .expect(422);
        assert_eq!(
            (wrong.fields(), limit(&wrong)),
            (vec!["text".to_owned()], Some(50.0))
        );
        // Characters are counted, and not bytes.
        service
            .submit(&json!({"text": "好".repeat(50)}))
            .await
            .expect(201);
        service
            .submit(&json!({"text": "好".repeat(51)}))
            .await
            .expect(422);
        let jobs: Vec<Value> = (0..3).map(|_| json!({"text": "a"})).collect();
        let wrong = answer(service.json("/v1/batches", &json!({ "jobs": jobs }))).await;
        assert_eq!(limit(&wrong.expect(422)), Some(2.0));
        let fields: Vec<_> = (0..70).map(|n| format!("field_{n}")).collect();
        let parts: Vec<_> = fields
            .iter()
            .map(|f| (f.as_str(), None, &b"1"[..]))
            .collect();
        service.form(&parts).await.expect(422);
        let twice = [("text", None, &b"a"[..]), ("text", None, &b"b"[..])];
        assert_eq!(service.form(&twice).await.expect(422).fields(), ["text"]);
        service.tickets(1).await;
    });
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    run_with(
        |settings| settings.idle_s = 1,
        async |service| {
            let begun = futures_util::stream::once(async { Ok::<_, std::io::Error>("RIFF") });
            let never = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
            let path = format!("/v1/blobs/{}", "0".repeat(64));
            let request = service.request(Method::PUT, &path);
            let slow = answer(request.body(reqwest::Body::wrap_stream(never))).await;
            slow.expect(408).fields();
            assert_eq!(files(&service.settings.scratch), 0);
        },
    );
}

#[test]
fn addresses_that_are_none_are_problems_too() {
    run(async |service| {
        for (method, path, status) in [
            (Method::GET, "/index.php", 404),
            (Method::POST, "/", 405),
            (Method::GET, "/v1/jobs/..%2f..%2fetc", 404),
            (Method::GET, "/v1/jobs/0", 404),
            (Method::PATCH, "/v1/jobs", 405),
            (Method::GET, "/v1/jobs?limit=0", 422),
            (Method::GET, "/v1/jobs?limit=many", 422),
            (Method::GET, "/v1/jobs?limit=201", 422),
            (Method::GET, "/v1/jobs?after=x", 422),
            (Method::PUT, "/v1/blobs/..", 404),
            (Method::PUT, "/v1/blobs/x", 422),
            (Method::GET, "/v1/results/a/b/c", 404),
        ] {
            let wrong = answer(service.request(method, path)).await;
            assert_eq!(wrong.status.as_u16(), status, "{path}");
            wrong.fields();
        }
    });
}
