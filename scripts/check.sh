#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Says whether PORTRAIT (with LANDMARKS, if there is such a file) will serve, and draws what was
# found into out/check.png.
set -eu
. "$(dirname "$0")/common.sh"

[ -n "${PORTRAIT:-}" ] || die "which portrait? make check PORTRAIT=me.jpg"
require_file PORTRAIT "$PORTRAIT"
set -- "$PORTRAIT" out/check.png
if [ -n "${LANDMARKS:-}" ]; then
    require_file LANDMARKS "$LANDMARKS"
    set -- "$@" --landmarks "$LANDMARKS"
fi
mkdir -p out
cargo build --release --locked --quiet -p sonic-engine --example check
exec "$target/release/examples/check" "$@"
