#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Fetches the S3 server of the tests into .cache/s3: moto, a Python package, and what it needs.
# Without a network it says so, and those tests are skipped.
set -eu
. "$(dirname "$0")/common.sh"

pin=scripts/pins/moto.txt
folder=.cache/s3
! cmp -s "$pin" "$folder/pin" || exit 0
say "The S3 server of the tests, moto, into $folder: 29 MB."
mkdir -p .cache
rm -rf "$folder" "$folder.new"
# Beside the system's packages, and seen by nobody who does not look there.
if python3 -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: \
    --no-compile --target "$folder.new" --requirement "$pin" </dev/null >"$folder.log" 2>&1; then
    cp "$pin" "$folder.new/pin"
    mv "$folder.new" "$folder"
else
    tail -n 5 "$folder.log" >&2
    say "Without it the tests that need an S3 server are skipped." >&2
fi
