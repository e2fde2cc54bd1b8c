// SPDX-License-Identifier: MPL-2.0
//! Every kind of picture file becomes upright sRGB with straight alpha.

use image::{DynamicImage, ImageFormat, Luma, LumaA, Rgba, RgbaImage};
use moxcms::ColorProfile;
use sonic_engine::face::{LandmarkOrigin, Portrait};

use crate::make::{Desk, encode, jpeg_with_orientation, png, quarters};

fn load(name: &str, bytes: &[u8]) -> Portrait {
    let desk = Desk::new();
    Portrait::load_with(&desk.source(name, bytes), &desk.options()).unwrap()
}

fn pixel(portrait: &Portrait, x: usize, y: usize) -> [u8; 4] {
    let at = 4 * (y * portrait.picture.width + x);
    portrait.picture.rgba[at..at + 4].try_into().unwrap()
}

/// Warnings about colour profiles; these pictures are small, which is a warning of its own.
fn profile_warnings(portrait: &Portrait) -> Vec<&String> {
    let about = |w: &&String| w.contains("colour profile");
    portrait.report.warnings.iter().filter(about).collect()
}

fn near(a: [u8; 4], b: [u8; 4], tolerance: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= tolerance)
}

#[test]
fn the_three_formats_are_decoded() {
    let image = quarters(160, 120);
    let dynamic = DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(image.clone()).into_rgb8());
    for (format, tolerance) in [
        (ImageFormat::Png, 0),
        (ImageFormat::WebP, 0),
        (ImageFormat::Jpeg, 12),
    ] {
        // The name says nothing: content decides.
        let portrait = load("portrait.txt", &encode(&dynamic, format));
        assert_eq!(
            (portrait.picture.width, portrait.picture.height),
            (160, 120)
        );
        assert!(!portrait.picture.has_alpha);
        assert_eq!(portrait.report.origin, LandmarkOrigin::File);
        for (x, y) in [(10, 10), (150, 10), (10, 110), (150, 110), (40, 80)] {
            let expected = image.get_pixel(x as u32, y as u32).0;
            let is = pixel(&portrait, x, y);
            assert!(
                near(is, expected, tolerance),
                "{format:?}: {is:?} {expected:?}"
            );
        }
    }
}

#[test]
fn depth_grey_and_palette_are_decoded() {
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_fn(64, 64, |x, _| Luma([x as u16 * 1000]));
    let portrait = load("deep.png", &encode(&deep.into(), ImageFormat::Png));
    let level = (30_000_f32 / 257.0).round() as u8;
    assert_eq!(pixel(&portrait, 30, 5), [level, level, level, 255]);

    let grey =
        image::ImageBuffer::<LumaA<u8>, _>::from_fn(64, 64, |x, y| LumaA([x as u8, y as u8 * 4]));
    let portrait = load("grey.png", &encode(&grey.into(), ImageFormat::Png));
    assert_eq!(pixel(&portrait, 33, 9), [33, 33, 33, 36]);
    assert!(portrait.picture.has_alpha);

    // Palette, 8 bit, the second entry half transparent.
    let rows: Vec<u8> = (0..64 * 64).map(|i| u8::from(i % 64 > 31)).collect();
    let extra: [(&[u8; 4], &[u8]); 2] = [
        (b"PLTE", &[10, 20, 30, 200, 100, 50]),
        (b"tRNS", &[255, 128]),
    ];
    let portrait = load("palette.png", &png((64, 64), 8, 3, &extra, &rows));
    assert_eq!(pixel(&portrait, 0, 0), [10, 20, 30, 255]);
    assert_eq!(pixel(&portrait, 63, 63), [200, 100, 50, 128]);
}

#[test]
fn alpha_stays_straight() {
    let image = RgbaImage::from_fn(64, 64, |x, y| Rgba([200, 150, 100, (x * 2 + y) as u8]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let portrait = load("alpha", &encode(&image.clone().into(), format));
        assert!(portrait.picture.has_alpha);
        for (x, y) in [(1, 0), (20, 30), (63, 63)] {
            assert_eq!(
                pixel(&portrait, x, y),
                image.get_pixel(x as u32, y as u32).0
            );
        }
    }
}

#[test]
fn exif_orientation_is_obeyed() {
    let upright = quarters(96, 64);
    // How a camera stores the picture so that the tag turns it upright again.
    let stored: [(u8, RgbaImage); 8] = {
        use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
        let u = &upright;
        [
            (1, u.clone()),
            (2, flip_horizontal(u)),
            (3, rotate180(u)),
            (4, flip_vertical(u)),
            (5, flip_horizontal(&rotate90(u))),
            (6, rotate270(u)),
            (7, flip_horizontal(&rotate270(u))),
            (8, rotate90(u)),
        ]
    };
    for (orientation, image) in stored {
        let portrait = load("photo.jpg", &jpeg_with_orientation(&image, orientation));
        let size = (portrait.picture.width, portrait.picture.height);
        assert_eq!(size, (96, 64), "orientation {orientation}");
        for (x, y) in [(8, 8), (88, 8), (8, 56), (88, 56)] {
            let expected = upright.get_pixel(x as u32, y as u32).0;
            let is = pixel(&portrait, x, y);
            assert!(
                near(is, expected, 16),
                "orientation {orientation}: {is:?} {expected:?}"
            );
        }
    }
}

fn png_with_profile(image: &DynamicImage, profile: Vec<u8>) -> Vec<u8> {
    use image::ImageEncoder;
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile).unwrap();
    image.write_with_encoder(encoder).unwrap();
    bytes
}

/// sRGB of a Display P3 colour by the published matrices of both (D65, same transfer).
fn p3_to_srgb(colour: [u8; 3]) -> [u8; 3] {
    let linear = colour.map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.040_45 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    });
    let matrix = [
        [1.224_940, -0.224_940, 0.0],
        [-0.042_057, 1.042_057, 0.0],
        [-0.019_638, -0.078_636, 1.098_274],
    ];
    matrix.map(|row: [f64; 3]| {
        let v: f64 = row.iter().zip(linear).map(|(m, l)| m * l).sum();
        let v = v.clamp(0.0, 1.0);
        let v = if v <= 0.003_130_8 {
            12.92 * v
        } else {
            1.055 * v.powf(1.0 / 2.4) - 0.055
        };
        (v * 255.0).round() as u8
    })
}

#[test]
fn an_embedded_profile_is_converted() {
    let image = quarters(64, 64);
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let mut with_alpha = image.clone();
    with_alpha.put_pixel(8, 8, Rgba([200, 100, 50, 77]));
    let portrait = load("p3.png", &png_with_profile(&with_alpha.into(), p3.clone()));
    assert_eq!(profile_warnings(&portrait), [""; 0]);
    let mut changed = 0;
    for (x, y) in [(2, 2), (60, 2), (2, 60), (60, 60)] {
        let [r, g, b, _] = image.get_pixel(x as u32, y as u32).0;
        let [er, eg, eb] = p3_to_srgb([r, g, b]);
        let is = pixel(&portrait, x, y);
        assert!(near(is, [er, eg, eb, 255], 1), "{is:?} {:?}", [er, eg, eb]);
        changed += usize::from(!near(is, [r, g, b, 255], 3));
    }
    assert!(
        changed > 0,
        "the test's colours must tell the two spaces apart"
    );
    assert_eq!(pixel(&portrait, 8, 8)[3], 77);

    // 16 bits a channel go the same way.
    let deep = DynamicImage::ImageRgba16(DynamicImage::ImageRgba8(image.clone()).into_rgba16());
    let portrait = load("deep.png", &png_with_profile(&deep, p3));
    let [r, g, b, _] = image.get_pixel(2, 2).0;
    let [er, eg, eb] = p3_to_srgb([r, g, b]);
    assert!(near(pixel(&portrait, 2, 2), [er, eg, eb, 255], 1));
}

#[test]
fn grey_pictures_with_profiles_stay_grey() {
    let grey = DynamicImage::ImageLuma8(image::GrayImage::from_fn(64, 64, |x, _| {
        Luma([x as u8 * 4])
    }));
    // Linear light: 50 % is sRGB 188.
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let portrait = load("grey.png", &png_with_profile(&grey, linear));
    let is = pixel(&portrait, 32, 0);
    assert!(near(is, [188, 188, 188, 255], 2), "{is:?}");
    // An RGB profile on grey pixels.
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    let portrait = load("grey.png", &png_with_profile(&grey, srgb));
    assert_eq!(pixel(&portrait, 32, 0), [128, 128, 128, 255]);
}

#[test]
fn an_srgb_profile_changes_nothing() {
    let image = RgbaImage::from_fn(256, 256, |x, y| {
        Rgba([x as u8, y as u8, 255 - x as u8, 255])
    });
    let profile = ColorProfile::new_srgb().encode().unwrap();
    let portrait = load(
        "srgb.png",
        &png_with_profile(&image.clone().into(), profile),
    );
    assert_eq!(portrait.picture.rgba, image.into_raw());
}

#[test]
fn a_bad_profile_is_a_warning() {
    let image = quarters(64, 64);
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    for profile in [
        b"nonsense".to_vec(),
        p3[..p3.len() / 2].to_vec(),
        vec![0; 128],
    ] {
        let portrait = load("p3.png", &png_with_profile(&image.clone().into(), profile));
        assert_eq!(profile_warnings(&portrait).len(), 1);
        assert_eq!(portrait.picture.rgba, image.clone().into_raw());
    }
}

#[test]
fn a_matte_becomes_alpha() {
    let desk = Desk::new();
    let image: DynamicImage = quarters(64, 64).into();
    let mut source = desk.source("portrait.png", &encode(&image, ImageFormat::Png));
    let matte = image::GrayImage::from_fn(128, 128, |x, _| Luma([if x < 64 { 0 } else { 255 }]));
    source.matte = Some(desk.put("matte.jpg", &encode(&matte.into(), ImageFormat::Jpeg)));
    let portrait = Portrait::load_with(&source, &desk.options()).unwrap();
    assert!(portrait.picture.has_alpha);
    assert!(pixel(&portrait, 5, 30)[3] < 8 && pixel(&portrait, 60, 30)[3] > 247);
    let [r, g, b, _] = pixel(&portrait, 60, 30);
    let expected = image.to_rgba8().get_pixel(60, 30).0;
    assert_eq!([r, g, b], expected[..3], "colours are kept");
}

#[test]
fn the_built_in_portrait_is_sound() {
    let portrait = Portrait::load(&Default::default()).unwrap();
    assert_eq!(portrait.report.origin, LandmarkOrigin::BuiltIn);
    assert!(portrait.report.warnings.is_empty());
    assert!(portrait.report.iod > 60.0 && portrait.report.yaw.abs() < 10.0);
    let (w, h) = (portrait.picture.width, portrait.picture.height);
    assert_eq!(portrait.picture.rgba.len(), 4 * w * h);
    // Its own landmarks file is accepted, too.
    let desk = Desk::new();
    let source = sonic_engine::face::PortraitSource {
        landmarks: Some(desk.landmarks()),
        ..Default::default()
    };
    let again = Portrait::load_with(&source, &desk.options()).unwrap();
    assert_eq!(again.landmarks, portrait.landmarks);
    assert_eq!(again.report.origin, LandmarkOrigin::File);
}
