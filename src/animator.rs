// SPDX-License-Identifier: MPL-2.0
//! [`Animator`]: sound in, one [`FacePose`] for every frame of the grid out.

mod alignment;
mod place;
mod style;

use crate::{
    articulate::{
        Articulator, KnownPhones, Mouth, Origin, PhoneArticulator, Span, face_pose,
        signal::SignalArticulator,
    },
    audio::{
        ANALYSIS_RATE,
        intake::{Intake, MAX_RATE, MIN_RATE},
        pcm::{self, SampleFormat},
    },
    grid::FrameGrid,
    motion::{Motion, Prosody},
    pose::FacePose,
    speech::Phone,
};
use alignment::Alignment;
pub use alignment::Lags;
use place::Place;
pub use style::{MAX_LIP_OFFSET, Style};

const SECOND_NS: u64 = 1_000_000_000;
/// How long the mouth takes to leave a shape whose sound was dropped, ns.
const RELAX_NS: u64 = 120_000_000;
/// Frames of interleaved sound that are mixed down at a time.
const PIECE: usize = 4096;
/// How far beyond what the articulator needs a frame looks ahead, ns: for contacts of the lips
/// while it is shown, and for accents that the head prepares for. Frames last longer only below
/// 25 a second; there they also look back for contacts, so that between them they see every
/// instant and none waits for more sound than this.
const AHEAD_NS: u64 = 40_000_000;
/// 16 kHz samples of mouths that are kept behind the latest: a change of the lip offset can ask
/// for any of them.
const HISTORY: i64 = 2 * MAX_LIP_OFFSET * ANALYSIS_RATE as i64 / SECOND_NS as i64;

/// One frame's pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PosedFrame {
    /// Its place on the grid.
    pub index: u64,
    /// What the face does.
    pub pose: FacePose,
    /// What moved the mouth.
    pub origin: Origin,
}

/// Turns sound into poses on the frame grid.
///
/// Time is running time in ns. [`begin`](Self::begin) says where the next sample lies; from
/// there on only samples are counted. Frame k is due once its instant k·d/n plus the look-ahead
/// is covered by sound; a frame belongs to the stretch of sound that covers its instant.
pub struct Animator {
    rate: u32,
    grid: FrameGrid,
    style: Style,
    intake: Intake,
    articulator: Box<dyn Articulator>,
    /// Phones that the articulator is told of.
    known: KnownPhones,
    prosody: Prosody,
    alignment: Alignment,
    motion: Motion,
    mono: Vec<f32>,
    /// The frame that comes next.
    next: u64,
    /// Whether a frame has come out since the last reset: `next` − 1 must not come again.
    shown: bool,
    /// Running time of the stretch's first sample.
    start: u64,
    /// Samples of the stretch, at `rate`.
    samples: u64,
    /// The sample of the stretch that the articulator's sample 0 is.
    heard_from: u64,
    finished: bool,
    /// The mouth last shown, and when.
    last: Option<(u64, Mouth)>,
    /// The mouth to leave because its sound was dropped, and since when.
    leaving: Option<(u64, Mouth)>,
}

impl Animator {
    /// An animator that needs nothing but the sound. `rate` is the sound's sample rate in Hz
    /// (8 000–192 000; what lies outside is taken as the nearer limit), `seed` that of all
    /// random motion.
    pub fn new(rate: u32, grid: FrameGrid, seed: u64, style: Style) -> Self {
        Self::with_articulator(rate, grid, seed, style, Box::new(SignalArticulator::new()))
    }

    /// Like [`new`](Self::new), with the lips moved by `articulator`.
    pub fn with_articulator(
        rate: u32,
        grid: FrameGrid,
        seed: u64,
        style: Style,
        articulator: Box<dyn Articulator>,
    ) -> Self {
        let rate = rate.clamp(MIN_RATE, MAX_RATE);
        Self {
            rate,
            grid,
            style: style.sane(),
            intake: Intake::new(rate),
            articulator,
            known: KnownPhones::new(),
            prosody: Prosody::new(),
            alignment: Alignment::new(),
            motion: Motion::new(seed),
            mono: Vec::with_capacity(PIECE),
            next: 0,
            shown: false,
            start: 0,
            samples: 0,
            heard_from: 0,
            finished: false,
            last: None,
            leaving: None,
        }
    }

    /// Like [`new`](Self::new), with lips that follow the phones that are
    /// [announced](Self::announce); where none are, they do what `heard` says, or rest without
    /// one, which takes less look-ahead.
    pub fn with_phones(
        rate: u32,
        grid: FrameGrid,
        seed: u64,
        style: Style,
        heard: Option<Box<dyn Articulator>>,
    ) -> Self {
        let known = KnownPhones::new();
        let articulator = match heard {
            Some(heard) => PhoneArticulator::listening(known.clone(), heard),
            None => PhoneArticulator::new(known.clone()),
        };
        let mut animator = Self::with_articulator(rate, grid, seed, style, Box::new(articulator));
        animator.known = known;
        animator
    }

    /// Phones whose sample 0 lies at that running time, at `rate` samples a second; before 0 is
    /// sound that was cut off. They should come before the sound that they belong to, and they
    /// hold through [`begin`](Self::begin); what was announced for later than the first of them
    /// is revoked. Only an animator [with phones](Self::with_phones) heeds them.
    pub fn announce(&mut self, running_time: i64, rate: u32, phones: &[Phone]) {
        self.known.announce(running_time, rate, phones);
    }

    /// Of the phones that were announced none sounds from that running time on.
    pub fn silence_phones(&mut self, running_time: i64) {
        self.known.end(running_time);
    }

    /// How far behind the sound a frame is decided, ns: resampling, analysis, smoothing and
    /// 40 ms for what happens while the frame is shown, less the lip offset (lips shown later need less, lips shown earlier more). Constant as long as
    /// [`Style::lip_offset`] is.
    pub fn look_ahead(&self) -> u64 {
        let own = self.intake.delay()
            + (self.articulator.look_ahead() * SECOND_NS).div_ceil(u64::from(ANALYSIS_RATE));
        (own + AHEAD_NS).saturating_add_signed(-self.style.lip_offset)
    }

    /// Changes the style from the next frame on. A changed lip offset changes
    /// [`look_ahead`](Self::look_ahead).
    pub fn set_style(&mut self, style: Style) {
        self.style = style.sane();
    }

    /// The next sample pushed lies at that running time. Forgets sound not yet shown: call
    /// [`finish`](Self::finish) and take the frames first to keep it.
    ///
    /// Ahead, or back by less than a frame, frames go on where the sound does and none comes
    /// twice. Further back, they restart at the grid place of that time.
    pub fn begin(&mut self, running_time: u64) {
        let sample = SECOND_NS / u64::from(self.rate);
        // Sound that joins up to rounding must not lose the frame at the joint.
        let joint = self.end().abs_diff(running_time) <= sample;
        let from = running_time.saturating_sub(if joint { sample } else { 0 });
        let first = self.grid.first_at_or_after(from);
        let back = self.shown && first.saturating_add(1) < self.next;
        if back {
            self.motion.restart();
        }
        self.next = if back || !self.shown {
            first
        } else {
            first.max(self.next)
        };
        self.start = running_time;
        self.samples = 0;
        self.finished = false;
        self.forget_sound();
    }

    /// Forgets everything but what was learnt of the voice, as after a flush: the next
    /// [`begin`](Self::begin) may be anywhere and frames may come again.
    pub fn reset(&mut self) {
        self.shown = false;
        self.last = None;
        self.known.revoke();
        self.motion.restart();
        self.begin(0);
    }

    /// Mono samples, full scale ±1. NaN and infinities count as 0.
    pub fn push(&mut self, samples: &[f32]) {
        self.go_on();
        self.samples += samples.len() as u64;
        let heard = self.place();
        let shown = heard.later(self.style.lip_offset);
        let (articulator, motion) = (&mut self.articulator, &mut self.motion);
        let (prosody, alignment) = (&mut self.prosody, &mut self.alignment);
        self.intake.push(samples, &mut |ready| {
            articulator.push(ready);
            prosody.push(ready, &mut |cue| shown.answer(&cue, motion));
            alignment.hear(ready, &heard);
        });
    }

    /// Interleaved samples of any number of channels, which are mixed as their mean. A trailing
    /// part of a frame is ignored, and so is everything if `channels` is 0.
    pub fn push_interleaved(&mut self, samples: &[f32], channels: usize) {
        for piece in samples.chunks(PIECE * channels.max(1)) {
            let mut mono = std::mem::take(&mut self.mono);
            mono.clear();
            pcm::downmix(piece, channels, &mut mono);
            self.push(&mono);
            self.mono = mono;
        }
    }

    /// Like [`push_interleaved`](Self::push_interleaved), from the samples' bytes.
    pub fn push_bytes(&mut self, format: SampleFormat, channels: usize, data: &[u8]) {
        for piece in data.chunks(PIECE * channels.max(1) * format.bytes()) {
            let mut mono = std::mem::take(&mut self.mono);
            mono.clear();
            pcm::downmix_bytes(format, channels, piece, &mut mono);
            self.push(&mono);
            self.mono = mono;
        }
    }

    /// That many samples of silence, at little cost however many they are.
    pub fn push_silence(&mut self, samples: u64) {
        const ZEROS: [f32; 1024] = [0.0; 1024];
        let rate = u64::from(self.rate);
        // The resampler still holds sound; what it gives out after a second is silence.
        let mut heard = samples.min(rate);
        let seconds = (samples - heard) / rate;
        heard += (samples - heard) % rate;
        while heard > 0 {
            let now = heard.min(ZEROS.len() as u64);
            self.push(&ZEROS[..now as usize]);
            heard -= now;
        }
        if seconds > 0 {
            self.samples += seconds * rate;
            self.intake.skip_silence(seconds);
            let samples = seconds * u64::from(ANALYSIS_RATE);
            self.articulator.push_silence(samples);
            self.prosody.skip_silence(samples);
            self.alignment.skip_silence(samples);
        }
    }

    /// The sound ends here: frames that wait for look-ahead become due.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        let articulator = &mut self.articulator;
        self.intake.finish(&mut |ready| articulator.push(ready));
        self.articulator.drain();
        self.finished = true;
    }

    /// Drops the sound not yet shown and the phones announced, and relaxes the mouth within
    /// 120 ms. The frames of that sound still come, each at its place; what is pushed next
    /// follows the dropped sound.
    pub fn interrupt(&mut self) {
        self.known.revoke();
        self.forget_sound();
        self.hear_from(self.samples);
        if self.finished {
            self.articulator.drain();
        }
    }

    /// The next frame that is due, in order, each once.
    pub fn next_frame(&mut self) -> Option<PosedFrame> {
        let index = self.next;
        if !self.due(index) {
            return None;
        }
        self.next += 1;
        self.shown = true;
        let time = self.grid.time(index);
        let sample = self.heard_sample(time);
        let said = self.said(index, sample);
        self.articulator
            .forget_before(sample.saturating_sub(HISTORY));
        self.compare(time);
        let mouth = self.leave(time, said);
        self.last = Some((time, mouth));
        let mut pose = face_pose(&mouth, self.style.dynamic_scale);
        self.motion.live(time, &self.style.manner(), &mut pose);
        let origin = if mouth == Mouth::REST {
            Origin::Idle
        } else {
            self.articulator.origin_at(sample)
        };
        Some(PosedFrame {
            index,
            pose,
            origin,
        })
    }

    /// Keeps what the articulator says of the sound up to that instant, as far as it is known
    /// by then.
    fn compare(&mut self, time: u64) {
        let until = time.saturating_add_signed(-self.style.lip_offset.max(0));
        while let Some(instant) = self.alignment.asks(until) {
            let mouth = self.articulator.mouth_at(self.sample(instant, 0));
            self.alignment.articulated(instant, mouth.aperture());
        }
    }

    /// The picture that is shown from that running time on has so large a gap between the lips, in
    /// eye distances: what [`lags`](Self::lags) are measured from.
    pub fn show(&mut self, running_time: u64, aperture: f32) {
        self.alignment.show(running_time, aperture);
    }

    /// By how much the mouths [shown](Self::show) are later than the sound pushed. Takes half a
    /// millisecond.
    pub fn lags(&self) -> Lags {
        self.alignment.lags()
    }

    /// What has gone wrong since the last call, for the user to know.
    pub fn take_problem(&mut self) -> Option<String> {
        self.articulator.take_problem()
    }

    /// What the sound makes the mouth do while a frame is shown.
    fn said(&self, index: u64, sample: i64) -> Mouth {
        // The ends of neighbours meet: each is the instant of a frame, plus the same.
        let from = |index: u64| {
            let lasts = self.grid.duration(index);
            let late = lasts.saturating_sub(AHEAD_NS);
            self.heard_sample(self.grid.time(index).saturating_sub(late))
        };
        self.articulator.mouth_over(&Span {
            at: sample,
            from: from(index),
            to: from(index + 1),
            next: self.heard_sample(self.grid.time(index + 1)),
        })
    }

    /// Where the stretch ends so far, ns.
    fn end(&self) -> u64 {
        let length = u128::from(self.samples) * u128::from(SECOND_NS) / u128::from(self.rate);
        u64::try_from(u128::from(self.start) + length).unwrap_or(u64::MAX)
    }

    fn due(&self, index: u64) -> bool {
        let rate = u128::from(self.rate);
        let sound = u128::from(self.samples) * u128::from(SECOND_NS);
        let end = u128::from(self.start) * rate + sound;
        // Exactly, so that a stretch has as many frames as there are instants in it. Without
        // look-ahead nothing else keeps back a frame that lies right at the end.
        let (n, d) = self.grid.rate();
        let instant = u128::from(index) * u128::from(d) * u128::from(SECOND_NS) * rate;
        if instant >= end * u128::from(n) {
            return false;
        }
        let decided = u128::from(self.grid.time(index)) + u128::from(self.look_ahead());
        self.finished || decided * rate <= end
    }

    /// The articulator's sample whose mouth is shown at a running time.
    fn heard_sample(&self, time: u64) -> i64 {
        self.sample(time, self.style.lip_offset)
    }

    /// The articulator's sample that is shown at a running time, if it is shown `later` ns later
    /// than it is heard.
    fn sample(&self, time: u64, later: i64) -> i64 {
        let (rate, second) = (i128::from(self.rate), i128::from(SECOND_NS));
        let since = i128::from(time) - i128::from(self.start) - i128::from(later);
        let heard = since * rate - i128::from(self.heard_from) * second;
        let sample = (heard * i128::from(ANALYSIS_RATE)).div_euclid(second * rate);
        i64::try_from(sample).unwrap_or(if sample < 0 { i64::MIN } else { i64::MAX })
    }

    /// Where the articulator's samples lie in running time.
    fn place(&self) -> Place {
        let heard_from = u128::from(self.heard_from) * u128::from(SECOND_NS);
        let from = heard_from / u128::from(self.rate) + u128::from(self.start);
        Place {
            zero: i128::try_from(from).unwrap_or(i128::MAX >> 1),
            ahead: i64::try_from(self.articulator.look_ahead()).unwrap_or(i64::MAX >> 1)
                + (AHEAD_NS * u64::from(ANALYSIS_RATE) / SECOND_NS) as i64,
        }
    }

    /// Sound after the end of a finished stretch follows it without a joint.
    fn go_on(&mut self) {
        if self.finished {
            self.finished = false;
            self.forget_sound();
            self.hear_from(self.samples);
        }
    }

    /// The articulator's sample 0 is that sample of the stretch.
    fn hear_from(&mut self, sample: u64) {
        self.heard_from = sample;
        self.known.place(self.place().zero);
    }

    fn forget_sound(&mut self) {
        self.intake.reset();
        self.articulator.reset();
        self.prosody.reset();
        self.alignment.restart();
        self.motion
            .forget_after(self.last.map_or(0, |(time, _)| time));
        self.hear_from(0);
        self.leaving = self.last;
    }

    /// `said`, reached gradually from a mouth whose sound was dropped.
    fn leave(&mut self, time: u64, said: Mouth) -> Mouth {
        let Some((since, from)) = self.leaving else {
            return said;
        };
        match time.checked_sub(since) {
            Some(passed) if passed < RELAX_NS => {
                let t = passed as f32 / RELAX_NS as f32;
                from.towards(said, t * t * (3.0 - 2.0 * t))
            }
            _ => {
                self.leaving = None;
                said
            }
        }
    }
}
