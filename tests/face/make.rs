// SPDX-License-Identifier: MPL-2.0
//! Files that the tests make for themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use image::{DynamicImage, ImageFormat, RgbaImage};
use sonic_engine::face::{LoadOptions, Portrait, PortraitSource};
use tempfile::TempDir;

/// A folder for one test: pictures, landmarks and cache.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("the temporary folder is writable");
        path
    }

    /// The built-in portrait's landmarks, which fit any picture: their file says of which size.
    pub fn landmarks(&self) -> PathBuf {
        static JSON: LazyLock<String> = LazyLock::new(|| {
            let portrait = Portrait::built_in();
            let (w, h) = (portrait.picture.width, portrait.picture.height);
            portrait.landmarks.to_json(w, h)
        });
        self.put("landmarks.json", JSON.as_bytes())
    }

    /// A source with these landmarks, so that the picture need not show a face.
    pub fn source(&self, name: &str, bytes: &[u8]) -> PortraitSource {
        PortraitSource {
            picture: Some(self.put(name, bytes)),
            landmarks: Some(self.landmarks()),
            matte: None,
        }
    }

    /// Options that touch nothing of the user's.
    pub fn options(&self) -> LoadOptions {
        LoadOptions {
            cache: Some(self.path("cache")),
            predictor: None,
        }
    }
}

/// A source without landmarks.
pub fn picture_only(path: &Path) -> PortraitSource {
    PortraitSource {
        picture: Some(path.to_owned()),
        ..PortraitSource::default()
    }
}

/// Four quarters in red, green, blue and yellow, with a gradient to be no flat areas.
pub fn quarters(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let shade = (x * 16 / width) as u8;
        image::Rgba(match (2 * x < width, 2 * y < height) {
            (true, true) => [220 - shade, 20, 20, 255],
            (false, true) => [20, 200 - shade, 30, 255],
            (true, false) => [30, 30, 210 - shade, 255],
            (false, false) => [230, 220 - shade, 30, 255],
        })
    })
}

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, format)
        .expect("it can be encoded");
    bytes.into_inner()
}

/// A JPEG with an Exif segment that says how it lies.
pub fn jpeg_with_orientation(image: &RgbaImage, orientation: u8) -> Vec<u8> {
    let rgb = DynamicImage::ImageRgba8(image.clone()).into_rgb8();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95)
        .encode_image(&rgb)
        .expect("it can be encoded");
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend_from_slice(&[0xFF, 0xE1]);
    bytes.extend_from_slice(&(exif.len() as u16 + 2).to_be_bytes());
    bytes.extend_from_slice(&exif);
    bytes.extend_from_slice(&jpeg[2..]);
    bytes
}

/// A PNG from its parts: bit depth and colour type as in its header, chunks between header and
/// data, and rows without their filter bytes.
pub fn png(
    size: (u32, u32),
    depth: u8,
    colour: u8,
    extra: &[(&[u8; 4], &[u8])],
    rows: &[u8],
) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend_from_slice(&size.0.to_be_bytes());
    header.extend_from_slice(&size.1.to_be_bytes());
    header.extend_from_slice(&[depth, colour, 0, 0, 0]);
    let mut data = Vec::new();
    if !rows.is_empty() {
        for row in rows.chunks(rows.len() / size.1 as usize) {
            data.push(0);
            data.extend_from_slice(row);
        }
    }
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    chunk(&mut bytes, b"IHDR", &header);
    for (kind, content) in extra {
        chunk(&mut bytes, kind, content);
    }
    chunk(&mut bytes, b"IDAT", &stored(&data));
    chunk(&mut bytes, b"IEND", &[]);
    bytes
}

fn chunk(bytes: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    bytes.extend_from_slice(&(content.len() as u32).to_be_bytes());
    let start = bytes.len();
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(content);
    let mut crc = u32::MAX;
    for byte in &bytes[start..] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    bytes.extend_from_slice(&(!crc).to_be_bytes());
}

/// A zlib stream that stores its data.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let mut blocks = data.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend_from_slice(&(block.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(!(block.len() as u16)).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    bytes.extend_from_slice(&(b << 16 | a).to_be_bytes());
    bytes
}
