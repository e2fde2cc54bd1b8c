// SPDX-License-Identifier: MPL-2.0
//! What comes in: sound, frames, events, interruptions and ends; and how much of it may wait.

use super::{
    Clause, DriftCorrection, LatePolicy, Material, Next, Place, Side, Sync, Taken,
    cut::REST,
    epoch::{Lane, Placed},
    mapping::{AudioSide, Dry},
    picture::Queued,
};
use crate::timeline::MAX_STAMP;

/// A frame that says it lasts longer lasts so long, ns.
const LONGEST_FRAME: u64 = 60_000_000_000;
/// A stream that has nothing to send is let in so much beyond the limit while live, ns.
const PATIENCE: i64 = 2_000_000_000;

impl<M: Material> Sync<M> {
    /// Sound that says it begins at `stamp`, which came at running time `arrival` (both ns).
    pub fn push_sound(
        &mut self,
        stamp: Option<u64>,
        data: M::Pcm,
        place: Option<Place>,
        arrival: Option<u64>,
    ) -> Taken {
        let Some(audio) = &self.audio else {
            return Taken::Refused;
        };
        let format = audio.sound.format;
        let frames = (data.as_ref().len() / format.frame()) as i64;
        self.counts.sound_in += frames as u64;
        let quiet = || format.is_quiet(data.as_ref(), super::QUIET);
        let muted = self.is_muted(place, frames, quiet);
        if muted && !self.config.live {
            // Nothing passes meanwhile: it is as if it had not come.
            self.counts.sound_cut += frames as u64;
            return Taken::Muted;
        }
        let placed = self.place_sound(stamp);
        let Some(audio) = &mut self.audio else {
            return Taken::Refused;
        };
        let skip = (audio.tail() - placed.1).clamp(0, frames);
        let slip = audio.note_placed(placed.0, skip, frames);
        self.epochs.slip(audio.lane.epoch, slip);
        audio.counted += frames as u64;
        if let (true, Some(arrival)) = (self.config.live, arrival) {
            let ns = u64::try_from(format.ns(audio.counted as i64)).unwrap_or(0);
            audio.drift.add(ns, arrival);
        }
        if muted {
            audio.settle(&mut self.counts);
            audio.sound.push_silence(frames - skip);
            self.counts.sound_muted += (frames - skip) as u64;
        } else {
            let policy = if self.config.live {
                self.config.drift
            } else {
                DriftCorrection::None
            };
            audio.put(data, skip, place, policy, &mut self.counts);
        }
        audio.lane.expected = Some(format.ns(audio.tail()));
        self.counts.sound_trimmed += skip as u64;
        self.try_begin_offline();
        match placed.0 {
            _ if muted => Taken::Muted,
            Placed::Restarted(_) => Taken::Restarted,
            _ if skip > 0 => Taken::Trimmed(format.ns(skip) as u64),
            _ => Taken::Queued,
        }
    }

    /// Upstream says that there is no sound from `stamp` on for `duration` (ns).
    pub fn push_gap(&mut self, stamp: u64, duration: u64) {
        if self.audio.is_none() || stamp > MAX_STAMP || duration > MAX_STAMP {
            return;
        }
        let (_, position) = self.place_sound(Some(stamp));
        if let Some(audio) = &mut self.audio {
            audio.settle(&mut self.counts);
            let format = audio.sound.format;
            let skip = audio.sound.end() - position;
            let frames = format.samples(duration as i64) - skip.max(0);
            audio.sound.push_silence(frames);
            audio.lane.expected = Some(format.ns(audio.sound.end()));
        }
        self.try_begin_offline();
    }

    /// Finds the place of what begins at `stamp` and makes room for it: the queue ends there, or
    /// behind it, where some of it had been there before.
    fn place_sound(&mut self, stamp: Option<u64>) -> (Placed, i64) {
        let now = self.now();
        let live = self.config.live;
        let Some(audio) = &mut self.audio else {
            return (Placed::Follows, 0);
        };
        audio.lane.eos = false;
        let format = audio.sound.format;
        let stamp = stamp.filter(|s| *s <= MAX_STAMP);
        let first = audio.lane.expected.is_none();
        if !live && self.epochs.is_open() {
            // Offline all begins with the sound.
            let at = audio.lane.expected.filter(|_| !audio.lane.fresh);
            let at = at.unwrap_or_else(|| format.ns(audio.sound.end()));
            self.epochs
                .anchor_first(&mut audio.lane, stamp.unwrap_or(0), at);
            (audio.lane.expected, audio.lane.fresh) = (Some(at), false);
        }
        let placed = match stamp {
            Some(stamp) => self.epochs.place(&mut audio.lane, stamp, now, true),
            None if first || audio.lane.fresh => {
                audio.lane.fresh = false;
                Placed::Restarted(now)
            }
            None => Placed::Follows,
        };
        if placed != Placed::Follows {
            audio.settle(&mut self.counts);
        }
        let end = audio.tail();
        let position = match placed {
            Placed::Follows => end,
            Placed::At(at) | Placed::Restarted(at) => format.samples(at),
            Placed::Overlaps(by) => end - format.samples(by),
        };
        if first && live {
            audio.sound.restart(position);
        } else if position > end {
            if audio.sound.len() == 0 && audio.dry.is_some() {
                // How much of the hole has passed is known when it goes on.
                audio.sound.restart(position);
            } else {
                audio.sound.push_silence(position - end);
                self.counts.sound_filled += (position - end) as u64;
            }
        }
        (placed, position)
    }

    /// Planned time of what is sent next, ns.
    pub(super) fn now(&self) -> i64 {
        match (&self.audio, &self.video) {
            (Some(audio), _) if self.config.live => audio.now(),
            (None, Some(video)) if self.config.live => video.due(),
            (Some(audio), _) => audio.sound.format.ns(audio.sound.end()),
            (None, Some(video)) => video.lane.expected.unwrap_or_else(|| video.due()),
            (None, None) => 0,
        }
    }

    /// Whether this is the rest of what was interrupted.
    fn is_muted(&mut self, place: Option<Place>, frames: i64, quiet: impl Fn() -> bool) -> bool {
        let Some(audio) = &mut self.audio else {
            return false;
        };
        match place {
            Some(place) if audio.muted.utterances.contains(&place.utterance) => {
                audio.muted.rest = REST;
                true
            }
            Some(_) => {
                audio.muted.rest = 0;
                false
            }
            None if audio.muted.rest > 0 && !quiet() => {
                let ns = audio.sound.format.ns(frames) as u64;
                audio.muted.rest = audio.muted.rest.saturating_sub(ns);
                true
            }
            None => {
                audio.muted.rest = 0;
                false
            }
        }
    }

    /// A frame that is to be shown from `stamp` on for `duration`, which came at running time
    /// `arrival` (all ns).
    pub fn push_frame(
        &mut self,
        stamp: Option<u64>,
        duration: Option<u64>,
        frame: M::Frame,
        arrival: Option<u64>,
    ) -> Taken {
        let now = self.now();
        let has_sound = self.audio.as_ref().is_some_and(|a| a.linked && !a.lane.eos);
        let live = self.config.live;
        let Some(video) = &mut self.video else {
            return Taken::Refused;
        };
        self.counts.frames_in += 1;
        video.lane.eos = false;
        let expected = video.lane.expected.unwrap_or(now);
        let stamp = stamp
            .filter(|s| *s <= MAX_STAMP)
            .or_else(|| self.epochs.unplan(video.lane.epoch, expected))
            .unwrap_or(0);
        if let (Some(arrival), Some((last, from))) = (arrival, video.last_arrival)
            && stamp > from
        {
            let part = arrival.saturating_sub(last) as f64 / (stamp - from) as f64;
            // A mean over some sixteen frames.
            video.proportion += (part.min(100.0) - video.proportion) / 16.0;
        }
        video.last_arrival = arrival.map(|a| (a, stamp));
        let mut taken = Taken::Queued;
        let duration = duration
            .unwrap_or_else(|| video.grid.duration(video.index))
            .min(LONGEST_FRAME);
        let planned = self.epochs.plan(video.lane.epoch, stamp);
        self.revoked = self.revoked.filter(|cut| planned.is_some_and(|p| p < *cut));
        if self.revoked.is_some() {
            // Its sound had been sent before the rest was cut.
            video.enqueue(stamp, duration, frame);
            return taken;
        }
        if !live && self.epochs.is_open() {
            if has_sound {
                // Sound tells where all begins; until then frames only wait.
                video.lane.epoch = self.epochs.latest();
                video.enqueue(stamp, duration, frame);
                self.try_begin_offline();
                return taken;
            }
            self.epochs.anchor_first(&mut video.lane, stamp, 0);
            (video.lane.expected, video.lane.fresh) = (Some(0), false);
        }
        if !live && (video.lane.fresh || video.lane.expected.is_none()) {
            // The epoch has been begun by the sound.
            video.lane.epoch = self.epochs.latest();
            video.lane.fresh = false;
        } else if let Placed::Restarted(_) = self.epochs.place(&mut video.lane, stamp, now, false) {
            taken = Taken::Restarted;
        }
        let planned = self.epochs.plan(video.lane.epoch, stamp);
        video.lane.expected = planned.map(|p| p.saturating_add(duration as i64));
        video.enqueue(stamp, duration, frame);
        self.try_begin_offline();
        taken
    }

    /// An event that is to keep its place.
    pub fn push_event(&mut self, side: Side, event: M::Event) {
        match side {
            Side::Audio => {
                if let Some(audio) = &mut self.audio {
                    audio.sound.push_event(event);
                }
            }
            Side::Video => {
                if let Some(video) = &mut self.video {
                    video.queue.push_back(Queued::Event(event));
                }
            }
        }
    }

    /// What the sound of a clause says, before its first piece.
    pub fn announce(&mut self, clause: Clause) {
        if let Some(audio) = &mut self.audio {
            audio.sound.words.announce(clause);
        }
    }

    /// What comes next of a stream stands where its timestamp says: upstream has begun a segment
    /// or has lost something.
    pub fn discont(&mut self, side: Side) {
        if let Some(lane) = self.lane(side) {
            lane.discont = true;
        }
    }

    /// Nothing more comes of a stream.
    pub fn eos(&mut self, side: Side) {
        if let Some(lane) = self.lane(side) {
            lane.eos = true;
        }
        if side == Side::Audio
            && let Some(audio) = &mut self.audio
        {
            audio.settle(&mut self.counts);
        }
        // Offline, sound that ends before it begins leaves the beginning to the pictures.
        let begun = |audio: &AudioSide<M>| audio.lane.expected.is_some();
        if side == Side::Audio
            && !self.config.live
            && !self.audio.as_ref().is_some_and(begun)
            && self.epochs.is_open()
            && let Some(video) = &mut self.video
            && let Some((stamp, duration)) = video.first_and_length()
        {
            self.epochs.anchor_first(&mut video.lane, stamp, 0);
            video.lane.expected = Some(duration);
        }
        self.try_begin_offline();
    }

    fn lane(&mut self, side: Side) -> Option<&mut Lane> {
        match side {
            Side::Audio => self.audio.as_mut().map(|a| &mut a.lane),
            Side::Video => self.video.as_mut().map(|v| &mut v.lane),
        }
    }

    /// Whether more may come of a stream now. Neither waits for room while the other one waits
    /// for data, since both may come from one source.
    pub fn has_room(&self, side: Side) -> bool {
        let limit = i64::try_from(self.config.limit).unwrap_or(i64::MAX);
        let level = self.level(side);
        if level < limit {
            return true;
        }
        let hungry = match side {
            Side::Audio => self.is_hungry(Side::Video),
            Side::Video => self.is_hungry(Side::Audio),
        };
        hungry && (!self.config.live || level < limit.saturating_add(PATIENCE))
    }

    /// Whether a stream could send if only more came of it.
    fn is_hungry(&self, side: Side) -> bool {
        match side {
            Side::Audio => self.audio.as_ref().is_some_and(|a| {
                let starved = if self.config.live {
                    a.sound.len() == 0
                } else {
                    self.next_sound() == Next::Wait
                };
                a.linked && !a.lane.eos && starved
            }),
            Side::Video => self.video.as_ref().is_some_and(|v| {
                let starved = if self.config.live {
                    v.frames() == 0
                } else {
                    !self.knows_frame(v)
                };
                v.linked && !v.lane.eos && starved
            }),
        }
    }

    /// How much waits of a stream, ns.
    pub fn level(&self, side: Side) -> i64 {
        match side {
            Side::Audio => self
                .audio
                .as_ref()
                .map_or(0, |a| a.sound.format.ns(a.sound.len())),
            Side::Video => self.video.as_ref().map_or(0, |v| {
                let durations = v.queue.iter().map(|q| match q {
                    Queued::Frame { duration, .. } => *duration as i64,
                    Queued::Event(_) => 0,
                });
                durations.fold(0, i64::saturating_add)
            }),
        }
    }
}

impl<M: Material> AudioSide<M> {
    /// So many samples were placed so, the first of them skipped: whether the drift goes on being
    /// measured, and by how much the anchor is to move for it, ns.
    fn note_placed(&mut self, placed: Placed, skip: i64, frames: i64) -> i64 {
        match placed {
            Placed::Restarted(_) => {
                self.measure_anew();
                self.correction.forget();
            }
            Placed::At(_) => self.measure_anew(),
            _ if skip > 0 => self.measure_anew(),
            _ => return self.follows(self.lane.ahead, self.sound.format.ns(frames)),
        }
        0
    }

    /// Goes on after silence that was put in because nothing was there. `first` is the output
    /// sample that what waits may begin with. How many samples later than its time it begins,
    /// and how many of it were dropped for being late.
    pub fn resume(&mut self, first: i64, policy: LatePolicy) -> (i64, i64) {
        let Some(dry) = self.dry.take() else {
            return (0, 0);
        };
        let planned = self.sound.start();
        let needed = first - planned;
        if policy == LatePolicy::Drop {
            let dropped = needed.clamp(0, self.sound.len());
            self.sound.skip(dropped, &mut Vec::new());
            self.mapping.set(first, 0);
            if self.sound.len() == 0 {
                self.dry = Some(Dry {
                    since: first,
                    shift: 0,
                });
            } else {
                self.close_hole(dry.since, self.sound.start());
                self.sound.push_silence_first(self.sound.start() - first);
            }
            return (0, dropped);
        }
        let hole = (planned - (dry.since - dry.shift)).max(0);
        let passed = (first - dry.since).clamp(0, hole);
        let given = dry.shift.min(passed / GIVEN_BACK);
        let shift = needed.max(dry.shift - given).max(0);
        self.sound.push_silence_first(planned - (first - shift));
        self.close_hole(dry.since, planned + shift);
        self.mapping.set(first, shift);
        self.least.forget();
        ((shift - dry.shift).max(0), 0)
    }

    /// There was nothing from one output sample on, or since what was there had been cut, up to
    /// another one.
    fn close_hole(&mut self, since: i64, until: i64) {
        let cut = self.hole.contains(&since);
        self.hole = if cut { self.hole.start } else { since }..until;
    }
}

/// For so many parts of a pause that are sent, one at most is left out to give back the shift.
pub(super) const GIVEN_BACK: i64 = 4;
