// SPDX-License-Identifier: MPL-2.0
//! Kinds of portraits, each with the outcome that `docs/portraits.md` states. They are made from
//! the built-in one.

use sonic_engine::{
    face::{
        Portrait,
        verdict::{Level, examine},
    },
    pose::FacePose,
    rig::{Gaze, Rig, Staging, space::V2},
};

use crate::studio::{blink, changed, cut, drawn, from_file, space, spec};

/// Subjects of the cautions of `make check`.
fn cautions(portrait: &Portrait) -> Vec<&'static str> {
    examine(portrait)
        .into_iter()
        .filter(|f| f.level == Level::Caution)
        .map(|f| f.about)
        .collect()
}

/// Finds the face anew in a made portrait; it must lie where it was made, within 0.1 IOD on
/// average (the predictor's own error on the built-in portrait is 0.05).
fn found(made: &Portrait) -> Option<Portrait> {
    let found = from_file(&made.picture)?.unwrap();
    let off: f32 = found
        .landmarks
        .0
        .iter()
        .zip(&made.landmarks.0)
        .map(|(a, b)| (a.x - b.x).hypot(a.y - b.y))
        .sum::<f32>()
        / 68.0
        / made.report.iod;
    assert!(off < 0.1, "the landmarks are {off} IOD off");
    Some(found)
}

/// It rests as the portrait, it blinks, and the blink touches nothing but the eyes.
pub fn serves(portrait: &Portrait) -> Rig {
    let mut rig = Rig::new(portrait, &spec(512, 640), &Staging::default());
    let base = rig.base();
    assert!(drawn(&mut rig, &FacePose::REST).planes == base.planes);
    let shut = drawn(&mut rig, &blink(1.0));
    let eyes = [36..42, 42..48].map(|range| {
        let points = space(portrait).landmarks;
        let n = range.len() as f32;
        range.fold(V2::ZERO, |sum, i| sum + points[i] * (1.0 / n))
    });
    let unit = 1.0 / rig.pixel();
    let centres = eyes.map(|eye| rig.face_to_frame(eye));
    let mut differ = 0;
    for (i, (a, b)) in shut.planes[0].iter().zip(&base.planes[0]).enumerate() {
        let p = V2::new((i % 512) as f32, (i / 512) as f32);
        if a != b {
            differ += 1;
            let far = centres.iter().all(|c| (p - *c).length() > 0.55 * unit);
            assert!(!far, "a blink moves {p:?}");
        }
    }
    assert!(differ as f32 > 0.05 * unit * unit, "{differ} samples blink");
    rig
}

#[test]
fn skin_of_every_brightness_serves() {
    for gain in [0.3, 0.6, 1.25] {
        let made = changed(|_, c| c.map(|v| v * gain));
        let Some(portrait) = found(&made) else { return };
        assert!(!cautions(&portrait).contains(&"glasses"), "{gain}");
        assert_eq!(serves(&portrait).gaze(), Gaze::On, "{gain}");
        assert_eq!(serves(&made).gaze(), Gaze::On, "{gain}");
    }
}

/// Round rims and a bridge, as wide as they are worn; how dark the pixel is made.
fn frame_of_glasses(p: V2) -> bool {
    let rim = |x: f32| ((p.x - x) / 0.40).hypot((p.y - 0.05) / 0.34);
    let ring = |r: f32| (0.95..1.05).contains(&r);
    let bridge = (p.y - 0.02).abs() < 0.02 && p.x.abs() < 0.12;
    ring(rim(-0.5)) || ring(rim(0.5)) || bridge
}

#[test]
fn glasses_are_suspected_and_their_rims_do_not_blink() {
    let made = changed(|p, c| {
        if frame_of_glasses(p) {
            [25.0, 22.0, 20.0]
        } else {
            c
        }
    });
    let mut rig = serves(&made);
    let to_frame = |p: V2| rig.face_to_frame(p);
    let mut rims = Vec::new();
    for i in 0..240 * 160 {
        let p = V2::new((i % 240) as f32 - 119.5, (i / 240) as f32 - 75.5) * 0.01;
        if frame_of_glasses(p) {
            let q = to_frame(p);
            rims.push(q.y.round() as usize * 512 + q.x.round() as usize);
        }
    }
    let base = rig.base();
    for weight in [0.1, 0.3, 0.6, 1.0] {
        let frame = drawn(&mut rig, &blink(weight));
        let moved = rims
            .iter()
            .filter(|i| frame.planes[0][**i].abs_diff(base.planes[0][**i]) > 2)
            .count();
        assert_eq!(moved, 0, "of {} rim samples at {weight}", rims.len());
    }
    let Some(portrait) = found(&made) else { return };
    assert!(cautions(&portrait).contains(&"glasses"));
}

#[test]
fn a_beard_serves() {
    let made = changed(|p, c| {
        let beard = p.y > 1.05
            && p.y < 2.0
            && p.x.abs() < 1.0
            && (p.x / 0.42).hypot((p.y - 1.15) / 0.2) > 1.0;
        let curls = 0.75 + 0.25 * (p.x * 90.0 + (p.y * 31.0).sin() * 3.0).sin();
        if beard {
            [55.0, 40.0, 32.0].map(|v| v * curls)
        } else {
            c
        }
    });
    let Some(portrait) = found(&made) else { return };
    assert!(!cautions(&portrait).contains(&"size"));
    serves(&portrait);
}

/// Hair before one eye: the face is found, but nothing is to be seen of that iris.
#[test]
fn a_fringe_over_an_eye_stops_the_gaze() {
    let made = changed(|p, c| {
        let fringe = p.x < -0.1 && p.x > -0.95 && p.y < 0.25;
        let strands = 0.85 + 0.15 * (p.x * 140.0).sin();
        if fringe {
            [62.0, 44.0, 34.0].map(|v| v * strands)
        } else {
            c
        }
    });
    assert_eq!(serves(&made).gaze(), Gaze::Unclear);
}

#[test]
fn a_small_face_serves_without_gaze_and_is_cautioned() {
    let whole = Portrait::built_in();
    let mut rig = Rig::new(&whole, &spec(128, 160), &Staging::default());
    assert_eq!(rig.gaze(), Gaze::TooSmall);
    drawn(&mut rig, &blink(1.0));
}

#[test]
fn a_head_cut_by_the_edge_serves() {
    let made = cut(&Portrait::built_in(), [200, 230, 624, 760]);
    let Some(portrait) = found(&made) else { return };
    serves(&portrait);
}

/// Coarse tones and blurred lines, as in a painting or a bad print.
#[test]
fn a_painting_serves() {
    let made = changed(|_, c| c.map(|v| (v / 24.0).round() * 24.0));
    let Some(portrait) = found(&made) else { return };
    serves(&portrait);
}

#[test]
fn without_a_face_it_is_refused() {
    let made = changed(|p, _| [p.x * 40.0 + 120.0, 110.0, p.y * 30.0 + 90.0]);
    let Some(refused) = from_file(&made.picture) else {
        return;
    };
    let error = refused.expect_err("a slope of colours");
    assert!(error.to_string().contains("face"), "{error}");
    assert!(error.cure.contains("landmarks"), "{error}");
}
