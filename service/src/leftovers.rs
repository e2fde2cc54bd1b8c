// SPDX-License-Identifier: MPL-2.0
//! What a process has left that was killed: pictures and voices that nobody would ever take away.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

/// Nothing that is still used is as old, at least.
pub const DAY: Duration = Duration::from_secs(86_400);

/// How names begin of files that are on their way in.
pub const UPLOAD: &str = "sonicd-upload-";
/// How names begin of folders of portraits that are looked at.
pub const FACE: &str = "sonicd-face-";
/// How names begin of folders of jobs.
pub const JOB: &str = "sonicd-job-";

/// The folder, beside those of jobs, where children keep the landmarks of portraits for each other.
pub const LANDMARKS: &str = "sonicd-faces";

/// What tells a child of that folder.
pub fn landmarks_kept(scratch: &Path) -> (&'static str, OsString) {
    ("SONIC_CACHE_DIR", scratch.join(LANDMARKS).into_os_string())
}

/// Takes away the landmarks of portraits that were found a day ago: they are personal data, and are
/// soon found again; how many.
pub fn sweep_landmarks(scratch: &Path, now: SystemTime) -> usize {
    // As the engine names the folder.
    sweep(&scratch.join(LANDMARKS).join("landmarks"), "", DAY, now)
}

fn is_old(entry: &fs::DirEntry, before: SystemTime) -> bool {
    let written = entry.metadata().and_then(|meta| meta.modified());
    written.is_ok_and(|written| written < before)
}

fn remove(entry: &fs::DirEntry) -> bool {
    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
    let removed = match is_folder {
        true => fs::remove_dir_all(entry.path()),
        false => fs::remove_file(entry.path()),
    };
    // It may be another user's.
    removed.is_ok()
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Takes away what lies in a folder under a name that begins so, and is older than that; how much.
pub fn sweep(folder: &Path, prefix: &str, age: Duration, now: SystemTime) -> usize {
    let Some(before) = now.checked_sub(age) else {
        return 0;
    };
    let ours = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with(prefix)) && is_old(entry, before)
    };
    entries(folder).filter(ours).filter(remove).count()
}

/// Takes away what a store in a folder has begun to write a day ago, and never ended; how much. The
/// store itself does not list it: its name ends with a number behind a `#`.
pub fn sweep_staged(folder: &Path, now: SystemTime) -> usize {
    let Some(before) = now.checked_sub(DAY) else {
        return 0;
    };
    let mut swept = 0;
    for entry in entries(folder) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            swept += sweep_staged(&entry.path(), now);
            continue;
        }
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.rsplit_once('#'));
        let staged = number.is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if staged && is_old(&entry, before) && remove(&entry) {
            swept += 1;
        }
    }
    swept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aged(path: &Path, hours: u64) {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        let file = fs::File::open(path).expect("it is there");
        file.set_modified(then).expect("its time");
    }

    #[test]
    fn what_is_old_and_ones_own_goes_and_all_else_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, hours) in [
            ("sonicd-job-old", 30),
            ("sonicd-job-young", 20),
            ("job-of-others", 30),
        ] {
            let own = folder.path().join(name);
            fs::create_dir(&own).expect("a folder");
            fs::write(own.join("portrait"), "a face").expect("a file");
            aged(&own, hours);
        }
        let now = SystemTime::now();
        assert_eq!(sweep(folder.path(), JOB, DAY, now), 1);
        assert_eq!(sweep(folder.path(), JOB, DAY, now), 0);
        assert!(!folder.path().join("sonicd-job-old").exists());
        assert_eq!(entries(folder.path()).count(), 2);
        assert_eq!(sweep(&folder.path().join("nowhere"), JOB, DAY, now), 0);
    }

    #[test]
    fn landmarks_are_kept_for_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join(LANDMARKS).join("landmarks");
        fs::create_dir_all(&inner).expect("folders");
        for (name, hours) in [("a.json", 25), ("b.json", 1)] {
            fs::write(inner.join(name), "68 points").expect("a file");
            aged(&inner.join(name), hours);
        }
        assert_eq!(sweep_landmarks(folder.path(), SystemTime::now()), 1);
        assert!(!inner.join("a.json").exists() && inner.join("b.json").exists());
    }

    #[test]
    fn of_a_store_only_what_was_never_ended_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("results/local");
        fs::create_dir_all(&inner).expect("folders");
        for (name, hours) in [("a.mp4", 99), ("b.mp4#1", 99), ("c.mp4#2", 1), ("d#x", 99)] {
            fs::write(inner.join(name), "video").expect("a file");
            aged(&inner.join(name), hours);
        }
        assert_eq!(sweep_staged(folder.path(), SystemTime::now()), 1);
        assert!(!inner.join("b.mp4#1").exists());
        assert_eq!(entries(&inner).count(), 3);
    }
}
