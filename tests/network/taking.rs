// SPDX-License-Identifier: MPL-2.0
//! Which networks are taken, and what is said of those that are not.

use crate::{
    again::again_with,
    articulator, file, installed,
    tiny::{Oddity, network},
};
use sonic_engine::{
    articulate::{
        Articulator,
        network::{LOOK_AHEAD, NetworkArticulator, NetworkError, NetworkOptions},
    },
    onnx::{PATH_VARIABLE, Provider},
};

fn refused(options: &NetworkOptions) -> Option<NetworkError> {
    installed(NetworkArticulator::new(options)).map(|found| found.err().expect("refused"))
}

#[test]
fn the_built_in_network_waits_for_120_ms_at_most() {
    let Some(network) = articulator(&NetworkOptions::default()) else {
        return;
    };
    assert!(network.look_ahead() * 62_500 <= LOOK_AHEAD);
    assert!(!network.name().is_empty());
}

#[test]
fn of_several_outputs_the_furthest_within_the_look_ahead_is_used() {
    let mine = file(&network(Some(2), &[100, 20, 60], Oddity::None));
    // Two frames of 10 ms, and half a window, come on top.
    for (allowed, needed) in [(60, 52_500), (100, 92_500), (132, 92_500), (133, 132_500)] {
        let options = NetworkOptions {
            look_ahead: allowed * 1_000_000,
            ..mine.options.clone()
        };
        let Some(network) = articulator(&options) else {
            return;
        };
        assert_eq!(network.name(), "tiny");
        assert_eq!(network.look_ahead() * 125 / 2, needed, "{allowed} ms");
    }
    let options = NetworkOptions {
        look_ahead: 50_000_000,
        ..mine.options.clone()
    };
    let said = refused(&options).map_or(String::new(), |e| e.to_string());
    assert!(said.contains("50 ms") && said.contains("52.5 ms"), "{said}");
}

#[test]
fn a_wrong_network_is_told_what_was_expected_and_found() {
    for (oddity, words) in [
        (Oddity::Wide, ["f32[1, K, 40]", "f32[1, 2, 80]"]),
        (Oddity::Whole, ["f32[1, K, 40]", "i64[1, 2, 40]"]),
        (Oddity::Visemes, ["f32[1, 2, 7]", "f32[1, 2, 15]"]),
        (Oddity::Forgetful, ["`before_next`", "`mouth_60ms`"]),
    ] {
        let mine = file(&network(Some(2), &[60], oddity));
        let Some(error) = refused(&mine.options) else {
            return;
        };
        assert!(matches!(error, NetworkError::Graph { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("mine.onnx"), "{said}");
        assert!(words.iter().all(|w| said.contains(w)), "{oddity:?}: {said}");
    }
}

#[test]
fn what_is_no_network_is_refused() {
    let empty = file(b"");
    let text = file(b"no graph at all");
    let whole = network(Some(2), &[60], Oddity::None);
    let torn = file(&whole[..whole.len() / 2]);
    let missing = NetworkOptions {
        graph: Some("/nowhere/mine.onnx".into()),
        ..NetworkOptions::default()
    };
    let folder = NetworkOptions {
        graph: Some(std::env::temp_dir()),
        ..NetworkOptions::default()
    };
    // It fails in the run that is made when it is loaded.
    let lame = file(&network(Some(2), &[60], Oddity::Fails(0)));
    for options in [
        &empty.options,
        &text.options,
        &torn.options,
        &missing,
        &folder,
        &lame.options,
    ] {
        let Some(error) = refused(options) else {
            return;
        };
        assert!(matches!(error, NetworkError::Graph { .. }), "{error}");
        let name = options.graph.as_ref().expect("a file").display();
        assert!(error.to_string().contains(&name.to_string()), "{error}");
    }
}

#[test]
fn a_provider_that_the_library_has_not_is_told_with_those_that_it_has() {
    for provider in Provider::ALL {
        let options = NetworkOptions {
            provider,
            ..file(&network(Some(2), &[60], Oddity::None)).options
        };
        let folder = file(&network(Some(2), &[60], Oddity::None));
        let options = NetworkOptions {
            graph: folder.options.graph.clone(),
            ..options
        };
        match installed(NetworkArticulator::new(&options)) {
            None => return,
            // Some machine may have it.
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                assert!(matches!(error, NetworkError::Provider { .. }), "{error}");
                let said = error.to_string();
                assert!(said.contains(provider.name()), "{said}");
                assert!(said.contains("has cpu"), "{said}");
                assert_ne!(provider, Provider::Cpu);
            }
        }
    }
}

#[test]
fn without_a_runtime_the_cure_is_told() {
    let test = "taking::without_a_runtime_the_cure_is_told";
    again_with(
        test,
        &[(PATH_VARIABLE, "/nowhere/libonnxruntime.so")],
        || {
            let mine = file(&network(Some(2), &[60], Oddity::None));
            let error = NetworkArticulator::new(&mine.options)
                .err()
                .expect("no runtime");
            assert!(matches!(error, NetworkError::NoRuntime(_)), "{error}");
            let said = error.to_string();
            assert!(said.contains(PATH_VARIABLE), "{said}");
        },
    );
}
