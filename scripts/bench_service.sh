#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Measures the service, from the environment: ONLY (burst, workers, alone or clip).
set -eu
. "$(dirname "$0")/common.sh"

GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} \
    exec /usr/bin/python3 scripts/bench_service.py "$service" --probe "$program" ${ONLY:+--only "$ONLY"}
