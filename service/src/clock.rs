// SPDX-License-Identifier: MPL-2.0
//! The one place that reads the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, ms since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
