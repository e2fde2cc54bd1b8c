#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures: parts of the engine, then the whole element beside stock elements in the same run.
set -eu
. "$(dirname "$0")/common.sh"

cargo bench --locked --quiet -p sonic-engine --bench engine
cargo bench --locked --quiet -p gst-plugin-sonic --bench element
