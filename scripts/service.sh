#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Broker, API and one worker on this machine, from the environment: LISTEN, SLOTS.
set -eu
. "$(dirname "$0")/common.sh"

GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} exec /usr/bin/python3 scripts/service.py \
    "$service" "$data_home/gst-sonic/service" --listen "${LISTEN:-127.0.0.1:8040}" ${SLOTS:+--slots "$SLOTS"}
