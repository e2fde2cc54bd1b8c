// SPDX-License-Identifier: MPL-2.0
//! The two streams' own state, and how output positions become planned ones.

use std::{collections::VecDeque, ops::Range};

use super::{
    Material,
    correct::Correction,
    drift::Drift,
    epoch::Lane,
    pcm::PcmFormat,
    picture::{Queued, Relaxing},
    sound::Sound,
};
use crate::grid::FrameGrid;

/// Changes of the shift that are remembered: pictures may be sent that much later than sound.
const MOST_POINTS: usize = 256;
/// Seconds over which the least level is looked for.
const LEVEL_WINDOW: i64 = 10;

/// From which output sample on which shift holds, in samples.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    points: VecDeque<(i64, i64)>,
}

impl Mapping {
    fn new() -> Self {
        Self {
            points: VecDeque::from([(i64::MIN, 0)]),
        }
    }

    pub fn set(&mut self, from: i64, shift: i64) {
        if self.shift() == shift {
            return;
        }
        while self.points.back().is_some_and(|(at, _)| *at >= from) && self.points.len() > 1 {
            self.points.pop_back();
        }
        if self.points.len() == MOST_POINTS {
            self.points.pop_front();
        }
        self.points.push_back((from, shift));
    }

    /// The last one.
    pub fn shift(&self) -> i64 {
        self.points.back().map_or(0, |(_, shift)| *shift)
    }

    pub fn shift_at(&self, output: i64) -> i64 {
        let point = self.points.iter().rev().find(|(from, _)| *from <= output);
        point.or(self.points.front()).map_or(0, |(_, shift)| *shift)
    }
}

/// No sound waits although it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dry {
    /// Output sample of the first that was missing.
    pub since: i64,
    /// The shift until then.
    pub shift: i64,
}

/// The least that waited in each of the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Least {
    seconds: VecDeque<(i64, i64)>,
}

impl Least {
    pub fn note(&mut self, second: i64, level: i64) {
        match self.seconds.back_mut() {
            Some((at, least)) if *at == second => *least = (*least).min(level),
            _ => self.seconds.push_back((second, level)),
        }
        while self
            .seconds
            .front()
            .is_some_and(|(at, _)| *at + LEVEL_WINDOW < second)
        {
            self.seconds.pop_front();
        }
    }

    /// What has never been needed, once that has been watched for more than a second.
    pub fn spare(&self) -> i64 {
        if self.seconds.len() < 3 {
            return 0;
        }
        self.seconds.iter().map(|(_, l)| *l).min().unwrap_or(0)
    }

    pub fn taken(&mut self, samples: i64) {
        for (_, level) in &mut self.seconds {
            *level -= samples;
        }
    }

    pub fn forget(&mut self) {
        self.seconds.clear();
    }
}

/// What of an interrupted utterance still comes is not heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Muted {
    /// The last ones that were interrupted.
    pub utterances: VecDeque<u64>,
    /// Unmarked sound is the rest of one, for so many more ns.
    pub rest: u64,
}

/// Sound: what waits, and how far it has been sent.
pub(super) struct AudioSide<M: Material> {
    pub lane: Lane,
    pub linked: bool,
    pub sound: Sound<M>,
    /// The next output sample.
    pub out: i64,
    pub mapping: Mapping,
    pub dry: Option<Dry>,
    /// Output samples of the last silence that was put in since nothing was there, with the fade
    /// in front of it.
    pub hole: Range<i64>,
    /// End of what was cut, to be sent first.
    pub fade: Vec<u8>,
    pub muted: Muted,
    pub least: Least,
    pub drift: Drift,
    pub correction: Correction,
    /// Samples that have come since the drift is measured.
    pub counted: u64,
    /// What waits is to be sent although no block is full.
    pub drain: bool,
    /// Space that keeps its capacity.
    pub scrap: Vec<u8>,
}

impl<M: Material> AudioSide<M> {
    pub fn new(format: PcmFormat) -> Self {
        Self {
            lane: Lane::default(),
            linked: true,
            sound: Sound::new(format),
            out: 0,
            mapping: Mapping::new(),
            dry: Some(Dry { since: 0, shift: 0 }),
            hole: 0..0,
            fade: Vec::new(),
            muted: Muted::default(),
            least: Least::default(),
            drift: Drift::new(),
            correction: Correction::default(),
            counted: 0,
            drain: false,
            scrap: Vec::new(),
        }
    }

    pub fn start(&mut self, running: u64) {
        let format = &self.sound.format;
        let scaled = u128::from(running) * u128::from(format.rate);
        self.out = scaled.div_ceil(1_000_000_000) as i64;
        if let Some(dry) = &mut self.dry {
            dry.since = self.out;
        }
    }

    pub fn set_format(&mut self, format: PcmFormat) {
        let old = self.sound.format;
        let words = std::mem::take(&mut self.sound.words);
        let shift = format.samples(old.ns(self.mapping.shift()));
        self.sound = Sound::new(format);
        self.sound.words = words;
        // Rounded up: what was sent in the old format is not sent again.
        let scaled = i128::from(self.out) * i128::from(format.rate);
        self.out = (-(-scaled).div_euclid(i128::from(old.rate))) as i64;
        self.mapping = Mapping::new();
        self.mapping.set(self.out, shift);
        self.dry = Some(Dry {
            since: self.out,
            shift,
        });
        self.sound.restart(self.out - shift);
        self.fade.clear();
        self.least.forget();
        self.measure_anew();
        self.correction.forget();
        self.drain = false;
    }

    /// Behind the last sample that has come, in planned samples.
    pub fn tail(&self) -> i64 {
        self.sound.end() + self.correction.held()
    }

    /// The shift that holds for what is sent next.
    pub fn shift(&self) -> i64 {
        self.dry.map_or(self.mapping.shift(), |dry| dry.shift)
    }

    /// Planned time of what is sent next, ns.
    pub fn now(&self) -> i64 {
        self.sound.format.ns(self.out - self.shift())
    }

    /// Output time of what is sent next, ns.
    pub fn due(&self) -> i64 {
        self.sound.format.ns(self.out)
    }
}

/// Pictures: what waits, and how far they have been sent.
pub(super) struct VideoSide<M: Material> {
    pub lane: Lane,
    pub linked: bool,
    pub grid: FrameGrid,
    /// The next output frame.
    pub index: u64,
    pub queue: VecDeque<Queued<M>>,
    /// The picture on the screen, its stamp and its epoch.
    pub shown: Option<(M::Frame, u64, usize)>,
    /// When it came to the screen, ns of output.
    pub shown_at: i64,
    /// Frames come later than they are due.
    pub behind: bool,
    /// The picture on the screen is shown before its time, in silence.
    pub ahead: bool,
    /// After an interruption, until the mouth is at rest.
    pub relaxing: Option<Relaxing>,
    /// Mean time between arrivals as a part of the time between stamps.
    pub proportion: f64,
    /// The last arrival and its stamp.
    pub last_arrival: Option<(u64, u64)>,
}

impl<M: Material> VideoSide<M> {
    pub fn new(grid: FrameGrid) -> Self {
        Self {
            lane: Lane::default(),
            linked: true,
            grid,
            index: 0,
            queue: VecDeque::new(),
            shown: None,
            shown_at: 0,
            behind: false,
            ahead: false,
            relaxing: None,
            proportion: 1.0,
            last_arrival: None,
        }
    }

    pub fn set_grid(&mut self, grid: FrameGrid) {
        let due = self.grid.time(self.index);
        self.grid = grid;
        self.index = grid.first_at_or_after(due);
    }

    /// Output time of the next frame, ns.
    pub fn due(&self) -> i64 {
        self.grid.time(self.index) as i64
    }

    /// The first stamp that waits, and from it to the end of what waits, ns.
    pub fn first_and_length(&self) -> Option<(u64, i64)> {
        let mut span: Option<(u64, u64)> = None;
        for item in &self.queue {
            if let Queued::Frame {
                stamp, duration, ..
            } = item
            {
                let first = span.map_or(*stamp, |(first, _)| first);
                span = Some((first, stamp.saturating_add(*duration)));
            }
        }
        span.map(|(first, end)| (first, end.saturating_sub(first) as i64))
    }

    /// Frames that wait.
    pub fn frames(&self) -> usize {
        let frame = |q: &&Queued<M>| matches!(q, Queued::Frame { .. });
        self.queue.iter().filter(frame).count()
    }
}
