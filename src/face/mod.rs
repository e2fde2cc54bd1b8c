// SPDX-License-Identifier: MPL-2.0
//! From a picture file to a [`Portrait`]: pixels in sRGB and 68 landmarks.

use std::path::PathBuf;

mod cache;
mod detector;
mod dlib;
pub mod follow;
mod geometry;
mod grey;
mod icc;
mod input;
mod landmarks;
mod load;
mod picture;
mod predictor;
mod still;
pub mod verdict;

pub use geometry::EyeFrame;
pub use landmarks::MAX_FILE as MAX_LANDMARKS_FILE;
pub use load::{LoadOptions, MAX_YAW, TINY_IOD, WARN_YAW, predict};
pub use picture::{MAX_FILE as MAX_PICTURE_FILE, MAX_PIXELS, MAX_SIDE};
pub use predictor::{FILE_NAME as PREDICTOR_FILE, PREDICTOR_NOTICE, Predictor};

/// A position in picture pixels; the centre of the top-left pixel is (0, 0), y points down.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// 68 facial landmarks in the order of iBUG 300-W (0–16 jaw line, 17–26 brows, 27–35 nose,
/// 36–47 eyes, 48–59 outer lip line, 60–67 inner lip line), in picture pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmarks(pub [Point; 68]);

/// A decoded picture: sRGB, 8 bit, straight alpha, rows without padding, upright.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `4 * width * height` bytes: R, G, B, A.
    pub rgba: Vec<u8>,
    /// Whether any alpha is below 255.
    pub has_alpha: bool,
}

/// Where the landmarks came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandmarkOrigin {
    /// They ship with the built-in portrait.
    BuiltIn,
    /// A landmarks file of the user's.
    File,
    /// Detector and predictor, just now.
    Detected,
    /// Detector and predictor, at an earlier time, from the cache.
    Cached,
}

/// What was found in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceReport {
    /// How many faces the detector saw; 1 when it did not look.
    pub faces: usize,
    /// Left, top, width, height of the face that was taken, in pixels.
    pub face_box: [f32; 4],
    /// Distance between the eye centres in pixels.
    pub iod: f32,
    /// Estimated head yaw in degrees, positive towards the viewer's right.
    pub yaw: f32,
    /// Source of the landmarks.
    pub origin: LandmarkOrigin,
    /// What the user should know although it works.
    pub warnings: Vec<String>,
}

/// Which files make a portrait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortraitSource {
    /// JPEG, PNG or WebP; `None` is the built-in portrait.
    pub picture: Option<PathBuf>,
    /// JSON with 68 points; `None` looks for the face.
    pub landmarks: Option<PathBuf>,
    /// A picture whose luminance is the portrait's alpha; `None` keeps the picture's own.
    pub matte: Option<PathBuf>,
}

/// A picture with its face found.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// The pixels.
    pub picture: Picture,
    /// The face's landmarks.
    pub landmarks: Landmarks,
    /// How they were found.
    pub report: FaceReport,
}

/// Which of the files of a [`PortraitSource`] an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFile {
    /// The picture itself.
    Picture,
    /// The landmarks file, or its absence.
    Landmarks,
    /// The matte.
    Matte,
    /// A picture that lies behind a portrait; no part of the portrait itself.
    Background,
    /// The face predictor's file.
    Predictor,
}

/// Why there is no portrait: what is wrong and how to mend it, in one sentence each.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}. {cure}")]
pub struct FaceError {
    /// Which file it is about.
    pub file: SourceFile,
    /// What is wrong, naming the file.
    pub what: String,
    /// What the user can do.
    pub cure: String,
}
