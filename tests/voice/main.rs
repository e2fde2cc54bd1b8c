// SPDX-License-Identifier: MPL-2.0
//! Voices speak, and say truly when each sound happens.

#[path = "../common/again.rs"]
mod again;
mod espeak;
mod flite;
mod graph;
mod http;
mod missing;
#[path = "../common/onnx.rs"]
mod onnx;
mod piper;
mod server;
mod sound;
mod speaker;
mod ssml;

use again::again_with;
use sonic_engine::voice::{Cancel, Delivery, Spoken, Voice, VoiceError};
use std::env;

/// What a library gives, or `None` where it is not installed: then a test is skipped, and says
/// so.
fn installed<T>(found: Result<T, VoiceError>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(error @ (VoiceError::Missing { .. } | VoiceError::NoRuntime(_))) => {
            assert!(env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn say(voice: &dyn Voice, text: &str) -> Spoken {
    voice
        .speak(text, &Delivery::default(), &Cancel::new())
        .expect("it speaks")
}

/// Phones lie side by side from the first sample to the last.
fn covered(said: &Spoken) {
    let mut at = 0;
    for phone in &said.phones {
        assert_eq!(phone.start, at, "{phone:?}");
        at = phone.end();
    }
    assert_eq!(at, said.samples.len() as u64);
}

/// The words as they stand in the text.
fn words<'a>(said: &Spoken, text: &'a str) -> Vec<&'a str> {
    said.words.iter().map(|w| &text[w.text.clone()]).collect()
}
