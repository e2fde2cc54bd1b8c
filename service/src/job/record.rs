// SPDX-License-Identifier: MPL-2.0
//! The records of a job. Each is written once and never changed: `accepted`, then an `attempt` for
//! each time that somebody began, and exactly one `terminal`.

use serde::{Deserialize, Serialize};

use super::{Class, Container, JobId, Order, Owner};

/// The format of what is written now. Fields may be added under the same number, with defaults.
pub const FORMAT: u32 = 1;

/// A job that was taken on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// The job.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// How soon it is taken.
    #[serde(default)]
    pub class: Class,
    /// What is asked for.
    pub order: Order,
    /// Who is told when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What the client called it, so that it may ask twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Parameters that were given and that the job has no use for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// Length of the media, ms, as far as it is known: of a recording its own, of a text a guess.
    pub media_ms: u64,
}

impl Accepted {
    /// What goes through the broker for it, the first time.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket {
            format: FORMAT,
            id: self.id.clone(),
            owner: self.owner.clone(),
            class: self.class,
            tried: 0,
        }
    }
}

/// What goes through the broker: which job, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// The job.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// How soon it is taken.
    #[serde(default)]
    pub class: Class,
    /// How often it has failed in a way that may pass.
    #[serde(default)]
    pub tried: u32,
}

/// Somebody renders a job, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// From 1. Only one can write each number, so it is also the claim to the job.
    pub number: u32,
    /// Who: a host and a process.
    pub worker: String,
    /// When, ms since 1970.
    pub began_ms: u64,
    /// By then it has ended, one way or another, ms since 1970: the claim is void after it.
    pub until_ms: u64,
}

/// An attempt that came to nothing, where another may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// A sentence.
    pub reason: String,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendered {
    /// The job whose file it is: another one if the same order had been rendered before.
    pub of: JobId,
    /// The kind of file.
    #[serde(default)]
    pub container: Container,
    /// Size of the file, bytes.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// Length, s.
    pub seconds: f64,
    /// Pixels.
    pub size: (u32, u32),
    /// How long it took, s; 0 if it was there already.
    pub render_seconds: f64,
    /// Parameters that were of no use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// What a failure comes of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// What was given cannot be rendered.
    #[default]
    Order,
    /// An upload is not kept any more.
    Upload,
    /// It took too long.
    Time,
    /// It took too much memory.
    Memory,
    /// It crashed, each time that it was tried.
    Crash,
    /// Where it was rendered something was amiss, each time, as a full disk.
    Machine,
    /// The store did not answer, each time.
    Store,
    /// A later version knows.
    #[serde(other)]
    Other,
}

impl Cause {
    /// All.
    pub const ALL: [Cause; 8] = [
        Cause::Order,
        Cause::Upload,
        Cause::Time,
        Cause::Memory,
        Cause::Crash,
        Cause::Machine,
        Cause::Store,
        Cause::Other,
    ];

    /// Its name, as it is counted.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Cause::Order => "order",
            Cause::Upload => "upload",
            Cause::Time => "time",
            Cause::Memory => "memory",
            Cause::Crash => "crash",
            Cause::Machine => "machine",
            Cause::Store => "store",
            Cause::Other => "other",
        }
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Outcome {
    /// There is a file.
    Done(Rendered),
    /// There is none.
    Failed {
        /// A sentence for the user.
        reason: String,
        /// What it comes of, for who counts.
        #[serde(default)]
        cause: Cause,
    },
    /// Its owner did not want it any more.
    Cancelled,
}

/// The end of a job: there is exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terminal {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// How.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_what_they_say() {
        let rendered = Rendered {
            of: JobId::new(1, 2),
            container: Container::Webm,
            bytes: 3,
            frames: 4,
            seconds: 0.16,
            size: (320, 240),
            render_seconds: 0.1,
            ignored: vec!["gaze_x".to_owned()],
        };
        for outcome in [
            Outcome::Done(rendered),
            Outcome::Failed {
                reason: "no face".to_owned(),
                cause: Cause::Memory,
            },
            Outcome::Cancelled,
        ] {
            let terminal = Terminal {
                format: FORMAT,
                at_ms: 5,
                outcome,
            };
            let json = serde_json::to_string(&terminal).expect("it is data");
            let read: Terminal = serde_json::from_str(&json).expect("its own");
            assert_eq!(read, terminal);
        }
    }

    #[test]
    fn a_failure_of_another_version_is_read() {
        let cause = |more: &str| {
            let json = format!(r#"{{"state": "failed", "reason": "so"{more}}}"#);
            match serde_json::from_str(&json) {
                Ok(Outcome::Failed { cause, .. }) => cause,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(cause(""), Cause::Order);
        assert_eq!(cause(r#", "cause": "store""#), Cause::Store);
        assert_eq!(cause(r#", "cause": "sunspots""#), Cause::Other);
    }

    #[test]
    fn a_ticket_of_another_format_is_still_read_as_one() {
        let json = format!(
            r#"{{"format": 2, "id": "{}", "owner": "local", "of_the_future": [1]}}"#,
            JobId::new(9, 9)
        );
        let ticket: Ticket = serde_json::from_str(&json).expect("a ticket");
        assert_eq!(
            (ticket.format, ticket.class, ticket.tried),
            (2, Class::Normal, 0)
        );
    }
}
