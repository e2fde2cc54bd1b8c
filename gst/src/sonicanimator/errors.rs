// SPDX-License-Identifier: MPL-2.0
//! The engine's errors in GStreamer's terms.

use std::path::Path;

use sonic_engine::{
    articulate::network::NetworkError,
    face::{FaceError, PortraitSource, SourceFile},
    onnx::PATH_VARIABLE,
};

use super::names;

/// What the user is told: which property, what is wrong, what helps.
pub fn face_text(error: &FaceError) -> String {
    let text = error.to_string();
    if text.contains('`') {
        // It names the property already.
        return format!("{}.", capitalised(&text));
    }
    let property = match error.file {
        SourceFile::Picture => format!("Property `{}`", names::PORTRAIT),
        SourceFile::Landmarks => format!("Property `{}`", names::LANDMARKS),
        SourceFile::Matte => format!("Property `{}`", names::MATTE),
        SourceFile::Background => format!("Property `{}`", names::BACKGROUND_IMAGE),
        SourceFile::Predictor => format!(
            "Property `{}` needs a face predictor as long as `{}` is not set",
            names::PORTRAIT,
            names::LANDMARKS
        ),
    };
    format!("{property}: {text}.")
}

/// The engine's texts go on from a colon; here they begin a sentence.
pub fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(rest)
        .collect()
}

/// The error message of a portrait that cannot be used.
pub fn face_error(error: &FaceError, source: &PortraitSource) -> gst::ErrorMessage {
    let file = match error.file {
        SourceFile::Picture => source.picture.as_deref(),
        SourceFile::Landmarks => source.landmarks.as_deref(),
        SourceFile::Matte => source.matte.as_deref(),
        SourceFile::Background | SourceFile::Predictor => None,
    };
    let text = face_text(error);
    match fault(file, error.file) {
        Fault::Missing => gst::error_msg!(gst::ResourceError::NotFound, ("{text}")),
        Fault::Closed => gst::error_msg!(gst::ResourceError::OpenRead, ("{text}")),
        Fault::Content => gst::error_msg!(gst::ResourceError::Read, ("{text}")),
    }
}

/// What the user is told of a network that cannot be used: which property, what is wrong, what
/// helps.
pub fn network_text(error: &NetworkError) -> String {
    match error {
        NetworkError::NoRuntime(_) => {
            format!("{}.", capitalised(&error.to_string()))
        }
        NetworkError::Provider { .. } => format!(
            "Property `{}`: {error}. Take one of these, or an ONNX Runtime that has it and let \
             the variable {PATH_VARIABLE} name its file.",
            names::EXECUTION_PROVIDER
        ),
        NetworkError::Graph { .. } => format!(
            "Property `{}`: {error}. docs/articulation.md says what a network must be like; \
             without the property the built-in one is used.",
            names::MODEL
        ),
        NetworkError::LookAhead { needed, .. } => format!(
            "Property `{}`: {error}. Set {needed} ns or more.",
            names::LOOK_AHEAD
        ),
    }
}

/// The error message of a network that cannot be used.
pub fn network_error(error: &NetworkError) -> gst::ErrorMessage {
    let text = network_text(error);
    match error {
        NetworkError::Graph { .. } => gst::error_msg!(gst::ResourceError::Read, ("{text}")),
        NetworkError::NoRuntime(_) => {
            gst::error_msg!(gst::LibraryError::Init, ("{text}"))
        }
        NetworkError::Provider { .. } | NetworkError::LookAhead { .. } => {
            gst::error_msg!(gst::LibraryError::Settings, ("{text}"))
        }
    }
}

/// What the user is told where there is no network for want of a runtime.
pub fn without_network(error: &NetworkError) -> String {
    format!("The lips follow the sound by signal processing and not by the network: {error}.")
}

enum Fault {
    Missing,
    Closed,
    Content,
}

/// The engine says it in words; an application wants a code, so look once more.
fn fault(file: Option<&Path>, kind: SourceFile) -> Fault {
    let Some(file) = file else {
        return match kind {
            SourceFile::Predictor => Fault::Missing,
            _ => Fault::Content,
        };
    };
    match std::fs::metadata(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Fault::Missing,
        Err(_) => Fault::Closed,
        Ok(meta) if !meta.is_file() => Fault::Closed,
        Ok(_) if std::fs::File::open(file).is_err() => Fault::Closed,
        Ok(_) => Fault::Content,
    }
}
