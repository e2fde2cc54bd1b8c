// SPDX-License-Identifier: MPL-2.0
//! Puts commit and date of the build into the plugin's description.

fn main() {
    gst_plugin_version_helper::info()
}
