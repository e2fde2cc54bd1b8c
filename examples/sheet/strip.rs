// SPDX-License-Identifier: MPL-2.0
//! Every frame of two seconds of speech.

use sonic_engine::{
    animator::{Animator, Style},
    articulate::{
        Articulator,
        network::{NetworkArticulator, NetworkOptions},
        signal::SignalArticulator,
    },
    grid::FrameGrid,
    pose::FacePose,
};
use std::{error::Error, io};

/// Frames a line.
pub const COLUMNS: usize = 10;
const FRAMES: usize = 50;
const FPS: u32 = 25;
const RATE: u32 = 16_000;

/// The poses of the loudest stretch of that length in a file of 16 kHz mono S16LE.
pub fn poses(file: &str) -> Result<Vec<(String, FacePose)>, Box<dyn Error>> {
    let sound: Vec<f32> = std::fs::read(file)
        .map_err(|e| io::Error::new(e.kind(), format!("{file}: {e}")))?
        .chunks_exact(2)
        .map(|s| f32::from(i16::from_le_bytes([s[0], s[1]])) / 32_768.0)
        .collect();
    let frame = (RATE / FPS) as usize;
    let levels: Vec<f32> = sound
        .chunks(frame)
        .map(|part| part.iter().map(|s| s * s).sum())
        .collect();
    let level = |first: usize| levels.iter().skip(first).take(FRAMES).sum::<f32>();
    let last = levels.len().saturating_sub(FRAMES);
    let first = (0..=last)
        .max_by(|a, b| level(*a).total_cmp(&level(*b)))
        .unwrap_or(0);
    let grid = FrameGrid::new(FPS, 1).ok_or("a frame rate")?;
    let mut animator = Animator::with_articulator(RATE, grid, 0, Style::default(), listener());
    animator.push(&sound);
    animator.finish();
    let all = std::iter::from_fn(|| animator.next_frame());
    let named = |(i, frame): (usize, FacePose)| (format!("{:.2} s", i as f32 / FPS as f32), frame);
    let poses = all.map(|f| f.pose).enumerate().skip(first).take(FRAMES);
    Ok(poses.map(named).collect())
}

/// What the element takes for sound whose phones nobody tells.
fn listener() -> Box<dyn Articulator> {
    match NetworkArticulator::new(&NetworkOptions::default()) {
        Ok(network) => Box::new(network),
        Err(error) => {
            eprintln!("the strip follows the signal, without a network: {error}");
            Box::new(SignalArticulator::new())
        }
    }
}
