#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Contact sheets to look at, in out/sheets: the built-in portraits in all poses, and every frame
# of two seconds of speech.
#
# From the environment: PORTRAIT (with LANDMARKS) instead of the built-in portraits; MEDIA, a
# folder of yours: all pictures and sounds below it come beside the built-in ones; SIZE of a tile
# in pixels (256).
set -eu
. "$(dirname "$0")/common.sh"

size=${SIZE:-256}
out=out/sheets
sheet=$target/release/examples/sheet

# raw SOUND RAW: 16 kHz mono S16LE.
raw() {
    gst-launch-1.0 -q filesrc "location=$(quoted "$1")" ! decodebin ! audioconvert ! audioresample \
        ! audio/x-raw,format=S16LE,rate=16000,channels=1 ! filesink "location=$(quoted "$2")" \
        >"$out/sound.log" 2>&1
}

# strip NAME SOUND PORTRAIT...
strip() {
    name=$1
    raw "$2" "$out/speech.raw" || {
        say "$2 holds no sound that GStreamer can decode ($(launch_error "$out/sound.log"))"
        return 0
    }
    shift 2
    "$sheet" "$out/strip-$name.png" --size "$size" --strip "$out/speech.raw" "$@" >/dev/null
    say "$out/strip-$name.png"
}

mkdir -p "$out"
cargo build --release --locked --quiet -p sonic-engine --example sheet
if [ -n "${PORTRAIT:-}" ]; then
    require_file PORTRAIT "$PORTRAIT"
    set -- "$PORTRAIT${LANDMARKS:+:$LANDMARKS}"
else
    set -- assets/portrait.png:assets/portrait.json assets/portrait2.png:assets/portrait2.json
fi
if [ -n "${MEDIA:-}" ]; then
    [ -d "$MEDIA" ] || die "MEDIA=$MEDIA is not a folder."
    find "$MEDIA" -type f \( -iname '*.png' -o -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.webp' \) |
        sort >"$out/pictures"
    while read -r picture; do
        set -- "$@" "$picture"
    done <"$out/pictures"
fi
for group in overview visemes eyes head expressions; do
    "$sheet" "$out/$group.png" --size "$size" --group "$group" "$@" >"$out/$group.txt"
    say "$out/$group.png (the columns: $out/$group.txt)"
done
speak "$out/speech.wav" "${TEXT:-The quick brown fox jumps over the lazy dog, while five boxing wizards watch.}"
strip built-in "$out/speech.wav" "$@"
if [ -n "${MEDIA:-}" ]; then
    find "$MEDIA" -type f \( -iname '*.wav' -o -iname '*.mp3' -o -iname '*.ogg' -o -iname '*.flac' \) |
        sort >"$out/sounds"
    while read -r sound; do
        name=$(basename "$sound")
        strip "${name%.*}" "$sound" "$@" </dev/null
    done <"$out/sounds"
fi
