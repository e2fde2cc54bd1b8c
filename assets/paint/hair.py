# SPDX-License-Identifier: MPL-2.0
"""Hair: strands between guide curves, gathered in locks, lit as fibres."""

from dataclasses import dataclass, field

import numpy as np

import light
from canvas import F, Strokes, blur, cubic, curve, mix, resize, smoothstep

POINTS = 72


@dataclass
class Tone:
    """Linear colours of the fibres and of their two highlights."""

    root: tuple = (0.030, 0.015, 0.009)
    length: tuple = (0.080, 0.034, 0.016)
    sheen: tuple = (0.34, 0.215, 0.130)
    depth: tuple = (0.26, 0.120, 0.055)
    grey: float = 0.0


@dataclass
class Sheet:
    """A family of strands that pass from one guide curve to the next."""

    guides: list
    strands: int
    locks: int = 40
    width: float = 0.0075
    wave: float = 0.075
    turns: float = 2.0
    spread: float = 0.5       # width of a lock, in distances between guides
    base: float = 0.026       # width of the dark under-painting, 0 for none
    passes: int = 5
    stray: float = 0.012
    shade: float = 1.0
    trim: float = 0.16        # share of the length by which ends differ
    brow: int = 4             # so many guides start on the forehead
    short: float = 0.0        # cropped: length of a hair as a share of its guide
    ragged: float = 0.03     # the same for the roots
    curves: np.ndarray = field(init=False)

    def __post_init__(self):
        self.curves = np.stack([curve(g, POINTS) for g in self.guides])


def between(sheet, t):
    """Curves at guide positions t (N,) in 0 … guides − 1: (N, POINTS, 2)."""
    k = np.arange(len(sheet.curves), dtype=np.float64)
    flat = sheet.curves.reshape(len(k), -1)
    return cubic(k, flat, np.clip(t, 0, k[-1])).reshape(len(t), POINTS, 2)


def strands(sheet, rng, count):
    """(paths (N, P, 2), place across the lock −1…1 (N,), lock (N,))."""
    last = len(sheet.curves) - 1
    # Every pass finds the locks at the same places.
    fixed = np.random.default_rng([sheet.locks, len(sheet.curves)])
    centre = np.sort(fixed.uniform(0, last, sheet.locks))
    lock = rng.integers(0, sheet.locks, count)
    place = np.clip(rng.normal(0, 0.5, count), -1.2, 1.2)
    s = np.linspace(0, 1, POINTS)
    gather = sheet.spread * (1.1 - 0.75 * smoothstep(0.08, 0.9, s))
    t = centre[lock][:, None] + place[:, None] * gather
    # Each strand drifts from its guide position as its lock narrows.
    wide, thin = between(sheet, t[:, 0]), between(sheet, t[:, -1])
    w = smoothstep(0, 1, s)[None, :, None]
    path = wide * (1 - w) + thin * w
    phase = fixed.uniform(0, 2 * np.pi, sheet.locks)[lock]
    # Neighbouring locks wave together, with a will of their own.
    phase = phase * 0.35 + 1.6 * centre[lock]
    amp = sheet.wave * fixed.uniform(0.5, 1.3, sheet.locks)[lock]
    swing = np.sin(2 * np.pi * sheet.turns * s[None, :] + phase[:, None])
    tangent = np.gradient(path, axis=1)
    tangent /= np.hypot(tangent[..., 0], tangent[..., 1])[..., None] + 1e-9
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
    off = amp[:, None] * swing * smoothstep(0.15, 0.7, s)[None, :]
    off += rng.normal(0, sheet.stray, count)[:, None] * s[None, :] ** 1.5
    off += (rng.normal(0, 0.3 * sheet.stray, count)[:, None]
            * np.sin(2 * np.pi * (rng.uniform(2, 5, count)[:, None] * s + phase[:, None])))
    path = path + normal * off[..., None]
    # Only the hairline is ragged; a parting is a line.
    edge = smoothstep(sheet.brow, sheet.brow - 1.0, centre[lock])
    first = sheet.ragged * edge * rng.uniform(0, 1, count) ** 2
    if sheet.short > 0:
        # Thinner towards the hairline.
        first = (1 - 0.5 * sheet.short) * rng.uniform(0, 1, count) ** 0.8
        return _cut(path, first, first + sheet.short * rng.uniform(0.4, 1, count)), place, lock
    path = _cut(path, first, 1 - sheet.trim * rng.uniform(0, 1, count) ** 1.5)
    return path, place, lock


def _cut(path, first, last):
    """Keeps the part of each path between two shares of its length."""
    s = np.linspace(0, 1, POINTS)[None, :]
    s = (first[:, None] + s * (last - first)[:, None]) * (POINTS - 1)
    # Beyond the end of its guide a hair runs straight on.
    i = np.minimum(s.astype(int), POINTS - 2)
    f = (s - i)[..., None]
    row = np.arange(len(path))[:, None]
    return path[row, i] * (1 - f) + path[row, i + 1] * f


def volume(path):
    """Height of the mass of hair at points in the picture."""
    u, v = path[..., 0], path[..., 1]
    over = np.clip(1 - (u / 1.62) ** 2 - (np.minimum(v, 0.0) / 2.0) ** 2, 0.004, 1)
    return 1.25 * np.sqrt(over) - 0.12 * np.clip(v, 0, None)


def fibre_light(path, place, lock, rng, tone, shade):
    """Colours (N, P, 3) of strands: Kajiya-Kay fibres on a round head."""
    z = volume(path)
    t = np.concatenate([np.gradient(path, axis=1), np.gradient(z, axis=1)[..., None]], -1)
    t /= np.linalg.norm(t, axis=-1, keepdims=True) + 1e-9
    u, v = path[..., 0], path[..., 1]
    n = np.stack([u / 1.62 ** 2, np.minimum(v, 0) / 4.0, z / 1.25 ** 2], -1)
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    facing = np.clip((n @ light.KEY + 0.25) / 1.25, 0.0, None)
    fill = np.clip((n @ light.FILL + 0.5) / 1.5, 0, None)
    across = np.sqrt(np.clip(1 - (t @ light.KEY) ** 2, 0, 1))
    count = len(path)
    half = light.KEY + np.array((0, 0, 1))
    half = half / np.linalg.norm(half)

    def lobe(power, shift):
        tilt = t + (shift + rng.normal(0, 0.05, count))[:, None, None] * n
        tilt /= np.linalg.norm(tilt, axis=-1, keepdims=True)
        return np.power(np.clip(1 - (tilt @ half) ** 2, 0, 1), power / 2)

    s = np.linspace(0, 1, path.shape[1])[None, :]
    body = mix(np.array(tone.root), np.array(tone.length),
               np.broadcast_to(smoothstep(0.0, 0.45, s)[..., None], path.shape[:2] + (1,)))
    body = body * rng.uniform(0.55, 1.45, (count, 1, 1))
    # Locks differ; the same lock keeps its colour from pass to pass.
    own = 1 + 0.42 * np.sin(lock * 12.9898 + 0.7) * np.sin(lock * 4.1)
    body = body * own[:, None, None]
    if tone.grey > 0:
        silver = rng.uniform(0, 1, count) < tone.grey
        body = np.where(silver[:, None, None], np.array((0.40, 0.40, 0.41))
                        * rng.uniform(0.5, 1.2, (count, 1, 1)), body)
    ridge = 1 - 0.78 * np.clip(np.abs(place[:, None] - 0.1), 0, 1) ** 1.4
    deep = shade * ridge * (1 - 0.45 * smoothstep(0.3, 1.3, v) * smoothstep(1.35, 1.0, np.abs(u)))
    deep = deep * (0.40 + 0.60 * smoothstep(0.0, 0.09, s))
    out = body * ((0.95 * facing * across + 0.30 * fill + 0.16) * deep)[..., None]
    glint = lobe(130, -0.10) * facing * deep
    out += glint[..., None] * np.array(tone.sheen) * rng.uniform(0.1, 1.4, (count, 1, 1))
    warm = lobe(18, 0.12) * facing * deep
    out += warm[..., None] * np.array(tone.depth) * 0.42
    back = np.clip(n @ light.RIM, 0, None) ** 1.5 * deep
    return out + back[..., None] * np.array(tone.length) * 1.6


def layers(canvas, sheet, rng, tone, fade=0.015):
    """Paints a sheet; yields (colour, coverage) from back to front."""
    s = np.linspace(0, 1, POINTS)[None, :]
    ends = smoothstep(1.0, 0.90, s)
    root = smoothstep(0, fade, s)
    if sheet.base > 0:
        n = max(sheet.strands // 6, 200)
        path, place, lock = strands(sheet, rng, n)
        # Broad strokes need no fine pixels.
        small = canvas.half()
        layer = Strokes(small)
        dark = fibre_light(path, place, lock, rng, tone, 0.30 * sheet.shade)
        layer.add(path, dark, sheet.base * (0.45 + 0.55 * smoothstep(0, 0.12, s)) * (0.15 + 0.85 * ends)
                  * np.ones((n, 1)), 0.9 * smoothstep(0, 0.006, s) * ends * np.ones((n, 1)))
        rgb, cover = layer.image()
        rgb = blur(rgb * cover[..., None], 1.5) / np.maximum(blur(cover, 1.5), F(1e-3))[..., None]
        # Drawn in from the outline, so that no dark rim shows.
        cover = smoothstep(0.35, 1.0, blur(cover, 2.0))
        yield resize(rgb, canvas.w, canvas.h), np.clip(resize(cover, canvas.w, canvas.h), 0, 1)
    n = sheet.strands // sheet.passes
    for k in range(sheet.passes):
        path, place, lock = strands(sheet, rng, n)
        part = k / max(sheet.passes - 1, 1)
        rgb = fibre_light(path, place, lock, rng, tone, sheet.shade * (0.55 + 0.50 * part))
        layer = Strokes(canvas)
        size = rng.uniform(0.6, 1.3, (n, 1)) * sheet.width * (1 - 0.35 * part)
        layer.add(path, rgb, size * (0.45 + 0.55 * root) * (0.3 + 0.7 * ends),
                  (0.85 - 0.25 * part) * root * (0.15 + 0.85 * ends) * np.ones((n, 1)))
        yield layer.image()


def hairline(canvas, sheet, rng, tone, count=700):
    """Short, fine hairs at the roots of the first guides: softens the edge."""
    path, place, lock = strands(sheet, rng, count * 4)
    start = path[:, 0]
    apart = start[:, None] - sheet.curves[None, :sheet.brow, 0]
    near = np.min(np.hypot(apart[..., 0], apart[..., 1]), axis=1)
    path, place, lock = (q[near < 0.30][:count] for q in (path, place, lock))
    n = len(path)
    path = _cut(path, np.zeros(n), rng.uniform(0.03, 0.10, n))
    # Rooted a little in front of the rest, towards the middle of the face.
    inward = np.array([0.0, -0.1]) - path[:, :1]
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)
    path = path + inward * rng.gamma(1.3, 0.014, (n, 1, 1))
    s = np.linspace(0, 1, POINTS)[None, :]
    layer = Strokes(canvas)
    layer.add(path, fibre_light(path, place * 0.3, lock, rng, tone, 0.9),
              0.0042 * np.ones((n, POINTS)),
              0.5 * smoothstep(0, 0.3, s) * smoothstep(1, 0.6, s) * np.ones((n, 1)))
    return layer.image()


def flyaway(canvas, sheet, rng, tone, count=240):
    """Single loose hairs over the rest: one (colour, coverage)."""
    loose = Sheet(sheet.guides, count, locks=count, wave=0.02, turns=1.3, spread=1.2,
                  stray=0.05, trim=0.5)
    path, place, lock = strands(loose, rng, count)
    layer = Strokes(canvas)
    s = np.linspace(0, 1, POINTS)[None, :]
    layer.add(path, fibre_light(path, place * 0.2, lock, rng, tone, 1.0), 0.0035 * np.ones((count, POINTS)),
              0.42 * smoothstep(0, 0.1, s) * smoothstep(1, 0.7, s) * np.ones((count, 1)))
    return layer.image()
