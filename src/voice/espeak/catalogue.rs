// SPDX-License-Identifier: MPL-2.0
//! [`Catalogue`]: eSpeak NG's voices and how they are found.
//!
//! Names are looked up and never composed: `en-gb` is a language of the voice whose file is
//! `gmw/en`, and only the file's name can take a variant.

use crate::voice::{VoiceError, VoiceInfo, ffi::espeak::Listed};

/// Voices in this folder need the program mbrola and data of its own.
const FOREIGN: &str = "mb/";
/// Where variants lie.
const VARIANTS: &str = "!v/";

struct Entry {
    info: VoiceInfo,
    /// What selects it in the library.
    identifier: String,
    /// Its languages and how well it suits them, 1 being best.
    languages: Vec<(u8, String)>,
}

pub(super) struct Catalogue {
    entries: Vec<Entry>,
    /// Names, and what selects them after a voice's.
    variants: Vec<String>,
}

impl Catalogue {
    pub(super) fn new(voices: &[Listed], variants: &[Listed]) -> Self {
        let own =
            |v: &&Listed| !v.identifier.starts_with(FOREIGN) && !v.identifier.starts_with(VARIANTS);
        Self {
            entries: voices.iter().filter(own).map(entry).collect(),
            variants: variants
                .iter()
                .filter_map(|v| v.identifier.strip_prefix(VARIANTS))
                .map(str::to_owned)
                .collect(),
        }
    }

    pub(super) fn voices(&self) -> impl Iterator<Item = &VoiceInfo> {
        self.entries.iter().map(|e| &e.info)
    }

    pub(super) fn variants(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().map(String::as_str)
    }

    /// What is known of the voice of that name, and what selects it.
    pub(super) fn voice(&self, name: &str) -> Result<(VoiceInfo, String), VoiceError> {
        let unknown = |hint: &str| VoiceError::UnknownVoice {
            name: name.to_owned(),
            hint: hint.to_owned(),
        };
        let (base, variant) = match name.split_once('+') {
            Some((base, variant)) => (base, Some(variant)),
            None => (name, None),
        };
        let entry = self
            .by_name(base)
            .or_else(|| self.by_language(base))
            .ok_or_else(|| unknown("`espeak-ng --voices` lists those of eSpeak NG"))?;
        let Some(variant) = variant else {
            return Ok((entry.info.clone(), entry.identifier.clone()));
        };
        let variant = self
            .variants()
            .find(|v| v.eq_ignore_ascii_case(variant))
            .ok_or_else(|| unknown("`espeak-ng --voices=variant` lists the variants"))?;
        let mut info = entry.info.clone();
        info.name = format!("{}+{variant}", info.name);
        Ok((info, format!("{}+{variant}", entry.identifier)))
    }

    /// The same for a language.
    pub(super) fn voice_for(&self, language: &str) -> Result<(VoiceInfo, String), VoiceError> {
        let wanted = language.trim().replace('_', "-").to_ascii_lowercase();
        let mut tag = wanted.as_str();
        loop {
            if let Some(entry) = self.by_language(tag) {
                return Ok((entry.info.clone(), entry.identifier.clone()));
            }
            // A dialect that is not known: the language without it.
            tag = match tag.rsplit_once('-') {
                Some((shorter, _)) => shorter,
                None => return Err(VoiceError::UnknownLanguage(language.to_owned())),
            };
        }
    }

    fn by_name(&self, name: &str) -> Option<&Entry> {
        let same = |a: &str| a.trim().eq_ignore_ascii_case(name.trim());
        let exact = |e: &&Entry| same(&e.info.name) || same(&e.identifier);
        let titled = |e: &&Entry| same(&e.info.title) || same(&e.info.title.replace(' ', "_"));
        let entries = &self.entries;
        entries
            .iter()
            .find(exact)
            .or_else(|| entries.iter().find(titled))
    }

    /// The voice with the best priority for exactly that tag.
    fn by_language(&self, tag: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .flat_map(|e| e.languages.iter().map(move |(p, tag)| (*p, tag, e)))
            .filter(|(_, known, _)| known.eq_ignore_ascii_case(tag))
            .min_by_key(|(priority, ..)| *priority)
            .map(|(.., entry)| entry)
    }
}

fn entry(listed: &Listed) -> Entry {
    let file = listed.identifier.rsplit('/').next().unwrap_or_default();
    let mut languages = listed.languages.clone();
    languages.sort_by_key(|(priority, _)| *priority);
    Entry {
        info: VoiceInfo {
            name: file.to_ascii_lowercase(),
            title: listed.name.trim().to_owned(),
            languages: languages.iter().map(|(_, tag)| tag.clone()).collect(),
        },
        identifier: listed.identifier.clone(),
        languages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, identifier: &str, languages: &[(u8, &str)]) -> Listed {
        Listed {
            name: name.into(),
            identifier: identifier.into(),
            languages: languages.iter().map(|(p, l)| (*p, (*l).into())).collect(),
        }
    }

    fn catalogue() -> Catalogue {
        let voices = [
            listed(
                "English (Great Britain)",
                "gmw/en",
                &[(2, "en-gb"), (2, "en")],
            ),
            listed("English (America)", "gmw/en-US", &[(2, "en-us"), (3, "en")]),
            listed("english-mb-en1", "mb/mb-en1", &[(1, "en")]),
            listed("Storm", "!v/Storm", &[(1, "en")]),
            listed("German", "gmw/de", &[(5, "de")]),
        ];
        let variants = [listed("f2", "!v/f2", &[]), listed("Storm", "!v/Storm", &[])];
        Catalogue::new(&voices, &variants)
    }

    fn found(name: &str) -> String {
        catalogue().voice(name).expect(name).1
    }

    #[test]
    fn names_titles_and_languages_find_voices() {
        assert_eq!(found("EN"), "gmw/en");
        assert_eq!(found("en-gb"), "gmw/en");
        assert_eq!(found("en-us"), "gmw/en-US");
        assert_eq!(found("English_(America)"), "gmw/en-US");
        assert_eq!(found("german"), "gmw/de");
        assert_eq!(found("gmw/de"), "gmw/de");
    }

    #[test]
    fn variants_follow_the_file_and_not_the_language() {
        assert_eq!(found("en-gb+F2"), "gmw/en+f2");
        let info = catalogue().voice("de+storm").expect("a voice").0;
        assert_eq!(info.name, "de+Storm");
        for wrong in ["de+nobody", "de+", "de+!v/f2", "+f2"] {
            let error = catalogue().voice(wrong).expect_err(wrong);
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn an_unknown_dialect_is_spoken_as_its_language() {
        let name = |tag| Ok::<_, VoiceError>(catalogue().voice_for(tag)?.0.name);
        assert_eq!(name("de-AT").as_deref(), Ok("de"));
        assert_eq!(name("en_US").as_deref(), Ok("en-us"));
        assert_eq!(name("en-us-x-texas").as_deref(), Ok("en-us"));
        assert_eq!(name("tlh"), Err(VoiceError::UnknownLanguage("tlh".into())));
        assert!(name("").is_err());
    }

    #[test]
    fn what_needs_another_program_is_not_listed() {
        let catalogue = catalogue();
        let names: Vec<_> = catalogue.voices().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["en", "en-us", "de"]);
    }
}
