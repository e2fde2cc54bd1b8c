#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Broker, API and one worker on this machine, from the environment: LISTEN, SLOTS.
set -eu
. "$(dirname "$0")/common.sh"

sonicd=$built/sonicd
[ "$built" != "$target/release" ] || {
    [ -e "$sonicd" ] || say "Building the service; the first time takes some minutes on two cores."
    cargo build --release --locked --quiet -p sonicd
}
GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} exec /usr/bin/python3 scripts/service.py \
    "$sonicd" "$data_home/gst-sonic/service" --listen "${LISTEN:-127.0.0.1:8040}" ${SLOTS:+--slots "$SLOTS"}
