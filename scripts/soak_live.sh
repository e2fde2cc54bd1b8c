#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Runs the whole live chain, from the environment: MINUTES, SEED.
set -eu
. "$(dirname "$0")/common.sh"

# What grows is to be what is kept. The allocator would take megabytes more over an hour: with arenas
# of their own for the threads that come and go, and for frames that wait in a moment of load among
# what stays. So frames are given back to the system.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-65536}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"
GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} G_DEBUG=fatal-criticals \
    exec /usr/bin/python3 scripts/soak_live.py --minutes "${MINUTES:-2}" --seed "${SEED:-1}" --probe "$program"
