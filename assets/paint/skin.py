# SPDX-License-Identifier: MPL-2.0
"""Skin: its colour over the face, its pores, and how it takes the light."""

from dataclasses import dataclass

import numpy as np

import light
import relief
from canvas import F, Strokes, blur, from_srgb, gauss, mix, noise, smoothstep


@dataclass
class Complexion:
    """Colours as sRGB bytes of the albedo."""

    skin: tuple = (226, 178, 152)
    blush: tuple = (222, 138, 122)
    lips: tuple = (190, 100, 98)
    shade: tuple = (168, 112, 102)   # round the eyes
    freckles: float = 0.35
    stubble: float = 0.0
    stubble_colour: tuple = (70, 60, 58)
    shine: float = 1.0


def field(canvas, mounds):
    """A weight map made of Gaussian mounds ((u, v), (su, sv), height)."""
    out = np.zeros((canvas.h, canvas.w), dtype=F)
    for centre, sigma, height, mirror in mounds:
        gauss(canvas, out, centre, sigma, height, mirror=mirror)
    return out


def colour(canvas, face, skin, rng):
    """Albedo (h, w, 3) of face and neck without lips."""
    base = from_srgb(skin.skin)
    out = np.broadcast_to(base, (canvas.h, canvas.w, 3)).astype(F)
    flush = field(canvas, [
        ((0.66, 0.48), (0.27, 0.19), 0.34, True), ((0.0, 0.57), (0.15, 0.12), 0.30, False),
        ((0.18, 0.62), (0.09, 0.09), 0.24, True), ((0.0, 1.55), (0.22, 0.13), 0.20, False),
        ((0.0, 0.95), (0.30, 0.10), 0.14, False), ((0.5, -0.13), (0.20, 0.07), 0.16, True),
        ((1.12, 0.25), (0.09, 0.35), 0.55, True), ((0.0, 2.85), (0.4, 0.25), 0.25, False)])
    flush *= 1 + F(0.35) * noise(rng, canvas, 0.16, 4)
    out = mix(out, from_srgb(skin.blush), np.clip(flush, 0, 0.9))
    # The hollows below the eyes, beside the nose and at the temples.
    dark = field(canvas, [
        ((0.47, 0.15), (0.17, 0.05), 0.20, True), ((0.25, 0.03), (0.05, 0.08), 0.20, True),
        ((0.50, 0.11), (0.20, 0.07), 0.50, True), ((0.27, 0.05), (0.07, 0.12), 0.50, True),
        ((0.75, 0.06), (0.08, 0.08), 0.10, True),
        ((0.52, -0.11), (0.22, 0.06), 0.34, True), ((0.15, 0.72), (0.06, 0.03), 0.30, True)])
    out = mix(out, from_srgb(skin.shade), np.clip(dark, 0, 0.8))
    # Brow bone and brow are paler than the hollows under them, by the same shade.
    pale = field(canvas, [((0.45, -0.22), (0.20, 0.07), 0.36, True), ((0.50, -0.36), (0.20, 0.05), 0.18, True)])
    paler = (from_srgb(skin.skin) / from_srgb(skin.shade)).mean() - 1
    out *= 1 + paler * pale[..., None]
    mottle = noise(rng, canvas, 0.22, 5, gain=0.7)
    out *= 1 + mottle[..., None] * np.array((0.030, 0.055, 0.060), dtype=F)
    out *= 1 + F(0.022) * noise(rng, canvas, 0.02, 2)[..., None]
    _freckles(canvas, skin, rng, out)
    if skin.stubble > 0:
        _stubble(canvas, face, skin, rng, out)
    return out


def _freckles(canvas, skin, rng, out):
    n = int(260 * skin.freckles)
    if n == 0:
        return
    spots = Strokes(canvas)
    side = rng.choice([-1, 1], n)
    at = np.stack([side * np.abs(rng.normal(0.50, 0.28, n)),
                   rng.normal(0.42, 0.17, n)], -1)
    length = rng.uniform(0.002, 0.006, (n, 1))
    path = at[:, None, :] + np.stack(
        [np.linspace(-1, 1, 4)[None, :] * length, np.zeros((n, 4))], -1)
    width = np.repeat(rng.uniform(0.006, 0.014, (n, 1)), 4, 1)
    alpha = np.repeat(rng.uniform(0.12, 0.48, (n, 1)), 4, 1)
    spots.add(path, np.zeros((n, 4, 3)), width, alpha)
    cover = blur(spots.image()[1], 0.004 * canvas.unit)
    out *= 1 - cover[..., None] * np.array((0.30, 0.45, 0.52), dtype=F)


def beard_area(canvas, face):
    """Where a beard grows, 0…1."""
    u, v = canvas.u, canvas.v
    low = smoothstep(0.78, 1.12, v + F(0.42) * smoothstep(0.45, 1.0, np.abs(u)))
    side = smoothstep(0.30, 0.52, np.abs(u)) + smoothstep(1.30, 1.42, v)
    lip = smoothstep(0.45, 0.36, np.abs(u)) * smoothstep(0.80, 0.86, v) * smoothstep(1.02, 0.98, v)
    chin = smoothstep(1.33, 1.45, v) * smoothstep(0.5, 0.3, np.abs(u))
    area = np.clip(low * side + lip + chin, 0, 1) * smoothstep(1.98, 1.72, v)
    window, s, up, down = relief.lips(canvas, face)
    red = (s < 1.05) & (up > -0.1) & (down < 1.1)
    area[window] *= 1 - red.astype(F)
    # Hardly any on the neck, where it would hide the jaw.
    r = np.hypot(u, v - F(0.1)) / face.radius(np.arctan2(v - F(0.1), u))
    area *= F(0.25) + F(0.75) * smoothstep(1.03, 0.99, r)
    return blur(area, 0.025 * canvas.unit)


def _stubble(canvas, face, skin, rng, out):
    area = beard_area(canvas, face)
    tone = from_srgb(skin.stubble_colour)
    out[:] = mix(out, tone, area * F(0.30 * skin.stubble))
    n = 40000
    at = np.stack([rng.uniform(-1.1, 1.1, n), rng.uniform(0.5, 2.0, n)], -1)
    px = np.clip(canvas.pixels(at).astype(int), 0, [canvas.w - 1, canvas.h - 1])
    keep = area[px[:, 1], px[:, 0]] > rng.uniform(0, 1, n)
    at = at[keep]
    n = len(at)
    heading = np.stack([at[:, 0] * 0.5 + rng.normal(0, 0.4, n), np.ones(n)], -1)
    heading /= np.hypot(*heading.T)[:, None]
    step = np.linspace(0, 1, 4)[None, :, None] * rng.uniform(0.012, 0.03, (n, 1, 1))
    layer = Strokes(canvas)
    shade = tone * rng.uniform(0.4, 1.6, (n, 1))
    layer.add(at[:, None] + heading[:, None] * step, np.repeat(shade[:, None], 4, 1),
              np.full((n, 4), 0.0038), np.full((n, 4), 0.58 * skin.stubble))
    rgb, cover = layer.image()
    out[:] = mix(out, rgb, cover)


def paint_lips(canvas, face, skin, rng, out):
    """Lip colour, its vertical grain and the dark seam; returns both as masks."""
    window, s, up, low = relief.lips(canvas, face)
    ys, xs = window
    v, k = canvas.v[ys, xs], np.clip(s, 0, 1)
    px = F(1.5 / canvas.unit)
    top, line, bottom = face.lip_top(k), face.lip_line(k), face.lip_bottom(k)
    soft = F(0.016) + px
    mask = (smoothstep(-0.6 * soft, soft, v - top) * smoothstep(-0.8 * soft, 1.2 * soft, bottom - v)
            * smoothstep(1.02, 0.90, s))
    u = canvas.u[ys, xs]
    grain = noise(rng, canvas, 0.03, 3, stretch=(0.5, 4.0), gain=0.7)[ys, xs]
    tone = np.broadcast_to(from_srgb(skin.lips), mask.shape + (3,)).astype(F)
    upper = smoothstep(0.01, -0.01, v - line)
    tone = tone * (1 - F(0.20) * upper)[..., None]
    tone = tone * (1 + F(0.13) * grain)[..., None]
    # Paler in the middle of the lower lip, deeper towards the seam.
    tone = mix(tone, from_srgb(skin.blush), F(0.25) * np.exp(
        -np.square(u / F(0.2)) - np.square((v - line - F(0.09)) / F(0.05))))
    near = np.exp(-np.abs(v - line) / F(0.030))
    tone = tone * (1 - F(0.42) * near)[..., None]
    out[ys, xs] = mix(out[ys, xs], tone, mask * F(0.88))
    width = F(0.0085) + F(0.005) * np.exp(-np.square(s / F(0.5)))
    seam = np.exp(-np.square((v - line) / width)) * smoothstep(1.04, 0.94, s)
    full = np.zeros((canvas.h, canvas.w), dtype=F)
    dark = np.zeros_like(full)
    full[ys, xs], dark[ys, xs] = mask, seam
    return full, dark


def nostrils(canvas, face):
    """Darkness of the nostrils, 0…1."""
    out = np.zeros((canvas.h, canvas.w), dtype=F)
    w = face.nose_width
    for side in (-1, 1):
        window = canvas.window(side * 0.1 * w - 0.12, side * 0.1 * w + 0.12, 0.6, 0.82)
        ys, xs = window
        e, v = canvas.u[ys, xs] * F(side) - F(0.100 * w), canvas.v[ys, xs] - F(0.700)
        a, b = e * F(0.95) + v * F(0.30), v * F(0.95) - e * F(0.30)
        b = b + F(3.5) * a * a
        d = np.square(a / F(0.058 * w)) + np.square(b / F(0.024))
        out[ys, xs] = np.maximum(out[ys, xs], smoothstep(1.35, 0.45, d))
    return out


def shade(canvas, z, albedo, mask, lit, rng, skin, wet=None, mounds=True):
    """Lights a skin surface: diffuse with inner glow, pores, shine."""
    n = light.normals(canvas, z)
    seen = light.openness(canvas, z)
    diffuse = light.glow(canvas, light.irradiance(n, lit, seen), mask)
    out = albedo * diffuse
    pores = noise(rng, canvas, 0.012, 2, gain=0.8) * F(0.0016)
    rough = light.normals(canvas, z + pores)
    oil = np.full(z.shape, F(0.05))
    if mounds:
        oil += field(canvas, [
            ((0.0, 0.52), (0.09, 0.10), 0.10, False), ((0.0, 0.2), (0.05, 0.2), 0.05, False),
            ((0.68, 0.33), (0.20, 0.12), 0.06, True), ((0.0, -0.75), (0.5, 0.25), 0.05, False),
            ((0.0, 1.56), (0.14, 0.09), 0.04, False), ((0.5, -0.1), (0.15, 0.05), 0.04, True)])
    if wet is not None:
        oil += wet * F(0.10)
    gloss = light.shine(rough, 12) * F(0.55) + light.shine(rough, 45) * F(0.75)
    if wet is not None:
        gloss += wet * light.shine(rough, 120) * F(1.2)
    gloss *= oil * lit * F(1.3 * skin.shine)
    gloss += light.shine(rough, 25, light.FILL) * oil * F(0.20) * seen
    gloss += light.edge_sheen(n) * seen * F(0.10) * smoothstep(0.25, -0.35, n[1])
    return out + gloss[..., None] * np.array((1.0, 0.97, 0.93), dtype=F)
