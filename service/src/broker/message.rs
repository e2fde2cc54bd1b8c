// SPDX-License-Identifier: MPL-2.0
//! What a message holds: a ticket, and what has happened to it before.

use std::fmt;

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, LongString},
};
use serde::{Deserialize, Serialize};

use crate::job::{FORMAT, Ticket};

const HISTORY: &str = "sonic-history";
/// Failures that are remembered: the last ones.
const MOST_FAILURES: usize = 20;
/// Of a reason so much is kept, characters.
const MOST_REASON: usize = 500;

/// That somebody failed at a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When, ms since 1970.
    pub at_ms: u64,
    /// Who.
    pub worker: String,
    /// A sentence.
    pub reason: String,
}

/// A message that holds no ticket that this version understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It was written by a later version: in which format.
    Newer(u32),
    /// It is no ticket: why.
    Broken(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Newer(format) => write!(
                f,
                "the ticket is of format {format}, and this version knows {FORMAT}: update it"
            ),
            Unreadable::Broken(why) => write!(f, "the message is no ticket: {why}"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// What every ticket has, whatever else later versions give it.
#[derive(Deserialize)]
struct Any {
    format: u32,
}

/// Reads a ticket.
pub(super) fn ticket(body: &[u8]) -> Result<Ticket, Unreadable> {
    let broken = |error: serde_json::Error| Unreadable::Broken(error.to_string());
    let any: Any = serde_json::from_slice(body).map_err(broken)?;
    if any.format > FORMAT {
        return Err(Unreadable::Newer(any.format));
    }
    serde_json::from_slice(body).map_err(broken)
}

/// Writes something that can be written.
pub(super) fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// What has happened to a message before; nothing, where that cannot be read.
pub(super) fn history(properties: &BasicProperties) -> Vec<Failure> {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let mut failures: Vec<Failure> = match headers.and_then(|headers| headers.get(HISTORY)) {
        Some(AMQPValue::LongString(text)) => {
            serde_json::from_slice(text.as_bytes()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let skipped = failures.len().saturating_sub(MOST_FAILURES);
    failures.drain(..skipped);
    failures
}

/// A history as headers of a message, with one failure more if there was one.
pub(super) fn headers(history: &[Failure], more: Option<Failure>) -> FieldTable {
    let mut all: Vec<Failure> = history.iter().cloned().chain(more).collect();
    let skipped = all.len().saturating_sub(MOST_FAILURES);
    all.drain(..skipped);
    for failure in &mut all {
        if let Some((end, _)) = failure.reason.char_indices().nth(MOST_REASON) {
            failure.reason.truncate(end);
        }
    }
    let mut table = FieldTable::default();
    let text = LongString::from(json(&all));
    table.insert(HISTORY.into(), AMQPValue::LongString(text));
    table
}

/// Why the broker itself has put a message aside, if it has.
pub(super) fn put_aside(properties: &BasicProperties) -> Option<String> {
    let headers = properties.headers().as_ref()?.inner();
    match headers.get("x-first-death-reason")? {
        AMQPValue::LongString(text) if text.as_bytes() == b"delivery_limit" => {
            Some("it was given out too often and never answered for".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Class, JobId, Owner};

    fn failure(number: u64, reason: &str) -> Failure {
        Failure {
            at_ms: number,
            worker: "w".to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn a_ticket_is_read_and_a_later_one_is_told_from_rubbish() {
        let known = Ticket {
            format: FORMAT,
            id: JobId::new(1, 1),
            owner: Owner::local(),
            class: Class::Bulk,
            tried: 2,
        };
        assert_eq!(ticket(&json(&known)), Ok(known.clone()));
        let later = Ticket {
            format: FORMAT + 1,
            ..known
        };
        assert_eq!(ticket(&json(&later)), Err(Unreadable::Newer(FORMAT + 1)));
        // Even if nothing else of it is as it was.
        assert_eq!(
            ticket(br#"{"format": 9, "job": []}"#),
            Err(Unreadable::Newer(9))
        );
        for body in [
            &b""[..],
            b"hello",
            b"{}",
            b"[1]",
            br#"{"format": 1}"#,
            b"\xff\xfe",
        ] {
            assert!(
                matches!(ticket(body), Err(Unreadable::Broken(_))),
                "{body:?}"
            );
        }
    }

    #[test]
    fn a_history_keeps_its_end_and_stays_small() {
        let mut properties = BasicProperties::default();
        for number in 0..100 {
            let known = history(&properties);
            let more = failure(number, &"é".repeat(10_000));
            properties = BasicProperties::default().with_headers(headers(&known, Some(more)));
        }
        let known = history(&properties);
        let times: Vec<_> = known.iter().map(|failure| failure.at_ms).collect();
        assert_eq!(times, (80..100).collect::<Vec<_>>());
        assert!(
            known
                .iter()
                .all(|failure| failure.reason == "é".repeat(MOST_REASON))
        );
    }

    #[test]
    fn a_history_that_is_none_is_empty() {
        let mut table = FieldTable::default();
        table.insert(HISTORY.into(), AMQPValue::LongString("{]".into()));
        let properties = BasicProperties::default().with_headers(table);
        assert_eq!(history(&properties), []);
        assert_eq!(history(&BasicProperties::default()), []);
    }
}
