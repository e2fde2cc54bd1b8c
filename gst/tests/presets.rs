// SPDX-License-Identifier: MPL-2.0
//! The presets that are installed with the plugin.

mod common;

use common::*;
use gst::prelude::*;

#[test]
fn presets_are_found_and_can_be_loaded() {
    // SAFETY: this is the only test of its binary, and nothing has started a thread yet.
    unsafe {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
        std::env::set_var("GST_PRESET_PATH", folder);
        // What the user has saved must not count here.
        let empty = std::env::temp_dir().join("gst-sonic-no-presets");
        std::env::set_var("XDG_DATA_HOME", empty);
    }
    let _watchdog = watchdog(20);
    let element = animator();
    let preset = element.dynamic_cast_ref::<gst::Preset>().expect("a preset");
    let mut names = preset.preset_names();
    names.sort();
    assert_eq!(names, ["Passport", "Presenter", "Streamer"]);
    for name in &names {
        preset.load_preset(name).expect("every value is valid");
        assert!(preset.meta(name, "comment").is_some());
    }
    preset.load_preset("Streamer").expect("loaded");
    assert_eq!(element.property::<f64>("motion-scale"), 1.5);
    let framing = element.property_value("framing");
    assert_eq!(framing.serialize().expect("text"), "cover");

    let element = gst::ElementFactory::make("rtmppushsink").build();
    let element = element.expect("rtmppushsink");
    let preset = element.dynamic_cast_ref::<gst::Preset>().expect("a preset");
    let mut names = preset.preset_names();
    names.sort();
    assert_eq!(names, ["course", "local", "mobile", "virtual-host"]);
    for name in &names {
        preset.load_preset(name).expect("every value is valid");
        assert!(preset.meta(name, "comment").is_some());
        let scenario = element.property_value("scenario").serialize();
        assert_eq!(&scenario.expect("text"), name);
    }
    preset.load_preset("course").expect("loaded");
    assert_eq!(element.property::<u32>("bitrate"), 3000);
}
