#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What a person or a compiler can object to without running anything; with `lint.sh without-clippy`
# but for what clippy says.
set -eu
. "$(dirname "$0")/common.sh"

cargo fmt --all -- --check
[ "${1:-}" = without-clippy ] || cargo clippy --locked --workspace --all-targets -- -D warnings
# The engine knows no GStreamer: nothing of it may stand in its tree of dependencies.
tree=$(cargo tree --locked -p sonic-engine --edges all --prefix none --format '{p}')
printf '%s\n' "$tree" | grep -q '^sonic-engine ' || die "cargo tree does not know the engine."
if printf '%s\n' "$tree" | grep -E '^(gstreamer|gst-|glib|gio|gobject)'; then
    die "the engine depends on GStreamer, see above."
fi
for script in scripts/*.sh; do sh -n "$script"; done
python3 - scripts/*.py <<'PYTHON'
import ast, pathlib, sys
for name in sys.argv[1:]:
    ast.parse(pathlib.Path(name).read_text(encoding="utf-8"), name)
PYTHON
say "lint: nothing to object to"
