// SPDX-License-Identifier: MPL-2.0
//! [`Portrait::load`]: the files of a [`PortraitSource`] become a [`Portrait`].

use std::{
    env,
    path::{Path, PathBuf},
};

use super::{
    FaceError, FaceReport, LandmarkOrigin, Landmarks, PREDICTOR_NOTICE, Picture, Point, Portrait,
    PortraitSource, SourceFile,
    cache::{self, Entry},
    detector,
    grey::{Grey, Source},
    input,
    picture::{self, Decoded},
    predictor::Predictor,
};

/// Estimated yaw from which on the user is warned, in degrees.
pub const WARN_YAW: f32 = 35.0;
/// Estimated yaw from which on a portrait is refused, in degrees.
pub const MAX_YAW: f32 = 50.0;
/// Eye distance below which the user is warned, in pixels.
pub const TINY_IOD: f32 = 24.0;

/// Longest side of the face box at which the predictor looks, in pixels. It compares single
/// pixels, so noise is averaged away first; dlib trained it on faces of about this size.
const PREDICTOR_BOX: f32 = 256.0;
/// Room around the face box that the predictor may look at, in box widths.
const PREDICTOR_MARGIN: f32 = 0.5;
/// The predictor's answers for slightly moved and scaled boxes are averaged: shift right and
/// down, and growth, in box widths.
const PREDICTOR_LOOKS: [[f32; 3]; 7] = [
    [0.0, 0.0, 0.0],
    [0.02, 0.0, 0.0],
    [-0.02, 0.0, 0.0],
    [0.0, 0.02, 0.0],
    [0.0, -0.02, 0.0],
    [0.0, 0.0, 0.04],
    [0.0, 0.0, -0.04],
];

/// Where loading looks for what the source does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The folder that keeps landmarks found once; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// The face predictor's file; `None` searches the usual places.
    pub predictor: Option<PathBuf>,
}

impl LoadOptions {
    /// The user's cache folder, or `SONIC_CACHE_DIR`; the predictor that `SONIC_FACE_PREDICTOR`
    /// names.
    pub fn from_env() -> Self {
        let named = |key| {
            env::var_os(key)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        Self {
            cache: named("SONIC_CACHE_DIR")
                .or_else(|| dirs::cache_dir().map(|d| d.join("gst-sonic"))),
            predictor: named("SONIC_FACE_PREDICTOR"),
        }
    }
}

impl Portrait {
    /// Reads the files, finds the face. Where to look for what the source does not name comes
    /// from [`LoadOptions::from_env`].
    ///
    /// # Errors
    /// See [`FaceError`]: a file is missing, unreadable, too large, damaged, or of another kind;
    /// there is no face and no landmarks file; the face is turned away more than [`MAX_YAW`].
    pub fn load(source: &PortraitSource) -> Result<Self, FaceError> {
        Self::load_with(source, &LoadOptions::from_env())
    }

    /// [`load`](Self::load) with every place named.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(source: &PortraitSource, options: &LoadOptions) -> Result<Self, FaceError> {
        let Some(path) = &source.picture else {
            return Self::load_built_in(source);
        };
        let bytes = input::read(path, picture::MAX_FILE, SourceFile::Picture)?;
        let Decoded {
            mut picture,
            warnings,
        } = picture::decode(&bytes, path, SourceFile::Picture)?;
        let (landmarks, mut report) = match &source.landmarks {
            Some(file) => from_file(file, &picture)?,
            None => find(&bytes, path, &picture, options)?,
        };
        report.warnings.splice(0..0, warnings);
        judge(&landmarks, &mut report, path, SourceFile::Picture)?;
        apply_matte(source, &mut picture, &mut report)?;
        Ok(Self {
            picture,
            landmarks,
            report,
        })
    }

    /// The portrait that comes with the project, and its landmarks.
    pub fn built_in() -> Self {
        const PICTURE: &[u8] = include_bytes!("../../assets/portrait.png");
        const LANDMARKS: &[u8] = include_bytes!("../../assets/portrait.json");
        let picture = picture::decode(PICTURE, Path::new("portrait.png"), SourceFile::Picture)
            .expect("the embedded picture is decoded by a test")
            .picture;
        let landmarks = Landmarks::parse(LANDMARKS, (picture.width, picture.height))
            .expect("the embedded landmarks are parsed by a test");
        let report = report(&landmarks, 1, landmarks.bounds(), LandmarkOrigin::BuiltIn);
        Self {
            picture,
            landmarks,
            report,
        }
    }

    /// The built-in portrait with what the user gives of their own.
    fn load_built_in(source: &PortraitSource) -> Result<Self, FaceError> {
        let mut portrait = Self::built_in();
        if let Some(file) = &source.landmarks {
            (portrait.landmarks, portrait.report) = from_file(file, &portrait.picture)?;
            judge(
                &portrait.landmarks,
                &mut portrait.report,
                file,
                SourceFile::Landmarks,
            )?;
        }
        apply_matte(source, &mut portrait.picture, &mut portrait.report)?;
        Ok(portrait)
    }
}

fn from_file(file: &Path, picture: &Picture) -> Result<(Landmarks, FaceReport), FaceError> {
    let landmarks = Landmarks::read(file, picture)?;
    let report = report(&landmarks, 1, landmarks.bounds(), LandmarkOrigin::File);
    Ok((landmarks, report))
}

fn apply_matte(
    source: &PortraitSource,
    picture: &mut Picture,
    report: &mut FaceReport,
) -> Result<(), FaceError> {
    if let Some(path) = &source.matte {
        let bytes = input::read(path, picture::MAX_FILE, SourceFile::Matte)?;
        let matte = picture::decode(&bytes, path, SourceFile::Matte)?;
        report.warnings.extend(matte.warnings);
        picture.set_matte(&matte.picture);
    }
    Ok(())
}

/// The cache's landmarks, or the detector's and the predictor's.
fn find(
    bytes: &[u8],
    path: &Path,
    picture: &Picture,
    options: &LoadOptions,
) -> Result<(Landmarks, FaceReport), FaceError> {
    let size = (picture.width, picture.height);
    let entry_path = options
        .cache
        .as_ref()
        .map(|folder| cache::path(folder, bytes, options.predictor.as_deref()));
    let cached = entry_path.as_ref().and_then(|p| cache::read(p, size));
    let (entry, origin) = match cached {
        Some(entry) => (entry, LandmarkOrigin::Cached),
        None => {
            let entry = look(path, picture, options)?;
            if let Some(p) = &entry_path {
                cache::write(p, &entry, size);
            }
            (entry, LandmarkOrigin::Detected)
        }
    };
    let mut report = report(&entry.landmarks, entry.faces, entry.face_box, origin);
    if origin == LandmarkOrigin::Detected {
        report.warnings.push(PREDICTOR_NOTICE.to_owned());
    }
    Ok((entry.landmarks, report))
}

/// Detector, then predictor.
fn look(path: &Path, picture: &Picture, options: &LoadOptions) -> Result<Entry, FaceError> {
    let faces = detector::detect(picture)?;
    let Some(face) = faces.first() else {
        return Err(input::error(
            SourceFile::Picture,
            format!("no face is found in the `portrait` {}", path.display()),
            "Give a portrait from the front, or set `landmarks` to a file with 68 points",
        ));
    };
    let predictor = Predictor::find(options.predictor.as_deref())?;
    let landmarks = predict(&predictor, picture, face.face_box);
    if let Some(flaw) = landmarks.flaw() {
        return Err(input::error(
            SourceFile::Picture,
            format!(
                "the face in the `portrait` {} is not understood: the landmarks {flaw}",
                path.display()
            ),
            "Give a portrait from the front, or set `landmarks` to a file with 68 points",
        ));
    }
    Ok(Entry {
        landmarks,
        faces: faces.len(),
        face_box: face.face_box,
    })
}

/// The landmarks of the face in a box that is already known (left, top, width, height in pixels,
/// as [`FaceReport::face_box`] has it): the mean of several looks, kept within the picture.
pub fn predict(predictor: &Predictor, picture: &Picture, face: [f32; 4]) -> Landmarks {
    predict_by(predictor, picture, face, &PREDICTOR_LOOKS)
}

/// [`predict`] in any kind of picture, by so many looks.
pub(super) fn predict_by(
    predictor: &Predictor,
    picture: &impl Source,
    face: [f32; 4],
    looks: &[[f32; 3]],
) -> Landmarks {
    let (pixels, rows) = picture.size();
    let [left, top, width, height] = face;
    let room = PREDICTOR_MARGIN * width;
    let part = [
        left - room,
        top - room,
        width + 2.0 * room,
        height + 2.0 * room,
    ];
    let longest = part[2].max(part[3]);
    let side = longest.min(PREDICTOR_BOX * (1.0 + 2.0 * PREDICTOR_MARGIN));
    // A part cut at the picture's border must not be enlarged to the full side.
    let cut = |low: f32, length: f32, size: usize| (low + length).min(size as f32) - low.max(0.0);
    let whole = cut(part[0], part[2], pixels).max(cut(part[1], part[3], rows));
    let image = Grey::part(
        picture,
        part,
        (side * (whole / longest)).round().max(1.0) as u32,
    );
    let mut sum = [Point::default(); 68];
    for [right, down, growth] in looks {
        let look = [
            left + (right - growth / 2.0) * width,
            top + (down - growth / 2.0) * height,
            width * (1.0 + growth),
            height * (1.0 + growth),
        ];
        let seen = predictor.predict(&image, image.box_from_picture(look));
        for (s, p) in sum.iter_mut().zip(seen.0) {
            let p = image.to_picture(p);
            (s.x, s.y) = (s.x + p.x, s.y + p.y);
        }
    }
    let count = looks.len() as f32;
    Landmarks(sum.map(|s| Point {
        x: (s.x / count).clamp(0.0, pixels as f32 - 1.0),
        y: (s.y / count).clamp(0.0, rows as f32 - 1.0),
    }))
}

fn report(
    landmarks: &Landmarks,
    faces: usize,
    face_box: [f32; 4],
    origin: LandmarkOrigin,
) -> FaceReport {
    FaceReport {
        faces,
        face_box,
        iod: landmarks.iod(),
        yaw: landmarks.yaw(),
        origin,
        warnings: Vec::new(),
    }
}

/// Adds the warnings about the face, or refuses it.
fn judge(
    landmarks: &Landmarks,
    report: &mut FaceReport,
    path: &Path,
    file: SourceFile,
) -> Result<(), FaceError> {
    let (yaw, iod) = (report.yaw, landmarks.iod());
    if yaw.abs() > MAX_YAW {
        return Err(input::error(
            file,
            format!(
                "the face in {} is turned away by about {:.0}°, more than {MAX_YAW:.0}°",
                path.display(),
                yaw.abs()
            ),
            "Give a portrait from the front",
        ));
    }
    if report.faces > 1 {
        let [x, y, w, h] = report.face_box;
        report.warnings.push(format!(
            "{} shows {} faces; the largest was taken, {w:.0}×{h:.0} pixels at ({x:.0}, {y:.0}). \
             Cut the picture to the right one, or give a `landmarks` file.",
            path.display(),
            report.faces
        ));
    }
    if iod < TINY_IOD {
        report.warnings.push(format!(
            "The face is tiny: the eyes are {iod:.0} pixels apart. Give a picture in which they \
             are {TINY_IOD:.0} or more."
        ));
    }
    if yaw.abs() > WARN_YAW {
        report.warnings.push(format!(
            "The face is turned away by about {:.0}°, which distorts when it moves. Give a \
             portrait from the front.",
            yaw.abs()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::geometry::tests::seen, *};

    /// Judges a schematic head that is turned by `yaw` degrees, `iod` pixels between the eyes.
    fn judged(yaw: f32, iod: f32, faces: usize) -> Result<Vec<String>, FaceError> {
        let landmarks = seen(yaw, 4.0, iod, Point { x: 300.0, y: 200.0 });
        let mut report = report(&landmarks, faces, landmarks.bounds(), LandmarkOrigin::File);
        judge(
            &landmarks,
            &mut report,
            Path::new("me.jpg"),
            SourceFile::Picture,
        )?;
        Ok(report.warnings)
    }

    #[test]
    fn a_face_turned_away_is_a_warning_and_then_refused() {
        for side in [-1.0, 1.0] {
            assert_eq!(judged(side * 20.0, 80.0, 1).unwrap(), [""; 0]);
            let warned = judged(side * 42.0, 80.0, 1).unwrap();
            assert!(warned.len() == 1 && warned[0].contains("turned away"));
            let fault = judged(side * 62.0, 80.0, 1).unwrap_err();
            assert_eq!(fault.file, SourceFile::Picture);
            assert!(fault.what.contains("me.jpg") && fault.what.contains("more than 50°"));
        }
    }

    #[test]
    fn several_and_tiny_faces_are_warnings() {
        let warned = judged(0.0, 20.0, 3).unwrap();
        assert!(warned.iter().any(|w| w.contains("3 faces")));
        assert!(warned.iter().any(|w| w.contains("20 pixels apart")));
        assert_eq!(judged(0.0, 25.0, 1).unwrap(), [""; 0]);
    }
}
