// SPDX-License-Identifier: MPL-2.0
//! What a viewer of a recording gets, by what `sonic-probe` measures with.

use std::path::Path;

use gst::prelude::*;
use sonic_engine::{
    face::follow::Luma,
    measure::{Claims, Ended, FlashOffset, Measured, Packets, Pictures, Sound, Source, report},
};

use super::{decoded, decoded_stream, init};

/// How far flashes and beeps of a recording lie apart; `None` if there are fewer than three.
pub fn offset(file: &Path) -> Option<FlashOffset> {
    let none = &mut |_| {};
    let mut pictures = Pictures::new(|| None, 0.0);
    samples(
        file,
        "video",
        "videoconvert ! video/x-raw,format=GRAY8",
        |sample| {
            let size = |name: &str| -> i32 {
                let structure = sample.caps().and_then(|caps| caps.structure(0));
                structure.and_then(|s| s.get(name).ok()).expect("fixed")
            };
            let (width, height) = (size("width") as usize, size("height") as usize);
            let buffer = sample.buffer().expect("a frame");
            let map = buffer.map_readable().expect("readable");
            let luma = Luma::new(width, height, width.next_multiple_of(4), &map);
            let ns = |time: Option<gst::ClockTime>| time.map(gst::ClockTime::nseconds);
            pictures.push(
                ns(buffer.pts()),
                ns(buffer.duration()),
                None,
                luma.as_ref(),
                none,
            );
        },
    );
    let mut sound = Sound::new(48_000);
    let raw = "audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate=48000,channels=1";
    samples(file, "audio", raw, |sample| {
        let buffer = sample.buffer().expect("sound");
        let map = buffer.map_readable().expect("readable");
        let samples: Vec<f32> = map
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        let time = buffer.pts().map(gst::ClockTime::nseconds);
        sound.push(time, None, &samples, 1, none);
    });
    let source = Source {
        name: file.display().to_string(),
        live: false,
        video_streams: 1,
        audio_streams: 1,
    };
    let (video, audio) = (measured(pictures), measured(sound));
    let ended = (Ended::EndOfStream, None);
    report(source, ended, Some(video), Some(audio), Vec::new())
        .sync
        .flash
}

fn measured<T>(content: T) -> Measured<T> {
    Measured {
        claims: Claims::default(),
        packets: Packets::default(),
        content,
    }
}

fn samples(file: &Path, kind: &str, raw: &str, mut take: impl FnMut(&gst::Sample)) {
    init();
    let pipeline = gst::parse::launch(&format!(
        "filesrc location=\"{}\" ! decodebin ! {kind}/x-raw ! {raw} ! appsink name=sink sync=false",
        file.display()
    ));
    let pipeline = pipeline.expect("valid").downcast::<gst::Pipeline>();
    let pipeline = pipeline.expect("a pipeline");
    let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>();
    let sink = sink.expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    while let Ok(sample) = sink.pull_sample() {
        take(&sample);
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// What every recording must be: it decodes from its beginning on, no time goes back, sound and
/// picture lie together where it can be told. How many pictures it has, and their offset in ms.
#[track_caller]
pub fn assert_good(file: &Path) -> (usize, Option<f64>) {
    let pictures = decoded(file);
    let first = pictures.first().expect("pictures");
    // The muxer may begin with sound that goes before.
    assert!(*first < 80_000_000, "begins at {first}");
    assert!(pictures.windows(2).all(|w| w[0] < w[1]), "time goes back");
    let sound = decoded_stream(file, "audio/x-raw");
    assert!(sound.windows(2).all(|w| w[0] < w[1]), "time goes back");
    let offset = offset(file).map(|o| o.offset_ms);
    if let Some(ms) = offset {
        assert!(ms.abs() <= 20.0, "{ms} ms apart");
    }
    (pictures.len(), offset)
}
