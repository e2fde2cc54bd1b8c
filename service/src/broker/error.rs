// SPDX-License-Identifier: MPL-2.0
//! What can go wrong with the broker.

use std::fmt;

use lapin::{
    ErrorKind,
    protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError},
};

/// Why the broker did not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerError {
    /// A setting is of no use: which, and what it should be.
    Settings(String),
    /// The broker is there and lets nobody in under this name and password.
    Refused(String),
    /// Something of this name exists at the broker with other properties.
    Declared {
        /// Of the queue or exchange.
        name: String,
        /// What the broker says.
        says: String,
    },
    /// The broker does not answer, or did not in time. Whether something was done is unknown; it may
    /// be tried again.
    Unavailable(String),
    /// The queue that the message is for is not there. It is made anew; try again.
    Unroutable(String),
    /// The queue holds as much as it may.
    Full(String),
    /// Another process is present under this name.
    NameTaken(String),
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokerError::Settings(what) => f.write_str(what),
            BrokerError::Refused(says) => write!(
                f,
                "the broker refuses the user, the password or the virtual host of SONICD_AMQP_URL: \
                 {says}"
            ),
            BrokerError::Declared { name, says } => write!(
                f,
                "{name} exists at the broker with other properties than this version gives it: let \
                 it run empty and delete it there, or set another SONICD_AMQP_PREFIX ({says})"
            ),
            BrokerError::Unavailable(why) => {
                write!(f, "the broker does not answer: {why}; try again later")
            }
            BrokerError::Unroutable(queue) => {
                write!(f, "the broker has no queue for {queue}; try again")
            }
            BrokerError::Full(queue) => write!(f, "the broker's queue for {queue} is full"),
            BrokerError::NameTaken(name) => {
                write!(
                    f,
                    "another process is present as {name}: give this one another name"
                )
            }
        }
    }
}

impl std::error::Error for BrokerError {}

impl BrokerError {
    /// Whether it lasts until somebody does something.
    #[must_use]
    pub fn lasts(&self) -> bool {
        matches!(
            self,
            BrokerError::Settings(_) | BrokerError::Refused(_) | BrokerError::Declared { .. }
        )
    }
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        BrokerError::Unavailable(error.to_string())
    }
}

/// What the broker itself has said, if it was it.
fn said(error: &lapin::Error) -> Option<&AMQPError> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error),
        _ => None,
    }
}

/// Whether it has closed the channel for this.
pub(super) fn is_soft(error: &lapin::Error, kind: AMQPSoftError) -> bool {
    said(error).is_some_and(|said| *said.kind() == AMQPErrorKind::Soft(kind))
}

/// Why a connection could not be made.
pub(super) fn of_connecting(error: lapin::Error) -> BrokerError {
    let refused = is_soft(&error, AMQPSoftError::ACCESSREFUSED)
        || said(&error)
            .is_some_and(|said| *said.kind() == AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED));
    if refused {
        BrokerError::Refused(error.to_string())
    } else {
        error.into()
    }
}

/// Why something could not be declared.
pub(super) fn of_declaring(name: &str, error: lapin::Error) -> BrokerError {
    if is_soft(&error, AMQPSoftError::PRECONDITIONFAILED) {
        BrokerError::Declared {
            name: name.to_owned(),
            says: error.to_string(),
        }
    } else {
        error.into()
    }
}
