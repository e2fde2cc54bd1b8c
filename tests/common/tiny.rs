// SPDX-License-Identifier: MPL-2.0
//! Writes networks with the contract of the articulation network (docs/articulation.md) that
//! know nothing of speech: the jaw follows the loudness, so many frames late as they say that
//! they look ahead. What the mouth was is their state.
#![allow(dead_code)]

use super::onnx::{ANY, F32, Graph, I64};

/// Bands of a frame, and numbers of a mouth.
const BANDS: usize = 40;
const CHANNELS: usize = 7;

/// How a network differs from what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    None,
    /// It computes so many runs and then no more.
    Fails(usize),
    /// The sound is expected in 80 bands.
    Wide,
    /// The sound is expected as whole numbers.
    Whole,
    /// The mouth has 15 numbers.
    Visemes,
    /// The state is not given back.
    Forgetful,
    /// What comes out is no number.
    Senseless,
}

/// A network that takes `frames` frames at a time (any number if `None`), with an output for
/// each of these look-aheads (ms, multiples of 10), in their order.
pub fn network(frames: Option<usize>, look_aheads: &[usize], oddity: Oddity) -> Vec<u8> {
    let mut g = Graph::default();
    let bands = if oddity == Oddity::Wide { 80 } else { BANDS };
    let rows = frames.map_or(ANY, |k| k as i64);
    let mel_shape = [1, rows, bands as i64];
    let channels = if oddity == Oddity::Visemes {
        15
    } else {
        CHANNELS
    };
    // The jaw by the mean of all bands, and a little of all else.
    let share = |c: usize| if c == 0 { 0.25 } else { 0.02 * c as f32 };
    let weights: Vec<f32> = (0..bands * channels)
        .map(|i| share(i % channels) / bands as f32)
        .collect();
    let offsets: Vec<f32> = (0..channels).map(|c| 2.0 * share(c)).collect();
    g.floats("weights", &[bands, channels], &weights);
    g.floats("offsets", &[channels], &offsets);
    g.floats("nought", &[], &[0.0]);
    g.floats("one", &[], &[1.0]);
    g.integers("rows", &[1], &[1]);
    let sound = if oddity == Oddity::Whole {
        g.input("mel", I64, &mel_shape);
        g.node_int("Cast", &["mel"], "sound", "to", F32);
        "sound"
    } else {
        g.input("mel", F32, &mel_shape);
        "mel"
    };
    g.node("MatMul", &[sound, "weights"], "product");
    g.node("Add", &["product", "offsets"], "sum");
    g.node("Clip", &["sum", "nought", "one"], "now");
    let mut now = "now";
    if oddity == Oddity::Senseless {
        g.node("Div", &["nought", "nought"], "nothing");
        g.node("Add", &["now", "nothing"], "senseless");
        now = "senseless";
    }
    if let Oddity::Fails(after) = oddity {
        counter(&mut g, after);
        g.node("Add", &["now", "ran"], "counted");
        now = "counted";
    }
    let furthest = look_aheads.iter().max().map_or(1, |ms| (ms / 10).max(1));
    g.input("before", F32, &[1, furthest as i64, channels as i64]);
    g.node_int("Concat", &["before", now], "all", "axis", 1);
    let place = |g: &mut Graph, name: &str, at: i64| g.integers(name, &[1], &[at]);
    place(&mut g, "end", i64::MAX);
    if oddity != Oddity::Forgetful {
        place(&mut g, "back", -(furthest as i64));
        g.node("Slice", &["all", "back", "end", "rows"], "before_next");
        g.output("before_next", F32, &[1, furthest as i64, channels as i64]);
    }
    for ms in look_aheads {
        let late = (ms / 10) as i64;
        let name = format!("mouth_{ms}ms");
        let (from, to) = (format!("from{ms}"), format!("to{ms}"));
        place(&mut g, &from, furthest as i64 - late);
        place(&mut g, &to, if late == 0 { i64::MAX } else { -late });
        g.node("Slice", &["all", &from, &to, "rows"], &name);
        g.output(&name, F32, &[1, rows, channels as i64]);
    }
    g.say("model_name", "tiny");
    g.model()
}

/// Nought, for so many runs; then there is no such thing, and the run fails.
fn counter(g: &mut Graph, runs: usize) {
    g.input("count", F32, &[1]);
    g.node("Add", &["count", "one"], "count_next");
    g.output("count_next", F32, &[1]);
    g.node_int("Cast", &["count"], "place", "to", I64);
    g.floats("noughts", &[runs], &vec![0.0; runs]);
    g.node("Gather", &["noughts", "place"], "ran");
}
