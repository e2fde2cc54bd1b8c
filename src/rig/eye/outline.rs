// SPDX-License-Identifier: MPL-2.0
//! Drawn eyes are often larger than a person's, and their landmarks lie within them: the white of
//! the eye shows how far they reach.

use super::{Around, Eye, arch};
use crate::rig::space::V2;

/// The landmarks are right where less than this part of the white lies beyond them.
const BEYOND: f32 = 0.12;
/// So far beyond the landmarks' outline white still counts as within, IOD: half a lid's rim.
const SLACK: f32 = 0.025;
/// White is followed so far beyond the landmarks' corners, half-widths.
const FURTHEST: f32 = 1.6;
/// An eye is no wider than its landmarks by more than this factor, and no higher than so many of its
/// widths.
const WIDEST: f32 = 1.25;
const HIGHEST: f32 = 0.8;
/// An outline is fitted to what it must not cut off: a point outside counts so many times as much
/// as one within, and the fit is made so often, as which points lie outside changes with it.
const OUTSIDE: f32 = 12.0;
const FITS: usize = 6;
/// How many places across the eye an outline is fitted to.
const COLUMNS: usize = 48;
/// Where an outline's two points of each lid lie, half-widths.
const LID_AT: f32 = 1.0 / 3.0;

impl Eye {
    /// Where much of the white lies beyond the landmarks of both eyes, takes its outline for
    /// theirs: one eye alone may have pale skin or a reflection beside it.
    pub(super) fn follow_white(eyes: &mut [Eye; 2], around: impl Fn(&Eye) -> Around) {
        let white = eyes.each_ref().map(|eye| eye.white_nodes(&around(eye)));
        let large = |(eye, white): (&Eye, &Vec<V2>)| {
            let beyond = white.iter().filter(|p| !eye.holds(**p)).count();
            beyond as f32 > BEYOND * white.len() as f32
        };
        if !eyes.iter().zip(&white).all(large) {
            return;
        }
        let mut found = eyes.clone();
        for (eye, white) in found.iter_mut().zip(&white) {
            eye.enclose(white);
        }
        if eyes
            .iter()
            .zip(&found)
            .all(|(own, found)| own.may_be(found))
        {
            *eyes = found;
        }
    }

    /// Whether an outline may be this eye's: light in a pair of glasses is pale as well.
    fn may_be(&self, found: &Eye) -> bool {
        let opening = found.span.1 - found.span.0;
        found.half_width < WIDEST * self.half_width && opening < HIGHEST * found.width()
    }

    /// Moves the corners and the lids out to where those places end, which are some.
    fn enclose(&mut self, white: &[V2]) {
        let [left, right] = [-1.0, 1.0].map(|side| {
            let corner = V2::new(side * self.half_width, 0.0);
            let further = |a: V2, b: &V2| if side * b.x > side * a.x { *b } else { a };
            white.iter().fold(corner, further)
        });
        let white: Vec<V2> = white.iter().map(|p| self.to_face(*p)).collect();
        self.move_corners(left, right);
        let white: Vec<V2> = white.iter().map(|p| self.to_local(*p)).collect();
        let [upper, lower] = [-1.0, 1.0].map(|side| self.edge(&white, side));
        for (lid, (s, edge)) in self.lids.iter_mut().zip([
            (-LID_AT, upper),
            (LID_AT, upper),
            (-LID_AT, lower),
            (LID_AT, lower),
        ]) {
            let [high, leaning] = arch(s);
            *lid = (s * self.half_width, edge[0] * high + edge[1] * leaning);
        }
        self.curves();
    }

    /// Whether a point lies within the outline, or hardly outside.
    fn holds(&self, p: V2) -> bool {
        p.x.abs() < self.half_width + SLACK
            && p.y > self.upper.at(p.x) - SLACK
            && p.y < self.lower.at(p.x) + SLACK
    }

    /// The places that are as pale as the white of an eye and hang together with the outline's
    /// inside.
    fn white_nodes(&self, around: &Around) -> Vec<V2> {
        let (cols, white) = around.whites();
        let mut open: Vec<usize> = (0..white.len())
            .filter(|&i| {
                let p = around.place(i);
                white[i] && p.y > self.upper.at(p.x) && p.y < self.lower.at(p.x)
            })
            .collect();
        let mut seen = vec![false; white.len()];
        let mut found = Vec::new();
        while let Some(i) = open.pop() {
            if std::mem::replace(&mut seen[i], true) {
                continue;
            }
            let p = around.place(i);
            if p.x.abs() > FURTHEST * self.half_width {
                continue;
            }
            found.push(p);
            let (col, rows) = (i % cols, white.len() / cols);
            let next = [
                (col > 0).then(|| i - 1),
                (col + 1 < cols).then(|| i + 1),
                i.checked_sub(cols),
                (i / cols + 1 < rows).then(|| i + cols),
            ];
            open.extend(next.into_iter().flatten().filter(|&n| white[n] && !seen[n]));
        }
        found
    }

    /// The arch (how high, how much it leans) that bounds the places above (−1) or below (1).
    fn edge(&self, places: &[V2], side: f32) -> [f32; 2] {
        let mut ends = [f32::MIN; COLUMNS];
        for p in places {
            let s = p.x / self.half_width;
            let column = ((s * 0.5 + 0.5) * COLUMNS as f32) as usize;
            let column = column.min(COLUMNS - 1);
            if s.abs() < 1.0 {
                ends[column] = ends[column].max(side * p.y);
            }
        }
        let shape = |column: usize| arch((column as f32 + 0.5) / COLUMNS as f32 * 2.0 - 1.0);
        let mut fitted = [0.0f32; 2];
        for _ in 0..FITS {
            let (mut aa, mut ab, mut bb, mut ay, mut by) = (1e-6, 0.0, 1e-6, 0.0, 0.0);
            for (column, &end) in ends.iter().enumerate().filter(|(_, e)| **e > f32::MIN) {
                let [a, b] = shape(column);
                let out = end > fitted[0] * a + fitted[1] * b;
                let weight = if out { OUTSIDE } else { 1.0 };
                aa += weight * a * a;
                ab += weight * a * b;
                bb += weight * b * b;
                ay += weight * a * end;
                by += weight * b * end;
            }
            let scale = 1.0 / (aa * bb - ab * ab).max(1e-9);
            fitted = [(ay * bb - by * ab) * scale, (by * aa - ay * ab) * scale];
        }
        fitted.map(|v| side * v)
    }
}
