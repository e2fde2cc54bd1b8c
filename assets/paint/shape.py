# SPDX-License-Identifier: MPL-2.0
"""The lines of the face: outline, lids, brows, nose, lips, landmarks.

Lines are written for the viewer's right half (u > 0) and mirrored. Both the
painting and the landmarks read them, so the landmarks are exact.
"""

from dataclasses import dataclass, field

import numpy as np

from canvas import Spline, curve

# Outline of skull and jaw from the crown (top) to the chin.
OUTLINE = [(0.0, -1.76), (0.44, -1.68), (0.78, -1.40), (0.99, -0.95),
           (1.045, -0.45), (1.045, 0.0), (1.025, 0.35), (0.97, 0.68),
           (0.88, 0.98), (0.755, 1.23), (0.585, 1.45), (0.39, 1.63),
           (0.195, 1.735), (0.0, 1.765)]
CENTRE = (0.0, 0.1)
INNER_CORNER, OUTER_CORNER = (0.285, 0.032), (0.712, -0.012)


@dataclass
class Face:
    """Proportions, in eye distances; the defaults are a young woman's."""

    jaw: float = 1.0          # width of the lower face
    chin: float = -0.055        # chin lower by this
    eye_open: float = 1.07     # height of the lid opening
    mouth_width: float = 0.41
    upper_lip: float = 1.0    # fullness
    lower_lip: float = 1.0
    mouth_v: float = 1.10     # height of the lip line
    nose_width: float = 1.0
    nose_bridge: float = 1.0  # height of the ridge
    brow_weight: float = 1.0
    brow_drop: float = 0.0
    brow_arch: float = 1.0
    neck: float = 1.0         # width of the neck
    age: float = 0.0          # 0 smooth … 1 lined
    outline: np.ndarray = field(init=False)

    def __post_init__(self):
        half = []
        for u, v in OUTLINE:
            low = np.clip((v - 0.4) / 1.0, 0, 1)
            half.append((u * (1 + (self.jaw - 1) * low), v + self.chin * low))
        right = np.array(half)
        ring = np.concatenate([right, right[-2:0:-1] * [-1, 1]])
        # Three turns, so that the middle one is smooth through its ends.
        dense = curve(np.concatenate([ring, ring, ring, ring[:1]]), 3 * 1440 + 1)
        self.outline = dense[1440:2880]
        d = self.outline - CENTRE
        angle = np.arctan2(d[:, 1], d[:, 0])
        order = np.argsort(angle)
        self._angle, self._radius = angle[order], np.hypot(*d.T)[order]
        self._lips()

    def radius(self, angle):
        """Distance from the centre to the outline at an angle (radians)."""
        return np.interp(angle, self._angle, self._radius,
                         period=2 * np.pi).astype(np.float32)

    # Lids ---------------------------------------------------------------

    def lid(self, e, upper):
        """v of a lid's edge at distance e = |u| from the middle line."""
        (ui, vi), (uo, vo) = INNER_CORNER, OUTER_CORNER
        t = np.clip((e - ui) / (uo - ui), 0, 1)
        base = vi + (vo - vi) * t
        if upper:
            arch = np.power(4 * t * (1 - t), 0.72) * (1 + 0.16 * (0.5 - t))
            return base - 0.108 * self.eye_open * arch
        arch = np.power(4 * t * (1 - t), 0.85) * (1 + 0.35 * (t - 0.5))
        return base + 0.058 * arch

    def crease(self, e):
        """v of the upper lid's fold."""
        (ui, vi), (uo, vo) = INNER_CORNER, OUTER_CORNER
        t = np.clip((e - ui + 0.03) / (uo + 0.05 - ui + 0.03), 0, 1)
        arch = np.power(4 * t * (1 - t), 0.62)
        return vi - 0.035 + (vo - vi) * t - 0.138 * arch

    # Brows --------------------------------------------------------------

    def brow(self, count=64):
        """Middle line of the right brow from the nose outwards."""
        d = self.brow_drop
        rise = [d - 0.290 + self.brow_arch * k
                for k in (0.028, -0.035, -0.082, -0.055, 0.045)]
        return curve(list(zip((0.190, 0.36, 0.57, 0.755, 0.905), rise)), count)

    # Lips ---------------------------------------------------------------

    def _lips(self):
        m, a, b = self.mouth_v, self.upper_lip, self.lower_lip
        k = [0, 0.12, 0.24, 0.45, 0.65, 0.85, 1.0]
        self.lip_line = Spline(k, m + np.array(
            [0.010, 0.006, -0.003, -0.004, -0.004, -0.014, -0.032]))
        self.lip_top = Spline(k, m + a * np.array(
            [-0.112, -0.126, -0.136, -0.112, -0.078, -0.050, -0.032 / a]))
        self.lip_bottom = Spline(k, m + b * np.array(
            [0.176, 0.174, 0.165, 0.136, 0.096, 0.033, -0.032 / b]))

    # Landmarks ----------------------------------------------------------

    def landmarks(self):
        """68 points (u, v) in the order of iBUG 300-W."""
        points = self._jaw()
        dense = self.brow(201)
        # The annotators of 300-W follow the upper edge of the hair.
        lift = np.interp(np.linspace(0, 1, 201), [0, 0.5, 1], [0.02, 0.03, 0.008])
        dense = dense - np.stack([np.zeros(201), lift], -1)
        brow = dense[[4, 50, 102, 152, 196]]
        points += [(-u, v) for u, v in brow[::-1]] + [(u, v) for u, v in brow]
        points += [(0, v) for v in (-0.03, 0.165, 0.36, 0.555)]
        w = self.nose_width
        base = [(0.205 * w, 0.69), (0.105 * w, 0.732), (0.0, 0.76)]
        points += [(-u, v) for u, v in base] + base[1::-1]
        points += self._eyes()
        points += self._mouth()
        return np.array(points, dtype=np.float64)

    def _jaw(self):
        right = self.outline[self.outline[:, 0] >= 0]
        right = right[np.argsort(right[:, 1])]
        right = right[right[:, 1] >= -0.10]
        s = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(right, axis=0).T))])
        at = np.linspace(0, s[-1], 9)
        u, v = np.interp(at, s, right[:, 0]), np.interp(at, s, right[:, 1])
        u[-1] = 0
        side = list(zip(u, v))
        return [(-a, b) for a, b in side] + side[-2::-1]

    def _eyes(self):
        (ui, vi), (uo, vo) = INNER_CORNER, OUTER_CORNER
        at = lambda t: ui + (uo - ui) * t
        up = [(at(t), float(self.lid(at(t), True))) for t in (0.32, 0.69)]
        low = [(at(t), float(self.lid(at(t), False))) for t in (0.34, 0.70)]
        left = [(-uo, vo), (-up[1][0], up[1][1]), (-up[0][0], up[0][1]),
                (-ui, vi), (-low[0][0], low[0][1]), (-low[1][0], low[1][1])]
        right = [(ui, vi), up[0], up[1], (uo, vo), low[1], low[0]]
        return left + right

    def _mouth(self):
        w = self.mouth_width
        point = lambda line, s: (s * w, float(line(abs(s))))
        top = [point(self.lip_top, s) for s in (-0.64, -0.25, 0, 0.25, 0.64)]
        low = [point(self.lip_bottom, s) for s in (0.64, 0.3, 0, -0.3, -0.64)]
        seam = [point(self.lip_line, s)
                for s in (-0.86, -0.3, 0, 0.3, 0.86, 0.3, 0, -0.3)]
        return ([point(self.lip_line, -1)] + top + [point(self.lip_line, 1)]
                + low + seam)
