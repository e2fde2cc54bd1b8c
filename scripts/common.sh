# SPDX-License-Identifier: MPL-2.0
# Sourced by the other scripts: words to the user, and where things lie. The working folder
# becomes the top of the tree.

here=$(cd -- "$(dirname -- "$0")" && pwd)
top=$(dirname -- "$here")
cd "$top"

data_home=${XDG_DATA_HOME:-$HOME/.local/share}
engine_data=$data_home/gst-sonic
plugin_folder=$data_home/gstreamer-1.0/plugins
target=${CARGO_TARGET_DIR:-$top/target}
case $target in /*) ;; *) target=$top/$target ;; esac
# What is used is optimised; the tests use what they have built anyway, the profile dev.
built=$target/${SONIC_BUILT:-release}
plugin=$built/libgstsonic.so
program_folder=$(dirname "$data_home")/bin
program=$built/sonic-probe
service=$built/sonicd

say() {
    printf '%s\n' "$*"
}

# The one sentence that a failed command ends with.
die() {
    printf '%s\n' "error: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# A file name given on the command line of make, checked before anything is started for it.
require_file() {
    [ -e "$2" ] || die "$1=$2: there is no such file."
    [ -f "$2" ] || die "$1=$2 is not a file."
    [ -r "$2" ] || die "$1=$2 may not be read by you."
    [ -s "$2" ] || die "$1=$2 is empty."
}

# A value as gst-launch-1.0 wants it inside a pipeline description.
quoted() {
    case $1 in
        *[!A-Za-z0-9_./+%@-]*) printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')" ;;
        *) printf '%s' "$1" ;;
    esac
}

# The first error in a log of gst-launch-1.0, as one sentence.
launch_error() {
    sed -n 's/^ERROR: from element [^ ]* //p; s/^WARNING: erroneous pipeline: /the pipeline cannot be built: /p' \
        "$1" | head -n 1
}

# speak WAV TEXT: with eSpeak NG, in the voice VOICE.
speak() {
    mkdir -p "$(dirname "$1")"
    say "Speaking with eSpeak NG's voice ${VOICE:-en}: $1"
    printf '%s' "$2" | espeak-ng -v "${VOICE:-en}" --stdin -w "$1" 2>"$1.log" ||
        die "eSpeak NG cannot speak with the voice ${VOICE:-en}: $(head -n 1 "$1.log") (\`espeak-ng --voices\` lists them)."
    rm -f "$1.log"
    [ "$(wc -c <"$1")" -gt 44 ] || die "eSpeak NG made no sound of TEXT=$2"
}
