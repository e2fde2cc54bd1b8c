#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Makes the built plugin known to GStreamer for this user, or undoes that: link.sh link|unlink
set -eu
. "$(dirname "$0")/common.sh"

link=$plugin_folder/libgstsonic.so

# Whether the name is free or a link that this script has made, here or in another clone.
ours() {
    [ ! -e "$link" ] && [ ! -L "$link" ] && return 0
    [ -L "$link" ] || return 1
    case $(readlink "$link") in */libgstsonic.so) ;; *) return 1 ;; esac
}

ours || die "$link is not a link of ours: move it away first."
case ${1:-} in
    link)
        [ -e "$plugin" ] || die "$plugin is not built yet: run \`make build\`."
        if [ "$(readlink "$link" 2>/dev/null)" != "$plugin" ]; then
            mkdir -p "$plugin_folder"
            ln -sfn "$plugin" "$link"
        fi
        say "GStreamer finds the plugin through $link (\`make unlink\` undoes it)."
        ;;
    unlink)
        if [ -L "$link" ]; then
            rm "$link"
            say "Removed $link."
        else
            say "Nothing to undo: $link is not there."
        fi
        ;;
    *) die "usage: link.sh link|unlink" ;;
esac
