// SPDX-License-Identifier: MPL-2.0
//! [`Correction`]: a source whose clock is not the pipeline's is brought to it.
//!
//! [`Drift`] says how far the sound has run ahead since the beginning; [`Stretch`] takes so much
//! out, slowly. A source may stamp by its own count, too: then the stamps run ahead as the sound
//! does, and the anchor of the epoch follows them, for the pictures as well.

use super::{
    Counts, DriftCorrection, Material, Place,
    drift::Drift,
    mapping::AudioSide,
    pcm::PcmFormat,
    stretch::{HISTORY, Stretch},
};

/// The most that sound is stretched by, ppm: a hundredth of a semitone.
pub(super) const MOST_PPM: f64 = 500.0;
/// By so much the stretch may change in a second, ppm.
pub(super) const SLEW_PPM: f64 = 5.0;
/// A source that runs away faster is no clock, ppm.
const NO_CLOCK: f64 = 400.0;
/// Nothing is done before the sound is so far ahead or behind, ns: what has no drift stays as it
/// is, bit for bit.
const ENGAGE: f64 = 2e6;
/// What has gathered is taken out in so long, ns.
const RETURN: f64 = 60e9;
/// Stamps that run away from the sound are followed in so long, ns.
const FOLLOW: i64 = 10_000_000_000;
/// Stamps are followed by no more than one part in so many.
const FOLLOW_MOST: i64 = 1_000;

/// What is done about drift.
#[derive(Default)]
pub(super) struct Correction {
    stretch: Option<Stretch>,
    /// The end of what went by as it was.
    history: Vec<u8>,
    ppm: f64,
    /// Samples that went in and came out since the drift is measured.
    went_in: i64,
    came_out: i64,
    /// How far ahead the sound was when that began, ns.
    origin: Option<f64>,
    second: u64,
}

impl Correction {
    /// Samples that are inside.
    pub fn held(&self) -> i64 {
        self.stretch.as_ref().map_or(0, Stretch::held)
    }

    /// By how much the sound is made shorter now, ppm; `None` while it goes by as it is.
    pub fn ppm(&self) -> Option<f64> {
        self.stretch.as_ref().map(|_| self.ppm)
    }

    /// The drift is measured anew.
    pub fn restart(&mut self) {
        (self.went_in, self.came_out) = (0, 0);
        (self.origin, self.second) = (None, 0);
    }

    /// Another source: its clock is not known.
    pub fn forget(&mut self) {
        self.restart();
        self.stretch = None;
        self.history.clear();
        self.ppm = 0.0;
    }

    /// All that is inside is lost.
    pub fn clear(&mut self) {
        self.history.clear();
        if let Some(stretch) = &mut self.stretch {
            stretch.reset();
        }
    }

    fn remember(&mut self, bytes: &[u8], format: &PcmFormat) {
        let most = HISTORY * format.frame();
        let new = &bytes[bytes.len().saturating_sub(most)..];
        let over = (self.history.len() + new.len()).saturating_sub(most);
        self.history.drain(..over);
        self.history.extend_from_slice(new);
    }

    /// Looks once a second at what is known of the drift.
    fn control(&mut self, drift: &Drift, format: &PcmFormat) {
        let second = drift.seconds();
        if second == self.second {
            return;
        }
        let passed = second.saturating_sub(self.second).min(10) as f64;
        self.second = second;
        let Some(line) = drift.line() else { return };
        if line.estimate.ppm.abs() > NO_CLOCK {
            return;
        }
        let origin = *self.origin.get_or_insert(line.begin);
        let taken = format.ns(self.went_in - self.came_out - self.held());
        let ahead = line.now - origin - taken as f64;
        if self.stretch.is_none() {
            if ahead.abs() < ENGAGE {
                return;
            }
            self.stretch = Stretch::new(*format, &self.history);
            self.history.clear();
        }
        let wanted = (line.estimate.ppm + ahead / RETURN * 1e6).clamp(-MOST_PPM, MOST_PPM);
        let most = SLEW_PPM * passed;
        self.ppm += (wanted - self.ppm).clamp(-most, most);
        if let Some(stretch) = &mut self.stretch {
            stretch.set_ppm(self.ppm);
        }
    }
}

impl<M: Material> AudioSide<M> {
    /// Queues sound without its first `skip` frames, stretched if it drifts.
    pub fn put(
        &mut self,
        data: M::Pcm,
        skip: i64,
        place: Option<Place>,
        policy: DriftCorrection,
        counts: &mut Counts,
    ) {
        let format = self.sound.format;
        if policy == DriftCorrection::None {
            self.settle(counts);
            self.correction.forget();
            self.sound.push(data, skip, place);
            return;
        }
        self.correction.control(&self.drift, &format);
        let from = usize::try_from(skip).unwrap_or(0) * format.frame();
        let bytes = data.as_ref();
        let whole = bytes.len() / format.frame() * format.frame();
        let bytes = &bytes[from.min(whole)..whole];
        let Some(stretch) = &mut self.correction.stretch else {
            self.correction.remember(bytes, &format);
            self.sound.push(data, skip, place);
            return;
        };
        let before = self.sound.end();
        let sound = &mut self.sound;
        let place = sound.true_place(place, (whole / format.frame()) as i64);
        let place = place.map(|place| sound.advanced(place, skip));
        stretch.push(bytes, place, &mut |made, piece| {
            sound.push_made(made, &piece);
        });
        let went_in = (bytes.len() / format.frame()) as i64;
        self.note_stretched(went_in, before, counts);
    }

    /// All that has come in is queued: what comes next does not go on from it.
    pub fn settle(&mut self, counts: &mut Counts) {
        let before = self.sound.end();
        let sound = &mut self.sound;
        if let Some(stretch) = &mut self.correction.stretch {
            stretch.flush(&mut |made, piece| sound.push_made(made, &piece));
        }
        self.correction.history.clear();
        self.note_stretched(0, before, counts);
    }

    fn note_stretched(&mut self, went_in: i64, before: i64, counts: &mut Counts) {
        let came_out = self.sound.end() - before;
        self.correction.went_in += went_in;
        self.correction.came_out += came_out;
        counts.sound_stretched_in += went_in.unsigned_abs();
        counts.sound_stretched_out += came_out.unsigned_abs();
    }

    /// By how much the epoch's anchor is to move, ns: the stamps say that the sound that came,
    /// which lasts `length`, lies by `ahead` later than it follows.
    pub fn follows(&self, ahead: i64, length: i64) -> i64 {
        if self.correction.stretch.is_none() {
            return 0;
        }
        let most = length / FOLLOW_MOST;
        let part = i128::from(ahead) * i128::from(length) / i128::from(FOLLOW);
        (part as i64).clamp(-most, most)
    }
}
