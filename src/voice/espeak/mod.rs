// SPDX-License-Identifier: MPL-2.0
//! eSpeak NG: over a hundred languages, small, quick, and plain.
//!
//! The library is loaded at its first use and lives in one thread from then on.

mod catalogue;
mod mnemonics;
mod pronounce;
mod timing;

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::{
    Cancel, Delivery, Spoken, Voice, VoiceError, VoiceInfo,
    ffi::espeak::{Espeak as Library, NAMES, Parameter, c_string},
    owner::Owner,
    to_float, unless_cancelled,
};
use catalogue::Catalogue;
pub(super) use pronounce::Piece;
pub(super) use timing::tidy;

/// Words a minute at rate 1: the library's own default.
const NORMAL_RATE: f32 = 175.0;
/// What one unit of the library's gap between words lasts at normal speed, ms: measured. Its
/// header says 10.
const GAP_UNIT: f32 = 16.5;
/// What the library accepts.
const RATES: (f32, f32) = (80.0, 450.0);

/// eSpeak NG, loaded.
pub struct Espeak {
    owner: Owner<State>,
    rate: u32,
    catalogue: Catalogue,
}

/// What the thread works on.
struct State {
    library: Library,
    /// The voice that is set.
    voice: String,
}

static ESPEAK: OnceCell<Espeak> = OnceCell::new();

impl Espeak {
    /// The library, loaded by the first call that finds it.
    ///
    /// # Errors
    /// [`VoiceError::Missing`]; a later call tries again.
    pub fn get() -> Result<&'static Self, VoiceError> {
        ESPEAK.get_or_try_init(|| {
            let (owner, (rate, catalogue)) = Owner::start("espeak-ng", || {
                let library = Library::load(&NAMES)?;
                let catalogue = Catalogue::new(library.voices(), library.variants());
                let told = (library.rate(), catalogue);
                let voice = String::new();
                Ok((State { library, voice }, told))
            })?;
            Ok(Self {
                owner,
                rate,
                catalogue,
            })
        })
    }

    /// Every voice, without its variants.
    pub fn voices(&self) -> impl Iterator<Item = &VoiceInfo> {
        self.catalogue.voices()
    }

    /// The names that can follow a voice's, with a plus sign between.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        self.catalogue.variants()
    }

    /// A voice by its name (`de`, `en-us`, `de+f2`), its title or its language; large and small
    /// letters are alike.
    ///
    /// # Errors
    /// [`VoiceError::UnknownVoice`].
    pub fn voice(&'static self, name: &str) -> Result<EspeakVoice, VoiceError> {
        let (info, identifier) = self.catalogue.voice(name)?;
        Ok(EspeakVoice {
            espeak: self,
            info,
            identifier,
        })
    }

    /// The voice that suits a language tag best: one for `de` will do for `de-AT`.
    ///
    /// # Errors
    /// [`VoiceError::UnknownLanguage`].
    pub fn voice_for(&'static self, language: &str) -> Result<EspeakVoice, VoiceError> {
        let (info, identifier) = self.catalogue.voice_for(language)?;
        Ok(EspeakVoice {
            espeak: self,
            info,
            identifier,
        })
    }
}

/// One of eSpeak NG's voices.
#[derive(Clone)]
pub struct EspeakVoice {
    espeak: &'static Espeak,
    info: VoiceInfo,
    identifier: String,
}

impl EspeakVoice {
    /// How it would say a text.
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`] within 50 ms of being cancelled; that the voice cannot be set.
    pub(super) fn pronounce(&self, text: &str, cancel: &Cancel) -> Result<Vec<Piece>, VoiceError> {
        let (identifier, own) = (self.identifier.clone(), cancel.clone());
        let c_text = c_string(text);
        let (said, output) = self.espeak.owner.ask(cancel, move |state| {
            state.select(&identifier)?;
            state.deliver(&Delivery::default());
            let output = state.library.synthesize(&c_text, &own);
            Ok((state.library.pronounce(&c_text), output))
        })??;
        let happenings = output.map(|o| o.happenings).unwrap_or_default();
        Ok(pronounce::pieces(text, &said, &happenings))
    }
}

impl Voice for EspeakVoice {
    fn name(&self) -> &str {
        &self.info.name
    }

    fn language(&self) -> &str {
        self.info.languages.first().map_or("und", String::as_str)
    }

    fn rate(&self) -> u32 {
        self.espeak.rate
    }

    fn phonemes(&self, alphabet: &str, phonemes: &str) -> Option<String> {
        let said = match alphabet {
            "x-espeak" | "espeak" => phonemes.to_owned(),
            "ipa" if self.language().starts_with("en") => mnemonics::english(phonemes)?,
            _ => return None,
        };
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '[' | ']') || c == ' ';
        (!said.is_empty() && said.chars().all(plain)).then(|| format!("[[{said}]]"))
    }

    fn foreign(&self) -> Option<Arc<dyn Voice>> {
        let english = self.espeak.voice("en").ok()?;
        Some(Arc::new(english))
    }

    fn speak(
        &self,
        text: &str,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Spoken, VoiceError> {
        let (identifier, delivery, own) =
            (self.identifier.clone(), delivery.sane(), cancel.clone());
        let c_text = c_string(text);
        let said = self.espeak.owner.ask(cancel, move |state| {
            state.select(&identifier)?;
            state.deliver(&delivery);
            let output = state.library.synthesize(&c_text, &own);
            let phonemes: Vec<String> = state
                .library
                .pronounce(&c_text)
                .iter()
                .flat_map(|said| said.groups().flatten().map(str::to_owned))
                .collect();
            Ok(output.map(|output| (output, phonemes)))
        })?;
        let (output, phonemes) = unless_cancelled(said?, cancel)?
            .ok_or_else(|| VoiceError::Failed("eSpeak NG did not finish the clause".into()))?;
        Ok(timing::spoken(
            text,
            to_float(&output.samples),
            &output.happenings,
            &phonemes,
            self.espeak.rate,
        ))
    }
}

impl State {
    fn select(&mut self, identifier: &str) -> Result<(), VoiceError> {
        if self.voice != identifier {
            self.voice.clear();
            if !self.library.set_voice(&c_string(identifier)) {
                return Err(VoiceError::Failed(format!(
                    "eSpeak NG lists the voice {identifier} but does not load it"
                )));
            }
            identifier.clone_into(&mut self.voice);
        }
        Ok(())
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let rate = (NORMAL_RATE * delivery.rate).clamp(RATES.0, RATES.1);
        self.library.set(Parameter::Rate, rate.round() as i32);
        // The library's scale is an octave in fifty steps.
        let pitch = 50.0 + delivery.pitch * 50.0 / 12.0;
        self.library.set(Parameter::Pitch, pitch.round() as i32);
        let gap = delivery.word_gap as f32 / GAP_UNIT;
        self.library.set(Parameter::WordGap, gap.round() as i32);
    }
}
