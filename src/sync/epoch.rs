// SPDX-License-Identifier: MPL-2.0
//! [`Epochs`] and [`Lane`]: from the timestamps of upstream to the planned timeline.
//!
//! Planned times are upstream's running times, moved by an anchor. A source that restarts or
//! jumps begins an epoch with an anchor of its own, chosen so that it goes on where it was. Both
//! streams of a source jump, one after the other: the second one joins the epoch of the first.

use crate::timeline::{JITTER, MAX_OVERLAP, MAX_SILENCE};

/// A stream that begins, or goes on after a flush or an interruption, stays where its timestamps
/// say if that is so near to what is being sent, ns; else it is anchored there.
const NEAR: i64 = 1_000_000_000;
/// A stream that jumps joins the other one's epoch if that brings it no further back than this
/// from what is being sent, ns.
const BACK: i64 = 10_000_000_000;
/// A hole between two streams that jump together, and that is none, ns.
const SLACK: i64 = 100_000_000;
/// So much later than its timestamps no content is sent: it is anchored anew, ns.
const FAR: i64 = MAX_SILENCE as i64;

/// The anchors of all epochs; `None` as long as none is known.
#[derive(Clone, Debug)]
pub(super) struct Epochs {
    anchors: Vec<Option<i64>>,
}

/// One stream's place in the epochs.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub epoch: usize,
    /// What comes next need not follow what was before.
    pub fresh: bool,
    /// Timestamps are to be taken at their word.
    pub discont: bool,
    /// Planned time at which the next item is expected.
    pub expected: Option<i64>,
    /// By how much later than that the last item's timestamp lay, ns.
    pub ahead: i64,
    /// Nothing more comes.
    pub eos: bool,
    /// Times that it was anchored anew, save at its beginning.
    pub restarts: u64,
}

/// Where an item was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// Behind the last one.
    Follows,
    /// At that planned time, where its stream expects it or later.
    At(i64),
    /// So much of it, in ns, had been there before.
    Overlaps(i64),
    /// Anchored anew, at that planned time.
    Restarted(i64),
}

impl Epochs {
    pub fn new() -> Self {
        Self {
            anchors: vec![None],
        }
    }

    pub fn latest(&self) -> usize {
        self.anchors.len() - 1
    }

    /// Planned time of a timestamp.
    pub fn plan(&self, epoch: usize, stamp: u64) -> Option<i64> {
        let anchor = (*self.anchors.get(epoch)?)?;
        Some((stamp as i64).saturating_add(anchor))
    }

    /// Timestamp of a planned time.
    pub fn unplan(&self, epoch: usize, planned: i64) -> Option<u64> {
        let anchor = (*self.anchors.get(epoch)?)?;
        u64::try_from(planned.saturating_sub(anchor)).ok()
    }

    fn begin(&mut self, lane: &mut Lane, stamp: u64, at: i64) {
        if self.anchors[self.latest()].is_some() {
            self.anchors.push(None);
        }
        lane.epoch = self.latest();
        self.anchors[lane.epoch] = Some(at - stamp as i64);
    }

    /// Where an item goes that says `stamp` (ns). `now` is the planned time that is being sent;
    /// `sound`: its lane must neither overlap nor have small holes, so it may move an epoch that
    /// the other stream began.
    pub fn place(&mut self, lane: &mut Lane, stamp: u64, now: i64, sound: bool) -> Placed {
        let discont = std::mem::take(&mut lane.discont);
        if lane.fresh || lane.expected.is_none() {
            let first = lane.expected.is_none();
            lane.fresh = false;
            return self.place_fresh(lane, stamp, now, first);
        }
        let expected = lane.expected.unwrap_or(now);
        let planned = self.plan(lane.epoch, stamp).unwrap_or(expected);
        let ahead = planned.saturating_sub(expected);
        lane.ahead = ahead;
        let jitter = if discont { 1 } else { JITTER as i64 };
        let jumps = ahead < -(MAX_OVERLAP as i64)
            || (ahead >= jitter && planned.saturating_sub(now.max(expected)) > MAX_SILENCE as i64)
            || (sound && now.saturating_sub(planned) > FAR);
        if jumps {
            return self.jump(lane, stamp, now, expected, sound);
        }
        if ahead.saturating_abs() < jitter {
            Placed::Follows
        } else if ahead < 0 {
            Placed::Overlaps(-ahead)
        } else {
            Placed::At(planned)
        }
    }

    fn place_fresh(&mut self, lane: &mut Lane, stamp: u64, now: i64, first: bool) -> Placed {
        let latest = self.latest();
        for epoch in [latest, lane.epoch] {
            if let Some(planned) = self.plan(epoch, stamp)
                && planned.saturating_sub(now).saturating_abs() <= NEAR
            {
                lane.epoch = epoch;
                return Placed::At(planned);
            }
        }
        // The first of all may lie where its timestamp says without any anchor.
        let plain = stamp as i64;
        if first
            && self.anchors[latest].is_none()
            && plain.saturating_sub(now).saturating_abs() <= NEAR
        {
            self.begin(lane, stamp, plain);
            return Placed::At(plain);
        }
        if !first {
            lane.restarts += 1;
        }
        // The other stream has begun already, with much more delay than is usual: it is this
        // one's clock all the same.
        if first
            && let Some(planned) = self.plan(latest, stamp)
            && (-BACK..=FAR).contains(&planned.saturating_sub(now))
        {
            lane.epoch = latest;
            return Placed::At(planned);
        }
        self.begin(lane, stamp, now);
        Placed::Restarted(now)
    }

    fn jump(
        &mut self,
        lane: &mut Lane,
        stamp: u64,
        now: i64,
        expected: i64,
        sound: bool,
    ) -> Placed {
        lane.restarts += 1;
        let latest = self.latest();
        if lane.epoch < latest
            && let Some(planned) = self.plan(latest, stamp)
            && (-BACK..=FAR).contains(&planned.saturating_sub(now.max(expected)))
        {
            lane.epoch = latest;
            let hole = planned - expected;
            if sound && expected >= now && hole < SLACK {
                // The other stream's items of this epoch move with it.
                if let Some(anchor) = &mut self.anchors[latest] {
                    *anchor -= hole;
                }
                return Placed::Restarted(expected);
            }
            return Placed::Restarted(planned);
        }
        let at = expected.max(now);
        self.begin(lane, stamp, at);
        Placed::Restarted(at)
    }

    /// All of an epoch lies by so much earlier, ns.
    pub fn slip(&mut self, epoch: usize, by: i64) {
        if let Some(Some(anchor)) = self.anchors.get_mut(epoch) {
            *anchor -= by;
        }
    }

    /// Both streams are to begin anew, wherever they were.
    pub fn renew(&mut self) {
        if self.anchors[self.latest()].is_some() {
            self.anchors.push(None);
        }
    }

    /// The epoch that no stream has begun yet, if there is one, is begun by this stream.
    pub fn anchor_first(&mut self, lane: &mut Lane, stamp: u64, at: i64) {
        self.begin(lane, stamp, at);
    }

    /// Whether the lane's epoch has no anchor yet.
    pub fn is_open(&self) -> bool {
        self.anchors[self.latest()].is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const S: i64 = 1000 * MS;

    fn begun(epochs: &mut Epochs, stamp: i64, now: i64) -> Lane {
        let mut lane = Lane::default();
        epochs.place(&mut lane, stamp as u64, now, true);
        lane.expected = epochs.plan(lane.epoch, stamp as u64);
        lane
    }

    #[test]
    fn a_live_source_stays_where_it_is_and_another_is_anchored() {
        let mut epochs = Epochs::new();
        let lane = begun(&mut epochs, 5 * S + 30 * MS, 5 * S);
        assert_eq!(lane.expected, Some(5 * S + 30 * MS));
        let mut epochs = Epochs::new();
        let lane = begun(&mut epochs, 0, 30 * S);
        assert_eq!(lane.expected, Some(30 * S));
        let mut epochs = Epochs::new();
        let lane = begun(&mut epochs, 3600 * S, 30 * S);
        assert_eq!(lane.expected, Some(30 * S));
    }

    #[test]
    fn a_restart_goes_on_where_it_was_and_the_other_stream_joins() {
        let mut epochs = Epochs::new();
        let mut sound = begun(&mut epochs, 10 * S, 10 * S);
        let mut picture = begun(&mut epochs, 10 * S, 10 * S);
        sound.expected = Some(12 * S);
        picture.expected = Some(12 * S - 20 * MS);
        let now = 11 * S;
        // The picture jumps first, and by less than a frame too early for the sound.
        let placed = epochs.place(&mut picture, 0, now, false);
        assert_eq!(placed, Placed::Restarted(12 * S - 20 * MS));
        let placed = epochs.place(&mut sound, 0, now, true);
        assert_eq!(placed, Placed::Restarted(12 * S), "no sample is lost");
        assert_eq!(epochs.plan(picture.epoch, 0), Some(12 * S), "moved with it");
        assert_eq!((sound.restarts, picture.restarts), (1, 1));
    }

    #[test]
    fn jitter_holes_and_overlaps_are_told_apart() {
        let mut epochs = Epochs::new();
        let mut lane = begun(&mut epochs, 0, 0);
        lane.expected = Some(S);
        let mut place = |ms: i64| epochs.place(&mut lane, (ms * MS) as u64, S, true);
        assert_eq!(place(1039), Placed::Follows);
        assert_eq!(place(961), Placed::Follows);
        assert_eq!(place(1041), Placed::At(1041 * MS));
        assert_eq!(place(959), Placed::Overlaps(41 * MS));
        assert_eq!(place(30_000), Placed::At(30 * S));
        assert_eq!(place(3_600_000), Placed::Restarted(S));
    }

    #[test]
    fn discont_takes_timestamps_at_their_word() {
        let mut epochs = Epochs::new();
        let mut lane = begun(&mut epochs, 0, 0);
        lane.expected = Some(S);
        lane.discont = true;
        let placed = epochs.place(&mut lane, (S + 5 * MS) as u64, S, true);
        assert_eq!(placed, Placed::At(S + 5 * MS));
    }
}
