// SPDX-License-Identifier: MPL-2.0
//! `sonic-probe FILE|URL`: what a viewer of a recording or a live stream gets.
//!
//! It reads with stock GStreamer elements; everything that is measured is worked out in
//! [`sonic_engine::measure`].

mod address;
mod arrivals;
mod gathering;
mod options;
mod reader;
mod streams;

use std::{io::Write, process::exit, sync::Arc};

use sonic_engine::{
    face::{LoadOptions, Predictor, follow::Follower},
    measure::{self, Ended, Pictures, Report, Source},
};

use address::Address;
use gathering::{Gathering, Telling};
use options::{Options, Wanted};

const UNREADABLE: i32 = 1;
const BROKEN: i32 = 2;

fn main() {
    let code = match options::parse(std::env::args_os()) {
        Ok(Wanted::Help) => said(options::HELP),
        Ok(Wanted::Version) => said(concat!("sonic-probe ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Wanted::Measuring(options)) => run(&options),
        Err(error) => complain(&error.to_string()),
    };
    // A streaming thread that hangs in somebody else's code must not keep the program.
    exit(code);
}

fn run(options: &Options) -> i32 {
    let name = options.source.to_string_lossy();
    let address = match Address::parse(&options.source) {
        Ok(address) => address,
        Err(what) => return complain(&format!("{name} cannot be read: {what}")),
    };
    match probe(&address, options) {
        Err(what) => complain(&format!("{} cannot be read: {what}", address.name())),
        Ok(report) => tell(&report, options),
    }
}

/// # Errors
/// Nothing could be measured; one sentence.
fn probe(address: &Address, options: &Options) -> Result<Report, String> {
    gst::init().map_err(|error| format!("GStreamer does not start: {error}"))?;
    let pictures = Pictures::new(follower, options.look);
    let telling = match (options.marks, options.json) {
        (false, _) => Telling::Nothing,
        (true, false) => Telling::Text,
        (true, true) => Telling::Json,
    };
    let gathering = Arc::new(Gathering::new(pictures, telling, address.is_remote()));
    let reading = reader::read(address, &gathering, options.duration, options.timeout)?;
    let (video, audio, marks) = gathering.take();
    if video.is_none() && audio.is_none() {
        let nothing = || "there is neither picture nor sound in it".to_owned();
        return Err(reading.fault.unwrap_or_else(nothing));
    }
    let source = Source {
        name: address.name(),
        live: reading.live,
        video_streams: reading.streams[0],
        audio_streams: reading.streams[1],
    };
    Ok(measure::report(
        source,
        (reading.ended, reading.fault),
        video,
        audio,
        marks,
    ))
}

/// Finds mouths, where there is what it needs.
fn follower() -> Option<Follower> {
    match Predictor::find(LoadOptions::from_env().predictor.as_deref()) {
        Ok(predictor) => Some(Follower::new(predictor)),
        Err(error) => {
            eprintln!("sonic-probe: mouths are not looked at: {error}");
            None
        }
    }
}

/// Prints the report; the exit code.
fn tell(report: &Report, options: &Options) -> i32 {
    let text = if options.json {
        serde_json::to_string(report).map_or_else(|error| error.to_string(), |json| json + "\n")
    } else {
        report.to_string()
    };
    said(&text);
    if matches!(report.ended, Ended::Fault | Ended::Stall) || report.fault.is_some() {
        let what = report.fault.as_deref().unwrap_or("it broke off");
        return complain(&format!(
            "{} cannot be read to its end: {what}",
            report.source.name
        ));
    }
    let broken = options.limits.broken(report);
    for what in &broken {
        eprintln!("sonic-probe: {what}");
    }
    if broken.is_empty() { 0 } else { BROKEN }
}

/// Prints to standard output, where nobody may listen any more; success.
fn said(text: &str) -> i32 {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    0
}

/// Prints an error; the exit code that says so.
fn complain(what: &str) -> i32 {
    eprintln!("sonic-probe: {what}");
    UNREADABLE
}
