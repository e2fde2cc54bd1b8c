#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# cargo_for_meson.sh CARGO MANIFEST TARGET_DIR PLUGIN PROGRAM SERVICE: builds all three and puts them
# where meson expects them.
set -eu
# The tests install what they have built before.
[ "${SONIC_BUILT:-release}" != release ] ||
    "$1" build --release --locked --manifest-path "$2" -p gst-plugin-sonic -p sonic-probe -p sonicd \
        --target-dir "$3"
cp "$3/${SONIC_BUILT:-release}/libgstsonic.so" "$4"
cp "$3/${SONIC_BUILT:-release}/sonic-probe" "$5"
cp "$3/${SONIC_BUILT:-release}/sonicd" "$6"
