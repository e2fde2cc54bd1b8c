// SPDX-License-Identifier: MPL-2.0
//! One job, from a portrait and a voice to a file.

mod output;
mod pipeline;
mod sound;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use sonicd::parameters::Parameter;

use crate::telling::Told;
pub use output::Container;
use pipeline::Rendering;

/// How often it is looked how far it is.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(50);

/// Where the voice comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    Audio(PathBuf),
    Text(String),
}

/// What is to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// `None` is the portrait that is built in.
    pub portrait: Option<PathBuf>,
    pub landmarks: Option<PathBuf>,
    pub speech: Speech,
    pub out: PathBuf,
    /// Pixels; `None` leaves it to the portrait.
    pub size: Option<(u32, u32)>,
    pub fps: gst::Fraction,
    /// No more than that of the sound.
    pub duration: Option<Duration>,
    /// When nothing is rendered for so long it is given up.
    pub stall: Duration,
    /// 0 is one a core.
    pub encoder_threads: u32,
    pub parameters: Vec<Parameter>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            portrait: None,
            landmarks: None,
            speech: Speech::Text(String::new()),
            out: PathBuf::new(),
            size: None,
            fps: gst::Fraction::new(25, 1),
            duration: None,
            stall: Duration::from_secs(60),
            encoder_threads: 0,
            parameters: Vec::new(),
        }
    }
}

/// What was rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub file: PathBuf,
    pub frames: u64,
    pub seconds: f64,
    /// Pixels.
    pub size: (u32, u32),
    pub took: Duration,
    /// Parameters that this job has no use for.
    pub ignored: Vec<&'static str>,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A sentence.
    pub reason: String,
    /// It is this machine's fault, and may be otherwise at another time or elsewhere.
    pub passing: bool,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self {
            reason,
            passing: false,
        }
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// Renders a job. The file is there when it is whole, and not before.
///
/// # Errors
/// It could not be made: a sentence that names what was wrong. What was there before is untouched.
pub fn render(job: &Job, told: &Told) -> Result<Done, Failure> {
    let began = Instant::now();
    for file in job.files() {
        readable(file)?;
    }
    let unfinished = unfinished(&job.out)?;
    let rendering = Rendering::build(job, unfinished.path())?;
    let size = run(&rendering, job, told)?;
    let frames = rendering.frames();
    let kept = unfinished.persist(&job.out);
    kept.map_err(|error| unwritten(&job.out, &error.error))?;
    Ok(Done {
        file: job.out.clone(),
        frames,
        seconds: rendering.seconds(frames),
        size,
        took: began.elapsed(),
        ignored: rendering.ignored.clone(),
    })
}

impl Job {
    fn files(&self) -> impl Iterator<Item = &Path> {
        let audio = match &self.speech {
            Speech::Audio(file) => Some(file),
            Speech::Text(_) => None,
        };
        [self.portrait.as_ref(), self.landmarks.as_ref(), audio]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }
}

fn readable(file: &Path) -> Result<(), String> {
    let data = std::fs::metadata(file);
    let data = data.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    match (data.is_file(), data.len()) {
        (false, _) => Err(format!("{} is not a file", file.display())),
        (true, 0) => Err(format!("{} is empty", file.display())),
        (true, _) => Ok(()),
    }
}

/// A file beside the one that is asked for; it goes if it does not take its place.
fn unfinished(out: &Path) -> Result<tempfile::NamedTempFile, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".sonicd-")
        // As any other program's files: what the user's mask leaves.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|error| unwritten(out, &error))
}

fn unwritten(out: &Path, error: &std::io::Error) -> Failure {
    Failure {
        reason: format!("{} cannot be written: {error}", out.display()),
        passing: error.kind() == std::io::ErrorKind::StorageFull,
    }
}

/// Until it is over. The size of the pictures.
fn run(rendering: &Rendering, job: &Job, told: &Told) -> Result<(u32, u32), Failure> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    // Whoever asks to end gets an end without a file.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let pipeline = &rendering.pipeline;
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    // An error also lies on the bus, in better words.
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [
        gst::MessageType::Error,
        gst::MessageType::Eos,
        gst::MessageType::Element,
    ];
    let mut progress = (0, Instant::now());
    let mut estimate = None;
    let ended = loop {
        let message = bus.timed_pop_filtered(LOOK, &kinds);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => break Ok(()),
            Some(gst::MessageView::Error(error)) => break Err(rendering.told_by(error, job)),
            Some(gst::MessageView::Element(told)) => estimate = estimate.or(estimated(told)),
            _ if started.is_err() => break Err("the pipeline does not start".into()),
            _ => {}
        }
        if cancelled.load(Ordering::Relaxed) {
            break Err("it was cancelled".into());
        }
        let frames = rendering.frames();
        if frames != progress.0 {
            progress = (frames, Instant::now());
        } else if progress.1.elapsed() >= job.stall {
            let waited = job.stall.as_secs_f64();
            break Err(format!("nothing was rendered for {waited} s").into());
        }
        let seconds = rendering.seconds(frames);
        told.progress(seconds, rendering.length(job, estimate, seconds));
    };
    let size = rendering.size();
    let _ = pipeline.set_state(gst::State::Null);
    ended?;
    size.filter(|_| rendering.frames() > 0)
        .ok_or_else(|| "there is no sound to speak to".into())
}

/// How long a text will take to say, s, while it is not known to the sample.
fn estimated(told: &gst::message::Element) -> Option<f64> {
    let told = told.structure()?;
    let estimate = told.get::<u64>("duration-estimate").ok()?;
    (told.name() == "utterance-started").then_some(estimate as f64 / 1e9)
}

/// An element.
///
/// # Errors
/// It is missing: a sentence with the package that has it.
fn make(name: &str) -> Result<gst::Element, String> {
    let package = match name {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        "avenc_aac" => "gstreamer1.0-libav",
        "mp4mux" | "matroskamux" | "webmmux" | "vp8enc" => "gstreamer1.0-plugins-good",
        _ => "gstreamer1.0-plugins-base",
    };
    let made = gst::ElementFactory::make(name).build();
    made.map_err(|_| format!("GStreamer's element {name} is missing (Debian: {package})"))
}
