// SPDX-License-Identifier: MPL-2.0
//! [`Pictures`]: the decoded frames of a stream.

use std::hash::{DefaultHasher, Hasher};

use super::{Mark, MarkKind, SECOND_NS, flash::Flashes, frames::FrameTimes};
use crate::face::follow::{Follower, Luma};

/// Mouths are looked at no more often than this, ns: 30 times a second tell as much as 60.
const LOOK_NS: u64 = 30_000_000;
/// A mouth has opened when its gap is so much wider than it was at rest, IOD, after it was shut
/// (within half of that) for so long, ns.
const OPENED: f32 = 0.06;
const SHUT_NS: u64 = 200_000_000;

type MakeFollower = Box<dyn FnOnce() -> Option<Follower> + Send>;

/// Takes decoded frames in the order in which they are shown.
pub struct Pictures {
    pub(super) times: FrameTimes,
    pub(super) flashes: Vec<u64>,
    /// Time and aperture of the mouths looked at.
    pub(super) mouths: Vec<(u64, f32)>,
    /// Frames on which the follower found a face, of those looked at.
    pub(super) faces: (u64, u64),
    pub(super) still: Still,
    flash: Flashes,
    follower: Option<Follower>,
    /// Makes the follower when the first picture comes.
    make_follower: Option<MakeFollower>,
    /// How much of the stream may be looked at for mouths, ns.
    most: u64,
    look_at: u64,
    opening: Opening,
}

impl Pictures {
    /// Mouths are looked at in the first `seconds` of the stream, by what `follower` makes when the
    /// first picture comes: its file is large. Without one, nowhere.
    pub fn new(follower: impl FnOnce() -> Option<Follower> + Send + 'static, seconds: f64) -> Self {
        Self {
            times: FrameTimes::default(),
            flashes: Vec::new(),
            mouths: Vec::new(),
            faces: (0, 0),
            still: Still::default(),
            flash: Flashes::default(),
            follower: None,
            make_follower: Some(Box::new(follower)),
            // Saturates.
            most: (seconds.max(0.0) * SECOND_NS) as u64,
            look_at: 0,
            opening: Opening::default(),
        }
    }

    /// The next frame: when it is shown and for how long (ns), when it was decoded (seconds since
    /// 1970), and its pixels where they can be had. `sink` is told what was recognised.
    pub fn push(
        &mut self,
        time: Option<u64>,
        duration: Option<u64>,
        arrived: Option<f64>,
        luma: Option<&Luma>,
        sink: &mut impl FnMut(Mark),
    ) {
        self.times.push(time, duration);
        let (Some(time), Some(luma)) = (time, luma) else {
            return;
        };
        let mut tell = |kind| {
            sink(Mark {
                kind,
                time: super::round(time as f64 / SECOND_NS, 1e6),
                arrived,
            });
        };
        self.still.see(luma, time);
        if self.flash.see(luma, time) {
            self.flashes.push(time);
            tell(MarkKind::Flash);
        }
        if let Some(aperture) = self.look(luma, time) {
            self.mouths.push((time, aperture));
            if self.opening.see(time, aperture) {
                tell(MarkKind::Mouth);
            }
        }
    }

    /// The running time (ns) up to which frames have come.
    pub fn end(&self) -> Option<u64> {
        self.times.end()
    }

    /// How many frames have come.
    pub fn frames(&self) -> u64 {
        self.times.frames()
    }

    /// The first frame's time, ns.
    pub fn first(&self) -> Option<u64> {
        self.times.first()
    }

    /// The mouth's gap, where it is to be looked at and is found.
    fn look(&mut self, luma: &Luma, time: u64) -> Option<f32> {
        let since = time.checked_sub(self.times.first()?)?;
        if time < self.look_at || since >= self.most {
            return None;
        }
        if let Some(make) = self.make_follower.take() {
            self.follower = make();
        }
        let follower = self.follower.as_mut()?;
        self.look_at = time.saturating_add(LOOK_NS);
        self.faces.1 += 1;
        let seen = follower.see(luma, time)?;
        self.faces.0 += 1;
        Some(seen.aperture)
    }
}

/// Frames whose picture is that of the frame before, to the last bit.
#[derive(Default)]
pub(super) struct Still {
    /// What the last frame looked like, and since when.
    last: Option<(u64, u64)>,
    /// How many frames repeated the one before.
    pub(super) repeated: u64,
    /// The longest time without a change, ns.
    pub(super) longest: u64,
}

impl Still {
    fn see(&mut self, luma: &Luma, time: u64) {
        let mut hasher = DefaultHasher::new();
        // A face never changes in one row alone.
        luma.rows().step_by(4).for_each(|row| hasher.write(row));
        let look = hasher.finish();
        match self.last {
            Some((same, since)) if same == look => {
                self.repeated += 1;
                self.longest = self.longest.max(time.saturating_sub(since));
            }
            _ => self.last = Some((look, time)),
        }
    }
}

/// Notices that a mouth opens.
#[derive(Default)]
struct Opening {
    /// The gap at rest: follows the narrowest, and forgets it slowly, since heads turn.
    rest: Option<f32>,
    shut_since: Option<u64>,
}

impl Opening {
    fn see(&mut self, time: u64, aperture: f32) -> bool {
        let rest = self
            .rest
            .map_or(aperture, |rest| aperture.min(rest + 0.0005));
        self.rest = Some(rest);
        if aperture < rest + OPENED / 2.0 {
            self.shut_since.get_or_insert(time);
        } else if aperture >= rest + OPENED {
            let since = self.shut_since.take();
            return since.is_some_and(|since| time.saturating_sub(since) >= SHUT_NS);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mouth_that_opens_is_told_once_a_phrase() {
        for rest in [0.0, 0.16] {
            let mut opening = Opening::default();
            let told: Vec<u64> = (0..100u64)
                .filter(|k| {
                    // Speech from frame 20 to 40 and from 70 on, at 25 fps, syllables of 5 frames.
                    let speaks = (20..40).contains(k) || *k >= 70;
                    let open = if speaks && k % 5 > 0 {
                        0.12
                    } else {
                        0.004 * (k % 3) as f32
                    };
                    opening.see(k * 40_000_000, rest + open)
                })
                .collect();
            assert_eq!(told, [21, 71], "rest {rest}");
        }
    }

    #[test]
    fn stills_are_counted_and_timed() {
        let mut pictures = Pictures::new(|| None, 10.0);
        for k in 0..20u8 {
            let shade = if (5..12).contains(&k) { 5 } else { k };
            let bytes = [shade; 64];
            let luma = Luma::new(8, 8, 8, &bytes).expect("a plane");
            let time = Some(u64::from(k) * 40_000_000);
            pictures.push(time, None, None, Some(&luma), &mut |_| ());
        }
        assert_eq!(
            (pictures.still.repeated, pictures.still.longest),
            (6, 240_000_000)
        );
    }
}
