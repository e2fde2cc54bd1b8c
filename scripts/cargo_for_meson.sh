#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# cargo_for_meson.sh CARGO MANIFEST TARGET_DIR OUTPUT: builds the plugin and puts it where meson
# expects it.
set -eu
"$1" build --release --locked --manifest-path "$2" -p gst-plugin-sonic --target-dir "$3"
cp "$3/release/libgstsonic.so" "$4"
