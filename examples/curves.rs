// SPDX-License-Identifier: MPL-2.0
//! Prints what the mouth does over a sound as CSV, one row a frame.
//!
//! ```text
//! ffmpeg -v error -i speech.wav -ac 1 -ar 48000 -f f32le - | cargo run --example curves -- 48000 25
//! ```
//!
//! Reads 32-bit float mono from standard input; the arguments are its sample rate and the frame
//! rate (25 unless given, `30000/1001` works too).

use std::{
    error::Error,
    io::{self, BufWriter, Read, Write},
};

use sonic_engine::{
    animator::{Animator, Style},
    audio::pcm::SampleFormat,
    grid::FrameGrid,
    pose::Arkit,
};

const SHAPES: [Arkit; 8] = [
    Arkit::JawOpen,
    Arkit::MouthClose,
    Arkit::MouthPucker,
    Arkit::MouthFunnel,
    Arkit::MouthStretchLeft,
    Arkit::MouthUpperUpLeft,
    Arkit::MouthRollLower,
    Arkit::EyeBlinkLeft,
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rate: u32 = arguments
        .next()
        .ok_or("the sample rate is missing")?
        .parse()?;
    let frame_rate = arguments.next().unwrap_or_else(|| "25".into());
    let (n, d) = frame_rate.split_once('/').unwrap_or((&frame_rate, "1"));
    let grid = FrameGrid::new(n.parse()?, d.parse()?).ok_or("a frame rate above 0 is needed")?;
    let mut animator = Animator::new(rate, grid, 0, Style::default());
    let mut out = BufWriter::new(io::stdout().lock());
    let names: Vec<_> = SHAPES.iter().map(|s| s.name()).collect();
    writeln!(
        out,
        "time,aperture,{},yaw,pitch,roll,origin",
        names.join(",")
    )?;
    let mut input = io::stdin().lock();
    let mut bytes = vec![0; 4 * 4096];
    loop {
        let got = fill(&mut input, &mut bytes)?;
        animator.push_bytes(SampleFormat::F32, 1, &bytes[..got]);
        if got < bytes.len() {
            animator.finish();
        }
        while let Some(frame) = animator.next_frame() {
            let pose = frame.pose;
            let jaw = 0.33 * pose.get(Arkit::JawOpen) + 0.05 * pose.get(Arkit::MouthUpperUpLeft);
            let aperture = jaw * (1.0 - pose.get(Arkit::MouthClose));
            write!(
                out,
                "{:.4},{aperture:.4}",
                grid.time(frame.index) as f64 / 1e9
            )?;
            for shape in SHAPES {
                write!(out, ",{:.4}", pose.get(shape))?;
            }
            let head = pose.head;
            writeln!(
                out,
                ",{:.3},{:.3},{:.3},{:?}",
                head.yaw, head.pitch, head.roll, frame.origin
            )?;
        }
        if got < bytes.len() {
            return Ok(());
        }
    }
}

/// Reads until the buffer is full or the input ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..])? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}
