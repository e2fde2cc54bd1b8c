// SPDX-License-Identifier: MPL-2.0
//! Contact sheets: rows of portraits, columns of poses, to look at.
//!
//! `cargo run --example sheet -- OUT.png [--size N] [PORTRAIT[:LANDMARKS.json]]...`
//! Without portraits the built-in one is drawn.

use sonic_engine::{
    face::{Portrait, PortraitSource},
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    pose::{Arkit, FacePose, Head},
    rig::{Framing, Rig, Staging},
};
use std::{error::Error, path::PathBuf};

/// The columns of the sheet.
fn poses() -> Vec<(&'static str, FacePose)> {
    use Arkit::*;
    let rest = FacePose::REST;
    let both = |l, r, w| FacePose::REST.with(l, w).with(r, w);
    let head = |head| FacePose {
        head,
        ..FacePose::REST
    };
    vec![
        ("rest", rest),
        ("jaw 25", rest.with(JawOpen, 0.25)),
        ("jaw 50", rest.with(JawOpen, 0.5)),
        ("jaw 100", rest.with(JawOpen, 1.0)),
        (
            "close on jaw 50",
            rest.with(JawOpen, 0.5).with(MouthClose, 1.0),
        ),
        (
            "stretch",
            both(MouthStretchLeft, MouthStretchRight, 1.0).with(JawOpen, 0.2),
        ),
        ("smile", both(MouthSmileLeft, MouthSmileRight, 1.0)),
        ("pucker", rest.with(MouthPucker, 1.0)),
        ("funnel", rest.with(MouthFunnel, 1.0).with(JawOpen, 0.4)),
        (
            "f",
            both(MouthUpperUpLeft, MouthUpperUpRight, 0.4)
                .with(MouthRollLower, 0.8)
                .with(JawOpen, 0.08),
        ),
        ("blink 50", both(EyeBlinkLeft, EyeBlinkRight, 0.5)),
        ("blink 100", both(EyeBlinkLeft, EyeBlinkRight, 1.0)),
        (
            "look left",
            rest.with(EyeLookOutLeft, 1.0).with(EyeLookInRight, 1.0),
        ),
        (
            "brows up",
            both(BrowOuterUpLeft, BrowOuterUpRight, 1.0).with(BrowInnerUp, 1.0),
        ),
        (
            "yaw 8",
            head(Head {
                yaw: 8.0,
                ..Head::default()
            }),
        ),
        (
            "yaw -8",
            head(Head {
                yaw: -8.0,
                ..Head::default()
            }),
        ),
        (
            "pitch 6",
            head(Head {
                pitch: 6.0,
                ..Head::default()
            }),
        ),
        (
            "roll 6",
            head(Head {
                roll: 6.0,
                ..Head::default()
            }),
        ),
    ]
}

fn source(argument: &str) -> PortraitSource {
    let mut parts = argument.splitn(2, ':').map(PathBuf::from);
    PortraitSource {
        picture: parts.next(),
        landmarks: parts.next(),
        matte: None,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let out = if arguments.is_empty() {
        "sheet.png".into()
    } else {
        arguments.remove(0)
    };
    let mut size = 256;
    if arguments.first().is_some_and(|a| a == "--size") {
        size = arguments.get(1).ok_or("--size needs a number")?.parse()?;
        arguments.drain(..2);
    }
    let mut sources: Vec<PortraitSource> = arguments.iter().map(|a| source(a)).collect();
    if sources.is_empty() {
        sources.push(PortraitSource::default());
    }
    let poses = poses();
    let mut sheet =
        image::RgbaImage::new((size * poses.len()) as u32, (size * sources.len()) as u32);
    let spec = FrameSpec {
        width: size,
        height: size,
        format: PixelFormat::Rgba,
        colour: Colour {
            matrix: Matrix::Bt709,
            full_range: true,
        },
        chroma_site: ChromaSite::Left,
        pixel_aspect: (1, 1),
    };
    let staging = Staging {
        framing: Framing::Head,
        ..Staging::default()
    };
    for (row, source) in sources.iter().enumerate() {
        let portrait = match Portrait::load(source) {
            Ok(portrait) => portrait,
            Err(error) => {
                eprintln!("{:?}: {error}", source.picture);
                continue;
            }
        };
        let started = std::time::Instant::now();
        let mut rig = Rig::new(&portrait, &spec, &staging);
        eprintln!("{:?}: rig in {:.0?}", source.picture, started.elapsed());
        let mut frame = FrameBuf::new(spec);
        for (col, (_, pose)) in poses.iter().enumerate() {
            rig.draw(pose, &mut frame.as_mut());
            let tile =
                image::RgbaImage::from_raw(size as u32, size as u32, frame.planes[0].clone())
                    .ok_or("a frame of the sheet's size")?;
            image::imageops::replace(&mut sheet, &tile, (col * size) as i64, (row * size) as i64);
        }
    }
    sheet.save(&out)?;
    let names: Vec<_> = poses.iter().map(|(name, _)| *name).collect();
    println!("{out}: {}", names.join(", "));
    Ok(())
}
