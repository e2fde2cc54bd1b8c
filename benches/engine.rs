// SPDX-License-Identifier: MPL-2.0
//! What the parts of the engine cost: `cargo bench --bench engine`.
//!
//! Each row is the median of many runs. Nothing is asserted: figures depend on the machine.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use sonic_engine::{
    animator::{Animator, Style},
    face::Portrait,
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    grid::FrameGrid,
    pose::{Arkit, FacePose, Head},
    rig::{Framing, Rig, Staging},
};

const SAMPLE_RATE: u32 = 16_000;
/// How long a row may take.
const BUDGET: Duration = Duration::from_secs(2);
const MIN_RUNS: usize = 5;

/// Prints the median time of `work`, and the shortest. `per` divides both, for work in batches.
fn row(name: &str, per: u32, mut work: impl FnMut()) {
    work();
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < MIN_RUNS || started.elapsed() < BUDGET {
        let at = Instant::now();
        work();
        times.push(at.elapsed() / per);
    }
    times.sort();
    let median = times[times.len() / 2];
    println!(
        "{name:<48}{:>10.3} ms{:>10.3} ms{:>7}",
        median.as_secs_f64() * 1e3,
        times[0].as_secs_f64() * 1e3,
        times.len()
    );
}

fn spec(width: usize, height: usize, format: PixelFormat) -> FrameSpec {
    FrameSpec {
        width,
        height,
        format,
        colour: Colour {
            matrix: Matrix::Bt709,
            full_range: false,
        },
        chroma_site: ChromaSite::Left,
        pixel_aspect: (1, 1),
    }
}

/// Poses of somebody who speaks: everything that moves while speaking moves in every frame.
fn speaking() -> Vec<FacePose> {
    (0..50)
        .map(|i| {
            let phase = i as f32 / 50.0 * std::f32::consts::TAU;
            let mut pose = FacePose::REST
                .with(Arkit::JawOpen, 0.3 + 0.3 * (5.0 * phase).sin())
                .with(Arkit::MouthFunnel, 0.2 + 0.2 * (3.0 * phase).cos());
            pose.head = Head {
                yaw: 4.0 * phase.sin(),
                pitch: 2.0 * (2.0 * phase).sin(),
                roll: phase.cos(),
                ..pose.head
            };
            pose
        })
        .collect()
}

fn rows_of_the_rig(portrait: &Portrait) {
    let staging = Staging {
        framing: Framing::Cover,
        ..Staging::default()
    };
    let poses = speaking();
    let still: Vec<_> = poses
        .iter()
        .map(|pose| FacePose {
            head: FacePose::REST.head,
            ..*pose
        })
        .collect();
    for (width, height) in [(640, 360), (960, 540), (1920, 1080)] {
        let hd = spec(width, height, PixelFormat::I420);
        row(
            &format!("rig: prepare for {width}x{height} I420"),
            1,
            || {
                black_box(Rig::new(portrait, &hd, &staging));
            },
        );
        for format in [PixelFormat::I420, PixelFormat::Bgra] {
            let spec = spec(width, height, format);
            let mut rig = Rig::new(portrait, &spec, &staging);
            let mut frame = FrameBuf::new(spec);
            for (what, poses) in [("head and mouth", &poses), ("mouth only", &still)] {
                let name = format!("rig: frame {width}x{height} {format:?}, {what}");
                row(&name, poses.len() as u32, || {
                    for pose in poses {
                        black_box(rig.draw(pose, &mut frame.as_mut()));
                    }
                });
            }
        }
    }
}

/// Syllables: a hum that swells four times a second.
fn sound(samples: usize) -> Vec<f32> {
    (0..samples)
        .map(|i| {
            let t = i as f32 / SAMPLE_RATE as f32;
            let swell = (0.5 - 0.5 * (t * 4.0 * std::f32::consts::TAU).cos()).powi(2);
            0.4 * swell * (t * 140.0 * std::f32::consts::TAU).sin()
        })
        .collect()
}

fn row_of_the_animator() {
    let grid = FrameGrid::new(25, 1).expect("a rate");
    let mut animator = Animator::new(SAMPLE_RATE, grid, 1, Style::default());
    animator.begin(0);
    let second = sound(SAMPLE_RATE as usize);
    row("animator: a second of sound into 25 poses", 1, || {
        // As it comes from a microphone: 10 ms at a time.
        for chunk in second.chunks(SAMPLE_RATE as usize / 100) {
            animator.push(chunk);
            while let Some(frame) = animator.next_frame() {
                black_box(frame);
            }
        }
    });
}

fn main() {
    println!("{:<48}{:>13}{:>13}{:>7}", "", "median", "shortest", "runs");
    let portrait = Portrait::built_in();
    row("face: decode the built-in portrait", 1, || {
        black_box(Portrait::built_in());
    });
    row_of_the_animator();
    rows_of_the_rig(&portrait);
}
