// SPDX-License-Identifier: MPL-2.0
//! Contact sheets, to look at: rows of portraits, columns of poses; or every frame of two
//! seconds of speech.
//!
//! `cargo run --example sheet -- OUT.png [--size N] [--group NAME | --strip SPEECH.raw]
//! [PORTRAIT[:LANDMARKS.json]]...`
//!
//! Groups: `overview` (the default), `visemes`, `eyes`, `head`, `expressions`. Speech is 16 kHz
//! mono S16LE without a header. Without portraits the built-in one is drawn.

mod poses;
mod strip;

use image::RgbaImage;
use sonic_engine::{
    face::{Portrait, PortraitSource},
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    pose::FacePose,
    rig::{Framing, Rig, Staging},
};
use std::{error::Error, path::PathBuf};

/// What is asked for on the command line.
struct Wanted {
    out: String,
    size: usize,
    group: String,
    strip: Option<String>,
    sources: Vec<PortraitSource>,
}

fn wanted() -> Result<Wanted, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut wanted = Wanted {
        out: arguments.next().unwrap_or_else(|| "sheet.png".into()),
        size: 256,
        group: "overview".into(),
        strip: None,
        sources: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--size" => wanted.size = value()?.parse()?,
            "--group" => wanted.group = value()?,
            "--strip" => wanted.strip = Some(value()?),
            _ => wanted.sources.push(source(&argument)),
        }
    }
    if wanted.sources.is_empty() {
        wanted.sources.push(PortraitSource::default());
    }
    Ok(wanted)
}

fn source(argument: &str) -> PortraitSource {
    let mut parts = argument.splitn(2, ':').map(PathBuf::from);
    PortraitSource {
        picture: parts.next(),
        landmarks: parts.next(),
        matte: None,
    }
}

/// Draws square tiles of one portrait's head.
struct Studio {
    rig: Rig,
    frame: FrameBuf,
}

impl Studio {
    fn new(source: &PortraitSource, size: usize) -> Result<Self, Box<dyn Error>> {
        let portrait = Portrait::load(source)?;
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
        let started = std::time::Instant::now();
        let rig = Rig::new(&portrait, &spec, &staging);
        let (took, gaze) = (started.elapsed(), rig.gaze());
        eprintln!("{:?}: rig in {took:.0?}, gaze {gaze:?}", source.picture);
        let frame = FrameBuf::new(spec);
        Ok(Self { rig, frame })
    }

    fn tile(&mut self, pose: &FacePose) -> Result<RgbaImage, Box<dyn Error>> {
        self.rig.draw(pose, &mut self.frame.as_mut());
        let side = self.frame.spec.width as u32;
        let pixels = self.frame.planes[0].clone();
        Ok(RgbaImage::from_raw(side, side, pixels).ok_or("a frame of the tile's size")?)
    }
}

/// `columns` tiles a line, from line `first` on.
fn lay(sheet: &mut RgbaImage, first: usize, columns: usize, i: usize, tile: &RgbaImage) {
    let (w, h) = tile.dimensions();
    let (x, y) = (i % columns, first + i / columns);
    image::imageops::replace(
        sheet,
        tile,
        x as i64 * i64::from(w),
        y as i64 * i64::from(h),
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = wanted()?;
    let (poses, columns) = match &wanted.strip {
        Some(speech) => (strip::poses(speech)?, strip::COLUMNS),
        None => {
            let poses = poses::group(&wanted.group).ok_or("no such group of poses")?;
            let columns = poses.len();
            (poses, columns)
        }
    };
    let lines = poses.len().div_ceil(columns);
    let side = |tiles: usize| (wanted.size * tiles) as u32;
    let mut sheet = RgbaImage::new(side(columns), side(lines * wanted.sources.len()));
    for (row, source) in wanted.sources.iter().enumerate() {
        let mut studio = match Studio::new(source, wanted.size) {
            Ok(studio) => studio,
            Err(error) => {
                eprintln!("{:?}: {error}", source.picture);
                continue;
            }
        };
        for (i, (_, pose)) in poses.iter().enumerate() {
            lay(&mut sheet, row * lines, columns, i, &studio.tile(pose)?);
        }
    }
    sheet.save(&wanted.out)?;
    let names: Vec<_> = poses.iter().map(|(name, _)| name.as_str()).collect();
    println!("{}: {}", wanted.out, names.join(", "));
    Ok(())
}
