// SPDX-License-Identifier: MPL-2.0
//! Copies the face detector's model out of the source of the crate `rustface` into `OUT_DIR`.
//!
//! The crate ships the model but does not embed it, so its folder has to be found: `cargo
//! metadata` knows it, be it in the registry, vendored, or patched. `SONIC_SEETA_MODEL` names
//! the file for builds where `cargo metadata` cannot answer.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";
const OVERRIDE: &str = "SONIC_SEETA_MODEL";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    let model = match env::var_os(OVERRIDE) {
        Some(path) => PathBuf::from(path),
        None => crate_folder("rustface")?.join(MODEL),
    };
    println!("cargo::rerun-if-changed={}", model.display());
    let to = Path::new(&env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?)
        .join("seeta_fd_frontal_v1.0.bin");
    let bytes = fs::read(&model)
        .map_err(|e| format!("the face detector's model {}: {e}", model.display()))?;
    fs::write(to, bytes)?;
    Ok(())
}

/// The folder of a dependency's source.
fn crate_folder(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    // The lock file decided already, so the network is asked only where a package that this
    // platform does not need is missing from the local store.
    let mut faults = String::new();
    for flags in [&["--offline", "--locked"][..], &["--offline"], &[]] {
        match metadata(flags).and_then(|json| find(&json, name)) {
            Ok(folder) => return Ok(folder),
            Err(e) => faults = format!("{faults}\ncargo metadata {}: {e}", flags.join(" ")),
        }
    }
    Err(format!("cannot find the source of {name}; set {OVERRIDE} to its {MODEL}{faults}").into())
}

fn metadata(flags: &[&str]) -> Result<serde_json::Value, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(env::var_os("TARGET").ok_or("TARGET is not set")?)
        .args(flags)
        .current_dir(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn find(json: &serde_json::Value, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    json["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|p| p["name"] == name)
        .and_then(|p| p["manifest_path"].as_str())
        .and_then(|p| Path::new(p).parent())
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("it does not know {name}").into())
}
