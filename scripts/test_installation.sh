#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Installs with meson into the folder $1/prefix, and checks that GStreamer finds everything there.
# Leaves a link $1/installed to the folder of the plugin.
set -eu
. "$(dirname "$0")/common.sh"

private=$1
[ ! -e "$private/build" ] || die "$private has been used already."
meson setup "$private/build" --prefix="$private/prefix" -Dtarget-dir="$target" >"$private/meson.log" ||
    { cat "$private/meson.log"; die "meson setup failed."; }
meson compile -C "$private/build"
meson test -C "$private/build" --print-errorlogs
meson install -C "$private/build" --quiet

library=$(find "$private/prefix" -path '*/gstreamer-1.0/libgstsonic.so')
[ -n "$library" ] || die "the plugin was not installed."
for file in gstreamer-1.0/presets/GstSonicAnimator.prs gstreamer-1.0/presets/GstRtmpPushSink.prs \
    gst-sonic/portrait.png gst-sonic/portrait.json; do
    [ -s "$private/prefix/share/$file" ] || die "share/$file was not installed."
done
ln -s "$(dirname "$library")" "$private/installed"
GST_PLUGIN_PATH=$private/installed gst-inspect-1.0 sonicanimator >"$private/inspect.txt" ||
    die "GStreamer does not load the installed plugin."
grep -q min-resolution "$private/inspect.txt" || die "gst-inspect-1.0 does not list the properties."
[ "$("$private/prefix/bin/sonic-probe" --version)" = "sonic-probe 0.1.0" ] ||
    die "bin/sonic-probe was not installed, or does not run."
[ "$("$private/prefix/bin/sonicd" --version)" = "sonicd 0.1.0" ] ||
    die "bin/sonicd was not installed, or does not run."
units=$private/prefix/lib/systemd/system
for unit in sonicd-serve sonicd-work; do
    grep -q "^ExecStart=$private/prefix/bin/sonicd " "$units/$unit.service" ||
        die "$unit.service was not installed, or starts something else."
    # What systemd itself objects to: options that it does not know, programs that are not there.
    ! have systemd-analyze || systemd-analyze verify "$units/$unit.service" ||
        die "systemd does not take $unit.service."
done
GST_PLUGIN_PATH=$private/installed "$private/prefix/bin/sonicd" parameters >"$private/parameters.txt" ||
    die "the installed sonicd does not find the installed plugin."
grep -q min-resolution "$private/parameters.txt" || die "sonicd does not list the parameters."
say "installation: plugin, programs, units, presets and assets are where GStreamer finds them"
