// SPDX-License-Identifier: MPL-2.0
//! The face that is drawn, seen by the landmark detector: does it do what it was told?
//!
//! On the built-in portraits and, where `SONIC_TEST_ASTRONAUT` names it, on a photograph.
//! Needs the face predictor; without it the tests are skipped, and say so.
#![allow(clippy::unwrap_used)]

use sonic_engine::{
    animator::{Animator, Style},
    articulate::{
        Articulator, KnownPhones, PhoneArticulator,
        lag::{Lag, LagMeter},
        network::{NetworkArticulator, NetworkError, NetworkOptions},
    },
    face::{LoadOptions, Picture, Point, Portrait, PortraitSource, Predictor, predict},
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    grid::FrameGrid,
    pose::{Arkit, FacePose},
    rig::{Framing, Rig, Staging},
    voice::{Cancel, Delivery, Spoken, choice::voice_named},
};
use std::path::{Path, PathBuf};

const SIZE: usize = 640;

/// Where the detector looks: boxes that much further to the right, further down and larger than
/// the face's, in its widths. The median of what it sees counts: by one box alone a mouth that is
/// open wide is lost in one size of frame and found in the next.
const LOOKS: [[f32; 3]; 5] = [
    [0.0, 0.0, 0.0],
    [0.0, 0.04, 0.0],
    [0.0, -0.04, 0.0],
    [0.0, 0.0, 0.06],
    [0.0, 0.04, 0.06],
];

/// Draws a portrait and looks at what was drawn.
struct Studio {
    rig: Rig,
    predictor: Predictor,
    /// Where the face lies in the frame: found once, at rest, so that the detector's own
    /// unsteadiness is not measured.
    face_box: [f32; 4],
}

/// What the detector measures, in IOD of the face at rest.
struct Seen {
    aperture: f32,
    width: f32,
    /// Eye aspect ratio (Soukupová and Čech, 2016), mean of both eyes.
    ear: f32,
}

impl Studio {
    fn new(picture: &Path) -> Option<Self> {
        Self::of_size(picture, SIZE)
    }

    /// With frames of so many pixels a side.
    fn of_size(picture: &Path, size: usize) -> Option<Self> {
        let (portrait, predictor) =
            match load(picture).and_then(|p| Ok((p, Predictor::find(None)?))) {
                Ok(found) => found,
                Err(error) => {
                    assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
                    println!("skipped: {error}");
                    return None;
                }
            };
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
            expand_ratio: 0.3,
            ..Staging::default()
        };
        let rig = Rig::new(&portrait, &spec, &staging);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rest.png");
        let rest = rig.base().planes[0].clone();
        image::RgbaImage::from_raw(size as u32, size as u32, rest)
            .unwrap()
            .save(&path)
            .unwrap();
        let face_box = load(&path).unwrap().report.face_box;
        Some(Self {
            rig,
            predictor,
            face_box,
        })
    }

    /// Draws a pose; what was commanded (aperture, IOD) and what is seen.
    fn see(&mut self, pose: &FacePose) -> (f32, Seen) {
        let spec = *self.rig.spec();
        let mut frame = FrameBuf::new(spec);
        let drawn = self.rig.draw(pose, &mut frame.as_mut());
        let rgba = frame.planes.remove(0);
        let picture = Picture {
            width: spec.width,
            height: spec.height,
            rgba,
            has_alpha: false,
        };
        let p = self.median_look(&picture);
        let iod = 1.0 / self.rig.pixel();
        let gap = |a: usize, b: usize| (p[a].x - p[b].x).hypot(p[a].y - p[b].y);
        let seen = Seen {
            aperture: gap(62, 66) / iod,
            width: gap(48, 54) / iod,
            ear: [36, 42]
                .map(|i| (gap(i + 1, i + 5) + gap(i + 2, i + 4)) / (2.0 * gap(i, i + 3)))
                .iter()
                .sum::<f32>()
                / 2.0,
        };
        (drawn.aperture, seen)
    }

    /// The landmarks, each coordinate the median of all looks.
    fn median_look(&self, picture: &Picture) -> [Point; 68] {
        let [left, top, width, height] = self.face_box;
        let looks = LOOKS.map(|[right, down, growth]| {
            let face = [
                left + (right - growth / 2.0) * width,
                top + (down - growth / 2.0) * height,
                width * (1.0 + growth),
                height * (1.0 + growth),
            ];
            predict(&self.predictor, picture, face).0
        });
        let median = |of: &dyn Fn(&[Point; 68]) -> f32| {
            let mut all = looks.each_ref().map(of);
            all.sort_by(f32::total_cmp);
            all[LOOKS.len() / 2]
        };
        std::array::from_fn(|i| Point {
            x: median(&|look| look[i].x),
            y: median(&|look| look[i].y),
        })
    }
}

fn load(picture: &Path) -> Result<Portrait, sonic_engine::face::FaceError> {
    let source = PortraitSource {
        picture: Some(picture.to_owned()),
        ..PortraitSource::default()
    };
    Portrait::load_with(
        &source,
        &LoadOptions {
            cache: None,
            predictor: None,
        },
    )
}

fn portraits() -> Vec<PathBuf> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut all = vec![assets.join("portrait.png"), assets.join("portrait2.png")];
    match std::env::var_os("SONIC_TEST_ASTRONAUT") {
        Some(path) => all.push(path.into()),
        None => println!("without SONIC_TEST_ASTRONAUT no photograph is looked at"),
    }
    all
}

/// Pearson's correlation and the slope of y over x.
fn regression(points: &[(f32, f32)]) -> (f32, f32) {
    let n = points.len() as f32;
    let mean = |f: fn(&(f32, f32)) -> f32| points.iter().map(f).sum::<f32>() / n;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let sum =
        |f: &dyn Fn(f32, f32) -> f32| points.iter().map(|p| f(p.0 - mx, p.1 - my)).sum::<f32>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    (xy / (xx * yy).sqrt(), xy / xx)
}

#[test]
fn the_mouth_opens_as_commanded() {
    for picture in portraits() {
        let Some(mut studio) = Studio::new(&picture) else {
            return;
        };
        let points: Vec<_> = (0..=8)
            .map(|i| {
                let pose = FacePose::REST.with(Arkit::JawOpen, i as f32 * 0.1);
                let close = if i == 0 { 1.0 } else { 0.0 };
                let (commanded, seen) = studio.see(&pose.with(Arkit::MouthClose, close));
                (commanded, seen.aperture)
            })
            .collect();
        let (r, slope) = regression(&points);
        println!("{picture:?}: aperture r {r:.3} slope {slope:.2} {points:.2?}");
        assert!(r >= 0.97, "{picture:?}: r {r} {points:?}");
        assert!(
            (0.8..=1.2).contains(&slope),
            "{picture:?}: slope {slope} {points:?}"
        );
    }
}

#[test]
fn the_mouth_widens_and_narrows_as_commanded() {
    for picture in portraits() {
        let Some(mut studio) = Studio::new(&picture) else {
            return;
        };
        let points: Vec<_> = (-5i32..=5)
            .map(|i| {
                let weight = i.unsigned_abs() as f32 * 0.2;
                let (wide, narrow) = if i > 0 { (weight, 0.0) } else { (0.0, weight) };
                let pose = FacePose::REST
                    .with(Arkit::MouthStretchLeft, wide)
                    .with(Arkit::MouthStretchRight, wide)
                    .with(Arkit::MouthPucker, narrow);
                // +22 % and −33 % of the width at full weight.
                (0.22 * wide - 0.33 * narrow, studio.see(&pose).1.width)
            })
            .collect();
        let (r, _) = regression(&points);
        println!("{picture:?}: width r {r:.3} {points:.2?}");
        assert!(r >= 0.9, "{picture:?}: r {r} {points:?}");
    }
}

/// A real shut eye measures about 0.1.
#[test]
fn a_blink_is_seen_as_one() {
    for picture in portraits() {
        let Some(mut studio) = Studio::new(&picture) else {
            return;
        };
        let blink = |weight| {
            FacePose::REST
                .with(Arkit::EyeBlinkLeft, weight)
                .with(Arkit::EyeBlinkRight, weight)
        };
        let [open, shut] = [0.0, 1.0].map(|weight| studio.see(&blink(weight)).1.ear);
        println!("{picture:?}: eye aspect ratio {open:.3} open, {shut:.3} shut");
        assert!(shut < 0.12, "{picture:?}: {shut}");
    }
}

/// What is said there, and at how many samples a second; `None` without the voice.
fn speech() -> Option<(Spoken, u32)> {
    const TEXT: &str = "My mom may buy a map of Alabama. Papa opened five maps before the boat \
        moved away.";
    match voice_named("rms", None) {
        Ok(voice) => {
            let spoken = voice.speak(TEXT, &Delivery::default(), &Cancel::new());
            Some((spoken.unwrap(), voice.rate()))
        }
        Err(error) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// The built-in network; `None` without ONNX Runtime.
fn network() -> Option<NetworkArticulator> {
    match NetworkArticulator::new(&NetworkOptions::default()) {
        Ok(network) => Some(network),
        Err(error @ NetworkError::NoRuntime(_)) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The gap between the lips as the detector sees it in the frames, against what the phones that
/// were spoken ask for: over 3 s each, wherever they agree at all.
fn lags(
    studio: &mut Studio,
    listener: Box<dyn Articulator>,
    spoken: &Spoken,
    rate: u32,
) -> Vec<Lag> {
    let grid = FrameGrid::new(25, 1).unwrap();
    let still = Style {
        motion_scale: 0.0,
        blink_rate: 0.0,
        ..Style::default()
    };
    let mut animator = Animator::with_articulator(rate, grid, 0, still, listener);
    animator.push(&spoken.samples);
    animator.finish();
    let known = KnownPhones::new();
    known.announce(0, rate, &spoken.phones);
    let truth = PhoneArticulator::new(known);
    let mut meter = LagMeter::of_track();
    let (mut heard, mut found) = (0, Vec::new());
    while let Some(frame) = animator.next_frame() {
        let time = grid.time(frame.index);
        meter.shown(time, studio.see(&frame.pose).1.aperture);
        while heard <= time {
            let sample = heard * 16 / 1_000_000;
            meter.heard(heard, truth.mouth_at(sample as i64).aperture());
            heard += 10_000_000;
        }
        if frame.index.is_multiple_of(10) {
            found.extend(meter.lag().filter(|lag| lag.confidence > 0.3));
        }
    }
    found
}

/// Seen and measured from outside: what moves is where its sound is, to a frame.
#[test]
fn the_mouth_that_is_seen_goes_with_the_sound() {
    let Some((spoken, rate)) = speech() else {
        return;
    };
    // Small, because there are many frames to draw and to look at.
    let (Some(mut studio), Some(network)) = (Studio::of_size(&portraits()[0], 320), network())
    else {
        return;
    };
    let lags = lags(&mut studio, Box::new(network), &spoken, rate);
    println!("{lags:?}");
    assert!(lags.len() >= 2, "too little agrees to say anything");
    assert!(
        lags.iter().all(|lag| lag.ns.abs() <= 40_000_000),
        "{lags:?}"
    );
}
