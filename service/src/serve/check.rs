// SPDX-License-Identifier: MPL-2.0
//! What a user asks for, checked: fields become an order. Knows no store and no HTTP.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{address, problem::Fault, settings::Limits};
use crate::{
    job::{Class, Container, Digest},
    parameters::{Described, Element, Kind},
};

/// Fields as they were sent, by name.
pub type Fields = BTreeMap<String, String>;

/// Frames a second.
const RATES: std::ops::RangeInclusive<f64> = 5.0..=120.0;
const USUAL_RATE: (u32, u32) = (25, 1);
/// Sides of a picture, pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;
/// Characters of a parameter that is a text.
const PARAMETER_CHARACTERS: usize = 100;
/// The steps of models that have such.
const STEPS: &str = "inference_steps";
/// Parameters that are the worker's to choose.
const WORKERS_OWN: [&str; 1] = ["n_threads"];

/// Which files came with the fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// A portrait.
    pub portrait: bool,
    /// A recording.
    pub audio: bool,
}

/// Where a voice comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voice {
    /// From the file that came along.
    File,
    /// From one that came before.
    Known(Digest),
    /// It is spoken.
    Text(String),
}

/// Fields that are right. What they name may still be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// A portrait that came before; a file that came along is not named here.
    pub portrait: Option<Digest>,
    /// The voice.
    pub voice: Voice,
    /// The kind of file.
    pub container: Container,
    /// Pixels.
    pub size: Option<(u32, u32)>,
    /// Frames a second.
    pub fps: (u32, u32),
    /// No longer than that, ms.
    pub duration_ms: Option<u64>,
    /// Parameters that are of use, and their values.
    pub parameters: BTreeMap<String, String>,
    /// Those that are of none.
    pub ignored: Vec<String>,
    /// How soon.
    pub class: Class,
    /// Who is told.
    pub callback_url: Option<String>,
}

/// What can be asked for.
#[derive(Clone, Debug)]
pub struct Table {
    parameters: Vec<Described>,
    limits: Limits,
    private_callbacks: bool,
}

impl Table {
    /// With the parameters of the elements.
    #[must_use]
    pub fn new(mut parameters: Vec<Described>, limits: Limits, private_callbacks: bool) -> Self {
        parameters.push(Described {
            name: STEPS,
            element: Element::Animator,
            kind: Kind::Integer {
                minimum: 10,
                maximum: 50,
            },
            default: "25".to_owned(),
            description: "Steps of a model that has such; no built-in one has".to_owned(),
        });
        Self {
            parameters,
            limits,
            private_callbacks,
        }
    }

    /// All parameters, and the fields beside them that have a range.
    #[must_use]
    pub fn described(&self) -> Vec<Described> {
        let own = |name, kind, default: &str, description: &str| Described {
            name,
            element: Element::Animator,
            kind,
            default: default.to_owned(),
            description: description.to_owned(),
        };
        let choice = |values: &[&str]| Kind::Choice {
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let mut all = vec![
            own(
                "duration",
                Kind::Number {
                    minimum: 0.0,
                    maximum: self.limits.seconds.into(),
                },
                "",
                "No longer than so many seconds; that of the sound",
            ),
            own(
                "fps",
                Kind::Number {
                    minimum: *RATES.start(),
                    maximum: *RATES.end(),
                },
                "25",
                "Frames a second, also as 30000/1001",
            ),
            own(
                "size",
                Kind::Text,
                "",
                "Pixels as 1280x720; by the portrait",
            ),
            own(
                "format",
                choice(&["mp4", "mkv", "webm"]),
                "mp4",
                "The kind of file",
            ),
            own(
                "priority",
                choice(&Class::ALL.map(Class::name)),
                Class::default().name(),
                "How soon it is taken",
            ),
        ];
        all.extend(self.parameters.iter().cloned());
        all
    }

    /// Reads fields.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn read(&self, fields: &Fields, files: Files) -> Result<Draft, Vec<Fault>> {
        let mut faults = Vec::new();
        let voice = self.voice(fields, files, &mut faults);
        let spoken = matches!(voice, Some(Voice::Text(_)));
        let portrait = digest(fields, "portrait_sha256", &mut faults);
        if portrait.is_some() && files.portrait {
            let what = "give portrait or portrait_sha256, and not both";
            faults.push(Fault::new("portrait", what));
        }
        let container = one(fields, "format", &mut faults, format);
        let class = one(fields, "priority", &mut faults, priority);
        let size = one(fields, "size", &mut faults, size);
        let fps = one(fields, "fps", &mut faults, rate);
        let duration_ms = one(fields, "duration", &mut faults, |text| self.duration(text));
        let callback_url = one(fields, "callback_url", &mut faults, |text| {
            let url = address::callback(text, self.private_callbacks);
            url.map(String::from).map_err(Wrong::from)
        });
        let (parameters, ignored) = self.parameters(fields, spoken, &mut faults);
        let Some(voice) = voice.filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        Ok(Draft {
            portrait,
            voice,
            container: container.unwrap_or_default(),
            size,
            fps: fps.unwrap_or(USUAL_RATE),
            duration_ms,
            parameters,
            ignored,
            class: class.unwrap_or_default(),
            callback_url,
        })
    }

    fn voice(&self, fields: &Fields, files: Files, faults: &mut Vec<Fault>) -> Option<Voice> {
        let known = digest(fields, "audio_sha256", faults);
        let text = fields.get("text");
        let given = [
            files.audio,
            fields.contains_key("audio_sha256"),
            text.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() != 1 {
            let what = "give one of audio, audio_sha256 and text";
            faults.push(Fault::new("audio", what));
            return None;
        }
        let Some(text) = text else {
            return if files.audio {
                Some(Voice::File)
            } else {
                known.map(Voice::Known)
            };
        };
        match self.text(text) {
            Ok(()) => Some(Voice::Text(text.clone())),
            Err(fault) => {
                faults.push(fault);
                None
            }
        }
    }

    fn text(&self, text: &str) -> Result<(), Fault> {
        let most = self.limits.text_characters;
        if text.chars().count() > most {
            let what = format!("expected at most {most} characters");
            return Err(Fault::over("text", what, most as u64));
        }
        if !text.chars().any(char::is_alphanumeric) {
            return Err(Fault::new("text", "expected something that can be said"));
        }
        if text.contains(|c: char| c.is_control() && !c.is_whitespace()) {
            return Err(Fault::new(
                "text",
                "expected a text without control characters",
            ));
        }
        Ok(())
    }

    fn duration(&self, text: &str) -> Result<u64, Wrong> {
        let most = self.limits.seconds;
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        if number > 0.0 && number <= f64::from(most) {
            // No less than a millisecond, so that it is never none.
            return Ok((number * 1000.0).ceil() as u64);
        }
        let what = format!("expected seconds, more than 0 and at most {most}");
        Err(Wrong(what, Some(most.into())))
    }

    fn parameters(
        &self,
        fields: &Fields,
        spoken: bool,
        faults: &mut Vec<Fault>,
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let (mut used, mut ignored) = (BTreeMap::new(), Vec::new());
        for (name, text) in fields {
            if OWN.contains(&name.as_str()) {
                continue;
            }
            let Some(known) = self.parameters.iter().find(|known| known.name == name) else {
                let what = "there is no such parameter; GET /v1/parameters lists them";
                faults.push(Fault::new(name, what));
                continue;
            };
            let value = known.kind.read(text);
            let value = value.filter(|value| known.kind != Kind::Text || is_plain(value));
            let Some(value) = value else {
                let limit = match &known.kind {
                    Kind::Number { maximum, .. } => Some(*maximum),
                    Kind::Integer { maximum, .. } => Some(*maximum as f64),
                    Kind::Text => Some(PARAMETER_CHARACTERS as f64),
                    Kind::Choice { .. } => None,
                };
                let what = match &known.kind {
                    Kind::Text => format!(
                        "expected at most {PARAMETER_CHARACTERS} letters, digits, blanks and any of _+-.,:#()"
                    ),
                    kind => format!("expected {kind}"),
                };
                faults.push(Fault {
                    limit,
                    ..Fault::new(name, what)
                });
                continue;
            };
            let of_no_use = name == STEPS
                || WORKERS_OWN.contains(&name.as_str())
                || (known.element == Element::Speech && !spoken);
            if of_no_use {
                ignored.push(name.clone());
            } else {
                used.insert(name.clone(), value);
            }
        }
        (used, ignored)
    }
}

/// The fields that are no parameters of the elements.
const OWN: [&str; 9] = [
    "portrait_sha256",
    "audio_sha256",
    "text",
    "format",
    "priority",
    "size",
    "fps",
    "duration",
    "callback_url",
];

/// What is wrong with a value, and the limit that it passed.
struct Wrong(String, Option<f64>);

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Wrong(what, None)
    }
}

fn one<T>(
    fields: &Fields,
    name: &str,
    faults: &mut Vec<Fault>,
    read: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<T> {
    match read(fields.get(name)?) {
        Ok(value) => Some(value),
        Err(Wrong(what, limit)) => {
            faults.push(Fault {
                limit,
                ..Fault::new(name, what)
            });
            None
        }
    }
}

fn digest(fields: &Fields, name: &str, faults: &mut Vec<Fault>) -> Option<Digest> {
    one(fields, name, faults, |text| {
        let digest = text.parse::<Digest>();
        digest.map_err(|error| Wrong(error.to_string(), None))
    })
}

fn format(text: &str) -> Result<Container, Wrong> {
    let all = [Container::Mp4, Container::Mkv, Container::Webm];
    let known = all.into_iter().find(|known| known.extension() == text);
    known.ok_or_else(|| "expected mp4, mkv or webm".to_owned().into())
}

fn priority(text: &str) -> Result<Class, Wrong> {
    let known = Class::ALL.into_iter().find(|known| known.name() == text);
    known.ok_or_else(|| "expected high, normal or bulk".to_owned().into())
}

fn size(text: &str) -> Result<(u32, u32), Wrong> {
    let side = |text: &str| {
        let side = text.parse().ok().filter(|side| SIDES.contains(side))?;
        (side % 2 == 0).then_some(side)
    };
    let sides = text.split_once('x');
    let sides = sides.and_then(|(w, h)| Some((side(w)?, side(h)?)));
    let (least, most) = (SIDES.start(), SIDES.end());
    let what = || format!("expected a size as 1280x720, even and from {least} to {most}");
    sides.ok_or_else(|| Wrong(what(), Some((*most).into())))
}

fn rate(text: &str) -> Result<(u32, u32), Wrong> {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    let number = |text: &str| text.parse::<i32>().ok()?.try_into().ok();
    let rate: Option<(u32, u32)> = number(over).zip(number(under));
    let known = rate.filter(|(n, d)| RATES.contains(&(f64::from(*n) / f64::from(*d))));
    let (least, most) = (RATES.start(), RATES.end());
    let what = || format!("expected a rate as 25 or 30000/1001, from {least} to {most}");
    known.ok_or_else(|| Wrong(what(), Some(*most)))
}

/// Whether a text can be no path, and nothing that a property would read as more than a name.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " _+-.,:#()".contains(c);
    text.chars().count() <= PARAMETER_CHARACTERS
        && text.chars().all(plain)
        && !text.contains("..")
        && !text.starts_with('.')
}

/// The fields of a JSON object.
///
/// # Errors
/// It is no object of texts, numbers and truths.
pub fn fields_of(value: &Value) -> Result<Fields, Vec<Fault>> {
    let Value::Object(members) = value else {
        let what = "expected an object of texts and numbers";
        return Err(vec![Fault::new("body", what)]);
    };
    let (mut fields, mut faults) = (Fields::new(), Vec::new());
    for (name, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Array(_) | Value::Object(_) => {
                faults.push(Fault::new(name, "expected a text or a number"));
                continue;
            }
        };
        fields.insert(name.clone(), text);
    }
    if faults.is_empty() {
        Ok(fields)
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests;
