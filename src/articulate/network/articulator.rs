// SPDX-License-Identifier: MPL-2.0
//! [`NetworkArticulator`]: sound in, what the network says of the mouth out.

use std::collections::VecDeque;

use super::{NetworkError, NetworkOptions, Normaliser, load::Loaded, steps::Steps};
use crate::{
    articulate::{Articulator, Mouth, Origin, signal::SignalArticulator, track::Track},
    audio::{
        ANALYSIS_RATE,
        mel::{HOP, LogMel, SILENCE},
    },
    onnx::SessionError,
};

/// Samples of silence after which nothing of earlier sound is left in the network, nor in what
/// is kept for the spare: 3 s.
const SETTLED: u64 = 3 * ANALYSIS_RATE as u64;
/// Samples that are kept for the case that the network fails: 2 s, in which whoever goes on
/// learns the voice.
const KEPT: usize = 2 * ANALYSIS_RATE as usize;
/// Samples in which the mouth goes over from one to the other then: 80 ms.
const FADE: i64 = 1_280;

/// Moves the mouth by a network that runs in ONNX Runtime.
///
/// Frames are counted from sample 0 and run so many at a time as the graph takes: what comes out
/// does not depend on how the sound is cut. Should the network fail, the
/// [`SignalArticulator`] goes on where it stopped, for good.
pub struct NetworkArticulator {
    ear: LogMel,
    normaliser: Normaliser,
    steps: Steps,
    name: String,
    look_ahead: u64,
    track: Track,
    /// The latest sound.
    kept: VecDeque<f32>,
    /// Samples since sample 0.
    samples: u64,
    spare: Option<Spare>,
    problem: Option<String>,
}

/// Who goes on after a failure.
struct Spare {
    signal: SignalArticulator,
    /// The sample that its sample 0 is.
    zero: i64,
    /// The last sample whose mouth the network told.
    from: i64,
}

impl NetworkArticulator {
    /// Loads a network and runs it once: what takes time is done here.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn new(options: &NetworkOptions) -> Result<Self, NetworkError> {
        let loaded = Loaded::new(options)?;
        Ok(Self {
            look_ahead: loaded.look_ahead,
            ear: LogMel::new(),
            normaliser: Normaliser::new(),
            steps: loaded.steps,
            name: loaded.name,
            track: Track::new(),
            kept: VecDeque::with_capacity(KEPT),
            samples: 0,
            spare: None,
            problem: None,
        })
    }

    /// What the network's author calls it, else its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn keep(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        let latest = &samples[samples.len().saturating_sub(KEPT)..];
        let over = (self.kept.len() + latest.len()).saturating_sub(KEPT);
        self.kept.drain(..over);
        self.kept.extend(latest);
    }

    /// The spare goes on.
    fn fail(&mut self, SessionError(problem): SessionError) {
        self.problem = Some(format!(
            "The articulation network `{}` has failed, and the mouth goes on by signal \
             processing: {problem}",
            self.name
        ));
        let mut signal = SignalArticulator::new();
        let (older, newer) = self.kept.as_slices();
        signal.push(older);
        signal.push(newer);
        let place = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.spare = Some(Spare {
            signal,
            zero: place(self.samples - self.kept.len() as u64),
            from: place(self.track.len().saturating_sub(1) * HOP as u64),
        });
        self.kept = VecDeque::new();
    }
}

impl Articulator for NetworkArticulator {
    fn origin(&self) -> Origin {
        Origin::Network
    }

    fn origin_at(&self, sample: i64) -> Origin {
        match &self.spare {
            Some(spare) if sample > spare.from.saturating_add(FADE / 2) => spare.signal.origin(),
            _ => Origin::Network,
        }
    }

    /// That of the network, also after it has failed: where that is less than the 75 ms of the
    /// spare, the mouth is late by the difference then.
    fn look_ahead(&self) -> u64 {
        self.look_ahead
    }

    fn push(&mut self, samples: &[f32]) {
        if let Some(spare) = &mut self.spare {
            spare.signal.push(samples);
            return;
        }
        self.keep(samples);
        let (normaliser, steps) = (&mut self.normaliser, &mut self.steps);
        let track = &mut self.track;
        let mut done = Ok(());
        self.ear.push(samples, &mut |frame| {
            if done.is_ok() {
                done = steps.take(&normaliser.normalise(frame), track);
            }
        });
        if let Err(error) = done {
            self.fail(error);
        }
    }

    fn push_silence(&mut self, samples: u64) {
        const ZEROS: [f32; HOP] = [0.0; HOP];
        if let Some(spare) = &mut self.spare {
            spare.signal.push_silence(samples);
            return;
        }
        let heard = samples.min(SETTLED);
        // Whole runs, so that those to come begin with the frames that they would have begun
        // with.
        let run = (self.steps.frames() * HOP) as u64;
        let skipped = (samples - heard) / run * run;
        let push = |articulator: &mut Self, mut left: u64| {
            while left > 0 {
                let now = left.min(HOP as u64);
                articulator.push(&ZEROS[..now as usize]);
                left -= now;
            }
        };
        push(self, heard);
        match &mut self.spare {
            // It has failed just now.
            Some(spare) => spare.signal.push_silence(skipped),
            None => {
                self.samples += skipped;
                let last = self.track.at(self.track.len().saturating_sub(1) as f64);
                self.track.push(last, skipped / HOP as u64);
            }
        }
        push(self, samples - heard - skipped);
    }

    fn drain(&mut self) {
        let rest = self.look_ahead + (self.steps.frames() * HOP) as u64;
        match &mut self.spare {
            Some(spare) => spare.signal.drain(),
            None => (0..=rest / HOP as u64).for_each(|_| self.push(&[0.0; HOP])),
        }
    }

    fn mouth_at(&self, sample: i64) -> Mouth {
        let told = || self.track.at(sample as f64 / HOP as f64);
        match &self.spare {
            Some(Spare { signal, zero, from }) if sample > *from => {
                let heard = signal.mouth_at(sample - zero);
                if sample - from >= FADE {
                    return heard;
                }
                told().towards(heard, (sample - from) as f32 / FADE as f32)
            }
            _ => told(),
        }
    }

    fn forget_before(&mut self, sample: i64) {
        if let Some(spare) = &mut self.spare {
            spare
                .signal
                .forget_before(sample.saturating_sub(spare.zero));
        }
        self.track.forget_before(sample.div_euclid(HOP as i64));
    }

    fn take_problem(&mut self) -> Option<String> {
        self.problem.take()
    }

    fn reset(&mut self) {
        let begun = self.samples > 0;
        self.ear.reset();
        self.track.clear();
        self.kept.clear();
        self.samples = 0;
        if begun && self.spare.is_none() {
            // From silence nothing is learnt.
            let silence = self.normaliser.normalise(&SILENCE);
            if let Err(error) = self.steps.begin(&silence) {
                self.fail(error);
            }
        }
        if let Some(spare) = &mut self.spare {
            spare.signal.reset();
            spare.zero = 0;
            spare.from = -FADE;
        }
    }
}
