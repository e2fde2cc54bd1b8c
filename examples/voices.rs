// SPDX-License-Identifier: MPL-2.0
//! How quickly voices speak: `cargo run --release --example voices [-- NAME…]`. Names are those
//! of `voice`; without any, those of the system that speak English.

use std::{process::ExitCode, time::Instant};

use sonic_engine::voice::{Cancel, Settings, Speaker, VoiceError};

/// What is said: about a minute.
const TEXT: &str = "When the sun came up over the hills, the people of the village opened their \
    windows and listened. Nobody had heard that song for twenty years! It began with a single \
    voice, far away, and then another joined it; soon the whole valley was full of music. Was it \
    a wedding, or a farewell? Nobody knew. ";
const TIMES: usize = 4;

/// What was measured of a voice: s.
struct Figures {
    spoken: f64,
    first: f64,
    all: f64,
}

fn measure(name: &str) -> Result<Figures, VoiceError> {
    let cancel = Cancel::new();
    let mut speaker = Speaker::new(Settings {
        voice: Some(name.to_owned()),
        ..Settings::default()
    });
    // Loading is not speaking.
    speaker.check()?;
    speaker.append(&TEXT.repeat(TIMES));
    speaker.finish();
    let begun = Instant::now();
    let mut figures = Figures {
        spoken: 0.0,
        first: 0.0,
        all: 0.0,
    };
    while let Some(clause) = speaker.next_clause(&cancel) {
        let clause = clause?;
        if figures.spoken == 0.0 {
            figures.first = begun.elapsed().as_secs_f64();
        }
        figures.spoken += clause.samples.len() as f64 / f64::from(clause.rate);
    }
    figures.all = begun.elapsed().as_secs_f64();
    Ok(figures)
}

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = ["slt", "rms", "awb", "kal16", "espeak:en"]
            .map(String::from)
            .into();
    }
    println!("| voice | speech | × real time | first clause |\n|---|---|---|---|");
    let mut code = ExitCode::SUCCESS;
    for name in names {
        match measure(&name) {
            Ok(f) => println!(
                "| {name} | {:.0} s | {:.0} | {:.0} ms |",
                f.spoken,
                f.spoken / f.all,
                f.first * 1e3
            ),
            Err(error) => {
                eprintln!("{name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
