// SPDX-License-Identifier: MPL-2.0
//! [`Prosody`]: what in the sound of speech moves a head: accents, and the ends of phrases.

use crate::{
    articulate::{
        hearing::{Heard, Hearing, WINDOW},
        level::Loudness,
    },
    audio::spectrum::Framer,
};

/// Samples of 16 kHz from one window to the next: 10 ms.
const HOP: usize = 160;
const STEP: f32 = 0.01;
/// Samples of sound after a window's middle that are in it.
const REACH: i64 = WINDOW as i64 / 2;
/// How much a semitone above the voice's mean adds to prominence, and how many count.
const SEMITONE: f32 = 0.05;
const SEMITONES: f32 = 5.0;
/// Prominence is loudness (1 is a loud vowel) and pitch together. An accent is more prominent
/// than voiced sound usually is, by so much; what that is before any was heard, and how long it
/// takes to learn, s.
const ABOVE: f32 = 0.1;
const USUAL: f32 = 0.6;
const LEARNT: f32 = 3.0;
/// After an accent only what is more prominent is one again at once; that fades in so many seconds.
const FADE: f32 = 0.4;
/// Windows between accents at least, and for how many an accent may still grow.
const APART: u32 = 30;
const GROWS: u32 = 15;
/// Windows without voice that end a phrase, and how many must have sounded for it to be one.
const PAUSE: u32 = 16;
const PHRASE: u32 = 25;
/// Louder than this is speech.
const SOUNDS: f32 = 0.12;

/// Something that a head answers to. Samples count from the first one pushed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cue {
    pub(crate) kind: Kind,
    /// The sample at which it happens.
    pub(crate) at: i64,
    /// How many samples must have been heard to know.
    pub(crate) known: i64,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Something is heard after a pause.
    Onset,
    /// An accented syllable begins to rise above its neighbours.
    Accent,
    /// The accent that began last is stronger than it seemed, by that much prominence.
    Stronger(f32),
    /// Speech ended here, and a pause follows.
    PhraseEnd,
}

/// Listens to 16 kHz mono.
pub(crate) struct Prosody {
    framer: Framer,
    hearing: Hearing,
    state: State,
}

struct State {
    loudness: Loudness,
    /// Mean pitch of the voice, semitones above 1 Hz, and seconds of it heard.
    pitch: f32,
    voiced: f32,
    /// The window that comes next.
    window: i64,
    /// Prominence, smoothed, of the last window.
    prominence: f32,
    /// Mean prominence of voiced sound.
    usual: f32,
    /// By how much an accent must be above the least one.
    raised: f32,
    /// Windows since the last accent began, and its prominence so far.
    since: u32,
    peak: f32,
    /// Windows without speech, and with it in this phrase.
    quiet: u32,
    spoken: u32,
}

impl Prosody {
    pub(crate) fn new() -> Self {
        Self {
            framer: Framer::new(WINDOW, HOP),
            hearing: Hearing::new(),
            state: State {
                loudness: Loudness::new(STEP),
                pitch: 0.0,
                voiced: 0.0,
                window: 0,
                prominence: 0.0,
                usual: USUAL,
                raised: 0.0,
                since: u32::MAX,
                peak: 0.0,
                quiet: 0,
                spoken: 0,
            },
        }
    }

    /// Takes the next samples; `sink` gets what becomes known, in order.
    pub(crate) fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(Cue)) {
        let (hearing, state) = (&mut self.hearing, &mut self.state);
        self.framer.push(samples, &mut |window| {
            state.listen(&hearing.hear(window), sink);
        });
    }

    /// That many zeros, a multiple of 160, after more than a second of them.
    pub(crate) fn skip_silence(&mut self, samples: u64) {
        self.state.window += (samples / HOP as u64) as i64;
    }

    /// Forgets the sound, not the voice: the next sample pushed is sample 0.
    pub(crate) fn reset(&mut self) {
        self.framer.reset();
        let state = &mut self.state;
        state.window = 0;
        state.rest();
        state.quiet = 0;
    }
}

impl State {
    fn rest(&mut self) {
        self.prominence = 0.0;
        self.raised = 0.0;
        self.since = u32::MAX;
        self.spoken = 0;
    }

    fn listen(&mut self, heard: &Heard, sink: &mut impl FnMut(Cue)) {
        let at = self.window * HOP as i64;
        self.window += 1;
        self.loudness.hear(heard);
        let loud = self.loudness.of(heard.level).clamp(0.0, 1.4);
        let known = at + REACH;
        if self.quiet >= PAUSE && loud > SOUNDS {
            let kind = Kind::Onset;
            sink(Cue { kind, at, known });
        }
        if self.phrase_ends(loud) {
            let at = at - i64::from(PAUSE - 1) * HOP as i64;
            let kind = Kind::PhraseEnd;
            sink(Cue { kind, at, known });
        }
        if let Some(kind) = self.accent(heard, loud) {
            sink(Cue { kind, at, known });
        }
    }

    fn phrase_ends(&mut self, loud: f32) -> bool {
        if loud > SOUNDS {
            self.quiet = 0;
            self.spoken = self.spoken.saturating_add(1);
            return false;
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet != PAUSE {
            return false;
        }
        let ends = self.spoken >= PHRASE;
        self.rest();
        ends
    }

    fn accent(&mut self, heard: &Heard, loud: f32) -> Option<Kind> {
        let before = self.prominence;
        self.prominence += 0.6 * (loud + self.melody(heard, loud) - self.prominence);
        if loud == 0.0 && self.prominence < 1e-6 {
            self.prominence = 0.0;
        }
        self.raised *= 1.0 - STEP / FADE;
        self.since = self.since.saturating_add(1);
        if loud > SOUNDS && heard.voicing > 0.5 {
            self.usual += (self.prominence - self.usual) * STEP / LEARNT;
        }
        let least = self.usual + ABOVE;
        let rises = self.prominence > before && heard.voicing > 0.5;
        let kind = if rises && self.since >= APART && self.prominence > least + self.raised {
            self.since = 0;
            self.peak = self.prominence;
            Some(Kind::Accent)
        } else if self.since <= GROWS && self.prominence > self.peak + 0.02 {
            let more = self.prominence - self.peak;
            self.peak = self.prominence;
            Some(Kind::Stronger(more))
        } else {
            None
        };
        if self.since <= GROWS {
            self.raised = (self.peak - least).max(0.0);
        }
        kind
    }

    /// What the pitch adds to prominence.
    fn melody(&mut self, heard: &Heard, loud: f32) -> f32 {
        if heard.voicing < 0.6 || heard.pitch <= 0.0 || loud < 0.2 {
            return 0.0;
        }
        let pitch = 12.0 * heard.pitch.log2();
        if self.voiced == 0.0 {
            self.pitch = pitch;
        }
        self.voiced = (self.voiced + STEP).min(4.0);
        self.pitch += (pitch - self.pitch) * STEP / self.voiced.max(0.1);
        SEMITONE * (pitch - self.pitch).clamp(-SEMITONES, SEMITONES)
    }
}
