// SPDX-License-Identifier: MPL-2.0
//! Landmarks that were found once, kept by the content of their picture. An entry is a landmarks
//! file with two more fields. Nothing here is an error: a cache that cannot be used costs time.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Landmarks, SourceFile, input, landmarks};

/// To be raised when detector, predictor or what is made of them changes.
const VERSION: u32 = 1;
/// The detector counts no more.
const MAX_FACES: usize = 10_000;

/// What the detector and the predictor found in one picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub landmarks: Landmarks,
    pub faces: usize,
    pub face_box: [f32; 4],
}

#[derive(Deserialize)]
struct Extra {
    version: u32,
    faces: usize,
    face_box: [f32; 4],
}

/// Where the entry of a picture is kept. `predictor` is the user's own predictor file, which
/// makes other landmarks.
pub(super) fn path(folder: &Path, file: &[u8], predictor: Option<&Path>) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(VERSION.to_le_bytes());
    hash.update((file.len() as u64).to_le_bytes());
    hash.update(file);
    if let Some(path) = predictor {
        hash.update(path.as_os_str().as_encoded_bytes());
    }
    let name: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    folder.join("landmarks").join(name + ".json")
}

/// The entry, if there is a sound one for a picture of that size.
pub(super) fn read(path: &Path, size: (usize, usize)) -> Option<Entry> {
    let bytes = input::read(path, landmarks::MAX_FILE, SourceFile::Landmarks).ok()?;
    let extra: Extra = serde_json::from_slice(&bytes).ok()?;
    let sound = extra.version == VERSION
        && (1..=MAX_FACES).contains(&extra.faces)
        && extra.face_box.iter().all(|v| v.abs() < 1e6);
    if !sound {
        return None;
    }
    Some(Entry {
        landmarks: Landmarks::parse(&bytes, size).ok()?,
        faces: extra.faces,
        face_box: extra.face_box,
    })
}

/// Writes the entry so that a reader sees all of it or nothing.
pub(super) fn write(path: &Path, entry: &Entry, size: (usize, usize)) {
    if let Err(e) = try_write(path, entry, size) {
        tracing::debug!("landmarks are not cached in {}: {e}", path.display());
    }
}

fn try_write(path: &Path, entry: &Entry, (width, height): (usize, usize)) -> std::io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let [x, y, w, h] = entry.face_box;
    let text = entry.landmarks.to_json(width, height).replacen(
        '{',
        &format!(
            "{{\"version\": {VERSION}, \"faces\": {}, \"face_box\": [{x}, {y}, {w}, {h}],\n",
            entry.faces
        ),
        1,
    );
    let unique = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{unique}.tmp", std::process::id()));
    let written = fs::File::create_new(&temporary)
        .and_then(|mut f| f.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // A leftover would only take room; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{super::Point, super::geometry::tests::seen, *};

    const SIZE: (usize, usize) = (600, 500);

    fn entry() -> Entry {
        Entry {
            landmarks: seen(4.0, -3.3, 97.0, Point { x: 300.0, y: 200.0 }),
            faces: 2,
            face_box: [200.5, 90.25, 210.0, 210.0],
        }
    }

    #[test]
    fn keeps_exactly_what_was_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir.path().join("not/there/yet"), b"picture", None);
        assert_eq!(read(&path, SIZE), None);
        write(&path, &entry(), SIZE);
        assert_eq!(read(&path, SIZE), Some(entry()));
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    #[test]
    fn damaged_entries_are_ignored_and_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), b"picture", None);
        write(&path, &entry(), SIZE);
        let sound = fs::read_to_string(&path).unwrap();
        for damaged in [
            sound[..sound.len() / 2].to_owned(),
            String::new(),
            sound.replace("\"version\": 1", "\"version\": 0"),
            sound.replace("\"faces\": 2", "\"faces\": 0"),
            sound.replace("200.5,", "1e39,"),
        ] {
            assert_ne!(damaged, sound);
            fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path, SIZE), None);
            write(&path, &entry(), SIZE);
            assert_eq!(read(&path, SIZE), Some(entry()));
        }
    }

    #[test]
    fn other_pictures_and_predictors_have_other_entries() {
        let folder = Path::new("/c");
        let names = [
            path(folder, b"a", None),
            path(folder, b"b", None),
            path(folder, b"a", Some(Path::new("own.dat"))),
            path(folder, b"aown.dat", None),
        ];
        for (i, a) in names.iter().enumerate() {
            assert!(names[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let path = path(&file, b"picture", None);
        write(&path, &entry(), SIZE);
        assert_eq!(read(&path, SIZE), None);
    }
}
