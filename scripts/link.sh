#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Makes the built plugin known to GStreamer, and sonic-probe and, where it is built, sonicd to the
# shell, for this user, or undoes that: link.sh link|unlink
set -eu
. "$(dirname "$0")/common.sh"

plugin_link=$plugin_folder/libgstsonic.so
program_link=$program_folder/sonic-probe
service_link=$program_folder/sonicd

# Whether the name is free or a link that this script has made, here or in another clone.
ours() {
    [ ! -e "$1" ] && [ ! -L "$1" ] && return 0
    [ -L "$1" ] || return 1
    case $(readlink "$1") in */"$(basename "$1")") ;; *) return 1 ;; esac
}

# link_to FILE LINK
link_to() {
    [ -e "$1" ] || die "$1 is not built yet: run \`make build\`."
    if [ "$(readlink "$2" 2>/dev/null)" != "$1" ]; then
        mkdir -p "$(dirname "$2")"
        ln -sfn "$1" "$2"
    fi
}

for link in "$plugin_link" "$program_link" "$service_link"; do
    ours "$link" || die "$link is not a link of ours: move it away first."
done
case ${1:-} in
    link)
        link_to "$plugin" "$plugin_link"
        link_to "$program" "$program_link"
        linked='sonic-probe is'
        # The service takes long to build, and few need it.
        if [ -e "$service" ]; then
            link_to "$service" "$service_link"
            linked='sonic-probe and sonicd are'
        fi
        say "GStreamer finds the plugin through $plugin_link (\`make unlink\` undoes it)."
        case :$PATH: in
            *:"$program_folder":*) ;;
            *) say "$linked in $program_folder; put $program_folder on your PATH to call by name what is there." ;;
        esac
        ;;
    unlink)
        for link in "$plugin_link" "$program_link" "$service_link"; do
            if [ -L "$link" ]; then
                rm "$link"
                say "Removed $link."
            else
                say "Nothing to undo: $link is not there."
            fi
        done
        ;;
    *) die "usage: link.sh link|unlink" ;;
esac
