// SPDX-License-Identifier: MPL-2.0
//! ONNX Runtime, found and loaded while running. Nothing else in the project knows `ort`.
//!
//! Building needs no ONNX Runtime, and any version from 1.17 on serves. Its shared library is
//! loaded once per process, at the first [`runtime`] that finds one; until then each call looks
//! again, so that one can be put in place while the process runs.

mod provider;
mod session;
mod stepper;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use once_cell::sync::OnceCell;
use ort::environment::Environment;

pub use provider::Provider;
pub use session::{Element, Options, Port, Session, SessionError, Stop, Tensor, Values};
pub use stepper::{Stepper, Wanted};

/// Names the library's file; set and not empty, nothing else is tried.
pub const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where distributions and users put shared libraries.
const LIBRARY_FOLDERS: [&str; 8] = [
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib64",
    "/opt/homebrew/lib",
    "/opt/onnxruntime/lib",
];
/// Names that the system's loader may know.
const LIBRARY_NAMES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];
/// A folder with more entries than this is not searched to its end.
const MOST_ENTRIES: usize = 20_000;

/// Why there is no ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// No library was found, or none of those found could be used.
    #[error(
        "no usable ONNX Runtime 1.17 or later{}. Take libonnxruntime.so.* out of the Python \
         package onnxruntime (its folder capi) and put it into the folder gst-sonic of your user \
         data folder, install your distribution's libonnxruntime, or let {PATH_VARIABLE} name \
         the file", tried(.0)
    )]
    Unusable(
        /// What was found, each with what is wrong with it.
        Vec<String>,
    ),
    /// A library was loaded but could not be set up.
    #[error("ONNX Runtime was loaded but did not start: {0}")]
    Environment(
        /// What it says.
        String,
    ),
}

fn tried(reasons: &[String]) -> String {
    if reasons.is_empty() {
        " was found".into()
    } else {
        format!(" was found ({})", reasons.join("; "))
    }
}

/// The runtime, ready for sessions.
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// What sessions are built from.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The library that was loaded, as it was named to the system's loader.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Kept for ever: ONNX Runtime allows one environment per process, once.
static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// Where who uses the engine keeps libraries.
static BESIDE: OnceLock<PathBuf> = OnceLock::new();

/// Has [`runtime`] look into that folder, such as that of the plugin, before the user's and the
/// system's. The first call counts.
pub fn look_beside(folder: &Path) {
    BESIDE.get_or_init(|| folder.to_owned());
}

/// ONNX Runtime, loaded by the first call that finds it: in the file that the variable
/// [`PATH_VARIABLE`] names, else beside the plugin (see [`look_beside`]), in the user's data
/// folder, or among the system's libraries.
///
/// # Errors
/// See [`RuntimeError`]; a later call tries again.
pub fn runtime() -> Result<&'static Runtime, RuntimeError> {
    RUNTIME.get_or_try_init(|| load(&candidates(BESIDE.get().map(PathBuf::as_path))))
}

/// Version and build of the runtime that is loaded, as it says itself; `None` until
/// [`runtime`] has succeeded.
pub fn runtime_version() -> Option<&'static str> {
    RUNTIME.get().map(|_| ort::info())
}

fn load(candidates: &[PathBuf]) -> Result<Runtime, RuntimeError> {
    let mut reasons = Vec::new();
    for path in candidates {
        // `ort` asserts some things about a library that a foreign file need not keep.
        match catch_unwind(AssertUnwindSafe(|| ort::init_from(path))) {
            Ok(Ok(builder)) => {
                let environment = builder
                    .with_name("gst-sonic")
                    .with_telemetry(false)
                    .build()
                    .map_err(|e| RuntimeError::Environment(e.to_string()))?;
                return Ok(Runtime {
                    environment,
                    path: path.clone(),
                });
            }
            // A bare name that the system does not know is no finding worth telling.
            Ok(Err(_)) if path.components().count() == 1 => {}
            Ok(Err(error)) => reasons.push(error.to_string()),
            Err(_) => reasons.push(format!("{} is no ONNX Runtime", path.display())),
        }
    }
    Err(RuntimeError::Unusable(reasons))
}

/// Files and names to try, best first.
fn candidates(beside: Option<&Path>) -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os(PATH_VARIABLE).filter(|v| !v.is_empty()) {
        // `ort` would look for a relative name beside the executable.
        let path = PathBuf::from(named);
        return vec![std::path::absolute(&path).unwrap_or(path)];
    }
    let user = dirs::data_dir().map(|d| d.join("gst-sonic"));
    let mut found: Vec<PathBuf> = [beside, user.as_deref()]
        .into_iter()
        .flatten()
        .flat_map(libraries_in)
        .collect();
    found.extend(LIBRARY_NAMES.map(PathBuf::from));
    found.extend(
        LIBRARY_FOLDERS
            .iter()
            .flat_map(|f| libraries_in(Path::new(f))),
    );
    found
}

/// ONNX Runtime's libraries in a folder, newest version first. A folder that is not there or
/// cannot be read has none.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .take(MOST_ENTRIES)
        .flatten()
        .filter_map(|entry| {
            let version = library_version(entry.file_name().to_str()?)?;
            let path = std::path::absolute(entry.path()).ok()?;
            path.is_file().then_some((version, path))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The version in a library's file name, empty if it has none; `None` if the name is no ONNX
/// Runtime's.
fn library_version(name: &str) -> Option<Vec<u32>> {
    if name == "libonnxruntime.dylib" || name == "onnxruntime.dll" {
        return Some(Vec::new());
    }
    let rest = name.strip_prefix("libonnxruntime.so")?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.strip_prefix('.')?
        .split('.')
        .map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_the_library_itself_counts() {
        assert_eq!(library_version("libonnxruntime.so"), Some(vec![]));
        assert_eq!(
            library_version("libonnxruntime.so.1.31.1"),
            Some(vec![1, 31, 1])
        );
        for other in [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.bak",
            "libonnxruntime.so.",
            "onnxruntime.so",
        ] {
            assert_eq!(library_version(other), None, "{other}");
        }
    }

    #[test]
    fn the_newest_in_a_folder_is_first() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.20.1",
            "libonnxruntime.so",
            "other.so",
        ] {
            fs::write(folder.path().join(name), b"").expect("a file");
        }
        fs::create_dir(folder.path().join("libonnxruntime.so.2")).expect("a folder");
        let names: Vec<_> = libraries_in(folder.path())
            .iter()
            .filter_map(|p| p.file_name()?.to_str().map(String::from))
            .collect();
        assert_eq!(
            names,
            [
                "libonnxruntime.so.1.20.1",
                "libonnxruntime.so.1.9.0",
                "libonnxruntime.so"
            ]
        );
        assert!(libraries_in(Path::new("/nowhere/at/all")).is_empty());
    }

    #[test]
    fn a_fake_is_refused_and_a_real_one_is_loaded_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let fake = folder.path().join("libonnxruntime.so.1.30.0");
        fs::write(&fake, b"no library").expect("a file");
        let missing = folder.path().join("libonnxruntime.so.1.31.0");
        let error = load(&[fake, missing])
            .err()
            .expect("nothing to load")
            .to_string();
        assert!(error.contains("libonnxruntime.so.1.30.0"), "{error}");
        assert!(error.contains(PATH_VARIABLE), "{error}");
        assert!(error.contains("Python package onnxruntime"), "{error}");
        assert_eq!(runtime_version(), None);

        if std::env::var_os(PATH_VARIABLE).is_none_or(|v| v.is_empty()) {
            println!("skipped: {PATH_VARIABLE} names no ONNX Runtime");
            return;
        }
        let first = runtime().expect("the named library loads");
        assert!(runtime_version().is_some_and(|v| !v.is_empty()));
        let again = runtime().expect("it is loaded");
        assert!(std::ptr::eq(first, again));
        assert!(ort::session::Session::builder(first.environment()).is_ok());
    }
}
