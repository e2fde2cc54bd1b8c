# SPDX-License-Identifier: MPL-2.0
"""From clips to what the network is shown: stretches of some twelve seconds, spoilt, as frames."""

import json
import multiprocessing
import pathlib
import subprocess

import numpy as np

import augment

RATE = 16_000
BANDS, CHANNELS = 40, 7
COLUMNS = BANDS + CHANNELS + 1
SECONDS = 12.0


def silence(rng, seconds):
    """What is heard between clips: nothing, or not speech."""
    n = int(seconds * RATE)
    if seconds > 0.7 and rng.random() < 0.5:
        kind = augment.NOT_SPEECH[rng.integers(len(augment.NOT_SPEECH))]
        return (augment.decibels(-rng.uniform(6, 30)) * 0.5 * kind(rng, n)).astype("f4")
    return np.zeros(n, "f4")


def joined(rng, clips):
    """Clips of one voice after each other, with pauses; their phones."""
    sound, phones, at = [], [], 0
    aim = float(rng.uniform(0.8, 1.25)) if rng.random() < 0.7 else 1.0

    def pause(seconds):
        nonlocal at
        piece = silence(rng, seconds)
        sound.append(piece)
        at += len(piece)

    pause(rng.choice([0.0, 0.2, rng.uniform(0.3, 2.0)]))
    for clip in clips:
        whole = np.fromfile(clip["sound"], "<f4")
        piece = augment.stretch(whole, aim)
        factor = len(whole) / len(piece)
        piece = piece / (augment.level(piece) + 1e-6) * 0.1 * augment.decibels(rng.normal(0, 1.5))
        start = at / RATE
        phones += [(ipa, start + a / factor, start + b / factor, None if r is None else start + r / factor)
                   for ipa, a, b, r in clip["phones"]]
        sound.append(piece)
        at += len(piece)
        pause(rng.choice([0.05, 0.15, rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9), rng.uniform(0.8, 2.5)]))
    return np.concatenate(sound), phones


def no_speech(rng):
    """Sounds at which the mouth rests."""
    pieces, seconds = [], 0.0
    while seconds < SECONDS:
        now = rng.uniform(0.5, 5.0)
        kind = augment.NOT_SPEECH[rng.integers(len(augment.NOT_SPEECH))]
        pieces.append(augment.decibels(-rng.uniform(0, 30)) * 0.4 * kind(rng, int(now * RATE)))
        if rng.random() < 0.4:
            pieces.append(np.zeros(int(rng.uniform(0.1, 1.0) * RATE)))
        seconds += now
    return np.concatenate(pieces), []


def prepare(job):
    """Writes one stretch; tells its task for the engine."""
    seed, number, clips, others, folder, hard = job
    rng = np.random.default_rng([seed, number])
    sound, phones = joined(rng, clips) if clips else no_speech(rng)
    babble = [np.fromfile(path, "<f4") for path in others]
    samples = augment.spoil(rng, sound, babble, hard)
    path = f"{folder}/{number}.f32"
    samples.tofile(path)
    return dict(sound=path, phones=phones, out=f"{folder}/{number}.rows")


def make(clips, folder, engine, seed, copies, workers=2):
    """Frames of all clips, each in `copies` stretches: rows of bands, mouth and viseme, where each
    stretch begins, and its voice."""
    rng = np.random.default_rng(seed)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    by_voice = {}
    for clip in clips:
        by_voice.setdefault(clip["voice"], []).append(clip)
    jobs, voices = [], []
    for copy in range(copies):
        for voice, own in sorted(by_voice.items()):
            order = [own[i] for i in rng.permutation(len(own))]
            while order:
                taken, seconds = [], 0.0
                while order and seconds < SECONDS - 3:
                    taken.append(order.pop())
                    seconds += taken[-1]["seconds"]
                others = [clips[i]["sound"] for i in rng.integers(0, len(clips), 3)]
                jobs.append((seed, len(jobs), taken, others, str(folder), bool(rng.random() < 0.65)))
                voices.append(voice)
    for _ in range(len(jobs) // 12):
        jobs.append((seed, len(jobs), [], [], str(folder), bool(rng.random() < 0.5)))
        voices.append("none")
    with multiprocessing.Pool(workers) as pool:
        tasks = pool.map(prepare, jobs, chunksize=8)
    subprocess.run([engine, "frames"], input="\n".join(map(json.dumps, tasks)), text=True, check=True)
    rows, starts = [], [0]
    for task in tasks:
        own = np.fromfile(task["out"], "<f4").reshape(-1, COLUMNS)
        rows.append(own.astype("f2"))
        starts.append(starts[-1] + len(own))
        pathlib.Path(task["out"]).unlink()
        pathlib.Path(task["sound"]).unlink()
    return np.concatenate(rows), np.array(starts), voices
