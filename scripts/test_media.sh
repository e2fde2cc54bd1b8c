#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Fetches what tests of real faces need and the tree does not hold: .cache/astronaut.png, a photo
# of NASA in the public domain, out of the wheel of scikit-image. Prints its name; without a
# network it says so and prints nothing, and those tests are skipped.
set -eu
. "$(dirname "$0")/common.sh"

pin=scripts/pins/scikit-image.txt
size=$(python3 scripts/wheel_member.py "$pin" .cache/astronaut.png --missing --machine x86_64)
[ "$size" = 0 ] || say "A test portrait, out of the wheel of scikit-image into .cache: $size MB." >&2
if python3 scripts/wheel_member.py "$pin" .cache/astronaut.png --machine x86_64; then
    say "$top/.cache/astronaut.png"
else
    say "Without it the tests that need a real face are skipped." >&2
fi
