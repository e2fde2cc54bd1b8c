// SPDX-License-Identifier: MPL-2.0
//! [`Sync`]: what of sound and pictures is sent when. Sound is the master, pictures follow, and
//! nothing that comes late, or not at all, makes a hole in the output.
//!
//! Three timelines meet. *Stamps* are upstream's running times. The *plan* moves them so that a
//! source that restarts goes on where it was. The *output* counts samples and frames; it is the
//! plan and a shift, which grows when sound is late and is given back in later
//! pauses. Frame k is sent at k · d / n of the output, and shows what is heard then.
//!
//! ```text
//! push_sound ──► epoch ──► sound ──┐ resume, give back      ┌─► send_sound ─► Part …
//!   (stamp)      (plan)            ├──────► shift ──────────┤
//! push_frame ──► epoch ──► queue ──┘       (output)         └─► send_picture ─► Picture
//! ```
//!
//! No clock is read. Live, whoever calls waits until what [`Sync::next_sound`] and
//! [`Sync::next_picture`] name is due; offline they say whether enough has come. Of sound the
//! bytes are moved here, of frames only the handle.

mod correct;
mod cut;
mod drift;
mod epoch;
mod intake;
mod mapping;
mod mouth;
mod offset;
pub mod pcm;
mod picture;
mod send;
mod sound;
mod start;
mod stats;
mod stretch;
mod words;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_cut;
#[cfg(test)]
mod tests_drift;
#[cfg(test)]
mod tests_start;

use crate::grid::FrameGrid;

pub use drift::Estimate;
pub use offset::{Summary, Verdict};
pub use picture::{Picture, Qos, Slot};
pub use sound::QUIET;
pub use stats::{Counts, Levels};
pub use words::{Clause, Heard, Word};

use mapping::{AudioSide, VideoSide};

/// What is synchronised.
pub trait Material {
    /// Whole frames of interleaved PCM.
    type Pcm: AsRef<[u8]>;
    /// A picture; a clone is another handle of the same one.
    type Frame: Clone;
    /// What keeps its place in a stream besides.
    type Event;
    /// Whether an event outlives the sound or pictures around it when those are cut.
    fn survives(event: &Self::Event) -> bool;
}

/// Which part of which clause a piece of sound begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Utterance.
    pub utterance: u64,
    /// Its clause.
    pub clause: u32,
    /// Samples of the clause before it, at the clause's rate.
    pub offset: u64,
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// What becomes of sound that comes after its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LatePolicy {
    /// It is sent later, and so are its pictures.
    #[default]
    Shift,
    /// It is lost.
    Drop,
}

/// What becomes of sound whose clock is not the pipeline's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftCorrection {
    /// It is only measured.
    None,
    /// It is resampled, as far as it drifts: by 500 ppm at most, changed by 5 ppm a second.
    #[default]
    Resample,
}

/// How it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Paced by a clock, or as the data come.
    pub live: bool,
    /// Late sound.
    pub late: LatePolicy,
    /// Live: sound that drifts.
    pub drift: DriftCorrection,
    /// How long one stream waits for the other at the beginning, and pictures for late sound, ns.
    pub max_wait: u64,
    /// Sound may be so much too early, ns.
    pub tolerance_early: u64,
    /// Sound may be so much too late, ns.
    pub tolerance_late: u64,
    /// Length of a block of sound, ns; 0 is one frame, or [`BLOCK`] without pictures.
    pub block: u64,
    /// Sound or pictures that may wait, ns.
    pub limit: u64,
    /// Whether the output ends when all inputs have.
    pub ends: bool,
    /// After so long without a new frame the idle picture is shown, ns; 0 is never.
    pub idle_after: u64,
}

/// A block of sound where nothing says how long it should be: 20 ms in ns.
pub const BLOCK: u64 = 20_000_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            live: false,
            late: LatePolicy::Shift,
            drift: DriftCorrection::default(),
            max_wait: 1_000_000_000,
            tolerance_early: 40_000_000,
            tolerance_late: 60_000_000,
            block: 0,
            limit: 1_000_000_000,
            ends: true,
            idle_after: 0,
        }
    }
}

/// What comes next of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until more has come.
    Wait,
    /// So many frames of sound, or one picture, due at that output time (ns).
    Send {
        /// Output running time, ns.
        at: u64,
        /// Frames of sound; 1 for a picture.
        frames: usize,
    },
    /// Nothing any more: the stream ends at that output time (ns).
    End(u64),
}

/// A piece of what is sent of sound, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<M: Material> {
    /// It comes before the sound that follows.
    Event(M::Event),
    /// Frames of the block.
    Frames {
        /// How many; at least 1.
        frames: i64,
        /// Where in its clause the first one lies, if it is of one.
        place: Option<Place>,
        /// All of it was put in, or was known to be silent.
        silent: bool,
    },
}

/// What becomes of a piece that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It follows what was there, maybe after a hole.
    Queued,
    /// So much of its beginning, in ns, had been there before.
    Trimmed(u64),
    /// It belongs to what was interrupted.
    Muted,
    /// Its timestamps begin anew; it goes on where the stream was.
    Restarted,
    /// There is no such stream.
    Refused,
}

/// The state of both streams.
pub struct Sync<M: Material> {
    config: Config,
    epochs: epoch::Epochs,
    audio: Option<AudioSide<M>>,
    video: Option<VideoSide<M>>,
    /// Nothing has been sent but silence and the idle picture.
    waiting: bool,
    /// Output time at which the first of both had come.
    first_data: Option<i64>,
    /// Offline: where the sound was cut, until pictures of what follows come, ns.
    revoked: Option<i64>,
    /// Output time at which all ends.
    over: Option<i64>,
    counts: Counts,
    offsets: offset::Offsets,
    mouth: Option<Box<mouth::Mouth>>,
}

impl<M: Material> Sync<M> {
    /// Without any stream.
    pub fn new(config: Config) -> Self {
        Self {
            offsets: offset::Offsets::new(config.tolerance_early, config.tolerance_late),
            config,
            epochs: epoch::Epochs::new(),
            audio: None,
            video: None,
            waiting: true,
            first_data: None,
            revoked: None,
            over: None,
            counts: Counts::default(),
            mouth: None,
        }
    }

    /// How it is done.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What may change on the way; `live` stays.
    pub fn set_config(&mut self, config: Config) {
        let live = self.config.live;
        self.offsets
            .set_tolerance(config.tolerance_early, config.tolerance_late);
        self.config = Config { live, ..config };
    }

    /// There is sound of that format, or it has another format from now on: what waits of the
    /// old one is lost.
    pub fn set_sound(&mut self, format: pcm::PcmFormat) {
        match &mut self.audio {
            None => self.audio = Some(AudioSide::new(format)),
            Some(side) if side.sound.format == format => {}
            Some(side) => {
                side.set_format(format);
                self.mouth = None;
            }
        }
    }

    /// There are pictures at that rate, or they have another rate from now on.
    pub fn set_pictures(&mut self, grid: FrameGrid) {
        match &mut self.video {
            None => self.video = Some(VideoSide::new(grid)),
            Some(side) if side.grid == grid => {}
            Some(side) => side.set_grid(grid),
        }
    }

    /// Whether anything can come of a stream, which is to say whether it is linked.
    pub fn set_input(&mut self, side: Side, linked: bool) {
        match side {
            Side::Audio => {
                if let Some(audio) = &mut self.audio {
                    audio.linked = linked;
                }
            }
            Side::Video => {
                if let Some(video) = &mut self.video {
                    video.linked = linked;
                }
            }
        }
        self.try_begin_offline();
    }

    /// Live: the output begins at that running time (ns).
    pub fn start(&mut self, running: u64) {
        if let Some(audio) = &mut self.audio {
            audio.start(running);
        }
        if let Some(video) = &mut self.video {
            video.index = video.grid.first_at_or_after(running);
        }
    }

    /// The clock paces from now on; nothing may have been put in yet but events and formats.
    pub fn set_live(&mut self, config: Config) {
        self.set_config(config);
        self.config.live = true;
    }

    /// What waits of the sound is sent although it fills no block: its format changes.
    pub fn drain(&mut self) {
        if let Some(audio) = &mut self.audio {
            audio.settle(&mut self.counts);
            audio.drain = true;
        }
    }

    /// How long a frame lasts, ns; 0 if there are no pictures.
    pub fn frame_time(&self) -> u64 {
        self.video.as_ref().map_or(0, |v| v.grid.duration(0))
    }

    /// The format of the sound, if there is any.
    pub fn format(&self) -> Option<&pcm::PcmFormat> {
        self.audio.as_ref().map(|a| &a.sound.format)
    }
}
