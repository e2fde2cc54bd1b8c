// SPDX-License-Identifier: MPL-2.0
//! What the streaming thread works with: sound in, poses out. It pushes nothing, posts nothing.

use std::collections::VecDeque;

use gst::prelude::*;
use gst_audio::AudioInfo;
use gst_video::VideoInfo;
use sonic_engine::{
    animator::{Animator, Lags, PosedFrame, Style},
    audio::pcm::SampleFormat,
    frame::FrameSpec,
    grid::FrameGrid,
    speech::{Aligned, Aligner, Announced, ClauseId, Label},
    timeline::{Decision, Timeline},
};

use super::{
    ears::Ears, errors, imp::CAT, loader::Staged, pcm, properties::Settings, stats::Stats,
};
use crate::metas::{SPEECH_META, Shown, SpeechClause, SpeechPlace};

/// Sound is given to the animator in pieces of this length, so that neither a long silence nor
/// a long buffer is held in memory as a whole.
const PIECE_SECONDS: u64 = 1;

/// A silence announced by a GAP event is made for so long at most; a longer one is a jump.
const MAX_GAP: gst::ClockTime = gst::ClockTime::from_seconds(3600);

/// What comes in.
pub struct Input {
    /// Layout in GStreamer's terms.
    pub info: AudioInfo,
    /// Layout of a sample in the engine's terms.
    pub format: SampleFormat,
}

/// What goes out.
pub struct Output {
    /// Layout in GStreamer's terms.
    pub info: VideoInfo,
    /// Layout in the engine's terms.
    pub spec: FrameSpec,
    /// Its frame rate.
    pub grid: FrameGrid,
}

/// Work that is left to be done before the next buffer, in order.
enum Step {
    /// The sound ends: its last frames become due.
    Finish,
    /// The next sample lies at that running time (ns).
    Begin(u64),
    /// So many samples of silence.
    Silence(u64),
    /// Sound, from that byte on.
    Sound(gst::MappedBuffer<gst::buffer::Readable>, usize),
    /// The phones of sound that comes next.
    Phones(Aligned),
    /// No phones from that running time (ns) on.
    NoPhones(i64),
}

/// The state of the stream; forgotten when it stops.
#[derive(Default)]
pub struct Stream {
    /// `None` before negotiation.
    pub input: Option<Input>,
    /// `None` before negotiation.
    pub output: Option<Output>,
    /// `None` before the first SEGMENT event and after a flush.
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// A segment was refused and the user knows.
    pub refused: bool,
    /// Portrait and frame layout, ready to draw.
    pub staged: Option<Staged>,
    /// The frame that was sent last, and what it shows.
    pub last: Option<(gst::Buffer, Shown)>,
    /// The next frame follows a jump.
    pub discont: bool,
    /// Space that keeps its capacity.
    pub json: String,
    /// Who listens, as long as no animator has them.
    ears: Option<Ears>,
    /// What moves the mouth, and how, as it was when the element started.
    settings: Settings,
    animator: Option<Animator>,
    timeline: Option<Timeline>,
    /// The second of running time in which lags were measured last.
    measured: u64,
    problem: Option<String>,
    aligner: Aligner,
    steps: VecDeque<Step>,
    bad_samples: bool,
}

impl Stream {
    /// A stream that begins: who listens, and what was set. Later changes of that do not count.
    pub fn new(ears: Ears, settings: Settings) -> Self {
        Self {
            ears: Some(ears),
            settings,
            ..Self::default()
        }
    }

    /// Whether a change to this rate and grid needs an animator of its own.
    pub fn differs(&self, rate: u32, grid: FrameGrid) -> bool {
        self.animator.is_some()
            && (self.input.as_ref().is_none_or(|i| i.info.rate() != rate)
                || self.output.as_ref().is_none_or(|o| o.grid != grid))
    }

    /// Takes newly negotiated formats. What was there must have been drained if it
    /// [`differs`](Self::differs).
    pub fn configure(&mut self, input: Input, output: Output, style: Style) {
        let (rate, grid) = (input.info.rate(), output.grid);
        if self.animator.is_none() || self.differs(rate, grid) {
            self.animator = Some(self.new_animator(rate, grid, style));
            self.aligner.lose();
            self.timeline = Some(Timeline::new(rate));
            self.steps.clear();
        }
        // A frame of another layout cannot be sent again.
        if self.output.as_ref().is_none_or(|o| o.info != output.info) {
            self.last = None;
        }
        self.input = Some(input);
        self.output = Some(output);
    }

    fn new_animator(&mut self, rate: u32, grid: FrameGrid, style: Style) -> Animator {
        let seed = self.settings.seed;
        let ready = self.ears.take();
        let ears = ready.map_or_else(|| Ears::new(&self.settings), Ok);
        let listener = ears.map(|ears| ears.listener).unwrap_or_else(|error| {
            // It could be had when the element started.
            self.problem = Some(errors::network_text(&error));
            Ears::stand_in().listener
        });
        match (self.settings.articulator.has_phones(), listener) {
            (false, Some(listener)) => {
                Animator::with_articulator(rate, grid, seed, style, listener)
            }
            (_, listener) => Animator::with_phones(rate, grid, seed, style, listener),
        }
    }

    /// A picture goes out at that running time, with so large a gap between the lips. Now and
    /// then: by how much they are later than the sound.
    pub fn show(&mut self, running_time: u64, aperture: f32) -> Option<Lags> {
        let animator = self.animator.as_mut()?;
        animator.show(running_time, aperture);
        let second = running_time / 1_000_000_000;
        if std::mem::replace(&mut self.measured, second) == second {
            return None;
        }
        Some(animator.lags())
    }

    /// What has gone wrong with the mouth since the last call, for the user to know.
    pub fn take_problem(&mut self) -> Option<String> {
        let told = self.animator.as_mut().and_then(Animator::take_problem);
        told.or_else(|| self.problem.take())
    }

    /// ns of sound after its instant that a frame waits for.
    pub fn look_ahead(&self) -> u64 {
        self.animator.as_ref().map_or(0, Animator::look_ahead)
    }

    /// Changes the manner from the next frame on.
    pub fn set_style(&mut self, style: Style) {
        if let Some(animator) = &mut self.animator {
            animator.set_style(style);
        }
    }

    /// Drops sound and phones that are not shown yet and relaxes the mouth; the grid goes on.
    /// What comes later of the utterances that were interrupted is silence.
    pub fn interrupt(&mut self, utterances: &[Option<u64>]) {
        for utterance in utterances {
            self.aligner.interrupt(*utterance);
        }
        self.steps
            .retain(|s| !matches!(s, Step::Phones(_) | Step::NoPhones(_)));
        let frame = self.input.as_ref().map_or(1, |i| i.info.bpf() as usize);
        for step in &mut self.steps {
            if let Step::Sound(map, from) = step {
                *step = Step::Silence(((map.len() - *from) / frame) as u64);
            }
        }
        if let Some(animator) = &mut self.animator {
            animator.interrupt();
        }
    }

    /// Forgets sound, segment and pictures, keeps the formats: a flush.
    pub fn flush(&mut self) {
        self.segment = None;
        self.last = None;
        self.discont = true;
        self.steps.clear();
        self.aligner.clear();
        if let (Some(animator), Some(timeline)) = (&mut self.animator, &mut self.timeline) {
            animator.reset();
            timeline.reset();
        }
    }

    /// The sound ends here: the frames that wait for more become due.
    pub fn finish(&mut self) {
        if let Some(timeline) = &mut self.timeline
            && timeline.expected().is_some()
        {
            timeline.reset();
            self.steps.push_back(Step::Finish);
        }
    }

    /// The phones of sound that comes next. Of no use if nothing follows them.
    pub fn announce(&mut self, clause: SpeechClause) {
        if !self.settings.articulator.has_phones() {
            self.aligner.ignore();
            return;
        }
        self.aligner.announce(Announced {
            id: ClauseId {
                utterance: clause.utterance_id,
                clause: clause.clause,
            },
            rate: clause.rate,
            phones: clause.phones,
        });
    }

    /// A clause came that cannot be used.
    pub fn ignore_clause(&mut self) {
        self.aligner.ignore();
    }

    /// How many clauses were used, and how many were not.
    pub fn clauses(&self) -> (u64, u64) {
        self.aligner.counts()
    }

    /// Takes in a buffer of sound. `false` if it cannot be used for want of formats, segment or
    /// memory.
    pub fn push(&mut self, buffer: gst::Buffer, stats: &mut Stats) -> bool {
        let (Some(input), Some(segment), Some(timeline)) =
            (&self.input, &self.segment, &mut self.timeline)
        else {
            return false;
        };
        let (rate, frame) = (input.info.rate(), input.info.bpf());
        let (label, whole_from) = (label(&buffer), buffer.pts());
        let Some(buffer) = gst_audio::audio_buffer_clip(buffer, segment.upcast_ref(), rate, frame)
        else {
            return true;
        };
        let cut = buffer.pts().opt_saturating_sub(whole_from);
        let stamp = running_time(segment, buffer.pts(), timeline);
        let filler = buffer.flags().contains(gst::BufferFlags::GAP);
        let Ok(map) = buffer.into_mapped_buffer_readable() else {
            return false;
        };
        let samples = map.len() as u64 / u64::from(frame);
        let heard_to = timeline.expected();
        let decision = timeline.place(stamp, samples);
        let mut from = 0;
        match decision {
            Decision::Silence(silence) => stats.silence += nanoseconds(silence, rate),
            Decision::Trim(heard) => {
                stats.trimmed += nanoseconds(heard, rate);
                from = heard as usize * frame as usize;
            }
            Decision::Restart { .. } => stats.restarts += 1,
            Decision::Begin { .. } | Decision::Append => {}
        }
        let end = signed(timeline.expected().unwrap_or(0));
        let begin = end - signed(nanoseconds(samples, rate));
        let begin = begin - signed(cut.map_or(0, gst::ClockTime::nseconds));
        let phones = if filler && label.is_none() {
            let begin = heard_to.map_or(begin, |end| begin.min(signed(end)));
            self.aligner.silence(begin).map(Step::NoPhones)
        } else {
            self.aligner.sound(begin, end, label).map(Step::Phones)
        };
        self.act(decision, phones);
        let interrupted = label.is_some_and(|l| self.aligner.is_interrupted(l.id.utterance));
        self.steps.push_back(if filler || interrupted {
            // What a filler holds is silence, whatever it is.
            Step::Silence((map.len() - from) as u64 / u64::from(frame))
        } else {
            Step::Sound(map, from)
        });
        stats.clauses = self.aligner.counts();
        true
    }

    /// Takes in silence that a GAP event announces.
    pub fn push_gap(&mut self, pts: gst::ClockTime, duration: Option<gst::ClockTime>) {
        let (Some(segment), Some(timeline)) = (&self.segment, &mut self.timeline) else {
            return;
        };
        let end = pts
            .saturating_add(duration.unwrap_or_default().min(MAX_GAP))
            .min(segment.stop().unwrap_or(gst::ClockTime::MAX));
        let pts = segment.start().map_or(pts, |start| pts.max(start));
        let (Some(from), Some(to)) = (segment.to_running_time(pts), segment.to_running_time(end))
        else {
            return;
        };
        // A hole before it is silent, too.
        let from = from.nseconds();
        let begin = timeline.expected().map_or(from, |end| end.min(from));
        let decision = timeline.place(Some(from), 0);
        let silence = timeline.fill_to(to.nseconds());
        let phones = self.aligner.silence(signed(begin)).map(Step::NoPhones);
        self.act(decision, phones);
        self.steps.push_back(Step::Silence(silence));
    }

    /// What a decision asks for before the sound itself, and what is known of its phones.
    fn act(&mut self, decision: Decision, phones: Option<Step>) {
        match decision {
            Decision::Begin { at } => self.steps.push_back(Step::Begin(at)),
            Decision::Restart { at } => {
                self.steps.push_back(Step::Finish);
                self.steps.push_back(Step::Begin(at));
            }
            Decision::Silence(silence) => {
                // Phones that do not sound yet are not to be seen meanwhile.
                self.steps.extend(phones);
                self.steps.push_back(Step::Silence(silence));
                return;
            }
            Decision::Append | Decision::Trim(_) => {}
        }
        self.steps.extend(phones);
    }

    /// The next frame that is due; works through the steps as far as needed.
    pub fn next_frame(&mut self) -> Option<PosedFrame> {
        let animator = self.animator.as_mut()?;
        let Input { info, format } = self.input.as_ref()?;
        let piece = PIECE_SECONDS * u64::from(info.rate());
        loop {
            if let Some(posed) = animator.next_frame() {
                return Some(posed);
            }
            match self.steps.front_mut()? {
                Step::Finish => animator.finish(),
                Step::Begin(at) => {
                    animator.begin(*at);
                    self.discont = true;
                }
                Step::Phones(aligned) => {
                    if let Some(pause) = aligned.pause {
                        animator.silence_phones(pause);
                    }
                    animator.announce(aligned.at, aligned.rate, &aligned.phones);
                }
                Step::NoPhones(from) => animator.silence_phones(*from),
                Step::Silence(left) => {
                    let now = piece.min(*left);
                    animator.push_silence(now);
                    *left -= now;
                    if *left > 0 {
                        continue;
                    }
                }
                Step::Sound(map, from) => {
                    let all = &map[*from..];
                    let now = &all[..all.len().min(piece as usize * info.bpf() as usize)];
                    self.bad_samples |= pcm::has_bad(*format, now);
                    animator.push_bytes(*format, info.channels() as usize, now);
                    *from += now.len();
                    if *from < map.len() {
                        continue;
                    }
                }
            }
            self.steps.pop_front();
        }
    }

    /// Whether there were samples that are no number since the last call.
    pub fn take_bad_samples(&mut self) -> bool {
        std::mem::take(&mut self.bad_samples)
    }
}

/// What a buffer says of the speech in it.
fn label(buffer: &gst::BufferRef) -> Option<Label> {
    match SpeechPlace::of(buffer)? {
        Ok(place) => Some(Label {
            id: ClauseId {
                utterance: place.utterance_id,
                clause: place.clause,
            },
            offset: place.offset,
        }),
        Err(invalid) => {
            gst::warning!(CAT, "a {SPEECH_META} is ignored: {invalid}");
            None
        }
    }
}

/// Running time of a buffer; without a timestamp the first one is taken to begin with the
/// segment, and others follow.
fn running_time(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    pts: Option<gst::ClockTime>,
    timeline: &Timeline,
) -> Option<u64> {
    let first = || segment.start().filter(|_| timeline.expected().is_none());
    segment
        .to_running_time(pts.or_else(first)?)
        .map(gst::ClockTime::nseconds)
}

fn signed(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

fn nanoseconds(samples: u64, rate: u32) -> u64 {
    samples
        .mul_div_floor(1_000_000_000, u64::from(rate.max(1)))
        .unwrap_or(u64::MAX)
}
