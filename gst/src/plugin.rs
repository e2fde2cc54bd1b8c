// SPDX-License-Identifier: MPL-2.0
//! The plugin's entry points, as GStreamer wants them.
#![allow(missing_docs)]

/**
 * plugin-sonic:
 *
 * Since: plugin-sonic-0.1.0
 */
fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    crate::metas::register();
    if let Some(folder) = plugin
        .filename()
        .as_deref()
        .and_then(std::path::Path::parent)
    {
        sonic_engine::onnx::look_beside(folder);
    }
    crate::avclocksync::register(plugin)?;
    crate::sonicanimator::register(plugin)?;
    crate::ttssrc::register(plugin)?;
    crate::rtmppushsink::register(plugin)
}

gst::plugin_define!(
    sonic,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL-2.0",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "https://gstreamer.freedesktop.org",
    env!("BUILD_REL_DATE")
);
