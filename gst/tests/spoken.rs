// SPDX-License-Identifier: MPL-2.0
//! Text is spoken, its phones travel with the sound through a whole pipeline, and the lips of the
//! drawn face meet for every p, b and m, in whatever language.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use gst::prelude::*;
use gstsonic::metas::{SpeechClause, SpeechPlace};
use sonic_engine::{
    pose::Arkit,
    speech::{Manner, Phone, Viseme},
    voice::choice::voice_for,
};

const SECOND: u64 = 1_000_000_000;

/// Sentences with p, b and m, in the language's own letters.
const TEXTS: [(&str, &str); 8] = [
    ("en", "Bob may keep my map, but Pam wants a bumpy pump."),
    ("cmn", "爸爸跑步，妈妈买面包。"),
    ("es", "Mi papá compra un mapa en Bilbao, mamá también."),
    ("de", "Papa backt am Abend Brot, Mama malt Bäume."),
    ("ru", "Папа и мама пьют молоко, бабушка поёт."),
    ("hi", "पापा बाबा के मामा, मेरी माँ।"),
    ("ar", "بابا وماما في المبنى."),
    ("ja", "パパとママは、あまいまめをたべました。"),
];

/// Whether there is a voice for all of them; else it is said and the test is skipped.
fn voices() -> bool {
    let missing = TEXTS
        .iter()
        .find_map(|(language, _)| voice_for(language).err());
    if let Some(error) = &missing {
        skip(&error.to_string());
    }
    missing.is_none()
}

/// Side of the portrait, and of the frame: some 50 pixels between the eyes.
const SIDE: u32 = 400;
const FRAME: usize = 256;

/// A face of one colour with green lips, and its landmarks, in a folder.
fn painted(folder: &std::path::Path) -> files::Portrait {
    let side = SIDE as f32;
    // As the landmarks lie.
    let lips = |x: u32, y: u32| {
        let (dx, dy) = (x as f32 / side - 0.5, y as f32 / side - 0.65);
        (dx / 0.075).powi(2) + (dy / 0.03).powi(2) < 1.0
    };
    let colour = |x, y| if lips(x, y) { LIPS } else { SKIN };
    let (picture, landmarks) = (folder.join("face.png"), folder.join("face.json"));
    std::fs::write(&picture, files::png(SIDE, SIDE, colour)).expect("written");
    let list = serde_json::json!({ "landmarks": files::landmarks(side) });
    std::fs::write(&landmarks, list.to_string()).expect("written");
    files::Portrait { picture, landmarks }
}

const SKIN: [u8; 4] = [205, 160, 140, 255];
const LIPS: [u8; 4] = [60, 160, 60, 255];

/// What is seen between the lips of an RGBA frame, in rows of pixels: the mean over the middle
/// columns of the mouth.
fn gap(frame: &gst::Buffer) -> f32 {
    let map = frame.map_readable().expect("readable");
    // How much a pixel is lip, 0–1: nothing else is greener than red.
    let lip = |x: usize, y: usize| {
        let at = (y * FRAME + x) * 4;
        let [r, g] = [map[at], map[at + 1]].map(f32::from);
        let hue = (g - r) / (g + r).max(1.0);
        ((hue + 0.12) / 0.57).clamp(0.0, 1.0)
    };
    let rows = FRAME / 2..FRAME * 9 / 10;
    let is_lip = |x: usize| rows.clone().any(|y| lip(x, y) > 0.6);
    let columns: Vec<usize> = (0..FRAME).filter(|x| is_lip(*x)).collect();
    let middle = columns[columns.len() / 2];
    let between = |x: usize| {
        let column: Vec<f32> = rows.clone().map(|y| lip(x, y)).collect();
        let first = column.iter().position(|v| *v > 0.6).expect("an upper lip");
        let last = column.iter().rposition(|v| *v > 0.6).expect("a lower lip");
        // Their outer edges are half skin.
        let inside = column.get(first + 1..last).unwrap_or_default();
        inside.iter().map(|v| 1.0 - v).sum::<f32>()
    };
    (middle - 3..=middle + 3).map(between).sum::<f32>() / 7.0
}

/// Less than half a row shows between closed lips, wherever in the picture they come to lie;
/// drawn ones were seen to leave 0.07 of one at most.
const TOUCHING: f32 = 0.5;

/// When the lips are to be shut, as told by what passed the element's sink pad.
#[derive(Default)]
struct Told {
    clause: Option<SpeechClause>,
    /// Running times in ns, from closure to release.
    closures: Vec<(u64, u64)>,
}

impl Told {
    fn listen(element: &gst::Element) -> Arc<Mutex<Self>> {
        let told = Arc::new(Mutex::new(Self::default()));
        let heard = told.clone();
        let pad = element.static_pad("sink").expect("sink");
        let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
        pad.add_probe(kinds, move |_, info| {
            let mut told = heard.lock().expect("no panic");
            if let Some(Ok(clause)) = info.event().and_then(|e| SpeechClause::from_event(e)) {
                told.clause = Some(clause);
            }
            if let Some(buffer) = info.buffer() {
                told.hear(buffer);
            }
            gst::PadProbeReturn::Ok
        });
        told
    }

    /// The first buffer of a clause says where it lies.
    fn hear(&mut self, buffer: &gst::BufferRef) {
        let Some(Ok(place)) = SpeechPlace::of(buffer) else {
            return;
        };
        let is_it =
            |c: &SpeechClause| (c.utterance_id, c.clause) == (place.utterance_id, place.clause);
        let Some(clause) = self.clause.take_if(|c| is_it(c)) else {
            return;
        };
        let at = |sample: u64| sample * SECOND / u64::from(clause.rate);
        let begin = buffer.pts().expect("a time").nseconds() - at(place.offset);
        let closed = clause.phones.iter().filter(|p| shuts_lips(p));
        let closed = closed.filter_map(Phone::closure);
        self.closures
            .extend(closed.map(|c| (begin + at(c.start), begin + at(c.end))));
    }
}

fn shuts_lips(phone: &Phone) -> bool {
    phone.viseme() == Viseme::Pp && Manner::of(&phone.ipa) != Manner::Open
}

/// How lips were seen to do what they were told.
#[derive(Debug, Default)]
struct Score {
    closures: usize,
    /// In how many of them the pose, and the picture, was open at an instant of the grid, or in
    /// every picture that was shown.
    open_poses: usize,
    open_pictures: usize,
    /// The widest that the mouth was seen to be, pixels.
    widest: f32,
}

impl Score {
    fn judge(&mut self, closures: &[(u64, u64)], frames: &[gst::Buffer]) {
        let seen: Vec<(u64, u64, bool, f32)> = frames
            .iter()
            .map(|frame| {
                let meta = meta(frame);
                let weights: gst::ArrayRef = meta.get("weights").expect("an array");
                let shut = weights[Arkit::MouthClose as usize]
                    .get::<f32>()
                    .expect("a float")
                    > 0.99;
                let pts = frame.pts().expect("a time").nseconds();
                let end = pts + frame.duration().expect("a duration").nseconds();
                (pts, end, shut, gap(frame))
            })
            .collect();
        for (from, to) in closures {
            // Lips take 10 ms to be pressed together, and as long to part.
            let from = from + SECOND / 100;
            let instants = seen.iter().filter(|(pts, ..)| (from..=*to).contains(pts));
            let shown: Vec<_> = seen
                .iter()
                .filter(|(pts, end, ..)| *pts < *to + SECOND / 100 && *end > from)
                .collect();
            let all_shut = instants.clone().all(|(_, _, shut, _)| *shut);
            let all_touch = instants.clone().all(|(.., gap)| *gap < TOUCHING);
            self.closures += 1;
            self.open_poses += usize::from(!all_shut || !shown.iter().any(|s| s.2));
            self.open_pictures += usize::from(!all_touch || !shown.iter().any(|s| s.3 < TOUCHING));
        }
        let widest = seen.iter().map(|s| s.3).fold(0.0, f32::max);
        self.widest = self.widest.max(widest);
    }
}

/// A pipeline in which `source` feeds the element: when lips are to be shut, and the frames.
fn animated(
    source: &str,
    portrait: &files::Portrait,
    articulator: &str,
    rate: u32,
) -> (Vec<(u64, u64)>, Vec<gst::Buffer>) {
    let description = format!(
        "{source} ! tee name=voice ! queue ! sonicanimator name=head articulator={articulator} portrait=\"{}\" landmarks=\"{}\" \
         ! video/x-raw,format=RGBA,width={FRAME},height={FRAME},framerate={rate}/1 \
         ! appsink name=frames sync=false voice. ! queue ! fakesink sync=false",
        portrait.picture(),
        portrait.landmarks()
    );
    let pipeline = gst::parse::launch(&description).expect("a description");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let told = Told::listen(&pipeline.by_name("head").expect("the element"));
    let sink = pipeline
        .by_name("frames")
        .and_downcast::<gst_app::AppSink>();
    let sink = sink.expect("appsink");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let frames = std::iter::from_fn(|| sink.pull_sample().ok())
        .map(|sample| sample.buffer_owned().expect("a frame"))
        .collect();
    let error = pipeline
        .bus()
        .and_then(|b| b.pop_filtered(&[gst::MessageType::Error]));
    assert!(error.is_none(), "{error:?}");
    pipeline.set_state(gst::State::Null).expect("it stops");
    let closures = std::mem::take(&mut told.lock().expect("no panic").closures);
    (closures, frames)
}

/// p, b and m of eight languages: every one in the poses, 19 of 20 in the pixels.
#[test]
fn lips_meet_for_every_p_b_and_m_in_eight_languages() {
    let _watchdog = watchdog(300);
    if !voices() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let portrait = painted(folder.path());
    let (mut closures_in_all, mut open_in_all) = (0, 0);
    for (language, text) in TEXTS {
        let source = format!("ttssrc language={language} text=\"{text}\"");
        for (articulator, rate) in [("auto", 15), ("auto", 25), ("phones", 30)] {
            // Once as it comes, else as it comes out of stock converters.
            let source = if rate == 25 {
                source.clone()
            } else {
                format!(
                    "{source} ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000"
                )
            };
            let (closures, frames) = animated(&source, &portrait, articulator, rate);
            let mut score = Score::default();
            score.judge(&closures, &frames);
            println!("{language} at {rate} fps: {score:?}");
            assert!(score.closures >= 4, "{language}: {score:?}");
            assert_eq!(score.open_poses, 0, "{language} at {rate} fps: {score:?}");
            closures_in_all += score.closures;
            open_in_all += score.open_pictures;
            // Else nothing would prove that open lips are seen.
            assert!(score.widest > 3.0, "{language}: {score:?}");
        }
    }
    assert!(
        open_in_all * 20 <= closures_in_all,
        "{open_in_all} of {closures_in_all} are open in the picture"
    );
}
