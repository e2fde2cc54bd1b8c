#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What takes real time (about an hour and a half): tests marked as long, property tests with many
# more cases, damaged files, an hour of sound through the element, minutes of it live, and an hour
# of the whole live chain (MINUTES).
set -eu
. "$(dirname "$0")/common.sh"

sh scripts/setup.sh run test
SONIC_TEST_ASTRONAUT=$(sh scripts/test_media.sh)
[ -n "$SONIC_TEST_ASTRONAUT" ] && export SONIC_TEST_ASTRONAUT || unset SONIC_TEST_ASTRONAUT
sh scripts/test_s3.sh
export G_DEBUG=fatal-criticals
cargo test --locked --workspace -- --ignored
PROPTEST_CASES=${PROPTEST_CASES:-5000} cargo test --locked -p sonic-engine
cargo build --release --locked -p sonic-engine --example check
python3 scripts/fuzz.py "$target/release/examples/check"
sh scripts/build.sh
GST_PLUGIN_PATH=$target/release python3 scripts/soak.py
MINUTES=${MINUTES:-60} sh scripts/soak_live.sh
