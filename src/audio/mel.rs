// SPDX-License-Identifier: MPL-2.0
//! Log-mel analysis: what an ear-like network hears.

use super::{
    ANALYSIS_RATE,
    spectrum::{Framer, Spectrum},
};

/// How many bands there are.
pub const BANDS: usize = 40;
/// Samples of one window: 25 ms.
pub const WINDOW: usize = 400;
/// Samples from one frame to the next: 10 ms.
pub const HOP: usize = 160;

const FFT_SIZE: usize = 512;
const LOWEST_HZ: f32 = 60.0;
const HIGHEST_HZ: f32 = 7600.0;
/// Added to the power of a band before the logarithm: the level of a band in silence.
const FLOOR: f32 = 1e-9;

/// The frame of digital silence: ln(1e-9) in each band.
pub const SILENCE: MelFrame = [-20.723_266; BANDS];

/// One frame: the natural logarithm of the power in each band, low to high. Full scale is near
/// 0, silence ln(1e-9) = −20.7.
pub type MelFrame = [f32; BANDS];

/// Streaming log-mel analysis of 16 kHz mono. Frame j is centred on sample j·160.
pub struct LogMel {
    framer: Framer,
    filters: Filters,
}

impl Default for LogMel {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMel {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            framer: Framer::new(WINDOW, HOP),
            filters: Filters::new(),
        }
    }

    /// Forgets everything: the next sample is sample 0.
    pub fn reset(&mut self) {
        self.framer.reset();
    }

    /// Samples of sound after a frame's centre that the frame needs.
    pub fn look_ahead(&self) -> usize {
        WINDOW / 2
    }

    /// Takes 16 kHz mono; `sink` gets each frame that has become complete, in order.
    pub fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(&MelFrame)) {
        let filters = &mut self.filters;
        self.framer
            .push(samples, &mut |window| sink(filters.analyse(window)));
    }
}

/// Triangles equally wide on the mel scale 2595·log10(1 + f/700) (O'Shaughnessy 1987), each
/// reaching from its lower neighbour's peak to its upper neighbour's, peak weight 1.
struct Filters {
    spectrum: Spectrum,
    /// First bin of each triangle and where its weights begin in `weights`.
    spans: [(usize, usize); BANDS + 1],
    weights: Vec<f32>,
    frame: MelFrame,
}

impl Filters {
    fn new() -> Self {
        let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
        let hz = |mel: f32| 700.0 * (10f32.powf(mel / 2595.0) - 1.0);
        let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
        let edge = |i: usize| hz(low + (high - low) * i as f32 / (BANDS + 1) as f32);
        let bin_hz = ANALYSIS_RATE as f32 / FFT_SIZE as f32;
        let mut weights = Vec::new();
        let mut spans = [(0, 0); BANDS + 1];
        for (band, span) in spans.iter_mut().take(BANDS).enumerate() {
            let (from, peak, to) = (edge(band), edge(band + 1), edge(band + 2));
            let first = (from / bin_hz).ceil() as usize;
            let last = (to / bin_hz).floor() as usize;
            *span = (first, weights.len());
            weights.extend((first..=last).map(|bin| {
                let f = bin as f32 * bin_hz;
                ((f - from) / (peak - from))
                    .min((to - f) / (to - peak))
                    .max(0.0)
            }));
        }
        spans[BANDS] = (0, weights.len());
        Self {
            spectrum: Spectrum::new(WINDOW, FFT_SIZE),
            spans,
            weights,
            frame: [0.0; BANDS],
        }
    }

    fn analyse(&mut self, window: &[f32]) -> &MelFrame {
        let power = self.spectrum.power(window);
        for (band, out) in self.frame.iter_mut().enumerate() {
            let (first, from) = self.spans[band];
            let weights = &self.weights[from..self.spans[band + 1].1];
            let sum: f32 = weights
                .iter()
                .zip(&power[first..])
                .map(|(w, p)| w * p)
                .sum();
            *out = (sum + FLOOR).ln();
        }
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn frames(samples: &[f32], cut: usize) -> Vec<MelFrame> {
        let mut mel = LogMel::new();
        let mut out = Vec::new();
        for piece in samples.chunks(cut) {
            mel.push(piece, &mut |f| out.push(*f));
        }
        out
    }

    fn loudest(frame: &MelFrame) -> usize {
        (0..BANDS)
            .max_by(|a, b| frame[*a].total_cmp(&frame[*b]))
            .expect("forty bands")
    }

    #[test]
    fn a_tone_lights_the_band_of_its_mel() {
        let mut last = 0;
        for hz in [150.0, 400.0, 1000.0, 2500.0, 6000.0] {
            let tone: Vec<f32> = (0..4000)
                .map(|i| (TAU * hz * i as f32 / 16_000.0).sin())
                .collect();
            let frame = frames(&tone, 4000)[10];
            let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
            let expected =
                (mel(hz) - mel(60.0)) / (mel(7600.0) - mel(60.0)) * (BANDS + 1) as f32 - 1.0;
            let band = loudest(&frame);
            assert!(
                (band as f32 - expected).abs() <= 1.0,
                "{hz} Hz in band {band}"
            );
            assert!(band > last || last == 0);
            assert!(
                frame[band] > -2.0,
                "a full-scale tone is near 0 ({})",
                frame[band]
            );
            last = band;
        }
    }

    #[test]
    fn every_band_hears_something() {
        let noise: Vec<f32> = (0..8000u64)
            .map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 8_388_608.0 - 1.0)
            .collect();
        let frame = frames(&noise, 100)[20];
        assert!(frame.iter().all(|b| *b > -12.0), "{frame:?}");
    }

    #[test]
    fn silence_is_the_floor_and_the_cut_does_not_matter() {
        assert!(
            frames(&[0.0; 1600], 7)
                .iter()
                .flatten()
                .all(|b| *b == FLOOR.ln() && *b == SILENCE[0])
        );
        let sound: Vec<f32> = (0..5000).map(|i| ((i * i) as f32 * 1e-4).sin()).collect();
        assert_eq!(frames(&sound, 1), frames(&sound, 5000));
        assert_eq!(frames(&sound, 1).len(), (5000 - 200) / 160 + 1);
    }
}
