# SPDX-License-Identifier: MPL-2.0
"""Light on a height field: key, fill, sky, shadows, skin's inner glow."""

import numpy as np

from canvas import F, blur, resize, smoothstep

def _unit(v):
    v = np.asarray(v, dtype=F)
    return v / np.linalg.norm(v)


KEY = _unit((-0.58, -0.48, 0.66))
FILL = _unit((0.75, -0.10, 0.65))
RIM = _unit((0.85, -0.35, -0.25))
KEY_COLOUR = np.array((1.42, 1.31, 1.17), dtype=F)
FILL_COLOUR = np.array((0.235, 0.235, 0.25), dtype=F)
SKY_COLOUR = np.array((0.23, 0.24, 0.26), dtype=F)
GROUND_COLOUR = np.array((0.18, 0.13, 0.10), dtype=F)
RIM_COLOUR = np.array((0.50, 0.50, 0.52), dtype=F)


def normals(canvas, z):
    """Unit normals (x, y, z planes) of a height field in eye distances."""
    dv, du = np.gradient(z, F(1 / canvas.unit))
    inv = 1 / np.sqrt(1 + du * du + dv * dv)
    return -du * inv, -dv * inv, inv


def along(n, direction):
    """Cosine between the normals and a direction."""
    return n[0] * direction[0] + n[1] * direction[1] + n[2] * direction[2]


def cast_shadow(canvas, z, reach=1.1, soft=0.16):
    """Light that arrives from the key: 1 lit … 0 in another form's shadow."""
    unit = 72.0
    w, h = (max(8, round(n * unit / canvas.unit)) for n in (canvas.w, canvas.h))
    small = np.clip(resize(z, w, h), F(-1.6), None)
    lit = np.ones_like(small)
    flat = np.hypot(KEY[0], KEY[1])
    for t in np.arange(0.03, reach, 0.02):
        dx, dy = (int(round(KEY[i] / flat * t * unit)) for i in (0, 1))
        pad = np.pad(small, max(abs(dx), abs(dy)) + 1, mode="edge")
        m = max(abs(dx), abs(dy)) + 1
        there = pad[m + dy:m + dy + h, m + dx:m + dx + w]
        excess = there - small - F(t * KEY[2] / flat)
        width = F(soft * t + 0.02)
        np.minimum(lit, 1 - smoothstep(-0.3 * width, width, excess), out=lit)
    lit = np.clip(resize(blur(lit, 0.03 * unit), canvas.w, canvas.h), 0, 1)
    return F(0.16) + F(0.84) * lit


def openness(canvas, z, scales=((0.03, 0.55), (0.09, 0.75), (0.25, 0.55))):
    """Ambient light that a point sees, from how deep it lies (0…1)."""
    z = np.clip(z, F(-1.5), None)
    seen = np.ones_like(z)
    for size, weight in scales:
        depth = (blur(z, size * canvas.unit) - z) / F(size)
        seen *= 1 - F(weight) * smoothstep(0.0, 1.3, depth)
    return seen


def irradiance(n, lit, seen, wrap=0.12):
    """Diffuse light (h, w, 3) on normals n."""
    key = np.clip((along(n, KEY) + F(wrap)) / F(1 + wrap), 0, None) * lit
    fill = np.clip((along(n, FILL) + F(0.35)) / F(1.35), 0, None) * seen
    up = (F(0.5) - F(0.5) * n[1]) * seen
    rim = np.clip(along(n, RIM), 0, None)
    out = key[..., None] * KEY_COLOUR + fill[..., None] * FILL_COLOUR
    out += up[..., None] * SKY_COLOUR + ((1 - up) * seen)[..., None] * GROUND_COLOUR
    return out + rim[..., None] * RIM_COLOUR


def glow(canvas, light, mask, radii=(0.034, 0.014, 0.006)):
    """Scatters the light under the skin, red furthest, inside `mask`."""
    out = np.empty_like(light)
    for c, r in enumerate(radii):
        for share, size in ((0.55, r), (0.45, r * 0.3)):
            s = size * canvas.unit
            spread = blur(light[..., c] * mask, s) / np.maximum(blur(mask, s), F(1e-3))
            if share == 0.55:
                out[..., c] = F(share) * spread
            else:
                out[..., c] += F(share) * spread
    return out


def shine(n, power, direction=KEY):
    """Blinn-Phong lobe of a light seen from the front."""
    half = _unit(direction + np.array((0, 0, 1), dtype=F))
    return np.power(np.clip(along(n, half), 0, 1), F(power))


def edge_sheen(n):
    """Fresnel term (Schlick), 0.04 at the front … 1 at the outline."""
    return F(0.04) + F(0.96) * np.power(1 - np.clip(n[2], 0, 1), F(5))
