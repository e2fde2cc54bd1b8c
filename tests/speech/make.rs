// SPDX-License-Identifier: MPL-2.0
//! Speech whose accents and phrases are known.

use std::{f64::consts::TAU, process::Command};

/// The same numbers for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// 16 kHz mono, and when its accents and the ends of its phrases are, s.
pub struct Speech {
    pub sound: Vec<f32>,
    pub accents: Vec<f64>,
    pub ends: Vec<f64>,
}

const VOWELS: [[f64; 3]; 5] = [
    [730.0, 1090.0, 2440.0],
    [530.0, 1840.0, 2480.0],
    [300.0, 2290.0, 3010.0],
    [500.0, 900.0, 2400.0],
    [320.0, 800.0, 2240.0],
];

/// Phrases of syllables, one in three or four of which is accented: longer, 6 dB louder and 4
/// semitones higher.
pub fn train(seed: u64, seconds: usize) -> Speech {
    let mut random = Random::new(seed);
    let mut speech = Speech {
        sound: Vec::new(),
        accents: Vec::new(),
        ends: Vec::new(),
    };
    while speech.sound.len() < seconds * 16_000 {
        let syllables = random.between(7.0, 13.0) as usize;
        let mut next = random.between(1.0, 3.0) as usize;
        for i in 0..syllables {
            let accented = i == next;
            if accented {
                next += random.between(3.0, 5.0) as usize;
            }
            let declination = -3.0 * i as f64 / syllables as f64;
            syllable(&mut speech, &mut random, declination, accented);
        }
        speech.ends.push(speech.sound.len() as f64 / 16_000.0);
        let pause = random.between(0.7, 1.1);
        silence(&mut speech.sound, &mut random, pause);
    }
    speech.sound.truncate(seconds * 16_000);
    let end = seconds as f64 - 0.5;
    speech.accents.retain(|a| *a < end && *a > 1.5);
    speech.ends.retain(|e| *e < end);
    speech
}

fn syllable(speech: &mut Speech, random: &mut Random, declination: f64, accented: bool) {
    let consonant = random.between(0.04, 0.08);
    silence(&mut speech.sound, random, consonant);
    let (long, gain, up) = if accented {
        (random.between(0.18, 0.24), 1.0, 4.0)
    } else {
        (random.between(0.09, 0.14), 0.5, 0.0)
    };
    let formants = VOWELS[(random.unit() * 5.0) as usize % 5];
    if accented {
        let start = speech.sound.len() as f64 / 16_000.0;
        speech.accents.push(start + long / 2.0);
    }
    let samples = (long * 16_000.0) as usize;
    let mut phase = 0.0;
    for i in 0..samples {
        let t = i as f64 / samples as f64;
        let swell = (TAU / 2.0 * t).sin();
        let pitch = 115.0 * 2f64.powf((declination + up * swell + 0.7 * (1.0 - t)) / 12.0);
        phase += pitch / 16_000.0;
        let near = |f: f64, at: f64| 1.0 / (1.0 + ((f - at) / 90.0).powi(2));
        let sum: f64 = (1..28)
            .map(|h| {
                let f = pitch * f64::from(h);
                let [a, b, c] = formants.map(|at| near(f, at));
                (a + 0.5 * b + 0.25 * c + 0.02) * (TAU * phase * f64::from(h)).sin()
            })
            .sum();
        speech
            .sound
            .push((0.15 * gain * swell.powf(0.7) * sum) as f32);
    }
}

fn silence(sound: &mut Vec<f32>, random: &mut Random, seconds: f64) {
    for _ in 0..(seconds * 16_000.0) as usize {
        sound.push(0.0006 * (random.unit() as f32 - 0.5));
    }
}

/// Some two minutes of synthetic speech, where `espeak-ng` is there to make it.
pub fn espeak(rate: u32) -> Option<Vec<f32>> {
    let text = "When the sunlight strikes raindrops in the air, they act as a prism and form a \
        rainbow. The rainbow is a division of white light into many beautiful colours. These take \
        the shape of a long round arch, with its path high above, and its two ends apparently \
        beyond the horizon. People look, but no one ever finds it. ";
    let said = Command::new("espeak-ng")
        .args(["-v", "en", "--stdout", &text.repeat(5)])
        .output()
        .ok()
        .filter(|o| o.status.success() && o.stdout.len() > 100_000)?;
    let from = u32::from_le_bytes(said.stdout[24..28].try_into().ok()?);
    let samples: Vec<f32> = said.stdout[44..]
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
        .collect();
    let step = f64::from(from) / f64::from(rate);
    let length = (samples.len() as f64 / step) as usize;
    Some(
        (0..length)
            .map(|i| {
                let at = i as f64 * step;
                let (a, b) = (at as usize, (at as usize + 1).min(samples.len() - 1));
                samples[a] + (samples[b] - samples[a]) * (at.fract() as f32)
            })
            .collect(),
    )
}
