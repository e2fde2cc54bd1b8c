#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures avclocksync beside livesync, videorate and audiorate: one table, in real time.
set -eu
. "$(dirname "$0")/common.sh"

GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
export GST_PLUGIN_PATH
cargo run --locked --quiet --release --manifest-path benches/sync/Cargo.toml --target-dir target/bench-sync
