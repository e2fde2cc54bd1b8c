#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Runs the whole live chain, from the environment: MINUTES, SEED.
set -eu
. "$(dirname "$0")/common.sh"

# What grows is to be what is kept: with arenas of their own for the threads that come and go, the
# allocator takes megabytes more over an hour.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} G_DEBUG=fatal-criticals \
    exec /usr/bin/python3 scripts/soak_live.py --minutes "${MINUTES:-2}" --seed "${SEED:-1}" --probe "$program"
