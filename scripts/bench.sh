#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures: one table, of drawing and of the whole element beside stock elements in the same run.
set -eu
. "$(dirname "$0")/common.sh"

# So that a portrait's landmarks are not known from an earlier run.
SONIC_CACHE_DIR=$(mktemp -d)
export SONIC_CACHE_DIR
trap 'rm -rf "$SONIC_CACHE_DIR"' EXIT
cargo bench --locked --quiet -p gst-plugin-sonic --bench element
