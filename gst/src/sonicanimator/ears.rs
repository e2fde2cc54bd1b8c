// SPDX-License-Identifier: MPL-2.0
//! Who listens where no phones are known: made when the element starts, because a network takes
//! longer to load than a frame may.

use sonic_engine::articulate::{
    Articulator as Articulates,
    network::{NetworkArticulator, NetworkError},
    signal::SignalArticulator,
};

use super::{Articulator, errors, properties::Settings};

/// Who listens.
pub struct Ears {
    /// Nobody where phones alone count.
    pub listener: Option<Box<dyn Articulates>>,
    /// What it is, for `stats`.
    pub kind: &'static str,
    /// The network's name.
    pub model: String,
    /// That it is not who was asked for, and why.
    pub warning: Option<String>,
}

impl Ears {
    /// Makes who is asked for, or who stands in.
    ///
    /// # Errors
    /// That what the user has set cannot be had.
    pub fn new(settings: &Settings) -> Result<Self, NetworkError> {
        if !settings.articulator.has_network() {
            return Ok(Self::without_network(settings.articulator, None));
        }
        match NetworkArticulator::new(&settings.network()) {
            Ok(network) => Ok(Self {
                kind: "network",
                model: network.name().to_owned(),
                listener: Some(Box::new(network)),
                warning: None,
            }),
            Err(error) if is_the_runtimes(&error, settings) => {
                let warning = errors::without_network(&error);
                Ok(Self::without_network(Articulator::Signal, Some(warning)))
            }
            Err(error) => Err(error),
        }
    }

    /// Who stands in for a network that cannot be had.
    pub fn stand_in() -> Self {
        Self::without_network(Articulator::Signal, None)
    }

    fn without_network(articulator: Articulator, warning: Option<String>) -> Self {
        let listens = articulator != Articulator::Phones;
        let listener: Box<dyn Articulates> = Box::new(SignalArticulator::new());
        Self {
            listener: listens.then_some(listener),
            kind: if listens { "signal" } else { "nobody" },
            model: String::new(),
            warning,
        }
    }
}

/// Whether it is the machine that is at fault and not what the user has set: a runtime that does
/// not take the built-in network is too old.
fn is_the_runtimes(error: &NetworkError, settings: &Settings) -> bool {
    match error {
        NetworkError::NoRuntime(_) => true,
        NetworkError::Graph { .. } => settings.model.is_none(),
        NetworkError::Provider { .. } | NetworkError::LookAhead { .. } => false,
    }
}
