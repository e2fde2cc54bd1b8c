// SPDX-License-Identifier: MPL-2.0
//! The parameters of a job: properties of the elements, under the same names with `_`. Their
//! ranges and defaults are those of the elements, so that there is one truth.

use gst::{glib, prelude::*};
use serde::Serialize;

/// Which element a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// The one that moves the portrait.
    Animator,
    /// The one that speaks a text.
    Speech,
}

impl Element {
    /// The name of its factory.
    #[must_use]
    pub fn factory(self) -> &'static str {
        match self {
            Element::Animator => "sonicanimator",
            Element::Speech => "ttssrc",
        }
    }
}

/// What can be set, and of whom. Files are not among them: they are named by options of their own.
const TABLE: [(&str, Element); 19] = [
    ("framing", Element::Animator),
    ("expand_ratio", Element::Animator),
    ("min_resolution", Element::Animator),
    ("articulator", Element::Animator),
    ("dynamic_scale", Element::Animator),
    ("motion_scale", Element::Animator),
    ("blink_rate", Element::Animator),
    ("expression", Element::Animator),
    ("expression_strength", Element::Animator),
    ("gaze_x", Element::Animator),
    ("gaze_y", Element::Animator),
    ("background", Element::Animator),
    ("seed", Element::Animator),
    ("n_threads", Element::Animator),
    ("voice", Element::Speech),
    ("language", Element::Speech),
    ("rate", Element::Speech),
    ("pitch", Element::Speech),
    ("volume", Element::Speech),
];

/// A parameter and its value, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Whose property it is.
    pub element: Element,
    /// With `_`, as in a job.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The parameter of that name, which may be written with `-` as well.
#[must_use]
pub fn find(name: &str) -> Option<(&'static str, Element)> {
    let name = name.replace('-', "_");
    TABLE.into_iter().find(|(known, _)| *known == name)
}

impl Parameter {
    /// Sets it.
    ///
    /// # Errors
    /// The value is none of those that the element takes: a sentence that names the parameter and
    /// what it takes.
    pub fn apply(&self, element: &gst::Element) -> Result<(), String> {
        let property = self.name.replace('_', "-");
        let spec = element
            .find_property(&property)
            .ok_or_else(|| format!("{}: the element has no such property", self.name))?;
        let kind = Kind::of(&spec);
        let wrong = || format!("{}={}: expected {kind}", self.name, self.value);
        let text = kind.read(&self.value).ok_or_else(wrong)?;
        let value = glib::Value::deserialize(&text, spec.value_type()).map_err(|_| wrong())?;
        element.set_property_from_value(&property, &value);
        Ok(())
    }
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Kind {
    /// A number.
    Number {
        /// The least.
        minimum: f64,
        /// The most.
        maximum: f64,
    },
    /// A whole number.
    Integer {
        /// The least.
        minimum: i64,
        /// The most.
        maximum: u64,
    },
    /// One of these.
    Choice {
        /// Their names.
        values: Vec<String>,
    },
    /// Any text.
    Text,
}

impl Kind {
    fn of(spec: &glib::ParamSpec) -> Self {
        if let Some(s) = spec.downcast_ref::<glib::ParamSpecDouble>() {
            let (minimum, maximum) = (short(s.minimum()), short(s.maximum()));
            Kind::Number { minimum, maximum }
        } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt>() {
            let (minimum, maximum) = (s.minimum().into(), s.maximum().into());
            Kind::Integer { minimum, maximum }
        } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecInt>() {
            let maximum = u64::try_from(s.maximum()).unwrap_or_default();
            let minimum = s.minimum().into();
            Kind::Integer { minimum, maximum }
        } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
            let minimum = i64::try_from(s.minimum()).unwrap_or(i64::MAX);
            let maximum = s.maximum();
            Kind::Integer { minimum, maximum }
        } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecEnum>() {
            let class = s.enum_class();
            let values = class.values().iter().map(|value| value.nick().to_owned());
            Kind::Choice {
                values: values.collect(),
            }
        } else {
            Kind::Text
        }
    }

    /// A value as all write it that mean the same; `None` if it is none.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<String> {
        match self {
            Kind::Number { minimum, maximum } => {
                let number: f64 = text.trim().parse().ok()?;
                let within = (*minimum..=*maximum).contains(&number);
                within.then(|| number.to_string())
            }
            Kind::Integer { minimum, maximum } => {
                let number: i128 = text.trim().parse().ok()?;
                let within = (i128::from(*minimum)..=i128::from(*maximum)).contains(&number);
                within.then(|| number.to_string())
            }
            Kind::Choice { values } => values.iter().find(|value| *value == text).cloned(),
            Kind::Text => Some(text.to_owned()),
        }
    }
}

/// A bound that was written with few digits, and then kept as a number of single precision. The
/// element takes what lies beside it by less than that.
fn short(bound: f64) -> f64 {
    let single = bound as f32;
    match f64::from(single) == bound {
        true => single.to_string().parse().unwrap_or(bound),
        false => bound,
    }
}

/// In words.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Number { minimum, maximum } => write!(f, "a number from {minimum} to {maximum}"),
            Kind::Integer { minimum, maximum } if *maximum == u64::MAX => {
                write!(f, "a whole number from {minimum}")
            }
            Kind::Integer { minimum, maximum } => {
                write!(f, "a whole number from {minimum} to {maximum}")
            }
            Kind::Choice { values } => f.write_str(&values.join(", ")),
            Kind::Text => f.write_str("a text"),
        }
    }
}

/// A parameter, as its element describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Described {
    /// With `_`.
    pub name: &'static str,
    /// Whose property it is.
    #[serde(skip)]
    pub element: Element,
    /// What it takes.
    #[serde(flatten)]
    pub kind: Kind,
    /// What it is if nothing is said.
    pub default: String,
    /// A sentence.
    pub description: String,
}

/// All of them, as their elements describe them; GStreamer runs, and knows the elements.
#[must_use]
pub fn described() -> Vec<Described> {
    let mut found = Vec::new();
    for of in [Element::Animator, Element::Speech] {
        let Ok(element) = gst::ElementFactory::make(of.factory()).build() else {
            continue;
        };
        for (name, _) in TABLE.into_iter().filter(|(_, element)| *element == of) {
            let Some(spec) = element.find_property(&name.replace('_', "-")) else {
                continue;
            };
            let default = spec.default_value();
            // A text's own form has no quotes around it.
            let default = default.get::<Option<String>>().map_or_else(
                |_| {
                    default
                        .serialize()
                        .map_or_else(|_| String::new(), Into::into)
                },
                Option::unwrap_or_default,
            );
            let kind = Kind::of(&spec);
            // GLib writes a number with all of its digits.
            let default = kind.read(&default).unwrap_or(default);
            found.push(Described {
                name,
                element: of,
                kind,
                default,
                description: spec.blurb().unwrap_or_default().to_owned(),
            });
        }
    }
    found
}

/// All of them with what they take and their defaults, a line each.
#[must_use]
pub fn list() -> String {
    let mut text = String::new();
    for parameter in described() {
        let name = parameter.name.replace('_', "-");
        let default = match parameter.default.as_str() {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        text += &format!("  --{name:<20} {}{default}\n", parameter.kind);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn bounds_are_told_as_they_were_written() {
        assert_eq!(short(f64::from(0.4_f32)), 0.4);
        assert_eq!(
            (short(0.1), short(-12.0), short(1e300)),
            (0.1, -12.0, 1e300)
        );
    }
}
