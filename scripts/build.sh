#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Builds the plugin as it is installed: target/release/libgstsonic.so
set -eu
. "$(dirname "$0")/common.sh"

[ -e "$plugin" ] || say "Building the plugin; the first time takes about five minutes on two cores."
cargo build --release --locked --quiet -p gst-plugin-sonic
