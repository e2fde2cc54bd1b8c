# SPDX-License-Identifier: MPL-2.0
"""Finds out when each phone of a known text is heard: hidden Markov models of a language's phones.

The models begin as what synthesisers make of the same phones and are then learnt anew, round
after round, from the people themselves: first from all of a language, then from each speaker.
"""

import numpy as np
from scipy.fft import dct, rfft

RATE, HOP, WINDOW = 16_000, 160, 400
CEPSTRA = 13
# States of a phone one after the other; of a pause one, which lasts for so many frames at least.
STATES, PAUSE_FRAMES = 3, 4
PAUSE = ""
# What was known before counts as so many frames.
PRIOR_FRAMES = 20.0
# A pause within a text is not likely: nats.
PAUSE_COST = 8.0


def filters(bands=26, lowest=60.0, highest=7600.0):
    """Triangles on the mel scale: [bands, bins]."""
    mel = lambda f: 1127 * np.log1p(f / 700)
    edges = 700 * np.expm1(np.linspace(mel(lowest), mel(highest), bands + 2) / 1127)
    bins = np.arange(257) * RATE / 512
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


FILTERS = filters()


def features(samples):
    """Cepstra and their slopes of each 10 ms, less the means of what is loud: [time, 26]."""
    padded = np.pad(samples.astype("f4"), (WINDOW // 2, WINDOW))
    count = max(len(samples) // HOP, 5)
    at = np.arange(count)[:, None] * HOP + np.arange(WINDOW)
    frames = padded[np.minimum(at, len(padded) - 1)]
    power = np.abs(rfft(np.diff(frames, prepend=0) * np.hamming(WINDOW), 512)) ** 2
    mel = np.log(power @ FILTERS.T + 1e-7)
    loudest = np.percentile(mel.mean(1), 95)
    mel = np.maximum(mel, loudest - 9.0)
    cepstra = dct(mel, norm="ortho")[:, :CEPSTRA]
    loud = mel.mean(1) > loudest - 4.0
    cepstra = cepstra - cepstra[loud].mean(0)
    around = np.pad(cepstra, ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (around[4:] - around[:-4]) + around[3:-1] - around[1:-3]) / 10
    return np.concatenate([cepstra, 3 * slopes], 1).astype("f4")


def plain(phone):
    """A phone without its stress, length and tone."""
    kept = "".join(c for c in phone if c not in "ˈˌːˑ0123456789̩̥̪̃̊ʰʱʲ.-'")
    return kept or PAUSE


class Models:
    """A Gaussian for each state of each phone: sums that means and spreads come of."""

    def __init__(self, prior=None):
        self.sums, self.prior = {}, prior

    def add(self, key, frames):
        """Learns from frames of a state."""
        count, first, second = self.sums.get(key, (0.0, 0.0, 0.0))
        frames = frames.astype("f8")
        self.sums[key] = (count + len(frames), first + frames.sum(0), second + (frames ** 2).sum(0))

    def learn(self, found, phones):
        """Learns from the features of one recording in which phones are heard at [start, end)."""
        for (a, b), phone in zip(found[1], phones):
            states = 1 if phone == PAUSE else STATES
            edges = np.linspace(a, b, states + 1).round().astype(int)
            for state in range(states):
                if edges[state + 1] > edges[state]:
                    self.add((phone, state), found[0][edges[state]:edges[state + 1]])

    def gaussian(self, key):
        """Mean and variance of a state; of a phone that was never heard those of its first
        letter, or else of all."""
        for known in (key, (key[0][:1], key[1])):
            if known in self.sums or (self.prior and known in self.prior.sums):
                return self._blend(known)
        return self._all()

    def _blend(self, key):
        count, first, second = self.sums.get(key, (0.0, 0.0, 0.0))
        if self.prior and key in self.prior.sums:
            mean, spread = self.prior.gaussian(key)
            count, first, second = (count + PRIOR_FRAMES, first + PRIOR_FRAMES * mean,
                                    second + PRIOR_FRAMES * (spread + mean ** 2))
        mean = first / count
        return mean, np.maximum(second / count - mean ** 2, 0.05)

    def _all(self):
        sums = list((self.sums or self.prior.sums).values())
        count, first, second = (sum(part) for part in zip(*sums))
        return first / count, second / count - (first / count) ** 2


def chain(words):
    """Phones of words with a pause before, between and behind; of each pause whether it must be."""
    phones, optional = [PAUSE], [True]
    for word in words:
        phones += [plain(p) for p in word] + [PAUSE]
        optional += [False] * len(word) + [True]
    return phones, optional


def place(models, frames, phones, optional):
    """The most likely place of each phone: [start, end) in frames, and the mean likelihood; None
    where the sound is too short."""
    keys, first, skips = [], [], []
    for phone, may_skip in zip(phones, optional):
        first.append(len(keys))
        states = [0] * PAUSE_FRAMES if phone == PAUSE else range(STATES)
        for i, state in enumerate(states):
            keys.append((phone, state))
            skips.append(may_skip and i == 0)
    first.append(len(keys))
    if len(frames) < sum(3 for o in optional if not o) + 2:
        return None
    unique = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    gaussians = [models.gaussian(key) for key in unique]
    means = np.array([g[0] for g in gaussians], "f4")
    inverse = 1 / np.array([g[1] for g in gaussians], "f4")
    constant = -0.5 * (np.log(2 * np.pi / inverse).sum(1) + (means ** 2 * inverse).sum(1))
    likelihood = constant - 0.5 * (frames ** 2) @ inverse.T + frames @ (means * inverse).T
    score, back = best_path(likelihood[:, [unique[k] for k in keys]], np.array(first[:-1]), np.array(optional))
    end = len(keys) - 1
    # The last pause may be left out.
    if score[first[-2] - 1] > score[end]:
        end = first[-2] - 1
    path = np.empty(len(frames), int)
    path[-1] = end
    for t in range(len(frames) - 1, 0, -1):
        path[t - 1] = path[t] - back[t, path[t]]
    edges = np.searchsorted(path, first)
    return list(zip(edges[:-1], edges[1:])), float(score[end]) / len(frames)


def best_path(likelihood, first, optional):
    """Viterbi: the final scores, and how many states back each state came from in each frame.
    One may stay, go on, or leap over an optional pause."""
    length, states = likelihood.shape
    never = -1e9
    # A state that begins the phone behind an optional pause may be reached from before the pause.
    leap = np.zeros(states, int)
    entry = np.zeros(states)
    for i in range(1, len(first)):
        if optional[i - 1] and i > 1:
            leap[first[i]] = first[i] - first[i - 1] + 1
        if optional[i] and i < len(first) - 1:
            entry[first[i]] = -PAUSE_COST
    leaps = np.flatnonzero(leap)
    score = np.full(states, never)
    score[0] = likelihood[0, 0]
    score[first[1]] = likelihood[0, first[1]]
    back = np.zeros((length, states), np.int16)
    on = np.empty(states)
    for t in range(1, length):
        on[0] = never
        on[1:] = score[:-1] + entry[1:]
        over = score[leaps - leap[leaps]]
        step = on > score
        new = np.where(step, on, score)
        back[t] = step
        better = over > new[leaps]
        new[leaps[better]] = over[better]
        back[t, leaps[better]] = leap[leaps[better]]
        score = new + likelihood[t]
    return score, back


def from_clips(clips):
    """Models of what synthesisers say, by voices whose phones are known."""
    models = Models()
    for clip in clips:
        frames = features(np.fromfile(clip["sound"], "<f4"))
        at = [(int(round(a * 100)), int(round(b * 100))) for _, a, b, _ in clip["phones"]]
        models.learn((frames, at), [plain(p[0]) for p in clip["phones"]])
        for (a, b), (ipa, *_) in zip(at, clip["phones"]):
            # What stands in for kindred phones that no voice says.
            key = plain(ipa)
            if len(key) > 1:
                models.learn((frames, [(a, b)]), [key[:1]])
    return models


def rounds(prior, recordings, count):
    """Places of the phones in recordings [(frames, words)], after rounds of learning."""
    models, found = prior, []
    for _ in range(count):
        found = []
        better = Models(prior)
        for frames, words in recordings:
            phones, optional = chain(words)
            placed = place(models, frames, phones, optional)
            found.append(placed)
            if placed:
                better.learn((frames, placed[0]), phones)
        models = better
    return found, models
