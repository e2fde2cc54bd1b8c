// SPDX-License-Identifier: MPL-2.0
//! Which picture is sent: the one nearest to what is heard. A late one still replaces what is
//! shown, and where none has come the last one is sent again.

use super::{
    Material, Sync, Verdict,
    epoch::Epochs,
    mapping::{Dry, VideoSide},
};

/// How long a mouth takes from speech to rest, ns.
const RELAXATION: i64 = 120_000_000;

/// What was being said has been cut, and what upstream makes next are pictures of a mouth that comes
/// to rest. They are due only when silence of their time has come through all queues: until then
/// the face would stand still with its mouth open. So they are shown as they come, while nothing is
/// heard; the last of them waits for its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Relaxing {
    /// Planned end, ns; `None` before the first of them.
    until: Option<i64>,
}

/// What waits among the pictures.
pub(super) enum Queued<M: Material> {
    Frame {
        stamp: u64,
        epoch: usize,
        /// ns.
        duration: u64,
        frame: M::Frame,
    },
    Event(M::Event),
}

/// What is sent in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture<F> {
    /// A frame that was in time.
    New(F),
    /// A frame that should have been sent before.
    Late(F),
    /// The last frame once more.
    Again(F),
    /// There is none: the idle picture.
    Idle,
}

/// Told upstream, so that work is skipped before it is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Qos {
    /// Of the frame, upstream's running time, ns.
    pub stamp: u64,
    /// By how much it was late, ns; not positive if it was in time again.
    pub late: i64,
    /// Time between arrivals as a part of the time between stamps.
    pub proportion: f64,
}

/// One frame of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot<F> {
    /// Its number on the grid.
    pub index: u64,
    /// Output running time, ns.
    pub at: u64,
    /// ns.
    pub duration: u64,
    /// What is shown.
    pub picture: Picture<F>,
    /// Output time at which what is shown is, or was, heard, ns; `None` for the idle picture.
    pub content: Option<i64>,
    /// For upstream.
    pub qos: Option<Qos>,
    /// The offset has left the tolerance, or come back.
    pub verdict: Option<Verdict>,
}

/// What is heard in a slot, in planned time.
#[derive(Clone, Copy, Debug)]
struct Content {
    time: i64,
    heard: bool,
}

impl<M: Material> VideoSide<M> {
    /// A frame of the present epoch waits.
    pub(super) fn enqueue(&mut self, stamp: u64, duration: u64, frame: M::Frame) {
        self.queue.push_back(Queued::Frame {
            stamp,
            epoch: self.lane.epoch,
            duration,
            frame,
        });
    }

    /// Takes the newest frame that is due until `limit`, with the events before it; its stamp and
    /// epoch come with it. How many others were passed over.
    fn pick(
        &mut self,
        epochs: &Epochs,
        limit: i64,
        events: &mut Vec<M::Event>,
    ) -> (Option<(M::Frame, u64, usize)>, u64) {
        let mut best = None;
        let mut passed = 0;
        loop {
            match self.queue.front() {
                Some(Queued::Event(_)) => {}
                Some(Queued::Frame { stamp, epoch, .. })
                    if epochs.plan(*epoch, *stamp).is_some_and(|p| p <= limit) => {}
                _ => return (best, passed),
            }
            match self.queue.pop_front() {
                Some(Queued::Event(event)) => events.push(event),
                Some(Queued::Frame {
                    stamp,
                    epoch,
                    frame,
                    ..
                }) => {
                    passed += u64::from(best.replace((frame, stamp, epoch)).is_some());
                }
                None => return (best, passed),
            }
        }
    }
}

impl<M: Material> VideoSide<M> {
    /// Until when frames are due: `limit`, or, while the mouth comes to rest and nothing is heard,
    /// the first one that waits, if it lies before what is said next.
    fn relaxed(&mut self, epochs: &Epochs, content: Content, silent_until: i64, limit: i64) -> i64 {
        let Some(relaxing) = &mut self.relaxing else {
            return limit;
        };
        let next = self.queue.iter().find_map(|q| match q {
            Queued::Frame { stamp, epoch, .. } => epochs.plan(*epoch, *stamp),
            Queued::Event(_) => None,
        });
        let Some(next) = next else { return limit };
        let until = *relaxing
            .until
            .get_or_insert(next.saturating_add(RELAXATION));
        if next <= limit || next > until {
            self.relaxing = None;
        }
        if content.heard || self.relaxing.is_none() || next >= silent_until {
            return limit;
        }
        next
    }
}

impl<M: Material> Sync<M> {
    /// Sends a picture. `events` gets what comes before it.
    pub fn send_picture(&mut self, events: &mut Vec<M::Event>) -> Option<Slot<M::Frame>> {
        let at = self.video.as_ref()?.due();
        if self.waiting {
            self.try_begin(at);
        }
        let content = self.content_at(at);
        let silent_until = self.silent_until();
        let video = self.video.as_mut()?;
        let (index, grid) = (video.index, video.grid);
        video.index += 1;
        let duration = grid.duration(index);
        let half = (duration / 2) as i64;
        let mut fresh = false;
        if let Some(content) = content {
            let limit = content.time.saturating_add(half);
            let taken = video.relaxed(&self.epochs, content, silent_until, limit);
            let (picked, passed) = video.pick(&self.epochs, taken, events);
            self.counts.frames_dropped += passed;
            if let Some(picked) = picked {
                video.shown = Some(picked);
                video.shown_at = at;
                video.ahead = taken > limit;
                fresh = true;
            }
        }
        let mut slot = Slot {
            index,
            at: at as u64,
            duration,
            picture: Picture::Idle,
            content: None,
            qos: None,
            verdict: None,
        };
        self.fill(&mut slot, content, fresh, half);
        self.counts.frames_out += 1;
        self.check_over();
        Some(slot)
    }

    /// Decides what the slot shows.
    fn fill(
        &mut self,
        slot: &mut Slot<M::Frame>,
        content: Option<Content>,
        fresh: bool,
        half: i64,
    ) {
        let Some(video) = &mut self.video else { return };
        let at = slot.at as i64;
        let idle_after = self.config.idle_after;
        let idles = idle_after > 0
            && u64::try_from(at - video.shown_at).is_ok_and(|since| since >= idle_after);
        if video.shown.is_none()
            && !self.config.live
            && let Some(frame) = video.first_frame()
        {
            // Sound began before the first picture: that one is shown from the beginning.
            slot.picture = Picture::Again(frame);
            self.counts.frames_repeated += 1;
            return;
        }
        let Some((frame, stamp, epoch)) = video.shown.as_ref().filter(|_| !idles) else {
            self.counts.frames_idle += 1;
            self.offsets.pause();
            return;
        };
        let planned = self.epochs.plan(*epoch, *stamp);
        let offset = content.zip(planned).map(|(c, planned)| c.time - planned);
        slot.content = offset.map(|offset| at - offset);
        let late = offset.filter(|offset| *offset > half);
        slot.picture = match (fresh, late) {
            (false, _) => Picture::Again(frame.clone()),
            (true, None) => Picture::New(frame.clone()),
            (true, Some(_)) => Picture::Late(frame.clone()),
        };
        if !fresh {
            self.counts.frames_repeated += 1;
        } else if let Some(late) = late.filter(|_| self.config.live) {
            self.counts.frames_late += 1;
            video.behind = true;
            slot.qos = Some(video.qos(*stamp, late));
        } else if video.behind {
            video.behind = false;
            slot.qos = Some(video.qos(*stamp, offset.unwrap_or(0).min(0)));
        }
        match content.filter(|c| c.heard && !video.ahead).and(offset) {
            Some(offset) => slot.verdict = self.offsets.add(offset),
            None => self.offsets.pause(),
        }
    }

    /// Up to where nothing is said, as far as sound has come, ns of planned time.
    fn silent_until(&self) -> i64 {
        let audio = self.audio.as_ref();
        audio.map_or(i64::MAX, |a| a.sound.format.ns(a.sound.quiet_until()))
    }

    /// What is heard at an output time; `None` while nothing has begun.
    fn content_at(&self, slot: i64) -> Option<Content> {
        let nothing = Content {
            time: slot,
            heard: false,
        };
        let Some(audio) = &self.audio else {
            return Some(nothing);
        };
        if !self.config.live {
            return Some(Content {
                time: slot,
                heard: audio.linked,
            });
        }
        if self.waiting {
            return None;
        }
        let format = &audio.sound.format;
        let output = format.samples(slot);
        let shifted = |shift| slot - format.ns(shift);
        // The sound of that time may not have been sent yet: what waits tells whether there is any.
        let ahead = Dry {
            since: audio.out + audio.sound.len(),
            shift: audio.mapping.shift(),
        };
        let dry = audio.dry.unwrap_or(ahead);
        let Some(dry) = Some(dry).filter(|dry| output >= dry.since) else {
            return Some(Content {
                time: shifted(audio.mapping.shift_at(output)),
                heard: !audio.hole.contains(&output),
            });
        };
        let max_wait = i64::try_from(self.config.max_wait).unwrap_or(i64::MAX);
        let holds = self.config.late == super::LatePolicy::Shift
            && audio.linked
            && !audio.lane.eos
            && !audio.lane.fresh
            && audio.lane.expected.is_some()
            && format.ns(output - dry.since) <= max_wait;
        let time = if holds {
            // Sound that is late has its pictures wait.
            format.ns(dry.since - dry.shift)
        } else {
            shifted(dry.shift)
        };
        Some(Content { time, heard: false })
    }

    /// Offline: whether it is known which frame the next slot shows.
    pub(super) fn knows_frame(&self, video: &VideoSide<M>) -> bool {
        let half = (video.grid.duration(video.index) / 2) as i64;
        let limit = video.due().saturating_add(half);
        !video.linked
            || video.lane.eos
            || video.queue.iter().any(|q| match q {
                Queued::Frame { stamp, epoch, .. } => {
                    self.epochs.plan(*epoch, *stamp).is_some_and(|p| p > limit)
                }
                Queued::Event(_) => false,
            })
    }
}

impl<M: Material> VideoSide<M> {
    fn first_frame(&self) -> Option<M::Frame> {
        self.queue.iter().find_map(|q| match q {
            Queued::Frame { frame, .. } => Some(frame.clone()),
            Queued::Event(_) => None,
        })
    }

    fn qos(&self, stamp: u64, late: i64) -> Qos {
        Qos {
            stamp,
            late,
            proportion: self.proportion,
        }
    }
}
