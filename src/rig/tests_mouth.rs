// SPDX-License-Identifier: MPL-2.0
//! What a viewer sees of the mouth: measured on drawn pixels.

use super::{
    control::controls,
    field::Layer,
    mouth::{Mouth, tests::usual_face},
    tests::{drawn, portrait, spec},
    *,
};
use crate::{
    articulate::{Mouth as Said, face_pose},
    face::{LoadOptions, PortraitSource},
    frame::PixelFormat,
    motion::Expression,
    speech::Viseme,
};
use std::path::Path;

/// Side of the frames looked at: some 300 samples between the eyes.
const SIZE: usize = 1000;

const SKIN: [f32; 3] = [205.0, 160.0, 140.0];
/// Lips of a colour that nothing else in a face has.
const LIPS: [f32; 3] = [60.0, 160.0, 60.0];

/// A face of one colour with green lips that meet in a thin dark line, or are parted over
/// striped teeth.
fn painted(gap: f32) -> Portrait {
    let mut painted = portrait(gap, 500, 640);
    let face = usual_face(gap);
    let mouth = Mouth::new(&face);
    for (i, pixel) in painted.picture.rgba.chunks_exact_mut(4).enumerate() {
        let p = V2::new((i % 500) as f32 - 250.0, (i / 500) as f32 - 268.8) * 0.01;
        let p = mouth.to_local(p);
        // As the landmarks of `usual_face` lie.
        let arc = (1.0 - (p.x / 0.42).powi(2)).max(0.0).sqrt();
        let inner = mouth.rest_gap(p.x / mouth.half_width) * 0.5;
        let (top, bottom) = (-(0.12 + gap / 2.0) * arc, (0.15 + gap / 2.0) * arc);
        let line = 1.0 - 0.5 * (-(p.y / 0.012).powi(2)).exp() * f32::from(p.x.abs() < 0.4);
        let colour = if p.x.abs() < mouth.half_width && p.y.abs() < inner {
            let stripe = (p.x * 48.0).sin().abs().powf(0.25);
            [215.0, 205.0, 190.0].map(|c: f32| c * stripe)
        } else if p.y > top && p.y < bottom {
            LIPS.map(|c| c * if gap > 0.0 { 1.0 } else { line })
        } else {
            SKIN
        };
        for (byte, c) in pixel.iter_mut().zip(colour) {
            *byte = c as u8;
        }
    }
    painted
}

/// A rig, and its frames as seen.
pub(super) struct Studio {
    pub(super) rig: Rig,
    frame: FrameBuf,
}

impl Studio {
    pub(super) fn new(portrait: &Portrait) -> Self {
        let staging = Staging {
            framing: Framing::Head,
            ..Staging::default()
        };
        let mut spec = spec(SIZE, SIZE, PixelFormat::Rgba);
        spec.colour.full_range = true;
        let rig = Rig::new(portrait, &spec, &staging);
        Self {
            frame: FrameBuf::new(spec),
            rig,
        }
    }

    pub(super) fn draw(&mut self, pose: &FacePose) -> f32 {
        self.rig.draw(pose, &mut self.frame.as_mut()).aperture
    }

    /// sRGB between the samples around a point of mouth space.
    pub(super) fn colour(&self, p: V2) -> [f32; 3] {
        let at = self.rig.face_to_frame(self.rig.model.mouth.to_face(p));
        let (x, y) = (at.x.floor(), at.y.floor());
        let pixel = |dx: usize, dy: usize| {
            let i = ((y as usize + dy) * SIZE + x as usize + dx) * 4;
            [0, 1, 2].map(|c| f32::from(self.frame.planes[0][i + c]))
        };
        let (tx, ty) = (at.x - x, at.y - y);
        let mix = |a: [f32; 3], b: [f32; 3], t: f32| [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * t);
        mix(
            mix(pixel(0, 0), pixel(1, 0), tx),
            mix(pixel(0, 1), pixel(1, 1), tx),
            ty,
        )
    }

    /// How much a point is lip, 0–1.
    fn lip(&self, p: V2) -> f32 {
        let [r, g, _] = self.colour(p);
        let hue = |[r, g, _]: [f32; 3]| (g - r) / (g + r).max(1.0);
        let (skin, lips) = (hue(SKIN), hue(LIPS));
        ((hue([r, g, 0.0]) - skin) / (lips - skin)).clamp(0.0, 1.0)
    }

    /// The column at u from above the mouth to below it, in steps of a quarter of a sample:
    /// height of the lips, and of what lies between them, IOD.
    fn column(&self, u: f32) -> (f32, f32) {
        let step = self.rig.pixel() * 0.25;
        let lip: Vec<f32> = (0..(0.9 / step) as usize)
            .map(|i| self.lip(V2::new(u, i as f32 * step - 0.3)))
            .collect();
        let is_lip = |v: &f32| *v > 0.5;
        let height = lip.iter().sum::<f32>() * step;
        let Some(first) = lip.iter().position(is_lip) else {
            return (height, 0.0);
        };
        let last = lip.iter().rposition(is_lip).unwrap_or(first);
        let between = lip[first..last].iter().filter(|v| !is_lip(v)).count();
        (height, between as f32 * step)
    }
}

pub(super) fn closed(jaw: f32) -> FacePose {
    let said = Said {
        jaw,
        closure: 1.0,
        ..Said::REST
    };
    face_pose(&said, 1.0)
}

/// The built-in portraits, by their own landmarks.
fn built_in() -> Vec<Portrait> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    ["portrait", "portrait2"]
        .map(|name| {
            let source = PortraitSource {
                picture: Some(assets.join(name).with_extension("png")),
                landmarks: Some(assets.join(name).with_extension("json")),
                ..PortraitSource::default()
            };
            let options = LoadOptions {
                cache: None,
                predictor: None,
            };
            Portrait::load_with(&source, &options).expect("a built-in portrait")
        })
        .into()
}

#[test]
fn p_leaves_no_gap_and_no_dark_seam() {
    for portrait in built_in() {
        let mut studio = Studio::new(&portrait);
        let darkest = |studio: &Studio, slit: &Slit| -> Vec<f32> {
            let (from, to) = slit.upper.span();
            // The corners are dark at rest, and hidden in closed lips' folds.
            (2..=14)
                .map(|i| {
                    let u = from + (to - from) * i as f32 / 16.0;
                    let line = (slit.upper.at(u) + slit.lower.at(u)) * 0.5;
                    (-8..=8)
                        .map(|k| luma(studio.colour(V2::new(u, line + k as f32 * 0.0025))))
                        .fold(f32::MAX, f32::min)
                })
                .collect()
        };
        studio.draw(&FacePose::REST);
        let rest = studio.rig.pose(&FacePose::REST);
        let rest = darkest(&studio, &rest.slit);
        for jaw in [0.0, 0.25, 0.5] {
            let pose = closed(jaw);
            assert!(studio.draw(&pose) < 1e-3, "jaw {jaw}");
            let posed = studio.rig.pose(&pose);
            let (from, to) = posed.slit.upper.span();
            for i in 0..=64 {
                let u = from + (to - from) * i as f32 / 64.0;
                let gap = posed.slit.lower.at(u) - posed.slit.upper.at(u);
                assert!(gap < 0.5 * studio.rig.pixel(), "{gap} at {u}, jaw {jaw}");
            }
            for (now, then) in darkest(&studio, &posed.slit).iter().zip(&rest) {
                assert!(*now >= 0.8 * then, "{now} was {then}, jaw {jaw}");
            }
        }
    }
}

#[test]
fn closed_lips_are_rolled_in_and_rounded_ones_thick() {
    let mut studio = Studio::new(&painted(0.0));
    let mut height = |pose: &FacePose| {
        studio.draw(pose);
        studio.column(0.0).0
    };
    let rest = height(&FacePose::REST);
    assert!((rest - 0.27).abs() < 0.03, "{rest}");
    for jaw in [0.0, 0.25, 0.5] {
        let p = height(&closed(jaw)) / rest;
        assert!((0.70..=0.80).contains(&p), "p at jaw {jaw}: {p}");
    }
    let u = height(&FacePose::REST.with(Arkit::MouthPucker, 1.0)) / rest;
    assert!(u >= 1.2, "pucker: {u}");
    let o = FacePose::REST
        .with(Arkit::MouthFunnel, 1.0)
        .with(Arkit::JawOpen, 0.2);
    let o = height(&o) / rest;
    assert!(o >= 1.2, "funnel: {o}");
}

#[test]
fn an_opened_mouth_is_round() {
    let mut studio = Studio::new(&painted(0.0));
    for jaw in [0.3, 0.6, 1.0] {
        studio.draw(&FacePose::REST.with(Arkit::JawOpen, jaw));
        let gap = |s: f32| {
            let u = s * studio.rig.model.mouth.half_width;
            studio.column(u).1
        };
        // Half of what is open in the middle line's row of columns.
        let end = (0..100)
            .map(|i| i as f32 * 0.01)
            .take_while(|s| gap(*s).min(gap(-*s)) > studio.rig.pixel())
            .last()
            .unwrap_or(0.0);
        assert!(end > 0.8, "open to {end} of the half-width at jaw {jaw}");
        let (middle, side) = (gap(0.0), gap(0.7 * end).min(gap(-0.7 * end)));
        assert!(side >= 0.65 * middle, "jaw {jaw}: {side} of {middle}");
        // Lips keep their shape, wherever the jaw is.
        let lips = studio.column(0.0).0;
        assert!((0.85 * 0.27..1.1 * 0.27).contains(&lips), "{lips}");
    }
}

/// The place in a profile that a reference is best matched by, in samples of it: its shift.
fn shift(reference: &[f32], profile: &[f32]) -> f32 {
    let n = reference.len();
    let most = 24;
    let score = |by: isize| {
        let pairs = (most..n - most).map(|i| (reference[i], profile[i.saturating_add_signed(by)]));
        let count = (n - 2 * most) as f32;
        let (sa, sb) = pairs
            .clone()
            .fold((0.0, 0.0), |s, (a, b)| (s.0 + a, s.1 + b));
        let (ma, mb) = (sa / count, sb / count);
        let (ab, aa, bb) = pairs.fold((0.0, 0.0, 0.0), |s, (a, b)| {
            let (a, b) = (a - ma, b - mb);
            (s.0 + a * b, s.1 + a * a, s.2 + b * b)
        });
        ab / (aa * bb).sqrt().max(1e-6)
    };
    let best = (-(most as isize)..=most as isize).max_by(|a, b| score(*a).total_cmp(&score(*b)));
    best.unwrap_or(0) as f32
}

#[test]
fn upper_teeth_stay_with_the_skull() {
    use Arkit::*;
    let rest = FacePose::REST;
    let poses = [
        rest.with(JawOpen, 0.6),
        rest.with(JawOpen, 1.0).with(JawLeft, 1.0),
        rest.with(JawOpen, 0.4).with(MouthFunnel, 1.0),
        rest.with(JawOpen, 0.4)
            .with(MouthSmileLeft, 1.0)
            .with(MouthSmileRight, 1.0),
        rest.with(JawOpen, 0.4)
            .with(MouthUpperUpLeft, 1.0)
            .with(MouthUpperUpRight, 0.5),
        rest.with(JawOpen, 0.5).with(MouthLeft, 1.0),
        rest.with(JawOpen, 0.5).with(MouthStretchLeft, 1.0),
    ];
    for gap in [0.0, 0.16] {
        let mut studio = Studio::new(&painted(gap));
        let step = studio.rig.pixel() * 0.25;
        let row = if gap > 0.0 { 0.0 } else { 0.015 };
        // Between painted teeth it is darker: three of them.
        let mut profile = |pose: &FacePose| -> Vec<f32> {
            studio.draw(pose);
            (0..(0.28 / step) as usize)
                .map(|i| luma(studio.colour(V2::new(i as f32 * step - 0.14, row))))
                .collect()
        };
        let reference = profile(&rest.with(JawOpen, 0.8));
        for pose in poses {
            let moved = shift(&reference, &profile(&pose)) * 0.25;
            assert!(moved.abs() <= 0.5, "{moved} samples, gap {gap}: {pose:?}");
        }
    }
}

#[test]
fn a_mouth_that_hardly_opens_shows_no_seam() {
    for portrait in built_in() {
        let mut studio = Studio::new(&portrait);
        let mut energy = |pose: &FacePose| {
            studio.draw(pose);
            let mut sum = 0.0;
            for i in -20..=20 {
                let u = i as f32 / 25.0 * studio.rig.model.mouth.half_width;
                for k in -12..12 {
                    let v = studio.rig.model.mouth.middle(u) + k as f32 * 0.005;
                    let below = luma(studio.colour(V2::new(u, v + 0.005)));
                    sum += (below - luma(studio.colour(V2::new(u, v)))).powi(2);
                }
            }
            sum
        };
        let rest = energy(&FacePose::REST);
        let nearly = energy(&FacePose::REST.with(Arkit::MouthSmileLeft, 0.01));
        assert!((nearly / rest - 1.0).abs() < 0.1, "{nearly} at rest {rest}");
    }
}

#[test]
fn parted_lips_are_the_portrait_at_rest() {
    let mut studio = Studio::new(&painted(0.16));
    studio.draw(&FacePose::REST);
    assert!(studio.frame.planes == studio.rig.base().planes);
}

#[test]
fn parted_lips_open_no_further_for_a_vowel_than_closed_ones() {
    let mut parted = Studio::new(&painted(0.16));
    let mut closed = Studio::new(&painted(0.0));
    for jaw in [0.5, 0.8, 1.0] {
        let pose = FacePose::REST.with(Arkit::JawOpen, jaw);
        let (a, b) = (parted.draw(&pose), closed.draw(&pose));
        assert!((a - b).abs() < 0.03, "{a} and {b} at jaw {jaw}");
    }
    // Lips that are parted anyway do not part further for little.
    let small = parted.draw(&FacePose::REST.with(Arkit::JawOpen, 0.2));
    assert!((small - 0.16).abs() < 0.01, "{small}");
}

#[test]
fn every_expression_closes_the_lips_and_lets_the_jaw_move() {
    for gap in [0.0, 0.16] {
        let mut rig = Studio::new(&painted(gap)).rig;
        let below = rig.model.mouth.to_face(V2::new(0.0, 0.4));
        for expression in Expression::ALL {
            for viseme in Viseme::ALL {
                let mut pose = face_pose(&viseme.mouth(), 1.3).with(Arkit::MouthClose, 0.0);
                for (shape, weight) in expression.shapes() {
                    pose.set(*shape, pose.get(*shape) + weight);
                }
                // A pose that would fold the skin is drawn weaker than meant; `sad` alone lifts
                // the chin's skin by up to 0.03.
                rig.pose(&pose);
                let moved = rig.field.forward(Layer::Lower, below).y;
                rig.pose(&FacePose::REST.with(Arkit::JawOpen, pose.get(Arkit::JawOpen)));
                let alone = rig.field.forward(Layer::Lower, below).y;
                let meant = moved > 0.75 * alone - 0.05;
                assert!(meant, "{expression:?} {viseme:?}: {moved} of {alone}");
                let shut = rig.pose(&pose.with(Arkit::MouthClose, 1.0)).aperture;
                assert!(shut < 0.005, "{expression:?} {viseme:?}: {shut}");
            }
        }
    }
}

/// Where a blendshape's effect is told by its movement.
fn probe(name: &str, landmarks: &[V2; 68], mouth: &Mouth) -> Option<(Layer, V2)> {
    let middle = |curve: &curve::Curve| mouth.to_face(V2::new(0.0, curve.at(0.0)));
    let cheek = |side| {
        controls(landmarks, mouth)
            .iter()
            .find(|c| c.part == control::Part::Cheek(side))
            .map_or(V2::ZERO, |c| c.at)
    };
    Some(match name {
        "chin" => (Layer::Lower, landmarks[8]),
        "upper lip" => (Layer::Upper, middle(&mouth.upper)),
        "lower lip" => (Layer::Lower, middle(&mouth.lower)),
        "upper edge" => (Layer::Upper, landmarks[51]),
        "lower edge" => (Layer::Lower, landmarks[57]),
        "right corner" => (Layer::Upper, landmarks[48]),
        "left corner" => (Layer::Upper, landmarks[54]),
        "right lip" => (Layer::Lower, landmarks[58]),
        "left lip" => (Layer::Lower, landmarks[56]),
        "right upper lip" => (Layer::Upper, landmarks[50]),
        "left upper lip" => (Layer::Upper, landmarks[52]),
        "right cheek" => (Layer::Upper, cheek(control::Side::ViewerLeft)),
        "left cheek" => (Layer::Upper, cheek(control::Side::ViewerRight)),
        "right nostril" => (Layer::Upper, landmarks[31]),
        "left nostril" => (Layer::Upper, landmarks[35]),
        "right inner brow" => (Layer::Upper, landmarks[21]),
        "left inner brow" => (Layer::Upper, landmarks[22]),
        "right outer brow" => (Layer::Upper, landmarks[17]),
        "left outer brow" => (Layer::Upper, landmarks[26]),
        _ => return None,
    })
}

/// The table in the documentation says what each blendshape does: by how much a point of a
/// face of usual proportions moves, or that something is drawn, or that nothing happens alone.
#[test]
fn every_blendshape_does_what_its_table_says() {
    const TABLE: &str = include_str!("../../docs/blendshapes.md");
    let face = usual_face(0.0);
    let mouth = Mouth::new(&face);
    let mut field = Field::new(Arc::new(field::Shapes::new(
        &face,
        &mouth,
        &controls(&face, &mouth),
    )));
    let portrait = &built_in()[0];
    let mut rig = Rig::new(
        portrait,
        &spec(400, 500, PixelFormat::Rgba),
        &Staging::default(),
    );
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), Arkit::COUNT);
    let mut wrong = Vec::new();
    for (shape, row) in Arkit::ALL.into_iter().zip(rows) {
        assert_eq!(row[1], format!("`{}`", shape.name()));
        let pose = FacePose::REST.with(shape, 1.0);
        let seen = drawn(&mut rig, &pose).planes != rig.base().planes;
        let acts = !matches!(row[2], "nothing" | "nothing alone");
        if acts != seen {
            wrong.push(format!("{}: drawn {seen}", shape.name()));
        }
        if let Some((layer, at)) = probe(row[2], &face, &mouth) {
            field.pose(&pose);
            let got = field.forward(layer, at);
            let said = V2::new(
                row[3].parse().unwrap_or(f32::NAN),
                row[4].parse().unwrap_or(f32::NAN),
            );
            // The table is rounded to two places, and moves are worth telling.
            let near = (got - said).length() < 0.0075 && got.length() > 0.01;
            if !near {
                wrong.push(format!("{}: ({:.2}, {:.2})", shape.name(), got.x, got.y));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// It is a shadow, or ink, between lips that touch: parted ones have none, and what is painted
/// there is as soft as the picture.
#[test]
fn the_dark_line_between_closed_lips_goes_as_they_part() {
    let mut studio = Studio::new(&painted(0.0));
    let green = |studio: &Studio, u: f32, v: f32| studio.colour(V2::new(u, v))[1];
    studio.draw(&FacePose::REST);
    for u in [-0.2, 0.0, 0.15] {
        let line = studio.rig.model.mouth.middle(u);
        assert!(green(&studio, u, line) < 0.6 * LIPS[1], "at {u}");
    }
    studio.draw(&FacePose::REST.with(Arkit::JawOpen, 0.3));
    let slit = studio
        .rig
        .pose(&FacePose::REST.with(Arkit::JawOpen, 0.3))
        .slit;
    let soft = studio.rig.model.lip_soft;
    for u in [-0.2, 0.0, 0.15] {
        for beyond in [0.5 * soft, soft, 0.02, 0.03] {
            for v in [slit.upper.at(u) - beyond, slit.lower.at(u) + beyond] {
                let lip = green(&studio, u, v);
                assert!(lip > 0.75 * LIPS[1], "{lip} at {u}, {beyond} from the slit");
            }
        }
    }
}
