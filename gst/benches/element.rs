// SPDX-License-Identifier: MPL-2.0
//! The whole element beside stock elements: `cargo bench -p gst-plugin-sonic --bench element`.
//!
//! `wavescope` also turns sound into pictures, and `x264enc` is what usually follows; the encoder
//! gets frames that `sonicanimator` has drawn before. All run in turn in this process, several
//! rounds, so that a machine whose speed drifts treats them alike. Wall time and the processor
//! time of all threads are medians of the rounds. Nothing is asserted.

use std::{fs, time::Instant};

use gst::prelude::*;

const ROUNDS: usize = 5;
const FRAMES: u32 = 150;
/// Distinct frames that the encoder is fed with, in a loop.
const DRAWN: u32 = 50;

type Failure = Box<dyn std::error::Error>;

/// Seconds of processor time that this process has used. Its unit is 10 ms (USER_HZ is 100 on
/// Linux, whatever the kernel's own).
fn processor_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("a /proc/self/stat")?;
    let ticks: Result<Vec<u64>, _> = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(str::parse::<u64>)
        .collect();
    Ok(ticks?.iter().sum::<u64>() as f64 / 100.0)
}

/// Milliseconds a frame.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

/// Plays a pipeline to its end. `feed` pushes into its `appsrc`, where it has one.
fn play(description: &str, feed: Option<&[gst::Buffer]>) -> Result<Cost, Failure> {
    let pipeline = gst::parse::launch(description)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    let bus = pipeline.bus().ok_or("a bus")?;
    let (started, before) = (Instant::now(), processor_seconds()?);
    pipeline.set_state(gst::State::Playing)?;
    if let Some(frames) = feed {
        let source = pipeline.by_name("frames").ok_or("an appsrc")?;
        let source = source
            .downcast::<gst_app::AppSrc>()
            .map_err(|_| "an appsrc")?;
        for i in 0..FRAMES {
            let mut frame = frames[i as usize % frames.len()].copy();
            let time = gst::ClockTime::from_mseconds(40) * u64::from(i);
            frame.get_mut().ok_or("a copy of our own")?.set_pts(time);
            source.push_buffer(frame)?;
        }
        source.end_of_stream()?;
    }
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &end);
    let cost = Cost {
        wall: started.elapsed().as_secs_f64() * 1e3 / f64::from(FRAMES),
        processor: (processor_seconds()? - before) * 1e3 / f64::from(FRAMES),
    };
    pipeline.set_state(gst::State::Null)?;
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(cost),
        Some(gst::MessageView::Error(e)) => Err(format!("{description}: {}", e.error()).into()),
        _ => Err(format!("{description}: no end after 300 s").into()),
    }
}

/// Frames of a speaking face as the encoder will get them.
fn drawn(caps: &str) -> Result<Vec<gst::Buffer>, Failure> {
    let pipeline = gst::parse::launch(&format!(
        "{} ! sonicanimator framing=cover ! {caps} ! appsink name=out sync=false",
        sound(DRAWN)
    ))?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "not a pipeline")?;
    let sink = pipeline
        .by_name("out")
        .and_then(|e| e.downcast::<gst_app::AppSink>().ok())
        .ok_or("an appsink")?;
    pipeline.set_state(gst::State::Playing)?;
    let mut frames = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        // A copy: the element draws into its buffers again.
        frames.push(sample.buffer().ok_or("a buffer")?.copy_deep()?);
    }
    pipeline.set_state(gst::State::Null)?;
    Ok(frames)
}

/// 40 ms a buffer, so that the number of frames at 25 fps is the number of buffers.
fn sound(frames: u32) -> String {
    format!(
        "audiotestsrc wave=red-noise volume=0.5 samplesperbuffer=640 num-buffers={frames} \
         ! audio/x-raw,format=S16LE,rate=16000,channels=2"
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(width: u32, height: u32) -> Result<(), Failure> {
    let size = format!("width={width},height={height},framerate=25/1");
    let yuv = format!("video/x-raw,format=I420,{size}");
    let frames = drawn(&yuv)?;
    let source = sound(FRAMES);
    let rows = [
        (
            "sonicanimator",
            format!("{source} ! sonicanimator framing=cover ! {yuv} ! fakesink sync=false"),
        ),
        (
            "wavescope",
            format!("{source} ! wavescope ! video/x-raw,{size} ! fakesink sync=false"),
        ),
        (
            "x264enc veryfast zerolatency",
            format!(
                "appsrc name=frames format=time block=true max-buffers=2 max-bytes=0 caps={} \
                 ! x264enc speed-preset=veryfast tune=zerolatency ! fakesink sync=false",
                format_args!("{yuv},interlace-mode=progressive")
            ),
        ),
    ];
    let mut costs = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, line), costs) in rows.iter().zip(&mut costs) {
            let feed = line.starts_with("appsrc").then_some(frames.as_slice());
            costs.push(play(line, feed)?);
        }
    }
    let middle = |costs: &[Cost]| Cost {
        wall: median(costs.iter().map(|c| c.wall).collect()),
        processor: median(costs.iter().map(|c| c.processor).collect()),
    };
    let reference = middle(&costs[0]);
    println!("{width}x{height}, 25 fps, ms a frame, median of {ROUNDS} rounds of {FRAMES} frames");
    println!(
        "  {:<32}{:>8}{:>12}{:>30}",
        "", "wall", "processor", "sonicanimator costs (proc.)"
    );
    for ((name, _), costs) in rows.iter().zip(&costs) {
        let cost = middle(costs);
        println!(
            "  {name:<32}{:>8.2}{:>12.2}{:>23.2} times",
            cost.wall,
            cost.processor,
            reference.processor / cost.processor
        );
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    gst::init()?;
    gstsonic::plugin_register_static()?;
    for (width, height) in [(640, 360), (960, 540), (1920, 1080)] {
        compare(width, height)?;
    }
    Ok(())
}
