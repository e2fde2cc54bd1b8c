// SPDX-License-Identifier: MPL-2.0
//! Reading the values that properties are set to.

use gst::glib;

/// The value of a property, whose type GObject has checked.
pub(crate) fn checked<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> T
where
    T::Checker: glib::value::ValueTypeChecker<Error = glib::value::ValueTypeMismatchError>,
{
    value
        .get()
        .expect("GObject has checked the type against the spec")
}

/// A name; an empty one is none.
pub(crate) fn name_in(value: &glib::Value) -> Option<String> {
    checked::<Option<String>>(value).filter(|name| !name.is_empty())
}
