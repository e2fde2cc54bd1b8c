#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Builds what is installed: target/release/libgstsonic.so and target/release/sonic-probe
set -eu
. "$(dirname "$0")/common.sh"

[ -e "$plugin" ] || say "Building the plugin; the first time takes about five minutes on two cores."
cargo build --release --locked --quiet -p gst-plugin-sonic -p sonic-probe
