# SPDX-License-Identifier: MPL-2.0
"""What a second aligner, PocketSphinx, makes of recordings in English.

Actors shout, whisper and play apes, and what they say is not always what is written. Where `align` and PocketSphinx,
which know nothing of each other, find the phones at the same places, both are right; the rest is not learnt from.
"""

import functools
import multiprocessing
import re

import numpy as np
from scipy.ndimage import gaussian_filter1d

import evaluate
import judge

# How far the middles of a p, b, m, f or v may lie apart, s.
APART = 0.05
# How alike the jaws of the two must move at least: correlation, smoothed by so many frames.
ALIKE, SPREAD = 0.7, 3
CONTACTS = tuple("pbmfv")
# The jaw of a phone by the first letter of its IPA, as in evaluate.NOMINAL; any other consonant's.
JAW = {letter: jaw for letters, jaw in (("aɑæʌɐ", 0.62), ("ɛeə", 0.42), ("iɪᵻj", 0.24), ("oɔ", 0.45), ("uʊw", 0.2),
                                        ("ɜɝɚ", 0.25), ("pbm", 0.0), ("fv", 0.08), ("sz", 0.12)) for letter in letters}
OTHER_JAW = 0.22


@functools.cache
def aligner():
    """PocketSphinx, once a process."""
    return judge.Judge()


def spelt(text):
    """A text as words that PocketSphinx's dictionary may know."""
    text = re.sub("[’‘]", "'", text.lower()).replace("-", " ")
    return " ".join(word for word in re.findall("[a-z']+", text) if word.strip("'"))


def letter(ipa):
    return ipa.strip("ˈˌ")[:1]


def contacts(phones):
    """The middles of all p, b, m, f and v, s."""
    return [(a + b) / 2 for ipa, a, b, _ in phones if ipa.strip("ˈˌ") in CONTACTS]


def jaw(phones, frames):
    """How the jaw moves over frames of 10 ms."""
    time = np.arange(frames) / 100
    track = np.zeros(frames)
    for ipa, a, b, _ in phones:
        track[(time >= a) & (time < b)] = JAW.get(letter(ipa), OTHER_JAW) if letter(ipa) else 0.0
    return gaussian_filter1d(track, SPREAD)


def alike(one, other, seconds):
    """Whether phones [ipa, start, end, release] of the same recording are at the same places."""
    mine, theirs = contacts(one), contacts(other)
    if len(mine) != len(theirs) or any(abs(a - b) >= APART for a, b in zip(mine, theirs)):
        return False
    frames = int(seconds * 100)
    with np.errstate(invalid="ignore"):
        return np.corrcoef(jaw(one, frames), jaw(other, frames))[0, 1] > ALIKE


def second_opinion(recording):
    """PocketSphinx's phones of (samples, text, phones) in English, None where it finds none, and whether they are at
    the same places."""
    samples, text, phones = recording
    seconds = len(samples) / judge.RATE
    heard = aligner().phones(samples, spelt(text)) or [["?", 0.0, seconds]]
    named = [(evaluate.plain(name), a, min(b, seconds)) for name, a, b in heard]
    if any(name not in judge.IPA for name, _, _ in named):
        return None, False
    told = [(judge.IPA[name], a, b, None) for name, a, b in named]
    return told, alike(phones, told, seconds)


def agreed(recordings, acted, workers):
    """Recordings (samples, text, phones) in English as (samples, phones), PocketSphinx's where it finds any. What is
    acted is left out where the two do not agree; a reader says what is written."""
    with multiprocessing.Pool(workers) as pool:
        heard = pool.imap(second_opinion, recordings, chunksize=4)
        return [(samples, told or own) for (samples, _, own), (told, same) in zip(recordings, heard) if same or not acted]
