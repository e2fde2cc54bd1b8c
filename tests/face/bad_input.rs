// SPDX-License-Identifier: MPL-2.0
//! Bad files: one clear error that names the file and the cure; never a panic, never a hang.

use std::{fs, path::Path, process::Command, sync::mpsc, thread, time::Duration};

use image::ImageFormat;
use sonic_engine::face::{
    FaceError, LoadOptions, MAX_LANDMARKS_FILE, MAX_PICTURE_FILE, Portrait, PortraitSource,
    SourceFile,
};

use crate::make::{Desk, encode, picture_only, png, quarters};

/// Loads under a watchdog: a hang is a failure of the test.
fn refused(source: PortraitSource, options: LoadOptions) -> FaceError {
    let (done, waited) = mpsc::channel();
    thread::spawn(move || done.send(Portrait::load_with(&source, &options).map(|p| p.report)));
    waited
        .recv_timeout(Duration::from_secs(60))
        .expect("loading ends")
        .expect_err("it must be refused")
}

fn picture_fault(bytes: &[u8]) -> FaceError {
    let desk = Desk::new();
    let fault = refused(desk.source("me.jpg", bytes), desk.options());
    assert_eq!(fault.file, SourceFile::Picture, "{fault}");
    assert!(fault.what.contains("me.jpg"), "{fault}");
    assert!(!fault.cure.is_empty());
    fault
}

#[test]
fn what_is_no_picture_is_told() {
    for bytes in [
        &b""[..],
        b"hello, this is text",
        b"GIF89a______",
        &[0; 5000],
    ] {
        let fault = picture_fault(bytes);
        assert!(fault.what.contains("not a JPEG, PNG or WebP"), "{fault}");
        assert!(fault.cure.contains("`portrait`"));
    }
}

#[test]
fn truncated_pictures_are_told() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let image = image::DynamicImage::ImageRgba8(quarters(200, 150)).into_rgb8();
        let whole = encode(&image.into(), format);
        for part in [30, 50, 90] {
            let fault = picture_fault(&whole[..whole.len() * part / 100]);
            assert!(
                fault.what.contains("damaged"),
                "{format:?} at {part} %: {fault}"
            );
        }
    }
}

#[test]
fn a_png_bomb_is_refused_from_its_header() {
    // There is no pixel data at all: only the header can have said so.
    for size in [
        (30_000, 30_000),
        (16_385, 16),
        (11_000, 11_000),
        (u32::MAX >> 1, 2),
    ] {
        let fault = picture_fault(&png(size, 8, 6, &[], &[]));
        assert!(fault.cure.contains("Scale it down"), "{fault}");
        // Beyond all reason the decoder refuses by itself, and does not say the size.
        if size.0 <= 30_000 {
            let words = format!("{}×{} pixels, which is too many", size.0, size.1);
            assert!(fault.what.contains(&words), "{fault}");
        }
    }
}

#[test]
fn a_picture_of_a_few_pixels_is_told() {
    let fault = picture_fault(&png((1, 1), 8, 0, &[], &[7]));
    assert!(fault.what.contains("1×1"), "{fault}");
}

#[test]
fn files_that_are_none_are_told() {
    let desk = Desk::new();
    for (path, words) in [
        (desk.path("missing.png"), "does not exist"),
        (desk.path(""), "is a folder"),
        (Path::new("/dev/zero").to_owned(), "pipe or device"),
    ] {
        let fault = refused(picture_only(&path), desk.options());
        assert_eq!(fault.file, SourceFile::Picture);
        assert!(fault.what.contains(words), "{fault}");
    }
}

#[test]
fn a_fifo_does_not_hang() {
    let desk = Desk::new();
    let fifo = desk.path("fifo.png");
    let made = Command::new("mkfifo").arg(&fifo).status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let fault = refused(picture_only(&fifo), desk.options());
    assert!(fault.what.contains("pipe or device"), "{fault}");
    let mut source = desk.source("p.png", &encode(&quarters(64, 64).into(), ImageFormat::Png));
    source.landmarks = Some(fifo.clone());
    assert_eq!(
        refused(source.clone(), desk.options()).file,
        SourceFile::Landmarks
    );
    source.landmarks = Some(desk.landmarks());
    source.matte = Some(fifo);
    assert_eq!(refused(source, desk.options()).file, SourceFile::Matte);
}

#[test]
fn an_unreadable_file_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let path = desk.put(
        "secret.png",
        &encode(&quarters(64, 64).into(), ImageFormat::Png),
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let fault = refused(picture_only(&path), desk.options());
    assert!(fault.what.contains("may not be read"), "{fault}");
}

#[test]
fn files_of_absurd_size_are_refused_unread() {
    let desk = Desk::new();
    let huge = |name: &str, length: u64| {
        let path = desk.put(name, b"");
        // Sparse: it takes no room.
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length)
            .unwrap();
        path
    };
    let fault = refused(
        picture_only(&huge("p.png", MAX_PICTURE_FILE + 1)),
        desk.options(),
    );
    assert!(fault.what.contains("larger than 256 MB"), "{fault}");
    let mut source = desk.source("q.png", &encode(&quarters(64, 64).into(), ImageFormat::Png));
    source.landmarks = Some(huge("l.json", MAX_LANDMARKS_FILE + 1));
    let fault = refused(source, desk.options());
    assert_eq!(fault.file, SourceFile::Landmarks);
    assert!(fault.what.contains("larger than 1 MB"), "{fault}");
}

#[test]
fn bad_landmarks_are_told() {
    let desk = Desk::new();
    let png = encode(&quarters(640, 480).into(), ImageFormat::Png);
    let fault = |text: &str| {
        let mut source = desk.source("p.png", &png);
        source.landmarks = Some(desk.put("own.json", text.as_bytes()));
        let fault = refused(source, desk.options());
        assert_eq!(fault.file, SourceFile::Landmarks, "{fault}");
        assert!(fault.what.contains("own.json") && !fault.cure.is_empty());
        fault.what
    };
    let good = Portrait::built_in().landmarks.to_json(640, 480);
    assert!(fault("not json").contains("not JSON"));
    assert!(fault("[[1,2],[3,4],[5,6]]").contains("3 points, not 68"));
    let outside = good.replace(
        "\"width\": 640, \"height\": 480, ",
        "\"width\": 100, \"height\": 75, ",
    );
    assert!(fault(&outside).contains("outside the 640×480 picture"));
    let one_place = format!("[{}]", ["[9,9]"; 68].join(","));
    assert!(fault(&one_place).contains("in one place"));
}

#[test]
fn a_bad_matte_is_told() {
    let desk = Desk::new();
    let mut source = desk.source("p.png", &encode(&quarters(64, 64).into(), ImageFormat::Png));
    source.matte = Some(desk.put("matte.png", b"no"));
    let fault = refused(source, desk.options());
    assert_eq!(fault.file, SourceFile::Matte);
    assert!(fault.what.contains("matte.png") && fault.cure.contains("`matte`"));
}

#[test]
fn no_face_names_the_landmarks_property() {
    let desk = Desk::new();
    let path = desk.put(
        "tree.png",
        &encode(&quarters(500, 400).into(), ImageFormat::Png),
    );
    let fault = refused(picture_only(&path), desk.options());
    assert_eq!(fault.file, SourceFile::Picture);
    assert!(
        fault.what.contains("no face") && fault.cure.contains("`landmarks`"),
        "{fault}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn flipped_bytes_are_no_panic(format in 0..3, flips: Vec<(proptest::sample::Index, u8)>) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][format as usize];
        let image = image::DynamicImage::ImageRgba8(quarters(40, 30)).into_rgb8();
        let mut bytes = encode(&image.into(), format);
        for (at, value) in flips.into_iter().take(8) {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let desk = Desk::new();
        let _ = Portrait::load_with(&desk.source("p", &bytes), &desk.options());
    }
}
