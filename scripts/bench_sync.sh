#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures avclocksync beside livesync, videorate and audiorate: one table, in real time.
set -eu
. "$(dirname "$0")/common.sh"

cargo run --locked --quiet --release --manifest-path benches/sync/Cargo.toml --target-dir target/bench-sync
