// SPDX-License-Identifier: MPL-2.0
//! A graph with the contract of Piper's voices: each symbol is a tone of a loudness of its own.

use crate::onnx::{ANY, F32, Graph, I64};

/// Samples of a frame.
pub const HOP: usize = 100;
/// Samples a second.
pub const RATE: u32 = 16_000;
/// Frames of a sounding symbol at normal speed, and of padding.
pub const FRAMES: f32 = 3.0;
pub const PADDING: f32 = 1.0;

/// How a voice's graph differs from what it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    None,
    /// Several speakers: each louder than the one before.
    Speakers,
    /// Nothing is rounded up: it cannot tell lengths.
    NoLengths,
    /// It computes for some seconds.
    Slow,
    InputOfFloats,
    FlatInput,
    NoScales,
    AsksForMore,
    OutputOfIntegers,
}

/// How loud each symbol sounds, by its number: 0.1 for the first behind `_ ^ $`.
pub fn loudness(id: usize) -> f32 {
    match id {
        0..3 => 0.0,
        id => 0.1 + 0.05 * (id - 3) as f32,
    }
}

/// A voice of so many symbols, the last of which last no time: padding, begin and end are the
/// first three, and silent. The samples are multiplied by the scale of noise.
pub fn voice(symbols: usize, mute: usize, oddity: Oddity) -> Vec<u8> {
    let mut g = Graph::default();
    let mut frames = vec![FRAMES; symbols];
    frames[..3].fill(PADDING);
    frames[symbols - mute..].fill(0.0);
    let loud: Vec<f32> = (0..symbols).map(loudness).collect();
    g.floats("frames_of", &[symbols], &frames);
    g.floats("loudness_of", &[symbols], &loud);
    g.floats("hop", &[], &[HOP as f32]);
    g.floats("nought", &[], &[0.0]);
    g.floats("one", &[], &[1.0]);
    g.floats("step", &[], &[0.3]);
    g.integers("first", &[], &[0]);
    g.integers("second", &[], &[1]);
    g.integers("axis_1", &[1], &[1]);
    g.integers("axes_01", &[2], &[0, 1]);
    g.integers("flat", &[1], &[-1]);
    match oddity {
        Oddity::InputOfFloats => g.input("input", F32, &[1, ANY]),
        Oddity::FlatInput => g.input("input", I64, &[ANY]),
        _ => g.input("input", I64, &[1, ANY]),
    }
    g.input("input_lengths", I64, &[1]);
    if oddity == Oddity::NoScales {
        g.floats("scales", &[3], &[1.0; 3]);
    } else {
        g.input("scales", F32, &[3]);
    }
    if oddity == Oddity::AsksForMore {
        g.input("mood", F32, &[1]);
    }
    let ids = if oddity == Oddity::InputOfFloats {
        g.node_int("Cast", &["input"], "whole", "to", I64);
        "whole"
    } else {
        "input"
    };
    g.node("Reshape", &[ids, "flat"], "ids");
    g.node("Gather", &["frames_of", "ids"], "normal");
    g.node("Gather", &["scales", "second"], "length");
    g.node("Mul", &["normal", "length"], "w");
    if oddity == Oddity::NoLengths {
        g.node("Floor", &["w"], "w_ceil");
    } else {
        g.node("Unsqueeze", &["w", "axes_01"], "w3");
        g.node("Ceil", &["w3"], "w_ceil");
    }
    g.node("Reshape", &["w_ceil", "flat"], "frames");
    g.node("CumSum", &["frames", "first"], "ends");
    g.node_int("ReduceSum", &["frames"], "total", "keepdims", 0);
    g.node("Mul", &["total", "hop"], "count");
    g.node("Range", &["nought", "count", "one"], "places");
    g.node("Div", &["places", "hop"], "parts");
    g.node("Floor", &["parts"], "frame");
    g.node("Unsqueeze", &["frame", "axis_1"], "column");
    g.node("LessOrEqual", &["ends", "column"], "over");
    g.node_int("Cast", &["over"], "over_n", "to", I64);
    g.node_int("ReduceSum", &["over_n", "axis_1"], "index", "keepdims", 0);
    g.node("Gather", &["ids", "index"], "sounding");
    g.node("Gather", &["loudness_of", "sounding"], "loud");
    g.node("Mul", &["places", "step"], "phase");
    g.node("Sin", &["phase"], "tone");
    g.node("Mul", &["tone", "loud"], "plain");
    g.node("Gather", &["scales", "first"], "noise");
    g.node("Mul", &["plain", "noise"], "noisy");
    let mut last = "noisy";
    if oddity == Oddity::Speakers {
        g.input("sid", I64, &[1]);
        g.node_int("Cast", &["sid"], "sid_f", "to", F32);
        g.node("Add", &["sid_f", "one"], "gain");
        g.node("Mul", &["noisy", "gain"], "spoken");
        last = "spoken";
    }
    if oddity == Oddity::Slow {
        last = slow(&mut g);
    }
    if oddity == Oddity::OutputOfIntegers {
        g.node_int("Cast", &[last], "rounded", "to", I64);
        g.node("Unsqueeze", &["rounded", "axes_01"], "output");
        g.output("output", I64, &[1, 1, ANY]);
    } else {
        g.node("Unsqueeze", &[last, "axes_01"], "output");
        g.output("output", F32, &[1, 1, ANY]);
    }
    g.model()
}

/// Some seconds of multiplications, which come to nothing.
fn slow(g: &mut Graph) -> &'static str {
    const SIZE: usize = 512;
    g.floats("matrix", &[SIZE, SIZE], &vec![0.0; SIZE * SIZE]);
    g.node("Mul", &["matrix", "noise"], "m0");
    for n in 0..2_000 {
        g.node(
            "MatMul",
            &[&format!("m{n}"), "matrix"],
            &format!("m{}", n + 1),
        );
    }
    g.node_int("ReduceMax", &["m2000"], "nothing", "keepdims", 0);
    g.node("Add", &["noisy", "nothing"], "late");
    "late"
}
