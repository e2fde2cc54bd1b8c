#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Draws the built-in portrait, or PORTRAIT (with LANDMARKS), in all poses: out/sheet.png
set -eu
. "$(dirname "$0")/common.sh"

set -- out/sheet.png
if [ -n "${PORTRAIT:-}" ]; then
    require_file PORTRAIT "$PORTRAIT"
    set -- "$@" "$PORTRAIT${LANDMARKS:+:$LANDMARKS}"
fi
mkdir -p out
cargo build --release --locked --quiet -p sonic-engine --example sheet
exec "$target/release/examples/sheet" "$@"
