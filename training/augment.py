# SPDX-License-Identifier: MPL-2.0
"""From clean speech to what microphones, rooms and lines make of it."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import fftconvolve, lfilter, resample

RATE = 16_000


def decibels(db):
    """As a factor of amplitude."""
    return 10 ** (db / 20)


def level(samples):
    """Root of the mean square where it is loud."""
    power = samples.astype("f8") ** 2
    frames = power[: len(power) // 400 * 400].reshape(-1, 400).mean(1) if len(power) >= 400 else power
    loud = frames[frames > 0.1 * frames.max()] if len(frames) and frames.max() > 0 else frames
    return float(np.sqrt(loud.mean())) if len(loud) else 0.0


def coloured(rng, length, slope):
    """Noise whose spectrum falls by `slope` dB an octave."""
    size = next_fast_len(length, real=True)
    f = np.maximum(rfftfreq(size, 1 / RATE), 40)
    noise = irfft(rfft(rng.standard_normal(size)) * (f / 1000) ** (-slope / 6.02), size)[:length]
    return noise / (np.sqrt((noise ** 2).mean()) + 1e-9)


def by_curve(samples, f, db):
    """Filters by a curve of gain in dB over Hz."""
    n = len(samples)
    size = next_fast_len(n, real=True)
    bins = rfftfreq(size, 1 / RATE)
    return irfft(rfft(samples, size) * decibels(np.interp(bins, f, db)), size)[:n]


def equaliser(rng, samples, spread):
    """A smooth random curve."""
    f = np.array([0, 100, 250, 600, 1500, 3000, 5000, 8000])
    return by_curve(samples, f, np.cumsum(rng.normal(0, spread / 2, len(f))) + rng.normal(0, spread / 2, len(f)))


def band(rng, samples):
    """What a line or a codec leaves."""
    low = rng.choice([0, 0, 80, 200, 300])
    high = rng.choice([3400, 3800, 5000, 6500, 7500, 8000])
    f = [0, max(low * 0.6, 1), max(low, 2), high, min(high * 1.12, 8000), 8001]
    depth = -rng.uniform(30, 60)
    return by_curve(samples, f, [depth if low else 0, depth if low else 0, 0, 0, depth if high < 8000 else 0, depth if high < 8000 else 0])


def room(rng, samples):
    """Echoes of a room: the sound itself, and noise that dies away."""
    seconds = rng.uniform(0.1, 0.6)
    n = int(seconds * RATE)
    tail = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)
    tail[: int(rng.uniform(0.002, 0.01) * RATE)] = 0
    tail *= decibels(-rng.uniform(3, 18)) / np.sqrt((tail ** 2).sum() + 1e-9)
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)]


def music(rng, length):
    """Chords of decaying tones with harmonics, and a beat of noise."""
    out = np.zeros(length)
    t = 0
    base = rng.uniform(80, 300)
    while t < length:
        n = int(rng.uniform(0.15, 0.8) * RATE)
        m = min(2 * n, length - t)
        time = np.arange(m) / RATE
        for _ in range(rng.integers(1, 4)):
            pitch = base * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
            tilt = rng.uniform(0.5, 2)
            for k in range(1, rng.integers(2, 9)):
                if pitch * k < 7600:
                    out[t:t + m] += np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k ** tilt \
                        * np.exp(-time * rng.uniform(0.5, 6))
        if rng.random() < 0.5:
            hit = min(int(0.1 * RATE), m)
            out[t:t + hit] += rng.standard_normal(hit) * np.exp(-np.arange(hit) / 300) * rng.uniform(0, 2)
        t += n
    return out / (np.abs(out).max() + 1e-9)


def applause(rng, length):
    """Many claps."""
    out = np.zeros(length)
    for at in rng.integers(0, max(length - 400, 1), int(length / RATE * rng.uniform(3, 120))):
        n = min(400, length - at)
        out[at:at + n] += lfilter([1], [1, -rng.uniform(0.2, 0.9)], rng.standard_normal(n)) \
            * np.exp(-np.arange(n) / rng.uniform(20, 80)) * rng.uniform(0.2, 1)
    return out / (np.abs(out).max() + 1e-9)


def breath(rng, length):
    """Noise that swells and dies, with a broad peak or two."""
    noise = coloured(rng, length, rng.uniform(0, 6))
    peak = rng.uniform(600, 3500)
    f = [0, peak * 0.5, peak, peak * 1.8, 8000]
    noise = by_curve(noise, f, [-20, -6, 6, -3, -rng.uniform(5, 25)])
    shape = np.sin(np.pi * np.linspace(0, 1, length)) ** rng.uniform(0.5, 2)
    out = noise * shape
    return out / (np.abs(out).max() + 1e-9)


def tones(rng, length):
    """Beeps and sweeps."""
    time = np.arange(length) / RATE
    f = rng.uniform(100, 3000) * 2 ** (rng.choice([0.0, rng.uniform(-1, 1)]) * time / time[-1])
    return np.sin(2 * np.pi * np.cumsum(f) / RATE) * (np.sin(2 * np.pi * rng.uniform(0.5, 4) * time) > -0.3)


def knocks(rng, length):
    """Clicks and thumps."""
    out = np.zeros(length)
    for at in rng.integers(0, max(length - 2000, 1), max(1, int(length / RATE * rng.uniform(0.5, 4)))):
        n = min(2000, length - at)
        out[at:at + n] += by_curve(rng.standard_normal(n), [0, 200, 1000, 8000], [0, 0, -rng.uniform(0, 30), -40]) \
            * np.exp(-np.arange(n) / rng.uniform(30, 500))
    return out / (np.abs(out).max() + 1e-9)


NOT_SPEECH = [music, applause, breath, tones, knocks, lambda rng, n: 0.3 * coloured(rng, n, rng.uniform(-3, 6))]


def spoil(rng, samples, others, hard):
    """One recording of the speech. `others` are stretches of speech of other people."""
    x = samples.astype("f8")
    loud = level(x) + 1e-6
    if rng.random() < 0.8:
        x = equaliser(rng, x, 6.0 if hard else 3.0)
    if rng.random() < (0.5 if hard else 0.15):
        x = room(rng, x)
    x *= loud / (level(x) + 1e-6)
    snr = rng.uniform(8, 40) if hard else rng.uniform(25, 55)
    noise = coloured(rng, len(x), rng.uniform(-1, 7))
    if hard and rng.random() < 0.35 and others:
        babble = sum(np.resize(o, len(x)) / (level(o) + 1e-6) for o in others) / len(others) ** 0.5
        x = x + loud * decibels(-rng.uniform(12, 30)) * babble
    elif hard and rng.random() < 0.25:
        x = x + loud * decibels(-rng.uniform(8, 28)) * 2 * music(rng, len(x))
    x = x + loud * decibels(-snr) * noise
    if rng.random() < (0.5 if hard else 0.2):
        x = band(rng, x)
    x *= decibels(rng.uniform(-42, -10)) / (level(x) + 1e-6)
    if rng.random() < 0.1:
        x = np.tanh(x * rng.uniform(1, 4))
    # No recording is without noise.
    x += decibels(-rng.uniform(62, 85)) * coloured(rng, len(x), rng.uniform(0, 4))
    return np.clip(x, -1, 1).astype("<f4")


def stretch(samples, factor):
    """The same, higher and faster by about a factor: pitch and formants shift. Within 1 %."""
    size = next_fast_len(len(samples), real=True)
    wanted = next_fast_len(int(size / factor), real=True)
    padded = np.pad(samples, (0, size - len(samples)))
    return resample(padded, wanted)[: int(len(samples) * wanted / size)].astype("f4")
