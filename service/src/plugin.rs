// SPDX-License-Identifier: MPL-2.0
//! Finds the plugin whose elements render.

use std::path::{Path, PathBuf};

/// The elements that are needed of it.
const ELEMENTS: [&str; 2] = ["sonicanimator", "ttssrc"];
const FILE: &str = "libgstsonic.so";

/// Makes sure that its elements can be made: as GStreamer finds them, or else from the file that
/// lies where this program was built or installed.
///
/// # Errors
/// It is not there; one sentence with the cure.
pub fn load() -> Result<(), String> {
    let known = || {
        ELEMENTS
            .iter()
            .all(|name| gst::ElementFactory::find(name).is_some())
    };
    if known() {
        return Ok(());
    }
    for file in std::env::current_exe()
        .iter()
        .flat_map(|program| beside(program))
    {
        if file.is_file()
            && let Ok(plugin) = gst::Plugin::load_file(&file)
            && gst::Registry::get().add_plugin(&plugin).is_ok()
            && known()
        {
            return Ok(());
        }
    }
    Err(format!(
        "GStreamer does not find the plugin {FILE}: `make link`, or GST_PLUGIN_PATH, makes it known"
    ))
}

/// Where it may lie, seen from the program.
fn beside(program: &Path) -> Vec<PathBuf> {
    let Some(folder) = program.parent() else {
        return Vec::new();
    };
    let installed = folder
        .parent()
        .map(|prefix| prefix.join("lib/gstreamer-1.0"));
    let folders = [
        Some(folder.to_owned()),
        Some(folder.join("deps")),
        installed,
    ];
    folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join(FILE))
        .collect()
}
