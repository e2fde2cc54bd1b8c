// SPDX-License-Identifier: MPL-2.0
//! Settings of a command: `--name VALUE` on its line, or `SONICD_NAME` in the environment.

use lexopt::prelude::*;

/// Sets what the environment says, and then what the command line says, each by one of `names`.
///
/// # Errors
/// A sentence that names the setting and what it takes.
pub(crate) fn read(
    names: &[&'static str],
    parser: &mut lexopt::Parser,
    environment: impl Fn(&str) -> Option<String>,
    mut set: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), lexopt::Error> {
    for name in names {
        let variable = format!("SONICD_{}", name.replace('-', "_").to_uppercase());
        if let Some(value) = environment(&variable) {
            set(name, &value).map_err(|what| format!("{variable}: {what}"))?;
        }
    }
    while let Some(arg) = parser.next()? {
        let known = match &arg {
            Long(name) => names.iter().find(|known| *known == name),
            _ => None,
        };
        let Some(name) = known else {
            return Err(arg.unexpected());
        };
        let value = parser.value()?.string()?;
        set(name, &value).map_err(|what| format!("--{name}: {what}"))?;
    }
    Ok(())
}

/// Reads settings in a test, where the environment is a list.
#[cfg(test)]
pub(crate) fn parsed<T>(
    line: &str,
    environment: &[(&str, &str)],
    parse: impl Fn(&mut lexopt::Parser, &dyn Fn(&str) -> Option<String>) -> Result<T, lexopt::Error>,
) -> Result<T, String> {
    let mut parser = lexopt::Parser::from_args(line.split_whitespace());
    let variable = |name: &str| {
        let mut found = environment.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| (*value).to_owned())
    };
    parse(&mut parser, &variable).map_err(|error| error.to_string())
}
