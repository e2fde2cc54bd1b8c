// SPDX-License-Identifier: MPL-2.0
//! Which voice speaks.

use std::sync::Arc;

use super::{
    Voice, VoiceError, VoiceInfo,
    espeak::Espeak,
    flite::{self, FliteVoice},
    http::{HttpVoice, Patience},
};

/// What the voice for Mandarin reads: pinyin with the digits of the tones.
const MANDARIN: &str = "cmn-latn-pinyin";

/// The voice that reads what Chinese becomes, in place of one that has not the data to read
/// Chinese itself.
pub(super) fn pinyin_voice(name: &str) -> Option<&'static str> {
    matches!(name, "cmn" | "zh" | "zh-cmn").then_some(MANDARIN)
}

/// A voice by its name: one of Flite's (`slt`, `flite:slt`), of eSpeak NG's (`de`, `de+f2`,
/// `espeak:en`), the path of a Piper voice (`voices/eve.onnx`), which may have several speakers
/// with names or numbers, or the address of a server (`http://localhost:8880#af_bella`; see
/// [`HttpVoice::new`]).
///
/// # Errors
/// [`VoiceError::UnknownVoice`], [`VoiceError::UnknownSpeaker`], that its library is missing or
/// that its file is broken.
pub fn voice_named(name: &str, speaker: Option<&str>) -> Result<Arc<dyn Voice>, VoiceError> {
    let name = name.trim();
    let speaker = speaker.map(str::trim).filter(|s| !s.is_empty());
    if name.contains("://") {
        if let Some(speaker) = speaker {
            return Err(VoiceError::UnknownSpeaker {
                speaker: speaker.to_owned(),
                hint: "a server's voice stands behind # in its address".into(),
            });
        }
        return Ok(Arc::new(HttpVoice::new(name, Patience::default())?));
    }
    if name.to_ascii_lowercase().ends_with(".onnx") {
        return from_file(name, speaker);
    }
    if let Some(speaker) = speaker {
        return Err(VoiceError::UnknownSpeaker {
            speaker: speaker.to_owned(),
            hint: "only voices from files have speakers".into(),
        });
    }
    if let Some(name) = name.strip_prefix("flite:") {
        return Ok(Arc::new(FliteVoice::new(name)?));
    }
    if let Some(name) = name.strip_prefix("espeak:") {
        return Ok(Arc::new(Espeak::get()?.voice(name)?));
    }
    if flite::voices().any(|v| v.name.eq_ignore_ascii_case(name)) {
        return Ok(Arc::new(FliteVoice::new(name)?));
    }
    Ok(Arc::new(Espeak::get()?.voice(name)?))
}

#[cfg(feature = "onnx")]
fn from_file(path: &str, speaker: Option<&str>) -> Result<Arc<dyn Voice>, VoiceError> {
    use super::piper::PiperVoice;
    Ok(Arc::new(PiperVoice::new(path.as_ref(), speaker)?))
}

#[cfg(not(feature = "onnx"))]
fn from_file(_: &str, _: Option<&str>) -> Result<Arc<dyn Voice>, VoiceError> {
    Err(VoiceError::NoRuntime(
        "voices from files need the feature `onnx`, which was left out of this build".into(),
    ))
}

/// The voice that is best for a language: Flite for English where no dialect but the American
/// is asked for, eSpeak NG for all else. Where one of the two is missing, the other speaks
/// English.
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
    let espeak = match Espeak::get() {
        Ok(espeak) => espeak,
        Err(error) if tag.split('-').next() == Some("en") && of_flite.is_none() => {
            tracing::warn!("Flite speaks {tag} instead of eSpeak NG: {error}");
            return Ok(Arc::new(FliteVoice::new("slt").map_err(|_| error)?));
        }
        Err(error) => return Err(error),
    };
    let mandarin = matches!(tag.split('-').next(), Some("zh" | "cmn")) && !tag.contains("latn");
    Ok(Arc::new(if mandarin {
        espeak.voice(MANDARIN)?
    } else {
        espeak.voice_for(&tag)?
    }))
}

/// Every voice of the system that [`voice_named`] finds now, Flite's first.
///
/// # Errors
/// That neither library is there.
pub fn all_voices() -> Result<Vec<VoiceInfo>, VoiceError> {
    let installed = |v: &VoiceInfo| FliteVoice::new(&v.name).is_ok();
    let mut voices: Vec<VoiceInfo> = flite::voices().filter(installed).collect();
    match Espeak::get() {
        Ok(espeak) => voices.extend(espeak.voices().cloned()),
        Err(error) if voices.is_empty() => return Err(error),
        Err(error) => tracing::info!("only Flite's voices are there: {error}"),
    }
    Ok(voices)
}
