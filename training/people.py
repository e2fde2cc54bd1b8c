# SPDX-License-Identifier: MPL-2.0
"""Recordings of people whose words are known: prompts of telephone exchanges, the dialogues of two games,
and a book that is read aloud.

Out of packages of Debian and of the Python package index, fetched by scripts/train.sh and only learnt from here. Nobody whom the network is
judged by is among them. eSpeak NG reads the texts aloud in phones; `align` finds them in the sound. In English a
second aligner has its say, see `agree`.
"""

import gzip
import multiprocessing
import pathlib
import re
import subprocess

import numpy as np
import soundfile
from G722 import G722
from scipy.signal import resample_poly

import adventure
import agree
import align

RATE = 16_000
# Prompts: language, eSpeak NG's voice for it, folder of the sounds.
PROMPTS = [("fr", "fr-fr", "fr_CA_f_June"), ("it", "it", "it_IT_m_Carlo"), ("ru", "ru", "ru_RU_f_IvrvoiceRU")]
# Dialogues: the voice of eSpeak NG.
DIALOGUES = dict(cs="cs", nl="nl")
# An English game: the voice of eSpeak NG, and where its sounds are unpacked.
ADVENTURE, UNPACKED = "en-us", "adventure"
# A book: speaker, the voice of eSpeak NG, folder of its lines and sounds.
BOOK = ("en-lj", "en-us", "ljspeech")
# What the names of those who speak English begin with.
ENGLISH = "en-"
# Share of the recordings that fit their texts worst and are left out: other words, or effects.
MISFITS = 0.07
ROUNDS = 4
LONGEST = 20.0


def prompts(folder, language, place):
    """Recorded prompts as (speaker, file, text)."""
    documents = folder / "usr/share/doc" / f"asterisk-core-sounds-{language}"
    sounds = folder / "usr/share/asterisk/sounds" / place
    with gzip.open(documents / f"core-sounds-{language}.txt.gz", "rt", encoding="utf-8-sig") as lines:
        for line in lines:
            name, _, text = line.strip().partition(":")
            text = re.sub(r"\(.*?\)", "", text).strip()
            file = sounds / f"{name}.g722"
            if text and not line.startswith(";") and not re.search(r"[\[<]", text) and file.exists():
                yield f"{language}-{place}", file, text


def speaker(name):
    """Who says a line of the dialogues: the two fish, or any of the others."""
    parts = name.split("-")
    return "m" if "m" in parts else "v" if "v" in parts else "others"


def dialogues(folder, language):
    """The game's lines as (speaker, file, text)."""
    game = folder / "usr/share/games/fillets-ng"
    for script in sorted(game.glob(f"script/**/*dialogs_{language}.lua")):
        told = re.findall(r'dialogId\("([^"]+)".*?dialogStr\("([^"]+)"', script.read_text(encoding="utf-8"), re.S)
        for name, text in told:
            level = script.parent.name
            for file in sorted(game.glob(f"sound/{level}/**/{language}/{name}.ogg")):
                yield f"{language}-{speaker(name)}", file, text


def played(folder):
    """The lines of the English game as (speaker, file, text)."""
    archive, sounds = folder / adventure.ARCHIVE, folder / UNPACKED
    if not archive.exists():
        return
    sounds.mkdir(exist_ok=True)
    for who, name, text, data in adventure.spoken(archive.read_bytes()):
        file = sounds / f"{name}.mp3"
        if not file.exists():
            file.write_bytes(data)
        yield f"en-{who}", file, text


def book(folder):
    """Sentences of a book as (speaker, file, text)."""
    lines = folder / "metadata.csv"
    for line in lines.read_text(encoding="utf-8").splitlines() if lines.exists() else ():
        name, _, text = line.split("|")
        file = folder / f"{name}.wav"
        if file.exists():
            yield BOOK[0], file, text


def sound(file):
    """A recording at 16 kHz."""
    if file.suffix == ".g722":
        return np.array(G722(RATE, 64_000).decode(file.read_bytes()), "f4") / 32768
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    common = np.gcd(rate, RATE)
    return resample_poly(samples.mean(1), RATE // common, rate // common).astype("f4")


def words(text, voice):
    """The phones of each word, in IPA."""
    done = subprocess.run(["espeak-ng", "-q", "--ipa", "--sep=_", "-v", voice, text], capture_output=True, check=True)
    told = re.sub(r"\([a-z-]+\)", "", done.stdout.decode())
    spoken = [[p for p in word.split("_") if align.plain(p)] for word in told.split()]
    return [word for word in spoken if word]


def prepared(row):
    """Sound, its features, the phones of its words and its text; None of what is of no use."""
    _, file, text, voice = row
    samples = sound(file)
    said = words(text, voice)
    if not 0.4 < len(samples) / RATE < LONGEST or not said or np.abs(samples).max() < 0.01:
        return None
    return samples, align.features(samples), said, text


def timed(places, said):
    """Phones as [ipa, start, end, release] in seconds; pauses have no name."""
    names = [align.PAUSE]
    for word in said:
        names += word + [align.PAUSE]
    return [(name, a / 100, b / 100, None) for name, (a, b) in zip(names, places) if b > a]


def readable(rows, minutes, workers):
    """What is `prepared` of so many minutes of recordings."""
    told, seconds = [], 0.0
    with multiprocessing.Pool(workers) as pool:
        for one in pool.imap(prepared, rows, chunksize=2):
            if one:
                told.append(one)
                seconds += len(one[0]) / RATE
            if seconds > minutes * 60:
                break
    return told


def speech(folder, prior, minutes, rng, workers=2):
    """Yields (speaker, [(samples, phones)]) of everybody, at most `minutes` of each. `prior` are
    models of synthesisers, see `align.from_clips`."""
    rows = {}
    for language, voice, place in PROMPTS:
        for who, file, text in prompts(folder, language, place):
            rows.setdefault(who, []).append((who, file, text, voice))
    for language, voice in DIALOGUES.items():
        for who, file, text in dialogues(folder, language):
            rows.setdefault(who, []).append((who, file, text, voice))
    for who, file, text in played(folder):
        rows.setdefault(who, []).append((who, file, text, ADVENTURE))
    for who, file, text in book(folder / BOOK[2]):
        rows.setdefault(who, []).append((who, file, text, BOOK[1]))
    for who, own in rows.items():
        told = readable([own[i] for i in rng.permutation(len(own))], minutes, workers)
        found, _ = align.rounds(prior, [(frames, said) for _, frames, said, _ in told], ROUNDS)
        likely = np.array([f[1] if f else -np.inf for f in found])
        least = np.quantile(likely, MISFITS)
        kept = [(t[0], t[3], timed(f[0], t[2])) for t, f in zip(told, found) if f and f[1] >= least]
        if who.startswith(ENGLISH):
            yield who, agree.agreed(kept, who != BOOK[0], workers)
        else:
            yield who, [(samples, phones) for samples, _, phones in kept]
