// SPDX-License-Identifier: MPL-2.0
//! Portraits that tests make for themselves.

use std::path::{Path, PathBuf};

/// An RGBA PNG of stored blocks: the plainest file that every reader takes.
pub fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let mut raw = Vec::new();
    for y in 0..height {
        raw.push(0);
        (0..width).for_each(|x| raw.extend(pixel(x, y)));
    }
    let mut zlib = vec![0x78, 0x01];
    let blocks = raw.chunks(65_535).count();
    for (i, block) in raw.chunks(65_535).enumerate() {
        let len = block.len() as u16;
        zlib.push(u8::from(i + 1 == blocks));
        zlib.extend(len.to_le_bytes());
        zlib.extend((!len).to_le_bytes());
        zlib.extend(block);
    }
    zlib.extend(adler32(&raw).to_be_bytes());

    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &zlib);
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let from = file.len();
    file.extend(kind);
    file.extend(data);
    let crc = crc32(&file[from..]);
    file.extend(crc.to_be_bytes());
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

/// 68 landmarks of a frontal face in a square picture of `side` pixels, in iBUG's order.
pub fn landmarks(side: f32) -> Vec<[f32; 2]> {
    let mut points = Vec::new();
    let mut arc = |n: u32, cx: f32, cy: f32, rx: f32, ry: f32, from: f32, to: f32| {
        for i in 0..n {
            let a = (from + (to - from) * i as f32 / (n - 1).max(1) as f32).to_radians();
            points.push([side * (cx + rx * a.cos()), side * (cy - ry * a.sin())]);
        }
    };
    arc(17, 0.5, 0.45, 0.22, 0.33, 180.0, 360.0); // jaw line
    arc(5, 0.40, 0.40, 0.065, 0.03, 170.0, 10.0); // brows
    arc(5, 0.60, 0.40, 0.065, 0.03, 170.0, 10.0);
    for i in 0..4 {
        points.push([side * 0.5, side * (0.43 + 0.035 * i as f32)]); // bridge of the nose
    }
    for i in 0..5 {
        points.push([side * (0.46 + 0.02 * i as f32), side * 0.57]); // its base
    }
    for cx in [0.40, 0.60] {
        for (dx, dy) in [
            (-1.0, 0.0),
            (-0.4, -1.0),
            (0.4, -1.0),
            (1.0, 0.0),
            (0.4, 1.0),
            (-0.4, 1.0),
        ] {
            points.push([side * (cx + 0.035 * dx), side * (0.44 + 0.013 * dy)]);
        }
    }
    let mut lips = |n: u32, rx: f32, ry: f32| {
        for i in 0..n {
            let a = (180.0 - 360.0 * i as f32 / n as f32).to_radians();
            points.push([side * (0.5 + rx * a.cos()), side * (0.65 - ry * a.sin())]);
        }
    };
    lips(12, 0.075, 0.03);
    lips(8, 0.06, 0.002);
    assert_eq!(points.len(), 68);
    points
}

/// A portrait of one plain colour with its landmarks beside it.
pub struct Portrait {
    pub picture: PathBuf,
    pub landmarks: PathBuf,
}

impl Portrait {
    pub fn write(folder: &Path, name: &str, colour: [u8; 4]) -> Self {
        let side = 200;
        let picture = folder.join(format!("{name}.png"));
        std::fs::write(&picture, png(side, side, |_, _| colour)).expect("written");
        let landmarks_file = folder.join(format!("{name}.json"));
        let list = serde_json::json!({ "landmarks": landmarks(side as f32) });
        std::fs::write(&landmarks_file, list.to_string()).expect("written");
        Self {
            picture,
            landmarks: landmarks_file,
        }
    }

    pub fn picture(&self) -> &str {
        self.picture.to_str().expect("UTF-8")
    }

    pub fn landmarks(&self) -> &str {
        self.landmarks.to_str().expect("UTF-8")
    }
}
