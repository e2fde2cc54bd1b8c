// SPDX-License-Identifier: MPL-2.0
//! What a user asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, JobId};

/// How soon a job is taken. Each has a queue of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Somebody waits for it.
    High,
    /// As any other.
    #[default]
    Normal,
    /// When there is nothing else to do, and a little meanwhile.
    Bulk,
}

impl Class {
    /// All, the soonest first.
    pub const ALL: [Class; 3] = [Class::High, Class::Normal, Class::Bulk];

    /// Its name, as in queues and settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::High => "high",
            Class::Normal => "normal",
            Class::Bulk => "bulk",
        }
    }
}

/// What kind of file is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// H.264 and AAC.
    #[default]
    Mp4,
    /// H.264 and Opus.
    Mkv,
    /// VP8 and Opus.
    Webm,
}

impl Container {
    /// As names of files end, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Container::Mp4 => "mp4",
            Container::Mkv => "mkv",
            Container::Webm => "webm",
        }
    }

    /// Its type, as HTTP tells it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Container::Mp4 => "video/mp4",
            Container::Mkv => "video/x-matroska",
            Container::Webm => "video/webm",
        }
    }
}

/// Where the voice comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speech {
    /// A recording that was uploaded.
    Audio(Digest),
    /// What is to be said.
    Text(String),
}

/// All that decides what the result looks and sounds like, and nothing else: two orders that are
/// equal have equal results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// A picture that was uploaded; `None` is the portrait that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portrait: Option<Digest>,
    /// The voice.
    pub speech: Speech,
    /// The kind of file.
    #[serde(default)]
    pub container: Container,
    /// Pixels; `None` leaves it to the portrait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
    /// Frames a second, over and under the line.
    pub fps: (u32, u32),
    /// No longer than that, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Parameters of the elements, as `sonicd parameters` lists them, checked and with `_`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl Order {
    /// What equal orders have in common under one version of the program.
    #[must_use]
    pub fn key(&self) -> Digest {
        // Fields come in the order of the type and parameters sorted, so that equal orders give
        // equal bytes.
        let text = serde_json::json!([env!("CARGO_PKG_VERSION"), self]);
        Digest::of(text.to_string().as_bytes())
    }

    /// Where the result lies is told by the job alone; this is how a download is called.
    #[must_use]
    pub fn file_name(&self, id: &JobId) -> String {
        format!("{id}.{}", self.container.extension())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_orders_have_one_key_and_others_another() {
        let order = |text: &str, scale: &str| Order {
            portrait: None,
            speech: Speech::Text(text.to_owned()),
            container: Container::Mp4,
            size: None,
            fps: (25, 1),
            duration_ms: None,
            parameters: [("motion_scale".to_owned(), scale.to_owned())].into(),
        };
        assert_eq!(order("Hello", "1").key(), order("Hello", "1").key());
        assert_ne!(order("Hello", "1").key(), order("Hello", "2").key());
        assert_ne!(order("Hello", "1").key(), order("Hallo", "1").key());
        let spoken = Order {
            speech: Speech::Audio(Digest::of(b"Hello")),
            ..order("Hello", "1")
        };
        assert_ne!(spoken.key(), order("Hello", "1").key());
    }

    #[test]
    fn an_order_of_the_first_format_is_read() {
        let json = r#"{"speech": {"text": "Hello"}, "fps": [25, 1]}"#;
        let order: Order = serde_json::from_str(json).expect("an order");
        assert_eq!(order.container, Container::Mp4);
        assert_eq!(order.parameters.len(), 0);
    }
}
