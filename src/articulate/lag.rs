// SPDX-License-Identifier: MPL-2.0
//! [`LagMeter`]: by how much a mouth that is shown runs behind the sound that is heard, measured
//! from both.
//!
//! Two series, the gap between the lips and something that goes with it (what the mouth should
//! be, or how loud the sound is), are laid upon each other at every lag up to [`REACH`], and the
//! lag at which they agree best is told, with how far it stands out. Time is running time in ns;
//! all of it is given.

use std::collections::VecDeque;

use crate::audio::ANALYSIS_RATE;

/// ns from one point of a series to the next.
const STEP: u64 = 10_000_000;
/// The largest lag that is looked for, ns.
pub const REACH: u64 = 600_000_000;
const REACH_STEPS: usize = (REACH / STEP) as usize;
/// Points that are further apart are not joined: a series begins anew there, ns.
const HOLE: u64 = 250_000_000;
/// Lags that differ by less are one; those beyond are its rivals, steps. Half a syllable.
const APART: usize = 12;
/// Part of the window in which something must sound.
const SOUNDING: f64 = 0.25;
/// The least movement of a mouth that says something: standard deviation in eye distances.
const LEAST_MOVEMENT: f64 = 0.01;

/// A lag, as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// By how much the mouth is later than the sound, ns; negative is early.
    pub ns: i64,
    /// How far the lag stands out: 0 is not at all, another explains the mouth as well, 1 is
    /// without a rival. Speech of which all is as it should be has 0.4 and more against its own
    /// track, 0.1 and more against its loudness.
    pub confidence: f32,
}

/// What the sound says of the mouth.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Steps of the window.
    window: usize,
    /// It sounds above this.
    sounds: f32,
    /// The least standard deviation that says something.
    least: f64,
}

/// Measures the lag of a mouth over the latest seconds.
#[derive(Clone, Debug)]
pub struct LagMeter {
    scale: Scale,
    sound: Series,
    shown: Series,
}

impl LagMeter {
    /// Over 3 s, against what the mouth should be: the gap between the lips in eye distances, as
    /// an articulator says for the same sound.
    pub fn of_track() -> Self {
        Self::new(Scale {
            window: 300,
            sounds: 0.02,
            least: LEAST_MOVEMENT,
        })
    }

    /// Over 6 s, against how loud the sound is, as [`Envelope`] says.
    pub fn of_envelope() -> Self {
        Self::new(Scale {
            window: 600,
            sounds: 0.06,
            least: 0.02,
        })
    }

    fn new(scale: Scale) -> Self {
        // The sound is ahead of the mouth, or behind it, by as much as the lag may be; and one
        // of them may have come so far before the other.
        let room = scale.window + 4 * REACH_STEPS;
        Self {
            scale,
            sound: Series::new(room),
            shown: Series::new(room),
        }
    }

    /// What the sound says at that running time. In the order of time; a jump begins anew.
    pub fn heard(&mut self, time: u64, value: f32) {
        self.sound.push(time, value);
    }

    /// The gap between the lips of the picture that is shown from that running time on. In the
    /// order of time; a jump begins anew.
    pub fn shown(&mut self, time: u64, aperture: f32) {
        self.shown.push(time, aperture);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.sound.clear();
        self.shown.clear();
    }

    /// The lag over the latest window that both series cover; `None` until there is one, and
    /// while hardly anything sounds or moves in it.
    pub fn lag(&self) -> Option<Lag> {
        let reach = REACH_STEPS as u64;
        let end = self.shown.end().min(self.sound.end().checked_sub(reach)?);
        let start = end.checked_sub(self.scale.window as u64)?;
        let shown = self.shown.range(start, self.scale.window)?;
        let from = start.checked_sub(reach)?;
        let sound = self
            .sound
            .range(from, self.scale.window + 2 * REACH_STEPS)?;
        let mouth = Spread::of(shown.clone());
        if mouth.deviation() < LEAST_MOVEMENT {
            return None;
        }
        // Place i is the lag REACH − i: later sound belongs to an earlier mouth.
        let mut agreement = [0.0; 2 * REACH_STEPS + 1];
        for (i, r) in agreement.iter_mut().enumerate() {
            let heard = sound.clone().skip(i).take(self.scale.window);
            let spread = Spread::of(heard.clone());
            if spread.deviation() >= self.scale.least && self.sounds(heard.clone()) {
                *r = mouth.correlation(&spread, shown.clone().zip(heard));
            }
        }
        let peak = Peak::of(&agreement, APART)?;
        let distinct = peak.distinct();
        (distinct > 0.0).then(|| Lag {
            ns: ((REACH_STEPS as f64 - peak.place) * STEP as f64).round() as i64,
            confidence: distinct.min(1.0) as f32,
        })
    }

    fn sounds(&self, heard: impl Iterator<Item = f32>) -> bool {
        let loud = heard.filter(|v| *v > self.scale.sounds).count();
        loud as f64 >= SOUNDING * self.scale.window as f64
    }
}

/// The lag at which two series agree best, among agreements (Pearson's correlations) a step apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// In steps from the first; between them a parabola goes through the best three.
    pub place: f64,
    /// Agreement there.
    pub top: f64,
    /// The best agreement of another lag, at least 0.
    pub rival: f64,
}

impl Peak {
    /// Of lags that differ by `apart` steps or more, one is another's rival. `None` if the best
    /// may lie beyond what was tried.
    pub fn of(agreement: &[f64], apart: usize) -> Option<Self> {
        let best = (0..agreement.len()).max_by(|a, b| agreement[*a].total_cmp(&agreement[*b]))?;
        let (before, after) = (
            agreement.get(best.checked_sub(1)?)?,
            agreement.get(best + 1)?,
        );
        let top = agreement[best];
        let rivals = agreement.iter().enumerate();
        let rival = rivals
            .filter(|(i, _)| i.abs_diff(best) >= apart)
            .fold(0.0, |most: f64, (_, r)| most.max(*r));
        let curve = before - 2.0 * top + after;
        let between = if curve < 0.0 {
            (0.5 * (before - after) / curve).clamp(-0.5, 0.5)
        } else {
            0.0
        };
        Some(Self {
            place: best as f64 + between,
            top,
            rival,
        })
    }

    /// How far it stands out: 0 is not at all, 1 is without a rival.
    pub fn distinct(&self) -> f64 {
        (self.top - self.rival) / (1.0 - self.rival)
    }

    /// How sure it is that it is really above its rival, 0–1, where the series have so many
    /// independent values: Fisher's z of both, whose difference has a standard deviation of
    /// √(2 / (n − 3)).
    pub fn sureness(&self, independent: f64) -> f64 {
        let z = |r: f64| r.min(0.999).atanh();
        let degrees = (independent - 3.0).max(1.0);
        let deviations = (z(self.top) - z(self.rival)) * (degrees / 2.0).sqrt();
        // The logistic function is the normal distribution's within 0.01.
        1.0 / (1.0 + (-1.702 * deviations).exp())
    }
}

/// Pearson's correlation of pairs; 0 where one of them does not move.
pub fn correlation(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f64 {
    let x = Spread::of(pairs.clone().map(|p| p.0));
    let y = Spread::of(pairs.clone().map(|p| p.1));
    let r = x.correlation(&y, pairs);
    if r.is_finite() {
        r.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Count, sum and sum of squares.
struct Spread {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f32>) -> Self {
        let mut spread = Self {
            count: 0.0,
            sum: 0.0,
            squares: 0.0,
        };
        for value in values.map(f64::from) {
            spread.count += 1.0;
            spread.sum += value;
            spread.squares += value * value;
        }
        spread
    }

    fn deviation(&self) -> f64 {
        let mean = self.sum / self.count.max(1.0);
        (self.squares / self.count.max(1.0) - mean * mean)
            .max(0.0)
            .sqrt()
    }

    /// Pearson's, of two series with spread.
    fn correlation(&self, other: &Self, pairs: impl Iterator<Item = (f32, f32)>) -> f64 {
        let products: f64 = pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum();
        let common = products - self.sum * other.sum / self.count;
        common / (self.count * self.deviation() * other.deviation())
    }
}

/// Values at every step of time; between those that are given they lie on straight lines.
#[derive(Clone, Debug)]
struct Series {
    /// The step of the first value.
    first: u64,
    values: VecDeque<f32>,
    room: usize,
    last: Option<(u64, f32)>,
}

impl Series {
    fn new(room: usize) -> Self {
        Self {
            first: 0,
            values: VecDeque::with_capacity(room + 1),
            room,
            last: None,
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.last = None;
    }

    fn end(&self) -> u64 {
        self.first + self.values.len() as u64
    }

    fn push(&mut self, time: u64, value: f32) {
        let value = if value.is_finite() { value } else { 0.0 };
        let joined = self
            .last
            .filter(|(before, _)| *before < time && time - before <= HOLE);
        match joined {
            Some((before, old)) => {
                for step in before / STEP + 1..=time / STEP {
                    let share = (step * STEP - before) as f32 / (time - before) as f32;
                    self.add(old + (value - old) * share);
                }
            }
            None => {
                self.clear();
                self.first = time.div_ceil(STEP);
                if time.is_multiple_of(STEP) {
                    self.add(value);
                }
            }
        }
        self.last = Some((time, value));
    }

    fn add(&mut self, value: f32) {
        if self.values.len() == self.room {
            self.values.pop_front();
            self.first += 1;
        }
        self.values.push_back(value);
    }

    /// So many values from that step on, if all of them are there.
    fn range(&self, from: u64, count: usize) -> Option<impl Iterator<Item = f32> + Clone> {
        let from = usize::try_from(from.checked_sub(self.first)?).ok()?;
        let end = from.checked_add(count)?;
        (end <= self.values.len()).then(|| self.values.range(from..end).copied())
    }
}

/// Samples of a block of an envelope: 10 ms.
const BLOCK: usize = ANALYSIS_RATE as usize / 100;
/// Blocks that its value is taken over: 40 ms hold a period of the deepest voice several times.
const BLOCKS: usize = 4;

/// How loud 16 kHz mono is: the square root of its root mean square over 40 ms, 0–1, every
/// 10 ms.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Sums of squares of the latest whole blocks.
    blocks: [f32; BLOCKS],
    sum: f32,
    filled: usize,
    /// Whole blocks so far.
    count: u64,
}

impl Envelope {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything: the next sample is sample 0.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// That many samples of silence, from a block's beginning if they are whole blocks; what came
    /// before is silent, too.
    pub fn skip_silence(&mut self, samples: u64) {
        self.count += samples / BLOCK as u64;
    }

    /// The next samples; `sink` gets each value and the sample that it is of.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(i64, f32)) {
        for sample in samples {
            self.sum += sample * sample;
            self.filled += 1;
            if self.filled < BLOCK {
                continue;
            }
            self.blocks.rotate_left(1);
            self.blocks[BLOCKS - 1] = std::mem::take(&mut self.sum);
            self.filled = 0;
            self.count += 1;
            let power = self.blocks.iter().sum::<f32>() / (BLOCK * BLOCKS) as f32;
            let end = i64::try_from(self.count).unwrap_or(i64::MAX) * BLOCK as i64;
            sink(end - (BLOCK * BLOCKS / 2) as i64, power.sqrt().sqrt());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    /// A mouth that speaks: syllables of uneven length and size, with pauses.
    fn mouth(ms: f64) -> f32 {
        let wave = |period: f64, phase: f64| (ms / period + phase).sin();
        let syllables = wave(31.0, 0.0) + 0.8 * wave(47.0, 1.0) + 0.6 * wave(83.0, 2.0);
        let phrase = if wave(420.0, 0.5) > -0.5 { 1.0 } else { 0.0 };
        (0.09 * phrase * (syllables.max(-0.5) + 0.5)) as f32
    }

    fn series(meter: &mut LagMeter, lag: i64, seconds: u64, fps: u64, sound: impl Fn(f64) -> f32) {
        for ms in (0..seconds * 1000).step_by(10) {
            meter.heard(ms * MS, sound(ms as f64));
        }
        for k in 0..seconds * fps {
            let ns = k * 1_000_000_000 / fps;
            meter.shown(ns, mouth((ns as i64 - lag) as f64 / 1e6));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_known_shift_is_found(
            lag in -480i64..480,
            fps in prop::sample::select(vec![15u64, 24, 25, 30, 50, 60]),
        ) {
            let mut meter = LagMeter::of_track();
            series(&mut meter, lag * MS as i64, 6, fps, mouth);
            let found = meter.lag().expect("it speaks");
            let off = (found.ns / MS as i64 - lag).abs();
            prop_assert!(off <= 8, "{lag} ms at {fps} fps: {found:?}");
            prop_assert!(found.confidence > 0.4, "{found:?}");
        }
    }

    #[test]
    fn it_takes_so_long_and_not_longer() {
        for (make, window) in [
            (LagMeter::of_track as fn() -> LagMeter, 3_000),
            (LagMeter::of_envelope, 6_000),
        ] {
            let mut meter = make();
            let mut since = None;
            for ms in (0..10_000).step_by(10) {
                meter.heard(ms * MS, 2.0 * mouth(ms as f64));
                meter.shown(ms * MS, mouth(ms as f64));
                if meter.lag().is_some() {
                    since.get_or_insert(ms);
                }
            }
            // The sound is waited for on either side.
            let since = since.expect("it speaks");
            assert!((window..window + 1_300).contains(&since), "{since} ms");
        }
    }

    #[test]
    fn in_silence_nothing_is_said() {
        let mut meter = LagMeter::of_track();
        series(&mut meter, 0, 6, 25, |_| 0.0);
        assert_eq!(meter.lag(), None, "a mouth without sound");
        let mut meter = LagMeter::of_track();
        for ms in (0..6_000).step_by(10) {
            meter.heard(ms * MS, mouth(ms as f64));
            meter.shown(ms * MS, 0.05);
        }
        assert_eq!(meter.lag(), None, "sound without a mouth");
        // What was measured is forgotten when the speech is over.
        let mut meter = LagMeter::of_track();
        series(&mut meter, 0, 6, 25, mouth);
        assert!(meter.lag().is_some());
        for ms in (6_000..10_000).step_by(40) {
            meter.heard(ms * MS, 0.0);
            meter.shown(ms * MS, 0.0);
        }
        assert_eq!(meter.lag(), None);
    }

    #[test]
    fn a_mouth_that_does_something_else_is_not_believed() {
        let mut meter = LagMeter::of_track();
        series(&mut meter, 0, 6, 25, |ms| mouth(40_000.0 - 1.3 * ms));
        let confidence = meter.lag().map_or(0.0, |lag| lag.confidence);
        assert!(confidence < 0.3, "{confidence}");
    }

    #[test]
    fn jumps_begin_anew() {
        let mut meter = LagMeter::of_track();
        series(&mut meter, 0, 6, 25, mouth);
        meter.shown(70_000 * MS, 0.1);
        assert_eq!(meter.lag(), None);
        // Back, as after a seek.
        series(&mut meter, 40 * MS as i64, 6, 25, mouth);
        let ns = meter.lag().expect("it speaks").ns;
        assert!((ns / MS as i64 - 40).abs() <= 5, "{ns}");
    }

    #[test]
    fn the_envelope_is_as_loud_as_the_sound_and_lies_where_it_is() {
        let mut sound = vec![0.0f32; 8_000];
        sound.extend((0..8_000).map(|i| 0.2 * (i as f32 * 0.5).sin()));
        let mut found = Vec::new();
        let mut envelope = Envelope::new();
        for piece in sound.chunks(77) {
            envelope.push(piece, &mut |sample, value| found.push((sample, value)));
        }
        let at = |sample: i64| {
            let of = found.iter().find(|(s, _)| *s >= sample);
            of.expect("within").1
        };
        assert_eq!(at(4_000), 0.0);
        // A tone of amplitude 0.2.
        let full = (0.2f32 / 2f32.sqrt()).sqrt();
        assert!((at(12_000) - full).abs() < 0.01, "{}", at(12_000));
        // Half of the power at the onset.
        assert!((at(8_000) - full / 2f32.sqrt().sqrt()).abs() < 0.02);
    }
}
