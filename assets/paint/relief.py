# SPDX-License-Identifier: MPL-2.0
"""The head as a height field: z towards the viewer, in eye distances."""

import numpy as np

from canvas import F, Spline, blur, gauss, smooth_max, smoothstep

EYE_Z, EYE_R = 0.985, 0.205


def head(canvas, face):
    """Height of the bare head; −inf-like (−3) outside its outline.

    Returns (z, r): r is 1 on the outline, 0 at the centre.
    """
    u, v = canvas.u, canvas.v
    du, dv = u, v - F(0.1)
    r = np.hypot(du, dv) / face.radius(np.arctan2(dv, du))
    down = dv / np.maximum(np.hypot(du, dv), F(1e-6))
    # Flat in front towards the chin and the brow, round towards the ears.
    n = F(2.25) + F(2.1) * np.clip(down, 0, 1) ** 2 + F(0.9) * np.clip(-down, 0, 1) ** 2
    inside = np.clip(1 - np.power(np.clip(r, 0, 1), n), 0, 1)
    z = F(1.32) * np.sqrt(inside)
    _masses(canvas, face, z)
    _nose(canvas, face, z)
    z = _lids(canvas, face, z)
    _mouth(canvas, face, z)
    _lines(canvas, face, z)
    z = blur(z, 0.006 * canvas.unit)
    return np.where(r < 1.0, z, F(-3)), r


def _masses(canvas, face, z):
    """The large forms: brow, sockets, cheeks, muzzle, chin, temples."""
    add = lambda *a, **k: gauss(canvas, z, *a, **k)
    add((0.46, -0.36), (0.30, 0.11), 0.055, angle=-0.06)
    add((0.0, -0.26), (0.16, 0.13), 0.035, mirror=False)
    add((0.0, -0.85), (0.55, 0.30), 0.05, mirror=False)
    add((0.50, -0.02), (0.27, 0.165), -0.150)
    add((0.235, -0.03), (0.085, 0.14), -0.055)
    add((0.50, 0.20), (0.22, 0.09), 0.045)
    add((0.80, -0.02), (0.12, 0.16), -0.02)
    add((0.70, 0.42), (0.24, 0.17), 0.095, angle=-0.35)
    add((0.42, 0.50), (0.20, 0.16), 0.035)
    add((0.74, 0.95), (0.17, 0.24), -0.035, angle=0.3)
    add((1.02, -0.55), (0.16, 0.28), -0.05)
    add((0.0, 1.06), (0.36, 0.24), 0.115, mirror=False)
    add((0.47, 1.12), (0.07, 0.11), -0.008)
    add((0.0, 1.55 + face.chin), (0.20, 0.14), 0.15, mirror=False)
    add((0.0, 1.37), (0.22, 0.06), -0.045, mirror=False)
    add((0.30, 1.45), (0.12, 0.16), -0.015)


def _nose(canvas, face, z):
    """Ridge, tip, wings and the underside with its column."""
    ys, xs = canvas.window(-0.6, 0.6, -0.5, 1.0)
    u, v, part = canvas.u[ys, xs], canvas.v[ys, xs], z[ys, xs]
    w = face.nose_width
    ridge = Spline([-0.5, -0.28, -0.12, 0.05, 0.25, 0.42, 0.54, 0.62, 0.70, 0.77, 0.85, 1.0],
                   [0.0, 0.02, 0.065, 0.13, 0.225, 0.305, 0.345, 0.325, 0.225, 0.09, 0.015, 0])
    wide = Spline([-0.5, -0.25, -0.08, 0.1, 0.3, 0.45, 0.56, 0.66, 0.8, 1.0],
                  [0.15, 0.12, 0.085, 0.088, 0.102, 0.122, 0.130, 0.11, 0.085, 0.09])
    rise = ridge(v) * F(face.nose_bridge)
    x = np.abs(u) / (wide(v) * F(w))
    # A skirt under the ridge joins it to the cheeks.
    part += rise * (F(0.78) * np.exp(-np.power(x, F(2.5)) * F(0.62))
                    + F(0.22) * np.exp(-np.square(x / F(2.1))))
    tip = np.square(u / F(0.135 * w)) + np.square((v - F(0.545)) / F(0.115))
    part += F(0.045) * np.exp(-tip * F(1.1))
    cheek = blur(part, 0.02 * canvas.unit)
    du, dv = np.abs(u) - F(0.150 * w), v - F(0.615)
    ball = 1 - np.square(du / F(0.088 * w)) - np.square((dv + F(0.25) * du) / F(0.105))
    # Falls away outside the wing, so that it blends into the cheek.
    wing = cheek + F(0.110) * np.power(np.clip(ball, 0, 1), F(0.68)) - F(0.035)
    wing -= F(0.045) * np.clip(-ball, 0, 6)
    z[ys, xs] = smooth_max(part, wing, F(0.08))
    gauss(canvas, z, (0.255 * w, 0.60), (0.022, 0.075), -0.032, angle=-0.25)
    gauss(canvas, z, (0.085 * w, 0.705), (0.042, 0.026), -0.055, angle=0.25)
    gauss(canvas, z, (0.0, 0.73), (0.028, 0.05), 0.02, mirror=False)


def _lids(canvas, face, z):
    """Lids as a shell over the eyeball, with the fold above them."""
    for side in (-1, 1):
        ys, xs = canvas.window(side * 0.5 - 0.45, side * 0.5 + 0.45, -0.45, 0.45)
        e, v = canvas.u[ys, xs] * F(side), canvas.v[ys, xs]
        d2 = np.square((e - F(0.5)) / F(1.12)) + np.square(v + F(0.01))
        shell = F(EYE_Z) + np.sqrt(np.clip(F(EYE_R + 0.02) ** 2 - d2, 0, None))
        off = np.clip(np.sqrt(d2) - F(EYE_R + 0.02), 0, None)
        shell -= off * (F(1.2) + F(14) * off)
        part = smooth_max(z[ys, xs], shell, F(0.055) + F(0.20) * smoothstep(0.0, 0.12, v)
                          + F(0.07) * smoothstep(0.58, 0.72, e))
        # The skin below the brow hangs over the fold.
        above = face.crease(e) - v
        t = np.clip((e - F(0.27)) / F(0.50), 0, 1)
        reach = np.power(np.clip(4 * t * (1 - t), 0, 1), F(0.5))
        part += F(0.030) * reach * smoothstep(-0.012, 0.022, above) * np.exp(
            -np.clip(above, 0, None) / F(0.10))
        # A soft bag edge under the lower lid.
        below = v - face.lid(e, False)
        part += F(0.006) * reach * np.exp(-np.square((below - F(0.035)) / F(0.022)))
        part -= F(0.004 + 0.018 * face.age) * reach * np.exp(
            -np.square((below - F(0.115)) / F(0.03)))
        z[ys, xs] = part
    return z


def lips(canvas, face):
    """Lip coordinates in a window round the mouth.

    Returns (window, s, q_up, q_low): s = |u| / half width, q 0 at the outer
    edge and 1 on the lip line (upper) or 0 there and 1 at the lower edge.
    """
    window = canvas.window(-0.62, 0.62, 0.78, 1.52)
    ys, xs = window
    s = np.abs(canvas.u[ys, xs]) / F(face.mouth_width)
    v, k = canvas.v[ys, xs], np.clip(s, 0, 1)
    top, line, low = face.lip_top(k), face.lip_line(k), face.lip_bottom(k)
    q_up = (v - top) / np.maximum(line - top, F(1e-3))
    q_low = (v - line) / np.maximum(low - line, F(1e-3))
    return window, s, q_up, q_low


def _mouth(canvas, face, z):
    """Philtrum, lips and the seam between them."""
    gauss(canvas, z, (0.0, 0.875), (0.032, 0.075), -0.020, mirror=False)
    gauss(canvas, z, (0.072, 0.885), (0.022, 0.075), 0.012, angle=-0.12)
    (ys, xs), s, up, low = lips(canvas, face)
    v = canvas.v[ys, xs]
    k = np.clip(s, 0, 1)
    fade = np.power(np.clip(1 - k, 0, 1), F(0.55))
    qu, ql = np.clip(up, 0, 1), np.clip(low, 0, 1)
    upper = np.power(np.abs(np.sin(F(np.pi) * np.power(qu, F(0.85)))), F(0.8)) * F(0.048)
    upper += F(0.012) * np.exp(-np.square(s / F(0.14))) * np.sin(np.pi * qu)
    lower = np.power(np.abs(np.sin(F(np.pi) * np.power(ql, F(0.9)))), F(0.75)) * F(0.070)
    z[ys, xs] += np.where(s < 1, (upper + lower) * fade, 0)
    # A step at the vermilion border, and the seam.
    edge = smoothstep(-0.14, 0.10, up) * smoothstep(1.14, 0.9, low)
    z[ys, xs] += F(0.012) * edge * np.where(s < 1, fade, 0)
    seam = np.square((v - face.lip_line(k)) / F(0.017))
    z[ys, xs] -= F(0.045) * np.exp(-seam) * smoothstep(1.05, 0.90, s)
    gauss(canvas, z, (face.mouth_width + 0.015, face.mouth_v), (0.035, 0.035), -0.016)


def _lines(canvas, face, z):
    """Nasolabial folds and the lines of age."""
    depth = 0.010 + 0.022 * face.age
    gauss(canvas, z, (0.37, 0.86), (0.030, 0.15), -depth, angle=-0.55)
    if face.age > 0:
        for k, v in enumerate((-0.62, -0.78, -0.93)):
            gauss(canvas, z, (0.05 * (-1) ** k, v), (0.42, 0.016),
                  -0.008 * face.age, mirror=False)
        gauss(canvas, z, (0.075, -0.30), (0.014, 0.075), -0.010 * face.age)
        for dv, angle in ((-0.05, -0.35), (0.02, 0.05), (0.08, 0.45)):
            gauss(canvas, z, (0.85, dv), (0.07, 0.010), -0.006 * face.age, angle=angle)
        gauss(canvas, z, (0.49, 1.30), (0.025, 0.10), -0.012 * face.age, angle=0.2)


def bust(canvas, face):
    """Heights of the neck and of the shoulders under the clothing."""
    u, v = canvas.u, canvas.v
    half = F(0.60 * face.neck) + F(0.16) * smoothstep(2.05, 2.7, v) - F(0.02) * smoothstep(1.6, 2.1, v)
    x = np.clip(np.abs(u) / half, 0, 1)
    neck = F(-0.55) + F(0.62) * np.sqrt(np.clip(1 - np.power(x, F(2.3)), 0, 1))
    neck = np.where(np.abs(u) < half, neck, F(-3))
    gauss(canvas, neck, (0.30, 2.15), (0.06, 0.55), 0.045, angle=0.32)
    gauss(canvas, neck, (0.0, 2.10), (0.13, 0.30), 0.04, mirror=False)
    gauss(canvas, neck, (0.0, 2.63), (0.10, 0.09), -0.10, mirror=False)
    gauss(canvas, neck, (0.36, 2.64), (0.30, 0.055), 0.06, angle=-0.12)
    return blur(neck, 0.01 * canvas.unit), half
