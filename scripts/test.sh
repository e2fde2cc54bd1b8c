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
serving=
trap 'kill $soaking $serving 2>/dev/null || :; rm -rf "$private"' EXIT
[ ! -e "$engine_data/libonnxruntime.so" ] ||
    export ORT_DYLIB_PATH="${ORT_DYLIB_PATH:-$engine_data/libonnxruntime.so}"
export XDG_DATA_HOME=$private/data XDG_CACHE_HOME=$private/cache
export GST_REGISTRY_1_0=$private/registry.bin
unset GST_PLUGIN_PATH GST_PLUGIN_PATH_1_0 GST_PRESET_PATH
export G_DEBUG=fatal-criticals
# To build all of it once more, optimised, would take as long as half of the tests.
export SONIC_BUILT=debug

# It is fetched while the compiler is at work.
sh scripts/test_s3.sh &
fetching=$!

step "lint, but for clippy"
sh scripts/lint.sh without-clippy
# Clippy is what compiles the tests, and refuses what it does not like: to look at everything before
# would check all dependencies as well, for minutes.
RUSTC_WORKSPACE_WRAPPER=$(command -v clippy-driver) || die "there is no clippy: rustup component add clippy"
export RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS=-Dwarnings

# The tests in the folders tests/ of these packages, as cargo wants them named.
tests_of() {
    for package; do
        for file in "$package"/tests/*.rs "$package"/tests/*/main.rs; do
            name=${file#"$package"/tests/}
            name=${name%.rs}
            [ ! -e "$file" ] || printf -- '--test %s ' "${name%/main}"
        done
    done
}
# Always of the whole workspace: cargo would build dependencies anew for some packages alone.
step "tests of engine and elements"
cargo test --locked --workspace --all-targets --no-run
wait "$fetching"
# shellcheck disable=SC2046
cargo test --locked --workspace --no-fail-fast --lib --bins $(tests_of . gst probe)

# Cargo leaves the plugin of a test among its parts.
cp -f "$target/debug/deps/libgstsonic.so" "$target/debug/"
# It takes a fifth of a core and its time; the rest leaves it that.
step "soak of the live chain, beside what follows"
sh scripts/soak_live.sh >"$private/soak.log" 2>&1 &
soaking=$!

# They mostly wait for servers.
step "tests of the service, beside what follows"
# shellcheck disable=SC2046
nice -n 5 cargo test --locked --workspace --no-fail-fast $(tests_of service) >"$private/service.log" 2>&1 &
serving=$!

step installation
nice -n 10 sh scripts/test_installation.sh "$private"

step "scripts and launch lines of the documentation"
PATH=$private/prefix/bin:$PATH GST_PLUGIN_PATH=$private/installed nice -n 10 python3 scripts/test_readme.py
python3 scripts/test_house.py

# What ran beside the others: its process, its output, its name.
end_of() {
    ended=0
    wait "$1" || ended=$?
    cat "$2"
    [ "$ended" = 0 ] || die "$3 failed, see above."
}
step "end of the service's tests"
end_of "$serving" "$private/service.log" "a test of the service"
serving=

step "the page of the service in a browser"
python3 scripts/test_page.py

step "end of the soak"
end_of "$soaking" "$private/soak.log" "the soak"
soaking=

step "done: all passed"
