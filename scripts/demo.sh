#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The main job: a portrait and a text or a voice become out/demo.mp4 and out/contact-sheet.png.
#
# From the environment: PORTRAIT, LANDMARKS, AUDIO (any file that GStreamer decodes), or TEXT and
# VOICE (a voice of ttssrc; by default the letters choose); FPS (25/1); OUT (out).
set -eu
. "$(dirname "$0")/common.sh"

portrait=${PORTRAIT:-}
landmarks=${LANDMARKS:-}
audio=${AUDIO:-}
out=${OUT:-out}
fps=${FPS:-25/1}
text=${TEXT:-Hello! I am one picture and one voice. Everything that moves here was worked out by this machine while you waited.}
log=$out/demo.log

check_inputs() {
    [ -z "$portrait" ] || require_file PORTRAIT "$portrait"
    [ -z "$landmarks" ] || require_file LANDMARKS "$landmarks"
    [ -z "$audio" ] || require_file AUDIO "$audio"
    [ -z "$audio" ] || [ -z "${TEXT:-}" ] || die "give AUDIO or TEXT, not both."
    expr "$fps" : '[1-9][0-9]*/[1-9][0-9]*$' >/dev/null || die "FPS=$fps is not a rate such as 25/1 or 30000/1001."
}

# Decodes the beginning, so that a file without sound is named as such and not as a failed pipeline.
check_audio() {
    gst-launch-1.0 -q filesrc "location=$(quoted "$audio")" ! decodebin ! audioconvert \
        ! fakesink num-buffers=1 >"$log" 2>&1 ||
        die "AUDIO=$audio holds no sound that GStreamer can decode ($(launch_error "$log" | sed 's/\.$//'))."
}

# AAC comes out 1024 samples late (its priming, which GStreamer 1.22 does not take back): the
# lips are shown that much later, so that both meet again in the player.
aac_priming_ns=21333333

# A word as a shell wants it, for the line that is printed to be pasted.
shell_word() {
    case $1 in
        '!') printf '!' ;;
        *[!A-Za-z0-9_./:=,+%@-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s' "$1" ;;
    esac
}

show_line() {
    printf '  gst-launch-1.0'
    for word; do
        case $word in voice. | mp4mux) printf ' \\\n    ' ;; esac
        printf ' %s' "$(shell_word "$word")"
    done
    printf '\n'
}

animate() {
    set -- ${portrait:+"portrait=$(quoted "$portrait")"} ${landmarks:+"landmarks=$(quoted "$landmarks")"}
    # x264 looks ahead by two seconds of pictures: the queue of the sound has to hold as much.
    set -- tee name=voice \
        voice. ! queue ! sonicanimator "lip-offset=$aac_priming_ns" "$@" \
        ! "video/x-raw,format=I420,framerate=$fps" \
        ! queue ! x264enc pass=qual quantizer=20 vbv-buf-capacity=0 speed-preset=veryfast key-int-max=50 ! mux. \
        voice. ! queue max-size-time=10000000000 max-size-bytes=0 max-size-buffers=0 \
        ! audioconvert ! audioresample ! audio/x-raw,rate=48000 ! avenc_aac ! mux. \
        mp4mux name=mux faststart=true ! filesink "location=$(quoted "$out/demo.mp4")"
    if [ -n "$audio" ]; then
        set -- filesrc "location=$(quoted "$audio")" ! decodebin ! audioconvert ! "$@"
    else
        set -- ttssrc "text=$(quoted "$text")" ${VOICE:+"voice=$(quoted "$VOICE")"} ! "$@"
    fi
    say "Animating:"
    show_line "$@"
    started=$(date +%s%N)
    status=0
    gst-launch-1.0 -e --no-position "$@" >"$log" 2>&1 || status=$?
    elapsed_ms=$((($(date +%s%N) - started) / 1000000))
    [ "$status" = 0 ] || {
        rm -f "$out/demo.mp4"
        die "$(launch_error "$log" | grep . || echo "gst-launch-1.0 ended with $status") (all of it: $log)"
    }
    # The shortest sound makes more than a file's own frame.
    [ "$(wc -c <"$out/demo.mp4")" -gt 2000 ] || {
        rm -f "$out/demo.mp4"
        die "there is nothing to be heard in ${audio:-TEXT=$text}."
    }
}

mkdir -p "$out"
[ -w "$out" ] || die "the folder $out may not be written by you."
check_inputs
have gst-launch-1.0 || die "gst-launch-1.0 is missing: run \`make setup\`."
[ -z "$audio" ] || check_audio
rm -f "$out/demo.mp4" "$out/contact-sheet.png"
animate
python3 scripts/contact_sheet.py "$out/demo.mp4" "$out/contact-sheet.png" --rate "$fps" --elapsed-ms "$elapsed_ms"
case $out in /*) ;; *) out=$top/$out ;; esac
say "video         $out/demo.mp4"
say "contact sheet $out/contact-sheet.png"
