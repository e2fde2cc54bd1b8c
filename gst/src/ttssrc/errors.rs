// SPDX-License-Identifier: MPL-2.0
//! The engine's errors in GStreamer's terms.

use sonic_engine::{
    talk::{Problem, Refusal},
    voice::{self, VoiceError},
};

use super::names;

/// What the user is told of a voice that does not speak: which property, what is wrong, what
/// helps.
pub fn voice_text(error: &VoiceError, settings: &voice::Settings) -> String {
    // What chose the voice.
    let property = match (&settings.voice, &settings.language) {
        (None, Some(_)) => names::LANGUAGE,
        _ => names::VOICE,
    };
    match error {
        VoiceError::UnknownVoice { .. } => format!(
            "Property `{}`: {error}. Choose slt, rms, awb or kal16 of Flite or one that \
             `espeak-ng --voices` lists.",
            names::VOICE
        ),
        VoiceError::UnknownLanguage(_) => format!(
            "Property `{}`: {error}. Choose one that `espeak-ng --voices` lists, or set `{}`.",
            names::LANGUAGE,
            names::VOICE
        ),
        VoiceError::UnknownSpeaker { .. } => format!("Property `{}`: {error}.", names::SPEAKER),
        VoiceError::Ssml(_) => format!(
            "Property `{}`: {error}. Mend it, or let broken SSML be spoken as plain text with \
             {}=or-plain.",
            names::SSML,
            names::SSML
        ),
        _ => format!("Property `{property}`: {error}."),
    }
}

/// The error message of a voice that cannot be used.
pub fn voice_error(error: &VoiceError, settings: &voice::Settings) -> gst::ErrorMessage {
    let text = voice_text(error, settings);
    match error {
        VoiceError::Missing { .. } | VoiceError::NoRuntime(_) => {
            gst::error_msg!(gst::ResourceError::NotFound, ("{text}"))
        }
        VoiceError::File { .. } => gst::error_msg!(gst::ResourceError::Read, ("{text}")),
        VoiceError::Failed(_) => gst::error_msg!(gst::LibraryError::Failed, ("{text}")),
        _ => gst::error_msg!(gst::ResourceError::Settings, ("{text}")),
    }
}

/// What the user is told of something that cannot be said.
pub fn problem_text(id: u64, problem: &Problem, settings: &voice::Settings) -> String {
    match problem {
        Problem::Voice(error) => voice_text(error, settings),
        Problem::Text(why) => format!("Property `{}`: {why}.", names::LOCATION),
        Problem::NotUtf8(at) => format!(
            "Property `{}`: what stands at byte {at} is not UTF-8. What is not is left out; save \
             the text as UTF-8.",
            names::LOCATION
        ),
        Problem::Nothing => format!(
            "There is nothing in the text of utterance {id} that can be spoken: give words."
        ),
    }
}

/// What the user is told of text that was not taken.
pub fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Full { .. } => format!(
            "Nothing more is said: {refusal}. Wait for `utterance-finished`, or raise `{}`.",
            names::QUEUE_LIMIT
        ),
        Refusal::Crowded(_) => {
            format!("Nothing more is said: {refusal}. Wait for `utterance-finished`.")
        }
        Refusal::Unknown(_) => {
            format!("Nothing is appended: {refusal}. Begin another one by appending to 0.")
        }
    }
}
