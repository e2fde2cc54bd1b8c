# SPDX-License-Identifier: MPL-2.0
"""Pixels: the coordinate frame, blurs, noise, splines and brush strokes.

Everything is drawn in face units: the distance between the eye centres is
1, the origin lies between the eyes, u points to the viewer's right and v
down. Colours are linear light until the last step.
"""

import numpy as np
from PIL import Image

F = np.float32


def _sway(u):
    """How much lower the picture is at u: no living face is symmetric."""
    return 0.011 * np.sin(1.9 * u + 0.4)


class Canvas:
    """The picture's size and the map between face units and pixels."""

    def __init__(self, width, height, iod, eye_y, scale):
        self.width, self.height = width, height
        self.iod, self.eye_y, self.scale = iod, eye_y, scale
        self.w, self.h = round(width * scale), round(height * scale)
        self.unit = iod * scale
        self.cx, self.cy = self.w / 2.0, eye_y * scale
        x = (np.arange(self.w, dtype=F) + F(0.5) - F(self.cx)) / F(self.unit)
        y = (np.arange(self.h, dtype=F) + F(0.5) - F(self.cy)) / F(self.unit)
        self.u = np.broadcast_to(x[None, :], (self.h, self.w))
        self.v = y[:, None] - _sway(x)[None, :].astype(F)

    def pixels(self, points):
        """Face units to pixel positions (pixel centres at +0.5)."""
        p = np.array(points, dtype=np.float64)
        p[..., 1] += _sway(p[..., 0])
        return p * self.unit + np.array([self.cx, self.cy])

    def half(self):
        """The same picture with half as many pixels each way."""
        return Canvas(self.width, self.height, self.iod, self.eye_y, self.scale / 2)

    def window(self, u0, u1, v0, v1):
        """Slices of the rectangle u0..u1 × v0..v1, cut to the picture."""
        (x0, y0), (x1, y1) = self.pixels([(u0, v0), (u1, v1)])
        ys = slice(max(int(y0), 0), min(max(int(y1) + 1, 0), self.h))
        xs = slice(max(int(x0), 0), min(max(int(x1) + 1, 0), self.w))
        return ys, xs


def smoothstep(a, b, x):
    """0 below a, 1 above b, a smooth cubic between (a may exceed b)."""
    t = np.clip((x - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


def smooth_max(a, b, k):
    """Maximum with its corner rounded over a height of about k."""
    h = np.clip(k - np.abs(a - b), 0, None) / k
    return np.maximum(a, b) + h * h * F(k * 0.25)


def mix(a, b, t):
    """Linear blend; `t` gets a colour axis if the others have one."""
    if np.ndim(t) == 2 and max(np.ndim(a), np.ndim(b)) == 3:
        t = t[..., None]
    return a + (b - a) * t


class Spline:
    """Natural cubic spline through (x, y), as a dense table."""

    def __init__(self, knots, values, samples=4096):
        x = np.asarray(knots, dtype=np.float64)
        y = np.asarray(values, dtype=np.float64)
        self.x = np.linspace(x[0], x[-1], samples)
        self.y = cubic(x, y, self.x)

    def __call__(self, at):
        return np.interp(at, self.x, self.y).astype(F)


def cubic(x, y, at):
    """Evaluates the natural cubic spline through (x, y) at `at`."""
    n = len(x)
    h = np.diff(x)
    slope = np.diff(y, axis=0) / (h if y.ndim == 1 else h[:, None])
    a = np.zeros((n, n))
    a[0, 0] = a[-1, -1] = 1
    rhs = np.zeros_like(y)
    for i in range(1, n - 1):
        a[i, i - 1], a[i, i], a[i, i + 1] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        rhs[i] = 6 * (slope[i] - slope[i - 1])
    m = np.linalg.solve(a, rhs)
    i = np.clip(np.searchsorted(x, at) - 1, 0, n - 2)
    col = (lambda q: q) if y.ndim == 1 else (lambda q: q[..., None])
    t, hi = col(np.asarray(at) - x[i]), col(h[i])
    b = slope[i] - hi * (2 * m[i] + m[i + 1]) / 6
    return y[i] + t * (b + t * (m[i] / 2 + t * (m[i + 1] - m[i]) / (6 * hi)))


def curve(points, count):
    """`count` points along a smooth curve through `points` (chord length)."""
    p = np.asarray(points, dtype=np.float64)
    s = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(p, axis=0).T))])
    return cubic(s / s[-1], p, np.linspace(0, 1, count))


def resize(a, w, h, how=Image.Resampling.BICUBIC):
    """Resamples a plane or a stack of planes to w × h."""
    if a.ndim == 3:
        planes = [resize(a[..., c], w, h, how) for c in range(a.shape[2])]
        return np.stack(planes, axis=-1)
    image = Image.fromarray(np.ascontiguousarray(a, dtype=F))
    return np.asarray(image.resize((w, h), how), dtype=F)


def _box(a, r):
    """Mean over 2r+1 pixels along axis 0, edges repeated."""
    p = np.pad(a, ((r + 1, r), (0, 0)), mode="edge").astype(np.float64)
    s = np.cumsum(p, axis=0)
    return ((s[2 * r + 1:] - s[:-2 * r - 1]) / (2 * r + 1)).astype(F)


def blur(a, sigma):
    """Gaussian blur (three box passes), sigma in pixels; big ones shrunk."""
    if a.ndim == 3:
        return np.stack([blur(a[..., c], sigma) for c in range(a.shape[2])], -1)
    if sigma < 0.4:
        return a
    h, w = a.shape
    f = max(1, int(sigma / 4))
    if f > 1:
        sw, sh = max(w // f, 2), max(h // f, 2)
        small = blur(resize(a, sw, sh, Image.Resampling.BOX), sigma / f)
        return resize(small, w, h)
    # Radii whose three box variances sum to sigma².
    total = int(round((np.sqrt(4 * sigma * sigma + 1) - 1) * 1.5))
    radii = [total // 3 + (1 if i < total % 3 else 0) for i in range(3)]
    for r in radii:
        if r:
            a = _box(_box(a, r).T, r).T
    return np.ascontiguousarray(a)


def noise(rng, canvas, size, octaves=3, stretch=(1.0, 1.0), gain=0.5):
    """Smooth noise, about −1…1; `size` is the coarsest feature in units."""
    total = np.zeros((canvas.h, canvas.w), dtype=F)
    amp, norm = 1.0, 0.0
    for _ in range(octaves):
        nx = max(2, round(canvas.w / canvas.unit / (size * stretch[0])))
        ny = max(2, round(canvas.h / canvas.unit / (size * stretch[1])))
        grid = rng.standard_normal((ny, nx)).astype(F)
        total += F(amp) * resize(grid, canvas.w, canvas.h)
        norm += amp * amp
        amp, size = amp * gain, size * 0.5
    return total / F(1.6 * np.sqrt(norm))


def gauss(canvas, out, centre, sigma, height, angle=0.0, mirror=True):
    """Adds a Gaussian mound of `height` to `out` (both sides if mirrored)."""
    (cu, cv), (su, sv) = centre, sigma
    reach = 3.6 * max(su, sv)
    for side in (1, -1) if mirror else (1,):
        ys, xs = canvas.window(side * cu - reach, side * cu + reach,
                               cv - reach, cv + reach)
        du = canvas.u[ys, xs] * F(side) - F(cu)
        dv = canvas.v[ys, xs] - F(cv)
        c, s = F(np.cos(angle)), F(np.sin(angle))
        a, b = (c * du + s * dv) / F(su), (c * dv - s * du) / F(sv)
        out[ys, xs] += F(height) * np.exp(F(-0.5) * (a * a + b * b))
    return out


def polygon_distance(canvas, points, window):
    """Signed distance (units, > 0 inside) to a closed polygon in a window."""
    ys, xs = window
    u, v = canvas.u[ys, xs], canvas.v[ys, xs]
    best = np.full(u.shape, F(1e9))
    inside = np.zeros(u.shape, dtype=bool)
    p = np.asarray(points, dtype=F)
    for (ax, ay), (bx, by) in zip(p, np.roll(p, -1, axis=0)):
        ex, ey = bx - ax, by - ay
        length = ex * ex + ey * ey
        if length == 0:
            continue
        t = np.clip(((u - ax) * ex + (v - ay) * ey) / length, 0, 1)
        du, dv = u - ax - t * ex, v - ay - t * ey
        np.minimum(best, du * du + dv * dv, out=best)
        cross = (ay > v) != (by > v)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= cross & (u < ex * (v - ay) / (ey if ey else F(1e-9)) + ax)
    return np.where(inside, 1, -1).astype(F) * np.sqrt(best)


class Strokes:
    """A layer of brush strokes: coverage and colour, composited at once."""

    def __init__(self, canvas):
        self.canvas = canvas
        n = canvas.w * canvas.h
        self.sum = np.zeros((4, n))

    def add(self, paths, colours, width, alpha):
        """Splats strokes.

        paths (N, M, 2) in units, colours (N, M, 3), width (N, M) in units,
        alpha (N, M). Strokes of one call blend where they cross.
        """
        cv = self.canvas
        n, m = paths.shape[:2]
        px = cv.pixels(paths)
        length = np.hypot(*np.moveaxis(np.diff(px, axis=1), -1, 0)).sum(axis=1)
        count = int(np.clip(np.percentile(length, 98) / 0.7, 3, 2400))
        t = np.linspace(0, m - 1, count)
        i = np.minimum(t.astype(int), m - 2)
        f = (t - i)[None, :, None]
        pick = lambda q: q[:, i] * (1 - f) + q[:, i + 1] * f
        pos, col = pick(px), pick(colours)
        both = pick(np.stack([np.broadcast_to(width, (n, m)) * cv.unit,
                              np.broadcast_to(alpha, (n, m))], axis=-1))
        # Thinner than a pixel: keep the width, lower the coverage.
        wide = np.maximum(both[..., 0], 0.9)
        cover = both[..., 1] * np.minimum(both[..., 0] / 0.9, 1)
        step = np.gradient(pos, axis=1)
        pace = np.hypot(step[..., 0], step[..., 1]) + 1e-9
        side = np.stack([-step[..., 1], step[..., 0]], -1) / pace[..., None]
        rows = max(1, int(np.ceil(wide.max() / 0.75)))
        for k in range(rows):
            offset = ((k + 0.5) / rows - 0.5) * wide
            weight = cover * pace * wide / rows
            self._splat(pos + side * offset[..., None], col, weight)

    def _splat(self, pos, col, weight):
        """Adds points to their nearest pixels (supersampling smooths them)."""
        cv = self.canvas
        x = np.floor(pos[..., 0]).astype(np.int32).ravel()
        y = np.floor(pos[..., 1]).astype(np.int32).ravel()
        k = weight.ravel()
        ok = (x >= 0) & (x < cv.w) & (y >= 0) & (y < cv.h) & (k > 0)
        at, k = (y[ok] * cv.w + x[ok]), k[ok]
        if len(at) == 0:
            return
        low = at.min()
        at -= low
        size = int(at.max()) + 1
        part = slice(low, low + size)
        for plane in range(3):
            self.sum[plane, part] += np.bincount(at, k * col[..., plane].ravel()[ok], size)
        self.sum[3, part] += np.bincount(at, k, size)

    def image(self):
        """(colour (h, w, 3), coverage (h, w))."""
        cv = self.canvas
        d = self.sum[3]
        colour = (self.sum[:3] / np.maximum(d, 1e-6)).T.reshape(cv.h, cv.w, 3)
        cover = 1 - np.exp(-1.5 * d.reshape(cv.h, cv.w))
        return colour.astype(F), cover.astype(F)


def to_srgb(linear):
    """Linear 0…1 to sRGB 0…1 (IEC 61966-2-1)."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92,
                    1.055 * np.power(np.maximum(x, 1e-8), 1 / 2.4) - 0.055)


def from_srgb(rgb):
    """sRGB bytes (0…255, any shape) to linear float32."""
    x = np.asarray(rgb, dtype=np.float64) / 255
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return y.astype(F)
