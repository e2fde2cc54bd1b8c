// SPDX-License-Identifier: MPL-2.0
//! Buffers: what the engine says comes next, with its time and what is told of it.

use std::sync::Arc;

use gst::{prelude::*, subclass::prelude::*};
use gst_audio::{AudioFormat, AudioInfo};
use gst_base::prelude::*;
use sonic_engine::{
    talk::{Happening, Line, Next, Problem, Tell},
    voice::VoiceError,
};

use super::{
    captions::Captions,
    errors,
    imp::{CAT, TtsSrc},
    messages,
};
use crate::{
    board::post,
    metas::{SpeechClause, SpeechPlace},
};

/// The first instant of a sample, counted from 0.
pub fn time(sample: u64, rate: u32) -> gst::ClockTime {
    let ns = sample.mul_div_floor(1_000_000_000, u64::from(rate.max(1)));
    gst::ClockTime::from_nseconds(ns.unwrap_or(u64::MAX / 2))
}

/// The first sample that does not lie before an instant.
pub fn sample_at(time: gst::ClockTime, rate: u32) -> u64 {
    let sample = time.nseconds().mul_div_ceil(u64::from(rate), 1_000_000_000);
    sample.unwrap_or(u64::MAX / 2)
}

/// What the streaming thread works with; forgotten when it stops.
#[derive(Default)]
pub struct Stream {
    /// `None` before negotiation.
    pub info: Option<AudioInfo>,
    /// Samples a second of the voice that the properties choose.
    pub voice_rate: u32,
    /// The next sample.
    pub position: u64,
    /// The position is that of a live stream's beginning on the clock.
    pub anchored: bool,
    /// Something has been given out, or was taken for it.
    pub touched: bool,
    /// The stream is to go on at that time.
    pub seek: Option<gst::ClockTime>,
    /// A copy: the base class gives its own out under the lock of the streaming thread only.
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// What is written below the picture.
    pub captions: Option<Captions>,
    /// The duration was told.
    pub duration_known: bool,
    /// Space that keeps its capacity.
    room: Vec<f32>,
    tells: Vec<Tell>,
}

/// A buffer's part of the stream.
#[derive(Clone, Copy)]
struct Span {
    rate: u32,
    from: u64,
    live: bool,
}

impl TtsSrc {
    /// Fills a buffer as far as one clause or one buffer goes.
    pub(super) fn fill_next(&self, buffer: &mut gst::BufferRef) -> Result<(), gst::FlowError> {
        let settings = self.settings();
        let live = settings.is_live;
        let info = self.stream().info.clone();
        let info = info.ok_or(gst::FlowError::NotNegotiated)?;
        let most = buffer.size() / info.bpf() as usize;
        loop {
            let from = self.begin_buffer(info.rate(), live)?;
            let span = Span {
                rate: info.rate(),
                from,
                live,
            };
            let room = most.min(self.room_left(span)?);
            let (mut samples, mut tells) = {
                let mut stream = self.stream();
                (
                    std::mem::take(&mut stream.room),
                    std::mem::take(&mut stream.tells),
                )
            };
            samples.resize(room, 0.0);
            let next = self.talker.next(&mut samples, &mut tells);
            let hopeless = self.tell(span, &next, &mut tells);
            let written = self.write(buffer, span, &info, &next, &samples);
            let mut stream = self.stream();
            stream.room = samples;
            stream.tells = tells;
            drop(stream);
            self.tell_duration();
            if hopeless {
                // The error has been posted; the base class would post another one.
                return Err(gst::FlowError::Eos);
            }
            match next {
                Next::End => return Err(gst::FlowError::Eos),
                Next::Wait if self.is_flushing() => return Err(gst::FlowError::Flushing),
                Next::Wait => {}
                Next::Speech { .. } | Next::Fade(_) | Next::Idle(_) => {
                    return written;
                }
            }
        }
    }

    /// The first sample of the next buffer, once it is due.
    fn begin_buffer(&self, rate: u32, live: bool) -> Result<u64, gst::FlowError> {
        let segment = self.obj().segment();
        let mut stream = self.stream();
        if let Ok(segment) = segment.downcast() {
            stream.segment = segment;
        }
        stream.touched = true;
        if let Some(time) = stream.seek.take() {
            stream.position = sample_at(time, rate);
            let skip = stream.position;
            self.talker.with(|talk| talk.set_skip(skip));
        }
        if live && !stream.anchored {
            stream.anchored = true;
            let now = self.obj().current_running_time().unwrap_or_default();
            stream.position = sample_at(now, rate);
        }
        let position = stream.position;
        drop(stream);
        if live {
            self.wait_for(time(position, rate))?;
        }
        Ok(position)
    }

    /// How many samples there are until the segment ends.
    fn room_left(&self, span: Span) -> Result<usize, gst::FlowError> {
        let Some(stop) = self.stream().segment.stop() else {
            return Ok(usize::MAX);
        };
        match sample_at(stop, span.rate).saturating_sub(span.from) {
            0 => Err(gst::FlowError::Eos),
            left => Ok(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }

    /// Gives the buffer its samples, times and meta, and goes on behind it.
    fn write(
        &self,
        buffer: &mut gst::BufferRef,
        span: Span,
        info: &AudioInfo,
        next: &Next,
        samples: &[f32],
    ) -> Result<(), gst::FlowError> {
        let count = match next {
            Next::Speech { samples, .. } | Next::Fade(samples) | Next::Idle(samples) => *samples,
            Next::Wait | Next::End => return Ok(()),
        };
        buffer.set_size(count * info.bpf() as usize);
        let mut map = buffer.map_writable().map_err(|_| gst::FlowError::Error)?;
        encode(&samples[..count], info.format(), &mut map);
        drop(map);
        let (from, to) = (span.from, span.from + count as u64);
        let pts = time(from, span.rate);
        buffer.set_pts(pts);
        buffer.set_duration(time(to, span.rate) - pts);
        buffer.set_offset(from);
        buffer.set_offset_end(to);
        match next {
            Next::Speech { line, offset, .. } if !line.clause.phones.is_empty() => {
                let place = SpeechPlace {
                    utterance_id: line.utterance,
                    clause: line.number,
                    offset: *offset,
                };
                if let Err(e) = place.attach(buffer) {
                    gst::warning!(CAT, imp = self, "no SonicSpeechMeta: {e}");
                }
            }
            Next::Idle(_) if samples[..count].iter().all(|s| *s == 0.0) => {
                buffer.set_flags(gst::BufferFlags::GAP);
            }
            _ => {}
        }
        self.stream().position = to;
        Ok(())
    }

    /// Sends events, posts messages and writes captions of what happens in a buffer. Whether
    /// nothing can be said at all. No lock may be held.
    fn tell(&self, span: Span, next: &Next, tells: &mut Vec<Tell>) -> bool {
        if let Next::Speech {
            line,
            offset,
            samples,
        } = next
        {
            let origin = signed(time(span.from, span.rate)) - signed(time(*offset, span.rate));
            let heard = *offset + *samples as u64;
            if let Some(captions) = &mut self.stream().captions {
                captions.hear(line, origin, heard);
            }
        }
        if matches!(next, Next::Fade(_)) {
            self.announce_now();
        }
        let mut hopeless = false;
        for tell in tells.drain(..) {
            let at = span.from + tell.at as u64;
            match tell.what {
                Happening::Trouble(id, problem) => hopeless |= self.trouble(id, &problem, span),
                Happening::ClauseOver(_, heard) => self.close_captions(Some(heard)),
                what => self.tell_one(span, at, &what),
            }
        }
        hopeless
    }

    /// What happens at sample `at`, as a message and as an event.
    fn tell_one(&self, span: Span, at: u64, what: &Happening) {
        let running = self.running_time_at(time(at, span.rate));
        let lasts = |samples| time(samples, span.rate);
        let structure = match what {
            Happening::Started { id, text, estimate } => {
                let estimate = (f64::from(*estimate) * 1e9) as u64;
                messages::about("utterance-started", *id, running)
                    .field("duration-estimate", estimate)
                    .field("text-length", *text)
                    .build()
            }
            Happening::Clause(line) => {
                self.send_clause(line);
                messages::clause(line, running, lasts(line.clause.samples.len() as u64))
            }
            Happening::Word(line, word) => {
                let length = line.clause.words[*word].length;
                messages::word(line, *word, running, lasts(length))
            }
            Happening::Mark(line, mark) => messages::mark(line, *mark, running),
            Happening::Finished { id, samples } => {
                messages::about("utterance-finished", *id, running)
                    .field("duration", lasts(*samples).nseconds())
                    .build()
            }
            Happening::Interrupted(interruption) => {
                self.announce_now();
                messages::interrupted(interruption, running)
            }
            Happening::ClauseOver(..) | Happening::Trouble(..) => return,
        };
        if span.live {
            self.board.post_at(&*self.obj(), running, structure);
        } else {
            post(&*self.obj(), structure);
        }
    }

    /// The base class pushes it between the segment and the buffer at work. Where the voice does
    /// not tell the phones, nothing is announced, and who shows the speech listens.
    ///
    /// It is handed to the base class itself: `gst_element_send_event` takes the lock of the
    /// states, which a stop holds while it waits for this thread.
    fn send_clause(&self, line: &Arc<Line>) {
        if line.clause.phones.is_empty() {
            return;
        }
        let clause = SpeechClause::new(line.utterance, line.number, &line.clause);
        self.parent_send_event(clause.to_event());
    }

    /// Tells the user; whether that ends the stream.
    fn trouble(&self, id: u64, problem: &Problem, span: Span) -> bool {
        let settings = self.settings().speech();
        let text = errors::problem_text(id, problem, &settings);
        if let Problem::Voice(error) = problem
            && (error.is_lasting() || matches!(error, VoiceError::Ssml(_)))
            && !span.live
        {
            let message = errors::voice_error(error, &settings);
            self.post_error_message(message);
            return true;
        }
        // Every clause of a text may have the same trouble.
        if matches!(problem, Problem::Nothing) || self.is_news(&text) {
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
        }
        false
    }

    /// Writes the captions of the clause that ends. No lock may be held.
    pub(super) fn close_captions(&self, heard: Option<u64>) {
        let mut stream = self.stream();
        let Some(captions) = &mut stream.captions else {
            return;
        };
        if let Err(e) = captions.close_line(heard) {
            stream.captions = None;
            drop(stream);
            let text = format!(
                "Property `{}`: captions end here, because they cannot be written: {e}.",
                super::names::CAPTIONS_LOCATION
            );
            gst::element_imp_warning!(self, gst::ResourceError::Write, ("{text}"));
        }
    }

    /// Says once that the duration has become known.
    fn tell_duration(&self) {
        let known = self.talker.look(|talk| talk.total().is_some());
        let before = std::mem::replace(&mut self.stream().duration_known, known);
        if known && !before {
            let message = gst::message::DurationChanged::builder()
                .src(&*self.obj())
                .build();
            // No bus is no fault.
            let _ = self.obj().post_message(message);
        }
    }

    /// Running time of a time of the stream.
    fn running_time_at(&self, time: gst::ClockTime) -> gst::ClockTime {
        let running = self.stream().segment.to_running_time(time);
        running.unwrap_or(time)
    }

    /// Running time of the next buffer.
    pub(super) fn running_time(&self) -> gst::ClockTime {
        let (position, rate) = {
            let stream = self.stream();
            (
                stream.position,
                stream.info.as_ref().map_or(1, AudioInfo::rate),
            )
        };
        self.running_time_at(time(position, rate))
    }
}

fn signed(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// Writes samples in the negotiated format. 16 bits are rounded, full scale being 32768.
fn encode(samples: &[f32], format: AudioFormat, bytes: &mut [u8]) {
    if format == AudioFormat::F32le {
        for (sample, bytes) in samples.iter().zip(bytes.as_chunks_mut().0) {
            *bytes = sample.to_le_bytes();
        }
    } else {
        for (sample, bytes) in samples.iter().zip(bytes.as_chunks_mut().0) {
            let scaled = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0);
            *bytes = (scaled as i16).to_le_bytes();
        }
    }
}
