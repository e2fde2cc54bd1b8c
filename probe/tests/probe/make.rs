// SPDX-License-Identifier: MPL-2.0
//! Recordings with known faults, and what `sonic-probe` says of them.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use gst::prelude::*;
use serde_json::Value;

pub const MS: u64 = 1_000_000;
pub const FRAME: u64 = 40 * MS;
pub const RATE: u64 = 48_000;

/// What the program did.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The report; the last line of JSON.
    pub fn report(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {:?} {}", self.out, self.err))
    }
}

/// Runs the program to its end; one that hangs is ended and fails the test.
pub fn probe(args: &[&str]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sonic-probe"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let out = all_of(child.stdout.take().expect("piped"));
    let err = all_of(child.stderr.take().expect("piped"));
    let Ok(text) = out.recv_timeout(Duration::from_secs(120)) else {
        child.kill().expect("it can be ended");
        panic!("{args:?} hangs");
    };
    Said {
        code: child.wait().expect("it ends").code(),
        out: text,
        err: err.recv().expect("it has ended"),
    }
}

/// The report of a file that can be read; mouths are looked for in it only if so told, because
/// that takes longer than all the rest.
pub fn report(file: &Path, args: &[&str]) -> Value {
    let said = probe(
        &[
            &["--json", "--look", "0", file.to_str().expect("UTF-8")],
            args,
        ]
        .concat(),
    );
    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
    said.report()
}

fn all_of(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    receiver
}

/// A field of a report, by its path.
pub fn number(report: &Value, path: &str) -> f64 {
    let value = report.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no number {path} in {report}"))
}

/// A recording that is made of frames and samples with any times.
pub struct Clip {
    /// When a frame is shown, and whether it is bright.
    pub frames: Vec<(u64, bool)>,
    /// When a buffer of sound is heard, and which samples (by index) it holds.
    pub sound: Vec<(u64, std::ops::Range<u64>)>,
    /// Whether the sound at a time (ns) beeps.
    pub beeps: fn(u64) -> bool,
}

/// The encoders of most recordings: pictures, and sound as it is.
pub const X264: &str = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse";
pub const PCM: &str = "audio/x-raw,format=S16LE";

/// Frame k is bright if `k % 25` is that; the sound beeps for 30 ms where such a frame begins.
pub const FLASH: u64 = 12;

impl Clip {
    /// Flashes and beeps at the same instants, once a second.
    pub fn flashes(seconds: u64) -> Self {
        Self {
            frames: (0..seconds * 25)
                .map(|k| (k * FRAME, k % 25 == FLASH))
                .collect(),
            sound: (0..seconds * 10)
                .map(|block| (block * 100 * MS, block * 4_800..(block + 1) * 4_800))
                .collect(),
            beeps: |time| (FLASH * FRAME..FLASH * FRAME + 30 * MS).contains(&(time % (1000 * MS))),
        }
    }

    /// Moves the sound by so many ms; what would lie before 0 is left out.
    pub fn shift_sound(mut self, ms: i64) -> Self {
        self.sound = self
            .sound
            .into_iter()
            .filter_map(|(time, samples)| {
                let time = i64::try_from(time).expect("short") + ms * MS as i64;
                Some((u64::try_from(time).ok()?, samples))
            })
            .collect();
        self
    }

    /// Writes it through elements for pictures and sound into a muxer; an empty one leaves the
    /// stream out.
    pub fn write(&self, file: &Path, video: &str, audio: &str, muxer: &str) {
        crate::common::init();
        let mut description = format!(
            "{muxer} name=mux ! filesink location=\"{}\"",
            file.display()
        );
        if !video.is_empty() {
            description += &format!(
                " appsrc name=video format=time max-bytes=0 \
                 caps=video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! {video} ! mux."
            );
        }
        if !audio.is_empty() {
            description += &format!(
                " appsrc name=audio format=time max-bytes=0 \
                 caps=audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1 ! \
                 audioconvert ! {audio} ! mux."
            );
        }
        let pipeline = gst::parse::launch(&description).expect("a description");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
        let source = |name| pipeline.by_name(name).and_downcast::<gst_app::AppSrc>();
        if let Some(source) = source("video") {
            for (time, bright) in &self.frames {
                push(&source, picture(*time, *bright), *time, FRAME);
            }
            source.end_of_stream().expect("taken");
        }
        if let Some(source) = source("audio") {
            for (time, samples) in &self.sound {
                let length = samples.end - samples.start;
                push(
                    &source,
                    self.samples(samples.clone()),
                    *time,
                    length * 1000 * MS / RATE,
                );
            }
            source.end_of_stream().expect("taken");
        }
        finish(&pipeline);
    }

    fn samples(&self, range: std::ops::Range<u64>) -> Vec<u8> {
        range
            .flat_map(|i| {
                let tone = (i as f32 * 1_000.0 * std::f32::consts::TAU / RATE as f32).cos();
                let gain = if (self.beeps)(i * 1000 * MS / RATE) {
                    0.5
                } else {
                    0.0
                };
                (gain * tone).to_le_bytes()
            })
            .collect()
    }
}

/// Grey with a bar that moves, so that no two pictures are alike.
fn picture(time: u64, bright: bool) -> Vec<u8> {
    let bar = (time / FRAME * 3 % 160) as usize;
    let luma = (0..160 * 120).map(|i| match (bright, i % 160 == bar) {
        (_, true) => 90,
        (true, _) => 220,
        (false, _) => 40,
    });
    luma.chain(std::iter::repeat_n(128, 80 * 60 * 2)).collect()
}

fn push(source: &gst_app::AppSrc, bytes: Vec<u8>, time: u64, duration: u64) {
    let mut buffer = gst::Buffer::from_slice(bytes);
    let b = buffer.get_mut().expect("new");
    b.set_pts(gst::ClockTime::from_nseconds(time));
    b.set_duration(gst::ClockTime::from_nseconds(duration));
    source.push_buffer(buffer).expect("taken");
}

/// Runs a pipeline to its end.
pub fn finish(pipeline: &gst::Pipeline) {
    let bus = pipeline.bus().expect("a bus");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds);
    let end = message.as_ref().map(|m| m.view());
    assert!(matches!(end, Some(gst::MessageView::Eos(_))), "{end:?}");
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// A file in a folder of the test's own.
pub fn file(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}
