// SPDX-License-Identifier: MPL-2.0
//! [`Steps`]: the network's runs, frame by frame.

use super::{
    contract::{Contract, Head},
    decode::{CHANNELS, Decoder},
};
use crate::{
    articulate::track::Track,
    audio::mel::{BANDS, MelFrame},
    onnx::{SessionError, Stepper},
};

/// Frames of silence before the first: 1 s.
const SETTLING: usize = 100;

/// Runs the network on so many frames at a time as it takes.
pub(super) struct Steps {
    stepper: Stepper,
    /// The place of the input with the sound.
    mel: usize,
    /// Frames at a time.
    frames: usize,
    /// Frames that wait in the input.
    filled: usize,
    /// Frames by which mouths come later than the frames that they are of.
    late: usize,
    /// Mouths to come that lie before frame 0.
    early: usize,
    decoder: Decoder,
}

impl Steps {
    /// Of a graph with that contract, listened to at one of its outputs.
    pub(super) fn new(stepper: Stepper, contract: &Contract, head: &Head) -> Self {
        let late = head.frames + Decoder::LOOK_AHEAD;
        Self {
            stepper,
            mel: contract.mel,
            frames: contract.frames,
            filled: 0,
            late,
            early: late,
            decoder: Decoder::new(),
        }
    }

    /// Frames at a time.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// The next frame; the mouths that become known by it go to the track.
    pub(super) fn take(&mut self, frame: &MelFrame, track: &mut Track) -> Result<(), SessionError> {
        let place = self.filled * BANDS;
        match self.stepper.input(self.mel).get_mut(place..place + BANDS) {
            Some(input) => input.copy_from_slice(frame),
            None => return Err(SessionError("its input has become smaller".into())),
        }
        self.filled += 1;
        if self.filled < self.frames {
            return Ok(());
        }
        self.filled = 0;
        let (early, decoder) = (&mut self.early, &mut self.decoder);
        self.stepper.step(|output, numbers| {
            if output > 0 {
                return;
            }
            for row in numbers.as_chunks::<CHANNELS>().0 {
                // A contact that is decoded must not be one of before the sound.
                if *early > 0 {
                    *early -= 1;
                    continue;
                }
                let sane = row.map(|n| if n.is_finite() { n } else { 0.0 });
                track.push(decoder.decode(&sane), 1);
            }
        })
    }

    /// The next frame is frame 0. Before it there was silence, of which a frame is given: with
    /// the zeros that states begin as it would seem that a vowel had been going on.
    pub(super) fn begin(&mut self, silence: &MelFrame) -> Result<(), SessionError> {
        self.decoder.reset();
        self.filled = 0;
        self.early = self.late;
        self.stepper.clear();
        for frame in self.stepper.input(self.mel).as_chunks_mut().0 {
            *frame = *silence;
        }
        for _ in 0..SETTLING.div_ceil(self.frames) {
            self.stepper.step(|_, _| ())?;
        }
        Ok(())
    }
}
