# SPDX-License-Identifier: MPL-2.0
"""The network: causal convolutions over log-mel frames, and heads that see further or less far
beyond the frame they speak of."""

import jax
import jax.numpy as jnp
import numpy as np

BANDS, CHANNELS, VISEMES = 40, 7, 15
WIDTH = 96
# Frames that the first layer sees at a time, and the others.
FRONT, KERNEL = 3, 3
DILATIONS = (1, 2, 4, 8, 1)
# Look-ahead of the outputs in frames.
LOOK_AHEADS = (4, 8, 12)
HIDDEN = 40
# The last frames of what a mouth is like are averaged with these weights, latest first: it moves
# evenly. Contacts, as channel 4 and 5, are not: the decoder times them.
EVENLY = np.array([1, 2, 3, 2, 1], np.float32) / 9
CONTACTS = (4, 5)
# Networks from different seeds whose mean is told: what is chance in each cancels.
MEMBERS = 2
# Frames of one run, and what is waited for beside the look-ahead, ms: these, and half a window.
CHUNK = 2
WAITING = 33


def seed(whole, member):
    """The seed of one of the networks."""
    return whole + 1000 * member


def initial(key):
    """Random weights."""
    keys = iter(jax.random.split(key, 64))

    def dense(rows, columns, gain=1.0):
        return gain * jax.random.normal(next(keys), (rows, columns)) / np.sqrt(rows)

    weights = {"in": dense(BANDS * FRONT, WIDTH), "in_b": jnp.zeros(WIDTH)}
    for i in range(len(DILATIONS)):
        weights[f"a{i}"] = dense(KERNEL * WIDTH, WIDTH, 1.4)
        weights[f"ab{i}"] = jnp.zeros(WIDTH)
        weights[f"c{i}"] = dense(WIDTH, WIDTH, 0.5)
        weights[f"cb{i}"] = jnp.zeros(WIDTH)
    for ahead in LOOK_AHEADS:
        weights[f"h{ahead}"] = dense(WIDTH, HIDDEN, 1.4)
        weights[f"hb{ahead}"] = jnp.zeros(HIDDEN)
        weights[f"o{ahead}"] = dense(HIDDEN, CHANNELS + VISEMES, 0.5)
        weights[f"ob{ahead}"] = jnp.zeros(CHANNELS + VISEMES).at[:CHANNELS].set(-1.5)
    return weights


def shifted(x, by):
    """x of [batch, time, width], `by` frames later, zeros first."""
    return jnp.pad(x, ((0, 0), (by, 0), (0, 0)))[:, : x.shape[1]] if by else x


def smoothing(kept=14):
    """Keeps the slow part of the spectrum, where the mouth is heard, and takes away the ripple of
    the voice's harmonics: the first cosines of a DCT over the bands."""
    band = (np.arange(BANDS) + 0.5) / BANDS
    basis = np.stack([np.cos(np.pi * k * band) for k in range(kept)])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    return (basis.T @ basis).astype(np.float32)


SMOOTHING = smoothing()


def activation(x):
    return x * jax.nn.sigmoid(x)


def evenness():
    """Weights of a mouth's numbers by how many frames ago they are: [frames, numbers]."""
    kernel = np.repeat(EVENLY[:, None], CHANNELS, 1)
    kernel[:, CONTACTS] = np.eye(len(EVENLY), 1)
    return kernel


def thinned(x, share, key):
    """x of [batch, time, width] without a share of the channels of each sequence, chosen by the key; the
    others make up for it."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1 - share, (x.shape[0], 1, x.shape[2]))
    return x * kept / (1 - share)


def apply(weights, bands, left_out=0.0, key=None):
    """Logits by look-ahead: mouths and visemes of the frame so many frames before each. With a key, in training,
    a share of the channels is left out of each sequence (Tompson et al., 2015)."""
    count = len(DILATIONS) + len(LOOK_AHEADS)
    keys = iter([None] * count if key is None else jax.random.split(key, count))
    bands = bands @ SMOOTHING
    x = jnp.concatenate([shifted(bands, k) for k in range(FRONT)], -1)
    x = activation(x @ weights["in"] + weights["in_b"])
    for i, dilation in enumerate(DILATIONS):
        taps = jnp.concatenate([shifted(x, k * dilation) for k in range(KERNEL)], -1)
        inner = activation(taps @ weights[f"a{i}"] + weights[f"ab{i}"])
        inner = thinned(inner, left_out, next(keys))
        x = x + inner @ weights[f"c{i}"] + weights[f"cb{i}"]
    out = {}
    for ahead in LOOK_AHEADS:
        h = activation(x @ weights[f"h{ahead}"] + weights[f"hb{ahead}"])
        h = thinned(h, left_out, next(keys))
        said = h @ weights[f"o{ahead}"] + weights[f"ob{ahead}"]
        mouth = said[..., :CHANNELS]
        even = sum(shifted(mouth, k) * share for k, share in enumerate(evenness()))
        out[ahead] = jnp.concatenate([even, said[..., CHANNELS:]], -1)
    return out


def activations(weights, bands):
    """What goes into each convolution and into the heads after a long time of the same bands:
    [width] each."""
    bands = np.asarray(bands, np.float32)
    swish = lambda v: v / (1 + np.exp(-v))
    x = swish(np.tile(bands @ SMOOTHING, FRONT) @ np.asarray(weights["in"]) + np.asarray(weights["in_b"]))
    found = []
    for i in range(len(DILATIONS)):
        found.append(x)
        inner = swish(np.tile(x, KERNEL) @ np.asarray(weights[f"a{i}"]) + np.asarray(weights[f"ab{i}"]))
        x = x + inner @ np.asarray(weights[f"c{i}"]) + np.asarray(weights[f"cb{i}"])
    return found + [x]
