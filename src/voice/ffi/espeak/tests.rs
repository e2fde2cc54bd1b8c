// SPDX-License-Identifier: MPL-2.0
//! The parts that need no library.

use super::*;

#[test]
fn phonemes_are_told_apart() {
    let said = Said {
        ipa: "(en)_h_ə_l_ˈəʊ_(cmn) _ˈi2\n".into(),
        end: 0,
    };
    let groups: Vec<Vec<_>> = said.groups().map(Iterator::collect).collect();
    assert_eq!(groups, [vec!["h", "ə", "l", "ˈəʊ"], vec!["ˈi2"], vec![]]);
}

#[test]
fn broken_data_is_found_before_the_library_sees_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["phontab", "phonindex", "phondata"] {
        std::fs::write(folder.path().join(name), b"x").expect("a file");
    }
    let problem = data_problem(folder.path()).expect("a file is missing");
    assert!(problem.contains("intonations"), "{problem}");
    std::fs::write(folder.path().join("intonations"), b"").expect("a file");
    assert!(data_problem(folder.path()).is_some());
    std::fs::write(folder.path().join("intonations"), b"x").expect("a file");
    assert_eq!(data_problem(folder.path()), None);
}
