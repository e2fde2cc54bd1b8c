// SPDX-License-Identifier: MPL-2.0
//! Where in the sound the way of the air shuts and opens.

use std::ops::Range;

use crate::speech::Manner;

/// Sound this far below the loudest of the clause is none: what rests in the gap before a
/// voiceless stop of eSpeak NG lies at −80 dB, its faintest phones at −45 dB.
const SILENT: f32 = 0.002;
/// A phone ends some way into the gap that it leaves: how far that may be, s.
const SLACK: f32 = 0.003;
/// What is compared before and after a burst, s. Shorter than the shortest closure and longer
/// than a period of most voices.
const SPAN: f32 = 0.005;

/// The shortest closure of a stop, s.
const SHORTEST_CLOSURE: f32 = 0.01;

/// When the way of the air opens again in a phone whose closure it includes: in a stop at its
/// burst, in a nasal at its end.
pub(super) fn release(ipa: &str, samples: &[f32], phone: Range<u64>, rate: u32) -> Option<u64> {
    match Manner::of(ipa) {
        Manner::Stop { .. } => {
            let from = phone.start as usize + (SHORTEST_CLOSURE * rate as f32) as usize;
            Some(burst(samples, from, phone.end as usize, rate) as u64)
        }
        Manner::Nasal => Some(phone.end),
        Manner::Open => None,
    }
}

/// How many samples before `at` are silent, at most `most`; `loudest` is that of the clause.
pub(super) fn silence_before(
    samples: &[f32],
    at: usize,
    most: usize,
    loudest: f32,
    rate: u32,
) -> usize {
    let at = at.min(samples.len());
    let step = (rate as usize / 500).max(1);
    let slack = (SLACK * rate as f32) as usize;
    let limit = SILENT * loudest;
    let silent = |from: usize, to: usize| samples[from..to].iter().all(|s| s.abs() <= limit);
    let mut start = at.saturating_sub(slack);
    while let Some(next) = start.checked_sub(step) {
        if at - next > most || !silent(next, start) {
            break;
        }
        start = next;
    }
    let found = at - start;
    if found <= slack + step { 0 } else { found }
}

/// The sample between `from` and `to` at which the high frequencies rise most: the burst of a
/// stop. What is shut lets only low ones through.
pub(super) fn burst(samples: &[f32], from: usize, to: usize, rate: u32) -> usize {
    let span = (SPAN * rate as f32) as usize;
    let step = (rate as usize / 1_000).max(1);
    let energy = |from: usize, to: usize| {
        let (from, to) = (from.max(2), to.min(samples.len()));
        let bend = |i: usize| samples[i] - 2.0 * samples[i - 1] + samples[i - 2];
        let sum: f32 = (from..to.max(from)).map(|i| bend(i).powi(2)).sum();
        // −90 dB, so that nothing rises out of nothing.
        (sum / span as f32 + 1e-9).ln()
    };
    let rise = |at: usize| energy(at, at + span) - energy(at.saturating_sub(span), at);
    (from..to.min(samples.len()))
        .step_by(step)
        .map(|at| (at, rise(at)))
        .fold(
            (to, 0.0),
            |best, now| if now.1 > best.1 { now } else { best },
        )
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// A hum with a hiss from sample 1600 on.
    fn burst_in_a_hum() -> Vec<f32> {
        let mut noise = 1u32;
        (0..3_200)
            .map(|i| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let hiss = if i < 1_600 { 0.0 } else { 0.05 };
                let hum = 0.3 * (i as f32 * 0.05).sin();
                hum + hiss * (noise as f32 / u32::MAX as f32 - 0.5)
            })
            .collect()
    }

    #[test]
    fn a_burst_is_found_within_2_ms() {
        let at = burst(&burst_in_a_hum(), 800, 2_400, RATE);
        assert!(at.abs_diff(1_600) <= 32, "{at}");
    }

    #[test]
    fn without_a_rise_the_end_is_meant() {
        assert_eq!(burst(&[0.0; 100], 10, 60, RATE), 60);
        assert_eq!(burst(&[], 10, 60, RATE), 60);
    }

    #[test]
    fn silence_is_measured_back_to_the_last_sound() {
        let mut samples = vec![0.5; 1_600];
        samples.extend([0.0; 640]);
        samples.extend([0.4; 1_000]);
        let silent = |at, most| silence_before(&samples, at, most, 0.5, RATE);
        assert!(silent(2_240, 1_280).abs_diff(640) <= 32);
        // A little into the burst, and limited.
        assert!(silent(2_260, 1_280).abs_diff(660) <= 32);
        assert!((568..=600).contains(&silent(2_240, 600)));
        assert_eq!(silent(1_600, 1_280), 0);
        assert_eq!(silent(3_000, 1_280), 0);
        assert_eq!(silent(99_999, 10), 0);
    }
}
