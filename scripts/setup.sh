#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Installs what is missing: setup.sh [run] [preview] [test] [service]
#
# First it looks and says how much will be downloaded, then it downloads. Called again it finds
# everything there and takes a second. Without root, and without sudo that asks nothing, it
# prints the one line to run and ends with 1.
set -eu
. "$(dirname "$0")/common.sh"

groups="build ${*:-run}"
onnx_library=$engine_data/libonnxruntime.so
onnx_pin=scripts/pins/onnxruntime.txt

# The packages of the groups whose proof fails.
missing_packages() {
    grep -v '^#' scripts/packages.txt | while IFS='|' read -r group package proof _why; do
        group=$(echo $group) package=$(echo $package) proof=$(echo $proof)
        case " $groups " in *" $group "*) ;; *) continue ;; esac
        case $proof in
            -) dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ;;
            pkg-config*) pkg-config --exists "${proof#pkg-config }" 2>/dev/null ;;
            *) sh -c "$proof" >/dev/null 2>&1 ;;
        esac </dev/null || echo "$package"
    done
}

# Sets as_root to what a command needs in front to run as root, or fails.
find_root() {
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        return 1
    fi
}

# Whether apt knows all of the packages; on a fresh image its lists are empty.
lists_are_there() {
    apt-cache show "$@" >/dev/null 2>&1
}

refresh_lists() {
    say "Refreshing Debian's package lists: about 10 MB."
    $as_root apt-get update -qq
}

# The bytes that apt would fetch, in MB.
apt_megabytes() {
    apt-get install --print-uris -qq --no-install-recommends "$@" 2>/dev/null |
        awk '$3 ~ /^[0-9]+$/ { sum += $3 } END { printf "%d", sum / 1e6 + 0.5 }'
}

# $1 megabytes at 5 MB/s, and unpacking at 10 MB/s of download.
minutes() {
    seconds=$(($1 * 3 / 10))
    if [ "$seconds" -lt 60 ]; then
        echo "less than a minute"
    else
        echo "about $(((seconds + 59) / 60)) min"
    fi
}

install_now() {
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1
}

# Debian starts what it installs. These are for us to start, when they are needed and as the user.
services='nginx rabbitmq-server epmd'
policy=/usr/sbin/policy-rc.d

without_services() {
    [ ! -e "$policy" ] || { "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    done=0
    "$@" || done=$?
    $as_root rm -f "$policy"
    trap - EXIT HUP INT TERM
    return "$done"
}

# Nor shall they start with the machine, unless they did so before.
leave_disabled() {
    have systemctl || return 0
    for service in $services; do
        case " $enabled_before " in *" $service "*) continue ;; esac
        $as_root systemctl disable --quiet "$service.service" "$service.socket" >/dev/null 2>&1 || :
    done
}

enabled_services() {
    have systemctl || return 0
    for service in $services; do
        ! systemctl is-enabled --quiet "$service.service" 2>/dev/null || printf '%s ' "$service"
    done
}

install_packages() {
    log=.cache/apt.log
    mkdir -p .cache
    case "$*" in
        *nginx* | *rabbitmq*)
            enabled_before=$(enabled_services)
            without_services install_or_refresh "$@"
            leave_disabled
            ;;
        *) install_or_refresh "$@" ;;
    esac
}

install_or_refresh() {
    # A list from last month may name files that are gone: refreshed once, then tried again.
    install_now "$@" || {
        refresh_lists
        install_now "$@" || {
            tail -n 20 "$log" >&2
            die "apt-get could not install the packages (all of it: $log)."
        }
    }
}

set_up_packages() {
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    have apt-get || die "these are missing, under Debian's names: $packages
Install what your system calls them, then run this again; \`make doctor\` lists what is still missing."
    line="sudo apt-get install -y --no-install-recommends $packages"
    if ! find_root; then
        # shellcheck disable=SC2086
        if lists_are_there $packages; then size=$(apt_megabytes $packages); else size='up to 320'; fi
        die "Debian packages are missing and need root ($size MB). Run this one line, then try again:
  $line"
    fi
    # shellcheck disable=SC2086
    lists_are_there $packages || refresh_lists
    # shellcheck disable=SC2086
    size=$(apt_megabytes $packages)
    say "Debian packages to install: $packages"
    say "  download: $size MB, $(minutes "$size") on a line of 40 Mbit/s"
    # shellcheck disable=SC2086
    install_packages $packages
}

# Only the network that listens needs it, so its absence is a word and not an end.
set_up_onnxruntime() {
    [ -z "${ORT_DYLIB_PATH:-}" ] || return 0
    size=$(python3 scripts/wheel_member.py "$onnx_pin" "$onnx_library" --missing)
    [ "$size" != 0 ] || return 0
    say "ONNX Runtime, out of its wheel into $engine_data"
    say "  download: $size MB, $(minutes "$size")"
    python3 scripts/wheel_member.py "$onnx_pin" "$onnx_library" ||
        say "ONNX Runtime could not be fetched (see above). Everything works without it, with a plainer mouth."
}

check_rust() {
    have cargo || die "Rust is missing: install Rust 1.92 or newer with rustup, then try again."
    version=$(rustc --version | awk '{ print $2 }')
    oldest=$(printf '1.92.0\n%s\n' "$version" | sort -V | head -n 1)
    [ "$oldest" = 1.92.0 ] || die "Rust $version is too old: \`rustup update\` brings 1.92 or newer."
}

announce_crates() {
    cargo fetch --locked --offline >/dev/null 2>&1 ||
        say "Rust packages will be downloaded by cargo: about 20 MB, less than a minute."
}

# Said once a user, when the file is first found here.
predictor_notice() {
    seen=$engine_data/predictor-notice
    [ -e /usr/share/dlib/shape_predictor_68_face_landmarks.dat ] && [ ! -e "$seen" ] || return 0
    notice='Portraits of your own use the face predictor of libdlib-data. Its author says that it was
trained on iBUG 300-W, whose licence excludes commercial use. The built-in portrait does not
need it, nor does a portrait with a landmarks file.'
    say "$notice"
    mkdir -p "$engine_data"
    printf '%s\n' "$notice" >"$seen"
}

check_rust
set_up_packages
set_up_onnxruntime
announce_crates
predictor_notice
