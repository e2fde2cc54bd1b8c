// SPDX-License-Identifier: MPL-2.0
//! What is right and what is wrong, field by field.

use super::*;
use crate::serve::settings::Settings;

fn table() -> Table {
    let described = |name, element, kind| Described {
        name,
        element,
        kind,
        default: String::new(),
        description: String::new(),
    };
    let (minimum, maximum) = (0.0, 2.0);
    let parameters = vec![
        described(
            "motion_scale",
            Element::Animator,
            Kind::Number { minimum, maximum },
        ),
        described("voice", Element::Speech, Kind::Text),
        described(
            "n_threads",
            Element::Animator,
            Kind::Integer {
                minimum: 0,
                maximum: 64,
            },
        ),
    ];
    Table::new(parameters, Settings::default().limits, false)
}

fn read(json: Value, files: Files) -> Result<Draft, Vec<Fault>> {
    table().read(&fields_of(&json)?, files)
}

#[test]
fn a_good_one_is_read() {
    let draft = read(
        serde_json::json!({
            "text": "Hello", "motion_scale": 1.50, "fps": "30000/1001", "size": "640x480",
            "duration": 2.5, "format": "webm", "priority": "bulk", "voice": "de",
            "inference_steps": 30, "n_threads": 4, "callback_url": "https://example.org/x",
        }),
        Files::default(),
    )
    .expect("it is right");
    assert_eq!(draft.voice, Voice::Text("Hello".to_owned()));
    assert_eq!(draft.parameters["motion_scale"], "1.5");
    assert_eq!((draft.fps, draft.size), ((30_000, 1001), Some((640, 480))));
    assert_eq!((draft.duration_ms, draft.class), (Some(2500), Class::Bulk));
    assert_eq!(draft.ignored, ["inference_steps", "n_threads"]);
}

#[test]
fn a_voice_is_of_no_use_to_a_recording() {
    let files = Files {
        audio: true,
        ..Files::default()
    };
    let draft = read(serde_json::json!({"voice": "de"}), files).expect("it is right");
    assert_eq!(draft.ignored, ["voice"]);
    assert_eq!(draft.parameters.len(), 0);
}

#[test]
fn each_mistake_names_its_field() {
    let long = "a".repeat(100_001);
    let both = Files {
        audio: true,
        portrait: true,
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("json");
    for (body, files, field) in [
        (json("{}"), Files::default(), "audio"),
        (json(r#"{"text": "a"}"#), both, "audio"),
        (json(r#"{"text": ""}"#), Files::default(), "text"),
        (json(r#"{"text": " ?! "}"#), Files::default(), "text"),
        (json(r#"{"text": "a\u0000"}"#), Files::default(), "text"),
        (json(r#"{"text": ["a"]}"#), Files::default(), "text"),
        (
            serde_json::json!({ "text": long }),
            Files::default(),
            "text",
        ),
        (
            json(r#"{"audio_sha256": "../../x"}"#),
            Files::default(),
            "audio_sha256",
        ),
        (
            json(r#"{"portrait_sha256": "AB"}"#),
            both,
            "portrait_sha256",
        ),
        (json(r#"{"moustache": 3}"#), both, "moustache"),
        (json(r#"{"motion_scale": 2.01}"#), both, "motion_scale"),
        (json(r#"{"motion_scale": "NaN"}"#), both, "motion_scale"),
        (json(r#"{"inference_steps": 9}"#), both, "inference_steps"),
        (
            json(r#"{"inference_steps": 10.5}"#),
            both,
            "inference_steps",
        ),
        (json(r#"{"voice": "../secret"}"#), both, "voice"),
        (json(r#"{"duration": 0}"#), both, "duration"),
        (json(r#"{"duration": 3601}"#), both, "duration"),
        (json(r#"{"duration": "inf"}"#), both, "duration"),
        (json(r#"{"fps": 121}"#), both, "fps"),
        (json(r#"{"fps": "25/0"}"#), both, "fps"),
        (json(r#"{"fps": "-25/-1"}"#), both, "fps"),
        (json(r#"{"size": "17x20"}"#), both, "size"),
        (json(r#"{"size": "99999x2"}"#), both, "size"),
        (json(r#"{"format": "avi"}"#), both, "format"),
        (json(r#"{"priority": "HIGH"}"#), both, "priority"),
        (
            json(r#"{"callback_url": "http://example.org"}"#),
            both,
            "callback_url",
        ),
        (json("[]"), both, "body"),
    ] {
        let shown = body.to_string().chars().take(60).collect::<String>();
        let faults = read(body, files).expect_err(&shown);
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, [field], "{shown}");
    }
}
