// SPDX-License-Identifier: MPL-2.0
//! What happens where libraries or their data are missing.

use crate::{again_with, say};
use sonic_engine::voice::{
    Cancel, FOLDER_VARIABLE, Settings, Speaker, VoiceError,
    choice::{all_voices, voice_for, voice_named},
};
use std::{fs, path::Path};

/// Where the system's loader finds a library.
fn library(name: &str) -> Option<std::path::PathBuf> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let found = folders
        .iter()
        .map(|f| Path::new(f).join(name))
        .find(|p| p.exists());
    if found.is_none() {
        assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "no {name}");
        println!("skipped: no {name}");
    }
    found
}

/// A folder with some of the system's libraries.
fn folder(names: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        std::os::unix::fs::symlink(library(name)?, folder.path().join(name)).expect("a link");
    }
    Some(folder)
}

fn text_of(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("a path")
}

#[test]
fn without_any_library_the_cure_is_told() {
    let empty = folder(&[]).expect("a folder");
    let test = "missing::without_any_library_the_cure_is_told";
    again_with(test, &[(FOLDER_VARIABLE, text_of(&empty))], || {
        for (language, package) in [("en", "libespeak-ng1"), ("de", "libespeak-ng1")] {
            let error = voice_for(language).err().expect("no library");
            assert!(matches!(error, VoiceError::Missing { .. }), "{error}");
            assert!(error.to_string().contains(package), "{error}");
        }
        let error = voice_named("slt", None).err().expect("no library");
        assert!(error.to_string().contains("libflite1"), "{error}");
        assert!(all_voices().is_err());
        let mut speaker = Speaker::new(Settings::default());
        assert!(matches!(speaker.check(), Err(VoiceError::Missing { .. })));
        speaker.append("Hello.");
        speaker.finish();
        let answer = speaker.next_clause(&Cancel::new());
        assert!(matches!(answer, Some(Err(VoiceError::Missing { .. }))));
        assert!(speaker.next_clause(&Cancel::new()).is_none(), "told once");
    });
}

#[test]
fn without_flite_espeak_speaks_english() {
    let Some(folder) = folder(&["libespeak-ng.so.1"]) else {
        return;
    };
    let test = "missing::without_flite_espeak_speaks_english";
    again_with(test, &[(FOLDER_VARIABLE, text_of(&folder))], || {
        let voice = voice_for("en").expect("a voice");
        assert_eq!((voice.name(), voice.rate()), ("en", 22_050));
        assert!(!say(&*voice, "hello").samples.is_empty());
        assert!(all_voices().expect("voices").len() > 90);
    });
}

#[test]
fn without_espeak_flite_speaks_english_and_nothing_else() {
    let Some(folder) = folder(&["libflite.so.1", "libflite_cmu_us_slt.so.1"]) else {
        return;
    };
    let test = "missing::without_espeak_flite_speaks_english_and_nothing_else";
    again_with(test, &[(FOLDER_VARIABLE, text_of(&folder))], || {
        let voice = voice_for("en-GB").expect("a voice");
        assert_eq!(voice.name(), "slt");
        assert!(!say(&*voice, "hello").samples.is_empty());
        let error = voice_for("de").err().expect("no library");
        assert!(error.to_string().contains("libespeak-ng1"), "{error}");
        let names: Vec<_> = all_voices()
            .expect("voices")
            .into_iter()
            .map(|v| v.name)
            .collect();
        assert_eq!(names, ["slt"]);
    });
}

#[test]
fn data_that_is_missing_is_named() {
    if library("libespeak-ng.so.1").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("espeak-ng-data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("phontab"), b"x").expect("a file");
    let test = "missing::data_that_is_missing_is_named";
    again_with(test, &[("ESPEAK_DATA_PATH", text_of(&folder))], || {
        let error = voice_for("de").err().expect("no data");
        let said = error.to_string();
        assert!(
            said.contains("espeak-ng-data") && said.contains("phonindex"),
            "{said}"
        );
    });
}
