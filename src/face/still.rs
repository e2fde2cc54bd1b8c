// SPDX-License-Identifier: MPL-2.0
//! Pictures that lie behind a portrait: no face is looked for.

use std::path::Path;

use super::{FaceError, Picture, SourceFile, input, picture};

impl Picture {
    /// Reads a JPEG, PNG or WebP file as it is shown: upright, in sRGB. The same limits hold as
    /// for portraits. Also gives what the user should know although it works.
    ///
    /// # Errors
    /// If the file is missing, unreadable, too large, damaged, or of another kind. The error is
    /// about a [`SourceFile::Background`].
    pub fn load(path: &Path) -> Result<(Self, Vec<String>), FaceError> {
        let bytes = input::read(path, picture::MAX_FILE, SourceFile::Background)?;
        let decoded = picture::decode(&bytes, path, SourceFile::Background)?;
        Ok((decoded.picture, decoded.warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_without_a_face_is_read_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("room.png");
        image::RgbaImage::from_pixel(50, 30, image::Rgba([1, 2, 3, 255]))
            .save(&path)
            .expect("written");
        let (picture, warnings) = Picture::load(&path).expect("a picture");
        assert_eq!((picture.width, picture.height), (50, 30));
        assert_eq!(picture.rgba[..4], [1, 2, 3, 255]);
        assert!(warnings.is_empty());
        let error = Picture::load(&folder.path().join("none.png")).expect_err("missing");
        assert!(error.what.contains("none.png"));
        assert!(!error.to_string().contains("`portrait`"), "{error}");
    }
}
