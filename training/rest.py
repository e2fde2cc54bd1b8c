# SPDX-License-Identifier: MPL-2.0
"""Whether the mouth rests where nobody speaks."""

import numpy as np

import augment
import evaluate

KINDS = dict(
    silence=lambda rng, n: np.zeros(n),
    noise=lambda rng, n: 0.2 * augment.coloured(rng, n, rng.uniform(-1, 6)),
    music=augment.music, breath=None, applause=augment.applause, tones=augment.tones, knocks=augment.knocks)
SECONDS, SOUNDS = 8, 6


def breaths(rng, n):
    """Breaths of a second or so with pauses between."""
    out = np.zeros(n)
    at = 0
    while at < n:
        length = min(int(rng.uniform(0.4, 1.2) * 16_000), n - at)
        if length > 800:
            out[at:at + length] = augment.breath(rng, length)
        at += length + int(rng.uniform(0.5, 1.5) * 16_000)
    return out


def sounds(folder, seed=99):
    """Files of each kind, made with a seed that training does not use."""
    rng = np.random.default_rng(seed)
    rows = []
    for kind, make in KINDS.items():
        for i in range(SOUNDS):
            level = augment.decibels(-rng.uniform(6, 30))
            samples = level * (make or breaths)(rng, SECONDS * 16_000)
            samples = samples + augment.decibels(-75) * augment.coloured(rng, len(samples), 3) * (kind != "silence")
            path = f"{folder}/{kind}-{i}.f32"
            np.clip(samples, -1, 1).astype("<f4").tofile(path)
            rows.append(dict(kind=kind, sound=path))
    return rows


def opened(mouths):
    """Share of the frames at which the mouth is seen to be open, and the mean aperture."""
    aperture = evaluate.aperture(mouths)
    return float((aperture > 0.03).mean()), float(aperture.mean())


def table(rows, mouths):
    """Both figures by kind."""
    found = {}
    for kind in KINDS:
        own = [opened(m) for r, m in zip(rows, mouths) if r["kind"] == kind]
        found[kind] = tuple(np.mean(own, 0)) if own else (0.0, 0.0)
    return found
