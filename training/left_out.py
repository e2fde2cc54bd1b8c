# SPDX-License-Identifier: MPL-2.0
"""Leaving one synthesiser out: how well the network hears a voice of a kind it never heard."""

import tempfile

import numpy as np

import evaluate
import network
import train
import voices

# Stretches that the one left out is judged by.
JUDGED = 40
AHEAD = 8


def steps(whole):
    """How long one of these trainings is beside one of so many steps."""
    return whole // 6


def phones(visemes):
    """Runs of the same viseme as phones."""
    edges = np.flatnonzero(np.diff(visemes)) + 1
    edges = np.concatenate([[0], edges, [len(visemes)]])
    return [(evaluate.VISEMES[visemes[a]], a / 100, b / 100) for a, b in zip(edges, edges[1:])]


def judge(engine, weights, rows, starts, chosen):
    """Figures over stretches, and how often which viseme was heard as which."""
    raws, truths = [], []
    confusion = np.zeros((network.VISEMES, network.VISEMES))
    apply = train.compiled()
    for i in chosen:
        own = np.asarray(rows[starts[i]:starts[i + 1]], np.float32)
        # All of one length, so that it is compiled once.
        padded = np.zeros((1, 2048, network.BANDS), np.float32)
        n = min(len(own), 2048 - AHEAD)
        padded[0, :n] = own[:n, :network.BANDS]
        padded[0, n:] = own[n - 1, :network.BANDS]
        logits = np.asarray(apply(weights, padded)[AHEAD])[0, AHEAD:AHEAD + n]
        raws.append(1 / (1 + np.exp(-logits[:, :network.CHANNELS])))
        visemes = own[:n, -1].astype(int)
        np.add.at(confusion, (visemes, logits[:, network.CHANNELS:].argmax(1)), 1)
        truths.append(phones(visemes))
    with tempfile.TemporaryDirectory() as folder:
        mouths = evaluate.decoded(engine, raws, folder)
    total = evaluate.total([evaluate.score(m, t) for m, t in zip(mouths, truths)])
    total["confusion"] = (confusion / np.maximum(confusion.sum(1, keepdims=True), 1)).round(3).tolist()
    return total


def scores(engine, rows, starts, of, seed, steps, batch):
    """Figures by the synthesiser that was left out."""
    found = {}
    family = np.array([voices.family(v) for v in of])
    often = voices.weights(of, np.diff(starts))
    rng = np.random.default_rng(seed)
    for out in sorted(set(family) - {"none"}):
        weights = train.train(rows, starts, often * (family != out), seed, steps, batch, log=lambda _: None)
        own = np.flatnonzero(family == out)
        chosen = rng.permutation(own)[:JUDGED]
        found[out] = judge(engine, weights, rows, starts, chosen)
        print(evaluate.line(f"without {out}", found[out]), flush=True)
    return found
