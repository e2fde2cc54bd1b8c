// SPDX-License-Identifier: MPL-2.0
//! Speech libraries of the system, loaded while running.
//!
//! The engine's other `unsafe` code beside [`crate::rig`]'s vector loads: C functions can be
//! called in no other way. Each file declares what the library's header says, keeps every pointer
//! to itself, and offers safe functions. They are loaded, not linked, so that the project works
//! without them, and is no derived work of those whose licence is the GPL.
#![allow(unsafe_code)]

pub(super) mod espeak;
pub(super) mod flite;

use std::path::PathBuf;

use libloading::Library;

use super::VoiceError;

/// A library of the system, and what brings it.
pub(super) struct Package {
    /// What people call it.
    pub(super) what: &'static str,
    /// Debian's package.
    pub(super) package: &'static str,
}

impl Package {
    /// That it cannot be used, and the cure.
    pub(super) fn missing(&self, problem: impl Into<String>) -> VoiceError {
        VoiceError::Missing {
            what: self.what,
            problem: problem.into(),
            package: self.package,
        }
    }
}

/// The environment variable that names the folder in which alone the libraries are looked for;
/// without it, the system's loader knows.
pub const FOLDER_VARIABLE: &str = "SONIC_SPEECH_LIBRARIES";

/// The first of the libraries that the system's loader knows.
///
/// # Errors
/// What the loader says of the last name.
fn open(names: &[&str]) -> Result<Library, String> {
    let folder = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    let folder = folder.map(PathBuf::from).unwrap_or_default();
    let mut problem = String::from("no name to look for");
    for name in names {
        // SAFETY: the names are those of well-known libraries, whose initialisers do nothing
        // but what every program that links them lets them do; who names a folder vouches for
        // what lies there.
        match unsafe { Library::new(folder.join(name)) } {
            Ok(library) => return Ok(library),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(problem)
}

/// A function or pointer of the library, by its name.
///
/// # Safety
/// `T` must be what the library's header declares under that name, and the library must be kept
/// for as long as it is used.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: the caller's promise.
    unsafe { library.get::<T>(name) }
        .map(|found| *found)
        .map_err(|error| error.to_string())
}
