// SPDX-License-Identifier: MPL-2.0
//! [`Stretch`]: sound becomes shorter or longer by millionths, so that a source whose clock is
//! not the pipeline's neither fills the queue nor empties it.
//!
//! A windowed sinc reads between the samples, at a ratio that changes by ramps only. Until it is
//! needed the sound goes by as it is, bit for bit; it sets in without a seam, since it has read
//! what came just before.

use std::collections::VecDeque;

use rubato::{
    Adjustable, Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use super::{Place, pcm::PcmFormat};

/// Samples that are read at a time.
const CHUNK: usize = 32;
/// Length of the filter in samples: at 48 kHz it is flat to 20 kHz, and half of it is 1.3 ms.
const TAPS: usize = 128;
/// Samples before the first one that are read, so that it sets in without a seam.
pub(super) const HISTORY: usize = TAPS + CHUNK;
/// A sample comes out so much earlier than the resampler says, which rounds.
const LESS_DELAY: usize = 1;
/// The resampler is made for ratios within this of 1.
const MOST_RATIO: f64 = 1.001;

/// Sound that is inside: what of it has not come out, and where it belongs.
struct Inside {
    place: Option<Place>,
    /// Samples of it that have come out.
    done: i64,
    frames: i64,
}

/// What comes out of it: where the first sample lies in its clause, and which part of it that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Of the sound that went in.
    pub place: Option<Place>,
    /// Samples of that sound before these.
    pub skipped: i64,
    /// Samples of that sound in these; they tile what went in.
    pub content: i64,
    /// Samples that have come out.
    pub frames: i64,
}

/// Stretches sound.
pub(super) struct Stretch {
    format: PcmFormat,
    resampler: Box<Async<f32>>,
    /// Interleaved samples that wait for a whole chunk.
    input: Vec<f32>,
    output: Vec<f32>,
    /// Samples that come out before the first one that went in.
    discard: usize,
    /// Samples that whole chunks should have become, less those that came out.
    owed: f64,
    ratio: f64,
    inside: VecDeque<Inside>,
    /// What has come out, as bytes.
    made: Vec<u8>,
}

impl Stretch {
    /// Goes on after `history`, the end of what went by as it was.
    pub fn new(format: PcmFormat, history: &[u8]) -> Option<Self> {
        let channels = format.channels as usize;
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
        let resampler = Async::new_sinc(
            1.0,
            MOST_RATIO,
            &parameters,
            CHUNK,
            channels,
            FixedAsync::Input,
        )
        .ok()?;
        let most = resampler.output_frames_max();
        let mut stretch = Self {
            format,
            discard: resampler.output_delay() - LESS_DELAY,
            resampler: Box::new(resampler),
            input: Vec::with_capacity(CHUNK * channels),
            output: vec![0.0; most * channels],
            owed: 0.0,
            ratio: 1.0,
            inside: VecDeque::new(),
            made: Vec::new(),
        };
        stretch.prime(history);
        Some(stretch)
    }

    /// Nothing is inside but the end of what went before, if that is to be gone on from.
    fn prime(&mut self, history: &[u8]) {
        let frames = history.len() / self.format.frame() / CHUNK * CHUNK;
        let from = history.len() - frames * self.format.frame();
        self.discard += frames;
        self.read(&history[from..]);
        self.owed = 0.0;
        self.made.clear();
    }

    /// Other ppm from now on, positive: fewer samples come out. The next chunk goes over to it.
    pub fn set_ppm(&mut self, ppm: f64) {
        let ratio = 1.0 - ppm * 1e-6;
        // A ratio outside of what it was made for leaves the last one.
        if self.resampler.set_resample_ratio(ratio, true).is_ok() {
            self.ratio = ratio;
        }
    }

    /// Samples that have gone in and have not come out.
    pub fn held(&self) -> i64 {
        let frames = self.input.len() / self.format.channels as usize;
        (self.owed.round() as i64).max(0) + frames as i64
    }

    /// The next sound; `sink` gets what comes out, in pieces that each belong to one place.
    pub fn push(
        &mut self,
        bytes: &[u8],
        place: Option<Place>,
        sink: &mut impl FnMut(&[u8], Piece),
    ) {
        let frames = (bytes.len() / self.format.frame()) as i64;
        self.inside.push_back(Inside {
            place,
            done: 0,
            frames,
        });
        self.read(bytes);
        let left = self.held();
        self.deliver(left, sink);
    }

    /// All that is inside comes out; what goes in next does not go on from it.
    pub fn flush(&mut self, sink: &mut impl FnMut(&[u8], Piece)) {
        let frame = self.format.frame();
        let wanted = self.held() as usize * frame;
        let mut silence = [0; 64];
        let silence = &mut silence[..self.format.bytes];
        self.format.silence(silence);
        let zeros = silence.repeat(self.format.channels as usize * CHUNK);
        while self.made.len() < wanted {
            let before = self.made.len();
            self.read(&zeros);
            // Only the delay of the filter comes first.
            if self.made.len() == before && self.discard == 0 {
                break;
            }
        }
        self.made.truncate(wanted);
        self.deliver(0, sink);
        self.reset();
    }

    /// All that is inside is lost.
    pub fn reset(&mut self) {
        self.resampler.reset();
        let ratio = self.ratio;
        // It has been set before.
        let _ = self.resampler.set_resample_ratio(ratio, false);
        self.discard = self.resampler.output_delay() - LESS_DELAY;
        self.owed = 0.0;
        self.input.clear();
        self.inside.clear();
        self.made.clear();
    }

    fn read(&mut self, bytes: &[u8]) {
        let channels = self.format.channels as usize;
        let full = CHUNK * channels;
        for sample in bytes.chunks_exact(self.format.bytes) {
            let value = self.format.decode(sample);
            // One that is no number would stay in the filter for long.
            self.input.push(if value.is_finite() { value } else { 0.0 });
            if self.input.len() == full {
                self.process();
                self.input.clear();
            }
        }
    }

    fn process(&mut self) {
        let channels = self.format.channels as usize;
        let room = self.output.len() / channels;
        let (Ok(input), Ok(mut output)) = (
            InterleavedSlice::new(&self.input, channels, CHUNK),
            InterleavedSlice::new_mut(&mut self.output, channels, room),
        ) else {
            return;
        };
        let done = self
            .resampler
            .process_into_buffer(&input, &mut output, Some(&Indexing::new()));
        let written = done.map_or(0, |(_, written)| written);
        let skip = written.min(self.discard);
        self.discard -= skip;
        self.owed += CHUNK as f64 * self.ratio - (written - skip) as f64;
        for value in &self.output[skip * channels..written * channels] {
            let end = self.made.len();
            self.made.resize(end + self.format.bytes, 0);
            self.format.encode(*value, &mut self.made[end..]);
        }
    }

    /// Hands out what has been made; of what is inside the last `left` samples have not come out.
    fn deliver(&mut self, left: i64, sink: &mut impl FnMut(&[u8], Piece)) {
        let frame = self.format.frame();
        let frames = (self.made.len() / frame) as i64;
        let waits: i64 = self.inside.iter().map(|i| i.frames - i.done).sum();
        let content = (waits - left).max(0);
        let (mut begun, mut from) = (0, 0);
        while let Some(first) = self.inside.front_mut() {
            let now = (first.frames - first.done).min(content - begun);
            begun += now;
            let to = if content > 0 {
                frames * begun / content
            } else {
                frames
            };
            let piece = Piece {
                place: first.place,
                skipped: first.done,
                content: now,
                frames: to - from,
            };
            if now > 0 || to > from {
                sink(
                    &self.made[from as usize * frame..to as usize * frame],
                    piece,
                );
            }
            from = to;
            first.done += now;
            if first.done < first.frames {
                break;
            }
            self.inside.pop_front();
        }
        self.made.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::pcm::Encoding;

    fn floats(channels: u32) -> PcmFormat {
        PcmFormat {
            rate: 16_000,
            channels,
            encoding: Encoding::Float,
            bytes: 4,
            depth: 32,
            big_endian: false,
        }
    }

    fn bytes(samples: &[f32]) -> Vec<u8> {
        samples.iter().flat_map(|s| s.to_le_bytes()).collect()
    }

    fn tone(count: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * 1_000.0 / 16_000.0;
        (0..count)
            .map(|i| (0.5 * (i as f64 * step).sin()) as f32)
            .collect()
    }

    struct Run {
        samples: Vec<f32>,
        pieces: Vec<Piece>,
    }

    fn run(stretch: &mut Stretch, sound: &[f32], cut: usize, ppm: f64) -> Run {
        let mut run = Run {
            samples: Vec::new(),
            pieces: Vec::new(),
        };
        let mut sink = |made: &[u8], piece: Piece| {
            let made = made.as_chunks().0;
            assert_eq!(made.len() as i64, piece.frames);
            run.samples
                .extend(made.iter().map(|b| f32::from_le_bytes(*b)));
            run.pieces.push(piece);
        };
        stretch.set_ppm(ppm);
        for (i, piece) in sound.chunks(cut).enumerate() {
            let place = Place {
                utterance: 1,
                clause: i as u32,
                offset: 0,
            };
            stretch.push(&bytes(piece), Some(place), &mut sink);
        }
        stretch.flush(&mut sink);
        run
    }

    /// At the ratio 1 it is the same sound at the same place: it sets in without a seam.
    #[test]
    fn it_begins_and_ends_where_the_sound_does() {
        let sound = tone(5_000);
        let mut stretch = Stretch::new(floats(1), &bytes(&sound[..1_000])).expect("valid");
        let made = run(&mut stretch, &sound[1_000..], 333, 0.0).samples;
        assert_eq!(made.len(), 4_000);
        // The filter looks beyond the end by half of its length.
        for (i, (a, b)) in made.iter().zip(&sound[1_000..]).enumerate().take(3_900) {
            // It reads from a 128th of a sample beside.
            assert!((a - b).abs() < 2e-3, "{i}: {a} for {b}");
        }
    }

    /// Nothing is lost or doubled: the parts of what went in come out in order, once, and so
    /// many samples less as was asked for.
    #[test]
    fn pieces_tile_what_went_in() {
        for ppm in [-450.0, -7.0, 120.0, 450.0] {
            let sound = tone(160_000);
            let mut stretch = Stretch::new(floats(1), &[]).expect("valid");
            let made = run(&mut stretch, &sound, 317, ppm);
            let expected = 160_000.0 * (1.0 - ppm * 1e-6);
            assert!((made.samples.len() as f64 - expected).abs() <= 2.0, "{ppm}");
            let mut next = (0, 0);
            for piece in &made.pieces {
                let clause = piece.place.expect("each has one").clause;
                if next.1 == 317 {
                    next = (next.0 + 1, 0);
                }
                assert_eq!((clause, piece.skipped), next, "{ppm}");
                next.1 += piece.content;
            }
            let sum: i64 = made.pieces.iter().map(|p| p.content).sum();
            assert_eq!(sum, 160_000);
        }
    }

    /// A tone that is stretched stays a tone.
    #[test]
    fn a_tone_stays_clean() {
        let mut stretch = Stretch::new(floats(1), &[]).expect("valid");
        let ppm = 300.0;
        let made = run(&mut stretch, &tone(48_000), 320, ppm).samples;
        let made = &made[8_000..40_000];
        // What is left of it without its best fit of that pitch.
        let step = std::f64::consts::TAU * 1_000.0 / 16_000.0 / (1.0 - ppm * 1e-6);
        let (mut s, mut c) = (0.0, 0.0);
        for (i, v) in made.iter().enumerate() {
            s += f64::from(*v) * (i as f64 * step).sin();
            c += f64::from(*v) * (i as f64 * step).cos();
        }
        let n = made.len() as f64;
        let (s, c) = (2.0 * s / n, 2.0 * c / n);
        let (mut power, mut rest) = (0.0, 0.0);
        for (i, v) in made.iter().enumerate() {
            let fit = s * (i as f64 * step).sin() + c * (i as f64 * step).cos();
            power += fit * fit;
            rest += (f64::from(*v) - fit).powi(2);
        }
        let snr = 10.0 * (power / rest).log10();
        // 86 dB are measured; the filter's side lobes lie at −92 dB.
        assert!(snr > 80.0, "{snr} dB");
        assert!(((s * s + c * c).sqrt() - 0.5).abs() < 1e-3);
    }

    #[test]
    fn channels_stay_apart_and_what_is_no_number_is_silent() {
        let mut sound: Vec<f32> = tone(4_000).iter().flat_map(|v| [*v, 0.0]).collect();
        sound[4_000] = f32::NAN;
        let mut stretch = Stretch::new(floats(2), &[]).expect("valid");
        let mut made = Vec::new();
        stretch.set_ppm(100.0);
        let mut sink = |bytes: &[u8], _: Piece| made.extend_from_slice(bytes);
        stretch.push(&bytes(&sound), None, &mut sink);
        stretch.flush(&mut sink);
        let samples: Vec<f32> = made
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        assert!(samples.len() / 2 >= 3_999);
        assert!(samples.iter().all(|v| v.is_finite()));
        assert!(samples.iter().skip(1).step_by(2).all(|v| *v == 0.0));
        let loud = samples
            .iter()
            .step_by(2)
            .fold(0.0, |m: f32, v| m.max(v.abs()));
        assert!((0.4..0.6).contains(&loud));
    }
}
