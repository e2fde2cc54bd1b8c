// SPDX-License-Identifier: MPL-2.0
//! Clauses made by hand, the sound that belongs to them, and what the mouth does.

use gst::prelude::*;
use gst_check::Harness;
use gstsonic::metas::{SpeechClause, SpeechPlace};
use sonic_engine::{pose::Arkit, speech::Phone};

use super::{RATE, animator, finish, frames, meta, stamped, tone};

pub const MS: u64 = 1_000_000;
/// Samples of a millisecond.
pub const S: u64 = RATE / 1000;

/// Phones that follow each other, in ms; stops are released at three quarters.
pub fn clause(utterance_id: u64, clause: u32, list: &[(&str, u64)]) -> SpeechClause {
    let mut at = 0;
    let phones = list.iter().map(|(ipa, ms)| {
        let mut phone = Phone::new(*ipa, at * S, ms * S);
        phone.release = match *ipa {
            "p" | "b" => Some((at + ms * 3 / 4) * S),
            "m" => Some(phone.end()),
            _ => None,
        };
        at += ms;
        phone
    });
    SpeechClause {
        utterance_id,
        clause,
        text: "ama".to_owned(),
        language: "en".to_owned(),
        rate: RATE as u32,
        phones: phones.collect(),
        words: Vec::new(),
    }
}

/// 1.2 s in which the mouth opens at once, shuts from 520 to 600 ms, and rests from 1 s on.
pub const AMA: [(&str, u64); 4] = [("ˈa", 520), ("m", 80), ("ˈa", 400), ("", 200)];

/// Sound of that many ms, stamped to begin at `from` ms.
pub fn sound(from: u64, ms: u64, loud: bool) -> gst::Buffer {
    if loud {
        tone(from * S, ms * S)
    } else {
        stamped(from * S, &vec![0.0; (ms * S) as usize])
    }
}

pub fn labelled(
    mut buffer: gst::Buffer,
    utterance_id: u64,
    clause: u32,
    offset_ms: u64,
) -> gst::Buffer {
    let place = SpeechPlace {
        utterance_id,
        clause,
        offset: offset_ms * S,
    };
    place.attach(buffer.make_mut()).expect("registered");
    buffer
}

pub fn filler(mut buffer: gst::Buffer) -> gst::Buffer {
    buffer.make_mut().set_flags(gst::BufferFlags::GAP);
    buffer
}

/// An element without motion of its own.
pub fn still(articulator: &str) -> gst::Element {
    let element = animator();
    element.set_property_from_str("articulator", articulator);
    element.set_property("motion-scale", 0.0);
    element.set_property("blink-rate", 0.0);
    element
}

/// What a frame shows, and when in ms.
#[derive(Debug)]
pub struct Seen {
    pub ms: u64,
    /// How far the jaw is down, and how closed the lips are.
    pub jaw: f32,
    pub shut: f32,
    pub origin: String,
}

pub fn seen(frame: &gst::Buffer) -> Seen {
    let meta = meta(frame);
    let weights: gst::ArrayRef = meta.get("weights").expect("an array");
    let weight = |shape: Arkit| weights[shape as usize].get::<f32>().expect("a float");
    Seen {
        ms: meta.get::<u64>("content-time").expect("a time") / MS,
        jaw: weight(Arkit::JawOpen),
        shut: weight(Arkit::MouthClose),
        origin: meta.get("origin").expect("a string"),
    }
}

pub fn all(h: &mut Harness) -> Vec<Seen> {
    let mut got = frames(h);
    got.extend(finish(h));
    got.iter().map(seen).collect()
}

/// When the lips are shut, from and to in ms.
pub fn shut(frames: &[Seen]) -> Vec<u64> {
    frames
        .iter()
        .filter(|f| f.shut > 0.99)
        .map(|f| f.ms)
        .collect()
}

pub fn open(frames: &[Seen]) -> Vec<u64> {
    frames
        .iter()
        .filter(|f| f.jaw > 0.15)
        .map(|f| f.ms)
        .collect()
}
