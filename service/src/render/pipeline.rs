// SPDX-License-Identifier: MPL-2.0
//! [`Rendering`]: the pipeline of a job.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gst::prelude::*;

use super::{Failure, Job, Speech, make, output::Container, sound};
use sonicd::parameters::Element;

/// The encoder of the pictures looks ahead by some seconds of them: the sound has to wait, ns.
const SOUND_WAITS: u64 = 20_000_000_000;
/// Pictures that may wait for the encoder, which takes them unevenly: a core would wait with it.
const PICTURES_WAIT: u32 = 8;
/// And no more than these bytes of them.
const PICTURES_WAIT_BYTES: u32 = 64 << 20;
/// Niceness of the thread that draws, against the encoder's: these wait for each other now and then,
/// and then there should be something left to draw. Of 0, 3, 5, 7, 10 and 19 it
/// kept two cores busiest.
const GIVES_WAY: i32 = 5;
/// From one key picture to the next, s.
const KEY_SECONDS: i32 = 2;

/// A pipeline that makes a file.
pub struct Rendering {
    pub pipeline: gst::Pipeline,
    /// Parameters that this job has no use for.
    pub ignored: Vec<&'static str>,
    /// What the portrait speaks to.
    voice: gst::Element,
    pictures: gst::Pad,
    frames: Arc<AtomicU64>,
    fps: gst::Fraction,
}

impl Rendering {
    /// Builds it, to write into `file`.
    ///
    /// # Errors
    /// An element is missing, or a parameter has a value that it cannot have.
    pub fn build(job: &Job, file: &Path) -> Result<Self, String> {
        let container = Container::of(&job.out).ok_or("of what kind is the file?")?;
        let pipeline = gst::Pipeline::new();
        let (voice, muxer, sink) = (make("tee")?, container.muxer()?, make("filesink")?);
        sink.set_property("location", file);
        add(&pipeline, &[&voice, &muxer, &sink])?;
        link(&[&muxer, &sink])?;
        let animator = animator(job, container)?;
        draw(&pipeline, job, container, &[&voice, &animator, &muxer])?;
        speak(&pipeline, container, &voice, &muxer)?;
        let ignored = listen(&pipeline, job, &voice)?;
        let pictures = animator
            .static_pad("src")
            .ok_or("the animator has no pad")?;
        let frames = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&frames);
        pictures.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        Ok(Self {
            pipeline,
            ignored,
            voice,
            pictures,
            frames,
            fps: job.fps,
        })
    }

    /// Frames that were drawn.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// How long so many frames are shown, s.
    pub fn seconds(&self, frames: u64) -> f64 {
        frames as f64 * f64::from(self.fps.denom()) / f64::from(self.fps.numer())
    }

    /// How long it will be, s, if somebody knows, or else as somebody estimates. `seconds` are
    /// there already, and an estimate never says that it is over.
    pub fn length(&self, job: &Job, estimate: Option<f64>, seconds: f64) -> Option<f64> {
        let pad = self.voice.static_pad("sink")?;
        let known = pad.peer_query_duration::<gst::ClockTime>();
        let known = known.map(|length| length.nseconds() as f64 / 1e9);
        let length = known.or(estimate.map(|length| length.max(seconds / 0.99)))?;
        let most = job.duration.map_or(f64::MAX, |most| most.as_secs_f64());
        Some(length.min(most))
    }

    /// Pixels of the pictures, once there are some.
    pub fn size(&self) -> Option<(u32, u32)> {
        let caps = self.pictures.current_caps()?;
        let side = |name| caps.structure(0)?.get::<i32>(name).ok()?.try_into().ok();
        Some((side("width")?, side("height")?))
    }

    /// What an element complains of.
    pub fn told_by(&self, error: &gst::message::Error, job: &Job) -> Failure {
        let reason = self.sentence(error, job);
        let passing = error.error().matches(gst::ResourceError::NoSpaceLeft);
        Failure { reason, passing }
    }

    fn sentence(&self, error: &gst::message::Error, job: &Job) -> String {
        let what = error.error().message().trim_end_matches('.').to_owned();
        let of_reader = error.src().is_some_and(|source| {
            let path = source.path_string();
            path.contains(&format!(":{}", sound::NAME))
        });
        match &job.speech {
            Speech::Audio(file) if of_reader => {
                format!("{}: no sound that can be decoded: {what}", file.display())
            }
            _ => what,
        }
    }
}

fn add(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Result<(), String> {
    let added = pipeline.add_many(elements.iter().copied());
    added.map_err(|_| "the pipeline cannot be built".to_owned())
}

fn link(elements: &[&gst::Element]) -> Result<(), String> {
    let linked = gst::Element::link_many(elements.iter().copied());
    linked.map_err(|error| format!("the pipeline cannot be linked: {error}"))
}

/// The element that draws, with what the job says of it.
fn animator(job: &Job, container: Container) -> Result<gst::Element, String> {
    let animator = make(Element::Animator.factory())?;
    animator.set_property("lip-offset", container.sound_delay());
    for (name, file) in [("portrait", &job.portrait), ("landmarks", &job.landmarks)] {
        if let Some(file) = file {
            let file = file.to_str().ok_or("names of files must be UTF-8")?;
            animator.set_property(name, file);
        }
    }
    if let Speech::Text(_) = job.speech {
        // A voice tells its phones: nobody has to listen, unless that is asked for below.
        animator.set_property_from_str("articulator", "phones");
    }
    for parameter in job
        .parameters
        .iter()
        .filter(|p| p.element == Element::Animator)
    {
        parameter.apply(&animator)?;
    }
    Ok(animator)
}

/// From the voice to the encoded picture.
fn draw(
    pipeline: &gst::Pipeline,
    job: &Job,
    container: Container,
    [voice, animator, muxer]: &[&gst::Element; 3],
) -> Result<(), String> {
    let (queue, filter) = (make("queue")?, make("capsfilter")?);
    let mut caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("framerate", job.fps);
    if let Some((width, height)) = job.size {
        caps = caps
            .field("width", width as i32)
            .field("height", height as i32);
    }
    filter.set_property("caps", caps.build());
    let interval = job.fps.numer() * KEY_SECONDS / job.fps.denom();
    let encoder = container.video_encoder(job.encoder_threads, interval.max(1) as u32)?;
    let drawn = make("queue")?;
    drawn.set_property("max-size-buffers", PICTURES_WAIT);
    drawn.set_property("max-size-bytes", PICTURES_WAIT_BYTES);
    drawn.set_property("max-size-time", 0u64);
    give_way(animator);
    add(pipeline, &[&queue, animator, &filter, &drawn, &encoder])?;
    link(&[voice, &queue, animator, &filter, &drawn, &encoder, muxer])
}

/// Lowers the priority of the thread that draws, as soon as it does.
fn give_way(animator: &gst::Element) {
    let Some(pad) = animator.static_pad("sink") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, |_, _| {
        // Of this thread alone. Where it may not be, all is as before.
        let _ = rustix::process::nice(GIVES_WAY);
        gst::PadProbeReturn::Remove
    });
}

/// From the voice to the encoded sound.
fn speak(
    pipeline: &gst::Pipeline,
    container: Container,
    voice: &gst::Element,
    muxer: &gst::Element,
) -> Result<(), String> {
    let queue = make("queue")?;
    queue.set_property("max-size-time", SOUND_WAITS);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-buffers", 0u32);
    let (convert, resample, filter) = (
        make("audioconvert")?,
        make("audioresample")?,
        make("capsfilter")?,
    );
    let caps = gst::Caps::builder("audio/x-raw")
        .field("rate", 48_000)
        .field("channels", gst::IntRange::new(1, 2))
        .build();
    filter.set_property("caps", caps);
    let encoder = container.audio_encoder()?;
    add(pipeline, &[&queue, &convert, &resample, &filter, &encoder])?;
    link(&[voice, &queue, &convert, &resample, &filter, &encoder, muxer])
}

/// From the file or the text to the voice. The parameters that this job has no use for.
fn listen(
    pipeline: &gst::Pipeline,
    job: &Job,
    voice: &gst::Element,
) -> Result<Vec<&'static str>, String> {
    let convert = make("audioconvert")?;
    add(pipeline, &[&convert])?;
    link(&[&convert, voice])?;
    if let Some(most) = job.duration {
        let most = gst::ClockTime::try_from(most).map_err(|_| "that is too long")?;
        end_after(&convert, most);
    }
    let of_speech = job
        .parameters
        .iter()
        .filter(|p| p.element == Element::Speech);
    match &job.speech {
        Speech::Audio(file) => {
            let sink = convert.static_pad("sink").ok_or("a converter has no pad")?;
            sound::reader(pipeline, file, &sink)?;
            Ok(of_speech.map(|parameter| parameter.name).collect())
        }
        Speech::Text(text) => {
            let source = make(Element::Speech.factory())?;
            source.set_property("text", text);
            for parameter in of_speech {
                parameter.apply(&source)?;
            }
            add(pipeline, &[&source])?;
            link(&[&source, &convert])?;
            Ok(Vec::new())
        }
    }
}

/// Lets no sound pass from that running time on, to the sample.
fn end_after(element: &gst::Element, most: gst::ClockTime) {
    let Some(pad) = element.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        match cut(pad, info.take_buffer(), most) {
            Some(buffer) => {
                info.data = Some(gst::PadProbeData::Buffer(buffer));
                gst::PadProbeReturn::Ok
            }
            None => {
                info.flow_res = Err(gst::FlowError::Eos);
                gst::PadProbeReturn::Handled
            }
        }
    });
}

/// What lies before `most`.
fn cut(pad: &gst::Pad, buffer: Option<gst::Buffer>, most: gst::ClockTime) -> Option<gst::Buffer> {
    let (mut buffer, caps) = (buffer?, pad.current_caps()?);
    let info = gst_audio::AudioInfo::from_caps(&caps).ok()?;
    let begin = buffer.pts()?;
    let left = most.checked_sub(begin).filter(|left| !left.is_zero())?;
    let samples = left.nseconds() * u64::from(info.rate()) / 1_000_000_000;
    let bytes = usize::try_from(samples)
        .ok()?
        .checked_mul(info.bpf() as usize)?;
    if bytes < buffer.size() {
        let writable = buffer.make_mut();
        writable.set_size(bytes);
        writable.set_duration(left);
    }
    (buffer.size() > 0).then_some(buffer)
}
