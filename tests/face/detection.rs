// SPDX-License-Identifier: MPL-2.0
//! A real face is found. Needs `astronaut.png` (public domain, of NASA; it comes with
//! scikit-image), named by `SONIC_TEST_ASTRONAUT` or in `.cache/`, and dlib's predictor file;
//! each test says so and passes where they are missing.

use std::{env, fs, path::PathBuf};

use image::{ImageFormat, Rgba, RgbaImage, imageops};
use sonic_engine::face::{
    LandmarkOrigin, LoadOptions, PREDICTOR_FILE, PREDICTOR_NOTICE, Portrait, SourceFile,
};

use crate::make::{Desk, encode, jpeg_with_orientation, picture_only};

fn astronaut() -> Option<RgbaImage> {
    let path = env::var_os("SONIC_TEST_ASTRONAUT")
        .map(PathBuf::from)
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/astronaut.png").into());
    match image::open(&path) {
        Ok(image) => Some(image.into_rgba8()),
        Err(_) => {
            println!("skipped: no {}", path.display());
            None
        }
    }
}

fn predictor_is_here() -> bool {
    let here = ["/usr/share/dlib", "/usr/local/share/dlib"]
        .iter()
        .any(|d| PathBuf::from(d).join(PREDICTOR_FILE).exists());
    if !here {
        println!("skipped: no {PREDICTOR_FILE}");
    }
    here
}

fn ready() -> Option<RgbaImage> {
    astronaut().filter(|_| predictor_is_here())
}

fn load(image: RgbaImage) -> Portrait {
    let desk = Desk::new();
    let path = desk.put("p.png", &encode(&image.into(), ImageFormat::Png));
    Portrait::load_with(&picture_only(&path), &desk.options()).unwrap()
}

/// Largest distance between two sets of landmarks, in eye distances of the first.
fn apart(a: &Portrait, b: &Portrait, place: impl Fn(usize, f32, f32) -> (usize, f32, f32)) -> f32 {
    let farthest = (0..68)
        .map(|i| {
            let p = b.landmarks.0[i];
            let (j, x, y) = place(i, p.x, p.y);
            let q = a.landmarks.0[j];
            (q.x - x).hypot(q.y - y)
        })
        .fold(0.0, f32::max);
    farthest / a.report.iod
}

#[test]
fn the_astronaut_is_found() {
    let Some(image) = ready() else { return };
    let portrait = load(image);
    assert_eq!(portrait.report.origin, LandmarkOrigin::Detected);
    assert_eq!(portrait.report.faces, 1);
    assert!(
        (40.0..48.0).contains(&portrait.report.iod),
        "{}",
        portrait.report.iod
    );
    assert!(portrait.report.yaw.abs() < 12.0, "{}", portrait.report.yaw);
    // Read off the picture by eye: pupils, nose tip, mouth corners, chin.
    let [left, right] = portrait.landmarks.eye_centres();
    for (p, x, y) in [
        (left, 201.0, 101.0),
        (right, 245.0, 103.0),
        (portrait.landmarks.0[30], 222.0, 128.0),
        (portrait.landmarks.0[48], 203.0, 139.0),
        (portrait.landmarks.0[54], 243.0, 140.0),
        (portrait.landmarks.0[8], 220.0, 177.0),
    ] {
        assert!(
            (p.x - x).hypot(p.y - y) < 5.0,
            "{p:?} is not near ({x}, {y})"
        );
    }
    assert!(portrait.landmarks.lip_gap() > 0.08, "an open smile");
    assert_eq!(portrait.report.warnings, [PREDICTOR_NOTICE]);
}

#[test]
fn a_second_look_comes_from_the_cache_and_is_the_same() {
    let Some(image) = ready() else { return };
    let desk = Desk::new();
    let path = desk.put("p.png", &encode(&image.into(), ImageFormat::Png));
    let load = |options: &LoadOptions| Portrait::load_with(&picture_only(&path), options);
    let first = load(&desk.options()).unwrap();
    let second = load(&desk.options()).unwrap();
    assert_eq!(second.report.origin, LandmarkOrigin::Cached);
    assert_eq!(first.landmarks, second.landmarks, "bit for bit");
    assert!(second.report.warnings.is_empty(), "the notice comes once");
    // Damaged, it is made anew.
    let folder = desk.path("cache/landmarks");
    let entry = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&entry, "{").unwrap();
    let third = load(&desk.options()).unwrap();
    assert_eq!(third.report.origin, LandmarkOrigin::Detected);
    assert_eq!(
        load(&desk.options()).unwrap().report.origin,
        LandmarkOrigin::Cached
    );
    // Without a cache folder, or with one that cannot be, it works all the same.
    let without = LoadOptions::default();
    assert_eq!(load(&without).unwrap().landmarks, first.landmarks);
    let impossible = LoadOptions {
        cache: Some(path.clone()),
        predictor: None,
    };
    assert_eq!(load(&impossible).unwrap().landmarks, first.landmarks);
}

#[test]
fn the_largest_of_several_faces_is_taken_and_said() {
    let Some(image) = ready() else { return };
    let mut pair = RgbaImage::from_pixel(1000, 512, Rgba([90, 110, 120, 255]));
    let small = imageops::resize(&image, 320, 320, imageops::FilterType::Triangle);
    imageops::replace(&mut pair, &small, 20, 60);
    imageops::replace(&mut pair, &image, 480, 0);
    let portrait = load(pair);
    assert_eq!(portrait.report.faces, 2);
    assert!(
        portrait.landmarks.0[30].x > 600.0,
        "the right one is larger"
    );
    let said = portrait
        .report
        .warnings
        .iter()
        .find(|w| w.contains("2 faces"));
    assert!(
        said.is_some_and(|w| w.contains("largest")),
        "{:?}",
        portrait.report.warnings
    );
}

#[test]
fn size_mirror_rotation_and_alpha_change_nothing_else() {
    let Some(image) = ready() else { return };
    let plain = load(image.clone());

    let large = imageops::resize(&image, 1536, 1536, imageops::FilterType::CatmullRom);
    let off = apart(&plain, &load(large), |i, x, y| {
        (i, (x + 0.5) / 3.0 - 0.5, (y + 0.5) / 3.0 - 0.5)
    });
    assert!(off < 0.08, "three times as large: {off}");

    let mut cut_out = image.clone();
    for (x, y, p) in cut_out.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 - 222.0, y as f32 - 110.0);
        if dx.hypot(dy) > 105.0 {
            *p = Rgba([0, 0, 0, 0]);
        }
    }
    let off = apart(&plain, &load(cut_out), |i, x, y| (i, x, y));
    assert!(off < 0.15, "cut out: {off}");

    let mirrored = load(imageops::flip_horizontal(&image));
    let nose = 511.0 - mirrored.landmarks.0[30].x;
    assert!((nose - plain.landmarks.0[30].x).abs() < 0.08 * plain.report.iod);
    assert!((mirrored.report.yaw + plain.report.yaw).abs() < 8.0);

    let desk = Desk::new();
    let stored = jpeg_with_orientation(&imageops::rotate270(&image), 6);
    let path = desk.put("photo.jpg", &stored);
    let turned = Portrait::load_with(&picture_only(&path), &desk.options()).unwrap();
    let off = apart(&plain, &turned, |i, x, y| (i, x, y));
    assert!(off < 0.1, "turned by its camera: {off}");
}

#[test]
fn a_missing_or_damaged_predictor_is_told_only_where_it_is_needed() {
    let Some(image) = astronaut() else { return };
    let desk = Desk::new();
    let png = encode(&image.into(), ImageFormat::Png);
    let path = desk.put("p.png", &png);
    for (file, words) in [
        (desk.path("missing.dat"), "does not exist"),
        (
            desk.put("damaged.dat", &[1, 1, 0x81, 0x88]),
            "cannot be used",
        ),
    ] {
        let options = LoadOptions {
            cache: Some(desk.path("cache")),
            predictor: Some(file),
        };
        let fault = Portrait::load_with(&picture_only(&path), &options).unwrap_err();
        assert_eq!(fault.file, SourceFile::Predictor, "{fault}");
        assert!(fault.what.contains(words), "{fault}");
        assert!(fault.cure.contains("libdlib-data") && fault.cure.contains("landmarks"));
        // With a landmarks file it is not looked at.
        Portrait::load_with(&desk.source("p.png", &png), &options).unwrap();
    }
}

#[test]
fn a_tiny_face_is_a_warning() {
    let Some(image) = ready() else { return };
    let small = imageops::resize(&image, 220, 220, imageops::FilterType::Triangle);
    let portrait = load(small);
    assert!(portrait.report.iod < 24.0);
    assert!(portrait.report.warnings.iter().any(|w| w.contains("tiny")));
}
