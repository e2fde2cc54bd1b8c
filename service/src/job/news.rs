// SPDX-License-Identifier: MPL-2.0
//! What is told of a job while it lives. Nothing depends on it: who misses it looks at the records.

use serde::{Deserialize, Serialize};

use super::{JobId, Owner, Terminal};

/// What has happened to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// In a field of its own: its time must not stand beside that of the report, under one name.
#[serde(rename_all = "snake_case", tag = "what", content = "news")]
pub enum News {
    /// It waits.
    Queued {
        /// Jobs that are expected to be taken before it, as far as the teller knows.
        ahead: u64,
    },
    /// It is rendered.
    Rendering {
        /// How much of it, 0 to 1.
        share: f64,
    },
    /// It failed in a way that may pass, and waits to be tried again.
    Retrying {
        /// A sentence.
        reason: String,
        /// After so many seconds.
        in_s: u64,
    },
    /// It has ended.
    Ended(Terminal),
}

/// News of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whose it is.
    pub owner: Owner,
    /// The job.
    pub id: JobId,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub news: News,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{FORMAT, Outcome};

    #[test]
    fn whoever_listens_reads_what_was_told() {
        let ended = Terminal {
            format: FORMAT,
            at_ms: 5,
            outcome: Outcome::Cancelled,
        };
        for news in [
            News::Queued { ahead: 3 },
            News::Rendering { share: 0.5 },
            News::Retrying {
                reason: "the disk is full".to_owned(),
                in_s: 10,
            },
            News::Ended(ended),
        ] {
            let report = Report {
                owner: Owner::local(),
                id: JobId::new(1, 2),
                at_ms: 7,
                news,
            };
            let json = serde_json::to_vec(&report).expect("it is data");
            let heard: Report = serde_json::from_slice(&json).expect("its own");
            assert_eq!(heard, report);
        }
    }
}
