// SPDX-License-Identifier: MPL-2.0
//! What a talking head costs, beside stock elements on the same frames in the same run:
//! `cargo bench -p gst-plugin-sonic --bench element`.
//!
//! The built-in portrait is scaled so that its eyes lie 100 pixels apart at 960×540 (200 at
//! 1920×1080), in a frame filled up with black. `wavescope` also turns sound into pictures, and
//! `x264enc` is what usually follows; it gets frames that `sonicanimator` has drawn before. All
//! run in turn, several rounds, so that a machine whose speed drifts treats them alike. Figures
//! are medians of the rounds; nothing is asserted. Goals stand beside the figures.

#[path = "element/listeners.rs"]
mod listeners;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use gst::prelude::*;
use sonic_engine::{
    animator::{Animator, Style},
    face::{Portrait, PortraitSource},
    frame::{ChromaSite, Colour, FrameBuf, FrameSpec, Matrix, PixelFormat},
    grid::FrameGrid,
    pose::FacePose,
    rig::{Rig, Staging},
};

const ROUNDS: usize = 7;
/// Frames a round of a pipeline.
const FRAMES: u32 = 150;
/// Distinct frames that the encoder is fed with, in a loop; and poses that the rig is drawn in.
const DRAWN: u32 = 50;
/// Width, height, and distance between the eyes.
const SIZES: [(u32, u32, f64); 2] = [(960, 540, 100.0), (1920, 1080, 200.0)];

/// Of sound that is listened to, Hz.
const RATE: u32 = 16_000;

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

/// Seconds of processor time that this thread has used.
fn thread_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let spent: u64 = stat
        .split(' ')
        .next()
        .ok_or("a /proc/thread-self/schedstat")?
        .parse()?;
    Ok(spent as f64 * 1e-9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn pipeline(description: &str) -> Result<gst::Pipeline, Failure> {
    let pipeline = gst::parse::launch(description)?.downcast::<gst::Pipeline>();
    Ok(pipeline.map_err(|_| "not a pipeline")?)
}

/// Plays to the end.
fn finish(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().ok_or("a bus")?;
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &end);
    pipeline.set_state(gst::State::Null)?;
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(e)) => Err(e.error().into()),
        _ => Err("no end after 300 s".into()),
    }
}

/// A portrait made for one frame size, and its landmarks.
struct Scene {
    width: u32,
    height: u32,
    picture: PathBuf,
    landmarks: PathBuf,
}

impl Scene {
    /// The built-in portrait with its eyes `iod` pixels apart, `shift` pixels off the middle, in
    /// the folder `to`.
    fn new(to: &Path, width: u32, height: u32, iod: f64, shift: i32) -> Result<Self, Failure> {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
        let portrait = Portrait::built_in();
        let (w, h) = (
            portrait.picture.width as f64,
            portrait.picture.height as f64,
        );
        let scale = iod / f64::from(portrait.report.iod);
        let (sw, sh) = ((w * scale).round(), (h * scale).round());
        let left = ((f64::from(width) - sw) / 2.0).floor() + f64::from(shift);
        let right = f64::from(width) - sw - left;
        let name = format!("{width}x{height}_{shift}");
        let (picture, landmarks) = (
            to.join(format!("{name}.png")),
            to.join(format!("{name}.json")),
        );
        finish_at_once(&format!(
            "filesrc location={} ! pngdec ! videoconvert ! videoscale \
             ! video/x-raw,width={sw},height={sh},pixel-aspect-ratio=1/1 \
             ! videobox left={} right={} bottom={} ! videoconvert ! pngenc ! filesink location={}",
            assets.join("portrait.png").display(),
            -left,
            -right,
            sh - f64::from(height),
            picture.display()
        ))?;
        let points: Vec<[f64; 2]> = portrait
            .landmarks
            .0
            .iter()
            .map(|p| {
                let x = (f64::from(p.x) + 0.5) * sw / w - 0.5 + left;
                [x, (f64::from(p.y) + 0.5) * sh / h - 0.5]
            })
            .collect();
        let json = serde_json::json!({"landmarks": points, "width": width, "height": height});
        fs::write(&landmarks, json.to_string())?;
        Ok(Self {
            width,
            height,
            picture,
            landmarks,
        })
    }

    fn spec(&self) -> FrameSpec {
        FrameSpec {
            width: self.width as usize,
            height: self.height as usize,
            format: PixelFormat::I420,
            colour: Colour {
                matrix: Matrix::Bt709,
                full_range: false,
            },
            chroma_site: ChromaSite::Left,
            pixel_aspect: (1, 1),
        }
    }

    fn size(&self) -> String {
        format!("width={},height={},framerate=25/1", self.width, self.height)
    }

    fn caps(&self) -> String {
        format!("video/x-raw,format=I420,{}", self.size())
    }

    fn element(&self) -> String {
        format!(
            "sonicanimator portrait={} landmarks={}",
            self.picture.display(),
            self.landmarks.display()
        )
    }
}

fn finish_at_once(description: &str) -> Result<(), Failure> {
    let pipeline = pipeline(description)?;
    pipeline.set_state(gst::State::Playing)?;
    finish(&pipeline)
}

/// One line of the table: a figure for each size, and what it is to be compared with.
struct Line {
    name: &'static str,
    figures: Vec<String>,
    goal: &'static str,
}

struct Table(Vec<Line>);

impl Table {
    fn add(&mut self, name: &'static str, figure: String, goal: &'static str) {
        match self.0.iter_mut().find(|line| line.name == name) {
            Some(line) => line.figures.push(figure),
            None => self.0.push(Line {
                name,
                figures: vec![figure],
                goal,
            }),
        }
    }

    fn print(&self) {
        let [small, large] = SIZES.map(|(w, h, iod)| format!("{w}x{h}, eyes {iod}"));
        println!("{:<52}{small:>19}{large:>21}  goal", "");
        for line in &self.0 {
            let figure = |i: usize| line.figures.get(i).map_or("", String::as_str);
            println!(
                "{:<52}{:>19}{:>21}  {}",
                line.name,
                figure(0),
                figure(1),
                line.goal
            );
        }
    }
}

fn ms(value: f64) -> String {
    format!("{value:.2} ms")
}

/// Poses of somebody who speaks, as the element would show them.
fn speaking(style: Style) -> Vec<FacePose> {
    let grid = FrameGrid::new(25, 1).expect("a rate");
    let mut animator = Animator::new(RATE, grid, 1, style);
    animator.begin(0);
    // Syllables: a hum that swells four times a second.
    let sound: Vec<f32> = (0..RATE * (DRAWN / 25 + 2))
        .map(|i| {
            let turn = f64::from(i) / f64::from(RATE) * std::f64::consts::TAU;
            let swell = (0.5 - 0.5 * (turn * 4.0).cos()).powi(2);
            (0.4 * swell * ((turn * 140.0).sin() + 0.5 * (turn * 700.0).sin())) as f32
        })
        .collect();
    animator.push(&sound);
    let poses = std::iter::from_fn(|| animator.next_frame()).map(|frame| frame.pose);
    poses.take(DRAWN as usize).collect()
}

/// The rig alone: drawing and preparing.
fn rig(scene: &Scene, table: &mut Table) -> Result<(), Failure> {
    let portrait = Portrait::load(&PortraitSource {
        picture: Some(scene.picture.clone()),
        landmarks: Some(scene.landmarks.clone()),
        matte: None,
    })?;
    let spec = scene.spec();
    let mut frame = FrameBuf::new(spec);
    let mut prepared = Vec::new();
    for _ in 0..ROUNDS {
        let before = thread_seconds()?;
        Rig::new(&portrait, &spec, &Staging::default());
        prepared.push((thread_seconds()? - before) * 1e3);
    }
    let mut rig = Rig::new(&portrait, &spec, &Staging::default());
    let still = Style {
        motion_scale: 0.0,
        blink_rate: 0.0,
        ..Style::default()
    };
    let cases = [
        (
            "draw, head moving, one core",
            Style::default(),
            "2.5, 10 ms",
        ),
        ("draw, head still, one core", still, "0.5 ms, -"),
    ];
    for (name, style, goal) in cases {
        let poses = speaking(style);
        let (mut moved, mut costs) = (0, Vec::new());
        for _ in 0..ROUNDS {
            let before = thread_seconds()?;
            moved = poses
                .iter()
                .map(|pose| rig.draw(pose, &mut frame.as_mut()).moved)
                .sum();
            costs.push((thread_seconds()? - before) * 1e3 / poses.len() as f64);
        }
        moved /= poses.len();
        let cost = median(costs);
        table.add(name, ms(cost), goal);
        if goal.starts_with("2.5") {
            let each = format!("{:.2} ns of {moved}", cost * 1e6 / moved as f64);
            table.add("  for each sample that moves", each, "");
            let wall = on_two(&mut rig, &poses, &mut frame);
            table.add("  on two cores, wall time", ms(wall), "-, 5.5 ms");
        }
    }
    table.add("prepare a portrait for the frame", ms(median(prepared)), "");
    Ok(())
}

/// Milliseconds of wall time a frame, drawn by two threads.
fn on_two(rig: &mut Rig, poses: &[FacePose], frame: &mut FrameBuf) -> f64 {
    rig.set_threads(2);
    let round = |rig: &mut Rig, frame: &mut FrameBuf| {
        let begun = Instant::now();
        for pose in poses {
            rig.draw(pose, &mut frame.as_mut());
        }
        begun.elapsed().as_secs_f64() * 1e3 / poses.len() as f64
    };
    // The threads begin.
    round(rig, frame);
    let walls = (0..ROUNDS).map(|_| round(rig, frame)).collect();
    rig.set_threads(1);
    median(walls)
}

/// 40 ms a buffer, so that the number of frames at 25 fps is the number of buffers.
fn sound(frames: u32) -> String {
    format!(
        "audiotestsrc wave=red-noise volume=0.5 samplesperbuffer=640 num-buffers={frames} \
         ! audio/x-raw,format=S16LE,rate=16000,channels=2"
    )
}

/// Milliseconds a frame.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

/// What each frame costs from the first one on; starting is not part of it. `feed` pushes into
/// the `appsrc`, where there is one.
fn play(description: &str, feed: Option<&[gst::Buffer]>) -> Result<Cost, Failure> {
    let pipeline = pipeline(description)?;
    pipeline.set_state(gst::State::Paused)?;
    let source = pipeline.by_name("frames");
    if source.is_none() {
        // Prerolled: the first frame is made, and with it what was made once.
        pipeline.state(gst::ClockTime::from_seconds(60)).0?;
    }
    let (started, before) = (Instant::now(), processor_seconds()?);
    pipeline.set_state(gst::State::Playing)?;
    if let (Some(frames), Some(source)) = (feed, source) {
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
    let bus = pipeline.bus().ok_or("a bus")?;
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
fn drawn(scene: &Scene) -> Result<Vec<gst::Buffer>, Failure> {
    let pipeline = pipeline(&format!(
        "{} ! {} ! {} ! appsink name=out sync=false",
        sound(DRAWN),
        scene.element(),
        scene.caps()
    ))?;
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

/// The element beside stock elements.
fn elements(scene: &Scene, table: &mut Table) -> Result<(), Failure> {
    let frames = drawn(scene)?;
    let source = sound(FRAMES);
    let lines = [
        format!(
            "{source} ! {} ! {} ! fakesink sync=false",
            scene.element(),
            scene.caps()
        ),
        format!(
            "{source} ! wavescope ! video/x-raw,{} ! fakesink sync=false",
            scene.size()
        ),
        format!(
            "appsrc name=frames format=time block=true max-buffers=2 max-bytes=0 \
             caps={},interlace-mode=progressive \
             ! x264enc speed-preset=ultrafast tune=zerolatency ! fakesink sync=false",
            scene.caps()
        ),
    ];
    let mut costs = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (line, costs) in lines.iter().zip(&mut costs) {
            let feed = line.starts_with("appsrc").then_some(frames.as_slice());
            costs.push(play(line, feed)?);
        }
    }
    let processor = |costs: &[Cost]| ms(median(costs.iter().map(|c| c.processor).collect()));
    let rate = |costs: &[Cost]| {
        let wall = median(costs.iter().map(|c| c.wall).collect());
        format!("{:.0} fps", 1e3 / wall)
    };
    let [own, scope, encoder] = &costs;
    table.add("sonicanimator, processor time", processor(own), "x264enc's");
    table.add(
        "x264enc ultrafast zerolatency, processor time",
        processor(encoder),
        "",
    );
    table.add("wavescope, processor time", processor(scope), "");
    table.add(
        "sonicanimator, as fast as it goes",
        rate(own),
        "wavescope's",
    );
    table.add("wavescope, as fast as it goes", rate(scope), "");
    Ok(())
}

/// Seconds from NULL to the first frame.
fn first_frame(scene: &Scene) -> Result<f64, Failure> {
    let pipeline = pipeline(&format!(
        "{} ! sonicanimator portrait={} ! {} ! fakesink sync=false",
        sound(FRAMES),
        scene.picture.display(),
        scene.caps()
    ))?;
    let begun = Instant::now();
    pipeline.set_state(gst::State::Paused)?;
    pipeline.state(gst::ClockTime::from_seconds(60)).0?;
    let took = begun.elapsed().as_secs_f64();
    pipeline.set_state(gst::State::Null)?;
    Ok(took)
}

/// A portrait that was never seen before, and the same again. The folder that remembers
/// landmarks is to be an empty one (`SONIC_CACHE_DIR`).
fn starts(to: &Path, (w, h, iod): (u32, u32, f64), table: &mut Table) -> Result<(), Failure> {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for shift in 1..=5 {
        let scene = Scene::new(to, w, h, iod, shift * 4)?;
        let Ok(first) = first_frame(&scene) else {
            // No face predictor on this machine.
            table.add("NULL to first frame, new portrait", "-".into(), "1 s");
            return Ok(());
        };
        new.push(first * 1e3);
        known.push(first_frame(&scene)? * 1e3);
    }
    table.add("NULL to first frame, new portrait", ms(median(new)), "1 s");
    let name = "NULL to first frame, landmarks known";
    table.add(name, ms(median(known)), "300 ms");
    Ok(())
}

fn main() -> Result<(), Failure> {
    gst::init()?;
    gstsonic::plugin_register_static()?;
    let folder = tempfile::tempdir()?;
    let mut table = Table(Vec::new());
    listeners::listeners(&mut table)?;
    for (width, height, iod) in SIZES {
        let scene = Scene::new(folder.path(), width, height, iod, 0)?;
        rig(&scene, &mut table)?;
        elements(&scene, &mut table)?;
        starts(folder.path(), (width, height, iod), &mut table)?;
    }
    table.print();
    Ok(())
}
