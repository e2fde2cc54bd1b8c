// SPDX-License-Identifier: MPL-2.0
//! Sources whose clock is not the pipeline's, over simulated hours.

use super::{
    correct::{MOST_PPM, SLEW_PPM},
    tests::{Live, MS, S, mono},
    *,
};

const RATE: u32 = 8_000;
/// 20 ms.
const PIECE: u64 = 160;

/// A tone of 440 Hz that goes on from piece to piece.
fn tone(piece: u64) -> Vec<u8> {
    let sample = |i: u64| {
        let phase = (i * 440 % u64::from(RATE)) as f64 / f64::from(RATE);
        (phase * std::f64::consts::TAU).sin() * 1e9
    };
    (piece * PIECE..(piece + 1) * PIECE)
        .flat_map(|i| (sample(i) as i32).to_le_bytes())
        .collect()
}

/// How a source stamps what it gives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stamps {
    /// By counting its samples.
    Count,
    /// By the pipeline's clock.
    Clock,
}

/// What was seen in the last part of the time.
struct Seen {
    live: Live,
    levels: (i64, i64),
    /// The largest stretch and step of it in a second, ppm.
    most: f64,
    step: f64,
}

/// A source that runs faster by `ppm`, with ±20 ms of jitter, for so many seconds.
fn listen(ppm: f64, seconds: u64, stamps: Stamps, drift: DriftCorrection) -> Seen {
    let config = Config {
        drift,
        limit: 10 * S,
        ..Config::default()
    };
    let mut seen = Seen {
        live: Live::new(config, Some(RATE), Some((25, 1))),
        levels: (i64::MAX, 0),
        most: 0.0,
        step: 0.0,
    };
    let live = &mut seen.live;
    // Of it the jitter takes 40 ms, a piece 20, and the filter 12.
    live.latency = 130 * MS;
    let (mut state, mut last, mut before, mut second) = (7u64, 0, 0.0, 0);
    for i in 0..seconds * 50 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let jitter = (state >> 33) % 40_000_000;
        let length = (20 * MS) as f64 / (1.0 + ppm * 1e-6);
        let by_clock = (i as f64 * length) as u64;
        let arrival = ((i + 1) as f64 * length) as u64 + jitter;
        last = arrival.max(last);
        live.pass(last);
        let stamp = match stamps {
            Stamps::Count => i * 20 * MS,
            Stamps::Clock => by_clock,
        };
        live.sync.push_sound(Some(stamp), tone(i), None, Some(last));
        if i % 2 == 0 {
            live.sync
                .push_frame(Some(stamp), Some(40 * MS), stamp, Some(last));
        }
        if last / S != second {
            second = last / S;
            let levels = live.sync.levels();
            let now = levels.correction.unwrap_or(0.0);
            seen.most = seen.most.max(now.abs());
            seen.step = seen.step.max((now - before).abs());
            before = now;
            if second > seconds * 3 / 4 {
                let level = levels.sound;
                seen.levels = (seen.levels.0.min(level), seen.levels.1.max(level));
            }
            // What was heard long ago is not needed.
            let keep = live.sound.len().saturating_sub(10 * RATE as usize);
            live.sound.drain(..keep);
            live.slots.clear();
            live.parts.clear();
        }
    }
    seen
}

/// By how much a tone of 440 Hz stands out of all else, dB.
fn purity(sound: &[i32], rate: f64) -> f64 {
    let step = std::f64::consts::TAU * 440.0 / f64::from(RATE) * rate;
    let (mut s, mut c) = (0.0, 0.0);
    let n = sound.len() as f64;
    for (i, v) in sound.iter().enumerate() {
        let (sin, cos) = (i as f64 * step).sin_cos();
        (s, c) = (s + f64::from(*v) * sin, c + f64::from(*v) * cos);
    }
    let (s, c) = (2.0 * s / n, 2.0 * c / n);
    let (mut power, mut rest) = (0.0, 0.0);
    for (i, v) in sound.iter().enumerate() {
        let (sin, cos) = (i as f64 * step).sin_cos();
        let fit = s * sin + c * cos;
        (power, rest) = (power + fit * fit, rest + (f64::from(*v) - fit).powi(2));
    }
    10.0 * (power / rest).log10()
}

/// An hour at +120 ppm gathers 0.43 s: none of it is in the queue, none of the sound is lost,
/// pictures stay with it, and a tone stays a tone.
#[test]
fn a_source_that_drifts_is_brought_to_the_clock() {
    for (stamps, ppm, seconds) in [
        (Stamps::Count, 120.0, 3_600),
        (Stamps::Clock, -120.0, 1_200),
    ] {
        let seen = listen(ppm, seconds, stamps, DriftCorrection::Resample);
        let sync = &seen.live.sync;
        let (counts, levels) = (*sync.counts(), sync.levels());
        let what = format!("{ppm} ppm by {stamps:?}: {counts:?} {levels:?}");
        // 40 ms of jitter, a block of 40 and a piece of 20.
        let spread = seen.levels.1 - seen.levels.0;
        assert!(spread < 105_000_000, "{:?} {what}", seen.levels);
        assert!(seen.levels.1 < 130_000_000, "{:?} {what}", seen.levels);
        let late = counts.sound_filled + counts.sound_shifted + counts.sound_late;
        assert_eq!(late, 0, "{what}");
        assert_eq!(counts.sound_trimmed, 0, "{what}");
        // What came in has come out or waits, but for what was taken out or put in.
        let came = counts.sound_in as i64 + levels.stretched;
        let waits = levels.sound * i64::from(RATE) / S as i64;
        let went = (counts.sound_out - counts.sound_idle) as i64;
        // The silence before, and what is in the filter.
        assert!(
            (came - went - waits).abs() < 1_000,
            "{} {what}",
            came - went - waits
        );
        let expected = -ppm * 1e-6 * (seconds * u64::from(RATE)) as f64;
        assert!((levels.stretched as f64 - expected).abs() < 100.0, "{what}");
        // Half a frame, and what the stamps moved since the picture was chosen.
        assert!(levels.offsets.worst.abs() < 20_100_000, "{what}");
        assert!(levels.offsets.p95 <= 20_000_000, "{what}");
        // The seconds of the clock are not those of the measurement.
        assert!(
            seen.most <= MOST_PPM && seen.step <= 2.0 * SLEW_PPM + 1e-9,
            "{}",
            seen.step
        );
        // The estimate's noise, ±5 ppm, is a phase that wanders by 1e-4 in a second.
        let last = &seen.live.sound[seen.live.sound.len() - 4 * RATE as usize..];
        let snr = purity(last, 1.0 + levels.correction.expect("at work") * 1e-6);
        assert!(snr > 60.0, "{snr} dB {what}");
    }
}

/// Without correction it is only told.
#[test]
fn without_correction_the_queue_grows() {
    let seen = listen(120.0, 1_200, Stamps::Count, DriftCorrection::None);
    let levels = seen.live.sync.levels();
    let drift = levels.drift.expect("known");
    assert!((drift.ppm - 120.0).abs() < 10.0);
    assert_eq!((levels.correction, levels.stretched), (None, 0));
    assert!(
        seen.levels.1 > 130_000_000 + 95_000_000,
        "{:?}",
        seen.levels
    );
}

/// What has no drift is not touched, and neither is what runs away too fast for a clock.
#[test]
fn what_is_no_clock_that_drifts_goes_by_as_it_is() {
    for (ppm, stamps) in [
        (0.0, Stamps::Count),
        (0.5, Stamps::Clock),
        (5_000.0, Stamps::Count),
    ] {
        let seen = listen(ppm, 300, stamps, DriftCorrection::Resample);
        let levels = seen.live.sync.levels();
        assert_eq!((levels.correction, levels.stretched), (None, 0), "{ppm}");
    }
}

/// An interruption, a hole, a change of format and the end find all of the sound.
#[test]
fn what_is_inside_is_not_forgotten() {
    let mut seen = listen(-200.0, 200, Stamps::Count, DriftCorrection::Resample);
    let live = &mut seen.live;
    assert!(live.sync.levels().correction.is_some());
    let next = 200 * 50;
    let came = live.sync.counts().sound_in;
    for i in next..next + 50 {
        live.pass(live.now + 20 * MS);
        // Half a second is missing in the middle.
        let hole = if i < next + 25 { 0 } else { 500 * MS };
        live.sync
            .push_sound(Some(i * 20 * MS + hole), tone(i), None, None);
    }
    live.sync.eos(Side::Audio);
    live.sync.eos(Side::Video);
    live.pass(live.now + 5 * S);
    let (counts, levels) = (*live.sync.counts(), live.sync.levels());
    assert_eq!(counts.sound_in, came + 50 * PIECE);
    assert_eq!(levels.sound, 0);
    assert_eq!(
        counts.sound_stretched_out as i64 - counts.sound_stretched_in as i64,
        levels.stretched,
        "nothing is inside"
    );
    let spoken = counts.sound_out - counts.sound_idle - counts.sound_filled;
    // The silence that waits before the beginning belongs to what was in time.
    let came = counts.sound_in as i64 + levels.stretched;
    assert!(
        (spoken as i64 - came).abs() < 1_000,
        "{spoken} {came} {counts:?}"
    );
    live.sync.set_sound(mono(RATE * 2));
    assert_eq!(live.sync.levels().correction, None);
}

/// Words are told once each, where they are heard.
#[test]
fn words_of_stretched_sound_are_told_once() {
    let mut seen = listen(300.0, 200, Stamps::Count, DriftCorrection::Resample);
    let live = &mut seen.live;
    live.heard.clear();
    for clause in 0..100u32 {
        let words = (0..160).map(|w| Word {
            text: String::new(),
            start: w * 10,
            length: 10,
        });
        live.sync.announce(Clause {
            utterance: 1,
            number: clause,
            rate: RATE,
            words: words.collect(),
        });
        for k in 0..10 {
            let i = 10_000 + u64::from(clause) * 10 + k;
            live.pass(live.now + 20 * MS);
            let place = Place {
                utterance: 1,
                clause,
                offset: k * PIECE,
            };
            live.sync
                .push_sound(Some(i * 20 * MS), tone(i), Some(place), None);
        }
    }
    live.sync.eos(Side::Audio);
    live.pass(live.now + 2 * S);
    let told: Vec<(u32, usize)> = live
        .heard
        .iter()
        .map(|h| (h.clause.number, h.word))
        .collect();
    let all: Vec<(u32, usize)> = (0..100)
        .flat_map(|c| (0..160).map(move |w| (c, w)))
        .collect();
    assert_eq!(told, all);
    assert!(
        live.heard
            .windows(2)
            .all(|w| (9..=11).contains(&(w[1].at - w[0].at)))
    );
}
