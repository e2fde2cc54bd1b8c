// SPDX-License-Identifier: MPL-2.0

use super::{super::dlib::tests::Writer, *};
use crate::face::{Picture, geometry::tests::seen};

/// A predictor of one stage with one tree: it compares a pixel left of the nose with one right
/// of it and moves all points right if the left one is brighter, else left.
fn tiny(points: i64, anchors: &[i64], pixels: [i64; 2], leaf_rows: i64) -> Vec<u8> {
    let mut w = Writer::default();
    w.integer(1).integer(-2 * points).integer(-1);
    let face = seen(0.0, 0.0, 0.3, Point { x: 0.5, y: 0.35 });
    for i in 0..points as usize {
        let p = face.0[i % POINTS];
        w.float(p.x).float(p.y);
    }
    w.integer(1).integer(1).integer(1);
    w.integer(pixels[0]).integer(pixels[1]).float(10.0);
    w.integer(2);
    for shift in [0.125, -0.125] {
        w.integer(-leaf_rows).integer(-1);
        for i in 0..leaf_rows {
            w.float(if i % 2 == 0 { shift } else { 0.0 });
        }
    }
    w.integer(1).integer(anchors.len() as i64);
    for a in anchors {
        w.integer(*a);
    }
    w.integer(1).integer(anchors.len() as i64);
    for i in 0..anchors.len() {
        w.float(if i == 0 { -0.25 } else { 0.25 }).float(0.0);
    }
    w.0
}

fn sound() -> Vec<u8> {
    tiny(68, &[30, 30], [0, 1], 136)
}

fn read(bytes: &[u8]) -> Result<Predictor, Fault> {
    Predictor::read(bytes, bytes.len() as u64)
}

fn halves(left: u8, right: u8) -> Grey {
    let rgba = (0..200 * 200)
        .flat_map(|i| {
            let v = if i % 200 < 100 { left } else { right };
            [v, v, v, 255]
        })
        .collect();
    let picture = Picture {
        width: 200,
        height: 200,
        rgba,
        has_alpha: false,
    };
    Grey::whole(&picture, 200)
}

#[test]
fn the_tree_follows_the_picture() {
    let predictor = read(&sound()).unwrap();
    let face = [49.5, 50.0, 101.0, 101.0];
    let bright_left = predictor.predict(&halves(200, 50), face);
    let bright_right = predictor.predict(&halves(50, 200), face);
    // At the threshold (10) and below, the second leaf answers.
    let equal = predictor.predict(&halves(60, 50), face);
    let expected = |shift: f32| 49.5 + 100.0 * (0.5 + shift);
    assert!((bright_left.0[30].x - expected(0.125)).abs() < 0.1);
    assert!((bright_right.0[30].x - expected(-0.125)).abs() < 0.1);
    assert!((equal.0[30].x - expected(-0.125)).abs() < 0.1);
    assert!((bright_left.0[30].y - bright_right.0[30].y).abs() < 1e-3);
}

#[test]
fn a_box_outside_the_picture_is_no_panic() {
    let predictor = read(&sound()).unwrap();
    for b in [
        [-1e6, 1e6, 50.0, 50.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, -5.0, 1e9],
    ] {
        let found = predictor.predict(&halves(1, 2), b);
        assert!(found.0.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
}

#[test]
fn truncated_anywhere_is_an_error() {
    let whole = sound();
    for cut in 0..whole.len() {
        assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(read(&longer).is_err());
}

#[test]
fn hostile_files_are_refused() {
    let fault = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
    assert!(fault(&tiny(5, &[3, 3], [0, 1], 10)).contains("68 points"));
    assert!(fault(&tiny(68, &[30, 68], [0, 1], 136)).contains("point that is not"));
    assert!(fault(&tiny(68, &[30, -1], [0, 1], 136)).contains("out of range"));
    assert!(fault(&tiny(68, &[30, 30], [0, 2], 136)).contains("pixel that is not"));
    assert!(fault(&tiny(68, &[30, 30], [0, 1], 134)).contains("another size"));
    assert!(fault(b"\x89PNG\r\n").contains("malformed"));
    // Counts that promise more than the file holds: refused before anything is allocated.
    let mut w = Writer::default();
    w.integer(1).integer(-136).integer(-1);
    for _ in 0..136 {
        w.float(0.5);
    }
    w.integer(1).integer(8192);
    assert!(fault(&w.0).contains("truncated"));
}

#[test]
fn a_damaged_file_names_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("predictor.dat");
    std::fs::write(&path, &sound()[..100]).unwrap();
    let e = Predictor::find(Some(&path)).err().unwrap();
    assert_eq!(e.file, SourceFile::Predictor);
    assert!(e.what.contains("predictor.dat") && e.cure.contains("libdlib-data"));
    let missing = Predictor::find(Some(&dir.path().join("no"))).err().unwrap();
    assert!(missing.what.contains("does not exist") && missing.cure.contains("landmarks"));
}

proptest::proptest! {
    #[test]
    fn flipped_bytes_never_panic(at in 0_usize..1200, value: u8) {
        let mut bytes = sound();
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(predictor) = read(&bytes) {
            predictor.predict(&halves(9, 200), [50.0, 50.0, 100.0, 100.0]);
        }
    }
}
