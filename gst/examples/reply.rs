// SPDX-License-Identifier: MPL-2.0
//! How long it takes from `say` to the first buffer of speech in a running live pipeline, for
//! texts of any length, and what a long text costs in memory:
//! `cargo run --release -p gst-plugin-sonic --example reply -- [voice]`

use std::{
    fs,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;
use gstsonic::metas::SpeechPlace;

type Failure = Box<dyn std::error::Error>;

const ROUNDS: usize = 15;
/// Bytes of text.
const LENGTHS: [usize; 4] = [30, 1_000, 100_000, 10_000_000];
const TEXT: &str = "Good morning, everybody, and welcome to the show. ";

/// Kilobytes that this process has of its own.
fn resident() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    Ok(line
        .ok_or("VmRSS")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?)
}

fn main() -> Result<(), Failure> {
    gst::init()?;
    gstsonic::plugin_register_static()?;
    let voice = std::env::args().nth(1).unwrap_or_else(|| "en".to_owned());
    let speech = gst::ElementFactory::make("ttssrc")
        .property("is-live", true)
        .property("queue-limit", 0u64)
        .property("voice", &voice)
        .build()?;
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&speech, &sink])?;
    speech.link(&sink)?;
    let (heard, hearing) = mpsc::channel();
    let pad = sink.static_pad("sink").ok_or("a pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
            && let Some(Ok(place)) = SpeechPlace::of(buffer)
            && place.clause == 0
            && place.offset == 0
        {
            // Who has stopped listening does not mind.
            let _ = heard.send((place.utterance_id, Instant::now()));
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing)?;
    pipeline.state(gst::ClockTime::from_seconds(10)).0?;
    println!("voice {voice}, from say to the first buffer of speech:");
    for length in LENGTHS {
        let text: String = TEXT.chars().cycle().take(length).collect();
        let (mut took, before) = (Vec::new(), resident()?);
        for round in 0..ROUNDS as u64 {
            // Silence again, at another point of a buffer each time.
            thread::sleep(Duration::from_micros(100_000 + 1_333 * round));
            let begun = Instant::now();
            let id: u64 = speech.emit_by_name("say", &[&text]);
            let (who, when) = hearing.recv_timeout(Duration::from_secs(10))?;
            assert_eq!(who, id);
            took.push(when - begun);
            speech.emit_by_name::<()>("interrupt", &[]);
        }
        took.sort();
        println!(
            "{length:>9} bytes: median {:>5.1} ms, longest {:>5.1} ms; memory grew by {} kB",
            took[ROUNDS / 2].as_secs_f64() * 1e3,
            took[ROUNDS - 1].as_secs_f64() * 1e3,
            resident()?.saturating_sub(before)
        );
    }
    pipeline.set_state(gst::State::Null)?;
    Ok(())
}
