# SPDX-License-Identifier: MPL-2.0
"""Training: the network learns to say of spoilt sounds what the mouth did."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.ndimage import gaussian_filter1d

import network

BANDS, CHANNELS = network.BANDS, network.CHANNELS
JAW, WIDE, ROUND, UPPER, CLOSURE, LIP_TEETH, TONGUE = range(CHANNELS)
SIL, PP, FF, TH, DD, KK, CH, SS, NN, RR, AA, E, I, O, U = range(network.VISEMES)
# Frames of one sequence, of which the first only fill the network's memory.
LENGTH, WARM = 360, 40

# How much an error counts in each part of the mouth: what a viewer sees most counts most.
PARTS = np.array([6.0, 2.0, 3.0, 1.0, 0.0, 0.0, 1.0])
# A wrong closure counts more in a sound that is often mistaken for one.
FALSE_CLOSURE = np.ones(network.VISEMES)
FALSE_CLOSURE[[DD, KK, NN, TH, FF]] = 2.5
FALSE_CLOSURE[[AA, E, I, O, U]] = 2.0
CLOSURE_WEIGHT, LIP_TEETH_WEIGHT, VISEME_WEIGHT = 1.0, 0.8, 0.25
# And a contact that is missed counts more than one that is made for nothing: contacts are rare, and a network
# that is unsure of them makes none.
MISSED_CLOSURE, MISSED_LIP_TEETH = 2.5, 3.0


# Jaw and upper lip by viseme, as in src/speech/viseme.rs; the opening that they make, as `Mouth::aperture`.
NOMINAL_JAW = np.array([0, 0, .08, .2, .2, .25, .22, .12, .22, .25, .62, .42, .24, .45, .2], np.float32)
NOMINAL_UPPER = np.array([0, 0, .15, .05, .05, 0, .1, .1, .05, 0, .1, .1, .1, 0, 0], np.float32)
JAW_OPENS, UPPER_OPENS = 0.33, 0.05
# How much it counts that the opening rises and falls as that of the phones, smoothed by so many frames.
OPENNESS_WEIGHT, OPENNESS_SPREAD, OPENNESS_REACH = 2.0, 3, 9
# Mouths are learnt so many frames early: the decoder takes that long to make a contact, and lips
# are seen to move before they are heard.
LEAD = 1
# So much of the jaw's target is that of the phones themselves; the rest is the articulator's,
# which reaches less of it where nothing is stressed. Spread of its smoothing, frames.
JAW_SHARE, JAW_SPREAD = 0.9, 2.6
# Weights shrink by this fraction of the step's rate: there is little speech of people, and it is
# learnt by heart otherwise.
DECAY = 0.1
# So many of the channels are left out of each sequence, for the same reason.
LEFT_OUT = 0.1
# The weights that are kept are a mean over steps: of the mean before, so much stays.
KEPT = 0.99
# Lips that are nearer than this have met.
MET = 0.9


def with_targets(rows, starts):
    """The rows with what is to be learnt instead of the articulator's own mouths."""
    rows = rows.copy()
    for a, b in zip(starts, starts[1:]):
        own = rows[a:b].astype(np.float32)
        viseme = own[:, BANDS + CHANNELS].astype(int)
        jaw = own[:, BANDS + JAW]
        # Behind closed lips nobody sees the jaw: the articulator's will do.
        nominal = np.where(viseme == PP, jaw, NOMINAL_JAW[viseme])
        nominal = gaussian_filter1d(nominal, JAW_SPREAD, mode="nearest")
        rows[a:b, BANDS + JAW] = JAW_SHARE * nominal + (1 - JAW_SHARE) * jaw
        # Contact itself: the way there and back is the decoder's.
        for part in (CLOSURE, LIP_TEETH):
            rows[a:b, BANDS + part] = own[:, BANDS + part] > MET
    return rows


def openness_loss(parts, visemes):
    """One less the mean correlation of the opening with the nominal one of the phones."""
    at = np.arange(-OPENNESS_REACH, OPENNESS_REACH + 1)
    kernel = np.exp(-0.5 * (at / OPENNESS_SPREAD) ** 2)
    nominal = jnp.array(JAW_OPENS * NOMINAL_JAW + UPPER_OPENS * NOMINAL_UPPER)[visemes]
    wanted = jax.vmap(lambda row: jnp.convolve(row, kernel / kernel.sum(), "valid"))(nominal)
    opening = (JAW_OPENS * parts[..., JAW] + UPPER_OPENS * parts[..., UPPER]) * (1 - parts[..., CLOSURE])
    shown = opening[:, OPENNESS_REACH:-OPENNESS_REACH]
    wanted = wanted - wanted.mean(1, keepdims=True)
    shown = shown - shown.mean(1, keepdims=True)
    spread = (wanted ** 2).sum(1) * (shown ** 2).sum(1)
    correlation = (wanted * shown).sum(1) / jnp.sqrt(spread + 1e-6)
    # Where nobody speaks nothing can correlate.
    return jnp.mean(jnp.where((wanted ** 2).mean(1) > 1e-4, 1 - correlation, 0.0))


def loss_of(logits, targets, visemes):
    """Mean loss of [batch, time] frames."""
    parts = jax.nn.sigmoid(logits[..., :CHANNELS])
    shape = 4 * (parts - targets) ** 2 @ jnp.array(PARTS)
    weights = jnp.array(FALSE_CLOSURE)[visemes]
    bce = optax.sigmoid_binary_cross_entropy
    closed = targets[..., CLOSURE]
    closure = bce(logits[..., CLOSURE], closed) * jnp.where(closed > 0.5, MISSED_CLOSURE, weights)
    tucked = targets[..., LIP_TEETH]
    teeth = bce(logits[..., LIP_TEETH], tucked) * jnp.where(tucked > 0.5, MISSED_LIP_TEETH, 1.0)
    classes = optax.softmax_cross_entropy_with_integer_labels(logits[..., CHANNELS:], visemes)
    each = jnp.mean(shape + CLOSURE_WEIGHT * closure + LIP_TEETH_WEIGHT * teeth + VISEME_WEIGHT * classes)
    return each + OPENNESS_WEIGHT * openness_loss(parts, visemes)


def loss(weights, bands, targets, visemes, key):
    """Mean over the heads; each speaks of the frames before."""
    total = 0.0
    for ahead, logits in network.apply(weights, bands, LEFT_OUT, key).items():
        share = 0.5 if ahead == 8 else 0.25
        now = slice(WARM + ahead, LENGTH - LEAD)
        then = slice(WARM + LEAD, LENGTH - ahead)
        total += share * loss_of(logits[:, now], targets[:, then], visemes[:, then])
    return total


def varied(rng, bands):
    """Sequences of bands as other people, other rooms and other lines would have made them."""
    batch = len(bands)
    place = np.arange(BANDS)
    across = np.linspace(-1, 1, BANDS)
    out = np.empty_like(bands)
    for k in range(batch):
        # Longer and shorter vocal tracts: all formants lie higher or lower.
        shift = rng.normal(0, 0.8) + rng.normal(0, 0.5) * across
        at = np.clip(place + shift, 0, BANDS - 1.001)
        below = at.astype(int)
        share = (at - below).astype(np.float32)
        x = bands[k][:, below] * (1 - share) + bands[k][:, below + 1] * share
        tilt = rng.normal(0, 0.2) + rng.normal(0, 0.25) * across + rng.normal(0, 0.2) * np.cos(2 * np.pi * across)
        x = x * rng.uniform(0.85, 1.15) + tilt.astype(np.float32)
        # Noise hides what is faint.
        floor = rng.uniform(-4.5, -1.2) + rng.normal(0, 0.3) * across
        hidden = floor + rng.normal(0, 0.25, x.shape)
        if rng.random() < 0.6:
            x = np.logaddexp(2.5 * x, 2.5 * hidden) / 2.5
        out[k] = np.clip(x, -4.5, 2.5)
    return out


@functools.cache
def compiled():
    """The network as a function of weights and bands."""
    return jax.jit(network.apply)


def train(rows, starts, weight_of, seed, steps, batch, rate=3e-3, log=print, begin=None):
    """Weights. `weight_of` tells of each stretch how often it is taken; `begin` are weights to
    go on from."""
    rng, key = np.random.default_rng(seed), jax.random.PRNGKey(seed)
    weights = begin or network.initial(key)
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, min(100, steps // 5), steps, rate * 0.02)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=DECAY))
    state = optimiser.init(weights)
    mean = weights

    @jax.jit
    def step(weights, mean, state, keep, bands, targets, visemes, key):
        value, slope = jax.value_and_grad(loss)(weights, bands, targets, visemes, key)
        updates, state = optimiser.update(slope, state, weights)
        weights = optax.apply_updates(weights, updates)
        mean = jax.tree.map(lambda m, w: keep * m + (1 - keep) * w, mean, weights)
        return weights, mean, state, value

    lengths = np.diff(starts)
    chance = np.maximum(lengths, 1) * np.array(weight_of, float) * (lengths > LENGTH)
    chance /= chance.sum()
    begun, values = time.time(), []
    for i in range(steps):
        picked = rng.choice(len(lengths), batch, p=chance)
        at = [starts[k] + rng.integers(0, lengths[k] - LENGTH + 1) for k in picked]
        taken = np.stack([rows[a:a + LENGTH] for a in at]).astype(np.float32)
        bands = taken[..., :BANDS]
        bands = varied(rng, bands)
        weights, mean, state, value = step(
            weights, mean, state, min(KEPT, i / (i + 10)), bands, taken[..., BANDS:BANDS + CHANNELS],
            taken[..., BANDS + CHANNELS].astype(np.int32), jax.random.fold_in(key, i))
        values.append(value)
        if (i + 1) % 50 == 0:
            log(f"step {i + 1}: loss {float(np.mean(values[-50:])):.4f}, {time.time() - begun:.0f} s")
    return jax.tree.map(np.asarray, mean)
