// SPDX-License-Identifier: MPL-2.0
//! Frames of a portrait, and portraits made from the built-in one.

use sonic_engine::{
    animator::{Animator, Style},
    face::{FaceError, LoadOptions, Picture, Portrait, PortraitSource, Predictor},
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    grid::FrameGrid,
    pose::{Arkit, FacePose},
    rig::{
        Rig,
        space::{FaceSpace, V2},
    },
};

pub const RATE: u32 = 16_000;

pub fn spec(width: usize, height: usize) -> FrameSpec {
    FrameSpec {
        width,
        height,
        format: PixelFormat::I420,
        colour: Colour {
            matrix: Matrix::Bt709,
            full_range: false,
        },
        chroma_site: ChromaSite::Left,
        pixel_aspect: (1, 1),
    }
}

pub fn drawn(rig: &mut Rig, pose: &FacePose) -> FrameBuf {
    let mut frame = FrameBuf::new(*rig.spec());
    rig.draw(pose, &mut frame.as_mut());
    frame
}

pub fn blink(weight: f32) -> FacePose {
    FacePose::REST
        .with(Arkit::EyeBlinkLeft, weight)
        .with(Arkit::EyeBlinkRight, weight)
}

/// Poses at 25 a second of syllables, three a second with pauses.
pub fn speech(style: Style, seed: u64, seconds: u32) -> Vec<FacePose> {
    let mut animator = Animator::new(RATE, FrameGrid::new(25, 1).unwrap(), seed, style);
    let sound: Vec<f32> = (0..seconds * RATE)
        .map(|i| {
            let t = f64::from(i) / f64::from(RATE);
            let syllable = (std::f64::consts::PI * (3.0 * t).fract()).sin();
            let says = f64::from(u8::from(t % 2.0 < 1.4));
            let voice: f64 = (1..20)
                .map(|h| (std::f64::consts::TAU * 130.0 * f64::from(h) * t).sin() / f64::from(h))
                .sum();
            (0.2 * says * syllable * voice) as f32
        })
        .collect();
    animator.push(&sound);
    animator.finish();
    std::iter::from_fn(|| animator.next_frame())
        .map(|frame| frame.pose)
        .collect()
}

/// Face space of a portrait, for places on it.
pub fn space(portrait: &Portrait) -> FaceSpace {
    FaceSpace::new(&portrait.landmarks)
}

/// The built-in portrait with every pixel passed through `change`: its place in face space, and
/// its colour.
pub fn changed(change: impl Fn(V2, [f32; 3]) -> [f32; 3]) -> Portrait {
    let mut portrait = Portrait::built_in();
    let from_picture = space(&portrait).to_picture.inverse();
    let width = portrait.picture.width;
    for (i, pixel) in portrait.picture.rgba.chunks_exact_mut(4).enumerate() {
        let p = from_picture.apply(V2::new((i % width) as f32, (i / width) as f32));
        let colour = [0, 1, 2].map(|c| f32::from(pixel[c]));
        for (out, c) in pixel.iter_mut().zip(change(p, colour)) {
            *out = c.clamp(0.0, 255.0) as u8;
        }
    }
    portrait
}

/// A part of a portrait: left, top, width, height.
pub fn cut(portrait: &Portrait, [left, top, width, height]: [usize; 4]) -> Portrait {
    let whole = &portrait.picture;
    let rgba = (top..top + height)
        .flat_map(|y| {
            let first = (y * whole.width + left) * 4;
            whole.rgba[first..first + width * 4].iter().copied()
        })
        .collect();
    let mut part = portrait.clone();
    part.picture = Picture {
        width,
        height,
        rgba,
        has_alpha: false,
    };
    for p in &mut part.landmarks.0 {
        (p.x, p.y) = (p.x - left as f32, p.y - top as f32);
    }
    part
}

/// What a user gets who gives this picture as a file. `None` without the face predictor, which
/// skips the test.
pub fn from_file(picture: &Picture) -> Option<Result<Portrait, FaceError>> {
    if let Err(error) = Predictor::find(None) {
        assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
        println!("skipped: {error}");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portrait.png");
    let (width, height) = (picture.width as u32, picture.height as u32);
    image::RgbaImage::from_raw(width, height, picture.rgba.clone())
        .unwrap()
        .save(&path)
        .unwrap();
    let source = PortraitSource {
        picture: Some(path),
        ..PortraitSource::default()
    };
    let options = LoadOptions {
        cache: None,
        predictor: None,
    };
    Some(Portrait::load_with(&source, &options))
}
