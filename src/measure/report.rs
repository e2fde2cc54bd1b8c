// SPDX-License-Identifier: MPL-2.0
//! [`Report`]: everything that was measured, with names that stay, and what breaks [`Limits`].

use super::{
    FlashOffset, FrameReport, Lag, LagSearch, Mark, PacketReport, Packets, Pictures, SampleReport,
    Sound, flash, ms, round,
};

/// What was read.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Source {
    /// File or address, without what may be secret in it.
    pub name: String,
    /// Whether it comes as it happens, so that arrival times mean something.
    pub live: bool,
    /// Streams of pictures in it; the first is measured.
    pub video_streams: u64,
    /// Streams of sound in it; the first is measured.
    pub audio_streams: u64,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The source came to its end.
    EndOfStream,
    /// As much was read as was asked for.
    Duration,
    /// Nothing came for too long.
    Stall,
    /// It could not be read on.
    Fault,
}

/// The stream of pictures.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct VideoReport {
    /// How it is encoded, as a media type; `None` if it is not.
    pub codec: Option<String>,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The frame rate that the stream claims, as a fraction.
    pub declared_rate: Option<String>,
    /// The frames' times.
    #[serde(flatten)]
    pub frames: FrameReport,
    /// Frames that show the very same picture as the one before.
    pub repeated_pictures: u64,
    /// The longest time without a change, ms.
    pub longest_still_ms: f64,
    /// Whether what came first could be shown: the stream begins with a keyframe, and no frame
    /// of its beginning was lost in decoding. `None` if it is not encoded.
    pub decodes_from_first_frame: Option<bool>,
    /// Before decoding; `None` if it is not encoded.
    pub stream: Option<PacketReport>,
}

/// The stream of sound.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AudioReport {
    /// How it is encoded, as a media type; `None` if it is not.
    pub codec: Option<String>,
    /// Samples a second.
    pub rate: u32,
    /// Channels.
    pub channels: u32,
    /// The samples' times.
    #[serde(flatten)]
    pub samples: SampleReport,
    /// Before decoding; `None` if it is not encoded.
    pub stream: Option<PacketReport>,
}

/// By what picture and sound were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffsetBy {
    /// Flashes against sounds that set in.
    Flash,
    /// The mouth shown against the mouth that the sound asks for.
    Mouth,
}

/// How picture and sound lie to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct SyncReport {
    /// First frame less first sample, ms.
    pub start_difference_ms: Option<f64>,
    /// End of the last frame less end of the last sample, ms.
    pub end_difference_ms: Option<f64>,
    /// Picture less sound by what they show, ms: positive if the sound comes first. `None` if
    /// nothing could be compared.
    pub offset_ms: Option<f64>,
    /// By what.
    pub offset_by: Option<OffsetBy>,
    /// Flashes against sounds that set in.
    pub flash: Option<FlashOffset>,
    /// The mouth shown against the mouth that the sound asks for.
    pub mouth: Option<Lag>,
    /// Frames in which a mouth was looked for.
    pub frames_looked_at: u64,
    /// Frames in which it was found.
    pub frames_with_face: u64,
}

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Report {
    /// What was read.
    pub source: Source,
    /// Why reading ended.
    pub ended: Ended,
    /// What went wrong, if something did.
    pub fault: Option<String>,
    /// The pictures; `None` if no frame was decoded.
    pub video: Option<VideoReport>,
    /// The sound; `None` if no sample was decoded.
    pub audio: Option<AudioReport>,
    /// One against the other.
    pub sync: SyncReport,
    /// What was recognised, in the order of recognition.
    pub marks: Vec<Mark>,
}

/// What a stream says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// How it is encoded, as a media type.
    pub codec: Option<String>,
    /// Pixels of a row, and rows.
    pub size: (u32, u32),
    /// Frames a second as a fraction; 0/1 counts as none.
    pub frame_rate: Option<(u32, u32)>,
    /// Samples a second.
    pub rate: u32,
    /// Channels.
    pub channels: u32,
}

/// A stream as it was measured.
pub struct Measured<T> {
    /// What it says of itself.
    pub claims: Claims,
    /// Before decoding; empty if it is not encoded.
    pub packets: Packets,
    /// Decoded.
    pub content: T,
}

/// The report of streams that have been taken in.
pub fn report(
    source: Source,
    ended: (Ended, Option<String>),
    video: Option<Measured<Pictures>>,
    audio: Option<Measured<Sound>>,
    marks: Vec<Mark>,
) -> Report {
    let (mut video, mut audio) = (video, audio);
    let sync = sync(
        video.as_mut().map(|v| &mut v.content),
        audio.as_mut().map(|a| &mut a.content),
    );
    Report {
        source,
        ended: ended.0,
        fault: ended.1,
        video: video.as_ref().map(video_report),
        audio: audio.as_ref().map(audio_report),
        sync,
        marks,
    }
}

fn video_report(video: &Measured<Pictures>) -> VideoReport {
    let pictures = &video.content;
    let stream = video.packets.report();
    let encoded = stream.packets > 0;
    let decodes = |first| stream.begins_with_keyframe && video.packets.before(first) == 0;
    let rate = video.claims.frame_rate.filter(|(n, d)| *n > 0 && *d > 0);
    VideoReport {
        codec: video.claims.codec.clone(),
        width: video.claims.size.0,
        height: video.claims.size.1,
        declared_rate: rate.map(|(n, d)| format!("{n}/{d}")),
        frames: pictures.times.report(),
        repeated_pictures: pictures.still.repeated,
        longest_still_ms: ms(pictures.still.longest as f64),
        decodes_from_first_frame: pictures.first().filter(|_| encoded).map(decodes),
        stream: encoded.then_some(stream),
    }
}

fn audio_report(audio: &Measured<Sound>) -> AudioReport {
    let stream = audio.packets.report();
    AudioReport {
        codec: audio.claims.codec.clone(),
        rate: audio.claims.rate,
        channels: audio.claims.channels,
        samples: audio.content.times.report(),
        stream: (stream.packets > 0).then_some(stream),
    }
}

fn sync(video: Option<&mut Pictures>, audio: Option<&mut Sound>) -> SyncReport {
    let mut sync = SyncReport::default();
    if let Some(pictures) = &video {
        (sync.frames_with_face, sync.frames_looked_at) = pictures.faces;
    }
    let (Some(pictures), Some(sound)) = (video, audio) else {
        return sync;
    };
    let difference = |a: Option<u64>, b: Option<u64>| Some(ms(a? as f64 - b? as f64));
    sync.start_difference_ms = difference(pictures.first(), sound.first());
    sync.end_difference_ms = difference(pictures.end(), sound.end());
    sync.flash = flash::pair(&pictures.flashes, &sound.onsets);
    sync.mouth = LagSearch::default().find(&pictures.mouths, sound.track());
    (sync.offset_ms, sync.offset_by) = match (sync.flash, sync.mouth) {
        // To the millisecond, where the other is good for some ten.
        (Some(flash), _) => (Some(flash.offset_ms), Some(OffsetBy::Flash)),
        (None, Some(mouth)) => (Some(mouth.offset_ms), Some(OffsetBy::Mouth)),
        (None, None) => (None, None),
    };
    sync
}

/// What a script wants kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Offset between picture and sound to either side, ms.
    pub offset_ms: Option<f64>,
    /// Greatest deviation of a frame interval that is no gap, ms.
    pub jitter_ms: Option<f64>,
    /// Longest time from one frame to the next, and longest hole in the sound, ms.
    pub gap_ms: Option<f64>,
}

impl Limits {
    /// What is broken, one sentence each. What could not be measured is not kept.
    pub fn broken(&self, report: &Report) -> Vec<String> {
        let mut broken = Vec::new();
        let mut over = |what: &str, value: f64, limit: f64| {
            if value > limit {
                broken.push(format!("{what} is {value} ms, more than {limit} ms"));
            }
        };
        let video = report.video.as_ref().map(|v| &v.frames);
        let offset = report.sync.offset_ms.map(f64::abs);
        if let (Some(limit), Some(offset)) = (self.offset_ms, offset) {
            over("the offset between picture and sound", offset, limit);
        }
        if let (Some(limit), Some(video)) = (self.jitter_ms, video) {
            over("the jitter of the frames", video.jitter_max_ms, limit);
        }
        if let (Some(limit), Some(video)) = (self.gap_ms, video) {
            over("a gap between frames", video.longest_gap_ms, limit);
        }
        if let (Some(limit), Some(audio)) = (self.gap_ms, &report.audio) {
            over("a gap in the sound", audio.samples.longest_gap_ms, limit);
        }
        let mut unknown = |asked: bool, known: bool, what: &str| {
            if asked && !known {
                broken.push(format!("{what} could not be measured"));
            }
        };
        unknown(
            self.offset_ms.is_some(),
            offset.is_some(),
            "the offset between picture and sound",
        );
        let moving = video.is_some_and(|v| v.rate > 0.0);
        unknown(self.jitter_ms.is_some(), moving, "the jitter of the frames");
        let anything = video.is_some() || report.audio.is_some();
        unknown(self.gap_ms.is_some(), anything, "a gap");
        broken
    }
}

/// Rounded for people, in a unit of 1.
pub(super) fn seconds(report: &Report) -> f64 {
    let video = report.video.as_ref().map_or(0.0, |v| v.frames.duration_s);
    let audio = report.audio.as_ref().map_or(0.0, |a| a.samples.duration_s);
    round(video.max(audio), 1e2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{face::follow::Luma, measure::Packet};

    const FRAME: u64 = 40_000_000;

    /// 12 s at 25 fps with a flash every 2 s, sound with a beep `early_ms` before each; of the
    /// frames those are missing, and of the sound half a second if so.
    fn stream(early_ms: u64, missing: std::ops::Range<u64>, hole: bool) -> Report {
        let (mut pictures, mut packets) = (Pictures::new(|| None, 60.0), Packets::default());
        let mut marks = Vec::new();
        let (dark, bright) = (vec![16; 64 * 48], vec![235; 64 * 48]);
        for k in (0..300u64).filter(|k| !missing.contains(k)) {
            let bytes = if k % 50 == 25 { &bright } else { &dark };
            let luma = Luma::new(64, 48, 64, bytes);
            let (time, length) = (Some(k * FRAME), Some(FRAME));
            pictures.push(time, length, None, luma.as_ref(), &mut |mark| {
                marks.push(mark)
            });
            packets.push(&Packet {
                pts: time,
                duration: length,
                bytes: 500,
                is_key: k % 50 == 0,
                ..Packet::default()
            });
        }
        let mut sound = Sound::new(8_000);
        for block in (0..120u64).filter(|b| !hole || !(70..75).contains(b)) {
            let samples: Vec<f32> = (block * 800..(block + 1) * 800)
                .map(|i| {
                    let ms = i / 8 + early_ms;
                    let on = ms % 2000 >= 1000 && ms % 2000 < 1050;
                    if on && i % 2 == 0 { 0.5 } else { 0.0 }
                })
                .collect();
            sound.push(Some(block * 100_000_000), None, &samples, 1, &mut |mark| {
                marks.push(mark)
            });
        }
        let claims = Claims {
            codec: Some("video/x-h264".into()),
            size: (64, 48),
            frame_rate: Some((25, 1)),
            rate: 8_000,
            channels: 1,
        };
        let source = Source {
            name: "talk.mp4".into(),
            live: false,
            video_streams: 1,
            audio_streams: 1,
        };
        report(
            source,
            (Ended::EndOfStream, None),
            Some(Measured {
                claims: claims.clone(),
                packets,
                content: pictures,
            }),
            Some(Measured {
                claims: Claims {
                    codec: None,
                    ..claims
                },
                packets: Packets::default(),
                content: sound,
            }),
            marks,
        )
    }

    #[test]
    fn a_good_stream_keeps_every_limit() {
        let report = stream(0, 0..0, false);
        let limits = Limits {
            offset_ms: Some(5.0),
            jitter_ms: Some(0.1),
            gap_ms: Some(0.0),
        };
        assert_eq!(limits.broken(&report), Vec::<String>::new());
        let video = report.video.as_ref().expect("pictures");
        assert_eq!(video.decodes_from_first_frame, Some(true));
        let stream = video.stream.as_ref().expect("encoded");
        assert_eq!(
            (stream.kbit_s, stream.keyframe_interval_s),
            (Some(100.0), Some(2.0))
        );
        assert_eq!(report.marks.len(), 12);
        let text = report.to_string();
        for words in [
            "talk.mp4: 12 s",
            "video/x-h264 64×48",
            "300 frames, 25 a second (25/1 declared)",
            "100 kbit/s, 6 keyframes every 2 s",
            "picture and sound come together, by 6 flashes and beeps",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn each_fault_breaks_its_limit() {
        let report = stream(80, 101..104, true);
        let limits = |o, j, g| Limits {
            offset_ms: o,
            jitter_ms: j,
            gap_ms: g,
        };
        let broken = limits(Some(60.0), None, None).broken(&report);
        assert!(
            broken.len() == 1 && broken[0].contains("offset"),
            "{broken:?}"
        );
        assert_eq!(limits(Some(81.0), Some(0.1), None).broken(&report).len(), 0);
        let broken = limits(None, None, Some(150.0)).broken(&report);
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert!(broken[0].contains("160 ms") && broken[1].contains("500 ms"));
        assert!(report.to_string().contains("the sound comes 80 ms first"));
    }

    #[test]
    fn what_is_not_there_keeps_no_limit() {
        let source = stream(0, 0..0, false).source;
        let none = report(
            source,
            (Ended::Fault, Some("broken".into())),
            None,
            None,
            Vec::new(),
        );
        let limits = Limits {
            offset_ms: Some(1e9),
            jitter_ms: Some(1e9),
            gap_ms: Some(1e9),
        };
        assert_eq!(limits.broken(&none).len(), 3);
        assert!(none.to_string().contains("video   none"));
    }

    #[test]
    fn the_fields_have_their_names() {
        let json = serde_json::to_value(stream(0, 0..0, false)).expect("plain data");
        for name in [
            "/source/name",
            "/ended",
            "/fault",
            "/video/frames",
            "/video/rate",
            "/video/jitter_max_ms",
            "/video/longest_gap_ms",
            "/video/decodes_from_first_frame",
            "/video/stream/kbit_s",
            "/video/stream/arrival",
            "/audio/gap_samples",
            "/sync/offset_ms",
            "/sync/flash/pairs",
            "/sync/mouth",
            "/marks/0/kind",
        ] {
            assert!(json.pointer(name).is_some(), "{name}: {json}");
        }
        assert_eq!(json.pointer("/ended"), Some(&"end-of-stream".into()));
    }
}
