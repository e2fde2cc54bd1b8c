#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A talking head in a window, from the environment: PORTRAIT, LANDMARKS, and AUDIO (a file), MIC=1
# (the microphone), or TEXT and VOICE. Ends with the file, or with Ctrl-C.
set -eu
. "$(dirname "$0")/common.sh"

[ -z "${PORTRAIT:-}" ] || require_file PORTRAIT "$PORTRAIT"
[ -z "${LANDMARKS:-}" ] || require_file LANDMARKS "$LANDMARKS"
[ -z "${AUDIO:-}" ] || require_file AUDIO "$AUDIO"
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] ||
    die "there is no display here (DISPLAY and WAYLAND_DISPLAY are empty); \`make run\` writes a file instead."

set -- ${PORTRAIT:+"portrait=$(quoted "$PORTRAIT")"} ${LANDMARKS:+"landmarks=$(quoted "$LANDMARKS")"}
set -- sonicanimator "$@" ! video/x-raw,framerate=25/1 ! videoconvert ! autovideosink
if [ "${MIC:-}" = 1 ]; then
    # Not played back: loudspeakers beside a microphone howl.
    say "Speak into the microphone. Ctrl-C ends it."
    set -- autoaudiosrc ! queue ! audioconvert ! queue ! "$@"
else
    set -- tee name=voice voice. ! queue ! audioconvert ! audioresample ! autoaudiosink voice. ! queue ! "$@"
    text=${TEXT:-Hello! Say make preview MIC equals one, and I shall follow your own voice.}
    if [ -n "${AUDIO:-}" ]; then
        set -- filesrc "location=$(quoted "$AUDIO")" ! decodebin ! audioconvert ! "$@"
    else
        set -- ttssrc "text=$(quoted "$text")" ${VOICE:+"voice=$(quoted "$VOICE")"} ! "$@"
    fi
fi
mkdir -p out
status=0
GST_PLUGIN_PATH=$built${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH} \
    gst-launch-1.0 "$@" >out/preview.log 2>&1 || status=$?
[ "$status" = 0 ] || die "$(launch_error out/preview.log | grep . || echo "gst-launch-1.0 ended with $status") (all of it: out/preview.log)"
