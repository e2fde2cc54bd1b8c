#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# sonicd with its secrets, which lie in files: each that is named like a variable becomes one.
set -eu
for file in /run/secrets/SONICD_* /run/secrets/AWS_*; do
    [ ! -f "$file" ] || export "$(basename "$file")=$(cat "$file")"
done
exec sonicd "$@"
