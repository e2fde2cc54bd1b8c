# SPDX-License-Identifier: MPL-2.0
"""The invented people: proportions, colours, hair."""

from dataclasses import dataclass

import eyes
import hair
import skin
from shape import Face


@dataclass
class Person:
    """All that tells one portrait from another."""

    face: Face
    skin: skin.Complexion
    gaze: eyes.Gaze
    tone: hair.Tone
    behind: list          # sheets of hair behind the neck
    front: list           # sheets in front, back to front
    cloth: tuple = (62, 92, 100)
    near: tuple = (150, 152, 148)
    far: tuple = (92, 104, 112)
    neckline: tuple = (2.80, 0.70)
    ears: float = 1.0
    exposure: float = 1.0


def _mirror(guide):
    return [(-u, v) for u, v in guide]


def _long(crown, flare):
    """A guide's way from ear level down over the shoulder."""
    end = crown[-1][0]
    return crown + [(end + 0.01, 0.75 + flare), (end - 0.03, 1.35),
                    (end - 0.06, 2.05), (end + 0.02, 2.75), (end + 0.16, 3.35 + flare)]


def _side_parting():
    """Long hair, parted at the viewer's right, tucked behind the ears."""
    left = [
        [(-0.88, -0.72), (-0.96, -0.55), (-1.04, -0.30), (-1.09, 0.00), (-1.15, 0.36)],
        [(-0.71, -1.00), (-0.89, -0.87), (-1.06, -0.55), (-1.17, -0.12), (-1.24, 0.36)],
        [(-0.40, -1.18), (-0.69, -1.15), (-1.01, -0.86), (-1.22, -0.34), (-1.30, 0.30)],
        [(0.00, -1.24), (-0.36, -1.30), (-0.81, -1.14), (-1.16, -0.66), (-1.33, 0.22)],
        [(0.310, -1.25), (-0.10, -1.42), (-0.66, -1.36), (-1.12, -0.90), (-1.37, 0.15)],
        [(0.300, -1.50), (-0.15, -1.69), (-0.71, -1.54), (-1.17, -1.02), (-1.40, 0.10)],
        [(0.280, -1.885), (-0.10, -1.91), (-0.71, -1.70), (-1.20, -1.12), (-1.43, 0.10)]]
    right = [
        [(0.88, -0.73), (0.96, -0.56), (1.04, -0.30), (1.09, 0.00), (1.155, 0.36)],
        [(0.71, -1.01), (0.90, -0.89), (1.07, -0.55), (1.17, -0.12), (1.25, 0.36)],
        [(0.48, -1.18), (0.74, -1.16), (1.03, -0.86), (1.25, -0.34), (1.35, 0.30)],
        [(0.29, -1.25), (0.60, -1.34), (1.00, -1.05), (1.26, -0.50), (1.34, 0.22)],
        [(0.275, -1.50), (0.62, -1.58), (1.10, -1.18), (1.34, -0.55), (1.38, 0.15)],
        [(0.240, -1.885), (0.60, -1.82), (1.15, -1.36), (1.40, -0.60), (1.42, 0.15)]]
    left = [_long(g, 0.03 * k) for k, g in enumerate(left)]
    right = [[(-u, v) for u, v in _long([(-a, b) for a, b in g], 0.03 * k)]
             for k, g in enumerate(right)]
    return left, right


def first():
    """A woman of about thirty with brown hair."""
    left, right = _side_parting()
    back = [[(0.95, -0.9), (1.05, 0.0), (1.0, 1.2), (1.05, 3.3)],
            [(0.6, -0.9), (0.75, 0.2), (0.75, 1.4), (0.8, 3.3)],
            [(0.1, -0.9), (0.3, 0.4), (0.4, 1.5), (0.5, 3.3)]]
    sheet = dict(strands=2600, locks=26, base=0.05, shade=0.35, wave=0.03)
    return Person(
        face=Face(), skin=skin.Complexion(), gaze=eyes.Gaze(), tone=hair.Tone(),
        behind=[hair.Sheet([[(1.3, -0.9), (1.4, 0.0), (1.3, 1.2), (1.35, 3.3)]] + back, **sheet),
                hair.Sheet([[(-1.3, -0.9), (-1.4, 0.0), (-1.3, 1.2), (-1.35, 3.3)]]
                           + [_mirror(g) for g in back], **sheet)],
        front=[hair.Sheet(right, strands=6000, locks=64, brow=3),
               hair.Sheet(left, strands=7000, locks=72)])


def _cropped():
    """Guides of short hair, from the hairline outwards, left to right."""
    right = [[(0.30, -1.24), (0.34, -1.55), (0.38, -1.80)],
             [(0.58, -1.17), (0.70, -1.42), (0.78, -1.60)],
             [(0.78, -0.98), (0.94, -1.12), (1.03, -1.20)],
             [(0.83, -0.70), (1.01, -0.78), (1.09, -0.82)],
             [(0.92, -0.40), (1.04, -0.43), (1.10, -0.45)],
             [(0.98, -0.12), (1.05, -0.12), (1.08, -0.12)],
             [(1.00, 0.10), (1.04, 0.12), (1.06, 0.14)]]
    middle = [[(0.0, -1.26), (0.0, -1.60), (0.0, -1.86)]]
    return [_mirror(g) for g in right[::-1]] + middle + right


def second():
    """A man of about sixty with cropped grey hair and a short beard."""
    face = Face(jaw=1.10, chin=-0.01, eye_open=0.98, mouth_width=0.42, upper_lip=1.25,
                lower_lip=1.14, nose_width=1.22, nose_bridge=0.92, brow_weight=1.30,
                brow_drop=0.035, brow_arch=0.62, neck=1.17, age=0.75)
    tint = skin.Complexion(skin=(150, 103, 76), blush=(142, 82, 64), lips=(134, 76, 66),
                           shade=(100, 64, 52), freckles=0.0, stubble=0.8,
                           stubble_colour=(58, 54, 52), shine=0.9)
    gaze = eyes.Gaze(iris=(58, 38, 26), iris_inner=(86, 54, 32), ring=(18, 13, 11),
                     brow=(62, 54, 50), lash_length=0.7, liner=0.55, white=0.60, rim=(150, 96, 80))
    tone = hair.Tone(root=(0.020, 0.018, 0.017), length=(0.055, 0.052, 0.050),
                     sheen=(0.16, 0.155, 0.15), depth=(0.09, 0.08, 0.07), grey=0.34)
    return Person(
        face=face, skin=tint, gaze=gaze, tone=tone, behind=[],
        front=[hair.Sheet(_cropped(), strands=26000, locks=900, short=0.17, wave=0.0,
                          stray=0.02, width=0.0052, base=0.02, spread=0.4, brow=16)],
        neckline=(2.72, 0.78), cloth=(92, 58, 52), near=(168, 158, 142), far=(104, 98, 92), exposure=1.12)


PEOPLE = {"first": first, "second": second}
