// SPDX-License-Identifier: MPL-2.0
//! Which voice speaks.

use std::sync::Arc;

use super::{
    Voice, VoiceError, VoiceInfo,
    espeak::Espeak,
    flite::{self, FliteVoice},
};

/// What the voice for Mandarin reads: pinyin with the digits of the tones.
const MANDARIN: &str = "cmn-latn-pinyin";

/// A voice by its name: one of Flite's (`slt`, `flite:slt`) or of eSpeak NG's (`de`, `de+f2`,
/// `espeak:en`).
///
/// # Errors
/// [`VoiceError::UnknownVoice`], or that its library is missing.
pub fn voice_named(name: &str) -> Result<Arc<dyn Voice>, VoiceError> {
    let name = name.trim();
    if let Some(name) = name.strip_prefix("flite:") {
        return Ok(Arc::new(FliteVoice::new(name)?));
    }
    if let Some(name) = name.strip_prefix("espeak:") {
        return Ok(Arc::new(Espeak::get()?.voice(name)?));
    }
    if flite::voices().any(|v| v.name.eq_ignore_ascii_case(name)) {
        return Ok(Arc::new(FliteVoice::new(name)?));
    }
    if name.ends_with(".onnx") || name.contains("://") {
        return Err(VoiceError::UnknownVoice {
            name: name.to_owned(),
            hint: "voices from files and servers are not supported yet".to_owned(),
        });
    }
    Ok(Arc::new(Espeak::get()?.voice(name)?))
}

/// The voice that is best for a language: Flite for English where no dialect but the American
/// is asked for, eSpeak NG for all else, and for English where Flite is missing.
///
/// # Errors
/// [`VoiceError::UnknownLanguage`], or that the library is missing.
pub fn voice_for(language: &str) -> Result<Arc<dyn Voice>, VoiceError> {
    let tag = language.trim().replace('_', "-").to_ascii_lowercase();
    let of_flite = match tag.as_str() {
        "en" | "en-us" => Some("slt"),
        "en-gb-scotland" => Some("awb"),
        _ => None,
    };
    if let Some(name) = of_flite {
        match FliteVoice::new(name) {
            Ok(voice) => return Ok(Arc::new(voice)),
            Err(error) => tracing::info!("eSpeak NG speaks English instead of Flite: {error}"),
        }
    }
    let espeak = Espeak::get()?;
    let mandarin = matches!(tag.split('-').next(), Some("zh" | "cmn")) && !tag.contains("latn");
    Ok(Arc::new(if mandarin {
        espeak.voice(MANDARIN)?
    } else {
        espeak.voice_for(&tag)?
    }))
}

/// Every voice that [`voice_named`] finds now, Flite's first.
///
/// # Errors
/// That eSpeak NG is missing.
pub fn all_voices() -> Result<Vec<VoiceInfo>, VoiceError> {
    let installed = |v: &VoiceInfo| FliteVoice::new(&v.name).is_ok();
    let flite = flite::voices().filter(installed);
    Ok(flite.chain(Espeak::get()?.voices().cloned()).collect())
}
