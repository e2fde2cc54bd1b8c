#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What CI runs, and `make test`. Needs the network on a machine that has nothing yet.
set -eu
. "$(dirname "$0")/common.sh"

began=$(date +%s)
step() {
    say "
=== $* ($(($(date +%s) - began)) s)"
}

step set-up
sh scripts/setup.sh run test
SONIC_TEST_ASTRONAUT=$(sh scripts/test_media.sh)
[ -n "$SONIC_TEST_ASTRONAUT" ] && export SONIC_TEST_ASTRONAUT || unset SONIC_TEST_ASTRONAUT

# The tests neither see nor touch what the user has: caches, plugins linked before, registry.
private=$(mktemp -d)
soaking=
trap '[ -z "$soaking" ] || kill "$soaking" 2>/dev/null || :; rm -rf "$private"' EXIT
[ ! -e "$engine_data/libonnxruntime.so" ] ||
    export ORT_DYLIB_PATH="${ORT_DYLIB_PATH:-$engine_data/libonnxruntime.so}"
export XDG_DATA_HOME=$private/data XDG_CACHE_HOME=$private/cache
export GST_REGISTRY_1_0=$private/registry.bin
unset GST_PLUGIN_PATH GST_PLUGIN_PATH_1_0 GST_PRESET_PATH
export G_DEBUG=fatal-criticals
# To build all of it once more, optimised, would take as long as half of the tests.
export SONIC_BUILT=debug

step lint
sh scripts/lint.sh

step "tests of engine and elements"
cargo test --locked --workspace --no-fail-fast

# Cargo leaves the plugin of a test among its parts.
cp -f "$target/debug/deps/libgstsonic.so" "$target/debug/"
# It takes a fifth of a core and its time; the rest leaves it that.
step "soak of the live chain, beside what follows"
sh scripts/soak_live.sh >"$private/soak.log" 2>&1 &
soaking=$!

step installation
nice -n 10 sh scripts/test_installation.sh "$private"

step "scripts and launch lines of the documentation"
PATH=$private/prefix/bin:$PATH GST_PLUGIN_PATH=$private/installed nice -n 10 python3 scripts/test_readme.py
python3 scripts/test_house.py

step "end of the soak"
soaked=0
wait "$soaking" || soaked=$?
soaking=
cat "$private/soak.log"
[ "$soaked" = 0 ] || die "the soak failed, see above."

step "done: all passed"
