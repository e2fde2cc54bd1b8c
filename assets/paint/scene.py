# SPDX-License-Identifier: MPL-2.0
"""What is round the face: backdrop, neck, ears, clothing."""

import numpy as np

import light
from canvas import F, blur, curve, from_srgb, gauss, mix, noise, polygon_distance, smoothstep


def backdrop(canvas, rng, near, far):
    """A soft, out-of-focus wall: two colours (sRGB bytes) and a glow."""
    u, v = canvas.u, canvas.v
    t = np.clip(F(0.5) + F(0.16) * u + F(0.10) * v, 0, 1)
    out = mix(np.broadcast_to(from_srgb(far), (canvas.h, canvas.w, 3)), from_srgb(near), t)
    halo = np.exp(-np.square((u - F(0.9)) / F(1.7)) - np.square((v - F(0.1)) / F(1.9)))
    out = out * (F(0.72) + F(0.75) * halo)[..., None]
    drift = blur(noise(rng, canvas, 1.6, 2), 0.25 * canvas.unit)
    return out * (1 + F(0.10) * drift)[..., None]


EAR = [(1.02, 0.02), (1.06, -0.10), (1.13, -0.155), (1.205, -0.125), (1.24, -0.01),
       (1.225, 0.15), (1.185, 0.30), (1.15, 0.44), (1.115, 0.545), (1.065, 0.575),
       (1.02, 0.52), (0.98, 0.3)]


def ears(canvas):
    """Heights of both ears and their mask."""
    z = np.full((canvas.h, canvas.w), F(-3))
    mask = np.zeros((canvas.h, canvas.w), dtype=F)
    ring = curve(EAR + EAR[:1], 90)[:-1]
    px = F(1.0 / canvas.unit)
    for side in (-1, 1):
        u0, u1 = sorted((side * 0.85, side * 1.4))
        window = canvas.window(u0, u1, -0.35, 0.75)
        d = polygon_distance(canvas, ring * [side, 1], window)
        ys, xs = window
        e, v = canvas.u[ys, xs] * F(side), canvas.v[ys, xs]
        rim = np.exp(-np.square((d - F(0.030)) / F(0.022))) * smoothstep(0.50, 0.30, v)
        fold = np.exp(-np.square((d - F(0.085)) / F(0.020))) * smoothstep(0.30, 0.15, v)
        bowl = np.exp(-np.square((e - F(1.075)) / F(0.045)) - np.square((v - F(0.20)) / F(0.11)))
        lobe = np.exp(-np.square((e - F(1.09)) / F(0.06)) - np.square((v - F(0.49)) / F(0.07)))
        shape = F(0.10) + F(0.050) * rim + F(0.032) * fold - F(0.11) * bowl + F(0.045) * lobe
        shape += F(0.10) * smoothstep(0.0, 0.05, d) - F(0.15) * (e - F(1.05))
        z[ys, xs] = np.where(d > -2 * px, shape, z[ys, xs])
        mask[ys, xs] = np.maximum(mask[ys, xs], smoothstep(-px, px, d))
    return z, mask


SHOULDER = [(0.50, 1.85), (0.64, 2.24), (0.90, 2.48), (1.35, 2.63), (1.85, 2.81),
            (2.25, 3.06), (2.48, 3.50), (2.6, 4.2)]


def clothing(canvas, rng, kind):
    """A knitted pullover: (height, mask, grain).

    `kind` gives the neckline: depth of its lowest point and its half width.
    """
    depth, width = kind
    u, v = canvas.u, canvas.v
    line = curve(SHOULDER, 400)
    slope = np.interp(np.abs(u), line[:, 0], line[:, 1]).astype(F)
    px = F(1.2 / canvas.unit)
    x = np.clip(np.abs(u) / F(width), 0, 1)
    # The neckline hangs as an ellipse from the sides of the neck.
    neck = F(2.27) + F(depth - 2.27) * np.sqrt(np.clip(1 - np.power(x, F(2.4)), 0, 1))
    edge = np.maximum(slope - F(0.02), np.where(np.abs(u) < width, neck, F(-9)))
    below = v - edge
    mask = smoothstep(-px, px, below)
    z = F(-0.20) + F(0.10) * v - F(0.17) * np.square(u)
    z = z - F(0.62) * np.exp(-np.clip(v - slope, 0, None) / F(0.20)) * smoothstep(0.45, 1.1, np.abs(u))
    band = np.exp(-np.square((below - F(0.055)) / F(0.045)))
    z = z + F(0.030) * band + F(0.02) * smoothstep(0.0, 0.02, below)
    z = z - F(0.020) * np.exp(-np.square((below - F(0.125)) / F(0.014)))
    gauss(canvas, z, (0.95, 3.25), (0.09, 0.5), 0.05, angle=-0.6)
    gauss(canvas, z, (0.35, 3.55), (0.06, 0.4), 0.03, angle=-0.9)
    z = z + F(0.022) * noise(rng, canvas, 0.5, 2)
    # Knit: rows of stitches, ribs in the band.
    a = u * F(46) + F(0.4) * noise(rng, canvas, 0.5, 1)
    rows = v * F(52) + F(1.4) * np.abs(np.sin(a * F(np.pi))) 
    stitch = np.sin(rows * F(np.pi)) * F(0.5) + np.abs(np.sin(a * F(np.pi))) * F(0.5)
    rib = np.abs(np.sin(np.arctan2(u, v - F(1.9)) * F(70)))
    in_band = smoothstep(0.125, 0.110, below)
    grain = stitch * (1 - in_band) + (rib * F(1.3) - F(0.3)) * in_band
    z = z + F(0.0032) * grain
    return z, mask, grain, below


def cloth_shade(canvas, z, grain, colour, lit, rng):
    """Lights the cloth: matt, with a soft nap at the edges."""
    n = light.normals(canvas, blur(z, 0.004 * canvas.unit))
    seen = light.openness(canvas, z)
    tone = from_srgb(colour) * (1 + F(0.16) * (grain - F(0.4)))[..., None]
    tone = tone * (1 + F(0.06) * noise(rng, canvas, 0.05, 3))[..., None]
    return tone * light.irradiance(n, lit, seen, wrap=0.3) * F(0.92)
