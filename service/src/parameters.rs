// SPDX-License-Identifier: MPL-2.0
//! The parameters of a job: properties of the elements, under the same names with `_`. Their
//! ranges and defaults are those of the elements, so that there is one truth.

use gst::{glib, prelude::*};

/// Which element a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Animator,
    Speech,
}

impl Element {
    /// The name of its factory.
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
    pub element: Element,
    /// With `_`, as in a job.
    pub name: &'static str,
    pub value: String,
}

/// The parameter of that name, which may be written with `-` as well.
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
        let wrong = || format!("{}={}: expected {}", self.name, self.value, values(&spec));
        let value =
            glib::Value::deserialize(&self.value, spec.value_type()).map_err(|_| wrong())?;
        if !within(&spec, &value) {
            return Err(wrong());
        }
        element.set_property_from_value(&property, &value);
        Ok(())
    }
}

/// Whether a value of the right type lies in the range.
fn within(spec: &glib::ParamSpec, value: &glib::Value) -> bool {
    if let Some(s) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        value
            .get()
            .is_ok_and(|v: f64| v >= s.minimum() && v <= s.maximum())
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        value
            .get()
            .is_ok_and(|v: u32| v >= s.minimum() && v <= s.maximum())
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecInt>() {
        value
            .get()
            .is_ok_and(|v: i32| v >= s.minimum() && v <= s.maximum())
    } else {
        true
    }
}

/// What it takes, in words.
fn values(spec: &glib::ParamSpec) -> String {
    if let Some(s) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        format!("a number from {} to {}", s.minimum(), s.maximum())
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        format!("a whole number from {} to {}", s.minimum(), s.maximum())
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecInt>() {
        format!("a whole number from {} to {}", s.minimum(), s.maximum())
    } else if spec.is::<glib::ParamSpecUInt64>() {
        "a whole number from 0".to_owned()
    } else if let Some(s) = spec.downcast_ref::<glib::ParamSpecEnum>() {
        let class = s.enum_class();
        let nicks: Vec<_> = class.values().iter().map(|value| value.nick()).collect();
        nicks.join(", ")
    } else {
        "a text".to_owned()
    }
}

/// All of them with what they take and their defaults, a line each.
pub fn list() -> String {
    let mut text = String::new();
    for (name, of) in TABLE {
        let element = gst::ElementFactory::make(of.factory()).build();
        let spec = element
            .ok()
            .and_then(|element| element.find_property(&name.replace('_', "-")));
        if let Some(spec) = spec {
            let default = spec.default_value().serialize();
            let default = default.map_or_else(|_| String::new(), |text| format!(" [{text}]"));
            text += &format!(
                "  --{:<20} {}{default}\n",
                name.replace('_', "-"),
                values(&spec)
            );
        }
    }
    text
}
