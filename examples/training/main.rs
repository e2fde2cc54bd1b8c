// SPDX-License-Identifier: MPL-2.0
//! What training needs of the engine, so that the network learns from the very code that it will
//! live in. Reads one JSON object a line, see [`Task`]; sounds are files of raw 32-bit float
//! mono at 16 kHz.
//!
//! ```text
//! cargo run --release --example training -- speak|shut|frames|listen|decode <tasks
//! cargo run --release --example training -- listen NETWORK.onnx MILLISECONDS <tasks
//! ```

use std::{
    error::Error,
    fs,
    io::{self, BufRead, BufWriter, Write},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sonic_engine::{
    articulate::{
        Articulator, KnownPhones, Mouth, PhoneArticulator,
        network::{CHANNELS, Decoder, NetworkArticulator, NetworkOptions, Normaliser},
        signal::SignalArticulator,
    },
    audio::{
        ANALYSIS_RATE,
        mel::{HOP, LogMel, MelFrame},
        resample::at_rate,
    },
    speech::{Phone, viseme_of},
    voice::{Cancel, Delivery, Voice, choice::voice_named, find_releases},
};

type Failure = Box<dyn Error>;

/// A phone: its symbol, start, end and release in seconds.
type Timed = (String, f64, f64, Option<f64>);

/// What is asked for; which fields are needed depends on the command.
#[derive(Deserialize)]
#[serde(default)]
struct Task {
    /// The file of the sound: `speak` writes it, the others read it.
    sound: String,
    /// `speak`: what is said, by whom and how.
    voice: String,
    text: String,
    rate: f32,
    pitch: f32,
    /// `shut` and `frames`: what is said when.
    phones: Vec<Timed>,
    /// `frames`, `listen` and `decode`: the file to write.
    out: String,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            sound: String::new(),
            voice: String::new(),
            text: String::new(),
            rate: 1.0,
            pitch: 0.0,
            phones: Vec::new(),
            out: String::new(),
        }
    }
}

/// What `speak` and `shut` answer, a line each.
#[derive(Serialize)]
struct Said {
    sound: String,
    seconds: f64,
    phones: Vec<Timed>,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().ok_or("which command?")?;
    let network = arguments.next().map(|file| network(file, arguments.next()));
    let network = network.transpose()?;
    let mut output = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let task: Task = serde_json::from_str(&line?)?;
        match command.as_str() {
            // A voice or text that fails is told and left out: there are others.
            "speak" => match speak(&task) {
                Ok(said) => writeln!(output, "{}", serde_json::to_string(&said)?)?,
                Err(error) => eprintln!("{}: {error}", task.voice),
            },
            "shut" => writeln!(output, "{}", serde_json::to_string(&shut(task)?)?)?,
            "frames" => frames(&task)?,
            "listen" => listen(&task, network.as_ref())?,
            "decode" => decode(&task)?,
            other => return Err(format!("there is no command {other}").into()),
        }
    }
    Ok(())
}

fn timed(phones: &[Phone], rate: u32) -> Vec<Timed> {
    let seconds = |sample: u64| sample as f64 / f64::from(rate);
    phones
        .iter()
        .map(|p| {
            (
                p.ipa.clone(),
                seconds(p.start),
                seconds(p.end()),
                p.release.map(seconds),
            )
        })
        .collect()
}

fn untimed(phones: &[Timed]) -> Vec<Phone> {
    let sample = |seconds: f64| (seconds * f64::from(ANALYSIS_RATE)).round().max(0.0) as u64;
    phones
        .iter()
        .map(|(ipa, start, end, release)| {
            let (start, end) = (sample(*start), sample(*end));
            let mut phone = Phone::new(ipa.as_str(), start, end.saturating_sub(start));
            phone.release = release.map(sample);
            phone
        })
        .collect()
}

/// Lets a voice speak, as `ttssrc` does; writes the sound, tells its phones.
fn speak(task: &Task) -> Result<Said, Failure> {
    let voice: Arc<dyn Voice> = voice_named(&task.voice, None)?;
    let delivery = Delivery {
        rate: task.rate,
        pitch: task.pitch,
        ..Delivery::default()
    };
    let spoken = voice.speak(&task.text, &delivery, &Cancel::new())?;
    let samples = at_rate(&spoken.samples, voice.rate(), ANALYSIS_RATE);
    write_floats(&task.sound, &samples)?;
    Ok(Said {
        sound: task.sound.clone(),
        seconds: samples.len() as f64 / f64::from(ANALYSIS_RATE),
        phones: timed(&spoken.phones, voice.rate()),
    })
}

/// Completes the phones of a voice of others, which tells only where they begin.
fn shut(task: Task) -> Result<Said, Failure> {
    let samples = read_floats(&task.sound)?;
    let mut phones = untimed(&task.phones);
    find_releases(&mut phones, &samples, ANALYSIS_RATE);
    Ok(Said {
        sound: task.sound,
        seconds: samples.len() as f64 / f64::from(ANALYSIS_RATE),
        phones: timed(&phones, ANALYSIS_RATE),
    })
}

fn parts(mouth: Mouth) -> [f32; CHANNELS] {
    [
        mouth.jaw,
        mouth.wide,
        mouth.round,
        mouth.upper,
        mouth.closure,
        mouth.lip_teeth,
        mouth.tongue,
    ]
}

/// Writes what the network hears and should say: of each frame the normalised bands, the mouth
/// that the phones make, and the viseme's number.
fn frames(task: &Task) -> Result<(), Failure> {
    let samples = read_floats(&task.sound)?;
    let phones = untimed(&task.phones);
    let known = KnownPhones::new();
    known.announce(0, ANALYSIS_RATE, &phones);
    let articulator = PhoneArticulator::new(known);
    let mut rows = Vec::new();
    for (frame, bands) in heard(&samples).iter().enumerate() {
        let sample = (frame * HOP) as u64;
        rows.extend(bands);
        rows.extend(parts(articulator.mouth_at(sample as i64)));
        let at = phones.partition_point(|p| p.start <= sample);
        let now = at.checked_sub(1).and_then(|i| phones.get(i));
        let ipa = now
            .filter(|p| sample < p.end())
            .map_or("", |p| p.ipa.as_str());
        rows.push(viseme_of(ipa) as u8 as f32);
    }
    write_floats(&task.out, &rows)
}

fn heard(samples: &[f32]) -> Vec<MelFrame> {
    let (mut mel, mut normaliser) = (LogMel::new(), Normaliser::new());
    let mut frames = Vec::with_capacity(samples.len() / HOP);
    mel.push(samples, &mut |frame| {
        frames.push(normaliser.normalise(frame))
    });
    frames
}

/// A network as it runs live, within so many milliseconds of look-ahead.
fn network(file: String, look_ahead: Option<String>) -> Result<NetworkOptions, Failure> {
    let mut options = NetworkOptions {
        graph: Some(file.into()),
        ..NetworkOptions::default()
    };
    if let Some(milliseconds) = look_ahead {
        options.look_ahead = milliseconds.parse::<u64>()? * 1_000_000;
    }
    Ok(options)
}

/// Writes the mouths that a network makes, or the signal articulator without, every 10 ms.
fn listen(task: &Task, network: Option<&NetworkOptions>) -> Result<(), Failure> {
    let samples = read_floats(&task.sound)?;
    let mut articulator: Box<dyn Articulator> = match network {
        Some(options) => Box::new(NetworkArticulator::new(options)?),
        None => Box::new(SignalArticulator::new()),
    };
    articulator.push(&samples);
    articulator.drain();
    let rows: Vec<f32> = (0..samples.len() / HOP)
        .flat_map(|frame| parts(articulator.mouth_at((frame * HOP) as i64)))
        .collect();
    if let Some(problem) = articulator.take_problem() {
        return Err(problem.into());
    }
    write_floats(&task.out, &rows)
}

/// Writes the mouths that the decoder makes of rows of the network.
fn decode(task: &Task) -> Result<(), Failure> {
    let mut decoder = Decoder::new();
    let rows = read_floats(&task.sound)?;
    let (rows, _) = rows.as_chunks::<CHANNELS>();
    let mouths: Vec<f32> = rows
        .iter()
        .flat_map(|row| parts(decoder.decode(row)))
        .collect();
    write_floats(&task.out, &mouths)
}

fn read_floats(path: &str) -> Result<Vec<f32>, Failure> {
    let bytes = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let (chunks, _) = bytes.as_chunks::<4>();
    Ok(chunks.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn write_floats(path: &str, values: &[f32]) -> Result<(), Failure> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Ok(fs::write(path, bytes).map_err(|error| format!("{path}: {error}"))?)
}
