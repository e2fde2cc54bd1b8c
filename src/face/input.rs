// SPDX-License-Identifier: MPL-2.0
//! Files from outside: read whole, within a limit, and never waited for.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::{FaceError, SourceFile};

/// Reads a regular file of at most `limit` bytes. Anything else that a path can name (a folder,
/// a FIFO, a device) is refused before it is opened, because opening or reading it may block.
pub(super) fn read(path: &Path, limit: u64, file: SourceFile) -> Result<Vec<u8>, FaceError> {
    let (mut open, length) = open(path, limit, file)?;
    let mut bytes = Vec::with_capacity(length as usize);
    // The file may grow while it is read.
    open.by_ref()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| unreadable(path, file, &e.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(path, limit, file));
    }
    Ok(bytes)
}

/// Opens a regular file of at most `limit` bytes; gives its length too.
pub(super) fn open(path: &Path, limit: u64, file: SourceFile) -> Result<(File, u64), FaceError> {
    let io = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => error(
            file,
            format!("{} {} does not exist", noun(file), path.display()),
            cure(file),
        ),
        ErrorKind::PermissionDenied => error(
            file,
            format!("{} {} may not be read", noun(file), path.display()),
            "Give this user the right to read it",
        ),
        _ => unreadable(path, file, &e.to_string()),
    };
    let meta = fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        let kind = if meta.is_dir() {
            "a folder"
        } else {
            "a pipe or device"
        };
        return Err(error(
            file,
            format!("{} {} is {kind}", noun(file), path.display()),
            cure(file),
        ));
    }
    if meta.len() > limit {
        return Err(too_large(path, limit, file));
    }
    Ok((File::open(path).map_err(io)?, meta.len()))
}

/// Runs code of others on input of others: where it panics, there is `None` instead.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

pub(super) fn error(
    file: SourceFile,
    what: impl Into<String>,
    cure: impl Into<String>,
) -> FaceError {
    FaceError {
        file,
        what: what.into(),
        cure: cure.into(),
    }
}

fn unreadable(path: &Path, file: SourceFile, why: &str) -> FaceError {
    error(
        file,
        format!("{} {} cannot be read: {why}", noun(file), path.display()),
        cure(file),
    )
}

fn too_large(path: &Path, limit: u64, file: SourceFile) -> FaceError {
    error(
        file,
        format!(
            "{} {} is larger than {} MB",
            noun(file),
            path.display(),
            limit >> 20
        ),
        cure(file),
    )
}

/// The file's name in a message's first sentence.
pub(super) fn noun(file: SourceFile) -> &'static str {
    match file {
        SourceFile::Picture => "the `portrait` file",
        SourceFile::Landmarks => "the `landmarks` file",
        SourceFile::Matte => "the `matte` file",
        SourceFile::Background => "the `background-image` file",
        SourceFile::Predictor => "the face predictor's file",
    }
}

/// The cure that fits whatever is wrong with the file as a whole.
pub(super) fn cure(file: SourceFile) -> &'static str {
    match file {
        SourceFile::Picture => "Set `portrait` to a JPEG, PNG or WebP file",
        SourceFile::Landmarks => "Set `landmarks` to a JSON file with 68 points [x, y]",
        SourceFile::Matte => "Set `matte` to a JPEG, PNG or WebP file",
        SourceFile::Background => "Set `background-image` to a JPEG, PNG or WebP file",
        SourceFile::Predictor => {
            "Install Debian's package libdlib-data (SONIC_FACE_PREDICTOR can name the file), \
             or set `landmarks` to a file with 68 points, which needs no predictor"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_regular_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = read(dir.path(), 10, SourceFile::Picture).unwrap_err();
        assert!(folder.what.contains("is a folder"), "{folder}");
        let device = read(Path::new("/dev/zero"), 10, SourceFile::Matte).unwrap_err();
        assert!(device.what.contains("pipe or device"), "{device}");
        let missing = read(&dir.path().join("no"), 10, SourceFile::Landmarks).unwrap_err();
        assert!(missing.what.contains("does not exist"), "{missing}");
        assert_eq!(missing.file, SourceFile::Landmarks);
    }

    #[test]
    fn holds_the_size_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, [7; 11]).unwrap();
        assert!(read(&path, 10, SourceFile::Picture).is_err());
        assert_eq!(read(&path, 11, SourceFile::Picture).unwrap(), [7; 11]);
    }

    #[test]
    fn a_panic_of_a_library_is_an_answer() {
        assert_eq!(guarded(|| 3), Some(3));
        assert_eq!(guarded(|| -> u8 { panic!("as a decoder might") }), None);
    }
}
