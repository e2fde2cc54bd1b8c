#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Looks at everything that this project needs, and names one cure for each thing that is missing.
# Ends with 1 if something essential is.
set -eu
. "$(dirname "$0")/common.sh"

missing=0
trouble=$(mktemp)
trap 'rm -f "$trouble"' EXIT

good() {
    printf 'ok       %s\n' "$*"
}

# essential|optional WHAT CURE
lacking() {
    if [ "$1" = essential ]; then
        missing=$((missing + 1))
        printf 'MISSING  %s\n         cure: %s\n' "$2" "$3"
    else
        printf 'without  %s\n         cure: %s\n' "$2" "$3"
    fi
}

install_line() {
    echo "sudo apt-get install --no-install-recommends $1 (or \`sh scripts/setup.sh\` for all)"
}

check_rust() {
    if ! have cargo || ! have rustc; then
        lacking essential Rust "install Rust 1.92 or newer with rustup"
        return
    fi
    version=$(rustc --version | awk '{ print $2 }')
    if [ "$(printf '1.92.0\n%s\n' "$version" | sort -V | head -n 1)" = 1.92.0 ]; then
        good "Rust $version"
    else
        lacking essential "Rust 1.92 (this is $version)" "rustup update"
    fi
}

# command PACKAGE WHAT
check_command() {
    if have "$1"; then good "$3"; else lacking essential "$3 ($1)" "$(install_line "$2")"; fi
}

check_headers() {
    for library in gstreamer-1.0 gstreamer-video-1.0 gstreamer-audio-1.0; do
        package=libgstreamer-plugins-base1.0-dev
        [ "$library" != gstreamer-1.0 ] || package=libgstreamer1.0-dev
        if pkg-config --atleast-version=1.22 "$library" 2>/dev/null; then
            good "headers of $library $(pkg-config --modversion "$library")"
        else
            lacking essential "headers of $library 1.22 or newer" "$(install_line $package)"
        fi
    done
}

# PACKAGE ELEMENT...
check_elements() {
    package=$1
    shift
    for element; do
        gst-inspect-1.0 --exists "$element" 2>/dev/null && continue
        lacking essential "GStreamer's element $element" "$(install_line "$package")"
        return
    done
    good "$*"
}

check_stock_elements() {
    have gst-inspect-1.0 || return 0
    check_elements gstreamer1.0-plugins-base decodebin audioconvert audioresample videoconvert
    check_elements gstreamer1.0-plugins-good wavparse mp4mux flvmux
    check_elements gstreamer1.0-plugins-bad h264parse rtmp2sink pnmenc
    check_elements gstreamer1.0-plugins-ugly x264enc
    check_elements gstreamer1.0-libav avenc_aac avdec_h264
}

# Without a version, --exists asks for one as high as GStreamer's own.
knows_the_plugin() {
    gst-inspect-1.0 --exists --atleast-version=0.1 sonicanimator
}

# GStreamer remembers a file that failed to load and does not try it again: asked afresh here.
check_plugin() {
    if [ ! -e "$plugin" ]; then
        lacking optional "the plugin, not built yet" "make run (or make build)"
        return
    fi
    have gst-inspect-1.0 || return 0
    if ! GST_REGISTRY_1_0="$trouble.registry" GST_PLUGIN_PATH="$built" \
        knows_the_plugin 2>"$trouble"; then
        reason=$(ldd "$plugin" 2>/dev/null | awk '/not found/ { print $1 " is not found"; exit }')
        lacking essential "a plugin that loads (${reason:-$(head -n 1 "$trouble")})" "make setup build"
    elif knows_the_plugin 2>/dev/null; then
        good "the plugin, and GStreamer finds it"
    elif [ -e "$plugin_folder/libgstsonic.so" ]; then
        lacking essential "the plugin in GStreamer's registry, which remembers an older failure" \
            "rm -rf ${XDG_CACHE_HOME:-~/.cache}/gstreamer-1.0"
    else
        lacking optional "the plugin in pasted gst-launch-1.0 lines (it is built, but not linked)" "make link"
    fi
    rm -f "$trouble.registry"
}

check_predictor() {
    for file in "${SONIC_FACE_PREDICTOR:-}" "$engine_data/shape_predictor_68_face_landmarks.dat" \
        /usr/share/dlib/shape_predictor_68_face_landmarks.dat \
        /usr/local/share/dlib/shape_predictor_68_face_landmarks.dat; do
        [ -n "$file" ] && [ -s "$file" ] || continue
        good "the face predictor (not for commercial use, says its author; see the README)"
        return
    done
    lacking optional "the face predictor: portraits of your own need a landmarks file" "$(install_line libdlib-data)"
}

check_onnx_runtime() {
    if [ -s "${ORT_DYLIB_PATH:-$engine_data/libonnxruntime.so}" ] ||
        /sbin/ldconfig -p 2>/dev/null | grep -q libonnxruntime.so; then
        good "ONNX Runtime"
    else
        lacking optional "ONNX Runtime: networks are not used" "make setup"
    fi
}

check_display() {
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        good "a display for make preview"
    else
        lacking optional "a display: no make preview" "make run writes a file instead"
    fi
}

check_rust
check_command cc gcc "a linker"
check_command make make "make"
check_command pkg-config pkg-config "pkg-config"
check_command python3 python3 "Python"
have pkg-config && check_headers
check_command gst-launch-1.0 gstreamer1.0-tools "GStreamer's commands"
check_stock_elements
check_command espeak-ng espeak-ng "eSpeak NG, the voice of most languages"
check_plugin
check_predictor
check_onnx_runtime
check_display
if [ "$missing" -gt 0 ]; then
    say "Essential things missing: $missing."
    exit 1
fi
say "Nothing essential is missing."
