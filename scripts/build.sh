#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Builds what is installed: target/release/libgstsonic.so and target/release/sonic-probe, and with
# `build.sh service` target/release/sonicd as well
set -eu
. "$(dirname "$0")/common.sh"

[ -e "$plugin" ] || say "Building the plugin; the first time takes about five minutes on two cores."
[ "${1:-}" != service ] || [ -e "$service" ] ||
    say "Building the service; the first time takes some minutes on two cores."
cargo build --release --locked --quiet -p gst-plugin-sonic -p sonic-probe ${1:+-p sonicd}
