// SPDX-License-Identifier: MPL-2.0
//! The file beside a Piper voice's graph: `X.onnx.json`.

use std::collections::HashMap;

use serde::Deserialize;

/// Samples a second that make sense.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;
/// The usual number of samples of a frame.
const HOP: u32 = 256;

/// What is used of it; what else stands there does not matter.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    pub(super) audio: Audio,
    #[serde(default)]
    pub(super) espeak: Option<EspeakVoice>,
    #[serde(default)]
    pub(super) language: Option<Language>,
    #[serde(default)]
    pub(super) phoneme_type: PhonemeType,
    #[serde(default)]
    pub(super) inference: Inference,
    #[serde(default)]
    pub(super) num_symbols: Option<i64>,
    #[serde(default = "one")]
    pub(super) num_speakers: i64,
    #[serde(default)]
    pub(super) speaker_id_map: HashMap<String, i64>,
    #[serde(default)]
    pub(super) default_speaker_id: i64,
    pub(super) phoneme_id_map: HashMap<String, Vec<i64>>,
    /// Samples a frame.
    #[serde(default = "hop")]
    pub(super) hop_length: u32,
    /// Code points that are one symbol where they follow each other.
    #[serde(default)]
    pub(super) vowel_clusters: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Audio {
    pub(super) sample_rate: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct EspeakVoice {
    pub(super) voice: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Language {
    #[serde(default)]
    pub(super) code: String,
}

/// What the voice reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PhonemeType {
    /// What eSpeak NG makes of a text.
    #[default]
    Espeak,
    /// The letters themselves.
    Text,
    /// What needs another program.
    #[serde(untagged)]
    Other(String),
}

/// The voice's own measures; the defaults are those of its makers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Inference {
    pub(super) noise_scale: f32,
    pub(super) length_scale: f32,
    pub(super) noise_w: f32,
}

impl Default for Inference {
    fn default() -> Self {
        Self {
            noise_scale: 0.667,
            length_scale: 1.0,
            noise_w: 0.8,
        }
    }
}

fn one() -> i64 {
    1
}

fn hop() -> u32 {
    HOP
}

impl Config {
    /// Reads and checks the file's text.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let config: Self = serde_json::from_slice(text)
            .map_err(|error| format!("it is not what Piper writes: {error}"))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let rate = self.audio.sample_rate;
        if !RATES.contains(&rate) {
            return Err(format!(
                "`audio.sample_rate` is {rate}, expected {} to {}",
                RATES.start(),
                RATES.end()
            ));
        }
        if let PhonemeType::Other(kind) = &self.phoneme_type {
            return Err(format!(
                "`phoneme_type` is {kind:?}; only \"espeak\" and \"text\" are supported"
            ));
        }
        if self.phoneme_type == PhonemeType::Espeak && self.espeak.is_none() {
            return Err("it has no `espeak.voice`, which `phoneme_type` \"espeak\" needs".into());
        }
        for needed in ["_", "^", "$"] {
            if self.phoneme_id_map.get(needed).is_none_or(Vec::is_empty) {
                return Err(format!("`phoneme_id_map` has no {needed:?}"));
            }
        }
        let symbols = self.num_symbols.unwrap_or(i64::MAX);
        for (symbol, ids) in &self.phoneme_id_map {
            if let Some(id) = ids.iter().find(|id| !(0..symbols).contains(*id)) {
                return Err(format!(
                    "`phoneme_id_map` gives {symbol:?} the number {id}, but `num_symbols` is {symbols}"
                ));
            }
        }
        let speakers = self.num_speakers.max(1);
        for (name, id) in &self.speaker_id_map {
            if !(0..speakers).contains(id) {
                return Err(format!(
                    "`speaker_id_map` gives {name:?} the number {id}, but `num_speakers` is {speakers}"
                ));
            }
        }
        let measures = self.inference;
        let sane = |value: f32, low: f32| value.is_finite() && (low..=10.0).contains(&value);
        if !sane(measures.length_scale, 0.05)
            || !sane(measures.noise_scale, 0.0)
            || !sane(measures.noise_w, 0.0)
        {
            return Err(
                "`inference` has a scale outside 0 to 10 (`length_scale`: 0.05 to 10)".into(),
            );
        }
        if !(1..=8_192).contains(&self.hop_length) {
            return Err(format!(
                "`hop_length` is {}, expected 1 to 8192",
                self.hop_length
            ));
        }
        Ok(())
    }

    /// The number of a speaker by name or number; without one, the file's default.
    ///
    /// # Errors
    /// Which speakers there are.
    pub(super) fn speaker(&self, wanted: Option<&str>) -> Result<i64, String> {
        let speakers = self.num_speakers.max(1);
        let Some(wanted) = wanted.map(str::trim).filter(|s| !s.is_empty()) else {
            return Ok(self.default_speaker_id.clamp(0, speakers - 1));
        };
        let named = self.speaker_id_map.get(wanted).copied();
        let number = || wanted.parse().ok().filter(|n| (0..speakers).contains(n));
        named.or_else(number).ok_or_else(|| {
            let mut names: Vec<_> = self.speaker_id_map.iter().collect();
            names.sort_by_key(|(_, id)| **id);
            let names: Vec<_> = names
                .iter()
                .take(20)
                .map(|(name, _)| name.as_str())
                .collect();
            match (speakers, names.is_empty()) {
                (1, _) => "the voice has one speaker".to_owned(),
                (_, true) => format!("its speakers are 0 to {}", speakers - 1),
                (_, false) => format!(
                    "its speakers are 0 to {}, among them {}",
                    speakers - 1,
                    names.join(", ")
                ),
            }
        })
    }

    /// The language it speaks, as a BCP 47 tag in small letters.
    pub(super) fn tag(&self) -> String {
        let code = self.language.as_ref().map(|l| l.code.as_str());
        let espeak = self.espeak.as_ref().map(|e| e.voice.as_str());
        let tag = code.filter(|c| !c.is_empty()).or(espeak).unwrap_or("und");
        tag.replace('_', "-").to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"},
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3]}}"#;

    #[test]
    fn what_is_missing_is_as_piper_has_it() {
        let config = Config::parse(MINIMAL.as_bytes()).expect("it is whole");
        assert_eq!(config.tag(), "en-us");
        assert_eq!(config.hop_length, 256);
        assert_eq!(config.phoneme_type, PhonemeType::Espeak);
        assert_eq!(config.inference.noise_scale, 0.667);
        assert_eq!(config.speaker(None), Ok(0));
        assert!(config.speaker(Some("1")).is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (from, to, said) in [
            ("22050", "3", "sample_rate"),
            ("22050", "\"fast\"", "expected u32 at line 1"),
            ("\"^\": [1],", "", "\"^\""),
            ("[3]", "[-3]", "\"a\""),
            ("\"espeak\": {\"voice\": \"en-us\"},", "", "espeak.voice"),
            (
                "{\"audio\"",
                "{\"num_symbols\": 3, \"audio\"",
                "num_symbols",
            ),
            (
                "{\"audio\"",
                "{\"phoneme_type\": \"pinyin\", \"audio\"",
                "pinyin",
            ),
            (
                "{\"audio\"",
                "{\"speaker_id_map\": {\"eve\": 1}, \"audio\"",
                "eve",
            ),
            (
                "{\"audio\"",
                "{\"inference\": {\"length_scale\": 0}, \"audio\"",
                "length_scale",
            ),
            ("{\"audio\"", "{\"hop_length\": 0, \"audio\"", "hop_length"),
            ("{\"audio\"", "{{\"audio\"", "line 1"),
        ] {
            let broken = MINIMAL.replace(from, to);
            let error = Config::parse(broken.as_bytes()).expect_err(&broken);
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn speakers_are_found_by_name_and_number() {
        let text = MINIMAL.replace(
            "{\"audio\"",
            "{\"num_speakers\": 3, \"default_speaker_id\": 2, \"speaker_id_map\": {\"eve\": 1, \"7\": 0}, \"audio\"",
        );
        let config = Config::parse(text.as_bytes()).expect("it is whole");
        assert_eq!(config.speaker(Some("eve")), Ok(1));
        assert_eq!(config.speaker(Some("2")), Ok(2));
        assert_eq!(config.speaker(Some("7")), Ok(0), "a name goes before");
        assert_eq!(config.speaker(Some(" ")), Ok(2));
        let error = config.speaker(Some("bob")).expect_err("nobody");
        assert!(
            error.contains("0 to 2") && error.contains("7, eve"),
            "{error}"
        );
    }
}
