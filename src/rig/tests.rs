// SPDX-License-Identifier: MPL-2.0
//! The whole rig on a portrait made here: a smooth face with texture and a dark lip line.

use super::*;
use crate::{
    face::{FaceReport, LandmarkOrigin, Landmarks, Picture, Point},
    frame::{ChromaSite, Colour, Matrix, PixelFormat},
    pose::Head,
};
use proptest::prelude::*;

/// A face with eyes 100 px apart in a picture of that size; alpha falls off outside the head.
pub(crate) fn portrait(gap: f32, width: usize, height: usize) -> Portrait {
    let face = mouth::tests::usual_face(gap);
    let (cx, cy) = (width as f32 / 2.0, height as f32 * 0.42);
    let landmarks = face.map(|p| Point {
        x: cx + p.x * 100.0,
        y: cy + p.y * 100.0,
    });
    let mut rgba = Vec::with_capacity(width * height * 4);
    for i in 0..width * height {
        let p = V2::new(
            ((i % width) as f32 - cx) / 100.0,
            ((i / width) as f32 - cy) / 100.0,
        );
        let skin = (p.x / 1.2).powi(2) + ((p.y - 0.4) / 1.7).powi(2) < 1.0;
        let ripple = (p.x * 31.0).sin() * (p.y * 29.0).sin() * 18.0;
        let line = 70.0 * (-((p.y - 1.1) / 0.015).powi(2)).exp() * f32::from(p.x.abs() < 0.36);
        let tone = |v: f32| (v + ripple - line).clamp(0.0, 255.0) as u8;
        let colour = if skin {
            [200.0, 155.0, 130.0]
        } else {
            [70.0, 90.0, 110.0]
        };
        rgba.extend(colour.map(tone));
        rgba.push(if skin { 255 } else { 200 });
    }
    Portrait {
        picture: Picture {
            width,
            height,
            rgba,
            has_alpha: true,
        },
        landmarks: Landmarks(landmarks),
        report: FaceReport {
            faces: 1,
            face_box: [0.0; 4],
            iod: 100.0,
            yaw: 0.0,
            origin: LandmarkOrigin::File,
            warnings: Vec::new(),
        },
    }
}

pub(super) fn spec(width: usize, height: usize, format: PixelFormat) -> FrameSpec {
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

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::I420,
    PixelFormat::Nv12,
    PixelFormat::Bgrx,
    PixelFormat::Rgbx,
    PixelFormat::Bgra,
    PixelFormat::Rgba,
];

pub(super) fn drawn(rig: &mut Rig, pose: &FacePose) -> FrameBuf {
    let mut frame = FrameBuf::new(*rig.spec());
    rig.draw(pose, &mut frame.as_mut());
    frame
}

#[test]
fn at_rest_every_format_shows_the_portrait() {
    let portrait = portrait(0.0, 500, 640);
    for format in FORMATS {
        for (w, h) in [(500, 640), (501, 641), (250, 320)] {
            let mut rig = Rig::new(&portrait, &spec(w, h, format), &Staging::default());
            let frame = drawn(&mut rig, &FacePose::REST);
            assert!(frame.planes == rig.base().planes, "{format:?} {w}x{h}");
        }
    }
}

#[test]
fn strides_are_obeyed_and_padding_is_left_alone() {
    let portrait = portrait(0.0, 300, 380);
    let spec = spec(301, 381, PixelFormat::I420);
    let mut rig = Rig::new(&portrait, &spec, &Staging::default());
    let pose = FacePose::REST
        .with(Arkit::JawOpen, 0.7)
        .with(Arkit::EyeBlinkLeft, 1.0);
    let tight = drawn(&mut rig, &pose);
    let mut padded: Vec<Vec<u8>> = Vec::new();
    for p in 0..3 {
        let rows = tight.planes[p].len() / tight.stride(p);
        padded.push(vec![7; (tight.stride(p) + 13) * rows]);
    }
    let mut planes = padded
        .iter_mut()
        .enumerate()
        .map(|(p, data)| crate::frame::PlaneMut {
            data: data.as_mut_slice(),
            stride: tight.stride(p) + 13,
        });
    let planes = std::array::from_fn(|_| planes.next().expect("three planes"));
    rig.draw(&pose, &mut FrameMut { planes });
    for (p, data) in padded.iter().enumerate() {
        let row = tight.stride(p);
        for (got, want) in data.chunks(row + 13).zip(tight.planes[p].chunks(row)) {
            assert!(got[..row] == *want && got[row..].iter().all(|&b| b == 7));
        }
    }
}

#[test]
fn any_number_of_threads_draws_the_same() {
    let portrait = portrait(0.0, 500, 640);
    let pose = FacePose {
        head: Head {
            yaw: 6.0,
            pitch: -3.0,
            roll: 2.0,
            shift: [0.02, 0.01],
        },
        ..FacePose::REST
            .with(Arkit::JawOpen, 0.6)
            .with(Arkit::MouthSmileLeft, 0.4)
            .with(Arkit::EyeBlinkLeft, 0.7)
    };
    for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Bgra] {
        for (w, h) in [(500, 640), (501, 641), (64, 48), (16, 16)] {
            let mut rig = Rig::new(&portrait, &spec(w, h, format), &Staging::default());
            let alone = drawn(&mut rig, &pose);
            // As if there were more processors than there may be here.
            for count in [2, 3, 7] {
                rig.scratch
                    .resize_with(count, || warp::Scratch::new(&rig.model.nodes));
                let together = drawn(&mut rig, &pose);
                assert!(
                    alone.planes == together.planes,
                    "{format:?} {w}x{h}, {count}"
                );
            }
        }
    }
}

#[test]
fn resting_colours_come_back_within_two() {
    for (w, h, matrix) in [(500, 640, Matrix::Bt601), (1000, 1280, Matrix::Bt709)] {
        let portrait = portrait(0.0, w, h);
        let spec = FrameSpec {
            colour: Colour {
                matrix,
                full_range: false,
            },
            ..spec(w, h, PixelFormat::I420)
        };
        let rig = Rig::new(&portrait, &spec, &Staging::default());
        let (kr, kb) = matrix.coefficients();
        let planes = rig.base().planes;
        let cols = w.div_ceil(2);
        // Where colour is smooth: chroma is subsampled.
        for (x, y) in [(w / 2, h / 2), (w / 2 + 40, h / 2 - 10), (30, 30)] {
            let luma = (f64::from(planes[0][y * w + x]) - 16.0) * 255.0 / 219.0;
            let chroma =
                |p: usize| (f64::from(planes[p][y / 2 * cols + x / 2]) - 128.0) * 255.0 / 224.0;
            let (r, b) = (
                luma + 2.0 * (1.0 - kr) * chroma(2),
                luma + 2.0 * (1.0 - kb) * chroma(1),
            );
            let g = (luma - kr * r - kb * b) / (1.0 - kr - kb);
            let pixel = &portrait.picture.rgba[(y * w + x) * 4..];
            for (got, &want) in [r, g, b].into_iter().zip(pixel) {
                assert!(
                    (got - f64::from(want)).abs() <= 2.0,
                    "{got} not {want} at {x},{y}"
                );
            }
        }
    }
}

#[test]
fn an_open_mouth_is_dark_inside_and_leaves_the_rest_alone() {
    let portrait = portrait(0.0, 700, 700);
    let mut rig = Rig::new(
        &portrait,
        &spec(700, 700, PixelFormat::I420),
        &Staging::default(),
    );
    let frame = drawn(&mut rig, &FacePose::REST.with(Arkit::JawOpen, 0.8));
    let base = rig.base();
    let base = &base.planes[0];
    let inside = rig.face_to_frame(V2::new(0.0, 1.22));
    let at = inside.y as usize * 700 + inside.x as usize;
    assert!(
        frame.planes[0][at] < 70 && base[at] > 90,
        "{} {}",
        frame.planes[0][at],
        base[at]
    );
    let nose = V2::new(0.0, 0.56);
    let mut untouched = 0;
    for (i, &resting) in base.iter().enumerate() {
        let p = rig
            .model
            .from_frame
            .apply(V2::new((i % 700) as f32, (i / 700) as f32));
        if field::reach(p - nose) > 1.12 {
            assert_eq!(frame.planes[0][i], resting, "{p:?}");
            untouched += 1;
        }
    }
    assert!(untouched > 1000);
}

#[test]
fn a_parted_mouth_can_shut_for_p() {
    let portrait = portrait(0.16, 700, 700);
    let mut rig = Rig::new(
        &portrait,
        &spec(700, 700, PixelFormat::I420),
        &Staging::default(),
    );
    let mut frame = FrameBuf::new(*rig.spec());
    for jaw in [0.0, 0.4, 0.8] {
        let open = FacePose::REST.with(Arkit::JawOpen, jaw);
        assert!(rig.draw(&open, &mut frame.as_mut()).aperture > 0.15);
        let shut = open.with(Arkit::MouthClose, 1.0);
        assert!(
            rig.draw(&shut, &mut frame.as_mut()).aperture < 0.005,
            "at jaw {jaw}"
        );
    }
}

#[test]
fn a_crop_to_the_head_obeys_its_margin() {
    let portrait = portrait(0.0, 1200, 900);
    let eyes = |expand_ratio| {
        let staging = Staging {
            framing: Framing::Head,
            expand_ratio,
            ..Staging::default()
        };
        let rig = Rig::new(&portrait, &spec(640, 640, PixelFormat::I420), &staging);
        1.0 / rig.pixel()
    };
    let (tight, usual, wide) = (eyes(0.0), eyes(0.15), eyes(0.5));
    assert!(
        tight > 1.15 * usual && usual > 1.15 * wide,
        "{tight} {usual} {wide}"
    );
}

#[test]
fn pixel_aspect_keeps_the_face_round() {
    let portrait = portrait(0.0, 720, 576);
    let mut anamorphic = spec(720, 576, PixelFormat::I420);
    anamorphic.pixel_aspect = (16, 11);
    let rig = Rig::new(&portrait, &anamorphic, &Staging::default());
    let across = rig.face_to_frame(V2::new(1.0, 0.0)) - rig.face_to_frame(V2::ZERO);
    let down = rig.face_to_frame(V2::new(0.0, 1.0)) - rig.face_to_frame(V2::ZERO);
    assert!(
        (across.x * 16.0 / 11.0 / down.y - 1.0).abs() < 0.02,
        "{across:?} {down:?}"
    );
}

#[test]
fn backgrounds_lie_behind() {
    let mut portrait = portrait(0.0, 400, 400);
    portrait
        .picture
        .rgba
        .chunks_exact_mut(4)
        .take(400 * 50)
        .for_each(|p| p[3] = 0);
    let top = |background: Background, format| {
        let staging = Staging {
            background,
            ..Staging::default()
        };
        let mut rig = Rig::new(&portrait, &spec(400, 400, format), &staging);
        let frame = drawn(&mut rig, &FacePose::REST);
        let p = &frame.planes[0][(10 * 400 + 10) * 4..][..4];
        [p[0], p[1], p[2], p[3]]
    };
    assert_eq!(
        top(Background::Colour([0, 255, 0]), PixelFormat::Rgba)[3],
        255
    );
    assert!(top(Background::Colour([0, 255, 0]), PixelFormat::Rgbx)[1] > 230);
    assert_eq!(top(Background::Transparent, PixelFormat::Rgba)[3], 0);
    let red = Picture {
        width: 2,
        height: 1,
        rgba: [255, 0, 0, 255].repeat(2),
        has_alpha: false,
    };
    let behind = top(
        Background::Image(std::sync::Arc::new(red)),
        PixelFormat::Rgbx,
    );
    assert!(behind[0] > 230 && behind[1] < 20, "{behind:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_pose_in_any_frame_is_drawn(
        width in 16usize..300, height in 16usize..300, format in 0usize..6, framing in 0usize..3,
        weights in proptest::collection::vec(0.0f32..1.0, 52), yaw in -40f32..40.0, roll in -40f32..40.0,
    ) {
        let portrait = portrait(if width % 2 == 0 { 0.0 } else { 0.16 }, 200, 240);
        let framing = [Framing::Whole, Framing::Head, Framing::Cover][framing];
        let staging = Staging { framing, ..Staging::default() };
        let mut rig = Rig::new(&portrait, &spec(width, height, FORMATS[format]), &staging);
        let mut pose = FacePose { head: Head { yaw, pitch: -roll, roll, shift: [0.1, -0.1] }, ..FacePose::REST };
        pose.weights.copy_from_slice(&weights);
        let first = drawn(&mut rig, &pose);
        // What was drawn before leaves no trace.
        drawn(&mut rig, &FacePose::REST.with(Arkit::JawOpen, 1.0));
        let again = drawn(&mut rig, &pose);
        prop_assert!(first.planes == again.planes);
        // Nor does it in a head that does not turn, of which less is looked at.
        let mut few = FacePose::REST;
        for (few, weight) in few.weights.iter_mut().zip(&weights) {
            *few = (weight - 0.9).max(0.0) * 10.0;
        }
        drawn(&mut rig, &few);
        for pose in [FacePose::REST, few, FacePose::REST.with(Arkit::JawOpen, 0.4)] {
            let now = drawn(&mut rig, &pose);
            let mut fresh = Rig::new(&portrait, rig.spec(), &staging);
            let first = drawn(&mut fresh, &pose);
            prop_assert!(now.planes == first.planes);
        }
    }
}

/// Heads of one portrait have one model, whoever asks for it and when, until the last one goes; each
/// has a face of its own.
#[test]
fn rigs_of_one_portrait_share_what_no_pose_changes() {
    let portrait = portrait(0.0, 640, 480);
    let spec = spec(640, 480, PixelFormat::I420);
    let new = || Rig::new(&portrait, &spec, &Staging::default());
    let (mut first, mut second) = (new(), new());
    assert!(Arc::ptr_eq(&first.model, &second.model));
    let frame = |rig: &mut Rig, jaw: f32| {
        let mut frame = FrameBuf::new(*rig.spec());
        rig.draw(
            &FacePose::REST.with(Arkit::JawOpen, jaw),
            &mut frame.as_mut(),
        );
        frame.planes
    };
    let (open, shut) = (frame(&mut first, 0.6), frame(&mut second, 0.0));
    assert_eq!(shut, second.base().planes);
    assert_ne!(open, shut);
    assert_eq!(frame(&mut second, 0.6), open);
    // Another layout, another face.
    let other = Rig::new(
        &portrait,
        &FrameSpec { width: 638, ..spec },
        &Staging::default(),
    );
    let mut moved = portrait.clone();
    moved.landmarks.0[8].y += 1.0;
    let moved = Rig::new(&moved, &spec, &Staging::default());
    for rig in [&other, &moved] {
        assert!(!Arc::ptr_eq(&first.model, &rig.model));
    }
    let model = Arc::downgrade(&first.model);
    drop((first, second));
    assert!(model.upgrade().is_none(), "kept by nobody");
}
