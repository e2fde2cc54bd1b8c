// SPDX-License-Identifier: MPL-2.0
//! What can be heard in a moment of sound without knowing any language.

use crate::audio::spectrum::Spectrum;

/// Samples of 16 kHz mono looked at together: 40 ms, which hold three periods of a low voice.
pub const WINDOW: usize = 640;
/// Samples in the middle of them whose spectrum is taken: 25 ms, to see short sounds.
const SHARP: usize = 400;
/// How many bands are told apart.
pub const BANDS: usize = 8;

const FFT_SIZE: usize = 1024;
const BIN_HZ: f32 = 16_000.0 / FFT_SIZE as f32;
/// Band edges in Hz. The first three hold the first formant of close, mid and open vowels, the
/// next three the second formant of back, central and front ones, the last two frication. Hum
/// lies below.
const EDGES_HZ: [f32; BANDS + 1] = [
    100.0, 300.0, 500.0, 800.0, 1200.0, 1800.0, 2600.0, 3800.0, 7400.0,
];
/// Voices are looked for from 65 to 400 Hz, in what lies below 1 kHz.
const LAGS: std::ops::RangeInclusive<usize> = 40..=246;
/// The pitch is the shortest period that fits almost as well as the best one.
const FITS: f32 = 0.93;
const VOICE_BINS: usize = (1000.0 / BIN_HZ) as usize;
/// A voice has at least one part in so many of its power above 300 Hz.
const HUM_RATIO: f32 = 12.0;
/// Nothing is quieter than this, dB.
pub const SILENCE_DB: f32 = -110.0;

/// One window's sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Power of each band, dB below full scale.
    pub bands: [f32; BANDS],
    /// Power of all bands, dB below full scale; less for a hum, which is no voice.
    pub level: f32,
    /// How periodic it is, 0–1: above 0.5 a voice (or anything with a pitch), below 0.3 noise.
    pub voicing: f32,
    /// The pitch that `voicing` speaks of, Hz; 0 where there is none.
    pub pitch: f32,
}

impl Heard {
    /// Digital silence.
    pub const NOTHING: Heard = Heard {
        bands: [SILENCE_DB; BANDS],
        level: SILENCE_DB,
        voicing: 0.0,
        pitch: 0.0,
    };

    /// Power of bands `from..to` together, dB.
    pub fn range(&self, from: usize, to: usize) -> f32 {
        decibels(self.bands[from..to].iter().map(|db| power(*db)).sum())
    }
}

/// Listens to windows of [`WINDOW`] samples of 16 kHz mono.
pub struct Hearing {
    spectrum: Spectrum,
    pitch: Spectrum,
    /// First bin of each band.
    edges: [usize; BANDS + 1],
    voice_weight: [f32; VOICE_BINS],
    /// 1 / autocorrelation of the window itself, which bends that of the sound (Boersma 1993).
    unbend: Vec<f32>,
}

impl Default for Hearing {
    fn default() -> Self {
        Self::new()
    }
}

impl Hearing {
    /// Ready to listen.
    pub fn new() -> Self {
        let mut pitch = Spectrum::new(WINDOW, FFT_SIZE);
        pitch.power(&[1.0; WINDOW]);
        let window = pitch.autocorrelation(&[1.0; FFT_SIZE / 2 + 1]);
        let unbend = window[..=*LAGS.end()]
            .iter()
            .map(|r| window[0] / r)
            .collect();
        let mut voice_weight = [1.0; VOICE_BINS];
        // No pitch is this low; rumble is.
        voice_weight[..(60.0 / BIN_HZ) as usize].fill(0.0);
        Self {
            spectrum: Spectrum::new(SHARP, FFT_SIZE),
            pitch,
            edges: EDGES_HZ.map(|hz| (hz / BIN_HZ).round() as usize),
            voice_weight,
            unbend,
        }
    }

    /// What one window of [`WINDOW`] samples sounds like.
    pub fn hear(&mut self, window: &[f32]) -> Heard {
        if window.iter().all(|s| *s == 0.0) {
            return Heard::NOTHING;
        }
        let margin = (WINDOW - SHARP) / 2;
        let spectrum = self.spectrum.power(&window[margin..margin + SHARP]);
        let mut bands = [0.0; BANDS];
        let (mut total, mut above) = (0.0, 0.0);
        for (band, out) in bands.iter_mut().enumerate() {
            let sum: f32 = spectrum[self.edges[band]..self.edges[band + 1]]
                .iter()
                .sum();
            total += sum;
            above += if band > 0 { sum } else { 0.0 };
            *out = decibels(sum);
        }
        // What has nothing above 300 Hz is the hum of a mains, not a voice.
        let level = decibels(total.min(HUM_RATIO * above));
        let (voicing, pitch) = if level > SILENCE_DB + 20.0 {
            self.voicing(window)
        } else {
            (0.0, 0.0)
        };
        Heard {
            bands,
            level,
            voicing,
            pitch,
        }
    }

    /// How periodic the window is, and its pitch in Hz.
    fn voicing(&mut self, window: &[f32]) -> (f32, f32) {
        self.pitch.power(window);
        let r = self.pitch.autocorrelation(&self.voice_weight);
        if r[0] <= 0.0 {
            return (0.0, 0.0);
        }
        // A pitch is a peak: values on the flank of lag 0 are not.
        let at = |lag: usize| r[lag] * self.unbend[lag];
        let peaks = (*LAGS.start() + 1..*LAGS.end())
            .filter(|lag| at(*lag) >= at(lag - 1) && at(*lag) >= at(lag + 1));
        let best = peaks.clone().fold(0.0, |best: f32, lag| best.max(at(lag)));
        if best <= 0.0 {
            return (0.0, 0.0);
        }
        // Twice a period is a period too, but not the pitch.
        let period = peaks.clone().find(|lag| at(*lag) >= FITS * best);
        let pitch = period.map_or(0.0, |lag| 16_000.0 / lag as f32);
        ((best / r[0]).clamp(0.0, 1.0), pitch)
    }
}

/// dB of a power, not below [`SILENCE_DB`].
pub fn decibels(power: f32) -> f32 {
    10.0 * (power + 1e-11).log10()
}

/// The power of a value in dB.
pub fn power(decibels: f32) -> f32 {
    10f32.powf(decibels / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn harmonics(pitch: f32) -> Vec<f32> {
        (0..WINDOW)
            .map(|i| {
                let angle = TAU * pitch * i as f32 / 16_000.0;
                (1..8)
                    .map(|h| (angle * h as f32).sin() / h as f32)
                    .sum::<f32>()
                    * 0.2
            })
            .collect()
    }

    #[test]
    fn voices_are_voiced_and_noise_is_not() {
        let mut hearing = Hearing::new();
        for pitch in [80.0, 120.0, 200.0, 330.0] {
            let heard = hearing.hear(&harmonics(pitch));
            assert!(heard.voicing > 0.8, "{pitch} Hz: {}", heard.voicing);
            let octaves = (heard.pitch / pitch).log2();
            assert!(octaves.abs() < 0.03, "{pitch} Hz: {} Hz", heard.pitch);
        }
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / 8_388_608.0 - 1.0
        };
        let mut mean = 0.0;
        for _ in 0..50 {
            let window: Vec<f32> = (0..WINDOW).map(|_| 0.1 * noise()).collect();
            mean += hearing.hear(&window).voicing / 50.0;
        }
        assert!(mean < 0.4, "noise is voiced {mean}");
    }

    #[test]
    fn levels_are_true() {
        let mut hearing = Hearing::new();
        let tone: Vec<f32> = (0..WINDOW)
            .map(|i| 0.1 * (TAU * 650.0 * i as f32 / 16_000.0).sin())
            .collect();
        let heard = hearing.hear(&tone);
        // Mean square of a tone of amplitude 0.1: −23 dB.
        assert!((heard.level + 23.0).abs() < 0.3, "{}", heard.level);
        assert!((heard.bands[2] + 23.0).abs() < 0.5, "{:?}", heard.bands);
        assert!(heard.bands[6] < -60.0, "{:?}", heard.bands);
        assert_eq!(hearing.hear(&[0.0; WINDOW]), Heard::NOTHING);
    }
}
