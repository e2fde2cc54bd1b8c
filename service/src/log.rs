// SPDX-License-Identifier: MPL-2.0
//! The log: a JSON object a line, on standard error.

/// Begins to write what is at least so important.
pub(crate) fn begin(level: tracing::Level) {
    tracing_subscriber::fmt()
        .json()
        .with_max_level(level)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .init();
}
