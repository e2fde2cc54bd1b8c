// SPDX-License-Identifier: MPL-2.0
//! Says whether a portrait will serve, and draws what was found into a copy of it.
//!
//! `cargo run --example check -- portrait.jpg [out.png] [--landmarks file.json]
//! [--save-landmarks file.json]`

use std::{env, error::Error, path::PathBuf, process::ExitCode};

use sonic_engine::face::{
    FaceError, Picture, Point, Portrait, PortraitSource,
    verdict::{self, Level},
};

const USAGE: &str = "usage: check portrait.jpg [out.png] [--landmarks file.json] \
     [--save-landmarks file.json]";

const GREEN: [u8; 3] = [60, 255, 90];
const YELLOW: [u8; 3] = [255, 225, 50];
const CYAN: [u8; 3] = [70, 220, 255];

#[derive(Default)]
struct Arguments {
    source: PortraitSource,
    annotated: Option<PathBuf>,
    save: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let portrait = match Portrait::load(&arguments.source) {
        Ok(portrait) => portrait,
        Err(FaceError { what, cure, .. }) => {
            println!("unusable  {what}.\n          {cure}.");
            return ExitCode::FAILURE;
        }
    };
    print_verdict(&portrait);
    match write_files(&arguments, portrait) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Option<Arguments> {
    let mut result = Arguments::default();
    let mut words = env::args_os().skip(1);
    while let Some(word) = words.next() {
        if word == "--landmarks" {
            result.source.landmarks = Some(words.next()?.into());
        } else if word == "--save-landmarks" {
            result.save = Some(words.next()?.into());
        } else if word.to_string_lossy().starts_with("--") {
            return None;
        } else if result.source.picture.is_none() {
            result.source.picture = Some(word.into());
        } else if result.annotated.is_none() {
            result.annotated = Some(word.into());
        } else {
            return None;
        }
    }
    result.source.picture.is_some().then_some(result)
}

fn print_verdict(portrait: &Portrait) {
    let findings = verdict::examine(portrait);
    for finding in &findings {
        let mark = match finding.level {
            Level::Good => "ok",
            Level::Caution => "mind",
        };
        println!("{mark:<5}{:<9}{}", finding.about, finding.what);
        if let Some(cure) = finding.cure {
            println!("{:<14}{cure}", "");
        }
    }
    for warning in &portrait.report.warnings {
        println!("note {warning}");
    }
    let minded = findings.iter().filter(|f| f.level > Level::Good).count();
    match minded {
        0 => println!("good      this portrait will serve well"),
        n => println!("usable    {n} of {} points could be better", findings.len()),
    }
}

fn write_files(arguments: &Arguments, mut portrait: Portrait) -> Result<(), Box<dyn Error>> {
    let (width, height) = (portrait.picture.width, portrait.picture.height);
    if let Some(path) = &arguments.save {
        std::fs::write(path, portrait.landmarks.to_json(width, height))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        println!("          landmarks written to {}", path.display());
    }
    if let Some(path) = &arguments.annotated {
        annotate(&mut portrait);
        image::save_buffer(
            path,
            &portrait.picture.rgba,
            width as u32,
            height as u32,
            image::ExtendedColorType::Rgba8,
        )
        .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        println!("          drawn into {}", path.display());
    }
    Ok(())
}

/// Draws the face box, the eye line, and the landmarks joined into features.
fn annotate(portrait: &mut Portrait) {
    let landmarks = portrait.landmarks;
    let thin = (landmarks.iod() / 80.0).clamp(0.6, 8.0);
    let mut pen = Pen {
        picture: &mut portrait.picture,
    };
    let [x, y, w, h] = portrait.report.face_box;
    let corner = |dx: f32, dy: f32| Point {
        x: x + dx,
        y: y + dy,
    };
    let corners = [
        corner(0.0, 0.0),
        corner(w, 0.0),
        corner(w, h),
        corner(0.0, h),
    ];
    for i in 0..4 {
        pen.line(corners[i], corners[(i + 1) % 4], thin, YELLOW);
    }
    let [left, right] = landmarks.eye_centres();
    pen.line(left, right, thin, CYAN);
    // First and last landmark of each feature, and whether it is closed.
    let features = [
        (0, 16, false),
        (17, 21, false),
        (22, 26, false),
        (27, 30, false),
        (31, 35, false),
        (36, 41, true),
        (42, 47, true),
        (48, 59, true),
        (60, 67, true),
    ];
    for (first, last, closed) in features {
        for i in first..last {
            pen.line(landmarks.0[i], landmarks.0[i + 1], 0.5 * thin, GREEN);
        }
        if closed {
            pen.line(landmarks.0[last], landmarks.0[first], 0.5 * thin, GREEN);
        }
    }
    for p in landmarks.0 {
        pen.line(p, p, 1.7 * thin, GREEN);
    }
}

/// Draws into a picture.
struct Pen<'a> {
    picture: &'a mut Picture,
}

impl Pen<'_> {
    /// A stroke with round, soft ends: each pixel is covered by how near it is to the segment.
    fn line(&mut self, from: Point, to: Point, radius: f32, colour: [u8; 3]) {
        let (width, height) = (self.picture.width, self.picture.height);
        let span = |a: f32, b: f32, size: usize| {
            let low = (a.min(b) - radius - 1.0).floor().clamp(0.0, size as f32);
            let high = (a.max(b) + radius + 2.0).ceil().clamp(0.0, size as f32);
            low as usize..high as usize
        };
        let along = (to.x - from.x, to.y - from.y);
        let length = (along.0 * along.0 + along.1 * along.1).max(1e-6);
        for y in span(from.y, to.y, height) {
            for x in span(from.x, to.x, width) {
                let d = (x as f32 - from.x, y as f32 - from.y);
                let t = ((d.0 * along.0 + d.1 * along.1) / length).clamp(0.0, 1.0);
                let distance = (d.0 - t * along.0).hypot(d.1 - t * along.1);
                let cover = (radius + 0.5 - distance).clamp(0.0, 1.0);
                let at = 4 * (y * width + x);
                for (value, ink) in self.picture.rgba[at..at + 3].iter_mut().zip(colour) {
                    *value = (f32::from(*value) * (1.0 - cover) + f32::from(ink) * cover) as u8;
                }
                let alpha = &mut self.picture.rgba[at + 3];
                *alpha = (*alpha).max((255.0 * cover) as u8);
            }
        }
    }
}
