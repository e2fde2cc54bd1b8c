# SPDX-License-Identifier: MPL-2.0
"""Paints the built-in portrait and writes its landmarks.

    python3 assets/paint/paint.py --seed 7 \
        --out assets/portrait.png --landmarks assets/portrait.json

Needs numpy and Pillow. The same seed gives the same picture.
"""

import argparse
import json

import numpy as np
from PIL import Image

import eyes
import hair
import light
import people
import relief
import scene
import skin
from canvas import Canvas, F, blur, mix, resize, smoothstep, to_srgb

WIDTH, HEIGHT, IOD, EYE_Y = 1024, 1280, 215.0, 520.0


def over(out, rgb, cover):
    """Lays a colour over the picture."""
    out += (rgb - out) * cover[..., None]


class Painting:
    """One portrait in the making; each step paints over the ones before."""

    def __init__(self, canvas, person, seed):
        self.canvas, self.person = canvas, person
        self.seed = seed
        self.head, r = relief.head(canvas, person.face)
        edge = 1.0 / canvas.unit
        self.face_mask = smoothstep(1.0 + edge, 1.0 - 1.6 * edge, r)
        self.ear, self.ear_mask = scene.ears(canvas)
        self.neck, half = relief.bust(canvas, person.face)
        side = half - np.abs(canvas.u)
        self.neck_mask = smoothstep(-edge, edge, side) * smoothstep(0.6, 0.7, canvas.v)
        self.cloth, self.cloth_mask, self.grain, self.below = scene.clothing(
            canvas, self.rng("cloth"), person.neckline)

    def rng(self, name):
        """An own stream of random numbers per step, so steps stay apart."""
        return np.random.default_rng([self.seed, *name.encode()])

    def run(self):
        """Paints everything; linear light (h, w, 3)."""
        c, p = self.canvas, self.person
        out = scene.backdrop(c, self.rng("backdrop"), p.near, p.far)
        for sheet in p.behind:
            self._sheet(out, sheet, "behind", 1)
        form = np.maximum(np.where(self.face_mask > 0.5, self.head, F(-3)),
                          np.where(self.cloth_mask > 0.5, self.cloth,
                                   np.where(self.neck_mask > 0.5, self.neck, F(-3))))
        lit = light.cast_shadow(c, form)
        hair_layers = [list(hair.layers(c, s, self.rng(f"hair{k}"), p.tone))
                       for k, s in enumerate(p.front)]
        lit = lit * self._hair_shadow(hair_layers)
        albedo = skin.colour(c, p.face, p.skin, self.rng("skin"))
        self._neck(out, albedo, lit)
        self._clothes(out, lit)
        self._ears(out, albedo, lit * F(0.8))
        self._face(out, albedo, lit, form)
        # Long hair falls behind the cheeks; cropped hair grows on the head.
        keep = 1 - self.face_mask * smoothstep(-0.34, -0.20, c.v) * F(bool(p.behind))
        for sheet in hair_layers:
            for rgb, cover in sheet:
                over(out, rgb, cover * keep)
        for k, sheet in enumerate(p.front):
            rgb, cover = hair.hairline(c, sheet, self.rng(f"edge{k}"), p.tone)
            over(out, rgb, cover * keep)
            rgb, cover = hair.flyaway(c, sheet, self.rng(f"loose{k}"), p.tone)
            over(out, rgb, cover * keep)
        return self._finish(out)

    def _sheet(self, out, sheet, name, keep):
        for rgb, cover in hair.layers(self.canvas, sheet, self.rng(name), self.person.tone):
            over(out, rgb, cover * keep)

    def _hair_shadow(self, hair_layers):
        """Light left where hair hangs between the skin and the key."""
        c = self.canvas
        cover = np.zeros((c.h, c.w), dtype=F)
        for sheet in hair_layers:
            for _, a in sheet:
                np.maximum(cover, a, out=cover)
        lit = np.ones_like(cover)
        for dist, size, weight in ((0.035, 0.03, 0.45), (0.10, 0.07, 0.35)):
            dx, dy = (int(round(-light.KEY[i] * dist * c.unit)) for i in (0, 1))
            moved = np.roll(cover, (dy, dx), axis=(0, 1))
            lit *= 1 - F(weight) * blur(moved, size * c.unit)
        return lit

    def _neck(self, out, albedo, lit):
        c = self.canvas
        under = smoothstep(2.35, 1.55, c.v)
        low = lit * (1 - F(0.50) * under)
        rgb = skin.shade(c, np.where(self.neck_mask > 0.01, self.neck, F(-0.9)), albedo,
                         self.neck_mask, low, self.rng("neck"), self.person.skin, mounds=False)
        # The chin keeps the sky from the upper neck.
        jaw = np.roll(self.face_mask, (round(0.16 * c.unit), round(0.05 * c.unit)), axis=(0, 1))
        jaw = np.maximum(blur(jaw, 0.05 * c.unit), blur(self.face_mask, 0.06 * c.unit))
        aside = smoothstep(0.30, 0.60, np.abs(c.u)) * smoothstep(2.6, 2.2, c.v)
        rgb = rgb * ((1 - F(0.25) * under) * (1 - F(0.55 if self.person.behind else 0.15) * aside))[..., None]
        rgb = rgb * (1 - jaw[..., None] * np.array((0.56, 0.64, 0.66), dtype=F))
        rgb = rgb * (1 - F(0.35) * np.exp(-np.clip(-self.below, 0, None) / F(0.035)))[..., None]
        over(out, rgb, self.neck_mask)

    def _clothes(self, out, lit):
        c, p = self.canvas, self.person
        rgb = scene.cloth_shade(c, self.cloth, self.grain, p.cloth, lit, self.rng("wool"))
        over(out, rgb, self.cloth_mask)

    def _ears(self, out, albedo, lit):
        c, p = self.canvas, self.person
        z = np.where(self.ear_mask > 0.01, self.ear, F(0.05))
        rgb = skin.shade(c, z, albedo, np.maximum(self.ear_mask, F(1e-3)), lit,
                         self.rng("ear"), p.skin, mounds=False)
        over(out, rgb * F(0.80), self.ear_mask * p.ears)

    def _face(self, out, albedo, lit, form):
        c, p = self.canvas, self.person
        albedo = albedo.copy()
        scalp = smoothstep(-1.17, -1.27, c.v + F(0.10) * np.square(c.u))
        albedo = mix(albedo, np.array(p.tone.root, dtype=F) * F(2.0), scalp * F(0.85))
        wet, seam = skin.paint_lips(c, p.face, p.skin, self.rng("lips"), albedo)
        z = np.where(self.face_mask > 0, self.head, F(-0.2))
        rgb = skin.shade(c, z, albedo, np.maximum(self.face_mask, F(1e-3)), lit,
                         self.rng("pores"), p.skin, wet=wet)
        rgb *= 1 - seam[..., None] * np.array((0.74, 0.84, 0.84), dtype=F)
        holes = skin.nostrils(c, p.face)
        rgb *= 1 - holes[..., None] * np.array((0.80, 0.88, 0.90), dtype=F)
        eyes.paint(c, p.face, p.gaze, self.rng("eyes"), rgb)
        over(out, rgb, self.face_mask)

    def _finish(self, out):
        """Exposure, a soft shoulder for highlights, a breath of vignette."""
        c = self.canvas
        far = np.square(c.u / F(3.1)) + np.square((c.v - F(0.5)) / F(3.9))
        out = out * (1 - F(0.22) * smoothstep(0.25, 1.3, far))[..., None]
        bloom = np.clip(out - F(0.62), 0, 1)
        out = out + F(0.10) * blur(bloom, 0.05 * c.unit)
        x = np.clip(out * F(self.person.exposure), 0, None)
        return np.where(x < 0.55, x, 0.55 + 0.45 * np.tanh((x - 0.55) / 0.45))


def picture(person, seed, scale, supersample):
    """The finished portrait as bytes (h, w, 3)."""
    canvas = Canvas(WIDTH, HEIGHT, IOD, EYE_Y, scale * supersample)
    linear = Painting(canvas, person, seed).run()
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    small = resize(linear.astype(F), *size, Image.Resampling.BOX)
    rng = np.random.default_rng([seed, 99])
    dither = rng.uniform(-0.5, 0.5, small.shape[:2])[..., None]
    return np.clip(np.rint(to_srgb(small) * 255 + dither * 0.8), 0, 255).astype(np.uint8)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--person", choices=sorted(people.PEOPLE), default="first")
    parser.add_argument("--out", default="assets/portrait.png")
    parser.add_argument("--landmarks", default="assets/portrait.json")
    parser.add_argument("--scale", type=float, default=1.0, help="size of a draft")
    parser.add_argument("--supersample", type=float, default=2.0)
    args = parser.parse_args()
    if args.seed < 0:
        parser.error("--seed must not be negative")
    if not (0.1 <= args.scale <= 4 and 0.5 <= args.supersample <= 4):
        parser.error("--scale takes 0.1 to 4, --supersample 0.5 to 4")
    person = people.PEOPLE[args.person]()
    rgb = picture(person, args.seed, args.scale, args.supersample)
    Image.fromarray(rgb).save(args.out, optimize=True)
    canvas = Canvas(WIDTH, HEIGHT, IOD, EYE_Y, args.scale)
    points = canvas.pixels(person.face.landmarks())
    document = {"landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in points],
                "width": rgb.shape[1], "height": rgb.shape[0]}
    with open(args.landmarks, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.write("\n")


if __name__ == "__main__":
    main()
