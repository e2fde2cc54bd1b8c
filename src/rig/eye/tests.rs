// SPDX-License-Identifier: MPL-2.0
//! Eyes drawn here: skin of one colour around white eyes with brown irises and black lashes.

use super::*;
use crate::rig::{mouth::tests::usual_face, warp::Over};

const SHUT: Lid = Lid {
    shut: 1.0,
    gaze: V2::ZERO,
};
const SKIN: [f32; 3] = [180.0, 140.0, 120.0];
const IRIS: f32 = 0.095;

/// Skin of one colour around white eyes with brown irises and black lashes. `white` draws the
/// opening larger than the landmarks say, IOD.
fn painted(white: f32) -> ([Eye; 2], Gaze) {
    let mut eyes = Eye::pair(&usual_face(0.0));
    let outlines = eyes.clone();
    let gaze = Eye::prepare(&mut eyes, 0.005, |p| paint(&outlines, white, p));
    (eyes, gaze)
}

fn paint(outlines: &[Eye; 2], white: f32, p: V2) -> [f32; 3] {
    for e in outlines {
        let q = e.to_local(p);
        let x = q.x / (1.0 + white / e.half_width);
        let s = x / e.half_width;
        let (upper, lower) = (e.upper.at(x), e.lower.at(x) + white * (1.0 - s.powi(4)));
        if q.x.abs() > e.half_width + white || q.y < upper - 0.03 || q.y > lower {
            continue;
        }
        return if q.y < upper {
            [20.0; 3]
        } else if q.length() < IRIS {
            [70.0, 45.0, 30.0]
        } else {
            [235.0, 230.0, 225.0]
        };
    }
    SKIN
}

/// What is seen: the colours of `paint` as the eye shows them.
fn seen(eye: &Eye, lid: &Lid, p: V2, white: f32) -> [f32; 3] {
    let outlines = Eye::pair(&usual_face(0.0));
    let at = |p: V2| paint(&outlines, white, eye.to_face(p));
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * t);
    let shade = eye.shade(lid, p, 0.005);
    match shade.over {
        Over::Nothing => at(shade.from),
        Over::Picture(over, alpha) => mix(at(shade.from), at(over), alpha),
        Over::Paint(colour, alpha) => mix(at(shade.from), colour, alpha),
        Over::Both(over, colour, share, alpha) => {
            mix(at(shade.from), mix(colour, at(over), share), alpha)
        }
    }
}

/// Also where the eye is larger than the landmarks say, as they are for drawn faces.
#[test]
fn a_shut_eye_shows_no_white() {
    for white in [0.0, 0.03, 0.05] {
        for eye in painted(white).0 {
            for i in 0..60 * 40 {
                let p = V2::new((i % 60) as f32 - 29.5, (i / 60) as f32 - 19.5) * 0.01;
                let colour = seen(&eye, &SHUT, p, white);
                assert!(colour[2] < 160.0, "{white} {p:?} {colour:?}");
            }
        }
    }
}

/// A lid that is hardly lowered brings its own lashes: no line of bare skin lies below them.
#[test]
fn a_squinting_lid_has_no_pale_rim() {
    for shut in [0.05, 0.09, 0.105, 0.12, 0.15] {
        let lid = Lid { shut, ..SHUT };
        for eye in painted(0.0).0 {
            for s in [-0.5, 0.0, 0.5] {
                let x = s * eye.half_width;
                let column =
                    (0..160).map(|i| V2::new(x, eye.upper.at(x) + 0.001 * i as f32 - 0.06));
                let below = column
                    .map(|p| seen(&eye, &lid, p, 0.0))
                    .skip_while(|c| c[0] > 90.0)
                    .collect::<Vec<_>>();
                assert!(below.len() > 60, "lashes at {s}, {shut} shut");
                let skin = |c: &&[f32; 3]| c[0] > 110.0 && c[0] > 1.3 * c[2];
                let most = below.iter().take(90).filter(skin).count();
                assert!(most <= 2, "{most} at {s}, {shut} shut");
            }
        }
    }
}

/// Rims of drawn eyes are thicker than a person's with all lashes: their dark is no skin.
#[test]
fn a_shut_lid_has_nothing_of_a_thick_rim() {
    let mut eyes = Eye::pair(&usual_face(0.0));
    let outlines = eyes.clone();
    let rim = 0.105;
    let drawn = |p: V2| {
        let thick = outlines.iter().any(|e| {
            let q = e.to_local(p);
            let above = e.upper.at(q.x) - q.y;
            q.x.abs() < e.half_width && (0.0..rim).contains(&above)
        });
        if thick {
            [70.0, 30.0, 20.0]
        } else {
            paint(&outlines, 0.0, p)
        }
    };
    Eye::prepare(&mut eyes, 0.005, drawn);
    for eye in &eyes {
        assert!(eye.upper.at(0.0) - eye.brow > rim + 0.02, "room for it");
        for s in [-0.5, -0.2, 0.0, 0.2, 0.5] {
            let x = s * eye.half_width;
            for above in [-0.05, 0.0, 0.04] {
                let made = eye.lid.skin(V2::new(x, eye.upper.at(x) - above));
                assert!(made[1] > 0.85 * SKIN[1], "{made:?} at {s}, {above} above");
            }
        }
    }
}

/// Light that is reflected by glasses is as pale as the white of an eye, and larger.
#[test]
fn a_reflection_is_not_taken_for_an_eye() {
    let mut eyes = Eye::pair(&usual_face(0.0));
    let outlines = eyes.clone();
    let colour = |p: V2| {
        let lit = |e: &Eye| {
            let q = e.to_local(p);
            q.x.abs() < 0.36 && q.y > 0.0 && q.y < 0.2
        };
        if outlines.iter().any(lit) {
            return [235.0, 230.0, 225.0];
        }
        paint(&outlines, 0.0, p)
    };
    Eye::follow_white(&mut eyes, |eye| {
        Around::new(eye, 0.005, |p| colour(eye.to_face(p)))
    });
    for (eye, own) in eyes.iter().zip(&outlines) {
        assert_eq!(eye.half_width(), own.half_width());
        assert_eq!(eye.lids, own.lids);
    }
}

/// Lashes are one line where the lids meet, and nowhere else.
#[test]
fn a_shut_eye_has_one_line_of_lashes() {
    for eye in painted(0.0).0 {
        for i in -15..=15 {
            let x = i as f32 / 20.0 * eye.half_width;
            let dark: Vec<f32> = (0..80)
                .map(|k| -0.2 + 0.005 * k as f32)
                .filter(|y| seen(&eye, &SHUT, V2::new(x, *y), 0.0)[0] < 110.0)
                .collect();
            let (upper, lower) = (eye.upper.at(x), eye.lower.at(x));
            assert!(!dark.is_empty(), "none at {x}");
            for y in dark {
                let t = (y - upper) / (lower - upper);
                assert!((0.35..1.3).contains(&t), "at {t} of the opening, {x}");
            }
        }
    }
}

#[test]
fn brows_and_cheeks_do_not_blink() {
    for eye in painted(0.0).0 {
        for lid in [SHUT, Lid { shut: 0.2, ..SHUT }, Lid { shut: -0.2, ..SHUT }] {
            for p in [
                V2::new(0.0, eye.upper.at(0.0) - LID_ROOM - 0.005),
                V2::new(0.1, eye.upper.at(0.1) - LID_ROOM - 0.005),
                V2::new(1.6 * eye.half_width, 0.0),
                V2::new(0.0, eye.lower.at(0.0) + 0.08),
            ] {
                let shade = eye.shade(&lid, p, 0.005);
                let covered = match shade.over {
                    Over::Paint(_, alpha) | Over::Picture(_, alpha) | Over::Both(.., alpha) => {
                        alpha
                    }
                    Over::Nothing => 0.0,
                };
                assert!(shade.from == p && covered < 0.01, "{p:?} {shade:?}");
            }
        }
    }
}

/// The short way to the skin around an eye leads where the long one does.
#[test]
fn bare_skin_is_what_is_seen() {
    let (mut told, pixel) = (0, 0.005);
    for eye in painted(0.0).0 {
        for shut in [-0.2, 0.0, 0.06] {
            let lid = Lid { shut, ..SHUT };
            for i in 0..80 * 60 {
                let p = V2::new((i % 80) as f32 - 39.5, (i / 80) as f32 - 29.5) * 0.008;
                let Seen::Skin(up) = eye.look(&lid, p, pixel) else {
                    continue;
                };
                let shade = eye.shade(&lid, p, pixel);
                let off = shade.from + V2::new(0.0, up) - p;
                assert!(off.length() < 1e-5, "{shut} {p:?}: {up}, {shade:?}");
                assert!(matches!(shade.over, Over::Nothing));
                told += 1;
            }
        }
        assert!(matches!(eye.look(&SHUT, V2::ZERO, pixel), Seen::Other(_)));
    }
    assert!(told > 15_000, "{told}");
}

#[test]
fn a_blink_comes_down_steadily() {
    let eye = &painted(0.0).0[0];
    let mut last = f32::MAX;
    for step in 0..=10 {
        let lid = Lid {
            shut: step as f32 / 10.0,
            ..SHUT
        };
        // White at both sides of the iris.
        let white = (0..100)
            .map(|i| V2::new(0.13, eye.upper.at(0.13) + 0.002 * i as f32))
            .filter(|p| seen(eye, &lid, *p, 0.0)[2] > 180.0)
            .count() as f32;
        assert!(white <= last, "{step}: {white} after {last}");
        last = white;
    }
    assert_eq!(last, 0.0);
}

#[test]
fn wide_eyes_are_wider_and_tear_nothing() {
    for eye in painted(0.0).0 {
        let lid = eye.lid(
            &FacePose::REST
                .with(Arkit::EyeWideLeft, 1.0)
                .with(Arkit::EyeWideRight, 1.0),
            0,
        );
        let column = |lid: &Lid| {
            let ys = (0..300).map(|i| -0.2 + 0.001 * i as f32);
            ys.map(|y| eye.shade(lid, V2::new(0.13, y), 0.005).from.y)
                .collect::<Vec<_>>()
        };
        let (rest, wide) = (column(&Lid::default()), column(&lid));
        let upper = eye.upper.at(0.13);
        let open = |ys: &[f32]| ys.iter().filter(|y| **y > upper).count();
        assert!(
            open(&wide) > open(&rest) + 10,
            "{} {}",
            open(&wide),
            open(&rest)
        );
        assert!(wide.windows(2).all(|w| w[1] > w[0] && w[1] - w[0] < 0.006));
    }
}

#[test]
fn the_person_looks_left_when_both_eyes_do() {
    let (eyes, gaze) = painted(0.0);
    assert_eq!(gaze, Gaze::On);
    let pose = FacePose::REST
        .with(Arkit::EyeLookOutLeft, 1.0)
        .with(Arkit::EyeLookInRight, 1.0);
    for (side, eye) in eyes.iter().enumerate() {
        // The person's left is the viewer's right.
        let lid = eye.lid(&pose, side);
        assert!((lid.gaze.x - 0.12 * eye.width()).abs() < 1e-6);
        // The dark disc moved, whole, and what it left is white.
        let dark = |lid: &Lid| {
            let xs = (-200..=200).map(|i| 0.001 * i as f32);
            let dark: Vec<f32> = xs
                .filter(|x| seen(eye, lid, V2::new(*x, 0.0), 0.0)[0] < 150.0)
                .collect();
            (dark[0], dark[dark.len() - 1], dark.len())
        };
        let (rest, looking) = (dark(&Lid::default()), dark(&lid));
        assert!(
            (looking.0 - rest.0 - lid.gaze.x).abs() < 0.01,
            "{rest:?} {looking:?}"
        );
        assert!(
            (looking.1 - rest.1 - lid.gaze.x).abs() < 0.01,
            "{rest:?} {looking:?}"
        );
        assert!(looking.2.abs_diff(rest.2) <= 8);
    }
}

#[test]
fn the_lid_follows_the_eye() {
    let (eyes, _) = painted(0.0);
    let shut = |shape| eyes[0].lid(&FacePose::REST.with(shape, 1.0), 0).shut;
    assert!(shut(Arkit::EyeLookDownRight) > 0.2);
    assert!(shut(Arkit::EyeLookUpRight) < -0.05);
    assert_eq!(shut(Arkit::EyeLookOutRight), 0.0);
}

#[test]
fn eyes_without_an_iris_or_too_small_do_not_look_about() {
    let look = FacePose::REST.with(Arkit::EyeLookOutRight, 1.0);
    let mut blank = Eye::pair(&usual_face(0.0));
    assert_eq!(Eye::prepare(&mut blank, 0.005, |_| SKIN), Gaze::Unclear);
    assert!(blank[0].lid(&look, 0).is_still());
    let mut small = Eye::pair(&usual_face(0.0));
    let outlines = small.clone();
    // 0.48 IOD wide: 23 samples.
    let gaze = Eye::prepare(&mut small, 0.48 / 23.0, |p| paint(&outlines, 0.0, p));
    assert_eq!(gaze, Gaze::TooSmall);
    assert!(small[0].lid(&look, 0).is_still());
}
