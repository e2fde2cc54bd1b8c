// SPDX-License-Identifier: MPL-2.0
//! [`Mouth`]: by how much the mouths that are sent are later than the sound that is sent.

use super::{Material, Sync, pcm::PcmFormat};
use crate::{
    articulate::lag::{Envelope, Lag, LagMeter},
    audio::{
        ANALYSIS_RATE,
        intake::{Intake, MAX_RATE, MIN_RATE},
    },
};

/// After so long without a picture that says what its mouth does nobody listens any more, ns.
const PATIENCE: i64 = 1_000_000_000;
const SAMPLE_NS: i64 = 1_000_000_000 / ANALYSIS_RATE as i64;

/// Compares the gap between the lips of what is sent with how loud it is.
pub(super) struct Mouth {
    meter: LagMeter,
    intake: Intake,
    loudness: Envelope,
    /// Output time of the first sample listened to, ns.
    begin: i64,
    /// Output time of the last picture with a mouth, ns.
    seen: i64,
    mono: Vec<f32>,
}

impl Mouth {
    fn new(rate: u32, begin: i64) -> Self {
        Self {
            meter: LagMeter::of_envelope(),
            intake: Intake::new(rate),
            loudness: Envelope::new(),
            begin,
            seen: begin,
            mono: Vec::new(),
        }
    }

    fn hear(&mut self, block: &[u8], format: &PcmFormat) {
        self.mono.clear();
        for frame in block.chunks_exact(format.frame()) {
            let samples = frame.chunks_exact(format.bytes);
            let sum: f32 = samples.map(|sample| format.decode(sample)).sum();
            self.mono.push(sum / format.channels as f32);
        }
        let (meter, loudness, begin) = (&mut self.meter, &mut self.loudness, self.begin);
        self.intake.push(&self.mono, &mut |ready| {
            loudness.push(ready, &mut |sample, value| {
                let at = begin.saturating_add(sample.saturating_mul(SAMPLE_NS));
                meter.heard(at.max(0) as u64, value);
            });
        });
    }
}

impl<M: Material> Sync<M> {
    /// The picture that was sent for the output time `at` (ns) shows lips that are so far apart,
    /// in eye distances.
    pub fn show_mouth(&mut self, at: u64, aperture: f32) {
        let Some(audio) = &self.audio else { return };
        let format = &audio.sound.format;
        if !(MIN_RATE..=MAX_RATE).contains(&format.rate) {
            return;
        }
        let begin = audio.due();
        let mouth = self
            .mouth
            .get_or_insert_with(|| Box::new(Mouth::new(format.rate, begin)));
        mouth.seen = i64::try_from(at).unwrap_or(i64::MAX);
        mouth.meter.shown(at, aperture);
    }

    /// A block of sound has been sent, which ends now.
    pub(super) fn hear_mouth(&mut self, block: &[u8]) {
        let (Some(mouth), Some(audio)) = (&mut self.mouth, &self.audio) else {
            return;
        };
        if audio.due() - mouth.seen > PATIENCE {
            self.mouth = None;
        } else {
            mouth.hear(block, &audio.sound.format);
        }
    }

    /// By how much mouths are later than the sound, over the last seconds; `None` while too
    /// little is said.
    pub(super) fn mouth_lag(&self) -> Option<Lag> {
        self.mouth.as_ref()?.meter.lag()
    }
}
