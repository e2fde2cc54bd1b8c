// SPDX-License-Identifier: MPL-2.0
//! The network that moves the mouth: what it takes, what it says when something is wrong, and
//! that neither cuts of the sound nor failures show.

#[path = "../common/again.rs"]
mod again;
#[path = "../common/onnx.rs"]
mod onnx;
mod running;
mod taking;
#[path = "../common/tiny.rs"]
mod tiny;

use sonic_engine::articulate::network::{NetworkArticulator, NetworkError, NetworkOptions};

/// A network in a file.
struct File {
    _folder: tempfile::TempDir,
    options: NetworkOptions,
}

fn file(graph: &[u8]) -> File {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.onnx");
    std::fs::write(&path, graph).expect("a file");
    File {
        _folder: folder,
        options: NetworkOptions {
            graph: Some(path),
            look_ahead: 1_000_000_000,
            ..NetworkOptions::default()
        },
    }
}

/// What is loaded, or `None` without ONNX Runtime: then a test is skipped, and says so.
fn installed<T>(found: Result<T, NetworkError>) -> Option<Result<T, NetworkError>> {
    match found {
        Err(error @ NetworkError::NoRuntime(_)) => {
            let required = std::env::var_os("SONIC_REQUIRE_ALL").is_some();
            assert!(!required, "{error}");
            println!("skipped: {error}");
            None
        }
        found => Some(found),
    }
}

fn articulator(options: &NetworkOptions) -> Option<NetworkArticulator> {
    installed(NetworkArticulator::new(options)).map(|found| found.expect("a good network"))
}

/// 16 kHz, up to ±1.
fn noise(samples: usize) -> impl Iterator<Item = f32> {
    let mut seed = 9u64;
    (0..samples).map(move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 40) as f32 / 8_388_608.0 - 1.0
    })
}

/// Words of hum with pauses in between, and noise: 16 kHz.
fn babble(samples: usize) -> Vec<f32> {
    let word = |(i, noise): (usize, f32)| {
        let t = i as f32 / 16_000.0;
        let swell = (0.5 - 0.5 * (t * 26.0).cos()) * (0.6 + 0.4 * (t * 3.1).sin());
        match (t * 1.7) as u32 % 3 {
            0 => 0.0005 * noise,
            1 => 0.2 * swell * ((t * 900.0).sin() + 0.5 * (t * 4_600.0).sin() + 0.2 * noise),
            _ => 0.3 * swell * ((t * 1_250.0).sin() + noise),
        }
    };
    noise(samples).enumerate().map(word).collect()
}
