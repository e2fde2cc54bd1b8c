// SPDX-License-Identifier: MPL-2.0
//! The [`Report`] in words.

use std::fmt::{self, Display, Formatter};

use super::{
    AudioReport, Ended, OffsetBy, PacketReport, Report, SyncReport, VideoReport, report::seconds,
};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let ended = match self.ended {
            Ended::EndOfStream | Ended::Duration => "",
            Ended::Stall => ", then nothing came any more",
            Ended::Fault => ", then it could not be read on",
        };
        writeln!(f, "{}: {} s{ended}", self.source.name, seconds(self))?;
        match &self.video {
            Some(video) => self.video_lines(f, video)?,
            None => writeln!(f, "video   none")?,
        }
        match &self.audio {
            Some(audio) => self.audio_lines(f, audio)?,
            None => writeln!(f, "audio   none")?,
        }
        if self.video.is_some() && self.audio.is_some() {
            sync_lines(f, &self.sync)?;
        }
        Ok(())
    }
}

impl Report {
    fn video_lines(&self, f: &mut Formatter, video: &VideoReport) -> fmt::Result {
        let frames = &video.frames;
        let codec = video.codec.as_deref().unwrap_or("raw");
        write!(f, "video   {codec} {}×{}", video.width, video.height)?;
        streams(f, self.source.video_streams)?;
        write!(
            f,
            "        {} frames, {} a second",
            frames.frames, frames.rate
        )?;
        if let Some(declared) = &video.declared_rate {
            write!(f, " ({declared} declared)")?;
        }
        writeln!(f, ", from {} ms on", frames.start_ms)?;
        writeln!(
            f,
            "        interval {} ms, jitter {} ms, at most {} ms",
            frames.interval_ms, frames.jitter_ms, frames.jitter_max_ms
        )?;
        let longest = frames.longest_gap_ms;
        gaps(
            f,
            &[
                (frames.gaps, format!("gaps, the longest {longest} ms")),
                (frames.repeated_timestamps, "repeated timestamps".into()),
                (frames.backward_timestamps, "timestamps that go back".into()),
                (
                    frames.missing_timestamps,
                    "frames without a timestamp".into(),
                ),
            ],
        )?;
        if video.repeated_pictures > 0 {
            writeln!(
                f,
                "        {} pictures like the one before, for at most {} ms",
                video.repeated_pictures, video.longest_still_ms
            )?;
        }
        match video.decodes_from_first_frame {
            Some(true) => writeln!(f, "        decodes from the first frame on")?,
            Some(false) => writeln!(f, "        does not decode from the first frame on")?,
            None => {}
        }
        packet_lines(f, video.stream.as_ref(), true)
    }

    fn audio_lines(&self, f: &mut Formatter, audio: &AudioReport) -> fmt::Result {
        let samples = &audio.samples;
        let codec = audio.codec.as_deref().unwrap_or("raw");
        let channels = if audio.channels == 1 {
            "channel"
        } else {
            "channels"
        };
        write!(
            f,
            "audio   {codec} {} Hz, {} {channels}",
            audio.rate, audio.channels
        )?;
        streams(f, self.source.audio_streams)?;
        writeln!(
            f,
            "        {} samples, from {} ms on",
            samples.samples, samples.start_ms
        )?;
        let (lost, longest) = (samples.gap_samples, samples.longest_gap_ms);
        gaps(
            f,
            &[
                (
                    samples.gaps,
                    format!("gaps of {lost} samples, the longest {longest} ms"),
                ),
                (
                    samples.overlaps,
                    format!("overlaps of {} samples", samples.overlap_samples),
                ),
                (samples.repeated_timestamps, "repeated timestamps".into()),
                (
                    samples.backward_timestamps,
                    "timestamps that go back".into(),
                ),
                (
                    samples.missing_timestamps,
                    "buffers without a timestamp".into(),
                ),
            ],
        )?;
        packet_lines(f, audio.stream.as_ref(), false)
    }
}

fn streams(f: &mut Formatter, count: u64) -> fmt::Result {
    match count {
        0 | 1 => writeln!(f),
        _ => writeln!(f, ", the first of {count} streams"),
    }
}

fn gaps(f: &mut Formatter, found: &[(u64, String)]) -> fmt::Result {
    let told: Vec<_> = found
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if told.is_empty() {
        writeln!(f, "        unbroken")
    } else {
        writeln!(f, "        {}", told.join(", "))
    }
}

fn packet_lines(f: &mut Formatter, stream: Option<&PacketReport>, keys: bool) -> fmt::Result {
    let Some(stream) = stream else {
        return Ok(());
    };
    write!(f, "        ")?;
    match stream.kbit_s {
        Some(rate) => write!(f, "{rate:.0} kbit/s")?,
        None => write!(f, "{} bytes", stream.bytes)?,
    }
    if keys {
        let plural = if stream.keyframes == 1 { "" } else { "s" };
        write!(f, ", {} keyframe{plural}", stream.keyframes)?;
        if let (Some(mean), Some(most)) =
            (stream.keyframe_interval_s, stream.keyframe_interval_max_s)
        {
            write!(f, " every {mean} s, at most {most} s")?;
        }
    }
    writeln!(f)?;
    if let Some(arrival) = stream.arrival {
        writeln!(
            f,
            "        arrives with waits of up to {} ms; a player needs a buffer of {} ms",
            arrival.longest_wait_ms, arrival.buffer_needed_ms
        )?;
    }
    Ok(())
}

fn sync_lines(f: &mut Formatter, sync: &SyncReport) -> fmt::Result {
    write!(f, "sync    ")?;
    match (sync.offset_ms, sync.offset_by) {
        (Some(offset), Some(by)) => {
            let order = match offset {
                0.5.. => format!("the sound comes {offset:.0} ms first"),
                ..-0.5 => format!("the picture comes {:.0} ms first", -offset),
                _ => "picture and sound come together".into(),
            };
            match (by, sync.flash, sync.mouth) {
                (OffsetBy::Flash, Some(flash), _) => {
                    writeln!(f, "{order}, by {} flashes and beeps", flash.pairs)?;
                }
                (_, _, Some(lag)) => writeln!(
                    f,
                    "{order}, by the mouth over {:.1} s of speech (correlation {:.2})",
                    lag.speech_s, lag.correlation
                )?,
                _ => writeln!(f, "{order}")?,
            }
        }
        _ => writeln!(
            f,
            "nothing that could be compared: neither flashes and beeps nor a face that speaks"
        )?,
    }
    if let (Some(start), Some(end)) = (sync.start_difference_ms, sync.end_difference_ms) {
        writeln!(
            f,
            "        picture less sound: {start} ms at the start, {end} ms at the end"
        )?;
    }
    Ok(())
}
