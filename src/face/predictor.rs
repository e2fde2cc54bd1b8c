// SPDX-License-Identifier: MPL-2.0
//! 68 landmarks from a face box: dlib's shape predictor, read from its file and evaluated here.
//!
//! The method is an ensemble of regression trees (Kazemi and Sullivan, "One Millisecond Face
//! Alignment with an Ensemble of Regression Trees", CVPR 2014). A stage compares the brightness
//! of pixels that move with the current shape; each of its trees adds a correction.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    FaceError, Landmarks, Point, SourceFile,
    dlib::{Fault, Numbers},
    grey::Grey,
    input,
};

/// What users should know of the usual predictor file.
pub const PREDICTOR_NOTICE: &str = "The face predictor's file (shape_predictor_68_face_landmarks.dat) \
    was trained on iBUG 300-W, whose licence excludes commercial use, as the file's author says. \
    A `landmarks` file needs no predictor.";

/// Name of the predictor's file wherever it is installed.
pub const FILE_NAME: &str = "shape_predictor_68_face_landmarks.dat";

const MAX_FILE: u64 = 1 << 30;
const POINTS: usize = 68;
const MAX_STAGES: usize = 64;
const MAX_TREES: usize = 8192;
const MAX_SPLITS: usize = 4095;
const MAX_FEATURES: usize = 1 << 16;

/// The folders where the predictor is looked for after the one that the user names.
pub fn default_places() -> Vec<PathBuf> {
    dirs::data_dir()
        .map(|d| d.join("gst-sonic"))
        .into_iter()
        .chain(["/usr/share/dlib", "/usr/local/share/dlib"].map(PathBuf::from))
        .map(|d| d.join(FILE_NAME))
        .collect()
}

struct Split {
    /// Which two feature pixels are compared.
    pixels: [u16; 2],
    threshold: f32,
}

/// Where a tree lies in its stage's lists. The splits are a binary heap.
struct Tree {
    first_split: usize,
    splits: usize,
    first_leaf: usize,
}

struct Stage {
    trees: Vec<Tree>,
    splits: Vec<Split>,
    /// 2 · 68 corrections (x, y of each landmark) a leaf.
    leaves: Vec<f32>,
    /// A feature pixel is a landmark and an offset from it, in the initial shape's frame.
    features: Vec<(u16, [f32; 2])>,
}

/// A shape predictor for 68 points.
pub struct Predictor {
    initial: [[f32; 2]; POINTS],
    stages: Vec<Stage>,
}

impl Predictor {
    /// Finds and reads the predictor. `chosen` is the user's own file; without one the usual
    /// places are searched.
    ///
    /// # Errors
    /// No such file, or a damaged one.
    pub fn find(chosen: Option<&Path>) -> Result<Self, FaceError> {
        if let Some(path) = chosen {
            return Self::open(path);
        }
        let places = default_places();
        match places.iter().find(|p| p.exists()) {
            Some(path) => Self::open(path),
            None => Err(input::error(
                SourceFile::Predictor,
                format!("the face predictor's file {FILE_NAME} is not installed"),
                input::cure(SourceFile::Predictor),
            )),
        }
    }

    /// Reads a predictor file.
    ///
    /// # Errors
    /// It cannot be read, or is not a predictor of 68 points.
    pub fn open(path: &Path) -> Result<Self, FaceError> {
        let (file, length) = input::open(path, MAX_FILE, SourceFile::Predictor)?;
        Self::read(file, length).map_err(|fault| {
            input::error(
                SourceFile::Predictor,
                format!(
                    "{} {} cannot be used: {fault}",
                    input::noun(SourceFile::Predictor),
                    path.display()
                ),
                "Install Debian's package libdlib-data anew, or set `landmarks` to a file with 68 \
                 points, which needs no predictor",
            )
        })
    }

    fn read(stream: impl Read, length: u64) -> Result<Self, Fault> {
        let mut numbers = Numbers::new(stream, length);
        if numbers.integer()? != 1 {
            return Err(Fault::Malformed("it is not a dlib shape predictor"));
        }
        if numbers.matrix()? != (2 * POINTS as i64, 1) {
            return Err(Fault::Malformed("it does not predict 68 points"));
        }
        let mut initial = [[0.0; 2]; POINTS];
        for value in initial.as_flattened_mut() {
            *value = numbers.float()?;
        }
        let mut stages = (0..numbers.count(MAX_STAGES, 2)?)
            .map(|_| read_trees(&mut numbers))
            .collect::<Result<Vec<_>, _>>()?;
        read_features(&mut numbers, &mut stages)?;
        for stage in &stages {
            let known = |s: &Split| {
                s.pixels
                    .iter()
                    .all(|p| usize::from(*p) < stage.features.len())
            };
            if !stage.splits.iter().all(known) {
                return Err(Fault::Malformed(
                    "a tree of it asks for a pixel that is not",
                ));
            }
        }
        if !numbers.at_end() {
            return Err(Fault::Malformed("something follows its end"));
        }
        Ok(Self { initial, stages })
    }

    /// The landmarks of the face in `face` (left, top, width, height in pixels of `image`, as
    /// dlib's own detector would give it). They may lie outside the image.
    pub fn predict(&self, image: &Grey, face: [f32; 4]) -> Landmarks {
        let [left, top, width, height] = face;
        // dlib maps the unit square onto the first and last pixel of the box.
        let size = [(width - 1.0).max(1.0), (height - 1.0).max(1.0)];
        let place = |p: [f32; 2]| [left + p[0] * size[0], top + p[1] * size[1]];
        let mut shape = self.initial;
        let mut values = Vec::new();
        for stage in &self.stages {
            let [a, b] = similarity(&self.initial, &shape);
            values.clear();
            values.extend(stage.features.iter().map(|(anchor, [dx, dy])| {
                let [x, y] = shape[usize::from(*anchor)];
                let [x, y] = place([x + a * dx - b * dy, y + b * dx + a * dy]);
                image.pixel((x + 0.5).floor() as i32, (y + 0.5).floor() as i32)
            }));
            for tree in &stage.trees {
                let leaf = stage.leaf(tree, &values);
                for (value, correction) in shape.as_flattened_mut().iter_mut().zip(leaf) {
                    *value += correction;
                }
            }
        }
        Landmarks(shape.map(|p| {
            let [x, y] = place(p);
            Point { x, y }
        }))
    }
}

impl Stage {
    fn leaf(&self, tree: &Tree, values: &[u8]) -> &[f32] {
        let splits = &self.splits[tree.first_split..tree.first_split + tree.splits];
        let mut node = 0;
        while let Some(split) = splits.get(node) {
            let [first, second] = split.pixels.map(|p| f32::from(values[usize::from(p)]));
            let right = first - second <= split.threshold;
            node = 2 * node + 1 + usize::from(right);
        }
        let leaf = tree.first_leaf + node - splits.len();
        &self.leaves[leaf * 2 * POINTS..(leaf + 1) * 2 * POINTS]
    }
}

/// Rotation and scale (a, b of the matrix [a −b; b a]) that bring `from` onto `to` in the least
/// squares, translation aside.
fn similarity(from: &[[f32; 2]; POINTS], to: &[[f32; 2]; POINTS]) -> [f32; 2] {
    let mean = |s: &[[f32; 2]; POINTS]| {
        let sum = s.iter().fold([0.0; 2], |m, p| [m[0] + p[0], m[1] + p[1]]);
        sum.map(|v| v / POINTS as f32)
    };
    let (from_mean, to_mean) = (mean(from), mean(to));
    let (mut a, mut b, mut norm) = (0.0, 0.0, 0.0);
    for (f, t) in from.iter().zip(to) {
        let f = [f[0] - from_mean[0], f[1] - from_mean[1]];
        let t = [t[0] - to_mean[0], t[1] - to_mean[1]];
        a += f[0] * t[0] + f[1] * t[1];
        b += f[0] * t[1] - f[1] * t[0];
        norm += f[0] * f[0] + f[1] * f[1];
    }
    if norm > 0.0 {
        [a / norm, b / norm]
    } else {
        [1.0, 0.0]
    }
}

fn read_trees<R: Read>(numbers: &mut Numbers<R>) -> Result<Stage, Fault> {
    let mut stage = Stage {
        trees: Vec::new(),
        splits: Vec::new(),
        leaves: Vec::new(),
        features: Vec::new(),
    };
    for _ in 0..numbers.count(MAX_TREES, 4)? {
        let splits = numbers.count(MAX_SPLITS, 8)?;
        stage.trees.push(Tree {
            first_split: stage.splits.len(),
            splits,
            first_leaf: stage.leaves.len() / (2 * POINTS),
        });
        for _ in 0..splits {
            stage.splits.push(Split {
                pixels: [index(numbers)?, index(numbers)?],
                threshold: numbers.float()?,
            });
        }
        // A walk through the heap ends one past its last split at most that many times.
        if numbers.count(MAX_SPLITS + 1, 4 * POINTS as u64)? != splits + 1 {
            return Err(Fault::Malformed("a tree of it has leaves missing"));
        }
        for _ in 0..=splits {
            if numbers.matrix()? != (2 * POINTS as i64, 1) {
                return Err(Fault::Malformed("a leaf of it has another size"));
            }
            for _ in 0..2 * POINTS {
                stage.leaves.push(numbers.float()?);
            }
        }
    }
    Ok(stage)
}

fn read_features<R: Read>(numbers: &mut Numbers<R>, stages: &mut [Stage]) -> Result<(), Fault> {
    const DIFFERENT: Fault = Fault::Malformed("its lists differ in length");
    if numbers.count(MAX_STAGES, 2)? != stages.len() {
        return Err(DIFFERENT);
    }
    for stage in stages.iter_mut() {
        for _ in 0..numbers.count(MAX_FEATURES, 2)? {
            let anchor = index(numbers)?;
            if usize::from(anchor) >= POINTS {
                return Err(Fault::Malformed("it refers to a point that is not"));
            }
            stage.features.push((anchor, [0.0; 2]));
        }
    }
    if numbers.count(MAX_STAGES, 2)? != stages.len() {
        return Err(DIFFERENT);
    }
    for stage in stages {
        if numbers.count(MAX_FEATURES, 8)? != stage.features.len() {
            return Err(DIFFERENT);
        }
        for (_, offset) in &mut stage.features {
            *offset = [numbers.float()?, numbers.float()?];
        }
    }
    Ok(())
}

fn index<R: Read>(numbers: &mut Numbers<R>) -> Result<u16, Fault> {
    u16::try_from(numbers.integer()?)
        .map_err(|_| Fault::Malformed("an index in it is out of range"))
}

#[cfg(test)]
mod tests;
