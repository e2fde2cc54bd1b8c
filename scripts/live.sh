#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A talking head live on a server, from the environment: PLATFORM, PORTRAIT, VOICE, FPS.
set -eu
. "$(dirname "$0")/common.sh"

[ -z "${PORTRAIT:-}" ] || require_file PORTRAIT "$PORTRAIT"
GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} \
    exec /usr/bin/python3 scripts/live.py "${PLATFORM:-local}"
