// SPDX-License-Identifier: MPL-2.0
//! `avclocksync` beside what exists: `livesync` on each stream, and `videorate` with `audiorate`.
//! All three get the same buffers at the same time, and what leaves their source pads is
//! compared. Real time: some three minutes. The plugin is found where GStreamer looks for it.

mod cost;
mod faults;
mod output;

use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use gst::prelude::*;

use faults::{FRAME, Fault, Item, PIECE, RATE};
use output::{Output, Seen};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What each of them may wait for late data.
const LATENCY: u64 = 500_000_000;

const CONTENDERS: [(&str, &str, &str); 3] = [
    ("avclocksync", "avclocksync name=sync mode=live", ""),
    ("livesync on each", "livesync", "livesync"),
    ("videorate, audiorate", "videorate", "audiorate"),
];

struct Contender {
    name: &'static str,
    pipeline: gst::Pipeline,
    sources: [gst_app::AppSrc; 2],
    output: Arc<Mutex<Output>>,
}

/// Its elements between sources and sinks; both streams are measured where they leave it.
fn description(name: &str, video: &str, audio: &str) -> String {
    let pictures = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1";
    let sound = format!("audio/x-raw,format=S32LE,layout=interleaved,rate={RATE},channels=1");
    let source = |name: &str, caps: &str| {
        format!("appsrc name={name} is-live=true format=time max-bytes=0 caps=\"{caps}\"")
    };
    let (v, a) = (source("video", pictures), source("audio", &sound));
    let sinks = "fakesink name=pictures sync=false async=false";
    let heard = "fakesink name=sound sync=false async=false";
    match name {
        "avclocksync" => format!(
            "{v} ! sync.video_sink {a} ! sync.audio_sink {video} latency={LATENCY} \
             sync.video_src ! {sinks} sync.audio_src ! {heard}"
        ),
        "livesync on each" => format!(
            "{v} ! {video} latency={LATENCY} ! {sinks} {a} ! {audio} latency={LATENCY} ! {heard}"
        ),
        _ => format!("{v} ! {video} ! {pictures} ! {sinks} {a} ! {audio} ! {heard}"),
    }
}

impl Contender {
    fn new(
        (name, video, audio): (&'static str, &str, &str),
        clock: &gst::Clock,
        base: gst::ClockTime,
    ) -> Result<Self> {
        let pipeline = gst::parse::launch(&description(name, video, audio))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "no pipeline")?;
        pipeline.use_clock(Some(clock));
        // All of them count from the same instant.
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(base);
        let source = |name: &str| -> Result<gst_app::AppSrc> {
            let element = pipeline.by_name(name).ok_or("no source")?;
            element
                .downcast::<gst_app::AppSrc>()
                .map_err(|_| "no appsrc".into())
        };
        let sources = [source("video")?, source("audio")?];
        let output = Arc::new(Mutex::new(Output::default()));
        for (sink, is_video) in [("pictures", true), ("sound", false)] {
            let pad = pipeline
                .by_name(sink)
                .and_then(|sink| sink.static_pad("sink"))
                .ok_or("no sink")?;
            let (kept, clock) = (output.clone(), clock.clone());
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let now = clock.time().saturating_sub(base).nseconds();
                if let (Some(buffer), Ok(mut output)) = (info.buffer(), kept.lock()) {
                    output.add(is_video, buffer, now);
                }
                gst::PadProbeReturn::Ok
            });
        }
        Ok(Self {
            name,
            pipeline,
            sources,
            output,
        })
    }

    fn push(&self, item: &Item) {
        // One that has ended or failed takes no more, which its output shows.
        let _ = self.sources[usize::from(!item.is_video)].push_buffer(item.buffer());
    }
}

/// One fault, on all at the same time.
fn run(fault: Fault) -> Result<Vec<(&'static str, Seen)>> {
    let clock = gst::SystemClock::obtain();
    let base = clock.time() + gst::ClockTime::from_mseconds(300);
    let contenders: Vec<Contender> = CONTENDERS
        .into_iter()
        .map(|c| Contender::new(c, &clock, base))
        .collect::<Result<_>>()?;
    for contender in &contenders {
        contender.pipeline.set_state(gst::State::Playing)?;
    }
    let (items, end) = fault.items();
    let wait = |ns: u64| {
        let due = base + gst::ClockTime::from_nseconds(ns);
        let left = due.saturating_sub(clock.time());
        std::thread::sleep(Duration::from_nanos(left.nseconds()));
    };
    for item in &items {
        wait(item.arrival);
        for contender in &contenders {
            contender.push(item);
        }
    }
    wait(end);
    let mut seen = Vec::new();
    for contender in contenders {
        let output = std::mem::take(&mut *contender.output.lock().map_err(|_| "a panic")?);
        contender.pipeline.set_state(gst::State::Null)?;
        seen.push((contender.name, output.seen(&items)));
    }
    Ok(seen)
}

fn main() -> Result<()> {
    gst::init()?;
    gstlivesync::plugin_register_static()?;
    println!(
        "{} ms of latency each; frames of {} ms, sound in pieces of {} ms.\n",
        LATENCY / 1_000_000,
        FRAME / 1_000_000,
        1_000 * PIECE / RATE
    );
    println!(
        "| fault | | offset, 95 % | speech lost | longest without sound, pictures | jitter of pictures, 95 % |"
    );
    println!("|---|---|---|---|---|---|");
    for fault in Fault::ALL {
        for (name, seen) in run(fault)? {
            println!("| {} | {name} | {seen} |", fault.name());
        }
    }
    cost::print()
}
