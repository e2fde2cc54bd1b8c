# SPDX-License-Identifier: MPL-2.0
"""Eyes, lashes and brows."""

from dataclasses import dataclass

import numpy as np

from canvas import F, Strokes, from_srgb, mix, smoothstep
from shape import INNER_CORNER, OUTER_CORNER

IRIS_R, PUPIL_R = 0.098, 0.037


@dataclass
class Gaze:
    """Colours of the eye as sRGB bytes."""

    iris: tuple = (112, 84, 52)
    iris_inner: tuple = (158, 108, 56)
    ring: tuple = (34, 26, 22)
    brow: tuple = (84, 58, 44)
    lash: tuple = (20, 14, 12)
    lash_length: float = 1.0
    white: float = 0.77       # brightness of the eyeball
    rim: tuple = (214, 152, 138)
    liner: float = 1.0        # darkness of the lashes' root line


def _fibres(rng, angle, rho):
    """Radial fibres of the iris, about −1…1."""
    out = np.zeros_like(rho)
    for count, amp in ((23, 0.25), (61, 0.45), (113, 0.6), (190, 0.5)):
        table = rng.standard_normal(count)
        bend = angle + F(rng.normal(0, 0.10)) * rho
        x = np.mod(bend / F(2 * np.pi), 1) * count
        i = x.astype(int) % count
        f = smoothstep(0, 1, x - np.floor(x))
        out += F(amp) * (table[i] * (1 - f) + table[(i + 1) % count] * f).astype(F)
    return out


def _iris(gaze, rng, du, dv):
    """Colour of iris and pupil at offsets from the pupil."""
    rho = np.hypot(du, dv) / F(IRIS_R)
    angle = np.arctan2(dv, du)
    fibre = _fibres(rng, angle, rho)
    tone = mix(np.broadcast_to(from_srgb(gaze.iris_inner), rho.shape + (3,)),
               from_srgb(gaze.iris), smoothstep(0.40, 0.78, rho + F(0.05) * fibre))
    tone = tone * (1 + F(0.34) * fibre * smoothstep(1.0, 0.6, rho))[..., None]
    # Light enters at the upper left and gathers on the far side.
    far = (du * F(0.55) + dv * F(0.80)) / F(IRIS_R)
    tone = tone * (F(0.62) + F(0.75) * smoothstep(-0.7, 0.9, far))[..., None]
    tone = mix(tone, from_srgb(gaze.ring), smoothstep(0.78, 1.0, rho) * F(0.88))
    pupil = smoothstep(PUPIL_R / IRIS_R + 0.05, PUPIL_R / IRIS_R - 0.05,
                       rho)
    return mix(tone, np.array((0.004, 0.004, 0.005), dtype=F), pupil), rho


def _ball(face, gaze, rng, u, v, side):
    """Eyeball colour in a window; e grows from the nose outwards."""
    e = u * F(side)
    mid = 0.5 + 0.004 * side
    du, dv = u - F(side * mid), v - F(-0.016)
    x = (e - F(0.5)) / F(0.23)
    white = np.broadcast_to(from_srgb((226, 217, 212)), u.shape + (3,)).astype(F)
    vein = np.clip(_fibres(rng, np.arctan2(dv, du), np.hypot(du, dv)), 0, 3)
    pink = np.clip(smoothstep(0.45, 1.0, np.abs(x)) * (F(0.30) + F(0.18) * vein), 0, 1)
    white = mix(white, from_srgb((206, 140, 130)), pink * F(0.75))
    body = F(1.0) - F(0.50) * np.power(np.clip(np.abs(x), 0, 1.2), F(2.2))
    body = body - F(0.14) * x * F(side) - F(0.5) * np.clip(dv, 0, None)
    white = white * (body * F(gaze.white))[..., None]
    iris, rho = _iris(gaze, rng, du, dv)
    edge = smoothstep(1.06, 0.95, rho)
    # The sclera darkens a little round the cornea.
    white = white * (1 - F(0.28) * np.exp(-np.square((rho - 1) / F(0.16))))[..., None]
    out = mix(white, iris * F(1.05), edge)
    tear = smoothstep(0.062, 0.028, np.hypot((e - F(INNER_CORNER[0] + 0.012)) * F(0.9),
                                             v - F(INNER_CORNER[1] - 0.004)))
    out = mix(out, from_srgb((196, 122, 112)), tear * F(0.9))
    lid = v - face.lid(e, True)
    out = out * (1 - F(0.68) * np.exp(-np.clip(lid, 0, None) / F(0.030)))[..., None]
    return _catch_lights(out, du, dv, e, v, face)


def _catch_lights(out, du, dv, e, v, face):
    """The key as a soft window, the fill as a faint patch, a wet rim."""
    x, y = (du + F(0.034)) / F(0.0165), (dv + F(0.038)) / F(0.020)
    x = x + F(0.15) * y
    window = smoothstep(1.25, 0.80, np.power(np.power(np.abs(x), 4) + np.power(np.abs(y), 4), F(0.25)))
    out = mix(out, np.array((1.0, 0.99, 0.97), dtype=F), window * F(0.90))
    x, y = (du - F(0.046)) / F(0.020), (dv - F(0.040)) / F(0.030)
    out = out + (F(0.085) * np.exp(-x * x - y * y))[..., None]
    rim = face.lid(e, False) - v
    wet = np.exp(-np.square((rim - F(0.008)) / F(0.006)))
    return out + (F(0.10) * wet)[..., None] * np.array((1, 0.9, 0.87), dtype=F)


def paint(canvas, face, gaze, rng, out):
    """Paints both eyes into `out` (linear, (h, w, 3))."""
    (ui, _), (uo, _) = INNER_CORNER, OUTER_CORNER
    px = F(1.0 / canvas.unit)
    for side in (-1, 1):
        ys, xs = canvas.window(side * 0.5 - 0.34, side * 0.5 + 0.34, -0.3, 0.3)
        u, v = canvas.u[ys, xs], canvas.v[ys, xs]
        e = u * F(side)
        up, low = face.lid(e, True), face.lid(e, False)
        across = smoothstep(ui - 0.002, ui + 0.004, e) * smoothstep(uo + 0.002, uo - 0.004, e)
        soft = F(0.004) + px
        opening = smoothstep(-soft, soft, v - up) * smoothstep(-soft, soft, low - v) * across
        part = out[ys, xs]
        t = np.clip((e - F(ui)) / F(uo - ui), 0, 1)
        # The lower lid's edge has a thickness that catches light.
        shelf = smoothstep(-0.004, 0.004, v - low) * smoothstep(0.022, 0.012, v - low)
        shelf = shelf * across * np.power(np.clip(4 * t * (1 - t), 0, 1), F(0.4))
        part = mix(part, from_srgb(gaze.rim) * F(0.80), shelf * F(0.50))
        part = mix(part, _ball(face, gaze, rng, u, v, side), opening)
        # Root line of the upper lashes, stronger outwards.
        liner = np.exp(-np.square((v - up + F(0.004)) / (F(0.008) + F(0.006) * t)))
        reach = smoothstep(ui - 0.01, ui + 0.07, e) * smoothstep(uo + 0.035, uo - 0.01, e)
        part = mix(part, from_srgb(gaze.lash), liner * reach * (F(0.50) + F(0.40) * t) * F(gaze.liner))
        fold = np.exp(-np.square((v - face.crease(e)) / F(0.010)))
        inside = smoothstep(ui - 0.02, ui + 0.10, e) * smoothstep(uo + 0.06, uo - 0.08, e)
        part = part * (1 - fold * inside * F(0.40))[..., None] ** np.array((0.8, 1.0, 1.05), dtype=F)
        out[ys, xs] = part
    _lashes(canvas, face, gaze, rng, out)
    _brows(canvas, face, gaze, rng, out)


def _lashes(canvas, face, gaze, rng, out):
    (ui, _), (uo, _) = INNER_CORNER, OUTER_CORNER
    layer = Strokes(canvas)
    k = np.linspace(0, 1, 12)[None, :]
    for side in (-1, 1):
        for upper, n, length in ((True, 170, 0.072), (False, 90, 0.034)):
            t = np.sort(rng.uniform(0.06 if upper else 0.22, 1.0, n))
            e = ui + (uo - ui) * t
            v = face.lid(e, upper) + (-0.002 if upper else 0.016)
            lean = (t - 0.40) * 2.1 + rng.normal(0, 0.20, n)
            # In clusters that meet at their tips.
            lean += 0.16 * np.sin(t * 60 + rng.uniform(0, 6))
            size = length * gaze.lash_length * (0.45 + 0.75 * t) * rng.uniform(0.55, 1.1, n)
            up = -1 if upper else 1
            x = e[:, None] + size[:, None] * k * np.sin(lean)[:, None] * (0.7 + 0.3 * k)
            lift = (0.10 * k + 0.55 * k * k) if upper else (0.75 * k - 0.1 * k * k)
            y = v[:, None] + up * size[:, None] * lift * np.cos(lean)[:, None]
            path = np.stack([x * side, y], -1)
            tone = np.broadcast_to(from_srgb(gaze.lash), (n, 12, 3))
            wide = (0.0066 if upper else 0.0036) * (1 - 0.85 * k) * np.ones((n, 1))
            dark = (0.78 if upper else 0.25) * (1 - 0.7 * k) * np.ones((n, 1))
            layer.add(path, tone, wide, dark)
    rgb, cover = layer.image()
    out[:] = mix(out, rgb, np.clip(cover, 0, 1))


def _brows(canvas, face, gaze, rng, out):
    line = face.brow(200)
    tangent = np.gradient(line, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], -1)
    half = np.interp(np.linspace(0, 1, 200), [0, 0.12, 0.35, 0.65, 1],
                     [0.030, 0.043, 0.041, 0.029, 0.005]) * face.brow_weight
    k = np.linspace(0, 1, 8)[None, :, None]
    for side in (-1, 1):
        for n, alpha, width in ((240, 0.13, 0.016), *[(105, 0.52, 0.0048)] * 5):
            layer = Strokes(canvas)
            t = np.power(rng.uniform(0, 1, n), 0.9)
            i = np.clip((t * 199).astype(int), 0, 199)
            across = np.clip(rng.normal(0, 0.55, n), -1.1, 1.1)
            root = line[i] + normal[i] * (across * half[i])[:, None]
            # Upright at the inner end, then lying down towards the tail;
            # hairs from above and below lean to the middle.
            rise = np.interp(t, [0, 0.1, 0.3, 1], [1.35, 0.95, 0.45, 0.12])
            rise = rise - 0.35 * across * np.interp(t, [0, 0.25, 1], [0.2, 1, 1])
            rise += rng.normal(0, 0.12, n)
            heading = tangent[i] * np.cos(rise)[:, None] + normal[i] * np.sin(rise)[:, None]
            bend = tangent[i] * 0.35
            size = rng.uniform(0.05, 0.095, n)[:, None, None] * np.interp(
                t, [0, 0.2, 1], [0.7, 1, 0.75])[:, None, None]
            path = root[:, None] + size * (k * heading[:, None] + k * k * bend[:, None])
            path[..., 0] *= side
            path[..., 1] += 0.007 * side
            tone = from_srgb(gaze.brow) * rng.uniform(0.25, 1.35, (n, 1))
            thin = width * (1 - 0.75 * k[..., 0]) * np.ones((n, 1))
            fade = np.interp(t, [0, 0.1, 0.85, 1], [0.35, 0.9, 1, 0.7])[:, None]
            layer.add(path, np.repeat(tone[:, None], 8, 1), thin, alpha * fade * np.ones((1, 8)))
            # One layer over the other keeps the hairs apart.
            rgb, cover = layer.image()
            out[:] = mix(out, rgb, np.clip(cover, 0, 0.9))
