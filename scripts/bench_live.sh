#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures what lies between a text and a viewer, beside other programs.
set -eu
. "$(dirname "$0")/common.sh"

GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} \
    exec /usr/bin/python3 scripts/bench_live.py --probe "$program"
