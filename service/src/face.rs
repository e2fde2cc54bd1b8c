// SPDX-License-Identifier: MPL-2.0
//! What the animator will say of a portrait: whether there is a face, and how well it will serve.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sonic_engine::face::{
    FaceError, LoadOptions, Picture, Portrait, PortraitSource, SourceFile,
    verdict::{self, Level},
};
use utoipa::ToSchema;

/// What could be better, though it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Advice {
    /// face, size, yaw, roll, mouth, eyes or glasses.
    pub about: String,
    /// What was seen.
    pub what: String,
    /// What to do.
    pub cure: String,
}

/// What is seen in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Seen {
    /// Whether it shows a face that can speak.
    pub face: bool,
    /// Why not, and what to do: a sentence each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many faces; the largest one is taken.
    pub faces: usize,
    /// Left, top, width and height of that one, pixels of the upright picture.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub place: Option<[f32; 4]>,
    /// Of the upright picture, pixels.
    pub width: usize,
    /// Likewise.
    pub height: usize,
    /// What could be better.
    pub advice: Vec<Advice>,
}

/// Why nobody could look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// A sentence.
    pub reason: String,
    /// It is this machine's fault, not the picture's.
    pub passing: bool,
}

/// Looks for the face in a picture, as the animator does, and keeps nothing of it.
///
/// # Errors
/// The picture cannot be read, or there is nothing to find faces with.
pub fn look(file: &Path) -> Result<Seen, Unseen> {
    let source = PortraitSource {
        picture: Some(file.to_owned()),
        ..PortraitSource::default()
    };
    let options = LoadOptions {
        cache: None,
        ..LoadOptions::from_env()
    };
    let error = match Portrait::load_with(&source, &options) {
        Ok(portrait) => return Ok(seen(&portrait)),
        Err(error) => error,
    };
    if error.file != SourceFile::Picture {
        return Err(Unseen {
            reason: format!("{error}."),
            passing: true,
        });
    }
    // Where the picture can be shown it is the face that the error is about.
    let (picture, _) = Picture::load(file).map_err(|_| Unseen {
        reason: plain(&error, file),
        passing: false,
    })?;
    Ok(Seen {
        face: false,
        reason: Some(plain(&error, file)),
        faces: 0,
        place: None,
        width: picture.width,
        height: picture.height,
        advice: Vec::new(),
    })
}

fn seen(portrait: &Portrait) -> Seen {
    let advice = verdict::examine(portrait).into_iter();
    let advice = advice.filter(|finding| finding.level != Level::Good);
    Seen {
        face: true,
        reason: None,
        faces: portrait.report.faces,
        place: Some(portrait.report.face_box),
        width: portrait.picture.width,
        height: portrait.picture.height,
        advice: advice
            .map(|finding| Advice {
                about: finding.about.to_owned(),
                what: finding.what,
                cure: finding.cure.unwrap_or_default().to_owned(),
            })
            .collect(),
    }
}

/// The engine's words without a name of ours; a service takes no file of landmarks.
fn plain(error: &FaceError, file: &Path) -> String {
    let file = file.display();
    let what = error
        .what
        .replace(&format!("`portrait` file {file}"), "picture");
    let what = what.replace(&format!("`portrait` {file}"), "picture");
    let what = what.replace(&file.to_string(), "the picture");
    let cure = error.cure.split(", or set").next().unwrap_or_default();
    let mut rest = what.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    format!("{}. {cure}.", first.chain(rest).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_no_file_of_ours() {
        let file = Path::new("/scratch/x");
        let told = |what: &str| {
            let error = FaceError {
                file: SourceFile::Picture,
                what: what.to_owned(),
                cure: "Give a portrait from the front, or set `landmarks` to a file".to_owned(),
            };
            plain(&error, file)
        };
        assert_eq!(
            told("no face is found in the `portrait` /scratch/x"),
            "No face is found in the picture. Give a portrait from the front."
        );
        assert_eq!(
            told("the face in /scratch/x is turned away"),
            "The face in the picture is turned away. Give a portrait from the front."
        );
    }

    #[test]
    fn a_text_is_no_picture_and_a_missing_file_is_none_either() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("portrait");
        for content in [&b"no picture at all"[..], b"\x89PNG\r\n\x1a\ncut"] {
            std::fs::write(&file, content).expect("written");
            let unseen = look(&file).expect_err("nothing to see");
            assert!(!unseen.passing, "{unseen:?}");
            assert!(!unseen.reason.contains('/'), "{unseen:?}");
        }
        let unseen = look(&folder.path().join("none")).expect_err("nothing there");
        assert!(unseen.reason.contains("does not exist"), "{unseen:?}");
    }
}
