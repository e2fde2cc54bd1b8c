#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Runs the whole live chain, from the environment: MINUTES, SEED.
set -eu
. "$(dirname "$0")/common.sh"

GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} G_DEBUG=fatal-criticals \
    exec /usr/bin/python3 scripts/soak_live.py --minutes "${MINUTES:-2}" --seed "${SEED:-1}" --probe "$program"
