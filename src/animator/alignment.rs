// SPDX-License-Identifier: MPL-2.0
//! [`Alignment`]: whether the mouths that are shown go with the sound that came in.

use super::place::Place;
use crate::articulate::lag::{Envelope, Lag, LagMeter};

/// ns from one instant to the next at which the articulator is asked.
const STEP: u64 = 10_000_000;
/// After a longer pause between frames its track begins anew, ns.
const HOLE: u64 = 250_000_000;

/// By how much the mouths that are shown are later than the sound, as measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lags {
    /// Against what the articulator says of the sound, over 3 s.
    pub track: Option<Lag>,
    /// Against how loud the sound is, over 6 s. Mouths open before it sounds and close after;
    /// so this is a rougher measure, but one that owes nothing to the articulator.
    pub envelope: Option<Lag>,
}

/// Measures it.
pub(super) struct Alignment {
    track: LagMeter,
    envelope: LagMeter,
    loudness: Envelope,
    /// The instant that the articulator is asked for next, ns.
    next: u64,
}

impl Alignment {
    pub(super) fn new() -> Self {
        Self {
            track: LagMeter::of_track(),
            envelope: LagMeter::of_envelope(),
            loudness: Envelope::new(),
            next: 0,
        }
    }

    /// The sound begins anew at the articulator's sample 0.
    pub(super) fn restart(&mut self) {
        self.loudness.reset();
    }

    /// The next samples of 16 kHz mono.
    pub(super) fn hear(&mut self, samples: &[f32], place: &Place) {
        let meter = &mut self.envelope;
        self.loudness.push(samples, &mut |sample, value| {
            meter.heard(place.time(sample), value);
        });
    }

    /// That many samples of silence after a long one.
    pub(super) fn skip_silence(&mut self, samples: u64) {
        self.loudness.skip_silence(samples);
    }

    /// The next instant for which the articulator is to be asked, if it is to be by `until`.
    pub(super) fn asks(&mut self, until: u64) -> Option<u64> {
        let far = until.abs_diff(self.next) > HOLE;
        if far {
            self.next = until - until % STEP;
        }
        (self.next <= until).then_some(self.next)
    }

    /// It says that there is so large a gap between the lips at the instant that it was asked for.
    pub(super) fn articulated(&mut self, time: u64, aperture: f32) {
        self.track.heard(time, aperture);
        self.next = time + STEP;
    }

    /// A frame is shown from that running time on.
    pub(super) fn show(&mut self, time: u64, aperture: f32) {
        self.track.shown(time, aperture);
        self.envelope.shown(time, aperture);
    }

    pub(super) fn lags(&self) -> Lags {
        Lags {
            track: self.track.lag(),
            envelope: self.envelope.lag(),
        }
    }
}
