// SPDX-License-Identifier: MPL-2.0
//! What the element costs: processor time of a line at 540p25 with it, less that of the same line
//! with a queue in each branch instead.

use std::time::Duration;

use gst::prelude::*;

use crate::Result;

/// How long each line runs.
const SECONDS: u64 = 10;
/// Rounds; the median counts.
const ROUNDS: usize = 3;

/// Processor time of this process so far, s.
fn processor() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 14 and 15 in hundredths of a second; the name before may hold spaces.
    let rest = stat.rsplit(')').next().ok_or("no statistics")?;
    let ticks: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse().ok())
        .collect();
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Part of a core that a line takes.
fn share(middle: &str) -> Result<f64> {
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc is-live=true pattern=black ! video/x-raw,format=I420,width=960,height=540,framerate=25/1 ! v. \
         audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! a. {middle}"
    ))?;
    pipeline.set_state(gst::State::Playing)?;
    std::thread::sleep(Duration::from_secs(2));
    let before = processor()?;
    std::thread::sleep(Duration::from_secs(SECONDS));
    let used = processor()? - before;
    pipeline.set_state(gst::State::Null)?;
    Ok(used / SECONDS as f64)
}

pub fn print() -> Result<()> {
    let sinks = |v: &str, a: &str| {
        format!("{v} ! fakesink sync=false async=false {a} ! fakesink sync=false async=false")
    };
    let with = "queue name=v ! sync.video_sink queue name=a ! sync.audio_sink avclocksync name=sync mode=live ";
    let with = format!("{with}{}", sinks("sync.video_src", "sync.audio_src"));
    let without = "queue name=v ! fakesink sync=false async=false queue name=a ! fakesink sync=false async=false";
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        costs.push(share(&with)? - share(without)?);
    }
    costs.sort_by(f64::total_cmp);
    println!(
        "\nprocessor time of avclocksync at 960×540, 25 fps, 48 kHz stereo: {:.1} % of a core",
        100.0 * costs[ROUNDS / 2]
    );
    Ok(())
}
